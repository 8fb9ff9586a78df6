"""Numbers and names that users give: of the right kind and within their range, or one sentence.

Absurd sizes end here and not in hours of work.
Knows ranges and this machine's memory; knows nothing of what is computed.
"""

import math
import os
from collections.abc import Collection
from numbers import Real
from pathlib import Path
from typing import Any

from pkpd.errors import PkpdError, closest, in_bytes, quoted

PATIENTS = 2**32  # points of a scrambled Sobol' sequence of 32 bits: IDs go no further
SEED = 2**63 - 1
REPEATS = 10_000  # scramblings, parameter sets, titrations of a patient
FEWEST_DATA_SETS = 20  # whose percentiles have an interval
POINTS = 2**20  # of one scrambling
TIMES = 10_000_000  # of one grid
LATEST = 1e9  # h: 114,000 years
INTERVAL = 1e5  # h between two doses: 11 years
DOSE = 1e12  # of any unit
TOLERANCES = 1e-13, 0.1  # relative ones of a solver; below, rounding is larger
THREADS = 65536
LARGEST = 1e300  # of any number: its square root of a sum of squares is still one
Error = type[PkpdError]
_CGROUP = Path("/sys/fs/cgroup/memory.max")


def check_whole(value: Any, least: int, most: int, what: str, error: Error = PkpdError) -> None:
    """Raises `error` where `value` is not a whole number from `least` to `most`."""
    whole = type(value) is int or (hasattr(value, "dtype") and value.dtype.kind in "iu")
    many = hasattr(value, "ndim") and value.ndim > 0
    if not whole or many or not least <= int(value) <= most:
        text = f"must be a whole number from {least} to {most:,}, not {quoted(value)}"
        raise error(f"The {what} {text}.")


def tolerance(value: Any, name: str = "rtol") -> float:
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


def thread_count(value: Any) -> int | None:
    """A number of threads, or None for all cores. Raises PkpdError for anything else."""
    if value is not None:
        check_whole(value, 1, THREADS, "number of threads")
    return value


def number(
    value: Any,
    name: str,
    least: float = -math.inf,
    most: float = math.inf,
    error: Error = PkpdError,
) -> float:
    """A finite number as a float. Raises `error` where it is none, or outside `least` to `most`."""
    plain = isinstance(value, Real) and not isinstance(value, bool)
    found = float(value) if plain and abs(value) <= LARGEST else math.nan
    if not least <= found <= most:
        raise error(f"{name} is a number{_between(least, most)}, not {quoted(value)}.")
    return found


def _between(least: float, most: float) -> str:
    """The range of a number in words, nothing where there is none."""
    if math.isinf(least) and math.isinf(most):
        return ""
    return f" from {least:g} to {most:g}" if math.isfinite(most) else f" from {least:g} on"


def numbers(value: Any, name: str, error: Error = PkpdError) -> tuple[float, ...]:
    """The finite numbers of a list, tuple or array, as a tuple of floats. Raises `error`."""
    if not (isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) == 1):
        raise error(f"{name} is a list of numbers, not {quoted(value)}.")
    return tuple(number(item, name, error=error) for item in value)


def pair(value: Any, name: str, error: Error = PkpdError) -> tuple[float, float]:
    """(low, high), two finite numbers as floats. Raises `error`."""
    found = numbers(value, name, error)
    if len(found) != 2:
        raise error(f"{name} is a pair of numbers such as (0, 24), not {quoted(value)}.")
    return found[0], found[1]


def flag(value: Any, name: str, error: Error = PkpdError) -> bool:
    """True or False. Raises `error` for anything else."""
    if not isinstance(value, bool):
        raise error(f"{name} is True or False, not {quoted(value)}.")
    return value


def check_called(error: Error = PkpdError, **functions: object) -> None:
    """Raises `error` where one of the named arguments is neither None nor can be called."""
    for name, value in functions.items():
        if value is not None and not callable(value):
            raise error(f"{name} is a function or None, not {quoted(value)}.")


def text(value: Any, name: str, error: Error = PkpdError) -> str:
    """A text. Raises `error` for anything else."""
    if not isinstance(value, str):
        raise error(f"{name} is a text, not {quoted(value)}.")
    return value


def check_kind(
    value: object, kinds: type | tuple[type, ...], what: str, error: Error = PkpdError
) -> None:
    """Raises `error` where a value is of none of the classes `kinds`; `what` says what it is."""
    if not isinstance(value, kinds):
        raise error(f"{what}, not {quoted(value)}.")


def one_of(value: Any, names: Collection[str], what: str, error: Error = PkpdError) -> str:
    """The value, if it is one of some names. Raises `error` with the closest of them."""
    if not isinstance(value, str) or value not in names:
        raise error(f"Unknown {what} {quoted(value)}.{closest(str(value), names)}")
    return value


def texts(value: Any, what: str, error: Error = PkpdError) -> tuple[str, ...]:
    """The texts of a sequence, as a tuple. Raises `error` for a single text or anything else."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(text, str) for text in value):
        raise error(f"{what} is a list of texts, not {quoted(value)}.")
    return tuple(value)


def path(value: object, what: str, error: Error = PkpdError) -> Path:
    """A path from text or a path. Raises `error` for anything else."""
    if not isinstance(value, (str, Path)):
        raise error(f"{what} is a path, not {quoted(value)}.")
    if "\0" in str(value):
        raise error(f"{what} is a path, and {quoted(value)} holds a zero byte.")
    return Path(value)


def check_memory(need: float, what: str) -> None:
    """Raises PkpdError where `what` takes more bytes than this machine has."""
    there = memory()
    if need > there:
        raise PkpdError(
            f"{what} would take {in_bytes(need)} of memory; this machine has {in_bytes(there)}. "
            "Ask for less."
        )


def memory() -> float:
    """Bytes of memory that a process may have: those of the machine or of its container."""
    if not hasattr(os, "sysconf"):
        return float("inf")
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(_CGROUP.read_text()))
    except (OSError, ValueError):
        return machine
