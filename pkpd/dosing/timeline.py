"""Records and patients' inputs become a timeline: sorted actions, changing inputs, output times.

Between records the inputs of the table are those of the next record (as in NONMEM), of the last
one, or on the line between. At equal times doses of earlier records come first, then the records in
the order of the table. Knows records and inputs; knows nothing of solvers.
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
    all_doses,
    events_at,
    joined,
    kept,
)
from pkpd.dosing.moments import at, together
from pkpd.errors import DoseError
from pkpd.symbolic import parse

CARRIES = ("backward", "forward", "linear")


@dataclass(frozen=True)
class SteadyStates:
    """R steady states to be found before the run.

    inputs : (R,) row of theta; interval : (R,) model time; actions : those of one interval
    patient, time : (R,) whose and when
    """

    inputs: np.ndarray
    interval: np.ndarray
    actions: Actions
    patient: np.ndarray
    time: np.ndarray


@dataclass(frozen=True)
class Timeline:
    """What happens to P patients.

    theta : (V, K) inputs, one row for each change; inputs : (P,) row of theta at the start
    start, end : (P,) model time
    actions : PERSON actions name rows of theta, SET and PLUS actions steady states, LOOK actions
        output rows of their patient
    times, slot, points, place : output times, as pkpd.solvers.batch.Grid; patient p owns the output
        rows place[p]:place[p+1], first its records in order, then the extra times
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
    carry : between records, inputs of the table are those of the next record, as in NONMEM
        ("backward"), of the last ("forward"), or on the line between both ("linear")
    moving : for "linear", inputs that the solver's model has as states after those of `model`
        (pkpd.symbolic.inputs_as_states)
    occasion : (M, J) number of each drug's occasion that each record begins or belongs to
    effect : (theta (N, K), patient (N,), occasion (N, J)) -> the inputs (N, K) on these occasions

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
    entering = all_doses(model, records, theta[inputs], clock, times)
    doses = entering[0]
    changes = _changes(records, clock, inputs, before, carry, occasion)
    if carry == "linear":
        columns = list(map(model.input_names.index, moving))
        values = theta[inputs][:, columns]
        changes = joined([changes, _lines(records, clock, values, len(model.states), doses)])
    events = joined([changes, doses.restarts(), *(each.given() for each in entering)])
    actions, by_look = _looked_at(events, records, clock)
    start, end = clock[records.first[:-1]], clock[records.first[1:] - 1]
    if len(times):
        start, end = np.minimum(start, times[0]), np.maximum(end, times[-1])
    every, at, _ = doses.steady_states()
    parts = joined([each.steady_states()[2] for each in entering])
    steady = SteadyStates(inputs[at], every, _sorted(parts, len(at)), records.person[at], clock[at])
    return Timeline(
        theta,
        inputs[records.first[:-1]],
        start,
        end,
        actions,
        *_grid(records, clock, by_look, times),
        steady,
    )


def clock_of(model, records, times):
    """(M,) model time that never falls within a patient.

    Records at the same time as one of `times` (T,), or as each other, stand exactly there. After a
    reset that turns time back the clock counts on. Raises DoseError where that makes no sense.
    """
    time = at(together(records.person, records.time), times)
    fall = np.concatenate([[0.0], np.maximum(time[:-1] - time[1:], 0.0)])
    fall[records.first[:-1]] = 0.0
    if not fall.any():
        return time
    if len(times) or parse.uses_time(model.expressions):
        row = records.row[np.flatnonzero(fall)[0]]
        raise DoseError(
            f"{records.name}: row {row} turns time back, which goes together neither with extra "
            "output times or a window nor with a model that uses t."
        )
    total = np.cumsum(fall)
    return time + total - total[records.first[:-1]][records.person]


def _inputs(model, records, base, clock):
    """Rows of inputs (V, K) and the row in force at each record (M,).

    clock : (M,) times between which missing values are interpolated, or None
    """
    person = records.person
    if not records.inputs:
        return base, person
    columns = list(map(model.input_names.index, records.inputs))
    pairs = zip(columns, records.inputs.values(), strict=True)
    values = np.column_stack([_filled(person, v, base[person, k], clock) for k, v in pairs])
    new = np.concatenate([[True], (values[1:] != values[:-1]).any(axis=1)])
    new[records.first[:-1]] = True
    theta = base[person[new]]
    theta[:, columns] = values[new]
    return theta, np.cumsum(new) - 1


