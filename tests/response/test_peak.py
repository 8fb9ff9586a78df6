"""Peaks of curves that are known in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pkpd.response.peak import NEW, OFFSETS, centres, crossing, summit

X = np.linspace(np.log(0.05), np.log(50.0), 33)
STEP = X[1] - X[0]


def peak(curve):
    """Argmax (log dose) of a function of dose, by the grid and the seven points around its best."""
    benefit = curve(np.exp(X))[None, :]
    best, _ = centres(benefit)
    points = X[best[0]] + OFFSETS * STEP
    at, _ = summit(curve(np.exp(points))[None, :])
    return X[best[0]] + at[0] * STEP


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


@pytest.mark.parametrize(
    ("curve", "end"), [(lambda x: x / (1 + x), 1.0), (lambda x: 1 / (1 + x), -1.0)]
)
def test_a_monotone_curve_peaks_exactly_at_the_end_of_the_window(curve, end):
    benefit = curve(np.exp(X))[None, :]
    best, second = centres(benefit)
    assert second[0] == -1
    at, _ = summit(curve(np.exp(X[best[0]] + OFFSETS * STEP))[None, :])
    assert at[0] == end and X[best[0] + int(end)] == (X[-1] if end > 0 else X[0])


def test_two_humps_are_both_seen():
    benefit = np.exp(-((X - np.log(0.3)) ** 2) / 0.1) + 0.95 * np.exp(
        -((X - np.log(10.0)) ** 2) / 0.1
    )
    best, second = centres(benefit[None, :])
    assert abs(X[best[0]] - np.log(0.3)) < STEP and abs(X[second[0]] - np.log(10.0)) < STEP


def test_ties_go_to_the_lower_dose():
    best, _ = centres(np.where(np.isin(np.arange(33), (8, 20)), 1.0, 0.0)[None, :])
    assert best[0] == 8


def test_new_points_are_those_off_the_grid():
    assert set(range(7)) - set(NEW) == {0, 3, 6}


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_window_of_a_log_gaussian_is_its_closed_form(share):
    curve = np.exp(-0.5 * ((X - np.log(2.0)) / 0.8) ** 2)[None, :]
    half = 0.8 * np.sqrt(-2 * np.log(share))
    middle, level = np.array([np.log(2.0)]), np.array([share])
    assert crossing(X, curve, level, middle, -1)[0] == pytest.approx(np.log(2.0) - half, abs=2e-3)
    assert crossing(X, curve, level, middle, 1)[0] == pytest.approx(np.log(2.0) + half, abs=2e-3)


def test_a_curve_that_stays_above_the_level_is_open():
    curve = np.ones((1, 33))
    assert crossing(X, curve, np.array([0.5]), np.array([0.0]), 1)[0] == np.inf
    assert crossing(X, curve, np.array([0.5]), np.array([0.0]), -1)[0] == -np.inf
