"""Titration rules: from what a visit shows to the next dose, for all patients of a trial at once.

A rule is plain data (a dataclass, or a table of rules.toml); what it remembers of P patients is a Memory. At a visit the first
condition that holds decides; otherwise the rule's own step does. Knows ladders and diaries; knows no model.
"""

from dataclasses import dataclass, field, fields, replace
from typing import ClassVar

import numpy as np

from pkpd.errors import TrialError, closest
from pkpd.trials.updown import centred_isotonic

ACTS = ("start", "up", "down", "hold", "back to the best", "stop", "reduce", "best of all", "top", "no entries", "next", "end")
START, UP, DOWN, HOLD, BACK, STOP, REDUCE, BEST, TOP, BLANK, NEXT, END = range(len(ACTS))
OFF = -1  # place of a patient who takes no dose
QUANTITIES = ("improvement", "score", "worse", "adverse")
DEEDS = {"hold": HOLD, "reduce": REDUCE, "stop": STOP}


@dataclass(frozen=True)
class Condition:
    """Hold, reduce or stop when a quantity of the visit is at least, or at most, a number.

    when : "improvement" (share of the baseline), "score" (mean entry), "worse" (points above the baseline) or "adverse"
        (adverse events since the last visit); do : "hold" (one visit), "reduce" (a step down, and never above it) or "stop"
    """

    when: str
    do: str
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self):
        known(self.when, QUANTITIES, "conditions.when")
        known(self.do, DEEDS, "conditions.do")
        if (self.at_least is None) == (self.at_most is None):
            raise TrialError("conditions: give either at_least or at_most.")
        number(self.at_least if self.at_most is None else self.at_most, "conditions.at_least or at_most")
        if self.when == "improvement":
            share(abs(self.at_least if self.at_most is None else self.at_most), "conditions: improvement")

    def holds(self, seen):
        """(P,) whether it applies; never where the quantity is not known."""
        quantity = getattr(seen, self.when)
        return quantity >= self.at_least if self.at_most is None else quantity <= self.at_most


@dataclass(frozen=True)
class Seen:
    """What a visit shows of P patients.

    day : last day before the visit; score : (P,) mean entry of the rule's window, NaN where nothing was entered; entries : (P,) how many
    baseline : (P,) mean entry before treatment; adverse : (P,) new adverse events since the last visit; draw : (P,) a uniform
    """

    day: int
    score: np.ndarray
    entries: np.ndarray
    baseline: np.ndarray
    adverse: np.ndarray
    draw: np.ndarray

    @property
    def improvement(self):
        return 1.0 - self.score / np.where(self.baseline > 0, self.baseline, np.nan)

    @property
    def worse(self):
        return self.score - self.baseline


@dataclass
class Memory:
    """What a rule remembers of P patients: place on the ladder (OFF: no dose), the highest allowed, the best so far and its score,
    visits made, whether it has ended, the dose found (NaN: none); trials, hits : (P, D) steps and responses at each dose."""

    place: np.ndarray
    ceiling: np.ndarray
    best: np.ndarray
    best_score: np.ndarray
    visits: np.ndarray
    done: np.ndarray
    found: np.ndarray
    trials: np.ndarray
    hits: np.ndarray
    belief: object = None


