"""One screen of HTML on whatever pkpd made: what a notebook shows in place of a `repr`.

The words, tables and figures are those of the page and of the command line. Knows models, people
and results in words; computes percentiles of a cohort for display and nothing else.
"""

from base64 import b64encode
from functools import cache, singledispatch
from typing import Any

import numpy as np
from markupsafe import Markup

from pkpd.display import Displayed
from pkpd.errors import PkpdError
from pkpd.population.cohort import Cohort
from pkpd.report.figures import plots, style
from pkpd.report.page import web
from pkpd.report.page.model_card import model_card
from pkpd.report.page.section import Figure, Section, table
from pkpd.report.page.single import Account, account
from pkpd.report.words import (
    covariates,
    explanation,
    models,
    prediction,
    results,
    sensitivity,
    trials,
)
from pkpd.response.curves import DoseResponse
from pkpd.response.med import MedTable
from pkpd.response.repeat import RepeatedStudy
from pkpd.response.streamed import MedDataset
from pkpd.result import Computed
from pkpd.symbolic.model import Model

FIRST_ROWS = 10  # of a table with more


def html(thing: Any) -> str:
    """One screen on whatever pkpd made, as HTML: what a notebook shows of it.

    thing : a model, a cohort, a result; a regimen and tables of doses are shown by their `repr`.
        Every text in it is escaped. Raises PkpdError for anything else, and where a result cannot
        be read.

    >>> "<math" in pkpd.html(pkpd.load("pk/one_compartment"))
    True
    """
    looks = Markup(web.text("screen.css"))
    return web.template("screen.html").render(s=screen(thing), style=looks)


@singledispatch
def screen(thing):
    """The Section on a thing; its parts, `after`, are closed at first. Raises PkpdError."""
    if not isinstance(thing, Displayed):
        raise PkpdError(
            "pkpd.html shows what pkpd computed, such as a model or a MedTable, "
            f"not a {type(thing).__name__}."
        )
    first, *lines = repr(thing).splitlines()
    return Section("screen", type(thing).__name__, tuple(lines or (first,)))


@screen.register
def _(model: Model):
    card = model_card(model)
    text = (*card.text, f"{len(model.states)} states; outputs {', '.join(model.outputs)}.")
    points = (*card.points, *models.doses(model))
    return Section(card.id, f"{model.name}: {model.title}", text, points, after=card.after)


@screen.register
def _(cohort: Cohort):
    rows = []
    for item, column in zip(cohort.model.inputs, cohort.theta.T, strict=True):
        levels = np.percentile(column, (5, 50, 95), method="hazen")
        cells = [models.number(float(f"{level:.4g}")) for level in levels]
        rows.append((item.name, item.unit, *cells, item.evidence, item.label))
    headers = ("input", "unit", "p5", "median", "p95", "evidence", "label")
    inputs = Section("inputs", "Inputs", tables=(table("Inputs", headers, rows),))
    first = _first_rows("Patients", cohort.frame())
    how = f"Drawn by {cohort.sampling}, seed {cohort.seed}."
    return Section("cohort", cohort.brief(), (how,), after=(inputs, first))


@screen.register
def _(again: RepeatedStudy):
    runs = len(again.found.runs)
    text = f"{again.key} over {runs} runs of {type(again.study).__name__}, 95 % intervals."
    first = _first_rows("Runs", again.frame())
    return Section("screen", type(again).__name__, (text,), after=(first,))


@screen.register
def _(result: Computed):
    told = account(result) or _told_all()(result)
    shown = () if not told.rows else (table("In numbers", told.headers, told.rows[:FIRST_ROWS]),)
    numbers = Section("numbers", "In numbers", tables=shown)
    parts = [numbers]
    if not isinstance(result, MedDataset):  # whose table need not fit in memory
        parts.append(_first_rows("First rows", result.frame()))
    lines = tuple(line.strip() for line in told.lines if line.strip())
    return Section(
        "screen",
        told.title,
        lines,
        told.notes,
        (_picture(result, told.title),),
        after=tuple(part for part in parts if part.tables),
    )


