"""A curve fitted to an assay, and what it says in the units of the data. Knows assays and curves; fits nothing."""

from dataclasses import dataclass, field

import numpy as np

from pkpd.fits.curves import Curve
from pkpd.fits.data import Assay

INTERVALS = ("peak", "zero_equivalent", "max_stimulation")


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
        found = dict(zip(self.curve.nonlinear, self.curve.parameters(self.theta), strict=True))
        found = {
            name: float(v * (1.0 if name in self.curve.slopes else self.middle))
            for name, v in found.items()
        }
        sign = self.size if self.better == "higher" else -self.size
        linear = dict(zip(self.curve.linear, self.beta * sign, strict=True))
        if "d-c" in linear:
            linear["d"] = linear["c"] + linear.pop("d-c")
        if "f" in linear:
            linear["f"] = linear.pop("f") / (
                1.0 if getattr(self.curve, "alpha", 0.0) else self.middle
            )
        return {name: float(v) for name, v in linear.items()} | found

    def predict(self, doses):
        """Response (D,) of the fitted curve at doses (D,), in the units of the data."""
        doses = np.atleast_1d(np.asarray(doses, float))
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            shapes = self.scaled.parameterisation(0.0).shapes(
                np.zeros(1), self.theta[None, :], np.log(doses / self.middle)[None, :]
            )[0]
        diagnose = self.beta[0] + self.beta[1:] @ shapes
        return diagnose * self.size * (1.0 if self.better == "higher" else -1.0)

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
        """Best response against the control, in % of the control; NaN without a peak or where the control is not above 0."""
        gain = abs(self.best_response - self.control)
        return 100.0 * gain / self.control if self.control > 1e-9 * self.size else np.nan

    @property
    def likelihood_ratio(self):
        """n ln(RSS of the null / RSS), 0 where the null fits as well."""
        return (
            float(max(0.0, self.n * np.log(self.null.rss / self.rss))) if self.rss > 0.0 else np.inf
        )

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
        return (
            self.n * np.log(max(self.rss, 1e-300) / self.n)
            + 2 * k
            + 2 * k * (k + 1) / (self.n - k - 1)
        )

    def frame(self):
        """Table quantity, estimate, low, high: peak, zero-equivalent dose, stimulation, then the numbers of the equation."""
        import pandas as pd

        rows = [
            (name, getattr(self, name), *self.intervals.get(name, (np.nan, np.nan)))
            for name in (*INTERVALS, "control", "best_response")
        ]
        rows += [(name, value, np.nan, np.nan) for name, value in self.estimates.items()]
        return pd.DataFrame(rows, columns=["quantity", "estimate", "low", "high"])

    def summary(self, command=None):
        """Plain data, ready for JSON. Intervals: [low, high], 0 or inf where open, null where there is none."""
        found = {
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
            found |= {name: getattr(self, name), f"{name}_ci": self.intervals.get(name)}
        found |= {
            "control": self.control,
            "best_response": self.best_response,
            "estimates": self.estimates,
            "aicc": self.aicc,
        }
        if self.curve.nested:
            plain, half = self.p_values
            found["hormesis"] = {
                "rss_null": self.null.rss,
                "lr": self.likelihood_ratio,
                "p_chi2_1": plain,
                "p_half_mixture": half,
            }
        return found | {
            "flags": self.flags,
            "notes": list(self.assay.notes),
            "provenance": self.assay.provenance(command),
        }
