"""Rows and endpoints of patients who are each followed through the records of an event table.

Knows how records become a timeline and what is read of its solution; knows nothing of regimens.
"""

from dataclasses import replace

import numpy as np

from pkpd.dosing.occasions import period, written_out
from pkpd.dosing.records import OTHER
from pkpd.dosing.timeline import clock_of, timeline
from pkpd.endpoints import interval
from pkpd.population.occasions import effects, varying_between, with_effects
from pkpd.population.residual import observations
from pkpd.result import EventResult
from pkpd.simulation.results import course, endpoint_result
from pkpd.simulation.times import ends_of_window, time_grid
from pkpd.solvers.batch import Grid, compile, solve
from pkpd.solvers.periodic import periodic
from pkpd.symbolic.drugs import targets_of
from pkpd.symbolic.inputs_as_states import used, varying


def courses(model, records, cohort, *, times, names, errors, between, solver, options, progress):
    """EventResult of the records."""
    extra = np.zeros(0) if times is None else time_grid(model, None, times)
    kernel, full, real, line = _timeline(
        model, records, cohort, extra, between, lambda m: compile(m, observe=names, solver=solver)
    )
    solution, *status = _follow(kernel, line, options, progress)
    out = solution.out[_written(full, real, line.place)]
    ids, at, evid, row, order = _rows(records, clock_of(model, records, extra), extra)
    counts = np.diff(records.first) + len(extra)
    person = np.repeat(np.arange(len(counts)), counts)
    index = np.concatenate(list(map(np.arange, counts)))
    observed = observations(cohort, errors, names, out, person, index)
    return course(
        EventResult,
        cohort,
        records,
        names,
        errors,
        between[1],
        status,
        ids=ids,
        times=at,
        evid=evid,
        row=row,
        values=out[order],
        observed=observed[order],
        table=records.table,
    )


def endpoint_values(model, records, cohort, *, watch, window, between, solver, options, progress):
    """EndpointResult of records."""
    since, until = interval(model, window, None)
    ends = np.array([t for t in (since, until) if t is not None])
    kernel, _, _, line = _timeline(
        model, records, cohort, ends, between, lambda m: watch.compile(m, solver)
    )
    since, until = line.start if since is None else since, line.end if until is None else until
    since, until = ends_of_window(model, cohort, since, until)
    if window is not None:
        earlier = line.actions.before(np.repeat(until, np.diff(line.actions.start)))
        line = replace(line, end=until, actions=earlier)
    watched = {"since": since, "level": watch.level}
    solution, *status = _follow(kernel, line, options, progress, **watched)
    return endpoint_result(cohort, records, watch, between[1], solution, status, (since, until))


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


def _effect(cohort, count, given):
    """(theta, patient, occasion) -> inputs on occasions, except those `given` by the table."""
    z = effects(cohort, count)
    columns = list(map(cohort.model.input_names.index, given))

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
