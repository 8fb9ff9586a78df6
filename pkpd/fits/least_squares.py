"""Fits one hormetic curve to one assay: least squares, intervals, a test of hormesis, flags.

The residual sum of squares is minimised over the non-linear numbers alone
(pkpd.fits.variable_projection). Limit of a profile-likelihood interval: RSS <= RSS_min (1 + F(1, n
- p)/(n - p)). Knows assays and models; knows nothing of files or of the screen.
"""

from dataclasses import replace
from numbers import Real

import numpy as np

from pkpd.errors import PkpdError, closest, quoted
from pkpd.fits import diagnostics
from pkpd.fits.curves import CURVES
from pkpd.fits.profile_likelihood import interval
from pkpd.fits.result import INTERVALS, Fit
from pkpd.fits.variable_projection import Points, project, search

ROUNDS = 60  # of weights that follow the curve, after the first FULL_STEPS at half steps
FULL_STEPS = 10
SETTLED = 1e-6  # change of a weight that is none
FAR = np.log(1000.0)  # an end of an interval so far outside the doses is open
STIMULATION = (np.log(1e-3), np.log(1e3))  # of the control; an interval that goes further is open
# power of the mean that the variance follows
VARIANCES = {"constant": 0.0, "poisson": 1.0, "proportional": 2.0}
# names of R's drc: b, d, e and f are free, in models of five numbers c too
ALIASES = {
    "bc.4": ("brain-cousens", 0),
    "bc.5": ("brain-cousens", "free"),
    "ll.3": ("log-logistic", 0),
    "ll.4": ("log-logistic", "free"),
    "crs.4a": ("crs-1", 0),
    "crs.4b": ("crs-0.5", 0),
    "crs.4c": ("crs-0.25", 0),
    "crs.5a": ("crs-1", "free"),
    "crs.5b": ("crs-0.5", "free"),
    "crs.5c": ("crs-0.25", "free"),
}


def fit_one(
    table,
    model,
    *,
    c=None,
    better="higher",
    level=0.95,
    intervals=INTERVALS,
    variance="constant",
    dose_scale=1.0,
    weight=None,
    look=True,
):
    """Fit one model to an Assay. Options as for pkpd.fits.fit.fit.

    weight : (M,) instead of what the table and `variance` say
    look : whether to look for what the data cannot tell
    """
    curve, c = _named(model, c, better)
    curve = replace(curve, unit=dose_scale) if getattr(curve, "alpha", 0.0) else curve
    parameters = len(curve.nonlinear) + len(curve.linear) - (c == 0)
    _check_enough(table, curve, parameters)
    fit = _weighted_best(table, curve, better, c, level, weight, variance, parameters)
    problem = Problem(table, better, c, fit.weight)
    if curve.nested:
        null = CURVES["log-logistic"]
        null = _best(table, null, better, c, level, fit.weight, parameters - 1)
        fit = replace(fit, null=null)
    exact = fit.rss <= 1e-20 * (fit.weight @ table.response**2)
    if curve.hormetic and not table.computed and not exact and np.isfinite(fit.peak):
        fit = _with_intervals(fit, problem, intervals)
    flags = diagnostics.diagnose(fit, problem, exact, fit_one) if look else {}
    return replace(fit, flags=flags)


def _weighted_best(table, curve, better, c, level, weight, variance, parameters):
    """The best curve by weights (M,), or where they are None by the table's and `variance`."""
    if weight is not None:
        return _best(table, curve, better, c, level, weight, parameters)
    fit = _best(table, curve, better, c, level, table.weight, parameters)
    power = VARIANCES[variance]
    return _reweighted(fit, power) if power else fit


def _with_intervals(fit, problem, names):
    """The fit with the intervals of those of the named quantities that it has."""
    ends, split, bounded = {}, [], []
    for name in names:
        if _has(fit, name):
            ends[name], gap, at_bounds = _interval(fit, problem, name)
            split += [name] if gap else []
            bounded += [name] if at_bounds else []
    return replace(fit, intervals=ends, split=tuple(split), bounded=tuple(bounded))


def _named(model, c, better):
    """Curve and treatment of c that a name stands for."""
    if str(model).lower() in ALIASES:
        model, usual_c = ALIASES[str(model).lower()]
        c = usual_c if c is None else c
    if model not in CURVES:
        raise PkpdError(f"Unknown model '{model}'.{closest(str(model), [*CURVES, 'all'])}")
    curve = CURVES[model]
    return curve, _treatment_of_c(c, curve, better)


def _treatment_of_c(c, curve, better):
    """ "free" or 0: how c is treated, as given or as usual for the curve. Raises PkpdError."""
    if c is None:
        return "free" if better == "lower" or curve.based else 0
    if isinstance(c, bool) or not isinstance(c, (str, Real)) or c not in (0, "0", "free"):
        raise PkpdError(f"c {quoted(c)} must be 0 or 'free'.")
    if c != "free" and better == "lower":
        raise PkpdError(
            "Where lower is better the response rises to c at the highest doses; "
            "c = 0 cannot be, leave it free."
        )
    return "free" if c == "free" else 0


