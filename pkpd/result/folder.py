"""A folder of results: the one place that knows which files a run leaves and reads them back.

When read, a folder is untrusted data: whatever cannot be understood raises one sentence. Knows
files, models and columns; computes and draws nothing.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np

from pkpd.dosing.actions import target
from pkpd.dosing.background import of_benefit
from pkpd.errors import ModelError, PkpdError, PkpdWarning, ResultError
from pkpd.files import read_json
from pkpd.result.provenance import same_run
from pkpd.result.tables import Columns, read_columns, write_figure, write_json, write_table
from pkpd.symbolic.load import LARGEST_FILE, from_sources, load, sources
from pkpd.symbolic.model import Benefit, Model

MODEL = "model"
OPEN = (
    "value",
    "low",
    "high",
    "share",
    "sd_patients",
    "sd_noise",
    "sd",
    "rank",
    "second_peak",
    *("ratio", "p5", "p95", "median_med"),
)  # numbers of summaries that are NaN where JSON has null


class ResultFolder:
    """A folder of results, which need not exist yet."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def table(self, name: str) -> Path:
        """Path of a table."""
        return self.path / f"{name}.parquet"

    def file(self, name: str) -> Path:
        """Path of a JSON file."""
        return self.path / f"{name}.json"

    def write(
        self, result: Any, summary: Mapping[str, Any], figure: str | None = None, **shown: Any
    ) -> list[Path]:
        """Write the tables, summary, figures and model of a result (pkpd.result.computed).

        summary : plain data; figure : format of the figures, or None for none of them
        shown : options of the figures
        Returns the files written. Raises ResultError.
        """
        files = [
            self.write_table(name, sheet.columns, sheet.units, summary["provenance"])
            for name, sheet in result.sheets().items()
        ]
        files.append(self.write_json(result.SUMMARY, summary))
        for ending, drawing in result.figures(**shown).items() if figure else ():
            files.append(self.path / f"{result.NAME}{ending}.{figure}")
            write_figure(drawing, files[-1])
        model = result.kept_model()
        return files if model is None else [*files, *self.write_model(model)]

    def write_table(
        self, name: str, columns: Any, units: Mapping[str, str], origin: Mapping[str, Any]
    ) -> Path:
        """Write a table with units and provenance; its path. Raises ResultError."""
        units = {column: unit for column, unit in units.items() if column in columns}
        write_table(columns, self.table(name), units, origin)
        return self.table(name)

    def write_json(self, name: str, data: object) -> Path:
        """Write plain data; its path. Raises ResultError."""
        write_json(data, self.file(name))
        return self.file(name)

    def write_model(self, model: Model) -> list[Path]:
        """Write the texts of a model beside its results, so that the folder explains itself.

        Returns [the path]; [] with a PkpdWarning where the model's file has changed since the run
        began. Raises ResultError.
        """
        try:
            texts = sources(model)
        except ModelError as error:
            self.file(MODEL).unlink(missing_ok=True)  # of an earlier run
            sentence = "The results are those of the model as it was; its text is not kept."
            warn(f"{error} {sentence}", PkpdWarning, stacklevel=2)
            return []
        data = {"model": model.name, "digest": model.digest, "sources": texts}
        return [self.write_json(MODEL, data)]

    def has_table(self, name: str) -> bool:
        """Whether it has the table."""
        return self.table(name).exists()

    def has(self, name: str) -> bool:
        """Whether it has the JSON file."""
        return self.file(name).exists()

    def json(self, name: str) -> Any:
        """Plain data of a JSON file, infinities and NaN as numbers. Raises ResultError."""
        return revived(read_json(self.file(name)))

    def columns(
        self, name: str, names: Sequence[str] | None = None
    ) -> tuple[Columns, dict[str, Any]]:
        """({column: (rows,) array}, provenance) of a table, of these columns or all.

        Raises ResultError.
        """
        return read_columns(self.table(name), names)

    def of_run(
        self, name: str, origin: Mapping[str, Any], names: Sequence[str] | None = None
    ) -> tuple[Columns | None, tuple[str, ...]]:
        """Columns of a table, None where it is absent or of another run than `origin`.

        Returns (columns or None, sentences on a table that is left out). Raises ResultError.
        """
        if not self.has_table(name):
            return None, ()
        columns, own = self.columns(name, names)
        if same_run(own, origin):
            return columns, ()
        return None, (stray(name),)

    def model(self, origin: Mapping[str, Any]) -> Model:
        """The Model that results with this provenance were computed with.

        The folder's own copy, or that of the library. Raises ResultError where neither is the one.
        """
        name, digest = str(origin.get("model")), str(origin.get("digest"))
        if self.has(MODEL):
            return self._stored_model(name, digest)
        try:
            found = load(name)
        except ModelError:
            found = None
        if found is None or found.digest != digest:
            raise ResultError(
                f"'{self.path}' was computed with another {name[:80]} than the one here. "
                "Repeat the run with this version of pkpd and the model."
            )
        return found

    def _stored_model(self, name: str, digest: str) -> Model:
        path = self.file(MODEL)
        stored = read_json(path)
        if stored.get("digest") != digest:
            raise ResultError(
                f"'{path}' is not the model of the results beside it: something has changed them. "
                "Repeat the run in an empty folder."
            )
        try:
            texts = [(str(place), str(text)) for place, text in stored["sources"]]
            if sum(len(text) for _, text in texts) > LARGEST_FILE:
                raise ResultError(
                    f"'{path}': its model is too large (at most {LARGEST_FILE} characters)."
                )
            return from_sources(name, texts, digest)
        except (KeyError, TypeError, ValueError) as error:
            raise ResultError(f"'{path}' is not a stored model. Repeat the run.") from error

    def dose_grid(self, name: str) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        """(doses (D,), benefit (P, D), provenance) of a table of benefit curves.

        Raises ResultError.
        """
        columns, origin = self.columns(name, ["DOSE", "benefit"])
        dose, doses = columns["DOSE"], np.unique(columns["DOSE"])
        whole = len(doses) and len(dose) % len(doses) == 0
        if not whole or (dose.reshape(-1, len(doses)) != doses).any():
            raise ResultError(
                f"'{self.table(name)}' does not hold every patient at every dose. Repeat the run."
            )
        return doses, columns["benefit"].reshape(-1, len(doses)), origin

    @contextmanager
    def understood(self) -> Iterator[None]:
        """What trips over the folder's data, which anybody may have written, is one ResultError."""
        try:
            yield
        except (PkpdError, OSError):
            raise
        except Exception as error:
            raise ResultError(
                f"'{self.path}' holds results that this version does not understand "
                f"({type(error).__name__}: {error}). Repeat the run."
            ) from error


