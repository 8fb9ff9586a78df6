"""Results in words and small tables: what a reader sees first.

Knows results and summaries; knows nothing of screens or files.
"""

import shlex
from operator import itemgetter

import numpy as np

from pkpd.errors import either
from pkpd.population.groups import groups
from pkpd.report.words import models
from pkpd.report.words.models import number, quantity
from pkpd.response.quantiles import format_dose, format_share
from pkpd.symbolic.load import address

FEW = 6  # profiles shown one by one
VALUE = itemgetter("value")
INTERVAL = itemgetter("value", "low", "high")
DAY_HEADERS = ("dose", "peak", "trough")
DOSE_HEADERS = ("dose", "p5", "median", "p95")
WORDS = {
    "interior": "have a best dose of their own inside the range of doses",
    "below_range": "do best below the range",
    "above_range": "do best above the range",
    "no_benefit": "are not helped enough by any dose",
    "flat": "do not respond at all",
    "unsafe": "do best at a dose that breaks a constraint",
    "failed": "could not be solved",
}


def course(result, people=True):
    """Headers and rows: what Run.overview says of every output, as texts.

    people : (P,) which patients, or all of them
    """
    rows = result.overview(people)
    return tuple(rows[0]), [tuple(_cells(row, result.time_unit)) for row in rows]


def _cells(row, time_unit):
    """The values of a row as texts, numbers with four digits."""
    for name, value in row.items():
        if name == "time":
            yield f"{number(value)} {time_unit}"
        else:
            yield value if isinstance(value, str) else f"{value:.4g}"


def exposure(table):
    """Headers and rows of a table of pkpd.nca, one quantity per row.

    The values of a few profiles, or percentiles of many.
    """
    units = table.attrs["units"]
    values = table.drop(columns="ID")
    if len(values) <= FEW:
        headers = ("quantity", "unit", *(f"ID {i}" for i in table["ID"]))
        cells = {name: values[name].map("{:.4g}".format) for name in values}
    else:
        headers = ("quantity", "unit", "p5", "median", "p95", "profiles")
        cells = {name: _percentiles(values[name].dropna().to_numpy(float)) for name in values}
    return headers, [(name, units.get(name, "-"), *row) for name, row in cells.items()]


def _percentiles(values):
    """5, 50 and 95 % of the values and their number, as texts."""
    if not len(values):
        return ["-", "-", "-", "0"]
    levels = np.percentile(values, (5, 50, 95), method="hazen")
    return [f"{level:.4g}" for level in levels] + [str(len(values))]


def courses(result, by=()):
    """Headers and rows of `course`; with subgroups, also those of each group with its size."""
    headers, rows = course(result)
    if not by:
        return headers, rows
    grouped = [("all", len(result.status), *row) for row in rows]
    for name in by:
        for label, people in groups(result.cohort, name):
            if (people & (result.status == 0)).any():
                size = int(people.sum())
                grouped += [(label, size, *row) for row in course(result, people)[1]]
    return ("group", "patients", *headers), grouped


def subgroup_rows(summary):
    """Headers and rows of the subgroups of a summary of MEDs."""
    rows = []
    for group in summary["subgroups"]:
        low, _, high = _doses(map(VALUE, group["quantiles"]), summary)
        share = f"{100 * group['with_med'][0]:.0f} %"
        middle = _interval(group["quantiles"][1], summary)
        rows.append((group["group"], group["patients"], share, middle, low, high))
    interval = " (95 % interval)" if summary.get("intervals") else ""
    doses = (f"median MED{interval}", "5 % below", "95 % below")
    return ("group", "patients", "with a MED", *doses), rows


MED_HEADERS = ("patients", "with a MED", "median MED", "5 % below", "95 % below")


def med_row(summary):
    """Cells of MED_HEADERS."""
    quantiles = by_level(summary)
    ends = _doses((quantiles[0.05]["value"], quantiles[0.95]["value"]), summary)
    have = format_share(summary["with_med"], 1)
    return summary["patients"], have, _interval(quantiles[0.5], summary), *ends


def by_level(summary):
    """Level -> quantile of the MEDs of a summary."""
    return {quantile["level"]: quantile for quantile in summary["quantiles"]}


def best_of_medians(summary):
    """The dose at which the median benefit is largest, and that benefit, as texts."""
    medians = summary["gain"]["median"]
    if medians is None:
        return "-", "-"
    best = int(np.argmax(medians))
    unit = summary["outcome_unit"]
    return f"{summary['doses'][best]:.3g} {summary['unit']}", quantity(
        float(f"{medians[best]:.3g}"), unit
    )


def _interval(quantile, summary):
    """A quantile of doses as "2.9 mg (2.6 mg to 3.2 mg)", or without an interval that it lacks."""
    value, low, high = _doses(INTERVAL(quantile), summary)
    return value if np.isnan(quantile["low"]) else f"{value} ({low} to {high})"


def _doses(values, summary):
    """`_dose` of each value."""
    return [_dose(value, summary) for value in values]


