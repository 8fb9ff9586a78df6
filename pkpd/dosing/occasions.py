"""When occasions begin: with each dose of a drug, or after each period.

Knows times, dose records and which targets a drug is dosed into; knows nothing of patients or of
the inputs that vary.
"""

from dataclasses import replace

import numpy as np

from pkpd import limits, units
from pkpd.dosing.events import counted, until_restart
from pkpd.dosing.moments import at, laps, together, window
from pkpd.dosing.records import DOSE, OTHER
from pkpd.errors import DoseError, PkpdError
from pkpd.symbolic.drugs import of_doses
from pkpd.symbolic.quantities import quantity

MOST = 100_000  # of one patient


def period(occasion, time):
    """Length in model time of an occasion such as "7 d"; None for "dose", 0 for "none".

    Raises DoseError.
    """
    limits.text(occasion, "occasion", DoseError)
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


def beginnings(model, regimen, occasion, end, drugs):
    """When occasions of a regimen begin, up to `end`, and the number of each drug's occasion then.

    occasion : "dose", "none" (no times), or the length of a period that is counted from time 0
    drugs : (J,) places in model.doses of the targets of each drug

    Returns (C,) increasing model times, those of all drugs, and (C, J) numbers. A drug's first
    occasion also holds before its time. Raises DoseError.
    """
    length = period(occasion, model.time)
    if length == 0 or not drugs:
        return np.zeros(0), np.zeros((0, len(drugs)), np.int64)
    if length is None:
        given = [_given(model, regimen, targets) for targets in drugs]
        times = np.concatenate(given)
        times = np.unique(together(np.zeros(len(times)), times))
        until = np.searchsorted(times, end + window(end), side="right")
        times = times[: int(until)] if until else np.append(times[:1], 0.0)[:1]
        own = [np.searchsorted(at(g, times), times, side="right") - 1 for g in given]
        numbers = np.maximum(np.column_stack(own), 0)
    else:
        count = min(max(np.ceil(end / length), 1), MOST + 1)
        times = length * np.arange(int(count))
        numbers = np.repeat(np.arange(len(times))[:, None], len(drugs), axis=1)
    if len(times) > MOST:
        raise _too_many()
    return times, numbers


def _given(model, regimen, targets):
    """(n,) increasing model times of the doses into targets, those at one time once."""
    places = model.dose_places | {None: 0}
    own = [phase.times for phase in regimen.phases if places[phase.into] in targets]
    times = np.concatenate([np.zeros(0), *own]) * units.factor("h", model.time)
    return np.unique(together(np.zeros(len(times)), times))


def _too_many():
    return DoseError(
        f"More than {MOST:,} occasions for each patient are refused; choose a longer period."
    )


def written_out(model, records, clock, carry, drugs, length=None, times=()):
    """The records, with each additional dose and each beginning of a period as a record of its own.

    Parameters
    ----------
    clock : (M,) model time, never falling within a patient
    carry : as in pkpd.dosing.timeline; length : of a period, or None
    drugs : (J,) places in model.doses of the targets of each drug
    times : (T,) increasing model times at which everybody is looked at, after the last record too

    Returns
    -------
    Records; (M',) whether each is one of the table's; (M', J) number of each drug's occasion, by
    its doses or by periods from time 0. Raises DoseError.
    """
    until = clock[records.first[1:] - 1]  # (P,)
    until = np.maximum(until, times[-1]) if len(times) else until
    doses, at_doses = _additional(records, clock)
    periods, at_periods = _periods(records, clock, length, until)
    index = np.concatenate([np.arange(len(records)), doses, periods])
    now = np.concatenate([clock, at_doses, at_periods])
    person = records.person[index]
    counts = len(records), len(doses), len(periods)
    real = np.repeat([True, False, False], counts)
    added = np.repeat([False, True, False], counts)
    now = at(together(person, now, real), times)
    restart = np.where(added, until_restart(records, clock)[index], np.inf)
    due = real | (now <= np.minimum(restart, until[person]))
    order = np.lexsort((real, now, person))
    order = order[due[order]]
    given = added | (real & (records.target[index] >= 0))
    index, now, real, given = index[order], now[order], real[order], given[order]
    names = {name for dosed in model.doses for name in of_doses(dosed)}
    full = _merged(records, clock, index, now, real, given, carry, names)
    if length is None:
        own = [_by_dose(full, now, given & np.isin(full.target, list(drug))) for drug in drugs]
        return full, real, np.column_stack(own)
    numbers = np.maximum(laps(now, length)[0].astype(np.int64), 0)
    return full, real, np.repeat(numbers[:, None], len(drugs), axis=1)


def _additional(records, clock):
    """Record (E,) and model time (E,) of each additional dose."""
    pick, number = counted(records.additional)
    return pick, clock[pick] + (number + 1) * records.interval[pick]


def _periods(records, clock, length, until):
    """The beginnings of periods after a patient's first record and up to `until` (P,).

    Returns the record (E,) before each, and its model time (E,); none without a length.
    """
    sources, times = [np.zeros(0, np.int64)], [np.zeros(0)]
    for p, last in enumerate(until if length is not None else ()):
        of_patient = clock[records.first[p] : records.first[p + 1]]
        lowest = max(laps(of_patient[0], length)[0] + 1, 1)
        highest = laps(last, length)[0]
        if highest - lowest > MOST:
            raise _too_many()
        times.append(length * np.arange(lowest, highest + 1))
        before = np.searchsorted(of_patient, times[-1], side="right") - 1
        sources.append(records.first[p] + before)
    return np.concatenate(sources), np.concatenate(times)


def _merged(records, clock, index, now, real, given, carry, dosing):
    """Records in which those that the table does not write out have their time and inputs.

    dosing : inputs of bioavailability, lag, rate and duration, which an additional dose
        has from its record
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
        added = np.where(given, known[index], held) if name in dosing else held
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
    """Number (M,) of each record's occasion, where (M,) bool doses are `given`.

    The first dose and all before it have 0; doses at one time share an occasion.
    """
    last = np.maximum.accumulate(np.where(given, np.arange(len(given)), -1))
    earlier = np.concatenate([[-1], last[:-1]])
    same = (earlier >= records.first[:-1][records.person]) & (clock[earlier] == clock)
    total = np.cumsum(given & ~same)
    start = total[records.first[:-1]] - (given & ~same)[records.first[:-1]]
    return np.maximum(total - start[records.person] - 1, 0)
