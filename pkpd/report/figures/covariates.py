"""Forest plot of the effects of covariates on the MED.

Knows the summary of such effects and axes; computes nothing and knows nothing of files.
"""

from operator import itemgetter

import numpy as np

from pkpd.report.figures import style
from pkpd.report.words import covariates as words
from pkpd.report.words import models


def effects(result, repeated=None):
    """MED of the same patients at other covariates, as a ratio to that at the reference.

    repeated : pkpd.repeat of the effects, for intervals of the medians
    """
    summary = result.summary() | ({} if repeated is None else repeated.summary())
    drawing = style.figure(9.2, 0.42 * len(result.effects) + 2.6)
    forest(drawing.add_subplot(), result.model, summary)
    style.heading(drawing, f"{result.model.title}: MED by covariate, same patients")
    where = f"1 is the MED of each patient at {words.reference(result.model, summary)}"
    finished = result.reference.curves.finished
    who = models.small_print(result.model, summary["provenance"], finished)
    style.caption(drawing, [f"{where}; {words.intervals(summary)}.", *who])
    return drawing


def forest(axes, model, summary):
    """A line for each effect: 5 to 95 % of patients, the median ratio and its interval."""
    rows = words.effects(summary)
    at = np.arange(len(rows))
    numbers = itemgetter("p5", "p95", "low", "high", "ratio")
    drawn = np.array(list(map(numbers, rows)))
    p5, p95, low, high, ratio = drawn.T
    axes.axvline(1, color=style.GREY, linewidth=1, linestyle="--")
    axes.hlines(at, p5, p95, color=style.SKY, linewidth=2, label="5 to 95 % of patients")
    if np.isfinite(low).any():
        axes.hlines(at, low, high, color=style.BLUE, linewidth=6, label="95 % interval")
    axes.plot(ratio, at, "D", ms=6, color=style.INK, label="median")
    names = [words.named(model, row["covariate"], row["value"]) for row in rows]
    axes.set_yticks(at, names)
    beside = axes.secondary_yaxis("right")
    beside.set_yticks(at, [words.beside(row) for row in rows])
    beside.tick_params(length=0, labelsize=9)
    beside.spines["right"].set_visible(False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    _ratio_axis(axes, drawn)
    style.clean(axes, "MED, times that at the reference", "")
    axes.grid(axis="y", visible=False)
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))


def _ratio_axis(axes, drawn):
    """A log axis around all that is drawn and 1, at least from 0.5 to 2."""
    known = drawn[np.isfinite(drawn) & (drawn > 0)]
    lowest = min(known.min(initial=1) / 1.1, 0.5)
    highest = max(known.max(initial=1) * 1.1, 2)
    style.log_axis(axes.xaxis, lowest, highest)
    axes.set_xlim(lowest, highest)
