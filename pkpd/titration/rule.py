"""What a titration rule is: from what a visit shows to the next dose, for all patients at once.

A rule is plain data: a dataclass of pkpd.titration.rules, a table of rules.toml or of a user's
file, or a subclass of Rule that a user writes. What it remembers of P patients is the state that
its `begin` returns. At a visit the first condition that holds decides; otherwise the rule's own
step does. Knows ladders and visits; knows nothing of models, diaries' noise or how
patients are simulated.
"""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, replace
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np

from pkpd import limits
from pkpd.errors import TrialError, quoted
from pkpd.titration.checks import number, one_of, share, text, whole_number

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
# what a condition may ask of: the words for it, the factor of its number in them
QUANTITIES = {
    "improvement": ("an improvement of {} %", 100.0),
    "score": ("a mean entry of {}", 1.0),
    "worse": ("a mean entry above the baseline by {}", 1.0),
    "adverse": ("a number of new adverse events of {}", 1.0),
}
WORDED = ("ladder", "unit", "days", "helped", "conditions", "label", "source")
LISTED = 6  # doses of an evenly spaced ladder that are worded one by one
CONDITION_ACTS = {"hold": HOLD, "reduce": REDUCE, "stop": STOP}


@dataclass(frozen=True)
class Condition:
    """Hold, reduce or stop when a quantity of the visit is at least, or at most, a number.

    when : "improvement" (share of the baseline), "score" (mean entry), "worse" (points above the
        baseline) or "adverse" (adverse events since the last visit)
    do : "hold" (one visit), "reduce" (a step down, and never above it again) or "stop"
    """

    when: str
    do: str
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        one_of(self.when, QUANTITIES, "conditions.when")
        one_of(self.do, CONDITION_ACTS, "conditions.do")
        if (self.at_least is None) == (self.at_most is None):
            raise TrialError("conditions: give either at_least or at_most.")
        number(self.bound, "conditions.at_least or at_most")
        if self.when == "improvement":
            share(abs(self.bound), "conditions: improvement")

    @property
    def bound(self) -> Any:
        """The number given, at_least or at_most."""
        return self.at_least if self.at_most is None else self.at_most

    def words(self) -> str:
        """The condition as a clause, such as "hold at an improvement of 20 % or more"."""
        side = "or more" if self.at_most is None else "or less"
        quantity, factor = QUANTITIES[self.when]
        return f"{self.do} at {quantity.format(f'{factor * self.bound:.6g}')} {side}"

    def holds(self, visit: "VisitData") -> np.ndarray:
        """(P,) whether it applies at a visit (VisitData); never where the quantity is missing."""
        quantity = getattr(visit, self.when)
        return quantity >= self.at_least if self.at_most is None else quantity <= self.at_most


@dataclass(frozen=True)
class VisitData:
    """What a visit shows of P patients.

    day : last day before the visit
    score : (P,) mean entry of the rule's window, NaN without an entry; entries : (P,) number of
        entries
    baseline : (P,) mean entry before treatment; adverse : (P,) adverse events since the last visit
    draw : (P,) a uniform random number
    wanted : (P,) fall of the mean entry, as a share of the baseline, that the patient counts as
        help
    """

    day: int
    score: np.ndarray
    entries: np.ndarray
    baseline: np.ndarray
    adverse: np.ndarray
    draw: np.ndarray
    wanted: np.ndarray

    @property
    def improvement(self) -> np.ndarray:
        """(P,) fall of the mean entry as a share of the baseline."""
        return 1.0 - self.score / np.where(self.baseline > 0, self.baseline, np.nan)

    @property
    def worse(self) -> np.ndarray:
        """(P,) points above the baseline."""
        return self.score - self.baseline


@dataclass
class Memory:
    """What every rule remembers of P patients; a rule that needs more has a subclass of its own.

    place : (P,) index on the ladder, OFF without a dose; ceiling : (P,) highest index still allowed
    visits : (P,) visits at which the rule's own step decided; done : (P,) whether the rule has
        ended
    found : (P,) the dose found, NaN without one
    """

    place: np.ndarray
    ceiling: np.ndarray
    visits: np.ndarray
    done: np.ndarray
    found: np.ndarray


