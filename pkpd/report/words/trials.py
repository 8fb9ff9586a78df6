"""Trials and titrations in words: what the first screen says. Text and plain data only; knows no screen and no file."""

import numpy as np

from pkpd.report.words import models
from pkpd.response.quantiles import format_dose

WORDS = {
    "found": "end with an observed MED",
    "no_benefit": "end without one: no step helped enough",
    "left": "left before the rule had ended",
    "unfinished": "did not come to the rule's end",
    "failed": "could not be solved",
}
NULLS = {
    "no-effect": "null control: the body receives no drug",
    "same-med": "null control: everybody has the typical patient's MED",
}


def titration_sentences(summary, unit):
    """Lines on the observed MEDs of a summary made by pkpd.trials.titrate.summarise_observed."""
    lines = [
        f"Observed: {summary['rule']}"
        + (f" ({NULLS[summary['null']]})" if summary["null"] else ""),
        "",
    ]
    lines += [
        f"  {count:6d}  {100 * count / summary['patients']:5.1f} %  {WORDS[name]}"
        for name, count in summary["outcome"].items()
        if count
    ]
    return [*lines, *observed_sentences(summary, unit)]


def observed_sentences(summary, unit):
    """What the observed MEDs are, how they go with the true ones, and how much of their spread is real."""
    lines = []
    found = {q["level"]: q for q in summary["quantiles"]}

    def dose(level):
        return format_dose(found[level]["value"], 0, np.inf, unit)

    if summary["outcome"]["found"]:
        lines += [
            "",
            f"  median observed MED {dose(0.5)}, 90 % between {dose(0.05)} and {dose(0.95)}; found on day {summary['days_median']:.0f} (median)",
        ]
    if summary["observed_to_true"]:
        share, low, high = (100 * x for x in summary["within_25_percent"])
        lines.append(
            f"  observed is {summary['observed_to_true']:.2f} times the true MED (geometric mean); {share:.0f} % ({low:.0f}-{high:.0f}) lie within 25 % of it"
        )
    if summary["correlation"] is not None:
        lines.append(f"  correlation of log true and log observed MED {summary['correlation']:.2f}")
    return [*lines, *_real(summary["share_real"], summary["own_traits"])]


def _real(real, own_traits):
    if not np.isfinite(real["share"]):
        return [
            "  the share of the spread that is real cannot be told from so few patients or repetitions (-n 1000 --replicates 8)"
        ]
    bounds = (
        f" (95 % {100 * real['low']:.1f} to {100 * real['high']:.1f})"
        if np.isfinite(real["low"])
        else ""
    )
    traits = ", placebo response and diary counted as the patient's own" if own_traits else ""
    rest = (
        "the rest is noise of titration"
        if real["share"] > 0
        else "below 0 by chance: all of it looks like noise of titration"
    )
    return [
        f"  {100 * real['share']:.1f} %{bounds} of the variance of log observed MED is the patients' own{traits}; {rest}"
    ]


ENDPOINT_HEADERS = ("endpoint", "arm", "n", "mean", "95 % interval", "against the first arm", "p")


def endpoint_rows(summary):
    """Rows of ENDPOINT_HEADERS."""
    rows = []
    for name, endpoint in summary["endpoints"].items():
        for arm, found in endpoint["arms"].items():
            other = endpoint["against_first"].get(arm)
            rows.append(
                (
                    name,
                    arm,
                    str(found["n"]),
                    _number(found["mean"]),
                    _range(found["low"], found["high"]),
                    ""
                    if other is None
                    else f"{_number(other['difference'])} {_brackets(other)}".strip(),
                    "" if other is None or other["p"] is None else f"{other['p']:.2g}",
                )
            )
    return rows


def trial_sentences(model, summary):
    """Head of the first screen after `pkpd trial`: title, arms, who left, adverse events, on what it rests."""
    lines = [
        f"{summary['title']} ({model.name}, {summary['allocation']} arms)"
        + (f", {NULLS[summary['null']]}" if summary["null"] else ""),
        "",
    ]
    for arm in summary["arms"]:
        left = sum(arm["left_because"].values())
        events = (
            f", any adverse event {100 * arm['any_adverse']:.0f} %"
            if arm["any_adverse"] is not None
            else ""
        )
        lines.append(
            f"  {arm['name']}: {arm['patients']} patients, {left} left{events}; {', then '.join(arm['rules'])}"
        )
    return [
        *lines,
        "",
        f"  {models.share_assumed(model)}. Virtual patients: hypotheses and their consequences, no clinical advice.",
        "",
    ]


def _number(value):
    return "-" if value is None else f"{value:.3g}"


def _range(low, high):
    return "-" if low is None else f"{low:.3g} to {high:.3g}"


def _brackets(other):
    return "" if other["low"] is None else f"({_range(other['low'], other['high'])})"
