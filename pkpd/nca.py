"""Noncompartmental analysis of concentrations: exposure, terminal slope, clearance, volume.

Areas by linear-up/log-down trapezoids; terminal slope by the best adjusted R2 over the last 3 or
more points, more points where that costs less than 0.0001 (Gabrielsson & Weiner 2016,
Pharmacokinetic and Pharmacodynamic Data Analysis, 5th ed., chapter 2.8). Knows tables of times and
concentrations; knows no models.
"""

import numpy as np

from pkpd import units
from pkpd.errors import PkpdError, ResultError, closest
from pkpd.reading import COLUMNS, cells, stated_units

ROUTES = ("oral", "bolus", "infusion")
TIE = 1e-4  # of adjusted R2
# quantity -> unit in terms of concentration c, time t, and dose d
UNITS = {
    "cmax": "c",
    "tmax": "t",
    "clast": "c",
    "tlast": "t",
    "c0": "c",
    "auc_last": "c*t",
    "auc_inf": "c*t",
    "aumc_inf": "c*t*t",
    "auc_extrapolated": "%",
    "lambda_z": "1/t",
    "half_life": "t",
    "points": "1",
    "r2_adjusted": "1",
    "mrt": "t",
    "cl_f": "d/(c*t)",
    "vz_f": "d/c",
    "cl": "d/(c*t)",
    "vz": "d/c",
    "vss": "d/c",
    "auc_tau": "c*t",
    "cavg": "c",
    "cmin": "c",
    "fluctuation": "%",
    "swing": "1",
    "accumulation": "1",
}


def area(times, conc):
    """Areas under c and t*c from the first to each time: (T,) and (T,).

    Rising parts by a line, falling ones by an exponential.

    times : (T,) increasing; conc : (T,) >= 0
    """
    t1, t2, c1, c2 = times[:-1], times[1:], conc[:-1], conc[1:]
    gap = t2 - t1
    auc, aumc = gap * (c1 + c2) / 2, gap * (t1 * c1 + t2 * c2) / 2
    down = (c2 < c1) & (c2 > 0)
    k = np.log(c1[down] / c2[down]) / gap[down]
    auc[down] = (c1[down] - c2[down]) / k
    aumc[down] = (t1[down] * c1[down] - t2[down] * c2[down]) / k + (c1[down] - c2[down]) / k**2
    return np.concatenate([[0.0], np.cumsum(auc)]), np.concatenate([[0.0], np.cumsum(aumc)])


def terminal_slope(times, conc, route="oral"):
    """lambda_z, number of points and adjusted R2 of the best log-linear fit to the last points.

    NaN where there is none. The maximum itself counts after a bolus only.
    """
    last = np.flatnonzero(conc > 0)[-1] + 1 if (conc > 0).any() else 0
    first = int(np.argmax(conc)) + (0 if route == "bolus" else 1)
    best = (np.nan, 0, -np.inf)
    for start in range(last - 3, first - 1, -1):
        t, y = times[start:last], conc[start:last]
        if (y <= 0).any():
            break
        y, n = np.log(y), last - start
        slope, middle = np.polyfit(t, y, 1)
        left, total = ((y - middle - slope * t) ** 2).sum(), ((y - y.mean()) ** 2).sum()
        if total == 0.0 or slope >= 0.0:
            continue
        adjusted = 1.0 - left / total * (n - 1) / (n - 2)
        if adjusted >= best[2] - TIE:
            best = (-slope, n, max(adjusted, best[2]))
    return best if best[1] else (np.nan, 0, np.nan)


