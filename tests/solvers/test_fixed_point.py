"""Steady states that exist and that do not: capacity, progression, conserved totals, tolerance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from pkpd.dosing.actions import ADD, Actions
from pkpd.solvers import batch, status
from pkpd.solvers.periodic import periodic
from pkpd.symbolic.load import load

HEAD = """
title = "steady"
outputs = ["c"]
[dose]
c = {{ unit = "mg" }}
[parameters]
v = {{ value = 1.0, unit = "mg/h", label = "rate", source = "test", evidence = "assumed" }}
m = {{ value = 5.0, unit = "mg", label = "amount", source = "test", evidence = "assumed" }}
[equations]
e = '''
{equations}
'''
"""
DAY = 24.0


def compiled(folder, name, equations, solver="tsit5", integrals=()):
    path = folder / f"{name}.toml"
    path.write_text(HEAD.format(equations=equations))
    return batch.compile(load(str(path)), integrals=integrals, solver=solver)


def daily(doses):
    n = len(doses)
    kind, state = np.full(n, ADD, np.int8), np.zeros(n, np.int32)
    return Actions(np.arange(n + 1), np.zeros(n), kind, state, np.array(doses, dtype=float))


def steady(kernel, doses, theta=(1.0, 5.0), y0=None, **options):
    theta = np.array(np.broadcast_to(theta, (len(doses), 2)))
    rows = np.arange(len(doses))
    return periodic(kernel, theta, rows, daily(doses), DAY, y0, threads=1, **options)


def trough(dose, v=1.0, m=5.0):
    """Of c' = -v c/(m + c): c + m ln c falls by v a day, and the dose brings it back.

    The trough c solves dose + m ln(1 + dose/c) = 24 v.
    """
    return dose / np.expm1((DAY * v - dose) / m)


@pytest.fixture(scope="module")
def saturated(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("models"), "saturated", "d/dt(c) = -v*c/(m + c) : mg")


@settings(deadline=None, max_examples=30)
@given(gap=st.floats(-5.0, -0.01).map(lambda e: 10.0**e), km=st.floats(0.5, 20.0))
def test_saturated_elimination_settles_on_the_closed_form_or_is_refused(saturated, gap, km):
    """Doses on both sides of what a day can remove; the nearest settle too slowly to be told."""
    below, above = DAY * (1.0 - gap), DAY * (1.0 + gap)
    found = steady(saturated, [below, above], (1.0, km))
    assert found.status[1] == status.NO_STEADY
    assert found.status[0] == status.OK or gap < 1e-3
    if found.status[0] == status.OK:
        assert found.y[0, 0] == pytest.approx(trough(below, 1.0, km), rel=1e-5, abs=5e-5)


def test_of_a_cohort_no_steady_state_is_lost_beside_those_that_do_not_exist(saturated):
    """A dose is below what a patient's day removes, or not: nothing else decides.

    Each row starts from another row's state, as neighbours on a grid of doses do.
    """
    rng = np.random.default_rng(1)
    v, m = np.exp(0.3 * rng.standard_normal(300)), 5.0 * np.exp(0.5 * rng.standard_normal(300))
    doses = np.tile([6.0, 12.0, 18.0, 24.0, 30.0, 36.0], 50)
    exists = doses < DAY * v
    far = np.abs(doses / (DAY * v) - 1.0) > 1e-3  # how slowly the nearest ones settle
    guess = rng.permutation(np.where(exists, np.abs(trough(doses, v, m)), 1e5))[:, None]
    for y0 in (None, guess):
        found = steady(saturated, doses, np.column_stack([v, m]), y0)
        ok = found.status == status.OK
        np.testing.assert_array_equal(ok[far], exists[far])
        assert not (ok & ~exists).any()
        np.testing.assert_allclose(found.y[ok, 0], trough(doses, v, m)[ok], rtol=1e-5, atol=3e-5)


def test_the_tolerance_of_the_solver_is_that_of_the_steady_state(saturated):
    errors = [
        abs(steady(saturated, [20.0], rtol=rtol).y[0, 0] / trough(20.0) - 1.0)
        for rtol in (1e-4, 1e-6, 1e-8, 1e-10)
    ]
    assert all(e <= rtol for e, rtol in zip(errors, (1e-4, 1e-6, 1e-8, 1e-9), strict=True))


def test_a_disease_that_only_progresses_has_no_steady_state(tmp_path):
    """Whatever the drug, w grows every day: its rate does not depend on w."""
    equations = "d/dt(c) = -v*c/m : mg\nd/dt(w) = v/m*(1 - 0.5*c/(m + c)) : 1\nw(0) = 1 : 1"
    kernel = compiled(tmp_path, "progression", equations)
    for y0 in (None, np.array([[0.0, 1e9]] * 3)):
        found = steady(kernel, [0.0, 10.0, 200.0], y0=y0)
        assert (found.status == status.NO_STEADY).all() and np.isnan(found.y).all()


def test_a_total_that_the_equations_keep_is_no_drift(tmp_path):
    """Free and bound receptor add up to 5 mg for ever; drug comes and goes."""
    equations = """
