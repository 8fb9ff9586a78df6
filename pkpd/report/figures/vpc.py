"""Figure of a visual predictive check: percentiles of observations in the bands of simulated ones.

Knows checks; computes nothing.
"""

import numpy as np

from pkpd.report.figures import style
from pkpd.report.words import vpc as words

COLORS = (style.BLUE, style.RED, style.GREEN, style.PURPLE, style.ORANGE)
MOST_COLUMNS = 3


def check(found):
    """A panel for each stratum; below them shares below the limit of quantification, if asked.

    A band is the interval of a percentile over the simulated data sets; the line in it is the
    observed percentile, with a ring where it leaves the band.
    """
    strata = list(dict.fromkeys(found.columns["stratum"]))
    heights = [1] if found.asked.limit is None else [3, 1.4]  # of the panels of a stratum
    columns = min(MOST_COLUMNS, len(strata))
    bands = -(-len(strata) // columns)
    height = 3.2 if found.asked.limit is None else 5.0
    drawing = style.figure(4.4 * columns + 1.2, height * bands + 0.9)
    grid = drawing.add_gridspec(bands * len(heights), columns, height_ratios=heights * bands)
    span = np.array([found.columns["from"].min(), found.columns["to"].max()])
    scale, unit = style.clinician_time(span, found.model.time)
    since = "time after dose" if found.asked.after_dose else "time"
    for place, stratum in enumerate(strata):
        band, column = divmod(place, columns)
        panels = [grid[band * len(heights) + k, column] for k in range(len(heights))]
        axes = _stratum(drawing, panels, found, stratum, scale, f"{since} ({unit})", column == 0)
        if place == 0:
            axes.legend(frameon=False, fontsize=8)
    corrected = ", prediction-corrected" if found.asked.corrected else ""
    style.heading(drawing, f"{found.model.title}: {found.output} of {found.data}{corrected}")
    style.caption(drawing, [*words.sentences(found)[1:], words.how_to_read(found)])
    return drawing


def _stratum(drawing, panels, found, stratum, scale, time, leftmost):
    """Axes with the bands of a stratum; below them, where there is a second panel, its shares.

    time : label of the axis of time; leftmost : whether the axes of values have labels
    """
    axes = drawing.add_subplot(panels[0])
    _bands(axes, found, found.columns["stratum"] == stratum, scale)
    value = style.label(found.output, found.unit) if leftmost else ""
    style.clean(axes, time if len(panels) == 1 else "", value, stratum or None)
    for panel in panels[1:]:
        lower = drawing.add_subplot(panel, sharex=axes)
        _shares(lower, found.below, found.below["stratum"] == stratum, scale)
        style.clean(lower, time, "below limit (%)" if leftmost else "")
    return axes


def _bands(axes, found, of_stratum, scale):
    """Bands and observed lines of the percentiles of a stratum."""
    columns = found.columns
    for k, level in enumerate(found.asked.percentiles):
        rows = of_stratum & (columns["percentile"] == level)
        times = columns["TIME"][rows] * scale
        color = COLORS[k % len(COLORS)]
        low, high, seen = (columns[name][rows] for name in ("low", "high", "observed"))
        axes.fill_between(times, low, high, color=color, alpha=0.22, linewidth=0)
        axes.plot(
            times, seen, "o-", color=color, ms=3.5, linewidth=1.4, label=f"{level:g} % observed"
        )
        outside = columns["outside"][rows]
        axes.plot(times[outside], seen[outside], "o", ms=10, mfc="none", mec=style.INK, mew=1.2)
    positive = columns["low"][of_stratum] > 0
    if positive.all() and columns["high"].max() > 30 * columns["low"][of_stratum].min():
        style.log_axis(axes.yaxis, columns["low"].min(), columns["high"].max())
    if found.asked.limit is not None:
        axes.axhline(found.asked.limit, color=style.GREY, linewidth=1, linestyle="--")


def _shares(axes, below, rows, scale):
    """Shares below the limit of quantification of a stratum."""
    times = below["TIME"][rows] * scale
    low, high, seen = (100 * below[name][rows] for name in ("low", "high", "observed"))
    axes.fill_between(times, low, high, color=style.GREY, alpha=0.3, linewidth=0)
    axes.plot(times, seen, "o-", color=style.INK, ms=3.5, linewidth=1.4)
    axes.set_ylim(bottom=0)
