"""Blockade of the typical patient over one dosing interval at steady state, at several doses.

Knows models with a benefit; knows no cohorts and draws nothing.
"""

from dataclasses import dataclass

import numpy as np

from pkpd import limits
from pkpd.errors import PkpdError
from pkpd.population.cohort import cohort
from pkpd.response.benefit import benefit_of
from pkpd.response.grid import Steady
from pkpd.symbolic.model import Benefit, Model, check_model

POINTS = 193  # of the interval
MOST_DOSES = 4


@dataclass(frozen=True)
class DosingInterval:
    """One output over one dosing interval, at D doses.

    name : output; doses : (D,) in the unit of `benefit`; times : (T,) model time
    values : (D, T), NaN where a dose was not solved
    """

    model: Model
    benefit: Benefit
    name: str
    doses: np.ndarray
    times: np.ndarray
    values: np.ndarray
    changed: dict

    @property
    def unit(self):
        return self.benefit.unit


def dosing_interval(model, doses=None, *, benefit=None, changed=None, rtol=1e-6, solver="auto"):
    """Blockade of the typical patient over one dosing interval at steady state.

    Parameters
    ----------
    doses : (D,) positive doses (default: the first four that the model reports, or four over its
        range)
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
    if doses is None:
        doses = benefit.report[:MOST_DOSES] or np.geomspace(
            benefit.lowest, benefit.highest, MOST_DOSES
        )
    doses = np.array(limits.numbers(doses, "doses"))
    if not len(doses) or not (doses > 0).all():
        raise PkpdError("doses must be positive.")
    person, times = np.zeros(len(doses), np.int64), np.linspace(0.0, benefit.every, POINTS)
    people = cohort(model, typical=True, set=changed)
    steady = Steady(model, people, benefit, rtol=rtol, solver=solver)
    solution = steady.at(person, doses)
    return DosingInterval(
        model,
        benefit,
        benefit.blockade,
        doses,
        times,
        steady.within(person, doses, solution, times)[benefit.blockade],
        people.changed,
    )
