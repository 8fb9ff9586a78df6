"""What the panels of the page show, as plain data: sliders, the typical patient, the cohort.

Knows a State; draws nothing. All numbers are those of pkpd.med, pkpd.dose_response and
pkpd.dosing_interval.
"""

import math
from functools import lru_cache

import numpy as np

from pkpd.app.state import with_benefit
from pkpd.population.variability import around
from pkpd.report.figures.meds import spread
from pkpd.report.words import models, results
from pkpd.response.dose_response import dose_response
from pkpd.response.grid import Steady
from pkpd.response.med import med, parts, table_of
from pkpd.result import plain

POINTS = 97  # of a day
CURVES = 40  # single patients drawn
SHOWN = 10  # sliders that are open at first: two switches and eight numbers in ldn/hormesis
REACH = 8.0  # a slider goes from a factor below to a factor above the typical value


def about(state):
    """The model, its sliders in the order of what they move, and what must not be claimed."""
    model = state.model
    sliders = [_slider(item) for item in ranked(model)]
    return {
        "models": with_benefit(),
        "model": model.name,
        "title": model.title,
        "time": model.time,
        "every": state.benefit.every,
        "usual_every": model.benefit.every,
        "unit": model.benefit.unit,
        "sliders": sliders,
        "shown": SHOWN,
        "claims": list(model.notes) or ["Virtual patients are not evidence."],
        "advice": f"{models.NO_ADVICE} {models.share_assumed(model)}.",
        "hypotheses": models.hypotheses(model),
    }


@lru_cache
def ranked(model):
    """The inputs of a model: switches, then by how far one SD moves the typical patient's day.

    Measured on the benefit at all doses together; those that do not vary keep their order, last.
    """
    from pkpd.population.cohort import cohort

    typical = cohort(model, typical=True)
    varied = list(filter(_varies, model.inputs))
    theta = np.repeat(typical.theta, len(varied) + 1, axis=0)
    for row, item in enumerate(varied, 1):
        column = model.input_names.index(item.name)
        theta[row, column] = around(item.iiv, theta[0, column], np.ones(1))[0]
    gain = dose_response(model, typical.with_inputs(theta)).gain
    moves = np.nansum((gain[1:] - gain[0]) ** 2, axis=1)
    by_effect = [varied[k] for k in np.argsort(-moves, kind="stable")]
    # an input has the first of its places
    return tuple(dict.fromkeys((*model.switches, *by_effect, *model.inputs)))


def _varies(item):
    """Whether patients differ continuously in an input."""
    return item.iiv is not None and not item.iiv.classes


def _slider(item):
    """What a slider needs: range, scale, unit, grade of evidence, source."""
    low, high, scale = _range(item)
    return {
        "name": item.name,
        "label": item.label,
        "unit": "" if item.unit == "1" else item.unit,
        "value": item.value if item.reference is None else item.reference,
        "low": low,
        "high": high,
        "scale": scale,
        "between": models.variability(item.iiv),
        "evidence": item.evidence,
        "source": item.source,
    }


def _range(item):
    """(lowest, highest, scale) of the slider of an input; scale "switch", "log" or "linear"."""
    value = item.value if item.reference is None else item.reference
    kind = "" if item.iiv is None else item.iiv.kind
    if item.role == "switch":
        return 0.0, 1.0, "switch"
    if kind == "classes":
        return 0.0, len(item.iiv.classes) - 1.0, "linear"
    if kind == "logitnormal":
        logit = math.log(value / (1 - value))
        return _expit(logit - 3), _expit(logit + 3), "linear"
    if kind == "normal":
        low, high = item.iiv.lower, item.iiv.upper
        low = value - 3 * item.iiv.sd if low is None else low
        high = value + 3 * item.iiv.sd if high is None else high
        return low, high, "linear"
    if value > 0:
        return value / REACH, value * REACH, "log"
    return -1.0, 1.0, "linear"


def _expit(x):
    return 1 / (1 + math.exp(-x))


def typical(state):
    """One dosing interval of the typical patient at the reported doses, and the dose response.

    "parts" : the dose response with each switch that is on turned off
    """
    benefit, people = state.benefit, state.typical()
    doses = np.array(benefit.report[:4] or np.geomspace(benefit.lowest, benefit.highest, 4))
    steady, person = Steady(state.model, people, benefit), np.zeros(len(doses), np.int64)
    times = np.linspace(0.0, benefit.every, POINTS)
    values = steady.within(person, doses, steady.at(person, doses), times)
    curves = dose_response(state.model, _and_parts(state, people), **state.benefit_changes())
    offs = dict(zip(_switched_on(state, people), curves.gain[1:], strict=True))
    return plain(
        {
            "time": state.model.time,
            "times": times,
            "day_doses": doses,
            "unit": benefit.unit,
            "day": [
                {"name": name, "unit": state.model.unit(name), "values": lines}
                for name, lines in values.items()
            ],
            "doses": curves.doses,
            "gain": curves.gain[0],
            "parts": {f"{name} off": gain for name, gain in offs.items()},
        }
    )


def _switched_on(state, people):
    """Names of the switches that the typical patient has on."""
    return [item.name for item in state.model.switches if people.column(item.name)[0]]


def _and_parts(state, people):
    """The typical patient, and the same with each switch that is on turned off, as one cohort."""
    names = _switched_on(state, people)
    theta = np.repeat(people.theta, len(names) + 1, axis=0)
    for row, name in enumerate(names, 1):
        theta[row, state.model.input_names.index(name)] = 0.0
    return people.with_inputs(theta)


def people(state):
    """Dose response and MEDs of the patients, with the sentences of `pkpd med` on them."""
    table = med(state.model, state.people(), **state.benefit_changes())
    lines = results.med_doses(table.summary())[:-1]  # the last is on intervals
    return _people(state, table) | {"sentences": [line.strip() for line in lines if line.strip()]}


def quick(state):
    """What `people` gives without its sentences, in half of the time."""
    cohort, benefit = state.people(), state.benefit
    done = list(parts(state.model, cohort, benefit, only_doses=True))
    return _people(state, table_of(state.model, cohort, benefit, done)) | {"sentences": []}


def _people(state, table):
    """Fan and distribution of a MedTable."""
    curves, found, benefit = table.curves, spread(table), state.benefit
    published = state.model.published
    inside = None if published is None else published.within(benefit)
    levels = (5, 50, 95)
    return plain(
        {
            "patients": len(table),
            "doses": curves.doses,
            "bands": curves.percentiles(levels) if curves.finished else [],
            "curves": curves.some(CURVES) if curves.finished else [],
            "change": f"{'fall' if benefit.better == 'lower' else 'rise'} of {benefit.outcome}",
            "outcome_unit": state.model.unit(benefit.outcome),
            "unit": benefit.unit,
            "lowest": benefit.lowest,
            "highest": benefit.highest,
            "edges": found.edges,
            "counts": found.counts,
            "median": found.median if np.isfinite(found.median) else None,
            "published": inside,
            "published_words": None if inside is None else models.published_range(published),
        }
    )


def table(state):
    """The MEDs of the patients as the text of a CSV file."""
    found = med(state.model, state.people(), **state.benefit_changes())
    return found.frame().to_csv(index=False)


def again(state):
    """The words that give the same numbers."""
    return {"command": state.command(), "python": state.python()}


def study(state):
    """All that a reload needs, in one answer."""
    return (
        about(state) | {"n": state.n, "seed": state.seed, "changed": state.changed} | again(state)
    )
