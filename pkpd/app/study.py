"""A finished study: what a folder of results holds, shown from its files alone.

The folder is untrusted: only plain files that lie in it are listed, a link names one of them, what
cannot be read is a sentence, and nothing in it is run. Knows files and tables; the report is that
of `pkpd report`, made anew, or where that cannot be the one in the folder, without its script.
"""

import csv
import json
import re
import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path
from urllib.parse import urlencode

from pkpd.app.state import MOST_PATIENTS, with_benefit
from pkpd.errors import PkpdError, ResultError, quoted
from pkpd.files import read_json
from pkpd.parquet import read_table
from pkpd.report.page.contents import alone, contents
from pkpd.report.page.page import write_page
from pkpd.response.benefit import benefit_of
from pkpd.result.tables import plain
from pkpd.symbolic.load import load

FIGURES = {".png": "image/png", ".svg": "image/svg+xml"}
TABLES = (".parquet", ".csv")
REPORT = "report.html"
SHOWN_ROWS = 200
LONGEST_CELL = 200  # letters
MOST_BYTES = 500_000_000  # of a table
MOST_FILES = 200
PLAIN_NAME = re.compile(r"\w[\w.\-]*", re.ASCII)


class Study:
    """The results in a folder. Raises ResultError where it is none."""

    def __init__(self, folder):
        self.path = Path(folder)
        if not self.path.is_dir():
            raise ResultError(f"'{folder}' is not a folder of results.")

    def about(self):
        """What the page shows: figures, tables, commands, and the report or why there is none.

        report : "made", "stored" in the folder, or ""
        """
        listed, left_out = self._files()
        without, live = "", None
        try:
            if alone(self.path) is None:
                live = live_query(contents(self.path))
        except PkpdError as error:
            without = str(error)
        stored = "stored" if REPORT in [file.name for file in listed] else ""
        return {
            "title": self.path.resolve().name,
            "report": stored if without else "made",
            "without": without,
            "live": live,
            "figures": [file.name for file in listed if file.suffix in FIGURES],
            "tables": [file.name for file in listed if file.suffix in TABLES],
            "commands": list(dict.fromkeys(filter(None, map(_command, listed)))),
            "left_out": left_out,
        }

    def report(self):
        """The page on the folder as text, made anew. Raises ResultError where it has none."""
        with tempfile.TemporaryDirectory() as place:
            return write_page(self.path, Path(place, "page.html")).read_text(encoding="utf-8")

    def stored_report(self):
        """The report in the folder, of which no script may be run. Raises ResultError."""
        return self._file(REPORT, (".html",)).read_bytes()

    def figure(self, name):
        """(bytes, media type) of a figure. Raises ResultError."""
        path = self._file(name, FIGURES)
        return path.read_bytes(), FIGURES[path.suffix]

    def table(self, name):
        """The first rows of a table as texts. Raises ResultError."""
        path = self._file(name, TABLES)
        return _first_of_csv(path) if path.suffix == ".csv" else _first_of_parquet(path)

    def csv(self, name):
        """A whole table as the text of a CSV file. Raises ResultError."""
        path = self._file(name, TABLES)
        if path.suffix == ".csv":
            return path.read_bytes()
        return _parquet(path).to_pandas().to_csv(index=False)

    def _files(self):
        """(plain files of the folder, sentences on what is left out)."""
        listed, left_out = [], []
        for file in sorted(self.path.iterdir())[:MOST_FILES]:
            if file.suffix not in (*FIGURES, *TABLES, ".json") and file.name != REPORT:
                continue
            if file.is_symlink() or not file.is_file() or not PLAIN_NAME.fullmatch(file.name):
                left_out.append(f"{quoted(file.name)} is no plain file of results and is left out.")
            elif file.stat().st_size > MOST_BYTES:
                left_out.append(f"{quoted(file.name)} is too large to be shown.")
            else:
                listed.append(file)
        return listed, left_out

    def _file(self, name, endings):
        """The path of a listed file. Raises ResultError."""
        for file in self._files()[0]:
            if file.name == name and file.suffix in endings:
                return file
        raise ResultError(f"The folder shows no {quoted(name)}.")


def live_query(found):
    """The query of the page on the same patients, None where the page cannot show them.

    found : Contents of a folder
    """
    origin = found.origin
    if found.kind not in ("med", "dose-response") or origin["model"] not in with_benefit():
        return None
    model = load(origin["model"])
    usual, benefit = benefit_of(model), found.benefit
    same = replace(benefit, place="", every=usual.every, delta=usual.delta)
    if model.numbers != origin["numbers"] or same != replace(usual, place=""):
        return None
    if not _drawn_as_the_page_does(origin):
        return None
    query = {"model": model.name, "n": min(origin["n"], MOST_PATIENTS), "seed": origin["seed"]}
    if benefit.every != usual.every:
        query["every"] = repr(benefit.every)
    if benefit.delta != usual.delta:
        query["delta"] = repr(benefit.delta * (100 if benefit.delta_relative else 1))
    query |= _named("set", origin["set"]) | _named("spread", origin.get("spread", {}))
    return urlencode(query)


def _named(head, values):
    """Part of a query: the values of inputs under names such as set.toff."""
    return {f"{head}.{name}": repr(value) for name, value in values.items()}


def _drawn_as_the_page_does(origin):
    """Whether people are those of a seed alone. origin : provenance"""
    others = origin["typical"], origin["covariates"], origin["replicate"]
    return origin["sampling"] == "sobol" and not any(others)


def _command(file):
    """The command that a JSON file says it was written by, or None."""
    if file.suffix != ".json":
        return None
    try:
        origin = read_json(file).get("provenance")
    except (PkpdError, AttributeError):
        return None
    command = origin.get("command") if isinstance(origin, dict) else None
    return command[:LONGEST_CELL] if isinstance(command, str) else None


def _parquet(path):
    """The pyarrow Table of a file. Raises ResultError."""
    import pyarrow as pa

    try:
        return read_table(path, most=MOST_BYTES)
    except (ValueError, OSError, pa.ArrowException) as error:
        raise ResultError(f"'{path.name}' cannot be read: {error}.") from error


def _first_of_parquet(path):
    table = _parquet(path)
    units = _units(table.schema.metadata or {})
    columns = table.slice(0, SHOWN_ROWS).to_pydict().values()
    rows = [list(map(_cell, row)) for row in zip(*columns, strict=True)]
    names = [_headed(name, units.get(name)) for name in table.column_names]
    return {"columns": names, "rows": rows, "count": table.num_rows}


def _units(metadata):
    """column -> unit, as far as the file says so."""
    try:
        units = json.loads(metadata.get(b"pkpd.units", b"{}"))
    except ValueError:
        return {}
    return units if isinstance(units, dict) else {}


def _headed(name, unit):
    return name if not isinstance(unit, str) or unit == "1" else f"{name} ({unit})"


def _first_of_csv(path):
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            lines = list(islice(csv.reader(file), SHOWN_ROWS + 1))
    except (csv.Error, OSError) as error:
        raise ResultError(f"'{path.name}' cannot be read: {error}.") from error
    rows = [list(map(_cell, line)) for line in lines]
    return {"columns": rows[0] if rows else [], "rows": rows[1:], "count": None}


def _cell(value):
    """A value of a table as a short text."""
    value = plain(value)
    if value is None:
        return ""
    text = f"{value:.5g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}..."
