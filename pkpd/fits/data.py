"""Reads and checks tables of doses and responses, the data that curves are fitted to.

Columns dose and response, in any case; optional columns weight (precision, up to a factor), se
(standard error of each response) and n (number of observations behind each response, a mean);
"." or an empty cell is missing. Knows tables; knows nothing of curves.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pkpd.errors import ResultError
from pkpd.reading import in_memory, refuse_cells, refuse_lookalikes, table
from pkpd.version import release

EXTRA = ("weight", "se", "n")
DEVIATIONS = ("sd", "std", "stdev")


@dataclass(frozen=True)
class Assay:
    """Checked doses and responses.

    name : where the data come from
    dose, response : (M,) in the order of the table
    weight : (M,) reciprocal of each response's variance, up to a factor
    weighted : whether the table has weights
    labels : of dose and response
    notes : sentences on what was left out
    better : direction of a good response, if the source says so
    computed : whether it is a simulated curve, without error
    """

    name: str
    dose: np.ndarray
    response: np.ndarray
    weight: np.ndarray
    weighted: bool = False
    labels: tuple = ("dose", "response")
    notes: tuple = ()
    better: str = "higher"
    computed: bool = False

    def groups(self):
        """Distinct doses (J,), and the group (M,) of each response."""
        return np.unique(self.dose, return_inverse=True)

    @property
    def monotone(self):
        """ "rise" or "fall", if the mean responses do nothing else from dose to dose, or None."""
        group = self.groups()[1]
        total = np.bincount(group, self.weight)
        steps = np.diff(np.bincount(group, self.weight * self.response) / total)
        if not steps.any():
            return None
        return "rise" if (steps >= 0.0).all() else "fall" if (steps <= 0.0).all() else None

    def provenance(self, command=None):
        """What reproduces a fit: package and version, name and digest of the data, command."""
        numbers = np.stack([self.dose, self.response, self.weight])
        return {
            "package": "pkpd",
            "version": release(),
            "data": self.name,
            "digest": hashlib.sha256(numbers.tobytes()).hexdigest()[:16],
            "command": command,
        }


def assay(data, dose="dose", response="response", id=None):
    """Doses and responses of a table or of a simulated dose response.

    Parameters
    ----------
    data : path of a .csv or .parquet table, DataFrame, dict of columns, (doses, responses), or
        DoseResponse
    dose, response : names of the columns
    id : patient of a DoseResponse (default: the median of the cohort at each dose and at 0)

    Returns
    -------
    Assay. Raises ResultError naming row and column.
    """
    if isinstance(data, Assay):
        return data
    if hasattr(data, "untreated"):  # a DoseResponse, recognised without importing its module
        return _simulated(data, id)
    if id is not None:
        raise ResultError("id chooses a patient of a simulated dose response; a table has none.")
    if isinstance(data, (tuple, list)) and len(data) == 2:
        data = {dose: data[0], response: data[1]}
    read = _read(data)
    sources = _sources(read, dose, response)
    columns = {key: _numbers(read, column) for key, column in sources.items()}
    missing = () if set(EXTRA) & set(sources) else ("weight, se or n",)
    account = read.account(tuple(sources.values()), missing)
    return _checked(read, columns, (sources["dose"], sources["response"]), account)


def _sources(read, dose, response):
    """Names of the columns that are read: of dose and response, then of those of EXTRA there are.

    Raises ResultError, also for a column that is none of EXTRA but may be meant as one.
    """
    sources = {"dose": _find(read, dose, "dose"), "response": _find(read, response, "response")}
    used = tuple(sources.values())
    if used[0] == used[1]:
        raise ResultError(f"{read.name}: '{used[0]}' is named as the dose and as the response.")
    sources |= {c.lower(): c for c in read.columns if c.lower() in EXTRA and c not in used}
    if not {"weight", "se"} & set(sources):
        refuse_lookalikes(read, ("weight", "se"), ResultError)
    if not set(EXTRA) & set(sources):
        _refuse_deviations(read)
    return sources


def _refuse_deviations(read):
    """Raise ResultError for standard deviations: the error of a mean takes their number too."""
    for column in read.columns:
        if column.lower() in DEVIATIONS:
            raise ResultError(
                f"{read.name}: column '{column}' is not read; give the error of each response as "
                "se, which is SD/sqrt(n) for a mean of n, or leave it out."
            )


def _simulated(curve, id):
    """The responses of one patient of a DoseResponse, or the medians of all."""
    solved = ~np.isnan(curve.outcome).any(axis=1)
    if id is not None:
        solved = solved & (curve.cohort.ids == id)
    model = curve.model
    if not solved.any():
        patient = "No patient" if id is None else f"No patient {id}"
        raise ResultError(f"{patient} of {model.name} is solved at every dose.")
    responses = np.column_stack([curve.untreated, curve.outcome])[solved]
    who = f"median of {len(responses)} patients" if id is None else f"patient {id}"
    doses = np.concatenate([[0.0], curve.doses])
    outcome = curve.benefit.outcome
    return Assay(
        f"{model.name}, {who}",
        doses,
        np.median(responses, axis=0),
        np.ones(len(doses)),
        labels=(f"dose ({curve.unit})", f"{outcome} ({model.unit(outcome)})"),
        better=curve.benefit.better,
        computed=True,
    )


def _read(data):
    """Table of a path, DataFrame or dict of columns."""
    import pandas as pd

    if not isinstance(data, (str, Path)) and in_memory(data) is None:
        try:
            data = pd.DataFrame(data)
        except ValueError as error:
            raise ResultError(
                f"table: doses and responses must be columns of equal length ({error})."
            ) from error
    read = table(data, ResultError)
    lower = [c.lower() for c in read.columns]
    repeated = [c for c in lower if lower.count(c) > 1 and c in ("dose", "response", *EXTRA)]
    if repeated:
        raise ResultError(f"{read.name}: two columns are called {repeated[0]}.")
    return read


def _find(read, column, option):
    """Name of a column as the table writes it."""
    found = [c for c in read.columns if c.lower() == column.lower()]
    if not found:
        raise ResultError(
            f"{read.name}: no column {column}. Columns: {', '.join(read.columns)}. "
            f"Say which one it is with --{option}."
        )
    return column if column in found else found[0]


def _numbers(read, column):
    """(M,) floats, NaN where missing."""
    values, wrong = read.floats(column)
    if wrong:
        refuse_cells(read, column, wrong, ResultError)
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        k = infinite[0]
        text = f"'{values[k]}' is not finite; write . for missing."
        raise ResultError(f"{read.name}: row {read.row[k]}, column {column}: {text}")
    return values


def _checked(read, columns, labels, account):
    """Assay of the complete rows. columns : dose, response, perhaps weight, se, n -> (M,)"""
    rows = len(read)
    keep, notes = np.ones(rows, bool), []
    for key, values in columns.items():
        _check_sign(read, key, values)
        keep &= ~np.isnan(values)
    weight = _weights(read.name, columns, rows)
    keep &= weight > 0.0
    if not keep.all():
        notes.append(
            f"{int((~keep).sum())} of {rows} rows are left out: "
            "something is missing in them, or their weight is 0."
        )
    if not keep.any():
        raise ResultError(f"{read.name}: no row has both a dose and a response.")
    weighted = bool(set(EXTRA) & set(columns))
    dose, response = columns["dose"][keep], columns["response"][keep]
    return Assay(read.name, dose, response, weight[keep], weighted, labels, (*notes, account))


def _check_sign(read, key, values):
    """Doses and weights are 0 or more, standard errors and counts above 0."""
    if key == "response":
        return
    low = values < 0.0 if key in ("dose", "weight") else values <= 0.0
    if low.any():
        k = int(np.flatnonzero(low)[0])
        least = "0 or more" if key in ("dose", "weight") else "above 0"
        hint = " Are the doses logarithms?" if key == "dose" else ""
        raise ResultError(
            f"{read.name}: row {read.row[k]}, column {key}: {values[k]:g} must be {least}.{hint}"
        )


def _weights(name, columns, rows):
    """(M,) precision: weight times n, or 1/se^2, which holds n already."""
    if "se" in columns:
        if "weight" in columns:
            raise ResultError(
                f"{name}: columns weight and se both say how precise a response is; "
                "keep one of them."
            )
        return columns["se"] ** -2
    one = np.ones(rows)
    return np.nan_to_num(columns.get("weight", one) * columns.get("n", one))
