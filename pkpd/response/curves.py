"""Benefit of doses, patient by patient: what pkpd.dose_response returns, and curves read back.

Knows doses, benefits and how they become tables; solves nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any, ClassVar

import numpy as np

from pkpd.errors import PkpdError
from pkpd.population.cohort import Cohort
from pkpd.response.constraints import constraints
from pkpd.result import Computed, Sheet, provenance, stopped
from pkpd.result.tables import stacked
from pkpd.solvers.status import STATUS
from pkpd.symbolic.model import Benefit, Model

BANDS = {"p5": 5, "median": 50, "p95": 95}  # percentiles of a summary
IN_DOSES = (
    "DOSE",
    "med",
    "med_safe",
    "argmax",
    "second_peak",
    "w90_low",
    "w90_high",
    "zero_equivalent",
    "min_effective_dose",
    "observed",
)  # columns that hold doses


class BenefitCurves:
    """Benefit of P patients at D doses, read dose by dose, so that it need not fit in memory."""

    def each(self) -> Iterator[np.ndarray]:
        """Yield the benefit (P,) of all patients, dose by dose; NaN where a solve failed."""
        raise NotImplementedError

    @cached_property
    def fine(self) -> np.ndarray:
        """(P,) whether a patient was solved at every dose."""
        return ~reduce(np.logical_or, (np.isnan(column) for column in self.each()))

    @property
    def finished(self) -> int:
        """How many patients were solved at every dose."""
        return int(self.fine.sum())

    def percentiles(self, q: Sequence[float] = (5, 25, 50, 75, 95)) -> np.ndarray:
        """(Q, D) percentiles of the benefit over patients; failed ones left out.

        q : (Q,) levels in %. Raises PkpdError where no patient finished.
        """
        if not self.finished:
            raise PkpdError("No patient finished at every dose: there are no percentiles.")
        return np.column_stack(
            [np.percentile(column[self.fine], q, method="hazen") for column in self.each()]
        )

    def mean(self) -> np.ndarray:
        """Mean benefit (D,) over patients, failed ones left out."""
        return np.array([column[self.fine].mean() for column in self.each()])

    def some(self, most: int) -> np.ndarray:
        """(N, D) benefit of at most `most` patients, evenly spaced; failed ones left out."""
        rows = np.flatnonzero(self.fine)
        rows = rows[:: max(1, -(-len(rows) // most))]
        return np.column_stack([column[rows] for column in self.each()])


@dataclass(frozen=True)
class SavedCurves(BenefitCurves):
    """Benefit (P, D) of patients at doses (D,), from a folder of results."""

    model: Model
    benefit: Benefit
    doses: np.ndarray
    gain: np.ndarray

    @property
    def unit(self) -> str:
        """Unit of the doses."""
        return self.benefit.unit

    def each(self) -> Iterator[np.ndarray]:
        return iter(self.gain.T)


@dataclass(frozen=True, repr=False)
class DoseResponse(Computed, BenefitCurves):
    """Benefit and outcome of P patients at D doses, at periodic steady state.

    doses : (D,) in `unit`, increasing
    gain, outcome : (P, D) in the outcome's unit, NaN where a solve failed
    untreated : (P,) outcome at dose 0; status : (P, D) key of pkpd.solvers.status.STATUS
    maps : (P, D) intervals computed
    """

    NAME: ClassVar[str] = "dose-response"
    STACKED: ClassVar[tuple] = ("gain", "outcome", "untreated", "status", "maps")

    model: Model
    cohort: Cohort
    benefit: Benefit
    doses: np.ndarray
    gain: np.ndarray
    outcome: np.ndarray
    untreated: np.ndarray
    status: np.ndarray
    maps: np.ndarray

    def brief(self) -> str:
        return f"DoseResponse at {len(self.doses)} doses"

    @property
    def unit(self) -> str:
        """Unit of the doses."""
        return self.benefit.unit

    def columns(self) -> dict[str, np.ndarray]:
        """Tidy columns ID, DOSE, outcome, benefit, patients in order, doses in order."""
        patients, doses = self.gain.shape
        return {
            "ID": np.repeat(self.cohort.ids, doses),
            "DOSE": np.tile(self.doses, patients),
            self.benefit.outcome: self.outcome.ravel(),
            "benefit": self.gain.ravel(),
        }

    def sheets(self) -> dict[str, Sheet]:
        columns = self.columns()
        units = column_units(self.model, self.benefit, columns)
        return {"curves": Sheet(columns, units, ("ID", "DOSE"))}

    def each(self) -> Iterator[np.ndarray]:
        return iter(self.gain.T)

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """Benefit per dose over the patients, failures, provenance."""
        benefit, finished = self.benefit, self.finished
        bands = self.percentiles(tuple(BANDS.values())) if finished else [None] * len(BANDS)
        summary = {
            "question": f"How does the effect on {benefit.outcome} depend on the dose into "
            f"{benefit.into}, every {benefit.every:.6g} {self.model.time}{benefit.beside}?",
            "unit": benefit.unit,
            "benefit": benefit_entries(benefit),
            "outcome_unit": self.model.unit(benefit.outcome),
            "patients": len(self.fine),
            "status": {"failed": len(self.fine) - finished},
            "doses": self.doses,
            "gain": dict(zip(BANDS, bands, strict=True)),
            "inputs": count_inputs(self.model),
            "provenance": provenance(self.model, self.cohort, command),
        }
        if not self.fine.all():
            summary = {"failed_because": self.reason(int(np.argmin(self.fine)))} | summary
        return summary | how_far(self.cohort)

    def reason(self, row: int) -> str:
        """Why the patient in a `row` failed, with the first dose at which."""
        bad = np.flatnonzero(self.status[row])
        if not len(bad):
            return "the untreated state or a dose beside the grid failed"
        dose = f"{self.doses[bad[0]]:.3g} {self.unit}"
        return f"{STATUS[int(self.status[row, bad[0]])]} at {dose}"


def benefit_entries(benefit: Benefit) -> dict[str, Any]:
    """What a summary states of a benefit: all but its place in the model's file."""
    entries = dict(vars(benefit))
    del entries["place"]
    return entries


