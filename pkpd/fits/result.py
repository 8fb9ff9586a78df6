"""A curve fitted to an assay, and what it says in the units of the data.

Knows assays and curves; fits nothing.
"""

from dataclasses import dataclass, field

import numpy as np

from pkpd.fits.curves import Curve
from pkpd.fits.data import Assay

INTERVALS = ("peak", "zero_equivalent", "max_stimulation")


@dataclass(frozen=True)
class Fit:
    """One curve fitted to one assay, in the units of the data.

    theta, beta : search coordinates and coefficients of the scaled problem
    middle, size : dose and response that it was divided by
    weight : (M,) used; rss : weighted residual sum of squares
    parameters : how many were fitted
    null : fit of the log-logistic curve, if that is the model without its f
    intervals : quantity -> (low, high), 0 or inf where open; split : those with a gap
    flags : name -> sentence
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
        nonlinear = zip(self.curve.nonlinear, self.curve.parameters(self.theta), strict=True)
        nonlinear = {
            name: float(value * (1.0 if name in self.curve.slopes else self.middle))
            for name, value in nonlinear
        }
        sign = self.size if self.better == "higher" else -self.size
        linear = dict(zip(self.curve.linear, self.beta * sign, strict=True))
        if "d-c" in linear:
            linear["d"] = linear["c"] + linear.pop("d-c")
        if "f" in linear:
            unit = 1.0 if getattr(self.curve, "alpha", 0.0) else self.middle
            linear["f"] = linear.pop("f") / unit
        return {name: float(value) for name, value in linear.items()} | nonlinear

    def predict(self, doses):
        """Response (D,) of the fitted curve at doses (D,), in the units of the data."""
        doses = np.atleast_1d(np.asarray(doses, float))
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            log_doses = np.log(doses / self.middle)[None, :]
            shapes = self.scaled.parameterisation(0.0).shapes
            shapes = shapes(np.zeros(1), self.theta[None, :], log_doses)[0]
        response = self.beta[0] + self.beta[1:] @ shapes
        return response * self.size * (1.0 if self.better == "higher" else -1.0)

    @property
    def peak(self):
        """Dose of the best response, NaN if nothing beats the control."""
        return float(self.middle * np.exp(self.scaled.peak_and_zero(self.theta, self.beta[1:])[0]))

    @property
    def zero_equivalent(self):
        """Dose above the peak where the response is back at the control, inf if it never is."""
        return float(self.middle * np.exp(self.scaled.peak_and_zero(self.theta, self.beta[1:])[1]))

    @property
    def control(self):
        return float(self.predict(0.0)[0])

    @property
    def best_response(self):
        return float(self.predict(self.peak)[0])

    @property
    def max_stimulation(self):
        """Best response over the control, in % of the control.

        NaN without a peak, or where the control is not above 0.
        """
        gain = abs(self.best_response - self.control)
        return 100.0 * gain / self.control if self.control > 1e-9 * self.size else np.nan

    @property
    def likelihood_ratio(self):
        """n ln(RSS of the null / RSS), 0 where the null fits as well."""
        if self.rss <= 0.0:
            return np.inf
        return float(max(0.0, self.n * np.log(self.null.rss / self.rss)))

    @property
    def p_values(self):
        """P of the likelihood ratio by chi2_1, and by the half mixture that holds for f >= 0.

        The mixture is that of chi2_0 and chi2_1.
        """
        from scipy.special import chdtrc

        p = float(chdtrc(1, self.likelihood_ratio))
        return p, p / 2 if self.likelihood_ratio > 0.0 else 1.0

    @property
    def aicc(self):
        """Akaike's criterion for few data, the variance counted as a parameter.

        inf where there are too few data.
        """
        k = self.parameters + 1
        if self.n - k - 1 <= 0:
            return np.inf
        deviance = self.n * np.log(max(self.rss, 1e-300) / self.n)
        return deviance + 2 * k + 2 * k * (k + 1) / (self.n - k - 1)

    def frame(self):
        """Table quantity, estimate, low, high.

        Peak, zero-equivalent dose and stimulation, then the numbers of the equation.
        """
        import pandas as pd

        rows = [
            (name, getattr(self, name), *self.intervals.get(name, (np.nan, np.nan)))
            for name in (*INTERVALS, "control", "best_response")
        ]
        rows += [(name, value, np.nan, np.nan) for name, value in self.estimates.items()]
        return pd.DataFrame(rows, columns=["quantity", "estimate", "low", "high"])

    def summary(self, command=None):
        """Plain data, ready for JSON.

        Intervals are [low, high], 0 or inf where open, null where there is none.
        """
        summary = {
            "model": self.curve.name,
            "equation": self.curve.equation,
            "source": self.curve.source,
            "data": self.assay.name,
            "n": self.n,
            "doses": len(self.assay.groups()[0]),
            "better": self.better,
            "c": self.c,
            "parameters": self.parameters,
            "rss": self.rss,
            "variance": self.variance,
            "level": self.level,
        }
        for name in INTERVALS:
            summary |= {name: getattr(self, name), f"{name}_ci": self.intervals.get(name)}
        summary |= {
            "control": self.control,
            "best_response": self.best_response,
            "estimates": self.estimates,
            "aicc": self.aicc,
        }
        if self.curve.nested:
            plain, half = self.p_values
            summary["hormesis"] = {
                "rss_null": self.null.rss,
                "lr": self.likelihood_ratio,
                "p_chi2_1": plain,
                "p_half_mixture": half,
            }
        return summary | {
            "flags": self.flags,
            "notes": list(self.assay.notes),
            "provenance": self.assay.provenance(command),
        }
