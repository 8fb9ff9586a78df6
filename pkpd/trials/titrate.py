"""Observed beside true: the dose that a titration rule leaves each patient with, and how much of its spread is the patients' own.

The same patients are titrated several times with new noise; what stays the same between repetitions is real. Two null controls say what
the rule finds where there is nothing to find. Knows rules and MEDs; draws nothing itself.
"""

from dataclasses import dataclass

import numpy as np

from pkpd.errors import TrialError
from pkpd.population.cohort import Cohort
from pkpd.response.med import med
from pkpd.symbolic.model import Benefit, Model
from pkpd.titration.library import rule as find_rule
from pkpd.titration.rule import Rule
from pkpd.trials.conduct import Course, follow, prepared
from pkpd.trials.observation import NO_BENEFIT, REASONS, STAYED, Diary, effect_of
from pkpd.trials.observation import diary as read_diary
from pkpd.trials.physiology import Setting, setting

PARTS = 8  # equal parts of the cohort: their scatter gives the interval of the share
T95 = 2.364624251  # Student's t, 7 degrees of freedom
OUTCOMES = ("found", "no_benefit", "left", "unfinished", "failed")


@dataclass(frozen=True)
class Titration:
    """True and observed MEDs of P patients.

    titration : the Rule; null : None, "no-effect" or "same-med"; truth : name -> (P,) columns of pkpd.med for the bodies that were titrated
    courses : the Course of the first repetition; found : (R, P) observed MED of every repetition, NaN without one, in `unit`
    ended : (R, P) whether the rule came to its end; own_traits : whether placebo response, diary SD and adherence stayed the patient's own
    """

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
    curves: object = None

    @property
    def unit(self):
        return self.benefit.unit

    @property
    def columns(self):
        """One row a patient: the truth and what the first repetition observed."""
        seen = {
            "observed": self.found[0],
            "observed_outcome": self.outcome(),
            "observed_day": self.last_day(),
            "left": self.course.left,
            "left_because": np.array(REASONS)[self.course.reason],
        }
        head = ("ID", "status", "med")
        return (
            {n: self.truth[n] for n in head}
            | seen
            | {n: c for n, c in self.truth.items() if n not in head}
        )

    @property
    def patients(self):
        """The columns as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.columns)

    def outcome(self):
        """(P,) how the first repetition ended: one of OUTCOMES."""
        stayed = self.course.reason == STAYED
        failed = self.course.status != 0
        return np.select(
            [failed, np.isfinite(self.found[0]), self.ended[0], ~stayed],
            ["failed", "found", "no_benefit", "left"],
            "unfinished",
        )

    def last_day(self):
        """(P,) day on which the rule ended or the patient left."""
        return np.max([np.where(v.there, v.day, 0) for v in self.course.visits], axis=0)

    def replicates(self):
        """Tidy columns ID, REPLICATE, observed."""
        count, patients = self.found.shape
        return {
            "ID": np.tile(self.cohort.ids, count),
            "REPLICATE": np.repeat(np.arange(1, count + 1), patients),
            "observed": self.found.ravel(),
        }

    def share_real(self):
        """Share of the variance of log observed MED that is the patients' own: see `share_of_patients`."""
        return share_of_patients(np.log(self.found))


