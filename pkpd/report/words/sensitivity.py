"""Why patients differ, in words and small tables.

Knows summaries and columns of indices; knows nothing of screens or files.
"""

import numpy as np

from pkpd.report.words import models

LABELS = {
    "log10_med": "log10 MED",
    "benefit_at_med": "benefit at the MED",
    "responder": "being helped enough",
    "log10_observed": "log10 observed MED",
    "observed": "having an observed MED",
}
MOVERS = 12  # lines of a screening
SMALL = 0.01  # a total index below it is not worth a line


def ranked(columns, output, method="sobol_total", least=SMALL):
    """{input: (value, low, high)} of one output and method, largest first, from `least` on."""
    rows = np.flatnonzero((columns["output"] == output) & (columns["method"] == method))
    rows = rows[np.argsort(-columns["value"][rows], kind="stable")]
    rows = rows[columns["value"][rows] >= least]
    numbers = [columns[name][rows].tolist() for name in ("value", "low", "high")]
    return dict(zip(columns["input"][rows].tolist(), zip(*numbers, strict=True), strict=True))


def half_width(columns, output, methods):
    """Largest half-width of the intervals of some methods, NaN without one."""
    rows = (columns["output"] == output) & np.isin(columns["method"], methods)
    return float(np.max(0.5 * (columns["high"] - columns["low"])[rows])) if rows.any() else np.nan


def head(model, summary):
    """What was asked and computed, and on what it rests."""
    benefit, changed = summary["benefit"], summary["provenance"]["set"]
    doses = f"{benefit['lowest']:g}-{benefit['highest']:g} {benefit['unit']}"
    lines = [
        f"{model.name}: why patients differ in the dose of {benefit['into']} "
        f"with the most benefit on {benefit['outcome']}",
        "",
        f"  {effort(summary)}",
        f"  log10 MED is the best dose in {doses} of everybody, helped enough or not; "
        f"{100 * summary['censored']:.1f} % are at an end of the range and count as that end",
    ]
    classes = _drawn_by_class(model, changed)
    if classes:
        lines.append(
            "  people who respond to no dose count with the best dose that they would have "
            f"in the typical class of {', '.join(classes)}"
        )
    if summary["stopped"]:
        lines.append(f"  stopped by Ctrl-C: this is what {summary['evaluations']:,} patients say")
    lines += [
        f"  {100 * summary['responders']:.1f} % are helped enough. "
        f"SD of log10 MED {summary['sd']['log10_med']:.2g}, "
        f"numerical error {summary['numeric_error_log10']:.1g} (root mean square)",
        f"  {models.share_assumed(model, models.diary_of(summary))}: "
        "the shares say what moves the MED in this model, not in patients.",
    ]
    if summary["failed"]:
        failed = summary["failed"]
        lines.append(f"  {failed} patients could not be solved; their points are left out.")
    if "observed" in summary:
        observed = summary["observed"]
        lines.append(
            f"  observed: {observed['rule']}; {100 * observed['found']:.1f} % get a MED by it, "
            "the others count with the step of their best diary"
        )
    return lines + [f"  set: {name} = {value:g}" for name, value in changed.items()]


def _drawn_by_class(model, changed):
    """Names of the inputs that put people into classes, except those that are set."""
    by_class = [i.name for i in model.inputs if i.iiv and i.iiv.kind == "classes"]
    return [name for name in by_class if name not in changed]


def effort(summary):
    """How much work the intervals rest on."""
    methods = {
        "sobol": ("Sobol' indices", _counts, "points"),
        "shapley": ("Shapley effects", lambda method: method["walks"], "walks"),
        "observed": ("observed MED", _counts, "points"),
        "morris": ("Morris screening", lambda method: method["points"], "points"),
    }
    parts = []
    for key, (label, count, unit) in methods.items():
        if key in summary:
            method = summary[key]
            parts.append(f"{label} {method['scramblings']} x {count(method)} {unit}")
    patients = f"{summary['evaluations']:,} patients"
    if not parts:
        return patients
    return f"{patients} ({', '.join(parts)}); 95 % intervals from the independent scramblings"


def _counts(method):
    """Fewest and most points of a method as text."""
    counts = sorted(set(method["points"].values()))
    return " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))


