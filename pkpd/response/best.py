"""Only the best dose of each patient and its benefit: for studies of many MEDs and no table.

A grid of 17 doses and looser tolerances than those of `pkpd.response.med`, where `precision` finds
on some patients that they are enough. Knows curves and cohorts; knows nothing of why patients
differ.
"""

from dataclasses import dataclass

import numpy as np

from pkpd.errors import Stopped
from pkpd.response.grid import GRID, Steady, dose_grid, log_grid
from pkpd.response.scale import scale_of
from pkpd.response.search import Search
from pkpd.response.side_by_side import in_chunks

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
    scale=None,
    doses=COARSE,
    rtol=ROUGH,
    tol=ROUGH,
    solver="auto",
    threads=None,
    progress=None,
):
    """Best of every patient of a cohort.

    scale : the Scale of the model (default: found here)
    doses : number of doses on the grid; rtol, tol : of the solver and of the steady state
    progress : called with the number of finished patients. Raises Stopped on Ctrl-C, with the Best
    of the patients that are finished, if there are any.
    """
    scale = scale or scale_of(model, cohort, benefit, rtol=rtol, solver=solver)
    numerics = {"rtol": rtol, "tol": tol, "solver": solver}

    def solve(people, threads):
        return _part(Steady(model, people, benefit, threads=threads, **numerics), doses, scale)

    found = []
    try:
        for part in in_chunks(cohort, solve, threads, progress):
            found.append(part)
    except KeyboardInterrupt as stop:
        if not found:
            raise
        partial = _joined(found)
        raise Stopped(partial, len(partial.argmax), len(cohort)) from stop
    return _joined(found)


def _joined(parts):
    """The Best of consecutive parts of a cohort."""
    return Best(*map(np.concatenate, zip(*parts, strict=True)))


def _part(steady, doses, scale):
    found = dose_grid(steady, log_grid(steady.benefit, doses))
    noise = scale.noise(found.untreated)
    search = Search(found, noise)
    peaks = search.peaks()
    failed, flat = peaks.failed, ~peaks.failed & (found.spread() <= noise)
    columns = (
        np.where(flat, np.nan, peaks.argmax / np.log(10.0)),
        peaks.gain,
        ~flat & (peaks.gain >= scale.threshold(found.untreated)),
        np.isin(peaks.argmax, search.grid[[0, -1]]),
    )
    return *(np.where(failed, np.nan, column) for column in columns), flat, failed


@dataclass(frozen=True)
class Precision:
    """Grid and tolerances that are good enough for a model, and what they cost.

    options : doses, rtol, tol of `best`; error : output -> root mean square error on some patients
    """

    options: dict
    error: dict


QUICK = {"doses": COARSE, "rtol": ROUGH, "tol": ROUGH}
FULL = {"doses": GRID, "rtol": 1e-6, "tol": 1e-6}
FINER = {"doses": 2 * GRID - 1, "rtol": 1e-8, "tol": 1e-8}
GOOD = 0.02  # of log10 dose: an error that the quick grid may have


def precision(model, cohort, benefit, **numerics):
    """Precision of the quick grid on these patients; of the full one where that is not enough.

    The quick grid is not enough where it does not see that somebody responds, or errs by more than
    GOOD: curves steeper than it. Errors are against a finer grid; NaN where nobody has a best dose.
    """
    quick, full = (best(model, cohort, benefit, **o, **numerics) for o in (QUICK, FULL))
    missed, error = quick.flat & (full.responder > 0), _error(quick, full)
    if not missed.any() and not error["log10_med"] > GOOD:
        return Precision(QUICK, error)
    return Precision(FULL, _error(full, best(model, cohort, benefit, **FINER, **numerics)))


def _error(rough, fine):
    """Root mean square differences of log10 dose and benefit of two Best of the same patients."""
    both = ~np.isnan(rough.argmax) & ~np.isnan(fine.argmax)
    differences = {
        "log10_med": rough.argmax - fine.argmax,
        "benefit_at_med": rough.gain - fine.gain,
    }
    if not both.any():
        return dict.fromkeys(differences, np.nan)
    return {name: float(np.sqrt((d[both] ** 2).mean())) for name, d in differences.items()}
