"""Values of a trial's endpoints described by arm, and arms compared.

Knows arrays of values; knows nothing of designs, arms or courses. Distributions are SciPy's.
"""

import numpy as np

from pkpd.response.quantiles import share

LEVEL = 0.95
ROUNDING = 1e-12  # relative to the largest value: what differs by less is the same


def are_shares(values):
    """Whether all values of arms [(P,)] are 0 or 1, NaN left out."""
    return all(np.isin(_present(x), (0, 1)).all() for x in values)


def described(values, of_shares=False):
    """n, mean, SD and 95 % interval of the mean of values (P,), NaN left out.

    of_shares : whether values are 0 or 1, for Wilson's interval in place of Student's
    """
    x = _present(values)
    n = len(x)
    mean, sd = float(x.mean()) if n else None, float(x.std(ddof=1)) if n > 1 else None
    low, high = _interval_of_share(x) if of_shares else _interval_of_mean(x)
    return {"n": n, "mean": mean, "sd": sd, "low": low, "high": high}


def _present(values):
    return values[np.isfinite(values)]


def _interval_of_share(x):
    """95 % interval of the share of ones in x (n,), by Wilson's formula; None for n = 0."""
    return share(int(x.sum()), len(x))[1:] if len(x) else (None, None)


def _interval_of_mean(x):
    """95 % interval of the mean of x (n,), by Student's t; None for n < 2."""
    from scipy import stats

    if len(x) < 2:
        return None, None
    half = stats.t.ppf(0.5 + LEVEL / 2, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x))
    return float(x.mean() - half), float(x.mean() + half)


def compared(values, reference, paired, of_shares=False):
    """Difference of two arms with 95 % interval and p, None where it cannot be told; NaN left out.

    By Welch's t test, or the paired one for arms that share their patients. No test is made of
    values that do not differ within the arms, or in pairs by the same difference.
    of_shares : whether values are 0 or 1, for the interval of `newcombe` between unpaired arms
    """
    from scipy import stats

    if paired:
        both = np.isfinite(values) & np.isfinite(reference)
        x, y = values[both], reference[both]
    else:
        x, y = _present(values), _present(reference)
    if not len(x) or not len(y):
        return dict.fromkeys(("difference", "low", "high", "p"))
    difference = float(x.mean() - y.mean())
    found = {"difference": difference, "low": None, "high": None, "p": None}
    error, freedom = _paired(x, y) if paired else _welch(x, y)
    if error > ROUNDING * max(np.abs(x).max(), np.abs(y).max()):
        half = stats.t.ppf(0.5 + LEVEL / 2, freedom) * error
        found |= {"low": float(difference - half), "high": float(difference + half)}
        found["p"] = float(2 * stats.t.sf(abs(difference) / error, freedom))
    if of_shares and not paired:
        found["low"], found["high"] = newcombe(x, y)
    return found


def _paired(x, y):
    """Standard error of the mean difference of pairs (n,), 0 for n < 2, and degrees of freedom."""
    n = len(x)
    return (float((x - y).std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0), n - 1


def _welch(x, y):
    """Standard error of the difference of two means, and degrees of freedom.

    0 and 0 where an arm has a single value, or where neither arm's values differ.
    Welch (1947), Biometrika 34:28.
    """
    if min(len(x), len(y)) < 2:
        return 0.0, 0
    parts = np.array([x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)])
    total = parts.sum()
    if total == 0:
        return 0.0, 0
    freedom = total**2 / (parts**2 / (len(x) - 1, len(y) - 1)).sum()
    return float(np.sqrt(total)), float(freedom)


def newcombe(x, y):
    """95 % interval of the difference of the shares of ones in x (n,) and y (m,).

    The hybrid score interval, from Wilson's of each share: Newcombe (1998), Stat Med 17:873,
    method 10.
    """
    (p, low, high), (q, lowest, highest) = (share(int(z.sum()), len(z)) for z in (x, y))
    below, above = np.hypot(p - low, highest - q), np.hypot(high - p, q - lowest)
    return float(p - q - below), float(p - q + above)
