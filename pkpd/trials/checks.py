"""Checks of single fields that a user writes; each error names the field. Knows no trial."""

import numpy as np

from pkpd.errors import TrialError, closest


def number(value, name):
    """The value, if it is a finite number. Raises TrialError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise TrialError(f"{name} must be a number, not {value!r}.")
    return value


def whole(value, name, least=1):
    """The value, if it is a whole number from `least` on. Raises TrialError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise TrialError(f"{name} must be a whole number from {least} on, not {value!r}.")
    return value


def share(value, name):
    """The value, if it lies in 0-1. Raises TrialError."""
    if not 0 <= number(value, name) <= 1:
        raise TrialError(f"{name} must lie between 0 and 1, not at {value:g}.")
    return value


def known(value, names, field_name):
    """The value, if it is one of `names`. Raises TrialError."""
    if value not in names:
        raise TrialError(f"{field_name}: unknown '{value}'.{closest(str(value), names)}")
    return value
