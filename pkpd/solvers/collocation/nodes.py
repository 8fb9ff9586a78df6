"""Where a polynomial meets the equations: nodes on a panel of time, and panels of an interval.

Knows times; knows no model and no lanes.

Radau IIA: Hairer & Wanner (1996), Solving ODEs II, IV.5.
"""

from functools import cache

import numpy as np
from numpy.polynomial import legendre

NODES = 6
PLACES = np.linspace(0.0, 1.0, 9)  # of a panel, where extremes are looked for
GRADED = 3.5  # panels after a dose end at (k/n)**GRADED of the time to the next
# panels between two doses of the coarser mesh, of one attempt after the other; the finer one has
# twice as many ...
LADDER = (3, 4, 7, 11, 17)
EASY = (3e-5, 3e-7, 1e-9)  # ... of which as many are left out as the tolerance is below these


@cache
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


def known():
    """Where a panel's polynomial is known (s+1,): at its start and its nodes."""
    return np.concatenate([[0.0], radau(NODES)[0]])


@cache
def ends(count):
    """Ends (count+1,) of so many panels between two doses, from 0 to 1."""
    return np.linspace(0.0, 1.0, count + 1) ** GRADED


def gaps(times, period):
    """(N, A) time from each dose to the next one, the last to the first of the next interval.

    times : (N, A) of the doses, not falling, in [0, period); period : (N,)
    """
    return np.diff(times, axis=1, append=times[:, :1] + period[:, None])


def panels(times, period, coarse):
    """Lengths (N, P) of the finer panels of N rows, from the first dose on.

    Panels 2q and 2q + 1 are the two parts of panel q of the coarser mesh, which has `coarse` of
    them between two doses.
    """
    lengths = gaps(times, period)[:, :, None] * np.diff(ends(2 * coarse))
    return lengths.reshape(len(times), -1)


def days_panels(times, period, count):
    """Lengths (N, P) of panels of N rows from the start of the interval on: one before the first
    dose, then `count` between two doses and after the last."""
    between = np.diff(times, axis=1, append=period[:, None])
    after = between[:, :, None] * np.diff(ends(count))
    return np.hstack([times[:, :1], after.reshape(len(times), -1)])


@cache
def refinement(doses, coarse):
    """Weights (P, s, s+1) that give the values at the nodes of each finer panel from those at the
    start and the nodes of the coarser one that it is part of. doses : A, of the interval."""
    fine, whole = ends(2 * coarse), np.repeat(ends(coarse), 2)
    nodes, _ = radau(NODES)
    at = fine[:-1, None] + np.diff(fine)[:, None] * nodes
    begin, end = whole[1:-1].reshape(-1, 2)[np.arange(2 * coarse) // 2].T
    return np.tile(values_at((at - begin[:, None]) / (end - begin)[:, None]), (doses, 1, 1))


def interval_start(times, period, count):
    """Which of the panels, `count` between two doses, the interval begins in, and weights of that
    panel's start and nodes that give the values there: (N,) and (N, s+1)."""
    left = (period - times[:, -1]) / gaps(times, period)[:, -1]
    share, row = np.unique(left, return_inverse=True)
    inside = np.clip(np.searchsorted(ends(count), share, side="left") - 1, 0, count - 1)
    begin, end = ends(count)[inside], ends(count)[inside + 1]
    panel = (times.shape[1] - 1) * count + inside
    return panel[row], values_at((share - begin) / (end - begin))[row]


def values_at(at):
    """Weights (..., s+1) of a panel's start and nodes that give the polynomial's values at shares
    `at` (...) of the panel."""
    here = legendre.legvander(2.0 * np.asarray(at) - 1.0, NODES)
    # element by element, so that each has the same bits alone
    return sum(here[..., k, None] * weights for k, weights in enumerate(_inverse()))


@cache
def _inverse():
    """(s+1, s+1) Legendre coefficients of the polynomials that are 1 at one known place."""
    return np.linalg.inv(legendre.legvander(2.0 * known() - 1.0, NODES))


@cache
def at_places():
    """(D, s+1) weights as of `values_at` at PLACES."""
    return values_at(PLACES)
