"""Comparisons that switch rates and integrands: closed forms, orders, pulses, limits, bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pkpd.dosing.actions import ADD, Actions
from pkpd.kernels.graph import Graph
from pkpd.kernels.switches import Switches
from pkpd.solvers import batch, status
from pkpd.symbolic.load import load

MODEL = """
title = "switches"
outputs = ["a", "b", "x", "above"]
[dose]
a = { unit = "mg" }
[parameters]
k = { value = 0.1, unit = "1/h", label = "loss of a", source = "test", evidence = "assumed" }
c = { value = 1.0, unit = "mg", label = "level", source = "test", evidence = "assumed" }
r = { value = 2.0, unit = "mg/h", label = "flow", source = "test", evidence = "assumed" }
q = { value = 0.3, unit = "1/h", label = "loss of b, x", source = "test", evidence = "assumed" }
begin = { value = 400.0, unit = "h", label = "begin", source = "test", evidence = "assumed" }
wide = { value = 0.1, unit = "h", label = "width", source = "test", evidence = "assumed" }
[equations]
e = '''
d/dt(a) = -k*a : mg
d/dt(b) = (r if a > c else 0) - q*b : mg
d/dt(x) = (r if t >= begin and (t - begin)/wide < 1 else 0) - q*x : mg
above = 1 if a > c else 0 : 1
'''
"""
ONE = """
title = "one"
outputs = ["a"]
[dose]
a = {{ unit = "mg" }}
[parameters]
v = {{ value = 1.0, unit = "mg/h", label = "rate", source = "test", evidence = "assumed" }}
m = {{ value = 1.0, unit = "mg", label = "amount", source = "test", evidence = "assumed" }}
[equations]
e = "d/dt(a) = {rate} : mg"
"""
K, C, R, Q, BEGIN, WIDE = 0.1, 1.0, 2.0, 0.3, 400.0, 0.1


@pytest.fixture(scope="module", params=["tsit5", "rosenbrock"])
def kernel(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "switches.toml"
    path.write_text(MODEL)
    return batch.compile(load(str(path)), integrals=("above",), solver=request.param)


def one(folder, name, rate, solver="tsit5"):
    path = folder / f"{name}.toml"
    path.write_text(ONE.format(rate=rate))
    return batch.compile(load(str(path)), solver=solver)


def bolus(amounts):
    """One dose at 0 for each row."""
    n = len(amounts)
    kind, state = np.full(n, ADD, np.int8), np.zeros(n, np.int32)
    return Actions(np.arange(n + 1), np.zeros(n), kind, state, np.array(amounts, dtype=float))


def run(kernel, theta=((K, C, R, Q, BEGIN, WIDE),), dose=10.0, **options):
    theta = np.array(theta, dtype=float)
    solution = batch.solve(kernel, theta, actions=bolus([dose] * len(theta)), threads=1, **options)
    assert (solution.status == status.OK).all()
    return solution


def filled(t, begin, end):
    """What a flow R from begin to end leaves at t of a compartment with loss Q."""
    inside = R / Q * (1 - np.exp(-Q * (np.clip(t, begin, end) - begin)))
    return inside * np.exp(-Q * np.clip(t - end, 0.0, None))


def test_a_rate_that_jumps_at_a_level_converges_with_the_tolerance_at_order_five(kernel):
    """b is filled until a = 10 exp(-K t) has fallen to C."""
    grid, error, steps = np.linspace(0, 48, 97), [], []
    for rtol in (1e-5, 1e-7, 1e-9):
        solution = run(kernel, t1=48.0, grid=grid, rtol=rtol)
        error.append(np.abs(solution.out[0, :, 1] - filled(grid, 0.0, np.log(10) / K)).max())
        steps.append(solution.steps[0])
    assert error[0] < 5e-5 and error[1] < error[0] / 20 and error[2] < error[1] / 20
    assert np.log10(steps[2] / steps[1]) / 2 == pytest.approx(0.2, abs=0.08)


@settings(deadline=None, max_examples=25)
@given(
    begin=st.floats(0.5, 900.0),
    wide=st.floats(1e-3, 50.0),
    rtol=st.sampled_from([1e-4, 1e-6, 1e-9]),
)
def test_no_pulse_by_time_is_missed_however_short_and_none_comes_early(kernel, begin, wide, rtol):
    grid = np.sort(np.append(np.linspace(0.0, 1000.0, 40), [begin - 0.1, begin + wide]))
    x = run(kernel, [(K, C, R, Q, begin, wide)], t1=1000.0, grid=grid, rtol=rtol).out[0, :, 2]
    expected = filled(grid, begin, begin + wide)
    np.testing.assert_allclose(x, expected, rtol=20 * rtol, atol=rtol * expected.max())
    assert (x[grid < begin] == 0.0).all()


@settings(deadline=None, max_examples=25)
@given(dose=st.floats(0.1, 1e4), level=st.floats(0.1, 100.0), rtol=st.sampled_from([1e-4, 1e-8]))
def test_the_integral_of_a_comparison_is_the_time_for_which_it_holds(kernel, dose, level, rtol):
    theta = [(K, level, R, Q, BEGIN, WIDE)]
    held = run(kernel, theta, dose, t1=100.0, grid=[100.0], rtol=rtol).integral[0, 0]
    expected = np.clip(np.log(dose / level) / K, 0.0, 100.0)
    assert held == pytest.approx(expected, rel=rtol, abs=rtol)


def test_a_patient_whose_rates_switch_is_the_same_to_the_bit_in_any_company(kernel):
    levels = np.geomspace(0.2, 8.0, 20)
    theta = np.array([(K, level, R, Q, 5.0 + level, WIDE) for level in levels])
    options = {"t1": 48.0, "grid": np.linspace(0, 48, 30)}
    full = run(kernel, theta, **options)
    for rows in ([17], [3, 4, 11], list(range(5, 19))):
        part = run(kernel, theta[rows], **options)
        np.testing.assert_array_equal(part.out, full.out[rows])
        np.testing.assert_array_equal(part.integral, full.integral[rows])


LIGHT = """
title = "light"
outputs = ["x"]
[dose]
x = { unit = "mg" }
[parameters]
k = { value = 0.3, unit = "1/h", label = "loss", source = "test", evidence = "assumed" }
r = { value = 2.0, unit = "mg/h", label = "flow", source = "test", evidence = "assumed" }
day = { value = 24.0, unit = "h", label = "day", source = "test", evidence = "assumed" }
dawn = { value = 6.5, unit = "h", label = "light on", source = "test", evidence = "assumed" }
[equations]
e = '''
morning = %s : h
light = 1 if morning < day/3 else 0 : 1
d/dt(x) = r*light - k*x : mg
'''
"""
SINCE_DAWN = (
    "t - dawn - day*floor((t - dawn)/day)",
    "t - dawn + day*ceil((dawn - t)/day)",
    "day*(min((t - dawn)/day, 1000) - floor((t - dawn)/day))",
)


@pytest.mark.parametrize("morning", SINCE_DAWN)
@pytest.mark.parametrize("solver", ["tsit5", "rosenbrock"])
def test_light_by_day_and_none_by_night_is_an_exponential_by_halves(tmp_path, morning, solver):
    """From dawn on x goes to r/k for a third of the day, then to 0; days may be of any length."""
    path = tmp_path / "light.toml"
    path.write_text(LIGHT % morning)
    kernel = batch.compile(load(str(path)), solver=solver, integrals=("light",))
    theta = np.array([[0.3, 2.0, day, 6.5] for day in (24.0, 24.2, 7.0)])
    grid = np.linspace(0.0, 300.0, 301)
    found = batch.solve(kernel, theta, t1=300.0, grid=grid, rtol=1e-8, threads=1)
    for row, (loss, flow, day, dawn) in enumerate(theta):
        dawns = dawn + day * np.arange(-1, 300 / day)
        expected, total = np.zeros(301), 0.0
        for begin in dawns:
            begin, end = max(begin, 0.0), max(begin + day / 3, 0.0)
            level = flow / loss * (1 - np.exp(-loss * (np.clip(grid, begin, end) - begin)))
            expected += level * np.exp(-loss * np.clip(grid - end, 0.0, None))
            total += min(end, 300.0) - min(begin, 300.0)
        np.testing.assert_allclose(found.out[row, :, 0], expected, rtol=1e-6, atol=1e-9)
        assert found.integral[row, 0] == pytest.approx(total, rel=1e-9)


def test_constant_elimination_ends_with_the_drug(tmp_path):
    kernel = one(tmp_path, "zero_order", "-(v if a > 0 else 0)")
    given = Actions(
        np.array([0, 2]),
        np.array([0.0, 24.0]),
        np.zeros(2, np.int8),
        np.zeros(2, np.int32),
        np.array([10.0, 10.0]),
    )
    times = np.array([0.0, 4.0, 9.5, 11.0, 24.0, 30.0, 40.0])
    solution = batch.solve(kernel, np.array([[1.0, 1.0]]), t1=48.0, actions=given, grid=times)
    np.testing.assert_allclose(solution.out[0, :, 0], [10, 6, 0.5, 0, 10, 4, 0], atol=1e-9)


def test_a_branch_without_a_value_beyond_its_condition_does_no_harm(tmp_path):
    """a' = -sqrt(a): a = (sqrt(10) - t/2)^2 until it is 0, which the root does not survive."""
    kernel = one(tmp_path, "root", "-(v*sqrt(a/m) if a > 0 else 0)")
    times = np.linspace(0.0, 12.0, 25)
    solution = batch.solve(
        kernel, np.array([[1.0, 1.0]]), t1=12.0, actions=bolus([10.0]), grid=times
    )
    expected = np.clip(np.sqrt(10.0) - times / 2, 0.0, None) ** 2
    np.testing.assert_allclose(solution.out[0, :, 0], expected, atol=1e-5)


