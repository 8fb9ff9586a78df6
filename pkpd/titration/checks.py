"""Checks of single fields that a user writes; each error names the field.

Knows numbers, texts and names; knows nothing of rules or trials.
"""

from collections.abc import Collection
from numbers import Integral, Real
from typing import Any

from pkpd.errors import TrialError, closest, quoted

MOST_DAYS = 3660
LARGEST = 1e300  # a whole number may be too large for a float


def number(value: Any, name: str) -> float:
    """The value, if it is a finite number. Raises TrialError."""
    plain = isinstance(value, Real) and not isinstance(value, bool)
    if not (plain and abs(value) < LARGEST):
        raise TrialError(f"{name} must be a number, not {quoted(value)}.")
    return value


def whole_number(value: Any, name: str, least: int = 1) -> int:
    """The value, if it is a whole number, at least `least`. Raises TrialError."""
    plain = isinstance(value, Integral) and not isinstance(value, bool)
    if not (plain and value >= least):
        raise TrialError(f"{name} must be a whole number from {least} on, not {quoted(value)}.")
    return value


def share(value: Any, name: str) -> float:
    """The value, if it lies between 0 and 1. Raises TrialError."""
    if not 0 <= number(value, name) <= 1:
        raise TrialError(f"{name} must lie between 0 and 1, not at {value:g}.")
    return value


def one_of(value: Any, names: Collection[str], field_name: str) -> str:
    """The value, if it is one of `names`. Raises TrialError."""
    if not isinstance(value, str) or value not in names:
        raise TrialError(f"{field_name}: unknown {quoted(value)}.{closest(str(value), names)}")
    return value


def text(value: Any, name: str) -> str:
    """The value, if it is text. Raises TrialError."""
    if not isinstance(value, str):
        raise TrialError(f"{name} must be text, not {quoted(value)}.")
    return value


def days_in_all(value: int, name: str) -> int:
    """The value, if a trial may last so many days. Raises TrialError."""
    if value > MOST_DAYS:
        raise TrialError(
            f"{name}: {value} days are more than a trial may last (at most {MOST_DAYS})."
        )
    return value
