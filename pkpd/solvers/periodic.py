"""Periodic steady state: the start values that one dosing interval maps onto themselves.

A slow patient needs hundreds of simulated days to settle; Anderson acceleration of the one-interval
map finds the same point in about a dozen maps (Walker & Ni 2011, SIAM J. Numer. Anal. 49(4),
1715-1735); a row that it does not settle is handed to Newton's method with a Jacobian by
differences. The map of a linear model is affine: one system of linear equations gives its fixed
point. Every row iterates on its own: its numbers do not depend on its neighbours. Knows maps and
rows; knows nothing of drugs or benefits.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from pkpd.dosing.actions import Actions
from pkpd.errors import PkpdError
from pkpd.limits import tolerance
from pkpd.solvers import status
from pkpd.solvers.anderson import accelerate, memory_of
from pkpd.solvers.batch import Kernel, solve
from pkpd.solvers.collocation.steady import days_to_steady_state, steady_states
from pkpd.solvers.fixed_point import newton
from pkpd.symbolic.inputs_as_states import used

TIGHTEST = 1e-10  # a tolerance below it counts as it

# Acceleration
MOST_MAPS = 100
EXTINCT = 1e-6  # share of a start value that is as good as 0

# Newton's method
SEARCH = 1e-9  # tolerance of plain intervals
INTERVALS = 8  # plain ones before a second search
OTHER_DAY = 100.0  # how much a later interval may differ, in units of the tolerance
LATER = (1, 2, 3, 4, 5, 6, 30, 400)  # which ones are compared: a weekend is not a working day

# Affine maps
MARGINAL = 1e-12  # a map whose largest eigenvalue is no further below 1 does not settle
CORRECTIONS = 3  # of the fixed point by its residual; as a rule one is enough

# Time to steady state
MOST_INTERVALS = 1000
OWN_WAY = 0.05  # what may be left of each state's way to its steady state ...
OF_PEAK = 1e-4  # ... or of its largest value, when a run counts as settled


@dataclass(frozen=True)
class PeriodicSolution:
    """Steady state of N rows.

    y : (N, S) state at the start of the interval; integral : (N, Q) over one interval from there
    status : (N,) key of status.STATUS; maps : (N,) intervals computed
    error : (N,) estimated distance to the fixed point, relative to each state's largest value in
        the interval
    remains : (N,) share that one interval leaves of a small distance from the steady state, NaN
        where it did not come with it
    control : (N, 3) step-size memory of the interval
    extremes : (N, E, 2) largest and smallest value of what the kernel watches, NaN where they were
        not wanted or not found with the steady state
    """

    y: np.ndarray
    integral: np.ndarray
    status: np.ndarray
    maps: np.ndarray
    error: np.ndarray
    remains: np.ndarray
    control: np.ndarray
    extremes: np.ndarray

    def take(self, rows):
        """The steady states of some rows, in that order."""
        return PeriodicSolution(*(getattr(self, f.name)[rows] for f in fields(self)))


def periodic(
    kernel,
    theta,
    person,
    actions,
    period,
    y0=None,
    *,
    tol=None,
    rtol=1e-6,
    threads=None,
    most=MOST_MAPS,
    watch=False,
):
    """Fixed point of one dosing interval for every row.

    Parameters
    ----------
    theta : (P, K); person : (N,) row -> patient
    actions : those of one interval [0, period]; period : model time, or (N,)
    y0 : (N, S) first guess (default, and where one is not finite: the model's start values); an
        affine map needs none
    tol : largest estimated error, as a share of each state's largest value in the interval
        (default: rtol); below 1e-10 it counts as 1e-10
    most : maps of the acceleration, before Newton's method is tried
    watch : whether extremes are wanted where they come with the steady state

    Returns
    -------
    PeriodicSolution. A row that fails, does not settle, or whose fixed point is not stable is NaN
    with its status.
    """
    if kernel.model.events:
        raise PkpdError(
            f"{kernel.model.name} has events, of which no steady state is found; write the doses "
            "out, such as 'q24h x 60'."
        )
    rtol, tol = _tolerances(rtol, tol)
    result = _unsteady(kernel, len(person))
    period = np.broadcast_to(period, len(person))
    if kernel.collocation is not None:
        numerics = {"tol": tol, "rtol": rtol, "threads": threads}
        return _by_collocation(
            kernel, theta, person, actions, period, y0, result, watch, **numerics
        )
    finest = min(rtol, SEARCH)
    interval = _Interval(kernel, theta, person, actions, period, result.control, finest, threads)
    if kernel.method == "linear":
        _affine(interval, result, tol)
        rows = np.flatnonzero(result.status == status.UNSTEADY)
        start = interval.start(rows)
        _by_newton(interval, rows, start, start, result, tol)
        return result
    rows, y = _by_acceleration(interval, y0, result, rtol, tol, most)
    _by_newton(interval, rows, y, interval.start(rows), result, tol)
    if used(kernel.model, ("t",)):
        _refuse_other_days(interval, period, result, tol)
    return result


def periodic_from(
    kernel, theta, person, actions, period, guesses, *, tol=None, rtol=1e-6, threads=None
):
    """As `periodic`, by collocation alone, with Newton's method from the states `guesses` (N, S).

    Where there are several steady states it is that near by. NaN in rows that are not solved.
    """
    _, tol = _tolerances(rtol, tol)
    result, period = _unsteady(kernel, len(person)), np.broadcast_to(period, len(person))
    given = theta, person, actions, period, result
    steady_states(kernel.collocation, *given, tol=tol, threads=threads, guesses=guesses)
    return result


def _tolerances(rtol, tol):
    """Those of steps and of the steady state that are used where these are asked for."""
    rtol = tolerance(rtol)
    return rtol, max(rtol if tol is None else tolerance(tol, "tol"), TIGHTEST)


def _by_collocation(kernel, theta, person, actions, period, y0, result, watch, **numerics):
    """Steady states by collocation, and by steps in the rows that it leaves."""
    tol, threads = numerics["tol"], numerics["threads"]
    given = theta, person, actions, period
    steady_states(kernel.collocation, *given, result, tol=tol, threads=threads, watch=watch)
    left = np.flatnonzero(result.status != status.OK)
    if len(left):
        rest = person[left], actions.take(left), period[left], None if y0 is None else y0[left]
        by_steps = periodic(replace(kernel, collocates=False), theta, *rest, **numerics)
        for field in fields(result):
            getattr(result, field.name)[left] = getattr(by_steps, field.name)
    return result


def _unsteady(kernel, rows):
    """A PeriodicSolution in which nothing has been found yet."""
    states, integrals, watched = kernel.states, len(kernel.integrals), len(kernel.extremes)
    return PeriodicSolution(
        y=np.full((rows, states), np.nan),
        integral=np.full((rows, integrals), np.nan),
        status=np.full(rows, status.UNSTEADY, np.int8),
        maps=np.zeros(rows, np.int64),
        error=np.full(rows, np.nan),
        remains=np.full(rows, np.nan),
        control=np.zeros((rows, 3)),
        extremes=np.full((rows, watched, 2), np.nan),
    )


@dataclass(frozen=True)
class _Interval:
    """One dosing interval of some rows, from any states: the map whose fixed point is sought.

    person, actions, period, control : of all rows, (N,) or (N, 3)
    """

    kernel: Kernel
    theta: np.ndarray
    person: np.ndarray
    actions: Actions
    period: np.ndarray
    control: np.ndarray
    rtol: float
    threads: int | None

    def __call__(self, rows, y, rtol=None, begin=None):
        """Solution from y (n, S), None for the model's own start; begin : (N,) time of its start"""
        given, begin = (
            self.actions.take(rows),
            np.zeros(len(rows)) if begin is None else begin[rows],
        )
        return solve(
            self.kernel,
            self.theta,
            self.person[rows],
            y,
            begin,
            begin + self.period[rows],
            replace(given, time=given.time + np.repeat(begin, np.diff(given.start))),
            rtol=self.rtol if rtol is None else rtol,
            threads=self.threads,
            control=self.control[rows],
        )

    def start(self, rows):
        """The model's own start values (n, S)."""
        return solve(self.kernel, self.theta, self.person[rows]).end


def _by_acceleration(interval, y0, result, rtol, tol, most):
    """Fixed points by Anderson acceleration, from y0 (N, S) or the model's own start values.

    What settles beyond doubt is written to the result. Returns rows (n,) that are left and where
    they stand (n, S).
    """
    rows, states = result.y.shape
    active = np.arange(rows)
    y: Any = None if y0 is None else _completed(interval, y0)
    memory, doubt, undecided = memory_of(rows, states), np.zeros(rows, bool), []
    for count in range(most):
        last = interval(active, y, rtol)
        if count == 0:
            # the memory of the first interval is kept: the map must stay the same function
            result.control[:] = last.control
            y = interval.start(active) if y is None else y
        following, error = accelerate(active, y, last.end, last.largest, tol, doubt, memory)
        failed = (last.status != status.OK) & ((count == 0) | (last.status == status.CANCELLED))
        # a row in doubt stops here, too, but is not settled by it
        done = failed | ((error <= tol) & ~doubt[active])
        doubtful = (error <= tol) & doubt[active] & ~failed
        undecided.append((active[doubtful], y[doubtful]))
        rows_done = active[done]
        result.status[rows_done] = last.status[done]
        unsound = last.status[done] != status.OK
        result.y[rows_done] = np.where(unsound[:, None], np.nan, y[done])
        result.integral[rows_done] = last.integral[done]
        result.maps[active] = count + 1
        result.error[active] = error
        going = ~done & ~doubtful
        active, y = active[going], following[going]
        if active.size == 0:
            break
    undecided.append((active, y))
    if y0 is not None:
        start = solve(interval.kernel, interval.theta).end[interval.person]
        undecided.append(_died_out(result, memory.scale, start))
    rows, y = (np.concatenate(parts) for parts in zip(*undecided, strict=True))
    return rows, y


def _completed(interval, y0):
    """A first guess (N, S), the model's own start values where it is not finite."""
    y = np.array(y0)
    without = np.flatnonzero(~np.isfinite(y).all(axis=1))
    y[without] = interval.start(without)
    return y


def _died_out(result, largest, start):
    """Rows and states of those settled where a state is as good as 0 that was not at the start.

    A guess from neighbours in whom something died out is at rest also where it would grow again.
    """
    gone = (largest < EXTINCT * np.abs(start)).any(axis=1) & (result.status == status.OK)
    rows = np.flatnonzero(gone)
    y = result.y[rows]
    result.status[rows], result.y[rows], result.integral[rows] = status.UNSTEADY, np.nan, np.nan
    return rows, y


def _refuse_other_days(interval, period, result, tol):
    """Refuse what is no steady state of later intervals: rates or integrands hold the time."""
    for count in LATER:
        rows = np.flatnonzero(result.status == status.OK)
        if not len(rows):
            return
        now = interval(rows, result.y[rows])
        later = interval(rows, result.y[rows], begin=count * period)
        near = OTHER_DAY * tol
        same = np.abs(later.end - now.end) <= near * np.maximum(now.largest, later.largest)
        means = np.maximum(np.abs(now.integral), np.abs(later.integral))
        alike = np.abs(later.integral - now.integral) <= near * means
        other = rows[~(same.all(axis=1) & alike.all(axis=1))]
        result.status[other] = status.NO_STEADY
        result.y[other], result.integral[other] = np.nan, np.nan


def _by_newton(interval, rows, y, start, result, tol):
    """Newton's method from y (n, S); where it finds nothing, from the end of some plain intervals
    after the start values (n, S)."""
    first = interval(rows, start, SEARCH)
    unit = first.largest
    newton(interval, rows, y, unit, result, tol)
    for _ in range(INTERVALS):
        left = result.status[rows] != status.OK
        rows, unit, plain = rows[left], unit[left], first.end[left]
        first = interval(rows, plain, SEARCH)
        result.maps[rows] += 1
    left = np.isfinite(first.end).all(axis=1)
    newton(interval, rows[left], first.end[left], unit[left], result, tol)


def _affine(interval, result, tol):
    """Fixed points of affine maps, from the images of 0 and of every state alone.

    They are written to the result where they are stable. interval(rows, y) -> Solution. A run from
    the fixed point gives its error and its integrals.
    """
    rows, states = result.y.shape
    zero = interval(np.arange(rows), np.zeros((rows, states)))
    # what no dose reaches is 0 at the fixed point, where rounding would look like a large error
    reached = zero.largest > 0.0
    size = np.where(reached, zero.largest, 1.0)
    alone = interval(
        np.repeat(np.arange(rows), states), (size[:, None, :] * np.eye(states)).reshape(-1, states)
    )
    image = alone.end.reshape(rows, states, states)
    result.maps[:] = states + 1
    fine = (zero.status == status.OK) & np.isfinite(image).all(axis=(1, 2))
    result.status[~fine] = np.where(zero.status == status.OK, status.UNSTEADY, zero.status)[~fine]
    left, size = np.flatnonzero(fine), size[fine]
    # of the states as shares of `size`
    jacobian = np.swapaxes(image[fine] - zero.end[fine, None], 1, 2) / size[:, :, None]
    stable = np.abs(np.linalg.eigvals(jacobian)).max(axis=1, initial=0.0) < 1.0 - MARGINAL
    left, size, rest, shift = (
        left[stable],
        size[stable],
        np.eye(states) - jacobian[stable],
        zero.end[left[stable]] / size[stable],
    )
    y = np.where(reached[left], _solved(rest, shift) * size, 0.0)
    for _ in range(CORRECTIONS):
        run = interval(left, y)
        residual = run.end - y
        step = np.where(reached[left], _solved(rest, residual / size) * size, 0.0)
        error = np.maximum(np.abs(step), np.abs(residual)) / np.where(
            run.largest > 0.0, run.largest, 1.0
        )
        result.error[left] = error.max(axis=1, initial=0.0)
        result.maps[left] += 1
        done = result.error[left] <= tol
        result.status[left[done]], result.y[left[done]], result.integral[left[done]] = (
            status.OK,
            y[done],
            run.integral[done],
        )
        left, y, size, rest = left[~done], (y + step)[~done], size[~done], rest[~done]


def _solved(matrix, vector):
    """(n, S) solutions of n systems (n, S, S) by elimination with row pivoting.

    Element by element, so that each has the same bits alone.
    """
    a, x = np.array(matrix), np.array(vector)
    each, states = np.arange(len(a)), a.shape[1]
    for k in range(states):
        best = k + np.abs(a[:, k:, k]).argmax(axis=1)
        a[each, k], a[each, best] = a[each, best], a[each, k]
        x[each, k], x[each, best] = x[each, best], x[each, k]
        share = a[:, k + 1 :, k] / a[:, k, k, None]
        a[:, k + 1 :] -= share[:, :, None] * a[:, k, None, :]
        x[:, k + 1 :] -= share * x[:, k, None]
    for k in reversed(range(states)):
        for j in range(k + 1, states):
            x[:, k] -= a[:, k, j] * x[:, j]
        x[:, k] /= a[:, k, k]
    return x


def time_to_steady_state(
    kernel,
    theta,
    person,
    actions,
    period,
    y0,
    steady,
    near,
    *,
    rtol=1e-6,
    threads=None,
    most=MOST_INTERVALS,
    by_steps=True,
):
    """The interval from which on each row's first integral stays near that of its steady state.

    Parameters
    ----------
    actions, period : those of one interval; y0 : (N, S) start of the run
    steady : PeriodicSolution of the same rows; near : (N,) largest distance that is near
    by_steps : whether rows that collocation leaves are followed in steps; else they are NaN, too

    Returns
    -------
    (N,) float, counted from 1; inf where a row is not there after `most` intervals, NaN where it
    fails. A row is followed until every state has covered all but a twentieth of its way to the
    steady state, so that an integral on its way through is not taken for settled.
    """
    first, way = np.where(steady.status == status.OK, 1.0, np.nan), OWN_WAY * np.abs(y0 - steady.y)
    active = np.flatnonzero(steady.status == status.OK)
    if kernel.collocation is not None:
        found = days_to_steady_state(
            kernel.collocation,
            theta,
            person[active],
            actions.take(active),
            np.broadcast_to(period, len(person))[active],
            y0[active],
            steady.take(active),
            near[active],
            (OWN_WAY, OF_PEAK),
            most=most,
            tol=tolerance(rtol),
            threads=threads,
        )
        first[active] = found
        if not by_steps:
            return first
        active = active[np.isnan(found)]
        first[active] = 1.0
    y, control = y0[active], None
    for count in range(1, most + 1):
        if not len(active):
            return first
        run = solve(
            kernel,
            theta,
            person[active],
            y,
            0.0,
            period,
            actions.take(active),
            rtol=rtol,
            threads=threads,
            control=control,
        )
        outside = ~(np.abs(run.integral[:, 0] - steady.integral[active, 0]) <= near[active])
        first[active[outside]] = count + 1
        failed = run.status != status.OK
        first[active[failed]] = np.nan
        there = (np.abs(run.end - steady.y[active]) <= way[active] + OF_PEAK * run.largest).all(
            axis=1
        ) & ~outside
        go_on = ~there & ~failed
        active, y, control = active[go_on], run.end[go_on], run.control[go_on]
    first[active] = np.inf
    return first
