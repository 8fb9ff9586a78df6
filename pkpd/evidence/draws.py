"""Draws of a model's typical values from their priors, and the people under each draw.

A draw belongs to seed, number and the name of the parameter, so that models which share a name
share its draws, up to their priors. Knows priors and inputs; knows no studies.
"""

from dataclasses import dataclass, replace

import numpy as np

from pkpd.errors import EvidenceError
from pkpd.evidence.weights import effective, normalised
from pkpd.population.cohort import Cohort, cohort
from pkpd.population.noise import uniforms
from pkpd.population.sampling import stratified
from pkpd.population.variability import around
from pkpd.symbolic.model import Model

NEAREST = 8  # draws whose likelihood stands for that of a draw between them
POWER = 1e-3  # to which the power of a tempered likelihood is found


@dataclass(frozen=True)
class Draws:
    """K draws of the typical values of a model.

    names : (J,) parameters with a prior; values : (K, J) in their units; seed : that of the draws
    and of the people; log_ratio : (K,) log of the prior's density over that of the draws
    first : number of draws that come before these, whose people are others
    """

    model: Model
    seed: int
    names: tuple[str, ...]
    values: np.ndarray
    log_ratio: np.ndarray
    first: int = 0

    def __len__(self) -> int:
        return len(self.values)

    def then(self, later: "Draws") -> "Draws":
        """These draws and those that come after them, as one."""
        values = np.concatenate([self.values, later.values])
        return replace(
            self, values=values, log_ratio=np.concatenate([self.log_ratio, later.log_ratio])
        )

    def people(self, each: int, rows: np.ndarray | None = None) -> Cohort:
        """`each` people under every draw, one draw after the other.

        rows : (R,) numbers of draws; default: all. IDs belong to a draw, so that the people of a
        draw are the same whichever others are asked for.
        """
        which = np.arange(len(self)) if rows is None else np.asarray(rows)
        ids = (self.first + which)[:, None] * each + np.arange(1, each + 1)
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


def draws(model: Model, count: int, seed: int, width: float = 1.0, first: int = 0) -> Draws:
    """K draws from the priors of a model.

    width : factor on the spread of every prior on its own scale (log, or logit of a share)
    first : number of draws that come before these: more of them go on where others ended

    Raises EvidenceError where an input with a prior has classes.
    """
    inputs = [i for i in model.inputs if i.prior is not None]
    for item in inputs:
        if item.iiv is not None and item.iiv.kind == "classes":
            raise EvidenceError(f"{item.place}: '{item.name}' has classes and takes no prior.")
    names = tuple(i.name for i in inputs)
    # an address of their own: people of the same number are not those of the draw
    u = stratified(
        seed, np.arange(first + 1, first + count + 1), [f"prior {name}" for name in names]
    )
    columns = [quantile(i.prior, i.value, u[:, j], width) for j, i in enumerate(inputs)]
    values = np.column_stack(columns) if columns else np.empty((count, 0))
    return Draws(model, seed, names, values, np.zeros(count), first)


def chosen(pilot: Draws, logs: np.ndarray, count: int, first: int = 0) -> Draws:
    """`count` of many draws: half of them the first, half by what some studies say of them.

    logs : (K,) log likelihood of the draws under those studies, tempered as far as it takes for
    enough different draws; first : number of draws that come before these. Every draw then has a
    known ratio of the prior's density to its own, which the first half keeps below 2: a defensive
    mixture, Hesterberg (1995), Technometrics 37, 185-194.
    """
    half = count // 2
    share = half / count
    relative = _tempered(logs, count - half)  # of mean 1
    more = resampled(relative / relative.sum(), count - half, pilot.seed)
    rows = np.concatenate([np.arange(half), more])
    ratio = -np.log(share + (1.0 - share) * relative[rows])
    return replace(pilot, values=pilot.values[rows], log_ratio=ratio, first=first)


def guessed(known: Draws, logs: np.ndarray, others: Draws) -> np.ndarray:
    """(K,) log likelihoods of other draws, as the mean likelihood of the nearest that are known.

    logs : (J,) of the known ones. Near is meant in ranks of every parameter. A guess: it may say
    which draws are worth a look, and nothing about their weight.
    """
    from scipy.spatial import cKDTree
    from scipy.special import logsumexp

    def ranks(values):
        columns = zip(known.values.T, values.T, strict=True)
        return np.column_stack([np.searchsorted(np.sort(old), new) for old, new in columns])

    count = min(NEAREST, len(known))
    _, rows = cKDTree(ranks(known.values)).query(ranks(others.values), k=[*range(1, count + 1)])
    return logsumexp(logs[rows], axis=1) - np.log(count)


def _tempered(logs, enough):
    """Likelihoods (K,) to a power of at most 1 at which so many draws count, of mean 1."""
    logs = np.where(np.isfinite(logs), logs, -np.inf)
    if not np.isfinite(logs).any():
        return np.ones(len(logs))
    logs = logs - logs.max()
    low, high = 0.0, 1.0
    if effective(normalised(logs)) >= enough:
        low = 1.0
    while high - low > POWER:
        middle = (low + high) / 2
        low, high = (
            (middle, high) if effective(normalised(middle * logs)) >= enough else (low, middle)
        )
    weights = np.exp(low * logs) if low else np.ones(len(logs))
    return weights / weights.mean()


def resampled(weights: np.ndarray, count: int, seed: int) -> np.ndarray:
    """(count,) numbers of draws in proportion to their weights (K,), by systematic resampling.

    Kitagawa (1996), J. Comput. Graph. Stat. 5, 1-25.
    """
    start = uniforms(seed, np.array([1]), "resampling", 1, 0)[0, 0]
    points = (np.arange(count) + start) / count
    return np.minimum(np.searchsorted(np.cumsum(weights), points), len(weights) - 1)


def quantile(prior, value, u, width=1.0):
    """(K,) quantiles of a prior around a typical value at uniforms u (K,)."""
    from scipy.special import expit, logit, ndtri

    if prior.kind == "loguniform":
        low, high = np.log(prior.low), np.log(prior.high)
        return np.exp((low + high) / 2 + width * (high - low) * (u - 0.5))
    if prior.kind == "lognormal":
        return value * np.exp(width * prior.spread * ndtri(u))
    return expit(logit(value) + width * prior.spread * ndtri(u))
