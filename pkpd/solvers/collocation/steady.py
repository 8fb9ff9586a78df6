"""Periodic steady state by collocation: no simulated days, one pass over the blocks of a model.

The states of a pharmacological model form a cascade of small blocks. On panels of one dosing
interval that are graded towards each dose, a block is solved at Radau IIA nodes; along the panels
its end is an affine map of its start, whose fixed point is the periodic start. A block that is not
linear in its own states is linearised about its nodes until these stay (Newton's method over the
whole interval). All of it is done on a mesh and on one of half its panels; what they differ by
bounds the error. Rows with too large an error have more panels; what does not get there is left to
the steps of `periodic`. Knows rows, blocks and panels; knows nothing of drugs or benefits.
"""

import numpy as np

from pkpd.dosing.actions import ADD
from pkpd.solvers.batch import run_tasks, scratch
from pkpd.solvers.collocation.nodes import (
    EASY,
    LADDER,
    at_places,
    days_panels,
    interval_start,
    panels,
    refinement,
)
from pkpd.solvers.collocation.source import MOST_PANELS
from pkpd.solvers.status import OK

# share of what is near that an integral keeps away from its edge, on the coarser and the finer mesh
CLOSE = (0.005, 0.0)
LAST = 0.1  # share of the tolerance by which Newton's method may err


def steady_states(
    module, theta, person, actions, period, result, *, tol, threads, watch=False, guesses=None
):
    """Fill `result`, a PeriodicSolution, in the rows that are solved; the others stay as they are.

    watch : whether extremes are wanted, too
    guesses : (N, S) states that Newton's method begins with (default: those the model starts from)

    Shapes and units are those of pkpd.solvers.periodic.periodic. A row's numbers depend on the row
    alone.
    """
    count, plain = np.diff(actions.start), _only_doses(module, actions, period)
    for each in np.unique(count[plain]):
        rows = np.flatnonzero(plain & (count == each))
        numerics = {"tol": tol, "threads": threads, "watch": watch, "guesses": guesses}
        _climb(module, theta, person, actions, period, rows, each, result, **numerics)


def is_unique(module):
    """Whether all blocks are linear in their own states, so that a steady state is the only one."""
    return bool((module.PLAN[:, module.LINEAR] == 1).all())


def _climb(
    module, theta, person, actions, period, rows, doses, result, *, tol, threads, watch, guesses
):
    """Attempts with more and more panels for rows that have the same number of doses."""
    # extremes of the polynomials need more panels than the states
    for coarse in _ladder(tol)[2 if watch else 0 :]:
        if not len(rows) or 3 * doses * coarse > MOST_PANELS:
            return
        solved = _attempt(
            module,
            theta,
            person[rows],
            actions.take(rows),
            period[rows],
            rows,
            coarse,
            result,
            tol=tol,
            settled=LAST * tol,
            guesses=np.empty((0, module.STATES)) if guesses is None else guesses[rows],
            threads=threads,
            watch=watch,
        )
        result.maps[rows[solved]], result.status[rows[solved]] = 1, OK
        rows = rows[~solved]


def _ladder(tol):
    """Panels between two doses to begin with, and to go on with."""
    return LADDER[sum(tol < easy for easy in EASY) :]


def _only_doses(module, actions, period):
    """(N,) whether a row has nothing but doses, and at least one, in [0, period)."""
    row = actions.rows()
    plain = (actions.kind == ADD) & (actions.time >= 0.0) & (actions.time < period[row])
    plain &= np.isin(actions.state, module.DOSED)
    good = np.diff(actions.start) > 0
    good[row[~plain]] = False
    return good