def profile(times, conc, dose=None, route="oral", duration=0.0, every=None):
    """Quantities of one profile after a dose at time 0.

    Parameters
    ----------
    times : (T,) increasing, from the dose; conc : (T,), any unit
    dose : amount, or None; duration : of an infusion
    every : dosing interval, if the profile is one interval at steady state

    Returns
    -------
    dict with the keys of UNITS that apply; NaN where the profile does not hold the answer.
    """
    times, conc = np.asarray(times, float), np.asarray(conc, float)
    out = {}
    if route == "bolus":
        out["c0"] = _back_to_0(times, conc)
        if times[0] > 0:
            times, conc = np.concatenate([[0.0], times]), np.concatenate([[out["c0"]], conc])
    seen = (
        conc[1:]
        if route == "bolus" and len(conc) > 1 and conc[0] == out["c0"] and times[0] == 0
        else conc
    )
    if not (conc > 0).any():
        return out | {"cmax": 0.0 if len(conc) else np.nan}
    top, last = int(np.argmax(seen)), int(np.flatnonzero(conc > 0)[-1])
    offset = len(conc) - len(seen)
    slope, points, adjusted = terminal_slope(times[offset:], seen, route)
    auc, aumc = area(times, conc)
    clast, tlast = conc[last], times[last]
    auc_inf = auc[last] + clast / slope
    aumc_inf = aumc[last] + clast * tlast / slope + clast / slope**2
    out |= {
        "cmax": seen[top],
        "tmax": times[offset + top],
        "clast": clast,
        "tlast": tlast,
        "auc_last": auc[last],
        "lambda_z": slope,
        "half_life": np.log(2) / slope,
        "points": points,
        "r2_adjusted": adjusted,
        "auc_inf": auc_inf,
        "auc_extrapolated": 100 * clast / slope / auc_inf,
        "aumc_inf": aumc_inf,
        "mrt": aumc_inf / auc_inf - duration / 2,
    }
    if every is not None:
        out |= _steady(times, conc, auc, slope, every)
    return out | (_clearance(out, dose, route) if dose is not None else {})


def _back_to_0(times, conc):
    """Concentration at time 0 after a bolus, from the first two points.

    The first point where they do not fall.
    """
    if times[0] == 0 or len(conc) < 2 or not 0 < conc[1] < conc[0]:
        return conc[0]
    return conc[0] * (conc[0] / conc[1]) ** (times[0] / (times[1] - times[0]))


def _steady(times, conc, auc, slope, every):
    """Averages over one dosing interval at steady state."""
    inside = times <= every
    last = int(np.flatnonzero(inside)[-1])
    t, c = times[last], conc[last]
    if t == every:
        tau, end = auc[last], c
    elif last + 1 < len(times):
        n = times[last + 1]
        share = (every - t) / (n - t)
        both = c > conc[last + 1] > 0
        end = c * (conc[last + 1] / c) ** share if both else c + share * (conc[last + 1] - c)
        tau = auc[last] + area(np.array([t, every]), np.array([c, end]))[0][1]
    else:
        end = c * np.exp(-slope * (every - t))
        tau = auc[last] + (c - end) / slope
    mean, low, high = tau / every, min(conc[inside].min(), end), conc[inside].max()
    return {
        "auc_tau": tau,
        "cavg": mean,
        "cmin": low,
        "fluctuation": 100 * (high - low) / mean,
        "swing": (high - low) / low if low > 0 else np.nan,
        "accumulation": 1 / (1 - np.exp(-slope * every)),
    }


def _clearance(quantities, dose, route):
    cleared = dose / quantities.get("auc_tau", quantities["auc_inf"])
    volume = cleared / quantities["lambda_z"]
    if route == "oral":
        return {"cl_f": cleared, "vz_f": volume}
    return {"cl": cleared, "vz": volume, "vss": cleared * quantities["mrt"]}


def noncompartmental(
    data,
    column=None,
    *,
    dose=None,
    route="oral",
    duration=0.0,
    every=None,
    start=None,
    unit=None,
    time_unit="h",
):
    """Noncompartmental analysis of each ID of a table.

    Parameters
    ----------
    data : DataFrame, or path of a .csv or .parquet table, with ID (optional), TIME and a column of
        concentrations; rows of EVID 1, 3 or 4 or MDV 1 are no samples; a column AMT gives the dose
        of each ID
    column : of the concentrations (default: DV, or the only other one)
    dose : amount for everybody, number or text such as "100 mg"
    route : "oral", "bolus" or "infusion" (of `duration`)
    every : dosing interval, for one interval at steady state
    start : time of the dose (default: of the only AMT, else the first time)
    unit : of the concentrations (default: what a Parquet file or frame of pkpd says); with it and a
        dose with unit, clearance is in L and time

    Returns
    -------
    DataFrame, one row an ID; frame.attrs["units"] : column -> unit. Raises PkpdError for bad input.
    """
    import pandas as pd

    if route not in ROUTES:
        raise PkpdError(f"Unknown route '{route}'. Known: {', '.join(ROUTES)}.")
    table, known = cells(data, ResultError), stated_units(data)
    column = _column(table, column)
    frame = _frame(table, column)
    amount, dose_unit = _amount(dose)
    rows = []
    for patient, part in frame.groupby("ID", sort=True):
        given, since = _given(table.name, part, amount, start)
        times, conc = _samples(table.name, part, column, since, every)
        rows.append({"ID": patient} | profile(times, conc, given, route, duration, every))
    found = pd.DataFrame(rows)
    says = _units(unit or known.get(column), known.get("TIME", time_unit), dose_unit)
    for key in ("cl_f", "cl", "vz_f", "vz", "vss"):
        if key in found and key in says:
            found[key] *= says[key][1]
    found.attrs["units"] = {key: says[key][0] for key in found if key in says}
    return found


