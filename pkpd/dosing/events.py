"""Regimens meet a model's dose targets: every dose becomes an action (time, kind, state, amount) of one row.

A row is a patient at a dose. Bioavailability and lag of the row's own patient are applied here, so that the solver sees
plain numbers. Knows regimens and targets; knows nothing of solvers.
"""

from dataclasses import dataclass

import numpy as np

from pkpd import units
from pkpd.errors import DoseError, PkpdError, closest

# what an action does: its amount goes into a state, or changes the constant rate into it; all states return to their start
# values and all rates to 0; the row goes on with the inputs of another row of theta; the outputs are saved; all states become,
# or rise by, a given vector
ADD, RATE, RESET, PERSON, LOOK, SET, PLUS = range(7)


@dataclass(frozen=True)
class Actions:
    """What happens to each row and when, sorted by time inside each row; at equal times in order.

    start : (N+1,) int64, row r owns start[r]:start[r+1]; time : (M,) model time; kind : (M,) int8, as above
    state : (M,) int32, the state of ADD and RATE, the row of theta of PERSON, the row's output row of LOOK, the row of the
        solver's `given` vectors of SET and PLUS
    amount : (M,) state unit, for RATE per unit of model time
    """

    start: np.ndarray
    time: np.ndarray
    kind: np.ndarray
    state: np.ndarray
    amount: np.ndarray

    def take(self, rows):
        """The actions of some rows, in that order."""
        counts = np.diff(self.start)[rows]
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        index = np.repeat(self.start[rows] - start[:-1], counts) + np.arange(start[-1])
        return Actions(start, self.time[index], self.kind[index], self.state[index], self.amount[index])

    def before(self, end):
        """The actions of every row before the time `end`."""
        keep = self.time < end
        start = np.concatenate([[0], np.cumsum(keep)])[self.start].astype(np.int64)
        return Actions(start, self.time[keep], self.kind[keep], self.state[keep], self.amount[keep])


def target(model, into, unit=None):
    """The dose target `into` (None: the first) of a model, checked against the unit of a dose.

    Raises DoseError where the model has no such target or the unit does not measure it.
    """
    if not model.doses:
        raise DoseError(f"{model.name} has no [dose] table: nothing can be dosed.")
    if into is None:
        found = model.doses[0]
    else:
        found = next((d for d in model.doses if d.state == into), None)
    if found is None:
        raise DoseError(f"{model.name} cannot be dosed into '{into}'.{closest(into, [d.state for d in model.doses])}")
    try:
        units.factor(unit or found.unit, found.unit)
    except PkpdError as error:
        raise DoseError(f"A dose in '{unit}' does not fit '{found.state}' of {model.name}, which is dosed in {found.unit}.") from error
    return found


def _applied(model, found, theta, person):
    """Lag (N,) in model time and amount factor (N,) of a target for the patient of each row."""
    names = model.input_names
    lag = theta[person, names.index(found.lag)] if found.lag else np.zeros(len(person))
    share = theta[person, names.index(found.f)] if found.f else np.ones(len(person))
    return lag, share * found.factor


def actions(model, regimen, theta, person=None, scale=None):
    """All doses of a regimen for every row.

    Parameters
    ----------
    theta : (P, K); person : (N,) row -> patient (default: each patient once); scale : (N,) multiplies every amount

    Returns
    -------
    Actions, doses at equal times in the order of the regimen. Raises DoseError.
    """
    person = np.arange(len(theta)) if person is None else np.asarray(person)
    hour = units.factor("h", model.time)
    times, amounts, states = [], [], []
    for phase in regimen.phases:
        found = target(model, phase.into, phase.unit)
        lag, share = _applied(model, found, theta, person)
        given = (phase.start + phase.every * np.arange(phase.count)) * hour
        amount = phase.amount * units.factor(phase.unit, found.unit)
        times.append(lag[:, None] + given)
        amounts.append(np.repeat((share * amount)[:, None], phase.count, axis=1))
        states.append(np.full(phase.count, model.state_names.index(found.state), np.int32))
    return _sorted(np.hstack(times), np.hstack(amounts), np.concatenate(states), scale)


def _sorted(times, amounts, states, scale):
    rows, count = times.shape
    if scale is not None:
        amounts = amounts * np.asarray(scale)[:, None]
    order = np.argsort(times, axis=1, kind="stable")
    return Actions(
        np.arange(rows + 1, dtype=np.int64) * count,
        np.ascontiguousarray(np.take_along_axis(times, order, axis=1)).ravel(),
        np.full(rows * count, ADD, np.int8),
        np.ascontiguousarray(states[order], dtype=np.int32).ravel(),
        np.ascontiguousarray(np.take_along_axis(amounts, order, axis=1)).ravel(),
    )


def periodic_actions(model, into, amounts, every, theta, person):
    """One dose an interval for every row, at its lag modulo the interval.

    amounts : (N,) in the target's dose unit; every : interval in model time
    """
    found = target(model, into)
    lag, share = _applied(model, found, theta, person)
    state = np.full(1, model.state_names.index(found.state), np.int32)
    return _sorted(np.mod(lag, every)[:, None], (share * amounts)[:, None], state, None)


def arriving(model, into, times, amounts, theta):
    """When doses reach the body and how much of them: (N, n) model time and (N, n) in the state's unit.

    times : (N, n) when each row takes a dose, inf where it does not; amounts : (N, n) in the target's dose unit; theta : (N, K)
    """
    lag, share = _applied(model, target(model, into), theta, np.arange(len(theta)))
    return lag[:, None] + times, share[:, None] * amounts


def single_actions(model, into, times, amounts):
    """Actions of doses as `arriving` gives them, those at time inf left out."""
    state = model.state_names.index(target(model, into).state)
    order = np.argsort(times, axis=1, kind="stable")
    times, amounts = np.take_along_axis(times, order, axis=1), np.take_along_axis(amounts, order, axis=1)
    given = np.isfinite(times)
    start = np.concatenate([[0], np.cumsum(given.sum(axis=1))]).astype(np.int64)
    total = int(start[-1])
    return Actions(start, times[given], np.full(total, ADD, np.int8), np.full(total, state, np.int32), amounts[given])
