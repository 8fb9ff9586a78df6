"""Tables as people have them: a text file, Parquet file or DataFrame becomes named columns.

A name that stands twice and a name that is almost the one wanted are refused: each of them loses
numbers in silence. Knows files, columns and how cells become numbers; knows nothing of doses or
concentrations, nor of how a text is cut into cells.
"""

import csv
import difflib
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from pkpd import delimited, limits
from pkpd.delimited import DECIMAL_COMMA, Parts
from pkpd.errors import PkpdError, first_lines
from pkpd.parquet import read_table

COLUMNS = ("ID", "TIME", "AMT", "RATE", "II", "ADDL", "SS", "EVID", "CMT", "MDV", "DV")
FRAME = "table"  # name of a table that comes from no file
MISSING = ("", ".", "NA", "NaN", "nan")
EMPTY = (*MISSING, "None", "<NA>", "NaT")
LARGEST = 1_000_000_000  # bytes
CLOSE = 0.8  # difflib's ratio from which a name is almost another

KINDS = ("dvid", "ytype", "dvname", "yname", "yid")  # say which quantity an observation is of

# what tables call what this program knows by another name
SYNONYMS = {
    "ID": (
        "subject", "subj", "subjid", "subjectid", "usubjid", "patient", "patientid", "pat",
        "person", "individual", "animal", "rat", "mouse",
    ),
    "TIME": (
        "t", "times", "hour", "hours", "hr", "hrs", "tafd", "tsfd", "timeh", "timepoint", "day",
        "days", "date", "clock", "datetime", "dat1", "dat2", "dat3",
    ),
    "AMT": ("dose", "doses", "amount", "dosemg", "amtmg"),
    "RATE": ("infusionrate", "infrate", "rateinf", "dur", "duration", "tinf"),
    "II": ("tau", "interval", "dosinginterval", "every"),
    "ADDL": ("additional", "adddl", "ndose", "ndoses", "nbrdoses"),
    "SS": ("steadystate", "steady"),
    "EVID": ("event", "eventid"),
    "CMT": ("compartment", "comp", "cmpt", "adm", "route", "into"),
    "MDV": (),
    "DV": ("conc", "concentration", "obs", "observation", "y", "value", "cp"),
    "weight": ("w", "weights"),
    "se": ("sem", "stderr", "stderror", "standarderror"),
    "wt": ("weight", "bodyweight", "bw", "bwt", "wgt", "wtkg", "kg", "mass", "bodymass"),
    "age": ("years", "yrs"),
    "sex": ("gender", "male", "female"),
    "height": ("ht", "hgt", "heightcm"),
}  # fmt: skip

AMOUNT_UNITS = (
    "unit",
    "units",
    "amtunit",
    "amtunits",
    "amtu",
    "doseunit",
    "doseunits",
    "doseu",
    "dosu",
    "exdosu",
)
DATES = ("date", "dat1", "dat2", "dat3", "datetime")
DAYS = ("day", "days", "studyday", "dayofstudy", "exday")

NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"  # as a pattern
_NUMBER = re.compile(rf"{NUMBER}\Z")
_OF_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}\Z")
_CLOCK = re.compile(r"-?[0-9]+ days?|[0-9]{1,2}:[0-9]{2}|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}")
_WITH_UNIT = re.compile(r"(?P<number>[-+]?[0-9]+(?:\.[0-9]+)?)\s*(?![eE]\Z)[^\W\d_]\D*\Z")
_UNITS_BEHIND = re.compile(r"[\[(].*[\])]\s*\Z")


