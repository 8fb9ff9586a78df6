"""A cohort's MEDs in a few numbers: counts, censored quantiles, shares, one dose for all.

Knows a table of MEDs column by column, in memory or in a folder; knows nothing of how it is
printed.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from pkpd import limits
from pkpd.population.groups import groups
from pkpd.response.curves import benefit_entries, count_inputs
from pkpd.response.med import STATUSES, MedTable
from pkpd.response.quantiles import quantiles, share
from pkpd.response.streamed import MedDataset

LEVELS = (0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975)
SOME = (0.05, 0.5, 0.95)  # of subgroups and definitions
BARS = 36
MOST_STRENGTHS = 3  # doses to choose from
CHOOSING = 2048  # patients by whom a set of doses is chosen


def summarise(
    table: MedTable | MedDataset,
    inside: tuple[float, float] | None = None,
    command: str | None = None,
    by: Sequence[str] = (),
) -> dict[str, Any]:
    """Summary of a MedTable or MedDataset as plain data, ready for JSON. All of it is exact.

    inside : (lowest, highest) dose in the unit of the doses; the share of MEDs within it is
        reported (default: the published range of the model)
    command : the words of the run, kept in the provenance (default: this process's own)
    by : inputs, or other columns of the table of people, to give results for subgroups

    Shares come as [share, low, high]. Patients *with a MED* are those whom some dose helps by
    delta, inside the range of doses or beyond it: shares, quantiles and what becomes of them at
    other doses are of all of these. The histogram, its mean and SD, flags and medians at the MED
    need a number, so they are of those whose MED is inside the range. Intervals are those of
    independent draws, for plain Monte Carlo; Sobol' points have none but from scramblings.

    Raises PkpdError for a name in `by` that groups nobody, and for a table of any other kind.
    """
    what = "A table of MEDs is what pkpd.med, pkpd.stream or pkpd.open_results returns"
    limits.check_kind(table, (MedTable, MedDataset), what)
    inside = None if inside is None else limits.pair(inside, "inside")
    by = limits.texts(by, "by")
    if command is not None:
        limits.text(command, "command")
    independent, doses = are_independent(table), known_doses(table)
    summary = _asked(table, command) | _counted(table, doses, independent) | _at_the_med(table)
    summary |= _failed(table) | _inside(table, inside, doses, independent)
    summary |= _safety(table, independent)
    typical = _measured_by_the_typical_effect(table)
    if typical:
        summary["delta_of_typical_effect"] = typical
    if by:
        summary["subgroups"] = [
            _subgroup(table, name, label, rows, independent)
            for name in by
            for label, rows in groups(table.people, name)
        ]
    return summary | _inverted_u(table, independent)


def _asked(table, command):
    """What was asked, of which model, and what it takes to compute it again."""
    benefit, model = table.benefit, table.model
    verb = "lowers" if benefit.better == "lower" else "raises"
    return {
        "question": f"Which dose into {benefit.into}, every {benefit.every:g} {model.time}"
        f"{benefit.beside}, {verb} each patient's {benefit.outcome} the most?",
        "unit": benefit.unit,
        "patients": len(table),
        "inputs": count_inputs(model),
        "benefit": benefit_entries(benefit),
        "provenance": table.provenance(command),
    }


def _counted(table, doses, independent):
    """Statuses, the share with a MED, and quantiles of MEDs (n,), -inf and inf beyond the range."""
    return {
        "status": {s: int(table.having(s).sum()) for s in STATUSES},
        "with_med": share(len(doses), len(table), independent),
        "intervals": "independent draws" if independent else None,
        "quantiles": quantiles(doses, LEVELS, independent),
        "definitions": _definitions(table, doses, independent),
        "best_single_dose": best_single_dose(table),
        "dose_sets": _dose_sets(table),
    }


def _at_the_med(table):
    """What needs the MED as a number: patients whose MED is inside the range of doses."""
    interior = table.having("interior")
    meds = table.column("med")[interior]
    logs = np.log(meds)
    return {
        "flags": {f: int((table.column(f) & interior).sum()) for f in ("plateau", "multimodal")},
        "histogram": histogram(meds, table.benefit),
        "geometric_mean": float(np.exp(logs.mean())) if len(meds) else None,
        "ln_sd": float(logs.std(ddof=1)) if len(meds) > 1 else None,
        "medians_at_med": {
            c: _median(table.column(c)[interior]) for c in _AT_MED if c in table.names
        },
    }


def _safety(table, independent):
    """How many patients do best at an unsafe dose, and the best safe doses of all who have one; {}
    where nothing constrains the dose."""
    if not table.benefit.subject_to:
        return {}
    helped, safe = table.column("responder"), table.column("med_safe")
    unsafe, some = table.having("unsafe"), ~np.isnan(safe)
    helped_count = int(helped.sum())
    return {
        "safety": {
            "subject_to": list(table.benefit.subject_to),
            "unsafe": share(int(unsafe.sum()), helped_count, independent),
            "excluded": share(int((helped & ~some).sum()), helped_count, independent),
            "median_med_safe": _median(safe[some]),
        }
    }


def _failed(table):
    """Why the first of the patients who could not be solved failed; {} where all were."""
    failed = table.having("failed")
    if not failed.any():
        return {}
    return {"failed_because": str(table.column("reason")[np.argmax(failed)])}


def _inside(table, ends, doses, independent):
    """The share of MEDs between two ends, or within the published range; {} without either."""
    if ends is None and table.model.published:
        ends = table.model.published.within(table.benefit)
    if ends is None:
        return {}
    lowest, highest = ends
    hits = int(((doses >= lowest) & (doses <= highest)).sum())
    inside = share(hits, len(doses), independent)
    return {"share_inside": {"lowest": lowest, "highest": highest, "share": inside}}


def are_independent(table):
    """Whether the patients of a table are independent draws."""
    origin = table.provenance()
    return origin["sampling"] == "mc" and not origin["typical"]


def _measured_by_the_typical_effect(table):
    """How many patients delta is no share of their own untreated value for, and what it is."""
    if not table.benefit.delta_relative:
        return None
    own = table.benefit.delta * np.abs(table.column("untreated"))
    rows = table.column("threshold") > own
    if not rows.any():
        return None
    return {"patients": int(rows.sum()), "threshold": float(table.column("threshold")[rows][0])}


def with_med(table):
    """(P,) whether a patient has a MED, inside the range of doses or beyond it."""
    return table.column("responder") & ~table.having("unsafe")


def known_doses(table, rows=slice(None)):
    """MEDs of the patients (of `rows`) with one; -inf and +inf where it lies beyond the range."""
    beyond = [table.having("below_range"), table.having("above_range")]
    doses = np.select(beyond, [-np.inf, np.inf], table.column("med"))[rows]
    return doses[~np.isnan(doses)]


def _definitions(table, doses, independent):
    """What three definitions of the MED give, over the same patients: 5, 50 and 95 %.

    Doses below the range are -inf. The first is the MED of everything else here.
    """
    helped = table.column("responder")
    found = {"argmax": doses}
    for name in ("w90_low", "min_effective_dose"):
        values = table.column(name)[helped]
        found[name] = np.where(values > 0, values, -np.inf)[~np.isnan(values)]
    return {name: quantiles(values, SOME, independent) for name, values in found.items()}


def histogram(doses, benefit):
    """Counts of doses (n,) between edges that are even on the log axis: {edges, counts}."""
    edges = np.geomspace(benefit.lowest, benefit.highest, BARS + 1)
    return {"edges": edges, "counts": np.histogram(doses, edges)[0]}


def _subgroup(table, by, label, rows, independent):
    doses, n = known_doses(table, rows), int(rows.sum())
    return {
        "by": by,
        "group": label,
        "patients": n,
        "with_med": share(len(doses), n, independent),
        "quantiles": quantiles(doses, SOME, independent),
    }


_AT_MED = ("benefit_at_med", "days_to_90", "cmax", "auc", "peak_blockade", "trough_blockade")


def _median(values):
    return float(np.median(values)) if len(values) else None


def _inverted_u(table, independent):
    """How many patients with a MED lose much of their best benefit at doses far from it.

    A fifth at the highest reported dose; all but a twentieth at a fifth of the lowest dose.
    """
    benefit, rows = table.benefit, with_med(table)
    best = table.column("benefit_at_argmax")[rows]

    def below(part, dose):
        hits = table.column(f"benefit_{dose:g}")[rows] < part * best
        return share(int(hits.sum()), len(best), independent)

    low = benefit.lowest / 5
    shape = {"small_dose": {"dose": low, "below_5_percent": below(0.05, low)}}
    if benefit.report:
        high = max(benefit.report)
        shape["inverted_u"] = {"dose": high, "below_80_percent": below(0.8, high)}
    return shape


def best_single_dose(table):
    """The grid dose with the largest mean benefit over all patients, and what it yields.

    {dose, mean_benefit, share_in_w90}, the share of patients with a MED in whose window it lies;
    None where no patient finished.
    """
    if not table.curves.finished:
        return None
    mean, doses = table.curves.mean(), table.curves.doses
    k, rows = int(np.argmax(mean)), with_med(table)
    inside = (table.column("w90_low") <= doses[k]) & (table.column("w90_high") >= doses[k])
    return {
        "dose": float(doses[k]),
        "mean_benefit": float(mean[k]),
        "share_in_w90": share(int((inside & rows).sum()), int(rows.sum()), are_independent(table)),
    }


def _dose_sets(table):
    """The best sets of 1, 2, ... doses, with what they are worth: `best_dose_sets`.

    None of them where no dose helps anybody, or where some doses are unsafe.
    """
    if table.benefit.subject_to or not table.curves.finished:
        return []
    found = best_dose_sets(table, range(1, MOST_STRENGTHS + 1))
    return found if found[0]["mean_of_own_best"] > 0 else []


def best_dose_set(table, k):
    """The best set of k doses: `best_dose_sets` of one size."""
    return best_dose_sets(table, [k])[0]


def best_dose_sets(table, sizes):
    """The grid doses that are best to have if each patient takes the best of them, or none.

    For each size the set of so many doses that is best for the first 2,048 patients, valued on
    all. Returns a list of {doses, mean_benefit, mean_of_own_best}, means over all patients that
    finished. Curves may lie in a folder: how often they are read depends on no size.
    """
    fine = table.curves.fine
    some = np.array([np.maximum(gain[fine][:CHOOSING], 0.0) for gain in table.curves.each()])
    menus = [_best_menu(some, min(size, len(some))) for size in sizes]
    best = np.zeros((len(menus), fine.sum()))
    for place, gain in enumerate(table.curves.each()):
        rows = [place in menu for menu in menus]
        best[rows] = np.maximum(best[rows], gain[fine])
    # a non-responder has no best dose
    own = np.where(table.having("flat"), 0.0, np.maximum(table.column("benefit_at_argmax"), 0.0))
    own_best = float(np.nanmean(own[fine]))
    return [
        {
            "doses": table.curves.doses[list(menu)].tolist(),
            "mean_benefit": float(gain.mean()),
            "mean_of_own_best": own_best,
        }
        for menu, gain in zip(menus, best, strict=True)
    ]


def _best_menu(gains, size):
    """Places of the `size` doses whose best has the largest mean. gains : (D, P), 0 or more"""
    menus = combinations(range(len(gains)), size)
    return max(menus, key=lambda places: gains[list(places)].max(axis=0).mean())
