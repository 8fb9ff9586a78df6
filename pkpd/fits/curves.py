"""Models of hormetic dose response, each with only two to four non-linear numbers.

Knows equations; knows nothing of data or of how a curve is fitted.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pkpd.fits.curve import STEEPEST, Curve, hill, last_fall, parameterisation, scales, spread
from pkpd.fits.stimulated import Stimulated


@dataclass(frozen=True)
class LogLogistic(Curve):
    """The null model: no peak. theta = (ln b, ln e)"""

    nonlinear: ClassVar[tuple] = ("b", "e")
    linear: ClassVar[tuple] = ("c", "d-c")
    hormetic: ClassVar[bool] = False

    def parameterisation(self, span):
        def shapes(value, theta, x):
            return np.exp(-np.logaddexp(0.0, hill(np.exp(theta[:, :1]), x, theta[:, 1:])))[:, None]

        return parameterisation(
            shapes, ([np.log(0.05), STEEPEST], 20), (scales(span), spread(span, 0.12))
        )

    def peak_and_zero(self, theta, beta):
        return np.nan, np.nan


@dataclass(frozen=True)
class HillProduct(Curve):
    """A rising Hill curve times a falling one. theta = (ln h1, ln K1, ln h2, ln K2)"""

    nonlinear: ClassVar[tuple] = ("h1", "K1", "h2", "K2")
    linear: ClassVar[tuple] = ("c", "Emax")
    slopes: ClassVar[tuple] = ("h1", "h2")
    slope: ClassVar[list] = [np.log(0.2), np.log(50.0)]

    def parameterisation(self, span):
        def shapes(value, theta, x):
            return self.product(
                np.exp(theta[:, :1]), theta[:, 1:2], np.exp(theta[:, 2:3]), theta[:, 3:], x
            )

        return parameterisation(
            shapes,
            (self.slope, 6),
            (scales(span), spread(span, 1.2)),
            (self.slope, 6),
            (scales(span), spread(span, 1.2)),
        )

    def product(self, h1, k1, h2, k2, x):
        rise, fall = np.logaddexp(0.0, -hill(h1, x, k1)), np.logaddexp(0.0, hill(h2, x, k2))
        return np.exp(-rise - fall)[:, None]

    def peak_parameterisation(self, span):
        """theta = (ln h1, ln h2, a).

        At the peak both log slopes, one up and one down, are min(h1, h2)/(1 + exp(-a)).
        """

        def shapes(value, theta, x):
            h1, h2, peak = np.exp(theta[:, :1]), np.exp(theta[:, 1:2]), value[:, None]
            least, share = np.minimum(h1, h2), 1.0 / (1.0 + np.exp(-theta[:, 2:]))
            log_slope, rest = np.log(least * share), least / (1.0 + np.exp(theta[:, 2:]))
            k1 = peak - (np.log(h1 - least + rest) - log_slope) / h1
            k2 = peak + (np.log(h2 - least + rest) - log_slope) / h2
            return self.product(h1, k1, h2, k2, x)

        return parameterisation(shapes, (self.slope, 7), (self.slope, 7), ([-25.0, 25.0], 11))

    def peak_and_zero(self, theta, beta):
        (h1, h2), (k1, k2) = np.exp(theta[::2]), theta[1::2]

        def slope(x):
            return h1 / (1.0 + np.exp(hill(h1, x, k1))) - h2 / (1.0 + np.exp(-hill(h2, x, k2)))

        return (last_fall(slope, (k1 + k2) / 2), np.inf) if beta[0] > 0.0 else (np.nan, np.nan)


@dataclass(frozen=True)
class OpposedEmax(Curve):
    """A benefit and a harm, each saturating. theta = (ln K1, ln K2); a peak needs K1 < K2."""

    nonlinear: ClassVar[tuple] = ("K1", "K2")
    linear: ClassVar[tuple] = ("c", "A", "B")
    slopes: ClassVar[tuple] = ()
    returns: ClassVar[bool] = True

    def parameterisation(self, span):
        def shapes(value, theta, x):
            return np.stack([emax(x, theta[:, :1]), -emax(x, theta[:, 1:])], axis=1)

        return parameterisation(
            shapes, (scales(span), spread(span, 0.5)), (scales(span), spread(span, 0.47))
        )

    def against(self, span, log_ratio):
        """Parameterisation with theta = (ln K1, ln(K2/K1 - 1)).

        log_ratio : function of value, ln K1 and ln K2 that returns ln(B/A)
        """

        def shapes(value, theta, x):
            k1 = theta[:, :1]
            k2 = k1 + np.log1p(np.exp(theta[:, 1:]))
            return (emax(x, k1) - np.exp(log_ratio(value[:, None], k1, k2)) * emax(x, k2))[:, None]

        return parameterisation(shapes, (scales(span), spread(span, 0.7)), ([-7.0, 14.0], 12))

    def peak_parameterisation(self, span):
        return self.against(
            span, lambda x, k1, k2: k1 - k2 + 2 * (np.logaddexp(k2, x) - np.logaddexp(k1, x))
        )

    def zero_parameterisation(self, span):
        return self.against(span, lambda x, k1, k2: np.logaddexp(k2, x) - np.logaddexp(k1, x))

    def peak_and_zero(self, theta, beta):
        k1, k2 = np.exp(theta)
        a, b = beta
        if not (a * k2 > b * k1 and a * k1 < b * k2):
            return np.nan, np.nan
        left, right = np.sqrt(a * k1), np.sqrt(b * k2)
        zero = np.log((a * k2 - b * k1) / (b - a)) if b > a else np.inf
        return np.log((right * k1 - left * k2) / (left - right)), zero


@dataclass(frozen=True)
class LogGaussian(Curve):
    """A bell on the log dose axis. theta = (ln b, ln e); the peak is e"""

    nonlinear: ClassVar[tuple] = ("b", "e")
    linear: ClassVar[tuple] = ("c", "d-c")
    based: ClassVar[bool] = True
    width: ClassVar[list] = [np.log(0.02), np.log(50.0)]

    def parameterisation(self, span):
        def shapes(value, theta, x):
            return np.exp(-0.5 * ((x - theta[:, 1:]) / np.exp(theta[:, :1])) ** 2)[:, None]

        return parameterisation(shapes, (self.width, 20), (scales(span), spread(span, 0.12)))

    def peak_parameterisation(self, span):
        def shapes(value, theta, x):
            return np.exp(-0.5 * ((x - value[:, None]) / np.exp(theta)) ** 2)[:, None]

        return parameterisation(shapes, (self.width, 24))

    def peak_and_zero(self, theta, beta):
        return (theta[1], np.inf) if beta[0] > 0.0 else (np.nan, np.nan)


def emax(x, scale):
    """Saturating rise, 1/2 where x = scale (both logs)."""
    return np.exp(-np.logaddexp(0.0, scale - x))


def _crs(alpha):
    """The curve of Cedergreen, Ritz & Streibig with one of their exponents."""
    return Stimulated(
        f"crs-{alpha:g}",
        f"c + (d - c + f*exp(-(x/s)^-{alpha:g}))/(1 + (x/e)^b)",
        "Cedergreen, Ritz & Streibig (2005), Environ Toxicol Chem 24:3166",
        alpha=alpha,
        least=0.05,
    )


_ALL = (
    LogLogistic("log-logistic", "c + (d - c)/(1 + (x/e)^b)", "null model, without hormesis"),
    Stimulated(
        "brain-cousens",
        "c + (d - c + f*x)/(1 + (x/e)^b)",
        "Brain & Cousens (1989), Weed Res 29:93",
    ),
    _crs(1.0),
    _crs(0.5),
    _crs(0.25),
    HillProduct(
        "hill-product",
        "c + Emax * x^h1/(K1^h1 + x^h1) * K2^h2/(K2^h2 + x^h2)",
        "a rising Hill curve times a falling one",
    ),
    OpposedEmax(
        "opposed-emax",
        "c + A*x/(K1 + x) - B*x/(K2 + x)",
        "a benefit and a harm, each saturating",
    ),
    LogGaussian(
        "log-gaussian", "c + (d - c)*exp(-((ln x - ln e)/b)^2/2)", "a bell on the log dose axis"
    ),
)
CURVES = {curve.name: curve for curve in _ALL}
