"""Figures of dose responses and MEDs: fan of curves, histogram of MEDs, blockade over a day.

Draws on axes that it is given, so that a page and a figure of several panels show the same. Knows
tables of MEDs and curves; computes quantiles and a density for display and nothing else.
"""

from dataclasses import dataclass

import numpy as np

from pkpd.report.figures import style
from pkpd.report.words import models
from pkpd.response.med import STATUSES
from pkpd.response.quantiles import format_dose, quantile
from pkpd.response.summary import histogram, known_doses
from pkpd.result import provenance
from pkpd.symbolic.model import Published

MOST_POINTS = 4000  # MEDs that the density is made of


@dataclass(frozen=True)
class Spread:
    """MEDs of a cohort, counted.

    edges : (B+1,) doses; counts : (B,) of interior MEDs; status : name -> number of patients
    median : dose, -inf or inf where censored
    """

    published: Published | None
    unit: str
    lowest: float
    highest: float
    patients: int
    edges: np.ndarray
    counts: np.ndarray
    status: dict
    median: float


def spread(table):
    """The Spread of a MedTable or MedDataset."""
    benefit = table.benefit
    bars = histogram(table.column("med")[table.having("interior")], benefit)
    counts = {name: int(table.having(name).sum()) for name in STATUSES}
    middle = quantile(known_doses(table), 0.5).value
    return Spread(
        table.model.published,
        benefit.unit,
        benefit.lowest,
        benefit.highest,
        len(table),
        bars["edges"],
        bars["counts"],
        counts,
        middle,
    )


def dose_response(response):
    """Benefit at steady state against dose: patients faint, median, 5-95 % band."""
    drawing = style.figure(6.4, 4.6)
    fan(drawing.add_subplot(), response)
    style.heading(drawing, f"{response.model.title}: dose response at steady state")
    style.caption(
        drawing,
        models.small_print(
            response.model, provenance(response.model, response.cohort), response.finished
        ),
    )
    return drawing


def med(table, repeated=None):
    """Dose-response fan beside the histogram of MEDs, with the patients outside it counted.

    repeated : pkpd.RepeatedMeds of the table, for intervals of its quantiles
    """
    drawing = style.figure(11.5, 4.9)
    left, right = drawing.subplots(1, 2)
    fan(left, table.curves)
    left.set_title("Benefit at steady state, same patients at every dose", loc="left", fontsize=11)
    bars(right, spread(table), table.column("med"))
    right.set_title("Each patient's own best dose", loc="left", fontsize=11)
    if repeated is not None:
        intervals(right, repeated)
    style.heading(drawing, table.model.title)
    style.caption(
        drawing, models.small_print(table.model, table.provenance(), table.curves.finished)
    )
    return drawing


def dosing_interval(found):
    """Blockade of the typical patient over one dosing interval, one line per dose."""
    drawing = style.figure(6.4, 4.2)
    interval(drawing.add_subplot(), found)
    style.heading(drawing, f"{found.model.title}: typical patient at steady state")
    origin = provenance(found.model, found.cohort)
    style.caption(drawing, models.small_print(found.model, origin, 1))
    return drawing


def fan(axes, response):
    """Curves of single patients, median and 5-95 % band of BenefitCurves."""
    if response.finished:
        axes.plot(
            response.doses,
            response.some(style.MOST_CURVES).T,
            color=style.GREY,
            alpha=0.18,
            linewidth=0.6,
        )
        low, median, high = response.percentiles((5, 50, 95))
        axes.fill_between(
            response.doses,
            low,
            high,
            color=style.BLUE,
            alpha=0.18,
            linewidth=0,
            label="5 to 95 % of patients",
        )
        axes.plot(
            response.doses,
            median,
            color=style.BLUE,
            linewidth=2,
            label="median patient at each dose",
        )
        room = high.max() - low.min()
        axes.set_ylim(low.min() - 0.35 * room, high.max() + 0.35 * room)
    axes.axhline(0, color=style.INK, linewidth=0.8)
    style.log_axis(axes.xaxis, response.doses[0], response.doses[-1])
    axes.set_xlim(response.doses[0], response.doses[-1])
    benefit = response.benefit
    change = "fall" if benefit.better == "lower" else "rise"
    every = models.quantity(benefit.every, response.model.time)
    style.clean(
        axes,
        f"dose ({response.unit} every {every})",
        style.label(f"{change} of {benefit.outcome}", response.model.unit(benefit.outcome)),
    )
    axes.legend(frameon=False, fontsize=8, loc="upper left")


