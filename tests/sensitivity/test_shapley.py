"""Shapley effects against Ishigami, Sobol' G and correlated normals, known exactly."""

import numpy as np
import pytest
from scipy.special import ndtri

from pkpd.population import sobol as sequence
from pkpd.population.variability import correlate, uncorrelate
from pkpd.sensitivity.shapley import Walks
from pkpd.sensitivity.sobol import half_widths, refine
from tests.sensitivity.exact import ISHIGAMI, A, g_closed, ishigami, linear_closed, shapley, sobol_g


def effects(function, players, omega=None, n=4096, scramblings=8, half_width=np.inf):
    inputs = len(players[0])

    def draw(first, last, r):
        return np.moveaxis(
            sequence.points(first, last, 2 * inputs, [r, 0]).reshape(last - first, 2, inputs), 1, 0
        )

    walks = Walks(function, draw, list(players), omega, 1, [])
    refine(walks, scramblings, n, 4096, half_width)
    estimates = walks.estimates()[:, :, 0, 0]
    return walks, estimates, half_widths(estimates)


def test_ishigami_has_its_published_effects():
    _, found, half = effects(ishigami, np.eye(3, dtype=bool))
    np.testing.assert_allclose(found.mean(axis=0), ISHIGAMI["shapley"], atol=0.01)
    assert (half < 0.015).all()


def test_sobol_g_has_the_effects_of_all_subsets():
    exact = shapley(lambda s: g_closed(s) if s else 0.0, len(A))
    _, found, _ = effects(sobol_g, np.eye(4, dtype=bool))
    np.testing.assert_allclose(found.mean(axis=0), exact, atol=0.01)


@pytest.mark.parametrize("r", [-0.9, -0.3, 0.0, 0.8])
def test_a_linear_function_of_correlated_normals_has_its_exact_effects(r):
    beta, omega = np.array([1.0, 0.7, 0.5, 0.0]), np.eye(4)
    omega[0, 1] = omega[1, 0] = r
    omega[2, 3] = omega[3, 2] = 0.6
    lower = np.linalg.cholesky(omega)

    def function(u):
        return (correlate(lower, ndtri(u)) @ beta)[:, None]

    exact = shapley(lambda s: linear_closed(beta, omega, s), 4)
    _, found, half = effects(function, np.eye(4, dtype=bool), omega)
    np.testing.assert_allclose(found.mean(axis=0), exact, atol=0.012)
    assert (half < 0.02).all()
    # an input without any effect of its own shares in that of the one it goes with
    assert exact[3] > 0.01


def test_a_group_is_one_player():
    beta, omega = np.array([1.0, 0.7, 0.5]), np.array([[1, 0.5, 0.2], [0.5, 1, 0], [0.2, 0, 1.0]])
    lower, groups = np.linalg.cholesky(omega), ((0, 2), (1,))
    exact = shapley(lambda s: linear_closed(beta, omega, [i for g in s for i in groups[g]]), 2)
    players = [np.isin(np.arange(3), g) for g in groups]
    _, found, _ = effects(lambda u: (correlate(lower, ndtri(u)) @ beta)[:, None], players, omega)
    np.testing.assert_allclose(found.mean(axis=0), exact, atol=0.012)


def test_effects_sum_to_one_in_every_scrambling():
    _, found, _ = effects(ishigami, np.eye(3, dtype=bool), n=16)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)


def test_more_walks_keep_the_first_ones_and_reach_the_wanted_width():
    few, _, _ = effects(ishigami, np.eye(3, dtype=bool), n=32)
    more, _, half = effects(ishigami, np.eye(3, dtype=bool), n=32, half_width=0.02)
    assert more.count() > 32 and (half <= 0.02).all()
    for a, b in zip(few.values, more.values, strict=True):
        np.testing.assert_array_equal(a, b[:, :32])


def test_uncorrelate_undoes_correlate():
    rng = np.random.default_rng(1)
    lower = np.linalg.cholesky(np.cov(rng.normal(size=(5, 40))))
    z = rng.normal(size=(30, 5))
    np.testing.assert_allclose(uncorrelate(lower, correlate(lower, z)), z, atol=1e-12)
