"""From latent standard normals to values of parameters and covariates. Every operation is element by element, in fixed
order, so that a patient's numbers do not depend on who else is computed. Knows distributions; knows no patients.
"""

import numpy as np

from pkpd.errors import CohortError


def values(item, typical, z):
    """Values (P,) of one input around its typical value, in the input's unit.

    item : pkpd.symbolic.model.Input with iiv; z : (P,) latent standard normals
    """
    from scipy.special import expit, logit, ndtr, ndtri

    iiv = item.iiv
    if iiv.kind == "lognormal":
        return typical * np.exp(iiv.sd * z)
    if iiv.kind == "logitnormal":
        return expit(logit(typical) + iiv.sd * z)
    low = 0.0 if iiv.lower is None else ndtr((iiv.lower - typical) / iiv.sd)
    high = 1.0 if iiv.upper is None else ndtr((iiv.upper - typical) / iiv.sd)
    # the quantile of the truncated law at the same probability keeps the address of the draw
    return typical + iiv.sd * ndtri(low + ndtr(z) * (high - low))


def factor(names, correlations):
    """Lower triangular L (V, V) with L L' the latent correlation matrix, or None where nothing is correlated.

    Raises CohortError where the correlations contradict each other.
    """
    if not correlations:
        return None
    omega = np.eye(len(names))
    for a, b, r in correlations:
        i, j = names.index(a), names.index(b)
        omega[i, j] = omega[j, i] = r
    try:
        return np.linalg.cholesky(omega)
    except np.linalg.LinAlgError as error:
        pairs = ", ".join(f"{a}-{b} {r:g}" for a, b, r in correlations)
        raise CohortError(f"The correlations {pairs} cannot hold together: their matrix is not positive definite.") from error


def correlate(lower, z):
    """L z for every patient: (P, V) from independent (P, V). Sums in fixed order, not by BLAS, whose last bits differ."""
    if lower is None:
        return z
    out = np.zeros_like(z)
    for i in range(z.shape[1]):
        for j in range(i + 1):
            if lower[i, j] != 0.0:
                out[:, i] += lower[i, j] * z[:, j]
    return out
