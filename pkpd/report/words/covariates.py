"""Effects of covariates on the MED in words and a small table.

Knows the summary of such effects as plain data; knows nothing of screens or files.
"""

import numpy as np

from pkpd.report.words import models
from pkpd.response.quantiles import format_dose

HEADERS = (
    "covariate",
    "MED, times that at the reference",
    "5 to 95 % of patients",
    "of patients",
    "with a MED",
    "median MED",
)


def sentences(model, summary):
    """What was computed, what everything is compared with, and what it rests on."""
    hypotheses = models.hypotheses(model, summary["provenance"]["set"])
    return [
        f"{model.name}: the MEDs of the same {summary['patients']} patients, with one covariate "
        "changed at a time",
        "",
        f"  reference: {reference(model, summary)}",
        "  ratios are those of patients whose MED lies inside the range of doses at both values",
        f"  {intervals(summary)}",
        f"  {models.share_assumed(model)}.",
        *(f"  Hypothesis: {text}" for text in hypotheses),
        f"  {models.NO_ADVICE}",
    ]


def reference(model, summary):
    """Where the reference is, and how many have a MED there."""
    at = summary["reference"]["at"]
    return ", ".join(named(model, name, value) for name, value in at.items())


def named(model, name, value):
    """A covariate at a value, such as "wt 70 kg"."""
    unit = next(item.unit for item in model.inputs if item.name == name)
    return f"{name} {models.quantity(value, unit)}"


def intervals(summary):
    """What the intervals of median ratios are, or how to get some."""
    runs = repeated(summary)
    if runs:
        return f"95 % intervals of the median ratio over {runs['runs']} {runs['kind']}"
    if summary["intervals"]:
        return f"95 % intervals of the median ratio: those of {summary['intervals']}"
    if summary["provenance"]["typical"]:
        return "one patient: no intervals"
    return "Sobol' points are not independent draws: for 95 % intervals add --replicates 8"


def repeated(summary):
    """What a repeated study adds to a summary: kind, runs and intervals; None for another one."""
    return summary.get("uncertainty") or summary.get("replicates")


def effects(summary):
    """The effects as plain data, with the intervals of a repeated study where there is one."""
    runs = repeated(summary) or {}
    return [row | _interval(row, runs) for row in summary["effects"]]


def _interval(row, runs):
    """ratio, low and high of an effect over `runs`, or nothing new."""
    found = runs.get(f"{row['covariate']}={row['value']:g}")
    if found is None:
        return {}
    return {"ratio": found["value"], "low": found["low"], "high": found["high"]}


def rows(model, summary):
    """Rows of HEADERS, the reference first."""
    at_reference = (f"{reference(model, summary)} (reference)", "1", "", "")
    first = (*at_reference, *_counts(summary["reference"], summary))
    return [first, *(_row(model, row, summary) for row in effects(summary))]


def _row(model, row, summary):
    band = "-" if np.isnan(row["p5"]) else f"{row['p5']:.3g} to {row['p95']:.3g}"
    name = named(model, row["covariate"], row["value"])
    return name, ratio(row), band, str(row["pairs"]), *_counts(row, summary)


def ratio(row):
    """A median ratio with its interval, if it has one."""
    if np.isnan(row["ratio"]):
        return "not known"
    text = f"{row['ratio']:.3g}"
    return text if np.isnan(row["low"]) else f"{text} ({row['low']:.3g} to {row['high']:.3g})"


def beside(row):
    """An effect in a few words beside its line in a figure."""
    return f"{ratio(row)}; {100 * row['with_med']:.0f} % have a MED"


def _counts(row, summary):
    """Share with a MED and its median, as texts."""
    benefit = summary["benefit"]
    dose = format_dose(row["median_med"], benefit["lowest"], benefit["highest"], summary["unit"])
    return f"{100 * row['with_med']:.0f} %", dose
