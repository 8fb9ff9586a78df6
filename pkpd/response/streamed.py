"""MEDs of a cohort that need not fit in memory, read column by column from a streamed folder.

Everything is exact: one column of a million patients takes 8 MB. Knows folders of chunks, models
and columns; computes no MED.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pkpd import limits
from pkpd.errors import ResultError, closest
from pkpd.response.curves import BenefitCurves
from pkpd.response.med import STATUSES
from pkpd.result import Computed, ResultFolder, Sheet
from pkpd.result.folder import benefit_from
from pkpd.scale import folder as chunks
from pkpd.symbolic.load import from_sources
from pkpd.symbolic.model import Benefit, Model

if TYPE_CHECKING:
    import pandas as pd

CURVE = "curve_"  # and the place of the dose on the grid: columns of the benefit curve
TEXTS = ("status", "reason")  # columns
NUMBERS_AT_ONCE = 4_000_000  # of the curves, in one reading


@dataclass(frozen=True, repr=False)
class MedDataset(Computed):
    """MEDs of P patients in a folder; columns as in MedTable (see docs/data-contracts.md)."""

    NAME: ClassVar[str] = "med"

    folder: chunks.Folder
    model: Model
    benefit: Benefit

    def __len__(self) -> int:
        return self.folder.rows

    @property
    def people(self) -> "MedDataset":
        """The patients, for pkpd.population.groups: inputs are columns, and there are no others."""
        return self

    others: ClassVar[dict] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, those of the curves left out."""
        return tuple(n for n in self.folder.schema().names if not n.startswith(CURVE))

    def column(self, name: str) -> np.ndarray:
        """(P,) values of a column. Raises ResultError for an unknown name."""
        if name not in self.names:
            raise ResultError(
                f"No column '{name}' in '{self.folder.path}'.{closest(name, self.names)}"
            )
        return _columns(self.folder, [name])[0]

    def having(self, status: str) -> np.ndarray:
        """(P,) whether a patient has this status."""
        return self._status == STATUSES.index(status)

    @cached_property
    def _status(self) -> np.ndarray:
        """(P,) place of each patient's status in STATUSES: a byte and not a text."""
        texts = (table.column(0).to_numpy() for table in self.folder.tables(["status"]))
        return np.concatenate(
            [np.array(list(map(STATUSES.index, part)), np.int8) for part in texts]
        )

    def frame(self, names: Sequence[str] | None = None) -> "pd.DataFrame":
        """These columns as a DataFrame, patients in order.

        names : default all of them, which has to fit in memory
        """
        import pandas as pd

        return pd.concat(
            (table.to_pandas() for table in self.folder.tables(names or self.names)),
            ignore_index=True,
        )

    @cached_property
    def curves(self) -> "StoredCurves":
        """Benefit of every patient at every dose of the grid, read a few doses at a time."""
        doses = np.array(json.loads(self.folder.schema().metadata[b"pkpd.doses"]))
        return StoredCurves(self.folder, self.model, self.benefit, doses)

    def sheets(self) -> dict[str, Sheet]:
        """None: the tables stay where they are, in chunks."""
        return {}

    def kept_model(self) -> None:
        """None: the folder of the chunks has the model's texts."""
        return None

    def summary(self, command: str | None = None, by: Sequence[str] = ()) -> dict[str, Any]:
        """pkpd.summarise of the table; its `command` is that of the run.

        by : inputs whose subgroups have results of their own
        """
        from pkpd.response.summary import summarise

        return summarise(self, by=by)

    def provenance(self, command: str | None = None) -> dict[str, Any]:
        """What it takes to compute the table again; `command` is that of the run."""
        return self.folder.about["provenance"] | {"n": len(self)}


@dataclass(frozen=True)
class StoredCurves(BenefitCurves):
    """Benefit curves in a folder. doses : (D,) in the unit of `benefit`, increasing."""

    folder: chunks.Folder
    model: Model
    benefit: Benefit
    doses: np.ndarray

    @property
    def unit(self) -> str:
        return self.benefit.unit

    def each(self) -> Iterator[np.ndarray]:
        names = [f"{CURVE}{k}" for k in range(len(self.doses))]
        step = max(1, NUMBERS_AT_ONCE // max(1, self.folder.rows))
        for first in range(0, len(names), step):
            yield from _columns(self.folder, names[first : first + step])


def _columns(folder, names):
    """[(P,), ...] values of some columns, filled file by file."""
    found: list[np.ndarray] = []
    done = 0
    for table in folder.tables(names):
        parts = [column.to_numpy() for column in table.columns]
        found = found or [np.empty(folder.rows, part.dtype) for part in parts]
        for column, part in zip(found, parts, strict=True):
            column[done : done + len(part)] = part
        done += table.num_rows
    return found


def open_results(folder: str | Path) -> MedDataset:
    """The MedDataset of a folder written by `pkpd med --stream` or `pkpd.stream`, complete or not.

    Every file is compared with its checksum. Raises ResultError where one is not as it was written,
    or nothing is finished.
    """
    return dataset(chunks.read(limits.path(folder, "folder", ResultError)))


def dataset(folder):
    """The MedDataset of a Folder whose files are known to be sound.

    Raises ResultError where nothing is finished, or where something in it is not what a run writes.
    """
    if not folder.chunks:
        raise ResultError(f"'{folder.path}' holds no finished chunk yet; continue with --resume.")
    with ResultFolder(folder.path).understood():
        about = folder.about
        model = from_sources(about["model"], about["sources"], folder.study["digest"])
        found = MedDataset(folder, model, benefit_from(about["benefit"], model))
        _check_agreement(folder)
        _check_columns(found)
    return found


def _check_agreement(folder):
    """Raises ValueError where a folder says two things about one."""
    benefit = {f"benefit {name}": value for name, value in folder.about["benefit"].items()}
    told = folder.about["provenance"] | benefit
    for key in told.keys() & folder.study.keys():
        if told[key] != folder.study[key]:
            raise ValueError(f"{key} is {told[key]} and {folder.study[key]}")


def _check_columns(found):
    """Raises ValueError where the columns are not those of MEDs, or hold what no run writes."""
    import pyarrow as pa

    for field in found.folder.schema():
        text = field.name in TEXTS and pa.types.is_string(field.type)
        if not (text or pa.types.is_boolean(field.type) or _is_number(field.type)):
            raise ValueError(f"column {field.name} holds {field.type}")
    _check_doses(found)
    ranges = [np.arange(chunk.first, chunk.last) + 1 for chunk in found.folder.chunks]
    if (found.column("ID") != np.concatenate(ranges)).any():
        raise ValueError("IDs of other patients")
    _check_meds(found)


def _check_doses(found):
    """Raises ValueError where the doses are not those of the curves."""
    doses = found.curves.doses
    drawn = sum(name.startswith(CURVE) for name in found.folder.schema().names)
    if doses.shape != (drawn,) or not (np.diff(doses) > 0).all() or not np.isfinite(doses).all():
        raise ValueError(f"{drawn} curves, which have other doses")


def _check_meds(found):
    """Raises ValueError where MEDs are not within the range for just the patients who have one."""
    med, interior = found.column("med"), found.having("interior")
    ends = found.benefit.lowest * (1 - 1e-9), found.benefit.highest * (1 + 1e-9)
    inside = (med >= ends[0]) & (med <= ends[1])
    if (inside != interior).any() or not np.isnan(med[~interior]).all():
        raise ValueError("MEDs that do not go with their status")


def _is_number(kind):
    import pyarrow as pa

    return pa.types.is_integer(kind) or pa.types.is_floating(kind)
