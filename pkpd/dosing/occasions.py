"""When occasions begin: with each dose, or after each period.

Knows times and dose records; knows nothing of patients or of the inputs that vary.
"""

from dataclasses import replace

import numpy as np

from pkpd import units
from pkpd.dosing.events import counted, until_restart
from pkpd.dosing.records import DOSE, OTHER
from pkpd.errors import DoseError, PkpdError
from pkpd.symbolic.quantities import quantity

MOST = 100_000  # of one patient


def period(occasion, time):
    """Length in model time of an occasion such as "7 d"; None for "dose", 0 for "none".

    Raises DoseError.
    """
    if occasion in ("dose", "none"):
        return None if occasion == "dose" else 0.0
    try:
        length = quantity(occasion, time)
    except PkpdError as error:
        raise DoseError(
            f"occasion '{occasion}' must be dose, none or a length of time such as '7 d'."
        ) from error
    if length <= 0:
        raise DoseError(f"occasion '{occasion}' must be longer than 0.")
    return length


def beginnings(model, regimen, occasion, end):
    """(C,) increasing model times at which the occasions of a regimen begin, up to `end`.

    occasion : "dose", "none" (no times), or the length of a period that is counted from time 0

    The first occasion also holds before its time. Raises DoseError.
    """
    length = period(occasion, model.time)
    if length == 0:
        return np.zeros(0)
    if length is None:
        hours = [phase.start + phase.every * np.arange(phase.count) for phase in regimen.phases]
        times = np.unique(np.concatenate(hours)) * units.factor("h", model.time)
        times = times[: max(int(np.searchsorted(times, end, side="right")), 1)]
    else:
        count = min(max(np.ceil(end / length), 1), MOST + 1)
        times = length * np.arange(int(count))
    if len(times) > MOST:
        raise _too_many()
    return times


def _too_many():
    return DoseError(
        f"More than {MOST:,} occasions for each patient are refused; choose a longer period."
    )


def written_out(model, records, clock, carry, length=None, end=-np.inf):
    """The records, with each additional dose and each beginning of a period as a record of its own.

    Parameters
    ----------
    clock : (M,) model time, never falling within a patient
    carry : as in pkpd.dosing.timeline; length : of a period, or None
    end : model time up to which the patients are followed beyond their last records

    Returns
    -------
    Records; (M',) whether each is one of the table's; (M',) number of its occasion, by doses or by
    periods from time 0. Raises DoseError.
    """
    until = np.maximum(clock[records.first[1:] - 1], end)  # (P,)
    source, time, dose = _additional(records, clock, until)
    if length is not None:
        more, at = _periods(records, clock, length, until)
        source, time = np.concatenate([source, more]), np.concatenate([time, at])
        dose = np.concatenate([dose, np.zeros(len(more), bool)])
    count = len(records)
    index = np.concatenate([np.arange(count), source])
    now = np.concatenate([clock, _snapped(records, clock, source, time)])
    real = np.arange(len(index)) < count
    order = np.lexsort((real, now, records.person[index]))
    index, now, real = index[order], now[order], real[order]
    given = np.concatenate([records.target >= 0, dose])[order]
    of_doses = {name for d in model.doses for name in (d.f, d.lag, d.rate, d.duration)}
    full = _merged(records, clock, index, now, real, given, carry, of_doses)
    if length is None:
        return full, real, _by_dose(full, now, given)
    periods = np.floor(now / length * (1 + 1e-12)).astype(np.int64)
    return full, real, np.maximum(periods, 0)


def _additional(records, clock, until):
    """Record (E,), model time (E,) and True for each additional dose up to `until` (P,)."""
    pick, number = counted(records.additional)
    time = clock[pick] + (number + 1) * records.interval[pick]
    due = time <= np.minimum(until_restart(records, clock), until[records.person])[pick]
    return pick[due], time[due], np.ones(due.sum(), bool)


def _periods(records, clock, length, until):
    """The beginnings of periods after a patient's first record and up to `until` (P,).

    Returns the record (E,) before each, and its model time (E,).
    """
    sources, times = [np.zeros(0, np.int64)], [np.zeros(0)]
    for first, after, last in zip(records.first[:-1], records.first[1:], until, strict=True):
        of_patient = clock[first:after]
        lowest, highest = max(np.floor(of_patient[0] / length) + 1, 1), np.floor(last / length)
        if highest - lowest > MOST:
            raise _too_many()
        times.append(length * np.arange(lowest, highest + 1))
        sources.append(first + np.searchsorted(of_patient, times[-1], side="right") - 1)
    return np.concatenate(sources), np.concatenate(times)


def _snapped(records, clock, source, time):
    """The times (E,), those within rounding of a later record of the patient at that record's."""
    snapped = time.copy()
    for p in np.unique(records.person[source]):
        at = np.flatnonzero(records.person[source] == p)
        of_patient = clock[records.first[p] : records.first[p + 1]]
        place = np.searchsorted(of_patient, time[at] * (1 - 1e-11))
        near = of_patient[np.clip(place, 0, len(of_patient) - 1)]
        same = np.abs(near - time[at]) <= 1e-11 * np.maximum(np.abs(near), 1.0)
        snapped[at] = np.where(same, near, time[at])
    return snapped


def _merged(records, clock, index, now, real, given, carry, of_doses):
    """Records in which those that the table does not write out have their time and inputs.

    of_doses : names of bioavailability, lag, rate and duration, which an additional dose has from
        its record
    """
    import pandas as pd

    place = np.arange(len(index))
    following = np.minimum.accumulate(np.where(real, place, len(index))[::-1])[::-1]
    before = np.maximum.accumulate(np.where(real, place, -1))
    person = records.person[index]
    # after a patient's last record the inputs stay what they were
    none = (following == len(index)) | (person[np.minimum(following, len(index) - 1)] != person)
    following = np.where(none, before, following)
    inputs = {}
    for name, values in records.inputs.items():
        known = pd.Series(values).groupby(records.person).ffill().to_numpy()
        if carry == "linear":
            held = np.full(len(index), np.nan)
        else:
            held = known[index[following if carry == "backward" else before]]
        added = np.where(given, known[index], held) if name in of_doses else held
        inputs[name] = np.where(real, values[index], added)
    counts = np.bincount(person, minlength=len(records.ids))
    time, evid = records.time[index], records.evid[index]
    dosed = real | given
    return replace(
        records,
        first=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        row=records.row[index],
        time=np.where(real, time, time + (now - clock[index])),
        evid=np.where(real, evid, np.where(given, DOSE, OTHER)).astype(evid.dtype),
        amount=np.where(dosed, records.amount[index], 0.0),
        rate=np.where(dosed, records.rate[index], 0.0),
        interval=np.where(real, records.interval[index], 0.0),
        additional=np.zeros(len(index), np.int64),
        steady=np.where(real, records.steady[index], 0).astype(records.steady.dtype),
        target=np.where(given, records.target[index], -1),
        inputs=inputs,
    )


def _by_dose(records, clock, given):
    """Number (M,) of each record's occasion.

    The first dose and all before it have 0; doses at one time share an occasion.
    """
    last = np.maximum.accumulate(np.where(given, np.arange(len(given)), -1))
    earlier = np.concatenate([[-1], last[:-1]])
    same = (earlier >= records.first[:-1][records.person]) & (clock[earlier] == clock)
    total = np.cumsum(given & ~same)
    start = total[records.first[:-1]] - (given & ~same)[records.first[:-1]]
    return np.maximum(total - start[records.person] - 1, 0)
