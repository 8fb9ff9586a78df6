"""Tables, JSON and figures as files: whole or not at all, tables with units and provenance.

Knows names, units and columns; knows nothing of what they mean or of where a run keeps them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from pkpd.errors import ResultError, either
from pkpd.files import write_atomically
from pkpd.parquet import read_table

TABLES = (".csv", ".parquet", ".xlsx", ".html", ".tex")
MOST_ROWS = 1_048_575  # of a sheet of a workbook, below its header
DIGITS = 5  # of a number in a table to be read
Columns = dict[str, np.ndarray]


def write_table(
    frame: Any, path: str | Path, units: Mapping[str, str], origin: Mapping[str, Any]
) -> None:
    """Write a table (DataFrame or dict of columns) by its ending, whole or not at all.

    .csv and .parquet hold every digit, as .xlsx does. Parquet carries units and provenance in its
    metadata, a workbook in a second sheet. .html and .tex are tables to be read, with units at
    their heads. Raises ResultError.
    """
    path = Path(path)
    check_ending(path)
    ways = {
        ".csv": lambda temporary: _csv(frame, temporary),
        ".parquet": lambda temporary: _parquet(frame, temporary, units, origin),
        ".xlsx": lambda temporary: _workbook(frame, temporary, units, origin),
        ".html": lambda temporary: _html(frame, temporary, units),
        ".tex": lambda temporary: _latex(frame, temporary, units),
    }
    write_atomically(path, ways[path.suffix])


def check_ending(path: str | Path) -> None:
    """Raises ResultError where no table can be written under this name."""
    if Path(path).suffix not in TABLES:
        raise ResultError(f"'{path}': tables are written as {either(TABLES)}.")


def write_json(data: object, path: str | Path) -> None:
    """Write JSON, whole or not at all; NaN becomes null, infinities become text."""
    text = json_text(data)
    write_atomically(Path(path), lambda temporary: Path(temporary).write_text(text))


def json_text(data: object) -> str:
    """The text that write_json writes."""
    return json.dumps(plain(data), indent=2, allow_nan=False) + "\n"


def write_figure(figure: Any, path: str | Path) -> None:
    """Write a matplotlib figure in the format of the file's ending, whole or not at all."""
    path = Path(path)
    form = path.suffix[1:] or "png"
    write_atomically(path, lambda temporary: figure.savefig(temporary, format=form, dpi=150))


def _csv(frame: Any, path: str) -> None:
    import pandas as pd

    pd.DataFrame(frame).to_csv(path, index=False)


def _parquet(frame: Any, path: str, units: Mapping[str, str], origin: Mapping[str, Any]) -> None:
    import pyarrow.parquet as pq

    with open(path, "wb") as file:
        pq.write_table(arrow_table(frame, units, origin), file)


def _workbook(frame: Any, path: str, units: Mapping[str, str], origin: Mapping[str, Any]) -> None:
    """A workbook of two sheets. No text is taken for a formula or a link."""
    import pandas as pd

    table = pd.DataFrame(frame)
    if len(table) > MOST_ROWS:
        raise ResultError(
            f"A workbook holds {MOST_ROWS:,} rows, and the table has {len(table):,}; "
            "write .csv or .parquet."
        )
    about = [(f"unit of {name}", unit) for name, unit in units.items()]
    about += [(name, json.dumps(value)) for name, value in plain(origin).items()]
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    held = BytesIO()
    try:
        book = pd.ExcelWriter(held, engine="xlsxwriter", engine_kwargs={"options": options})
    except ImportError as missing:
        raise ResultError("A workbook needs XlsxWriter: pip install 'pkpd[excel]'") from missing
    with book:
        table.to_excel(book, sheet_name="table", index=False)
        pd.DataFrame(about, columns=["what", "value"]).to_excel(
            book, sheet_name="about", index=False
        )
    Path(path).write_bytes(held.getvalue())


def _html(frame: Any, path: str, units: Mapping[str, str]) -> None:
    text = _with_units(frame, units).to_html(index=False, border=0, na_rep="", float_format=_short)
    Path(path).write_text(text + "\n", encoding="utf-8")


def _latex(frame: Any, path: str, units: Mapping[str, str]) -> None:
    shown = _with_units(frame, units)
    for name in shown.select_dtypes(exclude="number"):
        shown[name] = shown[name].astype(str).map(_escaped)
    shown.columns = [_escaped(name) for name in shown.columns]
    text = shown.to_latex(index=False, na_rep="", float_format=_short)
    Path(path).write_text(text, encoding="utf-8")


