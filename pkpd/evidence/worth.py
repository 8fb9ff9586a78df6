"""What a study that has not been done is worth: information on explanations, and points of pain.

Outcomes are drawn from what the draws of all explanations predict; each is then read as the study
would be, by weights. Knows weights, predictions and benefits; knows no models.

Lindley (1956), Ann. Math. Stat. 27, 986-1005 (information); Ades, Lu & Claxton (2004), Med. Decis.
Making 24, 207-227 (value of sample information).
"""

from dataclasses import dataclass

import numpy as np

from pkpd.evidence.ledger import log_density
from pkpd.population.noise import normals, uniforms

AT_ONCE = 64  # outcomes that are read together


@dataclass(frozen=True)
class Worth:
    """What a study is worth, with Monte Carlo standard errors.

    information : expected gain on which explanation holds, in bits
    value : expected gain of the best dose's mean benefit, in the outcome's unit
    """

    information: float
    information_error: float
    value: float
    value_error: float


def worth(
    weights: np.ndarray,
    labels: np.ndarray,
    mean: np.ndarray,
    covariance: np.ndarray,
    benefit: np.ndarray,
    outcomes: int = 1000,
    seed: int = 1,
) -> Worth:
    """Worth of a study of J statistics.

    Parameters
    ----------
    weights : (K,) of the draws of all explanations, which sum to 1
    labels : (K,) number of the explanation of each draw
    mean, covariance : (K, J), (K, J, J) of the study's statistics under each draw
    benefit : (K, A) mean benefit of each action under each draw
    outcomes : number of simulated outcomes of the study

    The draw that an outcome comes from takes no part in reading it: nobody knows it.
    """
    truths = _truths(weights, outcomes, seed)
    lower = np.linalg.cholesky(covariance)
    z = normals(seed, np.arange(1, outcomes + 1), "outcome", mean.shape[1])
    seen = mean[truths] + np.einsum("sij,sj->si", lower[truths], z)
    groups = np.unique(labels)
    prior = np.array([weights[labels == g].sum() for g in groups])
    best_before = (weights @ benefit).max()
    gains, values = np.empty(outcomes), np.empty(outcomes)
    log_weights = np.log(np.maximum(weights, 1e-300))
    for first in range(0, outcomes, AT_ONCE):
        rows = np.arange(first, min(first + AT_ONCE, outcomes))
        logs = log_density(seen[rows], mean, covariance) + log_weights
        logs[np.arange(len(rows)), truths[rows]] = -np.inf
        after = np.exp(logs - logs.max(axis=1, keepdims=True))
        after /= after.sum(axis=1, keepdims=True)
        share = np.column_stack([after[:, labels == g].sum(axis=1) for g in groups])
        gains[rows] = (share * np.log2(np.maximum(share, 1e-300) / prior)).sum(axis=1)
        values[rows] = (after @ benefit).max(axis=1) - best_before
    scale = np.sqrt(outcomes)
    return Worth(
        float(gains.mean()),
        float(gains.std(ddof=1) / scale),
        float(values.mean()),
        float(values.std(ddof=1) / scale),
    )


def _truths(weights, count, seed):
    """(count,) numbers of draws, in proportion to their weights."""
    u = uniforms(seed, np.arange(1, count + 1), "truth", 1, 0)[:, 0]
    return np.minimum(np.searchsorted(np.cumsum(weights), u), len(weights) - 1)
