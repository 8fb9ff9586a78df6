"""What a fitted curve cannot tell: sentences on boundaries, ridges, missing peaks, open intervals and doubtful data. Knows a Fit."""

import numpy as np

from pkpd.errors import PkpdError
from pkpd.fits.variable_projection import STEP, derivatives, project

WIDE = np.log(10.0)  # standard error of a logarithm from which its number means nothing
CLEAR = 4.0  # AICc
RARE = 0.01  # P below which a check of the data is mentioned


def diagnose(found, problem, exact, refit):
    """{name: sentence} for everything a reader must know before using the fit. refit : fits a model to an assay, as pkpd.fits.least_squares.fit_one"""
    said = {}
    for check in (
        _exact,
        _peak,
        _boundary,
        _not_identifiable,
        _open,
        _control,
        _negative,
        _lack_of_fit,
        _spread,
    ):
        said |= check(found, problem, exact, said)
    return said | _direction(found, exact, said, refit)


def _exact(found, problem, exact, said):
    if found.assay.computed:
        return {
            "computed": "A simulated curve has no error: its residuals are misfit, so there are no intervals and P values say nothing."
        }
    return (
        {
            "exact": "The curve passes through every point: there is no residual variance and there are no intervals."
        }
        if exact
        else {}
    )


def _peak(found, problem, exact, said):
    if not found.curve.hormetic:
        return {}
    if not np.isfinite(found.peak):
        return {
            "no_peak": f"No dose is {found.better} than the control: there is no hormesis in this direction and no peak."
        }
    low, high = problem.positive[[0, -1]]
    if not exact and not found.assay.computed and found.curve.nested and found.p_values[1] > 0.05:
        return {
            "no_evidence": f"A curve without hormesis fits about as well (P = {found.p_values[1]:.2g}): the peak may not exist."
        }
    if not low <= found.peak <= high:
        return {
            "peak_outside": f"The peak lies outside the doses tested, {low:g} to {high:g}: it is extrapolated."
        }
    return {}


def _boundary(found, problem, exact, said):
    """Coefficients at 0 and slopes at the ends of their box."""
    at = []
    if found.c == "free" and problem.points.constant == "positive" and found.beta[0] <= 0.0:
        at.append("c = 0")
    names = {"d-c": "d = c", "f": "f = 0"}
    at += [
        names.get(name, f"{name} = 0")
        for name, value in zip(found.curve.linear[1:], found.beta[1:], strict=True)
        if value <= 0.0
    ]
    box = found.scaled.parameterisation(problem.span).box
    values = zip(found.curve.nonlinear, found.theta, box, strict=True)
    at += [
        f"{name} at its {'least' if t < sum(ends) / 2 else 'greatest'} value"
        for name, t, ends in values
        if np.abs(ends - t).min() < 1e-6
    ]
    return {"boundary": f"At the boundary of the model: {', '.join(at)}."} if at else {}


def _not_identifiable(found, problem, exact, said):
    """Numbers of the equation whose logarithm has an asymptotic standard error of a factor of ten, or that move without changing the fit."""
    parameterisation, theta = found.scaled.parameterisation(problem.span), found.theta[None, :]
    left = project(parameterisation, problem.points, np.zeros(1), theta)[1]
    square = derivatives(parameterisation, problem.points, np.zeros(1), theta, left)[1][0]
    noise = max(found.variance / problem.scale, 1e-16 * square.max())
    steep = np.log(
        found.scaled.parameters(found.theta + STEP) / found.scaled.parameters(found.theta - STEP)
    ) / (2 * STEP)
    curvature, along = np.linalg.eigh(square)
    error = (
        np.sqrt(
            noise * (along**2 / np.maximum(curvature, 1e-14 * curvature[-1] + 1e-300)).sum(axis=1)
        )
        * steep
    )
    names = [
        n
        for n, e, rise in zip(found.curve.nonlinear, error, square.diagonal(), strict=True)
        if rise == 0.0 or e > WIDE
    ]
    if not names:
        return {}
    return {
        "ridge": f"A ridge: the data do not determine {' and '.join(names)}; curves with very different numbers fit as well. Use the peak, not these."
    }


