"""A regimen as the event table of other simulators: one record a dose or row of equal doses.

Knows regimens, dose targets and people; knows nothing of how doses are solved.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd import limits, units
from pkpd.dosing.actions import amount_of, target
from pkpd.dosing.regimen import Phase, Regimen
from pkpd.dosing.rx import rx
from pkpd.errors import DoseError
from pkpd.population.cohort import Cohort, of_model
from pkpd.symbolic.model import Model, check_model

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("ID", "TIME", "AMT", "RATE", "II", "ADDL", "CMT", "EVID")


def event_table(model: Model, regimen: str | Regimen, cohort: Cohort) -> "pd.DataFrame":
    """Table of each patient's doses under a regimen, as NONMEM and other simulators read it.

    regimen : Regimen or text of one; cohort : of the model, whose covariates doses may be per

    Returns a DataFrame with ID TIME AMT RATE II ADDL CMT EVID, sorted by ID and TIME, in the units
    of the model, which stand in frame.attrs["units"]; CMT is the number of the state that is dosed,
    as in the exports of the model. `pkpd.events` reads it back.

    Raises DoseError where the model has no such dose, CohortError for people of another model.

    >>> model = pkpd.load("pk/one_compartment")
    >>> people = pkpd.cohort(model, n=2, seed=7)
    >>> pkpd.event_table(model, "100 mg q24h x 3", people)[["TIME", "AMT", "II", "ADDL"]].values
    array([[  0., 100.,  24.,   2.],
           [  0., 100.,  24.,   2.]])
    """
    import pandas as pd

    check_model(model)
    limits.check_kind(cohort, Cohort, "cohort is what pkpd.cohort returns", DoseError)
    of_model(model, cohort)
    found = regimen if isinstance(regimen, Regimen) else rx(regimen)
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for phase in found.phases:
        for time, interval, more in _records(phase, units.factor(model.time, "h")):
            record = _of_people(model, phase, cohort) | {"TIME": time, "II": interval, "ADDL": more}
            for name, value in record.items():
                columns[name].extend(np.broadcast_to(value, len(cohort)).tolist())
    order = {name: place for place, name in enumerate(cohort.names.tolist())}
    frame = pd.DataFrame(columns)
    frame = frame.iloc[np.lexsort((frame["TIME"], frame["ID"].map(order)))].reset_index(drop=True)
    named = {dosed.unit for dosed in model.doses}
    frame.attrs["units"] = {"TIME": model.time, "II": model.time}
    if len(named) == 1:
        (unit,) = named
        frame.attrs["units"] |= {"AMT": unit, "RATE": f"{unit}/{model.time}"}
    return frame


def _records(phase: Phase, hours: float) -> list[tuple[float, float, int]]:
    """(time, interval, number of additional doses); a pattern is written out. hours : of a unit"""
    if len(phase.pattern) > 1 or phase.count == 1:
        return [(float(time) / hours, 0.0, 0) for time in phase.times]
    return [(phase.start / hours, phase.every / hours, phase.count - 1)]


def _of_people(model: Model, phase: Phase, cohort: Cohort) -> dict[str, Any]:
    """What a dose of a phase is for each patient (P,)."""
    dosed = target(model, phase.into, phase.unit)
    factor, place = amount_of(model, dosed, phase.unit)
    size = 1.0 if place is None else cohort.theta[:, place]
    amount = phase.amount * factor * size * np.ones(len(cohort))
    duration = phase.over / units.factor(model.time, "h")
    return {
        "ID": cohort.names,
        "AMT": amount,
        "RATE": amount / duration if duration else 0.0,
        "CMT": model.state_names.index(dosed.state) + 1,
        "EVID": 1,
    }
