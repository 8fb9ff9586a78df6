"""What a page says of one result that is in memory: a time course, exposures, a fitted curve.

Knows results in words, small tables and figures; knows nothing of folders or HTML.
"""

from dataclasses import dataclass
from functools import singledispatch

from pkpd.datasets.check import DataCheck
from pkpd.fits.comparison import Comparison
from pkpd.fits.result import Fit
from pkpd.nca import Noncompartmental
from pkpd.predictive.vpc import PredictiveCheck
from pkpd.report.figures import style
from pkpd.report.page.section import Figure, Section, table
from pkpd.report.words import covariates, datasets, fits, results, vpc
from pkpd.response.covariate_effects import CovariateEffects
from pkpd.result import Run

FOLD = 60  # rows above which a table is closed at first


@dataclass(frozen=True)
class Account:
    """A result in words: title and kind of its page, lines, headers and rows of a table, notes."""

    title: str
    kind: str
    lines: tuple
    headers: tuple
    rows: list
    notes: tuple = ()


@singledispatch
def account(result):
    """The Account of a result, None for one whose page is read from its folder."""
    return None


@account.register
def _(result: Run):
    finished = (result.status == 0).any()
    headers, rows = results.courses(result) if finished else (("output",), [])
    head = f"{len(result.status)} patients, {result.prescribed}, {result.span}."
    failure = result.failure_sentence()
    lines = (head, failure) if failure else (head,)
    return Account(result.model.title, "simulation", lines, headers, rows)


@account.register
def _(result: CovariateEffects):
    summary = result.summary()
    head, *lines = filter(None, covariates.sentences(result.model, summary))
    rows = covariates.rows(result.model, summary)
    notes = tuple(line.strip() for line in lines)
    return Account(result.model.title, "covariates", (head,), covariates.HEADERS, rows, notes)


@account.register
def _(result: Noncompartmental):
    headers, rows = results.exposure(result.frame())
    lines = (f"{result.data}: {len(result)} profiles, {result.route}.",)
    title = f"Noncompartmental analysis of {result.data}"
    return Account(title, "exposures", lines, headers, rows, result.conventions)


@account.register
def _(result: PredictiveCheck):
    lines = tuple(vpc.sentences(result))
    return Account(result.model.title, "predictive check", lines, vpc.HEADERS, vpc.rows(result))


@account.register
def _(result: DataCheck):
    lines = (datasets.size(result), datasets.verdict(result), *datasets.findings(result))
    headers, rows = datasets.PEOPLE_HEADERS, datasets.people(result)
    return Account(f"Check of {result.data}", "data set", lines, headers, rows)


@account.register
def _(result: Fit):
    title, lines = f"{result.curve.name} fitted to {result.assay.name}", fits.fit_sentences(result)
    rows, notes = fits.quantities(result), tuple(fits.warnings(result))
    return Account(title, "fitted curve", tuple(lines), fits.FIT_HEADERS, rows, notes)


@account.register
def _(result: Comparison):
    title, lines = f"Curves fitted to {result.assay.name}", fits.comparison_sentences(result)
    notes = tuple(f"{name}: left out. {why}" for name, why in result.left_out.items())
    rows = fits.models(result)
    return Account(title, "fitted curves", tuple(lines), fits.MODEL_HEADERS, rows, notes)


def section(result, found):
    """The Section on a result with its figure. found : its Account"""
    drawn = Figure(style.svg(result.plot(), "result"), found.title, found.lines[0])
    shown = table("In numbers", found.headers, found.rows, fold=len(found.rows) > FOLD)
    return Section("result", "Result", found.lines, found.notes, (drawn,), (shown,))
