"""Dose records become events: when how much enters which state, as a bolus or an infusion.

Follows PREDPP (NONMEM Users Guide, Part VI): bioavailability multiplies the duration of an infusion
whose rate is given and the rate of one whose duration is modelled; lag delays every dose of a
record; a steady state with lag is the one in which the dose of the record itself is still to come;
an endless infusion to steady state ends at its record. Knows each patient's bioavailability, lag,
rate and duration; knows nothing of inputs that change between records, outputs or solvers.
"""

from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from pkpd.dosing.actions import ADD, PLUS, PUT, RATE, RESET, SET
from pkpd.dosing.moments import at, laps, together, window
from pkpd.dosing.records import RESET as RESETS
from pkpd.dosing.records import RESET_AND_DOSE
from pkpd.errors import DoseError, first_lines
from pkpd.symbolic.of_inputs import of_inputs

# The order of what one record does at its time: its inputs come into force, it resets, infusions
# under way continue, it doses, its outputs are read, the inputs of the next record come into force.
# Doses of earlier records that are due at that time come before all of this.
INPUTS, START, UNDERWAY, DOSING, LOOKING, NEXT, STEPS = range(7)
FIELDS = ("row", "time", "order", "kind", "state", "amount")
HELD = 1e-9  # share of an infusion's duration that the clock may miss at the flow as written


@dataclass(frozen=True)
class Events:
    """Actions in any order, each field (E,); see pkpd.dosing.actions.Actions.

    order : which of two events at the same time comes first
    """

    row: np.ndarray
    time: np.ndarray
    order: np.ndarray
    kind: np.ndarray
    state: np.ndarray
    amount: np.ndarray


def events_at(row, time, order, kind, state=0, amount=0.0):
    """Events with the length of `row`; the other fields are repeated as needed."""
    return Events(*np.broadcast_arrays(row, time, order, kind, state, amount))


def joined(lists):
    """The events of several lists, one after the other."""
    return Events(*map(np.concatenate, zip(*map(_fields, lists), strict=True)))


def kept(events, rows):
    """Some of the events, by a mask or places."""
    return Events(*(field[rows] for field in _fields(events)))


def _fields(events):
    """The arrays of the events, in the order of FIELDS."""
    return attrgetter(*FIELDS)(events)


def until_restart(records, clock):
    """(M,) time of the patient's next record that starts the system anew, inf if there is none."""
    fresh = np.isin(records.evid, (RESETS, RESET_AND_DOSE)) | (records.steady == 1)
    person, until, following = records.person, np.full(len(records), np.inf), np.inf
    for k in range(len(person) - 1, -1, -1):
        if k + 1 < len(person) and person[k + 1] != person[k]:
            following = np.inf
        until[k] = following
        following = clock[k] if fresh[k] else following
    return until