def _with_units(frame: Any, units: Mapping[str, str]) -> Any:
    """The DataFrame with units in the names of its columns."""
    import pandas as pd

    table = pd.DataFrame(frame)
    shown = {name: unit for name, unit in units.items() if unit != "1"}
    return table.rename(columns={name: f"{name} ({unit})" for name, unit in shown.items()})


def _short(value: float) -> str:
    return f"{value:.{DIGITS}g}"


def _escaped(text: str) -> str:
    """A text that LaTeX prints as it stands."""
    signs = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(signs.get(c, f"\\{c}" if c in "&%$#_{}" else c) for c in text)


def arrow_table(frame: Any, units: Mapping[str, str], origin: Mapping[str, Any]) -> Any:
    """Arrow table of a DataFrame or dict of columns, with units and provenance in its metadata."""
    import pyarrow as pa

    if isinstance(frame, dict):
        table = _arrow(frame)
    else:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    extra = {
        b"pkpd.units": json.dumps(units).encode(),
        b"pkpd.provenance": json.dumps(plain(origin)).encode(),
    }
    return table.replace_schema_metadata((table.schema.metadata or {}) | extra)


def _arrow(columns: Mapping[str, np.ndarray]) -> Any:
    """Arrow table over numpy columns. Arrow's own conversion would load pandas (0.4 s)."""
    import pyarrow as pa

    def array(values: np.ndarray) -> Any:
        values, count = np.ascontiguousarray(values), len(values)
        if values.dtype.kind in "US":
            texts = [str(v).encode() for v in values]
            ends = pa.py_buffer(np.cumsum([0, *map(len, texts)], dtype=np.int32))
            return pa.StringArray.from_buffers(count, ends, pa.py_buffer(b"".join(texts)))
        if values.dtype.kind == "b":
            bits = pa.py_buffer(np.packbits(values, bitorder="little"))
            return pa.Array.from_buffers(pa.bool_(), count, [None, bits])
        kind = pa.from_numpy_dtype(values.dtype)
        return pa.Array.from_buffers(kind, count, [None, pa.py_buffer(values)])

    return pa.Table.from_arrays(list(map(array, columns.values())), names=list(columns))


def stacked(
    tables: Sequence[Mapping[str, Any]], names: Iterable[str] | None = None
) -> dict[str, Any]:
    """Name -> its arrays in all tables, one after the other, for these names or all."""
    return {
        name: np.concatenate([table[name] for table in tables])
        for name in (tables[0] if names is None else names)
    }


def records(names: Iterable[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows of cells as dicts by the names of their columns."""
    names = tuple(names)
    return [dict(zip(names, row, strict=True)) for row in rows]


def by_column(rows: Sequence[Mapping[str, Any]]) -> Columns:
    """Columns of rows that are dicts with the same keys; {} where there are none."""
    columns: dict[str, list] = {}
    for row in rows:
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in columns.items()}


def by_row(columns: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Rows of columns of one length as dicts of plain Python values."""
    return records(columns, zip(*map(np.ndarray.tolist, columns.values()), strict=True))


def plain(value: Any) -> Any:
    """The value with plain Python numbers, as JSON takes them."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and np.isfinite(value).all():
        return value.tolist()
    if isinstance(value, (list, tuple, np.ndarray)):
        return list(map(plain, value))
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return _plain_float(value)
    return value


def _plain_float(value: Any) -> float | str | None:
    """A float for JSON, which has neither NaN (None) nor infinities ("inf", "-inf")."""
    if np.isnan(value):
        return None
    if np.isinf(value):
        return "inf" if value > 0 else "-inf"
    return float(value)


def read_columns(
    path: str | Path, names: Sequence[str] | None = None
) -> tuple[Columns, dict[str, Any]]:
    """({name: (rows,) array}, provenance) of a Parquet file, of these columns or all.

    Raises ResultError.
    """
    import pyarrow as pa

    path = Path(path)
    try:
        if not path.is_file():
            raise ResultError(f"'{path}' is not there. Repeat the run.")
        with open(path, "rb") as handle:
            table = read_table(handle, names)
        origin = json.loads((table.schema.metadata or {}).get(b"pkpd.provenance", b"{}"))
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else "not Parquet"
        raise ResultError(f"'{path}' is damaged ({reason}). Repeat the run.") from error
    columns = {name: table[name].to_numpy() for name in table.column_names}
    return columns, origin if isinstance(origin, dict) else {}
