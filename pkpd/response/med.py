"""The true maximally effective dose (MED) of each patient, with a status.

The MED is the argmax of steady-state benefit on log dose. A log grid of 33 doses brackets the
local maxima; four more doses around each and a quartic give the argmax; a last solve at the MED
gives benefit, exposure and blockade there. Knows curves and cohorts; knows no titration.
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
)
from pkpd.response.peak import NEW, OFFSETS, centres, crossing, summit
from pkpd.result import provenance
from pkpd.solvers.batch import STATUS
from pkpd.symbolic.model import Benefit, Model

STATUSES = ("interior", "below_range", "above_range", "no_benefit", "flat", "failed")
FLAT = 1e-6  # range of benefit, as a share of the untreated value
PLATEAU = (0.99, 3.0)  # doses within 99 % of the best that span more than a factor 3
SECOND_PEAK = 0.9
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

    def solve(first):
        return _chunk(
            Steady(
                model,
                part_of(cohort, first),
                benefit,
                rtol=rtol,
                solver=solver,
                threads=threads // beside,
            )
        )

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


def _chunk(steady):
    """DoseResponse and MED columns of the patients of one chunk."""
    doses = log_grid(steady.benefit)
    found = curves(steady, doses)
    response = response_of(steady, found)
    argmax, _, second, failed = argmaxes(steady, response, found)
    return response, _columns(steady, response, found, argmax, second, failed)


def argmaxes(steady, response, found):
    """Unrestricted argmax (P,), benefit there, second peak (P,) and which patients failed.

    Argmax and second peak are log doses; NaN where there is no second peak.
    """
    gain = np.nan_to_num(response.gain, nan=-np.inf)
    first, other = centres(gain)
    at, best, fail_a = _refine(steady, response, found, np.arange(len(first)), first)
    second, height = np.full(len(first), np.nan), np.full(len(first), -np.inf)
    rows = np.flatnonzero(
        (other >= 0)
        & (gain[np.arange(len(other)), other] >= 0.8 * gain.max(axis=1))
        & (gain.max(axis=1) > 0)
    )
    fail_b = np.zeros(len(first), bool)
    if len(rows):
        second[rows], height[rows], fail_b[rows] = _refine(
            steady, response, found, rows, other[rows]
        )
    # the two may change places once the space between grid doses is seen; ties go to the lower dose
    swap = (height > best) | ((height == best) & (second < at))
    at, second = np.where(swap, second, at), np.where(swap, at, second)
    low, high = np.where(swap, best, height), np.where(swap, height, best)
    peaks = (low >= SECOND_PEAK * high) & (np.abs(second - at) > 1e-6)
    failed = (response.status != 0).any(axis=1) | (found.untreated_status != 0) | fail_a | fail_b
    return at, high, np.where(peaks, second, np.nan), failed


def _refine(steady, response, found, rows, centre):
    """Argmax (log dose), benefit there and failure for some patients around a grid dose each."""
    x = np.log(response.doses)
    step = x[1] - x[0]
    points = x[centre][:, None] + OFFSETS * step
    person = np.repeat(rows, len(NEW))
    nearest = np.where(OFFSETS[NEW] < 0, -1, 0)[None, :] + centre[:, None]
    left, right = found.y[rows[:, None], nearest], found.y[rows[:, None], nearest + 1]
    share = (OFFSETS[NEW] % 1.0)[None, :, None]
    guess = np.nan_to_num((1 - share) * left + share * right)
    solution = steady.at(person, np.exp(points[:, NEW]).ravel(), guess.reshape(len(person), -1))
    values = np.empty((len(rows), len(OFFSETS)))
    values[:, [0, 3, 6]] = response.gain[rows[:, None], centre[:, None] + np.array([-1, 0, 1])]
    treated = steady.mean(solution).reshape(len(rows), -1)
    values[:, NEW] = steady.gain(response.untreated[rows][:, None], treated)
    failed = np.isnan(values).any(axis=1)
    offset, height = summit(np.nan_to_num(values))
    # the ends of the range are exact, so that "at the end" can be told from "close to it"
    at = np.where(
        offset == -1.0,
        x[centre - 1],
        np.where(offset == 1.0, x[centre + 1], x[centre] + offset * step),
    )
    return at, height, failed


def spread(response):
    """Range (P,) of the benefit over doses, dose 0 included."""
    return np.maximum(response.gain.max(axis=1), 0.0) - np.minimum(response.gain.min(axis=1), 0.0)


def _columns(steady, response, found, argmax, second, failed):
    benefit, cohort = steady.benefit, steady.cohort
    x = np.log(response.doses)
    extra = _at_doses(steady, response, found, argmax)
    failed = failed | extra.pop("failed")
    at_best, at_med = extra.pop("benefit_at_argmax"), extra.pop("at_med")
    untreated = response.untreated
    threshold = (
        benefit.delta * np.abs(untreated)
        if benefit.delta_relative
        else np.full(len(untreated), benefit.delta)
    )
    status = np.full(len(untreated), "interior", dtype=object)
    status[argmax <= x[0]] = "below_range"
    status[argmax >= x[-1]] = "above_range"
    status[~(at_best >= threshold)] = "no_benefit"
    status[spread(response) < FLAT * np.abs(untreated)] = "flat"
    status[failed] = "failed"
    blank = np.where(np.isin(status, ("failed", "flat")), np.nan, 1.0)
    interior = np.where(status == "interior", 1.0, np.nan)
    rows = np.flatnonzero(status == "interior")
    days = np.full(len(status), np.nan)
    days[rows] = steady.days_to_most(
        rows, np.exp(argmax[rows]), found.untreated_y[rows], untreated[rows], at_med.take(rows)
    )
    width = crossing(x, response.gain, PLATEAU[0] * at_best, argmax, 1) - crossing(
        x, response.gain, PLATEAU[0] * at_best, argmax, -1
    )
    positive = np.where(at_best > 0, blank, np.nan)
    return {
        "ID": cohort.ids,
        "status": status.astype(str),
        "med": np.exp(argmax) * interior,
        "benefit_at_med": at_best * interior,
        "days_to_90": days,
        "argmax": np.exp(argmax) * blank,
        "benefit_at_argmax": at_best * blank,
        "responder": at_best >= threshold,
        "plateau": (width > np.log(PLATEAU[1])) & (at_best > 0),
        "multimodal": ~np.isnan(second) & (at_best > 0),
        "second_peak": np.exp(second),
        "w90_low": np.exp(crossing(x, response.gain, WINDOW * at_best, argmax, -1)) * positive,
        "w90_high": np.exp(crossing(x, response.gain, WINDOW * at_best, argmax, 1)) * positive,
        "zero_equivalent": np.exp(crossing(x, response.gain, np.zeros(len(untreated)), argmax, 1))
        * positive,
        "min_effective_dose": np.exp(crossing(x, response.gain, threshold, argmax, -1))
        * np.where(at_best >= threshold, blank, np.nan),
        "untreated": untreated,
        **extra,
        "reason": _reasons(response, status),
        **{name: cohort.theta[:, k] for k, name in enumerate(cohort.model.input_names)},
    }


def _at_doses(steady, response, found, argmax):
    """Benefit at the MED, the reported doses and a fifth of the lowest; exposure at the MED."""
    benefit, patients = steady.benefit, len(argmax)
    fixed = np.array([*benefit.report, benefit.lowest / 5])
    doses = np.column_stack([np.exp(argmax), np.tile(fixed, (patients, 1))])
    person = np.repeat(np.arange(patients), doses.shape[1])
    x = np.log(response.doses)
    near = np.clip(np.rint((np.log(doses) - x[0]) / (x[1] - x[0])).astype(int), 0, len(x) - 1)
    guess = np.nan_to_num(found.y[np.arange(patients)[:, None], near]).reshape(len(person), -1)
    solution = steady.at(person, doses.ravel(), guess)
    gain = steady.gain(response.untreated[:, None], steady.mean(solution).reshape(patients, -1))
    columns = {
        "benefit_at_argmax": gain[:, 0],
        "failed": (solution.status != 0).reshape(patients, -1).any(axis=1),
    }
    columns |= {f"benefit_{d:g}": gain[:, 1 + k] for k, d in enumerate(fixed)}
    first = np.arange(0, len(person), doses.shape[1])
    at_med = solution.take(first)
    columns["at_med"] = at_med
    seen = steady.extremes(np.arange(patients), doses[:, 0], at_med)
    if benefit.exposure:
        columns |= {"cmax": seen[benefit.exposure][0], "auc": at_med.integral[:, 1]}
    if benefit.blockade:
        columns |= {
            "peak_blockade": seen[benefit.blockade][0],
            "trough_blockade": seen[benefit.blockade][1],
        }
    return columns


def _reasons(response, status):
    """Why a patient failed, with the dose; empty for the others."""
    reasons = np.full(len(status), "", dtype=object)
    for row in np.flatnonzero(status == "failed"):
        bad = np.flatnonzero(response.status[row])
        if not len(bad):
            reasons[row] = "a dose beside the grid failed"
            continue
        dose = f"{response.doses[bad[0]]:.3g} {response.unit}"
        reasons[row] = f"{STATUS[int(response.status[row, bad[0]])]} at {dose}"
    return reasons.astype(str)
