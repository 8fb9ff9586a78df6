"""Hormetic curves fitted to data: global least squares, profile-likelihood intervals, a test of hormesis, honest flags.

The residual sum of squares is minimised over the non-linear numbers alone (pkpd.response.projection). Limit of an interval:
RSS <= RSS_min (1 + F(1, n - p)/(n - p)). Knows tables of doses and responses and the models; knows no screen.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from pkpd.errors import PkpdError, closest
from pkpd.response import flags
from pkpd.response.assay import Assay, assay
from pkpd.response.curves import CURVES, Curve
from pkpd.response.profile import interval
from pkpd.response.projection import Points, project, search

FAR = np.log(1000.0)  # an end of an interval so far outside the doses is open
STIMULATION = (np.log(1e-3), np.log(1e3))  # of the control; an interval that goes further is open
VARIANCES = {"constant": 0.0, "poisson": 1.0, "proportional": 2.0}  # power of the mean that the variance follows
INTERVALS = ("peak", "zero_equivalent", "max_stimulation")
# as R users of drc call them: b and e and d and f are free, and in those of five c too
ALIASES = {
    "bc.4": ("brain-cousens", 0), "bc.5": ("brain-cousens", "free"), "ll.3": ("log-logistic", 0), "ll.4": ("log-logistic", "free"),
    **{f"crs.{k}{letter}": (f"crs-{alpha}", c) for k, c in ((4, 0), (5, "free")) for letter, alpha in (("a", "1"), ("b", "0.5"), ("c", "0.25"))},
}  # fmt: skip


@dataclass(frozen=True)
class Fit:
    """One curve fitted to one assay, in the units of the data.

    theta, beta : search coordinates and coefficients on the scaled problem; middle, size : dose and response it was divided by
    rss : weighted; weight : (M,) used; parameters : how many were fitted; intervals : quantity -> (low, high), 0 or inf where open; split : those with a gap
    null : fit of the log-logistic curve, which is the model without its f, None where it is not; flags : name -> sentence
    """

    assay: Assay
    curve: Curve
    better: str
    c: object
    level: float
    theta: np.ndarray
    beta: np.ndarray
    middle: float
    size: float
    weight: np.ndarray
    rss: float
    parameters: int
    null: object = None
    intervals: dict = field(default_factory=dict)
    split: tuple = ()
    flags: dict = field(default_factory=dict)

    @property
    def n(self):
        return len(self.assay.dose)

    @property
    def scaled(self):
        """The curve on scaled doses."""
        return self.curve.scaled(self.middle)

    @property
    def free(self):
        """Residual degrees of freedom."""
        return self.n - self.parameters

    @property
    def variance(self):
        """Residual variance of a response of weight 1."""
        return self.rss / self.free

    @property
    def estimates(self):
        """The numbers of the equation, in the units of the data."""
        found = dict(zip(self.curve.nonlinear, self.curve.natural(self.theta), strict=True))
        found = {name: float(v * (1.0 if name in self.curve.slopes else self.middle)) for name, v in found.items()}
        sign = self.size if self.better == "higher" else -self.size
        linear = dict(zip(self.curve.linear, self.beta * sign, strict=True))
        if "d-c" in linear:
            linear["d"] = linear["c"] + linear.pop("d-c")
        if "f" in linear:
            linear["f"] = linear.pop("f") / (1.0 if getattr(self.curve, "alpha", 0.0) else self.middle)
        return {name: float(v) for name, v in linear.items()} | found

    def predict(self, doses):
        """Response (D,) of the fitted curve at doses (D,), in the units of the data."""
        doses = np.atleast_1d(np.asarray(doses, float))
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            shapes = self.scaled.form(0.0).shapes(np.zeros(1), self.theta[None, :], np.log(doses / self.middle)[None, :])[0]
        raised = self.beta[0] + self.beta[1:] @ shapes
        return raised * self.size * (1.0 if self.better == "higher" else -1.0)

    @property
    def peak(self):
        """Dose of the best response, NaN if nothing beats the control."""
        return float(self.middle * np.exp(self.scaled.landmarks(self.theta, self.beta[1:])[0]))

    @property
    def zero_equivalent(self):
        """Dose above the peak where the response is back at the control, inf if it never is."""
        return float(self.middle * np.exp(self.scaled.landmarks(self.theta, self.beta[1:])[1]))

    @property
    def control(self):
        return float(self.predict(0.0)[0])

    @property
    def best_response(self):
        return float(self.predict(self.peak)[0])

    @property
    def max_stimulation(self):
        """Best response against the control, in % of the control; NaN without a peak or where the control is not above 0."""
        gain = abs(self.best_response - self.control)
        return 100.0 * gain / self.control if self.control > 1e-9 * self.size else np.nan

    @property
    def likelihood_ratio(self):
        """n ln(RSS of the null / RSS), 0 where the null fits as well."""
        return float(max(0.0, self.n * np.log(self.null.rss / self.rss))) if self.rss > 0.0 else np.inf

    @property
    def p_values(self):
        """P of the likelihood ratio under chi2_1, and under the half mixture of chi2_0 and chi2_1 that holds for f >= 0."""
        from scipy.special import chdtrc

        p = float(chdtrc(1, self.likelihood_ratio))
        return p, p / 2 if self.likelihood_ratio > 0.0 else 1.0

    @property
    def aicc(self):
        """Akaike's criterion for few data, the variance counted as a parameter; inf where there are too few."""
        k = self.parameters + 1
        if self.n - k - 1 <= 0:
            return np.inf
        return self.n * np.log(max(self.rss, 1e-300) / self.n) + 2 * k + 2 * k * (k + 1) / (self.n - k - 1)

    def frame(self):
        """Table quantity, estimate, low, high: peak, zero-equivalent dose, stimulation, then the numbers of the equation."""
        import pandas as pd

        rows = [(name, getattr(self, name), *self.intervals.get(name, (np.nan, np.nan))) for name in (*INTERVALS, "control", "best_response")]
        rows += [(name, value, np.nan, np.nan) for name, value in self.estimates.items()]
        return pd.DataFrame(rows, columns=["quantity", "estimate", "low", "high"])

    def summary(self, command=None):
        """Plain data, ready for JSON. Intervals: [low, high], 0 or inf where open, null where there is none."""
        found = {
            "model": self.curve.name, "equation": self.curve.equation, "source": self.curve.source, "data": self.assay.name, "n": self.n,
            "doses": len(self.assay.groups()[0]), "better": self.better, "c": self.c, "parameters": self.parameters, "rss": self.rss,
            "variance": self.variance, "level": self.level,
        }  # fmt: skip
        for name in INTERVALS:
            found |= {name: getattr(self, name), f"{name}_ci": self.intervals.get(name)}
        found |= {"control": self.control, "best_response": self.best_response, "estimates": self.estimates, "aicc": self.aicc}
        if self.curve.nested:
            plain, half = self.p_values
            found["hormesis"] = {"rss_null": self.null.rss, "lr": self.likelihood_ratio, "p_chi2_1": plain, "p_half_mixture": half}
        return found | {"flags": self.flags, "notes": list(self.assay.notes), "provenance": self.assay.provenance(command)}


