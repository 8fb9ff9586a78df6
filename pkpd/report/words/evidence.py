"""Comparisons of explanations and planned studies in words: what the first screen says.

Knows summaries and tables; knows nothing of screens or files.
"""

import numpy as np

from pkpd.report.words import models

WEIGHT_HEADERS = ("explanation", "weight", "error", "before", "draws that count", "best dose")
STUDY_HEADERS = ("study", "patients", "information (bits)", "worth")
FEWEST_WORDS = "too few"
NOTHING = 1e-9  # benefit that is the solver's rounding
LOST = 1000  # a factor beyond which a number is as good as unknown


def weight_rows(summary):
    """A row for every explanation, the heaviest first."""
    rows = sorted(summary["weights"], key=lambda row: -row["weight"])
    return [
        (
            row["explanation"],
            f"{100 * row['weight']:.1f} %",
            f"{100 * row['error']:.1f}",
            f"{100 * row['prior']:.1f} %",
            f"{row['effective_draws']:.0f} of {row['draws']}",
            _best(summary["best_dose"].get(row["explanation"])),
        )
        for row in rows
    ]


def _best(found):
    if found is None:
        return FEWEST_WORDS
    if found["benefit"] < NOTHING:
        return "none"
    return f"{found['dose']:g} ({found['benefit']:.2f})"


def weight_sentences(summary):
    """Lines on what the studies leave, what the average says, and what decides."""
    unit, outcome_unit = summary["dose_unit"], summary["unit"]
    informing = [s["name"] for s in summary["studies"] if s["informs"]]
    left = ", ".join(map(_short, summary["left"]))
    lines = [
        f"Weights of explanations after {studies_of(informing)}.",
        f"Best dose: of those looked at, in {unit}, with its mean benefit in {outcome_unit}.",
        "",
        f"  Above 5 %: {left}.",
    ]
    whole = summary["best_dose"].get("all")
    if whole is None:
        lines.append("  No average: an explanation of some weight has too few draws that count.")
    elif whole["benefit"] >= NOTHING:
        lines.append(
            f"  Over all of them the mean benefit is largest at {whole['dose']:g} {unit}: "
            f"{whole['benefit']:.2f} {outcome_unit}."
        )
    else:
        lines.append("  Over all of them no dose is better than none on average.")
    return lines + misfit_sentences(summary["misfits"])


def misfit_sentences(rows):
    """Lines on the studies that no explanation fits which has weight. rows : of `misfits`"""
    lines = []
    for row in rows:
        unit = "" if row["unit"] == "1" else f" {row['unit']}"
        few = "" if row["enough"] else "; few of its draws count, and more might come nearer"
        lines.append(
            f"  No explanation that has weight fits {row['study']} (P {_chance(row['p'])}): "
            f"{row['statistic']} was {row['published']:g}{unit}, and {_short(row['explanation'])}, "
            f"which comes nearest, says {row['low']:.2g} to {row['high']:.2g}{few}."
        )
    if rows:
        lines.append(
            "  Weights tell which explanation is better, not that any is good: what none of them "
            "fits counts against all."
        )
    return lines


def _chance(p):
    """A P value as text."""
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"


def _short(name):
    """An explanation's name without its folder."""
    return name.rpartition("/")[2]


def studies_of(names):
    """How many studies, and which."""
    many = "study" if len(names) == 1 else "studies"
    return f"{len(names)} {many}: {', '.join(names)}"


def left_out_sentences(summary, columns):
    """Lines on the study whose loss moves the weights most."""
    moved = _moved(summary, columns)
    lines = []
    if moved and np.isfinite(list(moved.values())).all():
        study = max(moved, key=moved.__getitem__)
        most = "; no other study moves as much" if len(moved) > 1 else ""
        share = f"{100 * moved[study]:.0f} % of the weight would lie elsewhere"
        lines.append(f"  Without {study}, {share}{most}.")
    return [*lines, "", f"  {models.NO_ADVICE}"]


def _moved(summary, columns):
    """{study: share of the weight that would lie elsewhere without it}."""
    weights = {row["explanation"]: row["weight"] for row in summary["weights"]}
    moved: dict[str, float] = {}
    for study, name, without in zip(
        columns["study"], columns["explanation"], columns["weight"], strict=True
    ):
        gone = abs(float(without) - weights[str(name)]) / 2  # what one loses another gains
        moved[str(study)] = moved.get(str(study), 0.0) + gone
    return moved


