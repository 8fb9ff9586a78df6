"""Findings on a data set, and the data set that they are about.

Knows records, columns and grades; knows nothing of what is odd.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pkpd.dosing.records import DOSE, OBSERVE, RESET, RESET_AND_DOSE, Records
from pkpd.nca.samples import says_below
from pkpd.reading import Table, kind_columns, stripped
from pkpd.symbolic.model import Model

REFUSED, ODD, NOTE = "refused", "odd", "note"
GRADES = (REFUSED, ODD, NOTE)
MOST_IMPLIED = 1000  # doses of one record that are written out


@dataclass(frozen=True)
class Finding:
    """Something to know of a data set.

    grade : "refused" where the records cannot be simulated, "odd" where they can but look wrong,
        or "note"
    column : what it is about; sentence : what was found, in the first of the rows
    rows : of the table, counted from 1 below the header; () where it is about all of them
    """

    grade: str
    column: str
    sentence: str
    rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class Observations:
    """A column of observations, by record.

    value : (M,) NaN where missing or no number; below : (M,) whether the cell says "<0.1" or "BLQ"
    wrong : {place: text} of other cells that are no numbers
    """

    column: str
    value: np.ndarray
    below: np.ndarray
    wrong: dict[int, str]

    @property
    def written(self) -> np.ndarray:
        """(M,) whether the cell says something."""
        written = ~np.isnan(self.value) | self.below
        written[list(self.wrong)] = True
        return written


@dataclass(frozen=True)
class DataSet:
    """A table and its records as far as they could be read, for a model."""

    model: Model
    table: Table
    records: Records
    observed: list[Observations] = field(default_factory=list)

    def found(self, grade: str, column: str, sentence: str, places: np.ndarray) -> Finding:
        """A Finding on records by place, or a mask of them."""
        places = np.asarray(places)
        rows = self.records.row[places].tolist()
        return Finding(grade, column, sentence, tuple(rows))

    def numbers(self, column: str) -> np.ndarray | None:
        """(M,) numbers of a column, NaN where missing; None without the column."""
        return self.table.floats(column)[0] if column in self.table.columns else None

    @cached_property
    def dosed(self) -> np.ndarray:
        """(M,) which records give a dose."""
        return np.isin(self.records.evid, (DOSE, RESET_AND_DOSE))

    @cached_property
    def looked(self) -> np.ndarray:
        """(M,) which records may hold an observation: EVID 0 and not MDV 1."""
        mdv = self.numbers("MDV")
        looked = self.records.evid == OBSERVE
        return looked if mdv is None else looked & (mdv != 1)

    @cached_property
    def last_dose(self) -> np.ndarray:
        """(M,) time of the last dose of each dose record, additional ones included."""
        return self.records.time + self.records.additional * self.records.interval

    @cached_property
    def next_dose(self) -> np.ndarray:
        """(M,) place of the same patient's next record of a dose into the same target, or -1.

        A reset between them ends the search.
        """
        records, following = self.records, np.full(len(self.records), -1)
        for first, end in zip(records.first[:-1], records.first[1:], strict=True):
            upcoming: dict[int, int] = {}  # target -> place of the dose after this record
            for k in range(end - 1, first - 1, -1):
                if self.dosed[k]:
                    following[k] = upcoming.get(records.target[k], -1)
                    upcoming[records.target[k]] = k
                if records.evid[k] in (RESET, RESET_AND_DOSE):
                    upcoming = {}
        return following

    @cached_property
    def kind(self) -> np.ndarray:
        """(M,) texts: which quantity an observation is of, by DVID or else by CMT; "" unknown."""
        known = kind_columns(self.table)
        if not known:
            return np.full(len(self.records), "", dtype=object)
        column = known[0]
        texts = stripped(self.table.columns[column])
        return np.array([f"{column} {text.removesuffix('.0')}" for text in texts], dtype=object)

    def dose_times(self, person: int) -> np.ndarray:
        """Times of a patient's doses and additional doses, at most MOST_IMPLIED of a record."""
        records, times = self.records, [np.zeros(0)]
        for k in range(records.first[person], records.first[person + 1]):
            if self.dosed[k]:
                count = np.arange(min(records.additional[k], MOST_IMPLIED) + 1)
                times.append(records.time[k] + count * records.interval[k])
        return np.concatenate(times)


def observations(table: Table, column: str) -> Observations:
    """The cells of a column of observations."""
    value, texts = table.floats(column)
    below = np.zeros(len(value), bool)
    wrong = {}
    for k, text in texts:
        below[k] = says_below(text)
        if not below[k]:
            wrong[k] = text
    return Observations(column, value, below, wrong)
