"""Trials and titrations in words: what the first screen says.

Knows summaries as plain data; knows nothing of screens or files.
"""

import numpy as np

from pkpd.report.words import models
from pkpd.response.quantiles import format_dose, format_share
from pkpd.trials.adverse import AdverseEvent
from pkpd.trials.design import STOPPED

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
    null = f" ({NULLS[summary['null']]})" if summary["null"] else ""
    lines = [f"Observed: {summary['rule']}{null}", ""]
    lines += [
        f"  {count:6d}  {100 * count / summary['patients']:5.1f} %  {WORDS[name]}"
        for name, count in summary["outcome"].items()
        if count
    ]
    return [*lines, *observed_sentences(summary, unit), *diary_sentences(summary)]


def observed_sentences(summary, unit):
    """What the observed MEDs are, how they agree with the true ones, how much spread is real."""
    lines = []
    if summary["outcome"]["found"]:
        doses = {q["level"]: format_dose(q["value"], 0, np.inf, unit) for q in summary["quantiles"]}
        lines += [
            "",
            f"  median observed MED {doses[0.5]}, 90 % between {doses[0.05]} and {doses[0.95]}; "
            f"found on day {summary['days_median']:.0f} (median)",
        ]
    if summary["observed_to_true"]:
        share = format_share(summary["within_25_percent"])
        lines.append(
            f"  the observed MED is {summary['observed_to_true']:.2f} times the true one "
            f"(geometric mean); of patients with both, {share} have it within 25 %"
        )
    if summary["correlation"] is not None:
        lines.append(f"  correlation of log true and log observed MED {summary['correlation']:.2f}")
    return [*lines, *_real(summary["share_real"], summary["own_traits"])]


def _real(real, own_traits):
    """A line on how much of the spread of observed MEDs is the patients' own."""
    share, low, high = 100 * real["share"], 100 * real["low"], 100 * real["high"]
    if not np.isfinite(share):
        return [
            "  the share of the spread that is real cannot be told from so few patients or "
            "repetitions (-n 1000 --titrations 8)"
        ]
    bounds = f" (95 % {low:.1f} to {high:.1f})" if np.isfinite(low) else ""
    traits = ", placebo response and diary counted as the patient's own" if own_traits else ""
    rest = "the rest is noise of titration"
    if share <= 0:
        rest = "below 0 by chance: all of it looks like noise of titration"
    return [
        f"  {share:.1f} %{bounds} of the variance of log observed MED is the patients' "
        f"own{traits}; {rest}"
    ]


def diary_sentences(summary):
    """Lines on whose diary stands between the patients and what is observed of them."""
    diary = models.diary_of(summary)
    if diary is None:
        return []
    changed = models.and_set(diary["set"])
    scale = f"{diary['lowest']:g}-{diary['highest']:g} {diary['unit']}"
    lines = [f"  diary '{diary['name']}': {diary['title']} ({scale}{changed})"]
    if diary["blockade"] is None:
        lines.append(
            f"  adverse events ({', '.join(diary['events'])}) are those of placebo alone: "
            "[benefit] names no blockade by which the drug would add any"
        )
    lines += [f"  {line}" for line in _together(summary)]
    if summary["outside_scale"]:
        lines.append(
            f"  {summary['outside_scale']} patients are outside the diary's scale without "
            "treatment; their entries are cut to its ends"
        )
    return lines


def _together(summary):
    """Lines on what was taken together, and on the adverse events that the model makes of it."""
    background, events = summary.get("background"), summary.get("adverse", ())
    if background:
        yield f"everybody has taken {background} for long"
    beside = [arm for arm in summary.get("arms", ()) if "beside" in arm]
    if (background or beside) and not events:
        yield (
            "what drugs do to each other, such as withdrawal, is not an adverse event of the diary"
        )
    for event in events:
        yield AdverseEvent(**event).words
    if summary.get("rescue"):
        yield f"rescue doses in all arms: {summary['rescue']}"


