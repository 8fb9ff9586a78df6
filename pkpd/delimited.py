"""Delimited text: a header and rows of cells between commas, semicolons, tabs or blanks.

A decimal comma is read where it can be nothing else; a row that does not fit the header is refused,
for it shifts numbers in silence. Knows bytes, lines and cells; knows nothing of what columns mean.
"""

import csv
import io
import re
from collections.abc import Iterator

import numpy as np

from pkpd.errors import PkpdError, first_lines

# what a table is read into: names, columns, numbers of the rows, notes
Parts = tuple[list[str], list[np.ndarray], np.ndarray, tuple[str, ...]]
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}

DECIMAL_COMMA = re.compile(r"[-+]?[0-9]*,[0-9]+(?:[eE][-+]?[0-9]+)?\Z")
_DECIMAL_POINT = re.compile(r"[-+]?[0-9]*\.[0-9]+(?:[eE][-+]?[0-9]+)?\Z")
_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2},[0-9]{3}\Z")


def read(name: str, data: bytes, error: type[PkpdError]) -> Parts:
    """Column names, columns of texts, row numbers and notes of a text with a header.

    name : of the file, for the sentences of `error`; rows are counted from 1 below the header

    Raises ValueError or csv.Error for what is no table, `error` for one that is not whole.
    """
    text, notes = _decoded(data)
    places, lines, comments = _lines(text)
    if not lines:
        raise ValueError("it is empty")
    separator, rows = _separated(name, lines, error)
    header, rows = _without_empty_end(rows)
    row = np.array(places[1:], dtype=np.int64) - places[0]
    _refuse_uneven(name, header, rows, row, separator, error)
    cells = np.array(rows, dtype=object).reshape(len(rows), len(header))
    columns = list(cells.T.copy())
    if comments:
        notes += (f"{comments} comment line{'s' if comments > 1 else ''} left out.",)
    if separator != ",":
        notes += _decimal_commas(name, header, columns, row, error)
    return header, columns, row, notes


def _decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of a file, and what is to be said of its encoding."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16"), ()
    notes: tuple[str, ...] = ()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
        notes = ("Read as Windows-1252 (Latin-1), for it is no UTF-8.",)
    if "\0" in text:
        raise ValueError("it holds zero bytes")
    return text, notes


def _lines(text: str) -> tuple[list[int], list[str], int]:
    """The lines of a text that say something: place and text of each, and how many comments."""
    places, lines, comments = [], [], 0
    for place, line in enumerate(io.StringIO(text, newline=None)):
        if line.lstrip().startswith("#"):
            comments += 1
        elif line.strip():
            places.append(place)
            lines.append(line)
    return places, lines, comments


def _without_empty_end(rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Names and rows of cells, without the columns at the end that have neither name nor cells."""
    header, *rows = [list(map(str.strip, cells)) for cells in rows]
    width = len(header)
    while width and not any(cells[width - 1] for cells in (header, *rows) if len(cells) >= width):
        width -= 1
    return header[:width], [cells if any(cells[width:]) else cells[:width] for cells in rows]


def _refuse_uneven(
    name: str,
    header: list[str],
    rows: list[list[str]],
    row: np.ndarray,
    separator: str,
    error: type[PkpdError],
) -> None:
    """Raises `error` where rows do not have a cell for each name of the header."""
    names = f"{len(header)} name{'s' * (len(header) != 1)}"
    wrong = []
    for number_of_row, cells in zip(row, rows, strict=True):
        if len(cells) != len(header):
            count = f"{len(cells)} cell{'s' * (len(cells) != 1)}"
            some = ", ".join(cell[:20] for cell in cells[:12])
            wrong.append(f"  row {number_of_row}: {count} under {names} ({some}).")
    if not wrong:
        return
    remedy = "Write . for missing."
    if separator == ",":
        remedy = "Write decimals with a point, not a comma, and . for missing."
    count = "1 row does" if len(wrong) == 1 else f"{len(wrong)} rows do"
    head = f"{name}: {count} not fit the header (rows are counted below it):"
    raise error("\n".join([head, *first_lines(wrong), remedy]))


def _separated(name: str, lines: list[str], error: type[PkpdError]) -> tuple[str, list[list[str]]]:
    """The separator of the cells, and the rows of cells."""
    candidates = [separator for separator in SEPARATORS if separator in lines[0]]
    if not candidates and re.search(r"\S\s+\S", lines[0]):
        return " ", [line.split() for line in lines]
    found = {}
    for separator in candidates or [","]:
        blanks = separator != "\t"
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=blanks, strict=True)
        found[separator] = list(reader)
    separator = _only_even(name, found, error) if len(found) > 1 else next(iter(found))
    if len(found[separator]) != len(lines):
        raise ValueError("a quoted cell goes over several lines")
    return separator, found[separator]


def _only_even(name: str, found: dict[str, list[list[str]]], error: type[PkpdError]) -> str:
    """The only one of several separators {separator: rows} by which all rows are equally long."""
    even = [separator for separator, rows in found.items() if len(set(map(len, rows))) == 1]
    if len(even) != 1:
        raise error(
            f"{name}: are the cells separated by {' or '.join(SEPARATORS[s] for s in found)}? "
            "Keep one of them for that."
        )
    return even[0]


def _matching(columns: list[np.ndarray], pattern: re.Pattern) -> Iterator[tuple[int, int]]:
    """Yield column and row of each cell that matches a pattern."""
    for j, column in enumerate(columns):
        for k, cell in enumerate(column):
            if pattern.match(cell):
                yield j, k


def _decimal_commas(
    name: str, header: list[str], columns: list[np.ndarray], row: np.ndarray, error: type[PkpdError]
) -> tuple[str, ...]:
    """Turn decimal commas into points, in place; what to say of it.

    Raises `error` where a comma may stand for thousands.
    """
    commas = list(_matching(columns, DECIMAL_COMMA))
    if not commas:
        return ()
    j, k = commas[0]
    first = columns[j][k]
    place = f"{name}: row {row[k]}, column {header[j]}: '{first}'"
    for at, point in _matching(columns, _DECIMAL_POINT):
        raise error(
            f"{place} has a decimal comma and '{columns[at][point]}' a point; "
            "write all of them with points."
        )
    if all(_THOUSANDS.match(columns[j][k]) for j, k in commas):
        raise error(
            f"{place} may be {first.replace(',', '.')} or {first.replace(',', '')}; "
            "write it with a point or without the comma."
        )
    for j, k in commas:
        columns[j][k] = columns[j][k].replace(",", ".")
    return ("Decimal commas were read as points.",)
