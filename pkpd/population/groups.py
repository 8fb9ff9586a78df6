"""Subgroups of a cohort by an input or by a column of its table of people.

Classes and few distinct values are categories; many values are cut into terciles; missing ones are
a subgroup of their own.
Knows patients and their inputs; knows no results.
"""

import numpy as np

from pkpd.errors import CohortError, closest
from pkpd.reading import EMPTY, numbers

FEW = 6  # distinct numbers that are categories; more are cut into terciles
MOST = 30  # distinct texts


def groups(people, name):
    """Subgroups by an input or other column, in rising order: [(label, (P,) bool)].

    people : a Cohort, or anything else with a model, `others` and column(name) of its inputs

    Raises CohortError for an unknown name and for a column with too many different texts.
    """
    model = people.model
    column = _called(people, name)
    if column in people.others:
        return _of_column(column, people.others[column])
    item, values = model.inputs[model.input_names.index(column)], people.column(column)
    if item.iiv is not None and item.iiv.classes:
        return _of_classes(column, values, item.iiv.classes)
    return _of_numbers(column, values, "" if item.unit == "1" else f" {item.unit}")


def _called(people, name):
    """The input or other column with this name, in any case. Raises CohortError."""
    names = (*people.others, *people.model.input_names)
    if name in names:
        return name
    column = {n.lower(): n for n in names}.get(name.lower())
    if column is None:
        likely = [*people.others, *people.model.covariate_names]
        raise CohortError(
            f"No input or column '{name}' to group by in {people.model.name}."
            f"{closest(name, likely)}"
        )
    return column


def _of_classes(name, values, classes):
    """Subgroups by the classes (label, share) of an input, those that somebody is in."""
    present = np.unique(values).astype(int)
    return [(f"{name} {classes[k][0]}", values == k) for k in present]


def _of_column(name, cells):
    missing = np.isin(cells, EMPTY)
    values = numbers(cells)
    if np.isnan(values[~missing]).any():
        found = _of_texts(name, cells, missing)
    else:
        found = _of_numbers(name, values, "")
    return [*found, (f"{name} missing", missing)] if missing.any() else found


def _of_texts(name, cells, missing):
    labels = sorted(set(cells[~missing]))
    if len(labels) > MOST:
        raise CohortError(
            f"Column '{name}' has {len(labels)} different texts; group by one with at most {MOST}."
        )
    return [(f"{name} {label}", cells == label) for label in labels]


def _of_numbers(name, values, unit):
    distinct = np.unique(values[~np.isnan(values)])
    if len(distinct) <= FEW:
        return [(f"{name} {value:g}{unit}", values == value) for value in distinct]
    low, high = np.nanquantile(values, (1 / 3, 2 / 3))
    return [
        (f"{name} up to {low:.3g}{unit}", values <= low),
        (f"{name} {low:.3g} to {high:.3g}{unit}", (values > low) & (values <= high)),
        (f"{name} above {high:.3g}{unit}", values > high),
    ]