@dataclass(frozen=True)
class Rule:
    """What every rule has.

    ladder : doses in `unit`, increasing; days : between two visits; window : last days of a step whose entries count
    helped : least fall of the mean entry, as a share of the baseline, that counts as help; conditions : looked at first, in order
    """

    kind: ClassVar[str] = ""
    waits: ClassVar[bool] = False  # whether the ladder's first dose waits for a decision

    ladder: tuple = ()
    unit: str = "mg"
    days: int = 14
    window: int = 7
    helped: float = 0.30
    conditions: tuple = ()
    label: str = ""
    source: str = ""

    def __post_init__(self):
        whole(self.days, "days")
        whole(self.window, "window")
        if self.window > self.days:
            raise TrialError(f"window: {self.window} days are more than the {self.days} days of a step.")
        share(self.helped, "helped")
        doses = self.ladder
        if not doses or not all(isinstance(d, (int, float)) and np.isfinite(d) and d >= 0 for d in doses) or list(doses) != sorted(set(doses)):
            raise TrialError(f"ladder {list(doses)}: write doses from 0 on that increase, such as [1.5, 3, 4.5].")

    @property
    def longest(self):
        """Days after which the rule has ended unless a condition held it."""
        return len(self.ladder) * self.days

    @property
    def start(self):
        """Place of the first dose on the ladder."""
        return 0

    def scaled(self, factor, unit):
        """The same rule with its doses in another unit, `factor` of which are one of its own."""
        return replace(self, ladder=tuple(d * factor for d in self.ladder), unit=unit)

    def begin(self, patients, now=None):
        """Memory before the first dose. now : (P,) dose that the phase before ended with"""
        n, doses = patients, len(self.ladder)
        return Memory(
            place=np.full(n, self.start), ceiling=np.full(n, doses - 1), best=np.full(n, OFF), best_score=np.full(n, np.inf),
            visits=np.zeros(n, np.int64), done=np.zeros(n, bool), found=np.full(n, np.nan),
            trials=np.zeros((n, doses)), hits=np.zeros((n, doses)),
        )  # fmt: skip

    def doses(self, memory):
        """(P,) dose in force."""
        return np.append(self.ladder, 0.0)[memory.place]

    def visit(self, memory, seen):
        """Decide at a visit: (P,) index into ACTS. The memory is changed."""
        act, open_ = np.full(len(seen.score), HOLD), ~memory.done
        for condition in self.conditions:
            hit = open_ & condition.holds(seen)
            act[hit] = DEEDS[condition.do]
            open_ = open_ & ~hit
        blank = open_ & np.isnan(seen.score)
        act[blank] = BLANK
        open_ = open_ & ~blank
        self._obey(memory, act)
        own, place = self.step(memory, seen, open_)
        act = np.where(open_, own, act)
        memory.place = np.where(open_, np.minimum(place, memory.ceiling), memory.place)
        memory.visits += open_
        ended = open_ & np.isin(act, (BACK, BEST, TOP, STOP, END))
        memory.done |= ended | (act == STOP)
        self.conclude(memory, seen, ended)
        return act

    def _obey(self, memory, act):
        lower = act == REDUCE
        memory.place[lower] = np.maximum(memory.place[lower] - 1, OFF)
        memory.ceiling[lower] = memory.place[lower]
        memory.place[act == STOP] = OFF

    def step(self, memory, seen, who):
        """(P,) act and (P,) next place of the patients `who` (P,) bool; entries of the others do not count."""
        raise NotImplementedError

    def conclude(self, memory, seen, who):
        """Write down the dose found by those whose rule has ended: the one they stay on, if it helped."""
        helps = seen.score <= (1.0 - self.helped) * seen.baseline
        memory.found = np.where(who & helps & (self.doses(memory) > 0), self.doses(memory), memory.found)

    def remember(self, memory, seen, who, margin=0.0):
        """Note the best step so far; (P,) whether this one is it by more than `margin` points. Ties stay with the earlier dose."""
        better = who & (seen.score < np.minimum(memory.best_score, seen.baseline) - margin)
        memory.best = np.where(better, memory.place, memory.best)
        memory.best_score = np.where(better, seen.score, memory.best_score)
        return better

    def helping(self, memory, seen):
        """(P,) whether the best step so far helped."""
        return memory.best_score <= (1.0 - self.helped) * seen.baseline

    def choose_best(self, memory, seen):
        """(P,) act and place of those who have seen the whole ladder."""
        helps = self.helping(memory, seen)
        return np.where(helps, BEST, STOP), np.where(helps, memory.best, OFF)


