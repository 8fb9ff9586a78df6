"""Censored quantiles and shares: coverage and edges."""

import numpy as np
import pytest

from pkpd.response.quantiles import format_dose, format_share, quantile, share


def test_intervals_of_the_median_cover_it_about_95_times_in_100():
    rng = np.random.default_rng(3)
    hits = sum(
        q.low <= 0.0 <= q.high
        for q in (quantile(rng.standard_normal(101), 0.5) for _ in range(1000))
    )
    assert 930 <= hits <= 990


def test_a_quantile_in_the_censored_mass_is_open():
    values = np.concatenate([np.arange(1.0, 81.0), np.full(20, np.inf)])
    assert quantile(values, 0.9).value == np.inf
    assert quantile(values, 0.5).value == pytest.approx(50.5)
    assert format_dose(quantile(values, 0.9).value, 0.05, 50, "mg") == "> 50 mg"
    assert format_dose(-np.inf, 0.05, 50, "mg") == "< 0.05 mg"


def test_uncensored_quantiles_are_hazens():
    values = np.random.default_rng(1).lognormal(size=57)
    for level in (0.1, 0.5, 0.9):
        exact = np.quantile(values, level, method="hazen")
        assert quantile(values, level).value == pytest.approx(exact)


@pytest.mark.parametrize("n", [2**k for k in range(4, 11)])
@pytest.mark.parametrize("level", [0.05, 0.25, 0.95])
def test_quantiles_of_stratified_points_are_right_on_average(n, level):
    """One point in each of n strata, as of a Sobol' sequence: the mean of quantiles has no bias."""
    rng = np.random.default_rng(n)
    points = (np.arange(n) + rng.uniform(size=(400, n))) / n
    found = np.array([quantile(row, level).value for row in points])
    error = found.std() / np.sqrt(len(found)) + 1e-12
    assert abs(found.mean() - level) < 4 * error


def test_sobol_points_have_no_interval_of_independent_draws():
    found = quantile(np.arange(100.0), 0.5, independent=False)
    assert found.value == 49.5 and np.isnan([found.low, found.high]).all()
    assert share(54, 100, independent=False)[0] == 0.54
    assert format_share(share(54, 100, independent=False)) == "54 %"
    assert format_share(share(81, 263), 1) == "30.8 % (25.5-36.6)"


def test_no_values_give_no_quantile_and_no_share():
    assert np.isnan(quantile([], 0.5).value)
    assert all(np.isnan(share(0, 0)))


def test_wilson_interval_is_the_published_one():
    # Newcombe (1998), Stat Med 17:857: 81 of 263, 0.2553 to 0.3662
    np.testing.assert_allclose(share(81, 263)[1:], (0.2553, 0.3662), atol=5e-5)