def _ladder(given: Any) -> tuple:
    """Increasing doses, given as a sequence, an array or one dose. Raises TrialError."""
    if isinstance(given, np.ndarray):
        given = given.ravel().tolist()
    doses = tuple(given) if isinstance(given, (list, tuple, range)) else (given,)
    numbers = all(isinstance(d, Real) and not isinstance(d, bool) for d in doses)
    possible = numbers and all(0 <= d <= limits.DOSE for d in doses)
    if not doses or not possible or list(doses) != sorted(set(doses)):
        raise TrialError(
            f"ladder {list(doses)}: write increasing doses from 0 to {limits.DOSE:g}, such as "
            "[1.5, 3, 4.5]."
        )
    return doses


@dataclass(frozen=True)
class Rule:
    """What every rule has; a subclass says in `step` what follows from a visit.

    ladder : doses in `unit`, increasing; days : between two visits
    window : last days of a step whose entries count
    helped : least fall of the mean entry, as a share of the baseline, that counts as help; None for
        what each patient wants
    conditions : checked first, in order
    """

    kind: ClassVar[str] = ""
    worded: ClassVar[tuple] = ()  # entries of its own that the words of a kind hold

    ladder: tuple = ()
    unit: str = "mg"
    days: int = 14
    window: int = 7
    helped: float | None = None
    conditions: tuple = ()
    label: str = ""
    source: str = ""

    def __post_init__(self) -> None:
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
        object.__setattr__(self, "ladder", _ladder(self.ladder))

    @property
    def description(self) -> str:
        """What the rule does, worded from its numbers, after the label that its author gave it."""
        clauses = [self.words(), *(c.words() for c in self.conditions), *self._other_words()]
        label = f"{self.label}: " if self.label else ""
        return label + "; ".join(clauses)

    def words(self) -> str:
        """What the rule's own step does, as a clause. A subclass has to say it."""
        raise NotImplementedError

    def _ladder_words(self) -> str:
        """The ladder, such as "1.5, 3, 4.5 mg", or "0.1 to 6 mg by 0.1"."""
        doses = [f"{dose:.6g}" for dose in self.ladder]
        step = (self.ladder[-1] - self.ladder[0]) / max(len(doses) - 1, 1)
        even = np.allclose(np.diff(self.ladder), step, rtol=1e-6)
        if len(doses) > LISTED and even:
            return f"{doses[0]} to {doses[-1]} {self.unit} by {step:.6g}"
        return f"{', '.join(doses)} {self.unit}"

    def _other_words(self) -> Iterator[str]:
        """What the rule's own words leave out, where it is not what it usually is."""
        if self.helped is not None:
            yield f"a fall by {100 * self.helped:.6g} % counts as help"
        for f in fields(self):
            usual = not f.compare or f.default is MISSING or getattr(self, f.name) == f.default
            if not usual and f.name not in (*WORDED, *self.worded):
                yield f"{f.name} {getattr(self, f.name)}"

    @property
    def longest(self) -> int:
        """Days after which the rule has ended unless a condition has held it."""
        return len(self.ladder) * self.days

    @property
    def start(self) -> int:
        """Index of the first dose on the ladder."""
        return 0

    def scaled(self, factor: float, unit: str) -> Self:
        """The same rule with its doses in another unit, `factor` of which are one of its own."""
        return replace(self, ladder=tuple(d * factor for d in self.ladder), unit=unit)

    def check_first(self) -> None:
        """Raises TrialError where the rule cannot be the first that patients have."""

    def prepare(self, context: Any) -> Self:
        """The rule as it is for a model, before the first patient: with doses in the model's unit.

        context : pkpd.trials.physiology.Setting: model, benefit, diary, own_unit(rule)
        Raises PkpdError where the rule does not fit the model.
        """
        return context.own_unit(self)

    def begin(self, patients: int, now: np.ndarray | None = None) -> Memory:
        """The state of P patients before the first dose.

        now : (P,) dose that the phase before ended with
        """
        return Memory(
            place=np.full(patients, self.start),
            ceiling=np.full(patients, len(self.ladder) - 1),
            visits=np.zeros(patients, np.int64),
            done=np.zeros(patients, bool),
            found=np.full(patients, np.nan),
        )

    def doses(self, memory: Memory) -> np.ndarray:
        """(P,) dose in force by the `memory`, in the unit of the ladder; 0 where none is taken."""
        return np.append(self.ladder, 0.0)[memory.place]

    def decide(self, memory: Memory, visit: VisitData) -> np.ndarray:
        """(P,) index into ACTS after a visit (VisitData). Changes the memory."""
        act, undecided = np.full(len(visit.score), HOLD), ~memory.done
        for condition in self.conditions:
            holds = undecided & condition.holds(visit)
            act[holds] = CONDITION_ACTS[condition.do]
            undecided = undecided & ~holds
        blank = undecided & np.isnan(visit.score)
        act[blank] = BLANK
        undecided = undecided & ~blank
        self._reduce_or_stop(memory, act)
        step_act, place = self._checked_step(memory, visit, undecided)
        act = np.where(undecided, step_act, act)
        memory.place = np.where(undecided, np.minimum(place, memory.ceiling), memory.place)
        memory.visits += undecided
        ended = undecided & np.isin(act, (BACK, BEST, TOP, STOP, END))
        memory.done |= ended | (act == STOP)
        self.conclude(memory, visit, ended)
        memory.found = np.where(memory.found > 0, memory.found, np.nan)  # no drug is no dose found
        return act

    def _checked_step(
        self, memory: Memory, visit: VisitData, who: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """What `step` returns. Raises TrialError unless it is an act and a place for each patient.

        A place above the ladder, or above what a condition has left of it, is the highest one.
        """
        returned = self.step(memory, visit, who)
        try:
            act, place = (np.broadcast_to(part, who.shape)[who] for part in returned)
        except (TypeError, ValueError):
            act = place = np.array([np.nan])
        whole = act.dtype.kind in "iu" and place.dtype.kind in "iu"
        if not (whole and np.isin(act, range(len(ACTS))).all() and (place >= OFF).all()):
            raise TrialError(
                f"A step of the rule '{self.kind}' must return two arrays of whole numbers, the "
                f"act and the place on the ladder of each patient ({OFF} for no dose, 0 for the "
                f"lowest dose); it returned {quoted(returned)}."
            )
        return returned

    def _reduce_or_stop(self, memory: Memory, act: np.ndarray) -> None:
        lower = act == REDUCE
        memory.place[lower] = np.maximum(memory.place[lower] - 1, OFF)
        memory.ceiling[lower] = memory.place[lower]
        memory.place[act == STOP] = OFF

    def step(self, memory: Any, visit: VisitData, who: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What to do next: (P,) act, an index into ACTS, and (P,) next place on the ladder.

        memory : what `begin` made; visit : VisitData of all patients
        who : (P,) bool, the patients to decide for; what is said of others does not count
        """
        raise NotImplementedError

    def conclude(self, memory: Any, visit: VisitData, who: np.ndarray) -> None:
        """Record the dose found where a rule has ended: the one in force, if it helped.

        Where that is 0, the rule has found none.

        memory : what `begin` made, which is changed; visit : VisitData; who : (P,) bool, the
        patients who have ended
        """
        helps = visit.score <= self.threshold(visit)
        dose = self.doses(memory)
        memory.found = np.where(who & helps, dose, memory.found)

    def threshold(self, visit: VisitData) -> np.ndarray:
        """(P,) mean entry of the diary at a `visit` at or below which a dose has helped."""
        return (1.0 - (visit.wanted if self.helped is None else self.helped)) * visit.baseline
