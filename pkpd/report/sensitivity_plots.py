"""Figures of why patients differ: bars of Sobol' indices and Shapley effects with intervals. Computes nothing itself."""

import numpy as np

from pkpd.report import sensitivity, style
from pkpd.report.plots import NO_ADVICE, plot
from pkpd.report.tables import share_assumed
from pkpd.sensitivity.study import Sensitivity

LOOKS = {  # method -> colour, label
    "sobol_first": (style.BLUE, "alone (S1)"), "sobol_total": (style.SKY, "with all it acts with (ST)"), "shapley": (style.ORANGE, "Shapley effect"),
    "group_closed": (style.BLUE, "alone"), "group_total": (style.SKY, "with all it acts with"),
}  # fmt: skip
SMALL = 0.02  # a total index below it is not drawn


@plot.register
def indices(result: Sensitivity):
    """Sobol' indices of inputs and of groups for every output, and Shapley effects where there are."""
    summary = result.summary()
    return drawn(result.columns, summary, f"{result.model.title}: what makes patients differ", share_assumed(result.model))


def drawn(columns, summary, title, assumed):
    """The figure of `indices` from tidy columns and the summary, as a folder keeps them."""
    outputs = [o for o in summary["outputs"] if sensitivity.ranked(columns, o)]
    tops = [sensitivity.ranked(columns, o, "sobol_total", SMALL) for o in outputs]
    groups = bool(sensitivity.ranked(columns, outputs[0], "group_total", -np.inf))
    heights = [max(map(len, tops)), len(summary["groups"])][: 1 + groups]
    drawing = style.figure(4.2 * len(outputs) + 0.4, 0.36 * sum(heights) + 2.3)
    panels = drawing.subplots(len(heights), len(outputs), squeeze=False, height_ratios=heights)
    for k, output in enumerate(outputs):
        _bars(panels[0, k], columns, output, list(tops[k]), ("sobol_total", "sobol_first", "shapley"), f"{sensitivity.LABELS[output]}")
        if groups:
            _bars(panels[1, k], columns, output, summary["groups"], ("group_total", "group_closed"), "blocks of equations")
    for axes in panels[-1]:
        axes.set_xlabel("share of the variance")
    panels[0, 0].legend(frameon=False, fontsize=8, loc="lower right")
    style.heading(drawing, title)
    style.caption(drawing, [
        f"{summary['provenance']['model']}: {sensitivity.effort(summary)}, seed "
        f"{summary['provenance']['seed']}. Inputs below {SMALL:g} in all are not drawn. "
        f"{100 * summary['censored']:.1f} % of log10 MEDs are at an end of {summary['benefit']['lowest']:g}-{summary['benefit']['highest']:g} "
        f"{summary['benefit']['unit']}. {assumed}.", NO_ADVICE,
    ])  # fmt: skip
    return drawing


def _bars(axes, columns, output, names, methods, title):
    """Bars of several methods over each other, widest first, the largest input on top; Shapley effects as points."""
    y = np.arange(len(names))
    for method in methods:
        found = sensitivity.ranked(columns, output, method, -np.inf)
        if not found:
            continue
        value, low, high = np.array([found.get(n, (np.nan,) * 3) for n in names]).T
        color, label = LOOKS[method]
        if method == "shapley":
            axes.errorbar(value, y, xerr=[value - low, high - value], fmt="o", ms=4.5, color=color, mec=style.INK, mew=0.5, elinewidth=1.4, label=label, zorder=4)
            continue
        wide = method.endswith("total")
        axes.barh(y, np.maximum(value, 0.0), 0.72 if wide else 0.36, color=color, label=label)
        axes.errorbar(value, y + (0.26 if wide else 0.0), xerr=[value - low, high - value], fmt="none", ecolor=style.INK, elinewidth=0.9)
    style.clean(axes, "", "", title)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.6)
    axes.set_yticks(y, names)
    axes.set_xlim(left=0)
    axes.invert_yaxis()
