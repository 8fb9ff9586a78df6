"""Who takes it: a cohort of virtual patients, each drawn from an address and not from a stream.

Patient ID i is point i-1 of a scrambled Sobol' sequence, or counter block i-1 of Philox, whoever else is in the cohort; classes
are drawn apart from that, so that a new one moves nobody's other numbers.
Knows inputs and their variability; knows nothing of doses or time.
"""

import math
import re
from dataclasses import dataclass, field, replace

import numpy as np

from pkpd import units
from pkpd.errors import CohortError, PkpdError, closest
from pkpd.population import sobol
from pkpd.population.covariates import people
from pkpd.population.noise import bits_to_uniforms, uniforms
from pkpd.population.variability import around, classes, correlate, factor
from pkpd.symbolic.model import Model

MOST_DIMENSIONS = 21201  # of scipy's Sobol' direction numbers
SAMPLINGS = ("sobol", "mc")


@dataclass(frozen=True)
class Cohort:
    """P virtual patients of one model.

    ids : (P,) int64, from 1; theta : (P, K) inputs in their units, columns as model.inputs
    latent : (P, V) correlated standard normals of the inputs that vary, classes apart
    changed : input -> typical value set by the user; replicate : which of many scramblings of the seed
    table : name of the table that the inputs `from_table` were taken from, or ""; others : its other columns, name -> (P,) texts
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
    others: dict = field(default_factory=dict)

    def __len__(self):
        return len(self.ids)

    def column(self, name):
        """(P,) values of an input."""
        return self.theta[:, self.model.input_names.index(name)]

    def subset(self, ids):
        """The same patients, only those of `ids` and in that order."""
        place = {int(i): k for k, i in enumerate(self.ids)}
        missing = [i for i in ids if int(i) not in place]
        if missing:
            raise CohortError(
                f"No patient with ID {missing[0]} in this cohort (1 to {self.ids.max()})."
            )
        return self.rows(np.array([place[int(i)] for i in ids], dtype=np.int64))

    def rows(self, places):
        """The patients at some places (a slice or whole numbers), in that order."""
        others = {name: cells[places] for name, cells in self.others.items()}
        return replace(
            self,
            ids=self.ids[places],
            theta=self.theta[places],
            latent=self.latent[places],
            others=others,
        )

    def under(self, values):
        """The same people, the same draws, under other typical values: {"cl": 120.0}, in the inputs' units."""
        theta = self.theta.copy()
        names = [i.name for i in self.model.inputs if _continuous(i)]
        for name, value in values.items():
            k = self.model.input_names.index(name)
            vary = name in names and not self.typical
            theta[:, k] = (
                around(self.model.inputs[k].iiv, value, self.latent[:, names.index(name)])
                if vary
                else value
            )
        return replace(self, theta=theta, changed=self.changed | values)

    def given(self):
        """The options of a command that draws the same cohort, but for its size."""
        changes = "".join(f" --set {name}={value!r}" for name, value in self.changed.items())
        return f"--seed {self.seed} --sampling {self.sampling}{changes}" + (
            f" --covariates {self.table.rpartition(' (')[0]}" if self.table else ""
        )

    def frame(self):
        """Tidy table: ID, one column an input, and the other columns of a table of people."""
        import pandas as pd

        return pd.DataFrame(
            {"ID": self.ids}
            | {n: self.theta[:, k] for k, n in enumerate(self.model.input_names)}
            | self.others
        )


def cohort(
    model,
    n=1000,
    seed=1,
    *,
    sampling="sobol",
    typical=False,
    set=None,
    ids=None,
    covariates=None,
    replicate=0,
):
    """Draw a cohort from the variability written in the model.

    Parameters
    ----------
    n : number of patients, IDs 1..n; any smaller n is a prefix of a larger one
    seed : whole number >= 0
    sampling : "sobol" (scrambled Sobol' points) or "mc" (plain Monte Carlo)
    typical : one patient with no variability and covariates at reference
    set : {"cl": 120.0} or {"cl": "2 L/min"}: replaces the typical value, variability kept
    ids : draw only these patients of the cohort
    covariates : table of people, a path or a DataFrame, whose columns take the place of inputs: rows are drawn whole, or belong
        to the patients of its column ID, which then are the cohort
    replicate : 0, or another number for an independent scrambling of the same seed

    Raises CohortError, or PkpdError for an unknown name or unit.
    """
    changed = {name: _typical_value(model, name, value) for name, value in (set or {}).items()}
    if sampling not in SAMPLINGS:
        raise CohortError(f"Unknown sampling '{sampling}'. Known: {', '.join(SAMPLINGS)}.")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise CohortError(f"The seed must be a whole number from 0 on, not {seed!r}.")
    table = None if covariates is None else _people(model, covariates, typical, changed)
    if table is not None and table.ids is not None and ids is None:
        ids = table.ids
    numbers = _ids(1 if typical else n, ids)
    varying = [i for i in model.inputs if _continuous(i)]
    names = [i.name for i in varying]
    address = int(seed), int(replicate)
    independent = (
        np.zeros((len(numbers), len(names)))
        if typical
        else _normals(numbers, len(names), *address, sampling)
    )
    latent = correlate(factor(names, model.correlations), independent)
    theta = np.empty((len(numbers), len(model.inputs)))
    for k, item in enumerate(model.inputs):
        theta[:, k] = changed.get(
            item.name, item.reference if typical and item.reference is not None else item.value
        )
        if typical or item.iiv is None:
            continue
        if item.iiv.kind != "classes":
            theta[:, k] = around(item.iiv, theta[0, k], latent[:, names.index(item.name)])
        elif item.name not in changed:
            theta[:, k] = classes(
                item.iiv, uniforms(address[0], numbers, f"class {item.name}", 1, address[1])[:, 0]
            )
    found = Cohort(
        model, address[0], sampling, typical, changed, numbers, theta, latent, address[1]
    )
    return found if table is None else _from_table(found, table)


