"""Which outputs are explained, their values at points of the unit cube, and tables of results.

Knows models with a benefit; the methods themselves know only functions.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from pkpd import limits
from pkpd.errors import PkpdError
from pkpd.population.cohort import cohort
from pkpd.response.benefit import benefit_of
from pkpd.response.best import best, precision
from pkpd.response.curves import benefit_entries
from pkpd.response.scale import scale_of
from pkpd.response.uncertainty import over_scramblings
from pkpd.result import Computed, Sheet, provenance
from pkpd.sensitivity.design import Design, design
from pkpd.symbolic.model import Benefit, Model

OUTPUTS = ("log10_med", "benefit_at_med", "responder")
COLUMNS = ("output", "method", "input", "value", "low", "high")
CHECKED = 64  # patients on which the error of the quick MED is measured
FEW = 5  # numerical errors: an output that differs by no more SD than that is the same for all


@dataclass(frozen=True)
class Study:
    """The question: which inputs move the outputs. numerics : solver, threads"""

    model: Model
    benefit: Benefit
    design: Design
    seed: int
    numerics: dict
    outputs: tuple = OUTPUTS

    @property
    def single(self):
        """Input -> (V,) mask of its dimension."""
        return dict(zip(self.design.names, np.eye(len(self.design), dtype=bool), strict=True))

    @property
    def groups(self):
        """Group -> (V,) mask; none where there is only one."""
        found = self.design.groups()
        return found if len(found) > 1 else {}

    def draw(self, first, last, r):
        """Two independent matrices (2, N, V) of points of scrambling r."""
        return self.design.points(first, last, self.seed, r)

    def __call__(self, u, progress=None):
        """Outputs (N, O) of the people at points u (N, V); NaN where one could not be solved.

        The best dose of a non-responder is the one that the patient would have in the typical
        class, or the lowest if there is none either.
        """
        people = self.design.people(u)
        options = self.precision.options | self.numerics | {"scale": self.scale}
        found = best(self.model, people, self.benefit, progress=progress, **options)
        argmax, rows = found.argmax, np.flatnonzero(found.flat)
        if len(rows):
            other = best(
                self.model,
                self.design.typical_class(people.rows(rows)),
                self.benefit,
                **options,
            )
            argmax[rows] = np.where(other.flat, np.log10(self.benefit.lowest), other.argmax)
        return np.column_stack([argmax, found.gain, found.responder])

    def seen_in(self, values):
        """What independent people (N, O) were like, as plain data.

        Shares at the ends of the range and helped enough, SDs, failures, the numerical error.
        """
        fine = values[~np.isnan(values).any(axis=1)]
        ends = np.log10([self.benefit.lowest, self.benefit.highest])
        return {
            "censored": float(np.isclose(fine[:, :1], ends, rtol=0, atol=1e-9).any(axis=1).mean()),
            "responders": float(fine[:, 2].mean()),
            "sd": dict(zip(self.outputs, fine.std(axis=0), strict=True)),
            "failed": len(values) - len(fine),
            "numeric_error_log10": self.precision.error["log10_med"],
            "numeric_error": self.precision.error,
        }

    @cached_property
    def precision(self):
        """The Precision that the best doses of these people need."""
        people = self.design.people(self.design.points(0, CHECKED, self.seed, 0)[0])
        return precision(self.model, people, self.benefit, **self.numerics)

    @cached_property
    def scale(self):
        """The Scale by which benefits are judged."""
        typical = cohort(self.model, typical=True, set=self.design.changed)
        numerics = {"rtol": self.precision.options["rtol"], "solver": self.numerics["solver"]}
        return scale_of(self.model, typical, self.benefit, **numerics)

    def alike(self, sd):
        """Outputs that are the same for all as far as can be told, by their SDs {output: sd}."""
        error = self.precision.error
        return [name for name in self.outputs if not sd[name] > FEW * error.get(name, 0.0)]


def study(model, *, seed=1, set=None, solver="auto", threads=None, **changes):
    """Study of a model.

    set : typical values; changes : outcome, better, ... in place of the model's [benefit]. Raises
    PkpdError.
    """
    limits.check_whole(seed, 0, limits.SEED, "seed")
    benefit = benefit_of(model, **changes)
    if changes.get("subject_to") is not None and benefit.subject_to:
        raise PkpdError(
            "Sensitivity is that of the dose that helps most, safe or not; leave out subject_to, "
            "and compute MEDs for what is safe."
        )
    return Study(
        model,
        benefit,
        design(model, set),
        seed,
        {"solver": solver, "threads": threads},
    )


class Work:
    """A study as a function of points that counts its patients: progress(done, planned so far)."""

    def __init__(self, asked, progress=None):
        self.asked, self.progress, self.done, self.planned = asked, progress, 0, 0

    def plan(self, count):
        self.planned += count

    def __call__(self, u):
        found = self.asked(
            u, self.progress and (lambda n: self.progress(self.done + n, self.planned))
        )
        self.done += len(u)
        return found


@dataclass(frozen=True, repr=False)
class Sensitivity(Computed):
    """What moves the outputs of a model.

    columns : output, method, input, value, low, high, one row each (docs/data-contracts.md)
    about : plain data on how they were found
    """

    NAME: ClassVar[str] = "sensitivity"
    SUMMARY: ClassVar[str] = "sensitivity"

    study: Study
    columns: dict
    about: dict

    @property
    def model(self) -> Model:
        """The model whose inputs are asked about."""
        return self.study.model

    def get(self, output: str, method: str) -> dict[str, tuple[float, ...]]:
        """{input or group: (value, low, high)}, in the order of the table: shares of the variance.

        output : such as "log10_med"; method : such as "sobol_total". {} where it was not estimated.
        """
        c = self.columns
        rows = (c["output"] == output) & (c["method"] == method)
        found = zip(c["value"][rows], c["low"][rows], c["high"][rows], strict=True)
        return dict(zip(map(str, c["input"][rows]), found, strict=True))

    def sheets(self) -> dict[str, Sheet]:
        return {"sensitivity": Sheet(self.columns, keys=COLUMNS[:3])}

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        asked = self.study
        origin = provenance(
            self.model,
            asked.design.people(np.full((1, len(asked.design)), 0.5), asked.seed),
            command,
        )
        inputs = {
            i.name: {"label": i.label, "unit": i.unit, "group": i.group, "evidence": i.evidence}
            for i in self.model.inputs
            if i.name in asked.design.names
        }
        benefit = benefit_entries(asked.benefit)
        return self.about | {
            "inputs": inputs,
            "groups": list(asked.groups),
            "benefit": benefit,
            "provenance": origin | {"n": self.about["evaluations"]},
        }


def table(outputs, rows, runs):
    """Tidy columns of estimates, their mean and 95 % interval over scramblings.

    rows : J (method, input); runs : R estimates (J, O)
    """
    runs = np.moveaxis(np.array(runs), 2, 1).reshape(len(runs), -1)
    found = over_scramblings(range(runs.shape[1]), runs[0], runs[1:])
    methods, inputs = zip(*rows, strict=True)
    return {
        "output": np.repeat(outputs, len(rows)),
        "method": np.tile(methods, len(outputs)),
        "input": np.tile(inputs, len(outputs)),
        "value": found.value,
        "low": found.low,
        "high": found.high,
    }