def _column(table, column):
    """Name of the column of concentrations."""
    other = [c for c in table.columns if c not in COLUMNS or c == "DV"]
    found = column or ("DV" if "DV" in other else other[0] if len(other) == 1 else None)
    if found is None:
        raise PkpdError(
            f"{table.name}: say which column holds the concentrations, with --column. "
            f"Columns: {', '.join(other)}."
        )
    if found not in table.columns:
        raise PkpdError(f"{table.name}: no column '{found}'.{closest(found, other)}")
    return found


def _frame(table, column):
    """Numbers of the columns that are needed; without IDs everything is one profile."""
    import pandas as pd

    columns = {}
    for name in (c for c in ("ID", "TIME", "AMT", "EVID", "MDV", column) if c in table.columns):
        columns[name], wrong = table.floats(name)
        if wrong:
            k, text = wrong[0]
            raise ResultError(
                f"{table.name}: row {table.row[k]}, column {name}: '{text}' is not a number; "
                "write . for missing."
            )
    ids = columns.pop("ID", np.ones(len(table.row)))
    for name, values, word in (("ID", ids, "a number"), ("TIME", columns["TIME"], "a time")):
        if not np.isfinite(values).all():
            row = table.row[~np.isfinite(values)][0]
            raise ResultError(f"{table.name}: row {row} has no {name}; write {word}.")
    return pd.DataFrame(
        {"ID": ids.astype(np.int64) if (ids == np.round(ids)).all() else ids} | columns
    )


def _amount(dose):
    """(amount, unit) of a number or a text such as "100 mg"."""
    if dose is None or isinstance(dose, (int, float)):
        return dose, None
    number, _, unit = str(dose).strip().partition(" ")
    try:
        return float(number), unit.strip() or None
    except ValueError as error:
        raise PkpdError(
            f"dose '{dose}': write a number, with or without a unit, such as '100 mg'."
        ) from error


def _given(name, part, amount, start):
    """Dose and its time for one ID."""
    doses = part[part["AMT"] > 0] if "AMT" in part else part.iloc[:0]
    if start is None and len(doses) > 1:
        raise PkpdError(
            f"{name}: ID {part['ID'].iloc[0]} has {len(doses)} doses; "
            "say after which one with --start."
        )
    since = (
        start
        if start is not None
        else float(doses["TIME"].iloc[0])
        if len(doses)
        else float(part["TIME"].min())
    )
    if amount is None and len(doses):
        near = doses[doses["TIME"] <= since]
        amount = float((near if len(near) else doses)["AMT"].iloc[-1 if len(near) else 0])
    return amount, since


def _samples(name, part, column, since, every):
    """Times from the dose and concentrations of one ID; of two at one time the last counts."""
    rows = part[part[column].notna() & (part["TIME"] >= since)]
    if "EVID" in rows:
        rows = rows[rows["EVID"].isin((0, 2))]
    if "MDV" in rows:
        rows = rows[rows["MDV"] != 1]
    if every is not None:
        rows = rows[rows["TIME"] <= since + every]
    rows = rows.drop_duplicates("TIME", keep="last").sort_values("TIME")
    if not len(rows):
        raise PkpdError(
            f"{name}: ID {part['ID'].iloc[0]} has no concentration from time {since:g} on."
        )
    return rows["TIME"].to_numpy(float) - since, rows[column].to_numpy(float)


def _units(conc, time, dose):
    """quantity -> (unit, factor); what depends on an unknown unit is left out."""
    said = {}
    for key, text in UNITS.items():
        if ("c" in text and conc is None) or ("d" in text and dose is None):
            continue
        if "d" in text:
            target = "L" if text == "d/c" else f"L/{time}"
            said[key] = (
                target,
                units.factor(
                    text.replace("d", dose).replace("c", f"({conc})").replace("*t)", f"*{time})"),
                    target,
                ),
            )
        else:
            said[key] = (
                {
                    "c*t": f"{conc}*{time}",
                    "c*t*t": f"{conc}*{time}**2",
                    "c": conc,
                    "t": time,
                    "1/t": f"1/{time}",
                }.get(text, text),
                1.0,
            )
    return said
