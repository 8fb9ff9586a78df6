"""Figures of whatever pkpd computed: `plot` dispatches; time courses and endpoints are drawn here.

Each function takes a result and returns a matplotlib Figure. Knows results; computes quantiles for
display and nothing else.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import PkpdError, listed
from pkpd.report.figures import comparison, style
from pkpd.report.words import models
from pkpd.result import EndpointResult, EventResult, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(thing: Any, **options: Any) -> "Figure":
    """Draw whatever pkpd computed, or several results of one kind in one figure.

    thing : a Result, EventResult, EndpointResult, DoseResponse, MedTable, MedDataset,
        DosingInterval, CovariateEffects, Fit, Comparison, Noncompartmental, DataCheck,
        PredictiveCheck, Titration, TrialResult, Sensitivity, Explanation, Prediction,
        WeighedExplanations, RankedStudies or Identifiability; or a list of time courses, of dose
        responses, of MEDs or of trials
    options : of the figure of that kind, such as data=... beside a Result. A list, and one time
        course, dose response or table of MEDs, may have labels=[...], one text each;
        by="sex", whose subgroups are drawn; outputs=[...] of time courses; log=True or False for
        the axis of values or of doses; ax=..., matplotlib axes to draw on

    Returns a matplotlib Figure. Raises PkpdError for anything else, and for results that cannot
    stand on the same axes.
    """
    if isinstance(thing, (list, tuple)) or options.keys() & comparison.OPTIONS:
        _check_together(options)
        things = thing if isinstance(thing, (list, tuple)) else [thing]
        return comparison.compare(things, **options)
    for kind, drawn in _drawings().items():
        if isinstance(thing, kind):
            return drawn(thing, **options)
    raise PkpdError(
        "pkpd.plot draws what pkpd computed, such as a Result or a MedTable, "
        f"not a {type(thing).__name__}."
    )


def _check_together(options):
    """Refuse options of one result beside those of a comparison. Raises PkpdError."""
    alone = options.keys() - comparison.OPTIONS
    if alone:
        beside = listed(sorted(options.keys() & comparison.OPTIONS)) or "several results"
        raise PkpdError(
            f"{listed(sorted(alone))} and {beside} are not drawn together; make a figure for each."
        )


@cache
def _drawings():
    """Class of a result -> function that draws it. Most of these rooms only `plot` loads."""
    from pkpd.datasets.check import DataCheck
    from pkpd.evidence.design import RankedStudies
    from pkpd.evidence.identify import Identifiability
    from pkpd.evidence.kept import KeptComparison, KeptRanking
    from pkpd.evidence.weighed import WeighedExplanations
    from pkpd.fits.comparison import Comparison
    from pkpd.fits.result import Fit
    from pkpd.nca import Noncompartmental
    from pkpd.predictive.vpc import PredictiveCheck
    from pkpd.report.figures import (
        covariates,
        datasets,
        evidence,
        explanation,
        exposures,
        fits,
        meds,
        prediction,
        sensitivity,
        trials,
        vpc,
    )
    from pkpd.response.covariate_effects import CovariateEffects
    from pkpd.response.curves import DoseResponse
    from pkpd.response.dosing_interval import DosingInterval
    from pkpd.response.med import MedTable
    from pkpd.response.streamed import MedDataset
    from pkpd.sensitivity.explanation import Explanation
    from pkpd.sensitivity.prediction import Prediction
    from pkpd.sensitivity.study import Sensitivity
    from pkpd.trials.run import TrialResult
    from pkpd.trials.titrate import Titration

    return {
        Result: time_course,
        EventResult: at_records,
        EndpointResult: distributions,
        DoseResponse: meds.dose_response,
        DosingInterval: meds.dosing_interval,
        MedTable: meds.med,
        MedDataset: meds.med,
        CovariateEffects: covariates.effects,
        Titration: trials.observed_meds,
        TrialResult: trials.trial,
        Noncompartmental: exposures.exposures,
        DataCheck: datasets.raw,
        PredictiveCheck: vpc.check,
        Fit: fits.fitted,
        Comparison: fits.compared,
        Sensitivity: sensitivity.first,
        Explanation: explanation.explanation,
        Prediction: prediction.prediction,
        WeighedExplanations: evidence.ledger,
        KeptComparison: evidence.ledger,
        RankedStudies: evidence.ranked,
        KeptRanking: evidence.ranked,
        Identifiability: evidence.identifiability,
    }


def figures(thing: Any, **options: Any) -> "dict[str, Figure]":
    """Draw all figures of whatever pkpd computed: ending of a file's name -> Figure.

    thing, options : as for pkpd.plot. Raises PkpdError for anything else.
    """
    from pkpd.evidence.kept import KeptComparison
    from pkpd.evidence.weighed import WeighedExplanations
    from pkpd.report.figures import evidence, sensitivity
    from pkpd.sensitivity.study import Sensitivity

    if isinstance(thing, Sensitivity):
        return sensitivity.figures(thing)
    if isinstance(thing, WeighedExplanations | KeptComparison):
        return evidence.figures(thing)
    return {"": plot(thing, **options)}


def time_course(result: Result, data=None, repeated=None):
    """Median and 5-95 % band of every output over time, with dose marks; observations as points.

    data : list of pkpd.report.figures.observations.Observations
    repeated : pkpd.response.uncertainty.Repeated of the course, for intervals of its lines
    """
    fine = result.values[result.status == 0]

    def draw(axes, k, scale):
        _course(axes, result.times * scale, fine[:, :, k])
        if repeated is not None:
            _intervals(axes, result, repeated, k, scale)
        _dose_marks(axes, result, scale)

    return _panels(result, len(fine), fine.reshape(-1, len(result.names)), draw, data)


def at_records(result: EventResult, data=None):
    """Every output at the records of an event table, one line per patient; observations as points.

    data : list of pkpd.report.figures.observations.Observations
    """
    fine = result.cohort.names[result.status == 0]
    shown = fine[:: max(1, -(-len(fine) // style.MOST_CURVES))]
    few = len(shown) <= len(style.CYCLE)

    def draw(axes, k, scale):
        for place, patient in enumerate(shown):
            rows = result.ids == patient
            look = {"color": style.BLUE, "alpha": 0.25, "linewidth": 0.8}
            if few:
                look = {"color": style.CYCLE[place], "label": f"ID {patient}"}
            axes.plot(result.times[rows] * scale, result.values[rows, k], **look)

    return _panels(result, len(fine), result.values[np.isin(result.ids, fine)], draw, data)


def distributions(result: EndpointResult):
    """Histogram of every endpoint over the patients that finished, with median and 5-95 % range."""
    fine = result.values[result.status == 0]
    columns, rows = _grid_of(len(result.names))
    drawing = style.figure(3.9 * columns + 0.6, 2.7 * rows + 0.9)
    for k, name in enumerate(result.names):
        axes = drawing.add_subplot(rows, columns, k + 1)
        axes.hist(
            fine[:, k],
            bins=30,
            weights=np.full(len(fine), 100 / max(len(fine), 1)),
            color=style.SKY,
            edgecolor="white",
            linewidth=0.5,
        )
        if len(fine):
            levels = np.percentile(fine[:, k], (5, 50, 95), method="hazen")
            low, median, high = levels
            axes.axvspan(low, high, color=style.BLUE, alpha=0.08, linewidth=0, zorder=0)
            axes.axvline(median, color=style.BLUE, linewidth=2)
            low, median, high = (models.number(float(f"{level:.3g}")) for level in levels)
            axes.set_title(f"median {median}, 5 to 95 %: {low} to {high}", loc="left", fontsize=9)
        style.clean(
            axes,
            name if result.units[k] == "1" else f"{name} in {result.units[k]}",
            "patients (%)" if k % columns == 0 else "",
        )
    style.heading(drawing, f"{result.model.title}: {result.prescribed}, {result.span}")
    style.caption(drawing, models.small_print(result.model, result.provenance(), len(fine)))
    return drawing


def _grid_of(panels):
    """(columns, rows) that so many panels stand in."""
    columns = 2 if panels == 4 else min(3, panels)
    return columns, -(-panels // columns)


def _panels(result, finished, values, draw, data):
    """A panel for each output, filled by draw(axes, place of the output, factor of time).

    values : (N, O) that decide the axes
    """
    columns, rows = _grid_of(len(result.names))
    drawing = style.figure(4.4 * columns + 0.6, 2.7 * rows + 0.8)
    scale, unit = style.clinician_time(result.times, result.time_unit)
    for k, name in enumerate(result.names):
        axes = drawing.add_subplot(rows, columns, k + 1)
        draw(axes, k, scale)
        observed = [points for points in data or () if points.name == name]
        for points in observed:
            _points(axes, points, scale)
        style.clean(axes, f"time ({unit})", style.label(name, result.units[k]))
        if _is_concentration(result.units[k]) and (values[:, k] > 0).any():
            _concentration_axis(axes, values[:, k])
        if k == 0 or observed:
            _legend(axes)
    style.heading(drawing, f"{result.model.title}: {result.prescribed}")
    style.caption(drawing, models.small_print(result.model, result.provenance(), finished))
    return drawing


def _points(axes, points, scale):
    """Observations as open circles. scale : factor of their times"""
    axes.plot(
        points.times * scale,
        points.values,
        "o",
        ms=4,
        mfc="white",
        mec=style.RED,
        label=f"observed ({points.column})",
    )


def _legend(axes):
    """The legend of an axes that has names; a long one, which finds no empty corner, has room."""
    named = len(axes.get_legend_handles_labels()[0])
    if not named:
        return
    corner = {}
    if named > 3:
        low, high = axes.get_ylim()
        axes.set_ylim(top=20 * high if axes.get_yscale() == "log" else high + 0.6 * (high - low))
        corner = {"loc": "upper right"}
    axes.legend(frameon=False, fontsize=8, **corner)


def _course(axes, times, values):
    """Median and 5-95 % band of values (P, T)."""
    if not len(values):
        return
    low, median, high = np.percentile(values, (5, 50, 95), axis=0, method="hazen")
    if len(values) > 1:
        axes.fill_between(
            times,
            low,
            high,
            color=style.BLUE,
            alpha=0.2,
            linewidth=0,
            label="5 to 95 % of patients",
        )
    axes.plot(
        times,
        median,
        color=style.BLUE,
        linewidth=1.6,
        label="median" if len(values) > 1 else "patient",
    )


def _intervals(axes, result, repeated, k, scale):
    """95 % intervals over runs of the median and of the edges of the band."""
    shape = (len(result.times), len(result.names), -1)
    low, high = repeated.low.reshape(shape)[:, k], repeated.high.reshape(shape)[:, k]
    for level, color in ((1, style.BLUE), (0, style.ORANGE), (2, style.ORANGE)):
        words = {1: "95 % interval of the median", 0: "of the 5 and 95 % lines"}.get(level)
        axes.fill_between(
            result.times * scale,
            low[:, level],
            high[:, level],
            color=color,
            alpha=0.35,
            linewidth=0,
            label=words,
        )


def _dose_marks(axes, result, scale):
    """A tick under the axis at every dose, or none where they would run into each other."""
    from pkpd import units
    from pkpd.dosing.rx import rx

    phases = rx(result.regimen).phases
    hours = np.concatenate([p.times for p in phases])
    times = hours * units.factor("h", result.time_unit)
    times = times[(times >= result.times[0]) & (times <= result.times[-1])]
    if len(times) <= 60:
        axes.plot(
            times * scale,
            np.zeros(len(times)),
            "|",
            color=style.ORANGE,
            ms=7,
            mew=1.5,
            transform=axes.get_xaxis_transform(),
            clip_on=False,
        )


def _is_concentration(unit):
    return unit.endswith(("g/mL", "g/L", "M"))


def _concentration_axis(axes, values):
    """Log axis over the three decades below almost the highest value."""
    top = np.percentile(values, 99)
    style.log_axis(axes.yaxis, 1.0, 1e9)
    if top > 0:
        axes.set_ylim(bottom=top / 1000)
