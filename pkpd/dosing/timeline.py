"""Records of an event table and the inputs of patients become what a solver needs: sorted actions, changing inputs, output times.

Between records the inputs of the table are those of the next record (as in NONMEM), of the last one, or on the line between. At equal times doses
of earlier records come first, then the records in the order of the table. Knows no solver.
"""

from dataclasses import dataclass

import numpy as np

from pkpd.dosing.actions import ADD, LOOK, PERSON, RATE, Actions
from pkpd.dosing.events import (
    INPUTS,
    LOOKING,
    NEXT,
    STEPS,
    UNDERWAY,
    Doses,
    Events,
    events_at,
    joined,
)
from pkpd.errors import DoseError
from pkpd.symbolic import parse

CARRIES = ("backward", "forward", "linear")
SAME = 1e-11  # times that close to a record's, relative to their size, are the record's


@dataclass(frozen=True)
class SteadyStates:
    """R steady states to be found before the run.

    inputs : (R,) row of theta; interval : (R,) model time; actions : those of one interval; patient, time : (R,) whose and when
    """

    inputs: np.ndarray
    interval: np.ndarray
    actions: Actions
    patient: np.ndarray
    time: np.ndarray


@dataclass(frozen=True)
class Timeline:
    """What happens to P patients.

    theta : (V, K) inputs, one row for each change; inputs : (P,) row of theta at the start; start, end : (P,) model time
    actions : PERSON actions name rows of theta, SET and PLUS actions steady states, LOOK actions output rows of their patient
    times, slot, points, place : output times, as pkpd.solvers.batch.Grid; patient p owns the output rows place[p]:place[p+1],
        first its records in order, then the extra times
    """

    theta: np.ndarray
    inputs: np.ndarray
    start: np.ndarray
    end: np.ndarray
    actions: Actions
    times: np.ndarray
    slot: np.ndarray
    points: np.ndarray
    place: np.ndarray
    steady: SteadyStates


def timeline(
    model, records, theta, times=(), carry="backward", moving=(), occasion=None, effect=None
):
    """Timeline of the records of P patients.

    Parameters
    ----------
    theta : (P, K) inputs of the patients; columns of the table replace them
    times : (T,) more output times, the same for everybody
    carry : "backward": between records, inputs of the table are those of the next record, as in NONMEM; "forward": of the last;
        "linear": on the line between both
    moving : inputs that the solver's model has as states after those of `model` (pkpd.symbolic.inputs_as_states), for "linear"
    occasion : (M,) number of the occasion that each record begins or belongs to; effect(theta (N, K), patient (N,), occasion (N,))
        -> the inputs (N, K) on these occasions

    Raises DoseError for a dose that cannot be given, or a time that falls in a model that uses t.
    """
    if carry not in CARRIES:
        raise DoseError(
            f"Unknown way to carry inputs between records '{carry}'. Known: {', '.join(CARRIES)}."
        )
    times = np.asarray(times, dtype=float)
    clock = clock_of(model, records, times)
    theta, inputs = _inputs(model, records, theta, clock if carry == "linear" else None)
    before = inputs
    if occasion is not None:
        theta, inputs, before = _on_occasions(records, theta, inputs, occasion, effect)
    doses = Doses(model, records, theta[inputs], clock)
    changes = _changes(records, clock, inputs, before, carry, occasion)
    if carry == "linear":
        columns = [model.input_names.index(name) for name in moving]
        changes = joined(
            [changes, _lines(records, clock, theta[inputs][:, columns], len(model.states), doses)]
        )
    events = _snapped(joined([changes, doses.restarts(), doses.given()]), records, clock)
    actions, seen = _looked_at(events, records, clock)
    first, last = clock[records.first[:-1]], clock[records.first[1:] - 1]
    every, at, parts = doses.steady_states()
    steady = SteadyStates(inputs[at], every, _sorted(parts, len(at)), records.person[at], clock[at])
    return Timeline(
        theta,
        inputs[records.first[:-1]],
        np.minimum(first, times[0]) if len(times) else first,
        np.maximum(last, times[-1]) if len(times) else last,
        actions,
        *_grid(records, clock, seen, times),
        steady,
    )


