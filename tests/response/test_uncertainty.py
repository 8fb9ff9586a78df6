"""Variability and uncertainty apart: intervals over parameter sets, and over scramblings."""

import numpy as np
import pytest
from scipy import stats

import pkpd
from pkpd.response import uncertainty
from pkpd.response.quantiles import quantile

MODEL = pkpd.load("pk/naltrexone")


def auc(people):
    """Area of parent and its statistics, in closed form: dose * salt * f / clearance."""
    theta = dict(zip(MODEL.input_names, people.theta.T, strict=True))
    values = (
        50
        * theta["salt"]
        * theta["f_oral"]
        / (theta["cl"] * (1 + theta["wt_cl"] * (theta["wt"] - theta["wt_ref"])))
    )
    return np.array([quantile(values, level).value for level in uncertainty.LEVELS])


def test_intervals_over_sets_are_the_quantiles_of_the_runs():
    runs = np.random.default_rng(1).normal(size=(400, 2))
    runs[:, 1] = np.where(runs[:, 1] > 1.5, np.inf, runs[:, 1])
    found = uncertainty.under_sets("ab", [0.0, 0.0], runs)
    np.testing.assert_allclose(
        [found.low[0], found.high[0]], stats.norm.ppf([0.025, 0.975]), atol=0.3
    )
    assert np.isinf(found.high[1]) and np.isfinite(found.low[1])


def test_the_sign_of_uncertainty_is_that_of_the_parameter():
    # all quantiles of the area scale with 1/cl, so their intervals are those of 1/cl over the sets
    people = pkpd.cohort(MODEL, 256, seed=7)
    cl = np.linspace(100.0, 200.0, 40)
    import pandas as pd

    sets = pkpd.parameter_sets(MODEL, pd.DataFrame({"cl": cl}))
    found = uncertainty.under_sets("lmh", auc(people), [auc(c) for c in sets.cohorts(people)])
    np.testing.assert_allclose(found.low, auc(people) * 140 / cl[-2], rtol=1e-12)
    np.testing.assert_allclose(found.high, auc(people) * 140 / cl[0], rtol=1e-12)


@pytest.mark.slow
def test_intervals_over_scramblings_cover_the_truth_as_often_as_they_say():
    truth = auc(pkpd.cohort(MODEL, 2**17, seed=99))
    hits = []
    for seed in range(40):
        own, *others = (auc(pkpd.cohort(MODEL, 128, seed=seed, replicate=r)) for r in range(8))
        found = uncertainty.over_scramblings("lmh", own, others, [True] * 3)
        hits.append((found.low[1] <= truth[1]) & (truth[1] <= found.high[1]))
    assert stats.binomtest(sum(hits), len(hits), 0.95).pvalue > 1e-3


@pytest.mark.parametrize("sampling", ["sobol", "mc"])
def test_each_scrambling_is_a_cohort_of_its_own(sampling):
    a, b = (pkpd.cohort(MODEL, 512, seed=7, replicate=r, sampling=sampling) for r in (1, 2))
    assert len(np.unique([a.latent[:, 3], b.latent[:, 3]])) == 1024
    np.testing.assert_array_equal(
        pkpd.cohort(MODEL, 512, seed=7, replicate=0, sampling=sampling).theta,
        pkpd.cohort(MODEL, 512, seed=7, sampling=sampling).theta,
    )
    np.testing.assert_array_equal(
        pkpd.cohort(MODEL, seed=7, replicate=1, ids=[9, 300], sampling=sampling).theta,
        a.theta[[8, 299]],
    )


def test_runs_beyond_the_range_leave_the_interval_open():
    found = uncertainty.over_scramblings("a", [1.0], [[2.0], [np.inf]], [True])
    assert found.low[0] == 1.0 and np.isinf(found.high[0])
