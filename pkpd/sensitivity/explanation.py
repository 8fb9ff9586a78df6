"""Why one patient's MED is where it is: the curve and its parts, a day, and what each input shifts.

Knows one patient and the typical one of a model with a benefit; knows nothing of how it is drawn
or printed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pkpd.errors import PkpdError, Stopped
from pkpd.population.cohort import Cohort
from pkpd.population.cohort import cohort as draw
from pkpd.reading import rows_of
from pkpd.response.benefit import benefit_of
from pkpd.response.best import best
from pkpd.response.curves import benefit_entries
from pkpd.response.grid import GRID, Steady, dose_grid, log_grid
from pkpd.response.med import MedTable, med
from pkpd.result import Computed, Sheet, provenance
from pkpd.sensitivity.attribution import Attribution, attribute
from pkpd.symbolic.model import Benefit, Model

if TYPE_CHECKING:
    import pandas as pd

TIMES = 97  # of a dosing interval
FULL = "all parts"


@dataclass(frozen=True, repr=False)
class Explanation(Computed):
    """One patient beside the typical one.

    table : MedTable of both, the patient first
    parts : name -> (D,) benefit with a switch of the model off
    doses : (D,) in the benefit's unit; times : (T,) in model time, one dosing interval
    watched : the output shown over it; course : (D, T) its values at these doses
    names : (P,) inputs in which the two differ
    rank : (P,) share of people with a lower value of the input, NaN for classes
    attribution : of log10 best dose, patient minus typical; None where Ctrl-C ended it
    """

    NAME: ClassVar[str] = "explain"
    SUMMARY: ClassVar[str] = "explain"

    model: Model
    benefit: Benefit
    cohort: Cohort
    table: MedTable
    parts: dict
    doses: np.ndarray
    times: np.ndarray
    watched: str
    course: np.ndarray
    names: tuple
    rank: np.ndarray
    attribution: Attribution | None = None

    @property
    def id(self) -> int:
        """ID of the patient."""
        return int(self.cohort.ids[0])

    def row(self, who: int = 0) -> dict[str, Any]:
        """Name -> value of the MED table; who : 0 for the patient, 1 for the typical one."""
        return rows_of(self.table.columns, who)

    def sheets(self) -> dict[str, Sheet]:
        """None: all of it is in the summary."""
        return {}

    def frame(self) -> "pd.DataFrame":
        """The shifts as a DataFrame, one row per input."""
        import pandas as pd

        return pd.DataFrame(self.shifts())

    def shifts(self) -> list[dict[str, Any]]:
        """Plain data of every input's part in the shift of the best dose, largest first.

        name, label, group, unit, value, typical, rank, log10, half_width, and the `factor` by which
        the best dose moves
        """
        found = self.attribution
        if found is None:
            return []
        order = np.argsort(-np.abs(found.part), kind="stable")
        return [self._shift(k, found) for k in order]

    def _shift(self, k, found):
        """What input k of `names` has moved, by an Attribution."""
        name = self.names[k]
        item = self.model.inputs[self.model.input_names.index(name)]
        return {
            "name": name,
            "label": item.label,
            "group": item.group,
            "unit": item.unit,
            "value": self.row(0)[name],
            "typical": self.row(1)[name],
            "rank": self.rank[k],
            "log10": found.part[k],
            "half_width": found.half[k],
            "factor": 10 ** found.part[k],
        }

    def _attributed(self):
        """Plain data on the attribution, or on its absence."""
        found = self.attribution
        if found is None:
            own, typical = np.log10(self.table.columns["argmax"])
            found = Attribution(np.zeros(0), np.zeros(0), float(own - typical), False, 0)
        return {
            "stopped": self.attribution is None,
            "difference_log10": found.difference,
            "exact": found.exact,
            "evaluations": found.evaluations,
        }

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        own, typical, curve = self.row(0), self.row(1), self.table.curves
        keep = (
            "status",
            "med",
            "argmax",
            "benefit_at_argmax",
            "w90_low",
            "w90_high",
            "second_peak",
            "untreated",
        )
        return {
            "id": self.id,
            "patient": {k: own[k] for k in keep},
            "typical": {k: typical[k] for k in keep},
            "shifts": self.shifts(),
            **self._attributed(),
            "curve": {
                "doses": curve.doses,
                "patient": curve.gain[0],
                "typical": curve.gain[1],
                "parts": self.parts,
            },
            "day": {
                "output": self.watched,
                "times": self.times,
                "doses": self.doses,
                "values": self.course,
            },
            "benefit": benefit_entries(self.benefit),
            "provenance": provenance(self.model, self.cohort, command),
        }


def explain(
    model: Model,
    id: int,
    *,
    seed: int = 1,
    sampling: str = "sobol",
    set: Mapping[str, Any] | None = None,
    solver: str = "auto",
    threads: int | None = None,
    **changes: Any,
) -> Explanation:
    """Explain why the MED of one virtual patient is where it is.

    Parameters
    ----------
    id : ID of the patient
    seed, sampling, set : as in pkpd.cohort, which draws the patient
    solver, threads : as in pkpd.med
    changes : outcome, better, ... in place of the model's [benefit]

    Returns
    -------
    Explanation. Raises PkpdError for bad input, and where the patient or the typical one cannot be
    solved; Stopped on Ctrl-C during the attribution, with the Explanation without it.
    """
    benefit = benefit_of(model, **changes)
    numerics: dict[str, Any] = {"solver": solver, "threads": threads}
    one = draw(model, seed=seed, sampling=sampling, set=set, ids=[id])
    both = one.with_inputs(np.vstack([one.theta, draw(model, typical=True, set=set).theta]))
    table = med(model, both, rtol=1e-6, **numerics, **changes)
    for who, status, theta in zip(
        (f"Patient {id}", "The typical patient"), table.columns["status"], both.theta, strict=True
    ):
        if status in ("failed", "flat"):
            what = (
                "could not be solved"
                if status == "failed"
                else f"does not respond: no dose moves {benefit.outcome}"
            )
            raise PkpdError(
                f"{who} of {model.name} {what}, so there is no best dose to explain."
                f"{_other_class(model, theta)}"
            )
    names = tuple(n for n, a, b in zip(model.input_names, *both.theta, strict=True) if a != b)
    doses, times, watched, course = _day(model, one, benefit, table.columns["argmax"][0], numerics)
    parts = _parts(model, one, benefit, numerics)
    day = doses, times, watched, course
    rest = names, _rank(one, names)
    try:
        attribution = _attribution(model, both, benefit, names, seed, numerics)
    except KeyboardInterrupt as stop:
        partial = Explanation(model, benefit, one, table, parts, *day, *rest)
        raise Stopped(partial, 3, 4, "parts of the explanation") from stop
    return Explanation(model, benefit, one, table, parts, *day, *rest, attribution)


def _other_class(model, theta):
    """A sentence on the class of a patient theta (K,) that is not the typical one, or nothing.

    It says how to see the patient in the typical class.
    """
    for item, value in zip(model.inputs, theta, strict=True):
        if item.iiv is not None and item.iiv.kind == "classes" and value != item.value:
            label = item.iiv.classes[int(value)][0]
            return (
                f" {item.name} is {value:g} ({label}) here; see the dose it would be otherwise "
                f"with --set {item.name}={item.value:g}."
            )
    return ""


def switches(model, theta):
    """Names of the model's switches that are on for a patient theta (K,)."""
    value = dict(zip(model.input_names, theta, strict=True))
    return tuple(i.name for i in model.switches if value[i.name] != 0)


