"""The same study again: under other parameter sets (how uncertain) or scramblings (how exact).

Variability between patients stays inside each run and becomes quantiles; what differs between
runs becomes the interval of each quantile. Knows studies as functions of a cohort; knows no solver.
"""

from dataclasses import dataclass

import numpy as np

from pkpd.response.quantiles import quantile, share
from pkpd.response.summary import known_doses

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


def under_sets(names, own, runs):
    """Repeated whose intervals are the 2.5 to 97.5 % quantiles over parameter sets (R, J).

    Runs without a value are left out.
    """
    runs = np.asarray(runs, dtype=float)
    low, high = (np.array([_order(column, level) for column in runs.T]) for level in (0.025, 0.975))
    return Repeated("parameter sets", tuple(names), np.asarray(own), runs, low, high)


def over_scramblings(names, own, runs, logarithmic=()):
    """Repeated whose intervals are Student's around the mean of independent scramblings (R, J).

    The study itself is one of the runs. logarithmic : (J,) whether logarithms are averaged where
    all values are positive. Where a run lies beyond the range of doses, the interval is open there.
    """
    from scipy.special import stdtrit

    runs = np.vstack([own, *runs])
    count = len(runs)
    middle, low, high = (np.full(len(own), np.nan) for _ in range(3))
    for j, values in enumerate(runs.T):
        if np.isnan(values).any():
            continue
        if not np.isfinite(values).all():
            middle[j], low[j], high[j] = np.sort(values)[count // 2], values.min(), values.max()
            continue
        logs = bool(logarithmic) and logarithmic[j] and (values > 0).all()
        x = np.log(values) if logs else values
        half = stdtrit(count - 1, 0.975) * x.std(ddof=1) / np.sqrt(count)
        ends = x.mean() + half * np.array([0.0, -1.0, 1.0])
        middle[j], low[j], high[j] = np.exp(ends) if logs else ends
    return Repeated("scramblings", tuple(names), middle, runs, low, high)


def _order(values, level):
    known = np.sort(values[~np.isnan(values)])
    return known[min(int(level * len(known)), len(known) - 1)] if len(known) else np.nan


def med_statistics(table):
    """Names and values (J,) of the statistics of a MedTable that are repeated.

    They are its quantiles in the dose unit and the share of patients with a MED.
    """
    doses = known_doses(table)
    values = [quantile(doses, level).value for level in LEVELS]
    return (*(f"quantile_{level:g}" for level in LEVELS), "with_med"), np.array(
        [*values, share(len(doses), len(table))[0]]
    )


def course_statistics(result):
    """Names and values (J,) of the statistics of a Result that are repeated.

    They are quantiles of every output at every time, levels fastest.
    """
    fine = result.values[result.status == 0]
    if not len(fine):
        return (), np.full(len(result.times) * len(result.names) * len(LEVELS), np.nan)
    return (), np.moveaxis(np.quantile(fine, LEVELS, axis=0), 0, -1).ravel()


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
