"""Event tables as NONMEM users write them, checked record by record.

Every mistake is reported with its row and column. Column names may be in any case, "." is missing,
a C column marks comments. Rules: NONMEM Users Guide, Part VI (PREDPP), chapter V. Knows records and
the dose targets of a model; knows no patients, time courses or solvers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pkpd import limits, units
from pkpd.display import Displayed
from pkpd.dosing.moments import window
from pkpd.errors import DoseError, PkpdError, first_lines
from pkpd.reading import (
    AMOUNT_UNITS,
    COLUMNS,
    DAYS,
    EMPTY,
    Table,
    called,
    cells,
    not_a_number,
    numbers,
    places,
    refuse_lookalikes,
    rows_of,
    stripped,
)
from pkpd.symbolic import linearity, parse
from pkpd.symbolic.model import Model, check_model
from pkpd.symbolic.variability import possible

if TYPE_CHECKING:
    import pandas as pd

OF_RECORDS = tuple(name for name in COLUMNS if name not in ("MDV", "DV"))
OBSERVE, DOSE, OTHER, RESET, RESET_AND_DOSE = range(5)
MOST_DOSES = 10_000_000
HIGHEST_ID = 2**31 - 1


@dataclass(frozen=True, repr=False)
class Records(Displayed):
    """M checked records of P patients, in the order of the table.

    name : where the records come from; identified : whether the table has IDs
    labels : (P,) what the table calls the patients where these are texts, else None
    account : a line on what was read of the table
    ids : (P,) int64; first : (P+1,) int64, patient p owns records first[p]:first[p+1]
    row : (M,) row of the table, counted from 1 below the header
    time : (M,) model time as written
    evid, steady : (M,) int8; additional : (M,) int64
    amount, rate, interval : (M,) as written, 0 if missing
    target : (M,) place of the dose target in model.doses, -1 where nothing is dosed
    inputs : parameter or covariate -> (M,) values, NaN where missing
    table : the table as it was read, comments left out; its rows have the numbers of `row`
    """

    PER_RECORD: ClassVar[tuple] = (
        *("row", "time", "evid", "amount", "rate", "interval", "additional", "steady", "target"),
    )

    name: str
    identified: bool
    ids: np.ndarray
    first: np.ndarray
    row: np.ndarray
    time: np.ndarray
    evid: np.ndarray
    amount: np.ndarray
    rate: np.ndarray
    interval: np.ndarray
    additional: np.ndarray
    steady: np.ndarray
    target: np.ndarray
    inputs: dict
    table: Table
    digest: str = ""
    labels: np.ndarray | None = None
    account: str = ""

    def __len__(self):
        return len(self.row)

    def __str__(self):
        return f"event table {self.name}"

    @property
    def names(self) -> np.ndarray:
        """(P,) what the table calls the patients: IDs, or the texts that stand for them."""
        return self.ids if self.labels is None else self.labels

    @property
    def person(self) -> np.ndarray:
        """(M,) place of each record's patient."""
        return np.repeat(np.arange(len(self.ids)), np.diff(self.first))

    def take(self, patients: np.ndarray) -> "Records":
        """The records of some patients, by place and in that order; one may be taken repeatedly."""
        counts = np.diff(self.first)[patients]
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        index = np.repeat(self.first[patients] - first[:-1], counts) + np.arange(first[-1])
        taken = {name: getattr(self, name)[index] for name in self.PER_RECORD}
        inputs = rows_of(self.inputs, index)
        taken["labels"] = None if self.labels is None else self.labels[patients]
        return replace(self, ids=self.ids[patients], first=first, inputs=inputs, **taken)

    def matched(self, people: Any) -> "Records":
        """The same records, their patients numbered as the people of a table are: by label.

        people : People or Cohort; one whose table has no column ID changes nothing

        Raises DoseError where one table has texts as IDs and the other numbers, or a person is
        missing.
        """
        if not self.identified or people.labels is None:
            return self
        mine, theirs = _kind_of_label(self.names), _kind_of_label(people.labels)
        if mine != theirs:
            raise DoseError(
                f"{self.name} calls patients by {mine}, the table of people by {theirs}; "
                "give both the same IDs."
            )
        if mine == "numbers":
            return self
        try:
            return replace(self, ids=people.ids[places(self.names, people.labels)])
        except KeyError as missing:
            raise DoseError(
                f"{self.name}: the table of people has no ID '{missing.args[0]}'."
            ) from None

    def of(self, ids: Sequence[int] | np.ndarray) -> "Records":
        """The records of the patients `ids`; a table without IDs is everybody's.

        ids : (P,) IDs. Raises DoseError for one that has no record.
        """
        ids = np.asarray(ids, dtype=np.int64)
        if not self.identified:
            return replace(self.take(np.zeros(len(ids), np.int64)), ids=ids)
        try:
            return self.take(places(ids.tolist(), self.ids.tolist()))
        except KeyError as missing:
            raise DoseError(f"{self.name}: no record of ID {missing.args[0]}.") from None


