"""Functions of known indices: Ishigami, Sobol' G, a linear function of correlated normals."""

from itertools import combinations
from math import factorial

import numpy as np

ISHIGAMI = {
    "first": (0.313905, 0.442411, 0.0),
    "total": (0.557589, 0.442411, 0.243684),
    "shapley": (0.435747, 0.442411, 0.121842),
}
A = np.array([0.0, 1.0, 4.5, 9.0])  # of Sobol' G


def ishigami(u):
    """Values (N, 1) of the Ishigami function, a = 7, b = 0.1, at points (N, 3) of the unit cube."""
    x = np.pi * (2 * u[:, :3] - 1)
    return (np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0]))[
        :, None
    ]


def sobol_g(u):
    """Values (N, 1) of Sobol's G at points (N, 4)."""
    return np.prod((np.abs(4 * u - 2) + A) / (1 + A), axis=1)[:, None]


def g_closed(subset):
    """Closed index of a subset of the inputs of Sobol's G."""
    part = 1 / (3 * (1 + A) ** 2)
    return (np.prod(1 + part[list(subset)]) - 1) / (np.prod(1 + part) - 1)


def linear_closed(beta, omega, subset):
    """Var(E[beta'X | X_subset]) / Var(beta'X) of X ~ N(0, omega)."""
    s, rest = list(subset), [i for i in range(len(beta)) if i not in subset]
    if not s:
        return 0.0
    slope = beta[s] + np.linalg.solve(omega[np.ix_(s, s)], omega[np.ix_(s, rest)]) @ beta[rest]
    return slope @ omega[np.ix_(s, s)] @ slope / (beta @ omega @ beta)


def shapley(value, count):
    """Shapley values (count,) of a game value(subset) by all subsets."""
    found = np.zeros(count)
    for i in range(count):
        others = [j for j in range(count) if j != i]
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            found[i] += weight * sum(value((*s, i)) - value(s) for s in combinations(others, size))
    return found
