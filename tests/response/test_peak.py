"""Peaks of curves that are known in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pkpd.response.peak import NEW, OFFSETS, bracket, candidates, doubtful, estimates, summit

X = np.linspace(np.log(0.05), np.log(50.0), 33)
STEP = X[1] - X[0]


def peak(curve):
    """Argmax (log dose) of a function of dose, by the grid and the seven points around its best."""
    best = int(np.clip(np.argmax(curve(np.exp(X))), 1, len(X) - 2))
    offset, _, misfit = summit(curve(np.exp(X[best] + OFFSETS * STEP))[None, :])
    assert misfit[0] < 1e-3
    return X[best] + offset[0] * STEP


def hill_product(k1, k2, h):
    return lambda x: x**h / (k1**h + x**h) * k2**h / (k2**h + x**h)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.1, 10.0), st.floats(0.1, 10.0), st.floats(0.7, 3.0))
def test_a_hill_product_of_equal_slopes_peaks_at_the_geometric_mean(k1, k2, h):
    assert peak(hill_product(k1, k2, h)) == pytest.approx(0.5 * np.log(k1 * k2), abs=1e-3)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.5, 2.0), st.floats(0.5, 10.0), st.floats(1.0, 10.0))
def test_brain_cousens_with_slope_two_peaks_at_its_root(d, e, f):
    exact = (-d + np.sqrt(d * d + f * f * e * e)) / f
    assert peak(lambda x: (d + f * x) / (1 + (x / e) ** 2) - d) == pytest.approx(
        np.log(exact), abs=1e-3
    )


@pytest.mark.parametrize(("curve", "end"), [(lambda x: x / (1 + x), 1.0), (lambda x: 1 / x, -1.0)])
def test_a_monotone_curve_peaks_exactly_at_the_end_of_the_window(curve, end):
    assert summit(curve(np.exp(OFFSETS * STEP))[None, :])[0][0] == end


def test_the_misfit_of_a_steep_peak_shows():
    steep = np.exp(-0.5 * (16 * OFFSETS * STEP) ** 2)[None, :]
    assert summit(steep)[2][0] > 0.05 * np.ptp(steep)


def humps(low, high):
    one = np.exp(-((X - np.log(0.3)) ** 2) / 0.1)
    other = np.exp(-((X - np.log(10.0)) ** 2) / 0.1)
    return (low * one + high * other)[None, :]


@pytest.mark.parametrize("sizes", [(1.0, 0.95), (0.95, 1.0), (1.0, 0.02)])
def test_each_hump_is_a_candidate_however_low(sizes):
    rows, places = candidates(humps(*sizes), np.full(1, 1e-6))
    assert rows.tolist() == [0, 0]
    np.testing.assert_allclose(X[places], np.log([0.3, 10.0]), atol=STEP)


def test_ripples_within_the_noise_are_no_candidates():
    rippled = humps(1.0, 0.5) + 1e-7 * (np.arange(33) % 2)
    assert len(candidates(rippled, np.full(1, 1e-6))[0]) == 2


def test_ties_go_to_the_lower_dose():
    flat = np.where(np.arange(33) >= 8, 1.0, 0.0)[None, :]
    assert candidates(flat, np.full(1, 1e-6))[1].tolist() == [8]


def test_a_cubic_leaves_no_doubt_and_a_corner_does_beside_it():
    cubic, corner = X**3 - X, np.abs(X - 0.5 * (X[15] + X[16]))
    curves, x = np.array([cubic, corner]), np.array([X, X])
    rows, middle = doubtful(x, curves, np.full(2, 1e-3), 0.5 * STEP)
    assert set(rows) == {1} and np.abs(middle - 0.5 * (X[15] + X[16])).min() < 1e-12
    assert not len(doubtful(x, curves, np.full(2, 1e-3), 1.5 * STEP)[0])


def test_new_points_are_those_not_known_beforehand():
    assert set(range(7)) - set(NEW) == {0, 3, 6}


def log_gaussian(doses):
    return np.exp(-0.5 * ((doses - np.log(2.0)) / 0.8) ** 2)[None, :]


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("side", [-1, 1])
def test_three_interpolations_agree_on_the_window_of_a_log_gaussian(share, side):
    x = np.sort(np.append(X, np.log(2.0)))[None, :]
    gain, level, noise = log_gaussian(x[0]), np.array([share]), np.full(1, 1e-6)
    _, left = bracket(x, gain, level, np.log([2.0]), side, noise)
    exact = np.log(2.0) + side * 0.8 * np.sqrt(-2 * np.log(share))
    assert x[0, left[0]] <= exact <= x[0, left[0] + 1]
    *cubics, quintic = estimates(x, gain, left, level)[:, 0]
    np.testing.assert_allclose(cubics, exact, atol=5e-3)
    assert quintic == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("side", [-1, 1])
def test_a_curve_that_stays_above_the_level_has_no_crossing(side):
    flat = np.ones((1, 33))
    assert not len(bracket(X[None, :], flat, np.array([0.5]), np.zeros(1), side, np.zeros(1))[0])