def titrate(
    model,
    cohort,
    rule="slow-ladder",
    *,
    null=None,
    replicates=8,
    own_traits=False,
    run_in=14,
    diary=None,
    occasion="dose",
    seed=None,
    rtol=1e-6,
    solver="auto",
    threads=None,
    progress=None,
    truth=None,
    **changes,
):
    """Titrate every patient of a cohort by a rule, beside the true MED, for any model that says what benefit is.

    Parameters
    ----------
    rule : name in the library (pkpd.titration.library), table, or Rule; null : None, "no-effect" or "same-med"
    replicates : repetitions with new noise, for the share of the spread that is real; 1 is enough where that is not asked for
    own_traits : True keeps placebo response, diary SD and adherence as traits of the patient; otherwise they are noise and drawn anew
    run_in : days of diary before the first dose; diary : Diary or path (default: the packaged one); seed : of the noise (default: the cohort's)
    occasion : what inputs with variability between occasions go by, as in pkpd.simulate; they differ from repetition to repetition
    truth : MedTable of the same cohort, if it is there already; progress : called with the number of patients titrated, over all repetitions
    changes : outcome, better, ... in place of the model's [benefit]

    Returns
    -------
    Titration. Raises PkpdError for bad input.
    """
    for name, value in (("replicates", replicates), ("run_in", run_in)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise TrialError(f"{name} must be a whole number from 1 on, not {value!r}.")
    notes = diary if isinstance(diary, Diary) else read_diary(diary)
    place = setting(
        model,
        notes,
        null,
        occasion=occasion,
        rtol=rtol,
        solver=solver,
        threads=threads,
        changed=cohort.changed,
        **changes,
    )
    chosen = prepared(place, find_rule(rule))
    first, found, ended = None, [], []
    for k in range(replicates):
        advance = None if progress is None else lambda done, k=k: progress(k * len(cohort) + done)
        course = follow(
            place,
            cohort,
            [(chosen.longest, chosen)],
            run_in=run_in,
            seed=seed,
            replicate=k,
            own_traits=own_traits,
            until_done=True,
            progress=advance,
        )
        first = first or course
        found.append(course.found[:, 0])
        ended.append(course.ended[:, 0])
    if truth is None and null is None:
        truth = med(model, cohort, rtol=rtol, solver=solver, threads=threads, **changes)
    columns = (
        truth.columns
        if null is None
        else _under_null(place, cohort, seed, rtol, solver, threads, changes)
    )
    return Titration(
        model,
        cohort,
        place.benefit,
        chosen,
        notes,
        null,
        columns,
        first,
        np.array(found),
        np.array(ended),
        own_traits,
        truth.curves if null is None else None,
    )


def _under_null(place: Setting, cohort, seed, rtol, solver, threads, changes):
    """Truth columns where the drug does nothing, or where everybody has the typical patient's MED and an effect of an own size."""
    from pkpd.population.cohort import cohort as draw

    untreated, n = place.untreated(cohort.theta)[1], len(cohort)
    inputs = {name: cohort.theta[:, k] for k, name in enumerate(cohort.model.input_names)}
    if place.null == "no-effect":
        nothing = np.full(n, np.nan)
        return {
            "ID": cohort.ids,
            "status": np.full(n, "flat"),
            "med": nothing,
            "argmax": nothing,
            "benefit_at_argmax": np.zeros(n),
            "untreated": untreated,
        } | inputs
    one = med(
        place.model,
        draw(place.model, typical=True, set=cohort.changed),
        rtol=rtol,
        solver=solver,
        threads=threads,
        **changes,
    ).columns
    traits = place.diary.traits(cohort.seed if seed is None else seed, cohort.ids)
    effect = effect_of(traits, n)
    gain = effect * one["benefit_at_argmax"][0]
    threshold = place.benefit.delta * (np.abs(untreated) if place.benefit.delta_relative else 1.0)
    helped = gain >= threshold
    status = np.where(
        helped, one["status"][0] if one["status"][0] != "no_benefit" else "interior", "no_benefit"
    )
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
    """Var(E[y | patient]) / Var(y) of y (R, P) among values that are there, by one-way analysis of variance.

    Returns
    -------
    dict of share, low, high (95 %, from the scatter over 8 parts of the cohort; NaN for fewer than 80 patients), sd_patients,
    sd_noise, sd (of y). The share is not cut at 0, so that it is right on average. NaN for fewer than two repetitions.
    """
    share, between, within = _components(logs)
    parts = (
        np.array([_components(logs[:, k::PARTS])[0] for k in range(PARTS)])
        if logs.shape[1] >= 10 * PARTS
        else np.full(PARTS, np.nan)
    )
    half = T95 * parts.std(ddof=1) / np.sqrt(PARTS)
    known = logs[np.isfinite(logs)]
    return {
        "share": share,
        "low": share - half,
        "high": share + half,
        "sd_patients": float(np.sqrt(max(between, 0.0))) if np.isfinite(between) else np.nan,
        "sd_noise": float(np.sqrt(within)),
        "sd": float(known.std()) if len(known) else np.nan,
        "repetitions": len(logs),
    }


def _components(y):
    """Share, variance between and variance within patients of y (R, P) with gaps (Searle 1971, Linear Models, 11.1)."""
    known = np.isfinite(y)
    count = known.sum(axis=0)
    y, known, count = y[:, count > 0], known[:, count > 0], count[count > 0]
    total, patients = count.sum(), len(count)
    if patients < 2 or total <= patients:
        return np.nan, np.nan, np.nan
    filled = np.where(known, y, 0.0)
    mean = filled.sum(axis=0) / count
    within = (np.where(known, y - mean, 0.0) ** 2).sum() / (total - patients)
    grand = filled.sum() / total
    size = (total - (count**2).sum() / total) / (patients - 1)
    between = ((count * (mean - grand) ** 2).sum() / (patients - 1) - within) / size
    return (
        float(between / (between + within)) if between + within > 0 else np.nan,
        float(between),
        float(within),
    )


def summarise_observed(table):
    """The observed MEDs in a few numbers, as plain data: how it ended, quantiles, agreement with the truth, share that is real."""
    from pkpd.response.quantiles import quantile, share

    outcome, seen, true = table.outcome(), table.found[0], table.truth["med"]
    found, both = np.isfinite(seen), np.isfinite(seen) & np.isfinite(true)
    n = len(seen)
    ratio = np.log(seen[both] / true[both])
    spread = both.sum() > 2 and np.ptp(true[both]) > 0 and np.ptp(seen[both]) > 0
    return {
        "rule": table.rule.label or table.rule.kind,
        "null": table.null,
        "days": table.rule.days,
        "longest": table.rule.longest,
        "outcome": {name: int((outcome == name).sum()) for name in OUTCOMES},
        "left_because": {
            REASONS[k]: int((table.course.reason == k).sum()) for k in range(1, NO_BENEFIT + 2)
        },
        "quantiles": [
            vars(quantile(seen[found], level)) for level in (0.05, 0.25, 0.5, 0.75, 0.95)
        ],
        "ln_sd": float(np.log(seen[found]).std(ddof=1)) if found.sum() > 1 else None,
        "true_ln_sd": float(np.log(true[both] / true[both][0]).std(ddof=1))
        if both.sum() > 1
        else None,
        "correlation": float(np.corrcoef(np.log(true[both]), np.log(seen[both]))[0, 1])
        if spread
        else None,
        "observed_to_true": float(np.exp(ratio.mean())) if both.any() else None,
        "within_25_percent": share(int((np.abs(ratio) <= np.log(1.25)).sum()), int(both.sum())),
        "found_without_true_med": share(int((found & ~both).sum()), int(found.sum())),
        "days_median": float(np.median(table.last_day()[found])) if found.any() else None,
        "patients": n,
        "share_real": table.share_real(),
        "own_traits": table.own_traits,
        "diary": table.diary.digest[:16],
    }
