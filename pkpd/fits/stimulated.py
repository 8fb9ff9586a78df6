"""Log-logistic curves with stimulation: Brain-Cousens and Cedergreen-Ritz-Streibig.

Knows their algebra; knows nothing of data or of how a curve is fitted.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from pkpd.fits.curve import STEEPEST, Curve, hill, last_fall, parameterisation, scales, spread


@dataclass(frozen=True)
class Stimulated(Curve):
    """c + (d - c + f h(x))/(1 + (x/e)^b).

    h(x) = x (Brain-Cousens) or exp(-(x/s)^-alpha) (Cedergreen-Ritz-Streibig). theta = (ln(b -
    least), ln e); a Brain-Cousens curve falls again only for b > 1. With k(x) = d ln h/d ln x and
    E = (x/e)^b, a maximum at M needs f h (k - E (b - k)) = (d - c) b E there. It lies above the
    control if b > k(M), by q/(1 - q) times d - c, where q = E (b - k)/k.
    """

    alpha: float = 0.0
    unit: float = 1.0  # the dose s of the equation
    least: float = 1.0  # b is above it
    nonlinear: ClassVar[tuple] = ("b", "e")
    linear: ClassVar[tuple] = ("c", "d-c", "f")
    nested: ClassVar[bool] = True
    returns: ClassVar[bool] = True
    slope: ClassVar[list] = [-14.0, STEEPEST]
    slopes_tried: ClassVar[np.ndarray] = np.linspace(-5.0, STEEPEST, 20)

    def scaled(self, middle):
        return replace(self, unit=self.unit / middle) if self.alpha else self

    def rise(self, x):
        """ln h and k at log doses x."""
        if not self.alpha:
            return x, np.ones_like(x)
        power = np.exp(-self.alpha * (x - np.log(self.unit)))
        return -power, self.alpha * power

    def parameterisation(self, span):
        def shapes(value, theta, x):
            down = np.logaddexp(0.0, hill(self.least + np.exp(theta[:, :1]), x, theta[:, 1:]))
            return np.stack([np.exp(-down), np.exp(self.rise(x)[0] - down)], axis=1)

        return parameterisation(
            shapes, (self.slope, self.slopes_tried), (scales(span), spread(span, 0.12))
        )

    def parameters(self, theta):
        return np.array([self.least + np.exp(theta[0]), np.exp(theta[1])])

    def steepness(self, at, theta):
        """b, b - k and k (B, 1) at a log dose (B, 1), for b above both its least value and k.

        NaN where k is too steep for any slope.
        """
        k = self.rise(at)[1]
        least = np.where(k < 100.0, np.maximum(k, self.least), np.nan)
        return least + np.exp(theta), least - k + np.exp(theta), k

    def peaked(self, peak, b, bend, k, log_e, x):
        """The curve that peaks at 1. log_e : ln (M/e)^b (B, 1)"""
        lift = np.exp(log_e + np.log(b / k) + self.rise(x)[0] - self.rise(peak)[0])
        fall = np.exp(-np.logaddexp(0.0, log_e + hill(b, x, peak)))
        return (1.0 - np.exp(log_e) * bend / k + lift) * fall

    def peak_parameterisation(self, span):
        """theta = (ln(b - least), ln e*), where 1/E(M) = (b - k)/k + (e*/M)^b.

        Each e* > 0 is a curve with d >= c and f >= 0.
        """

        def shapes(value, theta, x):
            peak = value[:, None]
            b, bend, k = self.steepness(peak, theta[:, :1])
            log_e = -np.logaddexp(np.log(bend / k), hill(b, theta[:, 1:], peak))
            return self.peaked(peak, b, bend, k, log_e, x)[:, None]

        return parameterisation(
            shapes, (self.slope, self.slopes_tried[::2]), (scales(span), spread(span, 0.6))
        )

    def zero_parameterisation(self, span):
        def shapes(value, theta, x):
            zero = value[:, None]
            b = self.steepness(zero, theta[:, :1])[0]
            log_e = hill(b, zero, theta[:, 1:])
            lift = log_e + self.rise(x)[0] - self.rise(zero)[0]
            fall = np.logaddexp(0.0, hill(b, x, theta[:, 1:]))
            log_curve = np.logaddexp(0.0, lift) - np.logaddexp(0.0, log_e) - fall
            return np.exp(log_curve)[:, None]

        return parameterisation(
            shapes, (self.slope, self.slopes_tried[::2]), (scales(span), spread(span, 0.6))
        )

    def rise_parameterisations(self, span, c, sign):
        """With c = 0 the height over the control is q/(1 - q): theta = (ln(b - least), ln M)."""
        if c == "free":
            return super().rise_parameterisations(span, c, sign)

        def shapes(value, theta, x):
            peak = theta[:, 1:]
            b, bend, k = self.steepness(peak, theta[:, :1])
            log_e = np.log(k / bend) - np.logaddexp(0.0, -value)[:, None]
            return self.peaked(peak, b, bend, k, log_e, x)[:, None]

        simple = parameterisation(
            shapes,
            (self.slope, self.slopes_tried[::2]),
            (scales(span), spread(span, 0.6)),
            constant=False,
        )
        return [simple, *super().rise_parameterisations(span, c, sign)]

    def peak_and_zero(self, theta, beta):
        """Log peak dose and log zero-equivalent dose; NaN where no dose is above the control."""
        (b, e), (step, f) = self.parameters(theta), beta

        def slope(x):  # of the curve, times positive numbers
            log_h, k = self.rise(x)
            risen = 1.0 / (1.0 + np.exp(-hill(b, x, np.log(e))))
            return f * np.exp(log_h) * (k - b * risen) - step * b * risen

        def over(x):  # ln of f h/((d - c) E), above 0 where the curve is over its control
            return np.log(f) + self.rise(x)[0] - np.log(step) - hill(b, x, np.log(e))

        peak = last_fall(slope, np.log(e)) if f > 0.0 else np.nan
        if np.isnan(peak) or step <= 0.0:
            return peak, np.nan if np.isnan(peak) else np.inf
        return (peak, last_fall(over, peak)) if over(peak) > 0.0 else (np.nan, np.nan)
