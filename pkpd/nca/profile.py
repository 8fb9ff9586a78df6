"""Computes the noncompartmental quantities of one profile: exposure, slope, clearance, volumes.

By the conventions of Phoenix WinNonlin: what stands at the time of a dose that was not sampled,
which samples make the terminal slope, what an interval at steady state gives (Gabrielsson & Weiner
2016, Pharmacokinetic and Pharmacodynamic Data Analysis, 5th ed., chapter 2.8). Knows times after
one dose and concentrations; knows nothing of tables, patients or models.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pkpd import limits
from pkpd.errors import PkpdError

ROUTES = ("oral", "bolus", "infusion")
RULES = ("linear-up-log-down", "linear", "linear-log")
EXTRAPOLATIONS = ("observed", "predicted")
TIE = 1e-4  # of adjusted R2: more samples win where they cost less
SAME = 1e-9  # share of a time within which two times are one
FALL = 1e-9  # of ln c over the samples of a terminal slope: less is rounding
LARGEST = 1e100  # time or concentration: moments of larger ones are no numbers any more
STRAIGHT = 1e-4  # log ratio of two concentrations below which a line is as good as an exponential


class Terminal(NamedTuple):
    """Log-linear fit to the last samples: ln c = intercept - slope t. NaN where there is none."""

    slope: float
    points: int
    r2_adjusted: float
    intercept: float


NO_SLOPE = Terminal(np.nan, 0, np.nan, np.nan)


def area(times, conc, rule="linear-up-log-down", peak=0.0):
    """Areas under c and t*c from the first to each time: (T,) and (T,).

    Parameters
    ----------
    times : (T,) increasing; conc : (T,) >= 0
    rule : "linear-up-log-down", an exponential between two samples where they fall; "linear"; or
        "linear-log", exponentials from the time `peak` on. From or to 0 the line is straight
    """
    return _trapezoids(times, conc, _falls(times, conc, rule, peak))


def _falls(times, conc, rule, peak):
    """(T-1,) whether an exponential joins two samples."""
    c1, c2 = conc[:-1], conc[1:]
    if rule == "linear":
        return np.zeros(len(c1), bool)
    return (c1 > 0) & (c2 > 0) & (times[:-1] >= peak if rule == "linear-log" else c2 < c1)


def _trapezoids(times, conc, curved):
    """Areas as `area` gives them; curved : (T-1,) whether an exponential joins two samples."""
    t1, t2, c1, c2 = times[:-1], times[1:], conc[:-1], conc[1:]
    gap = t2 - t1
    auc = gap * (c1 + c2) / 2
    aumc = gap * (t1 * c1 + t2 * c2) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ratio = np.log(c1) - np.log(c2)
        curved = curved & (np.abs(log_ratio) > STRAIGHT)
        k = log_ratio / gap
        auc = np.where(curved, (c1 - c2) / k, auc)
        aumc = np.where(curved, (t1 * c1 - t2 * c2 + auc) / k, aumc)
    return np.append(0.0, np.cumsum(auc)), np.append(0.0, np.cumsum(aumc))


def terminal_slope(times, conc, route="oral", duration=0.0):
    """The log-linear fit with the best adjusted R2 to the last 3 or more positive samples.

    More samples are taken where that costs less than 0.0001. Samples before the largest one and
    before the end of an infusion do not count, the largest itself after a bolus alone.

    Returns
    -------
    Terminal, NaN where no 3 samples fall
    """
    after = int(np.argmax(conc)) + (route != "bolus") if len(conc) else 0
    use = (conc > 0) & (np.arange(len(conc)) >= after) & (times >= duration * (1 - SAME))
    if use.sum() < 3:
        return NO_SLOPE
    # sums over the last 1, 2, 3 ... samples, times and logarithms counted from the last one
    times, log_conc = times[use][::-1], np.log(conc[use][::-1])
    n, t, y = np.arange(1, len(times) + 1), times - times[0], log_conc - log_conc[0]
    mean_t, mean_y = np.cumsum(t) / n, np.cumsum(y) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        tt, yy = np.cumsum(t * t) - n * mean_t**2, np.cumsum(y * y) - n * mean_y**2
        ty = np.cumsum(t * y) - n * mean_t * mean_y
        slope = -ty / tt
        adjusted = 1.0 - (1.0 - ty**2 / (tt * yy)) * (n - 1) / (n - 2)
        falls = (n >= 3) & (yy > 0.0) & (slope * -t > FALL)
    if not falls.any():
        return NO_SLOPE
    best = np.flatnonzero(falls & (adjusted >= adjusted[falls].max() - TIE))[-1]
    intercept = log_conc[0] + mean_y[best] + slope[best] * (times[0] + mean_t[best])
    return Terminal(slope[best], int(n[best]), adjusted[best], intercept)


@dataclass(frozen=True)
class Curve:
    """A profile between and beyond its samples, from the dose on.

    times, conc : (T,) up to the last positive sample; rule, peak : of `area`
    slope, last : of the exponential beyond the last sample, and where it starts there
    """

    times: np.ndarray
    conc: np.ndarray
    rule: str
    peak: float
    slope: float
    last: float

    def at(self, time):
        """Concentration at a time."""
        if time > self.times[-1]:
            return self.last * np.exp(-self.slope * (time - self.times[-1]))
        k = int(np.searchsorted(self.times, time, side="right")) - 1
        if time == self.times[k]:
            return self.conc[k]
        share = (time - self.times[k]) / (self.times[k + 1] - self.times[k])
        c1, c2 = self.conc[k : k + 2]
        if _falls(self.times, self.conc, self.rule, self.peak)[k]:
            return c1 ** (1.0 - share) * c2**share
        return c1 + share * (c2 - c1)

    def area(self, start, end):
        """Area under c between two times, the later of which may be inf.

        It is no difference of two areas from the dose, which may be larger by many digits.
        """
        last = self.times[-1]
        knots = np.unique(np.clip([start, *self.times, end], start, end))
        knots = knots[knots <= last]
        segment = np.searchsorted(self.times, knots[:-1], side="right") - 1
        curved = _falls(self.times, self.conc, self.rule, self.peak)[segment]
        conc = np.array([self.at(time) for time in knots])
        inside = _trapezoids(knots, conc, curved)[0][-1] if len(knots) else 0.0
        if end <= last:
            return inside
        left = np.exp(-self.slope * (np.array([max(start, last), end]) - last))
        return inside + self.last / self.slope * (left[0] - left[1])

    def areas(self, time):
        """Areas under c and t*c from the dose to a time, which may be inf."""
        until = min(time, self.times[-1])
        inside = self.times < until
        times = np.append(self.times[inside], until)
        conc = np.append(self.conc[inside], self.at(until))
        curved = _falls(self.times, self.conc, self.rule, self.peak)[: len(times) - 1]
        auc, aumc = (total[-1] for total in _trapezoids(times, conc, curved))
        if time <= self.times[-1]:
            return auc, aumc
        passed = self.slope * (time - until)
        left = np.exp(-passed)
        tail = self.last / self.slope * (1.0 - left)
        moment = self.last / self.slope**2 * (1.0 - left - (passed * left if left > 0.0 else 0.0))
        return auc + tail, aumc + until * tail + moment


def profile(
    times,
    conc,
    dose=None,
    route="oral",
    duration=0.0,
    every=None,
    *,
    rule="linear-up-log-down",
    extrapolation="observed",
    partial=(),
):
    """Quantities of one profile after a dose at time 0.

    Where nothing was sampled at 0, a value is put in: 0 (at steady state the lowest concentration
    within the interval), after a bolus C0, the line through the logarithms of the first two samples
    at 0 (the first sample where they do not fall). What is put in is no Cmax and no part of the
    terminal slope.

    Parameters
    ----------
    times : (T,) >= 0, increasing, from the dose, any unit; conc : (T,) >= 0, any unit
    dose : amount in any unit, or None
    route : "oral", "bolus" or "infusion" of `duration`, in the unit of the times
    every : dosing interval in the unit of the times, if the profile begins with a dose at steady
        state; samples after it make the terminal slope alone
    rule : of the areas, one of RULES; extrapolation : from the last concentration as "observed" or
        as "predicted" by the terminal slope
    partial : (from, to) of further areas, in the unit of the times

    Returns
    -------
    dict with the keys of pkpd.nca.UNITS that apply and auc_<from>_<to>; NaN where the profile does
    not hold the answer. Raises PkpdError for bad input.
    """
    times, conc = np.asarray(times, float), np.asarray(conc, float)
    _check(times, conc, route, duration, every, rule, extrapolation, partial)
    if every is not None:
        times = np.where(np.abs(times - every) <= SAME * every, every, times)
    inside = times <= (np.inf if every is None else every)
    if not (conc[inside] > 0).any():
        return {"cmax": 0.0 if inside.any() else np.nan}
    lowest = conc[inside].min()
    at_dose = 0.0 if every is None else lowest
    out = {}
    if route == "bolus":
        at_dose = out["c0"] = back_to_0(times, conc)
    terminal = terminal_slope(times, conc, route, duration)
    curve = _curve(times, conc, at_dose, terminal, route, rule, extrapolation)
    out |= _exposure(curve, terminal, duration, times[inside], conc[inside])
    for start, end in partial_areas(partial):
        out[partial_name(start, end)] = curve.area(start, end)
    if every is not None:
        out |= _interval(curve, out, lowest, duration, every)
    if dose is not None:
        out |= _clearance(out, dose, route)
    return out


def _curve(times, conc, at_dose, terminal, route, rule, extrapolation):
    """The Curve of a profile. at_dose : the concentration put in where none was sampled at 0"""
    last = int(np.flatnonzero(conc > 0)[-1])
    predicted = np.exp(terminal.intercept - terminal.slope * times[last])
    beyond = predicted if extrapolation == "predicted" else conc[last]
    peak = 0.0 if route == "bolus" else times[np.argmax(conc)]
    from_dose, level = _from_dose(times[: last + 1], conc[: last + 1], at_dose)
    return Curve(from_dose, level, rule, peak, terminal.slope, beyond)


def _exposure(curve, terminal, duration, times, conc):
    """What needs neither an interval nor a dose. times, conc : samples that may be the largest"""
    clast, tlast = curve.conc[-1], curve.times[-1]
    auc_last, _ = curve.areas(tlast)
    auc_inf, aumc_inf = curve.areas(np.inf)
    top = int(np.argmax(conc))
    return {
        "cmax": conc[top],
        "tmax": times[top],
        "clast": clast,
        "tlast": tlast,
        "auc_last": auc_last,
        "lambda_z": terminal.slope,
        "half_life": np.log(2) / terminal.slope,
        "points": terminal.points,
        "r2_adjusted": terminal.r2_adjusted,
        "auc_inf": auc_inf,
        "auc_extrapolated": 100 * (1 - auc_last / auc_inf),
        "aumc_inf": aumc_inf,
        "mrt": aumc_inf / auc_inf - duration / 2,
    }


def _from_dose(times, conc, at_dose):
    """Times and concentrations from time 0 on, with a value put in where nothing was sampled."""
    if times[0] == 0.0:
        return times, conc
    return np.append(0.0, times), np.append(at_dose, conc)


def back_to_0(times, conc):
    """C0 of a bolus: the sample at 0, or the line through the logarithms of the first two samples.

    The first positive sample where the two do not fall.
    """
    if times[0] == 0.0:
        return conc[0]
    if len(conc) < 2 or not 0.0 < conc[1] < conc[0]:
        return conc[conc > 0.0][0]
    return conc[0] * (conc[0] / conc[1]) ** (times[0] / (times[1] - times[0]))


def _interval(curve, out, cmin, duration, every):
    """Quantities of one dosing interval at steady state.

    The mean residence time counts what the interval's dose leaves for later: tau times the area
    from tau on (Perrier & Mayersohn 1982, J Pharm Sci 71:372).
    """
    auc, aumc = curve.areas(every)
    mean, swing = auc / every, out["cmax"] - cmin
    return {
        "auc_tau": auc,
        "aumc_tau": aumc,
        "cavg": mean,
        "cmin": cmin,
        "ctau": curve.at(every),
        "fluctuation": 100 * swing / mean,
        "swing": swing / cmin if cmin > 0 else np.nan,
        "accumulation": 1 / -np.expm1(-curve.slope * every),
        "mrt": (aumc + every * (out["auc_inf"] - auc)) / auc - duration / 2,
    }


def _clearance(out, dose, route):
    cleared = dose / out.get("auc_tau", out["auc_inf"])
    volume = cleared / out["lambda_z"]
    if route == "oral":
        return {"cl_f": cleared, "vz_f": volume}
    return {"cl": cleared, "vz": volume, "vss": cleared * out["mrt"]}


def partial_name(start, end):
    """Name of a partial area: "auc_0_24"."""
    return f"auc_{start:g}_{end:g}"


def partial_areas(partial):
    """((from, to), ...) of further areas, as floats. Raises PkpdError."""
    limits.check_kind(partial, (list, tuple), "partial is a list of pairs such as [(0, 24)]")
    return tuple(limits.pair(ends, "partial") for ends in partial)


def check_options(route, duration, every, rule, extrapolation, partial):
    """Raise PkpdError for options that no profile can be analysed with."""
    limits.one_of(route, ROUTES, "route")
    limits.one_of(rule, RULES, "rule of the areas")
    limits.one_of(extrapolation, EXTRAPOLATIONS, "extrapolation")
    limits.number(duration, "duration")
    if not 0.0 <= duration < np.inf:
        raise PkpdError(f"duration {duration:g} must be 0 or more.")
    if duration > 0.0 and route != "infusion":
        raise PkpdError(f"duration {duration:g} is that of an infusion, and the route is {route}.")
    if every is not None and not limits.number(every, "every") > 0.0:
        raise PkpdError(f"every {every:g} must be above 0: it is the dosing interval.")
    if every is not None and duration > every:
        raise PkpdError(f"duration {duration:g} is longer than the dosing interval, {every:g}.")
    for start, end in partial_areas(partial):
        if not 0.0 <= start < end < np.inf:
            text = "write times from the dose, such as 0:24."
            raise PkpdError(f"partial area {start:g} to {end:g}: {text}")


def _check(times, conc, route, duration, every, rule, extrapolation, partial):
    check_options(route, duration, every, rule, extrapolation, partial)
    if route == "infusion" and duration == 0.0:
        raise PkpdError("An infusion needs its duration.")
    _check_samples(times, conc)


def _check_samples(times, conc):
    if times.ndim != 1 or times.shape != conc.shape or not len(times):
        raise PkpdError("A profile needs as many times as concentrations, at least one.")
    rises = (np.diff(times) > 0.0).all()
    if not (np.isfinite(times).all() and times[0] >= 0.0 and rises):
        raise PkpdError("The times of a profile must increase, from 0, the time of the dose, on.")
    if not (np.isfinite(conc).all() and (conc >= 0.0).all()):
        raise PkpdError("The concentrations of a profile must be numbers from 0 on.")
    if max(times.max(), conc.max()) > LARGEST:
        raise PkpdError(f"Times and concentrations of a profile stay below {LARGEST:g}.")