class Doses:
    """N dose records, each with amount or flow in units of its state.

    theta : (M, K) inputs in force at each record
    clock : (M,) time of each record, never falling within a patient
    times : (T,) increasing times at which everybody is looked at; see pkpd.dosing.moments
    beside : place of a target among the model's; then the doses are those that enter it because
        they are given into another target, each at its own lag
    """

    def __init__(self, model, records, theta, clock, times=(), beside=None):
        self.model, self.records, self.clock, self.times = model, records, clock, times
        self.beside, self.at = beside, np.flatnonzero(records.target >= 0)
        self.number = np.cumsum(records.steady[self.at] > 0) - 1  # of its steady state
        if beside is not None:
            first = model.dose_places[model.doses[beside].beside]
            entering = records.target[self.at] == first
            self.at, self.number = self.at[entering], self.number[entering]
        self.theta, self.target = theta[self.at], records.target[self.at]
        if beside is not None:
            self.target = np.full(len(self.at), beside)
        self.row, self.time = records.person[self.at], clock[self.at]
        self.interval, self.more = records.interval[self.at], records.additional[self.at]
        self.steady = records.steady[self.at]
        self.state = self._of_target([model.state_names.index(d.state) for d in model.doses], 0)
        self.endless = (self.steady > 0) & (records.amount[self.at] == 0)
        self.lag = np.where(self.endless, 0.0, self._named("lag", 0.0))
        self._amounts(records.amount[self.at], records.rate[self.at])
        self.until = until_restart(records, clock)[self.at]

    def _of_target(self, values, default):
        return np.array(values or [default])[self.target]

    def _named(self, word, default):
        """(N,) what the target of each dose gives as its `word`."""
        values = np.full(len(self.at), default)
        for place, dosed in enumerate(self.model.doses):
            rows = np.flatnonzero(self.target == place)
            if getattr(dosed, word):
                values[rows] = of_inputs(self.model, getattr(dosed, word), self.theta, rows)
        return values

    def _no_column(self, word):
        """(N,) whether what the target of each dose gives as its `word` is a covariate that the
        table has no column of."""
        given = [getattr(dosed, word) for dosed in self.model.doses]
        lacking = set(self.model.covariate_names) - set(self.records.inputs)
        return self._of_target([name in lacking for name in given], False)

    def _amounts(self, amount, rate):
        """Set amount (N,) of a bolus, or flow (N,) and duration `span` (N,) of an infusion."""
        share = self._named("f", 1.0)
        factor = self._of_target([d.factor for d in self.model.doses], 1.0)
        if self.beside is not None:
            rate = np.full(len(self.at), -2 if self.model.doses[self.beside].duration else 0)
        given = np.where(rate == -1, self._named("rate", 0.0), rate)
        span = self._named("duration", 0.0)
        shared = [len(self.model.sharing(d)) > 1 for d in self.model.doses]
        self._check(
            [
                (share < 0, "the bioavailability is below 0"),
                (self.lag < 0, "the lag is below 0"),
                ((rate == -1) & ~(given > 0), "the modelled rate is not above 0"),
                *self._odd_spans(rate == -2, span),
                (
                    (rate != 0) & self._of_target(shared, False),
                    "a dose that enters several targets cannot be an infusion",
                ),
            ]
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            self.span = np.where(rate == -2, span, np.where(given > 0, share * amount / given, 0.0))
            flow = np.where(rate == -2, share * amount / span, given)
        self.infused = ~self.endless & (self.span > 0)
        self.flow = np.where(self.infused | self.endless, flow, 0.0) * factor
        self.amount, self.whole = share * amount * factor, amount

    def _odd_spans(self, modelled, span):
        """[(mask, sentence)] of modelled durations that cannot be.

        0 may be that of a target which shares the doses of another one, as nothing in a table asks
        for its infusion.
        """
        lacking = modelled & (span == 0) & self._no_column("duration")
        odd = modelled & ~lacking & ~((span >= 0) if self.beside is not None else (span > 0))
        sentence = "the modelled duration is below 0"
        if self.beside is None:
            sentence = "the modelled duration is not above 0; write RATE 0 for a bolus"
        return [
            (lacking, "the modelled duration is a column that the table lacks; add it"),
            (odd, sentence),
        ]

    def _check(self, rules):
        lines = []
        for bad, text in rules:
            lines += [f"  row {row}: {text}." for row in self.records.row[self.at[bad]]]
        if lines:
            head = "doses that cannot be given (rows are counted below the header):"
            raise DoseError("\n".join([f"{self.records.name}: {head}", *first_lines(lines)]))

    def restarts(self):
        """Resets, and steady states that replace (SS 1) or join (SS 2) the present state.

        The `state` of such an event is the number of the steady state.
        """
        resets = np.flatnonzero(np.isin(self.records.evid, (RESETS, RESET_AND_DOSE)))
        which = np.flatnonzero(self.steady > 0)
        kind = np.where(self.steady[which] == 1, SET, PLUS)
        person, clock = self.records.person[resets], self.clock[resets]
        anew = events_at(person, clock, resets * STEPS + START, RESET)
        order = self.at[which] * STEPS + START
        settled = events_at(self.row[which], self.time[which], order, kind, np.arange(len(which)))
        return joined([anew, settled])

    def cleared(self):
        """What each record (M,) does to the states beside dosing.

        Returns whether it stops all rates, whether it resets the states, and how often (0 or 1) it
        adds a steady state.
        """
        reset = np.isin(self.records.evid, (RESETS, RESET_AND_DOSE))
        steady = self.records.steady
        return reset | (steady == 1), reset & (steady != 1), (steady == 2).astype(float)

    def given(self):
        """The dose of each record, its additional ones, and those under way at a steady state.

        An infusion that ends when it begins is a bolus. Any other gives its whole amount between
        its ends as the clock has them.
        """
        pick, offset = self._offsets()
        begin = self.time[pick] + np.maximum(offset, 0.0)
        left = np.where(self.infused[pick], self.span[pick] + np.minimum(offset, 0.0), 0.0)
        begin, end = self._moments(pick, begin, begin + left)
        late = self.at[pick] - len(self.records) * STEPS
        now = self.at[pick] * STEPS + np.where(offset >= 0.0, DOSING, UNDERWAY)
        order = np.where(begin > self.time[pick], late, now)
        due, flows, until = begin <= self.until[pick], end > begin, self.until[pick]
        told = due & (offset >= 0.0)
        amount = np.where(self.infused[pick], self.flow[pick] * left, self.amount[pick])
        flow = _flow_in(end - begin, self.flow[pick], left)
        return joined(
            [
                self._events(due & ~flows, pick, begin, order, ADD, amount),
                self._events(due & flows, pick, begin, order, RATE, flow),
                self._events(due & flows & (end <= until), pick, end, late, RATE, -flow),
                *self._remembered(self.row[pick[told]], pick[told], begin[told], order[told]),
            ]
        )

    def _remembered(self, row, pick, time, order):
        """Events that tell the equations when, and how large, the last dose of a target was.

        pick : (n,) dose that arrives at each time (n,)
        """
        for place, dosed in enumerate(self.model.doses):
            own = np.flatnonzero(self.target[pick] == place)
            for state, amount in ((dosed.since, 0.0), (dosed.last, self.whole[pick[own]])):
                if state is not None:
                    at = self.model.state_names.index(state)
                    yield events_at(row[own], time[own], order[own], PUT, at, amount)

    def _moments(self, pick, begin, end):
        """Begin and end of doses (n,), at the time of a record, of each other or of `times`."""
        rows = np.concatenate([self.records.person, self.row[pick], self.row[pick]])
        recorded = np.arange(len(rows)) < len(self.clock)
        moments = together(rows, np.concatenate([self.clock, begin, end]), recorded)
        return np.split(at(moments[len(self.clock) :], self.times), 2)

    def _events(self, chosen, pick, time, order, kind, amount):
        which = pick[chosen]
        return events_at(
            self.row[which], time[chosen], order[chosen], kind, self.state[which], amount[chosen]
        )

    def _offsets(self):
        """The dose record (n,) that each dose belongs to, and when it begins after it (n,)."""
        written, number = counted(np.where(self.endless, 0, self.more + 1))
        offset = self.lag[written] + number * self.interval[written]
        implied, before = self._implied()
        return np.concatenate([written, implied]), np.concatenate([offset, before])

    def _implied(self):
        """Earlier doses of a steady state that are still to come, or still flowing, at its record.

        Returns the dose record (n,) of each, and when it begins after the record, or before it.
        """
        regular = (self.steady > 0) & ~self.endless
        every = np.where(regular, self.interval, np.inf)
        to_come, phase = laps(self.lag, every)
        ended, rest = laps(self.lag + self.span, every)
        flowing = np.where(self.infused, ended - (rest == 0.0), 0)
        count = np.where(regular, np.maximum(to_come, flowing), 0)
        pick, number = counted(count.astype(np.int64))
        return pick, phase[pick] + (to_come[pick] - number - 1) * self.interval[pick]

    def steady_states(self):
        """Interval (R,), place of the record (R,) and events of one interval of each steady state.

        The row of an event is the number of the steady state.
        """
        which = np.flatnonzero(self.steady > 0)
        rows = self.number[which]
        endless, flows = self.endless[which], self.infused[which]
        every = np.where(endless, 1.0, self.interval[which])
        phase, span = laps(self.lag[which], every)[1], self.span[which]
        ended, end = laps(phase + span, every)
        # an infusion that lasts whole intervals ends when the next one begins
        short = np.abs(end - phase) <= window(phase + span)
        end = np.where((ended > 0) & short, phase, end)
        flows = flows & ((ended > 0) | ~short)
        running = np.where(flows, ended - (end == 0.0), np.where(endless, 1.0, 0.0))
        within = flows & (ended == 0)
        held = _flow_in(end - phase, self.flow[which], span)
        flow = np.where(within, held, self.flow[which])
        state, amount = self.state[which], self.amount[which]
        bolus = ~flows & ~endless
        stops = flows & (end > 0)
        parts = [
            events_at(rows, 0.0, 0, RATE, state, flow * running),
            events_at(rows[flows], phase[flows], 1, RATE, state[flows], flow[flows]),
            events_at(rows[stops], end[stops], 1, RATE, state[stops], -flow[stops]),
            events_at(rows[bolus], phase[bolus], 1, ADD, state[bolus], amount[bolus]),
        ]
        told, once = ~endless, np.ones(len(rows), np.int64)
        parts += self._remembered(rows[told], which[told], phase[told], once[told])
        return every, self.at[which], joined(parts)


def all_doses(model, records, theta, clock, times=()):
    """The Doses as they are written, then those that enter further targets beside."""
    places = [None, *(place for place, dosed in enumerate(model.doses) if dosed.beside)]
    return [Doses(model, records, theta, clock, times, place) for place in places]


def _flow_in(held, flow, left):
    """Flow (n,) that gives in a time `held` (n,) what `flow` gives in the time `left`.

    As written where the two are the same but for rounding.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(held - left) <= HELD * left, flow, flow * (left / held))


def counted(counts):
    """Each place repeated counts[place] times, (sum,), and 0, 1, 2, ... within each, (sum,)."""
    place = np.repeat(np.arange(len(counts)), counts)
    return place, np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
