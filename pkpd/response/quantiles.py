"""Quantiles of a cohort whose doses are partly censored, and shares, with 95 % intervals.

Bounds are common to all patients, so a case below the range sorts as -inf and one above as +inf;
a quantile inside the censored mass is open. Intervals are those of independent draws (order
statistics, Wilson). Sobol' points are not independent: their intervals come from several
scramblings (`pkpd.response.uncertainty`), and here they have none. Knows numbers only.
"""

from dataclasses import dataclass

import numpy as np

Z95 = 1.959963984540054


@dataclass(frozen=True)
class Quantile:
    """Quantile `level` with its 95 % interval; -inf and +inf lie outside the range of doses.

    low, high : NaN where there is no interval
    """

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


def quantile(values, level, independent=True):
    """Quantile of values (n,) that may hold -inf and +inf, by Hazen's rule.

    The i-th of n ordered values is the quantile (i - 1/2)/n, which is where Sobol' points stand
    (Hazen 1914; Hyndman & Fan 1996, type 5). The interval is that of order statistics (Conover
    1999, 3.2) where draws are `independent`, else NaN. NaN where there are no values.
    """
    from scipy.special import bdtrik

    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    if n == 0:
        return Quantile(level, np.nan, np.nan, np.nan)
    value = interpolated(ordered, np.clip(level * n - 0.5, 0, n - 1))
    if not independent:
        return Quantile(level, value, np.nan, np.nan)
    # how many of n draws lie below the quantile is binomial
    low, high = np.ceil(np.nan_to_num(bdtrik([0.025, 0.975], n, level))).astype(int)
    return Quantile(
        level,
        value,
        float(ordered[low - 1]) if low > 0 else -np.inf,
        float(ordered[high]) if high < n else np.inf,
    )


def quantiles(values, levels, independent=True):
    """`quantile` at each of the levels, as plain data."""
    return [vars(quantile(values, level, independent)) for level in levels]


def interpolated(ordered, place):
    """Linear between neighbours; the nearer censored side wins where one neighbour is infinite."""
    below, above = ordered[int(np.floor(place))], ordered[int(np.ceil(place))]
    if below == above or np.isinf(below):
        return float(below)
    return (
        float(above)
        if np.isinf(above)
        else float(below + (place - np.floor(place)) * (above - below))
    )


def share(hits, n, independent=True):
    """(share, low, high), with Wilson's 95 % interval where draws are `independent`, else NaN.

    NaN for n = 0.
    """
    if n == 0:
        return np.nan, np.nan, np.nan
    p = hits / n
    if not independent:
        return p, np.nan, np.nan
    middle = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * np.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    return p, max(middle - half, 0.0), min(middle + half, 1.0)


def format_share(found, digits=0):
    """(share, low, high) as "54 % (51-57)", or "54 %" where there is no interval."""
    value, low, high = np.multiply(found, 100)
    text = f"{value:.{digits}f} %"
    return text if np.isnan(low) else f"{text} ({low:.{digits}f}-{high:.{digits}f})"
