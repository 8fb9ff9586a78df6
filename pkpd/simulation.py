"""The place where a model, a regimen or event table, and people meet."""

from dataclasses import replace

import numpy as np

from pkpd import units
from pkpd.dosing.events import actions, target
from pkpd.dosing.rx import rx
from pkpd.dosing.table import OTHER, Records
from pkpd.dosing.timeline import timeline
from pkpd.endpoints import Watch, interval, read
from pkpd.errors import PkpdError
from pkpd.result import EndpointResult, EventResult, Result
from pkpd.solvers.batch import Grid, compile, solve
from pkpd.solvers.periodic import periodic
from pkpd.symbolic.vary import used, varying


def simulate(
    model, regimen, cohort, times=None, *, outputs=None, endpoints=None, window=None, rtol=1e-6, solver="auto", threads=None, progress=None,
    carry="backward",
):  # fmt: skip
    """Simulate a cohort under one regimen, or each patient at the records of an event table.

    Parameters
    ----------
    regimen : Regimen, text such as "4.5 mg q24h x 28", or the Records of pkpd.events
    times : (T,) increasing model times, or "start:stop:step" with stop included; default hourly from 0 to one interval
        after the last dose; with an event table these are additional times (default: none)
    outputs : names of states or assignments (default: the model's outputs)
    endpoints : in place of times and outputs, numbers of each patient: "cmax(Cc)", "tmax(Cc)", "cmin(Cc)", "tmin(Cc)", "auc(Cc)",
        "mean(pain)", "time_above(Cc, 1 ng/mL)", "time_below(pain, 4 NRS)"; any state or output; a level may name a parameter or
        output. They come from the solver's own steps: no grid limits them
    window : of the endpoints: (from, to) in model time or as text such as "27 d", "day 28", or "last interval"; from just after the
        doses at its beginning to just before those at its end; tmax and tmin count from its beginning. Default: from 0 to one
        interval after the last dose, or from a patient's first to last record, with the doses there
    rtol : relative tolerance; solver : see pkpd.solvers.batch.compile; progress : called with the number of finished patients
    carry : between records of an event table, inputs are those of the next record ("backward"), of the last ("forward") or
        on the line between ("linear")

    Returns
    -------
    Result with values (P, T, O), EventResult with one row a record, or EndpointResult with one row a patient. The patients of an
    event table with IDs are those of the cohort with these IDs; a table without IDs is given to everybody. A patient whose solution
    fails is NaN with ID, reason and time; the others are unharmed. Raises PkpdError for bad input.
    """
    if not 1e-13 <= rtol <= 0.1:
        raise PkpdError(f"rtol {rtol:g} must lie between 1e-13 and 0.1.")
    if endpoints is not None and (times is not None or outputs is not None):
        raise PkpdError("Endpoints take neither times nor outputs: they come from every step of the solver. Say when by a window.")
    if endpoints is None and window is not None:
        raise PkpdError("A window is that of endpoints; name some, such as 'cmax(Cc)'.")
    options = {"rtol": rtol, "threads": threads}
    if isinstance(regimen, str):
        regimen = rx(regimen)
    if endpoints is not None:
        return _endpoints(model, regimen, cohort, Watch(read(model, endpoints)), window, carry, solver, options, progress)
    names = tuple(model.outputs if outputs is None else outputs)
    if isinstance(regimen, Records):
        return _at_records(model, regimen, cohort, times, names, carry, solver, options, progress)
    kernel = compile(model, observe=names, solver=solver)
    grid = time_grid(model, regimen, times)
    solution = solve(
        kernel, cohort.theta, t0=min(0.0, grid[0]), t1=grid[-1], actions=_doses(model, regimen, cohort), grid=grid, progress=progress, **options
    )
    return Result(model, cohort, str(regimen), names, _units(model, names), solution.status, solution.fail_time, grid, solution.out)


def _doses(model, regimen, cohort):
    """Actions of a regimen, whose every target the model must have."""
    for phase in regimen.phases:
        target(model, phase.into, phase.unit)
    return actions(model, regimen, cohort.theta)


def _units(model, names):
    return tuple(model.unit(n) for n in names)


def _endpoints(model, regimen, cohort, watch, window, carry, solver, options, progress):
    """EndpointResult of a regimen or of records."""
    tabled = isinstance(regimen, Records)
    since, until = interval(model, window, None if tabled else regimen)
    if tabled:
        ends = np.array([t for t in (since, until) if t is not None])
        kernel, cohort, _, line = _timeline(model, regimen, cohort, ends, carry, lambda m: watch.compile(m, solver))
        since, until = _window(model, cohort, line.start if since is None else since, line.end if until is None else until)
        if window is not None:
            line = replace(line, end=until, actions=line.actions.before(np.repeat(until, np.diff(line.actions.start))))
        solution, status, fail_time = _follow(kernel, line, options, progress, since=since, level=watch.level)
    else:
        given, kernel = _doses(model, regimen, cohort), watch.compile(model, solver)
        since, until = _window(model, cohort, since or 0.0, regimen.end * units.factor("h", model.time) if until is None else until)
        given = given if window is None else given.before(until[0])
        solution = solve(
            kernel, cohort.theta, t0=min(0.0, since[0]), t1=until, actions=given, since=since, level=watch.level, progress=progress, **options
        )
        status, fail_time = solution.status, solution.fail_time
    names, said = tuple(e.text for e in watch.endpoints), tuple(e.unit for e in watch.endpoints)
    return EndpointResult(model, cohort, str(regimen), names, said, status, fail_time, since, until, watch.values(solution, since, until))


