"""The true maximally effective dose (MED) of each patient, with a status.

The MED is the argmax of steady-state benefit on log dose in a closed range. A log grid of 33 doses
brackets the local maxima, `pkpd.response.search` finds the best between them; a last solve at the
MED gives exposure and blockade there. Knows curves and cohorts; knows no titration.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from warnings import warn

import numpy as np

from pkpd.errors import Stopped
from pkpd.limits import check_called
from pkpd.population.cohort import Cohort, of_model
from pkpd.progress import watched
from pkpd.response.benefit import benefit_of
from pkpd.response.curves import DoseResponse, column_units, how_far, joined
from pkpd.response.grid import Steady, dose_grid, log_grid
from pkpd.response.safety import Safety, best_safe
from pkpd.response.scale import scale_of
from pkpd.response.search import Search
from pkpd.response.several import warn_of_several
from pkpd.response.side_by_side import in_chunks
from pkpd.result import Computed, Sheet, provenance
from pkpd.result.tables import stacked
from pkpd.symbolic.model import Benefit, Model

if TYPE_CHECKING:
    import pandas as pd

STATUSES = ("interior", "below_range", "above_range", "no_benefit", "flat", "unsafe", "failed")
PLATEAU = (0.99, 3.0)  # doses within 99 % of the best that span more than a factor 3
WINDOW = 0.9
BESIDE = ("windows", "at_med")  # doses around the best with most of its effect; exposure at it


@dataclass(frozen=True, repr=False)
class MedTable(Computed):
    """MEDs of P patients.

    columns : name -> (P,) array, one row per patient (see docs/data-contracts.md)
    curves : the DoseResponse behind them
    """

    NAME: ClassVar[str] = "med"

    model: Model
    cohort: Cohort
    benefit: Benefit
    columns: dict
    curves: DoseResponse

    def __len__(self) -> int:
        return len(self.columns["ID"])

    @property
    def unit(self) -> str:
        """Unit of the doses."""
        return self.benefit.unit

    @property
    def people(self) -> Cohort:
        """Who they are, for pkpd.population.groups."""
        return self.cohort

    @property
    def patients(self) -> "pd.DataFrame":
        """The frame, as it was called before."""
        warn("MedTable.patients is now MedTable.frame().", DeprecationWarning, stacklevel=2)
        return self.frame()

    def sheets(self) -> dict[str, Sheet]:
        units = column_units(self.model, self.benefit, self.columns)
        return {"patients": Sheet(self.columns, units, ("ID",))} | self.curves.sheets()

    def summary(self, command: str | None = None, by: Sequence[str] = ()) -> dict[str, Any]:
        """pkpd.summarise of the table.

        command : for the provenance; by : inputs whose subgroups have results of their own
        """
        from pkpd.response.summary import summarise

        return summarise(self, command=command, by=by) | how_far(self.cohort)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.columns)

    def column(self, name: str) -> np.ndarray:
        """(P,) values of the column `name`; see `frame` for their units."""
        return self.columns[name]

    def having(self, status: str) -> np.ndarray:
        """(P,) whether a patient has this status."""
        return self.columns["status"] == status

    def provenance(self, command: str | None = None) -> dict[str, Any]:
        """What it takes to compute the table again. command : the words of the run, if any"""
        return provenance(self.model, self.cohort, command)


@watched(lambda given: len(given["cohort"]))
def med(
    model: Model,
    cohort: Cohort,
    *,
    rtol: float = 1e-6,
    solver: str = "auto",
    threads: int | None = None,
    progress: Callable[[int], object] | Literal[False] | None = None,
    **changes: Any,
) -> MedTable:
    """MED of every patient of a cohort, for any model that says what benefit is.

    Parameters
    ----------
    changes : outcome, better, into, every, doses, delta, report in place of the model's [benefit]
    rtol : relative tolerance; solver : see pkpd.solvers.batch.compile
    threads : number of threads (default: all cores); results do not depend on it
    progress : called with the number of finished patients (default: a bar; False for none)

    Returns
    -------
    MedTable. Raises PkpdError for bad input, and Stopped on Ctrl-C, with the MedTable of the
    patients that are finished.
    """
    of_model(model, cohort)
    check_called(progress=progress)
    benefit, done = benefit_of(model, **changes), []
    warn_of_several(model, cohort, benefit, rtol=rtol, solver=solver, follow=True)
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


def parts(
    model,
    cohort,
    benefit,
    *,
    rtol=1e-6,
    solver="auto",
    threads=None,
    progress=None,
    patients=None,
    beside=BESIDE,
):
    """Yield DoseResponse and MED columns chunk by chunk, in order.

    patients : of a chunk, see `pkpd.response.side_by_side.in_chunks`
    beside : of BESIDE, what is found beside best doses; all of it takes half of the time
    """
    scale = scale_of(model, cohort, benefit, rtol=rtol, solver=solver)

    def solve(people, threads):
        steady = Steady(model, people, benefit, rtol=rtol, solver=solver, threads=threads)
        return _chunk(steady, scale, beside)

    yield from in_chunks(cohort, solve, threads, progress, patients)


def table_of(model, cohort, benefit, done):
    """The MedTable of consecutive parts of a cohort."""
    responses, tables = zip(*done, strict=True)
    return MedTable(model, cohort, benefit, stacked(tables), joined(responses, cohort))


def _chunk(steady, scale, beside):
    """DoseResponse and MED columns of the patients of one chunk."""
    benefit = steady.benefit
    found = dose_grid(steady, log_grid(benefit), _fixed_doses(benefit))
    search = Search(found, scale.noise(found.untreated))
    return found.response(), _columns(search, search.peaks(), scale, beside)


@dataclass(frozen=True)
class Verdict:
    """What the best dose of P patients amounts to.

    threshold : (P,) benefit that makes a responder; status : (P,) one of STATUSES
    responds : (P,) whether any dose does anything; helped : (P,) whether one reaches the threshold
    """

    threshold: np.ndarray
    status: np.ndarray
    responds: np.ndarray
    helped: np.ndarray

    @property
    def interior(self):
        """(P,) whether the MED lies inside the range of doses."""
        return self.status == "interior"


def _verdict(search, peaks, scale, unsolved):
    """The Verdict on Peaks. unsolved : (P,) whether a dose beside the grid failed"""
    threshold = scale.threshold(search.found.untreated)
    failed = peaks.failed | unsolved
    flat = ~failed & (search.found.spread() <= search.noise)
    responds = ~failed & ~flat
    helped = responds & (peaks.gain >= threshold)
    lowest, highest = search.grid[[0, -1]]
    status = np.select(
        [failed, flat, ~helped, peaks.argmax <= lowest, peaks.argmax >= highest],
        ["failed", "flat", "no_benefit", "below_range", "above_range"],
        "interior",
    )
    return Verdict(threshold, status, responds, helped)


def _fixed_doses(benefit):
    """Doses whose benefit is a column: those to report, and a fifth of the lowest."""
    return (*benefit.report, benefit.lowest / 5)


def _columns(search, peaks, scale, beside):
    """Columns of the MedTable, in its order. beside : as in `parts`"""
    found, people = search.found, search.steady.cohort
    unsolved = (found.beside_status != 0).any(axis=1)
    verdict = _verdict(search, peaks, scale, unsolved)
    verdict, safe = _safe(search, peaks, verdict)
    doses = _fixed_doses(found.steady.benefit)
    fixed = {f"benefit_{d:g}": found.beside_gain[:, k] for k, d in enumerate(doses)}
    labels = people.labels
    texts = labels is not None and labels.dtype.kind != "i"
    return {
        "ID": people.ids,
        **({"LABEL": labels} if texts else {}),
        "status": verdict.status,
        "med": _where(verdict.interior, np.exp(peaks.argmax)),
        "benefit_at_med": _where(verdict.interior, peaks.gain),
        **(_at_med(found, peaks, np.flatnonzero(verdict.interior)) if "at_med" in beside else {}),
        **safe,
        "argmax": _where(verdict.responds, np.exp(peaks.argmax)),
        "benefit_at_argmax": _where(verdict.responds, peaks.gain),
        "responder": verdict.helped,
        **(_windows(search, peaks, verdict) if "windows" in beside else {}),
        "multimodal": verdict.helped & ~np.isnan(peaks.second),
        "second_peak": _where(verdict.helped, np.exp(peaks.second)),
        "untreated": found.untreated,
        "threshold": verdict.threshold,
        **fixed,
        "reason": _reasons(found.response(), verdict.status),
        **dict(zip(people.model.input_names, people.theta.T, strict=True)),
    }


def _safe(search, peaks, verdict):
    """The Verdict with patients whose best dose breaks a constraint, and the columns on safety.

    No columns where nothing constrains the dose.
    """
    if not search.steady.benefit.subject_to:
        return verdict, {}
    safety = Safety(search.steady, search.found.untreated_y)
    rows, count = np.flatnonzero(verdict.helped), len(peaks.argmax)
    seen = safety.seen(rows, np.exp(peaks.argmax[rows]), peaks.y[rows])
    breaks = ~safety.hold(*seen)
    x, gain = peaks.argmax.copy(), peaks.gain.copy()
    x[rows[breaks]], gain[rows[breaks]] = best_safe(search, safety, rows[breaks])
    helps = verdict.helped & (gain >= verdict.threshold)
    columns = {"med_safe": _where(helps, np.exp(x)), "benefit_at_med_safe": _where(helps, gain)}
    for place, constraint in enumerate(safety.constraints):
        for name, values in zip(constraint.columns, seen, strict=True):
            columns[name] = np.full(count, np.nan)
            columns[name][rows] = values[:, place]
    unsafe = np.zeros(count, bool)
    unsafe[rows] = breaks
    status = np.where(unsafe, "unsafe", verdict.status)
    return replace(verdict, status=status), columns


def _where(rows, values):
    """Values (P,), NaN but for some rows."""
    return np.where(rows, values, np.nan)


def _windows(search, peaks, verdict):
    """Where the curve beside its best dose falls to shares of its best, to the threshold, to 0.

    NaN where there is nothing to fall from.
    """
    gain = _where(verdict.responds & (peaks.gain > 0), peaks.gain)
    threshold = _where(verdict.helped, verdict.threshold)

    share, factor = PLATEAU
    wanted = [
        ("plateau_low", share * gain, -1),
        ("plateau_high", share * gain, 1),
        ("w90_low", WINDOW * gain, -1),
        ("w90_high", WINDOW * gain, 1),
        ("zero_equivalent", 0.0 * gain, 1),
        ("min_effective_dose", threshold, 0),
    ]
    names, shares, sides = zip(*wanted, strict=True)
    levels = np.array(shares)
    found = _where(~np.isnan(levels), np.exp(search.crossings(levels, peaks.argmax, sides)))
    doses = dict(zip(names, found, strict=True))
    low, high = doses.pop("plateau_low"), doses.pop("plateau_high")
    return {"plateau": high > factor * low} | doses


def _at_med(found, peaks, rows):
    """Days to most of the effect, exposure and blockade at the MED; NaN but for some rows (n,)."""
    steady, benefit = found.steady, found.steady.benefit
    dose = np.exp(peaks.argmax[rows])
    solution = steady.at(rows, dose, peaks.y[rows], watch=True)
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


def _reasons(response, status):
    """Why a patient failed, with the dose; empty for the others."""
    reasons = np.full(len(status), "", dtype=object)
    for row in np.flatnonzero(status == "failed"):
        reasons[row] = response.reason(row)
    return reasons.astype(str)
