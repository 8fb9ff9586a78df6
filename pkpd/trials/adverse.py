"""Adverse events that the model itself makes: an endpoint of a day that crosses a bound.

"cmax(cows) >= 5" is withdrawal on each day whose largest score is 5 or more. Knows endpoints and
what a kernel watches; knows nothing of diaries, and nothing of the risks of adverse events there.
"""

from dataclasses import dataclass, replace

import numpy as np

from pkpd.endpoints import Watch
from pkpd.errors import PkpdError, TrialError
from pkpd.response.constraints import Constraint, constraints


@dataclass(frozen=True)
class AdverseEvent:
    """What a trial calls an adverse event.

    name : what it is called in the tables
    when : endpoint of a day, sign and bound, such as "cmax(cows) >= 5"
    stop : whether a patient leaves after the day on which it begins; otherwise new events lead to
        leaving as those of the diary do
    """

    name: str
    when: str
    stop: bool = False

    @property
    def words(self):
        """The definition as a clause."""
        stop = ", after which the patient leaves" if self.stop else ""
        return f"{self.name} is a day with {self.when}{stop}"


@dataclass(frozen=True)
class Watched:
    """The adverse events (W) of a trial with a model.

    conditions : a Constraint of each event, which holds on the days with it
    """

    events: tuple[AdverseEvent, ...] = ()
    conditions: tuple[Constraint, ...] = ()

    def __bool__(self):
        return bool(self.events)

    @property
    def watch(self):
        """What a kernel watches for them."""
        return Watch(tuple(dict.fromkeys(c.endpoint for c in self.conditions)))

    @property
    def stops(self):
        """(W,) whether patients leave because of each event."""
        return np.array([event.stop for event in self.events], bool)

    def met(self, run, integrals, begin, end):
        """(N, W) whether each event is there on a day, from `begin` to `end`, of a Solution.

        At least one event is watched.
        integrals : names of what was integrated
        """
        watch, rows = self.watch, len(run.status)
        own = [integrals.index(name) for name in watch.outputs]
        times = np.full(rows, begin), np.full(rows, end)
        values = watch.values(replace(run, integral=run.integral[:, own]), *times)
        place = {endpoint: k for k, endpoint in enumerate(watch.endpoints)}
        found = [c.holds(values[:, place[c.endpoint]]) for c in self.conditions]
        return np.column_stack(found)


def watched(model, events):
    """The Watched of a trial's events with a model. Raises TrialError that names the event."""
    conditions: list[Constraint] = []
    for event in events:
        try:
            conditions += constraints(model, [event.when])
        except PkpdError as error:
            raise TrialError(f"adverse: '{event.name}': when: {error}") from error
    return Watched(tuple(events), tuple(conditions))
