"""One large trial cut into many of the size of a published one: where the published number falls among those of its replicas.

Knows values of patients; runs nothing.
"""

import numpy as np

from pkpd.errors import TrialError


def by_patient(result):
    """endpoint -> (P,) value of every patient of a TrialResult with randomised arms, in the order of their IDs."""
    if result.design.allocation != "randomised":
        raise TrialError(
            "replicas: arms that share their patients give each of them several values; use allocation = 'randomised'."
        )
    order = np.argsort(np.concatenate([c.ids for c in result.courses]))
    return {name: np.concatenate(values)[order] for name, values in result.values.items()}


def cut(values, size):
    """Replicas (R, size) of independent patients (P,), one after the other; patients of an unfinished one are left out."""
    count = len(values) // size
    if count < 1:
        raise TrialError(f"replicas: {len(values)} patients are too few for one of {size}.")
    return values[: count * size].reshape(count, size)


def means(values, size):
    """(R,) mean of every replica over patients who have a value, NaN where none has."""
    parts = cut(values, size)
    known = np.isfinite(parts)
    return np.where(
        known.any(axis=1),
        np.where(known, parts, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1),
        np.nan,
    )


def placed(simulated, published):
    """Median, 5 and 95 % of a statistic over replicas (R,), and the percentile at which the published value falls; ties count half."""
    known = simulated[np.isfinite(simulated)]
    low, middle, high = np.percentile(known, (5, 50, 95))
    percentile = 100 * (
        float((known < published).mean()) + 0.5 * float((known == published).mean())
    )
    return {
        "published": published,
        "median": float(middle),
        "low": float(low),
        "high": float(high),
        "percentile": percentile,
        "replicas": len(known),
    }
