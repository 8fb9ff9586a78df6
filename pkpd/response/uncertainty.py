"""The same study again: under other parameter sets (how uncertain) or scramblings (how exact).

Variability between patients stays inside each run and becomes quantiles; what differs between
runs becomes the interval of each quantile. Knows studies as functions of a cohort; knows no solver.
"""

from dataclasses import dataclass

import numpy as np

from pkpd.errors import PkpdError
from pkpd.response.quantiles import interpolated, quantile, share
from pkpd.response.summary import known_doses

FEWEST_RUNS = 6  # whose least and greatest hold the median in 97 of 100 cases
FEWEST_SETS = 39  # the least and the greatest of so many hold 95 % of a further one
SHARES = ("with_med",)  # statistics that lie between 0 and 1, and their intervals with them
LEVELS = (0.05, 0.5, 0.95)  # quantiles of patients whose intervals are given


@dataclass(frozen=True)
class Repeated:
    """R runs of one study.

    kind : "parameter sets" or "scramblings"; names : (J,) statistics
    value : (J,) of the study itself, or the mean over scramblings
    runs : (R, J); low, high : (J,) 95 % interval over runs
    """

    kind: str
    names: tuple
    value: np.ndarray
    runs: np.ndarray
    low: np.ndarray
    high: np.ndarray


def check_sets(count):
    """Raise PkpdError where there are too few parameter sets for a 95 % interval."""
    if count < FEWEST_SETS:
        raise PkpdError(
            f"A 95 % interval takes at least {FEWEST_SETS} parameter sets, not {count}: the ends "
            "of fewer enclose less. Give more rows, or a covariance to draw from."
        )


def under_sets(names, own, runs):
    """Repeated whose 95 % intervals are quantiles over parameter sets (R, J).

    Between the order statistics 0.025 (R + 1) and 0.975 (R + 1), which hold a further set in 95 of
    100 cases. NaN where fewer than FEWEST_SETS runs have a value. Raises PkpdError for fewer sets.
    """
    runs = np.asarray(runs, dtype=float)
    check_sets(len(runs))
    low = np.apply_along_axis(_order, 0, runs, 0.025)
    high = np.apply_along_axis(_order, 0, runs, 0.975)
    return Repeated("parameter sets", tuple(names), np.asarray(own), runs, low, high)


def over_scramblings(names, own, runs, logarithmic=()):
    """Repeated whose intervals are Student's around the mean of independent scramblings (R, J).

    The study itself is one of the runs. logarithmic : (J,) whether logarithms are averaged where
    all values are positive. Where a run lies beyond the range of doses, the interval
    is from the least to the greatest run, open for fewer than FEWEST_RUNS.
    """
    from scipy.special import stdtrit

    runs = np.vstack([own, *runs])
    count = len(runs)
    middle, low, high = (np.full(len(own), np.nan) for _ in range(3))
    for j, values in enumerate(runs.T):
        if np.isnan(values).any():
            continue
        if not np.isfinite(values).all():
            middle[j] = np.sort(values)[count // 2]
            # so many independent runs lie all on one side of the truth less than once in 20
            enough = count >= FEWEST_RUNS
            low[j], high[j] = (values.min(), values.max()) if enough else (-np.inf, np.inf)
            continue
        logs = bool(logarithmic) and logarithmic[j] and (values > 0).all()
        x = np.log(values) if logs else values
        half = stdtrit(count - 1, 0.975) * x.std(ddof=1) / np.sqrt(count)
        ends = x.mean() + half * np.array([0.0, -1.0, 1.0])
        middle[j], low[j], high[j] = np.exp(ends) if logs else ends
    shares = [j for j, name in enumerate(names) if name in SHARES]
    low[shares], high[shares] = np.clip((low[shares], high[shares]), 0.0, 1.0)
    return Repeated("scramblings", tuple(names), middle, runs, low, high)


def _order(values, level):
    """Order statistic at level (n + 1), between two of them linear; NaN where there are too few."""
    ordered = np.sort(values[~np.isnan(values)])
    count = len(ordered)
    if count < FEWEST_SETS:
        return np.nan
    place = np.clip(level * (count + 1) - 1, 0, count - 1)
    return interpolated(ordered, place)


def med_statistics(table):
    """Names and values (J,) of the statistics of a MedTable that are repeated.

    They are its quantiles in the dose unit and the share of patients with a MED.
    """
    doses = known_doses(table)
    values = [quantile(doses, level).value for level in LEVELS]
    return (*(f"quantile_{level:g}" for level in LEVELS), "with_med"), np.array(
        [*values, share(len(doses), len(table))[0]]
    )


def effect_statistics(effects):
    """Names and values (J,) of the statistics of CovariateEffects that are repeated.

    They are the median ratios of MEDs, one for each covariate and value.
    """
    rows = effects.rows()
    return tuple(f"{row['covariate']}={row['value']:g}" for row in rows), np.array(
        [row["ratio"] for row in rows]
    )


def course_statistics(result):
    """Names and values (J,) of the statistics of a Result that are repeated.

    They are quantiles of every output at every time, levels fastest.
    """
    fine = result.values[result.status == 0]
    if not len(fine):
        return (), np.full(len(result.times) * len(result.names) * len(LEVELS), np.nan)
    return (), np.moveaxis(np.quantile(fine, LEVELS, axis=0, method="hazen"), 0, -1).ravel()


def course_columns(result, repeated):
    """Tidy columns TIME, output, level, value, low, high of the repeated course of a Result."""
    times, outputs, levels = len(result.times), len(result.names), len(LEVELS)
    return {
        "TIME": np.repeat(result.times, outputs * levels),
        "output": np.tile(np.repeat(result.names, levels), times),
        "level": np.tile(LEVELS, times * outputs),
        "value": repeated.value,
        "low": repeated.low,
        "high": repeated.high,
    }


def med_summary(repeated):
    """Plain data of the repeated statistics of MEDs."""
    rows = zip(repeated.names, repeated.value, repeated.low, repeated.high, strict=True)
    return {"kind": repeated.kind, "runs": len(repeated.runs)} | {
        n: {"value": v, "low": a, "high": b} for n, v, a, b in rows
    }