def _people(model, covariates, typical, changed):
    """The table of people, which must not contradict the other options."""
    if typical:
        raise CohortError(
            "The typical patient has covariates at reference; leave out the table of people."
        )
    table = people(model, covariates)
    both = [name for name in changed if name in table.inputs]
    if both:
        raise CohortError(
            f"'{both[0]}' is set and also a column of {table.name}; leave out one of them."
        )
    return table


def _from_table(found, table):
    """The cohort with the inputs of a table in place of its own; draws keep their addresses."""
    rows = table.rows(found.ids, found.seed, found.replicate)
    for name, values in table.inputs.items():
        found.theta[:, found.model.input_names.index(name)] = values[rows]
    return replace(
        found,
        table=table.name,
        from_table=tuple(table.inputs),
        others={name: cells[rows] for name, cells in table.others.items()},
    )


def _continuous(item):
    """Whether an input owns a dimension of the sampling."""
    return item.iiv is not None and item.iiv.kind != "classes"


def _ids(n, ids):
    wanted = [n] if ids is None else list(ids)
    for i in wanted:
        if isinstance(i, bool) or not isinstance(i, (int, np.integer)) or i < 1:
            what = "number of patients" if ids is None else "patient ID"
            raise CohortError(f"The {what} must be a whole number from 1 on, not {i!r}.")
    return np.arange(1, n + 1, dtype=np.int64) if ids is None else np.array(wanted, dtype=np.int64)


def _typical_value(model, name, value):
    item = next((i for i in model.inputs if i.name == name), None)
    if item is None:
        raise CohortError(
            f"Unknown parameter '{name}' in {model.name}.{closest(name, model.input_names)}"
        )
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\S+?)\s*([A-Za-z%][^\s]*|1/\S+)?\s*", value)
        try:
            value = float(match.group(1)) * units.factor(match.group(2) or item.unit, item.unit)
        except (AttributeError, ValueError) as error:
            raise CohortError(
                f"'{name}={value}': write a number, with or without a unit, such as '{name}={item.value:g} {item.unit}'."
            ) from error
        except PkpdError as error:
            raise CohortError(f"'{name}={value}': {error}") from error
    value = float(value)
    kind = item.iiv.kind if item.iiv else None
    if kind == "classes" and value not in range(len(item.iiv.classes)):
        known = ", ".join(f"{k} ({label})" for k, (label, _) in enumerate(item.iiv.classes))
        raise CohortError(f"'{name}={value:g}' is the number of no class; write one of {known}.")
    if (
        not math.isfinite(value)
        or (kind == "lognormal" and value <= 0)
        or (kind == "logitnormal" and not 0 < value < 1)
    ):
        raise CohortError(f"'{name}={value:g}' is outside what a {kind or 'finite'} value can be.")
    return value


def _normals(ids, dimensions, seed, replicate, sampling):
    """Independent standard normals (P, V), row by address."""
    from scipy.special import ndtri

    if dimensions == 0:
        return np.zeros((len(ids), 0))
    first, last = int(ids.min()) - 1, int(ids.max())
    # replicate 0 is the seed's own, as it was before there were others
    source = seed if replicate == 0 else [seed, replicate]
    block = (
        _sobol(first, last, dimensions, source)
        if sampling == "sobol"
        else _philox(first, last, dimensions, seed, replicate)
    )
    return ndtri(block[ids - 1 - first])


def _sobol(first, last, dimensions, source):
    """Points first..last-1 of the scrambled sequence, strictly inside (0, 1)."""
    if dimensions > MOST_DIMENSIONS:
        raise CohortError(
            f"{dimensions} varying inputs are more than Sobol' points have dimensions; use --sampling mc."
        )
    return sobol.points(first, last, dimensions, source)


def _philox(first, last, dimensions, seed, replicate):
    """Uniforms on 53 bits, strictly inside (0, 1). Each patient owns a whole number of counter blocks of 4 draws."""
    blocks = -(-dimensions // 4)
    source = np.random.Philox(key=seed, counter=replicate << 192)
    source.advance(first * blocks)
    raw = source.random_raw((last - first) * blocks * 4).reshape(last - first, blocks * 4)[
        :, :dimensions
    ]
    return bits_to_uniforms(raw)
