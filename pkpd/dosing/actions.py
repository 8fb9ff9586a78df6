"""Actions: what happens to each row of a run, and when; doses of a regimen become such actions.

A row is a patient at a dose. The patient's own bioavailability and lag are applied here, so that
the solver sees plain numbers. Knows regimens and dose targets; knows nothing of solvers.
"""

from dataclasses import dataclass, replace
from itertools import starmap

import numpy as np

from pkpd import units
from pkpd.dosing.moments import at, laps, together, window
from pkpd.errors import DoseError, PkpdError, closest
from pkpd.symbolic.of_inputs import of_inputs

# What an action does: its amount goes into a state, or changes the constant rate into it; all
# states return to their start values and all rates to 0; the row continues with the inputs of
# another row of theta; the outputs are saved; all states become, or rise by, a given vector; a
# state becomes its amount.
ADD, RATE, RESET, PERSON, LOOK, SET, PLUS, PUT = range(8)


@dataclass(frozen=True)
class Actions:
    """What happens to each row and when, sorted by time within each row; at equal times in order.

    start : (N+1,) int64, row r owns start[r]:start[r+1]
    time : (M,) model time
    kind : (M,) int8, as above
    state : (M,) int32, the state of ADD, RATE and PUT, the row of theta of PERSON, the row's output
        row of LOOK, the row of the solver's `given` vectors of SET and PLUS
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
        return Actions(
            start, self.time[index], self.kind[index], self.state[index], self.amount[index]
        )

    def rows(self):
        """(M,) the row of each action."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    def before(self, end):
        """The actions of every row before the time `end`."""
        return self.kept(self.time < end)

    def kept(self, keep):
        """The actions that a mask (M,) keeps."""
        start = np.concatenate([[0], np.cumsum(keep)])[self.start].astype(np.int64)
        return Actions(start, self.time[keep], self.kind[keep], self.state[keep], self.amount[keep])


def joined(one, other):
    """Actions of both, of the same rows; at equal times those of the first one come first."""
    row = np.concatenate([one.rows(), other.rows()])
    time = np.concatenate([one.time, other.time])
    order = np.lexsort((time, row))
    return Actions(
        one.start + other.start,
        time[order],
        np.concatenate([one.kind, other.kind])[order],
        np.concatenate([one.state, other.state])[order],
        np.concatenate([one.amount, other.amount])[order],
    )


def under_way(given, begin, end):
    """The actions of the time from `begin` until before `end`, and the flows that go on then."""
    lasts = (given.time >= begin) | (given.kind == RATE)
    kept = given.kept(lasts & (given.time < end))
    return replace(kept, time=np.maximum(kept.time, begin))


def target(model, into, unit=None):
    """The dose target `into` (None: the first) of a model, checked against the unit of a dose.

    Raises DoseError where the model has no such target, or one that has only its part of the doses
    into another, or where the unit does not measure it.
    """
    if not model.doses:
        raise DoseError(f"{model.name} has no [dose] table: nothing can be dosed.")
    named = {d.state: d for d in model.doses if not d.beside}
    if into is not None and into not in named:
        raise DoseError(f"{model.name} cannot be dosed into '{into}'.{closest(into, named)}")
    dosed = model.doses[0] if into is None else named[into]
    amount_of(model, dosed, unit or dosed.unit)
    return dosed


def amount_of(model, dosed, unit):
    """(factor, place): x `unit` are x * factor in the unit of the target `dosed`, times an input.

    place : of the input among the model's, or None where the dose is not per a covariate; "mg/kg"
    is per the model's covariate that is measured in kg. Raises DoseError.
    """
    try:
        factor = units.factor(unit, dosed.unit)
    except PkpdError:
        wrong = DoseError(
            f"A dose in '{unit}' does not fit '{dosed.state}' of {model.name}, "
            f"which is dosed in {dosed.unit}."
        )
    else:
        if unit != dosed.unit:
            units.check_dose(unit)
        return factor, None
    above, slash, below = unit.partition("/")
    try:
        if not slash or not units.dimension(below)[0]:
            raise wrong
        factor = units.factor(above, dosed.unit)
    except PkpdError as error:
        raise wrong from error
    units.check_dose(unit)
    covariate = _measured_in(model, below, unit)
    return factor / units.factor(below, covariate.unit), model.input_names.index(covariate.name)


