"""One broad cohort stands for many populations, of which each gives its patients other weights.

Knows values of patients, weights and the likelihood of published numbers; knows nothing of models
and runs none.
"""

import numpy as np


def normalised(logs):
    """Weights (P,) that sum to 1 from their logarithms, up to a constant."""
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


def effective(weights):
    """Number of equally weighted patients as precise: Kish's effective sample size."""
    return float(1.0 / (weights**2).sum())


def expected(values, weights):
    """Means (J,) of values (P, J) in the population of the weights (P,), and their covariance.

    The covariance (J, J) is that of a mean over n patients, times n. Gaps (NaN) are left out value
    by value; each mean is then a ratio, whose covariance is taken to first order.
    """
    present = np.isfinite(values)
    filled, share = np.where(present, values, 0.0), weights @ present
    mean = (weights @ filled) / share
    pull = np.where(present, values - mean, 0.0) / share
    return mean, pull.T @ (weights[:, None] * pull)


def log_normal(published, mean, covariance):
    """log density of published numbers (J,) under a normal law."""
    from scipy.stats import multivariate_normal

    return float(multivariate_normal.logpdf(published, mean, covariance))


def log_extremes(shares, n):
    """log probability that n draws of ordered values include the first of them and the last.

    shares : (D,) probability of each value. By inclusion and exclusion of the draws that miss an
        end.
    """
    first, last = shares[0], shares[-1]
    chance = 1.0 - (1.0 - first) ** n - (1.0 - last) ** n + max(1.0 - first - last, 0.0) ** n
    return float(np.log(chance)) if chance > 0 else -np.inf
