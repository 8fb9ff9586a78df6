"""What is odd about a data set although its records can be used.

Each function yields findings on one thing; ODDITIES lists them in the order in which they are told.
Every finding is a question and no error: rare things do exist. Knows records and observations;
knows nothing of files or of the screen.
"""

from collections.abc import Iterator

import numpy as np

from pkpd import units
from pkpd.datasets import columns
from pkpd.datasets.findings import NOTE, ODD, REFUSED, DataSet, Finding
from pkpd.dosing.moments import window
from pkpd.reading import not_a_number, stripped
from pkpd.symbolic import plausibility

FAR = 100.0  # times the median of all people: observations in another unit
FEWEST = 3  # people whose observations are compared
SHORTEST = 2.0  # h, of dosing intervals that are no slip


def undosed(data: DataSet) -> Iterator[Finding]:
    """People without a dose, and people without an observation."""
    first, people = data.records.first[:-1], len(data.records.ids)
    doses, seen = np.zeros(people, int), np.zeros(people, int)
    np.add.at(doses, data.records.person[data.dosed], 1)
    for each in data.observed:
        np.add.at(seen, data.records.person[data.looked & each.written], 1)
    if (doses == 0).any():
        yield data.found(ODD, "ID", _people(data, doses == 0, "no dose"), first[doses == 0])
    if data.observed and (seen == 0).any():
        yield data.found(NOTE, "ID", _people(data, seen == 0, "no observation"), first[seen == 0])


def _people(data, which, lack):
    """A sentence on people by place; the rows are their first ones."""
    count, name = int(which.sum()), data.records.names[np.argmax(which)]
    has = f"ID {name} has" if count == 1 else f"{count} people have"
    return f"{has} {lack}"


def duplicates(data: DataSet) -> Iterator[Finding]:
    """Rows that say the same twice, observations twice, doses twice."""
    same = _repeated(list(data.table.columns.values()))
    if same.any():
        yield data.found(ODD, "table", "the row says the same as an earlier one", same)
    records = data.records
    moment = [records.person, records.time]
    for each in data.observed:
        seen = data.looked & each.written & ~same
        again = _repeated([*moment, data.kind], seen)
        if again.any():
            sentence = "a second observation of the same patient and time"
            yield data.found(ODD, each.column, sentence, again)
    again = _repeated([*moment, records.target, records.amount], data.dosed & ~same)
    if again.any():
        sentence = "the same dose as in an earlier row at the same time"
        yield data.found(ODD, "AMT", sentence, again)


def _repeated(parts, among=None):
    """(M,) which rows have the same parts as an earlier one, among those of a mask."""
    import pandas as pd

    table = pd.DataFrame(dict(enumerate(parts)))
    if among is None:
        return table.duplicated().to_numpy()
    repeated = np.zeros(len(table), bool)
    repeated[among] = table[among].duplicated()
    return repeated


def additional(data: DataSet) -> Iterator[Finding]:
    """Additional doses and steady states that reach beyond the next dose."""
    records, following = data.records, data.next_dose
    next_time = np.where(following >= 0, records.time[following], np.inf)
    reach = data.last_dose >= next_time - window(records.time)
    beyond = data.dosed & (records.additional > 0) & reach
    if beyond.any():
        k = int(np.argmax(beyond))
        sentence = (
            f"additional doses go on until {data.last_dose[k]:g}, beyond the dose of row "
            f"{records.row[following[k]]} at {next_time[k]:g}; both are given"
        )
        yield data.found(ODD, "ADDL", sentence, beyond)
    early = data.dosed & (records.steady > 0) & (records.interval > 0) & (records.additional == 0)
    early &= records.time + records.interval > next_time + window(records.time)
    if early.any():
        k = int(np.argmax(early))
        sentence = (
            f"a steady state of every {records.interval[k]:g}, but the next dose comes after "
            f"{next_time[k] - records.time[k]:g}"
        )
        yield data.found(ODD, "SS", sentence, early)


