"""Draws of explanations put to studies, round after round until enough of them count.

Half of the draws come from the prior, half from where the studies lie, as far as a quick pilot and
the rounds before tell. Knows draws, studies, and the folder that keeps predictions; knows nothing
of what a comparison says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pkpd.errors import EvidenceError, listed
from pkpd.evidence import stored
from pkpd.evidence.draws import Draws, chosen, guessed
from pkpd.evidence.draws import draws as draw
from pkpd.evidence.ledger import FEWEST, MATTERS, Ledger, log_likelihood
from pkpd.evidence.predictions import Prediction, predict
from pkpd.evidence.question import Question
from pkpd.evidence.studies import Study
from pkpd.symbolic.model import Model

PILOT = 4  # times as many draws are put to the studies without trials, which are quick
PILOT_PEOPLE = 16  # people under each of them


@dataclass(frozen=True)
class Predicted:
    """Draws of an explanation, and {study: Prediction} under them."""

    draws: Draws
    predictions: dict[str, Prediction]

    def then(self, later: "Predicted") -> "Predicted":
        """These draws and those that come after them, as one."""
        both = {name: p.then(later.predictions[name]) for name, p in self.predictions.items()}
        return Predicted(self.draws.then(later.draws), both)

    def log_likelihoods(self, studies: Sequence[Study]) -> list[np.ndarray]:
        """(K,) log likelihoods of the draws, of every study."""
        return [log_likelihood(s, self.predictions[s.name]) for s in studies]


@dataclass
class Rounds:
    """Draws and predictions from a folder or made now, and how far they are.

    people : number under each draw; width : factor on the spread of every prior
    progress : called with the number of finished draws of all predictions, and their total
    """

    studies: tuple[Study, ...]
    people: int
    seed: int
    width: float
    folder: str | Path | None
    threads: int | None
    progress: Callable[[int, int], object] | None
    total: int = 0
    done: int = 0

    def until_enough(
        self, models: Sequence[Model], question: Question, count: int, most: int
    ) -> tuple[list[Predicted], Ledger]:
        """Draws of every explanation, and the Ledger of the studies that inform.

        count : number of draws of each in a round; most : in all, up to which draws are added where
        the weight matters and too few count. Raises EvidenceError where an explanation predicts
        nothing of a study: it would seem refuted by what was never solved
        """
        self._plan(count * len(models))
        known = [self._round(model, count) for model in models]
        while True:
            ledger = _ledger(question, known)
            _check_weighed(ledger)
            lacking = (ledger.effective() < FEWEST) & (ledger.weights() >= MATTERS)
            room = [most - len(predicted.draws) for predicted in known]
            added = np.where(lacking, np.minimum(count, room), 0)
            if not added.any():
                return known, ledger
            self._plan(int(added.sum()))
            for m, size in enumerate(added.tolist()):
                if size:
                    known[m] = known[m].then(self._round(models[m], size, known[m]))

    @property
    def quick(self):
        """Studies that inform and take little time."""
        return [s for s in self.studies if s.role == "fit" and s.trial is None]

    @property
    def slow(self):
        """Studies that inform by a trial."""
        return [s for s in self.studies if s.role == "fit" and s.trial is not None]

    def _plan(self, draws):
        """Count so many draws of explanations among what is to be done."""
        self.total += draws * (PILOT * len(self.quick) + len(self.studies))

    def _round(self, model, count, before=None):
        """`count` draws of an explanation, put to all studies; before : the rounds before."""
        return self._put(self._draws(model, count, before), self.studies, self.people)

    def _draws(self, model, count, before):
        """Half from the prior, half from where studies lie: the quick ones, and what is known."""
        first = 0 if before is None else len(before.draws)
        if not self.quick or not any(i.prior for i in model.inputs):
            return draw(model, count, self.seed, self.width, first)
        pilot = draw(model, PILOT * count, self.seed, self.width, PILOT * first)
        found = self._put(pilot, self.quick, PILOT_PEOPLE, "pilot-")
        logs = np.sum(found.log_likelihoods(self.quick), axis=0)
        if before is not None and self.slow:
            trials = np.sum(before.log_likelihoods(self.slow), axis=0)
            logs = logs + guessed(before.draws, trials, pilot)
        return chosen(pilot, logs, count, first)

    def _put(self, drawn, studies, people, kind=""):
        """Draws put to studies, with so many people under each."""
        return Predicted(drawn, {s.name: self._predict(s, drawn, people, kind) for s in studies})

    def _predict(self, study, drawn, people, kind):
        """Prediction of a study, from the folder or made now."""

        def make():
            return predict(study, drawn, people, self.threads, self._report)

        found = stored.prediction(study, drawn, people, self.width, self.folder, make, kind)
        self.done += len(drawn)
        self._report(0)
        return found

    def _report(self, count):
        if self.progress is not None:
            self.progress(self.done + count, self.total)


def _ledger(question, known):
    """The Ledger of the studies that inform."""
    informing = [s for s in question.studies if s.role == "fit"]
    return Ledger(
        models=tuple(predicted.draws.model.name for predicted in known),
        studies=tuple(s.name for s in informing),
        prior=np.array(list(question.weights.values())),
        logs=tuple(np.column_stack(predicted.log_likelihoods(informing)) for predicted in known),
        ratios=tuple(predicted.draws.log_ratio for predicted in known),
    )


def _check_weighed(ledger):
    """Raise EvidenceError for an explanation that has no density under any draw."""
    for name, logs in zip(ledger.models, ledger.logs, strict=True):
        finite = np.isfinite(logs)
        if finite.all(axis=1).any():
            continue
        empty = [s for s, column in zip(ledger.studies, finite.T, strict=True) if not column.any()]
        raise EvidenceError(
            f"{name} predicts nothing of {listed(empty or ledger.studies)} under any draw: none is "
            "solved, or what was published lies out of all reach. Mend the model or the study, "
            "or leave it out."
        )
