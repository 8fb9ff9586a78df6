"""What an explanation says beyond the studies: benefit by dose, and the MEDs of its people.

Knows draws, weights and dose responses; knows nothing of studies.
"""

from collections.abc import Sequence

import numpy as np

from pkpd.evidence.draws import Draws, resampled
from pkpd.response.dose_response import dose_response
from pkpd.response.med import med

PEOPLE = 16  # under each draw whose benefit is averaged
SAMPLE = 512  # people whose MEDs are looked for, each under a draw taken by its weight
MEDS = {  # column of pkpd.med -> what it is
    "argmax": "dose of the largest benefit",
    "w90_low": "least dose around it with 90 % of the largest benefit",
    "min_effective_dose": "least dose that helps by delta",
}


def benefits(
    draws: Draws, doses: np.ndarray, each: int = PEOPLE, threads: int | None = None
) -> np.ndarray:
    """(K, D) mean benefit of the people of every draw at doses (D,); NaN where nobody is solved."""
    found = dose_response(draws.model, draws.people(each), doses, threads=threads, progress=False)
    by_draw = found.gain.reshape(len(draws), each, len(doses))
    there = np.isfinite(by_draw)
    count = there.sum(axis=1)
    total = np.where(there, by_draw, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def weighted_quantiles(
    values: np.ndarray, weights: np.ndarray, levels: Sequence[float]
) -> list[float]:
    """Quantiles of values (K,) with weights (K,) that sum to 1: least value with that share."""
    order = np.argsort(values)
    passed = np.cumsum(weights[order])
    places = np.searchsorted(passed, np.asarray(levels) * passed[-1])
    return [float(v) for v in values[order][np.minimum(places, len(values) - 1)]]


def meds(
    draws: Draws, weights: np.ndarray, count: int = SAMPLE, threads: int | None = None
) -> dict[str, np.ndarray]:
    """{column of MEDS: (count,) doses}, NaN for people without one, and whom some dose helps.

    weights : (K,) of the draws, each person being under another draw, in proportion to them
    """
    rows = resampled(weights, count, draws.seed)
    people = draws.under(rows, np.arange(1, count + 1))
    table = med(draws.model, people, threads=threads, progress=False)
    return {name: table.column(name) for name in (*MEDS, "responder")}
