"""Figures of trials and titrations, drawn on axes that are given.

Knows results of trials; computes means and intervals for display and nothing else.
"""

from dataclasses import dataclass

import numpy as np

from pkpd.report.figures import style
from pkpd.report.figures.meds import mark_published
from pkpd.report.words import models
from pkpd.report.words.trials import NULLS
from pkpd.symbolic.model import Published
from pkpd.trials.observation import mean

PATHS = 40  # titration paths drawn
DAYS = "day (first dose on day 1)"


@dataclass(frozen=True)
class TrueAndObserved:
    """What a titration found beside the truth.

    ladder : (L,) doses above 0
    argmax, med, observed : (P,) true best dose, true MED, observed MED; NaN where there is none
    """

    published: Published | None
    unit: str
    lowest: float
    highest: float
    ladder: np.ndarray
    argmax: np.ndarray
    med: np.ndarray
    observed: np.ndarray

    @property
    def ends(self):
        """Ends of the axes: whatever the search or the ladder could find."""
        return min(self.lowest, self.ladder[0]), max(self.highest, self.ladder[-1])


@dataclass(frozen=True)
class Arm:
    """Diary and doses of the P patients of an arm.

    days : (J,); diary, dose : (P, J); stayed : (P,) whether to the end
    """

    name: str
    days: np.ndarray
    diary: np.ndarray
    dose: np.ndarray
    stayed: np.ndarray


def observed_meds(table):
    """True against observed MED, and both distributions."""
    drawing = style.figure(11.5, 4.9)
    left, right = drawing.subplots(1, 2)
    found = _found(table)
    pairs(left, found)
    left.set_title("What titration finds of each patient's true MED", loc="left", fontsize=11)
    both(right, found)
    right.set_title("The same patients' true and observed MEDs", loc="left", fontsize=11)
    note = f", {NULLS[table.null]}" if table.null else ""
    rule = table.rule.label or table.rule.kind
    style.heading(drawing, f"Observed MEDs of {table.model.name}: {rule}{note}")
    people, real = table.cohort, 100 * table.share_real()["share"]
    share = ""
    if np.isfinite(real):
        share = (
            f" Share of the variance of log observed MED that is the patients' own: {real:.1f} %."
        )
    who = f"{len(people)} patients, seed {people.seed}, {len(table.found)} repetitions."
    assumed = models.share_assumed(table.model, table.diary.about(table.benefit.blockade))
    text = f"{table.model.name}: {who}{share} {assumed}."
    style.caption(drawing, [text, models.NO_ADVICE])
    return drawing


def _found(table):
    """The TrueAndObserved of a Titration."""
    ladder = np.unique([d for d in table.rule.ladder if d > 0])
    truth, benefit = table.truth, table.benefit
    argmax = np.where(truth["status"] == "interior", truth["argmax"], np.nan)
    return TrueAndObserved(
        table.model.published,
        table.unit,
        benefit.lowest,
        benefit.highest,
        ladder,
        argmax,
        truth["med"],
        table.found[0],
    )


def pairs(axes, found):
    """Observed against true MED, the line of equality, and the true MED rounded to the ladder."""
    both = np.isfinite(found.argmax) & np.isfinite(found.observed)
    rng = np.random.default_rng(1)  # only the places of overlapping points
    axes.plot(
        found.argmax[both],
        found.observed[both] * np.exp(0.05 * rng.standard_normal(both.sum())),
        ".",
        ms=3,
        alpha=0.4,
        color=style.BLUE,
        label="patient",
        rasterized=both.sum() > style.DENSE,
    )
    ends, ladder = found.ends, found.ladder
    axes.plot(ends, ends, color=style.INK, lw=0.8, label="observed = true")
    if len(ladder) > 1:
        middles = np.sqrt(ladder[1:] * ladder[:-1])
        axes.plot(
            np.repeat([ends[0], *middles, ends[1]], 2)[1:-1],
            np.repeat(ladder, 2),
            color=style.RED,
            lw=1,
            label="true, rounded to the ladder",
        )
    style.log_axis(axes.xaxis, *ends)
    style.log_axis(axes.yaxis, *ends)
    axes.set(xlim=ends, ylim=ends)
    style.clean(axes, f"true MED ({found.unit})", f"observed MED ({found.unit}, jittered)")
    if both.any():
        axes.legend(frameon=False, fontsize=8, loc="upper left")
    else:
        axes.text(
            0.5, 0.5, "no patient has both", transform=axes.transAxes, ha="center", color=style.GREY
        )


def both(axes, found):
    """Distributions of true and observed MEDs."""
    ends, count = found.ends, len(found.observed)
    edges = np.geomspace(ends[0], ends[1], 37)
    for values, look in (
        (found.med, {"color": style.SKY, "label": "true"}),
        (found.observed, {"histtype": "step", "lw": 2, "color": style.RED, "label": "observed"}),
    ):
        known = values[np.isfinite(values)]
        axes.hist(known, edges, weights=np.full(len(known), 100 / count), **look)
    axes.set_ylim(top=axes.get_ylim()[1] * 1.2)
    mark_published(axes, found.published, found.unit)
    style.log_axis(axes.xaxis, *ends)
    axes.set_xlim(ends)
    axes.legend(frameon=False, fontsize=8, loc="upper right")
    style.clean(axes, f"maximally effective dose ({found.unit})", "patients (% of all)")