def infusions(data: DataSet) -> Iterator[Finding]:
    """Infusions that are not over when the next one begins."""
    records = data.records
    rate = np.where(records.rate > 0, records.rate, np.nan)
    duration = records.amount / rate
    longer = data.dosed & (records.interval > 0) & (duration > records.interval)
    if longer.any():
        k = int(np.argmax(longer))
        sentence = (
            f"the infusion takes {duration[k]:g} {data.model.time}, longer than its interval of "
            f"{records.interval[k]:g}; RATE is an amount per {data.model.time}"
        )
        yield data.found(ODD, "RATE", sentence, longer)


def intervals(data: DataSet) -> Iterator[Finding]:
    """Intervals of an hour or two, which may be days, and negative times."""
    records = data.records
    hours = records.interval * units.factor(data.model.time, "h")
    short = data.dosed & (hours > 0) & (hours < SHORTEST)
    if short.any():
        k = int(np.argmax(short))
        sentence = f"a dose every {records.interval[k]:g} {data.model.time}; is II in another unit?"
        yield data.found(ODD, "II", sentence, short)
    negative = records.time < 0
    if negative.any():
        sentence = "times below 0; the model starts with the first record of each patient"
        yield data.found(NOTE, "TIME", sentence, negative)


def amounts(data: DataSet) -> Iterator[Finding]:
    """Doses far from each other or from those that the model was made for; doses of 0."""
    records = data.records
    for place, into in enumerate(data.model.doses):
        given = data.dosed & (records.target == place)
        doses = records.amount[given]
        for sentence in plausibility.of_amounts(data.model, into.state, into.unit, doses):
            yield Finding(ODD, "AMT", sentence)
    nothing = data.dosed & (records.amount == 0) & (records.steady == 0)
    if nothing.any():
        yield data.found(NOTE, "AMT", "a dose of 0, as of a placebo", nothing)


def observed_cells(data: DataSet) -> Iterator[Finding]:
    """Cells of observations that are no numbers, are missing, below 0, or not looked at."""
    if not data.observed:
        yield Finding(NOTE, "DV", "no column of observations: DV, or the name of an output")
    for each in data.observed:
        yield from _no_numbers(data, each)
        value = each.value
        marked = data.numbers("MDV")
        if marked is not None:
            hidden = (marked == 1) & ~data.dosed & each.written & (value != 0)
            sentence = "a value on a record with MDV 1, which is not looked at"
            yield from _where(data, NOTE, each.column, sentence, hidden)
        unmarked = data.dosed & each.written & (value != 0)
        sentence = "a value on the record of a dose, which is not looked at"
        yield from _where(data, ODD, each.column, sentence, unmarked)
        negative = data.looked & (value < 0)
        yield from _where(data, ODD, each.column, "an observation below 0", negative)
        zero = data.looked & (value == 0) & (_since_first_dose(data) > 0)
        sentence = "0 after a dose; is that below the limit of quantification?"
        yield from _where(data, NOTE, each.column, sentence, zero)
    if len(data.observed) == 1:
        empty = data.looked & ~data.observed[0].written
        sentence = "no value: the time is simulated, and there is nothing to compare"
        yield from _where(data, NOTE, data.observed[0].column, sentence, empty)


def _no_numbers(data, each):
    """Findings on cells of observations that say no number."""
    sentence = (
        "a value below the limit of quantification: read by pkpd nca alone; for pkpd vpc write the "
        "limit in its place and give it as --limit"
    )
    yield from _where(data, ODD, each.column, sentence, data.looked & each.below)
    if each.wrong:
        places = np.array(sorted(each.wrong))
        sentence = f"{not_a_number(each.wrong[places[0]])}; no observation can be compared"
        yield data.found(REFUSED, each.column, sentence, places)


def _where(data, grade, column, sentence, mask):
    """The finding on records of a mask, if there are any."""
    if mask.any():
        yield data.found(grade, column, sentence, mask)


