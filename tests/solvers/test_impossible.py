"""What cannot be is a status: outputs that are no numbers, amounts below 0."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import lambertw

from pkpd.dosing.actions import ADD, Actions
from pkpd.solvers import batch, status
from pkpd.symbolic.load import load

HEAD = """
title = "impossible"
outputs = [{outputs}]
[dose]
a = {{ unit = "mg" }}
[parameters]
v = {{ value = 1.0, unit = "mg/h", label = "rate", source = "test", evidence = "assumed" }}
m = {{ value = 1.0, unit = "mg", label = "amount", source = "test", evidence = "assumed" }}
[equations]
e = '''
{equations}
'''
"""


def model(folder, name, equations, outputs):
    path = folder / f"{name}.toml"
    path.write_text(HEAD.format(outputs=", ".join(f'"{o}"' for o in outputs), equations=equations))
    return load(str(path))


def boluses(times, amounts, rows=1):
    count = len(times)
    kind, state = np.full(rows * count, ADD, np.int8), np.zeros(rows * count, np.int32)
    start = np.arange(rows + 1) * count
    return Actions(start, np.tile(times, rows), kind, state, np.tile(amounts, rows))


@pytest.fixture(scope="module")
def logarithm(tmp_path_factory):
    equations = "d/dt(a) = -v*a/m : mg\ng = log(a/m - 2) : 1"
    return model(tmp_path_factory.mktemp("models"), "logarithm", equations, ["g"])


def test_an_output_that_is_not_finite_is_a_status_with_its_time(logarithm):
    """g is the logarithm of 10 exp(-v t/m) - 2, which falls below 0 at ln(5) m/v."""
    theta, grid = np.array([[0.0, 1.0], [1.0, 1.0], [0.1, 1.0]]), np.arange(20.0)
    given = boluses([0.0], [10.0], 3)
    for solver in ("tsit5", "linear"):
        kernel = batch.compile(logarithm, solver=solver)
        solution = batch.solve(kernel, theta, t1=19.0, actions=given, grid=grid)
        assert solution.status.tolist() == [status.OK, status.NO_OUTPUT, status.NO_OUTPUT]
        assert solution.fail_time[1:].tolist() == [2.0, 17.0]
        assert np.isnan(solution.out[1:]).all() and np.isfinite(solution.out[0]).all()


def test_no_extreme_area_or_time_above_comes_from_what_is_not_finite(logarithm):
    kernel = batch.compile(logarithm, (), ("g",), "tsit5", ("g",), (("g", None, 1.0),))
    theta, given = np.array([[0.01, 1.0], [1.0, 1.0]]), boluses([0.0], [10.0], 2)
    solution = batch.solve(kernel, theta, t1=19.0, actions=given, since=0.0)
    assert solution.status.tolist() == [status.OK, status.NO_OUTPUT]
    assert solution.record[0, 0, 0] == pytest.approx(np.log(8.0))
    for values in (solution.record[1], solution.above[1], solution.integral[1]):
        assert np.isnan(values).all()


@pytest.fixture(scope="module")
def saturated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    kernels = {}
    for solver in ("tsit5", "rosenbrock"):
        text = "d/dt(a) = -v*a/(m + a) : mg"
        kernels[solver] = batch.compile(model(folder, solver, text, ["a"]), solver=solver)
    return kernels


@settings(deadline=None, max_examples=40)
@given(
    km=st.floats(-12.0, 0.0).map(lambda e: 10.0**e),
    rtol=st.sampled_from([1e-4, 1e-6, 1e-8]),
    dose=st.floats(1.0, 100.0),
)
def test_saturated_elimination_empties_as_lambert_says_or_is_refused(saturated, km, rtol, dose):
    times = np.array([0.0, 0.5, 0.999, 1.001, 2.0]) * dose  # h, at 1 mg/h
    solution = batch.solve(
        saturated["rosenbrock"],
        np.array([[1.0, km]]),
        t1=times[-1],
        grid=times,
        rtol=rtol,
        actions=boluses([0.0], [dose]),
        threads=1,
    )
    if solution.status[0] != status.OK:
        assert solution.status[0] == status.BELOW_ZERO
        return
    # a/km exp(a/km) = dose/km exp((dose - t)/km); by logarithms where that overflows
    a = solution.out[0, :, 0]
    large = (dose - times) / km + np.log(dose / km)
    expected = km * np.array([lambertw(np.exp(x)).real if x < 500 else _omega(x) for x in large])
    np.testing.assert_allclose(a, expected, rtol=1e3 * rtol, atol=100 * rtol * dose)
    assert a.min() > -rtol * dose


def _omega(x):
    """w with w + ln(w) = x, for large x."""
    w = x
    for _ in range(50):
        w = x - np.log(w)
    return w


def test_an_amount_that_the_equations_take_below_0_is_a_status(tmp_path):
    """A constant loss does not end with the drug: 10 mg at 1 mg/h are gone after 10 h."""
    constant = model(tmp_path, "constant", "d/dt(a) = -v : mg", ["a"])
    for solver in ("tsit5", "linear"):
        kernel = batch.compile(constant, solver=solver)
        theta, given = np.array([[1.0, 1.0], [0.1, 1.0]]), boluses([0.0], [10.0], 2)
        solution = batch.solve(kernel, theta, t1=24.0, actions=given, grid=[24.0])
        assert solution.status.tolist() == [status.BELOW_ZERO, status.OK]
        assert solution.out[1, 0, 0] == pytest.approx(7.6)
