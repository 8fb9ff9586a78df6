"""Figure of one patient: curve and its parts, a day at several doses, what moves the best dose.

Knows the summary of an explanation and axes; computes nothing and knows nothing of files.
"""

import numpy as np

from pkpd.report.figures import style
from pkpd.report.words import explanation as words
from pkpd.report.words.models import NO_ADVICE, and_set, quantity, share_assumed
from pkpd.sensitivity.explanation import FULL

BARS = 12
TICKS = (  # widest factor, ticks
    (1.6, (0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.4)),
    (4.5, (0.25, 0.33, 0.5, 0.7, 1, 1.4, 2, 3, 4)),
    (20, (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)),
    (float("inf"), (0.001, 0.01, 0.1, 1, 10, 100, 1000)),
)


def explanation(found):
    """Three panels: dose responses, a dosing interval at four doses, what moves the best dose."""
    drawing = style.figure(14.5, 5.0)
    left, middle, right = drawing.subplots(1, 3, width_ratios=(4, 3.4, 4))
    summary, unit = found.summary(), found.benefit.unit
    curve(left, found.model, summary)
    left.set_title("Benefit at steady state", loc="left", fontsize=11)
    interval(middle, found.model, summary)
    middle.set_title("One dosing interval at steady state", loc="left", fontsize=11)
    bars(right, summary)
    right.set_title("Patient (typical): what moves the best dose", loc="left", fontsize=11)
    doses = [f"{words.short(summary[k]['argmax'])} {unit}" for k in ("patient", "typical")]
    style.heading(
        drawing,
        f"{found.model.title}: patient {found.id}, best dose {doses[0]}; "
        f"typical patient {doses[1]}",
    )
    changed = and_set(found.cohort.changed)
    origin = f"{found.model.name}, seed {found.cohort.seed}{changed}."
    assumed = f"{share_assumed(found.model)}."
    style.caption(drawing, [f"{origin} {words.small_print(summary)} {assumed}", NO_ADVICE])
    return drawing


def curve(axes, model, summary):
    """Dose response of the patient, of the typical one, and without the model's switches."""
    response, benefit = summary["curve"], summary["benefit"]
    doses = np.asarray(response["doses"], dtype=float)
    patient = np.asarray(response["patient"], dtype=float)
    typical = np.asarray(response["typical"], dtype=float)
    axes.plot(
        doses, typical, color=style.GREY, linewidth=1.6, linestyle="--", label="typical patient"
    )
    for k, (name, gain) in enumerate(response["parts"].items()):
        label = "all switches off" if name == FULL else f"{name} off"
        axes.plot(
            doses,
            gain,
            color=(style.RED, style.GREEN, style.PURPLE, style.ORANGE)[k % 4],
            linewidth=1.2,
            label=label,
        )
    axes.plot(doses, patient, color=style.BLUE, linewidth=2.2, label=f"patient {summary['id']}")
    for who, color, size in (("patient", style.BLUE, 8), ("typical", style.GREY, 7)):
        best = summary[who]
        place = [best["argmax"]], [best["benefit_at_argmax"]]
        axes.plot(*place, "^", mec="white", color=color, ms=size)
    axes.axhline(0, color=style.INK, linewidth=0.8)
    top = max(summary["patient"]["benefit_at_argmax"], summary["typical"]["benefit_at_argmax"])
    low = min(patient.min(), typical.min())
    axes.set_ylim(max(low, -1.5 * top) - 0.1 * top, 1.5 * top)  # with room for the legend
    style.log_axis(axes.xaxis, doses[0], doses[-1])
    axes.set_xlim(doses[0], doses[-1])
    change = "fall" if benefit["better"] == "lower" else "rise"
    every = quantity(benefit["every"], model.time)
    style.clean(
        axes,
        f"dose ({benefit['unit']} every {every})",
        style.label(f"{change} of {benefit['outcome']}", model.unit(benefit["outcome"])),
    )
    axes.legend(frameon=False, fontsize=8, ncols=2, loc="upper left")


def interval(axes, model, summary):
    """The output of interest over one dosing interval at several doses."""
    day, benefit = summary["day"], summary["benefit"]
    colors = iter((style.SKY, style.GREEN, style.RED, style.PURPLE))
    for dose, course in zip(day["doses"], day["values"], strict=True):
        best = dose == summary["patient"]["argmax"]
        label = f"{words.short(dose)} {benefit['unit']}" + (" (best)" if best else "")
        axes.plot(
            day["times"],
            course,
            color=style.BLUE if best else next(colors),
            linewidth=2.2 if best else 1.3,
            label=label,
        )
    style.clean(
        axes,
        f"time after the dose ({model.time})",
        style.label(day["output"], model.unit(day["output"])),
    )
    axes.set_xlim(0, benefit["every"])
    axes.set_xticks(np.linspace(0, benefit["every"], 5))
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0), high + 0.25 * (high - low))
    axes.legend(frameon=False, fontsize=8, ncols=2, loc="upper right")


def _moved(shift):
    """An input with its values in the patient and in the typical one."""
    return f"{shift['name']} {words.short(shift['value'])} ({words.short(shift['typical'])})"


def bars(axes, summary):
    """What moves the best dose away from the typical patient's, largest first."""
    shifts = summary["shifts"][:BARS]
    if not shifts:
        axes.set_axis_off()
        return
    part, half = np.array([(s["log10"], s["half_width"]) for s in shifts]).T
    y = np.arange(len(shifts))
    axes.barh(
        y,
        10**part - 1,
        left=1,
        height=0.65,
        color=np.where(part > 0, style.RED, style.BLUE),
        alpha=0.85,
    )
    axes.hlines(y, 10 ** (part - half), 10 ** (part + half), color=style.INK, linewidth=0.9)
    axes.set_yticks(y, list(map(_moved, shifts)))
    axes.axvline(1, color=style.INK, linewidth=0.8)
    width = 1.08 * max(10 ** np.abs(part + np.sign(part) * half).max(), 1.05)
    style.log_axis(axes.xaxis, 1.0, 2.0)
    shown = next(t for limit, t in TICKS if width < limit)
    axes.set_xticks(shown, [f"{t:g}" for t in shown])
    axes.set_xticks([], minor=True)
    axes.set_xlim(1 / width, width)
    axes.invert_yaxis()
    style.clean(axes, "factor by which the input moves the best dose", "")
    axes.grid(axis="y", visible=False)
