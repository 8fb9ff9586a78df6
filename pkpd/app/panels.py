"""What the panels of the page show, as plain data: sliders, the typical patient, the cohort.

Knows a State; draws nothing. All numbers are those of pkpd.med, pkpd.dose_response and
pkpd.dosing_interval.
"""

import math
import os
import tempfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from pkpd.population.variability import around
from pkpd.report.figures.meds import spread
from pkpd.report.words import models, results
from pkpd.response.dose_response import dose_response
from pkpd.response.grid import Steady
from pkpd.response.med import med, parts, table_of
from pkpd.result import plain
from pkpd.solvers import batch
from pkpd.symbolic.parse import checked, names
from pkpd.titration.library import rules

POINTS = 97  # of a day
CURVES = 40  # single patients drawn
FIRST = 250  # patients that are drawn before all, while a slider moves
PIECE = 250  # patients that are solved before anybody asks whether they are still wanted
SHOWN = 10  # sliders that are open at first: two switches and eight numbers in ldn/hormesis
REACH = 8.0  # a slider goes from a factor below to a factor above the typical value
MOST_DRIVERS = 3  # of what the outcome follows
INTERVALS = (1 / 6, 1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 7)  # between doses, in those of the model
LARGEST_DELTA = 50.0  # per cent of the untreated outcome


def about(state):
    """The model, its sliders in the order of what they move, and what must not be claimed."""
    model = state.model
    sliders = [_slider(item) for item in ranked(model)]
    return {
        "title": model.title,
        "time": model.time,
        "every": _intervals(state),
        "delta": _delta(state),
        "sliders": sliders,
        "rules": rules(),
        "shown": SHOWN,
        "first": FIRST,
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


def _intervals(state):
    """The intervals between doses that can be chosen, in model time, and the model's own."""
    usual, now = state.model.benefit.every, state.benefit.every
    choices = sorted({now, *(float(f"{usual * share:.6g}") for share in INTERVALS)})
    return {"value": now, "usual": usual, "choices": choices}


def _delta(state):
    """The slider of the least benefit that counts, in per cent or in the outcome's unit."""
    usual, now = state.model.benefit, state.benefit
    if not usual.delta_relative:
        unit = state.model.unit(usual.outcome)
        high = max(5 * usual.delta, now.delta) or 1.0
        return {"value": now.delta, "usual": usual.delta, "high": high, "unit": unit}
    value, before = (float(f"{100 * benefit.delta:.6g}") for benefit in (now, usual))
    high = max(LARGEST_DELTA, value)
    of_what = f"% of {usual.outcome} without treatment"
    return {"value": value, "usual": before, "high": high, "unit": of_what}


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
        "spread": _spread(item),
        "evidence": item.evidence,
        "source": item.source,
    }


def _spread(item):
    """The slider of how far people differ in an input, None where they do not by a CV or SD.

    times : what the number of the link is multiplied by to be shown
    """
    if not _varies(item):
        return None
    kind, sd = item.iiv.kind, item.iiv.sd
    if kind == "lognormal":
        cv = float(f"{math.sqrt(math.expm1(sd**2)):.6g}")
        return {"word": "CV", "value": cv, "high": max(1.5, 2 * cv), "times": 100, "unit": "%"}
    word, unit = ("SD", item.unit) if kind == "normal" else ("logit SD", "")
    return {"word": word, "value": sd, "high": 3 * sd or 1.0, "times": 1, "unit": unit}


def _range(item):
    """(lowest, highest, scale) of the slider of an input.

    scale : "switch", "classes", "log" or "linear"
    """
    value = item.value if item.reference is None else item.reference
    kind = "" if item.iiv is None else item.iiv.kind
    if item.role == "switch":
        return 0.0, 1.0, "switch"
    if kind == "classes":
        return 0.0, len(item.iiv.classes) - 1.0, "classes"
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


def at_once(state):
    """What follows a move at once: the typical patient's day, and what is said of the numbers."""
    return day(state) | again(state)


def day(state):
    """One dosing interval of the typical patient at steady state, at the reported doses."""
    benefit = state.benefit
    doses = np.array(benefit.report[:4] or np.geomspace(benefit.lowest, benefit.highest, 4))
    steady = Steady(state.model, state.typical(), benefit)
    times = np.linspace(0.0, steady.period, POINTS)
    return plain(
        {
            "time": state.model.time,
            "times": times,
            "doses": doses,
            "unit": benefit.unit,
            "day": [
                {"name": name, "unit": state.model.unit(name), "values": lines}
                for name, lines in _day(steady, doses, times).items()
            ],
        }
    )


