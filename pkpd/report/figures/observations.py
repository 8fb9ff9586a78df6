"""A user's table of observations, read as NONMEM users write it.

Column names in any case, "." for missing, a C column. Knows tables; knows nothing of models.
"""

from dataclasses import dataclass

import numpy as np

from pkpd.errors import ResultError

LARGEST = 100_000_000  # bytes


@dataclass(frozen=True)
class Observations:
    """times (M,) in model time; values (M,) of output `name`, which the table calls `column`."""

    times: np.ndarray
    values: np.ndarray
    name: str
    column: str


def observations(path, names):
    """Observations of a CSV table: one column per output it names, and DV for the first of `names`.

    Rows with something in a C column, EVID other than 0 or MDV 1 are no observations. Raises
    ResultError with row and column.
    """
    table = _read(path)
    if "TIME" not in table:
        raise ResultError(f"{path}: no column TIME. Columns: {', '.join(table)}.")
    keep = np.array([not _filled(c) for c in table.get("C", [""] * len(table["TIME"]))])
    for column, wanted in (("EVID", 0.0), ("MDV", 0.0)):
        if column in table:
            keep &= np.nan_to_num(_numbers(path, column, table[column], keep)) == wanted
    columns = {names[0]: "DV"} if "DV" in table else {}
    columns |= {n: n.upper() for n in names if n.upper() in table and n.upper() != "TIME"}
    if not columns:
        raise ResultError(
            f"{path}: no column DV nor one named like an output ({', '.join(names)}). "
            f"Columns: {', '.join(table)}."
        )
    times = _numbers(path, "TIME", table["TIME"], keep)
    found = []
    for name, column in columns.items():
        values = _numbers(path, column, table[column], keep)
        fine = keep & np.isfinite(values) & np.isfinite(times)
        found.append(Observations(times[fine], values[fine], name, column))
    return found


def _read(path):
    """Column name in capitals -> list of texts."""
    import csv
    import os

    try:
        size = os.path.getsize(path)
        if size > LARGEST:
            raise ResultError(f"{path}: {size} bytes is too large for a table of observations.")
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ResultError(f"{path}: cannot be read as CSV ({reason}).") from error
    if len(rows) < 2:
        raise ResultError(f"{path}: a table needs a line of column names and at least one row.")
    names = [name.strip().upper() for name in rows[0]]
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(names):
            raise ResultError(
                f"{path}: row {number} has {len(row)} cells, the first row has {len(names)}."
            )
    return {name: [row[k].strip() for row in rows[1:]] for k, name in enumerate(names)}


def _filled(cell):
    return cell not in ("", ".", "0")


def _numbers(path, column, cells, keep):
    """(M,) floats, NaN for "." and in rows that are no observations."""
    out = np.full(len(cells), np.nan)
    for k, cell in enumerate(cells):
        if not keep[k] or cell in ("", ".", "NA", "nan"):
            continue
        try:
            out[k] = float(cell)
        except ValueError as error:
            raise ResultError(
                f"{path}: row {k + 2}, column {column}: '{cell}' is not a number; "
                "write . for missing."
            ) from error
    return out
