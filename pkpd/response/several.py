"""Whether a patient can be in more than one steady state at the same dose.

A loop that holds itself can rest high or low. Results are those of treatment that begins without
drug; a patient who comes from a higher dose may end elsewhere, and is told of here. Knows the
typical patient at doses; knows no cohort.
"""

import warnings

import numpy as np

from pkpd.errors import PkpdWarning
from pkpd.population.cohort import cohort as draw
from pkpd.response.grid import Steady, dose_grid, log_grid

APART = 0.01  # of the range of mean outcomes: two steady states, not one that is known twice


def warn_of_several(model, cohort, benefit, *, rtol, solver):
    """Warn where the typical patient of a cohort has other steady states at doses of the range.

    Looked for by Newton's method from the steady states at the highest and at the best dose, in
    models that are solved by collocation.
    """
    people = draw(model, typical=True, set=cohort.changed)
    steady = Steady(model, people, benefit, rtol=rtol, solver=solver, threads=1)
    if steady.has_one_state():
        return
    found = dose_grid(steady, log_grid(benefit))
    if found.unsolved[0]:
        return
    usual, count = found.outcome[0], len(found.doses)
    begin = np.repeat([count - 1, np.argmax(found.gain[0])], count)
    doses = np.tile(found.doses, 2)
    other = steady.from_states(np.zeros(2 * count, np.int64), doses, found.y[0, begin])
    allowed = APART * np.ptp(np.append(usual, found.untreated))
    away = np.flatnonzero(np.abs(other - np.tile(usual, 2)) > allowed)
    if len(away):
        one = away[len(away) // 2]
        _warn(benefit, found.doses[away % count], doses[one], found.doses[begin[one]])


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