def _dose(value, summary):
    """A dose of a summary as text, "> 50 mg" where it lies beyond the range."""
    benefit = summary["benefit"]
    return format_dose(value, benefit["lowest"], benefit["highest"], summary["unit"])


def dose_rows(summary):
    """Rows of DOSE_HEADERS, at most twelve doses from the lowest to the highest."""
    bands = itemgetter("p5", "median", "p95")(summary["gain"])
    return [] if bands[1] is None else band_rows(summary["doses"], summary["unit"], bands)


def band_rows(doses, unit, bands):
    """Rows of dose and bands (each (D,)), at most twelve doses; rounding errors are shown as 0."""
    shown = dict.fromkeys(np.linspace(0, len(doses) - 1, min(len(doses), 12)).round().astype(int))
    bands = np.array(bands, float)
    bands[np.abs(bands) <= 1e-9 * np.max(np.abs(bands))] = 0.0
    rows = []
    for j in shown:
        levels = [f"{level:.3g}" for level in bands[:, j]]
        rows.append((f"{doses[j]:.3g} {unit}", *levels))
    return rows


def dose_response_sentences(model, summary):
    """What was computed and on what it rests."""
    head = f"{model.name}, {summary['patients']} patients. {summary['question']}"
    unit = "" if summary["outcome_unit"] == "1" else f" in {summary['outcome_unit']}"
    return [head, f"{models.share_assumed(model)}.", "", f"Benefit{unit} at steady state"]


def med_sentences(model, summary):
    """The first screen after `pkpd med`: who has a MED, where it lies, what it is worth."""
    patients = summary["patients"]
    lines = [f"{model.name}, {patients} patients. {summary['question']}", ""]
    for status, count in summary["status"].items():
        if count:
            lines.append(f"  {count:6d}  {100 * count / patients:5.1f} %  {WORDS[status]}")
    assumed = models.share_assumed(model, models.diary_of(summary))
    lines += [
        "",
        *med_doses(summary),
        *worth(model, summary),
        *safety(summary),
        "",
        f"  {assumed} (pkpd show {shlex.quote(address(model))}).",
    ]
    hypotheses = models.hypotheses(model, summary["provenance"]["set"])
    lines += [f"  Hypothesis: {text}" for text in hypotheses]
    return [*lines, "  Virtual patients: hypotheses and their consequences, no clinical advice."]


def safety(summary):
    """What the constraints on a dose exclude, and where the best safe doses lie."""
    found = summary.get("safety")
    if not found:
        return []
    kept = f"{' and '.join(found['subject_to'])}, from the first dose on"
    lines = [
        f"  must hold: {kept}",
        f"  {format_share(found['excluded'], 1)} of the patients whom some dose helps enough have "
        "no safe dose that does",
    ]
    if found["median_med_safe"] is not None:
        lines.append(f"  median of the best safe doses {_dose(found['median_med_safe'], summary)}")
    return lines


def repeated_sentences(summary):
    """Intervals of the quantiles over parameter sets or scramblings, if the study was repeated."""
    heads = {
        "uncertainty": "Parameter uncertainty, same patients under {} parameter sets",
        "replicates": "Sampling error, {} scramblings of the seed",
    }
    levels = {0.05: "5 % of MEDs lie below", 0.5: "median MED", 0.95: "95 % of MEDs lie below"}
    lines = []
    for key, head in heads.items():
        if key not in summary:
            continue
        repeated = summary[key]
        lines += ["", f"{head.format(repeated['runs'])} (95 % intervals):"]
        for level, words in levels.items():
            value, low, high = _doses(INTERVAL(repeated[f"quantile_{level:g}"]), summary)
            lines.append(f"  {words} {value} ({low} to {high})")
        value, low, high = np.multiply(INTERVAL(repeated["with_med"]), 100)
        share = f"{value:.1f} % ({low:.1f}-{high:.1f})"
        lines.append(f"  {share} of all patients have a MED, inside the range or beyond it")
    return lines


def with_med(summary):
    """The denominator of quantiles of the MED, and of shares at other doses than it."""
    count = _count_with_med(summary)
    return f"the {count} patients who have a MED, inside the range of doses or beyond it"


def inside_range(summary):
    """The denominator of what is counted at the MED itself."""
    return f"the {summary['status']['interior']} patients whose MED lies inside the range of doses"


def day_rows(interval):
    """Rows of DAY_HEADERS: highest and lowest value of a DosingInterval at each dose."""
    ends = zip(interval.doses, interval.values, strict=True)
    return [(f"{d:g} {interval.unit}", f"{v.max():.3g}", f"{v.min():.3g}") for d, v in ends]


def interval_rows(result, repeated):
    """Headers and rows: quantiles of every output with their intervals.

    Where the median is largest and at the last time.
    """
    shape = (len(result.times), len(result.names), -1)
    intervals = np.stack([repeated.value, repeated.low, repeated.high], axis=-1)
    intervals = intervals.reshape(*shape, 3)
    rows = []
    for k, name in enumerate(result.names):
        for j in dict.fromkeys((int(np.argmax(intervals[:, k, 1, 0])), len(result.times) - 1)):
            cells = [f"{v:.4g} ({low:.4g} to {high:.4g})" for v, low, high in intervals[j, k]]
            time = f"{number(result.times[j])} {result.time_unit}"
            rows.append((name, result.units[k], time, *cells))
    return ("output", "unit", "time", "p5", "median", "p95"), rows