def _since_first_dose(data):
    """(M,) time since the patient's first dose, NaN without one."""
    start = np.full(len(data.records.ids), np.nan)
    for person in range(len(start)):
        times = data.dose_times(person)
        start[person] = times.min() if len(times) else np.nan
    return data.records.time - start[data.records.person]


def scale_of_people(data: DataSet) -> Iterator[Finding]:
    """People whose observations are in another unit than everybody else's, by their medians."""
    for each in data.observed:
        fine = data.looked & (each.value > 0)
        for kind in dict.fromkeys(data.kind[fine]):
            yield from _scale(data, each, fine & (data.kind == kind))


def _scale(data, each, rows):
    """Findings on the scale of people's observations of one quantity."""
    import pandas as pd

    person = data.records.person
    medians = pd.Series(each.value[rows]).groupby(person[rows]).median()
    if len(medians) < FEWEST:
        return
    middle = medians.median()
    for place, median in medians[(medians > FAR * middle) | (medians < middle / FAR)].items():
        sentence = (
            f"the median of ID {data.records.names[place]} is {median:.4g}, that of all people "
            f"{middle:.4g}; is the unit right?"
        )
        yield data.found(ODD, each.column, sentence, rows & (person == place))


def several_quantities(data: DataSet) -> Iterator[Finding]:
    """Observations of several quantities in one column, which nothing here keeps apart."""
    for each in data.observed:
        seen = data.looked & each.written
        kinds = list(dict.fromkeys(data.kind[seen]))
        if len(kinds) > 1:
            sentence = (
                f"observations of {', '.join(kinds[:6])} in one column; each of them is compared "
                "with one output, so keep those of one in the table"
            )
            yield Finding(ODD, each.column, sentence)


def inputs(data: DataSet) -> Iterator[Finding]:
    """Covariates and parameters of the table: missing, changing, unlikely."""
    items = {item.name: item for item in data.model.inputs}
    for name, values in data.records.inputs.items():
        yield from _missing(data, name, np.isnan(values))
        yield from _changing(data, name, values)
        given = values[~np.isnan(values)]
        if items[name] in data.model.covariates:
            for sentence in plausibility.of_values(items[name], given):
                yield Finding(ODD, name, sentence)


def _missing(data, name, empty):
    """Findings on inputs without a value: at some records of a patient, or at all of them."""
    count = len(data.records.ids)
    without = np.ones(count, bool)
    without[data.records.person[~empty]] = False
    whole = without[data.records.person]
    if without.any():
        sentence = f"is empty for {without.sum()} of {count} people, who are drawn from the model"
        yield data.found(ODD, name, sentence, data.records.first[:-1][without])
    sentence = "is missing; the value of the patient's next record with one stands in"
    yield from _where(data, ODD, name, sentence, empty & ~whole)


def _changing(data, name, values):
    """A note on inputs that change in the course of a patient."""
    records = data.records
    follows = np.append(False, records.person[1:] == records.person[:-1])
    changed = follows & np.append(False, values[1:] != values[:-1])
    changed &= ~np.isnan(values) & ~np.append(True, np.isnan(values[:-1]))
    sentence = "changes in the course of a patient, from the record before to this one"
    yield from _where(data, NOTE, name, sentence, changed)


def how_it_was_read(data: DataSet) -> Iterator[Finding]:
    """How the file was read."""
    for note in data.table.notes:
        yield Finding(NOTE, "table", note)
    if data.records.labels is not None:
        yield Finding(NOTE, "ID", "texts: people are numbered in the order of the table")
    if "ID" not in data.table.columns:
        yield Finding(NOTE, "ID", "no column: the records are everybody's")
    for name, cells in data.table.columns.items():
        if name.lower() == "cont" and (~np.isin(stripped(cells), ("", ".", "0"))).any():
            yield Finding(ODD, name, columns.NOT_UNDERSTOOD["cont"])


ODDITIES = (
    *(undosed, duplicates, additional, infusions, intervals, amounts, observed_cells),
    *(scale_of_people, several_quantities, inputs, how_it_was_read),
)
