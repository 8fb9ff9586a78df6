"""Figure of what measurements tell of a patient's best dose.

Knows the summary of a prediction and axes; computes nothing and knows nothing of files.
"""

import numpy as np

from pkpd.report.figures import style
from pkpd.report.words.models import NO_ADVICE, share_assumed
from pkpd.report.words.prediction import rows, scores
from pkpd.sensitivity.prediction import EVERYTHING


def prediction(result):
    """Explained variance by each measurement alone and lost without it, beside all together."""
    summary = result.summary()
    drawing = style.figure(8.6, 0.5 * len(summary["measures"]) + 2.4)
    bars(drawing.add_subplot(), summary)
    style.heading(drawing, f"{result.model.title}: what tells the best dose beforehand")
    inexact = [m for m in summary["measures"] if m["error"] != "none"]
    errors = "; ".join(f"{m['name']} {m['error']}" for m in inexact)
    who = f"{summary['patients']} patients, seed {summary['provenance']['seed']}"
    text = (
        f"{result.model.name}: {who}; lines are intervals ({summary['interval']}). "
        f"Errors of measurement (assumed): {errors or 'none'}. {share_assumed(result.model)}."
    )
    style.caption(drawing, [text, NO_ADVICE])
    return drawing


def bars(axes, summary):
    """Bars of each measurement alone and of what is lost without it, beside all together.

    summary : of a Prediction, as a folder keeps it
    """
    by_name, names = scores(summary), [row[0] for row in rows(summary)]
    y = np.arange(len(names))
    for shift, key, color, label in (
        (-0.19, "only {}", style.SKY, "alone"),
        (0.19, "without {}", style.BLUE, "lost without it"),
    ):
        some = np.array([by_name.get(key.format(n), (np.nan,) * 3) for n in names])
        axes.barh(y + shift, 100 * np.maximum(some[:, 0], 0), 0.36, color=color, label=label)
        axes.hlines(y + shift, 100 * some[:, 1], 100 * some[:, 2], color=style.INK, linewidth=0.9)
    value, low, high = (100 * x for x in by_name["all"])
    axes.axvspan(low, high, color=style.ORANGE, alpha=0.2, linewidth=0)
    axes.axvline(value, color=style.ORANGE, linewidth=2, label="all measurements")
    axes.axvline(
        100 * by_name[EVERYTHING][0],
        color=style.GREY,
        linewidth=1.4,
        linestyle="--",
        label="every input known",
    )
    style.clean(axes, "explained variance of log10 best dose (%), cross-validated", "")
    axes.grid(axis="y", visible=False)
    axes.set_yticks(y, names)
    axes.set_xlim(left=0)
    axes.invert_yaxis()
    axes.legend(fontsize=8, loc="lower right", facecolor="white", edgecolor="none", framealpha=1)
