"""Time courses and endpoints of a cohort under one regimen, beside a background or without.

Knows how doses become actions and what is read of their solution; knows nothing of event tables.
"""

from dataclasses import replace

import numpy as np

from pkpd import units
from pkpd.dosing.actions import actions, steady_actions, target
from pkpd.dosing.occasions import beginnings
from pkpd.dosing.regimen import Regimen
from pkpd.endpoints import interval
from pkpd.errors import PkpdError
from pkpd.population.occasions import by_occasion, varying_between
from pkpd.population.residual import observations
from pkpd.result import Result, joined
from pkpd.simulation.results import course, endpoint_result
from pkpd.simulation.times import ends_of_window, time_grid
from pkpd.solvers.batch import compile, solve
from pkpd.solvers.periodic import periodic
from pkpd.solvers.status import OK
from pkpd.symbolic.drugs import targets_of

MOST_NUMBERS = 2**25  # inputs on all occasions of the patients who are solved together: 256 MiB


def courses(
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


def endpoint_values(
    model, regimen, cohort, *, watch, window, beside, between, solver, options, progress
):
    """EndpointResult of a regimen."""
    kernel, occasion = watch.compile(model, solver), between[1]
    begin, stop = interval(model, window, regimen)
    stop = regimen.end * units.factor("h", model.time) if stop is None else stop

    def part(people, theta, start, given, report):
        since, until = ends_of_window(model, people, begin or 0.0, stop)
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
        return endpoint_result(people, regimen, watch, occasion, solution, status, ends)

    ends = np.array([begin or 0.0, stop])
    return _in_parts(model, regimen, cohort, occasion, ends, progress, part, beside)


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
    """Result of the patients of a solution at the times of a grid."""
    shape = solution.out.shape
    row, index = np.indices(shape[:2]).reshape(2, -1)
    values = solution.out.reshape(len(row), -1)
    observed = observations(cohort, errors, names, values, row, index)
    return course(
        Result,
        cohort,
        regimen,
        names,
        errors,
        occasion,
        (solution.status, solution.fail_time),
        times=grid,
        values=solution.out,
        observed=observed.reshape(*shape[:2], len(errors)),
    )
