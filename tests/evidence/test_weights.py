"""Weights of draws: a narrow law out of a broad one, and how many draws that leaves."""

import numpy as np
import pytest

from pkpd.evidence.weights import effective, normalised

RNG = np.random.default_rng(1)


def test_weighted_draws_of_a_broad_normal_have_the_moments_of_a_narrow_one():
    x = 1.5 * RNG.standard_normal(200_000)
    weights = normalised(-0.5 * (x - 0.7) ** 2 + 0.5 * (x / 1.5) ** 2)
    # N(0.7, 1): moments of x and its square
    np.testing.assert_allclose([weights @ x, weights @ x**2], [0.7, 1.49], atol=0.02)
    # E_q[w]^2/E_q[w^2] of two normals: s sqrt(2 w^2 - s^2)/w^2 exp(-d^2/(2 w^2 - s^2))
    assert effective(weights) / 200_000 == pytest.approx(
        np.sqrt(3.5) / 2.25 * np.exp(-0.49 / 3.5), rel=0.02
    )


def test_equal_weights_count_as_many_and_one_alone_as_one():
    weights = normalised(np.full(50, -7.0))
    np.testing.assert_allclose(weights, 1 / 50)
    assert effective(weights) == pytest.approx(50)
    assert effective(normalised(np.array([0.0, -np.inf]))) == 1.0
