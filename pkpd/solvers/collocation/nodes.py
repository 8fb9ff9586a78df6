"""Where a polynomial meets the equations: nodes on a panel of time, and panels of an interval.

Knows times; knows no model and no lanes.

Radau IIA: Hairer & Wanner (1996), Solving ODEs II, IV.5.
"""

import numpy as np
from numpy.polynomial import legendre

NODES = 8
GRADED = 3.0  # panels after a dose end at (k/n)**GRADED of the time to the next
# panels after each dose and before the first one, of one attempt after the other ...
LADDER = ((5, 1), (7, 1), (10, 2), (14, 2), (20, 3), (29, 4))
EASY = (1e-5, 1e-7, 1e-9)  # ... of which as many are left out as the tolerance is below these


def radau(count):
    """Nodes (count,) in (0, 1] and matrix (count, count) of Radau IIA.

    The matrix integrates from 0 to each node the polynomials that are 1 at one node and 0 at the
    others.
    """
    top = np.zeros(count + 1)
    top[count], top[count - 1] = 1.0, -1.0
    nodes = (np.sort(legendre.legroots(top).real) + 1.0) / 2.0
    nodes[-1] = 1.0
    values = legendre.legvander(2.0 * nodes - 1.0, count)
    degree = np.arange(1, count)
    # the integral of a Legendre polynomial is a difference of its neighbours
    rising = (values[:, 2:] - values[:, :-2]) / (2.0 * (2.0 * degree + 1.0))
    integrals = np.column_stack([nodes, rising])
    return nodes, np.linalg.solve(values[:, :count].T, integrals.T).T


def last_coefficients(nodes, count=4):
    """(count, s+1) weights of the panel's start and its nodes (s,) that give the last Legendre
    coefficients, the highest first, of the polynomial through them."""
    points = np.concatenate([[-1.0], 2.0 * nodes - 1.0])
    weights = np.linalg.inv(legendre.legvander(points, len(nodes)))
    return np.ascontiguousarray(weights[::-1][:count])


def panels(times, period, attempt):
    """Lengths (N, P) of the panels of N rows, and (A,) which panel each dose opens.

    times : (N, A) of the doses, not falling, in [0, period]; period : (N,)
    """
    after, before = LADDER[attempt]
    graded = np.diff(np.linspace(0.0, 1.0, after + 1) ** GRADED)
    even = np.full(before, 1.0 / before)
    ends = np.column_stack([times, period])
    gaps = np.diff(ends, axis=1)
    lengths = [times[:, :1] * even] + [gaps[:, k : k + 1] * graded for k in range(gaps.shape[1])]
    opens = before + after * np.arange(times.shape[1])
    return np.concatenate(lengths, axis=1), opens
