"""Polynomials through few values, as weights of these.

Knows numbers; knows no doses.
"""

import numpy as np


def weights_at(nodes, at):
    """(n, k) weights of the values at nodes (n, k) in their polynomial at one place (n,) each."""
    weights = np.ones(nodes.shape)
    for i in range(nodes.shape[1]):
        for j in range(nodes.shape[1]):
            if j != i:
                weights[:, i] *= (at - nodes[:, j]) / (nodes[:, i] - nodes[:, j])
    return weights
