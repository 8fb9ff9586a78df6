"""From latent standard normals to values of parameters and covariates.

Every operation is element by element, in fixed order, so that a patient's numbers do not depend on
who else is computed. Knows distributions and the inputs that have them; knows no patients.
"""

import numpy as np

from pkpd.errors import CohortError

NOTHING_LEFT = 1e-9  # share of a variance that is rounding


def around(spread, middle, z):
    """Values (P,) of one input around the middle, a number or (P,), in the input's unit.

    spread : pkpd.symbolic.model.Variability, not of classes; z : (P,) latent standard normals
    """
    from scipy.special import expit, logit, ndtr, ndtri

    if spread.sd == 0.0:
        return middle + np.zeros_like(z)
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

    Only correlated inputs enter, so the others change no bit. Raises CohortError where the
    correlations contradict each other.
    """
    if not correlations:
        return None
    correlated = {*(a for a, _, _ in correlations), *(b for _, b, _ in correlations)}
    linked = [k for k, name in enumerate(names) if name in correlated]
    row_of = {names[k]: row for row, k in enumerate(linked)}
    omega = np.eye(len(linked))
    for a, b, r in correlations:
        omega[row_of[a], row_of[b]] = omega[row_of[b], row_of[a]] = r
    lower = np.eye(len(names))
    lower[np.ix_(linked, linked)] = cholesky(omega)
    return lower


def cholesky(omega):
    """Lower triangular L (V, V) with L L' = omega, a positive semi-definite matrix.

    A column is 0 where the inputs before it leave nothing to explain, as at a correlation of 1.
    Sums in fixed order, not by LAPACK. Raises CohortError for any other matrix.
    """
    lower = np.zeros(omega.shape)
    for j in range(len(omega)):
        variance = float(omega[j, j])
        left = omega[j:, j].astype(float)
        for k in range(j):
            left -= lower[j:, k] * lower[j, k]
        tolerance = NOTHING_LEFT * variance
        if left[0] > tolerance:
            lower[j:, j] = left / np.sqrt(left[0])
        elif left[0] < -tolerance or (np.abs(left) > _slack(omega, j)).any():
            raise CohortError(
                "The correlations contradict each other: "
                "their matrix is not positive semi-definite."
            )
    return lower


def _slack(omega, j):
    """(V - j,) what rounding may leave of the covariances of input j with itself and later ones."""
    return np.sqrt(NOTHING_LEFT * omega[j, j] * np.diag(omega)[j:]) + np.finfo(float).tiny


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
        # what others determine wholly is no dimension of its own: its coordinate is 0
        out[:, i] = out[:, i] / lower[i, i] if lower[i, i] > 0 else 0.0
    return out


def is_continuous(item):
    """Whether an input owns a dimension of the sampling."""
    return item.iiv is not None and item.iiv.kind != "classes"


def drawn_names(model):
    """Names of the inputs of a model that own a dimension of the sampling."""
    return [item.name for item in model.inputs if is_continuous(item)]


def class_labels(item):
    """Labels of the classes of an input, none where it has no classes."""
    return [label for label, _ in item.iiv.classes] if item.iiv else []
