"""Models of hormetic dose response, each written so that all but two to four of its numbers enter linearly.

A curve is c + sum of beta[k] * shape k, with beta >= 0. The same curve is written again with its peak, or the dose where it is back
at the control, in place of one of its numbers, so that a profile likelihood is an ordinary fit. Response up is better. Doses come as
logarithms (-inf is dose 0), search coordinates theta are logarithms too. Knows no data.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

STEEPEST = np.log(99.0)  # b or a Hill slope beyond 100 is a step between two doses
REACH = 18.0  # natural logs that a scale may lie outside the doses
NEAR = 4.0  # and outside which only few are tried


@dataclass(frozen=True)
class Form:
    """One way to write a curve: shapes(value (B,), theta (B, k), x (1, J)) -> (B, m, J); box (k, 2) of theta, nodes a search looks at.

    constant : whether c is added to the shapes, or is already in them
    """

    shapes: object
    box: np.ndarray
    nodes: tuple
    constant: bool = True


@dataclass(frozen=True)
class Curve:
    """What every model states. `linear` names c and the coefficients of the shapes, in the order of the shapes."""

    name: str
    equation: str
    source: str
    nonlinear: ClassVar[tuple]
    linear: ClassVar[tuple]
    hormetic: ClassVar[bool] = True  # can rise above its control and fall again
    nested: ClassVar[bool] = False  # is the log-logistic curve where its f is 0
    returns: ClassVar[bool] = False  # can fall back to the control at a finite dose
    based: ClassVar[bool] = False  # says nothing without its c
    slopes: ClassVar[tuple] = ("b",)  # the non-linear numbers that are no doses

    def scaled(self, middle):
        """The curve for doses divided by `middle`."""
        return self

    def peak_form(self, span):
        """Form with value = log peak dose."""
        raise NotImplementedError

    def zero_form(self, span):
        """Form with value = log dose above the peak where the curve is back at its control."""
        raise NotImplementedError

    def rise_forms(self, span, c, sign):
        """Forms with value = log of (peak - control) / (sign * control); c : "none", "positive" or "free"."""
        if c == "none":
            return []
        peak = self.peak_form(span)

        def shapes(value, theta, x):
            at = np.concatenate([x, [[-np.inf]]], axis=1)
            found = peak.shapes(theta[:, 0], theta[:, 1:], at)[:, 0]
            top = peak.shapes(theta[:, 0], theta[:, 1:], theta[:, :1])[:, 0]
            base = sign * (top - found[:, -1:]) * np.exp(-value)[:, None] - found[:, -1:]
            if c == "positive":
                base = np.where(base >= 0.0, base, np.nan)
            return (found[:, :-1] + base)[:, None]

        rest = ((ends, nodes[:: 1 + len(nodes) // 12]) for ends, nodes in zip(peak.box, peak.nodes, strict=True))
        return [form(shapes, (scales(span), spread(span, 1.2)), *rest, constant=False)]


def scales(span):
    """Box of the log of a dose-like number. span : half the log range of the doses, whose middle is 0"""
    return [-span - REACH, span + REACH]


def spread(span, step):
    """Nodes over that box, `step` apart near the doses."""
    near = span + NEAR
    far = np.linspace(near, span + REACH, 6)[1:]
    return np.concatenate([-far[::-1], np.linspace(-near, near, int(2 * near / step) + 1), far])


def form(shapes, *coordinates, constant=True):
    """Form from ((low, high), nodes or how many) of each coordinate of theta."""
    nodes = [np.linspace(*ends, n) if isinstance(n, int) else n for ends, n in coordinates]
    return Form(shapes, np.array([ends for ends, _ in coordinates], float), tuple(nodes), constant)


def hill(slope, x, scale):
    """Log of (x/scale)^slope."""
    return slope * (x - scale)


@dataclass(frozen=True)
class LogLogistic(Curve):
    """The null model: no peak. theta = (ln b, ln e)"""

    nonlinear: ClassVar[tuple] = ("b", "e")
    linear: ClassVar[tuple] = ("c", "d-c")
    hormetic: ClassVar[bool] = False

    def form(self, span):
        def shapes(value, theta, x):
            return np.exp(-np.logaddexp(0.0, hill(np.exp(theta[:, :1]), x, theta[:, 1:])))[:, None]

        return form(shapes, ([np.log(0.05), STEEPEST], 20), (scales(span), spread(span, 0.12)))

    def natural(self, theta):
        return np.exp(theta)

    def landmarks(self, theta, beta):
        return np.nan, np.nan


@dataclass(frozen=True)
class Stimulated(Curve):
    """c + (d - c + f h(x))/(1 + (x/e)^b), with h(x) = x (Brain-Cousens) or exp(-(x/s)^-alpha) (Cedergreen-Ritz-Streibig).

    theta = (ln(b - least), ln e); Brain-Cousens curves come down again only for b > 1. With k(x) = d ln h/d ln x and E = (x/e)^b a maximum
    at M asks for f h (k - E (b - k)) = (d - c) b E there. It is above the control if b > k(M), by q/(1 - q) times d - c, q = E (b - k)/k.
    """

    alpha: float = 0.0
    unit: float = 1.0  # the dose s of the equation
    least: float = 1.0  # b is above it
    nonlinear: ClassVar[tuple] = ("b", "e")
    linear: ClassVar[tuple] = ("c", "d-c", "f")
    nested: ClassVar[bool] = True
    returns: ClassVar[bool] = True
    slope: ClassVar[list] = [-14.0, STEEPEST]
    slopes_tried: ClassVar[object] = np.linspace(-5.0, STEEPEST, 20)

    def scaled(self, middle):
        return replace(self, unit=self.unit / middle) if self.alpha else self

    def rise(self, x):
        """ln h and k at log doses x."""
        if not self.alpha:
            return x, np.ones_like(x)
        power = np.exp(-self.alpha * (x - np.log(self.unit)))
        return -power, self.alpha * power

    def form(self, span):
        def shapes(value, theta, x):
            down = np.logaddexp(0.0, hill(self.least + np.exp(theta[:, :1]), x, theta[:, 1:]))
            return np.stack([np.exp(-down), np.exp(self.rise(x)[0] - down)], axis=1)

        return form(shapes, (self.slope, self.slopes_tried), (scales(span), spread(span, 0.12)))

    def natural(self, theta):
        return np.array([self.least + np.exp(theta[0]), np.exp(theta[1])])

    def steepness(self, at, theta):
        """b (B, 1) above both its least value and k at the given log dose (B, 1), and b - k; NaN where that is no slope any more."""
        k = self.rise(at)[1]
        least = np.where(k < 100.0, np.maximum(k, self.least), np.nan)
        return least + np.exp(theta), least - k + np.exp(theta), k

    def peaked(self, peak, b, bend, k, log_e, x):
        """The curve that peaks at 1. log_e : ln (M/e)^b (B, 1)"""
        lift = np.exp(log_e + np.log(b / k) + self.rise(x)[0] - self.rise(peak)[0])
        return (1.0 - np.exp(log_e) * bend / k + lift) * np.exp(-np.logaddexp(0.0, log_e + hill(b, x, peak)))

    def peak_form(self, span):
        """theta = (ln(b - least), ln e*), 1/E(M) = (b - k)/k + (e*/M)^b: every e* > 0 is a curve with d >= c and f >= 0."""

        def shapes(value, theta, x):
            peak = value[:, None]
            b, bend, k = self.steepness(peak, theta[:, :1])
            log_e = -np.logaddexp(np.log(bend / k), hill(b, theta[:, 1:], peak))
            return self.peaked(peak, b, bend, k, log_e, x)[:, None]

        return form(shapes, (self.slope, self.slopes_tried[::2]), (scales(span), spread(span, 0.6)))

    def zero_form(self, span):
        def shapes(value, theta, x):
            zero = value[:, None]
            b = self.steepness(zero, theta[:, :1])[0]
            log_e = hill(b, zero, theta[:, 1:])
            lift = log_e + self.rise(x)[0] - self.rise(zero)[0]
            return np.exp(np.logaddexp(0.0, lift) - np.logaddexp(0.0, log_e) - np.logaddexp(0.0, hill(b, x, theta[:, 1:])))[:, None]

        return form(shapes, (self.slope, self.slopes_tried[::2]), (scales(span), spread(span, 0.6)))

    def rise_forms(self, span, c, sign):
        """With c = 0 the height over the control is q/(1 - q) alone: theta = (ln(b - least), ln M)."""
        if c == "free":
            return super().rise_forms(span, c, sign)

        def shapes(value, theta, x):
            peak = theta[:, 1:]
            b, bend, k = self.steepness(peak, theta[:, :1])
            log_e = np.log(k / bend) - np.logaddexp(0.0, -value)[:, None]
            return self.peaked(peak, b, bend, k, log_e, x)[:, None]

        simple = form(shapes, (self.slope, self.slopes_tried[::2]), (scales(span), spread(span, 0.6)), constant=False)
        return [simple, *super().rise_forms(span, c, sign)]

    def landmarks(self, theta, beta):
        """Log peak dose and log zero-equivalent dose of one curve; NaN where nothing rises above the control."""
        (b, e), (step, f) = self.natural(theta), beta

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


@dataclass(frozen=True)
class HillProduct(Curve):
    """A rising Hill curve times a falling one. theta = (ln h1, ln K1, ln h2, ln K2)"""

    nonlinear: ClassVar[tuple] = ("h1", "K1", "h2", "K2")
    linear: ClassVar[tuple] = ("c", "Emax")
    slopes: ClassVar[tuple] = ("h1", "h2")
    slope: ClassVar[list] = [np.log(0.2), np.log(50.0)]

    def form(self, span):
        def shapes(value, theta, x):
            return self.product(np.exp(theta[:, :1]), theta[:, 1:2], np.exp(theta[:, 2:3]), theta[:, 3:], x)

        return form(shapes, (self.slope, 6), (scales(span), spread(span, 1.2)), (self.slope, 6), (scales(span), spread(span, 1.2)))

    def product(self, h1, k1, h2, k2, x):
        return np.exp(-np.logaddexp(0.0, -hill(h1, x, k1)) - np.logaddexp(0.0, hill(h2, x, k2)))[:, None]

    def natural(self, theta):
        return np.exp(theta)

    def peak_form(self, span):
        """theta = (ln h1, ln h2, a): at the peak both log slopes, one up and one down, are min(h1, h2)/(1 + exp(-a))."""

        def shapes(value, theta, x):
            h1, h2, peak = np.exp(theta[:, :1]), np.exp(theta[:, 1:2]), value[:, None]
            least, share = np.minimum(h1, h2), 1.0 / (1.0 + np.exp(-theta[:, 2:]))
            log_slope, rest = np.log(least * share), least / (1.0 + np.exp(theta[:, 2:]))
            k1 = peak - (np.log(h1 - least + rest) - log_slope) / h1
            k2 = peak + (np.log(h2 - least + rest) - log_slope) / h2
            return self.product(h1, k1, h2, k2, x)

        return form(shapes, (self.slope, 7), (self.slope, 7), ([-25.0, 25.0], 11))

    def landmarks(self, theta, beta):
        (h1, h2), (k1, k2) = np.exp(theta[::2]), theta[1::2]

        def slope(x):
            return h1 / (1.0 + np.exp(hill(h1, x, k1))) - h2 / (1.0 + np.exp(-hill(h2, x, k2)))

        return (last_fall(slope, (k1 + k2) / 2), np.inf) if beta[0] > 0.0 else (np.nan, np.nan)


@dataclass(frozen=True)
class OpposedEmax(Curve):
    """A benefit and a harm, each saturating. theta = (ln K1, ln K2); a peak asks for K1 < K2"""

    nonlinear: ClassVar[tuple] = ("K1", "K2")
    linear: ClassVar[tuple] = ("c", "A", "B")
    slopes: ClassVar[tuple] = ()
    returns: ClassVar[bool] = True

    def form(self, span):
        def shapes(value, theta, x):
            return np.stack([emax(x, theta[:, :1]), -emax(x, theta[:, 1:])], axis=1)

        return form(shapes, (scales(span), spread(span, 0.5)), (scales(span), spread(span, 0.47)))

    def natural(self, theta):
        return np.exp(theta)

    def against(self, span, log_ratio):
        """Form with theta = (ln K1, ln(K2/K1 - 1)) whose ln(B/A) is log_ratio(value, ln K1, ln K2)."""

        def shapes(value, theta, x):
            k1 = theta[:, :1]
            k2 = k1 + np.log1p(np.exp(theta[:, 1:]))
            return (emax(x, k1) - np.exp(log_ratio(value[:, None], k1, k2)) * emax(x, k2))[:, None]

        return form(shapes, (scales(span), spread(span, 0.7)), ([-7.0, 14.0], 12))

    def peak_form(self, span):
        return self.against(span, lambda x, k1, k2: k1 - k2 + 2 * (np.logaddexp(k2, x) - np.logaddexp(k1, x)))

    def zero_form(self, span):
        return self.against(span, lambda x, k1, k2: np.logaddexp(k2, x) - np.logaddexp(k1, x))

    def landmarks(self, theta, beta):
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

    def form(self, span):
        def shapes(value, theta, x):
            return np.exp(-0.5 * ((x - theta[:, 1:]) / np.exp(theta[:, :1])) ** 2)[:, None]

        return form(shapes, (self.width, 20), (scales(span), spread(span, 0.12)))

    def natural(self, theta):
        return np.exp(theta)

    def peak_form(self, span):
        def shapes(value, theta, x):
            return np.exp(-0.5 * ((x - value[:, None]) / np.exp(theta)) ** 2)[:, None]

        return form(shapes, (self.width, 24))

    def landmarks(self, theta, beta):
        return (theta[1], np.inf) if beta[0] > 0.0 else (np.nan, np.nan)


def emax(x, scale):
    """Saturating rise, 1/2 where x = scale (both logs)."""
    return np.exp(-np.logaddexp(0.0, scale - x))


def last_fall(f, around):
    """The largest x near `around` where f goes from above 0 to below it; NaN where there is none within 60 natural logs."""
    from scipy.optimize import brentq

    grid = around + np.linspace(-60.0, 60.0, 481)
    with np.errstate(over="ignore"):
        above = np.flatnonzero(f(grid) > 0.0)
        if not len(above) or above[-1] == len(grid) - 1:
            return np.nan if not len(above) else np.inf
        return brentq(f, grid[above[-1]], grid[above[-1] + 1], xtol=1e-15, rtol=1e-15)


CURVES = {
    c.name: c
    for c in (
        LogLogistic("log-logistic", "c + (d - c)/(1 + (x/e)^b)", "null model, without hormesis"),
        Stimulated("brain-cousens", "c + (d - c + f*x)/(1 + (x/e)^b)", "Brain & Cousens (1989), Weed Res 29:93"),
        *(
            Stimulated(
                f"crs-{alpha:g}", f"c + (d - c + f*exp(-(x/s)^-{alpha:g}))/(1 + (x/e)^b)",
                "Cedergreen, Ritz & Streibig (2005), Environ Toxicol Chem 24:3166", alpha=alpha, least=0.05,
            )
            for alpha in (1.0, 0.5, 0.25)
        ),
        HillProduct("hill-product", "c + Emax * x^h1/(K1^h1 + x^h1) * K2^h2/(K2^h2 + x^h2)", "a rising Hill curve times a falling one"),
        OpposedEmax("opposed-emax", "c + A*x/(K1 + x) - B*x/(K2 + x)", "a benefit and a harm, each saturating"),
        LogGaussian("log-gaussian", "c + (d - c)*exp(-((ln x - ln e)/b)^2/2)", "a bell on the log dose axis"),
    )
}  # fmt: skip
