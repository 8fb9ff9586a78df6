"""The kinds of titration rules but the Bayesian: fixed, step-up, ladder, full-ladder, up-and-down,
keep.

Each says what follows from a visit, for all patients at once.
Knows ladders and visits; knows nothing of models or of how patients are simulated.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from pkpd.errors import TrialError
from pkpd.titration.checks import number, share, whole_number
from pkpd.titration.rule import BACK, BEST, DOWN, END, HOLD, OFF, STOP, TOP, UP, Memory, Rule
from pkpd.titration.up_and_down import SCALES, centred_isotonic


@dataclass
class BestSoFar(Memory):
    """best, best_score : (P,) index and mean entry of the best step so far"""

    best: np.ndarray
    best_score: np.ndarray


@dataclass(frozen=True)
class BestStep(Rule):
    """A rule that remembers the best step, which is the dose found if it helped."""

    def begin(self, patients, now=None):
        best, score = np.full(patients, OFF), np.full(patients, np.inf)
        return BestSoFar(**vars(super().begin(patients, now)), best=best, best_score=score)

    def remember(self, memory, visit, who, margin=0.0):
        """Note the best step so far; of equal steps the earlier one.

        Returns (P,) whether this step is the best by more than `margin` points.
        """
        better = who & (visit.score < np.minimum(memory.best_score, visit.baseline) - margin)
        memory.best = np.where(better, memory.place, memory.best)
        memory.best_score = np.where(better, visit.score, memory.best_score)
        return better

    def helping(self, memory, visit):
        """(P,) whether the best step so far helped."""
        return memory.best_score <= self.threshold(visit)

    def choose_best(self, memory, visit):
        """(P,) act and place of those who have been through the whole ladder."""
        helps = self.helping(memory, visit)
        return np.where(helps, BEST, STOP), np.where(helps, memory.best, OFF)

    def conclude(self, memory, visit, who):
        found = who & (memory.place >= 0) & self.helping(memory, visit)
        memory.found = np.where(found, self.doses(memory), memory.found)


@dataclass(frozen=True)
class Fixed(Rule):
    """One dose throughout (ladder of one), from the first day on."""

    kind: ClassVar[str] = "fixed"
    worded: ClassVar[tuple] = ("visits",)
    visits: int = 6

    def __post_init__(self):
        super().__post_init__()
        whole_number(self.visits, "visits")
        if len(self.ladder) != 1:
            raise TrialError(f"ladder {list(self.ladder)}: a fixed dose is a ladder of one.")

    @property
    def longest(self):
        return self.visits * self.days

    def words(self):
        return f"{self._ladder_words()} throughout, a visit every {self.days} days"

    def step(self, memory, visit, who):
        return np.where(memory.visits + 1 >= self.visits, END, HOLD), memory.place


@dataclass(frozen=True)
class StepUp(Rule):
    """Up a step at every visit to the top of the ladder, and stay there."""

    kind: ClassVar[str] = "step-up"

    def words(self):
        return f"up a step every {self.days} days to the top of {self._ladder_words()}"

    def step(self, memory, visit, who):
        top = memory.place >= memory.ceiling
        return np.where(top, TOP, UP), memory.place + ~top


@dataclass(frozen=True)
class Ladder(BestStep):
    """Up until a dose has helped and the next is no better, then back to the best.

    The rule of a clinic that titrates slowly.
    better : points by which a step must beat the best so far
    patience : steps in a row that are no better before it goes back
    """

    kind: ClassVar[str] = "ladder"
    worded: ClassVar[tuple] = ("better", "patience")
    better: float = 0.0
    patience: int = 1

    def __post_init__(self):
        super().__post_init__()
        whole_number(self.patience, "patience")
        if not number(self.better, "better") >= 0:
            raise TrialError(f"better: {self.better:g} points must not be negative.")

    def words(self):
        step = f"up a step every {self.days} days, {self._ladder_words()}"
        more = "the next is" if self.patience == 1 else f"the next {self.patience} are"
        margin = f" by more than {self.better:.6g} points" if self.better else ""
        return (
            f"{step}, until a dose has helped and {more} no better{margin}, then back to the best"
        )

    def step(self, memory, visit, who):
        self.remember(memory, visit, who, self.better)
        helps = self.helping(memory, visit)
        back = helps & (memory.place - memory.best >= self.patience)
        end, place = self.choose_best(memory, visit)
        top = memory.place >= memory.ceiling
        act = np.select([back, top], [BACK, end], UP)
        return act, np.select([back, top], [memory.best, place], memory.place + 1)


@dataclass(frozen=True)
class FullLadder(BestStep):
    """Every dose of the ladder in turn, then the best of all."""

    kind: ClassVar[str] = "full-ladder"

    def words(self):
        return f"each dose for {self.days} days, {self._ladder_words()}, then the best of all"

    def step(self, memory, visit, who):
        self.remember(memory, visit, who)
        end, place = self.choose_best(memory, visit)
        top = memory.place >= memory.ceiling
        return np.where(top, end, UP), np.where(top, place, memory.place + 1)


@dataclass
class Responses(Memory):
    """trials, hits : (P, D) steps and responses at each dose"""

    trials: np.ndarray
    hits: np.ndarray


@dataclass(frozen=True)
class UpAndDown(Rule):
    """Dixon's staircase within a patient: down a step after a response, up after none.

    The dose found is the ED50. It supposes that more helps more: on an inverted U it can walk to
    the top and stay.
    first : first dose, on the ladder; steps : visits until it ends
    response : fall of the mean entry, as a share of the baseline, that counts as a response
    scale : "log" or "linear" dose, on which the ED50 is interpolated
    """

    kind: ClassVar[str] = "up-and-down"
    worded: ClassVar[tuple] = ("first", "response", "steps", "scale")
    first: float = 0.0
    response: float = 0.30
    steps: int = 0
    scale: str = "log"

    def __post_init__(self):
        super().__post_init__()
        share(self.response, "response")
        if self.scale not in SCALES:
            raise TrialError(f"scale: '{self.scale}' must be log or linear.")
        if self.scale == "log" and self.ladder[0] <= 0.0:
            raise TrialError('ladder: 0 has no logarithm; leave it out or write scale = "linear".')
        if number(self.first, "first") not in self.ladder:
            raise TrialError(
                f"first: {self.first:g} {self.unit} is not on the ladder {list(self.ladder)}."
            )
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise TrialError(
                f"steps: an up-and-down rule with {self.steps!r} steps can never stop; "
                "write a whole number, at least 1."
            )

    def scaled(self, factor, unit):
        ladder = tuple(d * factor for d in self.ladder)
        return replace(self, ladder=ladder, first=self.first * factor, unit=unit)

    @property
    def start(self):
        return self.ladder.index(self.first)

    def begin(self, patients, now=None):
        trials, hits = (np.zeros((patients, len(self.ladder))) for _ in range(2))
        return Responses(**vars(super().begin(patients, now)), trials=trials, hits=hits)

    @property
    def longest(self):
        return self.steps * self.days

    def words(self):
        step = f"a step every {self.days} days, {self._ladder_words()}, from {self.first:.6g}"
        response = f"down after a response (a fall by {100 * self.response:.6g} %), up after none"
        scale = "" if self.scale == "log" else ", ED50 on linear dose"
        return f"{step}, {response}; {self.steps} steps{scale}"

    def step(self, memory, visit, who):
        answered = visit.improvement >= self.response
        rows = np.flatnonzero(who & (memory.place >= 0))
        memory.trials[rows, memory.place[rows]] += 1
        memory.hits[rows, memory.place[rows]] += answered[rows]
        place = np.clip(memory.place + np.where(answered, -1, 1), 0, memory.ceiling)
        last = memory.visits + 1 >= self.steps
        if (last & who).any():
            place = np.where(last, self._nearest(self._ed50(memory)), place)
        return np.select([last, answered], [END, DOWN], UP), place

    def _ed50(self, memory):
        """(P,) dose with a response half the time; NaN where the steps do not reach it."""
        found = centred_isotonic(self._on_scale(self.ladder), memory.trials, memory.hits, 0.5)
        return np.exp(found) if self.scale == "log" else found

    def _nearest(self, dose):
        """(P,) index of the nearest dose on the scale; the top where `dose` (P,) is NaN."""
        wanted = self._on_scale(np.where(np.isnan(dose), self.ladder[-1], dose))
        return np.argmin(np.abs(wanted[:, None] - self._on_scale(self.ladder)), axis=1)

    def _on_scale(self, dose):
        return np.log(dose) if self.scale == "log" else np.asarray(dose, float)

    def conclude(self, memory, visit, who):
        if who.any():
            memory.found = np.where(who, self._ed50(memory), memory.found)


@dataclass
class Kept(Memory):
    """dose : (P,) that the phase before ended with"""

    dose: np.ndarray


@dataclass(frozen=True)
class Keep(Rule):
    """The dose that the phase before ended with."""

    kind: ClassVar[str] = "keep"
    ladder: tuple = (0.0,)

    def __post_init__(self):
        super().__post_init__()
        if self.ladder != (0.0,):
            raise TrialError("ladder: a rule that keeps a dose has no ladder; leave it out.")

    def check_first(self):
        raise TrialError(
            "The rule 'keep' goes on with the dose of the phase before, and there is none."
        )

    def begin(self, patients, now=None):
        dose = np.zeros(patients) if now is None else now
        return Kept(**vars(super().begin(patients)), dose=dose)

    def doses(self, memory):
        return np.where(memory.place == OFF, 0.0, memory.dose)

    def words(self):
        return "the dose that the phase before ended with"

    def step(self, memory, visit, who):
        return np.full(len(who), HOLD), memory.place


# what `kind` may be in a table, beside the Bayesian
KINDS = (Fixed, StepUp, Ladder, FullLadder, UpAndDown, Keep)
