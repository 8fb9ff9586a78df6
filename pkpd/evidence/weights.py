"""Weights of draws: from logarithms, and how many equally weighted draws they are worth.

Knows arrays; knows nothing of what was drawn.
"""

import numpy as np


def normalised(logs: np.ndarray) -> np.ndarray:
    """Weights (K,) that sum to 1 from their logarithms, up to a constant."""
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


def effective(weights: np.ndarray) -> float:
    """Number of equally weighted draws as precise: Kish's effective sample size."""
    return float(1.0 / (weights**2).sum())
