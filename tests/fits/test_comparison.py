"""Models side by side: weights by hand, the averaged interval against that of one model."""

import numpy as np
import pytest

from pkpd.fits.comparison import akaike, averaged_interval
from pkpd.fits.curves import CURVES
from pkpd.fits.fit import fit

X = np.repeat([0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0], 2)
Y = (1.0 + X) / (1.0 + (X / 3.0) ** 2) + np.random.default_rng(11).normal(0.0, 0.1, 16)


@pytest.fixture(scope="module")
def comparison():
    return fit((X, Y), "all", intervals=("peak",))


def test_each_model_is_fitted_and_the_best_comes_first(comparison):
    assert {f.curve.name for f in comparison.fits} == set(CURVES) and comparison.left_out == {}
    n = len(X)
    for f in comparison.fits:
        k = f.parameters + 1
        assert f.aicc == pytest.approx(
            n * np.log(f.rss / n) + 2 * k + 2 * k * (k + 1) / (n - k - 1)
        )
    assert comparison.frame()[
        "aicc"
    ].is_monotonic_increasing and comparison.weights.sum() == pytest.approx(1.0)


def test_the_averaged_peak_is_the_weighted_mean_on_the_log_axis(comparison):
    found = [
        (w, f.peak)
        for w, f in zip(comparison.weights, comparison.fits, strict=True)
        if np.isfinite(f.peak)
    ]
    expected = np.exp(np.average(np.log([p for _, p in found]), weights=[w for w, _ in found]))
    assert comparison.peak == pytest.approx(expected)
    low, high = comparison.peak_ci
    assert low < comparison.peak < high
    ends = np.array(
        [
            f.intervals["peak"]
            for f in comparison.fits
            if "peak" in f.intervals and f.aicc < comparison.best.aicc + 10
        ]
    )
    assert ends[:, 0].min() * 0.9 <= low and high <= ends[:, 1].max() * 1.1


def test_the_averaged_interval_of_one_model_is_its_profile_interval():
    alone = fit((X, Y))
    assert averaged_interval([alone], 0.95) == pytest.approx(
        alone.intervals["peak"], rel=0.02
    )  # a straight line between steps of the profile


def test_weights_of_models_with_too_few_data_are_equal():
    np.testing.assert_allclose(akaike([np.inf, np.inf]), 0.5)
    np.testing.assert_allclose(
        akaike([0.0, 2.0, np.inf]), [1 / (1 + np.exp(-1)), 1 / (1 + np.e), 0.0]
    )


def test_models_with_too_many_numbers_for_the_data_are_left_out_with_a_sentence():
    found = fit((X[::2][:5], Y[::2][:5]), "all", intervals=())
    assert "cannot determine the 6 numbers of hill-product" in found.left_out["hill-product"]
    assert {f.curve.name for f in found.fits} >= {"log-logistic", "brain-cousens"} and np.isnan(
        found.peak_ci[0]
    )