d/dt(c) = -v*c/m - v/m**2*c*r + v/m*b : mg
d/dt(r) = -v/m**2*c*r + v/m*b : mg
r(0) = m : mg
d/dt(b) = v/m**2*c*r - v/m*b : mg
"""
    found = steady(compiled(tmp_path, "binding", equations), [0.0, 1.0, 30.0])
    assert (found.status == status.OK).all()
    np.testing.assert_allclose(found.y[:, 1] + found.y[:, 2], 5.0, rtol=1e-9)


def test_a_state_at_rest_beside_a_linear_model_does_not_hide_its_steady_state(tmp_path):
    equations = "d/dt(c) = -v*c/m : mg\nd/dt(still) = 0*c*v/m : mg\nstill(0) = m : mg"
    found = steady(compiled(tmp_path, "still", equations, "linear"), [0.0, 10.0])
    left = np.exp(-DAY / 5.0)
    np.testing.assert_allclose(found.y, [[0.0, 5.0], [10.0 * left / (1.0 - left), 5.0]], rtol=1e-9)


def test_what_depends_on_the_time_has_no_steady_state(tmp_path):
    """c settles; an effect that wears off with the calendar does not."""
    equations = "d/dt(c) = -v*c/(m + c) : mg\nfades = exp(-v*t/m) : 1"
    assert steady(compiled(tmp_path, "calm", equations), [10.0]).status[0] == status.OK
    fading = compiled(tmp_path, "fading", equations, integrals=("fades",))
    assert steady(fading, [10.0]).status[0] == status.NO_STEADY


def test_a_start_beside_an_unstable_point_does_not_settle_on_it(tmp_path):
    """Logistic growth leaves 0 and settles where growth meets loss, at m(1 - 0.1)."""
    kernel = compiled(tmp_path, "growth", "d/dt(c) = v/m*c*(0.9 - c/m) : mg")
    found = steady(kernel, [0.0, 0.0], y0=np.array([[1e-6], [20.0]]))
    assert (found.status == status.OK).all()
    np.testing.assert_allclose(found.y[:, 0], 4.5, rtol=1e-6)


def test_the_root_of_the_daily_balance_is_the_trough():
    root = brentq(lambda c: 20.0 + 5.0 * np.log1p(20.0 / c) - DAY, 1e-9, 1e6, xtol=1e-12)
    assert trough(20.0) == pytest.approx(root)


def test_a_row_without_a_guess_starts_from_the_model_and_not_from_nothing(tmp_path):
    """Nothing is a point at rest of logistic growth, but an unstable one."""
    equations = "d/dt(c) = v/m*c*(0.9 - c/m) : mg\nc(0) = 0.1*m : mg"
    kernel = compiled(tmp_path, "tumour", equations)
    found = steady(kernel, [0.0, 0.0, 0.0], y0=np.array([[np.nan], [1.0], [0.0]]))
    assert (found.status == status.OK).all()
    np.testing.assert_allclose(found.y[:, 0], 4.5, rtol=1e-6)