def _check_enough(table, curve, parameters):
    groups, n = len(table.groups()[0]), len(table.dose)
    if groups < parameters or n <= parameters:
        have = f"{groups} different doses" if groups < parameters else f"{n} responses"
        raise PkpdError(
            f"{table.name}: {have} cannot determine the {parameters} numbers of {curve.name}; "
            f"it takes at least {parameters} doses and {parameters + 1} responses."
        )
    if np.ptp(table.response) == 0.0:
        raise PkpdError(
            f"{table.name}: every response is {table.response[0]:g}; there is nothing to fit."
        )


class Problem:
    """The scaled least-squares problem of an assay.

    Means of each dose; doses around 1, responses up to 1, where a higher one is better.
    """

    def __init__(self, table, better, c, weight):
        dose, group = table.groups()
        self.positive = dose[dose > 0.0]
        self.middle = np.sqrt(self.positive[0] * self.positive[-1])
        self.span = np.log(self.positive[-1] / self.positive[0]) / 2
        self.size = np.abs(table.response).max()
        self.sign, self.c = 1.0 if better == "higher" else -1.0, c
        self.scale = weight.mean() * self.size**2
        y, w = self.sign * table.response / self.size, weight / weight.mean()
        total = np.bincount(group, w)
        mean = np.bincount(group, w * y) / total
        self.pure = float((w * (y - mean[group]) ** 2).sum())
        constant = "none" if c == 0 else "free"
        with np.errstate(divide="ignore"):
            self.points = Points(
                np.log(dose / self.middle), mean * np.sqrt(total), np.sqrt(total), constant
            )

    def best(self, curve):
        """theta (k,), coefficients with c first, and rss in the data's units of the best curve."""
        parameterisation = curve.scaled(self.middle).parameterisation(self.span)
        solution = search(parameterisation, self.points, np.zeros(1))
        beta = project(parameterisation, self.points, np.zeros(1), solution.theta)[0][0]
        beta = np.concatenate([[0.0], beta]) if self.c == 0 else beta
        return solution.theta[0], beta, float((solution.rss[0] + self.pure) * self.scale)


def _best(table, curve, better, c, level, weight, parameters):
    problem = Problem(table, better, c, weight)
    theta, beta, rss = problem.best(curve)
    return Fit(
        assay=table,
        curve=curve,
        better=better,
        c=c,
        level=level,
        theta=theta,
        beta=beta,
        middle=problem.middle,
        size=problem.size,
        weight=weight,
        rss=rss,
        parameters=parameters,
    )


def _reweighted(fit, power):
    """The fit whose weights follow its own curve: variance proportional to a power of the mean.

    Two curves may take turns, each the best for the weights of the other; half steps between their
    weights (on a log scale) mostly settle that.
    """
    table = fit.assay
    for k in range(ROUNDS):
        mean = fit.predict(table.dose)
        if (mean <= 0.0).any():
            raise PkpdError(
                f"{table.name}: the fitted curve is not above 0 at every dose; "
                "a variance that follows the mean does not fit these data."
            )
        weight = table.weight / mean**power
        change = np.abs(weight / fit.weight - 1.0).max()
        if k >= FULL_STEPS:
            weight = np.sqrt(weight * fit.weight)
        fit = _best(table, fit.curve, fit.better, fit.c, fit.level, weight, fit.parameters)
        if change <= 1e-10:
            break
    return replace(fit, settled=bool(change <= SETTLED))


def _has(fit, name):
    """Whether a curve has the quantity of an interval."""
    if name == "zero_equivalent":
        return fit.curve.returns
    return name == "peak" or np.isfinite(fit.max_stimulation)


def _interval(fit, problem, name):
    """(low, high) of a quantity, 0 or inf where open; whether there is a gap between.

    And whether the bounds of the search set an end.
    """
    curve, span = fit.scaled, problem.span
    allowed = fit.rss * (1.0 + quantile(fit.level, fit.free) / fit.free)
    limit = allowed / problem.scale - problem.pure
    rss = fit.rss / problem.scale - problem.pure
    best, reach, unit = getattr(fit, name), (-span - FAR, span + FAR), fit.middle
    if name == "peak":
        forms = [curve.peak_parameterisation(span)]
    elif name == "zero_equivalent":
        forms = [curve.zero_parameterisation(span)]
    else:
        forms = curve.rise_parameterisations(span, problem.points.constant, problem.sign)
        reach, unit = STIMULATION, 100.0
    if not forms:
        return (np.nan, np.nan), False, False
    best = np.log(best / unit)
    (low, high), gap, at_bounds = interval(forms, problem.points, best, rss, limit, reach)
    return (float(unit * np.exp(low)), float(unit * np.exp(high))), gap, at_bounds


def quantile(level, free):
    """Quantile of F(1, free): the square of Student's."""
    from scipy.special import stdtrit

    return float(stdtrit(free, 0.5 + level / 2) ** 2)
