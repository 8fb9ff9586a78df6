"""Tables as people have them: a .csv or .parquet file or a DataFrame becomes named columns.

NONMEM's column names may be in any case, rows with something in a C column are comments, "." is
missing. Knows files and columns; knows nothing of doses or concentrations.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

COLUMNS = ("ID", "TIME", "AMT", "RATE", "II", "ADDL", "SS", "EVID", "CMT", "MDV", "DV")
MISSING = ("", ".", "NA", "NaN", "nan")
EMPTY = (*MISSING, "None", "<NA>")
LARGEST = 1_000_000_000  # bytes


@dataclass(frozen=True)
class Cells:
    """Columns of a table, without comments.

    columns : name -> (M,) texts or numbers; row : (M,) counted from 1 below the header
    """

    name: str
    columns: dict
    row: np.ndarray

    def floats(self, column):
        """(M,) numbers of a column, NaN where missing, and [(place, text)] of other cells."""
        cells = self.columns[column]
        if cells.dtype.kind in "iufb":
            return cells.astype(float), []
        values, wrong = np.full(len(cells), np.nan), []
        for k, cell in enumerate(cells):
            if str(cell).strip() in EMPTY:
                continue
            try:
                values[k] = float(cell)
            except (TypeError, ValueError):
                wrong.append((k, str(cell)[:40]))
        return values, wrong


def cells(source, error):
    """Cells of a path or DataFrame.

    error : the exception to raise, with a sentence, for what is no table
    """
    import pandas as pd

    framed = isinstance(source, pd.DataFrame)
    name, frame = ("table", source) if framed else (str(source), file(Path(source), error))
    columns = {}
    for column in frame.columns:
        title = str(column).strip()
        key = title.upper() if title.upper() in (*COLUMNS, "C") else title
        if key in columns:
            raise error(f"{name}: two columns are called {key}.")
        columns[key] = frame[column].to_numpy()
    if "TIME" not in columns:
        raise error(f"{name}: no column TIME. Columns: {', '.join(columns) or 'none'}.")
    row = np.arange(1, len(frame) + 1)
    if "C" in columns:
        used = np.array([str(c).strip() in (*MISSING, "0") for c in columns.pop("C")], dtype=bool)
        columns, row = {k: v[used] for k, v in columns.items()}, row[used]
    if not len(row):
        raise error(f"{name}: the table holds no records.")
    return Cells(name, columns, row)


def file(path, error):
    """DataFrame of a .csv (all text) or .parquet file. Raises `error` where it cannot be read."""
    import pandas as pd

    try:
        if path.stat().st_size > LARGEST:
            raise error(f"{path}: {path.stat().st_size:,} bytes is too large for a table.")
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(
            path,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            encoding="utf-8-sig",
            index_col=False,
        )
    except OSError as fault:
        raise error(f"{path}: cannot be read ({fault.strerror or fault}).") from fault
    except (ValueError, pd.errors.ParserError) as fault:
        raise error(f"{path}: is no readable table ({str(fault).splitlines()[0]}).") from fault


def stated_units(source):
    """Column -> unit, where a DataFrame or Parquet file of pkpd says so; {} for anything else."""
    import json

    if not isinstance(source, (str, Path)):
        return source.attrs.get("units", {})
    if Path(source).suffix != ".parquet":
        return {}
    import pyarrow.parquet as pq

    return json.loads((pq.read_schema(source).metadata or {}).get(b"pkpd.units", b"{}"))
