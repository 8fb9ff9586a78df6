"""One hormetic curve fitted to one assay: global least squares, profile-likelihood intervals, a test of hormesis, honest flags.

The residual sum of squares is minimised over the non-linear numbers alone (pkpd.fits.variable_projection). Limit of an interval:
RSS <= RSS_min (1 + F(1, n - p)/(n - p)). Knows tables of doses and responses and the models; knows no screen.
"""

from dataclasses import replace

import numpy as np

from pkpd.errors import PkpdError, closest
from pkpd.fits import diagnostics
from pkpd.fits.curves import CURVES
from pkpd.fits.profile_likelihood import interval
from pkpd.fits.result import INTERVALS, Fit
from pkpd.fits.variable_projection import Points, project, search

FAR = np.log(1000.0)  # an end of an interval so far outside the doses is open
STIMULATION = (np.log(1e-3), np.log(1e3))  # of the control; an interval that goes further is open
VARIANCES = {
    "constant": 0.0,
    "poisson": 1.0,
    "proportional": 2.0,
}  # power of the mean that the variance follows
# as R users of drc call them: b and e and d and f are free, and in those of five c too
ALIASES = {
    "bc.4": ("brain-cousens", 0),
    "bc.5": ("brain-cousens", "free"),
    "ll.3": ("log-logistic", 0),
    "ll.4": ("log-logistic", "free"),
    **{
        f"crs.{k}{letter}": (f"crs-{alpha}", c)
        for k, c in ((4, 0), (5, "free"))
        for letter, alpha in (("a", "1"), ("b", "0.5"), ("c", "0.25"))
    },
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
    """Fit one model to an Assay; weight (M,) replaces what table and variance say; look : whether to raise flags."""
    curve, c = _named(model, c, better)
    curve = replace(curve, unit=dose_scale) if getattr(curve, "alpha", 0.0) else curve
    parameters = len(curve.nonlinear) + len(curve.linear) - (c == 0)
    _check_enough(table, curve, parameters)
    given = weight if weight is not None else table.weight
    found = _best(table, curve, better, c, level, given, parameters)
    if weight is None and VARIANCES[variance]:
        found = _reweighted(found, VARIANCES[variance])
    problem = Problem(table, better, c, found.weight)
    if curve.nested:
        found = replace(
            found,
            null=_best(
                table, CURVES["log-logistic"], better, c, level, found.weight, parameters - 1
            ),
        )
    exact = found.rss <= 1e-20 * (found.weight @ table.response**2)
    if curve.hormetic and not table.computed and not exact and np.isfinite(found.peak):
        sets = {name: _interval(found, problem, name) for name in intervals if _has(found, name)}
        found = replace(
            found,
            intervals={name: ends for name, (ends, _) in sets.items()},
            split=tuple(n for n, (_, gap) in sets.items() if gap),
        )
    return replace(
        found, flags=diagnostics.diagnose(found, problem, exact, fit_one) if look else {}
    )


def _named(model, c, better):
    """Curve and treatment of c that a name stands for."""
    if str(model).lower() in ALIASES:
        model, c = (
            ALIASES[str(model).lower()][0],
            ALIASES[str(model).lower()][1] if c is None else c,
        )
    if model not in CURVES:
        raise PkpdError(f"Unknown model '{model}'.{closest(str(model), [*CURVES, 'all'])}")
    curve = CURVES[model]
    c = c if c is not None else "free" if better == "lower" or curve.based else 0
    if c not in (0, "0", "free"):
        raise PkpdError(f"c '{c}' must be 0 or 'free'.")
    if c != "free" and better == "lower":
        raise PkpdError(
            "Where lower is better the response rises to c at the highest doses; c = 0 cannot be, leave it free."
        )
    return curve, "free" if c == "free" else 0


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
    """The scaled least-squares problem of an assay: group means of each dose, doses around 1, responses up to 1 and up is better."""

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
        constant = "none" if c == 0 else "positive" if better == "higher" else "free"
        with np.errstate(divide="ignore"):
            self.points = Points(
                np.log(dose / self.middle), mean * np.sqrt(total), np.sqrt(total), constant
            )

    def best(self, curve):
        """theta (k,), coefficients with c first, and rss in the data's units of the best curve."""
        parameterisation = curve.scaled(self.middle).parameterisation(self.span)
        found = search(parameterisation, self.points, np.zeros(1))
        beta = project(parameterisation, self.points, np.zeros(1), found.theta)[0][0]
        beta = np.concatenate([[0.0], beta]) if self.c == 0 else beta
        return found.theta[0], beta, float((found.rss[0] + self.pure) * self.scale)


def _best(table, curve, better, c, level, weight, parameters):
    problem = Problem(table, better, c, weight)
    theta, beta, rss = problem.best(curve)
    return Fit(
        table,
        curve,
        better,
        c,
        level,
        theta,
        beta,
        problem.middle,
        problem.size,
        weight,
        rss,
        parameters,
    )


def _reweighted(found, power):
    """The fit whose weights follow its own curve: variance proportional to a power of the mean."""
    table = found.assay
    for _ in range(30):
        mean = found.predict(table.dose)
        if (mean <= 0.0).any():
            raise PkpdError(
                f"{table.name}: the fitted curve is not above 0 at every dose; a variance that follows the mean does not fit these data."
            )
        weight = table.weight / mean**power
        settled = np.allclose(weight, found.weight, rtol=1e-10)
        found = _best(
            table, found.curve, found.better, found.c, found.level, weight, found.parameters
        )
        if settled:
            break
    return found


def _has(found, name):
    if name == "zero_equivalent":
        return found.curve.returns
    return name == "peak" or np.isfinite(found.max_stimulation)


def _interval(found, problem, name):
    """(low, high) of a quantity, 0 or inf where open, and whether there is a gap between."""
    curve, span = found.scaled, problem.span
    limit = (
        found.rss * (1.0 + quantile(found.level, found.free) / found.free)
    ) / problem.scale - problem.pure
    rss = found.rss / problem.scale - problem.pure
    if name == "max_stimulation":
        forms, best, reach, unit = (
            curve.rise_parameterisations(span, problem.points.constant, problem.sign),
            found.max_stimulation,
            STIMULATION,
            100.0,
        )
    else:
        parameterisation = (
            curve.peak_parameterisation(span)
            if name == "peak"
            else curve.zero_parameterisation(span)
        )
        forms, best, reach, unit = (
            [parameterisation],
            getattr(found, name),
            (-span - FAR, span + FAR),
            found.middle,
        )
    if not forms:
        return (np.nan, np.nan), False
    (low, high), gap = interval(forms, problem.points, np.log(best / unit), rss, limit, reach)
    return (float(unit * np.exp(low)), float(unit * np.exp(high))), gap


def quantile(level, free):
    """Of F(1, free): the square of Student's."""
    from scipy.special import stdtrit

    return float(stdtrit(free, 0.5 + level / 2) ** 2)
