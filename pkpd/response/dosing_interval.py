"""Blockade of the typical patient over one dosing interval at steady state, at several doses.

Knows models with a benefit; knows no other patients and draws nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pkpd import limits
from pkpd.errors import PkpdError
from pkpd.population.cohort import Cohort, cohort
from pkpd.response.benefit import benefit_of
from pkpd.response.curves import benefit_entries
from pkpd.response.grid import Steady
from pkpd.result import Computed, Sheet, provenance
from pkpd.symbolic.model import Benefit, Model, check_model

POINTS = 193  # of the interval
MOST_DOSES = 4


@dataclass(frozen=True, repr=False)
class DosingInterval(Computed):
    """One output over one dosing interval, at D doses.

    cohort : the typical patient
    name : output; doses : (D,) in the unit of `benefit`; times : (T,) model time
    values : (D, T), NaN where a dose was not solved
    """

    NAME: ClassVar[str] = "interval"
    SUMMARY: ClassVar[str] = "interval"

    model: Model
    cohort: Cohort
    benefit: Benefit
    name: str
    doses: np.ndarray
    times: np.ndarray
    values: np.ndarray

    @property
    def unit(self) -> str:
        """Unit of the doses."""
        return self.benefit.unit

    def sheets(self) -> dict[str, Sheet]:
        """Tidy table DOSE, TIME and the output, doses in order, times in order."""
        doses, times = self.values.shape
        columns = {
            "DOSE": np.repeat(self.doses, times),
            "TIME": np.tile(self.times, doses),
            self.name: self.values.ravel(),
        }
        units = {"DOSE": self.unit, "TIME": self.model.time, self.name: self.model.unit(self.name)}
        return {"interval": Sheet(columns, units, ("DOSE", "TIME"))}

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """Peak and trough at each dose as plain data. command : for the provenance"""
        return {
            "output": self.name,
            "doses": self.doses,
            "peak": self.values.max(axis=1),
            "trough": self.values.min(axis=1),
            "benefit": benefit_entries(self.benefit),
            "provenance": provenance(self.model, self.cohort, command),
        }


def dosing_interval(
    model: Model,
    doses: Sequence[float] | np.ndarray | None = None,
    *,
    benefit: Benefit | None = None,
    changed: Mapping[str, Any] | None = None,
    rtol: float = 1e-6,
    solver: str = "auto",
) -> DosingInterval:
    """Blockade of the typical patient over one dosing interval at steady state.

    Parameters
    ----------
    doses : (D,) positive doses in the target's unit (default: the first four that the model
        reports, or four over its range)
    benefit : Benefit in place of the model's
    changed : {"toff": 24.0} or {"toff": "24 h"}, typical values set
    rtol, solver : as in pkpd.simulate

    Returns
    -------
    DosingInterval. Raises PkpdError where the model names no blockade or a dose is not positive.
    """
    check_model(model)
    if changed is not None:
        limits.check_kind(changed, dict, 'changed is a dict such as {"toff": 24.0}')
    benefit = benefit_of(model) if benefit is None else benefit
    limits.check_kind(benefit, Benefit, "benefit is what pkpd.response.benefit.benefit_of returns")
    if not benefit.blockade:
        raise PkpdError(f"{model.name}: [benefit] names no blockade to be followed over a day.")
    usual = benefit.report[:MOST_DOSES]
    if not usual:
        usual = tuple(np.geomspace(benefit.lowest, benefit.highest, MOST_DOSES))
    given = np.array(limits.numbers(usual if doses is None else doses, "doses"))
    if not len(given) or not (given > 0).all():
        raise PkpdError("doses must be positive.")
    people = cohort(model, typical=True, set=changed)
    steady = Steady(model, people, benefit, rtol=rtol, solver=solver)
    person, times = np.zeros(len(given), np.int64), np.linspace(0.0, steady.period, POINTS)
    solution = steady.at(person, given)
    values = steady.within(person, given, solution, times)[benefit.blockade]
    return DosingInterval(model, people, benefit, benefit.blockade, given, times, values)
