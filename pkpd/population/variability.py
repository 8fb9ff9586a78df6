"""From latent standard normals to values of parameters and covariates.

Every operation is element by element, in fixed order, so that a patient's numbers do not depend on
who else is computed. Knows distributions; knows no patients.
"""

import numpy as np

from pkpd.errors import CohortError


def around(spread, middle, z):
    """Values (P,) of one input around the middle, a number or (P,), in the input's unit.

    spread : pkpd.symbolic.model.Variability, not of classes; z : (P,) latent standard normals
    """
    from scipy.special import expit, logit, ndtr, ndtri

    if spread.kind == "lognormal":
        return middle * np.exp(spread.sd * z)
    if spread.kind == "logitnormal":
        return expit(logit(middle) + spread.sd * z)
    low = 0.0 if spread.lower is None else ndtr((spread.lower - middle) / spread.sd)
    high = 1.0 if spread.upper is None else ndtr((spread.upper - middle) / spread.sd)
    # the quantile of the truncated law at the same probability keeps the address of the draw
    return middle + spread.sd * ndtri(low + ndtr(z) * (high - low))


def classes(spread, u):
    """Class numbers (P,), 0.0, 1.0, ..., of uniforms u (P,)."""
    bounds = np.cumsum([share for _, share in spread.classes])[:-1]
    return np.searchsorted(bounds, u, side="right").astype(np.float64)


def factor(names, correlations):
    """Lower triangular L (V, V) with L L' the latent correlation matrix, or None without any.

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
        raise CohortError(
            f"The correlations {pairs} cannot hold together: their matrix is not positive definite."
        ) from error


def correlate(lower, z):
    """L z for every patient: (P, V) from independent (P, V).

    Sums in fixed order, not by BLAS, whose last bits differ.
    """
    if lower is None:
        return z
    out = np.zeros_like(z)
    for i in range(z.shape[1]):
        for j in range(i + 1):
            if lower[i, j] != 0.0:
                out[:, i] += lower[i, j] * z[:, j]
    return out


def uncorrelate(lower, x):
    """The independent (P, V) from which `correlate` makes x: forward substitution, fixed order."""
    if lower is None:
        return x
    out = np.array(x)
    for i in range(x.shape[1]):
        for j in range(i):
            if lower[i, j] != 0.0:
                out[:, i] -= lower[i, j] * out[:, j]
        out[:, i] /= lower[i, i]
    return out
