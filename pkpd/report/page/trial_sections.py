"""Sections of a page on what a clinic would see: observed MEDs, null controls, trials.

Knows the contents of a folder; knows nothing of HTML.
"""

import numpy as np

from pkpd.report.figures import trials as trial_figures
from pkpd.report.page.section import Section, figure, sentence, table
from pkpd.report.words import trials


def observed_meds(found):
    """True against observed MEDs, or None where the folder holds no titration."""
    if found.titrated is None:
        return None
    summary, pairs = found.summary["observed"], found.titrated
    count = int((np.isfinite(pairs.argmax) & np.isfinite(pairs.observed)).sum())
    correlation = ""
    if summary["correlation"] is not None:
        correlation = f"Correlation of the logarithms {summary['correlation']:.2f}."
    figures = [
        figure(
            "pairs",
            lambda axes: trial_figures.pairs(axes, pairs),
            f"Observed against true MED of {count} patients on log axes. {correlation}",
            "Each point a patient, jittered; red, what a perfect diary would find on this ladder "
            "of doses.",
            (4.5, 4.2),
        ),
        figure(
            "both",
            lambda axes: trial_figures.both(axes, pairs),
            "Histograms of true and observed MEDs of the same patients on a log axis.",
            "The same patients: blue, true; red outline, observed.",
        ),
        *_paths(found, pairs.unit),
    ]
    control = (
        "No null control in this run: its observed spread alone does not show that patients differ"
    )
    if summary["null"]:
        control = trials.NULLS[summary["null"]]
    lines = [*trials.observed_sentences(summary, pairs.unit), *trials.diary_sentences(summary)]
    return Section(
        "observed",
        "What titration would find",
        (f"Rule: {summary['rule']}.", sentence(control)),
        tuple(sentence(line) for line in lines if line),
        tuple(figures),
        (_outcomes(summary),),
    )


def _paths(found, unit):
    if found.audit is None:
        return []
    alt = (
        "Prescribed dose against day for single patients, "
        "and the last decision about every patient."
    )
    caption = (
        "From the log of visits: grey, single patients; discs, the last decisions, "
        "their area the number of patients."
    )

    def draw(axes):
        trial_figures.paths(axes, found.audit, unit)

    return [figure("paths", draw, alt, caption)]


def _outcomes(summary):
    rows = [
        (trials.WORDS[name], count, f"{100 * count / summary['patients']:.1f} %")
        for name, count in summary["outcome"].items()
    ]
    rows += [
        (f"left because of {why}", count, f"{100 * count / summary['patients']:.1f} %")
        for why, count in summary["left_because"].items()
    ]
    return table("How titration ended", ("patients who", "number", "share"), rows)


def trial(found):
    """Arms, diaries and endpoints of a trial."""
    summary = found.summary
    figures: tuple = ()
    if found.arms:
        unit, names = (
            found.model.benefit.unit if found.model.benefit else "",
            ", ".join(arm.name for arm in found.arms),
        )
        diary, doses = (
            f"{what} against day, by arm: {names}."
            for what in ("Weekly mean of the diary", "Prescribed dose")
        )
        figures = (
            figure(
                "diary",
                lambda axes: trial_figures.diaries(axes, found.arms),
                diary,
                "Mean over patients and its 95 % interval.",
            ),
            figure(
                "doses",
                lambda axes: trial_figures.prescribed(axes, found.arms, unit),
                doses,
                "Mean of those who stayed, and single patients, faint.",
            ),
        )
    text = [
        f"{summary['allocation']} arms, run-in of {summary['run_in']} days, "
        f"{found.origin['n']} patients, seed {found.origin['seed']}."
    ]
    if summary["null"]:
        text.append(trials.NULLS[summary["null"]])
    text += trials.diary_sentences(summary)
    return Section(
        "trial",
        summary["title"],
        tuple(map(sentence, text)),
        figures=figures,
        tables=(
            _arms(summary),
            table("Patients with adverse events", *trials.by_arm(summary, "adverse")),
            table("Leaving", *trials.by_arm(summary, "left_because")),
            table("Endpoints", trials.ENDPOINT_HEADERS, trials.endpoint_rows(summary)),
        ),
    )


def _arms(summary):
    rows = []
    for arm in summary["arms"]:
        events = "-" if arm["any_adverse"] is None else f"{100 * arm['any_adverse']:.0f} %"
        rows.append(
            (
                arm["name"],
                arm["patients"],
                trials.left(arm),
                events,
                trials.rescued(arm),
                trials.given(arm),
            )
        )
    return table(
        "Arms", ("arm", "patients", "left", "any adverse event", "rescue doses", "given"), rows
    )
