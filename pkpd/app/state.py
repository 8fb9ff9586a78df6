"""What the page has chosen: a link -> State -> the same in Python and as a command line.

A query may come from anybody: it names what it changes, each thing once, and whatever is not
understood is refused. Knows models and cohorts; computes nothing.
"""

import math
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pkpd import limits
from pkpd.errors import PkpdError, closest, listed, quoted
from pkpd.population.cohort import Cohort, cohort
from pkpd.response.benefit import benefit_of
from pkpd.symbolic.load import load, models
from pkpd.symbolic.model import Benefit, Model

MOST_PATIENTS = 2000  # a page draws at once
PATIENTS, SEED = 300, 7
LONGEST = 4000  # letters of a query
LONGEST_EVERY = 24 * 30.0  # hours between doses


@lru_cache
def with_benefit() -> tuple[str, ...]:
    """Names of the models of the library that say what a dose is good for."""
    return tuple(name for name in models() if load(name).benefit is not None)


@dataclass(frozen=True)
class State:
    """What the page has chosen.

    n : number of patients; every : model time between doses, None as in the model
    changed : input -> typical value, in its unit
    """

    model: Model
    n: int
    seed: int
    every: float | None
    changed: dict[str, float]

    @property
    def benefit(self) -> Benefit:
        """The model's benefit, with the interval that was chosen."""
        return benefit_of(self.model, **self.benefit_changes())

    def benefit_changes(self) -> dict[str, Any]:
        """What pkpd.med takes in place of the model's [benefit]."""
        return {} if self.every is None else {"every": self.every}

    def people(self) -> Cohort:
        """The cohort."""
        return cohort(self.model, self.n, self.seed, set=self.changed)

    def typical(self) -> Cohort:
        """The typical patient under the same typical values."""
        return cohort(self.model, typical=True, set=self.changed)

    def command(self) -> str:
        """The command line that gives the same MEDs."""
        words = ["pkpd", "med", self.model.name, "-n", str(self.n), "--seed", str(self.seed)]
        for name, value in self.changed.items():
            words += ["--set", f"{name}={value!r}"]
        if self.every is not None:
            words += ["--every", f"{self.every!r} {self.model.time}"]
        return shlex.join(words)

    def python(self) -> str:
        """The script that gives the same MEDs."""
        drawn = f"n={self.n}, seed={self.seed}"
        drawn += f", set={self.changed!r}" if self.changed else ""
        benefit = "" if self.every is None else f", every={self.every!r}"
        return (
            "import pkpd\n\n"
            f"model = pkpd.load({self.model.name!r})\n"
            f"cohort = pkpd.cohort(model, {drawn})\n"
            f"meds = pkpd.med(model, cohort{benefit})\n"
        )


def state(query: Iterable[tuple[str, str]]) -> State:
    """The State of the pairs of a query string.

    model=ldn/hormesis, n=300, seed=7, every=24 (model time), and set.NAME=VALUE for each typical
    value. Raises PkpdError with a sentence for anything else.
    """
    given = _pairs(query)
    model = _model(given.pop("model", "ldn/hormesis"))
    n = _whole(given.pop("n", str(PATIENTS)), "n", 1, MOST_PATIENTS)
    seed = _whole(given.pop("seed", str(SEED)), "seed", 0, limits.SEED)
    every = _interval(given.pop("every", None), model)
    changed = {}
    for name, text in given.items():
        head, _, inner = name.partition(".")
        if head != "set" or inner not in model.input_names:
            wanted = closest(inner, model.input_names) if head == "set" else ""
            raise PkpdError(f"The link says {quoted(name)}, which means nothing here.{wanted}")
        changed[inner] = _number(text, name)
    found = State(model, n, seed, every, changed)
    found.typical()  # refuses values that no person can have
    return found


def _pairs(query: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Name -> text of the pairs of a query string, each name once."""
    given: dict[str, str] = {}
    for name, text in query:
        if name in given:
            raise PkpdError(f"The link gives {quoted(name)} twice.")
        given[name] = text
    if sum(map(len, [*given, *given.values()])) > LONGEST:
        raise PkpdError("The link is too long.")
    return given


def _interval(text: str | None, model: Model) -> float | None:
    """Model time between doses, None where the link says nothing of it."""
    if text is None:
        return None
    every = _number(text, "every")
    if not 0 < every <= LONGEST_EVERY:
        raise PkpdError(f"every is a time from 0 to {LONGEST_EVERY:g} {model.time}.")
    return every


def _model(name: str) -> Model:
    if name not in with_benefit():
        known = listed(with_benefit())
        raise PkpdError(f"There is no model {quoted(name)} with a benefit. Known: {known}.")
    return load(name)


def _whole(text: str, what: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and low <= int(text[:30]) <= high):
        raise PkpdError(f"{what} is a whole number from {low} to {high}, not {quoted(text)}.")
    return int(text)


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise PkpdError(f"{what} is a number, not {quoted(text)}.")
    return value
