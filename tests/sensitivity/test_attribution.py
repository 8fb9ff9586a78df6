"""Shapley split of a difference: efficiency, known games, fixed orders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pkpd.sensitivity.attribution import FEW, attribute
from tests.sensitivity.exact import shapley


def game(weights, pairs=0.0):
    """A game in which players bring their weight, and neighbours something more."""

    def value(inside):
        return inside @ weights + pairs * (inside[:, 1:] & inside[:, :-1]).sum(axis=1)

    return value


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=2 * FEW), st.floats(-3, 3))
def test_parts_sum_to_the_difference(weights, pairs):
    weights = np.array(weights)
    found = attribute(game(weights, pairs), len(weights))
    assert found.part.sum() == pytest.approx(found.difference, abs=1e-10)
    assert found.exact == (len(weights) <= FEW)


@pytest.mark.parametrize("players", [4, FEW + 5])
def test_players_that_only_add_get_their_weight(players):
    weights = np.arange(players) - 2.0
    found = attribute(game(weights), players)
    np.testing.assert_allclose(found.part, weights, atol=1e-12)
    np.testing.assert_allclose(found.half, 0.0, atol=1e-12)


def test_all_subsets_give_the_values_of_the_definition():
    rng = np.random.default_rng(3)
    table = rng.normal(size=2**5)

    def value(inside):
        return table[inside @ (1 << np.arange(5))]

    def of(subset):
        return table[sum(1 << i for i in subset)]

    np.testing.assert_allclose(attribute(value, 5).part, shapley(of, 5), atol=1e-12)


def test_orders_with_their_reverses_are_exact_for_games_of_pairs():
    weights = np.linspace(-1, 1, FEW + 4)
    found = attribute(game(weights, 0.7), len(weights))
    ends = np.array([1, *([2] * (len(weights) - 2)), 1])
    np.testing.assert_allclose(found.part, weights + 0.35 * ends, atol=1e-12)


def test_orders_are_the_same_for_the_same_seed_and_estimate_what_they_say():
    rng = np.random.default_rng(5)
    weights = rng.normal(size=FEW + 3)

    def value(inside):
        return np.exp(0.3 * (inside @ weights))

    one, again, other = (attribute(value, len(weights), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.part, again.part)
    assert (np.abs(one.part - other.part) <= 3 * (one.half + other.half) + 1e-12).all() and not (
        one.part == other.part
    ).all()
