"""What a fitted curve cannot tell, in sentences.

Boundaries, numbers that the data do not determine, missing peaks, open intervals, doubtful data.
Knows a Fit and the problem it solves; knows nothing of the screen.
"""

import numpy as np

from pkpd.errors import PkpdError
from pkpd.fits.result import ALPHA
from pkpd.fits.variable_projection import STEP, derivatives, project

WIDE = np.log(10.0)  # standard error of a logarithm from which its number means nothing
CLEAR = 4.0  # AICc
RARE = 0.01  # P below which a check of the data is mentioned


def diagnose(fit, problem, exact, refit):
    """{name: sentence} for all that a reader must know before using the fit.

    exact : whether the curve passes through every point
    refit : fits a model to an assay, as pkpd.fits.least_squares.fit_one does
    """
    checks = (
        _exact,
        _settled,
        _peak,
        _monotone,
        _boundary,
        _not_identifiable,
        _open,
        _control,
        _negative,
        _lack_of_fit,
        _spread,
    )
    flags: dict[str, str] = {}
    for check in checks:
        flags |= check(fit, problem, exact)
    return flags | _direction(fit, exact, flags, refit)


def _exact(fit, problem, exact):
    if fit.assay.computed:
        return {
            "computed": "A simulated curve has no error: its residuals are misfit, "
            "so there are no intervals and P values say nothing."
        }
    if exact:
        return {
            "exact": "The curve passes through every point: "
            "there is no residual variance and there are no intervals."
        }
    return {}


def _settled(fit, problem, exact):
    if fit.settled:
        return {}
    return {
        "unsettled": "The weights did not settle: the curve they follow changes with them from "
        "round to round, and this fit is one of several. Give a column weight, or another variance."
    }


def _peak(fit, problem, exact):
    if not fit.curve.hormetic:
        return {}
    if not np.isfinite(fit.peak):
        return {
            "no_peak": f"No dose is {fit.better} than the control: "
            "there is no hormesis in this direction and no peak."
        }
    tested = fit.curve.nested and not exact and not fit.assay.computed
    if tested and fit.p_values[1] > ALPHA:
        return {
            "no_evidence": "A curve without hormesis fits about as well "
            f"(P = {fit.p_values[1]:.2g}): the peak may not exist."
        }
    low, high = problem.positive[[0, -1]]
    if not low <= fit.peak <= high:
        return {
            "peak_outside": f"The peak lies outside the doses tested, {low:g} to {high:g}: "
            "it is extrapolated."
        }
    return {}


def _monotone(fit, problem, exact):
    trend = fit.assay.monotone
    if trend is None or not fit.curve.hormetic:
        return {}
    return {
        "monotone": f"The means only {trend} with dose: that is not hormesis, whatever P says; "
        "a peak would be extrapolated."
    }


def _boundary(fit, problem, exact):
    """Coefficients at 0 and slopes at the ends of their box."""
    words = {"d-c": "d = c", "f": "f = 0"}
    coefficients = zip(fit.curve.linear[1:], fit.beta[1:], strict=True)
    at = [words.get(name, f"{name} = 0") for name, value in coefficients if value <= 0.0]
    box = fit.scaled.parameterisation(problem.span).box
    for name, theta, ends in zip(fit.curve.nonlinear, fit.theta, box, strict=True):
        if np.abs(ends - theta).min() < 1e-6:
            at.append(f"{name} at its {'least' if theta < sum(ends) / 2 else 'greatest'} value")
    return {"boundary": f"At the boundary of the model: {', '.join(at)}."} if at else {}


def _not_identifiable(fit, problem, exact):
    """Numbers of the equation that the data do not determine.

    Their logarithm has an asymptotic standard error of a factor of ten, or the fit does not change
    with them.
    """
    parameterisation, theta = fit.scaled.parameterisation(problem.span), fit.theta[None, :]
    left = project(parameterisation, problem.points, np.zeros(1), theta)[1]
    square = derivatives(parameterisation, problem.points, np.zeros(1), theta, left)[1][0]
    noise = max(fit.variance / problem.scale, 1e-16 * square.max())
    above, below = (fit.scaled.parameters(fit.theta + step) for step in (STEP, -STEP))
    steep = np.log(above / below) / (2 * STEP)
    curvature, along = np.linalg.eigh(square)
    least = 1e-14 * curvature[-1] + 1e-300
    error = np.sqrt(noise * (along**2 / np.maximum(curvature, least)).sum(axis=1)) * steep
    rows = zip(fit.curve.nonlinear, error, square.diagonal(), strict=True)
    names = [name for name, e, rise in rows if rise == 0.0 or e > WIDE]
    if not names:
        return {}
    return {
        "ridge": f"A ridge: the data do not determine {' and '.join(names)}; "
        "curves with very different numbers fit as well. Use the peak, not these."
    }