def fit(
    data, model="brain-cousens", *, c=None, better=None, level=0.95, intervals=INTERVALS, variance="constant", dose_scale=1.0,
    dose="dose", response="response", id=None,
):  # fmt: skip
    """Fit a hormetic dose-response model, or all of them.

    Parameters
    ----------
    data : path of a table with dose, response and perhaps weight, se or n; DataFrame; (doses, responses); or a DoseResponse
    model : "brain-cousens", "crs-1", "crs-0.5", "crs-0.25", "hill-product", "opposed-emax", "log-gaussian", "log-logistic", drc's BC.4 and
        the like, or "all"
    c : 0 or "free", the response at the highest doses (for a bell or product, at the lowest) (default: 0 where the equation allows it)
    better : "higher" or "lower", the direction of a hormetic response (default: higher, or what a DoseResponse says)
    level : of the intervals; intervals : which of peak, zero_equivalent and max_stimulation get one
    variance : "constant", "poisson" (counts) or "proportional" (to the square of the mean)
    dose_scale : the dose s of the crs models, whose published form depends on the unit of dose
    dose, response : names of the columns; id : a patient of a DoseResponse

    Returns
    -------
    Fit, or pkpd.response.compare.Comparison for "all". Raises PkpdError for data that cannot be fitted.
    """
    table = assay(data, dose, response, id)
    options = {"better": better or table.better, "level": level, "intervals": intervals, "variance": variance, "dose_scale": dose_scale}
    _check_options(options)
    if model == "all":
        from pkpd.response.compare import compare

        return compare(table, c=c, **options)
    return fit_one(table, model, c=c, **options)


