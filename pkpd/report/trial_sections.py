"""Sections of a page on what a clinic would see: observed MEDs beside true ones, null controls, trials."""

import numpy as np

from pkpd.report import trial_plots, trials
from pkpd.report.section import Section, figure, table


def titration(found):
    """True against observed MEDs, or None where the folder holds no titration."""
    if found.titrated is None:
        return None
    summary, pairs = found.summary["observed"], found.titrated
    lines = [line.strip() for line in trials.observed_sentences(summary, pairs.unit) if line]
    count = int((np.isfinite(pairs.argmax) & np.isfinite(pairs.seen)).sum())
    said = f"Correlation of the logarithms {summary['correlation']:.2f}." if summary["correlation"] is not None else ""
    figures = [
        figure("pairs", lambda axes: trial_plots.pairs(axes, pairs), f"Observed against true MED of {count} patients on log axes. {said}",
               "Each point a patient, jittered; red, what a perfect diary would find on this ladder of doses.", (4.5, 4.2)),
        figure("both", lambda axes: trial_plots.both(axes, pairs), "Histograms of true and observed MEDs of the same patients on a log axis.",
               "The same patients: blue, true; red outline, observed."),
    ]  # fmt: skip
    if found.audit is not None:
        figures.append(figure(
            "paths", lambda axes: trial_plots.paths(axes, found.audit, pairs.unit), "Prescribed dose against day for single patients, and the last decision about every patient.",
            "From the log of visits: grey, single patients; each point the last decision about a patient, jittered.",
        ))  # fmt: skip
    null = summary["null"]
    control = trials.NULLS[null] if null else "No null control in this run: its observed spread alone does not show that patients differ."
    return Section(
        "observed", "What titration would find", (f"Rule: {summary['rule']}.", f"{control[:1].upper()}{control[1:].rstrip('.')}."),
        tuple(f"{line[:1].upper()}{line[1:]}." for line in lines), tuple(figures), (_outcomes(summary),),
    )  # fmt: skip


def _outcomes(summary):
    rows = [(trials.WORDS[name], count, f"{100 * count / summary['patients']:.1f} %") for name, count in summary["outcome"].items()]
    rows += [(f"left because of {why}", count, f"{100 * count / summary['patients']:.1f} %") for why, count in summary["left_because"].items()]
    return table("How titration ended", ("patients who", "number", "share"), rows)


def trial(found):
    """Arms, diaries and endpoints of a trial."""
    summary = found.summary
    figures = ()
    if found.arms:
        unit = found.model.benefit.unit if found.model.benefit else ""
        names = ", ".join(arm.name for arm in found.arms)
        figures = (
            figure("diary", lambda axes: trial_plots.diaries(axes, found.arms), f"Weekly mean of the diary against day, by arm: {names}.", "Mean over patients and its 95 % interval."),
            figure("doses", lambda axes: trial_plots.prescribed(axes, found.arms, unit), f"Prescribed dose against day, by arm: {names}.", "Mean of those who stayed, and single patients, faint."),
        )  # fmt: skip
    text = [f"{summary['allocation']} arms, run-in of {summary['run_in']} days, {found.origin['n']} patients, seed {found.origin['seed']}."]
    if summary["null"]:
        text.append(f"{trials.NULLS[summary['null']]}.")
    return Section(
        "trial", summary["title"], tuple(t[:1].upper() + t[1:] for t in text), figures=figures,
        tables=(_arms(summary), table("Endpoints", trials.ENDPOINT_HEADERS, trials.endpoint_rows(summary))),
    )  # fmt: skip


def _arms(summary):
    rows = []
    for arm in summary["arms"]:
        events = "-" if arm["any_adverse"] is None else f"{100 * arm['any_adverse']:.0f} %"
        rows.append((arm["name"], arm["patients"], sum(arm["left_because"].values()), events, ", then ".join(arm["rules"])))
    return table("Arms", ("arm", "patients", "left", "any adverse event", "rule"), rows)
