"""What a page says of one result alone: a time course, exposures, a fitted curve, a comparison.

Knows results in words, small tables and figures; knows nothing of folders or HTML.
"""

from dataclasses import dataclass
from functools import singledispatch

from pkpd.datasets.check import DataCheck
from pkpd.evidence.design import RankedStudies
from pkpd.evidence.identify import Identifiability
from pkpd.evidence.kept import KeptComparison, KeptRanking
from pkpd.evidence.weighed import WeighedExplanations
from pkpd.fits.comparison import Comparison
from pkpd.fits.result import Fit
from pkpd.nca import Noncompartmental
from pkpd.predictive.vpc import PredictiveCheck
from pkpd.report.figures import style
from pkpd.report.page.section import Figure, Section, table
from pkpd.report.words import datasets, evidence, fits, results, vpc
from pkpd.response.dosing_interval import DosingInterval
from pkpd.result import Run

FOLD = 60  # rows above which a table is closed at first
WIDE = 10.0  # inches above which a figure is not read at half the width of a page


@dataclass(frozen=True)
class Account:
    """A result in words: title and kind of its page, lines, headers and rows of a table, notes."""

    title: str
    kind: str
    lines: tuple
    headers: tuple
    rows: list
    notes: tuple = ()
    more: tuple = ()  # further Tables


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
def _(result: Noncompartmental):
    headers, rows = results.exposure(result.frame())
    lines = (f"{result.data}: {len(result)} profiles, {result.route}.",)
    title = f"Noncompartmental analysis of {result.data}"
    return Account(title, "exposures", lines, headers, rows, result.conventions)


@account.register
def _(result: DosingInterval):
    lines = (f"{result.name} of the typical patient over one dosing interval at steady state.",)
    rows = results.day_rows(result)
    return Account(result.model.title, "dosing interval", lines, results.DAY_HEADERS, rows)


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


@account.register
def _(result: WeighedExplanations | KeptComparison):
    summary, left_out = result.summary(), result.left_out()
    lines = evidence.weight_sentences(summary)
    lines += evidence.left_out_sentences(summary, left_out)
    headers, rows = evidence.fits_of_each(result.fits())
    more = (
        table("The studies", evidence.STUDIES_HEADERS, evidence.studies(summary)),
        table("Weights without each study", *evidence.without_each(left_out)),
        table(
            "How well each explanation fits each study (P)",
            headers,
            rows,
            "The probability that a repetition of the study would lie further from what the "
            "explanation predicts, after all studies, than the published one does.",
        ),
        table(
            "Typical values before and after the studies (median, 5 to 95 %)",
            evidence.TYPICAL_HEADERS,
            evidence.typical_rows(result.typical_values()),
            fold=True,
        ),
    )
    return Account(
        "Explanations weighed by studies",
        "comparison of explanations",
        _said(lines),
        evidence.WEIGHT_HEADERS,
        evidence.weight_rows(summary),
        more=more,
    )


@account.register
def _(result: RankedStudies | KeptRanking):
    summary = result.summary()
    lines, rows = evidence.study_sentences(summary), evidence.study_rows(summary)
    kind = "planned studies"
    return Account("Studies that would tell more", kind, _said(lines), evidence.STUDY_HEADERS, rows)


@account.register
def _(result: Identifiability):
    summary = result.summary()
    first, *lines = evidence.combination_sentences(summary)
    rows = evidence.parameter_rows(summary)
    title, notes = f"What data could tell of {result.model.title}", _said(lines)
    return Account(title, "identifiability", (first,), evidence.PARAMETER_HEADERS, rows, notes)


def _said(lines):
    """Lines of a screen as paragraphs."""
    return tuple(line.strip() for line in lines if line)


def section(result, found):
    """The Section on a result with its figures. found : its Account"""
    drawn = []
    for ending, figure in result.figures().items():
        wide = figure.get_figwidth() > WIDE
        drawn.append(Figure(style.svg(figure, f"result{ending}"), found.title, "", wide))
    shown = table("In numbers", found.headers, found.rows, fold=len(found.rows) > FOLD)
    tables = (shown, *found.more)
    return Section("result", "Result", found.lines, found.notes, tuple(drawn), tables)
