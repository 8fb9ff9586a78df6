"""Checks a data set for a model before anything runs: all that is refused, and all that is odd.

Knows tables, records and findings; knows nothing of figures or of the screen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pkpd.datasets import columns
from pkpd.datasets.findings import GRADES, REFUSED, DataSet, Finding, observations
from pkpd.datasets.oddities import ODDITIES
from pkpd.dosing.records import Mistake, checked, wanted
from pkpd.errors import DoseError, PkpdError
from pkpd.reading import Table, capitals, lookalikes, obstacles
from pkpd.result import Computed, Sheet
from pkpd.result.tables import by_column
from pkpd.symbolic.model import Model, check_model
from pkpd.version import release

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 10  # of a finding that are written out
MOST_AMOUNTS = 3  # different doses of a patient that are written out


@dataclass(frozen=True, repr=False)
class DataCheck(Computed):
    """What a data set holds, and what is odd about it.

    data : name of the table; rows : number of its rows, comments left out
    findings : refused ones first; uses : (column, what it is used for)
    records : the DataSet, or None where the table holds no records
    """

    NAME: ClassVar[str] = "data"
    SUMMARY: ClassVar[str] = "data"

    model: Model
    data: str
    rows: int
    findings: tuple[Finding, ...]
    uses: tuple[tuple[str, str], ...]
    records: DataSet | None

    @property
    def refused(self) -> bool:
        """Whether the data set cannot be simulated as it is."""
        return any(finding.grade == REFUSED for finding in self.findings)

    def sheets(self) -> dict[str, Sheet]:
        findings = [(f.grade, f.column, f.sentence, len(f.rows), f.rows) for f in self.findings]
        grades, names, sentences, counts, rows = _turned(findings, 5)
        found = {
            "findings": Sheet(
                {
                    "grade": _texts(grades),
                    "column": _texts(names),
                    "finding": _texts(sentences),
                    "n": np.array(counts, dtype=np.int64),
                    "rows": _texts(map(rows_in_words, rows)),
                }
            )
        }
        names, uses = _turned(self.uses, 2)
        found["columns"] = Sheet({"column": _texts(names), "use": _texts(uses)})
        if self.records is not None:
            times = dict.fromkeys(
                ("first_dose", "last_dose", "first_observation", "last_observation"),
                self.model.time,
            )
            found["people"] = Sheet(_people(self.records), times, ("ID",))
        return found

    def people(self) -> "pd.DataFrame":
        """Doses and observations of each ID; empty where the table holds no records."""
        import pandas as pd

        return pd.DataFrame(self.sheets()["people"].columns if self.records else {})

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """Findings, uses of the columns and counts, with provenance."""
        people = self.people()
        counts = {
            name: int(people[name].sum()) for name in ("doses", "observations") if name in people
        }
        return {
            "question": f"Can {self.data} be simulated with {self.model.name}, and what is odd?",
            "refused": self.refused,
            "rows": self.rows,
            "people": len(people),
            **counts,
            "columns": dict(self.uses),
            "findings": [
                {"grade": f.grade, "column": f.column, "finding": f.sentence, "rows": list(f.rows)}
                for f in self.findings
            ],
            "provenance": {
                "package": "pkpd",
                "version": release(),
                "model": self.model.name,
                "digest": self.model.digest,
                "set": {},
                "data": self.data,
                "command": command,
            },
        }


def check_data(data: "str | Path | pd.DataFrame", model: Model) -> DataCheck:
    """Report what a data set holds and all that is odd about it, before anything is computed.

    data : path of a .csv or .parquet event table, with observations or without, or a DataFrame
    model : the one that it is for, whose inputs, outputs and dose targets its columns name

    Returns a DataCheck: `frame()` has a row for each finding, `people()` one for each ID; `plot()`
    draws the observations. A finding is "refused" where pkpd.simulate or pkpd.vpc would raise,
    "odd" where the numbers can be used but look wrong, or a "note".

    Raises DoseError where the file cannot be read as a table.

    >>> found = pkpd.check_data("doses.csv", pkpd.load("pk/two_compartment"))
    >>> found.refused, found.people()["doses"].tolist()
    (False, [4, 2])
    """
    check_model(model)
    read = capitals(data, DoseError)
    findings = _of_names(read, model)
    records = None
    if "TIME" in read.columns and len(read):
        records, mistakes = _records(read, model)
        findings += mistakes
    if records is not None:
        findings += _odd(records, findings)
    findings.sort(key=lambda finding: GRADES.index(finding.grade))
    uses = tuple(columns.uses(read, model))
    return DataCheck(model, read.name, len(read), tuple(findings), uses, records)


def rows_in_words(rows: Sequence[int]) -> str:
    """The first rows of a finding, and how many more there are; "" without rows."""
    shown = ", ".join(map(str, rows[:MOST_ROWS]))
    more = len(rows) - MOST_ROWS
    return f"{shown} and {more} more" if more > 0 else shown


def _of_names(read: Table, model: Model) -> list[Finding]:
    """Findings on the names of columns."""
    sentences = dict.fromkeys([*obstacles(read), *lookalikes(read, wanted(model, read))])
    return [
        Finding(REFUSED, "table", sentence.removeprefix(f"{read.name}: ").rstrip("."))
        for sentence in sentences
    ]


def _records(read: Table, model: Model) -> tuple[DataSet | None, list[Finding]]:
    """The records of a table as far as they can be read, and why some cannot be used."""
    try:
        records, mistakes = checked(model, read)
    except PkpdError as error:
        sentence = str(error).removeprefix(f"{read.name}: ").rstrip(".")
        return None, [Finding(REFUSED, "table", sentence)]
    observed = [observations(read, column) for column in columns.observed(read, model)]
    return DataSet(model, read, records, observed), _grouped(mistakes)


def _grouped(mistakes: Sequence[Mistake]) -> list[Finding]:
    """One finding for each kind of mistake in a column."""
    rows: dict[tuple[str, str], list[int]] = {}
    first: dict[tuple[str, str], str] = {}
    for mistake in mistakes:
        key = mistake.column, mistake.kind
        first.setdefault(key, mistake.sentence)
        rows.setdefault(key, []).append(mistake.row)
    return [Finding(REFUSED, key[0], first[key], tuple(rows[key])) for key in rows]


def _odd(data: DataSet, refused: Sequence[Finding]) -> Iterator[Finding]:
    """What is odd besides: not about cells that are refused, whose numbers are filled in."""
    known = set()
    for finding in refused:
        known |= {(finding.column, row) for row in finding.rows}
    for oddity in ODDITIES:
        for finding in oddity(data):
            rows = tuple(row for row in finding.rows if (finding.column, row) not in known)
            if rows or not finding.rows:
                yield replace(finding, rows=rows)


def _people(data: DataSet) -> dict[str, np.ndarray]:
    """Columns (P,) of doses and observations of each patient; times NaN where there are none."""
    seen = np.zeros(len(data.records), bool)
    for each in data.observed:
        seen |= data.looked & each.written
    rows = []
    for person in range(len(data.records.ids)):
        own = slice(data.records.first[person], data.records.first[person + 1])
        dosed, times = data.dosed[own], data.records.time[own][seen[own]]
        rows.append(
            {
                "ID": data.records.names[person],
                "records": own.stop - own.start,
                "doses": int((data.records.additional[own][dosed] + 1).sum()),
                "amounts": _amounts(data, own),
                "first_dose": _least(data.records.time[own][dosed]),
                "last_dose": -_least(-data.last_dose[own][dosed]),
                "observations": len(times),
                "first_observation": _least(times),
                "last_observation": -_least(-times),
            }
        )
    return by_column(rows)


def _amounts(data, own):
    """The different doses of a patient in words: "100 mg into depot"."""
    given = []
    for k in range(own.start, own.stop):
        place = data.records.target[k]
        if data.dosed[k] and place >= 0:
            into = data.model.doses[place]
            given.append(f"{data.records.amount[k]:g} {into.unit} into {into.state}")
    different = list(dict.fromkeys(given))
    more = ["..."] if len(different) > MOST_AMOUNTS else []
    return ", ".join([*different[:MOST_AMOUNTS], *more])


def _least(times):
    return float(times.min()) if len(times) else np.nan


def _turned(rows, width):
    """The columns of rows, of none of them too."""
    return list(zip(*rows, strict=True)) or [()] * width


def _texts(values):
    return np.array(list(values), dtype=str)
