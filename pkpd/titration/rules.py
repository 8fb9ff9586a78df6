"""The kinds of titration rules: fixed, step-up, ladder, full-ladder, up-and-down, bayes, keep.

Each says what follows from a visit, for all patients at once.
Knows ladders and visits; knows nothing of models or of how patients are simulated.
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from pkpd.errors import TrialError
from pkpd.titration.checks import number, one_of, share, whole_number
from pkpd.titration.rule import BACK, BEST, DOWN, END, HOLD, NEXT, OFF, STOP, TOP, UP, Rule
from pkpd.titration.up_and_down import SCALES, centred_isotonic


class _BestStep:
    """The dose found is that of the best step, if it helped."""

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
class Ladder(_BestStep, Rule):
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
class FullLadder(_BestStep, Rule):
    """Every dose of the ladder in turn, then the best of all."""

    kind: ClassVar[str] = "full-ladder"

    def words(self):
        return f"each dose for {self.days} days, {self._ladder_words()}, then the best of all"

    def step(self, memory, visit, who):
        self.remember(memory, visit, who)
        end, place = self.choose_best(memory, visit)
        top = memory.place >= memory.ceiling
        return np.where(top, end, UP), np.where(top, place, memory.place + 1)


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


@dataclass(frozen=True)
class Bayes(Rule):
    """Virtual patients of the model, as its file has them, are the prior; each visit weights them.

    A virtual patient's weight is how well it predicts the diary.
    choice : the next dose is the best of a virtual patient drawn by weight ("thompson"), or the one
        with the largest expected benefit ("expected")
    helped : asked of the expected benefit of the drug alone
    steps : visits until it ends, with the dose of the largest expected benefit
    particles : number of virtual patients, drawn from `prior_seed`
    settle : half-life of what is left of an earlier dose's effect, in days
    misfit : SD of a step's mean that neither noise nor prior explains, in points
    """

    kind: ClassVar[str] = "bayes"
    worded: ClassVar[tuple] = ("choice", "steps", "particles")
    choice: str = "thompson"
    steps: int = 0
    particles: int = 1000
    prior_seed: int = 2_000_003
    settle: float = 10.0
    misfit: float = 0.2
    # set by pkpd.trials.conduct.prepared
    prior: object = field(default=None, compare=False, repr=False)

    def __post_init__(self):
        super().__post_init__()
        one_of(self.choice, ("thompson", "expected"), "choice")
        whole_number(self.particles, "particles")
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise TrialError(
                f"steps: a Bayesian rule with {self.steps!r} steps can never stop; "
                "write a whole number, at least 1."
            )
        for name in ("settle", "misfit"):
            if not number(getattr(self, name), name) > 0:
                raise TrialError(f"{name}: {getattr(self, name):g} must be above 0.")

    @property
    def longest(self):
        return self.steps * self.days

    @property
    def start(self):
        return self.prior.first if self.prior is not None else 0

    def begin(self, patients, now=None):
        memory = super().begin(patients, now)
        memory.belief = self.prior.belief(patients)
        return memory

    def words(self):
        best = "the largest expected benefit"
        if self.choice == "thompson":
            best = "the largest benefit to a virtual patient drawn by weight"
        step = f"the dose with {best} every {self.days} days, {self._ladder_words()}"
        return f"{step}, by {self.particles} virtual patients as prior; {self.steps} steps"

    def step(self, memory, visit, who):
        expected, drawn = self.prior.update(memory.belief, memory.place, visit, who, self)
        best = np.argmax(expected, axis=1)
        last = memory.visits + 1 >= self.steps
        helps = expected.max(axis=1) >= visit.baseline - self.threshold(visit)
        final = np.where(helps, best, OFF)
        place = np.where(last, final, drawn if self.choice == "thompson" else best)
        return np.select([last & helps, last], [BEST, STOP], NEXT), place

    def conclude(self, memory, visit, who):
        memory.found = np.where(who & (memory.place >= 0), self.doses(memory), memory.found)


@dataclass(frozen=True)
class Keep(Rule):
    """The dose that the phase before ended with."""

    kind: ClassVar[str] = "keep"
    ladder: tuple = (0.0,)

    def begin(self, patients, now=None):
        memory = super().begin(patients)
        memory.belief = np.zeros(patients) if now is None else now
        return memory

    def doses(self, memory):
        return np.where(memory.place == OFF, 0.0, memory.belief)

    def words(self):
        return "the dose that the phase before ended with"

    def step(self, memory, visit, who):
        return np.full(len(who), HOLD), memory.place


KINDS = {rule.kind: rule for rule in (Fixed, StepUp, Ladder, FullLadder, UpAndDown, Bayes, Keep)}