def index_rows(columns, summary, output):
    """Headers and rows: inputs with a total index of at least 0.01, then the groups."""
    first = ranked(columns, output, "sobol_first", -np.inf)
    total = ranked(columns, output, "sobol_total", -np.inf)
    shapley = ranked(columns, output, "shapley", -np.inf)
    inputs, largest = summary["inputs"], total or shapley
    shown = [n for n in largest if largest[n][0] >= SMALL and n in inputs]
    rows = [(n, inputs[n]["group"], *_cells(n, first, total, shapley)) for n in shown]
    left = len(inputs) - len(shown)
    if left:
        rows.append((f"{left} others", "", *_cells("others", {}, {}, shapley)))
    closed = ranked(columns, output, "group_closed", -np.inf)
    groups = ranked(columns, output, "group_total", -np.inf)
    rows += [(f"all of {g}", g, *_cells(g, closed, groups, {})) for g in groups]
    return ("input", "group", "alone (S1)", "in all (ST)", "Shapley"), rows


def _cells(name, *tables):
    """Value and half-width of an input in each {input: (value, low, high)}, "" where it is not."""

    def text(value, low, high):
        return f"{value:.3f} ± {0.5 * (high - low):.3f}"

    return [text(*table[name]) if name in table else "" for table in tables]


def varies(summary, output):
    """Whether an output differs between patients by more than a few numerical errors."""
    return summary["sd"][output] > 0 and output not in summary.get("alike", ())


def same_for_all(summary, output):
    """A sentence on an output that does not differ between patients, as far as can be told."""
    sd, text = summary["sd"][output], f"{LABELS[output]} is the same for all patients"
    if not sd > 0:
        return text
    error = summary["numeric_error"][output]
    return f"{text}: its SD, {sd:.1g}, is no more than numerical error, {error:.1g}; no shares"


def tables_of(columns, summary):
    """(heading, (headers, rows)) of everything that was asked."""
    for output in summary["outputs"]:
        if not varies(summary, output):
            yield same_for_all(summary, output), ((), [])
            continue
        if any(ranked(columns, output, m, -np.inf) for m in ("sobol_total", "shapley")):
            heading = f"Shares of the variance of {LABELS[output]} ({_widest(columns, output)})"
            yield heading, index_rows(columns, summary, output)
        if ranked(columns, output, "morris_sd", -np.inf):
            heading = f"Change of {LABELS[output]} when an input moves by half of its distribution"
            yield heading, morris_rows(columns, output)
    if "local" in summary:
        yield "Typical patient: change in % when an input rises by 1 %", local_rows(columns)


def _widest(columns, output):
    """How exact the shares are, by the widest interval of each kind."""
    parts = [
        ("Sobol' indices", ("sobol_first", "sobol_total", "group_closed", "group_total")),
        ("Shapley effects", ("shapley",)),
    ]
    texts = []
    for name, methods in parts:
        width = half_width(columns, output, methods)
        if np.isfinite(width):
            texts.append(f"{name} within {width:.3f}")
    return ", ".join(texts)


def morris_rows(columns, output):
    """Headers and rows of Morris screening, largest first.

    Mean size, mean and SD of the change of an output when an input moves by half its distribution.
    """
    size = ranked(columns, output, "morris_mean_abs", -np.inf)
    mean = ranked(columns, output, "morris_mean", -np.inf)
    sd = ranked(columns, output, "morris_sd", -np.inf)
    rows = [(n, *_cells(n, size, mean, sd)) for n in list(size)[:MOVERS]]
    left = list(size.values())[MOVERS:]
    if left:
        rows.append((f"{len(left)} others", f"each at most {left[0][0]:.3f}", "", ""))
    return ("input", "mean size", "mean", "SD over people"), rows


def local_rows(columns):
    """Headers and rows: elasticities of the typical patient's best dose and benefit.

    Largest first; those of 0 are left out.
    """
    dose = ranked(columns, "log10_med", "elasticity", -np.inf)
    benefit = ranked(columns, "benefit_at_med", "elasticity", -np.inf)

    def size(name):
        of_benefit = np.nan_to_num(benefit[name][0]) if name in benefit else 0.0
        return max(abs(dose[name][0]), abs(of_benefit))

    def text(table, name):
        return f"{table[name][0] + 0.0:.2f}" if name in table else ""

    order = sorted(dose, key=lambda name: -size(name))
    rows = [(name, text(dose, name), text(benefit, name)) for name in order]
    moved = [row for row in rows if set(row[1:]) - {"0.00", "-0.00"}]
    return ("input", "best dose", "benefit"), moved