def _window(model, cohort, since, until):
    """Ends of the window of each patient, (P,) and (P,). Raises PkpdError where it is empty."""
    since, until = (np.array(np.broadcast_to(t, len(cohort)), dtype=float) for t in (since, until))
    empty = np.flatnonzero(~(since < until))
    if len(empty):
        k = empty[0]
        raise PkpdError(f"Nothing lies between {since[k]:g} and {until[k]:g} {model.time}, the window of ID {cohort.ids[k]}; give other ends.")
    return since, until


def _timeline(model, records, cohort, extra, carry, compiled):
    """Kernel, cohort, records and timeline of an event table; compiled(model) gives the kernel."""
    moving = used(model, records.inputs) if carry == "linear" else ()
    kernel = compiled(varying(model, moving) if moving else model)
    cohort = _patients(records, cohort)
    records = records.of(cohort.ids)
    return kernel, cohort, records, timeline(model, records, cohort.theta, extra, carry, moving)


def _follow(kernel, line, options, progress, **watched):
    """Solution of a timeline; status and time of failure of each patient, those of its steady states first."""
    steady, found = line.steady, None
    if len(steady.inputs):
        found = periodic(kernel, line.theta, steady.inputs, steady.actions, steady.interval, **options)
    solution = solve(
        kernel, line.theta, line.inputs, t0=line.start, t1=line.end, actions=line.actions, given=None if found is None else found.y,
        grid=Grid(line.times, line.slot, line.points, line.place), progress=progress, **options, **watched,
    )  # fmt: skip
    status, fail_time = solution.status.copy(), solution.fail_time.copy()
    for k in np.flatnonzero(found.status)[::-1] if found is not None else ():
        status[steady.patient[k]], fail_time[steady.patient[k]] = found.status[k], steady.time[k]
    return solution, status, fail_time


def _at_records(model, records, cohort, times, names, carry, solver, options, progress):
    """EventResult of the records."""
    extra = np.zeros(0) if times is None else time_grid(model, None, times)
    kernel, cohort, records, line = _timeline(model, records, cohort, extra, carry, lambda m: compile(m, observe=names, solver=solver))
    solution, status, fail_time = _follow(kernel, line, options, progress)
    *rows, order = _rows(records, extra)
    return EventResult(model, cohort, str(records), names, _units(model, names), status, fail_time, *rows, solution.out[order])


def _rows(records, extra):
    """ID, TIME and EVID of every output row, and its place in the solver's order, which has extra times after the records."""
    counts = np.diff(records.first)
    person = np.repeat(np.arange(len(counts)), counts + len(extra))
    start = np.cumsum(counts + len(extra)) - counts - len(extra)
    added = np.arange(len(person)) - start[person] >= counts[person]
    time, evid = np.empty(len(person)), np.full(len(person), OTHER)
    time[~added], evid[~added] = records.time, records.evid
    time[added] = np.tile(extra, len(counts))
    order = np.lexsort((added, time, person)) if len(extra) else np.arange(len(person))
    return records.ids[person][order], time[order], evid[order], order


def _patients(records, cohort):
    """The cohort's patients that the records are about; one typical patient stands for every ID."""
    if not records.identified:
        return cohort
    if not cohort.typical:
        return cohort.subset(records.ids)
    rows = np.zeros(len(records.ids), np.int64)
    return replace(cohort, ids=records.ids, theta=cohort.theta[rows], latent=cohort.latent[rows])


def time_grid(model, regimen, times):
    """Output times (T,) in model time. Raises PkpdError where they do not increase or cannot be read."""
    if times is None:
        end = regimen.end * units.factor("h", model.time)
        step = units.factor("h", model.time)
        return np.arange(round(end / step) + 1) * step
    if isinstance(times, str):
        try:
            start, stop, step = (float(x) for x in times.split(":"))
        except ValueError as error:
            raise PkpdError(f"times '{times}' must be start:stop:step in {model.time}, such as 0:168:1.") from error
        if not (step > 0 and stop >= start and (stop - start) / step < 1e7):
            raise PkpdError(f"times '{times}': step must be above 0, stop not before start, and at most 10 million points.")
        return start + step * np.arange(int(np.floor((stop - start) / step + 1e-9)) + 1)
    grid = np.atleast_1d(np.asarray(times, dtype=float))
    if grid.ndim != 1 or not len(grid) or not np.isfinite(grid).all() or (np.diff(grid) <= 0).any():
        raise PkpdError("times must be finite and increasing.")
    return grid