def bars(axes, found, meds=None):
    """Histogram of a Spread with median, published range and counts.

    meds : (P,) doses, NaN without one, for the density line
    """
    share = 100 / max(found.patients, 1)
    edges = np.asarray(found.edges)
    axes.hist(
        edges[:-1],
        bins=edges,
        weights=np.asarray(found.counts) * share,
        color=style.SKY,
        edgecolor="white",
        linewidth=0.5,
    )
    if meds is not None:
        _density(axes, meds[np.isfinite(meds)], found, share)
    if np.isfinite(found.median):
        axes.axvline(found.median, ymax=0.64, color=style.BLUE, linewidth=2)
        text = f"median {format_dose(found.median, found.lowest, found.highest, found.unit)}"
        axes.annotate(
            text,
            (found.median, 0.65),
            xycoords=("data", "axes fraction"),
            color=style.BLUE,
            fontsize=9,
            ha="center",
        )
    axes.set_ylim(bottom=0, top=axes.get_ylim()[1] * 1.54 if sum(found.counts) else 1)
    mark_published(axes, found.published, found.unit)
    style.log_axis(axes.xaxis, found.lowest, found.highest)
    axes.set_xlim(found.lowest, found.highest)
    style.clean(axes, f"maximally effective dose ({found.unit})", "patients (% of all)")
    axes.text(
        0.985,
        0.97,
        _status_text(found),
        transform=axes.transAxes,
        ha="right",
        va="top",
        multialignment="left",
        fontsize=8.5,
        color=style.INK,
        bbox={"facecolor": "white", "edgecolor": "#dddddd", "boxstyle": "round,pad=0.4"},
    )


def intervals(axes, repeated):
    """95 % intervals of the median MED, and of the doses below which 5 and 95 % lie."""
    found = repeated.summary()[repeated.key]
    for level, colour in ((0.5, style.BLUE), (0.05, style.ORANGE), (0.95, style.ORANGE)):
        interval = found[f"quantile_{level:g}"]
        ends = interval["low"], interval["high"]
        if np.isfinite(ends).all():
            axes.axvspan(*ends, ymax=0.64, color=colour, alpha=0.25, linewidth=0)
    text = f"bands: 95 % intervals of the 5 %, 50 % and 95 % lines over {found['runs']} runs"
    axes.set_xlabel(f"{axes.get_xlabel()}; {text}", fontsize=8)


def _density(axes, meds, found, share):
    """Density of the interior MEDs on the log axis, in per cent of all patients per bar."""
    logs = np.log(meds)
    if len(logs) < 10 or not np.ptp(logs) > 0:
        return
    at = np.linspace(np.log(found.lowest), np.log(found.highest), 200)
    height = kernel_density(logs[:: max(1, len(logs) // MOST_POINTS)], at)
    width = np.log(found.highest / found.lowest) / len(found.counts)
    axes.plot(np.exp(at), height * width * len(logs) * share, color=style.RED, linewidth=1.4)


def kernel_density(values, at):
    """Density of values (n,) at places (m,), by Gaussian kernels as wide as Scott's rule says.

    As scipy.stats.gaussian_kde, which takes a fifth of a warm run to load. Scott (1992),
    Multivariate Density Estimation.
    """
    width = values.std(ddof=1) * len(values) ** -0.2
    away = (at[:, None] - values) / width
    return np.exp(-0.5 * away**2).sum(axis=1) / (len(values) * width * np.sqrt(2.0 * np.pi))


def mark_published(axes, published, unit):
    """A band over the published range of MEDs, where the model has one in the unit of the axis."""
    if published is None or published.unit != unit:
        return
    ends = published.lowest, published.highest
    axes.axvspan(*ends, color=style.YELLOW, alpha=0.18, linewidth=0, zorder=0)
    axes.annotate(
        models.published_range(published),
        ((ends[0] * ends[1]) ** 0.5, -0.19),
        xycoords=("data", "axes fraction"),
        ha="center",
        fontsize=8,
        color="#6b6000",
        annotation_clip=False,
    )


def _status_text(found):
    """Counts of every status that occurs, one per line."""
    low, high, unit = found.lowest, found.highest, found.unit
    words = {
        "interior": f"best between {low:g} and {high:g} {unit}",
        "below_range": f"best below {low:g} {unit}",
        "above_range": f"best above {high:g} {unit}",
        "no_benefit": "no dose helps enough",
        "flat": "no response",
        "unsafe": "best dose breaks a constraint",
        "failed": "not solved",
    }
    lines = [
        f"{100 * found.status[name] / found.patients:.1f} %  {text}"
        for name, text in words.items()
        if found.status[name]
    ]
    return "\n".join([f"{found.patients} patients", *lines])


def interval(axes, found):
    """Lines of a DosingInterval, one per dose, with a mark at the time of the dose."""
    from pkpd import units

    scale = units.factor(found.model.time, "h")
    for k, (dose, values) in enumerate(zip(found.doses, found.values, strict=True)):
        axes.plot(
            found.times * scale,
            values,
            color=style.CYCLE[k % len(style.CYCLE)],
            linewidth=1.8,
            label=f"{dose:g} {found.unit}",
        )
    end = found.times[-1] * scale
    taken = np.arange(0.0, 1.001 * end, found.benefit.every * scale)
    axes.plot(
        taken,
        np.zeros(len(taken)),
        "|",
        color=style.ORANGE,
        ms=9,
        mew=2,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
    )
    top = np.nanmax(found.values, initial=0.0)
    axes.set(xlim=(0, end), ylim=(0, top * 1.25 if top > 0 else 1))
    axes.set_xticks(np.linspace(0, end, 5))
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], frameon=False, fontsize=8, loc="upper right", ncols=2)
    style.clean(
        axes, "time after the dose (h)", style.label(found.name, found.model.unit(found.name))
    )
