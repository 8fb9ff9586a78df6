"""Output times as people give them, and the window of endpoints.

Knows numbers, texts and the time unit of a model; knows nothing of how anything is solved.
"""

from decimal import Decimal

import numpy as np

from pkpd import limits, units
from pkpd.errors import PkpdError, quoted


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
    check_time(model, grid[0], grid[-1])
    return grid


def check_time(model, *times):
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


def ends_of_window(model, cohort, since, until):
    """Ends of the window of each patient, (P,) and (P,). Raises PkpdError where it is empty."""
    since, until = (np.array(np.broadcast_to(t, len(cohort)), dtype=float) for t in (since, until))
    check_time(model, *since, *until)
    empty = np.flatnonzero(~(since < until))
    if len(empty):
        k = empty[0]
        raise PkpdError(
            f"Nothing lies between {since[k]:g} and {until[k]:g} {model.time}, "
            f"the window of ID {cohort.ids[k]}; give other ends."
        )
    return since, until
