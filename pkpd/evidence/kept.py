"""Comparisons, rankings of planned studies and identifiability, read back from their folders.

A folder is untrusted: tables of another run than the summary are refused. Knows files and their
tables; computes nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.errors import ResultError
from pkpd.evidence.design import RankedStudies
from pkpd.evidence.identify import Identifiability
from pkpd.evidence.ledger import FEWEST
from pkpd.evidence.weighed import WeighedExplanations
from pkpd.population.cohort import cohort
from pkpd.result import Computed, ResultFolder, Sheet
from pkpd.result.tables import Columns

MOST_PANELS = 2000  # a statistic under an explanation is a panel
MOST_PARAMETERS = 200


@dataclass(frozen=True, repr=False)
class Kept(Computed):
    """A result as its folder holds it. told : its summary; tables : columns of each table"""

    told: dict[str, Any]
    tables: dict[str, Columns]

    @property
    def unit(self) -> str:
        """Unit of the outcome."""
        return str(self.told["unit"])

    def sheets(self) -> dict[str, Sheet]:
        return {name: Sheet(columns) for name, columns in self.tables.items()}

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """The summary in the folder; its provenance names the command that wrote it."""
        return self.told


class KeptComparison(Kept):
    """A comparison without its draws: what its page and figures show."""

    NAME = WeighedExplanations.NAME

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the explanations."""
        return tuple(map(str, self.weights()["explanation"]))

    def enough(self) -> np.ndarray:
        """(M,) whether an explanation has effective draws enough for what is said of it."""
        return self.weights()["effective_draws"] >= FEWEST

    def weights(self) -> Columns:
        return self.tables["weights"]

    def left_out(self) -> Columns:
        return self.tables["left_out"]

    def fits(self) -> Columns:
        return self.tables["fits"]

    def predicted(self) -> Columns:
        return self.tables["predictions"]

    def typical_values(self) -> Columns:
        return self.tables["typical_values"]

    def benefit_by_dose(self) -> Columns:
        return self.tables["benefit"]


class KeptRanking(Kept):
    """Planned studies and what they are worth."""

    NAME = RankedStudies.NAME


def kept(folder: ResultFolder) -> tuple[Computed, dict[str, Any]] | None:
    """(What a folder holds of these, provenance of its run), None where it holds something else.

    Beside a comparison, studies that were planned by it are left to the page that design writes.
    Raises ResultError, KeyError, TypeError or ValueError where it is damaged.
    """
    for name, entry, read in (
        ("summary", "left", _comparison),
        ("summary", "combinations", _identifiability),
        (RankedStudies.SUMMARY, "patients_of_each", _ranking),
    ):
        told = folder.json(name) if folder.has(name) else {}
        if entry in told:
            return read(folder, told), told["provenance"]
    return None


def _comparison(folder, told):
    names = ("weights", "left_out", "fits", "predictions", "typical_values", "benefit", "meds")
    found = KeptComparison(told, {name: _table(folder, name, told) for name in names})
    panels = len(found.predicted()["statistic"])
    if panels > MOST_PANELS:
        raise ValueError(f"{panels} predicted statistics, too many for a page")
    return found


def _ranking(folder, told):
    return KeptRanking(told, {"studies": _table(folder, "studies", told)})


def _identifiability(folder, told):
    origin = told["provenance"]
    model = folder.model(origin)
    combinations = _table(folder, "combinations", told)
    parameters = _table(folder, "parameters", told)
    names = tuple(map(str, parameters["parameter"]))
    if len(names) > MOST_PARAMETERS:
        raise ValueError(f"{len(names)} parameters, too many for a page")
    return Identifiability(
        model,
        cohort(model, typical=True, set=origin["set"]),
        names,
        np.column_stack([combinations[name] for name in names]),
        combinations["sd"],
        parameters["alone"],
        parameters["together"],
        told["scheme"],
    )


def _table(folder, name, told):
    """Columns of a table of the run of a summary. Raises ResultError for one of another run."""
    columns, origin = folder.columns(name)
    if origin != told["provenance"]:
        raise ResultError(
            f"'{folder.table(name)}' and the summary beside it are of different runs. "
            "Repeat the run in an empty folder."
        )
    return columns
