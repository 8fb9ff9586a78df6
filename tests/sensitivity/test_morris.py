"""Morris screening of functions whose changes are known."""

import numpy as np

from pkpd.population import sobol as sequence
from pkpd.sensitivity.morris import effects, measures


def changes(function, inputs, n=64):
    return effects(function, sequence.points(0, n, inputs, 3))


def test_a_linear_function_changes_by_half_of_each_weight_everywhere():
    weights = np.array([3.0, -2.0, 0.0])
    size, mean, sd = measures(changes(lambda u: (u @ weights)[:, None], 3))[..., 0]
    np.testing.assert_allclose(size, np.abs(weights) / 2, atol=1e-12)
    np.testing.assert_allclose(mean, weights / 2, atol=1e-12)
    np.testing.assert_allclose(sd, 0.0, atol=1e-12)


def test_a_product_has_a_mean_of_nothing_and_a_spread():
    # (u - 1/2)(v - 1/2) changes by half of the other's distance from the middle, 1/8 or 3/8
    size, mean, sd = measures(
        changes(lambda u: ((u[:, 0] - 0.5) * (u[:, 1] - 0.5))[:, None], 2, n=1024)
    )[..., 0]
    np.testing.assert_allclose(size, 0.125, atol=0.003)
    np.testing.assert_allclose(mean, 0.0, atol=0.003)
    np.testing.assert_allclose(sd, np.sqrt((1 / 16**2 + 3**2 / 16**2) / 2), atol=0.003)


def test_every_move_stays_inside_and_points_with_nan_are_left_out():
    seen = []

    def function(u):
        seen.append(u)
        return np.where(u[:, :1] > 0.8, np.nan, u[:, :1])

    found = measures(changes(function, 2))
    assert np.min(seen[0]) > 0 and np.max(seen[0]) < 1 and np.isfinite(found).all()
