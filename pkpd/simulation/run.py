"""`simulate`: what is asked for is checked, and solved part by part for a whole cohort.

Knows models, regimens, event tables and people; how each kind of doses is solved is known to
`regimens` and `records`.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from pkpd import limits, units
from pkpd.dosing.actions import amount_of, target
from pkpd.dosing.background import of_model as background_of
from pkpd.dosing.records import Records
from pkpd.dosing.regimen import Regimen
from pkpd.dosing.rx import rx
from pkpd.dosing.timeline import CARRIES
from pkpd.endpoints import Watch, read
from pkpd.errors import DoseError, PkpdError
from pkpd.population.cohort import Cohort, of_model
from pkpd.population.parts import by_parts
from pkpd.population.residual import residuals
from pkpd.population.typical import at_reference
from pkpd.progress import watched
from pkpd.result import joined
from pkpd.simulation import records, regimens
from pkpd.simulation.times import check_time, time_grid
from pkpd.symbolic import plausibility
from pkpd.symbolic.model import Model

PATIENTS_AT_ONCE = 512  # what Ctrl-C can lose at most


@watched(lambda given: len(given["cohort"]))
def simulate(
    model: Model,
    regimen: Regimen | Records | str,
    cohort: Cohort,
    times: str | Sequence[float] | np.ndarray | None = None,
    *,
    outputs: Sequence[str] | None = None,
    endpoints: Sequence[str] | None = None,
    window: str | tuple | None = None,
    rtol: float = 1e-6,
    solver: str = "auto",
    threads: int | None = None,
    progress: Callable[[int], object] | Literal[False] | None = None,
    carry: str = "backward",
    occasion: str = "dose",
    residual: str | Mapping[str, str] | None = None,
    background: str | None = None,
) -> Any:
    """Simulate a cohort under one regimen, or each patient at the records of an event table.

    Parameters
    ----------
    regimen : Regimen, text such as "4.5 mg q24h x 28", or the Records of pkpd.events
    times : (T,) increasing, in model time, one of them, or "start:stop:step" with stop included;
        default: hourly from 0 to one interval after the last dose. With an event table these are
        additional times (default: none)
    outputs : names of states or assignments (default: the model's outputs)
    endpoints : in place of times and outputs, numbers of each patient: "cmax(Cc)", "tmax(Cc)",
        "cmin(Cc)", "tmin(Cc)", "auc(Cc)", "mean(pain)", "time_above(Cc, 1 ng/mL)",
        "time_below(pain, 4 NRS)"; any state or output; a level may name a parameter or output. They
        come from the solver's own steps: no grid limits them
    window : of the endpoints: (from, to) in model time or as text such as "27 d", "day 28", or
        "last interval"; from just after the doses at its beginning to just before those at its end;
        tmax and tmin count from its beginning. Default: from 0 to one interval after the last dose,
        or from a patient's first to last record, with the doses there
    rtol : relative tolerance; solver : see pkpd.solvers.batch.compile
    threads : number of threads (default: all cores); results do not depend on it
    progress : called with the number of finished patients (default: a bar; False for none)
    carry : between records of an event table, inputs are those of the next record ("backward"), of
        the last ("forward") or interpolated between them ("linear")
    occasion : when inputs that vary between occasions change: "dose" (with each dose of
        the drug that they belong to), after a length of time such as "7 d", or "none"
    residual : {"Cc": "15 % + 0.05 ng/mL"} in place of or beside the model's [residual], or "none";
        the typical patient and endpoints have none
    background : what has been taken without end before time 0 and goes on beside the regimen, such
        as "30 mg into tablet q12h": the run begins in its steady state

    Returns
    -------
    Result with values (P, T, O), EventResult with one row per record, or EndpointResult with one
    row per patient. The patients of an event table with IDs are those of the cohort with these IDs;
    a table without IDs is given to everybody. A patient whose solution fails is NaN, with ID,
    reason and time; the others are unharmed. Raises PkpdError for bad input, and Stopped on Ctrl-C,
    with the result of the patients that are finished.

    >>> model = pkpd.load("pk/one_compartment")
    >>> run = pkpd.simulate(model, "100 mg", pkpd.cohort(model, n=3, seed=7), "0:24:8")
    >>> run.names, run.values.shape
    (('Cc',), (3, 4, 1))
    """
    of_model(model, cohort)
    limits.check_called(progress=progress)
    _check_asked(times, outputs, endpoints, window)
    doses = _doses(model, regimen)
    plausibility.warn(_doubts(model, doses))
    if isinstance(doses, Records):
        doses = doses.matched(cohort)
        cohort = _patients(doses, cohort)
        _check_given_once(doses, cohort)
    check_time(model, _latest_dose(model, doses))
    limits.one_of(carry, CARRIES, "way to carry inputs between records")
    beside = None if background is None else _background(model, background, doses)
    how: dict[str, Any] = {"between": (carry, occasion), "solver": solver}
    how["options"] = {"rtol": rtol, "threads": threads}
    if endpoints is not None:
        how |= {"watch": Watch(read(model, endpoints)), "window": window}
    else:
        how |= _courses_asked(model, doses, cohort, times, outputs, residual)
    asked = {"rtol": rtol, "solver": solver, "carry": carry, "window": window}
    asked |= {"background": background} if background else {}
    if isinstance(doses, Records) and times is not None:
        asked["last"] = float(time_grid(model, None, times)[-1])

    def work(people, report):
        return replace(_solved(model, doses, people, beside, report, how), asked=asked)

    return by_parts(cohort, PATIENTS_AT_ONCE, work, _whole, progress)


def _courses_asked(model, doses, cohort, times, outputs, residual):
    """Times, names and residual errors of the time courses asked for. Raises PkpdError."""
    names = model.outputs if outputs is None else limits.texts(outputs, "outputs")
    if not names:
        raise PkpdError("outputs names nothing; leave it out for the model's outputs.")
    errors = residuals(model, names, "none" if cohort.typical else residual)
    _check_room(model, doses, cohort, times, names)
    return {"times": times, "names": names, "errors": errors}


def _solved(model, doses, people, beside, progress, how):
    """The result of some people: endpoints where `how` holds a Watch, else time courses."""
    if isinstance(doses, Records):
        at_records = records.endpoint_values if "watch" in how else records.courses
        return at_records(model, doses.of(people.ids), people, progress=progress, **how)
    under_regimen = regimens.endpoint_values if "watch" in how else regimens.courses
    return under_regimen(model, doses, people, beside=beside, progress=progress, **how)


def _check_asked(times, outputs, endpoints, window):
    """Raises PkpdError where what is asked for excludes itself."""
    if endpoints is not None and (times is not None or outputs is not None):
        raise PkpdError(
            "Endpoints take neither times nor outputs: they come from every step of the solver. "
            "Say when by a window."
        )
    if endpoints is None and window is not None:
        raise PkpdError("A window is that of endpoints; name some, such as 'cmax(Cc)'.")


def _doses(model, regimen):
    """The Regimen or the Records of the model. Raises DoseError for those of another model."""
    if isinstance(regimen, Records):
        if regimen.digest != model.digest:
            raise DoseError(
                f"The {regimen} was read for another model; read it with pkpd.events again."
            )
        return regimen
    return regimen if isinstance(regimen, Regimen) else rx(regimen)


def _background(model, text, doses):
    """The Background. Raises DoseError where there is none beside such doses."""
    if isinstance(doses, Records):
        raise DoseError(
            "An event table says all that is given; write the background into it, or give a "
            "regimen in place of the table."
        )
    found = background_of(model, text)
    first = {p.into or model.doses[0].state for p in doses.phases if p.into is None}
    if first & {model.doses[0].state for p in found.phases if p.into is None}:
        raise DoseError(
            f"Both '{doses}' and the background '{found}' go into the model's first target; say "
            "into which each of them goes."
        )
    return found


def _latest_dose(model, doses):
    """The largest size of the model times at which something is given, 0 without any."""
    if isinstance(doses, Records):
        times = doses.time + doses.additional * doses.interval
        return np.abs(times).max(initial=0.0)
    return doses.end * units.factor("h", model.time)


def _check_room(model, regimen, cohort, times, names):
    """Raises PkpdError where the times are too many or too late, or the outputs fill the memory."""
    if isinstance(regimen, Records):
        extra = 0 if times is None else len(time_grid(model, None, times))
        count = len(regimen) + len(cohort) * extra
    else:
        count = len(cohort) * len(time_grid(model, regimen, times))
    what = f"{len(names)} outputs of {len(cohort):,} patients at {count / len(cohort):,.0f} times"
    limits.check_memory(2 * 8 * count * len(names), what)


def _whole(parts, cohort):
    """One result of all parts."""
    return joined(parts, cohort) if len(parts) > 1 or cohort.planned else parts[0]


def _doubts(model, doses):
    """Sentences on what is unlikely about the doses and covariates of a regimen or event table."""
    if isinstance(doses, Records):
        return _doubts_of_records(model, doses)
    return _doubts_of_regimen(model, doses)


def _doubts_of_records(model, records):
    for item in model.covariates:
        values = records.inputs.get(item.name, np.zeros(0))
        yield from plausibility.of_values(item, values[~np.isnan(values)])
    for k, into in enumerate(model.doses):
        amounts = records.amount[records.target == k]
        yield from plausibility.of_amounts(model, into.state, into.unit, amounts)


def _doubts_of_regimen(model, regimen):
    if not model.doses:
        return
    first, amounts = model.doses[0].state, defaultdict(list)
    for phase in regimen.phases:
        amounts[phase.into or first, phase.unit].append(phase.amount)
    for (into, unit), given in sorted(amounts.items()):
        dosed = target(model, into)
        factor, place = amount_of(model, dosed, unit)
        if place is not None:  # per a covariate: what the typical person is given
            size = factor * at_reference(model.inputs[place], {})
            unit, given = dosed.unit, size * np.array(given)
        yield from plausibility.of_amounts(model, into, unit, given)


def _patients(records, cohort):
    """The cohort's patients that the records are about; one typical patient stands for every ID."""
    if not records.identified:
        return cohort
    if not cohort.typical:
        return replace(cohort.subset(records.ids), labels=records.names)
    rows = np.zeros(len(records.ids), np.int64)
    return replace(cohort.rows(rows), ids=records.ids, labels=records.names)


def _check_given_once(records, cohort):
    """Raises DoseError where records and cohort both give the values of an input."""
    for name in records.inputs:
        if name in cohort.changed:
            raise DoseError(f"'{name}' is set and also a column of {records.name}; leave out one.")
        if name in cohort.from_table:
            raise DoseError(
                f"'{name}' is a column of {records.name} and of {cohort.table}; leave out one."
            )