def _filled(person, values, usual, clock):
    """(M,) values of one column without gaps.

    A missing value is that of the record before, or lies on the line to the next if there is a
    clock; before the first known one it is that one, and where none is known the patient's `usual`.
    """
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
    """Inputs (V, K) on occasions, and which row is in force at each record and just before it.

    Both (M,); just before a record its own inputs hold on the occasion of the record before.
    """
    last = np.concatenate([occasion[:1], occasion[:-1]])
    last[records.first[:-1]] = occasion[records.first[:-1]]
    pairs = np.column_stack([np.tile(inputs, 2), np.concatenate([occasion, last])])
    rows, place = np.unique(pairs, axis=0, return_inverse=True)
    owner = np.zeros(len(theta), np.int64)
    owner[inputs] = records.person
    moved = effect(theta[rows[:, 0]], owner[rows[:, 0]], rows[:, 1:])
    return moved, *np.split(place.ravel(), 2)


def _changes(records, clock, inputs, before, carry, occasion):
    """Events that bring the inputs of records into force.

    inputs, before : (M,) rows of theta at each record and on the way to it
    """

    def changed(values):
        values = values.reshape(len(values), -1)
        moved = np.concatenate([[False], (values[1:] != values[:-1]).any(axis=1)])
        moved[records.first[:-1]] = False
        return moved

    if carry == "forward":
        at = np.flatnonzero(changed(inputs))
        return events_at(records.person[at], clock[at], at * STEPS + INPUTS, PERSON, inputs[at])
    at = np.flatnonzero(changed(occasion)) if occasion is not None else np.zeros(0, np.int64)
    lists = [events_at(records.person[at], clock[at], at * STEPS + INPUTS, PERSON, inputs[at])]
    if carry == "backward":
        # on the way to a record its inputs hold, still on the occasion of the record before
        at = np.flatnonzero(changed(before) | changed(inputs))
        order = (at - 1) * STEPS + NEXT
        lists.append(events_at(records.person[at], clock[at - 1], order, PERSON, before[at]))
    return joined(lists)


def _lines(records, clock, values, first, doses):
    """Events that move states of a patient along the line through `values` (M, J) of its records.

    The states are number `first`, first + 1, ...; what a reset or a steady state does to them is
    undone.
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
    bend = slope - np.where(cleared[:, None], 0.0, before)
    jump = np.where(gap[:, None] > 0, 0.0, rise)
    lists = []
    for step, kind, amount in ((UNDERWAY, ADD, repair), (NEXT, RATE, bend), (NEXT, ADD, jump)):
        at, j = np.nonzero(amount)
        person, order = records.person[at], at * STEPS + step
        lists.append(events_at(person, clock[at], order, kind, first + j, amount[at, j]))
    return joined(lists)


def _sorted(events, rows):
    """Actions of `rows` rows."""
    order = np.lexsort((events.order, events.time, events.row))
    ends = np.cumsum(np.bincount(events.row, minlength=rows))
    return Actions(
        np.concatenate([[0], ends]).astype(np.int64),
        np.ascontiguousarray(events.time[order], dtype=np.float64),
        events.kind[order].astype(np.int8),
        events.state[order].astype(np.int32),
        np.ascontiguousarray(events.amount[order], dtype=np.float64),
    )


def _looked_at(events, records, clock):
    """Actions with a LOOK for each record that something follows at its own time.

    Returns them and which records (M,) those are. The others are read from the dense output, which
    cuts no step.
    """
    slot = np.arange(len(records)) - records.first[:-1][records.person]
    looking = np.arange(len(records)) * STEPS + LOOKING
    every = joined([events, events_at(records.person, clock, looking, LOOK, slot)])
    order = np.lexsort((every.order, every.time, every.row))
    row, time, real = every.row[order], every.time[order], every.kind[order] != LOOK
    new = (row[1:] != row[:-1]) | (time[1:] != time[:-1])
    moment = np.cumsum(np.concatenate([[True], new])) - 1
    last = np.full(moment[-1] + 1, -1)
    np.maximum.at(last, moment[real], np.flatnonzero(real))
    keep = np.empty(len(order), bool)
    keep[order] = real | (np.arange(len(order)) < last[moment])
    return _sorted(kept(every, keep), len(records.ids)), keep[len(events.row) :]


def _grid(records, clock, looked, times) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """times, slot, points, place of the records that no LOOK sees and of the extra times."""
    counts, patients = np.diff(records.first), len(records.ids)
    rest = np.flatnonzero(~looked)
    row = np.concatenate([records.person[rest], np.repeat(np.arange(patients), len(times))])
    time = np.concatenate([clock[rest], np.tile(times, patients)])
    of_records = rest - records.first[:-1][records.person[rest]]
    of_times = counts[:, None] + np.arange(len(times))
    slot = np.concatenate([of_records, of_times.ravel()])
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