def _measured_in(model, below, unit):
    """The covariate that a dose in `unit` is per, the only one measured in the unit `below`."""
    dimensions = units.dimension(below)[0]
    fitting = [c for c in model.covariates if units.dimension(c.unit)[0] == dimensions]
    if not fitting:
        _refuse_rate(unit)
    if len(fitting) != 1:
        names = " and ".join(c.name for c in fitting) or "none"
        raise DoseError(
            f"A dose in '{unit}' needs one covariate of {model.name} that is measured in {below}; "
            f"it has {names}."
        )
    return fitting[0]


def _refuse_rate(unit):
    """Raise DoseError where a dose is per time, as in "mg/kg/h"; it says what to write."""
    amount, *per = unit.split("/")
    for k, part in enumerate(per):
        if units.dimension(part)[0] == units.dimension("h")[0]:
            hours = 2.0 * max(units.factor(part, "h"), 1.0)
            whole = f"{hours * units.factor('h', part):g}"
            dose = "/".join([f"{whole} {amount}", *per[:k], *per[k + 1 :]])
            raise DoseError(
                f"A dose in '{unit}' is a rate; write the whole amount and how long it takes: "
                f"1 {unit} for {hours:g} h is '{dose} over {hours:g}h'."
            )


def _lag_and_share(model, dosed, theta, rows):
    """Lag in model time of a target, and the state's amount for one of the target's unit.

    rows : rows of theta, in any shape; both come back in it
    """
    lag = of_inputs(model, dosed.lag, theta, rows) if dosed.lag else np.zeros(rows.shape)
    share = of_inputs(model, dosed.f, theta, rows) if dosed.f else np.ones(rows.shape)
    return lag, share * dosed.factor


def lags(model, into, theta):
    """(P,) lag of a target in model time. Raises DoseError for an unknown one."""
    return _lag_and_share(model, target(model, into), theta, np.arange(len(theta)))[0]


def _size(model, dosed, unit, theta, rows):
    """One `unit` in the target's unit, a number or in the shape of `rows`."""
    factor, place = amount_of(model, dosed, unit)
    return factor if place is None else factor * theta[rows, place]