def _kind_of_label(names):
    return "numbers" if names.dtype.kind == "i" else "texts"


def events(model: Model, source: "str | Path | pd.DataFrame") -> Records:
    """Read and check an event table for a model.

    source : path of a .csv or .parquet file, or a DataFrame

    Columns: TIME; ID AMT RATE II ADDL SS EVID CMT MDV if needed; parameters and covariates of the
    model by name. IDs that are texts are numbered in the order of the table and kept as labels.
    Other columns are ignored unless they are called almost like one of these. Returns Records; its
    `account` says what was used, unused and missing. Raises DoseError that lists the first records
    that cannot be used.

    >>> pkpd.events(pkpd.load("pk/two_compartment"), "doses.csv").account
    'doses.csv: 2 rows; used: ID, TIME, AMT, II, ADDL, CMT; unused: none; missing: RATE, SS, EVID.'
    """
    check_model(model)
    read = cells(source, DoseError)
    refuse_lookalikes(read, wanted(model, read), DoseError)
    records, mistakes = checked(model, read)
    if mistakes:
        raise DoseError(_refusal(read.name, mistakes))
    return replace(records, account=account(model, records))


def wanted(model: Model, read: Table) -> list[str]:
    """Names of the columns of records, and of the covariates that a table lacks."""
    return [*OF_RECORDS, *read.lacking(model.covariate_names)]


def checked(model: Model, read: Table) -> "tuple[Records, tuple[Mistake, ...]]":
    """Records of a table with NONMEM's names in capitals, and all that forbids to use them.

    Where there are mistakes, the numbers of their cells are filled in.
    """
    reader = _Reader(model, read)
    records = reader.records()
    return records, tuple(reader.mistakes[key] for key in sorted(reader.mistakes))


def account(model: Model, records: Records, also: Sequence[str] = ()) -> str:
    """A line on what was read of the table of some records; also : columns read besides them."""
    columns, inputs = records.table.columns, set(map(str.lower, records.inputs))
    named = (*OF_RECORDS, "MDV", *also)
    used = [c for c in columns if c in named or c.lower() in inputs]
    missing = [c for c in OF_RECORDS if c not in columns]
    missing += [name for name in model.covariate_names if name not in records.inputs]
    return " ".join([records.table.account(used, missing), *_unvalued(records)])


def _unvalued(records):
    """Sentences on inputs that have a column, but for some patients no value in it."""
    for name, values in records.inputs.items():
        valued = np.unique(records.person[~np.isnan(values)])
        without = len(records.ids) - len(valued)
        if without:
            yield (
                f"{name} is empty for {without} of {len(records.ids)} patients, "
                "who have their own of the cohort."
            )


@dataclass(frozen=True)
class Mistake:
    """A record that cannot be used.

    row : of the table; sentence : what is wrong, without the dot; kind : the same for mistakes
        that differ in their numbers alone
    """

    row: int
    column: str
    sentence: str
    kind: str


def _refusal(name, mistakes):
    """All mistakes as one text, by row."""
    count = len({mistake.row for mistake in mistakes})
    which = f"{count} record{'s' if count > 1 else ''}"
    head = f"{name}: {which} cannot be used (rows are counted below the header):"
    lines = [f"  row {m.row}, {m.column}: {m.sentence}." for m in mistakes]
    return "\n".join([head, *first_lines(lines)])


def _same_unit(text, unit):
    """Whether a text means this unit."""
    try:
        return units.factor(text, unit) == 1.0
    except PkpdError:
        return False


