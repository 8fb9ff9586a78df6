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
from pkpd.reading import EMPTY, file
from pkpd.result import release

EXTRA = ("weight", "se", "n")


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
    name, cells = _cells(data)
    used = [_find(name, cells, c, option) for c, option in ((dose, "dose"), (response, "response"))]
    sources = dict(zip(("dose", "response"), used, strict=True))
    sources |= {c.lower(): c for c in cells if c.lower() in EXTRA and c not in used}
    columns = {key: _numbers(name, c, cells[c]) for key, c in sources.items()}
    unused = [c for c in cells if c and c not in sources.values()]
    return _checked(name, columns, tuple(used), unused)


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


def _cells(data):
    """Name of a table and its columns (M,) by name."""
    import pandas as pd

    if isinstance(data, (str, Path)):
        name, frame = str(data), file(Path(data), ResultError)
    else:
        try:
            name, frame = "table", pd.DataFrame(data)
        except ValueError as error:
            raise ResultError(
                f"table: doses and responses must be columns of equal length ({error})."
            ) from error
    names = [str(c).strip() for c in frame.columns]
    lower = [c.lower() for c in names]
    repeated = [c for c in names if lower.count(c.lower()) > 1]
    repeated = [c for c in repeated if c.lower() in ("dose", "response", *EXTRA)]
    if repeated:
        raise ResultError(f"{name}: two columns are called {repeated[0]}.")
    return name, {c: frame.iloc[:, k].to_numpy() for k, c in enumerate(names)}


def _find(name, cells, column, option):
    """Name of a column as the table writes it."""
    found = [c for c in cells if c.lower() == column.lower()]
    if not found:
        raise ResultError(
            f"{name}: no column {column}. Columns: {', '.join(cells)}. "
            f"Say which one it is with --{option}."
        )
    return column if column in found else found[0]


def _numbers(name, column, cells):
    """(M,) floats, NaN where missing."""
    out = np.full(len(cells), np.nan)
    for k, cell in enumerate(cells):
        if cell is None or str(cell).strip() in EMPTY:
            continue
        where = f"{name}: row {k + 1}, column {column}"
        try:
            out[k] = float(cell)
        except (TypeError, ValueError) as error:
            raise ResultError(f"{where}: '{cell}' is not a number; write . for missing.") from error
        if not np.isfinite(out[k]):
            raise ResultError(f"{where}: '{cell}' is not finite; write . for missing.")
    return out


def _checked(name, columns, labels, unused):
    """Assay of the complete rows. columns : dose, response, perhaps weight, se, n -> (M,)"""
    rows = len(columns["dose"])
    keep, notes = np.ones(rows, bool), []
    for key, values in columns.items():
        _check_sign(name, key, values)
        keep &= ~np.isnan(values)
    weight = _weights(name, columns, rows)
    keep &= weight > 0.0
    if not keep.all():
        notes.append(
            f"{int((~keep).sum())} of {rows} rows are left out: "
            "something is missing in them, or their weight is 0."
        )
    if unused:
        notes.append(f"Columns not used: {', '.join(unused)}.")
    if not keep.any():
        raise ResultError(f"{name}: no row has both a dose and a response.")
    weighted = bool(set(EXTRA) & set(columns))
    dose, response = columns["dose"][keep], columns["response"][keep]
    return Assay(name, dose, response, weight[keep], weighted, labels, tuple(notes))


def _check_sign(name, key, values):
    """Doses and weights are 0 or more, standard errors and counts above 0."""
    if key == "response":
        return
    low = values < 0.0 if key in ("dose", "weight") else values <= 0.0
    if low.any():
        k = int(np.flatnonzero(low)[0])
        least = "0 or more" if key in ("dose", "weight") else "above 0"
        hint = " Are the doses logarithms?" if key == "dose" else ""
        raise ResultError(
            f"{name}: row {k + 1}, column {key}: {values[k]:g} must be {least}.{hint}"
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
