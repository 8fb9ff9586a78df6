"""Finds, for each ID of a table, one dose and the concentrations that belong to it.

A profile begins at its dose and ends at the next one, written out or implied by ADDL and II. Knows
tables of times, doses and concentrations; knows nothing of areas or of what is computed from them.
"""

import re
from dataclasses import dataclass

import numpy as np

from pkpd.errors import PkpdError, ResultError
from pkpd.nca.profile import SAME
from pkpd.reading import EMPTY, called, kind_columns, refuse_cells, stripped

BELOW_LIMIT = ("zero", "missing", "leading-zero", "half")  # what such a concentration counts as
LIMIT = re.compile(r"<\s*(?P<limit>\d*\.?\d+(?:[eE][+-]?\d+)?)?")
WORDS = ("BLQ", "BQL", "BLOQ", "BLLOQ", "LLOQ", "<LLOQ", "<LOQ")
FLAGS = ("BLQ", "BQL", "BLOQ", "CENS")  # columns that mark a concentration as below its limit
LIMITS = ("lloq", "llq", "loq", "pclloq")  # columns of the limit itself, in plain names
# columns of the unit of the concentrations, in plain names
SAID_UNITS = ("dvu", "dvunit", "concu", "concunit", "pcstresu", "pcorresu", "unit", "units")
OBSERVE, DOSE, OTHER, RESET, RESET_AND_DOSE = range(5)  # EVID, as in NONMEM
MOST_DOSES = 100_000  # of one record
MOST_TIMES = 6  # in a message
ROUNDING = 1e-9  # share of the largest concentration that a number below 0 may be and count as 0


@dataclass(frozen=True)
class Samples:
    """The samples of one ID after one dose.

    times : (T,) from the dose; conc : (T,)
    dose : amount, None if unknown
    since, until : time of the dose in the table and of the next one, inf if none
    recorded : whether the table has the dose; earlier : whether it has one before it
    duration : of the infusion; every : interval of a dose at steady state; None if not in the table
    before, after : how many samples before the dose and after the next one are left out
    below : how many are below the limit of quantification
    """

    id: object
    times: np.ndarray
    conc: np.ndarray
    dose: float | None
    since: float
    until: float
    recorded: bool
    duration: float | None
    every: float | None
    earlier: bool
    before: int
    after: int
    below: int