def count_inputs(model: Model) -> dict[str, int]:
    """How many inputs a model has, and how many of them are assumed."""
    grades = [item.evidence for item in model.inputs]
    return {"all": len(grades), "assumed": grades.count("assumed")}


def how_far(cohort: Cohort) -> dict[str, Any]:
    """What a summary says of a run that Ctrl-C stopped; {} for a whole one."""
    ended = stopped(cohort)
    return {"stopped": ended} if ended else {}


def joined(parts: Sequence[DoseResponse], cohort: Cohort) -> DoseResponse:
    """One DoseResponse from those of consecutive chunks."""
    return replace(parts[0], cohort=cohort, **stacked(list(map(vars, parts)), DoseResponse.STACKED))


def column_units(model: Model, benefit: Benefit, columns: Iterable[str]) -> dict[str, str]:
    """Column -> unit of a table of dose responses or MEDs."""
    outcome = model.unit(benefit.outcome)
    known = dict.fromkeys(IN_DOSES, benefit.unit)
    known |= {name: outcome for name in columns if name.startswith(("benefit", "curve_"))}
    known |= dict.fromkeys(("threshold", "untreated", benefit.outcome), outcome)
    known |= {"days_to_90": "d"}
    for constraint in constraints(model, benefit.subject_to):
        known |= dict.fromkeys(constraint.columns, constraint.endpoint.unit)
    if benefit.exposure:
        exposure = model.unit(benefit.exposure)
        known |= {"cmax": exposure, "auc": f"{exposure}*{model.time}"}
    if benefit.blockade:
        known |= dict.fromkeys(("peak_blockade", "trough_blockade"), model.unit(benefit.blockade))
    known |= {i.name: i.unit for i in model.inputs}
    return {name: unit for name, unit in known.items() if name in columns}
