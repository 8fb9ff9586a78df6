"""The true maximally effective dose (MED) of each patient, with a status.

The MED is the argmax of steady-state benefit on log dose in a closed range. A log grid of 33 doses
brackets the local maxima, `pkpd.response.search` finds the best between them; a last solve at the
MED gives exposure and blockade there. Knows curves and cohorts; knows no titration.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from pkpd.errors import Stopped
from pkpd.limits import thread_count
from pkpd.population.cohort import Cohort, of_model
from pkpd.response.benefit import benefit_of
from pkpd.response.dose_response import (
    PATIENTS_PER_CHUNK,
    DoseResponse,
    Steady,
    curves,
    joined,
    log_grid,
    part_of,
    response_of,
    spread,
)
from pkpd.response.scale import scale_of
from pkpd.response.search import Search
from pkpd.result import provenance
from pkpd.solvers.status import STATUS
from pkpd.symbolic.model import Benefit, Model

STATUSES = ("interior", "below_range", "above_range", "no_benefit", "flat", "failed")
PLATEAU = (0.99, 3.0)  # doses within 99 % of the best that span more than a factor 3
WINDOW = 0.9


@dataclass(frozen=True)
class MedTable:
    """MEDs of P patients.

    columns : name -> (P,) array, one row a patient (see docs/data-contracts.md)
    curves : the DoseResponse behind them
    """

    model: Model
    cohort: Cohort
    benefit: Benefit
    columns: dict
    curves: DoseResponse

    def __len__(self):
        return len(self.columns["ID"])

    @property
    def people(self):
        """Who they are, for pkpd.population.groups."""
        return self.cohort

    @property
    def patients(self):
        """One row a patient, as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.columns)

    @property
    def names(self):
        """Names of the columns."""
        return tuple(self.columns)

    def column(self, name):
        """(P,) values of a column."""
        return self.columns[name]

    def having(self, status):
        """(P,) whether a patient has this status."""
        return self.columns["status"] == status

    def provenance(self, command=None):
        """What it takes to compute the table again."""
        return provenance(self.model, self.cohort, command)


def med(model, cohort, *, rtol=1e-6, solver="auto", threads=None, progress=None, **changes):
    """MED of every patient of a cohort, for any model that says what benefit is.

    Parameters
    ----------
    changes : outcome, better, into, every, doses, delta, report in place of the model's [benefit]
    rtol : relative tolerance; solver : see pkpd.solvers.batch.compile
    progress : called with the number of finished patients

    Returns
    -------
    MedTable. Raises PkpdError for bad input, and Stopped on Ctrl-C, with the MedTable of the
    patients that are finished.
    """
    of_model(model, cohort)
    benefit, done = benefit_of(model, **changes), []
    try:
        for part in parts(
            model, cohort, benefit, rtol=rtol, solver=solver, threads=threads, progress=progress
        ):
            done.append(part)
    except KeyboardInterrupt as stop:
        if not done:
            raise
        finished = sum(len(response.cohort) for response, _ in done)
        table = table_of(model, cohort.until(finished), benefit, done)
        raise Stopped(table, finished, len(cohort)) from stop
    return table_of(model, cohort, benefit, done)


def memory(model, n):
    """Bytes that `med` and its tables take for n patients: libraries, kernels, columns and curves.

    Measured to a third.
    """
    return 250e6 + n * (3500 + 24 * len(model.inputs))