def clock_of(model, records, times):
    """(M,) model time that never falls within a patient: after a reset that turned time back it goes on counting."""
    time = records.time
    fall = np.concatenate([[0.0], np.maximum(time[:-1] - time[1:], 0.0)])
    fall[records.first[:-1]] = 0.0
    if not fall.any():
        return time
    texts = [s.rate for s in model.states] + [a.expression for a in model.assignments]
    if len(times) or any("t" in parse.names(parse.tree(text)) for text in texts):
        row = records.row[np.flatnonzero(fall)[0]]
        raise DoseError(
            f"{records.name}: row {row} turns time back, which goes together neither with extra output times or a window nor with a model that uses t."
        )
    total = np.cumsum(fall)
    return time + total - total[records.first[:-1]][records.person]


def _inputs(model, records, base, clock):
    """Rows of inputs (V, K) and the row in force at each record (M,). With a clock, missing values are interpolated."""
    person = records.person
    if not records.inputs:
        return base, person
    columns = [model.input_names.index(n) for n in records.inputs]
    values = np.column_stack(
        [
            _filled(person, v, base[person, k], clock)
            for k, v in zip(columns, records.inputs.values(), strict=True)
        ]
    )
    new = np.concatenate([[True], (values[1:] != values[:-1]).any(axis=1)])
    new[records.first[:-1]] = True
    theta = base[person[new]]
    theta[:, columns] = values[new]
    return theta, np.cumsum(new) - 1


def _filled(person, values, usual, clock):
    """(M,) values of one column; a missing one is that of the record before, or on the line to the next if there is a clock; before
    the first known one it is that, and the patient's own where none is known."""
    import pandas as pd

    if clock is not None and np.isnan(values).any():
        for p in np.unique(person[np.isnan(values)]):
            rows = np.flatnonzero(person == p)
            known = rows[~np.isnan(values[rows])]
            values[rows] = (
                np.interp(clock[rows], clock[known], values[known]) if len(known) else np.nan
            )
    filled = pd.Series(values).groupby(person).ffill().groupby(person).bfill().to_numpy()
    return np.where(np.isnan(filled), usual, filled)


def _on_occasions(records, theta, inputs, occasion, effect):
    """Inputs (V, K) on occasions, and their rows in force at each record (M,) and, with the record's own inputs, just before it (M,)."""
    last = np.concatenate([occasion[:1], occasion[:-1]])
    last[records.first[:-1]] = occasion[records.first[:-1]]
    pairs = np.stack([np.tile(inputs, 2), np.concatenate([occasion, last])], axis=1)
    rows, place = np.unique(pairs, axis=0, return_inverse=True)
    owner = np.zeros(len(theta), np.int64)
    owner[inputs] = records.person
    return effect(theta[rows[:, 0]], owner[rows[:, 0]], rows[:, 1]), *np.split(place.ravel(), 2)


def _changes(records, clock, inputs, before, carry, occasion):
    """Events that bring the inputs of a record into force: rows `inputs` (M,) at it, rows `before` (M,) on the way to it."""

    def changed(values):
        moved = np.concatenate([[False], values[1:] != values[:-1]])
        moved[records.first[:-1]] = False
        return moved

    if carry == "forward":
        at = np.flatnonzero(changed(inputs))
        return events_at(records.person[at], clock[at], at * STEPS + INPUTS, PERSON, inputs[at])
    begins = np.flatnonzero(changed(occasion)) if occasion is not None else np.zeros(0, np.int64)
    lists = [
        events_at(
            records.person[begins], clock[begins], begins * STEPS + INPUTS, PERSON, inputs[begins]
        )
    ]
    if carry == "backward":
        # on the way to a record its inputs hold already, but still on the occasion of the record before
        at = np.flatnonzero(changed(before) | changed(inputs))
        lists.append(
            events_at(
                records.person[at], clock[at - 1], (at - 1) * STEPS + NEXT, PERSON, before[at]
            )
        )
    return joined(lists)


