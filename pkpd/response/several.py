"""Whether a patient can be in more than one steady state at the same dose.

A loop that holds itself can rest high or low. Results are meant to be those of treatment that
begins without drug; where days of it end elsewhere, or a patient who comes from a higher dose does,
it is told here. Knows the typical patient at doses; knows no cohort.
"""

import warnings

import numpy as np

from pkpd.errors import PkpdWarning
from pkpd.population.cohort import cohort as draw
from pkpd.response.grid import Steady, dose_grid, log_grid
from pkpd.solvers.periodic import MOST_INTERVALS

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
    found = dose_grid(steady, log_grid(benefit))
    solved = np.flatnonzero(found.status[0] == 0)
    if found.untreated_status[0] != 0 or not len(solved):
        return
    outcomes = np.append(found.outcome[0, solved], found.untreated)
    allowed = APART * np.ptp(outcomes)
    if follow and (missed := _missed(steady, found, allowed)).any():
        _warn_of_missed(benefit, found.doses[missed])
        return
    usual, count = found.outcome[0], len(found.doses)
    begin = np.repeat([solved[-1], np.nanargmax(found.gain[0])], count)
    doses = np.tile(found.doses, 2)
    other = steady.from_states(np.zeros(2 * count, np.int64), doses, found.y[0, begin])
    away = np.flatnonzero(np.abs(other - np.tile(usual, 2)) > allowed)
    if len(away):
        one = away[len(away) // 2]
        _warn(benefit, found.doses[away % count], doses[one], found.doses[begin[one]])


def _missed(steady, found, near):
    """(D,) whether treatment that begins without drug ends elsewhere than what was found."""
    count = len(found.doses)
    typical, start = np.zeros(count, np.int64), np.repeat(found.untreated_y, count, axis=0)
    solution = steady.at(typical, found.doses)
    return steady.is_missed(typical, found.doses, start, solution, np.full(count, near))


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
