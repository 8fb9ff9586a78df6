"""Time courses and endpoints of a cohort: what pkpd.simulate returns.

Knows names, units and columns; knows nothing of how they were computed or of what a model means.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pkpd.errors import ResultError
from pkpd.population.cohort import Cohort
from pkpd.reading import EMPTY, FRAME, Table
from pkpd.result.computed import Computed, Sheet
from pkpd.result.provenance import provenance, stopped
from pkpd.result.tables import TABLES, stacked, write_json, write_table
from pkpd.symbolic.load import address
from pkpd.symbolic.model import Model

if TYPE_CHECKING:
    import pandas as pd

EVENTS = "event table "  # how the doses of a table are called


@dataclass(frozen=True, repr=False)
class Run(Computed):
    """What every simulation of a cohort carries.

    regimen : the doses, as written
    names, units : (O,) outputs
    errors : (R,) pkpd.symbolic.model.Residual of the outputs that have observations
    occasion : what begins an occasion: "dose", a length of time or "none"
    status : (P,) key of pkpd.solvers.status.STATUS; fail_time : (P,) model time or NaN
    asked : what else decides the numbers, as given to pkpd.simulate: rtol, solver, carry, window,
        background; and the last of the times given beside an event table
    """

    STACKED: ClassVar[tuple] = ("status", "fail_time", "values", "observed")
    NAME: ClassVar[str] = "simulation"
    SUMMARY: ClassVar[str] = "simulation"
    KEYS: ClassVar[tuple[str, ...]] = ()  # of its table

    model: Model
    cohort: Cohort
    regimen: str
    names: tuple
    units: tuple
    errors: tuple
    occasion: str
    status: np.ndarray
    fail_time: np.ndarray
    asked: dict = field(default_factory=dict, kw_only=True)

    @property
    def prescribed(self) -> str:
        """The doses, and what is taken beside them."""
        background = self.asked.get("background")
        return f"{self.regimen}, beside {background}" if background else self.regimen

    @property
    def time_unit(self) -> str:
        """Unit of the times."""
        return self.model.time

    @property
    def measured(self) -> tuple[str, ...]:
        """Names (R,) of the outputs that have observations with residual error."""
        return tuple(error.name for error in self.errors)

    @property
    def failed(self) -> "pd.DataFrame":
        """Tidy table ID, TIME, REASON, REPLAY of the patients that did not finish.

        REPLAY : the command that solves the patient alone, quoted for a shell; where no command
            can, a comment that says why
        """
        import pandas as pd

        from pkpd.solvers.status import STATUS

        rows = np.flatnonzero(self.status)
        names = self.cohort.names[rows]
        words = ["pkpd", "simulate", address(self.model), *self.given(), *self._numerics()]
        words += self.cohort.given()
        return pd.DataFrame(
            {
                "ID": names,
                "TIME": self.fail_time[rows],
                "REASON": [STATUS[int(self.status[r])] for r in rows],
                "REPLAY": [self._replay(words, name) for name in names],
            }
        )

    def given(self) -> list[str]:
        """The words of `pkpd simulate` that give the same doses."""
        if self.regimen.startswith(EVENTS):
            return ["--events", self.regimen.removeprefix(EVENTS)]
        background = self.asked.get("background")
        return ["--rx", self.regimen, *(["--background", background] if background else [])]

    def _numerics(self) -> list[str]:
        """The words of `pkpd simulate` that give the same steps, where they are not the usual."""
        usual = {"occasion": "dose", "rtol": 1e-6, "solver": "auto", "carry": "backward"}
        asked = {"occasion": self.occasion} | self.asked
        words = []
        for name, value in usual.items():
            if asked.get(name, value) != value:
                words += [f"--{name}", str(asked[name])]
        return words

    def _replay(self, words: list[str], patient: object) -> str:
        """The command that solves one patient alone, or a comment."""
        why = self._only_in_python()
        if why is None:
            return shlex.join([*words, *self._alone(patient)])
        return f"# no command: {why}"

    def _only_in_python(self) -> str | None:
        """Why no command line gives this run, or None where one does."""
        if self.regimen == f"{EVENTS}{FRAME}":
            return "the event table is not a file; write it to one and read that"
        if self.cohort.table.startswith(f"{FRAME} ("):
            return "the table of people is not a file; write it to one and read that"
        if self.cohort.replicate or self.cohort.origin:
            return "these people are drawn in Python"
        return None if self._usual_outputs() else "the outputs are not the model's"

    def _usual_outputs(self) -> bool:
        """Whether the outputs are those that a command line gives."""
        return tuple(self.names) == tuple(self.model.outputs)

    def _alone(self, patient: object) -> list[str]:
        """The words that choose one patient; there is but one typical one."""
        return [] if self.cohort.typical else ["--id", str(patient)]

    def failure_sentence(self) -> str | None:
        """One sentence on the patients that did not finish, or None."""
        rows = np.flatnonzero(self.status)
        if not len(rows):
            return None
        from pkpd.solvers.status import STATUS

        few = ", ".join(str(name) for name in self.cohort.names[rows][:5])
        few += ", ..." if len(rows) > 5 else ""
        reason, time = STATUS[int(self.status[rows[0]])], self.fail_time[rows[0]]
        return (
            f"{len(rows)} of {len(self.status)} patients did not finish ({few}): "
            f"{reason} at {time:.4g} {self.time_unit}. Their rows are NaN."
        )

    def provenance(self, command: str | None = None) -> dict[str, Any]:
        """What it takes to compute the result again. command : the words of the run, if any"""
        residual = {
            e.name: {"additive": e.additive, "proportional": e.proportional, "log": e.log}
            for e in self.errors
        }
        return provenance(self.model, self.cohort, command) | {
            "regimen": self.regimen,
            "occasion": self.occasion,
            "residual": residual,
        }

    @property
    def span(self) -> str:
        """What part of time the result is about, in words."""
        raise NotImplementedError

    def sheets(self) -> dict[str, Sheet]:
        outputs = dict(zip(self.names, self.units, strict=True))
        observed = {f"{n}_obs": outputs[n] for n in self.measured}
        units = {"TIME": self.time_unit} | outputs | observed
        return {"simulation": Sheet(self._columns(), units, self.KEYS)}

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """Who was simulated, percentiles of every output, who did not finish, provenance."""
        finished = int((self.status == 0).sum())
        return {
            "question": f"What follows from {self.prescribed}, {self.span}?",
            "patients": len(self.status),
            "finished": finished,
            "outputs": self.overview() if finished else [],
            "failed": self.failed.to_dict("records"),
            "provenance": self.provenance(command),
        }

    def overview(self, people: np.ndarray | bool = True) -> list[dict[str, Any]]:
        """Plain data of every output over the patients that finished, in a row or two each.

        people : (P,) which of them, or all; one must have finished
        """
        raise NotImplementedError

    def _columns(self) -> dict[str, np.ndarray]:
        """Tidy columns by name."""
        raise NotImplementedError

    def write(
        self, path: str | Path, *, figure: str | None = None, command: str | None = None
    ) -> list[Path]:
        """Write the table to a file (.csv, .parquet, .xlsx, .html, .tex), or all to a folder.

        path : of the file or folder; figure, command : as in Computed.write

        Every file is whole or not there at all. Beside the table of a run that was stopped,
        <name>-stopped.json says so. Returns the files written. Raises ResultError.
        """
        path = Path(path)
        if path.suffix not in TABLES and (path.is_dir() or not path.suffix):
            return super().write(path, figure=figure, command=command)
        frame = self.frame()
        write_table(frame, path, frame.attrs["units"], self.provenance())
        note = path.with_name(f"{path.stem}-stopped.json")
        if self.cohort.planned is None:
            note.unlink(missing_ok=True)  # of an earlier run, whose table is no more
        else:
            write_json({"stopped": stopped(self.cohort), "provenance": self.provenance()}, note)
        return self._with_figure(path, figure)


@dataclass(frozen=True, repr=False)
class Result(Run):
    """Simulated outputs of a cohort under one regimen.

    times : (T,) in `time_unit`; values : (P, T, O), NaN for failed patients
    observed : (P, T, R) with residual error
    """

    KEYS: ClassVar[tuple[str, ...]] = ("ID", "TIME")

    times: np.ndarray
    values: np.ndarray
    observed: np.ndarray

    @property
    def span(self) -> str:
        return f"{len(self.times)} times"

    def given(self) -> list[str]:
        first, last = float(self.times[0]), float(self.times[-1])
        ends = f"{first!r}:{last!r}:{last - first or 1.0!r}"
        return [*super().given(), "--times", ends]

    def _columns(self) -> dict[str, np.ndarray]:
        """ID, TIME, one column per output, and <output>_obs with residual error.

        Patients in order, times in order.
        """
        count = len(self.times)
        table = {
            "ID": np.repeat(self.cohort.names, count),
            "TIME": np.tile(self.times, len(self.cohort.ids)),
        }
        return table | _by_output(self)

    def overview(self, people: np.ndarray | bool = True) -> list[dict[str, Any]]:
        """Percentiles of every output where its median is largest, and at the last time."""
        fine = self.values[(self.status == 0) & people]
        rows = []
        for k, name in enumerate(self.names):
            levels = np.percentile(fine[:, :, k], (5, 50, 95), axis=0, method="hazen")
            for j in dict.fromkeys((int(np.argmax(levels[1])), len(self.times) - 1)):
                shown = dict(zip(("p5", "median", "p95"), levels[:, j], strict=True))
                time = self.times[j]
                rows.append({"output": name, "unit": self.units[k], "time": time} | shown)
        return rows

    def percentiles(self, q: Sequence[float] = (5, 25, 50, 75, 95)) -> "pd.DataFrame":
        """Tidy table TIME, output, p<q>..., n: percentiles over the patients that finished.

        q : levels in %. Raises ResultError where no patient finished.
        """
        import pandas as pd

        levels, count = _levels(self, q)
        tables = []
        for k, name in enumerate(self.names):
            columns = {f"p{level:g}": levels[j, :, k] for j, level in enumerate(q)}
            tables.append(pd.DataFrame({"TIME": self.times, "output": name, **columns, "n": count}))
        return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True, repr=False)
class EndpointResult(Run):
    """Endpoints of a cohort, one row per patient.

    names : (E,) endpoints as text; since, until : (P,) ends of the window in model time
    values : (P, E), NaN for failed patients
    """

    STACKED: ClassVar[tuple] = ("status", "fail_time", "values", "since", "until")
    KEYS: ClassVar[tuple[str, ...]] = ("ID",)

    since: np.ndarray
    until: np.ndarray
    values: np.ndarray

    def _usual_outputs(self) -> bool:
        return True

    def given(self) -> list[str]:
        words = super().given()
        for text in self.names:
            words += ["--endpoint", text]
        window = self.asked.get("window")
        if isinstance(window, str):
            return [*words, "--window", window]
        for option, end in zip(("--from", "--to"), window or (None, None), strict=True):
            if end is not None:
                words += [option, str(end)]
        return words

    @property
    def span(self) -> str:
        low, high = self.since.min(), self.until.max()
        return f"from {low:g} to {high:g} {self.time_unit}"

    def provenance(self, command: str | None = None) -> dict[str, Any]:
        return super().provenance(command) | {
            "endpoints": self.names,
            "from": self.since.min(),
            "to": self.until.max(),
        }

    def _columns(self) -> dict[str, np.ndarray]:
        """ID and one column per endpoint, one row per patient."""
        return {"ID": self.cohort.names} | {n: self.values[:, k] for k, n in enumerate(self.names)}

    def overview(self, people: np.ndarray | bool = True) -> list[dict[str, Any]]:
        """Percentiles of every endpoint."""
        fine = self.values[(self.status == 0) & people]
        levels = np.percentile(fine, (5, 25, 50, 75, 95), axis=0, method="hazen")
        names = ("p5", "p25", "median", "p75", "p95")
        return _rows("endpoint", self, names, levels)

    def percentiles(self, q: Sequence[float] = (5, 25, 50, 75, 95)) -> "pd.DataFrame":
        """Tidy table endpoint, unit, p<q>..., n: percentiles over the patients that finished.

        q : levels in %. Raises ResultError where no patient finished.
        """
        import pandas as pd

        levels, count = _levels(self, q)
        columns = {f"p{level:g}": levels[j] for j, level in enumerate(q)}
        return pd.DataFrame({"endpoint": self.names, "unit": self.units, **columns, "n": count})


@dataclass(frozen=True, repr=False)
class EventResult(Run):
    """Simulated outputs of a cohort at the records of an event table.

    ids : (M,) ID of each row, in the order of the table, extra times among them as EVID 2
    times : (M,) as written; evid : (M,)
    row : (M,) of the table, 0 for extra times
    values : (M, O) just after each event, NaN for failed patients
    observed : (M, R) with residual error
    table : the event table as it was read, whose other columns come back
    """

    STACKED: ClassVar[tuple] = (*Run.STACKED, "ids", "times", "evid", "row")

    ids: np.ndarray
    times: np.ndarray
    evid: np.ndarray
    row: np.ndarray
    values: np.ndarray
    observed: np.ndarray
    table: Table

    def given(self) -> list[str]:
        last = self.asked.get("last")
        return [*super().given(), *([] if last is None else ["--times", f"{last!r}:{last!r}:1"])]

    @property
    def span(self) -> str:
        return f"{len(self.times)} times"

    def _columns(self) -> dict[str, np.ndarray]:
        """ID, TIME, EVID, one column per output, <output>_obs with residual error, and the table's.

        One row per record. A column of the table that is called as one before it is
        <column>_table; extra times have nothing in it.
        """
        columns = {"ID": self.ids, "TIME": self.times, "EVID": self.evid} | _by_output(self)
        for name in self.table.columns:
            if name not in ("ID", "TIME", "EVID"):
                label = f"{name}_table" if name in columns else name
                columns[label] = self._of_table(name)
        return columns

    def _of_table(self, name: str) -> np.ndarray:
        """(M,) cells of a column of the table, numbers where all of them are numbers or missing."""
        written = self.row > 0
        cells, texts = self.table.floats(name)
        found = np.full(len(self.row), np.nan)
        if texts:
            cells = np.array([_text(cell) for cell in self.table.columns[name]])
            found = np.full(len(self.row), "", dtype=cells.dtype)
        found[written] = cells[np.searchsorted(self.table.row, self.row[written])]
        return found

    def overview(self, people: np.ndarray | bool = True) -> list[dict[str, Any]]:
        """Range and median of every output over all records."""
        fine = self.values[np.isin(self.ids, self.cohort.names[(self.status == 0) & people])]
        levels = np.percentile(fine, (0, 50, 100), axis=0)
        return _rows("output", self, ("lowest", "median", "highest"), levels)


def _text(cell: object) -> str:
    """A cell as text, nothing where it is missing."""
    text = str(cell)
    return "" if text.strip() in EMPTY else text


def _by_output(run: Any) -> dict[str, np.ndarray]:
    """Outputs of a Run, then <output>_obs: name -> column, rows as in the tidy table."""
    values = run.values.reshape(-1, len(run.names))
    outputs = dict(zip(run.names, values.T, strict=True))
    observed = run.observed.reshape(len(values), -1)
    return outputs | {f"{name}_obs": observed[:, k] for k, name in enumerate(run.measured)}


def _levels(run: Any, q: Sequence[float]) -> tuple[np.ndarray, int]:
    """(percentiles (Q, ...) of the values over patients that finished, number of these).

    Raises ResultError where there are none.
    """
    fine = run.values[run.status == 0]
    if not len(fine):
        raise ResultError(
            "No patient finished: there are no percentiles. See the table of failed patients."
        )
    return np.percentile(fine, q, axis=0, method="hazen"), len(fine)


def _rows(what: str, run: Run, names: tuple[str, ...], levels: np.ndarray) -> list[dict[str, Any]]:
    """A row for each output of a Run: its name, unit and levels (L, O) called `names`."""
    heads = zip(run.names, run.units, levels.T, strict=True)
    return [
        {what: name, "unit": unit} | dict(zip(names, values, strict=True))
        for name, unit, values in heads
    ]


def joined(parts: Sequence[Run], cohort: Cohort) -> Run:
    """One result of consecutive parts of a cohort."""
    stack = stacked(list(map(vars, parts)), parts[0].STACKED)
    return replace(parts[0], cohort=cohort.subset(cohort.ids[: len(stack["status"])]), **stack)
