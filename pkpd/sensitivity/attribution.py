"""Shapley attribution of a difference: how much of f(all) - f(none) each player accounts for.

The parts sum to the difference. All subsets where players are few, else random orders of the
players, each with its reverse, so that their errors cancel in part. Knows games as functions of
subsets; knows no patients.
"""

from dataclasses import dataclass
from math import factorial

import numpy as np

from pkpd.population.noise import uniforms

FEW = 10  # players whose subsets are all computed
ORDERS = 32  # pairs of orders for more
T95 = 2.0395  # Student's t, 31 degrees of freedom


@dataclass(frozen=True)
class Attribution:
    """Parts of a difference.

    part : (P,), summing to `difference`; half : (P,) half-width of its 95 % interval, 0 where exact
    evaluations : number of subsets computed
    """

    part: np.ndarray
    half: np.ndarray
    difference: float
    exact: bool
    evaluations: int


def attribute(value, players, seed=0):
    """Attribution of value(all) - value(none) to the players.

    value : (n, P) bool, which players are in -> (n,) floats; seed : of the orders
    """
    return _by_subsets(value, players) if players <= FEW else _by_orders(value, players, seed)


def _by_subsets(value, players):
    sets = (np.arange(2**players)[:, None] >> np.arange(players)) & 1 == 1
    found, size, part = value(sets), sets.sum(axis=1), np.zeros(players)
    for p in range(players):
        without = np.flatnonzero(~sets[:, p])
        weight = np.array(
            [
                factorial(int(s)) * factorial(players - int(s) - 1) / factorial(players)
                for s in size[without]
            ]
        )
        part[p] = (weight * (found[without + 2**p] - found[without])).sum()
    return Attribution(part, np.zeros(players), float(found[-1] - found[0]), True, len(sets))


def _by_orders(value, players, seed):
    order = np.argsort(uniforms(seed, np.arange(1, ORDERS + 1), "split order", players), axis=1)
    order = np.stack([order, order[:, ::-1]])
    place = np.argsort(order, axis=2)
    sets = place[:, :, None, :] < np.arange(players + 1)[:, None]
    # many orders share their first and last sets
    unique, back = np.unique(sets.reshape(-1, players), axis=0, return_inverse=True)
    found = value(unique)
    grown = np.diff(found[back].reshape(2, ORDERS, players + 1), axis=2)
    pairs = np.take_along_axis(grown, place, axis=2).mean(axis=0)
    half = T95 * pairs.std(axis=0, ddof=1) / np.sqrt(ORDERS)
    none, whole = (found[np.flatnonzero(unique.sum(axis=1) == n)[0]] for n in (0, players))
    return Attribution(pairs.mean(axis=0), half, float(whole - none), False, len(unique))
