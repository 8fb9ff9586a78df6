"""Tables of doses and responses, read and checked: what a curve is fitted to. Knows no curves.

Columns dose and response, in any case; weight (precision, up to a factor), se (standard error of each response) or n (observations
behind each response, a mean) where they exist; "." or empty for missing.
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
    """dose, response, weight : (M,) in the order of the table; weight is the reciprocal of each response's variance, up to a factor

    name : where it comes from; weighted : whether the table brought weights; labels : of dose and response; notes : sentences on what was left out
    better : what is good, if the source says so; computed : whether it is a simulated curve, without error
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

    def provenance(self, command=None):
        """What it takes to compute a fit again: the package, the data by name and digest, the command."""
        digest = hashlib.sha256(
            np.stack([self.dose, self.response, self.weight]).tobytes()
        ).hexdigest()[:16]
        return {
            "package": "pkpd",
            "version": release(),
            "data": self.name,
            "digest": digest,
            "command": command,
        }


def assay(data, dose="dose", response="response", id=None):
    """Doses and responses of a table or of a simulated dose response.

    Parameters
    ----------
    data : path of a .csv or .parquet table, DataFrame, dict of columns, (doses, responses), or DoseResponse
    dose, response : names of the columns; id : patient of a DoseResponse (default: median of the cohort at each dose, dose 0 included)

    Returns
    -------
    Assay. Raises ResultError naming row and column.
    """
    if isinstance(data, Assay):
        return data
    if hasattr(data, "untreated"):  # a DoseResponse, whose room need not be loaded for a table
        return _simulated(data, id)
    if id is not None:
        raise ResultError(
            "id chooses a patient of a simulated dose response; a table of doses and responses has none."
        )
    if isinstance(data, (tuple, list)) and len(data) == 2:
        data = {dose: data[0], response: data[1]}
    name, cells = _cells(data)
    used = [_find(name, cells, c, option) for c, option in ((dose, "dose"), (response, "response"))]
    extra = {c.lower(): c for c in cells if c.lower() in EXTRA and c not in used}
    found = {
        key: _numbers(name, c, cells[c])
        for key, c in zip(("dose", "response", *extra), (*used, *extra.values()), strict=True)
    }
    return _checked(
        name,
        found,
        tuple(used),
        [c for c in cells if c not in used and c not in extra.values() and c],
    )


def _simulated(curve, id):
    fine = ~np.isnan(curve.outcome).any(axis=1)
    if id is not None:
        fine = fine & (curve.cohort.ids == id)
    if not fine.any():
        raise ResultError(
            f"No patient {'' if id is None else f'{id} '}of {curve.model.name} is solved at every dose."
        )
    at = np.column_stack([curve.untreated, curve.outcome])[fine]
    who = f"median of {len(at)} patients" if id is None else f"patient {id}"
    doses = np.concatenate([[0.0], curve.doses])
    labels = (
        f"dose ({curve.unit})",
        f"{curve.benefit.outcome} ({curve.model.unit(curve.benefit.outcome)})",
    )
    return Assay(
        f"{curve.model.name}, {who}",
        doses,
        np.median(at, axis=0),
        np.ones(len(doses)),
        labels=labels,
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
    twice = [
        c
        for c in names
        if [x.lower() for x in names].count(c.lower()) > 1
        and c.lower() in ("dose", "response", *EXTRA)
    ]
    if twice:
        raise ResultError(f"{name}: two columns are called {twice[0]}.")
    return name, {c: frame.iloc[:, k].to_numpy() for k, c in enumerate(names)}


def _find(name, cells, column, option):
    found = [c for c in cells if c.lower() == column.lower()]
    if not found:
        raise ResultError(
            f"{name}: no column {column}. Columns: {', '.join(cells)}. Say which one it is with --{option}."
        )
    return column if column in found else found[0]


def _numbers(name, column, cells):
    """(M,) floats, NaN where missing."""
    out = np.full(len(cells), np.nan)
    for k, cell in enumerate(cells):
        if cell is None or str(cell).strip() in EMPTY:
            continue
        try:
            out[k] = float(cell)
        except (TypeError, ValueError) as error:
            raise ResultError(
                f"{name}: row {k + 1}, column {column}: '{cell}' is not a number; write . for missing."
            ) from error
        if not np.isfinite(out[k]):
            raise ResultError(
                f"{name}: row {k + 1}, column {column}: '{cell}' is not finite; write . for missing."
            )
    return out


def _checked(name, found, labels, unused):
    rows = len(found["dose"])
    keep, notes = np.ones(rows, bool), []
    for key, values in found.items():
        low = (
            values < 0.0
            if key in ("dose", "weight")
            else values <= 0.0
            if key in ("se", "n")
            else np.zeros(rows, bool)
        )
        if low.any():
            place = int(np.flatnonzero(low)[0])
            least = "0 or more" if key in ("dose", "weight") else "above 0"
            hint = " Are the doses logarithms?" if key == "dose" else ""
            raise ResultError(
                f"{name}: row {place + 1}, column {key}: {values[place]:g} must be {least}.{hint}"
            )
        keep &= ~np.isnan(values)
    weight = _weights(name, found, rows)
    keep &= weight > 0.0
    if not keep.all():
        notes.append(
            f"{int((~keep).sum())} of {rows} rows are left out: something is missing in them, or their weight is 0."
        )
    if unused:
        notes.append(f"Columns not used: {', '.join(unused)}.")
    if not keep.any():
        raise ResultError(f"{name}: no row has both a dose and a response.")
    weighted = bool({"weight", "se", "n"} & set(found))
    return Assay(
        name,
        found["dose"][keep],
        found["response"][keep],
        weight[keep],
        weighted,
        labels,
        tuple(notes),
    )


def _weights(name, found, rows):
    """(M,) precision: weight, times n; or 1/se^2, which holds n already."""
    if "se" in found:
        if "weight" in found:
            raise ResultError(
                f"{name}: columns weight and se both say how precise a response is; keep one of them."
            )
        return found["se"] ** -2
    return np.nan_to_num(found.get("weight", np.ones(rows)) * found.get("n", np.ones(rows)))
