"""Figures of trials and titrations. Computes means and intervals for display and nothing else."""

import numpy as np

from pkpd.report import style, tables
from pkpd.report.plots import NO_ADVICE, mark_published, plot
from pkpd.report.trials import NULLS
from pkpd.trials.observed import Titration
from pkpd.trials.run import TrialResult

PATHS = 40  # titration paths drawn


@plot.register
def titration(table: Titration):
    """True against observed MED, and both distributions."""
    drawing = style.figure(11.5, 4.9)
    left, right = drawing.subplots(1, 2)
    _pairs(left, table)
    _both(right, table)
    note = f", {NULLS[table.null]}" if table.null else ""
    style.heading(drawing, f"Observed MEDs of {table.model.name}: {table.titration.label or table.titration.kind}{note}")
    people, real = table.cohort, table.share_real()
    share = f" Share of the variance of log observed MED that is the patients' own: {100 * real['share']:.1f} %." if np.isfinite(real["share"]) else ""
    who = f"{table.model.name}: {len(people)} patients, seed {people.seed}, {len(table.found)} repetitions.{share} {tables.share_assumed(table.model)}."
    style.caption(drawing, [who, NO_ADVICE])
    return drawing


def _pairs(axes, table):
    true, seen = table.truth["argmax"], table.found[0]
    both = np.isfinite(true) & np.isfinite(seen) & (table.truth["status"] == "interior")
    rng = np.random.default_rng(1)  # only the places of overlapping points
    axes.plot(true[both], seen[both] * np.exp(0.05 * rng.standard_normal(both.sum())), ".", ms=3, alpha=0.4, color=style.BLUE, label="patient")
    ends = _ends(table)
    axes.plot(ends, ends, color=style.INK, lw=0.8, label="observed = true")
    style.log_axis(axes.xaxis, *ends)
    style.log_axis(axes.yaxis, *ends)
    axes.set(xlim=ends, ylim=ends)
    style.clean(axes, f"true MED ({table.unit})", f"observed MED ({table.unit}, jittered)", "What titration finds of each patient's true MED")
    if both.any():
        axes.legend(frameon=False, fontsize=8, loc="upper left")
    else:
        axes.text(0.5, 0.5, "no patient has both", transform=axes.transAxes, ha="center", color=style.GREY)


def _ends(table):
    doses = np.array([d for d in table.titration.ladder if d > 0])
    return min(table.rule.lowest, doses[0]), max(table.rule.highest, doses[-1])


def _both(axes, table):
    ends, count = _ends(table), len(table.cohort)
    edges = np.geomspace(*ends, 37)
    for values, look in (
        (table.truth["med"], {"color": style.SKY, "label": "true"}), (table.found[0], {"histtype": "step", "lw": 2, "color": style.RED, "label": "observed"}),
    ):  # fmt: skip
        known = values[np.isfinite(values)]
        axes.hist(known, edges, weights=np.full(len(known), 100 / count), **look)
    axes.set_ylim(top=axes.get_ylim()[1] * 1.2)
    mark_published(axes, table)
    style.log_axis(axes.xaxis, *ends)
    axes.set_xlim(ends)
    axes.legend(frameon=False, fontsize=8, loc="upper right")
    style.clean(axes, f"maximally effective dose ({table.unit})", "patients (% of all)", "The same patients' true and observed MEDs")


@plot.register
def trial(result: TrialResult):
    """Mean diary by arm, and the doses behind it: mean and single titration paths."""
    drawing = style.figure(9.5, 6.4)
    upper, lower = drawing.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for k, (name, course) in enumerate(zip(result.names, result.courses, strict=True)):
        colour = style.CYCLE[k % len(style.CYCLE)]
        days, mean, half = _weeks(course)
        upper.fill_between(days, mean - half, mean + half, color=colour, alpha=0.18, lw=0)
        upper.plot(days, mean, color=colour, lw=1.8, label=f"{name} ({len(course.ids)} patients)")
        inside = course.left == 0
        for dose in course.dose[inside][: PATHS // len(result.names)]:
            lower.step(course.days, dose, where="mid", color=colour, alpha=0.15, lw=0.7)
        if inside.any():
            lower.step(course.days, course.dose[inside].mean(axis=0), where="mid", color=colour, lw=1.8)
    upper.axvline(0.5, color=style.GREY, lw=0.8, ls=":")
    upper.legend(frameon=False, fontsize=8)
    style.clean(upper, "", "diary, weekly mean (0-10)", "Diary entries, mean and its 95 % interval")
    style.clean(lower, "day (first dose on day 1)", f"dose ({result.unit} a day)", "Prescribed doses: mean of those who stayed, and single patients")
    style.heading(drawing, f"{result.design.title}" + (f", {NULLS[result.design.null]}" if result.design.null else ""))
    who = f"{result.model.name}: seed {result.design.seed}, {result.design.allocation} arms. {tables.share_assumed(result.model)}."
    style.caption(drawing, [who, NO_ADVICE])
    return drawing


def _weeks(course):
    """Last day of each week, mean over patients of their weekly means, and half its 95 % interval."""
    ends = np.arange(course.days[0] + 6, course.days[-1] + 1, 7)
    means = np.column_stack([course.window(day, 7) for day in ends])
    known = np.isfinite(means)
    count = np.maximum(known.sum(axis=0), 1)
    middle = np.where(known, means, 0).sum(axis=0) / count
    spread = np.sqrt(np.where(known, (means - middle) ** 2, 0).sum(axis=0) / np.maximum(count - 1, 1))
    return ends, np.where(known.any(axis=0), middle, np.nan), 1.96 * spread / np.sqrt(count)
