"""When occasions begin: with every dose, or after every period. Knows times; knows no patients and no inputs."""

import numpy as np

from pkpd import units
from pkpd.errors import DoseError, PkpdError
from pkpd.symbolic.quantities import quantity

MOST = 100_000  # of one patient


def period(occasion, time):
    """None for "dose", 0 for "none", else the length of an occasion such as "7 d" in model time. Raises DoseError."""
    if occasion in ("dose", "none"):
        return None if occasion == "dose" else 0.0
    try:
        length = quantity(occasion, time)
    except PkpdError as error:
        raise DoseError(f"occasion '{occasion}' must be dose, none or a length of time such as '7 d'.") from error
    if length <= 0:
        raise DoseError(f"occasion '{occasion}' must be longer than 0.")
    return length


def beginnings(model, regimen, occasion, end):
    """(C,) increasing model times at which the occasions of a regimen begin, up to `end`; the first one also holds before its time.
    Empty for "none".

    occasion : "dose", "none", or the length of a period that is counted from time 0
    """
    length = period(occasion, model.time)
    if length == 0:
        return np.zeros(0)
    if length is None:
        hours = [phase.start + phase.every * np.arange(phase.count) for phase in regimen.phases]
        times = np.unique(np.concatenate(hours)) * units.factor("h", model.time)
        times = times[: max(int(np.searchsorted(times, end, side="right")), 1)]
    else:
        times = length * np.arange(max(int(np.ceil(end / length)), 1)) if end / length < MOST else np.zeros(MOST + 1)
    if len(times) > MOST:
        raise DoseError(f"More than {MOST:,} occasions for each patient are refused; choose a longer period.")
    return times
