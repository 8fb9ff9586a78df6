"""Titration rules: from what a visit shows to the next dose, for all patients of a trial at once.

A rule is plain data (a dataclass of pkpd.titration.rules, or a table of rules.toml); what it remembers of P patients is a Memory. At a
visit the first condition that holds decides; otherwise the rule's own step does. Knows ladders and diaries; knows no model.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from pkpd.errors import TrialError
from pkpd.titration.checks import known, number, share, text, whole_number

ACTS = (
    "start",
    "up",
    "down",
    "hold",
    "back to the best",
    "stop",
    "reduce",
    "best of all",
    "top",
    "no entries",
    "next",
    "end",
)
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
        number(
            self.at_least if self.at_most is None else self.at_most,
            "conditions.at_least or at_most",
        )
        if self.when == "improvement":
            share(
                abs(self.at_least if self.at_most is None else self.at_most),
                "conditions: improvement",
            )

    def holds(self, seen):
        """(P,) whether it applies; never where the quantity is not known."""
        quantity = getattr(seen, self.when)
        return quantity >= self.at_least if self.at_most is None else quantity <= self.at_most


@dataclass(frozen=True)
class VisitData:
    """What a visit shows of P patients.

    day : last day before the visit; score : (P,) mean entry of the rule's window, NaN where nothing was entered; entries : (P,) how many
    baseline : (P,) mean entry before treatment; adverse : (P,) new adverse events since the last visit; draw : (P,) a uniform
    wanted : (P,) fall of the mean entry, as a share of the baseline, that the patient counts as help
    """

    day: int
    score: np.ndarray
    entries: np.ndarray
    baseline: np.ndarray
    adverse: np.ndarray
    draw: np.ndarray
    wanted: np.ndarray

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
    helped : least fall of the mean entry, as a share of the baseline, that counts as help; None: what each patient wants
    conditions : looked at first, in order
    """

    kind: ClassVar[str] = ""

    ladder: tuple = ()
    unit: str = "mg"
    days: int = 14
    window: int = 7
    helped: float | None = None
    conditions: tuple = ()
    label: str = ""
    source: str = ""

    def __post_init__(self):
        for name in ("unit", "label", "source"):
            text(getattr(self, name), name)
        whole_number(self.days, "days")
        whole_number(self.window, "window")
        if self.window > self.days:
            raise TrialError(
                f"window: {self.window} days are more than the {self.days} days of a step."
            )
        if self.helped is not None:
            share(self.helped, "helped")
        doses = self.ladder
        plain = all(
            isinstance(d, (int, float)) and not isinstance(d, bool) and 0 <= d < np.inf
            for d in doses
        )
        if not doses or not plain or list(doses) != sorted(set(doses)):
            raise TrialError(
                f"ladder {list(doses)}: write doses from 0 on that increase, such as [1.5, 3, 4.5]."
            )

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
            place=np.full(n, self.start),
            ceiling=np.full(n, doses - 1),
            best=np.full(n, OFF),
            best_score=np.full(n, np.inf),
            visits=np.zeros(n, np.int64),
            done=np.zeros(n, bool),
            found=np.full(n, np.nan),
            trials=np.zeros((n, doses)),
            hits=np.zeros((n, doses)),
        )

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
        helps = seen.score <= self.threshold(seen)
        memory.found = np.where(
            who & helps & (self.doses(memory) > 0), self.doses(memory), memory.found
        )

    def threshold(self, seen):
        """(P,) mean entry at which a dose has helped."""
        return (1.0 - (seen.wanted if self.helped is None else self.helped)) * seen.baseline

    def remember(self, memory, seen, who, margin=0.0):
        """Note the best step so far; (P,) whether this one is it by more than `margin` points. Ties stay with the earlier dose."""
        better = who & (seen.score < np.minimum(memory.best_score, seen.baseline) - margin)
        memory.best = np.where(better, memory.place, memory.best)
        memory.best_score = np.where(better, seen.score, memory.best_score)
        return better

    def helping(self, memory, seen):
        """(P,) whether the best step so far helped."""
        return memory.best_score <= self.threshold(seen)

    def choose_best(self, memory, seen):
        """(P,) act and place of those who have seen the whole ladder."""
        helps = self.helping(memory, seen)
        return np.where(helps, BEST, STOP), np.where(helps, memory.best, OFF)
