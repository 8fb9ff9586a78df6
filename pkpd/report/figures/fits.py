"""Figures of fitted hormetic curves: data, curve, peak with its interval, curve without hormesis.

Knows fits and how they are drawn; computes no numbers.
"""

import numpy as np

from pkpd.report.figures import style
from pkpd.report.words import fits
from pkpd.report.words.models import number

MOST = 6  # curves of a comparison that are drawn


def fitted(fit):
    """Data, fitted curve, peak with its interval, zero-equivalent dose, curve without hormesis."""
    drawing, axes, doses, place = _frame(fit.assay)
    axes.plot(place(doses), fit.predict(doses), color=style.BLUE, linewidth=2, label=fit.curve.name)
    if fit.null is not None:
        axes.plot(
            place(doses),
            fit.null.predict(doses),
            color=style.GREY,
            linewidth=1.2,
            linestyle="--",
            label="without hormesis (log-logistic)",
        )
    axes.axhline(fit.control, color=style.INK, linewidth=0.8, linestyle=":")
    if np.isfinite(fit.peak):
        _mark_peak(axes, fit, place)
    _points(axes, fit.assay, place)
    axes.legend(frameon=False, fontsize=8)
    style.heading(drawing, f"{fit.assay.name}: {fit.curve.name}")
    style.caption(drawing, _small_print(fit))
    return drawing


def compared(comparison):
    """Data and the curves of the models with the most weight, best first."""
    drawing, axes, doses, place = _frame(comparison.assay)
    ranked = list(zip(comparison.fits, comparison.weights, strict=True))[:MOST]
    for k, (fit, weight) in reversed(list(enumerate(ranked))):
        axes.plot(
            place(doses),
            fit.predict(doses),
            color=style.CYCLE[k],
            linewidth=2.2 if k == 0 else 1.1,
            zorder=2 + (k == 0),
            label=f"{fit.curve.name}, weight {weight:.2g}",
        )
    _points(axes, comparison.assay, place)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[-2::-1] + handles[-1:], labels[-2::-1] + labels[-1:], frameon=False, fontsize=8
    )
    style.heading(drawing, f"{comparison.assay.name}: models of hormesis by Akaike weight")
    style.caption(drawing, fits.comparison_sentences(comparison)[1:])
    return drawing


def _frame(assay):
    """Figure, axes, doses of a smooth curve, and a function that places doses on the axis.

    Dose 0 stands at the left of a log axis.
    """
    positive = np.unique(assay.dose[assay.dose > 0.0])
    low, high = positive[0] / 2, positive[-1] * 1.5
    zero = low / 2.5 if assay.dose.min() == 0.0 else low
    drawing = style.figure(6.8, 4.9)
    axes = drawing.add_subplot()
    style.clean(axes, assay.labels[0], assay.labels[1])
    style.log_axis(axes.xaxis, low, high)
    axes.set_xlim(zero / 1.3, high)
    if zero < low:
        _break(axes, zero, low)

    def place(doses):
        return np.where(np.asarray(doses) > 0.0, doses, zero)

    return drawing, axes, np.geomspace(low, high, 400), place


def _break(axes, zero, low):
    """A tick for dose 0, and none of the log axis left of the break."""
    left, right = axes.get_xlim()
    ticks = axes.xaxis.get_major_locator().tick_values(low, right)
    ticks = [tick for tick in ticks if low <= tick <= right]
    axes.set_xticks([zero, *ticks], ["0", *(f"{tick:g}" for tick in ticks)])
    axes.set_xticks([], minor=True)
    left, right = np.log(axes.get_xlim())
    at = (np.log(np.sqrt(zero * low)) - left) / (right - left)
    axes.plot(
        [at - 0.006, at + 0.006],
        [0, 0],
        color="white",
        linewidth=4,
        transform=axes.transAxes,
        clip_on=False,
        zorder=5,
    )


def _points(axes, assay, place):
    """Single responses, their size the weight where the table has weights."""
    share = np.ones(len(assay.dose))
    if assay.weighted:
        share = np.sqrt(assay.weight / assay.weight.max())
    axes.scatter(
        place(assay.dose),
        assay.response,
        s=30 * share,
        facecolor="white",
        edgecolor=style.RED,
        zorder=4,
        label="data",
    )


def _mark_peak(axes, fit, place):
    top, back = fit.best_response, fit.zero_equivalent
    left, right = axes.get_xlim()
    low, high = fit.intervals.get("peak", (np.nan, np.nan))
    if not np.isnan(low):
        label = f"{100 * fit.level:g} % interval of the peak"
        axes.axvspan(
            max(low, left), min(high, right), color=style.SKY, alpha=0.2, linewidth=0, label=label
        )
    if left <= fit.peak <= right:
        axes.plot(
            [fit.peak],
            [top],
            "^",
            color=style.BLUE,
            ms=8,
            zorder=5,
            label=f"peak {number(float(f'{fit.peak:.3g}'))}",
        )
    if left <= back <= right:
        axes.plot(
            [back],
            [fit.control],
            "D",
            color=style.GREEN,
            ms=6,
            zorder=5,
            label=f"back at control {number(float(f'{back:.3g}'))}",
        )


def _small_print(fit):
    numbers = f"RSS {fit.rss:.5g}, {fit.n} responses, {fit.parameters} parameters."
    return [f"{fit.curve.equation}; {fit.curve.source}. {numbers}", *fit.flags.values()]
