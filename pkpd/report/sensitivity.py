"""Why patients differ, in words and small tables. Text and plain data only; knows no screen and no file."""

import numpy as np

from pkpd.report import tables

LABELS = {"log10_med": "log10 MED", "benefit_at_med": "benefit at the MED", "responder": "being helped enough", "log10_observed": "log10 observed MED"}
SMALL = 0.01  # a total index below it is not worth a line


def ranked(columns, output, method="sobol_total", least=SMALL):
    """Inputs of one output and method whose value is at least `least`, largest first: {input: (value, low, high)}."""
    rows = np.flatnonzero((columns["output"] == output) & (columns["method"] == method))
    rows = rows[np.argsort(-columns["value"][rows], kind="stable")]
    return {str(columns["input"][r]): tuple(float(columns[k][r]) for k in ("value", "low", "high")) for r in rows if columns["value"][r] >= least}


def half_width(columns, output, methods):
    """Largest half-width of the intervals of some methods, NaN without one."""
    rows = (columns["output"] == output) & np.isin(columns["method"], methods)
    return float(np.max(0.5 * (columns["high"] - columns["low"])[rows])) if rows.any() else np.nan


def head(model, summary):
    """What was asked and computed, and on what it rests."""
    rule, changed = summary["benefit"], summary["provenance"]["set"]
    lines = [f"{model.name}: why patients differ in the dose of {rule['into']} with the most benefit on {rule['outcome']}", ""]
    if "points" in summary:
        lines.append(f"  {summary['evaluations']:,} MEDs; 95 % intervals from {summary['scramblings']} independent scramblings of {points(summary)} points")
    lines += [
        f"  log10 MED is the best dose in {rule['lowest']:g}-{rule['highest']:g} {rule['unit']} of everybody, helped enough or not; "
        f"{100 * summary['censored']:.1f} % are at an end of the range and count as that end",
        f"  {100 * summary['responders']:.1f} % are helped enough. Numerical error of log10 MED {summary['numeric_error_log10']:.1g} (root mean square)",
        f"  {tables.share_assumed(model)}: the indices say what moves the MED in this model, not in patients.",
    ]
    if summary["failed"]:
        lines.append(f"  {summary['failed']} patients could not be solved; their points are left out.")
    return [*lines, *(f"  set: {name} = {value:g}" for name, value in changed.items())]


def points(summary):
    """"256 to 1024": points of a scrambling over inputs and groups."""
    counts = sorted(set(summary["points"].values()))
    return " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))


def index_rows(columns, summary, output):
    """Headers and rows: inputs with a total index of at least 0.01, then the groups."""
    first, total, groups = (ranked(columns, output, m, -np.inf) for m in ("sobol_first", "sobol_total", "group_total"))
    closed, shapley = ranked(columns, output, "group_closed", -np.inf), ranked(columns, output, "shapley", -np.inf)
    shown = [n for n, v in total.items() if v[0] >= SMALL]
    of = {name: group for group, names in summary["groups"].items() for name in names}
    rows = [(n, of[n], _index(first[n]), _index(total[n]), *([_index(shapley.get(n))] if shapley else [])) for n in shown]
    rest = [n for n in total if n not in shown]
    if rest:
        rows.append((f"{len(rest)} others", "", "", f"each < {SMALL:g}", *([_index(shapley.get("others"))] if shapley else [])))
    rows += [(f"all of {g}", g, _index(closed[g]), _index(groups[g]), *([""] if shapley else [])) for g in groups]
    return ("input", "group", "alone (S1)", "in all (ST)", *(["Shapley"] if shapley else [])), rows


def _index(value):
    return "" if value is None else f"{value[0]:.3f} ± {0.5 * (value[2] - value[1]):.3f}"
