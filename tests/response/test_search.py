"""The search for the best dose on curves whose peak, windows and crossings are known."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from pkpd.response.grid import DoseGrid
from pkpd.response.search import FINEST, Search

DOSES = np.exp(np.linspace(np.log(0.05), np.log(50.0), 33))
NOISE = 1e-6  # of an untreated value of 1


class Known:
    """Steady states of one patient whose benefit is a function of dose; what is solved is kept."""

    def __init__(self, curve):
        self.curve, self.doses = curve, []

    def at(self, person, doses, guess):
        self.doses.extend(doses)
        return SimpleNamespace(y=doses[:, None], doses=doses)

    def mean(self, solution):
        return 1.0 - self.curve(solution.doses)

    def gain(self, untreated, treated):
        return untreated - treated


def search(curve, doses=DOSES, noise=NOISE):
    """Search of one patient with this curve, and all doses that it comes to look at."""
    steady = Known(curve)
    shape = (1, len(doses))
    outcome, solved = (1.0 - curve(doses))[None, :], np.zeros(shape)
    states, untreated = np.zeros((*shape, 1)), (np.ones(1), np.zeros((1, 1)), np.zeros(1))
    beside = np.zeros((1, 0)), np.zeros((1, 0))
    found = DoseGrid(steady, doses, outcome, solved, solved, states, *untreated, *beside)
    return Search(found, np.full(1, noise)), steady


def power_exponential(peak, n):
    """x**n exp(-x**n) of x = dose/peak, best at x = 1, as a share of its maximum."""
    return lambda d: (d / peak) ** n * np.exp(1.0 - (d / peak) ** n)


def log_gaussian(peak, n):
    return lambda d: np.exp(-0.5 * (n * np.log(d / peak)) ** 2)


def hill_product(peak, n):
    """Two Hill curves of equal slope and half-way dose: best there."""
    return lambda d: 4.0 / (2.0 + (d / peak) ** n + (peak / d) ** n)


FAMILIES = st.sampled_from([power_exponential, log_gaussian, hill_product])
PEAKS, SLOPES = st.floats(0.08, 30.0), st.floats(1.0, 32.0)


@settings(max_examples=300, deadline=None)
@given(FAMILIES, PEAKS, SLOPES)
def test_the_med_of_a_known_curve_is_exact_from_flat_to_steep_and_no_dose_looked_at_is_better(
    family, peak, n
):
    curve = family(peak, n)
    one, steady = search(curve)
    found = one.peaks()
    assert found.argmax[0] == pytest.approx(np.log(peak), abs=1e-3)
    assert curve(np.array([*steady.doses, *DOSES])).max() <= found.gain[0] + NOISE
    assert np.isnan(found.second[0])


@settings(max_examples=150, deadline=None)
@given(FAMILIES, PEAKS, SLOPES, st.sampled_from([0.5, 0.9, 0.99]))
def test_windows_end_where_the_curve_crosses(family, peak, n, share):
    curve = family(peak, n)
    one, _ = search(curve)
    found = one.peaks()
    for side in (-1, 1):
        there = one.crossings(share * found.gain[None], found.argmax, (side,))[0, 0]
        end = DOSES[0 if side < 0 else -1]
        if curve(end) > share:
            assert there == side * np.inf
        elif curve(end) < share - 1e-5:
            exact = brentq(
                lambda x: curve(np.exp(x)) - share, *sorted((np.log(peak), np.log(end))), xtol=1e-12
            )
            assert there == pytest.approx(exact, abs=FINEST)


@settings(max_examples=150, deadline=None)
@given(st.floats(0.1, 1.0), st.floats(2.0, 8.0), st.floats(1.0, 32.0), st.floats(1.0, 2.0))
def test_a_curve_that_turns_to_harm_is_back_at_zero_where_it_says(peak, ratio, n, depth):
    """A Hill curve less a deeper one of twice its slope further up."""
    far = ratio * peak

    def curve(d):
        return (d / peak) ** n / (1 + (d / peak) ** n) - (1 + depth) * (d / far) ** (2 * n) / (
            1 + (d / far) ** (2 * n)
        )

    one, _ = search(curve)
    found = one.peaks()
    exact = brentq(lambda x: curve(np.exp(x)), found.argmax[0], np.log(50.0), xtol=1e-12)
    assert one.crossings(np.zeros((1, 1)), found.argmax, (1,))[0, 0] == pytest.approx(
        exact, abs=FINEST
    )


@settings(max_examples=100, deadline=None)
@given(st.floats(0.1, 20.0), SLOPES, st.booleans())
def test_a_curve_that_only_rises_or_falls_is_best_at_the_end_however_steep(half, n, rises):
    found = search(lambda d: 1.0 / (1.0 + (half / d) ** (n if rises else -n)))[0].peaks()
    assert found.argmax[0] == np.log(DOSES)[-1 if rises else 0]


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0.1, 1.0),
    st.floats(5.0, 20.0),
    st.floats(3.0, 32.0),
    st.floats(0.3, 0.99),
    st.booleans(),
)
def test_the_higher_of_two_humps_is_best_and_the_other_is_the_second_peak_if_almost_as_high(
    low, high, n, ratio, first
):
    a, b = log_gaussian(low, n), log_gaussian(high, n)
    one, _ = search(lambda d: a(d) * (1.0 if first else ratio) + b(d) * (ratio if first else 1.0))
    found = one.peaks()
    best, other = (low, high) if first else (high, low)
    assert found.argmax[0] == pytest.approx(np.log(best), abs=2 * FINEST)
    if ratio > 0.901:
        assert found.second[0] == pytest.approx(np.log(other), abs=2 * FINEST)
    if ratio < 0.899:
        assert np.isnan(found.second[0])


def test_ripples_without_a_valley_are_no_second_peak():
    found = search(lambda d: np.exp(-0.5 * np.log(d) ** 2) * (1 + 0.003 * np.sin(12 * np.log(d))))[
        0
    ].peaks()
    assert np.isnan(found.second[0]) and found.argmax[0] == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("corner", [0.7, 3.3])
def test_a_peak_with_a_corner_is_bracketed(corner):
    found = search(lambda d: np.minimum(d / corner, corner / d))[0].peaks()
    assert found.argmax[0] == pytest.approx(np.log(corner), abs=FINEST)


STEP = np.log(DOSES[1] / DOSES[0])


@pytest.mark.parametrize("place", np.linspace(-8.0, 8.0, 33))
def test_a_spike_of_a_quarter_of_a_step_on_a_slope_is_found_between_doses(place):
    """The doses of the grid see its foot alone, at the middle of a step 14 % of its height."""
    at = place * STEP

    def curve(d):
        hump = np.exp(-0.5 * (np.log(d / 1.5) / 1.2) ** 2)
        return hump + 0.8 * np.exp(-0.5 * ((np.log(d) - at) / (0.25 * STEP)) ** 2)

    around = at + np.linspace(-0.5, 0.5, 2001) * STEP
    best = around[np.argmax(curve(np.exp(around)))]
    assert search(curve)[0].peaks().argmax[0] == pytest.approx(best, abs=FINEST)


def test_doses_are_added_where_interpolations_disagree_alone():
    smooth, _ = search(log_gaussian(2.0, 1.0))
    corner, _ = search(lambda d: np.minimum(1.0, d / 2.1))
    for one, more in ((smooth, False), (corner, True)):
        before = len(one.looked)
        one.look_between()
        xs = one.curves()[0][0]
        assert (len(one.looked) > before) == more
    added = np.setdiff1d(xs, np.log(DOSES))
    assert np.abs(added - np.log(2.1)).max() <= 2.5 * STEP


@pytest.mark.parametrize("low", [0.1, 0.31, 1.0])
def test_the_least_dose_that_helps_is_below_the_first_of_two_humps(low):
    """The higher hump is at 20; both reach 0.3 of it."""
    a, b = log_gaussian(low, 3.0), log_gaussian(20.0, 3.0)
    one, _ = search(lambda d: 0.5 * a(d) + b(d))
    found = one.peaks()
    level = np.full((2, 1), 0.3)
    least, beside = one.crossings(level, found.argmax, (0, -1))[:, 0]
    assert least == pytest.approx(np.log(low) - np.sqrt(2 * np.log(0.5 / 0.3)) / 3, abs=FINEST)
    assert beside == pytest.approx(np.log(20.0) - np.sqrt(-2 * np.log(0.3)) / 3, abs=FINEST)


def test_where_the_first_dose_helps_the_least_is_below_the_range():
    one, _ = search(lambda d: 1.0 / (1.0 + d))
    assert one.crossings(np.full((1, 1), 0.5), one.peaks().argmax, (0,))[0, 0] == -np.inf
