"""Reweighting: a narrow population out of a broad cohort, gaps, extremes by enumeration."""

import importlib.util
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from pkpd.trials.importance_weights import effective, expected, log_extremes, log_normal, normalised

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(1)


def test_a_weighted_broad_cohort_has_the_moments_of_the_narrow_population():
    x = 1.5 * RNG.standard_normal(200_000)
    weights = normalised(-0.5 * (x - 0.7) ** 2 + 0.5 * (x / 1.5) ** 2)
    mean, covariance = expected(np.column_stack([x, x**2]), weights)
    # N(0.7, 1): moments of x and its square
    np.testing.assert_allclose(mean, [0.7, 1.49], atol=0.02)
    np.testing.assert_allclose(covariance, [[1.0, 1.4], [1.4, 2 + 4 * 0.49]], rtol=0.05)
    # E_q[w]^2/E_q[w^2] of two normals: s sqrt(2 w^2 - s^2)/w^2 exp(-d^2/(2 w^2 - s^2))
    assert effective(weights) / 200_000 == pytest.approx(
        np.sqrt(3.5) / 2.25 * np.exp(-0.49 / 3.5), rel=0.02
    )


def test_equal_weights_are_plain_means_and_count_as_many():
    values = RNG.standard_normal((50, 3))
    weights = normalised(np.full(50, -7.0))
    mean, covariance = expected(values, weights)
    np.testing.assert_allclose(mean, values.mean(axis=0))
    np.testing.assert_allclose(covariance, np.cov(values.T, bias=True))
    assert effective(weights) == pytest.approx(50)
    assert effective(normalised(np.array([0.0, -np.inf]))) == 1.0


def test_gaps_are_left_out_and_widen_a_mean():
    values = RNG.standard_normal((20_000, 2))
    values[RNG.random(20_000) < 0.5, 0] = np.nan
    mean, covariance = expected(values, np.full(20_000, 1 / 20_000))
    assert mean[0] == pytest.approx(np.nanmean(values[:, 0]))
    # a mean over n patients of whom half answer is one over n/2
    assert covariance[0, 0] == pytest.approx(2.0, rel=0.05) and covariance[1, 1] == pytest.approx(
        1.0, rel=0.05
    )


def test_extremes_by_enumeration():
    shares, n = np.array([0.2, 0.5, 0.3]), 4
    chance = sum(
        np.prod(shares[list(draw)])
        for draw in product(range(3), repeat=n)
        if min(draw) == 0 and max(draw) == 2
    )
    assert log_extremes(shares, n) == pytest.approx(np.log(chance))
    assert (
        log_extremes(np.array([0.0, 1.0]), n) == -np.inf
        and log_extremes(np.array([0.5, 0.5]), 1) == -np.inf
    )


def test_the_normal_law_of_one_number():
    assert log_normal([1.0], [3.0], [[4.0]]) == pytest.approx(-0.5 - np.log(2 * np.sqrt(2 * np.pi)))


def test_the_broad_cohort_of_the_calibration_covers_the_populations_it_stands_for(
    monkeypatch,
):
    """Moments of inputs and traits under typical values other than the broad cohort's."""
    spec = importlib.util.spec_from_file_location(
        "population", ROOT / "experiments/09-calibration/population.py"
    )
    found = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "population", found)  # where dataclasses look their module up
    spec.loader.exec_module(found)
    broad = found.Broad(2**15, seed=5)
    point = {
        "toff": 12.0,
        "b50": 0.2,
        "effect": 0.8,
        "no_response": 0.25,
        "noise_sd": 1.8,
        "wanted": 0.35,
        "give_up": 0.3,
    }
    weights = normalised(broad.log_ratio(point))
    assert effective(weights) > 1000
    expected_middles = {
        "toff": np.log(12.0),
        "b50": np.log(0.2),
        "s_opioid": np.log(0.8 * 1.25),
        "s_glia": np.log(0.8),
        "improvement_wanted": np.log(0.35 / 0.65),
    }
    for name, middle in expected_middles.items():
        z, sd = broad.z[name], broad.inputs[name].iiv.sd
        assert weights @ z == pytest.approx(middle, abs=0.1 * sd), name
        assert np.sqrt(weights @ (z - weights @ z) ** 2) == pytest.approx(sd, rel=0.08), name
    assert weights @ broad.responds == pytest.approx(0.75, abs=0.03)
