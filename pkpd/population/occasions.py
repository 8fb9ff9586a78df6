"""Occasions: inputs that differ within a patient from one dose interval or period to the next.

Knows inputs, patients and the number of an occasion; knows nothing of times or doses.
"""

import numpy as np

from pkpd.population.noise import normals
from pkpd.population.variability import around


def varying_between(cohort):
    """Names (J) of the inputs that vary between occasions; none in a typical patient."""
    return () if cohort.typical else tuple(i.name for i in cohort.model.inputs if i.iov is not None)


def effects(cohort, count):
    """Latent occasion effects (P, count, J) of the inputs that vary."""
    names = varying_between(cohort)
    drawn = [
        normals(cohort.seed, cohort.ids, f"occasion {name}", count, cohort.replicate)
        for name in names
    ]
    return np.stack(drawn, axis=-1) if names else np.zeros((len(cohort), count, 0))


def with_effects(cohort, theta, z):
    """Inputs (N, K) of rows under latent occasion effects.

    theta : (N, K) inputs between occasions; z : (N, J) latent effects
    """
    theta, model = np.array(theta), cohort.model
    for j, name in enumerate(varying_between(cohort)):
        k = model.input_names.index(name)
        theta[:, k] = around(model.inputs[k].iov, theta[:, k], z[:, j])
    return theta


def by_occasion(cohort, numbers):
    """Inputs (P * C, K); row p * C + c is patient p when inputs are on the occasions numbers[c].

    numbers : (C, J) number of the occasion of each input that varies
    """
    count = len(numbers)
    z = effects(cohort, int(numbers.max()) + 1)[:, numbers, np.arange(numbers.shape[1])]
    return with_effects(
        cohort, np.repeat(cohort.theta, count, axis=0), z.reshape(len(cohort) * count, -1)
    )