class _Known:
    """Doses found by comparing steps: the best step's dose, if it helped."""

    def conclude(self, memory, seen, who):
        memory.found = np.where(who & (memory.place >= 0) & self.helping(memory, seen), self.doses(memory), memory.found)


@dataclass(frozen=True)
class Fixed(Rule):
    """One dose throughout (ladder of one), from the first day on."""

    kind: ClassVar[str] = "fixed"
    visits: int = 6

    def __post_init__(self):
        super().__post_init__()
        whole(self.visits, "visits")
        if len(self.ladder) != 1:
            raise TrialError(f"ladder {list(self.ladder)}: a fixed dose is a ladder of one.")

    @property
    def longest(self):
        return self.visits * self.days

    def step(self, memory, seen, who):
        return np.where(memory.visits + 1 >= self.visits, END, HOLD), memory.place


@dataclass(frozen=True)
class StepUp(Rule):
    """Up a step at every visit to the top of the ladder, and stay there."""

    kind: ClassVar[str] = "step-up"

    def step(self, memory, seen, who):
        top = memory.place >= memory.ceiling
        return np.where(top, TOP, UP), memory.place + ~top


@dataclass(frozen=True)
class Ladder(_Known, Rule):
    """Up until a dose has helped and the next is no better, then back to the best: the rule of a clinic that titrates slowly.

    better : points by which a step must beat the best so far; patience : steps in a row that may be no better
    """

    kind: ClassVar[str] = "ladder"
    better: float = 0.0
    patience: int = 1

    def __post_init__(self):
        super().__post_init__()
        whole(self.patience, "patience")
        if not number(self.better, "better") >= 0:
            raise TrialError(f"better: {self.better:g} points must not be negative.")

    def step(self, memory, seen, who):
        self.remember(memory, seen, who, self.better)
        helps = self.helping(memory, seen)
        back = helps & (memory.place - memory.best >= self.patience)
        end, place = self.choose_best(memory, seen)
        top = memory.place >= memory.ceiling
        act = np.select([back, top], [BACK, end], UP)
        return act, np.select([back, top], [memory.best, place], memory.place + 1)


@dataclass(frozen=True)
class FullLadder(_Known, Rule):
    """Every dose of the ladder in turn, then the best of all."""

    kind: ClassVar[str] = "full-ladder"

    def step(self, memory, seen, who):
        self.remember(memory, seen, who)
        end, place = self.choose_best(memory, seen)
        top = memory.place >= memory.ceiling
        return np.where(top, end, UP), np.where(top, place, memory.place + 1)


@dataclass(frozen=True)
class UpAndDown(Rule):
    """Dixon's staircase within a patient: down a step after a response, up after none; the dose found is the ED50.

    first : first dose, on the ladder; response : fall of the mean entry, as a share of the baseline, that is a response
    steps : visits until it ends. It supposes that more helps more: on an inverted U it can walk to the top and stay.
    """

    kind: ClassVar[str] = "up-and-down"
    first: float = 0.0
    response: float = 0.30
    steps: int = 0

    def __post_init__(self):
        super().__post_init__()
        share(self.response, "response")
        if self.first not in self.ladder:
            raise TrialError(f"first: {self.first:g} {self.unit} is not on the ladder {list(self.ladder)}.")
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise TrialError(f"steps: an up-and-down rule with {self.steps!r} steps can never stop; write a whole number from 1 on.")

    def scaled(self, factor, unit):
        return replace(self, ladder=tuple(d * factor for d in self.ladder), first=self.first * factor, unit=unit)

    @property
    def start(self):
        return self.ladder.index(self.first)

    @property
    def longest(self):
        return self.steps * self.days

    def step(self, memory, seen, who):
        answered = seen.improvement >= self.response
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
        return np.exp(centred_isotonic(np.log(self.ladder), memory.trials, memory.hits, 0.5)) if self.ladder[0] > 0 else np.full(len(memory.place), np.nan)

    def _nearest(self, dose):
        steps = np.abs(np.log(np.where(np.isnan(dose), self.ladder[-1], dose))[:, None] - np.log(self.ladder))
        return np.argmin(steps, axis=1)

    def conclude(self, memory, seen, who):
        if who.any():
            memory.found = np.where(who, self._ed50(memory), memory.found)


