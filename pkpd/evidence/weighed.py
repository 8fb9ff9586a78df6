"""Explanations weighed by studies: which survive, what they agree on, where they part.

Knows draws, predictions and weights, and the tables made of them; computes no prediction.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from pkpd.evidence import stored
from pkpd.evidence.averages import MEDS, weighted_quantiles
from pkpd.evidence.draws import Draws
from pkpd.evidence.ledger import (
    FEWEST,
    MATTERS,
    Ledger,
    fit,
    mixture_interval,
    predictive_share,
    total_covariance,
)
from pkpd.evidence.predictions import Prediction
from pkpd.evidence.studies import Study
from pkpd.result import Computed, Sheet
from pkpd.result.tables import by_row
from pkpd.symbolic.model import Model
from pkpd.version import release

INTERVAL = (0.05, 0.5, 0.95)
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
ALL = "all"
PLAUSIBLE = 0.05  # weight above which an explanation counts among those that are left
POOR = 0.01  # P below which an explanation does not fit a study


@dataclass(frozen=True, repr=False)
class WeighedExplanations(Computed):
    """Explanations weighed by studies.

    draws : of every explanation; predictions : (explanation, study) -> Prediction
    ledger : of the studies that inform
    benefits : (K, D) of every explanation at `doses`; meds : {column of pkpd.med: (P,)} of every
        explanation; both None where its effective draws are too few
    """

    NAME: ClassVar[str] = "comparison"

    models: tuple[Model, ...]
    studies: tuple[Study, ...]
    draws: tuple[Draws, ...]
    predictions: dict[tuple[str, str], Prediction]
    ledger: Ledger
    doses: tuple[float, ...]
    benefits: tuple[np.ndarray | None, ...]
    meds: tuple[dict[str, np.ndarray] | None, ...]
    people: int
    width: float

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the explanations."""
        return self.ledger.models

    @property
    def unit(self) -> str:
        """Unit of the outcome."""
        benefit = self.models[0].benefit
        return self.models[0].unit(benefit.outcome) if benefit else "1"

    @property
    def dose_unit(self) -> str:
        """Unit of the doses."""
        benefit = self.models[0].benefit
        return benefit.unit if benefit else ""

    def enough(self) -> np.ndarray:
        """(M,) whether an explanation has effective draws enough for what is said of it."""
        return self.ledger.effective() >= FEWEST

    def sheets(self) -> dict[str, Sheet]:
        return {
            "weights": Sheet(self.weights()),
            "left_out": Sheet(self.left_out()),
            "fits": Sheet(self.fits()),
            "predictions": Sheet(self.predicted()),
            "typical_values": Sheet(self.typical_values()),
            "benefit": Sheet(self.benefit_by_dose(), {"DOSE": self.dose_unit, "mean": self.unit}),
            "meds": Sheet(self.med_quantiles(), {"value": self.dose_unit}),
        }

    def weights(self) -> dict[str, np.ndarray]:
        """Columns, a row for every explanation: prior, weight, its Monte Carlo error, draws."""
        ledger = self.ledger
        return {
            "explanation": np.array(self.names),
            "prior": ledger.prior,
            "weight": ledger.weights(),
            "error": ledger.monte_carlo_error(),
            "log_evidence": ledger.evidence(),
            "effective_draws": ledger.effective(),
            "draws": np.array([len(d) for d in self.draws]),
        }

    def left_out(self) -> dict[str, np.ndarray]:
        """Columns, a row for every study and explanation: the weight without the study.

        log_density : of the study, as the explanation predicts it informed by all the others
        """
        rows: list[tuple] = []
        for name in self.ledger.studies:
            without, density = self.ledger.without(name), self.ledger.left_out(name)
            weights, effective = without.weights(), without.effective()
            rows += zip([name] * len(weights), self.names, weights, effective, density, strict=True)
        return _columns(rows, ("study", "explanation", "weight", "effective_draws", "log_density"))

    def fits(self) -> dict[str, np.ndarray]:
        """Columns, a row for every study that informs and explanation: how well it fits.

        After all studies. p : probability that a repetition of the study lies further from what
            the explanation predicts than the published one (pkpd.evidence.ledger.fit)
        statistic : of the study, that which lies furthest from its prediction; sds : how far, in
            SDs; low, median, high : 5, 50, 95 % of what is predicted, with chance and allowance
        """
        names = ("study", "explanation", "p", "statistic", "published", "sds")
        return _columns(self._fits, (*names, "low", "median", "high", "unit"))

    @cached_property
    def _fits(self) -> list[tuple]:
        """The rows of `fits`, which tables, summary and page all need."""
        rows = []
        for asked in self.studies:
            if asked.name not in self.ledger.studies:
                continue
            parts = self._mixtures(asked, self.ledger)
            for m, name in enumerate(self.names):
                chance = fit(asked, self.predictions[name, asked.name])
                weights = self.ledger.draw_weights(m)
                furthest = _furthest(asked, *parts[name])
                rows.append((asked.name, name, float(weights @ chance), *furthest))
        return rows

    def misfits(self) -> list[dict[str, Any]]:
        """Rows of `fits`, of the studies that no explanation fits which has weight.

        Of each study that of the explanation which comes nearest. enough : whether it has effective
            draws enough to say so; more of them may come nearer
        """
        weighs = set(np.array(self.names)[self.ledger.weights() >= MATTERS]) or set(self.names)
        rows = [row for row in by_row(self.fits()) if row["explanation"] in weighs]
        nearest: dict[str, dict] = {}
        for row in sorted(rows, key=lambda row: (-row["p"], row["sds"])):
            nearest.setdefault(row["study"], row)
        enough = dict(zip(self.names, self.enough().tolist(), strict=True))
        poor = [row for row in nearest.values() if row["p"] < POOR]
        return [row | {"enough": enough[row["explanation"]]} for row in poor]

    def predicted(self) -> dict[str, np.ndarray]:
        """Columns, a row for every statistic and explanation, and for all of them together.

        low, median, high : 5, 50, 95 % of what is predicted from the other studies, with chance
        and allowance; below : share of that prediction below the published value
        """
        rows = []
        for asked in self.studies:
            informs = asked.name in self.ledger.studies
            ledger = self.ledger.without(asked.name) if informs else self.ledger
            parts = self._mixtures(asked, ledger)
            for j, s in enumerate(asked.statistics):
                for name, (weights, mean, sd) in parts.items():
                    interval = mixture_interval(weights, mean[:, j], sd[:, j], INTERVAL)
                    value = np.nan if s.value is None else s.value
                    below = predictive_share(weights, mean[:, j], sd[:, j], value)
                    rows.append((asked.name, s.name, name, value, *interval, below, s.unit))
        names = ("study", "statistic", "explanation", "published", "low", "median", "high")
        return _columns(rows, (*names, "below", "unit"))

    def _mixtures(self, asked, ledger):
        """explanation -> (weights, means (K, J), SDs (K, J)) of the draws, and of all of them."""
        found: dict[str, tuple] = {}
        for m, name in enumerate(self.names):
            prediction = self.predictions[name, asked.name]
            covariance = total_covariance(asked, prediction)
            sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
            solved = np.isfinite(prediction.mean).all(axis=1)
            weights = np.where(solved, ledger.draw_weights(m), 0.0)
            found[name] = weights[solved], prediction.mean[solved], sd[solved]
        shares = zip(ledger.weights(), found.values(), strict=True)
        whole = [(share * w, mean, sd) for share, (w, mean, sd) in shares]
        found[ALL] = tuple(map(np.concatenate, zip(*whole, strict=True)))
        return found

    def typical_values(self) -> dict[str, np.ndarray]:
        """Columns, a row for every explanation and parameter with a prior: 5, 50, 95 %.

        Before any study, and after all; NaN after where effective draws are too few.
        """
        rows = []
        for m, (drawn, enough) in enumerate(zip(self.draws, self.enough(), strict=True)):
            weights = self.ledger.draw_weights(m)
            prior = np.exp(drawn.log_ratio)
            prior = prior / prior.sum()
            for j, name in enumerate(drawn.names):
                values = drawn.values[:, j]
                before = weighted_quantiles(values, prior, INTERVAL)
                after = weighted_quantiles(values, weights, INTERVAL) if enough else [np.nan] * 3
                unit = drawn.model.unit(name)
                rows.append((self.names[m], name, *before, *after, unit))
        names = ("prior_low", "prior_median", "prior_high", "low", "median", "high", "unit")
        return _columns(rows, ("explanation", "parameter", *names))

    def benefit_by_dose(self) -> dict[str, np.ndarray]:
        """Columns, a row for every explanation and dose, and for all together: mean, 5 and 95 %.

        The interval is of the population mean, over draws.
        """
        rows = []
        for name, (weights, values) in self._benefits().items():
            for d, dose in enumerate(self.doses):
                solved = np.isfinite(values[:, d])
                w = weights[solved] / weights[solved].sum()
                low, _, high = weighted_quantiles(values[solved, d], w, INTERVAL)
                rows.append((name, dose, float(w @ values[solved, d]), low, high))
        return _columns(rows, ("explanation", "DOSE", "mean", "low", "high"))

    def _benefits(self):
        """explanation -> (weights of draws, benefits (K, D)), those with draws enough, and all."""
        found = {}
        weights = self.ledger.weights()
        for m, gains in enumerate(self.benefits):
            if gains is not None:
                found[self.names[m]] = self.ledger.draw_weights(m), gains
        if self.whole():
            shares = [weights[self.names.index(name)] * w for name, (w, _) in found.items()]
            found[ALL] = np.concatenate(shares), np.concatenate([g for _, g in found.values()])
        return found

    def whole(self) -> bool:
        """Whether all explanations of a weight that matters have effective draws enough."""
        return bool((self.enough() | (self.ledger.weights() < MATTERS)).all())

    def med_quantiles(self) -> dict[str, np.ndarray]:
        """Columns, a row for every explanation, definition of the MED and quantile.

        share : of the people who have one
        """
        rows = []
        shares = self.ledger.weights()
        for column in MEDS:
            pooled = []
            for name, found, share in zip(self.names, self.meds, shares, strict=True):
                if found is None:
                    continue
                values = found[column]
                have = np.isfinite(values)
                pooled.append((values, np.full(len(values), share / len(values))))
                equal = np.full(have.sum(), 1.0 / max(have.sum(), 1))
                rows += _quantile_rows(name, column, values[have], equal, have.mean())
            if self.whole() and pooled:
                values, weights = map(np.concatenate, zip(*pooled, strict=True))
                have = np.isfinite(values)
                share = weights[have].sum() / weights.sum()
                scaled = weights[have] / max(weights[have].sum(), 1e-300)
                rows += _quantile_rows(ALL, column, values[have], scaled, share)
        return _columns(rows, ("explanation", "definition", "quantile", "value", "share"))

    def left(self) -> tuple[str, ...]:
        """Explanations with a weight above 5 %, the heaviest first."""
        weights = self.ledger.weights()
        order = np.argsort(-weights)
        return tuple(self.names[m] for m in order if weights[m] > PLAUSIBLE)

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """The comparison in a few numbers, as plain data."""
        return {
            "weights": by_row(self.weights()),
            "left": list(self.left()),
            "misfits": self.misfits(),
            "whole": self.whole(),
            "studies": list(map(self._of_study, self.studies)),
            "best_dose": self._best_doses(),
            "unit": self.unit,
            "dose_unit": self.dose_unit,
            "people": self.people,
            "width_of_priors": self.width,
            "provenance": {
                "package": "pkpd",
                "version": release(),
                "models": {m.name: m.numbers for m in self.models},
                "studies": {s.name: stored.digest(s) for s in self.studies},
                "seed": self.draws[0].seed,
                "command": command,
            },
        }

    def _of_study(self, study):
        """What a study is, and whether it informs the weights, as plain data."""
        return {
            "name": study.name,
            "title": study.title,
            "source": study.source,
            "grade": study.grade,
            "role": study.role,
            "informs": study.name in self.ledger.studies,
        }

    def _best_doses(self):
        """explanation -> the dose of those looked at whose mean benefit is largest."""
        found = {}
        for name, (weights, values) in self._benefits().items():
            solved = np.isfinite(values).all(axis=1)
            mean = weights[solved] @ values[solved] / weights[solved].sum()
            best = int(np.argmax(mean))
            found[name] = {"dose": self.doses[best], "benefit": float(mean[best])}
        return found


def _furthest(study, weights, mean, sd):
    """The statistic furthest from its prediction: a row of `fits` from the name on.

    weights : (K,) of draws; mean, sd : (K, J) of the statistics under each of them
    """
    middle = weights @ mean
    spread = np.sqrt(weights @ (sd**2 + (mean - middle) ** 2))
    published = np.array([s.value for s in study.statistics], float)
    distances = np.abs(published - middle) / spread
    j = int(np.argmax(distances))
    statistic = study.statistics[j]
    interval = mixture_interval(weights, mean[:, j], sd[:, j], INTERVAL)
    return statistic.name, statistic.value, float(distances[j]), *interval, statistic.unit


def _quantile_rows(name, column, values, weights, share):
    if not len(values):
        return [(name, column, level, np.nan, float(share)) for level in LEVELS]
    found = weighted_quantiles(values, weights, LEVELS)
    return [
        (name, column, level, value, float(share))
        for level, value in zip(LEVELS, found, strict=True)
    ]


def _columns(rows, names):
    columns = zip(*rows, strict=True) if rows else [[]] * len(names)
    return {name: np.array(values) for name, values in zip(names, columns, strict=True)}
