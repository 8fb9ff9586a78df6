"""People from a table: whole rows drawn with replacement, or one row for each ID.

A row is drawn whole so that values measured together stay together.
Knows columns named like inputs of a model, and other columns to group results by; knows nothing of
distributions.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from pkpd import limits
from pkpd.errors import CohortError
from pkpd.population.noise import uniforms
from pkpd.reading import EMPTY, file


@dataclass(frozen=True)
class People:
    """M rows of a table of people.

    name : where they come from, and a hash of the contents
    ids : (M,) int64, or None where rows are drawn
    inputs : input -> (M,) values in its unit; others : column -> (M,) texts
    """

    name: str
    ids: np.ndarray | None
    inputs: dict
    others: dict

    def rows(self, ids, seed, replicate=0):
        """Row number (P,) for each patient.

        The row of the patient's ID, or one drawn at the address (seed, replicate, patient).
        """
        if self.ids is None:
            count = len(next(iter(self.inputs.values())))
            u = uniforms(seed, ids, "covariates", 1, replicate)[:, 0]
            return np.floor(u * count).astype(np.int64)
        row_of = {int(i): k for k, i in enumerate(self.ids)}
        missing = [i for i in ids if int(i) not in row_of]
        if missing:
            raise CohortError(f"{self.name}: no row of ID {missing[0]}.")
        return np.array([row_of[int(i)] for i in ids], dtype=np.int64)


def people(model, source):
    """Read a table of people: the path of a .csv or .parquet file, a DataFrame, or People.

    Columns named like covariates or parameters of the model replace them, in the model's units;
    classes may be given by label. Without a column ID, rows are drawn. Raises CohortError with row
    and column.
    """
    if isinstance(source, People):
        return source
    name, frame = read(source)
    columns = {
        str(c).strip(): np.array([str(x).strip() for x in frame[c]], dtype=object)
        for c in frame.columns
    }
    ids = _ids(name, columns.pop(next((c for c in columns if c.upper() == "ID"), ""), None))
    inputs, others = {}, {}
    for column, cells in columns.items():
        item = _input_called(column, model)
        if item is None:
            others[column] = cells
        elif item.name in inputs:
            raise CohortError(f"{name}: two columns stand for '{item.name}'.")
        else:
            inputs[item.name] = _values(name, column, cells, item)
    if not inputs or not len(frame):
        covariates = ", ".join(i.name for i in model.covariates) or "none"
        raise CohortError(
            f"{name}: no rows with a column named like an input of {model.name}. "
            f"Its covariates: {covariates}. Columns: {', '.join(columns)}."
        )
    return People(f"{name} ({_digest(columns)})", ids, inputs, others)


def _input_called(column, model):
    """The input with this name, else one with this name in another case, or None."""
    exact = [i for i in model.inputs if i.name == column]
    alike = [i for i in model.inputs if i.name.lower() == column.lower()]
    return next(iter(exact + alike), None)


def _digest(columns):
    """Short hash of the columns' names and cells."""
    contents = [*columns, *(cell for cells in columns.values() for cell in cells)]
    return hashlib.sha256("\0".join(contents).encode()).hexdigest()[:12]


def read(source):
    """Name and DataFrame of a table.

    source : path of a .csv file (read as text) or .parquet file, or a DataFrame

    Raises CohortError.
    """
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return "table", source
    path = limits.path(source, "A table of people", CohortError)
    return str(source), file(path, CohortError)


def _ids(name, cells):
    if cells is None:
        return None
    numbers = []
    for row, cell in enumerate(cells, 1):
        text = cell.removesuffix(".0")
        if not text.isdigit() or not 0 < len(text) < 19 or int(text) < 1:
            raise CohortError(f"{name}: row {row}, ID: '{cell[:40]}' is no whole number from 1 on.")
        numbers.append(int(text))
    if len(set(numbers)) < len(numbers):
        twice = next(i for i in numbers if numbers.count(i) > 1)
        raise CohortError(
            f"{name}: two rows have ID {twice}; a table of people has one row for each."
        )
    return np.array(numbers, dtype=np.int64)


def _values(name, column, cells, item):
    codes = {label: float(k) for k, (label, _) in enumerate(item.iiv.classes)} if item.iiv else {}
    out = np.empty(len(cells))
    for k, cell in enumerate(cells):
        where = f"{name}: row {k + 1}, column {column}"
        if cell in EMPTY:
            raise CohortError(f"{where}: the value is missing; fill it in or leave the row out.")
        try:
            out[k] = codes[cell] if cell in codes else float(cell)
        except ValueError as error:
            raise CohortError(f"{where}: '{cell[:40]}' is not a number.") from error
        if not np.isfinite(out[k]) or (codes and out[k] not in codes.values()):
            raise CohortError(f"{where}: '{cell[:40]}' is not a value that '{item.name}' can have.")
    return out
