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
from pkpd.errors import ModelError, PkpdError, closest, listed, quoted
from pkpd.population.cohort import Cohort, cohort
from pkpd.population.spreads import unlikely_spreads
from pkpd.response.benefit import benefit_of
from pkpd.symbolic import plausibility
from pkpd.symbolic.load import address, load, models
from pkpd.symbolic.model import Benefit, Model

MOST_PATIENTS = 2000  # a page draws at once
PATIENTS, SEED = 300, 7
LONGEST = 4000  # letters of a query
LONGEST_EVERY = 24 * 30.0  # model time between doses
FIRST = "ldn/hormesis"  # the model of a link that names none


@lru_cache
def with_benefit() -> tuple[str, ...]:
    """Names of the models of the library that say what a dose is good for, and of broken ones.

    A broken file of a user's own library is named so that the page can say what is wrong with it.
    """
    return tuple(filter(_has_benefit, models()))


def _has_benefit(name: str) -> bool:
    try:
        return load(name).benefit is not None
    except ModelError:
        return True


def choices(own: str | None = None) -> dict[str, Any]:
    """The models that can be chosen. own : path of a model file beside the library"""
    beside = [own] if own and own not in with_benefit() else []
    return {"models": [*beside, *with_benefit()], "first": own or FIRST}


@dataclass(frozen=True)
class State:
    """What the page has chosen.

    n : number of patients; every : model time between doses, None as in the model
    delta : the least benefit that counts, as pkpd.med takes it, None as in the model
    changed : input -> typical value, in its unit; spread : input -> CV or SD between people
    """

    model: Model
    n: int
    seed: int
    every: float | None
    delta: str | None
    changed: dict[str, float]
    spread: dict[str, float]

    @property
    def benefit(self) -> Benefit:
        """The model's benefit, with the interval and the least benefit that were chosen."""
        return benefit_of(self.model, **self.benefit_changes())

    def benefit_changes(self) -> dict[str, Any]:
        """What pkpd.med takes in place of the model's [benefit]."""
        given = {"every": self.every, "delta": self.delta}
        return {name: value for name, value in given.items() if value is not None}

    def drawn(self) -> dict[str, Any]:
        """What pkpd.cohort takes beside model, number and seed."""
        given = {"set": self.changed, "spread": self.spread}
        return {name: values for name, values in given.items() if values}

    def people(self) -> Cohort:
        """The cohort."""
        return cohort(self.model, self.n, self.seed, **self.drawn())

    def typical(self) -> Cohort:
        """The typical patient under the same typical values."""
        return cohort(self.model, typical=True, set=self.changed)

    def doubts(self) -> list[tuple[str, str]]:
        """(input or "", sentence) on what is likely a slip of the pen."""
        found = [("", sentence) for sentence in self.model.doubts]
        for item in self.model.inputs:
            name = item.name
            given = [self.changed[name]] if name in self.changed else ()
            told = (
                list(plausibility.of_values(item, given)) if item in self.model.covariates else []
            )
            if name in self.spread:
                told += unlikely_spreads(self.model, {name: self.spread[name]})
            found += [(name, sentence) for sentence in told]
        return found

    def command(self, *words: str, of: str = "med") -> str:
        """The command line that gives the same MEDs, or what else there is `of` these patients.

        words : further options
        """
        found = ["pkpd", of, address(self.model), "-n", str(self.n), "--seed", str(self.seed)]
        for option, values in (("--set", self.changed), ("--spread", self.spread)):
            for name, value in values.items():
                found += [option, f"{name}={value!r}"]
        if self.every is not None:
            found += ["--every", f"{self.every!r} {self.model.time}"]
        if self.delta is not None:
            found += ["--delta", self.delta]
        return shlex.join([*found, *words])

    def python(self) -> str:
        """The script that gives the same MEDs."""
        return self.script(f"meds = {self.call('med')}\n")

    def script(self, *lines: str) -> str:
        """A script of the model and the cohort, and of what is done with them."""
        drawn = _named(self.drawn())
        people = ", ".join(["model", f"n={self.n}", f"seed={self.seed}", *drawn])
        first = f"import pkpd\n\nmodel = pkpd.load({address(self.model)!r})\n"
        return f"{first}cohort = pkpd.cohort({people})\n{''.join(lines)}"

    def call(self, function: str, *words: str) -> str:
        """A call of a function of pkpd on the patients. words : its arguments beside the benefit"""
        given = ", ".join(["model", "cohort", *words, *_named(self.benefit_changes())])
        return f"pkpd.{function}({given})"


def _named(options: dict[str, Any]) -> list[str]:
    """Keyword arguments as they are written."""
    return [f"{name}={value!r}" for name, value in options.items()]


def state(query: Iterable[tuple[str, str]], own: str | None = None) -> State:
    """The State of the pairs of a query string.

    model=ldn/hormesis, n=300, seed=7, every=24 (model time), delta=10 (% or the outcome's unit),
    set.NAME=VALUE and spread.NAME=VALUE for each typical value and spread.
    own : path of a model file that may be named beside the library
    Raises PkpdError with a sentence for anything else.
    """
    given = _pairs(query)
    model = _model(given.pop("model", own or FIRST), own)
    benefit = benefit_of(model)  # refuses a model that has none with the lines to add
    n = _whole(given.pop("n", str(PATIENTS)), "n", 1, MOST_PATIENTS)
    seed = _whole(given.pop("seed", str(SEED)), "seed", 0, limits.SEED)
    every = _interval(given.pop("every", None), model)
    delta = _least_benefit(given.pop("delta", None), benefit)
    values: dict[str, dict[str, float]] = {"set": {}, "spread": {}}
    for name, text in given.items():
        head, _, inner = name.partition(".")
        if head not in values or inner not in model.input_names:
            wanted = closest(inner, model.input_names) if head in values else ""
            raise PkpdError(f"The link says {quoted(name)}, which means nothing here.{wanted}")
        values[head][inner] = number(text, name)
    found = State(model, n, seed, every, delta, values["set"], values["spread"])
    cohort(model, 1, sampling="mc", **found.drawn())  # refuses values that no person can have
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
    every = number(text, "every")
    if not 0 < every <= LONGEST_EVERY:
        raise PkpdError(f"every is a time from 0 to {LONGEST_EVERY:g} {model.time}.")
    return every


def _least_benefit(text: str | None, benefit: Benefit) -> str | None:
    """The least benefit that counts, None where the link says nothing of it."""
    if text is None:
        return None
    value = number(text, "delta")
    if value < 0 or (benefit.delta_relative and value > 100):
        most = "from 0 to 100 %" if benefit.delta_relative else "from 0 on"
        raise PkpdError(f"delta is a number {most}.")
    return f"{value!r} %" if benefit.delta_relative else repr(value)


def _model(name: str, own: str | None) -> Model:
    """The model that is named. Raises PkpdError, for a broken one with file and line."""
    if name not in (own, *with_benefit()):
        known = listed([*([own] if own else []), *with_benefit()])
        raise PkpdError(f"There is no model {quoted(name)} with a benefit. Known: {known}.")
    return load(name)


def _whole(text: str, what: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and low <= int(text[:30]) <= high):
        raise PkpdError(f"{what} is a whole number from {low} to {high}, not {quoted(text)}.")
    return int(text)


def number(text: str, what: str) -> float:
    """The number that a text is. Raises PkpdError, which says `what` is to be one."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise PkpdError(f"{what} is a number, not {quoted(text)}.")
    return value
