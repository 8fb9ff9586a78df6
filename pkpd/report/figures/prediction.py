"""Figure of what measurements tell of a patient's best dose. Computes nothing itself."""

import numpy as np

from pkpd.report.figures import style
from pkpd.report.words.models import NO_ADVICE, share_assumed
from pkpd.report.words.prediction import rows, scores
from pkpd.sensitivity.prediction import EVERYTHING


def prediction(result):
    """Explained variance by each measurement alone and what is lost without it, beside all together."""
    summary = result.summary()
    drawing = style.figure(8.6, 0.5 * len(summary["measures"]) + 2.4)
    bars(drawing.add_subplot(), summary)
    style.heading(drawing, f"{result.model.title}: what tells the best dose beforehand")
    errors = "; ".join(
        f"{m['name']} {m['error']}" for m in summary["measures"] if m["error"] != "none"
    )
    origin = summary["provenance"]
    style.caption(
        drawing,
        [
            f"{result.model.name}: {summary['patients']} patients, seed {origin['seed']}; lines are 95 % intervals over {summary['folds']} folds. Errors of measurement "
            f"(assumed): {errors or 'none'}. {share_assumed(result.model)}.",
            NO_ADVICE,
        ],
    )
    return drawing


def bars(axes, summary):
    """Bars of each measurement alone and of what is lost without it, lines for all together and for every input. summary : as a folder keeps it"""
    found, names = scores(summary), [row[0] for row in rows(summary)]
    y = np.arange(len(names))
    for shift, key, color, label in (
        (-0.19, "only {}", style.SKY, "alone"),
        (0.19, "without {}", style.BLUE, "lost without it"),
    ):
        some = np.array([found.get(key.format(n), (np.nan,) * 3) for n in names])
        axes.barh(y + shift, 100 * np.maximum(some[:, 0], 0), 0.36, color=color, label=label)
        axes.hlines(y + shift, 100 * some[:, 1], 100 * some[:, 2], color=style.INK, linewidth=0.9)
    value, low, high = (100 * x for x in found["all"])
    axes.axvspan(low, high, color=style.ORANGE, alpha=0.2, linewidth=0)
    axes.axvline(value, color=style.ORANGE, linewidth=2, label="all measurements")
    axes.axvline(
        100 * found[EVERYTHING][0],
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