def _lines(records, clock, values, first, doses):
    """Events that move the states first, first + 1, ... of each patient along the line through `values` (M, J) of its records.

    Whatever a reset or a steady state does to these states is undone.
    """
    count = len(clock)
    ends = np.zeros(count, bool)
    ends[records.first[1:] - 1] = True
    gap = np.append(np.diff(clock), 1.0)
    rise = np.vstack([np.diff(values, axis=0), np.zeros((1, values.shape[1]))])
    rise[ends] = 0.0
    slope = np.where(gap[:, None] > 0, rise / np.where(gap > 0, gap, 1.0)[:, None], 0.0)
    before = np.vstack([np.zeros((1, values.shape[1])), slope[:-1]])
    before[records.first[:-1]] = 0.0
    cleared, fresh, joins = doses.cleared()
    begun = values[records.first[:-1]][records.person]
    repair = np.where(fresh[:, None], values - begun, 0.0) - joins[:, None] * values
    slope, jump = (
        slope - np.where(cleared[:, None], 0.0, before),
        np.where(gap[:, None] > 0, 0.0, rise),
    )
    lists = []
    for step, kind, amount in ((UNDERWAY, ADD, repair), (NEXT, RATE, slope), (NEXT, ADD, jump)):
        at, j = np.nonzero(amount)
        lists.append(
            events_at(
                records.person[at], clock[at], at * STEPS + step, kind, first + j, amount[at, j]
            )
        )
    return joined(lists)


def _snapped(events, records, clock):
    """The events, those within rounding of a record's time at that time."""
    row = np.concatenate([records.person, events.row])
    time = np.concatenate([clock, events.time])
    known = np.arange(len(row)) < len(clock)
    order = np.lexsort((~known, time, row))
    row, time, known = row[order], time[order], known[order]
    place = np.arange(len(row))
    before = np.maximum.accumulate(np.where(known, place, -1))
    after = np.minimum.accumulate(np.where(known, place, len(row))[::-1])[::-1]
    snapped = time.copy()
    for near in (np.maximum(before, 0), np.minimum(after, len(row) - 1)):
        close = (
            known[near]
            & (row[near] == row)
            & (np.abs(time[near] - time) <= SAME * np.maximum(np.abs(time), 1.0))
        )
        snapped = np.where(close, time[near], snapped)
    out = np.empty(len(row))
    out[order] = snapped
    return Events(
        events.row, out[len(clock) :], events.order, events.kind, events.state, events.amount
    )


def _sorted(events, rows):
    """Actions of `rows` rows."""
    order = np.lexsort((events.order, events.time, events.row))
    start = np.concatenate([[0], np.cumsum(np.bincount(events.row, minlength=rows))]).astype(
        np.int64
    )
    return Actions(
        start,
        np.ascontiguousarray(events.time[order], dtype=np.float64),
        events.kind[order].astype(np.int8),
        events.state[order].astype(np.int32),
        np.ascontiguousarray(events.amount[order], dtype=np.float64),
    )


def _looked_at(events, records, clock):
    """Actions with a LOOK for each record that is followed by something at its own time, and which records (M,) those are.

    The others are read from the dense output, which cuts no step.
    """
    slot = np.arange(len(records)) - records.first[:-1][records.person]
    every = joined(
        [
            events,
            events_at(records.person, clock, np.arange(len(records)) * STEPS + LOOKING, LOOK, slot),
        ]
    )
    order = np.lexsort((every.order, every.time, every.row))
    row, time, real = every.row[order], every.time[order], every.kind[order] != LOOK
    moment = (
        np.cumsum(np.concatenate([[True], (row[1:] != row[:-1]) | (time[1:] != time[:-1])])) - 1
    )
    last = np.full(moment[-1] + 1, -1)
    np.maximum.at(last, moment[real], np.flatnonzero(real))
    keep = np.empty(len(order), bool)
    keep[order] = real | (np.arange(len(order)) < last[moment])
    kept = Events(
        *(getattr(every, f)[keep] for f in ("row", "time", "order", "kind", "state", "amount"))
    )
    return _sorted(kept, len(records.ids)), keep[len(events.row) :]


def _grid(records, clock, looked, times):
    """times, slot, points, place of the records that no LOOK sees and of the extra times."""
    counts, patients = np.diff(records.first), len(records.ids)
    rest = np.flatnonzero(~looked)
    row = np.concatenate([records.person[rest], np.repeat(np.arange(patients), len(times))])
    time = np.concatenate([clock[rest], np.tile(times, patients)])
    slot = np.concatenate(
        [
            rest - records.first[:-1][records.person[rest]],
            (counts[:, None] + np.arange(len(times))).ravel(),
        ]
    )
    order = np.lexsort((slot, time, row))
    ends = np.cumsum(np.bincount(row, minlength=patients))
    points = np.column_stack([np.concatenate([[0], ends[:-1]]), ends])
    place = np.concatenate([[0], np.cumsum(counts + len(times))])
    return (
        np.ascontiguousarray(time[order]),
        slot[order].astype(np.int64),
        points.astype(np.int64),
        place.astype(np.int64),
    )
