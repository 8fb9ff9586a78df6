"""What a finished run left in its folder, read back: JSON, columns, benefit curves, the model.

A folder is untrusted data: whatever cannot be understood raises one sentence. Knows files, models
and columns; computes nothing.
"""

import json
import math
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pkpd.dosing.actions import target
from pkpd.errors import ModelError, PkpdError, ResultError
from pkpd.files import read_json
from pkpd.response.dose_response import BenefitCurves
from pkpd.result import write_json
from pkpd.symbolic.load import LARGEST_FILE, from_sources, load, sources
from pkpd.symbolic.model import Benefit, Model

MODEL = "model.json"
MOST_CELLS = 500_000_000  # of a table
RUN = (
    "model",
    "digest",
    "seed",
    "n",
    "sampling",
    "typical",
    "set",
    "covariates",
    "replicate",
)  # what decides who was computed


def write_model(model, folder):
    """Write the texts of a model beside its results, so that the folder explains itself; the file.

    Raises ModelError, ResultError.
    """
    path = Path(folder) / MODEL
    write_json({"model": model.name, "digest": model.digest, "sources": sources(model)}, path)
    return path


def read_model(folder, origin):
    """The Model that results with this provenance were computed with.

    The folder's own copy, or that of the library. Raises ResultError where neither is the one.
    """
    name, digest = str(origin.get("model")), str(origin.get("digest"))
    path = Path(folder) / MODEL
    if path.exists():
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
            raise ResultError(f"'{path}' is no stored model. Repeat the run.") from error
    try:
        found = load(name)
    except ModelError:
        found = None
    if found is None or found.digest != digest:
        raise ResultError(
            f"'{folder}' was computed with another {name[:80]} than the one here. "
            "Repeat the run with this version of pkpd and the model."
        )
    return found


@contextmanager
def understood(folder):
    """What trips over the data of a folder, which anybody may have written, is one ResultError."""
    try:
        yield
    except (PkpdError, OSError):
        raise
    except Exception as error:
        raise ResultError(
            f"'{folder}' holds results that this version does not understand "
            f"({type(error).__name__}: {error}). Repeat the run."
        ) from error


def read_columns(path, names=None):
    """({name: (rows,) array}, provenance) of a Parquet file, of these columns or all.

    Raises ResultError.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if not path.is_file():
            raise ResultError(f"'{path}' is not there. Repeat the run.")
        with open(path, "rb") as handle, pq.ParquetFile(handle) as file:
            known = file.schema_arrow.names
            missing = [n for n in names or () if n not in known]
            if missing:
                raise ResultError(f"'{path}' has no column '{missing[0]}'. Repeat the run.")
            if file.metadata.num_rows * len(names or known) > MOST_CELLS:
                raise ResultError(
                    f"'{path}' has {file.metadata.num_rows} rows, too many to be read at once."
                )
            table = file.read(columns=names)
            origin = json.loads((file.schema_arrow.metadata or {}).get(b"pkpd.provenance", b"{}"))
        return {name: table[name].to_numpy() for name in table.column_names}, origin if isinstance(
            origin, dict
        ) else {}
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else "not Parquet"
        raise ResultError(f"'{path}' is damaged ({reason}). Repeat the run.") from error


def same_run(one, other):
    """Whether two provenance blocks are about the same patients of the same model."""
    return all(one.get(key) == other.get(key) for key in RUN)


def benefit_from(data, model):
    """The Benefit that a summary states, if the model has its names and units.

    Raises PkpdError, KeyError, TypeError or ValueError where it states none.
    """
    found = Benefit(**(data | {"report": tuple(data["report"])}))
    numbers = (found.every, found.lowest, found.highest, found.delta, *found.report)
    if not all(type(x) in (int, float) and abs(x) < math.inf for x in numbers):
        raise ValueError("a benefit with something else than numbers")
    if not (found.every > 0 and 0 < found.lowest < found.highest and min(numbers) >= 0):
        raise ValueError("a benefit of doses that cannot be")
    if found.better not in ("lower", "higher") or type(found.delta_relative) is not bool:
        raise ValueError("a benefit without a direction")
    for name in (found.outcome, found.exposure, found.blockade):
        if name is not None:
            model.unit(name)
    target(model, found.into, found.unit)
    return found


@dataclass(frozen=True)
class SavedCurves(BenefitCurves):
    """Benefit (P, D) of patients at doses (D,), from `curves.parquet`."""

    model: Model
    benefit: Benefit
    doses: np.ndarray
    gain: np.ndarray

    @property
    def unit(self):
        return self.benefit.unit

    def each(self):
        return iter(self.gain.T)


def read_curves(path, model, benefit):
    """(SavedCurves, provenance) of a table of pkpd med or pkpd dose-response.

    Raises ResultError.
    """
    columns, origin = read_columns(path, ["DOSE", "benefit"])
    doses = np.unique(columns["DOSE"])
    if (
        not len(doses)
        or len(columns["DOSE"]) % len(doses)
        or (columns["DOSE"].reshape(-1, len(doses)) != doses).any()
    ):
        raise ResultError(f"'{path}' does not hold every patient at every dose. Repeat the run.")
    return SavedCurves(model, benefit, doses, columns["benefit"].reshape(-1, len(doses))), origin