def parts(model, cohort, benefit, *, rtol=1e-6, solver="auto", threads=None, progress=None):
    """Yield DoseResponse and MED columns chunk by chunk, in order, so that work arrays stay small.

    As many chunks as there are threads are solved side by side, because what happens between the
    solver's calls is serial.
    """
    firsts = range(0, len(cohort), PATIENTS_PER_CHUNK)
    threads = thread_count(threads) or os.cpu_count() or 1
    beside = min(threads, len(firsts))

    scale = scale_of(model, cohort, benefit, rtol=rtol, solver=solver)
    numerics = {"rtol": rtol, "solver": solver, "threads": threads // beside}

    def solve(first):
        return _chunk(Steady(model, part_of(cohort, first), benefit, **numerics), scale)

    for first, part in zip(
        firsts,
        map(solve, firsts) if beside == 1 else side_by_side(solve, firsts, beside),
        strict=True,
    ):
        yield part
        if progress is not None:
            progress(min(first + PATIENTS_PER_CHUNK, len(cohort)))


def side_by_side(solve, firsts, count):
    """Yield solve(first) of every part in order, `count` at a time in threads.

    Closed early, it waits only for those under way.
    """
    with ThreadPoolExecutor(count) as pool:
        pending = [pool.submit(solve, first) for first in firsts]
        try:
            for future in pending:
                yield future.result()
        finally:
            for future in pending:
                future.cancel()


def table_of(model, cohort, benefit, done):
    """The MedTable of consecutive parts of a cohort."""
    responses, tables = zip(*done, strict=True)
    columns = {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}
    return MedTable(model, cohort, benefit, columns, joined(responses, cohort))


def _chunk(steady, scale):
    """DoseResponse and MED columns of the patients of one chunk."""
    found = curves(steady, log_grid(steady.benefit))
    response = response_of(steady, found)
    search = Search(steady, response, found, scale.noise(found.untreated))
    return response, _columns(search, search.peaks(), scale)


def _columns(search, peaks, scale):
    steady, response, found = search.steady, search.response, search.found
    argmax, gain, untreated = peaks.argmax, peaks.gain, found.untreated
    threshold = scale.threshold(untreated)
    fixed, unsolved = _at_fixed_doses(steady, response, found)
    failed = peaks.failed | unsolved
    flat = ~failed & (spread(response) <= search.noise)
    responds = ~failed & ~flat
    helped = responds & (gain >= threshold)
    status = np.select(
        [failed, flat, ~helped, argmax <= search.grid[0], argmax >= search.grid[-1]],
        ["failed", "flat", "no_benefit", "below_range", "above_range"],
        "interior",
    )
    interior = status == "interior"
    better = responds & (gain > 0)
    return {
        "ID": steady.cohort.ids,
        "status": status,
        "med": _where(interior, np.exp(argmax)),
        "benefit_at_med": _where(interior, gain),
        **_at_med(steady, found, peaks, np.flatnonzero(interior)),
        "argmax": _where(responds, np.exp(argmax)),
        "benefit_at_argmax": _where(responds, gain),
        "responder": helped,
        **_windows(search, argmax, _where(better, gain), _where(helped, threshold)),
        "multimodal": helped & ~np.isnan(peaks.second),
        "second_peak": _where(helped, np.exp(peaks.second)),
        "untreated": untreated,
        "threshold": threshold,
        **fixed,
        "reason": _reasons(response, status),
        **dict(zip(steady.model.input_names, steady.cohort.theta.T, strict=True)),
    }


def _where(rows, values):
    """Values (P,), NaN but for some rows."""
    return np.where(rows, values, np.nan)


def _windows(search, argmax, gain, threshold):
    """Where the curve beside argmax (P,) falls to shares of its best, to the threshold, to 0.

    gain, threshold : (P,), NaN where there is nothing to fall from
    """

    def dose(level, side):
        found = np.exp(search.crossings(level, argmax, side))
        return _where(~np.isnan(level), found)

    share, factor = PLATEAU
    return {
        "plateau": dose(share * gain, 1) > factor * dose(share * gain, -1),
        "w90_low": dose(WINDOW * gain, -1),
        "w90_high": dose(WINDOW * gain, 1),
        "zero_equivalent": dose(0.0 * gain, 1),
        "min_effective_dose": dose(threshold, -1),
    }


def _at_med(steady, found, peaks, rows):
    """Days to most of the effect, exposure and blockade at the MED; NaN but for some rows (n,)."""
    benefit, dose = steady.benefit, np.exp(peaks.argmax[rows])
    solution = steady.at(rows, dose, peaks.y[rows])
    extremes = steady.extremes(rows, dose, solution)
    untreated = found.untreated_y[rows], found.untreated[rows]
    columns = {"days_to_90": steady.days_to_most(rows, dose, *untreated, solution)}
    if benefit.exposure:
        columns |= {"cmax": extremes[benefit.exposure][0], "auc": solution.integral[:, 1]}
    if benefit.blockade:
        peak, trough = extremes[benefit.blockade]
        columns |= {"peak_blockade": peak, "trough_blockade": trough}
    table = {name: np.full(len(peaks.argmax), np.nan) for name in columns}
    for name, values in columns.items():
        table[name][rows] = values
    return table


def _at_fixed_doses(steady, response, found):
    """Benefit at the reported doses and a fifth of the lowest, and (P,) whether one failed."""
    benefit, patients = steady.benefit, len(found.untreated)
    doses, x = np.array([*benefit.report, benefit.lowest / 5]), np.log(response.doses)
    near = np.rint((np.log(doses) - x[0]) / (x[1] - x[0])).astype(int)
    guess = found.y[:, np.clip(near, 0, len(x) - 1)]
    person = np.repeat(np.arange(patients), len(doses))
    solution = steady.at(person, np.tile(doses, patients), guess.reshape(len(person), -1))
    treated = steady.mean(solution).reshape(patients, -1)
    gain = steady.gain(found.untreated[:, None], treated)
    columns = {f"benefit_{d:g}": gain[:, k] for k, d in enumerate(doses)}
    return columns, (solution.status != 0).reshape(patients, -1).any(axis=1)


def _reasons(response, status):
    """Why a patient failed, with the dose; empty for the others."""
    reasons = np.full(len(status), "", dtype=object)
    for row in np.flatnonzero(status == "failed"):
        reasons[row] = reason(response, row)
    return reasons.astype(str)


def reason(response, row):
    """Why a patient failed, with the first dose at which."""
    bad = np.flatnonzero(response.status[row])
    if not len(bad):
        return "the untreated state or a dose beside the grid failed"
    dose = f"{response.doses[bad[0]]:.3g} {response.unit}"
    return f"{STATUS[int(response.status[row, bad[0]])]} at {dose}"