def test_a_comparison_that_switches_without_end_is_a_status(tmp_path):
    """Filled below 1 and emptied above, a stays at 1: no direction of the rate is right there."""
    kernel = one(tmp_path, "chattering", "(v if a < m else -v)")
    solution = batch.solve(kernel, np.array([[1.0, 1.0]]), t1=48.0, threads=1)
    assert solution.status[0] == status.SWITCHING
    assert solution.fail_time[0] == pytest.approx(1.0, abs=1e-3)


def test_a_time_is_known_where_a_comparison_is_linear_in_it_alone():
    graph = Graph(["y0", "t"], {"y0": "largest y0"})
    nodes = {"x": graph.name("y0"), "t": graph.name("t"), "p": graph.name("p[0]")}
    for text, known in (
        ("1 if t > p else 0", True),
        ("1 if (t - p)/p <= 2 else 0", True),
        ("1 if t*t > p else 0", False),
        ("1 if x > t else 0", False),
        ("1 if abs(t - p) < 1 else 0", False),
        ("1 if t - p*floor(t/p) < 1 else 0", True),
        ("1 if t*floor(t/p) < 1 else 0", True),
        ("1 if x < floor(t/p) else 0", False),
    ):
        switches = Switches(graph)
        switches.freeze([graph.equation(text, nodes)])
        assert [s.when is not None for s in switches.list] == [known], text
