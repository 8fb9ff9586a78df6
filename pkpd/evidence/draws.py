"""Draws of a model's typical values from their priors, and the people under each draw.

A draw belongs to seed, number and the name of the parameter, so that models which share a name
share its draws, up to their priors. Knows priors and inputs; knows no studies.
"""

from dataclasses import dataclass, replace

import numpy as np

from pkpd.errors import EvidenceError
from pkpd.population.cohort import Cohort, cohort
from pkpd.population.sampling import stratified
from pkpd.population.variability import around
from pkpd.symbolic.model import Model


@dataclass(frozen=True)
class Draws:
    """K draws of the typical values of a model.

    names : (J,) parameters with a prior; values : (K, J) in their units; seed : that of the draws
    and of the people
    """

    model: Model
    seed: int
    names: tuple[str, ...]
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def people(self, each: int, rows: np.ndarray | None = None) -> Cohort:
        """`each` people under every draw, one draw after the other.

        rows : (R,) numbers of draws; default: all. IDs belong to a draw, so that the people of a
        draw are the same whichever others are asked for.
        """
        which = np.arange(len(self)) if rows is None else np.asarray(rows)
        ids = which[:, None] * each + np.arange(1, each + 1)
        return self.under(np.repeat(which, each), ids.ravel())

    def under(self, rows: np.ndarray, ids: np.ndarray) -> Cohort:
        """The people with these IDs (P,), each under one of the draws: rows (P,) are numbers."""
        people = cohort(self.model, seed=self.seed, ids=ids)
        theta = people.theta.copy()
        varying = [i.name for i in self.model.inputs if i.iiv and i.iiv.kind != "classes"]
        for j, name in enumerate(self.names):
            column = self.model.input_names.index(name)
            typical = self.values[rows, j]
            spread = self.model.inputs[column].iiv
            if spread is not None:
                z = people.latent[:, varying.index(name)]
                typical = around(spread, typical, z)
            theta[:, column] = typical
        return replace(people, theta=theta)


def draws(model: Model, count: int, seed: int, width: float = 1.0) -> Draws:
    """K draws from the priors of a model.

    width : factor on the spread of every prior on its own scale (log, or logit of a share)

    Raises EvidenceError where an input with a prior has classes.
    """
    inputs = [i for i in model.inputs if i.prior is not None]
    for item in inputs:
        if item.iiv is not None and item.iiv.kind == "classes":
            raise EvidenceError(f"{item.place}: '{item.name}' has classes and takes no prior.")
    names = tuple(i.name for i in inputs)
    # an address of their own: people of the same number are not those of the draw
    u = stratified(seed, np.arange(1, count + 1), [f"prior {name}" for name in names])
    columns = [quantile(i.prior, i.value, u[:, j], width) for j, i in enumerate(inputs)]
    values = np.column_stack(columns) if columns else np.empty((count, 0))
    return Draws(model, seed, names, values)


def quantile(prior, value, u, width=1.0):
    """(K,) quantiles of a prior around a typical value at uniforms u (K,)."""
    from scipy.special import expit, logit, ndtri

    if prior.kind == "loguniform":
        low, high = np.log(prior.low), np.log(prior.high)
        return np.exp((low + high) / 2 + width * (high - low) * (u - 0.5))
    if prior.kind == "lognormal":
        return value * np.exp(width * prior.spread * ndtri(u))
    return expit(logit(value) + width * prior.spread * ndtri(u))
