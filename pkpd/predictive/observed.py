"""Observations of an event table, the bins they fall into and the strata they belong to.

Knows tables and records; knows nothing of models' equations or of simulated values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.dosing.records import OBSERVE, Records
from pkpd.errors import ResultError, closest
from pkpd.limits import numbers
from pkpd.reading import EMPTY, kind_columns, refuse_cells, stripped

MOST_TIMES = 15  # different times that are a bin each; more of them are cut into ...
BINS = 10  # ... as many bins of about equally many observations
EVERYBODY = ""  # the stratum of everybody


@dataclass(frozen=True)
class Observed:
    """N observations.

    row : (N,) place of the record of each; column : what the table calls the values
    times : (N,) model time, from the start or after the last dose
    values : (N,) in the output's unit
    stratum : (N,) texts; bin : (N,) number of the bin, or -1 outside of all bins
    edges : (B+1,) of the bins, each from its lower edge on, the last with its upper edge
    """

    row: np.ndarray
    column: str
    times: np.ndarray
    values: np.ndarray
    stratum: np.ndarray
    bin: np.ndarray
    edges: np.ndarray

    def groups(self) -> list[tuple[str, int, np.ndarray]]:
        """(stratum, bin, (n,) places of its observations) of all that have some."""
        found = []
        for stratum in sorted(set(self.stratum)):
            for k in range(len(self.edges) - 1):
                places = np.flatnonzero((self.stratum == stratum) & (self.bin == k))
                if len(places):
                    found.append((stratum, k, places))
        return found


def observed(
    records: Records, name: str, column: str | None, bins: Any, by: str | None, after_dose: bool
) -> Observed:
    """Observations of an output in records that were read from a table.

    name : of the output; column : of its values (default: DV, else the output's own name)
    bins : None, a number of bins or their edges; by : column of strata, or None
    after_dose : whether times count from a patient's last dose

    Raises ResultError.
    """
    table = records.table
    assert table is not None  # of every table that pkpd.events reads
    column = _column(table, name, column)
    values, wrong = table.floats(column)
    if wrong:
        refuse_cells(table, column, wrong, ResultError)
    looked = (records.evid == OBSERVE) & np.isfinite(values) & ~_without_value(table)
    if not looked.any():
        raise ResultError(
            f"{records.name}: no record of EVID 0 and MDV 0 has a value in column {column}."
        )
    _refuse_several(table, column, looked)
    times = _after_dose(records) if after_dose else records.time
    row = np.flatnonzero(looked & np.isfinite(times))
    if not len(row):
        raise ResultError(f"{records.name}: no observation comes after a dose.")
    edges = _edges(times[row], bins)
    return Observed(
        row=row,
        column=column,
        times=times[row],
        values=values[row],
        stratum=_strata(table, by)[row],
        bin=_bin(times[row], edges),
        edges=edges,
    )


def _column(table, name, column):
    """The column of the observations. Raises ResultError where there is none."""
    known = [c for c in table.columns if c not in ("ID", "TIME", "EVID")]
    wanted = [column] if column else ["DV", name]
    found = [c for c in wanted if c in table.columns]
    if not found:
        raise ResultError(
            f"{table.name}: no column {' or '.join(wanted)} of observations."
            f"{closest(wanted[0], known)}"
        )
    return found[0]


def _refuse_several(table, column, looked):
    """Raise ResultError where the rows that are looked at (M,) hold several quantities."""
    for kind in kind_columns(table):
        several = np.setdiff1d(stripped(table.columns[kind]).astype(str)[looked], EMPTY)
        if len(several) > 1:
            raise ResultError(
                f"{table.name}, column {kind}: {column} holds observations of "
                f"{' and '.join(several[:10])}; keep those of one."
            )


def _without_value(table):
    """(M,) records that MDV marks as without a value."""
    if "MDV" not in table.columns:
        return np.zeros(len(table), bool)
    return table.floats("MDV")[0] == 1.0


def _after_dose(records):
    """(M,) time since the patient's last dose record or additional dose; NaN before the first.

    A record of the time of a dose, before it in the table, is after the dose before.
    """
    since = np.full(len(records), np.nan)
    for first, end in zip(records.first[:-1], records.first[1:], strict=True):
        doses = np.zeros(0)
        for k in range(first, end):
            if len(doses):
                past = doses[doses <= records.time[k]]
                since[k] = records.time[k] - past.max() if len(past) else np.nan
            if records.target[k] >= 0:
                count = np.arange(records.additional[k] + 1)
                doses = np.append(doses, records.time[k] + count * records.interval[k])
    return since


def _strata(table, by):
    """(M,) texts of the strata. Raises ResultError for an unknown column."""
    if by is None:
        return np.full(len(table), EVERYBODY, dtype=object)
    if by not in table.columns:
        raise ResultError(f"{table.name}: no column '{by}'.{closest(by, table.columns)}")
    values, texts = table.floats(by)
    cells = table.columns[by] if texts else [f"{value:g}" for value in values]
    return np.array([f"{by} {cell}" for cell in cells], dtype=object)


def _edges(times, bins):
    """(B+1,) increasing edges of the bins. Raises ResultError."""
    if bins is not None and not isinstance(bins, int):
        return _given_edges(bins)
    different = np.unique(times)
    if len(different) == 1:
        return np.repeat(different, 2)
    if bins is None and len(different) <= MOST_TIMES:
        middles = (different[1:] + different[:-1]) / 2
        return np.concatenate([different[:1], middles, different[-1:]])
    count = BINS if bins is None else bins
    if isinstance(bins, bool) or count < 1:
        raise ResultError(f"The number of bins is at least 1, not {bins}.")
    first = np.arange(count) * len(times) // count  # place of each bin's first observation
    return np.unique(np.append(np.sort(times)[first], times.max()))


def _given_edges(bins: Sequence[float]) -> np.ndarray:
    """Edges as given. Raises ResultError where they are none."""
    edges = np.array(numbers(bins, "bins", ResultError))
    if len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ResultError("Edges of bins are at least two increasing numbers.")
    return edges


def _bin(times, edges):
    """(N,) number of the bin of each time, -1 outside."""
    place = np.searchsorted(edges, times, side="right") - 1
    place[times == edges[-1]] = len(edges) - 2
    return np.where(place < len(edges) - 1, place, -1)
