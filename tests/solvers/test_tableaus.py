"""Order conditions of the Runge-Kutta pairs, rooted trees up to order 5.

Hairer, Norsett & Wanner (1993), Solving ODEs I, II.2. Higher orders and interpolants by halving the
step on a nonlinear problem.
"""

from itertools import pairwise

import numpy as np
import pytest

from pkpd.solvers import tableaus

PAIRS = [pair for pair in vars(tableaus).values() if isinstance(pair, tableaus.Tableau)]


def matrix(tableau):
    """All rows, those of the interpolant's own stages last."""
    a = np.zeros((len(tableau.dense), len(tableau.dense)))
    for i, row in enumerate((*tableau.a, *tableau.more_a)):
        a[i, : len(row)] = row
    return a


def nodes(tableau):
    return np.array([*tableau.c, *tableau.more_c])


def solution(tableau):
    """Weights of the solution, over all stages."""
    return matrix(tableau)[len(tableau.c) - 1]


def weights(tableau, theta):
    """Weights of the interpolant, over all stages."""
    return np.array([sum(w * theta ** (j + 1) for j, w in enumerate(row)) for row in tableau.dense])


def step(tableau, h, theta):
    """The interpolant at theta of one step of size h from SMOOTH's start, or the solution.

    theta : None for the solution at the end
    """
    a, c, stages = matrix(tableau), nodes(tableau), []
    for i in range(len(c)):
        stages.append(slope(c[i] * h, START + h * (a[i, :i] @ np.array(stages).reshape(i, 2))))
    return START + h * (
        (solution(tableau) if theta is None else weights(tableau, theta)) @ np.array(stages)
    )


START = np.array([1.0, 0.7])


def slope(t, y):
    return np.array([-y[0] * y[1] + np.sin(t), y[0] - 0.5 * y[1] ** 2])


def trees(a, c):
    """Elementary weights and 1/density by order: order -> list of (vector, value)."""
    one = np.ones_like(c)
    return {
        1: [(one, 1)],
        2: [(c, 1 / 2)],
        3: [(c**2, 1 / 3), (a @ c, 1 / 6)],
        4: [(c**3, 1 / 4), (c * (a @ c), 1 / 8), (a @ c**2, 1 / 12), (a @ a @ c, 1 / 24)],
        5: [
            (c**4, 1 / 5),
            (c**2 * (a @ c), 1 / 10),
            ((a @ c) ** 2, 1 / 20),
            (c * (a @ c**2), 1 / 15),
            (a @ c**3, 1 / 20),
            (c * (a @ a @ c), 1 / 30),
            (a @ (c * (a @ c)), 1 / 40),
            (a @ a @ c**2, 1 / 60),
            (a @ a @ a @ c, 1 / 120),
        ],
    }


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
def test_rows_sum_to_nodes(pair):
    np.testing.assert_allclose(matrix(pair).sum(axis=1), nodes(pair), atol=3e-14)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
def test_order_conditions_of_the_solution(pair):
    by_order = trees(matrix(pair), nodes(pair))
    for order in range(1, min(pair.order, 5) + 1):
        for vector, value in by_order[order]:
            assert abs(solution(pair) @ vector - value) < 5e-14, order


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
def test_error_weights_vanish_below_the_order_of_the_embedded_solution_and_not_at_it(pair):
    error = np.concatenate([pair.error, np.zeros(len(pair.more_c))])
    by_order = trees(matrix(pair), nodes(pair))
    for order in range(1, min(pair.order, 6)):
        assert all(abs(error @ vector) < 1e-13 for vector, _ in by_order[order])
    for quadrature in range(1, pair.order):
        assert abs(error @ nodes(pair) ** (quadrature - 1)) < 1e-13
    at_it = [vector for vector, _ in by_order.get(pair.order, [])] or [nodes(pair) ** 6]
    assert max(abs(error @ vector) for vector in at_it) > 1e-5


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
@pytest.mark.parametrize("theta", [0.0, 0.25, 0.6, 1.0])
def test_dense_output_meets_the_order_conditions_inside_the_step(pair, theta):
    for order in range(1, min(pair.dense_order, 5) + 1):
        for vector, value in trees(matrix(pair), nodes(pair))[order]:
            assert abs(weights(pair, theta) @ vector - value * theta**order) < 2e-13


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
@pytest.mark.parametrize("theta", [None, 0.2, 0.5, 0.8])
def test_halving_the_step_shows_the_order_of_solution_and_interpolant(pair, theta):
    from scipy.integrate import solve_ivp

    sizes, place = (0.8, 0.4, 0.2), 1.0 if theta is None else theta
    truth = solve_ivp(
        slope, (0.0, 0.8), START, "DOP853", sorted(h * place for h in sizes), rtol=1e-13, atol=1e-14
    ).y.T[::-1]
    errors = [np.abs(step(pair, h, theta) - y).max() for h, y in zip(sizes, truth, strict=True)]
    order = pair.order if theta is None else pair.dense_order
    assert min(np.log2(a / b) for a, b in pairwise(errors)) > order + 0.6  # of one step: order + 1


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
def test_dense_output_ends_in_the_solution(pair):
    np.testing.assert_allclose(weights(pair, 1.0), solution(pair), atol=2e-13)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
def test_the_bound_on_stability_lies_just_inside_the_stable_interval(pair):
    a = matrix(pair)

    def growth(z):
        return abs(
            1 - z * solution(pair) @ np.linalg.solve(np.eye(len(a)) + z * a, np.ones(len(a)))
        )

    assert (
        all(growth(z) < 1 for z in np.linspace(0.1, pair.stable, 50))
        and growth(1.1 * pair.stable) > 1
    )