@dataclass(frozen=True)
class Table:
    """Named columns.

    name : where they come from
    columns : name -> (M,) texts or numbers
    row : (M,) counted from 1 below the header, comments and blank lines included
    notes : what a user should know of how they were read
    """

    name: str
    columns: dict
    row: np.ndarray
    notes: tuple = ()

    def __len__(self) -> int:
        return len(self.row)

    def floats(self, column: str) -> tuple[np.ndarray, list[tuple[int, str]]]:
        """(M,) numbers of a column, NaN where missing, and [(index, text)] of other cells.

        `not_a_number` says what is wrong with such a text.
        """
        cells = self.columns[column]
        if cells.dtype.kind in "iufb":
            return cells.astype(float), []
        values, wrong = np.full(len(cells), np.nan), []
        for k, cell in enumerate(cells):
            if str(cell).strip() in EMPTY:
                continue
            values[k] = number(cell)
            if np.isnan(values[k]):
                wrong.append((k, str(cell).strip()[:40]))
        return values, wrong

    def only(self, keep: np.ndarray) -> "Table":
        """The rows (M,) bool."""
        return Table(self.name, rows_of(self.columns, keep), self.row[keep], self.notes)

    def lacking(self, names: Iterable[str]) -> list[str]:
        """Those of the names that no column has, in whatever case."""
        written = set(map(str.lower, self.columns))
        return [name for name in names if name.lower() not in written]

    def account(self, used: Sequence[str], missing: Sequence[str] = ()) -> str:
        """One line on what became of the columns."""
        unused = [c for c in self.columns if c not in used]
        parts = [("used", used), ("unused", unused), ("missing", missing)]
        words = "; ".join(f"{word}: {', '.join(names) or 'none'}" for word, names in parts)
        rows = f"{len(self)} row{'s' if len(self) != 1 else ''}"
        return " ".join([f"{self.name}: {rows}; {words}.", *self.notes])


def rows_of(columns: Mapping[str, Any], rows: Any) -> dict[str, Any]:
    """The columns (M,) in some rows alone: a mask, places, a slice, or the values of one place."""
    return {name: values[rows] for name, values in columns.items()}


def number(cell: object) -> float:
    """The number a cell says; NaN where it is none, or not finite."""
    if isinstance(cell, (int, float, np.integer, np.floating)):
        return float(cell)
    text = str(cell).strip()
    return float(text) if _NUMBER.match(text) else np.nan


def numbers(cells: Iterable[object]) -> np.ndarray:
    """(M,) floats of cells; NaN where one says no number."""
    return np.array(list(map(number, cells)), dtype=float)


def stripped(cells: Iterable[object]) -> np.ndarray:
    """(M,) texts of cells, as objects, without blanks around them."""
    return np.array([str(cell).strip() for cell in cells], dtype=object)


def places(wanted: Iterable[Any], names: Iterable[Any]) -> np.ndarray:
    """(P,) int64 place of each wanted ID or label among the names of a table.

    Raises KeyError, whose argument is the first one that is not there.
    """
    place = dict(zip(names, count()))
    return np.array([place[name] for name in wanted], dtype=np.int64)


def not_a_number(cell: object, remedy: str = "write . for missing") -> str:
    """What is wrong with a cell that is no number, and what to write.

    remedy : where the cell holds no number at all
    """
    text = str(cell).strip()
    if _OF_THOUSANDS.match(text):
        return (
            f"'{text[:40]}' has a comma before three digits; write {text[:40].replace(',', '')}, "
            f"or {text[:40].replace(',', '.')} where the comma is a decimal one"
        )
    if DECIMAL_COMMA.match(text):
        return (
            f"'{text[:40]}' has a comma; write {text[:40].replace(',', '.')} with a decimal point"
        )
    if _CLOCK.match(text):
        return (
            f"'{text[:40]}' is a date or a time of day; "
            "write hours or days since a common start, such as 0.5"
        )
    with_unit = _WITH_UNIT.match(text)
    if with_unit:
        remedy = f"write {with_unit['number']} alone, in the unit of the column"
    return f"'{text[:40]}' is not a number; {remedy}"


