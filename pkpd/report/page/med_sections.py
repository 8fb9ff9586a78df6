"""Sections of a page on dose responses and MEDs: answer, cohort, curves, distribution, blockade.

Knows the contents of a folder; knows nothing of HTML.
"""

import numpy as np

from pkpd import limits, units
from pkpd.report.figures import meds as med_figures
from pkpd.report.figures.meds import Spread
from pkpd.report.page.section import Section, figure, sentence, table
from pkpd.report.words import models, results
from pkpd.response.dosing_interval import dosing_interval
from pkpd.response.quantiles import format_dose, format_share, share

LONGEST = 20_000  # characters of the equations of a model that a page compiles


def answer(found):
    """What was asked and what came out, in sentences."""
    summary, model = found.summary, found.model
    points = [
        *results.med_doses(summary),
        *results.worth(model, summary),
        *_single_dose(summary),
        *_shape(summary),
    ]
    return Section(
        "question", "Question and answer", (summary["question"],), tuple(map(sentence, points))
    )


def _single_dose(summary):
    best = summary["best_single_dose"]
    if not best or not np.isfinite(best["share_in_w90"][0]):
        return []
    hits = format_share(best["share_in_w90"])
    return [
        f"one dose for all would be {best['dose']:.2g} {summary['unit']}: it gives at least 90 % "
        f"of their best benefit to {hits} of {results.with_med(summary)}"
    ]


def _shape(summary):
    shape = summary.get("inverted_u")
    if not shape or not np.isfinite(shape["below_80_percent"][0]):
        return []
    hits = format_share(shape["below_80_percent"])
    return [
        f"at {shape['dose']:g} {summary['unit']} {hits} of {results.with_med(summary)} "
        "have lost more than a fifth of their best benefit"
    ]


def cohort(found):
    """Who was computed."""
    origin = found.origin
    text = ["The typical patient: no variability, covariates at reference."]
    if not origin["typical"]:
        but = ", but for the spreads below" if origin.get("spread") else ""
        text = [
            f"{origin['n']} virtual patients, seed {origin['seed']}, {_drawn(origin)}. "
            f"They differ as the model states{but}; the same patients take every dose."
        ]
    if origin["covariates"]:
        text.append(f"People were taken from the table {origin['covariates']}.")
    values = {n: models.quantity(v, found.model.unit(n)) for n, v in origin["set"].items()}
    changed = [f"{name} = {text} (typical value set for this run)" for name, text in values.items()]
    for name, size in origin.get("spread", {}).items():
        changed.append(f"{name}: CV or SD between people {size:g} (set for this run)")
    return Section("cohort", "Cohort", tuple(text), tuple(changed), tables=_people(found))


def _drawn(origin):
    """How the patients were drawn."""
    words = {"sobol": "scrambled Sobol' points", "mc": "plain Monte Carlo"}[origin["sampling"]]
    return words + (f", scrambling {origin['replicate']}" if origin["replicate"] else "")


def _people(found):
    """Percentiles of the inputs that differ between patients."""
    if found.people is None or found.origin["typical"]:
        return ()
    rows = []
    for item in found.model.inputs:
        values = np.asarray(found.people(item.name), dtype=float)
        if np.ptp(values) > 0:
            rows.append(
                (
                    item.name,
                    item.label,
                    item.unit,
                    *(f"{v:.4g}" for v in np.percentile(values, (5, 50, 95), method="hazen")),
                )
            )
    headers = ("name", "label", "unit", "5 % below", "median", "95 % below")
    return (table("What differs between the patients", headers, rows, fold=True),) if rows else ()


def dose_response(found):
    """Benefit against dose."""
    curves = found.curves
    if curves is None or not curves.finished:
        return None
    bands = curves.percentiles((5, 50, 95))
    median = bands[1]
    top, unit = int(np.argmax(median)), found.model.unit(curves.benefit.outcome)
    of_outcome = "" if unit == "1" else f" {unit}"
    low, best, high = curves.doses[0], curves.doses[top], curves.doses[-1]
    alt = (
        f"Benefit against dose on a log axis from {low:.3g} to {high:.3g} {curves.unit}. "
        f"The median over patients is highest, {median[top]:.2g}{of_outcome}, at {best:.2g} "
        f"{curves.unit}."
    )
    caption = (
        "Same patients at every dose, at steady state: grey, single patients; "
        "blue, median and the band of 90 % of them."
    )
    rows = results.band_rows(curves.doses, curves.unit, bands)
    title = f"Benefit by dose{'' if unit == '1' else f' ({unit})'}"
    drawn = figure("fan", lambda axes: med_figures.fan(axes, curves), alt, caption)
    return Section(
        "dose-response",
        "Dose response",
        figures=(drawn,),
        tables=(table(title, ("dose", "5 % below", "median", "95 % below"), rows),),
    )


