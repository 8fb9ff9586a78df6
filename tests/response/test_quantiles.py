"""Censored quantiles and shares: coverage and edges."""

import numpy as np
import pytest

from pkpd.response.quantiles import format_dose, quantile, share


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


def test_uncensored_quantiles_are_numpys():
    values = np.random.default_rng(1).lognormal(size=57)
    for level in (0.1, 0.5, 0.9):
        assert quantile(values, level).value == pytest.approx(np.quantile(values, level))


def test_no_values_give_no_quantile_and_no_share():
    assert np.isnan(quantile([], 0.5).value)
    assert all(np.isnan(share(0, 0)))


def test_wilson_interval_is_the_published_one():
    # Newcombe (1998), Stat Med 17:857: 81 of 263, 0.2553 to 0.3662
    np.testing.assert_allclose(share(81, 263)[1:], (0.2553, 0.3662), atol=5e-5)
