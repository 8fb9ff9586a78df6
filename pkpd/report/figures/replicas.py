"""A published number among those of virtual replicas of its trial, panel by panel. Computes nothing but bins."""

import numpy as np

from pkpd.report.figures import style

FEW = 60  # values of a share of patients: one bin each


def replicas(panels, title, caption):
    """Figure of histograms.

    panels : list of (label with unit, {world: statistic (R,) of the replicas}, {name of a published value: value}); the first world is filled
    """
    drawing = style.figure(3.2 * len(panels) + 0.4, 4.3)
    for axes, (label, worlds, published) in zip(
        drawing.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        edges = _edges(np.concatenate([*worlds.values(), list(published.values())]))
        for k, (name, simulated) in enumerate(worlds.items()):
            known = simulated[np.isfinite(simulated)]
            look = (
                {"histtype": "step", "color": style.GREY, "lw": 1.5} if k else {"color": style.SKY}
            )
            axes.hist(
                known, edges, weights=np.full(len(known), 100 / len(known)), label=name, **look
            )
        for colour, (name, value) in zip((style.RED, style.INK), published.items(), strict=False):
            axes.axvline(value, color=colour, lw=2, label=f"{name} {value:g}")
        axes.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(-0.02, 1.0))
        style.clean(axes, label, "replicas (%)" if axes.get_subplotspec().is_first_col() else "")
    style.heading(drawing, title)
    style.caption(drawing, caption)
    return drawing


def _edges(values):
    known = np.unique(values[np.isfinite(values)])
    if len(known) > FEW:
        return np.linspace(known[0], known[-1], 31)
    step = np.median(np.diff(known)) if len(known) > 1 else 1.0
    return np.arange(known[0] - step / 2, known[-1] + step, step)