def distribution(found):
    """Where the MEDs lie, and who has none."""
    summary, benefit = found.summary, found.benefit
    spread = _spread(found, benefit)
    null = (summary.get("observed") or {}).get("null")
    meds = None if null or found.people is None else np.asarray(found.people("med"), dtype=float)
    ends = benefit.lowest, benefit.highest
    alt = (
        "Histogram of the maximally effective doses on a log axis "
        f"from {ends[0]:g} to {ends[1]:g} {benefit.unit}; "
        f"median {format_dose(spread.median, *ends, benefit.unit)}. "
        f"{spread.status['interior']} of {spread.patients} patients have theirs inside the range."
    )
    caption = (
        "Bars, patients by their own best dose; red, their density; yellow, the published range "
        "where there is one. Who is best off beyond the range, or is not helped enough by any "
        "dose, is counted in the box."
    )
    drawn = figure(
        "med", lambda axes: med_figures.bars(axes, spread, meds), alt, caption, (4.5, 3.8)
    )
    return Section(
        "med",
        "Maximally effective doses",
        figures=(drawn,),
        tables=(
            _statuses(summary),
            _quantiles(summary, benefit),
            _definitions(summary),
            *_strengths(summary),
            *_subgroups(summary),
            *_repeated(summary, benefit),
        ),
    )


def _spread(found, benefit):
    """The Spread that a summary states."""
    summary = found.summary
    edges = np.array(summary["histogram"]["edges"], dtype=float)
    counts = np.array(summary["histogram"]["counts"], dtype=float)
    middle = results.by_level(summary)[0.5]["value"]
    return Spread(
        found.model.published,
        benefit.unit,
        benefit.lowest,
        benefit.highest,
        summary["patients"],
        edges,
        counts,
        summary["status"],
        middle,
    )


def _statuses(summary):
    independent = bool(summary.get("intervals"))
    rows = []
    for status, count in summary["status"].items():
        hits = format_share(share(count, summary["patients"], independent), 1)
        rows.append((results.WORDS[status], count, hits))
    return table(
        "What becomes of the patients",
        ("patients who", "number", "share of all"),
        rows,
        f"The first that applies, from the last row up. {results.intervals(summary)}.",
    )


def _quantiles(summary, benefit):
    columns = 3 if summary.get("intervals") else 1
    rows = [
        (f"{100 * q['level']:g} %", *_interval(q, benefit)[:columns]) for q in summary["quantiles"]
    ]
    note = (
        f"Over {results.with_med(summary)}; MEDs beyond it count as censored. "
        f"{results.intervals(summary)}."
    )
    headers = ("of MEDs lie below", "dose", "95 % from", "95 % to")[: columns + 1]
    return table("Quantiles of the MED", headers, rows, note)


def _definitions(summary):
    """What three definitions of the MED give."""
    return table(
        "Three definitions of the MED",
        ("definition", "median", "5 % below", "95 % below"),
        results.definition_rows(summary),
        "A clinic that stops when nothing more is gained finds the second. "
        f"Over {results.with_med(summary)}.",
    )


def _strengths(summary):
    """How much a few doses for all are worth."""
    rows = [
        (len(doses), f"{', '.join(doses)} {summary['unit']}", share)
        for doses, share in results.strength_rows(summary)
    ]
    if not rows:
        return ()
    note = (
        "Of all sets of so many doses, the one with the largest mean benefit over all patients. "
        "Each takes the best of them for him or her, or none, as if that were known."
    )
    headers = ("number of doses", "doses", "share of the benefit of everybody's own best")
    return (table("How many doses are enough?", headers, rows, note),)


def _interval(found, benefit):
    """Value and ends of an interval of doses as text."""
    return [
        format_dose(dose, benefit.lowest, benefit.highest, benefit.unit)
        for dose in results.INTERVAL(found)
    ]


def _subgroups(summary):
    return (
        (table("By subgroup", *results.subgroup_rows(summary)),) if "subgroups" in summary else ()
    )


def _repeated(summary, benefit):
    """Quantiles over parameter sets or scramblings."""
    found = []
    for key, head in (
        ("uncertainty", "under {} parameter sets (parameter uncertainty)"),
        ("replicates", "over {} scramblings (sampling error)"),
    ):
        if key in summary:
            runs = summary[key]
            rows = [
                (f"{100 * level:g} %", *_interval(runs[f"quantile_{level:g}"], benefit))
                for level in (0.05, 0.5, 0.95)
            ]
            rows.append(
                (
                    "have a MED, of all patients",
                    *(f"{100 * runs['with_med'][k]:.1f} %" for k in ("value", "low", "high")),
                )
            )
            found.append(
                table(
                    f"The same {head.format(runs['runs'])}",
                    ("of MEDs lie below", "value", "95 % from", "95 % to"),
                    rows,
                )
            )
    return found


def blockade(found):
    """How blockade comes and goes in the typical patient; None where the model names none."""
    if not found.benefit.blockade:
        return None
    model, every = found.model, found.benefit.every
    size = sum(map(len, model.expressions))
    if size > LONGEST or units.factor(model.time, "h") * every > limits.INTERVAL:
        text = "Not drawn: compiling or following this model could take longer than a page may."
        return Section("day", "A day of the typical patient", (text,))
    interval = dosing_interval(
        found.model, benefit=found.benefit, changed=found.origin["set"] or None
    )
    name = models.label(interval.name)
    ends = results.day_rows(interval)
    alt = f"{name} over one dosing interval."
    for dose, high, low in ends:
        alt += f" At {dose} between {low} and {high}."
    drawn = figure(
        "day",
        lambda axes: med_figures.interval(axes, interval),
        alt,
        "The typical patient at steady state; doses at the orange marks.",
    )
    return Section(
        "day",
        f"A day of {name}",
        figures=(drawn,),
        tables=(table(f"Highest and lowest {name}", results.DAY_HEADERS, ends),),
    )