def _parts(model, one, benefit, numerics):
    """Name -> benefit (D,) with one switch off, and with all off where there are several."""
    on = switches(model, one.theta[0])
    off = {name: [name] for name in on} | ({FULL: on} if len(on) > 1 else {})
    if not off:
        return {}
    theta = np.repeat(one.theta, len(off), axis=0)
    for row, names in enumerate(off.values()):
        theta[row, list(map(model.input_names.index, names))] = 0.0
    steady = Steady(model, one.with_inputs(theta), benefit, **numerics)
    gain = dose_grid(steady, log_grid(benefit)).gain
    return dict(zip(off, gain, strict=True))


def _day(model, one, benefit, argmax, numerics):
    """Four doses, times, the output watched and its course (4, T) over one steady interval."""
    watched = benefit.blockade or benefit.exposure or benefit.outcome
    report = np.array(benefit.report)
    shown = report[~np.isclose(report, argmax, rtol=0.05)]
    if len(shown) >= 3:
        others = shown[np.linspace(0, len(shown) - 1, 3).round().astype(int)]
    else:
        others = argmax * np.array([0.25, 4.0, 16.0])
    doses = np.unique([argmax, *others])
    person, steady = np.zeros(len(doses), np.int64), Steady(model, one, benefit, **numerics)
    times = np.linspace(0.0, steady.period, TIMES)
    return (
        doses,
        times,
        watched,
        steady.within(person, doses, steady.at(person, doses), times)[watched],
    )


def _attribution(model, both, benefit, names, seed, numerics):
    """Attribution of log10 best dose, patient minus typical, to the inputs that differ."""
    columns = list(map(model.input_names.index, names))

    def value(inside):
        theta = np.repeat(both.theta[1:], len(inside), axis=0)
        theta[:, columns] = np.where(inside, both.theta[0, columns], theta[:, columns])
        # the grid and tolerances of `med`, so that the ends are the two MEDs to the bit
        found = best(
            model, both.with_inputs(theta), benefit, doses=GRID, rtol=1e-6, tol=1e-6, **numerics
        ).argmax
        if np.isnan(found).any():
            raise PkpdError(
                f"A patient between patient {int(both.ids[0])} and the typical one could not be "
                "solved; there is no split. Try --solver rosenbrock."
            )
        return found

    return (
        attribute(value, len(names), seed)
        if names
        else Attribution(np.zeros(0), np.zeros(0), 0.0, True, 0)
    )


def _rank(one, names):
    from scipy.special import ndtr

    smooth = [i.name for i in one.model.inputs if i.iiv is not None and i.iiv.kind != "classes"]
    return np.array(
        [ndtr(one.latent[0, smooth.index(n)]) if n in smooth else np.nan for n in names]
    )
