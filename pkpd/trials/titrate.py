"""Observed beside true MEDs: what a titration rule finds, and how much of its spread is real.

The same patients are titrated several times with new noise; what stays the same between repetitions
is real. Two null controls say what the rule finds where there is nothing to find. Knows rules,
courses and MEDs; knows nothing of diaries' draws.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from warnings import warn

import numpy as np

from pkpd import limits
from pkpd.errors import ResultError, Stopped, TrialError, all_or_nothing, quoted
from pkpd.population.cohort import Cohort, of_model
from pkpd.progress import watched
from pkpd.response.curves import DoseResponse, column_units, how_far
from pkpd.response.med import MedTable, med
from pkpd.response.quantiles import quantiles, share
from pkpd.response.scale import scale_of
from pkpd.result import Computed, Sheet, provenance
from pkpd.symbolic import plausibility
from pkpd.symbolic.model import Benefit, Model
from pkpd.titration.checks import MOST_DAYS
from pkpd.titration.library import rule as find_rule
from pkpd.titration.rule import Rule
from pkpd.trials.conduct import Course, follow
from pkpd.trials.observation import NO_BENEFIT, REASONS, STAYED, Diary, diary_of, effect_of
from pkpd.trials.physiology import Setting, setting

if TYPE_CHECKING:
    import pandas as pd

PARTS = 8  # equal parts of the cohort: their scatter gives the interval of the share
T95 = 2.364624251  # Student's t, 7 degrees of freedom
REPETITIONS = "titrations of each patient"
OUTCOMES = ("found", "no_benefit", "left", "unfinished", "failed")


@dataclass(frozen=True, repr=False)
class Titration(Computed):
    """True and observed MEDs of P patients.

    null : None, "no-effect" or "same-med"
    truth : name -> (P,) columns of pkpd.med for the bodies that were titrated
    course : the Course of the first repetition
    found : (R, P) observed MED of each repetition, NaN without one, in `unit`
    ended : (R, P) whether the rule came to its end
    own_traits : whether placebo response, diary SD and adherence stayed the patient's own
    meds : MedTable of the patients without a null control, None where it was not computed
    """

    NAME: ClassVar[str] = "med"

    model: Model
    cohort: Cohort
    benefit: Benefit
    rule: Rule
    diary: Diary
    null: str | None
    truth: dict
    course: Course
    found: np.ndarray
    ended: np.ndarray
    own_traits: bool
    meds: MedTable | None = None

    @property
    def unit(self) -> str:
        """Unit of the doses."""
        return self.benefit.unit

    @property
    def curves(self) -> DoseResponse | None:
        """The DoseResponse behind the truth, None where it was not computed."""
        return None if self.meds is None else self.meds.curves

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """One row per patient: the truth, and what the first repetition observed."""
        observed = {
            "observed": self.found[0],
            "observed_outcome": self.outcome(),
            "observed_day": self.last_day(),
            "left": self.course.left,
            "left_because": np.array(REASONS)[self.course.reason],
        }
        first = {name: self.truth[name] for name in ("ID", "status", "med")}
        return first | observed | self.truth

    @property
    def patients(self) -> "pd.DataFrame":
        """The frame, as it was called before."""
        warn("Titration.patients is now Titration.frame().", DeprecationWarning, stacklevel=2)
        return self.frame()

    def sheets(self) -> dict[str, Sheet]:
        """Patients, dose response, visits of the first repetition, doses found in all of them."""
        curves = {} if self.curves is None else self.curves.sheets()
        return {
            "patients": self._sheet(self.columns, ("ID",)),
            **curves,
            "audit": self._sheet(self.course.audit()),
            "titrations": self._sheet(self.replicates()),
        }

    def _sheet(self, columns, keys=()):
        return Sheet(columns, column_units(self.model, self.benefit, columns), keys)

    def summary(self, command: str | None = None, by: Sequence[str] = ()) -> dict[str, Any]:
        """The summary of the true MEDs, where they were computed, with what was observed of them.

        command : for the provenance; by : inputs whose subgroups have results of their own
        """
        if self.meds is None:
            origin = provenance(self.model, self.cohort, command)
            summary = {"unit": self.unit, "provenance": origin} | how_far(self.cohort)
        else:
            summary = self.meds.summary(command, by)
        return summary | {"observed": summarise_observed(self)}

    def report(self, folder: str | Path, *, command: str | None = None) -> Path:
        """Write the result and the page on it to a folder, which needs the true MEDs too.

        command : for the provenance. Raises ResultError without them.
        """
        if self.meds is None:
            raise ResultError(
                "The page shows the true MEDs beside the observed ones: give "
                "truth=pkpd.med(model, cohort) to pkpd.titrate."
            )
        return super().report(folder, command=command)

    def outcome(self) -> np.ndarray:
        """(P,) how the first repetition ended: one of OUTCOMES."""
        stayed = self.course.reason == STAYED
        failed = self.course.status != 0
        return np.select(
            [failed, np.isfinite(self.found[0]), self.ended[0], ~stayed],
            ["failed", "found", "no_benefit", "left"],
            "unfinished",
        )

    def last_day(self) -> np.ndarray:
        """(P,) day on which the rule ended or the patient left."""
        return np.max([np.where(v.there, v.day, 0) for v in self.course.visits], axis=0)

    def replicates(self) -> dict[str, np.ndarray]:
        """Tidy columns ID, REPLICATE, observed."""
        count, patients = self.found.shape
        return {
            "ID": np.tile(self.cohort.ids, count),
            "REPLICATE": np.repeat(np.arange(1, count + 1), patients),
            "observed": self.found.ravel(),
        }

    def share_real(self) -> dict[str, float]:
        """`share_of_patients` of the log observed MED: share of its variance, with an interval."""
        return share_of_patients(np.log(self.found))


@watched(lambda given: given["replicates"] * len(given["cohort"]))
def titrate(
    model: Model,
    cohort: Cohort,
    rule: str | Mapping[str, Any] | Rule = "slow-ladder",
    *,
    null: str | None = None,
    replicates: int = 8,
    own_traits: bool = False,
    run_in: int = 14,
    diary: Diary | str | Path | None = None,
    occasion: str = "dose",
    seed: int | None = None,
    rtol: float = 1e-6,
    solver: str = "auto",
    threads: int | None = None,
    progress: Callable[[int], object] | Literal[False] | None = None,
    truth: MedTable | None = None,
    **changes: Any,
) -> Titration:
    """Titrate every patient of a cohort by a rule, and set the dose found beside the true MED.

    Works for any model with a benefit.

    Parameters
    ----------
    rule : name in the library (pkpd.titration.library), table, or Rule
    null : None, "no-effect" or "same-med"
    replicates : number of repetitions with new noise, for the share of the spread that is real; 1
        is enough where that is not needed
    own_traits : True keeps placebo response, diary SD and adherence as traits of the patient;
        otherwise they are noise and drawn anew
    run_in : days of diary before the first dose; diary : Diary or path (default: the packaged one)
    occasion : what begins an occasion of inputs that vary between occasions, as in pkpd.simulate;
        they differ from repetition to repetition
    seed : seed of the noise (default: the cohort's)
    rtol, solver, threads : as in pkpd.med
    truth : MedTable of the same cohort, if already computed
    progress : called with the number of patients titrated, over all repetitions
        (default: a bar; False for none)
    changes : outcome, better, ... in place of the model's [benefit]

    Returns
    -------
    Titration. Raises PkpdError for bad input, and Stopped on Ctrl-C, with the Titration of the
    repetitions that are finished.
    """
    of_model(model, cohort)
    limits.flag(own_traits, "own_traits", TrialError)
    limits.check_called(progress=progress)
    _check_numbers(seed, replicates, run_in)
    book = diary_of(diary)
    numerics: dict[str, Any] = {"rtol": rtol, "solver": solver, "threads": threads}
    of_all = {"occasion": occasion, "changed": cohort.changed}
    shared = setting(model, book, null, **of_all, **numerics, **changes)
    if truth is not None:
        _check_truth(truth, cohort, shared.benefit)
    prepared = _prepared(rule, shared)
    phases = [(prepared.longest, prepared)]
    options = {"run_in": run_in, "seed": seed, "own_traits": own_traits, "until_done": True}
    meds = truth
    with all_or_nothing():
        if null is not None:
            true = _under_null(shared, cohort, seed, numerics, changes)
        else:
            meds = med(model, cohort, **numerics, **changes) if meds is None else meds
            true = meds.columns
    courses: list[Course] = []
    found: list[np.ndarray] = []
    ended: list[np.ndarray] = []

    def result():
        outcome = np.array(found), np.array(ended)
        of_rule = prepared, book, null, true, courses[0], *outcome, own_traits
        return Titration(model, cohort, shared.benefit, *of_rule, meds)

    try:
        for k in range(replicates):
            advance = None
            if progress:
                advance = lambda done, k=k: progress(k * len(cohort) + done)  # noqa: E731
            course = follow(shared, cohort, phases, replicate=k, progress=advance, **options)
            courses = courses or [course]
            found.append(course.found[:, 0])
            ended.append(course.ended[:, 0])
    except KeyboardInterrupt as stop:
        if not found:
            raise
        raise Stopped(result(), len(found), replicates, REPETITIONS) from stop
    return result()


def _check_numbers(seed, replicates, run_in):
    """Raise TrialError for a number that is none, or out of its range."""
    if seed is not None:
        limits.check_whole(seed, 0, limits.SEED, "seed", TrialError)
    limits.check_whole(replicates, 1, limits.REPEATS, "number of replicates", TrialError)
    limits.check_whole(run_in, 1, MOST_DAYS, "number of days of run-in", TrialError)


def _prepared(rule, shared):
    """The Rule that is asked for, made ready for a setting; warns of doses that are implausible."""
    with all_or_nothing():
        chosen = find_rule(rule)
        chosen.check_first()
        prepared = chosen.prepare(shared)
    into, unit = shared.benefit.into, shared.benefit.unit
    plausibility.warn(plausibility.of_amounts(shared.model, into, unit, prepared.ladder))
    return prepared


def _check_truth(truth, cohort, benefit):
    """Raise TrialError unless a MedTable holds the MEDs of these very people for this benefit."""
    if not isinstance(truth, MedTable):
        raise TrialError(f"truth is what pkpd.med returns, not {quoted(truth)}.")
    same_people = np.array_equal(truth.columns["ID"], cohort.ids)
    same_inputs = same_people and np.array_equal(truth.cohort.theta, cohort.theta)
    if truth.model.digest != cohort.model.digest or not same_inputs:
        raise TrialError("truth holds the MEDs of other people than the cohort; leave it out.")
    if truth.benefit != benefit:
        raise TrialError("truth holds MEDs for another benefit than this titration; leave it out.")


def _under_null(shared: Setting, cohort, seed, numerics, changes):
    """Truth columns under a null control.

    The drug does nothing, or everybody has the typical patient's MED and an effect of a size of
    their own.
    """
    from pkpd.population.cohort import cohort as draw

    untreated, n = shared.untreated(cohort.theta)[1], len(cohort)
    inputs = dict(zip(cohort.model.input_names, cohort.theta.T, strict=True))
    if shared.null == "no-effect":
        nothing = np.full(n, np.nan)
        return {
            "ID": cohort.ids,
            "status": np.full(n, "flat"),
            "med": nothing,
            "argmax": nothing,
            "benefit_at_argmax": np.zeros(n),
            "untreated": untreated,
        } | inputs
    typical = draw(shared.model, typical=True, set=cohort.changed)
    one = med(shared.model, typical, **numerics, **changes).columns
    traits = shared.diary.traits(cohort.seed if seed is None else seed, cohort.ids)
    effect = effect_of(traits, n)
    gain = effect * one["benefit_at_argmax"][0]
    rtol, solver = numerics["rtol"], numerics["solver"]
    scale = scale_of(shared.model, cohort, shared.benefit, rtol=rtol, solver=solver)
    threshold = scale.threshold(untreated)
    helpful = one["status"][0] if one["status"][0] != "no_benefit" else "interior"
    status = np.where(gain >= threshold, helpful, "no_benefit")
    argmax = np.repeat(one["argmax"], n)
    return {
        "ID": cohort.ids,
        "status": status,
        "med": np.where(status == "interior", argmax, np.nan),
        "argmax": argmax,
        "benefit_at_argmax": gain,
        "effect_size": effect,
        "untreated": untreated,
    } | inputs


def share_of_patients(logs):
    """Var(E[y | patient]) / Var(y) of y (R, P), NaN left out, by one-way analysis of variance.

    Returns
    -------
    dict of share, low, high (95 %, from the scatter over 8 parts of the cohort; NaN for fewer than
    80 patients), sd_patients, sd_noise, sd (of y), repetitions. The share is not cut at 0, so that
    it is right on average; it is NaN for fewer than two repetitions.
    """
    share, between, within = _components(logs)
    parts = np.full(PARTS, np.nan)
    if logs.shape[1] >= 10 * PARTS:
        # of consecutive points: every eighth of Sobol' points would fill the space unevenly
        pieces = np.array_split(logs, PARTS, axis=1)
        parts = np.array([_components(piece)[0] for piece in pieces])
    half = T95 * parts.std(ddof=1) / np.sqrt(PARTS)
    present = logs[np.isfinite(logs)]
    return {
        "share": share,
        "low": share - half,
        "high": share + half,
        "sd_patients": float(np.sqrt(max(between, 0.0))) if np.isfinite(between) else np.nan,
        "sd_noise": float(np.sqrt(within)),
        "sd": float(present.std()) if len(present) else np.nan,
        "repetitions": len(logs),
    }


def _components(y):
    """Share, variance between and variance within patients of y (R, P), NaN left out.

    Searle (1971), Linear Models, 11.1.
    """
    present = np.isfinite(y)
    count = present.sum(axis=0)
    y, present, count = y[:, count > 0], present[:, count > 0], count[count > 0]
    total, patients = count.sum(), len(count)
    if patients < 2 or total <= patients:
        return np.nan, np.nan, np.nan
    filled = np.where(present, y, 0.0)
    mean = filled.sum(axis=0) / count
    within = (np.where(present, y - mean, 0.0) ** 2).sum() / (total - patients)
    grand = filled.sum() / total
    size = (total - (count**2).sum() / total) / (patients - 1)
    between = ((count * (mean - grand) ** 2).sum() / (patients - 1) - within) / size
    share = float(between / (between + within)) if between + within > 0 else np.nan
    return share, float(between), float(within)


def summarise_observed(table):
    """The observed MEDs of a Titration in a few numbers, as plain data.

    How titration ended, quantiles, agreement with the truth, and the share of the spread that is
    real.
    """
    outcome, observed, true = table.outcome(), table.found[0], table.truth["med"]
    found = np.isfinite(observed)
    both = found & np.isfinite(true)
    has_med = np.isin(table.truth["status"], ("interior", "below_range", "above_range"))
    independent = table.cohort.sampling == "mc" and not table.cohort.typical
    reasons = np.bincount(table.course.reason, minlength=NO_BENEFIT + 2)
    return {
        "rule": table.rule.description,
        "null": table.null,
        "days": table.rule.days,
        "longest": table.rule.longest,
        "outcome": {name: int((outcome == name).sum()) for name in OUTCOMES},
        "left_because": {REASONS[k]: int(reasons[k]) for k in range(1, NO_BENEFIT + 2)},
        "quantiles": quantiles(observed[found], (0.05, 0.25, 0.5, 0.75, 0.95), independent),
        "ln_sd": float(np.log(observed[found]).std(ddof=1)) if found.sum() > 1 else None,
        **_agreement(true[both], observed[both], independent),
        "found_without_true_med": share(
            int((found & ~has_med).sum()), int(found.sum()), independent
        ),
        "days_median": float(np.median(table.last_day()[found])) if found.any() else None,
        "patients": len(observed),
        "share_real": table.share_real(),
        "own_traits": table.own_traits,
        "diary": table.diary.about(table.benefit.blockade),
        "background": table.benefit.background or None,
        "outside_scale": table.diary.scale.outside(table.course.base),
    }


def _agreement(true, observed, independent):
    """How observed MEDs (n,) agree with the true ones (n,) of the patients who have both."""
    count, true_sd, correlation = len(true), None, None
    if count > 1:
        true_sd = float(np.log(true / true[0]).std(ddof=1))
    if count > 2 and np.ptp(true) > 0 and np.ptp(observed) > 0:
        correlation = float(np.corrcoef(np.log(true), np.log(observed))[0, 1])
    ratio = np.log(observed / true)
    near = int((np.abs(ratio) <= np.log(1.25)).sum())
    return {
        "true_ln_sd": true_sd,
        "correlation": correlation,
        "observed_to_true": float(np.exp(ratio.mean())) if count else None,
        "within_25_percent": share(near, count, independent),
    }
