"""Sensitivities at the typical patient: elasticities, and one input at a time over its range.

Of the best dose and its benefit, to every number of a model. Knows one patient; knows nothing of
interactions, which cannot be seen from there.
"""

import numpy as np

from pkpd.population.cohort import cohort as draw
from pkpd.population.variability import around
from pkpd.response.best import best
from pkpd.response.grid import GRID

STEP = 0.02  # of the differences, as a share of the value
SPIDER = tuple(np.linspace(-2.0, 2.0, 9))  # latent SDs
OUTPUTS = ("log10_med", "benefit_at_med")
FINE = {"doses": GRID, "rtol": 1e-8, "tol": 1e-8}


def elasticities(model, benefit, changed, numerics):
    """Input -> (d log dose / d log input, d log benefit / d log input) of the typical patient.

    By central differences. Inputs at 0 and classes have none; the benefit's is NaN where the
    typical patient has no benefit.
    """
    theta = draw(model, typical=True, set=changed).theta[0]
    names = []
    for item, value in zip(model.inputs, theta, strict=True):
        by_class = item.iiv is not None and item.iiv.kind == "classes"
        if value != 0 and not by_class:
            names.append(item.name)
    rows = []
    for name in names:
        for sign in (1, -1):
            rows.append(theta.copy())
            rows[-1][model.input_names.index(name)] *= 1 + sign * STEP
    found = _at(model, benefit, np.array([theta, *rows]), numerics)
    span = np.log10((1 + STEP) / (1 - STEP))
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.column_stack([found.argmax, np.log10(found.gain)])
    slopes = (logs[1::2] - logs[2::2]) / span
    return {name: tuple(row) for name, row in zip(names, slopes, strict=True)}


def spider(model, benefit, names, changed, numerics):
    """Output -> input -> values (9,) at the input's latent SPIDER, all others typical.

    A class goes through its classes instead.
    """
    theta = draw(model, typical=True, set=changed).theta[0]
    rows, owners = [], []
    for name in names:
        k = model.input_names.index(name)
        spread = model.inputs[k].iiv
        values = (
            range(len(spread.classes))
            if spread.kind == "classes"
            else around(spread, changed.get(name, model.inputs[k].value), np.array(SPIDER))
        )
        for value in values:
            rows.append(theta.copy())
            rows[-1][k] = value
            owners.append(name)
    found = _at(model, benefit, np.array(rows), numerics)
    owner = np.array(owners)
    of_input = {name: owner == name for name in names}
    return {
        "log10_med": {name: found.argmax[rows] for name, rows in of_input.items()},
        "benefit_at_med": {name: found.gain[rows] for name, rows in of_input.items()},
    }


def _at(model, benefit, theta, numerics):
    people = draw(model, typical=True).with_inputs(theta)
    return best(model, people, benefit, **FINE, **numerics)
