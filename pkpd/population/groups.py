"""Subgroups of a cohort: the classes or few values of an input or of a column of the table of people, or terciles of many.

Knows patients and their inputs; knows no results.
"""

import numpy as np

from pkpd.errors import CohortError, closest

FEW = 6  # distinct numbers that are categories; more are cut into terciles
MOST = 30  # distinct texts


def groups(people, name):
    """[(label, (P,) bool)] of the subgroups by an input or other column, in rising order. Raises CohortError.

    people : a Cohort, or whatever else has a model, `others` and column(name) of its inputs
    """
    model = people.model
    known = {n.lower(): n for n in (*people.others, *model.input_names)}
    column = name if name in (*model.input_names, *people.others) else known.get(name.lower())
    if column is None:
        raise CohortError(
            f"No input or column '{name}' to group by in {model.name}.{closest(name, [*people.others, *(c.name for c in model.covariates)])}"
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
    try:
        return _of_numbers(name, cells.astype(float), "")
    except ValueError:
        pass
    labels = sorted(set(cells))
    if len(labels) > MOST:
        raise CohortError(
            f"Column '{name}' has {len(labels)} different texts; group by one with at most {MOST}."
        )
    return [(f"{name} {label}", cells == label) for label in labels]


def _of_numbers(name, values, unit):
    distinct = np.unique(values)
    if len(distinct) <= FEW:
        return [(f"{name} {value:g}{unit}", values == value) for value in distinct]
    low, high = np.quantile(values, (1 / 3, 2 / 3))
    return [
        (f"{name} up to {low:.3g}{unit}", values <= low),
        (f"{name} {low:.3g} to {high:.3g}{unit}", (values > low) & (values <= high)),
        (f"{name} above {high:.3g}{unit}", values > high),
    ]
