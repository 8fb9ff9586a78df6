"""What a fitted curve cannot tell: sentences on boundaries, ridges, missing peaks, open intervals and doubtful data. Knows a Fit."""

import numpy as np

from pkpd.response.projection import slopes

WIDE = np.log(10.0)  # standard error of a log dose from which its number means nothing
RARE = 0.01  # P below which a check of the data is mentioned


def raised(found, problem, exact):
    """{name: sentence} for everything a reader must know before using the fit."""
    said = {}
    for check in (_exact, _peak, _boundary, _ridge, _open, _control, _direction, _lack_of_fit, _spread):
        said |= check(found, problem, exact)
    return said


def _exact(found, problem, exact):
    if found.assay.computed:
        return {"computed": "A simulated curve has no error: its residuals are misfit, so there are no intervals and P values say nothing."}
    return {"exact": "The curve passes through every point: there is no residual variance and there are no intervals."} if exact else {}


def _peak(found, problem, exact):
    if not found.curve.hormetic:
        return {}
    if not np.isfinite(found.peak):
        return {"no_peak": f"No dose is {found.better} than the control: there is no hormesis in this direction and no peak."}
    low, high = problem.positive[[0, -1]]
    if not exact and not found.assay.computed and found.curve.nested and found.p_values[1] > 0.05:
        return {"no_evidence": f"A curve without hormesis fits about as well (P = {found.p_values[1]:.2g}): the peak may not exist."}
    if not low <= found.peak <= high:
        return {"peak_outside": f"The peak lies outside the doses tested, {low:g} to {high:g}: it is extrapolated."}
    return {}


def _boundary(found, problem, exact):
    """Coefficients at 0 and slopes at the ends of their box."""
    at = []
    if found.c == "free" and problem.points.constant == "positive" and found.beta[0] <= 0.0:
        at.append("c = 0")
    names = {"d-c": "d = c", "f": "f = 0"}
    at += [names.get(name, f"{name} = 0") for name, value in zip(found.curve.linear[1:], found.beta[1:], strict=True) if value <= 0.0]
    box = found.scaled.form(problem.span).box
    values = zip(found.curve.nonlinear, found.theta, box, strict=True)
    at += [f"{name} at its {'least' if t < sum(ends) / 2 else 'greatest'} value" for name, t, ends in values if np.abs(ends - t).min() < 1e-6]
    return {"boundary": f"At the boundary of the model: {', '.join(at)}."} if at else {}


def _ridge(found, problem, exact):
    """Log doses of the equation whose asymptotic standard error is a factor of ten, or that move without changing the fit."""
    form = found.scaled.form(problem.span)
    slope = slopes(form, problem.points, np.zeros(1), found.theta[None, :])[0]
    square = slope @ slope.T
    noise = max(found.variance / problem.scale, 1e-16 * square.max())
    spread = np.linalg.pinv(square, rcond=1e-14).diagonal() * noise
    flat = slope.any(axis=1) == 0
    names = [n for n, s, lost in zip(found.curve.nonlinear, spread, flat, strict=True) if n not in found.curve.slopes and (lost or s > WIDE**2)]
    if not names:
        return {}
    return {"ridge": f"A ridge: the data do not determine {' and '.join(names)}; curves with very different numbers fit as well. Use the peak, not these."}


def _open(found, problem, exact):
    said = {}
    for name, (low, high) in found.intervals.items():
        if np.isnan(low):
            continue
        ends = [word for word, end in (("below", low == 0.0), ("above", np.isinf(high))) if end]
        if ends and name == "max_stimulation" and low == 0.0:
            said["open_max_stimulation"] = "The interval of max_stimulation reaches 0: curves without any stimulation are within the limit."
        elif ends:
            said[f"open_{name}"] = f"The interval of {name} is open {' and '.join(ends)}: the data set no limit there."
        if name in found.split:
            said[f"split_{name}"] = f"Some values of {name} inside its interval fit worse than the limit: the profile has several valleys."
    return said


def _control(found, problem, exact):
    if found.assay.dose.min() > 0.0:
        return {"no_control": "No response at dose 0: the control, and all that is measured against it, is extrapolated."}
    return {}


def _direction(found, problem, exact):
    """The other direction, where this one has no peak."""
    if not found.curve.hormetic or np.isfinite(found.peak):
        return {}
    from pkpd.response.fit import fit_one

    other = "lower" if found.better == "higher" else "higher"
    turned = fit_one(found.assay, found.curve.name, c="free", better=other, intervals=(), weight=found.weight, look=False)
    if np.isfinite(turned.peak) and found.n * np.log(found.rss / max(turned.rss, 1e-300)) > 4.0:
        return {"other_direction": f"A curve whose low doses are {other} than the control fits better (RSS {turned.rss:.4g}): try better = {other}."}
    return {}


def _lack_of_fit(found, problem, exact):
    """F test of the residuals of group means against the scatter of replicates."""
    groups = len(problem.points.x)
    pure, rest = found.n - groups, groups - found.parameters
    if exact or found.assay.computed or not pure or rest <= 0 or problem.pure <= 0.0:
        return {}
    misfit = max(found.rss / problem.scale - problem.pure, 0.0)
    p = _tail((misfit / rest) / (problem.pure / pure), rest, pure)
    return {"lack_of_fit": f"The curve misses the means of the replicates by more than their scatter explains (P = {p:.2g})."} if p < RARE else {}


def _spread(found, problem, exact):
    """Brown-Forsythe test of equal variance between doses, where nothing was said about it."""
    table = found.assay
    if table.weighted or table.computed or np.ptp(found.weight) > 0.0:
        return {}
    groups = table.groups()[1]
    apart = [np.abs(part - np.median(part)) for part in (table.response[groups == g] for g in range(groups.max() + 1)) if len(part) > 2]
    n, count = sum(map(len, apart)), len(apart)
    if count < 2:
        return {}
    middle = np.concatenate(apart).mean()
    within = sum(((z - z.mean()) ** 2).sum() for z in apart)
    if within == 0.0:
        return {}
    p = _tail(sum(len(z) * (z.mean() - middle) ** 2 for z in apart) / (count - 1) / (within / (n - count)), count - 1, n - count)
    advice = "give a column weight or se, or set variance to poisson or proportional"
    return {"unequal_variance": f"The scatter differs between doses (Brown-Forsythe P = {p:.2g}); {advice}."} if p < RARE else {}


def _tail(f, a, b):
    """P of F(a, b) above f."""
    from scipy.special import fdtrc

    return float(fdtrc(a, b, f))
