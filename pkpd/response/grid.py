"""Patients at doses, solved to periodic steady state in one batch, with all that is known of them.

Steady solves rows, each a patient and a dose; a DoseGrid holds the outcomes and states of the same
patients at every dose of a grid. Knows models with a benefit and cohorts; knows nothing of peaks.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pkpd import units
from pkpd.dosing.actions import periodic_actions
from pkpd.dosing.background import of_benefit
from pkpd.response.curves import DoseResponse
from pkpd.response.polynomials import weights_at
from pkpd.solvers import batch
from pkpd.solvers.collocation.steady import is_unique
from pkpd.solvers.periodic import MOST_INTERVALS, periodic, periodic_from, time_to_steady_state

MOST = 0.9  # of the change to the steady state
SETTLED = 1e-3  # of a distance from the steady state, left over after all intervals
GRID = 33  # doses on the log axis


def log_grid(benefit, count=GRID):
    """(D,) doses from the lowest to the highest, even on the log axis."""
    return np.exp(np.linspace(np.log(benefit.lowest), np.log(benefit.highest), count))


class Steady:
    """Solves patients at doses to periodic steady state, with one compiled kernel for all."""

    def __init__(self, model, cohort, benefit, *, rtol=1e-6, tol=None, solver="auto", threads=None):
        self.model, self.cohort, self.benefit = model, cohort, benefit
        self.options = {"rtol": rtol, "threads": threads}
        self.tol, self.solver = tol, solver
        beside = of_benefit(model, benefit)
        self.beside = beside.phases if beside else ()
        hour = units.factor("h", model.time)
        # model time after which everything that is taken begins anew
        self.period = beside.period(benefit.every / hour) * hour if beside else benefit.every
        self.watched = tuple(dict.fromkeys(n for n in (benefit.exposure, benefit.blockade) if n))
        self.seen = tuple(dict.fromkeys((*self.watched, benefit.outcome)))
        integrals = (benefit.outcome,) + ((benefit.exposure,) if benefit.exposure else ())
        kernel = batch.compile(model, self.seen, integrals, solver, extremes=self.watched)
        # exact steps are better, where the model has them
        self.kernel = replace(kernel, collocates=kernel.method != "linear")
        self.sign = 1.0 if benefit.better == "lower" else -1.0

    def at(self, person, doses, guess=None, watch=False):
        """Steady state of rows (N,), each a patient and a dose, as a PeriodicSolution.

        guess : (N, S) warm start; watch : whether `extremes` will be asked for
        """
        return periodic(
            self.kernel,
            self.cohort.theta,
            person,
            self._doses(person, doses),
            self.period,
            guess,
            tol=self.tol,
            watch=watch,
            **self.options,
        )

    def has_one_state(self):
        """Whether each dose has one steady state, as far as is known without looking for others."""
        return self.kernel.collocation is None or is_unique(self.kernel.collocation)

    def from_states(self, person, doses, y):
        """(N,) mean outcome of rows in the steady states that Newton's method finds from the states
        y (N, S); NaN where it finds none."""
        actions = self._doses(person, doses)
        options = {"tol": self.tol, **self.options}
        found = periodic_from(
            self.kernel, self.cohort.theta, person, actions, self.period, y, **options
        )
        return self.mean(found)

    def is_missed(self, person, doses, y0, solution, near):
        """(N,) whether treatment from the states y0 (N, S) never brings the mean outcome to within
        `near` (N,) of that of a steady state, as far as collocation can tell.

        One that is approached too slowly for MOST_INTERVALS does not count, see SETTLED.
        """
        count = self._intervals(person, doses, y0, solution, near, by_steps=False)
        return np.isinf(count) & (solution.remains**MOST_INTERVALS < SETTLED)

    def mean(self, solution):
        """Mean outcome over the period, (N,)."""
        return solution.integral[:, 0] / self.period

    def gain(self, untreated, treated):
        """Benefit: how far the outcome moves in the better direction."""
        return self.sign * (untreated - treated)

    def extremes(self, person, doses, solution):
        """Watched output -> (largest, smallest), (N,) each, over one steady interval."""
        found = solution.extremes
        left = np.flatnonzero(np.isnan(found).any(axis=(1, 2)))
        if len(left):
            rest = solution.take(left)
            run = self._interval(person[left], doses[left], rest, control=rest.control, since=0.0)
            found = found.copy()
            found[left] = run.record[:, :, [0, 2]]
        return {name: (found[:, k, 0], found[:, k, 1]) for k, name in enumerate(self.watched)}

    def within(self, person, doses, solution, times):
        """Watched outputs and the outcome -> (N, T) values at times (T,) of one steady interval."""
        run = self._interval(person, doses, solution, grid=times)
        return {name: run.out[:, :, k] for k, name in enumerate(self.seen)}

    def days_to_most(self, person, doses, y0, untreated, solution):
        """Days of treatment until the mean outcome stays within a tenth of its change.

        y0 : (N, S) untreated state; untreated : (N,) mean outcome at dose 0
        solution : the steady state at `doses` (N,). Returns (N,); see `time_to_steady_state`.
        """
        near = (1 - MOST) * np.abs(self.mean(solution) - untreated)
        count = self._intervals(person, doses, y0, solution, near)
        return count * self.period / units.factor("d", self.model.time)

    def _intervals(self, person, doses, y0, solution, near, **how):
        """(N,) intervals until the mean outcome stays within `near` (N,) of that of a solution."""
        return time_to_steady_state(
            self.kernel,
            self.cohort.theta,
            person,
            self._doses(person, doses),
            self.period,
            y0,
            solution,
            near * self.period,
            **self.options,
            **how,
        )

    def _doses(self, person, doses):
        """Actions of one period of rows (N,) at doses (N,), once an interval."""
        benefit = self.benefit
        return periodic_actions(
            self.model,
            benefit.into,
            doses,
            benefit.every,
            self.cohort.theta,
            person,
            benefit.unit,
            self.beside,
            self.period,
        )

    def _interval(self, person, doses, solution, **watched):
        """Solution of rows (N,) over one period that begins in the steady state `solution`."""
        return self.follow(self.kernel, person, doses, solution.y, **watched)

    def follow(self, kernel, person, doses, y, **watched):
        """Solution by any kernel of rows (N,) over one period from the states y (N, S)."""
        return batch.solve(
            kernel,
            self.cohort.theta,
            person,
            y,
            0.0,
            self.period,
            self._doses(person, doses),
            **watched,
            **self.options,
        )


@dataclass(frozen=True)
class DoseGrid:
    """P patients without treatment and at D doses, at periodic steady state.

    steady : the Steady that solved them; doses : (D,) increasing
    outcome, status, maps : (P, D) mean outcome, key of pkpd.solvers.status.STATUS, intervals
    y : (P, D, S) states; untreated, untreated_status, untreated_y : (P,), (P,), (P, S) at dose 0
    beside_gain, beside_status : (P, B) benefit and status at doses beside the grid
    """

    steady: Steady
    doses: np.ndarray
    outcome: np.ndarray
    status: np.ndarray
    maps: np.ndarray
    y: np.ndarray
    untreated: np.ndarray
    untreated_y: np.ndarray
    untreated_status: np.ndarray
    beside_gain: np.ndarray
    beside_status: np.ndarray

    @cached_property
    def gain(self):
        """(P, D) benefit."""
        return self.steady.gain(self.untreated[:, None], self.outcome)

    @property
    def unsolved(self):
        """(P,) whether a solve failed, the untreated one included."""
        return (self.status != 0).any(axis=1) | (self.untreated_status != 0)

    def spread(self):
        """(P,) range of the benefit over doses, dose 0 included."""
        return np.maximum(self.gain.max(axis=1), 0.0) - np.minimum(self.gain.min(axis=1), 0.0)

    def response(self):
        """The DoseResponse: all of this but the states."""
        steady, solved = self.steady, (self.untreated, self.status, self.maps)
        who = steady.model, steady.cohort, steady.benefit
        return DoseResponse(*who, self.doses, self.gain, self.outcome, *solved)


def dose_grid(steady, doses, beside=()):
    """The DoseGrid of all patients at doses (D,), rising, and at others beside the grid (B,)."""
    patients, first = len(steady.cohort), 1 + len(beside)
    asked = np.concatenate([[0.0], beside, doses])
    outcome = np.full((patients, len(asked)), np.nan)
    status, maps = np.zeros(outcome.shape, np.int8), np.zeros(outcome.shape, np.int64)
    y, known = np.full((*outcome.shape, steady.kernel.states), np.nan), np.zeros(len(asked), bool)
    for new in _rounds(steady, first, len(asked)):
        on_grid = first + np.flatnonzero(known[first:])
        near = np.log(np.clip(asked[new], doses[0], doses[-1]))
        person, guess = np.repeat(np.arange(patients), len(new)), None
        if known.any():
            guess = between(np.log(asked[on_grid]), y[:, on_grid], near, y[:, 0])
            guess = guess.reshape(len(person), -1)
        solution = steady.at(person, np.tile(asked[new], patients), guess)
        outcome[:, new] = steady.mean(solution).reshape(patients, -1)
        status[:, new] = solution.status.reshape(patients, -1)
        maps[:, new] = solution.maps.reshape(patients, -1)
        y[:, new] = solution.y.reshape(patients, len(new), -1)
        known[new] = True
    grid = slice(first, None)
    return DoseGrid(
        steady,
        doses,
        outcome[:, grid],
        status[:, grid],
        maps[:, grid],
        y[:, grid],
        outcome[:, 0],
        y[:, 0],
        status[:, 0],
        steady.gain(outcome[:, :1], outcome[:, 1:first]),
        status[:, 1:first],
    )


def _rounds(steady, first, count):
    """Which doses to solve at a time: dose 0, those beside the grid, and the grid from `first` on.

    Those on the grid start from an interpolation between coarser ones, unless the solver needs no
    guess.
    """
    if steady.kernel.collocation is not None:
        return [np.arange(count)]
    place = np.arange(count - first)
    coarse = [place % 4 == 0, place % 4 == 2, place % 2 == 1]
    grid = [first + np.flatnonzero(chosen) for chosen in coarse]
    return [new for new in (np.zeros(1, int), *grid, np.arange(1, first)) if len(new)]


def between(x, y, at, fallback):
    """Cubic through the four nearest nodes: (P, M, S) at `at` (M,) from y (P, k, S) at x (k,).

    fallback : (P, S), where there are fewer nodes or one failed
    """
    out = np.repeat(fallback[:, None, :], len(at), axis=1)
    if len(x) < 4:
        return out
    for m, point in enumerate(at):
        first = int(np.clip(np.searchsorted(x, point) - 2, 0, len(x) - 4))
        [weights] = weights_at(x[None, first : first + 4], point)
        total = sum(weight * y[:, first + i] for i, weight in enumerate(weights))
        low = y[:, first : first + 4].min(axis=1)
        # an overshoot below all neighbours could leave the range where the equations make sense
        good = np.isfinite(total)
        out[:, m] = np.where(good, np.maximum(total, np.where(low >= 0.0, 0.0, total)), out[:, m])
    return out