def med_doses(summary):
    """Where the MEDs of a summary lie."""
    quantiles = by_level(summary)
    if np.isnan(quantiles[0.5]["value"]):
        return ["  No patient has a MED."]
    ends = _doses((quantiles[0.05]["value"], quantiles[0.95]["value"]), summary)
    lines = [
        f"  {who_has_a_med(summary)}",
        f"  median MED {_interval(quantiles[0.5], summary)}",
        f"  90 % of MEDs between {ends[0]} and {ends[1]}",
        *definition_sentences(summary),
        *strengths(summary),
    ]
    inside = summary.get("share_inside")
    if inside:
        published = f"{inside['lowest']:g}-{inside['highest']:g} {summary['unit']}"
        share = format_share(inside["share"], 1)
        lines.append(f"  {share} of MEDs lie in the published range, {published}")
    return [*lines, f"  {intervals(summary)}"]


def strengths(summary):
    """What one dose for all, or a choice of few, is worth, as a line."""
    rows = [(either(doses), share) for doses, share in strength_rows(summary)]
    if not rows:
        return []
    unit, (one, worth) = summary["unit"], rows[0]
    more = "".join(f"; a choice of {doses} {unit} {share}" for doses, share in rows[1:])
    return [f"  {one} {unit} for all is worth {worth} of everybody's own best dose{more}"]


def strength_rows(summary):
    """Doses to choose from, as texts, and their share of the benefit of everybody's own best."""
    for found in summary.get("dose_sets", ()):
        share = found["mean_benefit"] / found["mean_of_own_best"]
        yield [number(float(f"{dose:.2g}")) for dose in found["doses"]], f"{100 * share:.0f} %"


DEFINITIONS = {  # of the MED
    "argmax": "dose of the largest benefit (the MED here)",
    "w90_low": "least dose around the MED with 90 % of the largest benefit",
    "min_effective_dose": "least dose that helps enough to count",
}


def definition_rows(summary):
    """What each definition of the MED gives: its words, median, 5 and 95 %."""
    rows = []
    for name, words in DEFINITIONS.items():
        low, middle, high = _doses(map(VALUE, summary["definitions"][name]), summary)
        rows.append((words, middle, low, high))
    return rows


def definition_sentences(summary):
    """The other two definitions of the MED, as lines."""
    return [
        f"  {words}: median {middle}, 90 % between {low} and {high}"
        for words, middle, low, high in definition_rows(summary)[1:]
    ]


def who_has_a_med(summary):
    """Who has a MED, and how much a dose must help for it."""
    benefit, count = summary["benefit"], _count_with_med(summary)
    share = format_share(summary["with_med"], 1)
    helps = (
        f"{100 * benefit['delta']:g} %" if benefit["delta_relative"] else f"{benefit['delta']:g}"
    )
    text = f"{count} patients have a MED, {share} of all: some dose helps by {helps}"
    typical = summary.get("delta_of_typical_effect")
    if not typical:
        return text
    return (
        f"{text} of the largest effect on the typical patient, {typical['threshold']:.3g} "
        f"(the untreated {benefit['outcome']} of {typical['patients']} patients is 0)"
    )


def _count_with_med(summary):
    return sum(summary["status"][name] for name in ("interior", "below_range", "above_range"))


def intervals(summary):
    """What the 95 % intervals of a summary are, or how to get some."""
    if summary.get("intervals"):
        return f"95 % intervals are those of {summary['intervals']}"
    if summary["provenance"]["typical"]:
        return "one patient: no intervals"
    return "Sobol' points are not independent draws: for 95 % intervals add --replicates 8"


def worth(model, summary):
    """What the MED is worth to the median patient."""
    benefit, medians = summary["benefit"], summary["medians_at_med"]
    change = f"{'fall' if benefit['better'] == 'lower' else 'rise'} of {benefit['outcome']}"
    parts = [
        (change, "benefit_at_med", model.unit(benefit["outcome"]), 1),
        ("90 % of it after", "days_to_90", "d", 1),
    ]
    if benefit["blockade"]:
        parts += [
            (f"peak {benefit['blockade']}", "peak_blockade", "%", 100),
            (f"trough {benefit['blockade']}", "trough_blockade", "%", 100),
        ]
    shown = [
        f"{what} {quantity(float(f'{medians[key] * size:.2g}'), unit)}"
        for what, key, unit, size in parts
        if medians.get(key) is not None
    ]
    if not shown:
        return []
    return [f"  at their MED, medians over {inside_range(summary)}: " + ", ".join(shown)]


def failure(summary):
    """One sentence on the patients that could not be solved, or None."""
    count = summary["status"]["failed"]
    if not count:
        return None
    first = f" (the first: {summary['failed_because']})" if "failed_because" in summary else ""
    patients = f"{count} of {summary['patients']} patients could not be solved"
    return f"{patients}{first}; their rows are NaN."
