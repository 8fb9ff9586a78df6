"""Results and how they are written: tidy tables with units and provenance.

Knows names, units and columns; knows nothing of what a model means.
"""

import json
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from pkpd.errors import ResultError, Stopped
from pkpd.files import write_atomically
from pkpd.population.cohort import Cohort
from pkpd.symbolic.load import address
from pkpd.symbolic.model import Model


@dataclass(frozen=True)
class Run:
    """What every simulation of a cohort carries.

    regimen : the doses, as written
    names, units : (O,) outputs
    errors : (R,) pkpd.symbolic.model.Residual of the outputs that have observations
    occasion : what begins an occasion: "dose", a length of time or "none"
    status : (P,) key of pkpd.solvers.status.STATUS; fail_time : (P,) model time or NaN
    """

    STACKED: ClassVar[tuple] = ("status", "fail_time", "values", "observed")

    model: Model
    cohort: Cohort
    regimen: str
    names: tuple
    units: tuple
    errors: tuple
    occasion: str
    status: np.ndarray
    fail_time: np.ndarray

    @property
    def time_unit(self):
        return self.model.time

    @property
    def measured(self):
        """Names (R,) of the outputs that have observations with residual error."""
        return tuple(error.name for error in self.errors)

    @property
    def failed(self):
        """Tidy table ID, TIME, REASON, REPLAY of the patients that did not finish.

        REPLAY : the command that solves the patient alone, quoted for a shell
        """
        import pandas as pd

        from pkpd.solvers.status import STATUS

        rows = np.flatnonzero(self.status)
        occasion = [] if self.occasion == "dose" else ["--occasion", self.occasion]
        words = ["pkpd", "simulate", address(self.model), *self.given(), *occasion]
        words += self.cohort.given()
        return pd.DataFrame(
            {
                "ID": self.cohort.ids[rows],
                "TIME": self.fail_time[rows],
                "REASON": [STATUS[int(self.status[r])] for r in rows],
                "REPLAY": [shlex.join([*words, *self._alone(i)]) for i in self.cohort.ids[rows]],
            }
        )

    def given(self):
        """The words of `pkpd simulate` that give the same doses."""
        return ["--rx", self.regimen]

    def _alone(self, patient):
        """The words that choose one patient; there is but one typical one."""
        return [] if self.cohort.typical else ["--id", str(patient)]

    def failure_sentence(self):
        """One sentence on the patients that did not finish, or None."""
        rows = np.flatnonzero(self.status)
        if not len(rows):
            return None
        from pkpd.solvers.status import STATUS

        few = ", ".join(str(i) for i in self.cohort.ids[rows][:5])
        few += ", ..." if len(rows) > 5 else ""
        reason, time = STATUS[int(self.status[rows[0]])], self.fail_time[rows[0]]
        return (
            f"{len(rows)} of {len(self.status)} patients did not finish ({few}): "
            f"{reason} at {time:.4g} {self.time_unit}. Their rows are NaN."
        )

    def provenance(self):
        residual = {
            e.name: {"additive": e.additive, "proportional": e.proportional, "log": e.log}
            for e in self.errors
        }
        return provenance(self.model, self.cohort) | {
            "regimen": self.regimen,
            "occasion": self.occasion,
            "residual": residual,
        }

    @property
    def span(self):
        """What part of time the result is about, in words."""
        raise NotImplementedError

    def frame(self):
        """The result as a tidy table; frame.attrs["units"] : column -> unit."""
        import pandas as pd

        frame = pd.DataFrame(self._columns())
        outputs = dict(zip(self.names, self.units, strict=True))
        observed = {f"{n}_obs": outputs[n] for n in self.measured}
        units = {"TIME": self.time_unit} | outputs | observed
        frame.attrs["units"] = {name: unit for name, unit in units.items() if name in frame}
        return frame

    def _columns(self):
        """Tidy columns by name."""
        raise NotImplementedError

    def write(self, path):
        """Write the tidy table as .csv or .parquet, whole or not at all. Raises ResultError.

        Beside the table of a run that was stopped, <name>-stopped.json says so.
        """
        frame, path = self.frame(), Path(path)
        write_table(frame, path, frame.attrs["units"], self.provenance())
        note = path.with_name(f"{path.stem}-stopped.json")
        if self.cohort.planned is None:
            note.unlink(missing_ok=True)  # of an earlier run, whose table is no more
        else:
            write_json({"stopped": stopped(self.cohort), "provenance": self.provenance()}, note)

    def _values(self):
        """Outputs, then <output>_obs: name -> column, rows as in the tidy table."""
        values = self.values.reshape(-1, len(self.names))
        outputs = dict(zip(self.names, values.T, strict=True))
        observed = self.observed.reshape(len(values), -1)
        return outputs | {f"{n}_obs": observed[:, k] for k, n in enumerate(self.measured)}


