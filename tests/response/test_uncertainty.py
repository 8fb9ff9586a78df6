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
    runs = auc(people) * 140 / cl[:, None]
    for ends, level in ((found.low, 0.025), (found.high, 0.975)):
        # the quantiles that a further set lies below with that probability
        np.testing.assert_allclose(ends, np.quantile(runs, level, axis=0, method="weibull"))


def test_a_further_set_lies_inside_as_often_as_the_interval_says():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(2000):
        *runs, further = rng.normal(size=(40, 1))
        found = uncertainty.under_sets("a", [0.0], runs)
        hits += bool(found.low[0] <= further[0] <= found.high[0])
    assert stats.binomtest(hits, 2000, 0.95).pvalue > 1e-3


@pytest.mark.parametrize("count", [1, 4, 38])
def test_95_percent_over_fewer_sets_than_can_tell_is_refused(count):
    with pytest.raises(pkpd.PkpdError, match=f"at least 39 parameter sets, not {count}"):
        uncertainty.under_sets("a", [0.0], np.zeros((count, 1)))


def test_where_too_few_sets_have_a_value_there_is_no_interval():
    runs = np.arange(45.0)[:, None] * [[1.0, 1.0]]
    runs[:7, 1] = np.nan
    found = uncertainty.under_sets("ab", [0.0, 0.0], runs)
    assert np.isfinite(found.low[0]) and np.isnan(found.low[1])


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


def test_the_interval_of_a_share_lies_between_none_and_all():
    runs = np.array([[0.7, 0.7], [0.6, 0.6]])
    found = uncertainty.over_scramblings(("quantile_0.5", "with_med"), runs[0], runs[1:])
    half = stats.t.ppf(0.975, 1) * 0.05  # the SD over the square root of two runs
    np.testing.assert_allclose([found.low[0], found.high[0]], [0.65 - half, 0.65 + half])
    np.testing.assert_allclose([found.low[1], found.high[1]], [0.65 - half, 1.0])


def test_runs_beyond_the_range_leave_the_interval_open():
    runs = [[1.0], [2.0], [3.0], [4.0], [5.0], [np.inf]]
    found = uncertainty.over_scramblings("a", runs[0], runs[1:], [True])
    assert found.low[0] == 1.0 and np.isinf(found.high[0])
    few = uncertainty.over_scramblings("a", runs[0], runs[2:], [True])
    assert np.isneginf(few.low[0]) and np.isposinf(few.high[0])