def _first_rows(title, frame):
    """The Section on the first rows of a DataFrame."""
    head = frame.head(FIRST_ROWS)
    rows = [[_cell(value) for value in row] for row in head.itertuples(index=False)]
    note = f"{len(frame)} rows and {len(frame.columns)} columns; frame() has all of them."
    shown = table(title, tuple(map(str, frame.columns)), rows, note)
    return Section("rows", f"{title} ({len(frame)} rows)", tables=(shown,))


def _cell(value):
    """A cell of a DataFrame as text, numbers with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _picture(thing, alt):
    """The Figure of a thing as an image, which no style of a notebook can change."""
    data = b64encode(style.png(plots.plot(thing))).decode()
    mark = Markup('<img src="data:image/png;base64,{}" alt="{}">').format(data, alt)
    return Figure(mark, alt, "")


@cache
def _told_all():
    """A function that tells of results whose page is read from a folder; loaded when asked for."""
    from pkpd.response.covariate_effects import CovariateEffects
    from pkpd.sensitivity.explanation import Explanation
    from pkpd.sensitivity.prediction import Prediction
    from pkpd.sensitivity.study import Sensitivity
    from pkpd.trials.run import TrialResult
    from pkpd.trials.titrate import Titration

    told = singledispatch(_of_any)
    told.register(DoseResponse, _of_dose_response)
    told.register(MedTable, _of_meds)
    told.register(MedDataset, _of_meds)
    told.register(CovariateEffects, _of_covariates)
    told.register(Titration, _of_titration)
    told.register(TrialResult, _of_trial)
    told.register(Sensitivity, _of_sensitivity)
    told.register(Explanation, _of_explanation)
    told.register(Prediction, _of_prediction)
    return told


def _of_any(result):
    """What can be said of any result: the figure and the table have the rest."""
    return Account(type(result).__name__, "", (), (), [])


def _of_dose_response(result):
    summary = result.summary()
    lines = results.dose_response_sentences(result.model, summary)
    rows = results.dose_rows(summary)
    return Account(result.model.title, "", lines, results.DOSE_HEADERS, rows)


def _of_meds(result):
    summary = result.summary()
    lines = results.med_sentences(result.model, summary)
    rows = [] if "gain" not in summary else results.dose_rows(summary)
    return Account(result.model.title, "", lines, results.DOSE_HEADERS, rows)


def _of_covariates(result):
    summary = result.summary()
    lines = covariates.sentences(result.model, summary)
    rows = covariates.rows(result.model, summary)
    return Account(result.model.title, "", lines, covariates.HEADERS, rows)


def _of_titration(result):
    summary = result.summary()
    lines = trials.titration_sentences(summary["observed"], result.benefit.unit)
    return Account(f"{result.model.title}: titrated", "", lines, (), [])


def _of_trial(result):
    summary = result.summary()
    lines = trials.trial_sentences(result.model, summary)
    return Account(
        result.model.title, "", lines, trials.ENDPOINT_HEADERS, trials.endpoint_rows(summary)
    )


def _of_sensitivity(result):
    summary = result.summary()
    (_, (headers, rows)), *_ = sensitivity.tables_of(result.columns, summary)
    lines = sensitivity.head(result.model, summary)
    return Account(result.model.title, "", lines, headers, list(rows))


def _of_explanation(result):
    summary = result.summary()
    lines = explanation.sentences(result.model, summary)
    rows = explanation.rows(summary)
    return Account(result.model.title, "", lines, explanation.HEADERS, rows)


def _of_prediction(result):
    summary = result.summary()
    lines = prediction.sentences(result.model, summary)
    return Account(result.model.title, "", lines, prediction.HEADERS, prediction.rows(summary))
