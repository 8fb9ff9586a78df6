"""Figures of explanations beside studies: predicted and observed, benefit by dose, planned studies.

Knows tables of a comparison; computes nothing.
"""

import numpy as np

from pkpd.report.figures import style
from pkpd.report.words.evidence import NOTHING, spread
from pkpd.report.words.models import NO_ADVICE

ALL = "all"
ROW, COLUMN = 0.42, 1.15  # inches of a statistic and of an explanation


def short(name):
    """An explanation's name without its folder, on two lines where it has two words."""
    return name.rpartition("/")[2].replace("_", "\n", 1).replace("_", " ")


def ledger(result):
    """Every published statistic beside what each explanation predicts from the other studies."""
    columns = result.predicted()
    names = [*result.names, ALL]
    weights = dict(zip(result.names, result.weights()["weight"], strict=True))
    statistics = list(dict.fromkeys(zip(columns["study"], columns["statistic"], strict=True)))
    size = (2.9 + COLUMN * len(names), 1.6 + ROW * len(statistics))
    drawing = style.figure(*size)
    grid = drawing.subplots(len(statistics), len(names), sharex="row", squeeze=False)
    for row, (study, statistic) in zip(grid, statistics, strict=True):
        for axes, name in zip(row, names, strict=True):
            here = (columns["study"] == study) & (columns["statistic"] == statistic)
            place = int(np.flatnonzero(here & (columns["explanation"] == name))[0])
            _cell(axes, {key: values[place] for key, values in columns.items()})
        unit = str(columns["unit"][np.flatnonzero(here)[0]])
        _name(row[0], study, statistic, unit)
    for axes, name in zip(grid[0], names, strict=True):
        share = f"{100 * weights[name]:.0f} %" if name in weights else "together"
        axes.set_title(f"{short(name)}\n{share}", fontsize=8)
    style.heading(drawing, "Published (line) beside what is predicted from the other studies (bar)")
    style.caption(
        drawing,
        [
            "Bars: 90 % of the prediction, chance and allowance included; dot: median. Orange: the "
            "published number lies outside. Per cent: weight after all studies. Each row has its "
            "own scale.",
            NO_ADVICE,
        ],
    )
    return drawing


def _cell(axes, cell):
    """One prediction and the published number."""
    inside = cell["low"] <= cell["published"] <= cell["high"]
    colour = style.BLUE if inside or not np.isfinite(cell["published"]) else style.ORANGE
    axes.hlines(0, cell["low"], cell["high"], color=colour, linewidth=4, alpha=0.6)
    axes.plot([cell["median"]], [0], "o", ms=3.5, color=colour)
    if np.isfinite(cell["published"]):
        axes.axvline(cell["published"], color=style.INK, linewidth=1)
    axes.set_ylim(-1, 1)
    axes.set_yticks([])
    axes.tick_params(axis="x", labelsize=6, length=2)
    axes.locator_params(axis="x", nbins=3)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _name(axes, study, statistic, unit):
    """What a row is of, left of it."""
    words = f"{study}\n{statistic}" + ("" if unit in ("1", "") else f" ({unit})")
    axes.set_ylabel(words, rotation=0, ha="right", va="center", fontsize=7)


def benefit(result):
    """Mean benefit by dose under each explanation that has draws enough, and over all."""
    columns = result.benefit_by_dose()
    weights = dict(zip(result.names, result.weights()["weight"], strict=True))
    names = [n for n in dict.fromkeys(columns["explanation"]) if n == ALL or weights[n] > 0.01]
    wide = min(len(names), 4)
    rows = -(-len(names) // wide)
    drawing = style.figure(2.6 * wide + 0.5, 2.5 * rows + 1.2)
    panels = drawing.subplots(rows, wide, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        here = columns["explanation"] == name
        doses = columns["DOSE"][here]
        axes.fill_between(
            doses,
            columns["low"][here],
            columns["high"][here],
            color=style.SKY,
            alpha=0.4,
            linewidth=0,
        )
        axes.plot(doses, columns["mean"][here], color=style.BLUE, linewidth=1.8)
        axes.axhline(0, color=style.GREY, linewidth=0.8)
        style.log_axis(axes.xaxis, doses.min(), 1e4)
        share = f"{100 * weights[name]:.0f} %" if name in weights else "all, by their weights"
        style.clean(axes, "dose (mg a day)", f"mean benefit ({result.unit})")
        axes.label_outer()
        axes.set_title(f"{short(name)}: {share}".replace("\n", " "), loc="left", fontsize=9)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    style.heading(drawing, "Mean benefit by dose")
    style.caption(
        drawing,
        [
            "Line: mean over draws, by their weight; band: 5 to 95 % of the population's mean over "
            "draws. Explanations of a weight above 1 % of whose draws at least 100 count.",
            NO_ADVICE,
        ],
    )
    return drawing


def figures(result):
    """Ending of a file name -> figure; benefits only where some explanation has draws enough."""
    drawings = {"": ledger(result)}
    return drawings | {"-benefit": benefit(result)} if result.enough().any() else drawings


def ranked(result):
    """Planned studies by what they are worth."""
    columns = result.sheets()["studies"].columns
    count = len(columns["study"])
    drawing = style.figure(8.6, 1.7 + 0.4 * count)
    left, right = drawing.subplots(1, 2, sharey=True)
    places = np.arange(count)[::-1]
    panels = (
        (left, "information", "expected information on\nwhich explanation holds (bits)"),
        (right, "value", f"expected gain of the best\ndose's mean benefit ({result.unit})"),
    )
    for axes, name, label in panels:
        error = columns[f"{name}_error"]
        axes.barh(places, columns[name], xerr=error, color=style.SKY, height=0.6)
        if np.abs(columns[name]).max() < NOTHING:  # the solver's rounding
            axes.set_xlim(-0.1, 1.0)
        axes.locator_params(axis="x", nbins=4)
        style.clean(axes, label, "")
        axes.grid(axis="y", visible=False)
    labels = [
        f"{name} ({n} patients)"
        for name, n in zip(columns["study"], columns["patients"], strict=True)
    ]
    left.set_yticks(places, labels, fontsize=8)
    style.heading(drawing, "What a study that has not been done is worth")
    style.caption(drawing, ["Whiskers: one Monte Carlo error to each side.", NO_ADVICE])
    return drawing


def identifiability(result):
    """Exponents of every combination of parameters, the best known first."""
    count = len(result.names)
    drawing = style.figure(3.2 + 0.5 * count, 1.9 + 0.3 * count)
    axes = drawing.add_subplot()
    shown = axes.imshow(result.exponents, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    axes.set_xticks(range(count), result.names, rotation=45, ha="right", fontsize=8)
    labels = [spread(sd) for sd in result.sd]
    axes.set_yticks(range(count), labels, fontsize=8)
    axes.set_ylabel("how well told")
    drawing.colorbar(shown, ax=axes, label="exponent")
    style.heading(drawing, f"{result.model.title}: what the data could tell")
    regimen, subjects = result.scheme["regimen"], result.scheme["subjects"]
    style.caption(
        drawing,
        [
            f"{result.model.name}: {regimen}, {subjects} like the typical patient. A row is a "
            "product of powers of parameters; one SD of its logarithm.",
            NO_ADVICE,
        ],
    )
    return drawing