def actions(model, regimen, theta, person=None, scale=None, occasions=(), times=(), before=()):
    """All doses of a regimen for every row.

    Parameters
    ----------
    theta : (P, K), or (P * C, K) with occasions: row p * C + c is patient p on occasion c
    person : (N,) row -> patient (default: each patient once)
    scale : (N,) multiplies every amount
    occasions : (C,) increasing model times at which an occasion begins; the first one also holds
        before its time
    times : (T,) increasing model times that are looked at; see pkpd.dosing.moments
    before : cycles (Phase) that have been repeated without end until time 0; what they gave and
        is still on its way then is given too

    Returns
    -------
    Actions, doses at equal times in the order of the regimen, after the beginning of an occasion.
    Raises DoseError.
    """
    count = max(len(occasions), 1)
    person = np.arange(len(theta) // count) if person is None else np.asarray(person)
    hour = units.factor("h", model.time)
    first = person[:, None] * count
    later = np.arange(1, count)
    begins = np.tile(at(occasions[1:], times), (len(person), 1))
    parts = [(begins, PERSON, first + later, 0.0)]
    for phase in regimen.phases:
        given = at(phase.times * hour, occasions)
        rows = first + np.clip(np.searchsorted(occasions, given, side="right") - 1, 0, None)
        for dosed in _targets(model, phase):
            lag, share = _lag_and_share(model, dosed, theta, rows)
            whole = phase.amount * _size(model, dosed, phase.unit, theta, rows)
            whole = whole if scale is None else whole * np.asarray(scale)[:, None]
            state = model.state_names.index(dosed.state)
            begin = at(lag + given, times)
            over = _length(model, dosed, phase.into, phase.over, theta, rows)
            if over is None:
                parts.append((begin, ADD, state, share * whole))
            else:
                end = at(lag + given + over, times)
                parts += _infusion(begin, end, state, share * whole, end - begin)
            parts += remembered(model, dosed, begin, whole)
    for cycle in before:
        for dosed in _targets(model, cycle):
            parts += _on_their_way(model, dosed, cycle, theta, first)
    return _sorted(parts)


def _targets(model, phase):
    """The targets that the doses of a Phase enter. Raises DoseError."""
    dosed = target(model, phase.into, phase.unit)
    sharing = model.sharing(dosed)
    if len(sharing) > 1 and phase.over:
        raise DoseError(
            f"A dose into {dosed.state} of {model.name} enters {sharing[1].state} as well, each in "
            "its own time: it cannot be an infusion."
        )
    return sharing


def _length(model, dosed, into, over, theta, rows):
    """Model time, a number or in the shape of `rows`, over which doses flow; None: at once.

    into, over : of the Phase whose doses enter `dosed`, too
    """
    if over:
        return over * units.factor("h", model.time)
    if dosed.duration and dosed.beside == (into or model.doses[0].state):
        over = of_inputs(model, dosed.duration, theta, rows)
        if not (over >= 0.0).all():
            raise DoseError(f"The duration of doses into {dosed.state} of {model.name} is below 0.")
        return over
    return None


def _on_their_way(model, dosed, cycle, theta, rows):
    """Lists of actions for doses of a cycle before time 0 that arrive, or flow, after it.

    rows : (N, 1) of theta
    """
    begin, whole, amount, over = _arrivals(model, dosed, cycle, theta, rows)
    state, every = model.state_names.index(dosed.state), cycle.every * units.factor("h", model.time)
    span = 0.0 if over is None else over
    last = int(np.max(laps((begin + span).ravel(), every)[0], initial=0))
    for count in range(1, last + 1):
        start, end = begin - count * every, begin + span - count * every
        to_come = start >= -window(begin)
        left = np.where(end >= -window(begin), amount, 0.0)
        start, end = np.maximum(start, 0.0), np.maximum(end, 0.0)
        if over is None:
            yield start, ADD, state, left
        else:
            yield from _infusion(start, end, state, left, over)
        yield from remembered(model, dosed, np.where(to_come, start, np.inf), whole)


def _arrivals(model, dosed, cycle, theta, rows):
    """Of the doses of a cycle that enter a target: arrival, amount as given and as it enters
    (N, M); length of an infusion (N, M), or None."""
    lag, share = _lag_and_share(model, dosed, theta, rows)
    begin = lag + cycle.times * units.factor("h", model.time)
    whole = np.broadcast_to(
        cycle.amount * _size(model, dosed, cycle.unit, theta, rows), begin.shape
    )
    over = _length(model, dosed, cycle.into, cycle.over, theta, rows)
    over = over if over is None else np.broadcast_to(over, begin.shape)
    return begin, whole, share * whole, over


def remembered(model, dosed, begin, amount):
    """Lists of actions that tell the equations of doses that arrive at `begin` (N, M).

    amount : of each as it is given, in the target's unit
    """
    if dosed.since:
        yield begin, PUT, model.state_names.index(dosed.since), 0.0
    if dosed.last:
        yield begin, PUT, model.state_names.index(dosed.last), amount


def _infusion(begin, end, state, amount, over):
    """Lists of actions by which amounts (N, M) begin and end to flow, at two times (N, M).

    over : (N, M) how long they would flow in all; what takes no time is a bolus
    """
    flow = _flow(amount, over)
    return [
        (begin, np.where(over > 0, RATE, ADD), state, np.where(over > 0, flow, amount)),
        (end, RATE, state, -flow),
    ]


def _flow(amount, over):
    """Rate at which amounts (N, M) flow over times (N, M), 0 where these are not above 0."""
    return np.where(over > 0, amount / np.where(over > 0, over, 1.0), 0.0)


def _sorted(parts):
    """Actions of lists (time (N, M), kind, state, amount), the last three numbers or (N, M)."""
    rows = len(parts[0][0])
    full = starmap(np.broadcast_arrays, parts)
    time, kind, state, amount = map(np.hstack, zip(*full, strict=True))
    if len(parts) > 2:  # doses of several phases, or the ends of infusions, may meet
        row = np.repeat(np.arange(rows), time.shape[1])
        time = together(row, time.ravel()).reshape(time.shape)
    order = np.argsort(time, axis=1, kind="stable")
    start = np.arange(rows + 1, dtype=np.int64) * order.shape[1]
    return Actions(
        start,
        _ordered(time, order, np.float64),
        _ordered(kind, order, np.int8),
        _ordered(state, order, np.int32),
        _ordered(amount, order, np.float64),
    )


def _ordered(values, order, kind):
    """(N * M,) values (N, M) of a kind, each row in its order (N, M)."""
    return np.take_along_axis(values, order, axis=1).ravel().astype(kind)


def periodic_actions(model, into, amounts, every, theta, person, unit=None, beside=(), period=None):
    """One dose per interval for every row, and cycles beside it, at their lags modulo the period.

    amounts : (N,) in `unit` (default: the target's dose unit); every : interval in model time
    beside : cycles (Phase) of a background
    period : model time of which all intervals are parts (default: every)
    """
    period, rows = every if period is None else period, np.asarray(person)[:, None]
    due, parts = every * np.arange(round(period / every)), []
    first = target(model, into)
    for dosed in model.sharing(first):
        lag, share = _lag_and_share(model, dosed, theta, rows)
        whole = amounts[:, None] * _size(model, dosed, unit or dosed.unit, theta, rows)
        over = _length(model, dosed, first.state, 0.0, theta, rows)
        parts += _of_a_period(model, dosed, (lag + due, whole, share * whole, over), period)
    for cycle in beside:
        parts += _again(model, cycle, theta, rows, period)
    return _sorted(parts)


def steady_actions(model, beside, theta, person, period):
    """Actions of one period (model time) of cycles (Phase) that are repeated without end."""
    parts = []
    for cycle in beside:
        parts += _again(model, cycle, theta, np.asarray(person)[:, None], period)
    return _sorted(parts)


def _again(model, cycle, theta, rows, period):
    """Lists of actions of one period of a cycle that is repeated without end.

    What is given late in a period and arrives in the next one, or flows into it, is given at its
    beginning, as at any other steady state.
    """
    every = cycle.every * units.factor("h", model.time)
    cycle, parts = replace(cycle, count=len(cycle.pattern) * round(period / every)), []
    for dosed in _targets(model, cycle):
        given = _arrivals(model, dosed, cycle, theta, rows)
        parts += _of_a_period(model, dosed, given, period)
    return parts


def _of_a_period(model, dosed, given, period):
    """Lists of actions of one period of doses that are repeated without end.

    given : what `_arrivals` gives
    """
    begin, whole, amount, over = given
    state, start = model.state_names.index(dosed.state), laps(begin, period)[1]
    told = remembered(model, dosed, start, whole)
    if over is None:
        return [(start, ADD, state, amount), *told]
    crossed, end = laps(start + over, period)
    running = _flow(amount, over) * crossed
    return [
        (np.zeros(start.shape), RATE, state, running),
        *_infusion(start, end, state, amount, over),
        *told,
    ]


def arriving(model, into, times, amounts, theta, person):
    """When doses reach the body, (N, n) model time, and how much of them, (N, n) state's unit.

    times : (N, n) when each row takes a dose, inf where it does not
    amounts : (N, n) in the target's dose unit
    theta : (P, K); person : (N, n) or (N, 1) row of theta at each dose
    """
    lag, share = _lag_and_share(model, target(model, into), theta, person)
    return lag + times, share * amounts


def single_actions(model, into, times, amounts, person=None):
    """Actions at times (N, n), without those at inf; at equal times in the order of their columns.

    amounts : (N, n) of doses as `arriving` gives them
    person : (N, n) row of theta from then on, -1 for a dose (default: doses only)
    """
    state = model.state_names.index(target(model, into).state)
    person = np.full(times.shape, -1) if person is None else person
    order = np.argsort(times, axis=1, kind="stable")
    given = np.isfinite(np.take_along_axis(times, order, axis=1))
    start = np.concatenate([[0], np.cumsum(given.sum(axis=1))]).astype(np.int64)
    times = np.take_along_axis(times, order, axis=1)[given]
    amounts = np.take_along_axis(amounts, order, axis=1)[given]
    person = np.take_along_axis(person, order, axis=1)[given]
    dose = person < 0
    kind = np.where(dose, ADD, PERSON).astype(np.int8)
    state = np.where(dose, state, person).astype(np.int32)
    return Actions(start, times, kind, state, amounts)
