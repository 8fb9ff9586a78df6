"""Typical values of a model's inputs that a user sets: numbers in the inputs' units, or refused.

Knows inputs and what values they can have; knows no patients.
"""

import numpy as np

from pkpd.errors import CohortError, PkpdError, closest, quoted
from pkpd.population.variability import class_labels
from pkpd.symbolic.quantities import quantity
from pkpd.symbolic.variability import possible


def typical_values(model, given):
    """{input: typical value in its unit} of what `set` gives. Raises CohortError."""
    if not isinstance(given, dict | None):
        raise CohortError(f'set is a dict such as {{"cl": 120.0}}, not {quoted(given)}.')
    return {name: _typical_value(model, name, value) for name, value in (given or {}).items()}


def _typical_value(model, name, value):
    """A typical value in the unit of its input. Raises CohortError for one that cannot be."""
    item = input_of(model, name)
    value = in_unit_of(item, value)
    if not possible(item, value, typical=True):
        raise CohortError(f"'{name}={value:g}' {_impossible(item)}.")
    return value


def input_of(model, name):
    """The input with this name. Raises CohortError."""
    for item in model.inputs:
        if item.name == name:
            return item
    raise CohortError(
        f"Unknown parameter '{name}' in {model.name}.{closest(name, model.input_names)}"
    )


def at_reference(item, changed):
    """What the typical patient has of an input."""
    value = item.value if item.reference is None else item.reference
    return changed.get(item.name, value)


def in_unit_of(item, value):
    """A number, or a text with a unit, as a number in the unit of an input. Raises CohortError."""
    if isinstance(value, str):
        try:
            return float(quantity(value, item.unit))
        except PkpdError as error:
            raise CohortError(f"'{item.name}={value}': {error}") from error
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise CohortError(
            f"'{item.name}' is set to {quoted(value)}; write a number, or a text with a unit."
        )
    return float(value)


def _impossible(item):
    """What is wrong with a value that an input cannot have, in words."""
    if item.role == "switch":
        return "is neither on nor off; write 1 or 0"
    if item.iiv is None:
        return "is outside what a finite value can be"
    if item.iiv.kind != "classes":
        return f"is outside what a {item.iiv.kind} value can be"
    numbered = ", ".join(f"{k} ({label})" for k, label in enumerate(class_labels(item)))
    return f"is the number of no class; write one of {numbered}"
