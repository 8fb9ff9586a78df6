"""People from a table: whole rows drawn with replacement, or one row for each ID.

A row is drawn whole so that values measured together stay together.
Knows columns named like inputs of a model, and other columns to group results by; knows nothing of
distributions.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from pkpd import limits
from pkpd.errors import CohortError
from pkpd.population.noise import uniforms
from pkpd.reading import (
    EMPTY,
    in_memory,
    not_a_number,
    number,
    numbers,
    places,
    refuse_lookalikes,
    stripped,
    table,
)
from pkpd.symbolic.variability import possible

FILL_IN = "fill it in or leave the row out"
HIGHEST_ID = 2**31 - 1


@dataclass(frozen=True)
class People:
    """M rows of a table of people.

    name : where they come from, and a hash of the contents
    ids : (M,) int64, or None where rows are drawn; labels : (M,) its column ID, texts or numbers
    inputs : input -> (M,) values in its unit; others : column -> (M,) texts
    account : a line on what was read of the table
    """

    name: str
    ids: np.ndarray | None
    inputs: dict
    others: dict
    account: str = ""
    labels: np.ndarray | None = None

    def rows(self, ids, seed, replicate=0):
        """Row number (P,) for each patient.

        The row of the patient's ID, or one drawn at the address (seed, replicate, patient).
        """
        if self.ids is None:
            count = len(next(iter(self.inputs.values())))
            u = uniforms(seed, ids, "covariates", 1, replicate)[:, 0]
            return np.floor(u * count).astype(np.int64)
        try:
            return places(map(int, ids), self.ids.tolist())
        except KeyError as missing:
            raise CohortError(f"{self.name}: no row of ID {missing.args[0]}.") from None


def people(model, source):
    """Read a table of people: the path of a .csv or .parquet file, a DataFrame, or People.

    Columns named like covariates or parameters of the model replace them, in the model's units;
    classes may be given by label. Without a column ID, rows are drawn; IDs that are texts are
    numbered in the order of the table and kept as labels. Raises CohortError with row and column.
    """
    if isinstance(source, People):
        return source
    found = read(source)
    covariates = model.covariate_names
    refuse_lookalikes(found, found.lacking([*covariates, "ID"]), CohortError)
    columns = {name: stripped(cells) for name, cells in found.columns.items()}
    id_column = next((c for c in columns if c.upper() == "ID"), "")
    ids, labels = _ids(found, columns.pop(id_column, None))
    inputs, others = _inputs(found, columns, model)
    if not inputs or not len(found):
        raise CohortError(
            f"{found.name}: no rows with a column named like an input of {model.name}. "
            f"Its covariates: {', '.join(covariates) or 'none'}. "
            f"Columns: {', '.join(found.columns)}."
        )
    used = [c for c in found.columns if c not in others]
    account = found.account(used, found.lacking(covariates))
    return People(f"{found.name} ({_digest(columns)})", ids, inputs, others, account, labels)


def _inputs(read, columns, model):
    """({input: (M,) values}, {other column: (M,) texts}) of columns of texts."""
    inputs, others = {}, {}
    for column, cells in columns.items():
        item = _input_called(column, model)
        if item is None:
            others[column] = cells
        elif item.name in inputs:
            raise CohortError(f"{read.name}: two columns stand for '{item.name}'.")
        else:
            # an unlikely covariate brings a warning (pkpd.symbolic.plausibility), no error
            bound = item in model.parameters or _is_class(
                item
            )  # people's own values are as they are
            held = item if bound else replace(item, iiv=None)
            inputs[item.name] = _values(read, column, cells, held)
    return inputs, others


def _is_class(item):
    """Whether people are of classes by this input."""
    return item.iiv is not None and item.iiv.kind == "classes"


def _input_called(column, model):
    """The input with this name, else one with this name in another case, or None."""
    exact = [i for i in model.inputs if i.name == column]
    alike = [i for i in model.inputs if i.name.lower() == column.lower()]
    return next(iter(exact + alike), None)


def _digest(columns):
    """Short hash of the columns' names and cells."""
    contents = list(columns)
    for cells in columns.values():
        contents.extend(cells)
    return hashlib.sha256("\0".join(contents).encode()).hexdigest()[:12]


def read(source):
    """Table of people or of parameter sets, from a path or a DataFrame. Raises CohortError."""
    if in_memory(source) is None:
        source = limits.path(source, "A table of people", CohortError)
    return table(source, CohortError)


def _ids(read, cells):
    """IDs (M,), and what the table calls them: texts that are no numbers are numbered in order."""
    if cells is None:
        return None, None
    empty = np.isin(cells, EMPTY)
    if empty.any():
        raise CohortError(f"{read.name}: row {read.row[empty][0]}, ID: is missing.")
    twice = [i for i, often in Counter(cells).items() if often > 1]
    if twice:
        raise CohortError(
            f"{read.name}: two rows have ID {twice[0]}; a table of people has one row for each."
        )
    ids = numbers(cells)
    if np.isnan(ids).any():
        return np.arange(1, len(cells) + 1), cells.astype(str)
    wrong = (ids < 1) | (ids != np.round(ids)) | (ids > HIGHEST_ID)
    if wrong.any():
        where = f"{read.name}: row {read.row[wrong][0]}, ID"
        raise CohortError(
            f"{where}: '{cells[wrong][0]}' is not a whole number from 1 to {HIGHEST_ID}."
        )
    return ids.astype(np.int64), ids.astype(np.int64)


def _values(read, column, cells, item):
    """(M,) numbers of a column, each a value that the input can have."""
    codes = {label: float(k) for k, (label, _) in enumerate(item.iiv.classes)} if item.iiv else {}
    values = np.empty(len(cells))
    for k, cell in enumerate(cells):
        where = f"{read.name}: row {read.row[k]}, column {column}"
        if cell in EMPTY:
            raise CohortError(f"{where}: the value is missing; {FILL_IN}.")
        values[k] = codes[cell] if cell in codes else number(cell)
        if np.isnan(values[k]):
            raise CohortError(f"{where}: {not_a_number(cell, FILL_IN)}.")
        if not possible(item, values[k]):
            raise CohortError(f"{where}: '{cell[:40]}' is not a value that '{item.name}' can have.")
    return values
