"""One large trial cut into replicas of a published one, and where the published number falls.

Knows values of patients; knows nothing of models and runs nothing.
"""

import numpy as np

from pkpd.errors import TrialError


def by_patient(result):
    """endpoint -> (P,) values in a TrialResult with randomised arms, in order of ID."""
    if result.design.allocation != "randomised":
        raise TrialError(
            "replicas: arms that share their patients give each of them several values; "
            "use allocation = 'randomised'."
        )
    order = np.argsort(np.concatenate([c.ids for c in result.courses]))
    return {name: np.concatenate(values)[order] for name, values in result.values.items()}


def cut(values, size):
    """Replicas (R, size) of independent patients (P,), one after the other.

    Patients left over at the end, too few for one more replica, are left out.
    """
    count = len(values) // size
    if count < 1:
        raise TrialError(f"replicas: {len(values)} patients are too few for one of {size}.")
    return values[: count * size].reshape(count, size)


def means(values, size):
    """(R,) mean of each replica over the patients who have a value, NaN where none has."""
    parts = cut(values, size)
    present = np.isfinite(parts)
    total = np.where(present, parts, 0.0).sum(axis=1)
    return np.where(present.any(axis=1), total / np.maximum(present.sum(axis=1), 1), np.nan)


def placed(simulated, published):
    """Where a published value falls among those of replicas (R,), NaN left out; ties count half.

    Returns a dict of published, median, low (5 %), high (95 %), percentile and the number of
    replicas.
    """
    values = simulated[np.isfinite(simulated)]
    low, middle, high = np.percentile(values, (5, 50, 95))
    below, equal = float((values < published).mean()), float((values == published).mean())
    percentile = 100 * (below + 0.5 * equal)
    return {
        "published": published,
        "median": float(middle),
        "low": float(low),
        "high": float(high),
        "percentile": percentile,
        "replicas": len(values),
    }
