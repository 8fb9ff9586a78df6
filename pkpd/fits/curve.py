"""What all dose-response curves share: their parameterisations for a fit and for a profile.

A curve is c + sum of beta[k] * shape k, with beta >= 0. A second parameterisation has the peak, or
the dose where the curve is back at its control, in place of one of its numbers, so that a profile
likelihood is an ordinary fit. A higher response is better. Doses are logarithms (-inf is dose 0),
and so are the search coordinates theta. Knows nothing of particular models or of data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

STEEPEST = np.log(99.0)  # b or a Hill slope beyond 100 is a step between two doses
REACH = 18.0  # natural logs that a scale may lie outside the doses
NEAR = 4.0  # and outside which only few are tried


@dataclass(frozen=True)
class Parameterisation:
    """One way to write a curve.

    shapes : function of value (B,), theta (B, k) and log doses x (1, J) that returns (B, m, J)
    box : (k, 2) bounds of theta; nodes : of each coordinate, where a search begins
    constant : whether c is added to the shapes, or is already in them
    """

    shapes: Callable
    box: np.ndarray
    nodes: tuple
    constant: bool = True


@dataclass(frozen=True)
class Curve:
    """What each model states: a subclass with the names below and the methods that raise here.

    nonlinear : names of the two to four numbers that theta stands for
    linear : names of c and of the coefficients of the shapes, in the order of the shapes

    Each needs `parameterisation` and `peak_and_zero`; a hormetic one `peak_parameterisation` too,
    and one that `returns` to its control `zero_parameterisation`. `parameters` and `scaled` are for
    numbers that theta holds otherwise than by their logarithms, and for equations with a dose of
    their own.
    """

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

    def parameterisation(self, span):
        """Parameterisation of the curve as its equation has it, without a value."""
        raise NotImplementedError

    def parameters(self, theta):
        """The non-linear numbers of the equation, of one theta (k,)."""
        return np.exp(theta)

    def peak_and_zero(self, theta, beta):
        """Log doses of the peak and of the return to the control; NaN, inf where none."""
        raise NotImplementedError

    def peak_parameterisation(self, span):
        """Parameterisation whose value is the log peak dose."""
        raise NotImplementedError

    def zero_parameterisation(self, span):
        """Parameterisation whose value is the log dose where the curve falls to its control."""
        raise NotImplementedError

    def rise_parameterisations(self, span, c, sign):
        """Parameterisations whose value is the log of (peak - control) / (sign * control).

        c : "none" or "free"
        """
        if c == "none":
            return []
        peak = self.peak_parameterisation(span)

        def shapes(value, theta, x):
            at = np.concatenate([x, [[-np.inf]]], axis=1)
            curve = peak.shapes(theta[:, 0], theta[:, 1:], at)[:, 0]
            control = curve[:, -1:]
            top = peak.shapes(theta[:, 0], theta[:, 1:], theta[:, :1])[:, 0]
            base = sign * (top - control) * np.exp(-value)[:, None] - control
            return (curve[:, :-1] + base)[:, None]

        rest = (
            (ends, nodes[:: 1 + len(nodes) // 12])
            for ends, nodes in zip(peak.box, peak.nodes, strict=True)
        )
        return [parameterisation(shapes, (scales(span), spread(span, 1.2)), *rest, constant=False)]


def scales(span):
    """Bounds of the log of a dose-like number.

    span : half the log range of the doses, whose middle is 0
    """
    return [-span - REACH, span + REACH]


def spread(span, step):
    """Nodes between these bounds, `step` apart near the doses."""
    near = span + NEAR
    far = np.linspace(near, span + REACH, 6)[1:]
    return np.concatenate([-far[::-1], np.linspace(-near, near, int(2 * near / step) + 1), far])


def _nodes(ends, between):
    return np.linspace(ends[0], ends[1], between) if isinstance(between, int) else between


def parameterisation(shapes, *coordinates, constant=True):
    """Parameterisation from ((low, high), nodes or their number) of each coordinate."""
    nodes = tuple(_nodes(ends, between) for ends, between in coordinates)
    return Parameterisation(
        shapes, np.array([ends for ends, _ in coordinates], float), nodes, constant
    )


def hill(slope, x, scale):
    """Log of (x/scale)^slope."""
    return slope * (x - scale)


def last_fall(f, around):
    """The largest x within 60 natural logs of `around` where f falls through 0.

    NaN where f is not above 0, inf where it stays there.
    """
    from scipy.optimize import brentq

    grid = around + np.linspace(-60.0, 60.0, 481)
    with np.errstate(over="ignore"):
        above = np.flatnonzero(f(grid) > 0.0)
        if not len(above) or above[-1] == len(grid) - 1:
            return np.nan if not len(above) else np.inf
        return brentq(f, grid[above[-1]], grid[above[-1] + 1], xtol=1e-15, rtol=1e-15)
