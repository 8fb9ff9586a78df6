"""Observations to draw beside a simulation, from a table as NONMEM users write it.

Knows which rows and columns are observations; knows nothing of models.
"""

from dataclasses import dataclass

import numpy as np

from pkpd.errors import ResultError
from pkpd.reading import cells, not_a_number


@dataclass(frozen=True)
class Observations:
    """times (M,) in model time; values (M,) of output `name`, which the table calls `column`."""

    times: np.ndarray
    values: np.ndarray
    name: str
    column: str


def observations(path, names):
    """Observations of a table: one column per output it names, and DV for the first of `names`.

    Rows with something in a C column, EVID other than 0 or MDV 1 are no observations. Raises
    ResultError with row and column.
    """
    table = cells(path, ResultError)
    keep = np.ones(len(table), bool)
    for column in ("EVID", "MDV"):
        if column in table.columns:
            keep &= np.nan_to_num(_numbers(table, column)) == 0.0
    table = table.only(keep)
    spelled = {column.upper(): column for column in table.columns}
    columns = {names[0]: "DV"} if "DV" in spelled else {}
    columns |= {n: spelled[n.upper()] for n in names if n.upper() in spelled and n != "TIME"}
    if not columns:
        raise ResultError(
            f"{path}: no column DV nor one named like an output ({', '.join(names)}). "
            f"Columns: {', '.join(table.columns)}."
        )
    times = _numbers(table, "TIME")
    found = []
    for name, column in columns.items():
        values = _numbers(table, column)
        fine = np.isfinite(values) & np.isfinite(times)
        found.append(Observations(times[fine], values[fine], name, column))
    return found


def _numbers(table, column):
    """(M,) floats of a column, NaN where missing."""
    values, wrong = table.floats(column)
    if wrong:
        k, text = wrong[0]
        place = f"{table.name}: row {table.row[k]}, column {column}"
        raise ResultError(f"{place}: {not_a_number(text)}.")
    return values