def _day(steady, doses, times):
    """{name: (D, T)} exposure, blockade, what the outcome follows, and the outcome."""
    model, person = steady.model, np.zeros(len(doses), np.int64)
    shown = (*steady.watched, *drivers(model, steady.benefit.outcome), steady.benefit.outcome)
    shown = tuple(dict.fromkeys(shown))
    y = steady.at(person, doses).y
    run = steady.follow(batch.compile(model, shown), person, doses, y, grid=times)
    return {name: run.out[:, :, k] for k, name in enumerate(shown)}


@lru_cache
def drivers(model, outcome):
    """The outputs of a model that an outcome follows, the nearest ones upwards in its equations.

    In ldn/hormesis pain follows a gain, which is no output, and the gain tone and cytokine.
    """
    texts = {state.name: state.rate for state in model.states}
    texts |= {item.name: item.expression for item in model.assignments}
    met, left = {outcome}, [outcome]
    while left:
        for name in (names(checked(texts[left.pop()])) & texts.keys()) - met:
            met.add(name)
            left += [] if name in model.outputs else [name]
    nearest = [name for name in model.outputs if name in met and name != outcome]
    return tuple(nearest[:MOST_DRIVERS])


def typical(state):
    """Dose response of the typical patient: "gain", and "parts", each switch that is on off."""
    alone = state.typical()
    curves = dose_response(state.model, _and_parts(state, alone), **state.benefit_changes())
    offs = zip(_switched_on(state, alone), curves.gain[1:], strict=True)
    parts_off = {f"{name} off": gain for name, gain in offs}
    return {"doses": curves.doses, "gain": curves.gain[0], "parts": parts_off}


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


def first(state):
    """Dose response and MEDs of the FIRST patients, to be drawn while a slider moves."""
    # a cohort begins as a larger one does
    some = replace(state, n=min(state.n, FIRST)).people()
    return _figures(state, some, list(_parts(state, some)))


def people(state, tell):
    """Dose response and MEDs of the patients, and the sentences of `pkpd med` on them.

    tell : called with the figures, and with {"done": patients} on the way
    """
    cohort, benefit = state.people(), state.benefit

    def advance(count):
        tell({"done": count})

    tell(_figures(state, cohort, list(_parts(state, cohort, progress=advance))))
    whole = list(_parts(state, cohort, beside=("windows",), progress=advance))
    lines = results.med_doses(table_of(state.model, cohort, benefit, whole).summary())[:-1]
    # the last line is on intervals
    return {"sentences": [line.strip() for line in lines if line.strip()]}


def _parts(state, cohort, beside=(), progress=None):
    """Parts of a MedTable, some for each core, and none that takes long: nobody may want it."""
    size = min(PIECE, -(-len(cohort) // (os.cpu_count() or 1)))
    given = {"patients": size, "beside": beside, "progress": progress}
    return parts(state.model, cohort, state.benefit, **given)


def _figures(state, cohort, done):
    """Fan and distribution of a cohort, and the typical patient. done : parts of its MedTable"""
    benefit = state.benefit
    table = table_of(state.model, cohort, benefit, done)
    curves, found = table.curves, spread(table)
    published = state.model.published
    inside = None if published is None else published.within(benefit)
    levels = (5, 50, 95)
    return plain(
        {
            "patients": len(table),
            "of": state.n,
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
            "typical": typical(state),
        }
    )


def table(state):
    """The MEDs of the patients as the text of a CSV file."""
    found = med(state.model, state.people(), **state.benefit_changes())
    return found.frame().to_csv(index=False)


def report_page(state):
    """The page of `pkpd report` on the MEDs of the patients, as the text of an HTML file."""
    found = med(state.model, state.people(), **state.benefit_changes())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "med")
        text = found.report(folder, command=state.command()).read_text(encoding="utf-8")
    return text.replace(str(folder), "med")  # commands of the page name a folder of the reader


def again(state):
    """The words that give the same numbers, and what is likely a slip of the pen."""
    told = [{"name": name, "text": text} for name, text in state.doubts()]
    return {"command": state.command(), "python": state.python(), "doubts": told}


def study(state):
    """All that a reload needs, in one answer."""
    chosen = {"n": state.n, "seed": state.seed, "changed": state.changed, "spread": state.spread}
    return about(state) | chosen