def paths(axes, audit, unit):
    """Doses of the first patients from visit to visit, and the last decision about everybody.

    audit : columns ID, DAY, NEXT, one row per visit, in order
    """
    last = np.flatnonzero(np.append(audit["ID"][1:] != audit["ID"][:-1], True))
    for patient in audit["ID"][last][:PATHS]:
        rows = audit["ID"] == patient
        axes.step(
            audit["DAY"][rows],
            audit["NEXT"][rows],
            where="post",
            color=style.GREY,
            alpha=0.4,
            lw=0.8,
        )
    axes.plot(
        [],
        [],
        color=style.GREY,
        lw=0.8,
        label=f"single patients (the first {min(PATHS, len(last))})",
    )
    decisions = np.column_stack([audit["DAY"][last], audit["NEXT"][last]])
    places, count = np.unique(decisions, axis=0, return_counts=True)
    for stopped, colour, words in (
        (False, style.BLUE, "last decision: continues with this dose"),
        (True, style.RED, "last decision: no drug"),
    ):
        those = (places[:, 1] == 0) == stopped
        axes.scatter(
            *places[those].T,
            s=4 + 160 * count[those] / count.max(),
            color=colour,
            alpha=0.6,
            linewidth=0,
            zorder=3,
        )
        axes.plot([], [], "o", ms=5, color=colour, label=words)
    axes.set_ylim(top=axes.get_ylim()[1] * 1.3)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    style.clean(axes, DAYS, f"dose from then on ({unit} a day)")


def trial(result):
    """Mean diary by arm, and the doses behind it: mean and single titration paths."""
    drawing = style.figure(9.5, 6.4)
    upper, lower = drawing.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    named = zip(result.names, result.courses, strict=True)
    arms = [Arm(name, c.days, c.diary, c.dose, c.left == 0) for name, c in named]
    diaries(upper, arms)
    upper.set_xlabel("")
    upper.set_title("Diary entries, mean and its 95 % interval", loc="left", fontsize=11)
    prescribed(lower, arms, result.unit)
    lower.set_title(
        "Prescribed doses: mean of those who stayed, and single patients", loc="left", fontsize=11
    )
    design = result.design
    null = f", {NULLS[design.null]}" if design.null else ""
    style.heading(drawing, f"{design.title}{null}")
    drawn = f"seed {design.seed}, {design.allocation} arms"
    assumed = models.share_assumed(result.model, result.diary.about(result.benefit.blockade))
    text = f"{result.model.name}: {drawn}. {assumed}."
    style.caption(drawing, [text, models.NO_ADVICE])
    return drawing


def diaries(axes, arms):
    """Mean diary by arm with its 95 % interval."""
    for k, arm in enumerate(arms):
        colour = style.CYCLE[k % len(style.CYCLE)]
        days, middle, half = _weeks(arm)
        axes.fill_between(days, middle - half, middle + half, color=colour, alpha=0.18, lw=0)
        axes.plot(
            days, middle, color=colour, lw=1.8, label=f"{arm.name} ({len(arm.diary)} patients)"
        )
    axes.axvline(0.5, color=style.GREY, lw=0.8, ls=":")
    axes.legend(frameon=False, fontsize=8)
    style.clean(axes, DAYS, "diary, weekly mean")


def prescribed(axes, arms, unit):
    """Doses by arm: mean of those who stayed, and single titration paths."""
    for k, arm in enumerate(arms):
        colour = style.CYCLE[k % len(style.CYCLE)]
        for dose in arm.dose[arm.stayed][: PATHS // len(arms)]:
            axes.step(arm.days, dose, where="mid", color=colour, alpha=0.15, lw=0.7)
        if arm.stayed.any():
            axes.step(
                arm.days,
                arm.dose[arm.stayed].mean(axis=0),
                where="mid",
                color=colour,
                lw=1.8,
                label=arm.name,
            )
    style.clean(axes, DAYS, f"each dose ({unit})")


def _weeks(arm):
    """Last day of each week, mean over patients of their weekly means, half its 95 % interval."""
    ends = np.arange(arm.days[0] + 6, arm.days[-1] + 1, 7)
    weeks = [np.flatnonzero((arm.days > day - 7) & (arm.days <= day)) for day in ends]
    means = np.column_stack([mean(arm.diary[:, week])[0] for week in weeks])
    known = np.isfinite(means)
    count = np.maximum(known.sum(axis=0), 1)
    middle = np.where(known, means, 0).sum(axis=0) / count
    squares = np.where(known, (means - middle) ** 2, 0).sum(axis=0)
    deviation = np.sqrt(squares / np.maximum(count - 1, 1))
    return ends, np.where(known.any(axis=0), middle, np.nan), 1.96 * deviation / np.sqrt(count)