@dataclass(frozen=True)
class Result(Run):
    """Simulated outputs of a cohort under one regimen.

    times : (T,) in `time_unit`; values : (P, T, O), NaN for failed patients
    observed : (P, T, R) with residual error
    """

    times: np.ndarray
    values: np.ndarray
    observed: np.ndarray

    @property
    def span(self):
        return f"{len(self.times)} times"

    def given(self):
        first, last = float(self.times[0]), float(self.times[-1])
        ends = f"{first!r}:{last!r}:{last - first or 1.0!r}"
        return [*super().given(), "--times", ends]

    def _columns(self):
        """ID, TIME, one column per output, and <output>_obs with residual error.

        Patients in order, times in order.
        """
        count = len(self.times)
        table = {
            "ID": np.repeat(self.cohort.ids, count),
            "TIME": np.tile(self.times, len(self.cohort.ids)),
        }
        return table | self._values()

    def percentiles(self, q=(5, 25, 50, 75, 95)):
        """Tidy table TIME, output, p<q>..., n: percentiles over the patients that finished."""
        import pandas as pd

        fine = self.values[self.status == 0]
        if not len(fine):
            raise ResultError(
                "No patient finished: there are no percentiles. See the table of failed patients."
            )
        levels = np.percentile(fine, q, axis=0, method="hazen")
        tables = []
        for k, name in enumerate(self.names):
            columns = {f"p{level:g}": levels[j, :, k] for j, level in enumerate(q)}
            tables.append(
                pd.DataFrame({"TIME": self.times, "output": name, **columns, "n": len(fine)})
            )
        return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True)
class EndpointResult(Run):
    """Endpoints of a cohort, one row per patient.

    names : (E,) endpoints as text; since, until : (P,) ends of the window in model time
    values : (P, E), NaN for failed patients; ids : (P,) as the table of doses calls the patients
    """

    STACKED: ClassVar[tuple] = ("status", "fail_time", "values", "since", "until", "ids")

    since: np.ndarray
    until: np.ndarray
    values: np.ndarray
    ids: np.ndarray

    @property
    def span(self):
        low, high = self.since.min(), self.until.max()
        return f"from {low:g} to {high:g} {self.time_unit}"

    def provenance(self):
        return super().provenance() | {
            "endpoints": self.names,
            "from": self.since.min(),
            "to": self.until.max(),
        }

    def _columns(self):
        """ID and one column per endpoint, one row per patient."""
        return {"ID": self.ids} | {n: self.values[:, k] for k, n in enumerate(self.names)}

    def percentiles(self, q=(5, 25, 50, 75, 95)):
        """Tidy table endpoint, unit, p<q>..., n: percentiles over the patients that finished."""
        import pandas as pd

        fine = self.values[self.status == 0]
        if not len(fine):
            raise ResultError(
                "No patient finished: there are no percentiles. See the table of failed patients."
            )
        levels = np.percentile(fine, q, axis=0, method="hazen")
        columns = {f"p{level:g}": levels[j] for j, level in enumerate(q)}
        return pd.DataFrame({"endpoint": self.names, "unit": self.units, **columns, "n": len(fine)})


