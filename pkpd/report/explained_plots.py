"""Figure of one patient: curve and its parts, a day at several doses, what moves the best dose. Computes nothing itself."""

import numpy as np

from pkpd.report import explained, style
from pkpd.report.plots import NO_ADVICE, plot
from pkpd.report.tables import quantity, share_assumed
from pkpd.sensitivity.explanation import FULL, Explanation

BARS = 12
TICKS = (  # widest factor, ticks
    (1.6, (0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.4)), (4.5, (0.25, 0.33, 0.5, 0.7, 1, 1.4, 2, 3, 4)), (20, (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)),
    (float("inf"), (0.001, 0.01, 0.1, 1, 10, 100, 1000)),
)  # fmt: skip


@plot.register
def explanation(found: Explanation):
    """Three panels: dose response of the patient and the typical one, a dosing interval at four doses, the split of the best dose."""
    drawing = style.figure(14.5, 5.0)
    curve, day, bars = drawing.subplots(1, 3, width_ratios=(4, 3.4, 4))
    _curve(curve, found)
    _day(day, found)
    _bars(bars, found)
    own, typical, unit = found.row(0)["argmax"], found.row(1)["argmax"], found.rule.unit
    style.heading(drawing, f"{found.model.title}: patient {found.id}, best dose {explained.short(own)} {unit}; typical patient {explained.short(typical)} {unit}")
    changed = "".join(f", {name} = {value:g}" for name, value in found.cohort.changed.items())
    style.caption(drawing, [f"{found.model.name}, seed {found.cohort.seed}{changed}. {explained.small_print(found)} {share_assumed(found.model)}.", NO_ADVICE])
    return drawing


def _curve(axes, found):
    response, rule = found.table.curves, found.rule
    axes.plot(response.doses, response.benefit[1], color=style.GREY, linewidth=1.6, linestyle="--", label="typical patient")
    for k, (name, benefit) in enumerate(found.parts.items()):
        label = "all switches off" if name == FULL else f"{name} off"
        axes.plot(response.doses, benefit, color=(style.RED, style.GREEN, style.PURPLE, style.ORANGE)[k % 4], linewidth=1.2, label=label)
    axes.plot(response.doses, response.benefit[0], color=style.BLUE, linewidth=2.2, label=f"patient {found.id}")
    axes.plot([found.row()["argmax"]], [found.row()["benefit_at_argmax"]], "^", color=style.BLUE, ms=8, mec="white")
    axes.plot([found.row(1)["argmax"]], [found.row(1)["benefit_at_argmax"]], "^", color=style.GREY, ms=7, mec="white")
    axes.axhline(0, color=style.INK, linewidth=0.8)
    top, low = (max(found.row(k)["benefit_at_argmax"] for k in (0, 1)), found.table.curves.benefit.min())
    axes.set_ylim(bottom=max(low, -1.5 * top) - 0.1 * top)
    style.log_axis(axes.xaxis, response.doses[0], response.doses[-1])
    axes.set_xlim(response.doses[0], response.doses[-1])
    change = "fall" if rule.better == "lower" else "rise"
    every = quantity(rule.every, found.model.time)
    style.clean(axes, f"dose ({rule.unit} every {every})", style.label(f"{change} of {rule.outcome}", found.model.unit(rule.outcome)), "Benefit at steady state")
    axes.legend(frameon=False, fontsize=8, loc="lower left")


def _day(axes, found):
    own = found.row()["argmax"]
    colors = iter((style.SKY, style.GREEN, style.RED, style.PURPLE))
    for dose, course in zip(found.doses, found.course, strict=True):
        mine = dose == own
        label = f"{explained.short(dose)} {found.rule.unit}" + (" (best)" if mine else "")
        axes.plot(found.times, course, color=style.BLUE if mine else next(colors), linewidth=2.2 if mine else 1.3, label=label)
    style.clean(axes, f"time after the dose ({found.model.time})", style.label(found.watched, found.model.unit(found.watched)), "One dosing interval at steady state")
    axes.set_xlim(0, found.rule.every)
    axes.set_xticks(np.linspace(0, found.rule.every, 5))
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0), high + 0.25 * (high - low))
    axes.legend(frameon=False, fontsize=8, ncols=2, loc="upper right")


def _bars(axes, found):
    shifts = found.shifts()[:BARS]
    part, half = (np.array([s[k] for s in shifts]) for k in ("log10", "half_width"))
    y = np.arange(len(shifts))
    axes.barh(y, 10**part - 1, left=1, height=0.65, color=np.where(part > 0, style.RED, style.BLUE), alpha=0.85)
    axes.hlines(y, 10 ** (part - half), 10 ** (part + half), color=style.INK, linewidth=0.9)
    axes.set_yticks(y, [f"{s['name']} {explained.short(s['value'])} ({explained.short(s['typical'])})" for s in shifts])
    axes.axvline(1, color=style.INK, linewidth=0.8)
    width = 1.08 * max(10 ** np.abs(part + np.sign(part) * half).max(), 1.05)
    style.log_axis(axes.xaxis, 1.0, 2.0)
    shown = next(t for limit, t in TICKS if width < limit)
    axes.set_xticks(shown, [f"{t:g}" for t in shown])
    axes.set_xticks([], minor=True)
    axes.set_xlim(1 / width, width)
    axes.invert_yaxis()
    style.clean(axes, "factor by which the input moves the best dose", "", "Patient (typical): what moves the best dose")
    axes.grid(axis="y", visible=False)
