"""Periodic steady state by collocation: no simulated days, one pass over the blocks of a model.

The states of a pharmacological model form a cascade of small blocks. On panels of one dosing
interval that are graded towards each dose, a block is solved at Radau IIA nodes; along the panels
its end is an affine map of its start, whose fixed point is the periodic start. A block that is not
linear in its own states is linearised about its nodes until these stay (Newton's method over the
whole interval). Rows whose estimated error is above the tolerance have more panels; what does not
get there is left to the steps of `periodic`. Knows rows, blocks and panels; knows nothing of drugs
or benefits.
"""

from dataclasses import dataclass, fields

import numpy as np

from pkpd.dosing.actions import ADD
from pkpd.solvers.batch import aligned, run_tasks
from pkpd.solvers.collocation.nodes import EASY, LADDER, panels
from pkpd.solvers.collocation.source import MOST_PANELS
from pkpd.solvers.status import OK

MARGINAL = 1e-9  # a map whose largest eigenvalue is no further below 1 is left to others
ROUNDING = 1e-9  # share of its largest value by which an amount may fall below 0
TINY = 1e-300
TRUSTED = (
    0.1  # difference of two attempts, as a share of the tolerance, that shows the second right
)


def steady_states(module, theta, person, actions, period, result, *, tol, threads):
    """Fill `result`, a PeriodicSolution, in the rows that are solved; the others stay as they are.

    Shapes and units are those of pkpd.solvers.periodic.periodic. A row's numbers depend on the row
    alone.
    """
    count, plain = np.diff(actions.start), _only_doses(module, actions, period)
    for each in np.unique(count[plain]):
        rows = np.flatnonzero(plain & (count == each))
        _climb(module, theta, person, actions, period, rows, result, tol, threads)


def _climb(module, theta, person, actions, period, rows, result, tol, threads):
    """Attempts with more and more panels for rows that have the same number of doses."""
    before = None
    for attempt in range(sum(tol < easy for easy in EASY), len(LADDER)):
        given = person[rows], actions.take(rows), period[rows]
        found = _attempt(module, theta, *given, attempt, threads) if len(rows) else None
        if found is None:
            return
        error = found.error.max(axis=1)
        if before is not None:
            moved = np.abs(found.y - before.y) / np.maximum(found.largest, TINY)
            error = np.minimum(error, moved.max(axis=1) / TRUSTED)
        done = found.sound(module) & (error <= tol)
        which = rows[done]
        result.y[which], result.integral[which] = found.y[done], found.integral[done]
        result.error[which], result.maps[which], result.status[which] = error[done], 1, OK
        rows, before = rows[~done], found.take(~done)


@dataclass(frozen=True)
class Found:
    """What an attempt found for N rows.

    y, largest, smallest, error : (N, S); integral : (N, Q)
    monodromy : (N, M), maps of one interval of all blocks; unsolved : (N,) above 0 where a block's
        nodes did not settle
    """

    y: np.ndarray
    integral: np.ndarray
    largest: np.ndarray
    smallest: np.ndarray
    error: np.ndarray
    monodromy: np.ndarray
    unsolved: np.ndarray

    def take(self, rows):
        return Found(*(getattr(self, f.name)[rows] for f in fields(self)))

    def sound(self, module):
        """(N,) whether a row is a stable steady state in which no amount is below 0."""
        amounts = list(module.AMOUNTS)
        lowest = self.smallest[:, amounts] >= -ROUNDING * self.largest[:, amounts]
        finite = np.isfinite(self.y).all(axis=1) & np.isfinite(self.integral).all(axis=1)
        return (self.unsolved == 0.0) & finite & lowest.all(axis=1) & self._stable(module)

    def _stable(self, module):
        stable, place = np.ones(len(self.y), bool), 0
        for m in module.PLAN[:, 0]:
            maps = self.monodromy[:, place : place + m * m].reshape(-1, m, m)
            stable &= largest_eigenvalue(maps) < 1.0 - MARGINAL
            place += m * m
        return stable


def largest_eigenvalue(maps):
    """(N,) size of the largest eigenvalue of N matrices (N, m, m); infinite where not finite."""
    size, fine = np.full(len(maps), np.inf), np.isfinite(maps).all(axis=(1, 2))
    if maps.shape[1] == 1:
        size[fine] = np.abs(maps[fine, 0, 0])
    elif maps.shape[1] == 2:
        half = 0.5 * (maps[fine, 0, 0] + maps[fine, 1, 1])
        det = maps[fine, 0, 0] * maps[fine, 1, 1] - maps[fine, 0, 1] * maps[fine, 1, 0]
        root = np.sqrt((half * half - det).astype(complex))
        size[fine] = np.maximum(np.abs(half + root), np.abs(half - root))
    else:
        size[fine] = np.abs(np.linalg.eigvals(maps[fine])).max(axis=1, initial=0.0)
    return size


def _only_doses(module, actions, period):
    """(N,) whether a row has nothing but doses, and at least one, in [0, period)."""
    count = np.diff(actions.start)
    row = np.repeat(np.arange(len(count)), count)
    plain = (actions.kind == ADD) & (actions.time >= 0.0) & (actions.time < period[row])
    plain &= np.isin(actions.state, module.DOSED)
    good = count > 0
    good[row[~plain]] = False
    return good


def _attempt(module, theta, person, actions, period, attempt, threads):
    """What an attempt finds, or None where it takes too many panels."""
    rows = len(person)
    times = actions.time.reshape(rows, -1)
    lengths, opens = panels(times, period, attempt)
    count = lengths.shape[1]
    if count > MOST_PANELS:
        return None
    jumps = np.zeros((rows, len(module.DOSED), count))
    target = np.argmax(actions.state[:, None] == np.array(module.DOSED), axis=1).reshape(rows, -1)
    each = np.arange(rows)
    for k, panel in enumerate(opens):
        jumps[each, target[:, k], panel] += actions.amount.reshape(rows, -1)[:, k]
    states = module.STATES

    def unknown(count):
        return np.full((rows, count), np.nan)

    found = Found(
        y=unknown(states),
        integral=unknown(module.INTEGRALS),
        largest=unknown(states),
        smallest=unknown(states),
        error=unknown(states),
        monodromy=unknown(int((module.PLAN[:, 0] ** 2).sum())),
        unsolved=np.ones(rows),
    )
    same = (np.diff(person) == 0) & (np.diff(lengths, axis=0) == 0.0).all(axis=1)
    runs = np.concatenate([[0], 1 + np.flatnonzero(~same), [rows]]).astype(np.int64)
    cancel = np.zeros(1, np.int8)

    def task(first, last):
        w = aligned(np.zeros(module.SIZE + 8))
        module.solve(
            first,
            last,
            runs,
            theta,
            person,
            lengths,
            jumps,
            count,
            cancel,
            w,
            found.y,
            found.integral,
            found.largest,
            found.smallest,
            found.error,
            found.monodromy,
            found.unsolved,
        )
        return last - first

    run_tasks(task, len(runs) - 1, threads, cancel, None)
    return found
