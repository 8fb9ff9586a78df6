"""A finished study again: other parameter sets (how uncertain) or scramblings (how exact).

Gives the quantiles of its MEDs or time courses their 95 % intervals. Knows studies and cohorts;
the arithmetic of intervals is that of `pkpd.response.uncertainty`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from pkpd import limits
from pkpd.display import Displayed
from pkpd.errors import PkpdError, all_or_nothing, quoted
from pkpd.population.uncertainty import ParameterSets
from pkpd.progress import watched
from pkpd.response import uncertainty
from pkpd.response.covariate_effects import CovariateEffects, effects_of
from pkpd.response.med import MedTable, parts, table_of
from pkpd.response.uncertainty import Repeated
from pkpd.result import Result, ResultFolder
from pkpd.result.tables import records
from pkpd.simulation import simulate

if TYPE_CHECKING:
    import pandas as pd

KEYS = {"parameter sets": "uncertainty", "scramblings": "replicates"}  # in a summary


@dataclass(frozen=True, repr=False)
class RepeatedStudy(Displayed):
    """A study, and its statistics over R runs.

    found : Repeated of its statistics; differ : name -> (R,) in what the runs differ
    """

    study: Any
    found: Repeated
    differ: Mapping[str, Any]

    @property
    def key(self) -> str:
        """What the runs are called in summaries and files: "uncertainty" or "replicates"."""
        return KEYS[self.found.kind]

    def columns(self) -> dict[str, Any]:
        """Tidy columns."""
        raise NotImplementedError

    def units(self) -> dict[str, str]:
        """Column -> unit."""
        raise NotImplementedError

    def frame(self) -> "pd.DataFrame":
        """The columns as a DataFrame; frame.attrs["units"] : column -> unit."""
        import pandas as pd

        frame = pd.DataFrame(self.columns())
        frame.attrs["units"] = self.units()
        return frame

    def write(self, folder: str | Path, origin: Mapping[str, Any] | None = None) -> Path:
        """Write the columns to a folder, as uncertainty.parquet or replicates.parquet.

        origin : provenance (default: the study's). Returns the file. Raises ResultError.
        """
        origin = self.study.provenance() if origin is None else origin
        return ResultFolder(folder).write_table(self.key, self.columns(), self.units(), origin)


@dataclass(frozen=True, repr=False)
class RepeatedMeds(RepeatedStudy):
    """MEDs and their runs; one row of `columns` per run."""

    def columns(self) -> dict[str, Any]:
        return dict(self.differ) | dict(zip(self.found.names, self.found.runs.T, strict=True))

    def units(self) -> dict[str, str]:
        doses = {n: self.study.unit for n in self.found.names if n.startswith("quantile")}
        return doses | {i.name: i.unit for i in self.study.model.inputs if i.name in self.differ}

    def summary(self) -> dict[str, Any]:
        """Plain data of the intervals, by `key`."""
        return {self.key: uncertainty.med_summary(self.found)}

    @staticmethod
    def statistics(table):
        """Names and values (J,) of what is repeated of the MedTable `table`."""
        return uncertainty.med_statistics(table)

    @staticmethod
    def logarithmic(names, own):
        """(J,) whether logarithms of a statistic are averaged: of doses, not of shares.

        names, own : (J,) of the statistics, and their values in the study itself
        """
        return [name != "with_med" for name in names]

    @staticmethod
    def run(table, people, numerics):
        """The MedTable of other `people`, all else as in `table`.

        numerics : rtol, solver and threads
        """
        solved = list(parts(table.model, people, table.benefit, **numerics))
        return table_of(table.model, people, table.benefit, solved)


@dataclass(frozen=True, repr=False)
class RepeatedEffects(RepeatedMeds):
    """Covariate effects and their runs; one row of `columns` per run."""

    @staticmethod
    def statistics(effects):
        """Names and values (J,) of what is repeated of the CovariateEffects `effects`."""
        return uncertainty.effect_statistics(effects)

    @staticmethod
    def logarithmic(names, own):
        """(J,) whether logarithms of a statistic are averaged: of ratios, which all are.

        names, own : (J,) of the statistics, and their values in the study itself
        """
        return [True] * len(names)

    @staticmethod
    def run(effects, people, numerics):
        """The CovariateEffects of other `people`, all else as in `effects`.

        numerics : rtol, solver and threads
        """
        return effects_of(people, effects.benefit, effects.asked, numerics)


@dataclass(frozen=True, repr=False)
class RepeatedCourse(RepeatedStudy):
    """Time courses and their runs; `columns` : TIME, output, level, value, low, high."""

    TITLES: ClassVar[tuple] = ("p5", "median", "p95")

    def columns(self) -> dict[str, Any]:
        return uncertainty.course_columns(self.study, self.found)

    def units(self) -> dict[str, str]:
        return {"TIME": self.study.time_unit}

    def summary(self) -> dict[str, Any]:
        """Plain data of the intervals of every output at every time, by `key`."""
        columns = self.columns()
        rows = records(columns, zip(*columns.values(), strict=True))
        return {self.key: {"runs": len(self.found.runs), "quantiles": rows}}

    @staticmethod
    def statistics(result):
        """Names and values (J,) of what is repeated of the Result `result`."""
        return uncertainty.course_statistics(result)

    @staticmethod
    def logarithmic(names, own):
        """(J,) whether logarithms of a statistic are averaged: always.

        names, own : (J,) of the statistics, and their values in the study itself
        """
        return [True] * len(own)

    @staticmethod
    def run(result, people, numerics):
        """The Result of other `people`, all else as in `result`.

        numerics : rtol, solver and threads
        """
        given = {"outputs": result.names, "occasion": result.occasion, "residual": "none"}
        given["background"] = result.asked.get("background")
        return simulate(result.model, result.regimen, people, result.times, **given, **numerics)


@watched(lambda given: None)
def repeat(
    result: MedTable | CovariateEffects | Result,
    again: ParameterSets | int,
    *,
    rtol: float = 1e-6,
    solver: str = "auto",
    threads: int | None = None,
    progress: Callable[[int], object] | Literal[False] | None = None,
) -> "RepeatedMeds | RepeatedEffects | RepeatedCourse":
    """A study of MEDs, covariate effects or a time course again, for 95 % intervals.

    Parameters
    ----------
    result : what pkpd.med or pkpd.covariate_effects returned, or pkpd.simulate of a regimen
    again : ParameterSets of pkpd.parameter_sets: the same patients under each set; or a number R of
        scramblings of the seed, that of the result included
    rtol, solver, threads : as in pkpd.med; those of the result make the runs comparable
    progress : called with the number of finished patients of all runs
        (default: a bar; False for none)

    Returns
    -------
    RepeatedMeds, RepeatedEffects or RepeatedCourse. Raises PkpdError for anything else, for fewer
    than 39 parameter sets, and for scramblings of the typical patient, who has no sampling error.
    Ctrl-C leaves nothing: some of the runs give no interval.
    """
    kind = _kind(result)
    limits.check_called(progress=progress)
    cohorts, differ = _runs(result.cohort, again)
    numerics = {"rtol": rtol, "solver": solver, "threads": threads}
    names, own = kind.statistics(result)
    runs = []
    for people in cohorts:
        with all_or_nothing():
            runs.append(kind.statistics(kind.run(result, people, numerics))[1])
        if progress:
            progress(len(runs) * len(result.cohort))
    if isinstance(again, ParameterSets):
        return kind(result, uncertainty.under_sets(names, own, runs), differ)
    logarithmic = kind.logarithmic(names, own)
    return kind(result, uncertainty.over_scramblings(names, own, runs, logarithmic), differ)


def _kind(result):
    if isinstance(result, MedTable):
        return RepeatedMeds
    if isinstance(result, CovariateEffects):
        return RepeatedEffects
    if isinstance(result, Result):
        return RepeatedCourse
    raise PkpdError(
        "What can be repeated is what pkpd.med and pkpd.covariate_effects return, or "
        f"pkpd.simulate of a regimen, not {quoted(result)}."
    )


def _runs(cohort, again):
    """The further cohorts, one after the other, and name -> (R,) in what the runs differ."""
    if isinstance(again, ParameterSets):
        uncertainty.check_sets(len(again))
        values = dict(zip(again.names, again.values.T, strict=True))
        return again.cohorts(cohort), {"set": np.arange(1, len(again) + 1)} | values
    limits.check_whole(again, 2, limits.REPEATS, "number of scramblings")
    if cohort.typical:
        raise PkpdError("The typical patient has no sampling error; there is nothing to repeat.")
    own = cohort.replicate
    others = [number for number in range(again) if number != own][: again - 1]
    return (cohort.scrambled(number) for number in others), {"replicate": [own, *others]}