def stray(name: str) -> str:
    """A sentence on a table that is not of the run of the summary beside it."""
    return f"{name}.parquet is of another run than summary.json and is left out."


def benefit_from(data: dict[str, Any], model: Model) -> Benefit:
    """The Benefit that a summary states, if the model has its names and units.

    Raises PkpdError, KeyError, TypeError or ValueError where it states none.
    """
    found = Benefit.of(data)
    _check_numbers(found)
    if found.better not in ("lower", "higher") or type(found.delta_relative) is not bool:
        raise ValueError("a benefit without a direction")
    for name in (found.outcome, found.exposure, found.blockade):
        if name is not None:
            model.unit(name)
    target(model, found.into, found.unit)
    of_benefit(model, found)
    return found


def _check_numbers(found: Benefit) -> None:
    """Raises ValueError for a Benefit whose numbers are none, or cannot be."""
    numbers = (found.every, found.lowest, found.highest, found.delta, *found.report)
    if not all(type(x) in (int, float) and abs(x) < math.inf for x in numbers):
        raise ValueError("a benefit with something else than numbers")
    if not (found.every > 0 and 0 < found.lowest < found.highest and min(numbers) >= 0):
        raise ValueError("a benefit of doses that cannot be")


def revived(value: Any, blank: bool = False) -> Any:
    """Plain data as it was before JSON: "inf" is a number again.

    null is NaN in lists and where a number can be missing.
    """
    if isinstance(value, dict):
        return {k: revived(v, blank or (k in OPEN and "n" not in value)) for k, v in value.items()}
    if isinstance(value, list):
        return [revived(v, True) for v in value]
    if value in ("inf", "-inf"):
        return float(value)
    return math.nan if value is None and blank else value