def _open(fit, problem, exact):
    flags = {}
    for name, (low, high) in fit.intervals.items():
        if low == 0.0 and name == "max_stimulation":
            flags["zero_stimulation"] = (
                "Curves without any stimulation are within the limit "
                "of the interval of max_stimulation."
            )
        below = ["below"] * (low == 0.0 and name != "max_stimulation")
        ends = below + ["above"] * bool(np.isinf(high))
        if ends:
            flags[f"open_{name}"] = (
                f"The interval of {name} is open {' and '.join(ends)}: the data set no limit there."
            )
        if name in fit.bounded:
            flags[f"bounded_{name}"] = (
                f"An end of the interval of {name} is set by the bounds of the search, such as the "
                "steepest slope that is tried, not by the data alone."
            )
        if name in fit.split:
            flags[f"split_{name}"] = (
                f"Some values of {name} inside its interval fit worse than the limit: "
                "the profile has several valleys."
            )
    return flags


def _control(fit, problem, exact):
    if fit.assay.dose.min() > 0.0:
        return {
            "no_control": "No response at dose 0: the control, and all that is measured against "
            "it, is extrapolated."
        }
    return {}


def _negative(fit, problem, exact):
    """Means of a dose below 0 by more than two standard errors."""
    error = np.sqrt(fit.variance / problem.scale) / problem.points.root
    if fit.c == 0 and (problem.points.y / problem.points.root < -2.0 * error).any():
        return {
            "negative": "Some mean responses are below 0, where a curve with c = 0 cannot go; "
            "try c = free."
        }
    return {}


def _lack_of_fit(fit, problem, exact):
    """F test of the residuals of group means against the scatter of replicates."""
    groups = len(problem.points.x)
    pure, rest = fit.n - groups, groups - fit.parameters
    if exact or fit.assay.computed or not pure or rest <= 0 or problem.pure <= 0.0:
        return {}
    misfit = max(fit.rss / problem.scale - problem.pure, 0.0)
    p = _tail((misfit / rest) / (problem.pure / pure), rest, pure)
    if p >= RARE:
        return {}
    return {
        "lack_of_fit": "The curve misses the means of the replicates by more than their scatter "
        f"explains (P = {p:.2g})."
    }


def _spread(fit, problem, exact):
    """Brown-Forsythe test of equal variance between doses, where nothing was said about it."""
    table = fit.assay
    if table.weighted or table.computed or np.ptp(fit.weight) > 0.0:
        return {}
    p = _equal_spread(table.response, table.groups()[1])
    if p >= RARE:
        return {}
    return {
        "unequal_variance": f"The scatter differs between doses (Brown-Forsythe P = {p:.2g}); "
        "give a column weight or se, or set variance to poisson or proportional."
    }


def _equal_spread(response, groups):
    """P of equal variance in all groups (M,) of more than two responses (M,); 1 where it cannot be
    tested."""
    parts = (response[groups == g] for g in range(groups.max() + 1))
    apart = [np.abs(part - np.median(part)) for part in parts if len(part) > 2]
    n, count = sum(map(len, apart)), len(apart)
    if count < 2:
        return 1.0
    middle = np.concatenate(apart).mean()
    within = sum(((z - z.mean()) ** 2).sum() for z in apart)
    if within == 0.0:
        return 1.0
    between = sum(len(z) * (z.mean() - middle) ** 2 for z in apart)
    return _tail(between / (count - 1) / (within / (n - count)), count - 1, n - count)


def _direction(fit, exact, flags, refit):
    """The other direction, if this one fits badly or has no peak held by data on both sides."""
    held = np.isfinite(fit.peak) and not {"peak_outside", "open_peak", "lack_of_fit"} & set(flags)
    if not fit.curve.hormetic or exact or held or fit.assay.computed:
        return {}
    other = "lower" if fit.better == "higher" else "higher"
    options = {"c": "free", "better": other, "intervals": (), "weight": fit.weight, "look": False}
    try:
        turned = refit(fit.assay, fit.curve.name, **options)
    except PkpdError:  # too few doses for a free c
        return {}
    if not (np.isfinite(turned.peak) and turned.aicc < fit.aicc - CLEAR):
        return {}
    return {
        "other_direction": f"A curve whose low doses are {other} than the control fits better "
        f"(RSS {turned.rss:.4g}): try better = {other}."
    }


def _tail(f, a, b):
    """P of F(a, b) above f."""
    from scipy.special import fdtrc

    return float(fdtrc(a, b, f))