@dataclass(frozen=True)
class EventResult(Run):
    """Simulated outputs of a cohort at the records of an event table.

    ids : (M,) ID of each row, in the order of the table, extra times among them as EVID 2
    times : (M,) as written; evid : (M,)
    values : (M, O) just after each event, NaN for failed patients
    observed : (M, R) with residual error
    """

    STACKED: ClassVar[tuple] = (*Run.STACKED, "ids", "times", "evid")

    ids: np.ndarray
    times: np.ndarray
    evid: np.ndarray
    values: np.ndarray
    observed: np.ndarray

    @property
    def span(self):
        return f"{len(self.times)} times"

    def _columns(self):
        """ID, TIME, EVID, one column per output, and <output>_obs with residual error.

        One row per record.
        """
        return {"ID": self.ids, "TIME": self.times, "EVID": self.evid} | self._values()

    def given(self):
        return ["--events", self.regimen.removeprefix("event table ")]


def joined(parts, cohort):
    """One result of consecutive parts of a cohort."""
    stack = {name: np.concatenate([getattr(p, name) for p in parts]) for name in parts[0].STACKED}
    return replace(parts[0], cohort=cohort.subset(cohort.ids[: len(stack["status"])]), **stack)


def release():
    """Version of the installed package, "unknown" where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pkpd")
    except PackageNotFoundError:
        return "unknown"


def stopped(cohort):
    """How far a run that Ctrl-C stopped has come, as plain data; None for a whole run."""
    if cohort.planned is None:
        return None
    return Stopped(None, len(cohort), cohort.planned).about()


def provenance(model, cohort, command=None):
    """What it takes to compute a table again. Deterministic: no clock, no host name."""
    from pkpd.kernels.cache import fingerprint
    from pkpd.solvers.batch import LANES

    return {
        "package": "pkpd",
        "version": release(),
        "model": model.name,
        "digest": model.digest,
        "seed": cohort.seed,
        "n": len(cohort.ids),
        "sampling": cohort.sampling,
        "typical": cohort.typical,
        "set": cohort.changed,
        "covariates": cohort.table or None,
        "replicate": cohort.replicate,
        "stopped": stopped(cohort),
        "fingerprint": fingerprint(LANES),
        "command": command,
    }


def write_table(frame, path, units, origin):
    """Write a table (DataFrame or dict of columns) as .csv or .parquet, whole or not at all.

    Parquet carries units and provenance in its metadata. Raises ResultError.
    """
    path = Path(path)
    if path.suffix == ".csv":
        write_atomically(path, lambda temporary: _csv(frame, temporary))
    elif path.suffix == ".parquet":
        write_atomically(path, lambda temporary: _parquet(frame, temporary, units, origin))
    else:
        raise ResultError(f"'{path}': tables are written as .csv or .parquet.")


def write_json(data, path):
    """Write JSON, whole or not at all; NaN becomes null, infinities become text."""
    text = json_text(data)
    write_atomically(Path(path), lambda temporary: Path(temporary).write_text(text))


def json_text(data):
    """The text that write_json writes."""
    return json.dumps(plain(data), indent=2, allow_nan=False) + "\n"


def write_figure(figure, path):
    """Write a matplotlib figure in the format of the file's ending, whole or not at all."""
    path = Path(path)
    form = path.suffix[1:] or "png"
    write_atomically(path, lambda temporary: figure.savefig(temporary, format=form, dpi=150))


def _csv(frame, path):
    import pandas as pd

    pd.DataFrame(frame).to_csv(path, index=False)


def _parquet(frame, path, units, origin):
    import pyarrow.parquet as pq

    with open(path, "wb") as file:
        pq.write_table(arrow_table(frame, units, origin), file)


def arrow_table(frame, units, origin):
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


def _arrow(columns):
    """Arrow table over numpy columns. Arrow's own conversion would load pandas (0.4 s)."""
    import pyarrow as pa

    def array(values):
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

    return pa.Table.from_arrays([array(v) for v in columns.values()], names=list(columns))


def plain(value):
    """The value with plain Python numbers, as JSON takes them."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return _plain_float(value)
    return value


def _plain_float(value):
    """A float for JSON, which has neither NaN (None) nor infinities ("inf", "-inf")."""
    if np.isnan(value):
        return None
    if np.isinf(value):
        return "inf" if value > 0 else "-inf"
    return float(value)
