"""Why patients differ, in words and small tables. Text and plain data only; knows no screen and no file."""

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
    """Inputs of one output and method whose value is at least `least`, largest first: {input: (value, low, high)}."""
    rows = np.flatnonzero((columns["output"] == output) & (columns["method"] == method))
    rows = rows[np.argsort(-columns["value"][rows], kind="stable")]
    return {
        str(columns["input"][r]): tuple(float(columns[k][r]) for k in ("value", "low", "high"))
        for r in rows
        if columns["value"][r] >= least
    }


def half_width(columns, output, methods):
    """Largest half-width of the intervals of some methods, NaN without one."""
    rows = (columns["output"] == output) & np.isin(columns["method"], methods)
    return float(np.max(0.5 * (columns["high"] - columns["low"])[rows])) if rows.any() else np.nan


def head(model, summary):
    """What was asked and computed, and on what it rests."""
    benefit, changed = summary["benefit"], summary["provenance"]["set"]
    classes = [
        i.name for i in model.inputs if i.iiv and i.iiv.kind == "classes" and i.name not in changed
    ]
    return [
        f"{model.name}: why patients differ in the dose of {benefit['into']} with the most benefit on {benefit['outcome']}",
        "",
        f"  {effort(summary)}",
        f"  log10 MED is the best dose in {benefit['lowest']:g}-{benefit['highest']:g} {benefit['unit']} of everybody, helped enough or not; "
        f"{100 * summary['censored']:.1f} % are at an end of the range and count as that end",
        *(
            [
                f"  people whom no dose moves count with the best dose that they would have in the typical class of {', '.join(classes)}"
            ]
            if classes
            else []
        ),
        f"  {100 * summary['responders']:.1f} % are helped enough. SD of log10 MED {summary['sd']['log10_med']:.2g}, "
        f"numerical error {summary['numeric_error_log10']:.1g} (root mean square)",
        f"  {models.share_assumed(model)}: the shares say what moves the MED in this model, not in patients.",
        *(
            [f"  {summary['failed']} patients could not be solved; their points are left out."]
            if summary["failed"]
            else []
        ),
        *(
            [
                f"  observed: {summary['observed']['rule']}; {100 * summary['observed']['found']:.1f} % get a MED by it, the others count with the step of their best diary"
            ]
            if "observed" in summary
            else []
        ),
        *(f"  set: {name} = {value:g}" for name, value in changed.items()),
    ]


def effort(summary):
    """How much work the intervals rest on."""
    parts = []
    if "sobol" in summary:
        parts.append(
            f"Sobol' indices {summary['sobol']['scramblings']} x {_counts(summary['sobol'])} points"
        )
    if "shapley" in summary:
        parts.append(
            f"Shapley effects {summary['shapley']['scramblings']} x {summary['shapley']['walks']} walks"
        )
    if "observed" in summary:
        parts.append(
            f"observed MED {summary['observed']['scramblings']} x {_counts(summary['observed'])} points"
        )
    if "morris" in summary:
        parts.append(
            f"Morris screening {summary['morris']['scramblings']} x {summary['morris']['points']} points"
        )
    intervals = "; 95 % intervals from the independent scramblings" if parts else ""
    return (
        f"{summary['evaluations']:,} patients"
        + (f" ({', '.join(parts)})" if parts else "")
        + intervals
    )


def _counts(method):
    counts = sorted(set(method["points"].values()))
    return " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))


def index_rows(columns, summary, output):
    """Headers and rows: inputs with a total index of at least 0.01, then the groups."""
    first, total, shapley = (
        ranked(columns, output, m, -np.inf) for m in ("sobol_first", "sobol_total", "shapley")
    )
    shown = [
        n for n in total or shapley if (total or shapley)[n][0] >= SMALL and n in summary["inputs"]
    ]
    rows = [(n, summary["inputs"][n]["group"], *_cells(n, first, total, shapley)) for n in shown]
    left = len(summary["inputs"]) - len(shown)
    if left:
        rows.append((f"{left} others", "", *_cells("others", {}, {}, shapley)))
    closed, groups = (ranked(columns, output, m, -np.inf) for m in ("group_closed", "group_total"))
    rows += [
        (f"all of {g}", g, *_cells(g, closed, groups, {} if shapley else None)) for g in groups
    ]
    return ("input", "group", "alone (S1)", "in all (ST)", "Shapley"), rows


def _cells(name, *found):
    return [
        ""
        if f is None or name not in f
        else f"{f[name][0]:.3f} ± {0.5 * (f[name][2] - f[name][1]):.3f}"
        for f in found
    ]


def tables_of(columns, summary):
    """(heading, (headers, rows)) of everything that was asked."""
    for output in summary["outputs"]:
        if not summary["sd"][output] > 0:
            yield f"{LABELS[output]} is the same for all patients", ((), [])
            continue
        if ranked(columns, output, "sobol_total", -np.inf) or ranked(
            columns, output, "shapley", -np.inf
        ):
            yield (
                f"Shares of the variance of {LABELS[output]} ({_widest(columns, output)})",
                index_rows(columns, summary, output),
            )
        if ranked(columns, output, "morris_sd", -np.inf):
            yield (
                f"Change of {LABELS[output]} when an input moves by half of its distribution",
                morris_rows(columns, output),
            )
    if "local" in summary:
        yield "Typical patient: change in % when an input rises by 1 %", local_rows(columns)


def _widest(columns, output):
    """How exact the shares are, by the widest interval of each kind."""
    parts = [
        ("Sobol' indices", ("sobol_first", "sobol_total", "group_closed", "group_total")),
        ("Shapley effects", ("shapley",)),
    ]
    found = [(name, half_width(columns, output, methods)) for name, methods in parts]
    return ", ".join(f"{name} within {width:.3f}" for name, width in found if np.isfinite(width))


def morris_rows(columns, output):
    """Headers and rows of Morris screening, largest first: mean size and SD of the change of an output when an input moves by half of its distribution."""
    size, mean, sd = (
        ranked(columns, output, f"morris_{what}", -np.inf) for what in ("mean_abs", "mean", "sd")
    )
    rows = [(n, *_cells(n, size, mean, sd)) for n in list(size)[:MOVERS]]
    left = list(size.values())[MOVERS:]
    return ("input", "mean size", "mean", "SD over people"), [
        *rows,
        (f"{len(left)} others", f"each at most {left[0][0]:.3f}", "", ""),
    ] if left else rows


def local_rows(columns):
    """Headers and rows: elasticities of the typical patient's best dose and benefit, largest first."""
    dose, benefit = (
        ranked(columns, o, "elasticity", -np.inf) for o in ("log10_med", "benefit_at_med")
    )
    order = sorted(
        dose, key=lambda n: -max(abs(dose[n][0]), abs(np.nan_to_num(benefit.get(n, (0.0,))[0])))
    )
    rows = [
        (n, f"{dose[n][0] + 0.0:.2f}", f"{benefit[n][0] + 0.0:.2f}" if n in benefit else "")
        for n in order
    ]
    return ("input", "best dose", "benefit"), [
        row for row in rows if set(row[1:]) - {"0.00", "-0.00"}
    ]
