"""Hormetic models side by side: Akaike weights, the peak averaged over models, its interval.

Interval: the tail probabilities of the models' profiles, averaged by Akaike weight (Turek &
Fletcher 2012, Comput Stat Data Anal 56:2809). Knows fits; knows nothing of the screen.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import PkpdError
from pkpd.fits.curves import CURVES
from pkpd.fits.data import Assay
from pkpd.fits.least_squares import FAR, Problem, fit_one
from pkpd.fits.result import Fit, Fitted
from pkpd.fits.variable_projection import search

if TYPE_CHECKING:
    import pandas as pd

STEPS = 121  # log doses at which tail probabilities are computed


@dataclass(frozen=True, repr=False)
class Comparison(Fitted):
    """Fits of one assay, best AICc first.

    left_out : model -> why it could not be fitted
    peak_ci : (low, high) of the averaged peak, 0 or inf where open, NaN for a simulated curve
    """

    assay: Assay
    fits: tuple
    left_out: dict
    level: float
    peak_ci: tuple

    @property
    def best(self) -> Fit:
        """The fit with the least AICc."""
        return self.fits[0]

    @property
    def weights(self) -> np.ndarray:
        """(M,) Akaike weights of the fits, in their order."""
        return akaike([f.aicc for f in self.fits])

    @property
    def weight_with_peak(self) -> float:
        """Share of the Akaike weight of the models whose best curve has a peak."""
        return float(sum(weight for weight, _ in self._peaks()))

    @property
    def peak(self) -> float:
        """Peak dose in the unit of the data, averaged on the log axis over models that have one.

        NaN if none has.
        """
        peaks = self._peaks()
        total = sum(weight for weight, _ in peaks)
        if total <= 0.0:
            return np.nan
        return float(np.exp(sum(weight * np.log(peak) for weight, peak in peaks) / total))

    def _peaks(self):
        """[(weight, peak)] of the models that have a peak."""
        pairs = zip(self.weights, self.fits, strict=True)
        return [(weight, fit.peak) for weight, fit in pairs if np.isfinite(fit.peak)]

    def frame(self) -> "pd.DataFrame":
        """Table of the fits, the best first: model, criteria, weight, peak and its interval."""
        import pandas as pd

        rows = [
            (
                f.curve.name,
                f.c,
                f.parameters,
                f.rss,
                f.aicc,
                w,
                f.peak,
                *f.intervals.get("peak", (np.nan, np.nan)),
                f.zero_equivalent,
                f.max_stimulation,
            )
            for f, w in zip(self.fits, self.weights, strict=True)
        ]
        names = [
            "model",
            "c",
            "parameters",
            "rss",
            "aicc",
            "weight",
            "peak",
            "peak_low",
            "peak_high",
            "zero_equivalent",
            "max_stimulation",
        ]
        return pd.DataFrame(rows, columns=names)

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        models = [f.summary() for f in self.fits]
        for model, weight in zip(models, self.weights, strict=True):
            del model["provenance"], model["notes"]
            model["weight"] = float(weight)
        return {
            "data": self.assay.name,
            "n": len(self.assay.dose),
            "level": self.level,
            "best": self.best.curve.name,
            "rss": self.best.rss,
            "peak": self.peak,
            "peak_ci": self.peak_ci,
            "weight_with_peak": self.weight_with_peak,
            "models": models,
            "left_out": self.left_out,
            "notes": list(self.assay.notes),
            "provenance": self.assay.provenance(command),
        }


def akaike(criteria):
    """Weights (M,) of models from their AICc; equal where none is finite."""
    criteria = np.asarray(criteria, float)
    if not np.isfinite(criteria).any():
        return np.full(len(criteria), 1.0 / len(criteria))
    share = np.exp(-0.5 * (criteria - criteria.min()))
    return share / share.sum()


def compare(table, *, c=None, intervals=("peak",), variance="constant", **options):
    """Fit each model to an Assay.

    A product or a pair of Emax curves gets a free c unless c is given: without one it begins at 0.
    The weights of a variance that follows the mean are those of the Brain-Cousens fit, so that all
    models are judged alike.
    """
    weight = None
    if variance != "constant":
        weight = fit_one(
            table, "brain-cousens", c=c, intervals=(), variance=variance, look=False, **options
        ).weight
    fits, left_out = [], {}
    for name in CURVES:
        free = "free" if c is None and name in ("hill-product", "opposed-emax") else c
        try:
            fits.append(fit_one(table, name, c=free, intervals=intervals, weight=weight, **options))
        except PkpdError as error:
            left_out[name] = str(error)
    if not fits:
        raise PkpdError(next(iter(left_out.values())))
    fits.sort(key=lambda f: f.aicc)
    ends = np.nan, np.nan
    if not table.computed and "peak" in intervals:
        ends = averaged_interval(fits, options["level"])
    return Comparison(table, tuple(fits), left_out, options["level"], ends)


def averaged_interval(fits, level):
    """(low, high) where the averaged tail probabilities of the peak pass (1 - level)/2.

    0 or inf where they do not. Models without a peak do not count.
    """
    from scipy.special import ndtri

    peaked = [f for f in fits if "peak" in f.intervals]
    if not peaked:
        return np.nan, np.nan
    problem = Problem(peaked[0].assay, peaked[0].better, peaked[0].c, peaked[0].weight)
    at = np.linspace(-problem.span - FAR, problem.span + FAR, STEPS)
    share = akaike([f.aicc for f in peaked])
    rising = sum(w * tail(f, at) for w, f in zip(share, peaked, strict=True))
    # normal scores: close to straight lines in log dose
    rising, wanted = ndtri(np.clip(rising, 1e-15, 1.0 - 1e-15)), float(ndtri((1.0 - level) / 2))

    def where(score):
        """Log dose of a normal score, by a straight line from the last step below it."""
        below = np.flatnonzero(rising < score)
        if not len(below) or below[-1] == len(at) - 1:
            return -np.inf if not len(below) else np.inf
        k = below[-1]
        return at[k] + (score - rising[k]) / (rising[k + 1] - rising[k]) * (at[k + 1] - at[k])

    low, high = (float(problem.middle * np.exp(where(score))) for score in (wanted, -wanted))
    return low, high


def tail(fit, at):
    """Student's probability (V,) of the signed root of the profile at log doses (V,).

    Near 0 far below the peak, near 1 far above it.
    """
    from scipy.special import stdtr

    problem = Problem(fit.assay, fit.better, fit.c, fit.weight)
    form = fit.scaled.peak_parameterisation(problem.span)
    rss = search(form, problem.points, at, starts=2, tolerance=1e-8).rss
    rise = np.maximum((rss + problem.pure) * problem.scale / fit.rss - 1.0, 0.0)
    return stdtr(fit.free, np.sign(at - np.log(fit.peak / fit.middle)) * np.sqrt(rise * fit.free))
