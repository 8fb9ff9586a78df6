"""Simulation: a model, a regimen or event table, and people meet here.

Knows how to bring them together and to solve them; knows nothing of methods, files or reports.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

import numpy as np

from pkpd import limits, units
from pkpd.dosing.actions import actions, steady_actions, target
from pkpd.dosing.background import of_model as background_of
from pkpd.dosing.occasions import beginnings, period, written_out
from pkpd.dosing.records import OTHER, Records
from pkpd.dosing.regimen import Regimen
from pkpd.dosing.rx import rx
from pkpd.dosing.timeline import CARRIES, clock_of, timeline
from pkpd.endpoints import Watch, interval, read
from pkpd.errors import DoseError, PkpdError, quoted
from pkpd.population.cohort import Cohort, of_model
from pkpd.population.occasions import by_occasion, effects, varying_between, with_effects
from pkpd.population.parts import by_parts
from pkpd.population.residual import observations, residuals
from pkpd.progress import watched
from pkpd.result import EndpointResult, EventResult, Result, joined
from pkpd.solvers.batch import Grid, compile, solve
from pkpd.solvers.periodic import periodic
from pkpd.solvers.status import OK
from pkpd.symbolic import plausibility
from pkpd.symbolic.drugs import targets_of
from pkpd.symbolic.inputs_as_states import used, varying
from pkpd.symbolic.model import Model

PATIENTS_AT_ONCE = 512  # what Ctrl-C can lose at most
MOST_NUMBERS = 2**25  # inputs on all occasions of the patients who are solved together: 256 MiB


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
        the last ("forward") or on the line between ("linear")
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
    _check_time(model, _latest_dose(model, doses))
    limits.one_of(carry, CARRIES, "way to carry inputs between records")
    tabled = isinstance(doses, Records)
    beside = None if background is None else _background(model, background, doses)
    how: dict[str, Any] = {"between": (carry, occasion), "solver": solver}
    how["options"] = {"rtol": rtol, "threads": threads}
    solved: Callable[..., Any]
    if endpoints is not None:
        solved = _endpoints_at_records if tabled else _endpoints
        how |= {"watch": Watch(read(model, endpoints)), "window": window}
    else:
        solved = _at_records if tabled else _courses
        names = model.outputs if outputs is None else limits.texts(outputs, "outputs")
        if not names:
            raise PkpdError("outputs names nothing; leave it out for the model's outputs.")
        errors = residuals(model, names, "none" if cohort.typical else residual)
        _check_room(model, doses, cohort, times, names)
        how |= {"times": times, "names": names, "errors": errors}
    if not tabled:
        how["beside"] = beside

    asked = {"rtol": rtol, "solver": solver, "carry": carry, "window": window}
    asked |= {"background": background} if background else {}
    if tabled and times is not None:
        asked["last"] = float(time_grid(model, None, times)[-1])

    def work(people, report):
        given = doses.of(people.ids) if isinstance(doses, Records) else doses
        return replace(solved(model, given, people, progress=report, **how), asked=asked)

    return by_parts(cohort, PATIENTS_AT_ONCE, work, _whole, progress)


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


def _courses(
    model, regimen, cohort, *, times, names, errors, beside, between, solver, options, progress
):
    """Result of a regimen."""
    kernel, occasion = compile(model, observe=names, solver=solver), between[1]
    grid = time_grid(model, regimen, times)
    span = {"t0": min(0.0, grid[0]), "t1": grid[-1]}

    def part(people, theta, start, given, report):
        solution = _run(
            kernel, theta, start, given, beside, options, grid=grid, progress=report, **span
        )
        return _result(people, regimen, names, errors, occasion, grid, solution)

    return _in_parts(model, regimen, cohort, occasion, grid, progress, part, beside)


def _run(kernel, theta, start, given, beside, options, *, t0, **watched):
    """Solution of all patients from t0 on, or from the steady state of a background at time 0.

    A patient without such a steady state fails at time 0.
    """
    if beside is None:
        return solve(kernel, theta, start, t0=t0, actions=given, **watched, **options)
    if t0 < 0.0:
        raise PkpdError(f"The background's steady state begins at time 0, not at {t0:g}.")
    period = beside.period() * units.factor("h", kernel.model.time)
    taken = steady_actions(kernel.model, beside.phases, theta, start, period)
    steady = periodic(kernel, theta, start, taken, period, **options)
    solution = solve(kernel, theta, start, steady.y, t0, actions=given, **watched, **options)
    failed = steady.status != OK
    return replace(
        solution,
        status=np.where(failed, steady.status, solution.status),
        fail_time=np.where(failed, 0.0, solution.fail_time),
    )


def _doubts(model, regimen):
    """Sentences on what is unlikely about the doses and covariates of a regimen or event table."""
    if isinstance(regimen, Records):
        for item in model.covariates:
            values = regimen.inputs.get(item.name, np.zeros(0))
            yield from plausibility.of_values(item, values[~np.isnan(values)])
        for k, into in enumerate(model.doses):
            amounts = regimen.amount[regimen.target == k]
            yield from plausibility.of_amounts(model, into.state, into.unit, amounts)
        return
    ways = {(p.into or model.doses[0].state, p.unit) for p in regimen.phases} if model.doses else ()
    for into, unit in sorted(ways):
        own = [p.amount for p in regimen.phases if p.unit == unit and p.into in (None, into)]
        yield from plausibility.of_amounts(model, into, unit, own)


def _in_parts(model, regimen, cohort, occasion, times, progress, part, beside):
    """Result of all patients, as many at a time as have inputs on all occasions that fit in memory.

    times : (T,) increasing model times that are looked at; occasions begin until the last of them
    beside : the Background, or None
    part : (people, theta, first row of theta of each patient, actions, progress) -> result
    """
    for phase in regimen.phases:
        target(model, phase.into, phase.unit)
    cycles = () if beside is None else beside.phases
    if beside is not None:
        end = max(times[-1], 0.0) / units.factor("h", model.time)
        regimen = Regimen((*regimen.phases, *beside.until(end)), regimen.until)
    drugs = targets_of(model, varying_between(cohort))
    begins, numbers = beginnings(model, regimen, occasion, times[-1], drugs)
    at_once = max(MOST_NUMBERS // (len(model.inputs) * max(len(begins), 1)), 1)
    parts = []
    for first in range(0, len(cohort), at_once):
        people = cohort.rows(slice(first, first + at_once))
        theta = by_occasion(people, numbers) if len(begins) else people.theta
        start = np.arange(len(people)) * max(len(begins), 1)
        report = None if progress is None else lambda done, first=first: progress(first + done)
        given = actions(model, regimen, theta, occasions=begins, times=times, before=cycles)
        parts.append(part(people, theta, start, given, report))
    return parts[0] if len(parts) == 1 else joined(parts, cohort)


def _result(cohort, regimen, names, errors, occasion, grid, solution):
    model, shape = cohort.model, solution.out.shape
    row, index = (i.ravel() for i in np.indices(shape[:2]))
    values = solution.out.reshape(len(row), -1)
    observed = observations(cohort, errors, names, values, row, index)
    return Result(
        model=model,
        cohort=cohort,
        regimen=str(regimen),
        names=names,
        units=_units(model, names),
        errors=errors,
        occasion=occasion,
        status=solution.status,
        fail_time=solution.fail_time,
        times=grid,
        values=solution.out,
        observed=observed.reshape(*shape[:2], len(errors)),
    )


def _units(model, names):
    return tuple(model.unit(n) for n in names)


def _endpoints(
    model, regimen, cohort, *, watch, window, beside, between, solver, options, progress
):
    """EndpointResult of a regimen."""
    kernel, occasion = watch.compile(model, solver), between[1]
    begin, stop = interval(model, window, regimen)
    stop = regimen.end * units.factor("h", model.time) if stop is None else stop

    def part(people, theta, start, given, report):
        since, until = _window(model, people, begin or 0.0, stop)
        given = given if window is None else given.before(until[0])
        solution = _run(
            kernel,
            theta,
            start,
            given,
            beside,
            options,
            t0=min(0.0, since[0]),
            t1=until,
            since=since,
            level=watch.level,
            progress=report,
        )
        status, ends = (solution.status, solution.fail_time), (since, until)
        return _endpoint_result(people, regimen, watch, occasion, solution, status, ends)

    ends = np.array([begin or 0.0, stop])
    return _in_parts(model, regimen, cohort, occasion, ends, progress, part, beside)


def _endpoints_at_records(
    model, records, cohort, *, watch, window, between, solver, options, progress
):
    """EndpointResult of records."""
    since, until = interval(model, window, None)
    ends = np.array([t for t in (since, until) if t is not None])
    kernel, _, _, line = _timeline(
        model, records, cohort, ends, between, lambda m: watch.compile(m, solver)
    )
    since, until = line.start if since is None else since, line.end if until is None else until
    since, until = _window(model, cohort, since, until)
    if window is not None:
        earlier = line.actions.before(np.repeat(until, np.diff(line.actions.start)))
        line = replace(line, end=until, actions=earlier)
    watched = {"since": since, "level": watch.level}
    solution, *status = _follow(kernel, line, options, progress, **watched)
    return _endpoint_result(cohort, records, watch, between[1], solution, status, (since, until))


def _endpoint_result(cohort, regimen, watch, occasion, solution, status, ends):
    """EndpointResult. status : (P,) and time of failure (P,); ends : of the window, (P,) each."""
    code, fail_time = status
    since, until = ends
    return EndpointResult(
        model=cohort.model,
        cohort=cohort,
        regimen=str(regimen),
        names=tuple(endpoint.text for endpoint in watch.endpoints),
        units=tuple(endpoint.unit for endpoint in watch.endpoints),
        errors=(),
        occasion=occasion,
        status=code,
        fail_time=fail_time,
        since=since,
        until=until,
        values=watch.values(solution, since, until),
    )


def _window(model, cohort, since, until):
    """Ends of the window of each patient, (P,) and (P,). Raises PkpdError where it is empty."""
    since, until = (np.array(np.broadcast_to(t, len(cohort)), dtype=float) for t in (since, until))
    _check_time(model, *since, *until)
    empty = np.flatnonzero(~(since < until))
    if len(empty):
        k = empty[0]
        raise PkpdError(
            f"Nothing lies between {since[k]:g} and {until[k]:g} {model.time}, "
            f"the window of ID {cohort.ids[k]}; give other ends."
        )
    return since, until


def _timeline(model, records, cohort, extra, between, compiled):
    """What it takes to follow patients through their records.

    between : how inputs are carried, and when occasions begin; compiled : model -> kernel

    Returns kernel, the records with their additional doses written out, which of these are the
    table's, and the timeline.
    """
    carry, occasion = between
    moving = used(model, records.inputs) if carry == "linear" else ()
    kernel = compiled(varying(model, moving) if moving else model)
    full, real, changes = records, np.ones(len(records), bool), {}
    length = period(occasion, model.time)
    if length != 0 and varying_between(cohort):
        clock = clock_of(model, records, extra)
        drugs = targets_of(model, varying_between(cohort))
        full, real, number = written_out(model, records, clock, carry, drugs, length, extra)
        effect = _effect(cohort, int(number.max()) + 1, records.inputs)
        changes = {"occasion": number, "effect": effect}
    line = timeline(model, full, cohort.theta, extra, carry, moving, **changes)
    return kernel, full, real, line


def _follow(kernel, line, options, progress, **watched):
    """Solution of a timeline; status and time of failure of each patient.

    A patient whose steady state fails has the status and time of the first of them.
    """
    steady, settled = line.steady, None
    if len(steady.inputs):
        settled = periodic(
            kernel, line.theta, steady.inputs, steady.actions, steady.interval, **options
        )
    solution = solve(
        kernel,
        line.theta,
        line.inputs,
        t0=line.start,
        t1=line.end,
        actions=line.actions,
        given=None if settled is None else settled.y,
        grid=Grid(line.times, line.slot, line.points, line.place),
        progress=progress,
        **options,
        **watched,
    )
    status, fail_time = solution.status.copy(), solution.fail_time.copy()
    if settled is not None:
        for k in np.flatnonzero(settled.status)[::-1]:
            patient = steady.patient[k]
            status[patient], fail_time[patient] = settled.status[k], steady.time[k]
    return solution, status, fail_time


def _at_records(
    model, records, cohort, *, times, names, errors, between, solver, options, progress
):
    """EventResult of the records."""
    extra = np.zeros(0) if times is None else time_grid(model, None, times)
    kernel, full, real, line = _timeline(
        model, records, cohort, extra, between, lambda m: compile(m, observe=names, solver=solver)
    )
    solution, status, fail_time = _follow(kernel, line, options, progress)
    out = solution.out[_written(full, real, line.place)]
    ids, at, evid, row, order = _rows(records, clock_of(model, records, extra), extra)
    counts = np.diff(records.first) + len(extra)
    person = np.repeat(np.arange(len(counts)), counts)
    index = np.concatenate([np.arange(n) for n in counts])
    observed = observations(cohort, errors, names, out, person, index)
    return EventResult(
        model=model,
        cohort=cohort,
        regimen=str(records),
        names=names,
        units=_units(model, names),
        errors=errors,
        occasion=between[1],
        status=status,
        fail_time=fail_time,
        ids=ids,
        times=at,
        evid=evid,
        row=row,
        values=out[order],
        observed=observed[order],
        table=records.table,
    )


def _effect(cohort, count, given):
    """(theta, patient, occasion) -> inputs on occasions, except those `given` by the table."""
    z = effects(cohort, count)
    columns = [cohort.model.input_names.index(name) for name in given]

    def effect(theta, person, occasion):
        own = z[person[:, None], occasion, np.arange(z.shape[-1])]
        moved = with_effects(cohort, theta, own)
        moved[:, columns] = theta[:, columns]
        return moved

    return effect


def _written(full, real, place):
    """Places of the output rows of the table's records and extra times, in the solver's order."""
    keep = np.ones(place[-1], bool)
    slots = place[:-1][full.person] + np.arange(len(full)) - full.first[:-1][full.person]
    keep[slots[~real]] = False
    return np.flatnonzero(keep)


def _rows(records, clock, extra):
    """ID, TIME, EVID and row of the table (0 for none) of each output row, and its place.

    The place is that in the solver's order, which has the extra times after the records.
    """
    counts = np.diff(records.first)
    person = np.repeat(np.arange(len(counts)), counts + len(extra))
    start = np.cumsum(counts + len(extra)) - counts - len(extra)
    added = np.arange(len(person)) - start[person] >= counts[person]
    time, evid = np.empty(len(person)), np.full(len(person), OTHER)
    row = np.zeros(len(person), np.int64)
    time[~added], evid[~added], row[~added] = records.time, records.evid, records.row
    time[added] = np.tile(extra, len(counts))
    moment = time.copy()
    moment[~added] = clock
    order = np.lexsort((added, moment, person)) if len(extra) else np.arange(len(person))
    return records.names[person][order], time[order], evid[order], row[order], order


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


def time_grid(model, regimen, times):
    """Output times (T,) in model time.

    Raises PkpdError where they do not increase or cannot be read.
    """
    if times is None:
        end = regimen.end * units.factor("h", model.time)
        step = units.factor("h", model.time)
        if regimen.end > limits.TIMES:
            raise PkpdError(
                f"A regimen of {regimen.end:,.0f} hours has too many hourly output times; "
                "give fewer by times, such as '0:168000:24'."
            )
        return np.arange(round(end / step) + 1) * step
    grid = _grid(model, times)
    _check_time(model, grid[0], grid[-1])
    return grid


def _check_time(model, *times):
    """Raises PkpdError where a model time lies beyond any life."""
    latest = limits.LATEST * units.factor("h", model.time)
    for time in times:
        if not abs(time) <= latest:
            raise PkpdError(f"A time of {time:g} {model.time} is beyond {latest:g} {model.time}.")


def _grid(model, times):
    """Times (T,) of a text or of numbers. Raises PkpdError."""
    if isinstance(times, str):
        return _grid_of_text(model, times)
    try:
        given = np.asarray(times)
        if given.dtype.kind in "bcmM":  # of another kind, or with a unit of its own
            raise TypeError
        grid = np.atleast_1d(given.astype(float))
    except (TypeError, ValueError) as error:
        raise PkpdError(f"times are numbers, or start:stop:step, not {quoted(times)}.") from error
    if grid.ndim != 1 or not len(grid) or not np.isfinite(grid).all() or (np.diff(grid) <= 0).any():
        raise PkpdError("times must be finite and increasing.")
    return grid


def _grid_of_text(model, text):
    """Times (T,) of "start:stop:step", to as many digits as are written. Raises PkpdError."""
    try:
        start, stop, step = map(float, text.split(":"))
    except ValueError as error:
        raise PkpdError(
            f"times '{text}' must be start:stop:step in {model.time}, such as 0:168:1."
        ) from error
    if not (step > 0 and stop >= start and (stop - start) / step < 1e7):
        raise PkpdError(
            f"times '{text}': step must be above 0, stop not before start, "
            "and at most 10 million points."
        )
    digits = max(-int(Decimal(number).as_tuple().exponent) for number in text.split(":"))
    count = int(np.floor((stop - start) / step + 1e-9)) + 1
    return np.round(start + step * np.arange(count), max(digits, 0))
