"""Shapley effects: shares of the variance of an output that sum to 1, also of correlated inputs.

The value of a set of inputs is Var(E[Y | the set]). A walk replaces one input after another, last
of a random order first; the growth of half the squared change is the effect of each (Goda 2021,
Reliab. Eng. Syst. Saf. 213, 107711). With the Cholesky factor taken in the order of the walk,
those not yet replaced keep their values and the replaced ones are drawn conditionally on them,
which carries the walk over to correlated normals (Song, Nelson & Staum 2016, SIAM/ASA J.
Uncertainty Quantification 4, 1060-1083). Neither SALib nor SciPy has it. Knows functions on the
unit cube; knows no models.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pkpd.population.noise import uniforms
from pkpd.population.variability import cholesky, correlate, uncorrelate

TOGETHER = 8  # points that share an order; the next as many take it backwards


@dataclass
class Walks:
    """Shapley effects of P players, sets of inputs, by walks in R scramblings.

    Grows as a PickFreeze of one set does.

    function : (rows, V) -> (rows, O); draw(first, last, r) -> two independent (N, V)
    players : P masks (V,), each input in one
    omega : (V, V) correlations of the latent normals, or None; seed : of the orders
    values : R arrays (P + 1, N, O) of increments and of the base
    """

    function: Callable
    draw: Callable
    players: list
    omega: np.ndarray | None
    seed: int
    values: list

    @property
    def sets(self):
        return [self.players]

    def extend(self, r, first, last, wanted):
        """Add walks from points first..last-1 of scrambling r."""
        u, orders = self.draw(first, last, r), self._orders(r, first, last)
        steps = len(self.players) + 1
        rows = np.concatenate(
            [
                self._walk(u[:, k : k + TOGETHER], orders[k])
                for k in range(0, last - first, TOGETHER)
            ],
            axis=1,
        )
        y = self.function(rows.reshape(-1, rows.shape[2])).reshape(steps, last - first, -1)
        grown = np.diff(0.5 * (y[:1] - y) ** 2, axis=0)
        # step k replaces the player that is k-th from the end of the order
        player = orders[:, ::-1].T
        found = np.empty((steps, *y.shape[1:]))
        np.put_along_axis(found[:-1], player[:, :, None], grown, axis=0)
        found[-1] = y[0]
        if first == 0:
            self.values.append(found)
        else:
            self.values[r] = np.concatenate([self.values[r], found], axis=1)

    def _orders(self, r, first, last):
        """(N, P) order of the players of every point."""
        pair = np.arange(first, last) // (2 * TOGETHER)
        order = np.argsort(
            uniforms(self.seed, pair + 1, "shapley order", len(self.players), r), axis=1
        )
        backwards = np.arange(first, last) // TOGETHER % 2 == 1
        return np.where(backwards[:, None], order[:, ::-1], order)

    def _walk(self, u, order):
        """Points (P + 1, n, V) of walks that share an order, from two matrices (2, n, V)."""
        from scipy.special import ndtr, ndtri

        steps = [u[0]]
        for player in order[::-1]:
            steps.append(np.where(self.players[player], u[1], steps[-1]))
        rows = np.array(steps)
        if self.omega is None:
            return rows
        columns = np.concatenate([np.flatnonzero(self.players[p]) for p in order])
        z = ndtri(rows.reshape(-1, rows.shape[2]))
        latent = np.empty_like(z)
        latent[:, columns] = correlate(
            cholesky(self.omega[np.ix_(columns, columns)]), z[:, columns]
        )
        # back to the independent dimensions that the function takes
        return ndtr(uncorrelate(cholesky(self.omega), latent)).reshape(rows.shape)

    def count(self):
        """How many walks a scrambling has."""
        return self.values[0].shape[1]

    def estimates(self):
        """Effects (R, P, 1, O), summing to 1 over P; NaN where an output does not vary.

        Walks with NaN are left out.
        """
        found = []
        for values in self.values:
            grown = values[:-1, ~np.isnan(values).any(axis=(0, 2))].mean(axis=1)
            variance = grown.sum(axis=0)
            found.append(grown / np.where(variance > 0, variance, np.nan))
        return np.array(found)[:, :, None]