@dataclass(frozen=True)
class Bayes(Rule):
    """Virtual patients as prior: each visit weighs them by how well they foretell the diary; the next dose is the best one of a patient
    drawn by weight ("thompson") or the one with the largest expected benefit ("expected"). `helped` is asked of the expected benefit alone.

    steps : visits until it ends with the largest expected benefit; particles : virtual patients of the prior, drawn from `prior_seed`
    settle : half-life of what is left of an earlier dose's effect, in days; misfit : SD of a step's mean that neither noise nor prior explains, in points
    """

    kind: ClassVar[str] = "bayes"
    choice: str = "thompson"
    steps: int = 0
    particles: int = 1000
    prior_seed: int = 2_000_003
    settle: float = 10.0
    misfit: float = 0.2
    prior: object = field(default=None, compare=False, repr=False)  # set by pkpd.trials.course.prepared

    def __post_init__(self):
        super().__post_init__()
        known(self.choice, ("thompson", "expected"), "choice")
        whole(self.particles, "particles")
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise TrialError(f"steps: a Bayesian rule with {self.steps!r} steps can never stop; write a whole number from 1 on.")
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

    def step(self, memory, seen, who):
        expected, drawn = self.prior.update(memory.belief, memory.place, seen, who, self)
        best = np.argmax(expected, axis=1)
        last = memory.visits + 1 >= self.steps
        helps = expected.max(axis=1) >= self.helped * seen.baseline
        final = np.where(helps, best, OFF)
        place = np.where(last, final, drawn if self.choice == "thompson" else best)
        return np.select([last & helps, last], [BEST, STOP], NEXT), place

    def conclude(self, memory, seen, who):
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

    def step(self, memory, seen, who):
        return np.full(len(who), HOLD), memory.place


KINDS = {rule.kind: rule for rule in (Fixed, StepUp, Ladder, FullLadder, UpAndDown, Bayes, Keep)}


def number(value, name):
    """The value, if it is a finite number. Raises TrialError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise TrialError(f"{name} must be a number, not {value!r}.")
    return value


def whole(value, name, least=1):
    """The value, if it is a whole number from `least` on. Raises TrialError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise TrialError(f"{name} must be a whole number from {least} on, not {value!r}.")
    return value


def share(value, name):
    """The value, if it lies in 0-1. Raises TrialError."""
    if not 0 <= number(value, name) <= 1:
        raise TrialError(f"{name} must lie between 0 and 1, not at {value:g}.")
    return value


def known(value, names, field_name):
    """The value, if it is one of `names`. Raises TrialError."""
    if value not in names:
        raise TrialError(f"{field_name}: unknown '{value}'.{closest(str(value), names)}")
    return value


def from_table(table):
    """Rule from a table with `kind`. Raises TrialError that names the field."""
    if not isinstance(table, dict) or "kind" not in table:
        raise TrialError("a rule is the name of one (pkpd.trials.rules), or a table with kind, ladder and days.")
    kind = KINDS[known(table["kind"], KINDS, "kind")]
    names = {f.name for f in fields(kind)} - {"prior"}
    entries = {k: v for k, v in table.items() if k != "kind"}
    for name in entries:
        known(name, names, "rule")
    if "ladder" in entries:
        entries["ladder"] = tuple(entries["ladder"]) if isinstance(entries["ladder"], list) else (entries["ladder"],)
    entries["conditions"] = tuple(_condition(c) for c in entries.get("conditions", ()))
    return kind(**entries)


def _condition(table):
    if not isinstance(table, dict) or not {"when", "do"} <= set(table):
        raise TrialError("conditions: each is a table with when, do and at_least or at_most.")
    for name in table:
        known(name, [f.name for f in fields(Condition)], "conditions")
    return Condition(**table)
