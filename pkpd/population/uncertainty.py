"""Parameter sets: what the typical values could be instead.

They come from a table of replicates or from the covariance of the estimates. The same people stand
under every set (common random numbers). Knows typical values; knows nothing of variability between
patients.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pkpd import limits
from pkpd.display import Displayed
from pkpd.errors import CohortError, PkpdError, closest
from pkpd.files import read_toml
from pkpd.population.cohort import Cohort, of_model
from pkpd.population.covariates import read
from pkpd.population.noise import normals
from pkpd.population.variability import cholesky, correlate
from pkpd.symbolic import plausibility
from pkpd.symbolic.model import Model, check_model
from pkpd.symbolic.variability import covariance, possible, reconciled

if TYPE_CHECKING:
    import pandas as pd

SETS = 100  # drawn from a covariance unless another number is asked for
SCALES = ("latent", "natural")
ENTRIES = {"names", "covariance", "scale", "lower", "upper"}  # of a file of estimates
MOST_BLOCKS = 20  # of as many draws as there are sets, of which those outside the ends are left out


@dataclass(frozen=True, repr=False)
class ParameterSets(Displayed):
    """R sets of J typical values of a model.

    name : where they come from; names : (J,) inputs; values : (R, J) in the inputs' units
    """

    model: Model
    name: str
    names: tuple
    values: np.ndarray

    def __len__(self):
        return len(self.values)

    def frame(self) -> "pd.DataFrame":
        """Tidy table: one row per set, one column per input."""
        import pandas as pd

        return pd.DataFrame(self.values, columns=list(self.names))

    def cohorts(self, cohort: Cohort) -> Iterator[Cohort]:
        """The same people under each set, one cohort after the other.

        Raises CohortError where the cohort has another source for one of the values.
        """
        of_model(self.model, cohort)
        both = [name for name in self.names if name in cohort.changed or name in cohort.from_table]
        if both:
            how = f"a column of {cohort.table or cohort.origin}"
            how = "set" if both[0] in cohort.changed else how
            raise CohortError(
                f"'{both[0]}' is {how} and also uncertain in {self.name}; leave out one of them."
            )
        for row in self.values:
            yield cohort.under(dict(zip(self.names, map(float, row), strict=True)))


def parameter_sets(
    model: Model, source: "str | Path | pd.DataFrame", count: int | None = None, seed: int = 1
) -> ParameterSets:
    """Sets of typical values for a model.

    Parameters
    ----------
    source : .csv or .parquet table (or DataFrame) with one set per row and columns named like
        parameters, in their units; or .toml with names = [...], covariance = the lower triangle of
        the covariance of their estimates, and scale = "latent" (of log, or logit for fractions; the
        default) or "natural" (in the parameters' units); there lower = [...] and upper = [...] may
        say which values the estimates can have: draws outside are drawn again
    count : number of sets (default: all rows of a table, 100 from a covariance)
    seed : seed of the draws from a covariance

    Raises CohortError with the place of the mistake.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"cl": [100.0, 120.0]})
    >>> pkpd.parameter_sets(pkpd.load("pk/one_compartment"), table).values.tolist()
    [[100.0], [120.0]]
    """
    check_model(model)
    if count is not None:
        limits.check_whole(count, 1, limits.REPEATS, "number of parameter sets", CohortError)
    limits.check_whole(seed, 0, limits.SEED, "seed", CohortError)
    if isinstance(source, (str, Path)) and Path(source).suffix == ".toml":
        sets = _from_covariance(model, Path(source), count or SETS, seed)
    else:
        sets = _from_table(model, source, count)
    for k, name in enumerate(sets.names):
        item = model.inputs[model.input_names.index(name)]
        for row, value in enumerate(sets.values[:, k], 1):
            if not possible(item, value, typical=True):
                raise CohortError(
                    f"{sets.name}: set {row}: {value:g} cannot be a typical value of '{name}'; "
                    'scale = "latent" keeps draws possible.'
                )
    return sets


def _from_table(model, source, count):
    sets = read(source)
    name, columns = sets.name, [c for c in sets.columns if c in model.input_names]
    if not columns or not len(sets):
        raise CohortError(
            f"{name}: no rows with a column named like a parameter of {model.name}. "
            f"Columns: {', '.join(sets.columns)}."
        )
    if count is not None and count > len(sets):
        raise CohortError(f"{name}: {count} sets are wanted, the table has {len(sets)}.")
    values = np.empty((len(sets), len(columns)))
    for k, column in enumerate(columns):
        values[:, k], _ = sets.floats(column)
        for place in np.flatnonzero(np.isnan(values[:, k])):
            text = str(sets.columns[column][place])[:40]
            row = sets.row[place]
            raise CohortError(f"{name}: row {row}, column {column}: '{text}' is not a number.")
    return ParameterSets(model, name, tuple(columns), values[:count])


def _from_covariance(model, path, count, seed):
    data = _read(path)
    names = _names(model, path, data["names"])
    try:
        sd, pairs = covariance(names, data["covariance"])
        pairs, doubt = reconciled(pairs)
    except PkpdError as error:
        raise CohortError(f"{path}: {error}") from error
    if doubt:
        plausibility.warn([f"{path}: {doubt}"])
    items = [model.inputs[model.input_names.index(n)] for n in names]
    latent = data.get("scale", "latent") == "latent"
    ends = _ends(path, data, len(names))
    factor = _factor(names, sd, pairs)
    values = np.empty((0, len(names)))
    for block in range(MOST_BLOCKS):
        rows = np.arange(1, count + 1) + block * count
        independent = [normals(seed, rows, f"estimate {n}", 1)[:, 0] for n in names]
        z = correlate(factor, np.column_stack(independent))
        moved = [_moved(item, z[:, k], latent, path) for k, item in enumerate(items)]
        drawn = np.column_stack(moved)
        inside = ((drawn >= ends[0]) & (drawn <= ends[1])).all(axis=1)
        values = np.concatenate([values, drawn[inside]])
        if len(values) >= count:
            return ParameterSets(model, str(path), tuple(names), values[:count])
    raise CohortError(
        f"{path}: of {MOST_BLOCKS * count} draws {len(values)} lie between lower and upper, too "
        f"few for {count} sets."
    )


def _ends(path, data, count):
    """(2, J) lower and upper ends of the estimates. Raises CohortError."""
    ends = np.array([[-np.inf], [np.inf]]) * np.ones(count)
    given = [key for key in ("lower", "upper") if key in data]
    if given and data.get("scale") != "natural":
        raise CohortError(f'{path}: {given[0]} goes with scale = "natural".')
    for place, key in enumerate(("lower", "upper")):
        values = data.get(key, ends[place].tolist())
        kinds = {type(value) for value in values} if isinstance(values, list) else {None}
        if not kinds <= {int, float} or len(values) != count:
            raise CohortError(f"{path}: {key} is a list of {count} numbers.")
        ends[place] = values
    return ends


def _read(path):
    """The entries of a file of estimates. Raises CohortError where it has others than it may."""
    data = read_toml(path, CohortError)
    complete = {"names", "covariance"} <= set(data) <= ENTRIES
    if not complete or data.get("scale", "latent") not in SCALES:
        raise CohortError(
            f"{path}: holds names = [...], covariance = [[...], ...] and perhaps "
            'scale = "latent" or "natural", the latter with lower and upper, nothing else.'
        )
    return data


def _names(model, path, names):
    """The names of a file of estimates. Raises CohortError unless they are different parameters."""
    if not isinstance(names, list) or len(set(map(str, names))) < len(names) or not names:
        raise CohortError(f"{path}: names is a list of different parameters.")
    for name in names:
        if name not in model.input_names:
            raise CohortError(
                f"{path}: unknown parameter '{name}' in {model.name}."
                f"{closest(str(name), model.input_names)}"
            )
    return names


def _factor(names, sd, pairs):
    """Lower triangular L (J, J) with L L' the covariance."""
    omega = np.diag(np.square(sd))
    for a, b, r in pairs:
        i, j = names.index(a), names.index(b)
        omega[i, j] = omega[j, i] = r * sd[i] * sd[j]
    return cholesky(omega)


def _moved(item, z, latent, path):
    """Values of one parameter moved by z on its latent or natural scale."""
    from scipy.special import expit, logit

    if not latent:
        return item.value + z
    if item.iiv is not None and item.iiv.kind == "logitnormal":
        return expit(logit(item.value) + z)
    if item.value <= 0:
        raise CohortError(
            f"{path}: '{item.name}' is not above 0 and has no logarithm; use scale = \"natural\"."
        )
    return item.value * np.exp(z)
