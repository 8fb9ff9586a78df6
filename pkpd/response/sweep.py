"""Benefit of doses at periodic steady state: the same patients at every dose, in one batched solve.

B(x) = untreated mean of the outcome over one dosing interval minus the treated one (sign by `better`). Knows models with a
benefit and cohorts; knows no peaks.
"""

from dataclasses import dataclass, replace

import numpy as np

from pkpd.dosing.events import periodic_actions
from pkpd.errors import PkpdError
from pkpd.population.cohort import Cohort
from pkpd.response.goal import goal
from pkpd.solvers import batch
from pkpd.solvers.periodic import periodic
from pkpd.symbolic.model import Benefit, Model

GRID = 33  # doses on the log axis
PATIENTS_PER_CHUNK = 512


@dataclass(frozen=True)
class DoseResponse:
    """Benefit and outcome of P patients at D doses, at periodic steady state.

    doses : (D,) in `unit`, increasing; benefit, outcome : (P, D) in the outcome's unit, NaN where a solve failed
    untreated : (P,) outcome at dose 0; status : (P, D) key of pkpd.solvers.batch.STATUS; maps : (P, D) intervals computed
    """

    model: Model
    cohort: Cohort
    rule: Benefit
    doses: np.ndarray
    benefit: np.ndarray
    outcome: np.ndarray
    untreated: np.ndarray
    status: np.ndarray
    maps: np.ndarray

    @property
    def unit(self):
        return self.rule.unit

    def columns(self):
        """Tidy columns ID, DOSE, outcome, benefit, patients in order, doses in order."""
        patients, doses = self.benefit.shape
        return {
            "ID": np.repeat(self.cohort.ids, doses), "DOSE": np.tile(self.doses, patients),
            self.rule.outcome: self.outcome.ravel(), "benefit": self.benefit.ravel(),
        }  # fmt: skip

    def frame(self):
        """The tidy columns as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.columns())

    def percentiles(self, q=(5, 25, 50, 75, 95)):
        """Percentiles over patients of the benefit at each dose: (len(q), D), failed patients left out."""
        fine = self.benefit[~np.isnan(self.benefit).any(axis=1)]
        if not len(fine):
            raise PkpdError("No patient finished at every dose: there are no percentiles.")
        return np.percentile(fine, q, axis=0)


def log_grid(rule, count=GRID):
    """(D,) doses from the lowest to the highest, even on the log axis."""
    return np.exp(np.linspace(np.log(rule.lowest), np.log(rule.highest), count))


class Steady:
    """Solves patients at doses to periodic steady state and reads the outcome there. One compiled kernel serves all."""

    def __init__(self, model, cohort, rule, *, rtol=1e-6, tol=1e-6, solver="auto", threads=None):
        self.model, self.cohort, self.rule = model, cohort, rule
        self.options = {"rtol": rtol, "threads": threads}
        self.tol = tol
        self.observed = tuple(n for n in (rule.exposure, rule.blockade) if n)
        integrals = (rule.outcome,) + ((rule.exposure,) if rule.exposure else ())
        self.kernel = batch.compile(model, observe=self.observed, integrals=integrals, solver=solver)
        self.sign = 1.0 if rule.better == "lower" else -1.0

    def at(self, person, doses, guess=None):
        """Steady state of rows (N,): PeriodicSolution for the patient and dose of each row, warm-started from guess (N, S)."""
        actions = periodic_actions(self.model, self.rule.into, doses, self.rule.every, self.cohort.theta, person, self.rule.unit)
        return periodic(self.kernel, self.cohort.theta, person, actions, self.rule.every, guess, tol=self.tol, **self.options)

    def mean(self, solution):
        """Mean outcome over the interval, (N,)."""
        return solution.integral[:, 0] / self.rule.every

    def benefit(self, untreated, treated):
        return self.sign * (untreated - treated)

    def interval(self, person, doses, solution, points=97):
        """Observed values (N, T, O) over one interval that starts in the given steady state, and their times (T,)."""
        grid = np.linspace(0.0, self.rule.every, points)
        actions = periodic_actions(self.model, self.rule.into, doses, self.rule.every, self.cohort.theta, person, self.rule.unit)
        run = batch.solve(
            self.kernel, self.cohort.theta, person, solution.y, 0.0, self.rule.every, actions, grid, control=solution.control, **self.options
        )
        return run.out, grid


@dataclass(frozen=True)
class Curves:
    """Steady states on the dose grid: outcome, status, maps (P, D), y (P, D, S); untreated outcome (P,) and state (P, S)."""

    doses: np.ndarray
    outcome: np.ndarray
    status: np.ndarray
    maps: np.ndarray
    y: np.ndarray
    untreated: np.ndarray
    untreated_y: np.ndarray
    untreated_status: np.ndarray


def curves(steady, doses):
    """Solve all patients at all doses, coarse doses first; the rest start from what lies between their neighbours."""
    patients, count = len(steady.cohort), len(doses)
    zero = steady.at(np.arange(patients), np.zeros(patients))
    shape = (patients, count)
    found = Curves(
        doses, np.full(shape, np.nan), np.zeros(shape, np.int8), np.zeros(shape, np.int64), np.full((*shape, steady.kernel.states), np.nan),
        steady.mean(zero), zero.y, zero.status,
    )  # fmt: skip
    x, known = np.log(doses), np.zeros(count, bool)
    for stride in (4, 2, 1):
        new = np.flatnonzero(~known & (np.arange(count) % stride == 0))
        if not len(new):
            continue
        guess = between(x[known], found.y[:, known], x[new], zero.y)
        person = np.repeat(np.arange(patients), len(new))
        solution = steady.at(person, np.tile(doses[new], patients), guess.reshape(len(person), -1))
        found.outcome[:, new] = steady.mean(solution).reshape(patients, -1)
        found.status[:, new] = solution.status.reshape(patients, -1)
        found.maps[:, new] = solution.maps.reshape(patients, -1)
        found.y[:, new] = solution.y.reshape(patients, len(new), -1)
        known[new] = True
    return found


def between(x, y, at, fallback):
    """Cubic through the four nearest nodes: (P, M, S) at `at` (M,) from y (P, k, S) at x (k,); fallback (P, S) elsewhere."""
    out = np.repeat(np.nan_to_num(fallback)[:, None, :], len(at), axis=1)
    if len(x) < 4:
        return out
    for m, point in enumerate(at):
        first = int(np.clip(np.searchsorted(x, point) - 2, 0, len(x) - 4))
        nodes = x[first : first + 4]
        total = np.zeros_like(fallback)
        for i in range(4):
            others = np.delete(nodes, i)
            total = total + np.prod((point - others) / (nodes[i] - others)) * y[:, first + i]
        low = y[:, first : first + 4].min(axis=1)
        # an overshoot below all neighbours could leave the range where the equations make sense
        good = np.isfinite(total)
        out[:, m] = np.where(good, np.maximum(total, np.where(low >= 0.0, 0.0, total)), out[:, m])
    return out


def dose_response(model, cohort, doses=None, *, rtol=1e-6, solver="auto", threads=None, progress=None, **changes):
    """Dose response of a cohort at periodic steady state.

    Parameters
    ----------
    doses : (D,) increasing positive doses in the target's unit, or "0.05:50 mg" for 33 on the log axis (default: the model's)
    changes : outcome, better, into, every, delta in place of the model's [benefit]
    rtol : relative tolerance; solver : "auto", "tsit5" or "rosenbrock"; progress : called with the number of finished patients

    Returns
    -------
    DoseResponse. Raises PkpdError for bad input.
    """
    rule = goal(model, **changes, doses=doses if isinstance(doses, str) else None)
    grid = log_grid(rule) if doses is None or isinstance(doses, str) else np.asarray(doses, dtype=float)
    if grid.ndim != 1 or not len(grid) or not (np.isfinite(grid).all() and (grid > 0).all() and (np.diff(grid) > 0).all()):
        raise PkpdError("doses must be positive and increasing.")
    parts = []
    for first in range(0, len(cohort), PATIENTS_PER_CHUNK):
        steady = Steady(model, part_of(cohort, first), rule, rtol=rtol, solver=solver, threads=threads)
        parts.append(response_of(steady, curves(steady, grid)))
        if progress is not None:
            progress(min(first + PATIENTS_PER_CHUNK, len(cohort)))
    return joined(parts, cohort)


def part_of(cohort, first):
    """The patients of one chunk."""
    return cohort.rows(slice(first, first + PATIENTS_PER_CHUNK))


def response_of(steady, found):
    """DoseResponse of solved curves."""
    benefit = steady.benefit(found.untreated[:, None], found.outcome)
    return DoseResponse(
        steady.model, steady.cohort, steady.rule, found.doses, benefit, found.outcome, found.untreated, found.status, found.maps
    )


def joined(parts, cohort):
    """One DoseResponse from those of consecutive chunks."""
    def stack(name):
        return np.concatenate([getattr(p, name) for p in parts])

    return replace(parts[0], cohort=cohort, **{n: stack(n) for n in ("benefit", "outcome", "untreated", "status", "maps")})
