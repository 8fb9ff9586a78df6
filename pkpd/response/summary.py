"""A cohort's MEDs in a few numbers: counts, censoring-aware quantiles, shares, one dose for all. Knows a MedTable."""

import numpy as np

from pkpd.population.groups import groups
from pkpd.response.quantiles import quantile, share
from pkpd.result import provenance

LEVELS = (0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975)


def summarise(table, inside=None, command=None, by=()):
    """Summary of a MedTable as plain data, ready for JSON.

    inside : (lowest, highest) dose; the share of MEDs within it is reported. Shares come as [share, low, high].
    by : inputs or other columns of the cohort to give results for subgroups
    """
    columns, rule = table.columns, table.rule
    status, n = columns["status"], len(columns["ID"])
    doses = known_doses(columns)
    interior = columns["med"][status == "interior"]
    summary = {
        "question": f"dose of {rule.into} with the most benefit on {rule.outcome}, every {rule.every:g} {table.model.time}",
        "unit": rule.unit,
        "patients": n,
        "status": {s: int((status == s).sum()) for s in ("interior", "below_range", "above_range", "no_benefit", "flat", "failed")},
        "flags": {f: int((columns[f] & (status == "interior")).sum()) for f in ("plateau", "multimodal")},
        "quantiles": [vars(quantile(doses, level)) for level in LEVELS],
        "geometric_mean": float(np.exp(np.log(interior).mean())) if len(interior) else None,
        "ln_sd": float(np.log(interior).std(ddof=1)) if len(interior) > 1 else None,
        "best_single_dose": best_single_dose(table),
        "medians_at_med": {c: _median(columns[c][status == "interior"]) for c in _AT_MED if c in columns},
        "inputs": {"all": len(table.model.inputs), "assumed": sum(i.evidence == "assumed" for i in table.model.inputs)},
        "benefit": {k: v for k, v in vars(rule).items() if k != "place"},
        "provenance": provenance(table.model, table.cohort, command),
    }
    if inside is not None:
        hits = int(((doses >= inside[0]) & (doses <= inside[1])).sum())
        summary["share_inside"] = {"lowest": inside[0], "highest": inside[1], "share": share(hits, len(doses))}
    if by:
        summary["subgroups"] = [_subgroup(table, name, label, rows) for name in by for label, rows in groups(table.cohort, name)]
    return summary | _inverted_u(table, status == "interior")


def known_doses(columns, rows=slice(None)):
    """MEDs of the patients that have one (of `rows`), -inf and +inf where it lies beyond the range."""
    status = columns["status"][rows]
    doses = np.where(status == "below_range", -np.inf, np.where(status == "above_range", np.inf, columns["med"][rows]))
    return doses[~np.isnan(doses)]


def _subgroup(table, by, label, rows):
    doses, n = known_doses(table.columns, rows), int(rows.sum())
    quantiles = [vars(quantile(doses, level)) for level in (0.05, 0.5, 0.95)]
    return {"by": by, "group": label, "patients": n, "with_med": share(len(doses), n), "quantiles": quantiles}


_AT_MED = ("benefit_at_med", "cmax", "auc", "peak_blockade", "trough_blockade")


def _median(values):
    return float(np.median(values)) if len(values) else None


def _inverted_u(table, interior):
    """How many patients with an interior MED lose a fifth of their benefit at the highest reported dose, and how little a
    fifth of the lowest dose does."""
    columns, rule = table.columns, table.rule
    best, small = columns["benefit_at_med"][interior], columns[f"benefit_{rule.lowest / 5:g}"][interior]
    found = {"small_dose": {"dose": rule.lowest / 5, "below_5_percent": share(int((small < 0.05 * best).sum()), len(best))}}
    if rule.report:
        high = columns[f"benefit_{max(rule.report):g}"][interior]
        found["inverted_u"] = {"dose": max(rule.report), "below_80_percent": share(int((high < 0.8 * best).sum()), len(best))}
    return found


def best_single_dose(table):
    """The grid dose with the largest mean benefit over all patients, and what it yields: {dose, mean_benefit, share_in_w90}."""
    benefit = table.curves.benefit
    fine = ~np.isnan(benefit).any(axis=1)
    if not fine.any():
        return None
    mean = benefit[fine].mean(axis=0)
    k = int(np.argmax(mean))
    low, high = table.columns["w90_low"], table.columns["w90_high"]
    known = (table.columns["status"] == "interior") & ~np.isnan(low)
    hits = int(((low <= table.curves.doses[k]) & (high >= table.curves.doses[k]) & known).sum())
    return {"dose": float(table.curves.doses[k]), "mean_benefit": float(mean[k]), "share_in_w90": share(hits, int(known.sum()))}