class _Reader:
    """One table being checked: each rule adds its mistakes, one for a cell."""

    def __init__(self, model, table):
        self.model, self.table, self.name = model, table, table.name
        self.cells, self.row = table.columns, table.row
        self.mistakes = {}

    def wrong(self, rows, column, sentence, *values):
        """Note a mistake of some records (mask or places).

        sentence : a text; with values, each (M,) or by place, it has a place such as {:g} for each
        """
        for k in np.flatnonzero(rows) if np.asarray(rows).dtype == bool else rows:
            text = sentence.format(*(each[k] for each in values)) if values else sentence
            mistake = Mistake(int(self.row[k]), column, text, sentence)
            self.mistakes.setdefault((int(k), column), mistake)

    def numbers(self, column, missing=0.0):
        """(M,) floats of a column; `missing` where a cell is empty or there is no such column."""
        if column not in self.cells:
            return np.full(len(self.row), missing)
        values, wrong = self.table.floats(column)
        remedies = ("write a time",) if column == "TIME" else ()
        texts = {k: not_a_number(text, *remedies) for k, text in wrong}
        self.wrong(list(texts), column, "{}", texts)
        self.wrong(np.isinf(values), column, "must be finite")
        return np.where(np.isfinite(values), values, missing)

    def whole(self, column, allowed, sentence):
        """(M,) whole numbers of a column that `allowed(values)` accepts; 0 where missing."""
        values = self.numbers(column)
        good = (values == np.round(values)) & allowed(values)
        self.wrong(~good, column, f"{{:g}} {sentence}", values)
        return np.where(good, values, 0.0).astype(np.int64)

    def records(self):
        ids, labels = self.ids()
        time = self.numbers("TIME", np.nan)
        self.wrong(np.isnan(time), "TIME", "is missing")
        written, rate, interval = (
            self.numbers("AMT", np.nan),
            self.numbers("RATE"),
            self.numbers("II"),
        )
        amount = np.nan_to_num(written)
        additional = self.whole(
            "ADDL", lambda v: (v >= 0) & (v < MOST_DOSES), "is not a whole number from 0 on"
        )
        steady = self.whole("SS", lambda v: (v >= 0) & (v <= 2), "is not 0, 1 or 2")
        mdv = self.whole("MDV", lambda v: (v >= 0) & (v <= 1), "is not 0 or 1")
        evid = self.evid(amount, rate, steady, mdv)
        self.order(ids, time, evid)
        dose = (evid == DOSE) | (evid == RESET_AND_DOSE)
        target = self.target(dose)
        missing = dose & np.isnan(written)
        self.wrong(missing, "AMT", "is missing on a dose record; write 0 for a placebo")
        self.unit(dose, target)
        self.dose(dose, target, amount, rate, interval, additional, steady)
        self.steady(dose, steady)
        doses = {"AMT": amount, "RATE": rate, "II": interval, "ADDL": additional, "SS": steady}
        for column, values in doses.items():
            sentence = "{:g} on a record of EVID {}, which gives no dose"
            self.wrong(~dose & (values != 0), column, sentence, values, evid)
        inputs = self.inputs()
        first = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
        return Records(
            self.name,
            "ID" in self.cells,
            ids[first].astype(np.int64),
            np.append(first, len(ids)).astype(np.int64),
            self.row,
            time,
            evid.astype(np.int8),
            amount,
            rate,
            interval,
            additional,
            steady.astype(np.int8),
            target,
            inputs,
            self.table,
            self.model.digest,
            None if labels is None else labels[first].astype(str),
        )

    def ids(self):
        """IDs (M,), and texts (M,) where they are no numbers: these are numbered in order."""
        if "ID" not in self.cells:
            return np.ones(len(self.row)), None
        texts, ids = stripped(self.cells["ID"]), numbers(self.cells["ID"])
        empty = np.isin(texts, EMPTY)
        self.wrong(empty, "ID", "is missing")
        if (np.isnan(ids) & ~empty).any():
            return 1.0 + places(texts, dict.fromkeys(texts)), texts
        good = (ids >= 1) & (ids == np.round(ids)) & (ids <= HIGHEST_ID)
        self.wrong(
            ~good & ~empty, "ID", f"must be a whole number from 1 to {HIGHEST_ID}, or a text"
        )
        return np.where(good, ids, 0.0), None

    def evid(self, amount, rate, steady, mdv):
        """(M,) EVID; without one a record with an amount, or a steady-state infusion, is a dose."""
        dose = (amount != 0) | ((steady > 0) & (rate != 0))
        usual = np.where(dose, DOSE, np.where(mdv == 1, OTHER, OBSERVE)).astype(float)
        values = self.numbers("EVID", np.nan)
        values = np.where(np.isnan(values), usual, values)
        good = np.isin(values, range(5))
        self.wrong(~good, "EVID", "{:g} is not 0, 1, 2, 3 or 4", values)
        return np.where(good, values, OBSERVE).astype(np.int64)

    def order(self, ids, time, evid):
        """Each ID in one piece; its times do not fall unless a reset restarts the clock."""
        new = np.concatenate([[True], ids[1:] != ids[:-1]])
        finished, back = set(), []
        for k in np.flatnonzero(new):
            if ids[k] in finished:
                back.append(k)
            finished.add(ids[k])
        sentence = "{:g} comes back after other IDs; put the records of an ID together"
        self.wrong(np.array(back, dtype=np.int64), "ID", sentence, ids)
        fell = np.concatenate([[False], time[1:] < time[:-1] - window(time[:-1])]) & ~new
        before = np.concatenate([[0.0], time[:-1]])
        sentence = "{:g} is before {:g} of the record above; only a reset may turn time back"
        fell &= ~np.isin(evid, (RESET, RESET_AND_DOSE))
        self.wrong(fell, "TIME", sentence, time, before)
        self.days(time, evid, new)

    def days(self, time, evid, new):
        """TIME must go on where a column of days does; else it is a time of day."""
        column = called(self.table, DAYS)
        if column is None:
            return
        day, _ = self.table.floats(column)
        next_day = np.concatenate([[False], day[1:] > day[:-1]]) & ~new
        stays = np.concatenate([[False], time[1:] <= time[:-1]])
        sentence = (
            f"does not go on with {column}; it must count from a common start, not from each "
            "day's midnight"
        )
        self.wrong(next_day & stays & ~np.isin(evid, (RESET, RESET_AND_DOSE)), "TIME", sentence)

    def unit(self, dose, target):
        """Amounts are read in the unit of their target: a column of units must say the same."""
        column = called(self.table, AMOUNT_UNITS)
        for k in np.flatnonzero(dose) if column is not None and self.model.doses else ():
            into, text = self.model.doses[target[k]], str(self.cells[column][k]).strip()
            if text not in EMPTY and not _same_unit(text, into.unit):
                sentence = (
                    f"'{text[:40]}', but AMT is read in {into.unit}, the unit of {into.state}"
                )
                self.wrong([k], column, f"{sentence}; convert it and leave {column} out")

    def target(self, dose):
        """(M,) place of the dose target, which CMT names by its state or the state's number.

        The first target where CMT is missing or 0, -1 for a record without a dose.
        """
        of_dose = np.where(dose, 0, -1)
        if not self.model.doses:
            self.wrong(dose, "EVID", f"{self.model.name} has no [dose] table: nothing can be dosed")
            return of_dose
        states, known = self.model.state_names, []
        named: dict[str, int] = {}
        for place, dosed in enumerate(self.model.doses):
            if dosed.beside:
                continue
            number = str(states.index(dosed.state) + 1)
            named |= {dosed.state: place, number: place}
            known.append(f"{number} or {dosed.state}")
        for k, cell in enumerate(stripped(self.cells.get("CMT", ()))):
            text = cell.removesuffix(".0")
            if not dose[k] or text in (*EMPTY, "0"):
                continue
            if text not in named:
                sentence = f"'{text[:40]}' cannot be dosed; dose into {', '.join(known)}"
                self.wrong([k], "CMT", sentence)
            of_dose[k] = named.get(text, 0)
        return of_dose

    def dose(self, dose, target, amount, rate, interval, additional, steady):
        """What a dose record must and must not say."""
        endless = dose & (steady > 0) & (amount == 0)
        infused = dose & (rate != 0)
        self.wrong(dose & (amount < 0), "AMT", "{:g}: a dose cannot be negative", amount)
        large = f"{{:g}}: a dose is at most {limits.DOSE:g}"
        self.wrong(dose & (amount > limits.DOSE), "AMT", large, amount)
        unknown = dose & (rate < 0) & ~np.isin(rate, (-1, -2))
        self.wrong(unknown, "RATE", "{:g} is not above 0, 0, -1 or -2", rate)
        nothing = infused & (amount == 0) & (steady == 0)
        self.wrong(nothing, "AMT", "is 0: an infusion needs an amount")
        for code, word in ((-1, "rate"), (-2, "duration")):
            named = np.array([getattr(d, word) is not None for d in self.model.doses] or [False])
            text = f'needs {word} = "..." for this target under [dose] of {self.model.name}'
            unnamed = dose & (rate == code) & ~named[np.maximum(target, 0)]
            self.wrong(unnamed, "RATE", f"{code} {text}")
        self.wrong(dose & (interval < 0), "II", "{:g}: an interval cannot be negative", interval)
        without = dose & (interval == 0)
        self.wrong(
            without & (additional > 0) & ~endless, "II", "is missing: ADDL needs an interval"
        )
        self.wrong(without & (steady > 0) & (amount > 0), "II", "is missing: SS needs an interval")
        self.counted(dose & (interval > 0) & (steady == 0), interval)
        which = "an endless infusion (SS with AMT 0)"
        self.wrong(endless & (rate == -2), "RATE", f"-2 has no meaning for {which}")
        self.wrong(endless & (interval != 0), "II", f"must be 0 for {which}")
        self.wrong(endless & (additional != 0), "ADDL", f"must be 0 for {which}")
        if additional.sum() + len(additional) > MOST_DOSES:
            most = [int(np.argmax(additional))]
            self.wrong(most, "ADDL", f"more than {MOST_DOSES:,} doses in one table are refused")

    def counted(self, repeated, interval):
        """An interval needs a number of doses: ADDL, which may be 0, or SS."""
        written = self.numbers("ADDL", np.nan)
        sentence = "{:g}, but neither ADDL nor SS says how many doses; write ADDL 0 for one"
        self.wrong(repeated & np.isnan(written), "II", sentence, interval)

    def steady(self, dose, steady):
        """Steady states that the model does not have, or that do not add up."""
        if parse.uses_time(self.model.expressions):
            sentence = f"{self.model.name} depends on the time t and has no steady state"
            self.wrong(dose & (steady > 0), "SS", f"{sentence}; write the doses out")
        reason = self.not_additive()
        if reason is not None:
            sentence = f"2 adds a steady state to what is there, but in {self.model.name} {reason}"
            remedy = "write these doses out, from long before on"
            self.wrong(dose & (steady == 2), "SS", f"{sentence}; {remedy}")

    def not_additive(self):
        """Why responses to doses do not add up, or None where they do.

        They do where all rates are sums over the states and nothing is there at the start.
        """
        states = self.model.states
        nonlinear = linearity.first_nonlinear(self.model)
        if nonlinear is not None:
            return f"{nonlinear} is not linear"
        constant = linearity.constant_terms(self.model)
        if any(constant):
            return f"d/dt({states[constant.index(True)].name}) has a part that no dose makes"
        begun = [s.name for s in states if s.initial not in ("0", "0.0")]
        return f"{begun[0]} starts at another value than 0" if begun else None

    def inputs(self):
        """Columns named like parameters or covariates, in any case where that is not ambiguous."""
        values = {}
        for name in self.model.input_names:
            column = self.input_column(name)
            if column is not None:
                values[name] = self.numbers(column, np.nan)
        classes = [i for i in self.model.covariates if i.iiv and i.iiv.kind == "classes"]
        for item in (*self.model.parameters, *classes):
            given = values.get(item.name, np.zeros(0))
            sentence = f"{{:g}} is not a value that '{item.name}' can have"
            self.wrong(~(possible(item, given) | np.isnan(given)), item.name, sentence, given)
        return values

    def input_column(self, name):
        """The column that stands for an input, or None. Raises DoseError where several do."""
        if name in COLUMNS and name in self.cells:
            return name
        alike = [c for c in self.cells if c.lower() == name.lower() and c not in COLUMNS]
        if len(alike) > 1:
            both = " and ".join(map(repr, alike))
            raise DoseError(f"{self.name}: {both} stand for '{name}'; leave out one of them.")
        return alike[0] if alike else None
