"""Whether a patient can be in more than one steady state at the same dose.

A loop that holds itself can rest high or low. Results are meant to be those of treatment that
begins without drug; where days of it end elsewhere, or a patient who comes from a higher dose does,
it is told here. Knows the typical patient at doses; knows no cohort.
"""

import warnings

import numpy as np

from pkpd.errors import PkpdWarning
from pkpd.population.cohort import cohort as draw
from pkpd.response.grid import Steady, log_grid
from pkpd.solvers.periodic import MOST_INTERVALS
from pkpd.solvers.status import OK

APART = 0.01  # of the range of mean outcomes: two steady states, not one that is known twice


def warn_of_several(model, cohort, benefit, *, rtol, solver, follow):
    """Warn where the typical patient of a cohort has other steady states at doses of the range.

    Looked for by Newton's method from the steady states at the highest and at the best dose, in
    models that are solved by collocation.
    follow : whether days of treatment that begins without drug are followed, too
    """
    people = draw(model, typical=True, set=cohort.changed)
    steady = Steady(model, people, benefit, rtol=rtol, solver=solver, threads=1)
    if steady.has_one_state():
        return
    doses = log_grid(benefit)
    person = np.zeros(1 + len(doses), np.int64)
    every = steady.at(person, np.append(0.0, doses))
    found, outcome = every.take(slice(1, None)), steady.mean(every)
    solved = np.flatnonzero(found.status == OK)
    if every.status[0] != OK or not len(solved):
        return
    usual, count = outcome[1:], len(doses)
    allowed = APART * np.ptp(outcome[every.status == OK])
    if follow:
        start = np.repeat(every.y[:1], count, axis=0)
        missed = steady.is_missed(person[1:], doses, start, found, np.full(count, allowed))
        if missed.any():
            _warn_of_missed(benefit, doses[missed])
            return
    begin = np.repeat([solved[-1], np.nanargmax(steady.gain(outcome[0], usual))], count)
    given = np.tile(doses, 2)
    other = steady.from_states(np.zeros(2 * count, np.int64), given, found.y[begin])
    away = np.flatnonzero(np.abs(other - np.tile(usual, 2)) > allowed)
    if len(away):
        one = away[len(away) // 2]
        _warn(benefit, given[away], given[one], doses[begin[one]])


def _warn_of_missed(benefit, doses):
    warnings.warn(
        f"At doses from {doses.min():.3g} to {doses.max():.3g} {benefit.unit}, {MOST_INTERVALS} "
        "intervals of treatment that begins without drug do not lead the typical patient to the "
        f"steady state of {benefit.outcome} that these results are of; there may be several. "
        "Follow such a dose by 'pkpd simulate'.",
        PkpdWarning,
        stacklevel=4,
    )


def _warn(benefit, doses, one, begin):
    """Warn of doses at which there are several states, of one of them and where another begins."""
    low, high, here, there = (
        f"{dose:.3g} {benefit.unit}" for dose in (doses.min(), doses.max(), one, begin)
    )
    warnings.warn(
        f"The typical patient has more than one steady state of {benefit.outcome} at doses from "
        f"{low} to {high}: at {here} it is another one after {there} than after no drug. Results "
        "are those of treatment that begins without drug.",
        PkpdWarning,
        stacklevel=5,
    )
