"""Predictions kept in a folder, so that a comparison that was stopped goes on where it was.

A file belongs to one explanation and one study, and says what it was computed from; a file of
anything else is computed again. Knows files; computes nothing.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from pkpd.errors import ResultError
from pkpd.evidence.draws import Draws
from pkpd.evidence.predictions import Prediction
from pkpd.evidence.studies import Study
from pkpd.result.tables import read_columns, write_table
from pkpd.trials.observation import diary

FOLDER = "predictions"
# entries of a design that came later and say nothing, without which it is what it was
UNSAID = (
    *(", taken=None", ", repeat=1", ", beside=None", ", background_until=None"),
    *(", adverse=()", ", rescue=None"),
)


def digest(study: Study) -> str:
    """What a prediction of the study depends on: its design and diary, not what was published."""
    asked = [
        replace(s, value=None, se=None, allowance=0.0, unit="", reason="") for s in study.statistics
    ]
    trial, of_diary = study.trial, ""
    if trial is not None:
        of_diary = diary(trial.diary, trial.diary_set).digest
        trial = replace(trial, diary=None, diary_set={})
    text = repr((asked, study.doses, trial, of_diary))
    for entry in UNSAID:
        text = text.replace(entry, "")
    return hashlib.sha256(text.encode()).hexdigest()


def key(study: Study, draws: Draws, each: int, width: float) -> dict[str, object]:
    """What a prediction was computed from, as plain data."""
    from pkpd.kernels.cache import fingerprint
    from pkpd.solvers.batch import LANES

    return {
        "model": draws.model.name,
        "numbers": draws.model.numbers,
        "study": study.name,
        "design": digest(study),
        "draws": [draws.first + 1, draws.first + len(draws)],
        "people": each,
        "seed": draws.seed,
        "width": width,
        "values": hashlib.sha256(draws.values.tobytes()).hexdigest()[:16],
        "fingerprint": fingerprint(LANES),
    }


def path(folder: str | Path, draws: Draws, study: str) -> Path:
    """The file of a study under draws of an explanation."""
    name = f"{draws.model.name.replace('/', '-')}--{study}--{draws.first + 1}.parquet"
    return Path(folder) / FOLDER / name


def prediction(
    study: Study,
    draws: Draws,
    each: int,
    width: float,
    folder: str | Path | None,
    make: Callable[[], Prediction],
    kind: str = "",
) -> Prediction:
    """A prediction from a folder, or made now and kept there; folder : None for none."""
    if folder is None:
        return make()
    file, origin = path(folder, draws, kind + study.name), key(study, draws, each, width)
    found = kept(file, len(study.statistics), origin)
    if found is None:
        found = make()
        keep(file, found, origin)
    return found


def keep(file: Path, prediction: Prediction, origin: dict[str, object]) -> None:
    """Write a prediction. Raises ResultError."""
    size = prediction.mean.shape[1]
    columns = {f"mean {j}": prediction.mean[:, j] for j in range(size)}
    for i in range(size):
        for j in range(i + 1):
            columns[f"sampling {i} {j}"] = prediction.sampling[:, i, j]
            columns[f"simulation {i} {j}"] = prediction.simulation[:, i, j]
    write_table(columns, file, {}, origin)


def kept(file: Path, size: int, origin: dict[str, object]) -> Prediction | None:
    """A prediction of `size` statistics, None where there is none of this origin."""
    if not file.exists():
        return None
    try:
        columns, own = read_columns(file)
    except ResultError:
        return None
    if own != origin or f"mean {size - 1}" not in columns:
        return None
    mean = np.column_stack([columns[f"mean {j}"] for j in range(size)])
    sampling, simulation = np.empty((2, len(mean), size, size))
    for i in range(size):
        for j in range(i + 1):
            sampling[:, i, j] = sampling[:, j, i] = columns[f"sampling {i} {j}"]
            simulation[:, i, j] = simulation[:, j, i] = columns[f"simulation {i} {j}"]
    return Prediction(mean, sampling, simulation)
