"""Which doses keep to the constraints of a benefit, and the best of those.

A dose is safe where every constraint holds over the first period of it, from the untreated steady
state on, and over one period of its own steady state. Knows patients at doses and what is watched
of them; knows no statuses and no table.
"""

import numpy as np

from pkpd.dosing.actions import lags
from pkpd.endpoints import Watch
from pkpd.errors import PkpdError
from pkpd.response.constraints import constraints
from pkpd.response.search import FINEST


class Safety:
    """The constraints of P patients at any dose.

    steady : the Steady of the patients; untreated_y : (P, S) their states without the dose
    """

    def __init__(self, steady, untreated_y):
        self.steady, self.untreated_y = steady, untreated_y
        self.constraints = constraints(steady.model, steady.benefit.subject_to)
        self._refuse_late(steady)
        self.watch = Watch(tuple(c.endpoint for c in self.constraints))
        self.kernel = self.watch.compile(steady.model, steady.solver)

    def _refuse_late(self, steady):
        """Raise PkpdError where a dose of an earlier period would arrive in the first one.

        Of one dose a period, the first that arrives is alone in its period whatever its lag.
        """
        every = steady.benefit.every
        if not self.constraints or steady.period <= every:
            return
        late = np.flatnonzero(lags(steady.model, steady.benefit.into, steady.cohort.theta) > every)
        if len(late):
            raise PkpdError(
                f"The first doses of ID {steady.cohort.names[late[0]]} cannot be judged beside the "
                "background: their lag is longer than the dosing interval."
            )

    def seen(self, rows, doses, y):
        """Endpoints (n, C) over the first period of doses (n,), and over one in the steady state.

        rows : (n,) patients; y : (n, S) the steady states. NaN where a run failed.
        """
        first = self._over_a_period(rows, doses, self.untreated_y[rows])
        return first, self._over_a_period(rows, doses, y)

    def _over_a_period(self, rows, doses, start):
        watched = {"since": 0.0, "level": self.watch.level}
        run = self.steady.follow(self.kernel, rows, doses, start, **watched)
        ends = np.zeros(len(rows)), np.full(len(rows), self.steady.period)
        values = self.watch.values(run, *ends)
        values[run.status != 0] = np.nan
        return values

    def hold(self, *seen):
        """(n,) whether all constraints hold of endpoints (n, C), each time."""
        held = []
        for values in seen:
            for place, constraint in enumerate(self.constraints):
                held.append(constraint.holds(values[:, place]))
        return np.all(held, axis=0)

    def keeps(self, rows, doses, y):
        """(n,) whether all constraints hold, both times. As `seen`."""
        return self.hold(*self.seen(rows, doses, y))


def best_safe(search, safety, rows):
    """Log dose and benefit (n,) of the best safe dose of patients (n,), NaN where none is.

    It is a summit beside a dose of the grid, or lies at the edge of what is safe, to FINEST.
    """
    count, states = search.found.y.shape[1:]
    everywhere = np.repeat(rows, count), np.tile(search.found.doses, len(rows))
    safe = safety.keeps(*everywhere, search.found.y[rows].reshape(-1, states))
    safe = safe.reshape(-1, count)
    gains = np.where(safe, search.found.gain[rows], -np.inf)
    some, best = safe.any(axis=1), gains.argmax(axis=1)
    x = np.where(some, search.grid[best], np.nan)
    gain = np.where(some, gains[np.arange(len(rows)), best], -np.inf)
    for found in (_summits(search, safety, rows, safe, best), _edges(search, safety, rows, safe)):
        for k, there, height in zip(*found, strict=True):
            if height > gain[k]:
                x[k], gain[k] = there, height
    return x, np.where(some, gain, np.nan)


def _summits(search, safety, rows, safe, best):
    """Places in `rows` of patients, and log dose and benefit of the summit beside their best safe
    dose of the grid, where it is safe too."""
    who = np.flatnonzero(safe.any(axis=1))
    grid = np.concatenate([[-np.inf], search.grid, [np.inf]])
    x, gain, y = search.summit_between(rows[who], grid[best[who]], grid[best[who] + 2])
    good = ~np.isnan(gain)
    good[good] = safety.keeps(rows[who[good]], np.exp(x[good]), y[good])
    return who[good], x[good], gain[good]


def _edges(search, safety, rows, safe):
    """Places in `rows` of patients, and log dose and benefit of the safe side of each edge between
    safe and unsafe doses of the grid."""
    who, left = np.nonzero(safe[:, 1:] != safe[:, :-1])
    after = safe[who, left + 1]
    inside, outside = search.grid[left + after], search.grid[left + ~after]
    gain = search.found.gain[rows[who], left + after]
    while len(who) and np.abs(inside - outside).max() > FINEST:
        middle = 0.5 * (inside + outside)
        there, y = search.solve(rows[who], middle)
        held = ~np.isnan(there)
        held[held] = safety.keeps(rows[who[held]], np.exp(middle[held]), y[held])
        inside, outside = np.where(held, middle, inside), np.where(held, outside, middle)
        gain = np.where(held, there, gain)
    return who, inside, gain
