"""Figure of a data set as it is: observations by time, with its doses as marks.

Knows data sets; computes nothing.
"""

import numpy as np

from pkpd.datasets.findings import MOST_IMPLIED
from pkpd.errors import ResultError
from pkpd.report.figures import style
from pkpd.report.words import datasets as words

MOST_PANELS = 12
MOST_COLUMNS = 3
WIDE = 30.0  # largest over smallest value, from which the axis is logarithmic
MOST_MARKS = 400  # of doses in a panel


def raw(found):
    """A panel for each column of observations, and in it for each DVID or CMT; a line a patient.

    Without observations the amounts of the doses by time.
    """
    data = found.records
    if data is None:
        raise ResultError(f"{found.data} holds no records to draw.")
    panels = _panels(data)
    columns = max(1, min(MOST_COLUMNS, len(panels)))
    bands = -(-len(panels) // columns) or 1
    drawing = style.figure(max(4.4 * columns, 6.4) + 0.6, 3.4 * bands + 0.9)
    span = _span(data, bool(panels))
    scale, unit = style.clinician_time(span, found.model.time)
    time = f"time ({unit})"
    for place, (column, kind, values) in enumerate(panels):
        axes = drawing.add_subplot(bands, columns, place + 1)
        _people(axes, data, values, scale)
        _doses(axes, data, span, scale)
        style.clean(axes, time, column, kind or None)
    if not panels:
        axes = drawing.add_subplot()
        _amounts(axes, data, scale)
        style.clean(axes, time, "AMT")
    style.heading(drawing, f"{found.data} as it is")
    style.caption(drawing, [words.size(found), _how_to_read(panels)])
    return drawing


def _panels(data):
    """[(column, kind, (M,) values, NaN of other records)] of observations."""
    found = []
    for each in data.observed:
        fine = data.looked & np.isfinite(each.value)
        for kind in dict.fromkeys(data.kind[fine]):
            rows = fine & (data.kind == kind)
            found.append((each.column, kind, np.where(rows, each.value, np.nan)))
    return found[:MOST_PANELS]


def _span(data, observed):
    """First and last time of the records, of the additional doses too where nothing is observed."""
    times = data.records.time
    if not observed:
        times = np.concatenate([times, data.last_dose[data.dosed]])
    times = times[np.isfinite(times)]
    return np.array([times.min(), times.max()]) if len(times) else np.zeros(2)


def _amounts(axes, data, scale):
    """The amount of each dose at its time, additional ones included."""
    for person in range(len(data.records.ids)):
        own = slice(data.records.first[person], data.records.first[person + 1])
        dosed = data.dosed[own]
        counts = np.minimum(data.records.additional[own][dosed], MOST_IMPLIED) + 1
        amounts = np.repeat(data.records.amount[own][dosed], counts)
        look = {"color": style.ORANGE, "ms": 4, "alpha": 0.6}
        axes.plot(data.dose_times(person) * scale, amounts, "o", **look)
    axes.set_ylim(bottom=0)


def _people(axes, data, values, scale):
    """A line with points for each patient, on a log axis where the values are wide apart."""
    shown = np.flatnonzero(np.isfinite(values) & np.isfinite(data.records.time))
    person = data.records.person[shown]
    times, values = data.records.time[shown] * scale, values[shown]
    people = np.unique(person)
    look = {"linewidth": 0.8, "ms": 2.6}
    if len(data.records.ids) <= len(style.CYCLE):
        for place in people:
            name, own = f"ID {data.records.names[place]}", person == place
            axes.plot(times[own], values[own], "o-", color=style.CYCLE[place], label=name, **look)
        if len(people) > 1:
            axes.legend(frameon=False, fontsize=7)
    else:
        ends = np.flatnonzero(np.diff(person)) + 1  # where a line ends, a gap is put in
        faint = 0.45 if len(people) <= 40 else 0.2
        broken = (np.insert(each, ends, np.nan) for each in (times, values))
        axes.plot(*broken, "o-", color=style.BLUE, alpha=faint, **look)
    positive = values[values > 0]
    if len(positive) and positive.max() > WIDE * positive.min():
        style.log_axis(axes.yaxis, positive.min(), positive.max())


def _doses(axes, data, span, scale):
    """A mark under the axis at each time at which somebody has a dose."""
    times = np.unique(np.concatenate(list(map(data.dose_times, range(len(data.records.ids))))))
    times = times[(times >= span[0]) & (times <= span[1])]
    times = times[:: -(-len(times) // MOST_MARKS) or 1]
    look = {"color": style.ORANGE, "ms": 7, "mew": 1.2, "clip_on": False}
    transform = axes.get_xaxis_transform()
    axes.plot(times * scale, np.zeros(len(times)), "|", transform=transform, **look)


def _how_to_read(panels):
    if not panels:
        return "The table has no observations. Points: doses, additional ones included."
    return (
        "Points: observations; lines join those of a patient. Marks below: doses. Values of 0 and "
        "below are not seen on a logarithmic axis."
    )