def _check_options(given):
    if given["better"] not in ("higher", "lower"):
        raise PkpdError(f"better '{given['better']}' must be 'higher' or 'lower'.")
    if not 0.0 < given["level"] < 1.0:
        raise PkpdError(f"level {given['level']:g} must be between 0 and 1, such as 0.95.")
    if given["variance"] not in VARIANCES:
        raise PkpdError(f"Unknown variance '{given['variance']}'.{closest(given['variance'], VARIANCES)}")
    if not 0.0 < given["dose_scale"] < np.inf:
        raise PkpdError(f"dose_scale {given['dose_scale']:g} must be above 0: it is the dose s of the crs models.")
    unknown = [name for name in given["intervals"] if name not in INTERVALS]
    if unknown:
        raise PkpdError(f"No interval for '{unknown[0]}'.{closest(unknown[0], INTERVALS)}")


def fit_one(table, model, *, c=None, better="higher", level=0.95, intervals=INTERVALS, variance="constant", dose_scale=1.0, weight=None, look=True):  # fmt: skip
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
        found = replace(found, null=_best(table, CURVES["log-logistic"], better, c, level, found.weight, parameters - 1))
    exact = found.rss <= 1e-20 * (found.weight @ table.response**2)
    if curve.hormetic and not table.computed and not exact and np.isfinite(found.peak):
        sets = {name: _interval(found, problem, name) for name in intervals if _has(found, name)}
        found = replace(found, intervals={name: ends for name, (ends, _) in sets.items()}, split=tuple(n for n, (_, gap) in sets.items() if gap))
    return replace(found, flags=flags.raised(found, problem, exact) if look else {})


def _named(model, c, better):
    """Curve and treatment of c that a name stands for."""
    if str(model).lower() in ALIASES:
        model, c = ALIASES[str(model).lower()][0], ALIASES[str(model).lower()][1] if c is None else c
    if model not in CURVES:
        raise PkpdError(f"Unknown model '{model}'.{closest(str(model), [*CURVES, 'all'])}")
    curve = CURVES[model]
    c = c if c is not None else "free" if better == "lower" or curve.based else 0
    if c not in (0, "0", "free"):
        raise PkpdError(f"c '{c}' must be 0 or 'free'.")
    if c != "free" and better == "lower":
        raise PkpdError("Where lower is better the response rises to c at the highest doses; c = 0 cannot be, leave it free.")
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
        raise PkpdError(f"{table.name}: every response is {table.response[0]:g}; there is nothing to fit.")


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
            self.points = Points(np.log(dose / self.middle), mean * np.sqrt(total), np.sqrt(total), constant)

    def best(self, curve):
        """theta (k,), coefficients with c first, and rss in the data's units of the best curve."""
        form = curve.scaled(self.middle).form(self.span)
        found = search(form, self.points, np.zeros(1))
        beta = project(form, self.points, np.zeros(1), found.theta)[0][0]
        beta = np.concatenate([[0.0], beta]) if self.c == 0 else beta
        return found.theta[0], beta, float((found.rss[0] + self.pure) * self.scale)


def _best(table, curve, better, c, level, weight, parameters):
    problem = Problem(table, better, c, weight)
    theta, beta, rss = problem.best(curve)
    return Fit(table, curve, better, c, level, theta, beta, problem.middle, problem.size, weight, rss, parameters)


def _reweighted(found, power):
    """The fit whose weights follow its own curve: variance proportional to a power of the mean."""
    table = found.assay
    for _ in range(30):
        mean = found.predict(table.dose)
        if (mean <= 0.0).any():
            raise PkpdError(f"{table.name}: the fitted curve is not above 0 at every dose; a variance that follows the mean does not fit these data.")
        weight = table.weight / mean**power
        settled = np.allclose(weight, found.weight, rtol=1e-10)
        found = _best(table, found.curve, found.better, found.c, found.level, weight, found.parameters)
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
    limit = (found.rss * (1.0 + quantile(found.level, found.free) / found.free)) / problem.scale - problem.pure
    rss = found.rss / problem.scale - problem.pure
    if name == "max_stimulation":
        forms, best, reach, unit = curve.rise_forms(span, problem.points.constant, problem.sign), found.max_stimulation, STIMULATION, 100.0
    else:
        form = curve.peak_form(span) if name == "peak" else curve.zero_form(span)
        forms, best, reach, unit = [form], getattr(found, name), (-span - FAR, span + FAR), found.middle
    if not forms:
        return (np.nan, np.nan), False
    (low, high), gap = interval(forms, problem.points, np.log(best / unit), rss, limit, reach)
    return (float(unit * np.exp(low)), float(unit * np.exp(high))), gap


def quantile(level, free):
    """Of F(1, free): the square of Student's."""
    from scipy.special import stdtrit

    return float(stdtrit(free, 0.5 + level / 2) ** 2)
