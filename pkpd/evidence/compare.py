"""Explanations put to the same studies: which survive, what they agree on, where they part.

Each explanation is a model whose typical values have priors. Knows what is asked and what a
comparison holds; predictions, weights and averages are made by the modules beside this one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from pkpd import limits
from pkpd.errors import EvidenceError, PkpdError, quoted
from pkpd.evidence import stored
from pkpd.evidence.averages import MEDS, benefits, meds, weighted_quantiles
from pkpd.evidence.draws import Draws, chosen, guessed
from pkpd.evidence.draws import draws as draw
from pkpd.evidence.ledger import (
    FEWEST,
    Ledger,
    log_likelihood,
    mixture_interval,
    predictive_share,
    total_covariance,
)
from pkpd.evidence.predictions import Prediction, predict
from pkpd.evidence.studies import Study, listed_studies, studies
from pkpd.files import read_toml
from pkpd.progress import watched
from pkpd.result import Computed, Sheet
from pkpd.result.provenance import release
from pkpd.symbolic.load import load
from pkpd.symbolic.model import Model

LDN = Path(__file__).with_name("ldn") / "comparison.toml"
INTERVAL = (0.05, 0.5, 0.95)
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
ALL = "all"
PILOT = 4  # times as many draws are put to the studies without trials, which are quick
PILOT_PEOPLE = 16  # people under each of them
MOST = 4  # times the draws asked for, up to which more are added where too few count
MATTERS = 0.01  # weight from which an explanation must have draws enough for an average
PLAUSIBLE = 0.05  # weight above which an explanation counts among those that are left


@dataclass(frozen=True)
class Question:
    """What is compared.

    weights : explanation -> weight before any study, which sum to 1; doses : (D,), whose benefit
    is averaged
    """

    weights: dict[str, float]
    studies: tuple[Study, ...]
    doses: tuple[float, ...]


def question(path: str | Path = LDN) -> Question:
    """Question from a TOML file: studies, doses and [explanations]. Raises EvidenceError."""
    path = limits.path(path, "comparison", EvidenceError)
    data = read_toml(path, EvidenceError)
    if set(data) != {"studies", "doses", "explanations"}:
        raise EvidenceError(f"{path}: a comparison has studies, doses and [explanations].")
    try:
        doses = limits.numbers(data["doses"], "doses")
        weights = _weights(data["explanations"])
    except PkpdError as error:
        raise EvidenceError(f"{path}: {error}") from error
    folder = Path(path).parent
    names = {
        str(folder / name) if name.endswith(".toml") else name: weight
        for name, weight in weights.items()
    }
    return Question(names, studies(folder / str(data["studies"])), tuple(doses))


def _weights(given):
    """{explanation: weight}, scaled to a sum of 1. Raises EvidenceError."""
    if not isinstance(given, Mapping) or not given:
        raise EvidenceError("explanations is a table of models and their weights.")
    for name, weight in given.items():
        if not limits.number(weight, f"weight of {quoted(name)}") > 0:
            raise EvidenceError(f"explanations: the weight of {name} must be above 0.")
    total = float(sum(given.values()))
    return {str(name): float(weight) / total for name, weight in given.items()}


@dataclass(frozen=True, repr=False)
class WeighedExplanations(Computed):
    """Explanations weighed by studies.

    draws : of every explanation; predictions : (explanation, study) -> Prediction
    ledger : of the studies that inform
    benefits : (K, D) of every explanation at `doses`; meds : of every explanation, {column of
        pkpd.med: (count,)}; both None where its effective draws are too few
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

    def enough(self) -> np.ndarray:
        """(M,) whether an explanation has effective draws enough for what is said of it."""
        return self.ledger.effective() >= FEWEST

    def sheets(self) -> dict[str, Sheet]:
        dose_unit = self.models[0].benefit.unit if self.models[0].benefit else ""
        return {
            "weights": Sheet(self.weights()),
            "left_out": Sheet(self.left_out()),
            "predictions": Sheet(self.predicted()),
            "typical_values": Sheet(self.typical_values()),
            "benefit": Sheet(self.benefit_by_dose(), {"DOSE": dose_unit, "mean": self.unit}),
            "meds": Sheet(self.med_quantiles(), {"value": dose_unit}),
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
        found[ALL] = tuple(np.concatenate(part) for part in zip(*whole, strict=True))
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
                values, weights = (np.concatenate(part) for part in zip(*pooled, strict=True))
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
        weights = self.weights()
        return {
            "weights": [
                {key: column[m].item() for key, column in weights.items()}
                for m in range(len(self.names))
            ],
            "left": list(self.left()),
            "whole": self.whole(),
            "studies": [
                {"name": s.name, "title": s.title, "source": s.source, "grade": s.grade}
                | {"role": s.role, "informs": s.name in self.ledger.studies}
                for s in self.studies
            ],
            "best_dose": self._best_doses(),
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

    def _best_doses(self):
        """explanation -> the dose of those looked at whose mean benefit is largest."""
        found = {}
        for name, (weights, values) in self._benefits().items():
            solved = np.isfinite(values).all(axis=1)
            mean = weights[solved] @ values[solved] / weights[solved].sum()
            best = int(np.argmax(mean))
            found[name] = {"dose": self.doses[best], "benefit": float(mean[best])}
        return found


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


@watched(lambda given: None, of="draws")
def compare(
    models: str | Path | Mapping[str, float] | None = None,
    studies: Sequence[Study | str | Path] | None = None,
    *,
    add: Sequence[str | Path] = (),
    draws: int = 1024,
    people: int = 64,
    seed: int = 1,
    most: int | None = None,
    width: float = 1.0,
    folder: str | Path | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], object] | Literal[False] | None = None,
) -> WeighedExplanations:
    """Weigh explanations by studies.

    Parameters
    ----------
    models : {model: weight before any study, a share or any number in proportion}, or the TOML
        file of a comparison (default: the explanations of low-dose naltrexone)
    studies : Study objects or files; default: those of the comparison
    add : files of further studies
    draws : number of draws of typical values of each explanation, shared by all studies
    people : number of simulated people under each draw
    most : largest number of draws of an explanation: where fewer than 100 of them count, and its
        weight is 1 % or more, draws are added up to it (default: four times `draws`)
    seed : whole number from 0 to 2^63 - 1, of draws, people and noise
    width : factor on the spread of every prior, without unit, on its own scale
    folder : where finished predictions are kept, and looked for by the next run; default: nowhere
    threads : number of threads (default: all cores); results do not depend on it
    progress : called with the number of finished draws of all predictions, and their total, which
        grows where draws are added (default: a bar; False for none)

    Returns
    -------
    WeighedExplanations. Raises EvidenceError for bad input. Ctrl-C ends it; predictions that are
    finished stay in the folder.
    """
    limits.check_whole(draws, 2, limits.PATIENTS, "number of draws", EvidenceError)
    most = MOST * draws if most is None else most
    limits.check_whole(most, draws, limits.PATIENTS, "most draws", EvidenceError)
    limits.check_whole(people, 2, limits.PATIENTS, "number of people", EvidenceError)
    limits.check_whole(seed, 0, limits.SEED, "seed", EvidenceError)
    limits.check_called(progress=progress)
    limits.thread_count(threads)
    if folder is not None:
        limits.path(folder, "folder", EvidenceError)
    if not 0 < limits.number(width, "width") <= 10:
        raise EvidenceError(f"width is a factor on priors, above 0 and at most 10, not {width:g}.")
    asked = _asked(models, studies, add)
    loaded = tuple(load(name) for name in asked.weights)
    _check_alike(loaded)
    work = _Work(asked.studies, people, seed, width, folder, threads, progress or None)
    known = _known(loaded, asked, draws, most, work)
    drawn = tuple(part for part, _ in known)
    predictions = {
        (d.model.name, study): prediction
        for d, found in known
        for study, prediction in found.items()
    }
    ledger = _ledger(asked, known)
    doses = np.array(asked.doses)
    enough = ledger.effective() >= FEWEST
    gains = tuple(
        benefits(d, doses, threads=threads) if some else None
        for d, some in zip(drawn, enough, strict=True)
    )
    found = tuple(
        meds(d, ledger.draw_weights(m), threads=threads) if enough[m] else None
        for m, d in enumerate(drawn)
    )
    return WeighedExplanations(
        loaded, asked.studies, drawn, predictions, ledger, asked.doses, gains, found, people, width
    )


