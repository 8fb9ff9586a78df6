"""Quantiles of a cohort whose doses are partly censored, and shares, each with a 95 % interval.

Bounds are common to all patients, so a case below the range sorts as -inf and one above as +inf;
a quantile inside the censored mass is open. Intervals are those of independent draws (order
statistics, Wilson); Sobol' points scatter less, so for them the intervals are on the wide side.
Knows numbers only.
"""

from dataclasses import dataclass

import numpy as np

Z95 = 1.959963984540054


@dataclass(frozen=True)
class Quantile:
    """Quantile `level` with its 95 % interval; -inf and +inf lie outside the range of doses."""

    level: float
    value: float
    low: float
    high: float

    def text(self, lowest, highest, unit):
        """As printed: "2.9 mg", "> 50 mg", "< 0.05 mg"."""
        return format_dose(self.value, lowest, highest, unit)


def format_dose(value, lowest, highest, unit):
    """A dose as text, open where it is censored."""
    if np.isnan(value):
        return "not known"
    if np.isinf(value):
        return f"> {highest:g} {unit}" if value > 0 else f"< {lowest:g} {unit}"
    return f"{value:.3g} {unit}"


def quantile(values, level):
    """Quantile of values (n,) that may hold -inf and +inf.

    The interval is that of order statistics (Conover 1999, 3.2). NaN where there are no values.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    if n == 0:
        return Quantile(level, np.nan, np.nan, np.nan)
    half = Z95 * np.sqrt(n * level * (1 - level))
    low, high = int(np.floor(n * level - half)) - 1, int(np.ceil(n * level + half))
    return Quantile(
        level,
        _between(ordered, level * (n - 1)),
        ordered[max(low, 0)] if low >= 0 else -np.inf,
        ordered[high] if high < n else np.inf,
    )


def _between(ordered, place):
    """Linear between neighbours; the nearer censored side wins where one neighbour is infinite."""
    below, above = ordered[int(np.floor(place))], ordered[int(np.ceil(place))]
    if below == above or np.isinf(below):
        return float(below)
    return (
        float(above)
        if np.isinf(above)
        else float(below + (place - np.floor(place)) * (above - below))
    )


def share(hits, n):
    """(share, low, high) with Wilson's 95 % interval; NaN for n = 0."""
    if n == 0:
        return np.nan, np.nan, np.nan
    p = hits / n
    middle = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * np.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    return p, max(middle - half, 0.0), min(middle + half, 1.0)
