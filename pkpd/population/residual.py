"""What an observation adds to an output: residual error, the model's or the user's.

Its draws are addressed by patient, output and number of the observation.
Knows outputs and patients; knows nothing of times or doses.
"""

from dataclasses import replace

import numpy as np

from pkpd.errors import CohortError, closest, quoted
from pkpd.population.noise import normals
from pkpd.symbolic.variability import residual


def residuals(model, names, given=None):
    """Residuals of those of the outputs `names` that have one.

    given : {"Cc": "15 % + 0.05 ng/mL"}, which replace or add to the model's; "none"; or None

    Raises CohortError for an unknown output.
    """
    if isinstance(given, str) and given == "none":
        return ()
    if not isinstance(given, dict | None):
        raise CohortError(f'residual is a dict such as {{"Cc": "15 %"}}, not {quoted(given)}.')
    errors = {r.name: r for r in model.residuals}
    for name, text in (given or {}).items():
        if name not in names:
            raise CohortError(
                f"Residual of '{name}', which is not an output of this simulation."
                f"{closest(name, names)}"
            )
        errors[name] = replace(residual(name, text, model.unit(name)), source="given by the user")
    return tuple(errors[name] for name in names if name in errors)


def observations(cohort, errors, names, values, row, index):
    """Observations (N, R) of values (N, O), columns `names`, with the R errors.

    row : (N,) row of the patient in the cohort
    index : (N,) number of the value within the patient, part of the address of its draw
    """
    observed = np.empty((len(values), len(errors)))
    count = int(index.max()) + 1
    for k, error in enumerate(errors):
        purpose = f"residual {error.name}"
        z = normals(cohort.seed, cohort.ids, purpose, count, cohort.replicate)[row, index]
        y = values[:, names.index(error.name)]
        if error.log:
            observed[:, k] = y * np.exp(error.log * z)
        else:
            sd = np.sqrt(error.additive**2 + (error.proportional * y) ** 2)
            observed[:, k] = y + sd * z
    return observed
