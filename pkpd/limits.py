"""Numbers and names that users give: of the right kind and within their range, or one sentence.

Absurd sizes end here and not in hours of work.
Knows ranges and this machine's memory; knows nothing of what is computed.
"""

import math
import os
from pathlib import Path

from pkpd.errors import PkpdError, closest, in_bytes, quoted

PATIENTS = 2**32  # points of a scrambled Sobol' sequence of 32 bits: IDs go no further
SEED = 2**63 - 1
REPEATS = 10_000  # scramblings, parameter sets, titrations of a patient
POINTS = 2**20  # of one scrambling
TIMES = 10_000_000  # of one grid
LATEST = 1e9  # h: 114,000 years
INTERVAL = 1e5  # h between two doses: 11 years
TOLERANCES = 1e-13, 0.1  # relative ones of a solver; below, rounding is larger
THREADS = 65536
_CGROUP = Path("/sys/fs/cgroup/memory.max")


def check_whole(value, least, most, what, error=PkpdError):
    """Raises `error` where `value` is no whole number from `least` to `most`."""
    whole = type(value) is int or (hasattr(value, "dtype") and value.dtype.kind in "iu")
    if not whole or not least <= int(value) <= most:
        raise error(f"The {what} must be a whole number from {least} to {most:,}, not {value!r}.")


def tolerance(value, name="rtol"):
    """A relative tolerance as a float. Raises PkpdError for anything else."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    low, high = TOLERANCES
    if not low <= number <= high:
        raise PkpdError(
            f"{name} must be a number between {low:g} and {high:g}, not {quoted(value)}."
        )
    return number


def thread_count(value):
    """A number of threads, or None for all cores. Raises PkpdError for anything else."""
    if value is not None:
        check_whole(value, 1, THREADS, "number of threads")
    return value


def one_of(value, names, what, error=PkpdError):
    """The value, if it is one of some names. Raises `error` with the closest of them."""
    if not isinstance(value, str) or value not in names:
        raise error(f"Unknown {what} {quoted(value)}.{closest(str(value), names)}")
    return value


def texts(value, what, error=PkpdError):
    """The texts of a sequence, as a tuple. Raises `error` for a single text or anything else."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(text, str) for text in value):
        raise error(f"{what} is a list of texts, not {quoted(value)}.")
    return tuple(value)


def path(value, what, error=PkpdError):
    """A path from text or a path. Raises `error` for anything else."""
    if not isinstance(value, (str, Path)):
        raise error(f"{what} is a path, not {quoted(value)}.")
    return Path(value)


def check_memory(need, what):
    """Raises PkpdError where `what` takes more bytes than this machine has."""
    there = memory()
    if need > there:
        raise PkpdError(
            f"{what} would take {in_bytes(need)} of memory; this machine has {in_bytes(there)}. "
            "Ask for less."
        )


def memory():
    """Bytes of memory that a process may have: those of the machine or of its container."""
    if not hasattr(os, "sysconf"):
        return float("inf")
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(_CGROUP.read_text()))
    except (OSError, ValueError):
        return machine
