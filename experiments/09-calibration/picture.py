"""Prior and posterior of the calibrated numbers, what they predict, and which data informed which.

Draws; computes nothing.
"""

from textwrap import fill

import numpy as np
from matplotlib.figure import Figure

GREY, BLUE, RED = "0.75", "#0072B2", "#D55E00"


def draw(points, prior, best, summary):
    """Figure of three rows: the numbers, the statistics, SD after over SD before by data set."""
    figure = Figure(figsize=(15, 11), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(4, 5))
    hypers, statistics = summary["hypers"], summary["statistics"]
    top, middle = upper.subplots(2, len(hypers))
    for axes, (name, item) in zip(top, hypers.items(), strict=True):
        x, whole = (
            (points[name], "linear") if name == "no_response" else (np.log10(points[name]), "log")
        )
        edges = np.linspace(*np.quantile(x, (0.005, 0.995)), 25)
        for weights, look in (
            (prior, {"color": GREY, "label": "prior"}),
            (best, {"histtype": "step", "color": BLUE, "lw": 2, "label": "posterior"}),
        ):
            axes.hist(x, edges, weights=weights, **look)
        if whole == "log":
            ticks = [
                t
                for t in (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3, 10, 30)
                if edges[0] <= np.log10(t) <= edges[-1]
            ]
            axes.set_xticks(np.log10(ticks), [f"{t:g}" for t in ticks])
        axes.set_title(fill(item["label"], 25), fontsize=8, loc="left")
        axes.set_yticks([])
    top[0].legend(frameon=False, fontsize=7)
    for axes, (name, item) in zip(
        middle, ((n, s) for n, s in statistics.items() if "32 %" not in n), strict=True
    ):
        for k, (label, colour) in enumerate((("prior", GREY), ("posterior", BLUE))):
            low, mid, high = item[label]
            axes.plot([low, high], [k, k], color=colour, lw=6, solid_capstyle="butt")
            axes.plot(mid, k, "o", color="black", ms=4)
        axes.axvline(item["published"], color=RED, lw=2)
        axes.set(ylim=(-0.7, 1.7), yticks=[])
        axes.set_title(
            fill(name.rpartition(": ")[2], 25) + ("" if item["fitted"] else "\nnot fitted"),
            fontsize=8,
            loc="left",
        )
    middle[0].set_ylabel("expected: prior grey,\nposterior blue;\npublished red", fontsize=7)
    rows = {
        label: [s[name]["sd_ratio"] for name in hypers] for label, s in summary["subsets"].items()
    }
    axes = lower.subplots()
    axes.imshow(np.array(list(rows.values())), cmap="Blues_r", vmin=0.4, vmax=1.3, aspect="auto")
    for i, (label, values) in enumerate(rows.items()):
        for j, (name, value) in enumerate(zip(hypers, values, strict=True)):
            median, colour = (
                summary["subsets"][label][name]["quantiles"][1],
                "white" if value < 0.7 else "black",
            )
            axes.text(
                j,
                i,
                f"{value:.2f}  ({median:.2g})",
                ha="center",
                va="center",
                fontsize=8,
                color=colour,
            )
    axes.set_yticks(range(len(rows)), list(rows), fontsize=8)
    axes.set_xticks(range(len(hypers)), list(hypers), fontsize=9)
    axes.set_title(
        "SD after over SD before (median), by the data that were used", loc="left", fontsize=10
    )
    for axes in (*top, *middle):
        axes.spines[["top", "right", "left"]].set_visible(False)
    return figure
