"""Only the best dose of each patient and its benefit: for studies of many MEDs and no table.

A grid of 17 doses and looser tolerances than those of `pkpd.response.med`; `error` measures on
some patients what that costs. Knows curves and cohorts; knows nothing of why patients differ.
"""

import os
from dataclasses import dataclass

import numpy as np

from pkpd.limits import thread_count
from pkpd.response.dose_response import (
    GRID,
    PATIENTS_PER_CHUNK,
    Steady,
    curves,
    log_grid,
    part_of,
    response_of,
    spread,
)
from pkpd.response.med import side_by_side
from pkpd.response.scale import scale_of
from pkpd.response.search import Search

COARSE = 17  # doses on the log axis
ROUGH = 1e-4  # relative tolerance, and that of the steady state


@dataclass(frozen=True)
class Best:
    """Best doses of P patients.

    argmax : (P,) log10 of the dose with the most benefit in the closed range, at its end where the
        best lies beyond; NaN where no dose does anything
    gain : (P,) benefit there; responder : (P,) whether it reaches delta
    ends : (P,) whether argmax is an end of the range
    flat : (P,) whether no dose does anything, by the rule of `med`
    failed : (P,) whether a solve failed: all of the above are NaN
    """

    argmax: np.ndarray
    gain: np.ndarray
    responder: np.ndarray
    ends: np.ndarray
    flat: np.ndarray
    failed: np.ndarray


def best(
    model,
    cohort,
    benefit,
    *,
    doses=COARSE,
    rtol=ROUGH,
    tol=ROUGH,
    solver="auto",
    threads=None,
    progress=None,
):
    """Best of every patient of a cohort.

    doses : number of doses on the grid; rtol, tol : of the solver and of the steady state
    progress : called with the number of finished patients
    """
    firsts = range(0, len(cohort), PATIENTS_PER_CHUNK)
    threads = thread_count(threads) or os.cpu_count() or 1
    beside = min(threads, len(firsts))

    scale = scale_of(model, cohort, benefit, rtol=rtol, solver=solver)
    numerics = {"rtol": rtol, "tol": tol, "solver": solver, "threads": threads // beside}

    def solve(first):
        return _part(Steady(model, part_of(cohort, first), benefit, **numerics), doses, scale)

    found = []
    for first, part in zip(
        firsts,
        map(solve, firsts) if beside == 1 else side_by_side(solve, firsts, beside),
        strict=True,
    ):
        found.append(part)
        if progress is not None:
            progress(min(first + PATIENTS_PER_CHUNK, len(cohort)))
    return Best(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _part(steady, doses, scale):
    found = curves(steady, log_grid(steady.benefit, doses))
    response, noise = response_of(steady, found), scale.noise(found.untreated)
    search = Search(steady, response, found, noise)
    peaks = search.peaks()
    failed, flat = peaks.failed, ~peaks.failed & (spread(response) <= noise)
    columns = (
        np.where(flat, np.nan, peaks.argmax / np.log(10.0)),
        peaks.gain,
        ~flat & (peaks.gain >= scale.threshold(found.untreated)),
        np.isin(peaks.argmax, search.grid[[0, -1]]),
    )
    return *(np.where(failed, np.nan, column) for column in columns), flat, failed


def error(model, cohort, benefit, quick, **options):
    """Root mean square error of log10 dose of a Best, against the grid and tolerances of `med`.

    model, cohort, benefit : those of `quick`. NaN where nobody has a best dose.
    """
    exact = best(model, cohort, benefit, doses=GRID, rtol=1e-6, tol=1e-6, **options)
    known = (quick.argmax - exact.argmax)[~np.isnan(quick.argmax) & ~np.isnan(exact.argmax)]
    return float(np.sqrt((known**2).mean())) if len(known) else np.nan