STUDIES_HEADERS = ("study", "what it is", "source", "grade", "informs the weights")


def studies(summary):
    """A row for every study of a comparison."""
    rows = []
    for study in summary["studies"]:
        informs = "yes" if study["informs"] else study["role"]
        rows.append((study["name"], study["title"], study["source"], study["grade"], informs))
    return rows


def without_each(columns):
    """Headers and rows of the weights without each study, a column for every explanation."""
    return _by_explanation("without", columns, [f"{100 * w:.1f} %" for w in columns["weight"]])


def fits_of_each(columns):
    """Headers and rows of how well each explanation fits each study (P)."""
    return _by_explanation("study", columns, [_chance(p).strip("= ") for p in columns["p"]])


def _by_explanation(head, columns, cells):
    """Headers and rows of a table with a row for every study, a column for every explanation.

    cells : (rows,) texts, those of one study in a row
    """
    names = list(dict.fromkeys(map(str, columns["explanation"])))
    studies = columns["study"][:: len(names)]
    table = np.reshape(cells, (-1, len(names)))
    rows = [(str(study), *map(str, row)) for study, row in zip(studies, table, strict=True)]
    return (head, *(_short(name).replace("_", " ") for name in names)), rows


TYPICAL_HEADERS = ("explanation", "typical value", "unit", "before", "after")


def typical_rows(columns):
    """A row for every uncertain typical value: median and interval before and after the studies."""
    rows = []
    for place in range(len(columns["parameter"])):
        what = [str(columns[name][place]) for name in ("explanation", "parameter", "unit")]
        rows.append((*what, _interval(columns, place, "prior_"), _interval(columns, place)))
    return rows


def _interval(columns, place, when=""):
    """A median with its interval as text, from a row of columns whose names begin with `when`."""
    low, median, high = (columns[f"{when}{end}"][place] for end in ("low", "median", "high"))
    return f"{median:.3g} ({low:.3g}-{high:.3g})" if np.isfinite(median) else FEWEST_WORDS


def study_rows(summary):
    """A row for every planned study, the most informative first."""
    return [
        (
            row["study"],
            f"{row['patients']}",
            f"{row['information']:.3f} +- {row['information_error']:.3f}",
            f"{row['value']:.3f} +- {row['value_error']:.3f} {summary['unit']}",
        )
        for row in summary["studies"]
    ]


def study_sentences(summary):
    """Lines on what the two numbers are."""
    entropy = -sum(w * np.log2(w) for w in summary["explanations"].values() if w > 0)
    return [
        f"Of {entropy:.2f} bits that are open on which explanation holds, each study is expected "
        "to settle:",
        "",
        f"  Worth: expected gain in {summary['unit']} of the mean benefit at the best dose, or of "
        "no drug where that is better.",
        f"  {summary['outcomes']} simulated outcomes of each; +- is one Monte Carlo error.",
        f"  {models.NO_ADVICE}",
    ]


PARAMETER_HEADERS = ("parameter", "if the others are known", "with the others unknown")


def parameter_rows(summary):
    """A row for every parameter: how well it is told, as a factor."""
    return [
        (row["parameter"], spread(row["alone"]), spread(row["together"]))
        for row in summary["parameters"]
    ]


def spread(sd):
    """An SD of a logarithm as people say it: per cent where small, a factor, or nothing."""
    if not np.isfinite(sd):
        return "not at all"
    if sd > np.log(LOST):
        return f"not within {LOST}-fold"
    return f"+- {100 * sd:.2g} %" if sd < 0.3 else f"within {np.exp(sd):.3g}-fold"


def combination_sentences(summary):
    """Lines on the combinations that are told and those that are left open."""
    rows = summary["combinations"]
    told = [row for k, row in enumerate(rows) if k not in summary["open"]]
    left = [rows[k] for k in summary["open"]]
    who, tell = ("patients", "tell") if summary["scheme"]["subjects"] > 1 else ("patient", "tells")
    lines = [
        f"{summary['scheme']['subjects']} {who} on {summary['scheme']['regimen']} {tell} "
        f"{len(told)} of {len(rows)} combinations to better than a factor of two:",
        "",
    ]
    lines += [f"  {spread(row['sd']):>20}  {row['combination']}" for row in told]
    if left:
        lines += ["", "They leave open:", ""]
        lines += [f"  {spread(row['sd']):>20}  {row['combination']}" for row in left]
    return [*lines, "", "  Local: at these typical values, one SD, for small errors."]