def refuse_cells(
    read: Table, column: str, wrong: list[tuple[int, str]], error: type[PkpdError]
) -> NoReturn:
    """Raise `error` for cells that are no numbers: the [(index, text)] of `Table.floats`."""
    lines = [f"row {read.row[k]}, column {column}: {not_a_number(text)}." for k, text in wrong]
    if len(lines) == 1:
        raise error(f"{read.name}: {lines[0]}")
    head = f"{read.name}: {len(lines)} cells cannot be read:"
    raise error("\n".join([head, *first_lines([f"  {line}" for line in lines])]))


def table(source: Any, error: type[PkpdError]) -> Table:
    """Table of a path, a DataFrame, or what else holds a table in Arrow's memory, as polars does.

    error : the exception to raise, with a sentence, for what cannot be read, has a name twice, or
        holds a row that does not fit
    """
    frame = in_memory(source)
    if frame is None:
        path = limits.path(source, "A table", error)
        name, parts = str(path), _file(path, error)
    else:
        name, parts = FRAME, _framed(frame)
    names, columns, row, notes = parts
    again = [n for k, n in enumerate(names) if n and n in names[:k]]
    if again:
        raise error(f"{name}: two columns are called {again[0]}; leave out one of them.")
    named = {}
    for k, (column_name, column) in enumerate(zip(names, columns, strict=True), 1):
        named[column_name or f"(column {k})"] = column
    return Table(name, named, row, notes)


def cells(source: Any, error: type[PkpdError]) -> Table:
    """Table of event or concentration records: NONMEM's names in capitals.

    Rows with something in a column C are left out.
    """
    read = capitals(source, error)
    for sentence in obstacles(read):
        raise error(sentence)
    return read


def capitals(source: Any, error: type[PkpdError]) -> Table:
    """Table with NONMEM's names in capitals and without comment rows, records or not."""
    read = table(source, error)
    columns = {}
    for name, values in read.columns.items():
        key = name.upper() if name.upper() in (*COLUMNS, "C") else name
        if key in columns:
            raise error(f"{read.name}: two columns are called {key}.")
        columns[key] = values
    return _without_comments(Table(read.name, columns, read.row, read.notes))


def obstacles(read: Table) -> Iterator[str]:
    """Yield sentences on why a table with NONMEM's names in capitals holds no records."""
    yield from lookalikes(read, ("TIME",))
    for column in read.columns:
        if _plain(column) in DATES:
            yield (
                f"{read.name}: column '{column}' is not read; TIME must count from a common start, "
                f"not from each day's midnight. If it does, leave '{column}' out."
            )
    if "TIME" not in read.columns:
        yield f"{read.name}: no column TIME. Columns: {', '.join(read.columns) or 'none'}."
    if not len(read):
        yield f"{read.name}: the table holds no records."


def _without_comments(read: Table) -> Table:
    """The rows that are no comments; a note says how many are left out."""
    marked = _comment_rows(read)
    read.columns.pop("C", None)
    if not marked.any():
        return read
    note = f"{marked.sum()} comment row{'s' if marked.sum() > 1 else ''} left out."
    return Table(read.name, read.columns, read.row, (*read.notes, note)).only(~marked)


def _comment_rows(read: Table) -> np.ndarray:
    """(M,) rows marked in a column C, or whose ID is C among IDs that are numbers."""
    if "C" in read.columns:
        return ~np.isin(stripped(read.columns["C"]), (*MISSING, "0"))
    unmarked = np.zeros(len(read), bool)
    if "ID" not in read.columns or read.columns["ID"].dtype != object:
        return unmarked
    texts = stripped(read.columns["ID"])
    letter = np.isin(texts, ("C", "c"))
    others = texts[~letter]
    return letter if len(others) and all(map(_NUMBER.match, others)) else unmarked


def refuse_lookalikes(read: Table, wanted: Sequence[str], error: type[PkpdError]) -> None:
    """Refuse a column that is not used but named almost like one that is `wanted` and missing.

    wanted : names, in the spelling of the program
    """
    for sentence in lookalikes(read, wanted):
        raise error(sentence)


