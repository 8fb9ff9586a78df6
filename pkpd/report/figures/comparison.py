"""Several results, or the subgroups of one, in one figure: a colour each, the same axes.

Knows results of one kind whose outputs and doses have units that agree; refuses to draw others
together. Computes percentiles for display and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from pkpd import units
from pkpd.errors import PkpdError, listed
from pkpd.population.groups import groups
from pkpd.report.figures import style
from pkpd.report.figures.meds import mark_published
from pkpd.report.words import models
from pkpd.response.curves import BenefitCurves, DoseResponse
from pkpd.response.med import MedTable
from pkpd.response.quantiles import format_dose, quantile
from pkpd.response.streamed import MedDataset
from pkpd.result import Result
from pkpd.symbolic.model import Benefit, Model

OPTIONS = frozenset(("labels", "by", "ax", "outputs", "log"))
MOST = 12  # lines in one figure
DASHES = ("-", "--")


@dataclass(frozen=True)
class Layer:
    """What one line is about.

    model, benefit : its own, the benefit None for a time course
    """

    label: str
    model: Model
    benefit: Benefit | None


@dataclass(frozen=True)
class Curves(Layer):
    """Benefit of a group of patients by dose."""

    curves: BenefitCurves


@dataclass(frozen=True)
class Meds(Layer):
    """MEDs of a group of patients.

    doses : (M,) of those who have one, -inf and +inf beyond the range; patients : in the group
    curves : their BenefitCurves, or None
    """

    doses: np.ndarray
    patients: int
    curves: BenefitCurves | None


@dataclass(frozen=True)
class Courses(Layer):
    """Outputs of a group of patients over time. values : (P, T, O) of those that finished"""

    result: Result
    values: np.ndarray


@dataclass(frozen=True)
class Diary(Layer):
    """Diary entries of an arm of a trial."""

    arm: Any


@dataclass(frozen=True)
class Group(BenefitCurves):
    """The curves of some patients. rows : (P,) bool"""

    whole: Any
    rows: np.ndarray

    @property
    def doses(self):
        return self.whole.doses

    def each(self):
        return (column[self.rows] for column in self.whole.each())


def compare(things, *, labels=None, by=None, ax=None, outputs=None, log=None):
    """Several results in one figure.

    things : results of one kind: time courses, dose responses, MEDs or trials
    labels : one text each; by : names of inputs whose subgroups are drawn
    ax : matplotlib axes to draw on, in place of a figure of its own
    outputs : of time courses (default: those that all have)
    log : whether the axis of values (time courses) or of doses is logarithmic

    Returns the Figure. Raises PkpdError where the results cannot stand on the same axes.
    """
    things = list(things)
    labels = _labels(things, labels)
    names = [by] if isinstance(by, str) else list(by or ())
    layers = []
    for thing, label in zip(things, labels, strict=True):
        layers += _layers(thing, label, names, len(things))
    if len(layers) > MOST:
        raise PkpdError(f"{len(layers)} lines are too many for one figure (at most {MOST}).")
    kinds = {type(layer) for layer in layers}
    if len(kinds) > 1:
        raise PkpdError("Only results of one kind are drawn together.")
    return draw(layers, ax=ax, outputs=outputs, log=log)


def draw(layers, *, ax=None, outputs=None, log=None):
    """The Figure of Layers of one kind. ax, outputs, log : as in `compare`"""
    kind = type(layers[0])
    if outputs is not None and kind is not Courses:
        raise PkpdError("outputs are those of time courses; leave them out.")
    panels = _panels(layers, outputs, log)
    if ax is not None:
        _only(panels[-1:] if kind is Meds else panels)(ax)
        return ax.figure
    columns = min(len(panels), 2 if len(panels) in (2, 4) else 3)
    rows = -(-len(panels) // columns)
    drawing = style.figure(5.4 * columns + 0.6, 3.6 * rows + 0.9)
    for place, panel in enumerate(panels):
        panel(drawing.add_subplot(rows, columns, place + 1))
    titles = dict.fromkeys(layer.model.title for layer in layers)
    style.heading(drawing, " / ".join(titles))
    named = {layer.model.name: layer.model for layer in layers}
    assumed = [f"{name}: {models.share_assumed(model)}." for name, model in named.items()]
    style.caption(drawing, [" ".join(assumed), models.NO_ADVICE])
    return drawing


def _only(panels):
    """The panel that is drawn where there is room for one."""
    if len(panels) > 1:
        raise PkpdError(f"ax is room for one output of {len(panels)}; name it in outputs=[...].")
    return panels[0]


def _labels(things, labels):
    """One label each: as given, or what differs between the results."""
    if not things:
        raise PkpdError("pkpd.plot draws what pkpd computed, and an empty list has nothing.")
    if labels is None:
        return _names(things)
    if isinstance(labels, str) or len(labels) != len(things):
        raise PkpdError(f"labels: give one text for each of the {len(things)} results.")
    return list(map(str, labels))


def _names(things):
    """What differs between the results, numbered where that tells them not apart."""
    if len(things) == 1:
        return ["patients"]
    found = _differences(things)
    if len(set(found)) == len(found):
        return [text or "as in the model" for text in found]
    return [f"{k}: {text}" if text else str(k) for k, text in enumerate(found, 1)]


def _differences(things):
    """Text for each result: of its facts those that differ between the results."""
    by_fact = zip(*map(_facts, things), strict=True)
    differing = [texts for texts in by_fact if len(set(texts)) > 1]
    if not differing:
        return [""] * len(things)
    return [", ".join(filter(None, texts)) for texts in zip(*differing, strict=True)]


def _facts(thing):
    """Texts on a result by which it may differ from another."""
    people = getattr(thing, "cohort", None)
    changed = {} if people is None else people.changed
    return (
        getattr(getattr(thing, "model", None), "name", ""),
        getattr(thing, "regimen", ""),
        ", ".join(f"{name} = {value:g}" for name, value in changed.items()),
        "" if people is None else f"seed {people.seed}",
    )


def _layers(thing, label, by, count):
    """The Layers of a result: one of all patients, or one for each subgroup."""
    if hasattr(thing, "courses"):
        return _arms(thing, label, by)
    if not isinstance(thing, (Result, DoseResponse, MedTable, MedDataset)):
        raise PkpdError(
            "pkpd.plot draws what pkpd computed; together are drawn time courses, dose responses, "
            f"MEDs or trials, not a {type(thing).__name__}."
        )
    if not by:
        return [_layer(thing, label, None)]
    people = thing.people if isinstance(thing, (MedTable, MedDataset)) else thing.cohort
    found = []
    for name in by:
        for group, rows in groups(people, name):
            found.append(_layer(thing, group if count == 1 else f"{label}, {group}", rows))
    return found


def _arms(thing, label, by):
    """The Diary of every arm of a trial."""
    from pkpd.report.figures.trials import Arm

    if by:
        raise PkpdError("Arms of trials are drawn whole; leave out by.")
    found = []
    for name, c in zip(thing.names, thing.courses, strict=True):
        arm = Arm(f"{label}, {name}", c.days, c.diary, c.dose, c.left == 0)
        found.append(Diary(arm.name, thing.model, thing.benefit, arm))
    return found


def _layer(thing, label, rows):
    """The Layer of the patients in `rows` (P,), or of all."""
    if isinstance(thing, Result):
        kept = (thing.status == 0) & (True if rows is None else rows)
        return Courses(label, thing.model, None, thing, thing.values[kept])
    curves = thing if isinstance(thing, DoseResponse) else thing.curves
    curves = curves if rows is None or curves is None else Group(curves, rows)
    if isinstance(thing, DoseResponse):
        return Curves(label, thing.model, thing.benefit, curves)
    rows = np.ones(len(thing), bool) if rows is None else rows
    status, med = thing.column("status")[rows], thing.column("med")[rows]
    return meds(label, thing.model, thing.benefit, status, med, curves)


def meds(label, model, benefit, status, med, curves=None):
    """The Meds of patients with this status (P,) and MED (P,)."""
    beyond = [status == "below_range", status == "above_range"]
    doses = np.select(beyond, [-np.inf, np.inf], med)
    return Meds(label, model, benefit, doses[~np.isnan(doses)], len(status), curves)


def _panels(layers, outputs, log) -> list[Callable[[Any], None]]:
    """What fills each panel."""
    first = layers[0]
    if isinstance(first, Courses):
        names = _outputs(layers, outputs)
        return [partial(_courses, layers=layers, name=name, log=log) for name in names]
    _check_benefits(layers)
    if isinstance(first, Diary):
        from pkpd.report.figures.trials import diaries

        return [lambda axes: diaries(axes, [layer.arm for layer in layers])]
    curves = [layer for layer in layers if layer.curves is not None]
    panels = [lambda axes: _curves(axes, curves, log)] if curves else []
    if isinstance(first, Meds):
        panels.append(lambda axes: _cumulative(axes, layers, log))
    return panels


def _outputs(layers, outputs):
    """Names of the outputs to draw, which all results have."""
    common = _in_all([layer.result.names for layer in layers])
    wanted = [outputs] if isinstance(outputs, str) else list(outputs or common)
    missing = [name for name in wanted if name not in common]
    if missing or not wanted:
        has = listed(common) if common else "none"
        raise PkpdError(f"{listed(missing) or 'Outputs'}: not in all results. In all are: {has}.")
    return wanted


def _in_all(lists):
    """The names of the first list that all lists have."""
    return [name for name in lists[0] if all(name in names for names in lists)]


def _check_benefits(layers):
    """Refuse to draw benefits together that mean something else."""
    first = layers[0].benefit
    for layer in layers[1:]:
        other = layer.benefit
        if (other.outcome, other.better) != (first.outcome, first.better):
            raise PkpdError(
                f"The benefit of {layer.label} is {other.better} {other.outcome}, that of "
                f"{layers[0].label} {first.better} {first.outcome}: they share no axis."
            )


def _look(place):
    """Colour and line of the layer in this place."""
    round_, colour = divmod(place, len(style.CYCLE))
    return {"color": style.CYCLE[colour], "linestyle": DASHES[round_]}


def _courses(axes, layers, name, log):
    """Median and 5-95 % band of an output of every layer."""
    unit, first = _unit(layers[0], name), layers[0].result
    factor, time_unit = style.clinician_time(first.times, first.time_unit)
    for place, layer in enumerate(layers):
        k = layer.result.names.index(name)
        times = layer.result.times * factor * units.factor(layer.model.time, first.time_unit)
        if len(layer.values):
            values = layer.values[:, :, k] * units.factor(_unit(layer, name), unit)
            _band(
                axes,
                times,
                np.percentile(values, (5, 50, 95), axis=0, method="hazen"),
                place,
                f"{layer.label} ({len(values)})",
            )
    if log or (log is None and unit.endswith(("g/mL", "g/L", "M"))):
        top = axes.dataLim.y1
        style.log_axis(axes.yaxis, 1.0, 1e9)
        axes.set_ylim(bottom=top / 1000)
    style.clean(axes, f"time ({time_unit})", style.label(name, unit))
    axes.legend(frameon=False, fontsize=8)


def _unit(layer, name):
    """Unit of an output of a time course."""
    return layer.result.units[layer.result.names.index(name)]


def _band(axes, at, levels, place, label):
    """A median and its band, levels (3, N) at places (N,)."""
    low, median, high = levels
    look = _look(place)
    axes.fill_between(at, low, high, color=look["color"], alpha=0.13, linewidth=0)
    axes.plot(at, median, linewidth=1.8, label=label, **look)


def _curves(axes, layers, log):
    """Median benefit and 5-95 % band by dose of every layer."""
    first = layers[0].benefit
    outcome = layers[0].model.unit(first.outcome)
    for place, layer in enumerate(layers):
        if layer.curves.finished:
            doses = layer.curves.doses * units.factor(layer.benefit.unit, first.unit)
            factor = units.factor(layer.model.unit(layer.benefit.outcome), outcome)
            _band(axes, doses, factor * layer.curves.percentiles((5, 50, 95)), place, layer.label)
    axes.axhline(0, color=style.INK, linewidth=0.8)
    _dose_axis(axes, first, log)
    change = "fall" if first.better == "lower" else "rise"
    style.clean(
        axes,
        f"dose ({first.unit})",
        style.label(f"{change} of {first.outcome}", outcome),
        "Benefit at steady state: median, 5 to 95 % of patients",
    )
    axes.legend(frameon=False, fontsize=8, loc="upper left")


def _cumulative(axes, layers, log):
    """Share of all patients whose MED is at most a dose, with the median of those who have one."""
    first = layers[0].benefit
    for place, layer in enumerate(layers):
        factor, look = units.factor(layer.benefit.unit, first.unit), _look(place)
        doses = np.sort(layer.doses)
        inside = factor * doses[np.isfinite(doses)]
        share = 100 * (np.sum(doses == -np.inf) + np.arange(len(inside) + 1)) / layer.patients
        ends = factor * layer.benefit.lowest, factor * layer.benefit.highest
        middle = quantile(layer.doses, 0.5).value
        text = format_dose(factor * middle, *ends, first.unit)
        have = f"{100 * len(doses) / layer.patients:.0f} % have one"
        label = f"{layer.label}: {have}, median {text}" if len(doses) else f"{layer.label}: none"
        at = np.concatenate([[ends[0]], inside, [ends[1]]])
        axes.step(at, np.append(share, share[-1]), where="post", linewidth=1.8, label=label, **look)
        if np.isfinite(middle):
            axes.plot(factor * middle, 50 * len(doses) / layer.patients, "o", color=look["color"])
    axes.set_ylim(0, 130)
    axes.set_yticks(range(0, 101, 20))
    mark_published(axes, layers[0].model.published, first.unit)
    _dose_axis(axes, first, log)
    style.clean(
        axes,
        f"maximally effective dose ({first.unit})",
        "patients at or below (% of all)",
        "Each patient's own best dose; dot: median",
    )
    axes.legend(frameon=False, fontsize=8, loc="upper left")


def _dose_axis(axes, benefit, log):
    """The axis of doses, logarithmic unless it is asked otherwise."""
    if log is None or log:
        style.log_axis(axes.xaxis, benefit.lowest, benefit.highest)
    axes.set_xlim(benefit.lowest, benefit.highest)