ENDPOINT_HEADERS = ("endpoint", "arm", "n", "mean", "95 % interval", "against the first arm", "p")


def endpoint_rows(summary):
    """Rows of ENDPOINT_HEADERS."""
    rows = []
    for name, endpoint in summary["endpoints"].items():
        for arm, result in endpoint["arms"].items():
            interval = _range(result["low"], result["high"])
            against = endpoint["against_first"].get(arm)
            count, mean = str(result["n"]), _number(result["mean"])
            rows.append((name, arm, count, mean, interval, *_difference(against)))
    return rows


def _difference(against):
    """Texts of a difference from the first arm with its interval, and of its p; "" for None."""
    if against is None:
        return "", ""
    text = _number(against["difference"])
    if against["low"] is not None:
        text += f" ({_range(against['low'], against['high'])})"
    return text, "-" if against["p"] is None else f"{against['p']:.2g}"


def trial_sentences(model, summary):
    """Head of the first screen after `pkpd trial`: title, arms, who left, adverse events."""
    null = f", {NULLS[summary['null']]}" if summary["null"] else ""
    lines = [f"{summary['title']} ({model.name}, {summary['allocation']} arms){null}", ""]
    for arm in summary["arms"]:
        seen = [f"{arm['patients']} patients", left(arm)]
        if arm["any_adverse"] is not None:
            seen.append(f"any adverse event {100 * arm['any_adverse']:.0f} %")
        if "rescue" in arm:
            seen.append(f"rescue doses {rescued(arm)}")
        lines.append(f"  {arm['name']}: {', '.join(seen)}; {given(arm)}")
    assumed = models.share_assumed(model, models.diary_of(summary))
    return [
        *lines,
        "",
        *diary_sentences(summary),
        f"  {assumed}. Virtual patients: hypotheses and their consequences, no clinical advice.",
        "",
    ]


def by_arm(summary, key):
    """Header and rows of what a summary counts of each arm under a key, by what is counted.

    key : "adverse", shares of the patients, or "left_because", numbers of them
    """
    arms = summary["arms"]
    header = {"adverse": "adverse event", "left_because": "why patients left"}[key]
    rows = []
    for name in arms[0][key]:
        counts = [arm[key][name] for arm in arms]
        rows.append(
            (name, *(_counted(count, key, arm) for count, arm in zip(counts, arms, strict=True)))
        )
    return (header, *(arm["name"] for arm in arms)), rows


def _counted(count, key, arm):
    """The text of a share, or of a number of an arm's patients; "-" without patients."""
    if not arm["patients"]:
        return "-"
    return f"{100 * count:.0f} %" if key == "adverse" else str(count)


def left(arm):
    """How many patients of an arm left, and how many of them a rule of the trial stopped."""
    counts = arm["left_because"]
    stopped = [f"{n} {why}" for why, n in counts.items() if why.startswith(STOPPED) and n]
    return f"{sum(counts.values())} left" + (f" ({', '.join(stopped)})" if stopped else "")


def rescued(arm):
    """How many patients of an arm took rescue doses, and how many a day; "-" without any."""
    if "rescue" not in arm:
        return "-"
    used = arm["rescue"]
    return f"{100 * used['patients']:.0f} % ({used['doses_a_day']:.2g} a day)"


def given(arm):
    """What the patients of an arm are given, from the arm's part of a summary."""
    words = ", then ".join(arm["rules"])
    if "repeat" in arm:
        words += f"; all of it {arm['repeat']} times"
    if "beside" in arm:
        words += f"; beside it {arm['beside']}"
    if "background_until" in arm:
        words += f"; the background until day {arm['background_until']}"
    return words


def failure(summary):
    """One sentence on the patients who could not be solved, or None."""
    failed = sum(arm["left_because"]["not solved"] for arm in summary["arms"])
    return f"{failed} patients could not be solved; they count as having left." if failed else None


def _number(value):
    return "-" if value is None else f"{value:.3g}"


def _range(low, high):
    return "-" if low is None else f"{low:.3g} to {high:.3g}"
