"""What an observation adds to an output: measurement error by the model's or the user's residual, with addressed draws.

Knows outputs and patients; knows nothing of times or doses.
"""

from dataclasses import replace

import numpy as np

from pkpd.errors import CohortError, closest
from pkpd.population.noise import normals
from pkpd.symbolic.variability import residual


def residuals(model, names, given=None):
    """Residuals of the outputs `names` that have one: the model's, those of `given` in their place or besides.

    given : {"Cc": "15 % + 0.05 ng/mL"}, "none", or None. Raises CohortError for an output that is not there.
    """
    if given == "none":
        return ()
    found = {r.name: r for r in model.residuals}
    for name, text in (given or {}).items():
        if name not in names:
            raise CohortError(
                f"Residual of '{name}', which is no output of this simulation.{closest(name, names)}"
            )
        found[name] = replace(residual(name, text, model.unit(name)), source="given by the user")
    return tuple(found[name] for name in names if name in found)


def observations(cohort, errors, names, values, row, index):
    """Observations (N, R) of values (N, O), columns `names`, by the R errors.

    row : (N,) place of the patient in the cohort; index : (N,) number of the value within the patient, part of its address
    """
    seen = np.empty((len(values), len(errors)))
    for k, error in enumerate(errors):
        z = normals(
            cohort.seed,
            cohort.ids,
            f"residual {error.name}",
            int(index.max()) + 1,
            cohort.replicate,
        )[row, index]
        y = values[:, names.index(error.name)]
        seen[:, k] = (
            y * np.exp(error.log * z)
            if error.log
            else y + np.sqrt(error.additive**2 + (error.proportional * y) ** 2) * z
        )
    return seen