def lookalikes(read: Table, wanted: Sequence[str]) -> Iterator[str]:
    """Yield a sentence on each column that is named almost like a `wanted` and missing one."""
    others = [column for column in read.columns if column not in wanted]
    for name in wanted:
        column = lookalike(name, others)
        if name not in read.columns and column is not None:
            yield (
                f"{read.name}: column '{column}' is not read; if it is {name}, call it {name}, "
                "else leave it out or call it something else."
            )


def lookalike(name: str, columns: Iterable[str]) -> str | None:
    """The first of the columns that is called almost like `name`, or by a usual synonym of it."""
    plain, synonyms = _plain(name), SYNONYMS.get(name, SYNONYMS.get(name.lower(), ()))
    for column in columns:
        text = _plain(column)
        near = (
            len(text) > 1
            and len(plain) > 1
            and difflib.SequenceMatcher(None, text, plain).ratio() >= CLOSE
        )
        if text and (text == plain or text in synonyms or (near and column not in COLUMNS)):
            return column
    return None


def called(read: Table, names: Sequence[str]) -> str | None:
    """The first column that is called by one of some plain names, however it is written."""
    return next((column for column in read.columns if _plain(column) in names), None)


def kind_columns(read: Table) -> list[str]:
    """The columns that say which quantity an observation is of: one such as DVID, and CMT."""
    found = [called(read, KINDS), "CMT" if "CMT" in read.columns else None]
    return [column for column in found if column]


def _plain(name: object) -> str:
    """Letters and digits of a name in small letters, without a unit in brackets behind it."""
    return re.sub(r"[^a-z0-9]", "", _UNITS_BEHIND.sub("", str(name)).lower())


def in_memory(source: Any) -> Any:
    """The DataFrame of a table in memory: its own, or one that Arrow can read, such as polars'.

    None for anything else.
    """
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return source
    if not hasattr(source, "__arrow_c_stream__"):
        return None
    import pyarrow as pa

    return pa.table(source).to_pandas()


def _framed(frame: Any) -> Parts:
    """What a DataFrame is read into; named levels of its index are columns like any other."""
    levels = [n for n in frame.index.names if n is not None and n not in frame.columns]
    frame = frame.reset_index(level=levels) if levels else frame
    lengths = frame.select_dtypes("timedelta").columns
    frame = frame.astype(dict.fromkeys(lengths, "str")) if len(lengths) else frame
    names = [str(c).strip() for c in frame.columns]
    columns = [frame.iloc[:, k].to_numpy() for k in range(len(names))]
    return names, columns, np.arange(1, len(frame) + 1), ()


def _file(path: Path, error: type[PkpdError]) -> Parts:
    try:
        if path.stat().st_size > LARGEST:
            raise error(f"{path}: {path.stat().st_size:,} bytes is too large for a table.")
        data = path.read_bytes()
    except OSError as fault:
        raise error(f"{path}: cannot be read ({fault.strerror or fault}).") from fault
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise error(
            f"{path}: is an Excel workbook or another archive; "
            "save the sheet as CSV (UTF-8) and read that."
        )
    if data[:2] == b"\x1f\x8b":
        raise error(f"{path}: is compressed; unpack it first.")
    try:
        if data[:4] == b"PAR1":
            return _framed(read_table(io.BytesIO(data)).to_pandas())
        return delimited.read(str(path), data, error)
    except (ValueError, csv.Error, OSError) as fault:
        raise error(
            f"{path}: is not a readable table ({(str(fault).splitlines() or ['?'])[0]})."
        ) from fault


def stated_units(source: Any) -> dict[str, str]:
    """Column -> unit, where a DataFrame or Parquet file of pkpd says so; {} for anything else."""
    import json

    if not isinstance(source, (str, Path)):
        return source.attrs.get("units", {})
    if Path(source).suffix != ".parquet":
        return {}
    import pyarrow.parquet as pq

    return json.loads((pq.read_schema(source).metadata or {}).get(b"pkpd.units", b"{}"))