def _open(found, problem, exact, said):
    said = {}
    for name, (low, high) in found.intervals.items():
        if low == 0.0 and name == "max_stimulation":
            said["zero_stimulation"] = (
                "Curves without any stimulation are within the limit of the interval of max_stimulation."
            )
        ends = [
            word
            for word, end in (
                ("below", low == 0.0 and name != "max_stimulation"),
                ("above", np.isinf(high)),
            )
            if end
        ]
        if ends:
            said[f"open_{name}"] = (
                f"The interval of {name} is open {' and '.join(ends)}: the data set no limit there."
            )
        if name in found.split:
            said[f"split_{name}"] = (
                f"Some values of {name} inside its interval fit worse than the limit: the profile has several valleys."
            )
    return said


def _control(found, problem, exact, said):
    if found.assay.dose.min() > 0.0:
        return {
            "no_control": "No response at dose 0: the control, and all that is measured against it, is extrapolated."
        }
    return {}


def _negative(found, problem, exact, said):
    """Means of a dose below 0 by more than two standard errors."""
    error = np.sqrt(found.variance / problem.scale) / problem.points.root
    if found.better == "higher" and (problem.points.y / problem.points.root < -2.0 * error).any():
        return {
            "negative": "Some mean responses are below 0, where these curves (0 <= c <= d) cannot go."
        }
    return {}


def _direction(found, exact, said, refit):
    """The other direction, where this one has no peak that the data hold on both sides, or fits badly."""
    held = np.isfinite(found.peak) and not {"peak_outside", "open_peak", "lack_of_fit"} & set(said)
    if not found.curve.hormetic or exact or held or found.assay.computed:
        return {}
    other = "lower" if found.better == "higher" else "higher"
    try:
        turned = refit(
            found.assay,
            found.curve.name,
            c="free",
            better=other,
            intervals=(),
            weight=found.weight,
            look=False,
        )
    except PkpdError:  # too few doses for a free c
        return {}
    if np.isfinite(turned.peak) and turned.aicc < found.aicc - CLEAR:
        return {
            "other_direction": f"A curve whose low doses are {other} than the control fits better (RSS {turned.rss:.4g}): try better = {other}."
        }
    return {}


def _lack_of_fit(found, problem, exact, said):
    """F test of the residuals of group means against the scatter of replicates."""
    groups = len(problem.points.x)
    pure, rest = found.n - groups, groups - found.parameters
    if exact or found.assay.computed or not pure or rest <= 0 or problem.pure <= 0.0:
        return {}
    misfit = max(found.rss / problem.scale - problem.pure, 0.0)
    p = _tail((misfit / rest) / (problem.pure / pure), rest, pure)
    return (
        {
            "lack_of_fit": f"The curve misses the means of the replicates by more than their scatter explains (P = {p:.2g})."
        }
        if p < RARE
        else {}
    )


def _spread(found, problem, exact, said):
    """Brown-Forsythe test of equal variance between doses, where nothing was said about it."""
    table = found.assay
    if table.weighted or table.computed or np.ptp(found.weight) > 0.0:
        return {}
    groups = table.groups()[1]
    apart = [
        np.abs(part - np.median(part))
        for part in (table.response[groups == g] for g in range(groups.max() + 1))
        if len(part) > 2
    ]
    n, count = sum(map(len, apart)), len(apart)
    if count < 2:
        return {}
    middle = np.concatenate(apart).mean()
    within = sum(((z - z.mean()) ** 2).sum() for z in apart)
    if within == 0.0:
        return {}
    p = _tail(
        sum(len(z) * (z.mean() - middle) ** 2 for z in apart)
        / (count - 1)
        / (within / (n - count)),
        count - 1,
        n - count,
    )
    advice = "give a column weight or se, or set variance to poisson or proportional"
    return (
        {
            "unequal_variance": f"The scatter differs between doses (Brown-Forsythe P = {p:.2g}); {advice}."
        }
        if p < RARE
        else {}
    )


def _tail(f, a, b):
    """P of F(a, b) above f."""
    from scipy.special import fdtrc

    return float(fdtrc(a, b, f))
