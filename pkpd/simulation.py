"""The one place where a model, a regimen and people meet."""

import numpy as np

from pkpd import units
from pkpd.dosing.events import actions, target
from pkpd.dosing.rx import rx
from pkpd.errors import PkpdError
from pkpd.result import Result
from pkpd.solvers.batch import compile, solve


def simulate(model, regimen, cohort, times=None, *, outputs=None, rtol=1e-6, solver="auto", threads=None, progress=None):
    """Simulate a cohort under one regimen.

    Parameters
    ----------
    regimen : Regimen, or text such as "4.5 mg q24h x 28"
    times : (T,) increasing model times, or "start:stop:step" with stop included; default hourly from 0 to one interval
        after the last dose
    outputs : names of states or assignments (default: the model's outputs)
    rtol : relative tolerance; solver : "auto", "tsit5" or "rosenbrock"; progress : called with the number of finished patients

    Returns
    -------
    Result with values (P, T, O). A patient whose solution fails is NaN with ID, reason and time; the others are unharmed.
    Raises PkpdError for bad input.
    """
    if isinstance(regimen, str):
        regimen = rx(regimen)
    for phase in regimen.phases:
        target(model, phase.into, phase.unit)
    if not 1e-13 <= rtol <= 0.1:
        raise PkpdError(f"rtol {rtol:g} must lie between 1e-13 and 0.1.")
    grid = time_grid(model, regimen, times)
    names = tuple(model.outputs if outputs is None else outputs)
    kernel = compile(model, observe=names, solver=solver)
    solution = solve(
        kernel, cohort.theta, t0=min(0.0, grid[0]), t1=grid[-1], actions=actions(model, regimen, cohort.theta), grid=grid, rtol=rtol,
        threads=threads, progress=progress,
    )  # fmt: skip
    return Result(
        model, cohort, str(regimen), grid, names, tuple(model.unit(n) for n in names), solution.out, solution.status, solution.fail_time
    )


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