def _asked(models, given, add):
    """The Question. Raises EvidenceError."""
    added = listed_studies(add, "add")
    chosen = None if given is None else listed_studies(given, "studies")
    whole = question(LDN if models is None or isinstance(models, Mapping) else models)
    weights = _weights(models) if isinstance(models, Mapping) else whole.weights
    chosen = (*(whole.studies if chosen is None else chosen), *added)
    names = [s.name for s in chosen]
    for name in names:
        if names.count(name) > 1:
            raise EvidenceError(f"Two studies are called '{name}'; rename the file of one of them.")
    if not any(s.role == "fit" for s in chosen):
        raise EvidenceError('No study informs the weights; at least one has role = "fit".')
    return Question(weights, tuple(chosen), whole.doses)


def _check_alike(models):
    """Raise EvidenceError for two of one name, without a benefit, or with one of another kind."""
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise EvidenceError(f"Two explanations are called '{name}'; rename the file of one.")
    for model in models:
        if model.benefit is None:
            raise EvidenceError(f"{model.name} has no [benefit]: it explains no effect of a dose.")
        first, own = models[0].benefit, model.benefit
        alike = (own.outcome, own.unit, own.better) == (first.outcome, first.unit, first.better)
        if not alike or model.unit(own.outcome) != models[0].unit(first.outcome):
            raise EvidenceError(
                f"{model.name} and {models[0].name} differ in the outcome of their [benefit], its "
                "unit or its direction; explanations are of one outcome."
            )


