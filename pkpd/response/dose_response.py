"""Benefit of doses at periodic steady state: the same patients at every dose, in one batched solve.

B(x) = untreated mean of the outcome over one dosing interval minus the treated one (sign by
`better`). Knows models with a benefit and cohorts; knows nothing of peaks.
"""

from dataclasses import dataclass, replace
from functools import cached_property, reduce

import numpy as np

from pkpd import units
from pkpd.dosing.actions import periodic_actions
from pkpd.errors import PkpdError
from pkpd.population.cohort import Cohort, of_model
from pkpd.population.parts import by_parts
from pkpd.response.benefit import benefit_of
from pkpd.solvers import batch
from pkpd.solvers.periodic import periodic, time_to_steady_state
from pkpd.symbolic.model import Benefit, Model

MOST = 0.9  # of the change to the steady state
GRID = 33  # doses on the log axis
PATIENTS_PER_CHUNK = 512


class BenefitCurves:
    """Benefit of P patients at D doses, read dose by dose, so that it need not fit in memory."""

    def each(self):
        """Yield the benefit (P,) of all patients, dose by dose; NaN where a solve failed."""
        raise NotImplementedError

    @cached_property
    def fine(self):
        """(P,) whether a patient was solved at every dose."""
        return ~reduce(np.logical_or, (np.isnan(column) for column in self.each()))

    @property
    def finished(self):
        """How many patients were solved at every dose."""
        return int(self.fine.sum())

    def percentiles(self, q=(5, 25, 50, 75, 95)):
        """Percentiles (len(q), D) of the benefit over patients; failed ones left out."""
        if not self.finished:
            raise PkpdError("No patient finished at every dose: there are no percentiles.")
        return np.column_stack(
            [np.percentile(column[self.fine], q, method="hazen") for column in self.each()]
        )

    def mean(self):
        """Mean benefit (D,) over patients, failed ones left out."""
        return np.array([column[self.fine].mean() for column in self.each()])

    def some(self, most):
        """Curves (n, D) of at most `most` patients, evenly spaced; failed ones left out."""
        rows = np.flatnonzero(self.fine)
        rows = rows[:: max(1, -(-len(rows) // most))]
        return np.column_stack([column[rows] for column in self.each()])


@dataclass(frozen=True)
class DoseResponse(BenefitCurves):
    """Benefit and outcome of P patients at D doses, at periodic steady state.

    doses : (D,) in `unit`, increasing
    gain, outcome : (P, D) in the outcome's unit, NaN where a solve failed
    untreated : (P,) outcome at dose 0; status : (P, D) key of pkpd.solvers.status.STATUS
    maps : (P, D) intervals computed
    """

    model: Model
    cohort: Cohort
    benefit: Benefit
    doses: np.ndarray
    gain: np.ndarray
    outcome: np.ndarray
    untreated: np.ndarray
    status: np.ndarray
    maps: np.ndarray

    @property
    def unit(self):
        return self.benefit.unit

    def columns(self):
        """Tidy columns ID, DOSE, outcome, benefit, patients in order, doses in order."""
        patients, doses = self.gain.shape
        return {
            "ID": np.repeat(self.cohort.ids, doses),
            "DOSE": np.tile(self.doses, patients),
            self.benefit.outcome: self.outcome.ravel(),
            "benefit": self.gain.ravel(),
        }

    def frame(self):
        """The tidy columns as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.columns())

    def each(self):
        return iter(self.gain.T)


def log_grid(benefit, count=GRID):
    """(D,) doses from the lowest to the highest, even on the log axis."""
    return np.exp(np.linspace(np.log(benefit.lowest), np.log(benefit.highest), count))


class Steady:
    """Solves patients at doses to periodic steady state, with one compiled kernel for all."""

    def __init__(self, model, cohort, benefit, *, rtol=1e-6, tol=None, solver="auto", threads=None):
        self.model, self.cohort, self.benefit = model, cohort, benefit
        self.options = {"rtol": rtol, "threads": threads}
        self.tol = tol
        self.watched = tuple(dict.fromkeys(n for n in (benefit.exposure, benefit.blockade) if n))
        self.seen = tuple(dict.fromkeys((*self.watched, benefit.outcome)))
        integrals = (benefit.outcome,) + ((benefit.exposure,) if benefit.exposure else ())
        self.kernel = batch.compile(model, self.seen, integrals, solver, extremes=self.watched)
        self.sign = 1.0 if benefit.better == "lower" else -1.0

    def at(self, person, doses, guess=None):
        """Steady state of rows (N,), each a patient and a dose, as a PeriodicSolution.

        guess : (N, S) warm start
        """
        actions = periodic_actions(
            self.model,
            self.benefit.into,
            doses,
            self.benefit.every,
            self.cohort.theta,
            person,
            self.benefit.unit,
        )
        return periodic(
            self.kernel,
            self.cohort.theta,
            person,
            actions,
            self.benefit.every,
            guess,
            tol=self.tol,
            **self.options,
        )

    def mean(self, solution):
        """Mean outcome over the interval, (N,)."""
        return solution.integral[:, 0] / self.benefit.every

    def gain(self, untreated, treated):
        return self.sign * (untreated - treated)

    def extremes(self, person, doses, solution):
        """Watched output -> (largest, smallest), (N,) each, over one steady interval."""
        actions = periodic_actions(
            self.model,
            self.benefit.into,
            doses,
            self.benefit.every,
            self.cohort.theta,
            person,
            self.benefit.unit,
        )
        run = batch.solve(
            self.kernel,
            self.cohort.theta,
            person,
            solution.y,
            0.0,
            self.benefit.every,
            actions,
            control=solution.control,
            since=0.0,
            **self.options,
        )
        return {
            name: (run.record[:, k, 0], run.record[:, k, 2]) for k, name in enumerate(self.watched)
        }

    def within(self, person, doses, solution, times):
        """Watched outputs and the outcome -> (N, T) values at times (T,) of one interval.

        The interval starts in the steady state `solution`.
        """
        actions = periodic_actions(
            self.model,
            self.benefit.into,
            doses,
            self.benefit.every,
            self.cohort.theta,
            person,
            self.benefit.unit,
        )
        run = batch.solve(
            self.kernel,
            self.cohort.theta,
            person,
            solution.y,
            0.0,
            self.benefit.every,
            actions,
            grid=times,
            **self.options,
        )
        return {name: run.out[:, :, k] for k, name in enumerate(self.seen)}

    def days_to_most(self, person, doses, y0, untreated, solution):
        """Days of treatment until the mean outcome stays within a tenth of its change.

        y0 : (N, S) untreated state; untreated : (N,) mean outcome at dose 0
        solution : the steady state at `doses` (N,). Returns (N,); see `time_to_steady_state`.
        """
        near = (1 - MOST) * np.abs(self.mean(solution) - untreated) * self.benefit.every
        actions = periodic_actions(
            self.model,
            self.benefit.into,
            doses,
            self.benefit.every,
            self.cohort.theta,
            person,
            self.benefit.unit,
        )
        count = time_to_steady_state(
            self.kernel,
            self.cohort.theta,
            person,
            actions,
            self.benefit.every,
            y0,
            solution,
            near,
            **self.options,
        )
        return count * self.benefit.every / units.factor("d", self.model.time)


@dataclass(frozen=True)
class Curves:
    """Steady states on the dose grid.

    outcome, status, maps : (P, D); y : (P, D, S); untreated : (P,) outcome at dose 0
    untreated_y, untreated_status : (P, S), (P,)
    """

    doses: np.ndarray
    outcome: np.ndarray
    status: np.ndarray
    maps: np.ndarray
    y: np.ndarray
    untreated: np.ndarray
    untreated_y: np.ndarray
    untreated_status: np.ndarray


def curves(steady, doses):
    """Solve all patients at all doses, coarse doses first.

    The others start from an interpolation between their neighbours.
    """
    patients, count = len(steady.cohort), len(doses)
    zero = steady.at(np.arange(patients), np.zeros(patients))
    shape = (patients, count)
    found = Curves(
        doses,
        np.full(shape, np.nan),
        np.zeros(shape, np.int8),
        np.zeros(shape, np.int64),
        np.full((*shape, steady.kernel.states), np.nan),
        steady.mean(zero),
        zero.y,
        zero.status,
    )
    x, known = np.log(doses), np.zeros(count, bool)
    # no steady state by collocation needs a guess
    for stride in (4, 2, 1) if steady.kernel.collocation is None else (1,):
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
    """Cubic through the four nearest nodes: (P, M, S) at `at` (M,) from y (P, k, S) at x (k,).

    fallback : (P, S), where there are fewer nodes or one failed
    """
    out = np.repeat(fallback[:, None, :], len(at), axis=1)
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


def dose_response(
    model, cohort, doses=None, *, rtol=1e-6, solver="auto", threads=None, progress=None, **changes
):
    """Dose response of a cohort at periodic steady state.

    Parameters
    ----------
    doses : (D,) increasing positive doses in the target's unit, or "0.05:50 mg" for 33 on the log
        axis (default: the model's)
    changes : outcome, better, into, every, delta in place of the model's [benefit]
    rtol : relative tolerance; solver : see pkpd.solvers.batch.compile
    progress : called with the number of finished patients

    Returns
    -------
    DoseResponse. Raises PkpdError for bad input, and Stopped on Ctrl-C, with the DoseResponse of
    the patients that are finished.
    """
    of_model(model, cohort)
    benefit = benefit_of(model, **changes, doses=doses if isinstance(doses, str) else None)
    grid = (
        log_grid(benefit)
        if doses is None or isinstance(doses, str)
        else np.asarray(doses, dtype=float)
    )
    if (
        grid.ndim != 1
        or not len(grid)
        or not (np.isfinite(grid).all() and (grid > 0).all() and (np.diff(grid) > 0).all())
    ):
        raise PkpdError("doses must be positive and increasing.")

    def work(part, _):
        steady = Steady(model, part, benefit, rtol=rtol, solver=solver, threads=threads)
        return response_of(steady, curves(steady, grid))

    return by_parts(cohort, PATIENTS_PER_CHUNK, work, joined, progress)


def part_of(cohort, first):
    """The patients of one chunk."""
    return cohort.rows(slice(first, first + PATIENTS_PER_CHUNK))


def response_of(steady, found):
    """DoseResponse of solved curves."""
    gain = steady.gain(found.untreated[:, None], found.outcome)
    return DoseResponse(
        steady.model,
        steady.cohort,
        steady.benefit,
        found.doses,
        gain,
        found.outcome,
        found.untreated,
        found.status,
        found.maps,
    )


def spread(response):
    """Range (P,) of the benefit over doses, dose 0 included."""
    return np.maximum(response.gain.max(axis=1), 0.0) - np.minimum(response.gain.min(axis=1), 0.0)


def joined(parts, cohort):
    """One DoseResponse from those of consecutive chunks."""

    def stack(name):
        return np.concatenate([getattr(p, name) for p in parts])

    return replace(
        parts[0],
        cohort=cohort,
        **{n: stack(n) for n in ("gain", "outcome", "untreated", "status", "maps")},
    )


def column_units(model, benefit, columns):
    """Column -> unit of a table of dose responses or MEDs."""
    outcome = model.unit(benefit.outcome)
    known = dict.fromkeys(
        (
            "DOSE",
            "med",
            "argmax",
            "second_peak",
            "w90_low",
            "w90_high",
            "zero_equivalent",
            "min_effective_dose",
        ),
        benefit.unit,
    )
    known |= {name: outcome for name in columns if name.startswith(("benefit", "curve_"))}
    known["threshold"] = outcome
    known |= {
        "untreated": outcome,
        benefit.outcome: outcome,
        "days_to_90": "d",
        "observed": benefit.unit,
    }
    if benefit.exposure:
        known |= {
            "cmax": model.unit(benefit.exposure),
            "auc": f"{model.unit(benefit.exposure)}*{model.time}",
        }
    if benefit.blockade:
        known |= dict.fromkeys(("peak_blockade", "trough_blockade"), model.unit(benefit.blockade))
    known |= {i.name: i.unit for i in model.inputs}
    return {name: unit for name, unit in known.items() if name in columns}
