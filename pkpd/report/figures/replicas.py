"""A published number among those of virtual replicas of its trial, panel by panel.

Knows arrays and axes; computes bins and nothing else.
"""

from typing import Any

import numpy as np

from pkpd.report.figures import style

FEW = 60  # values of a share of patients: one bin each


def replicas(panels, title, caption):
    """Figure of histograms.

    panels : list of (label with unit, {world: statistic (R,) of the replicas}, {name of a
        published value: value}); the first world is filled
    """
    drawing = style.figure(3.2 * len(panels) + 0.4, 4.3)
    row = drawing.subplots(1, len(panels), squeeze=False)[0]
    for axes, (label, worlds, published) in zip(row, panels, strict=True):
        edges = _edges(np.concatenate([*worlds.values(), list(published.values())]))
        for k, (name, simulated) in enumerate(worlds.items()):
            finite = simulated[np.isfinite(simulated)]
            percent = np.full(len(finite), 100 / len(finite))
            look: dict[str, Any] = {"color": style.SKY}
            if k:
                look = {"histtype": "step", "color": style.GREY, "lw": 1.5}
            axes.hist(finite, edges, weights=percent, label=name, **look)
        for colour, (name, value) in zip((style.RED, style.INK), published.items(), strict=False):
            axes.axvline(value, color=colour, lw=2, label=f"{name} {value:g}")
        axes.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(-0.02, 1.0))
        style.clean(axes, label, "replicas (%)" if axes.get_subplotspec().is_first_col() else "")
    style.heading(drawing, title)
    style.caption(drawing, caption)
    return drawing


def _edges(values):
    """Edges of bins: one bin for each of a few values, else 30."""
    distinct = np.unique(values[np.isfinite(values)])
    if len(distinct) > FEW:
        return np.linspace(distinct[0], distinct[-1], 31)
    step = np.median(np.diff(distinct)) if len(distinct) > 1 else 1.0
    return np.arange(distinct[0] - step / 2, distinct[-1] + step, step)