@dataclass
class _Work:
    """Draws and predictions from a folder or made now, and how far they are."""

    studies: tuple[Study, ...]
    people: int
    seed: int
    width: float
    folder: str | Path | None
    threads: int | None
    progress: Callable[[int, int], object] | None
    total: int = 0
    done: int = 0

    @property
    def quick(self):
        """Studies that inform and take little time."""
        return [s for s in self.studies if s.role == "fit" and s.trial is None]

    def plan(self, draws):
        """Count so many draws of explanations among what is to be done."""
        self.total += draws * (PILOT * len(self.quick) + len(self.studies))

    def batch(self, model, count):
        """`count` Draws of an explanation, and {study: Prediction} of them."""
        return self._predicted(self._draws(model, count, None))

    def more(self, known, count):
        """Draws and predictions of an explanation with `count` more of them."""
        drawn, found = known
        later, further = self._predicted(self._draws(drawn.model, count, known))
        return drawn.then(later), {name: found[name].then(further[name]) for name in found}

    def _predicted(self, drawn):
        return drawn, {s.name: self._prediction(s, drawn, self.people) for s in self.studies}

    def _draws(self, model, count, known):
        """Half from the prior, half from where studies lie: the quick ones, and what is known."""
        first = 0 if known is None else len(known[0])
        if not self.quick or not any(i.prior for i in model.inputs):
            return draw(model, count, self.seed, self.width, first)
        pilot = draw(model, PILOT * count, self.seed, self.width, PILOT * first)
        seen = [
            log_likelihood(s, self._prediction(s, pilot, PILOT_PEOPLE, "pilot-"))
            for s in self.quick
        ]
        logs = np.sum(seen, axis=0)
        if known is not None:
            drawn, found = known
            logs = logs + self._guessed(drawn, found, pilot)
        return chosen(pilot, logs, count, first)

    def _guessed(self, drawn, found, pilot):
        """(K,) what trials may say of the draws of a pilot, from what they said of others."""
        slow = [s for s in self.studies if s.role == "fit" and s.trial is not None]
        seen = [log_likelihood(s, found[s.name]) for s in slow]
        return guessed(drawn, np.sum(seen, axis=0), pilot) if slow else 0.0

    def _prediction(self, study, drawn, people, kind=""):
        """Prediction of a study under draws, from so many people each."""

        def make():
            return predict(study, drawn, people, self.threads, self._report)

        found = stored.prediction(study, drawn, people, self.width, self.folder, make, kind)
        self.done += len(drawn)
        self._report(0)
        return found

    def _report(self, count):
        if self.progress is not None:
            self.progress(self.done + count, self.total)


def _known(models, asked, count, most, work):
    """[(Draws, {study: Prediction})] of every explanation, with draws added where too few count."""
    work.plan(count * len(models))
    known = [work.batch(model, count) for model in models]
    while True:
        ledger = _ledger(asked, known)
        lacking = (ledger.effective() < FEWEST) & (ledger.weights() >= MATTERS)
        more = [most - len(drawn) for drawn, _ in known]
        added = {m: min(count, more[m]) for m in np.flatnonzero(lacking) if more[m] > 0}
        if not added:
            return known
        work.plan(sum(added.values()))
        for m, size in added.items():
            known[m] = work.more(known[m], size)


def _ledger(asked, known):
    """The Ledger of the studies that inform."""
    informing = [s for s in asked.studies if s.role == "fit"]
    logs = tuple(
        np.column_stack([log_likelihood(s, found[s.name]) for s in informing]) for _, found in known
    )
    prior = np.array(list(asked.weights.values()))
    names = tuple(d.model.name for d, _ in known)
    ratios = tuple(d.log_ratio for d, _ in known)
    return Ledger(names, tuple(s.name for s in informing), prior, logs, ratios)
