"""One broad cohort stands for many populations: each patient is weighed by how likely the other population has somebody like them.

Knows values of patients, weights and what a published number is likely to be; runs nothing and knows no model.
"""

import numpy as np


def normalised(logs):
    """Weights (P,) that sum to 1 from their logarithms, up to a constant."""
    found = np.exp(logs - logs.max())
    return found / found.sum()


def effective(weights):
    """Number of equally weighed patients that would be as exact: Kish's effective sample size."""
    return float(1.0 / (weights**2).sum())


def expected(values, weights):
    """Means (J,) of values (P, J) in the population that the weights stand for, and the covariance (J, J) of a mean over n patients, times n.

    Gaps (NaN) are left out value by value; each mean is then a ratio, whose covariance is taken to first order.
    """
    known = np.isfinite(values)
    filled, share = np.where(known, values, 0.0), weights @ known
    mean = (weights @ filled) / share
    pull = np.where(known, values - mean, 0.0) / share
    return mean, pull.T @ (weights[:, None] * pull)


def log_normal(published, mean, covariance):
    """log density of published numbers (J,) under a normal law."""
    from scipy.stats import multivariate_normal

    return float(multivariate_normal.logpdf(published, mean, covariance))


def log_extremes(shares, n):
    """log probability that the smallest of n draws is the first of some ordered values and the largest the last.

    shares : (D,) probability of each value. By inclusion and exclusion of the draws that miss an end.
    """
    first, last = shares[0], shares[-1]
    chance = 1.0 - (1.0 - first) ** n - (1.0 - last) ** n + max(1.0 - first - last, 0.0) ** n
    return float(np.log(chance)) if chance > 0 else -np.inf
