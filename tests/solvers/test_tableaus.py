"""Order conditions of the Runge-Kutta pairs (Hairer, Norsett & Wanner 1993, Solving ODEs I, II.2), rooted trees up to order 5."""

import numpy as np
import pytest

from pkpd.solvers.tableaus import TSIT5

PAIRS = [TSIT5]


def matrix(tableau):
    a = np.zeros((len(tableau.c), len(tableau.c)))
    for i, row in enumerate(tableau.a):
        a[i, : len(row)] = row
    return a


def trees(a, c):
    """Elementary weights and 1/density by order: order -> list of (vector, value)."""
    one = np.ones_like(c)
    return {
        1: [(one, 1)],
        2: [(c, 1 / 2)],
        3: [(c**2, 1 / 3), (a @ c, 1 / 6)],
        4: [(c**3, 1 / 4), (c * (a @ c), 1 / 8), (a @ c**2, 1 / 12), (a @ a @ c, 1 / 24)],
        5: [
            (c**4, 1 / 5), (c**2 * (a @ c), 1 / 10), ((a @ c) ** 2, 1 / 20), (c * (a @ c**2), 1 / 15), (a @ c**3, 1 / 20),
            (c * (a @ a @ c), 1 / 30), (a @ (c * (a @ c)), 1 / 40), (a @ a @ c**2, 1 / 60), (a @ a @ a @ c, 1 / 120),
        ],
    }  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
def test_rows_sum_to_nodes(pair):
    np.testing.assert_allclose(matrix(pair).sum(axis=1), pair.c, atol=2e-15)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
def test_order_conditions_of_the_solution(pair):
    a, c = matrix(pair), np.array(pair.c)
    for order, conditions in trees(a, c).items():
        for vector, value in conditions:
            assert abs(a[-1] @ vector - value) < 5e-15, order


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
def test_error_weights_vanish_below_the_order_of_the_embedded_solution_and_not_at_it(pair):
    a, c, error = matrix(pair), np.array(pair.c), np.array(pair.error)
    by_order = trees(a, c)
    for order in range(1, pair.order):
        assert all(abs(error @ vector) < 1e-13 for vector, _ in by_order[order])
    assert max(abs(error @ vector) for vector, _ in by_order[pair.order]) > 1e-4


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
@pytest.mark.parametrize("theta", [0.0, 0.25, 0.6, 1.0])
def test_dense_output_meets_the_conditions_of_order_four_inside_the_step(pair, theta):
    a, c = matrix(pair), np.array(pair.c)
    weights = np.array(pair.dense) @ theta ** np.arange(1, 5)
    for order in range(1, 5):
        for vector, value in trees(a, c)[order]:
            assert abs(weights @ vector - value * theta**order) < 1e-13


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
def test_dense_output_ends_in_the_solution(pair):
    np.testing.assert_allclose(np.array(pair.dense).sum(axis=1), matrix(pair)[-1], atol=5e-15)
