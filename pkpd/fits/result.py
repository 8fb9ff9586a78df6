"""A curve fitted to an assay, and what it says in the units of the data.

Knows assays and curves; fits nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pkpd.fits.curves import Curve
from pkpd.fits.data import Assay
from pkpd.result import Computed, Sheet, write_json

if TYPE_CHECKING:
    import pandas as pd

INTERVALS = ("peak", "zero_equivalent", "max_stimulation")
ALPHA = 0.05  # level of the test of hormesis


class Fitted(Computed):
    """What was fitted to one assay: a Fit of one curve, or a Comparison of several."""

    NAME: ClassVar[str] = "fit"
    SUMMARY: ClassVar[str] = "fit"

    def sheets(self) -> dict[str, Sheet]:
        """None: all of it is in the summary."""
        return {}

    def write(
        self, path: str | Path, *, figure: str | None = None, command: str | None = None
    ) -> list[Path]:
        """Write the summary to a .json file with its figure beside it, or all to a folder.

        path : of the file or folder
        figure : format of a figure, or None; command : for the provenance
        Returns the files written. Raises ResultError.
        """
        path = Path(path)
        if path.suffix != ".json":
            return super().write(path, figure=figure, command=command)
        write_json(self.summary(command), path)
        return self._with_figure(path, figure)


@dataclass(frozen=True, repr=False)
class Fit(Fitted):
    """One curve fitted to one assay, in the units of the data.

    theta : (K,) search coordinates, beta : (B,) coefficients, of the scaled problem
    middle, size : dose and response that it was divided by
    weight : (M,) used; rss : weighted residual sum of squares
    parameters : how many were fitted
    null : fit of the log-logistic curve, if that is the model without its f
    settled : whether weights that follow the curve are those of the curve
    intervals : quantity -> (low, high), 0 or inf where open
    split, bounded : intervals with a gap, and those with an end that the search's bounds set
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
    null: Any = None
    intervals: dict = field(default_factory=dict)
    split: tuple = ()
    bounded: tuple = ()
    settled: bool = True
    flags: dict = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Number of responses."""
        return len(self.assay.dose)

    @property
    def scaled(self) -> Curve:
        """The curve on scaled doses."""
        return self.curve.scaled(self.middle)

    @property
    def free(self) -> int:
        """Residual degrees of freedom."""
        return self.n - self.parameters

    @property
    def variance(self) -> float:
        """Residual variance of a response of weight 1, in the square of its unit."""
        return self.rss / self.free

    @property
    def estimates(self) -> dict[str, float]:
        """The numbers of the equation, in the units of the data."""
        numbers = self.curve.parameters(self.theta)
        nonlinear = {
            name: float(value * (1.0 if name in self.curve.slopes else self.middle))
            for name, value in zip(self.curve.nonlinear, numbers, strict=True)
        }
        sign = self.size if self.better == "higher" else -self.size
        linear = dict(zip(self.curve.linear, self.beta * sign, strict=True))
        if "d-c" in linear:
            linear["d"] = linear["c"] + linear.pop("d-c")
        if "f" in linear:
            unit = 1.0 if getattr(self.curve, "alpha", 0.0) else self.middle
            linear["f"] = linear.pop("f") / unit
        return {name: float(value) for name, value in linear.items()} | nonlinear

    def predict(self, doses: Sequence[float] | np.ndarray | float) -> np.ndarray:
        """Response (D,) of the fitted curve at doses (D,), in the units of the data."""
        doses = np.atleast_1d(np.asarray(doses, float))
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            log_doses = np.log(doses / self.middle)[None, :]
            shapes = self.scaled.parameterisation(0.0).shapes
            shapes = shapes(np.zeros(1), self.theta[None, :], log_doses)[0]
        response = self.beta[0] + self.beta[1:] @ shapes
        return response * self.size * (1.0 if self.better == "higher" else -1.0)

    @property
    def peak(self) -> float:
        """Dose of the best response, in the unit of the data; NaN if nothing beats the control."""
        return float(self.middle * np.exp(self.scaled.peak_and_zero(self.theta, self.beta[1:])[0]))

    @property
    def zero_equivalent(self) -> float:
        """Dose above the peak where the response is back at the control, in the unit of the data.

        inf if it never is.
        """
        return float(self.middle * np.exp(self.scaled.peak_and_zero(self.theta, self.beta[1:])[1]))

    @property
    def control(self) -> float:
        """Response without a dose, in the unit of the data."""
        return float(self.predict(0.0)[0])

    @property
    def best_response(self) -> float:
        """Response at the peak, in the unit of the data."""
        return float(self.predict(self.peak)[0])

    @property
    def max_stimulation(self) -> float:
        """Best response over the control, as a share of the control in %.

        NaN without a peak, or where the control is not above 0.
        """
        gain = abs(self.best_response - self.control)
        return 100.0 * gain / self.control if self.control > 1e-9 * self.size else np.nan

    @property
    def f_statistic(self) -> float:
        """(RSS of the null - RSS) over the residual variance, without unit.

        0 where the null fits as well.
        """
        gain = max(0.0, self.null.rss - self.rss)
        if self.rss <= 0.0:
            return np.inf if gain else 0.0
        return float(gain / self.variance)

    @property
    def p_values(self) -> tuple[float, float]:
        """P by F(1, n - p), and half of it, as f >= 0 lets one side alone count.

        The chi-square of the likelihood ratio alarms falsely in a fifth of the cases at the 5 %
        level with six responses, F in a twentieth (tests/fits/test_small_samples.py).
        """
        from scipy.special import fdtrc

        p = float(fdtrc(1, self.free, self.f_statistic))
        return p, p / 2 if self.f_statistic > 0.0 else 1.0

    @property
    def objections(self) -> tuple[str, ...]:
        """Why the data do not show hormesis, in words; () where they do."""
        half, ends = self.p_values[1], self.intervals.get("peak", (0.0, 0.0))
        reasons = {
            f"no dose is {self.better} than the control": not np.isfinite(self.peak),
            f"a curve without it fits about as well (P = {half:.2g})": half > ALPHA,
            f"the means only {self.assay.monotone} with dose": self.assay.monotone is not None,
            "the data set no upper limit to the peak": np.isinf(ends[1]),
        }
        return tuple(text for text, holds in reasons.items() if holds)

    @property
    def aicc(self) -> float:
        """Akaike's criterion for few data, without unit, the variance counted as a parameter.

        inf where there are too few data.
        """
        k = self.parameters + 1
        if self.n - k - 1 <= 0:
            return np.inf
        deviance = self.n * np.log(max(self.rss, 1e-300) / self.n)
        return deviance + 2 * k + 2 * k * (k + 1) / (self.n - k - 1)

    def frame(self) -> "pd.DataFrame":
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

    def summary(self, command: str | None = None) -> dict[str, Any]:
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
                "shown": None if self.assay.computed else not self.objections,
                "rss_null": self.null.rss,
                "f": self.f_statistic,
                "p_f": plain,
                "p_half_mixture": half,
            }
        return summary | {
            "flags": self.flags,
            "notes": list(self.assay.notes),
            "provenance": self.assay.provenance(command),
        }
