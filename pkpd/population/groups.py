"""Subgroups of a cohort by an input or by a column of its table of people.

Classes and few distinct values are categories; many values are cut into terciles; missing ones are
a subgroup of their own.
Knows patients and their inputs; knows no results.
"""

import numpy as np

from pkpd.errors import CohortError, closest
from pkpd.reading import EMPTY, number

FEW = 6  # distinct numbers that are categories; more are cut into terciles
MOST = 30  # distinct texts


def groups(people, name):
    """Subgroups by an input or other column, in rising order: [(label, (P,) bool)].

    people : a Cohort, or anything else with a model, `others` and column(name) of its inputs

    Raises CohortError for an unknown name and for a column with too many different texts.
    """
    model = people.model
    column = name
    if name not in (*model.input_names, *people.others):
        by_lower_case = {n.lower(): n for n in (*people.others, *model.input_names)}
        column = by_lower_case.get(name.lower())
    if column is None:
        likely = [*people.others, *(c.name for c in model.covariates)]
        raise CohortError(
            f"No input or column '{name}' to group by in {model.name}.{closest(name, likely)}"
        )
    if column in people.others:
        return _of_column(column, people.others[column])
    item, values = model.inputs[model.input_names.index(column)], people.column(column)
    if item.iiv is not None and item.iiv.classes:
        return [
            (f"{column} {label}", values == k)
            for k, (label, _) in enumerate(item.iiv.classes)
            if (values == k).any()
        ]
    return _of_numbers(column, values, "" if item.unit == "1" else f" {item.unit}")


def _of_column(name, cells):
    missing = np.isin(cells, EMPTY)
    values = np.array([number(cell) for cell in cells])
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
