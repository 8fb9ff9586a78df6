"""Who takes the drug: a cohort of virtual patients, each drawn by address and not from a stream.

A value depends on seed, replicate, patient and the input's name, whoever else is in the cohort and
whatever else the model has.
Knows inputs and their variability; knows nothing of doses or time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd import limits, units
from pkpd.display import Displayed
from pkpd.errors import CohortError, PkpdError, listed, quoted
from pkpd.population.covariates import People
from pkpd.population.covariates import people as read_people
from pkpd.population.drawing import drawn_classes, drawn_inputs, latent_normals
from pkpd.population.sampling import SAMPLINGS
from pkpd.population.spreads import law_between, spread_values, unlikely_spreads
from pkpd.population.typical import at_reference, input_of, typical_values
from pkpd.population.variability import around, class_labels, drawn_names
from pkpd.reading import places, rows_of
from pkpd.symbolic import plausibility
from pkpd.symbolic.model import Model, check_model

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Cohort(Displayed):
    """P virtual patients of one model.

    ids : (P,) int64, from 1; theta : (P, K) inputs in their units, columns as model.inputs
    latent : (P, V) correlated standard normals of the inputs that vary, without classes
    changed : input -> typical value set by the user
    replicate : which of the independent scramblings of the seed
    planned : number of patients of a run that Ctrl-C stopped after these; None where nothing did
    table : name of the table that gave the inputs `from_table`, or ""
    origin : the model whose people these are, where `for_model` has joined them to this one, or ""
    others : its other columns, name -> (P,) texts
    people : the table itself, from which other scramblings draw
    labels : (P,) what a table calls the people in its column ID, texts or numbers, or None
    spread : input -> CV or SD between people set by the user
    """

    model: Model
    seed: int
    sampling: str
    typical: bool
    changed: dict
    ids: np.ndarray
    theta: np.ndarray
    latent: np.ndarray
    replicate: int = 0
    table: str = ""
    from_table: tuple = ()
    origin: str = ""
    others: dict = field(default_factory=dict)
    planned: int | None = None
    people: People | None = field(default=None, repr=False)
    labels: np.ndarray | None = None
    spread: dict = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def brief(self) -> str:
        who = "the typical patient" if self.typical else f"{len(self)} patients"
        return f"{who} of {self.model.name}, seed {self.seed}"

    @property
    def names(self) -> np.ndarray:
        """(P,) what results call the people: IDs, or the texts that a table has in their place."""
        return self.ids if self.labels is None else self.labels

    def column(self, name: str) -> np.ndarray:
        """(P,) values of the input `name`, in its unit. Raises ValueError for another name."""
        return self.theta[:, self.model.input_names.index(name)]

    def subset(self, ids: Iterable[int]) -> "Cohort":
        """The patients with these `ids`, in that order. Raises CohortError for an ID not here."""
        try:
            return self.rows(places(map(int, ids), self.ids.tolist()))
        except KeyError as missing:
            raise CohortError(
                f"No patient with ID {missing.args[0]} in this cohort (1 to {self.ids.max()})."
            ) from None

    def rows(self, index: slice | np.ndarray) -> "Cohort":
        """The patients in the rows `index`, in that order.

        index : (P,) numbers of rows, or a slice
        """
        return replace(
            self,
            ids=self.ids[index],
            theta=self.theta[index],
            latent=self.latent[index],
            others=rows_of(self.others, index),
            labels=None if self.labels is None else self.labels[index],
        )

    def until(self, finished: int) -> "Cohort":
        """The first patients of a run that was to have all of them.

        finished : number of patients after which it was stopped
        """
        return replace(self.rows(slice(0, finished)), planned=len(self))

    def under(self, values: Mapping[str, float]) -> "Cohort":
        """The same people and draws under other typical values.

        values : {"cl": 120.0}, in the inputs' units
        """
        theta = self.theta.copy()
        drawn = drawn_names(self.model)
        for name, value in values.items():
            k = self.model.input_names.index(name)
            if name in drawn and not self.typical:
                law = law_between(self.model.inputs[k], self.spread)
                value = around(law, value, self.latent[:, drawn.index(name)])
            theta[:, k] = value
        return replace(self, theta=theta, changed=self.changed | dict(values))

    def each_with(self, values: Mapping[str, Any]) -> "Cohort":
        """The same people, each of them with exactly these values, whatever was drawn.

        values : {"wt": 60.0} or {"wt": "60 kg"}. Raises CohortError, or PkpdError for a unit.
        """
        given, theta = typical_values(self.model, dict(values)), self.theta.copy()
        _warn_of_unlikely(self.model, given, None)
        for name, value in given.items():
            theta[:, self.model.input_names.index(name)] = value
        return replace(self, theta=theta)

    def at_reference(self, names: Iterable[str]) -> "Cohort":
        """The same people, each with what the typical person has of these inputs.

        names : of inputs of the model. Raises CohortError for another one.
        """
        items = {name: input_of(self.model, name) for name in names}
        at = {name: at_reference(item, self.changed) for name, item in items.items()}
        return self.each_with(at)

    def with_inputs(self, theta: np.ndarray) -> "Cohort":
        """People with inputs theta (N, K) of their own, IDs from 1, who were not drawn."""
        count = len(theta)
        latent = np.zeros((count, self.latent.shape[1]))
        ids = np.arange(1, count + 1)
        return replace(self, ids=ids, theta=theta, latent=latent, others={})

    def scrambled(self, replicate: int) -> "Cohort":
        """The patients with the same IDs in another, independent scrambling of the seed.

        replicate : whole number of the scrambling, 0 being the first

        Raises CohortError for the typical patient, who is not drawn, and for people who were joined
        to this model from another.
        """
        if self.typical or self.origin:
            who = self.origin or "the typical patient"
            raise CohortError(f"There is no other scrambling of {who}.")
        return cohort(
            self.model,
            seed=self.seed,
            sampling=self.sampling,
            set=self.changed,
            spread=self.spread,
            ids=self.ids,
            covariates=self.people,
            replicate=replicate,
        )

    def for_model(self, model: Model) -> "Cohort":
        """The same people as patients of another model: inputs joined by name, in its units.

        An input that the other model would draw otherwise stays what it is, and counts as given by
        a table of people. Raises CohortError where the other model has an input that these people
        lack, or one of the same name that means something else.
        """
        if model.digest == self.model.digest:
            return replace(self, model=model)
        self._refuse_lack(model)
        mine = {item.name: item for item in self.model.inputs}
        factors = {item.name: _conversion(mine[item.name], item) for item in model.inputs}
        kept = [item.name for item in model.inputs if self._stays(item, mine[item.name])]
        return replace(
            self,
            model=model,
            theta=np.column_stack([self.column(name) * by for name, by in factors.items()]),
            latent=self._latent_of(model),
            changed={k: value * factors[k] for k, value in self.changed.items() if k in factors},
            from_table=tuple(kept),
            spread={},
            origin=f"people of {self.model.name} ({self.model.digest[:12]})",
        )

    def _refuse_lack(self, model):
        """Raises CohortError where another model has an input that these people lack."""
        missing = [name for name in model.input_names if name not in self.model.input_names]
        if missing:
            raise CohortError(
                f"These people of {self.model.name} lack {listed(missing)}, which {model.name} "
                f"needs. Draw them from {model.name} with the same seed: an input of the same name "
                "has the same values."
            )

    def _stays(self, item, mine):
        """Whether an input of another model, which is `mine` here, is not what that would draw."""
        given = item.name in self.from_table or item.name in self.spread
        return given or _law(item) != _law(mine)

    def _latent_of(self, model):
        """(P, V) latent normals of what another model draws, 0 where this one does not draw it."""
        names, wanted = drawn_names(self.model), drawn_names(model)
        latent = np.zeros((len(self), len(wanted)))
        for k, name in enumerate(wanted):
            if name in names:
                latent[:, k] = self.latent[:, names.index(name)]
        return latent

    def given(self) -> list[str]:
        """The words of a command line that draw the same cohort, except its size."""
        changes = []
        for name, value in self.changed.items():
            changes += ["--set", f"{name}={value!r}"]
        for name, value in self.spread.items():
            changes += ["--spread", f"{name}={value!r}"]
        if self.typical:
            return ["--typical", *changes]
        table = ["--covariates", self.table.rpartition(" (")[0]] if self.table else []
        return ["--seed", str(self.seed), "--sampling", self.sampling, *changes, *table]

    def frame(self) -> "pd.DataFrame":
        """Tidy table: ID, one column per input, and the other columns of a table of people."""
        import pandas as pd

        inputs = dict(zip(self.model.input_names, self.theta.T, strict=True))
        return pd.DataFrame({"ID": self.names} | inputs | self.others)


def cohort(
    model: Model,
    n: int = 1000,
    seed: int = 1,
    *,
    sampling: str = "sobol",
    typical: bool = False,
    set: Mapping[str, Any] | None = None,
    spread: Mapping[str, Any] | None = None,
    ids: Sequence[int] | np.ndarray | None = None,
    covariates: "str | Path | pd.DataFrame | People | None" = None,
    replicate: int = 0,
) -> Cohort:
    """Draw a cohort from the variability written in the model.

    Parameters
    ----------
    n : number of patients, IDs 1..n; any smaller n is a prefix of a larger one
    seed : whole number from 0 to 2^63 - 1
    sampling : "sobol" (scrambled Sobol' points) or "mc" (plain Monte Carlo)
    typical : one patient with no variability and covariates at reference
    set : {"cl": 120.0} or {"cl": "2 L/min"}: replaces the typical value, variability kept
    spread : {"cl": 0.4} or {"cl": "40 %"}: replaces how far people differ: the CV of a log-normal
        input, the logit SD of a logit-normal one, the SD of a normal one
    ids : (P,) draw only these patients of the cohort
    covariates : table of people, a path or a DataFrame, whose columns replace inputs. Rows are
        drawn whole; with a column ID each row belongs to that patient, and these are the cohort
    replicate : 0, or another number for an independent scrambling of the same seed

    Returns
    -------
    Cohort, its theta (P, K) in the model's units. Raises CohortError, or PkpdError for an unknown
    name or unit.

    >>> people = pkpd.cohort(pkpd.load("pk/one_compartment"), n=3, seed=7)
    >>> people.ids.tolist(), people.theta.shape
    ([1, 2, 3], (3, 5))
    """
    check_model(model)
    limits.flag(typical, "typical", CohortError)
    changed = typical_values(model, set)
    spreads = spread_values(model, spread)
    if typical and spreads:
        raise CohortError("The typical patient has no variability; leave out the spread.")
    limits.one_of(sampling, SAMPLINGS, "sampling", CohortError)
    limits.check_whole(seed, 0, limits.SEED, "seed", CohortError)
    limits.check_whole(replicate, 0, limits.SEED, "replicate", CohortError)
    table = None if covariates is None else _people(model, covariates, typical, changed | spreads)
    if table is not None and ids is None:
        ids = table.ids
    _warn_of_unlikely(model, changed, table)
    plausibility.warn(unlikely_spreads(model, spreads))
    who = _ids(model, 1 if typical else n, ids)
    seed, replicate = int(seed), int(replicate)
    names = drawn_names(model)
    if typical:
        latent = np.zeros((len(who), len(names)))
        theta = np.empty((len(who), len(model.inputs)))
        theta[:] = [at_reference(item, changed) for item in model.inputs]
    else:
        latent = latent_normals(model, names, who, seed, replicate, sampling)
        classified = drawn_classes(model, who, seed, replicate, sampling)
        theta = drawn_inputs(model, names, latent, classified, changed, spreads)
    of_draws = seed, sampling, typical, changed, who, theta, latent, replicate
    people = Cohort(model, *of_draws, spread=spreads)
    return people if table is None else _with_inputs_of(table, people)


def _warn_of_unlikely(model, changed, table):
    """A warning for each covariate that is set, or given by a table, to what hardly anybody has."""
    for item in model.covariates:
        values = [changed[item.name]] if item.name in changed else ()
        if table is not None:
            values = table.inputs.get(item.name, values)
        plausibility.warn(plausibility.of_values(item, values))


def _people(model, covariates, typical, changed):
    """The table of people. Raises CohortError where it contradicts the other options."""
    if typical:
        raise CohortError(
            "The typical patient has covariates at reference; leave out the table of people."
        )
    table = read_people(model, covariates)
    both = [name for name in changed if name in table.inputs]
    if both:
        raise CohortError(
            f"'{both[0]}' is set and also a column of {table.name}; leave out one of them."
        )
    return table


def _with_inputs_of(table, people):
    """The cohort with the inputs of a table in place of its own; draws keep their addresses."""
    rows = table.rows(people.ids, people.seed, people.replicate)
    for name, values in table.inputs.items():
        people.theta[:, people.model.input_names.index(name)] = values[rows]
    return replace(
        people,
        table=table.name,
        from_table=tuple(table.inputs),
        people=table,
        others=rows_of(table.others, rows),
        labels=None if table.labels is None else table.labels[rows],
    )


def of_model(model, cohort):
    """The cohort, if its people are patients of this very model. Raises PkpdError."""
    check_model(model)
    if not isinstance(cohort, Cohort):
        raise CohortError(
            f"A cohort is what pkpd.cohort returns, not {quoted(cohort)}: "
            "write pkpd.cohort(model, n=100, seed=7)."
        )
    if cohort.model.digest == model.digest:
        return cohort
    whose = cohort.model.name
    if whose == model.name:
        whose = f"another version of {whose}"
    raise CohortError(
        f"These people are patients of {whose}, not of the {model.name} given. Draw them from it "
        "with the same seed, or join them by the names of inputs: cohort.for_model(model)."
    )


def _conversion(mine, other):
    """Factor to the unit of the input of this name in another model. Raises CohortError."""
    if class_labels(mine) != class_labels(other):
        labels = class_labels(mine), class_labels(other)
        has = [f"the classes {listed(found)}" if found else "no classes" for found in labels]
        raise CohortError(f"'{mine.name}' has {has[0]} in one model and {has[1]} in the other.")
    try:
        return units.factor(mine.unit, other.unit)
    except PkpdError as error:
        raise CohortError(f"'{mine.name}': {error}") from error


def _law(item):
    """What decides the values that are drawn of an input."""
    return item.value, item.reference, item.unit, item.iiv


def _ids(model, n, ids):
    """(P,) IDs, 1 to n or those given. Raises CohortError, or PkpdError for too many."""
    if ids is not None:
        if isinstance(ids, (str, bytes, dict)) or not isinstance(ids, Iterable):
            raise CohortError(f"ids is a list of patient IDs such as [3, 17], not {quoted(ids)}.")
        ids = list(ids)
        for i in ids:
            limits.check_whole(i, 1, limits.PATIENTS, "patient ID", CohortError)
        if not ids or len(frozenset(map(int, ids))) < len(ids):
            raise CohortError("ids must name at least one patient, and each of them once.")
        return np.array(ids, dtype=np.int64)
    limits.check_whole(n, 1, limits.PATIENTS, "number of patients", CohortError)
    bytes_each = 8 * (1 + 3 * len(model.inputs))
    limits.check_memory(n * bytes_each, f"A cohort of {n:,} patients of {model.name}")
    return np.arange(1, n + 1, dtype=np.int64)