def _attempt(
    module,
    theta,
    person,
    actions,
    period,
    rows,
    coarse,
    result,
    *,
    tol,
    settled,
    guesses,
    threads,
    watch,
):
    """Rows (N,) of a PeriodicSolution with `coarse` panels between two doses, and twice as many.

    Filled in where the error is at most `tol`, and Newton's method came within `settled`. Returns
    (N,) which are.
    """
    count = len(rows)
    times, amounts, target = _table(module, actions, count)
    # a state that is proportional to the doses is solved once for their shares
    scale = amounts.sum(axis=1)
    shares = (
        np.where(scale[:, None] == 0.0, 1.0, amounts) / np.where(scale == 0.0, 1.0, scale)[:, None]
    )
    same = np.diff(person) == 0
    for part in (period[:, None], times, target, shares):
        same &= (np.diff(part, axis=0) == 0).all(axis=1)
    runs = _longest_first(same)
    first = runs[:, 0]
    times, period, target, shares = times[first], period[first], target[first], shares[first]
    lengths = panels(times, period, coarse)
    opens = 2 * coarse * np.arange(times.shape[1])
    jumps = _jumps(module, lengths, opens, target, shares)
    starts = [interval_start(times, period, count) for count in (2 * coarse, coarse)]
    panel, reading = (np.stack(parts, axis=1) for parts in zip(*starts, strict=True))
    weights, dense = refinement(times.shape[1], coarse), at_places()
    solved, extremes = np.zeros(len(result.y), bool), result.extremes[: None if watch else 0]
    cancel = np.zeros(1, np.int8)

    def task(first, last):
        w = scratch(module.SIZE)
        module.solve(
            first,
            last,
            runs,
            theta,
            person,
            lengths,
            jumps,
            scale,
            weights,
            panel,
            reading,
            settled,
            tol,
            cancel,
            w,
            guesses,
            rows,
            result.y,
            result.integral,
            result.error,
            result.remains,
            solved,
            dense,
            extremes,
        )
        return last - first

    run_tasks(task, len(runs), threads, cancel, None)
    return solved[rows]


def _longest_first(same):
    """(G, 2) first row of each run and the one behind its last. Lanes wait for the longest run
    beside them, so that runs of one length stand together.

    same : (N-1,) whether a row goes on with the run of the one before it
    """
    first = np.append(0, 1 + np.flatnonzero(~same))
    runs = np.stack([first, np.append(first[1:], len(same) + 1)], axis=1).astype(np.int64)
    return runs[np.argsort(runs[:, 0] - runs[:, 1], kind="stable")]


def _table(module, actions, rows):
    """Times, amounts and targets (N, A) of rows that have A doses each."""
    target = np.argmax(actions.state[:, None] == np.array(module.DOSED), axis=1)
    return tuple(each.reshape(rows, -1) for each in (actions.time, actions.amount, target))


def _jumps(module, lengths, opens, target, amounts):
    """(N, T, P) what doses add to each target at the start of each panel.

    lengths : (N, P); opens : (A,) which panel each dose opens; target, amounts : (N, A)
    """
    jumps = np.zeros((len(lengths), len(module.DOSED), lengths.shape[1]))
    for panel, into, amount in zip(opens, target.T, amounts.T, strict=True):
        jumps[np.arange(len(lengths)), into, panel] += amount
    return jumps


def days_to_steady_state(
    module, theta, person, actions, period, y0, steady, near, share, *, most, tol, threads
):
    """As pkpd.solvers.periodic.time_to_steady_state, (N,); NaN in the rows that are left to steps.

    The panels are those of the coarser mesh of the first attempt at `tol`, and one before the first
    dose; of the finer mesh where that fails or cannot tell. What that cannot tell is left, too.
    share : of the way to the steady state, and of the largest value, that may be left
    """
    found = np.full(len(person), np.nan)
    # a constant error of each interval adds up like a geometric series; half of it in reserve
    adds_up = 2.0 / (1.0 - steady.remains)
    wanted = y0, steady.y, steady.integral[:, 0], near, adds_up
    plain, count = _only_doses(module, actions, period), np.diff(actions.start)
    for each in np.unique(count[plain]):
        rows = np.flatnonzero(plain & (count == each))
        # lanes wait for the slowest beside them
        rows = rows[np.argsort(steady.remains[rows], kind="stable")]
        for panels_between, close in zip(_ladder(tol)[0] * np.array([1, 2]), CLOSE, strict=True):
            if not len(rows) or 1 + each * panels_between > MOST_PANELS:
                break
            times, amounts, target = _table(module, actions.take(rows), len(rows))
            lengths = days_panels(times, period[rows], panels_between)
            opens = 1 + panels_between * np.arange(each)
            jumps = _jumps(module, lengths, opens, target, amounts)
            given = theta, person[rows], lengths, jumps, *(part[rows] for part in wanted)
            limits = close, np.array(share), most, LAST * tol
            day, doubtful = _days(module, *given, *limits, threads=threads)
            found[rows] = np.where(doubtful, np.nan, day)
            rows = rows[doubtful | np.isnan(day)]
    return found


def _days(module, theta, person, *given, threads):
    """What `days` of a module finds for its rows: the days and which are doubtful, (N,) each."""
    day, doubtful = np.full(len(person), np.nan), np.ones(len(person), bool)
    cancel = np.zeros(1, np.int8)

    def task(first, last):
        w = scratch(module.SIZE)
        module.days(first, last, theta, person, *given, cancel, w, day, doubtful)
        return last - first

    run_tasks(task, len(person), threads, cancel, None)
    return day, doubtful
