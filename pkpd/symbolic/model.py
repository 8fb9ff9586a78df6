"""The checked model: plain data that every other room reads.

Expressions are text on the whitelist of `parse`, already scaled: each value is a plain float in the
declared unit. Nothing here needs Pint or numba, so a checked model can be cached as JSON and
read back fast. Knows what a model holds; knows nothing of how it is read or solved.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pkpd.display import Displayed
from pkpd.errors import ModelError, quoted

# "switch": 1 turns a part of the mechanism on, 0 turns it off; "animal": a weight, not a person's
ROLES = ("switch", "animal")
EVIDENCE = ("measured", "estimated", "derived", "assumed", "calibrated")  # grades, of a number
# entries that only readers read: what a thing is called, and where it comes from
WORDS = ("title", "description", "notes", "doubts", "label", "hypothesis", "reason")
ORIGINS = ("path", "place", "digest", "source", "evidence")


@dataclass(frozen=True)
class Variability:
    """How an input differs between people, on its latent standard-normal scale.

    kind : "lognormal" (value*exp(sd z)), "logitnormal" (expit(logit(value) + sd z)),
        "normal" (value + sd z, truncated to [lower, upper] by inverse CDF; value and sd are the
        parent's) or "classes" (0, 1, 2, ... with the probability of each (label, probability) in
        `classes`)
    sd : float, latent SD for lognormal and logitnormal, the parent's SD in the input's unit for
        normal
    """

    kind: str
    sd: float
    lower: float | None = None
    upper: float | None = None
    classes: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Prior:
    """What is held possible of a typical value before any study is looked at.

    kind : "loguniform" from low to high, "lognormal" around the value with spread = its log SD, or
        "logitnormal" around it with spread = its logit SD; reason : why, as a sentence
    """

    kind: str
    reason: str
    low: float = 0.0
    high: float = 0.0
    spread: float = 0.0


@dataclass(frozen=True)
class Input:
    """A parameter or covariate: one column of theta (K)."""

    name: str
    value: float
    unit: str
    label: str
    source: str
    evidence: str  # measured | estimated | derived | assumed | calibrated
    place: str  # file:line
    iiv: Variability | None = None
    iov: Variability | None = None  # occasion effects, of the same kind as iiv
    reference: float | None = None  # covariates only: value of the typical person (default: value)
    group: str = ""  # the block of equations that first uses it
    role: str = ""  # one of ROLES, or "" for a number like any other
    hypothesis: str = ""  # what a switch that is on supposes, as a sentence
    prior: Prior | None = None  # of its typical value


@dataclass(frozen=True)
class State:
    name: str
    unit: str
    initial: str  # expression of inputs
    rate: str  # expression of inputs, states, assignments and t; unit/time
    place: str


@dataclass(frozen=True)
class Assignment:
    name: str
    unit: str
    expression: str
    place: str


@dataclass(frozen=True)
class Event:
    """What happens when a condition becomes true: states get new values, all at once.

    trigger : expression that is 1 while the condition holds, else 0
    changes : (state, expression of its new value), of the values just before
    at_start : whether it also happens where the condition holds at the start
    """

    name: str
    trigger: str
    changes: tuple[tuple[str, str], ...]
    at_start: bool = False
    place: str = ""


@dataclass(frozen=True)
class DoseTarget:
    """A state that can be dosed: its amount is amount in `unit` * factor * f; lag delays it.

    f, lag : inputs or expressions of inputs
    rate, duration : likewise, the rate (`unit` per time) or duration of infusions whose RATE is -1
        or -2
    since, last : states that hold the time since its last dose arrived and that dose as it was
        given, in `unit`, whatever f is
    beside : another target whose doses are given into this one, too; such a dose is an infusion
        where a duration is given here
    """

    state: str
    unit: str
    factor: float
    f: str | None = None
    lag: str | None = None
    rate: str | None = None
    duration: str | None = None
    place: str = ""
    since: str | None = None
    last: str | None = None
    beside: str | None = None

    @property
    def remembered(self) -> bool:
        """Whether equations use the time or the amount of its last dose."""
        return self.since is not None or self.last is not None


@dataclass(frozen=True)
class Residual:
    """Error of an observation: y + sqrt(additive**2 + (proportional*y)**2) z, or y*exp(log z).

    name : output; additive : SD in its unit; proportional, log : SD without unit
    """

    name: str
    additive: float = 0.0
    proportional: float = 0.0
    log: float = 0.0
    source: str = ""
    evidence: str = ""
    place: str = ""


@dataclass(frozen=True)
class Benefit:
    """What a dose is good for. Times are in model time, amounts in `unit`: that of the dose target
    `into`, or one per covariate such as mg/kg."""

    outcome: str
    better: str  # "lower" | "higher"
    into: str
    every: float
    lowest: float
    highest: float
    unit: str
    delta: float
    delta_relative: bool  # True: delta is a fraction of the untreated value
    report: tuple[float, ...] = ()  # doses whose benefit is reported for every patient
    exposure: str | None = None  # output whose Cmax and AUC are reported at the MED
    blockade: str | None = None  # output whose peak and trough are reported at the MED
    place: str = ""
    background: str = ""  # what is taken beside the dose, without end, as pkpd.dosing.background
    subject_to: tuple[str, ...] = ()  # what a dose must keep to, as pkpd.response.constraints

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Benefit":
        """The Benefit of plain data, in which lists are tuples."""
        entries: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**entries)

    @property
    def beside(self) -> str:
        """Words on what is taken beside the dose, "" where nothing is."""
        return f", beside {self.background}" if self.background else ""

    def brief(self) -> str:
        doses = f"{self.lowest:g} to {self.highest:g} {self.unit}"
        return f"{self.better} {self.outcome}, {doses} into {self.into}"


@dataclass(frozen=True)
class Published:
    """Range of maximally effective doses in `unit` that clinics found in so many patients."""

    lowest: float
    highest: float
    unit: str
    patients: int
    source: str

    def within(self, benefit: Benefit) -> tuple[float, float] | None:
        """(lowest, highest), or None where the doses of a Benefit have another unit."""
        return (self.lowest, self.highest) if benefit.unit == self.unit else None


@dataclass(frozen=True, repr=False)
class Model(Displayed):
    """A checked model. `digest` is the SHA-256 of every file it was composed from."""

    name: str
    title: str
    path: str
    digest: str
    time: str  # unit of model time
    parameters: tuple[Input, ...]
    covariates: tuple[Input, ...]
    correlations: tuple[tuple[str, str, float], ...]
    states: tuple[State, ...]
    assignments: tuple[Assignment, ...]  # in order of evaluation
    outputs: tuple[str, ...]
    doses: tuple[DoseTarget, ...]
    benefit: Benefit | None
    residuals: tuple[Residual, ...] = ()
    description: str = ""
    # printed on the model card: known misfits, what must not be claimed
    notes: tuple[str, ...] = ()
    # what a check found unlikely, or read otherwise than it is written
    doubts: tuple[str, ...] = ()
    published: Published | None = None
    events: tuple[Event, ...] = ()

    def brief(self) -> str:
        return self.name

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Parameters, then covariates: the columns of theta (K)."""
        return self.parameters + self.covariates

    @property
    def switches(self) -> tuple[Input, ...]:
        """The inputs whose role is to turn a part of the mechanism on (1) or off (0)."""
        return tuple(i for i in self.inputs if i.role == "switch")

    @property
    def input_names(self) -> tuple[str, ...]:
        """(K,) names of the columns of theta."""
        return tuple(i.name for i in self.inputs)

    @property
    def state_names(self) -> tuple[str, ...]:
        """(S,) names of the states."""
        return tuple(s.name for s in self.states)

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """(C,) names of the covariates."""
        return tuple(c.name for c in self.covariates)

    @property
    def computed_names(self) -> tuple[str, ...]:
        """Names of states and assignments: what can be observed."""
        return self.state_names + tuple(a.name for a in self.assignments)

    @property
    def expressions(self) -> tuple[str, ...]:
        """Right sides of the rates, then of the assignments."""
        return tuple(s.rate for s in self.states) + tuple(a.expression for a in self.assignments)

    @property
    def dose_places(self) -> dict[str, int]:
        """Dosed state -> its place in `doses`."""
        return {dosed.state: place for place, dosed in enumerate(self.doses)}

    def sharing(self, dosed: DoseTarget) -> tuple[DoseTarget, ...]:
        """The targets that a dose into one of them enters: itself, then those given beside it.

        dosed : one of `doses`
        """
        return (dosed, *(d for d in self.doses if d.beside == dosed.state))

    @property
    def memory(self) -> str:
        """The first tad(...) or last_dose(...) of the equations, "" where there is none."""
        for dosed in self.doses:
            if dosed.remembered:
                return f"{'tad' if dosed.since else 'last_dose'}({dosed.state})"
        return ""

    @property
    def structure(self) -> str:
        """SHA-256 of what code is made from: names, units, equations and dosed states.

        No value, spread, label or source counts, nor the name: models that differ in these alone
        share their machine code.
        """
        parts: tuple[Any, ...] = (
            self.time,
            [(i.name, i.unit) for i in self.inputs],
            [(s.name, s.unit, s.initial, s.rate) for s in self.states],
            [(a.name, a.unit, a.expression) for a in self.assignments],
            [(d.state, d.unit) for d in self.doses],
        )
        if self.memory:
            parts = (*parts, [(d.since, d.last) for d in self.doses])
        if self.events:
            parts = (*parts, [(e.trigger, e.changes, e.at_start) for e in self.events])
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    @property
    def numbers(self) -> str:
        """SHA-256 of all that results depend on: structure, values, spreads, doses, benefit, roles.

        No title, label, note, source or grade counts, nor the name: after an edit of such words
        alone, numbers that were computed before still hold.
        """
        counted = _computed_with(asdict(self)) | {"name": ""}
        return hashlib.sha256(json.dumps(counted).encode()).hexdigest()

    def unit(self, name: str) -> str:
        """Unit text of any input, state or assignment. Raises KeyError for an unknown name.

        name : of the input, state or assignment
        """
        named: tuple[Input | State | Assignment, ...] = self.inputs + self.states + self.assignments
        for item in named:
            if item.name == name:
                return item.unit
        raise KeyError(name)


def _computed_with(entry: Any) -> Any:
    """Plain data without what only readers read, and without what is not there.

    A kind of entry that a model does not have changes nothing of it, also where it is new.
    """
    if isinstance(entry, dict):
        kept = sorted(entry.keys() - {*WORDS, *ORIGINS})
        return {n: _computed_with(entry[n]) for n in kept if entry[n] not in (None, "", (), [])}
    if isinstance(entry, (list, tuple)):
        return [_computed_with(value) for value in entry]
    return entry


def check_model(model: object) -> Model:
    """The model, if it is one. Raises ModelError."""
    if isinstance(model, Model):
        return model
    name = model if isinstance(model, str) else "ldn/hormesis"
    what = f"A model is what pkpd.load returns, not {quoted(model)}"
    raise ModelError(f"{what}: write pkpd.load({name!r}).")