class Rows:
    """The columns of a table that an analysis needs, as numbers (M,).

    conc : NaN where missing or below the limit of quantification
    below : whether a concentration is below the limit; limit : NaN where the table has none
    """

    def __init__(self, table, column):
        self.table, self.column, self.row = table, column, table.row
        self.id = self._ids()
        self.time = self._numbers("TIME", np.nan)
        if not np.isfinite(self.time).all():
            row = self.row[~np.isfinite(self.time)][0]
            raise ResultError(f"{table.name}: row {row} has no TIME; write a time.")
        self.amount, self.rate = self._numbers("AMT", np.nan), self._numbers("RATE", 0.0)
        self.interval, self.additional = self._numbers("II", 0.0), self._numbers("ADDL", 0.0)
        self.steady, self.missing = self._numbers("SS", 0.0), self._numbers("MDV", 0.0) != 0.0
        self.event = self._numbers("EVID", np.nan)
        self.kinds = {column: self._labels(column) for column in kind_columns(table)}
        self._read_concentrations()

    def _numbers(self, column, missing):
        """(M,) numbers of a column, `missing` where it or the number is."""
        if column not in self.table.columns:
            return np.full(len(self.row), missing)
        values, wrong = self.table.floats(column)
        if wrong:
            refuse_cells(self.table, column, wrong, ResultError)
        return np.where(np.isnan(values), missing, values)

    def _labels(self, column):
        """(M,) texts of a column, None without it."""
        cells = self.table.columns.get(column)
        return None if cells is None else stripped(cells).astype(str)

    def _ids(self):
        """(M,) whole numbers where all are, labels otherwise; one profile without a column."""
        if "ID" not in self.table.columns:
            return np.ones(len(self.row), np.int64)
        values, wrong = self.table.floats("ID")
        if wrong:
            values = self._labels("ID")
            lost = np.isin(values, EMPTY)
        else:
            lost = np.isnan(values)
        if lost.any():
            raise ResultError(f"{self.table.name}: row {self.row[lost][0]} has no ID.")
        if wrong:
            return values
        whole = (values == np.round(values)) & (np.abs(values) < 2.0**53)
        return values.astype(np.int64) if whole.all() else self._labels("ID")

    def _read_concentrations(self):
        """Set conc, below and limit."""
        self.conc, texts = self.table.floats(self.column)
        self.below, self.limit = np.zeros(len(self.conc), bool), np.full(len(self.conc), np.nan)
        wrong = [(k, text) for k, text in texts if not says_below(text)]
        if wrong:
            refuse_cells(self.table, self.column, wrong, ResultError)
        for k, text in texts:
            self.below[k], self.limit[k] = True, _limit_in(text)
        infinite = np.flatnonzero(np.isinf(self.conc))
        if len(infinite):
            raise self._fault(infinite[0], self.column, "is not finite; write . for missing.")
        largest = np.nanmax(self.conc, initial=0.0)
        self.conc[(self.conc < 0.0) & (self.conc >= -ROUNDING * largest)] = 0.0
        self.below |= self.conc < 0.0
        self._read_limits()
        for column in (c for c in self.table.columns if c.upper() in FLAGS):
            self._read_marks(column)
        self.conc[self.below] = np.nan

    def _read_limits(self):
        """Concentrations below the limit in the column of limits, where there is one."""
        column = called(self.table, LIMITS)
        if column is None:
            return
        limit = self._numbers(column, np.nan)
        odd = np.flatnonzero((limit <= 0.0) | np.isinf(limit))
        if len(odd):
            text = "is no limit; write . without one, and call a column of marks BLQ."
            raise self._fault(odd[0], column, text, quoted=True)
        empty_at_dose = (self.conc == 0.0) & (self.amount > 0.0)
        self.below |= (self.conc < limit) & ~empty_at_dose
        self.limit = np.where(np.isnan(self.limit), limit, self.limit)

    def _read_marks(self, column):
        """Concentrations that a column marks, which are the limit where nothing else says it."""
        marks = self._numbers(column, 0.0)
        odd = np.flatnonzero(~np.isin(marks, (0.0, 1.0)) & ~self.missing)
        if len(odd):
            text = "is neither 0 nor 1 (below the limit)"
            if marks[odd[0]] == -1.0:
                text = "is above the range of the assay: areas need the concentration, or MDV 1"
            raise self._fault(odd[0], column, f"{text}.", quoted=True)
        empty_at_dose = np.isnan(self.conc) & (self.amount > 0.0)
        marked = (marks == 1.0) & ~empty_at_dose
        self.below |= marked
        own = marked & np.isnan(self.limit) & (self.conc > 0.0)
        self.limit = np.where(own, self.conc, self.limit)

    def unit(self):
        """What a column of units says of the concentrations, None without. Raises PkpdError."""
        column = called(self.table, SAID_UNITS)
        if column is None:
            return None
        written = self._labels(column)
        measured = (~np.isnan(self.conc) | self.below) & ~(self.amount > 0.0)
        several = np.unique(written[measured & ~np.isin(written, EMPTY)])
        if len(several) > 1:
            raise PkpdError(
                f"{self.table.name}, column {column}: concentrations in {' and '.join(several)}; "
                "convert them to one unit."
            )
        return several[0] if len(several) else None

    def _fault(self, k, column, text, quoted=False):
        """A ResultError on the cell of a row; quoted : whether to quote the cell."""
        if quoted:
            text = f"'{str(self.table.columns[column][k]).strip()[:40]}' {text}"
        return ResultError(f"{self.table.name}: row {self.row[k]}, column {column}: {text}")

    def samples(self, amount, route, start, blq):
        """Samples of each ID, in the order in which the IDs appear."""
        _, first, person = np.unique(self.id, return_index=True, return_inverse=True)
        together = np.argsort(person, kind="stable")
        parts = np.split(together, np.cumsum(np.bincount(person))[:-1])
        return [self._of_one(parts[k], amount, route, start, blq) for k in np.argsort(first)]

    def _of_one(self, rows, amount, route, start, blq):
        """Samples of the ID that has these rows."""
        self._check_order(rows)
        doses = self._doses(rows)
        chosen, since = self._chosen(rows, doses, start)
        until = self._end(rows, doses, since)
        sampled = self._sampled(rows, [row for _, row in doses])
        before, after = self._outside(sampled, route, since, chosen, until, doses)
        keep = sampled[~before & ~after]
        times = np.where(same(self.time[keep], since), 0.0, self.time[keep] - since)
        times, conc = self._quantified(keep, times, blq)
        if not len(times):
            raise PkpdError(f"{self._who(rows)} has no concentration from time {since:g} on.")
        recorded = chosen is not None
        if amount is None and recorded and self.amount[chosen] > 0.0:
            amount = self.amount[chosen]
        at_steady_state = recorded and self.steady[chosen]
        given_at = np.array([time for time, _ in doses])
        return Samples(
            id=self.id[rows[0]],
            times=times,
            conc=conc,
            dose=amount,
            since=since,
            until=until,
            recorded=recorded,
            duration=self._duration(chosen, route) if recorded else None,
            every=self.interval[chosen] if at_steady_state else None,
            earlier=bool(((given_at < since) & ~same(given_at, since)).any()),
            before=int(before.sum()),
            after=int(after.sum()),
            below=int(self.below[keep].sum()),
        )

    def _check_order(self, rows):
        """Refuse rows of an ID whose times go back."""
        fell = rows[1:][np.diff(self.time[rows]) < 0.0]
        if len(fell):
            raise self._fault(fell[0], "TIME", "goes back; sort the rows of an ID by time.")

    def _end(self, rows, doses, since):
        """Time of the first dose or reset after the one at `since`, inf without one."""
        resets = self.time[rows[self.event[rows] == RESET]]
        ends = np.append([time for time, _ in doses], resets)
        return ends[(ends > since) & ~same(ends, since)].min(initial=np.inf)

    def _who(self, rows):
        return f"{self.table.name}: ID {self.id[rows[0]]}"

    def _doses(self, rows):
        """[(time, row)] of all doses, those that ADDL implies included, in order of time."""
        event, amount = self.event[rows], np.nan_to_num(self.amount[rows])
        dosed = np.isin(event, (DOSE, RESET_AND_DOSE)) | (np.isnan(event) & (amount > 0.0))
        odd = rows[(amount < 0.0) | (amount > 0.0) & ~dosed]
        if len(odd):
            text = f"{self.amount[odd[0]]:g} on a record that gives no dose."
            raise self._fault(odd[0], "AMT", text)
        doses = []
        for k in rows[dosed]:
            self._check_dose(k)
            more = int(self.additional[k])
            doses += [(self.time[k] + n * self.interval[k], k) for n in range(more + 1)]
        return sorted(doses)

    def _check_dose(self, k):
        """Refuse what a record of a dose must not say."""
        more, interval, steady = self.additional[k], self.interval[k], self.steady[k]
        if self.rate[k] < 0.0 and self.rate[k] not in (-1.0, -2.0):
            raise self._fault(k, "RATE", f"{self.rate[k]:g} is not above 0, 0, -1 or -2.")
        if "AMT" in self.table.columns and np.isnan(self.amount[k]):
            raise self._fault(k, "AMT", "is missing on the record of a dose; write 0 for placebo.")
        if not (0.0 <= more < MOST_DOSES and more == np.round(more)):
            raise self._fault(k, "ADDL", f"{more:g} is not a whole number from 0 on.")
        if steady not in (0.0, 1.0):
            raise self._fault(k, "SS", f"{steady:g} is not 0 or 1.")
        if (more or steady) and not 0.0 < interval < np.inf:
            raise self._fault(k, "II", f"{interval:g}: ADDL and SS need an interval above 0.")

    def _chosen(self, rows, doses, start):
        """Row of the dose that is analysed (None without one) and its time."""
        if not doses:
            return None, 0.0 if start is None else start
        who = self._who(rows)
        if start is None:
            if len(doses) > 1:
                text = f"has {len(doses)} doses, at {_some_times(doses)}"
                raise PkpdError(f"{who} {text}; say after which one with --start.")
            (time, row), *_ = doses
            return row, time
        chosen = [row for time, row in doses if same(time, start)]
        if not chosen:
            text = f"has no dose at --start {start:g}; doses at {_some_times(doses)}."
            raise PkpdError(f"{who} {text}")
        if len(chosen) > 1:
            raise PkpdError(f"{who} has {len(chosen)} doses at {start:g}; write one, their sum.")
        return chosen[0], start

    def _sampled(self, rows, dosed):
        """Rows with a concentration."""
        filled = ~np.isnan(self.conc[rows]) | self.below[rows]
        observed = np.isnan(self.event[rows]) | np.isin(self.event[rows], (OBSERVE, OTHER))
        sampled = rows[filled & observed & ~self.missing[rows]]
        both = sampled[np.isin(sampled, dosed) & (self.conc[sampled] != 0.0)]
        if len(both):
            text = "stands on the record of a dose; is it before or after the dose? Write two rows."
            raise self._fault(both[0], self.column, text)
        for column, labels in self.kinds.items():
            several = np.unique(labels[sampled])
            if len(several) > 1:
                text = f"column {column}: concentrations of {' and '.join(several)}"
                raise PkpdError(f"{self._who(rows)}, {text}; keep those of one.")
        return sampled[~np.isin(sampled, dosed)]

    def _outside(self, sampled, route, since, chosen, until, doses):
        """Samples before the dose and after the next one: two masks.

        A sample at the very time of a dose belongs to both sides of it. After a bolus, where the
        concentration jumps, the order of the rows decides.
        """
        time = self.time[sampled]
        at_dose, at_next = same(time, since), same(time, until)
        before, after = (time < since) & ~at_dose, (time > until) & ~at_next
        if route == "bolus" and chosen is not None:
            before |= at_dose & (sampled < chosen)
        if route == "bolus":
            rows = [k for t, k in doses if same(t, until)]
            after |= at_next & (sampled > min(rows, default=np.inf))
        return before, after

    def _quantified(self, keep, times, blq):
        """Times and concentrations, one a time, those below the limit by the rule `blq`."""
        conc, below = self.conc[keep], self.below[keep]
        if below.any():
            conc = self._below_limit(keep, conc, below, blq)
        kept = ~np.isnan(conc)
        keep, times, conc = keep[kept], times[kept], conc[kept]
        twice = np.flatnonzero(same(times[1:], times[:-1]))
        unequal = twice[conc[twice] != conc[twice + 1]]
        if len(unequal):
            one, other = unequal[0], unequal[0] + 1
            text = (
                f"{self.time[keep[other]]:g} was sampled twice "
                f"(row {self.row[keep[one]]}: {conc[one]:g}, row {self.row[keep[other]]}: "
                f"{conc[other]:g}); keep one, or give one MDV 1."
            )
            raise self._fault(keep[other], "TIME", text)
        single = np.setdiff1d(np.arange(len(times)), twice + 1)
        return times[single], conc[single]

    def _below_limit(self, keep, conc, below, blq):
        """Concentrations with numbers for those below the limit, NaN for what is left out."""
        if blq is None:
            text = f"is below the limit; choose --blq: {', '.join(BELOW_LIMIT)}."
            raise self._fault(keep[below][0], self.column, text, quoted=True)
        if blq == "zero":
            return np.where(below, 0.0, conc)
        if blq == "missing":
            return conc
        if blq == "leading-zero":
            first = np.argmax(conc > 0.0) if (conc > 0.0).any() else len(conc)
            return np.where(below & (np.arange(len(conc)) < first), 0.0, conc)
        half = self.limit[keep] / 2
        unknown = keep[below & np.isnan(half)]
        if len(unknown):
            text = "has no limit to halve; write it, such as <0.05."
            raise self._fault(unknown[0], self.column, text, quoted=True)
        return np.where(below, half, conc)

    def _duration(self, k, route):
        """Length of an infusion by RATE; None where the table does not say."""
        if self.rate[k] > 0.0 and route != "infusion":
            text = f"{self.rate[k]:g} is an infusion, not {route}; write --route infusion."
            raise self._fault(k, "RATE", text)
        if self.rate[k] < 0.0 and route == "bolus":
            text = f"{self.rate[k]:g} is no bolus; write --route infusion --duration, or RATE 0."
            raise self._fault(k, "RATE", text)
        return self.amount[k] / self.rate[k] if self.rate[k] > 0.0 else None


def says_below(text):
    """Whether a cell says that a concentration is below the limit, whatever that is."""
    return bool(LIMIT.fullmatch(text)) or text.upper() in WORDS


def _limit_in(text):
    """The limit that a cell such as "<0.05" names, NaN without one."""
    match = LIMIT.fullmatch(text)
    return float(match["limit"]) if match and match["limit"] else np.nan


def _some_times(doses):
    """The first times of doses [(time, row)], in words."""
    words = ", ".join(f"{time:g}" for time, _ in doses[:MOST_TIMES])
    return f"{words}, ..." if len(doses) > MOST_TIMES else words


def same(one, other):
    """Whether two times are one, up to the rounding of their difference."""
    with np.errstate(invalid="ignore"):
        gap = np.abs(one - other)
    return np.isfinite(gap) & (gap <= SAME * np.maximum(np.abs(one), np.abs(other)))
