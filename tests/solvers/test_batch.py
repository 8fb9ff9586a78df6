"""The lane solver: accuracy, order, dense output, actions, statuses, bits.

Models are written out as TOML in the test.
"""

import threading

import numpy as np
import pytest
from numba.core.codegen import get_host_cpu_features
from scipy.linalg import expm

from pkpd.dosing.actions import ADD, LOOK, PERSON, PLUS, RATE, RESET, SET, Actions
from pkpd.kernels.lower import area
from pkpd.solvers import batch, status
from pkpd.symbolic.load import load

HEAD = """
title = "test"
time = "h"
outputs = [{outputs}]
[dose]
{dose} = {{ unit = "{unit}" }}
[parameters]
{parameters}
[equations]
e = '''
{equations}
'''
"""


def write(tmp_path, name, equations, parameters, outputs, dose, unit="mg"):
    rows = "\n".join(
        f'{k} = {{ value = {v}, unit = "{u}", label = "{k}", source = "test", '
        'evidence = "assumed" }'
        for k, (v, u) in parameters.items()
    )
    path = tmp_path / f"{name}.toml"
    quoted = ", ".join(f'"{o}"' for o in outputs)
    path.write_text(
        HEAD.format(outputs=quoted, dose=dose, unit=unit, parameters=rows, equations=equations)
    )
    return load(path)


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    equations = "d/dt(a) = -k1*a : mg\nd/dt(b) = k1*a - k2*b : mg\nd/dt(c) = k2*b - k3*c : mg"
    parameters = {"k1": (1.0, "1/h"), "k2": (0.3, "1/h"), "k3": (0.1, "1/h")}
    return write(
        tmp_path_factory.mktemp("models"), "chain", equations, parameters, ["a", "b", "c"], "a"
    )


def rates(theta):
    k1, k2, k3 = theta
    return np.array([[-k1, 0, 0], [k1, -k2, 0], [0, k2, -k3]])


def people(n, seed=0):
    return np.exp(0.3 * np.random.default_rng(seed).standard_normal((n, 3))) * np.array(
        [1.0, 0.3, 0.1]
    )


def boluses(n, times, amounts, state=0):
    m = len(times)
    return Actions(
        np.arange(n + 1, dtype=np.int64) * m,
        np.tile(times, n),
        np.zeros(n * m, np.int8),
        np.full(n * m, state, np.int32),
        np.tile(amounts, n),
    )


def exact(theta, times, amounts, grid):
    """Superposition of matrix exponentials: (T, 3)."""
    out = np.zeros((len(grid), 3))
    for t, amount in zip(times, amounts, strict=True):
        for k, g in enumerate(grid):
            if g >= t:
                out[k] += amount * expm(rates(theta) * (g - t))[:, 0]
    return out


BOTH = pytest.mark.parametrize("solver", ["tsit5", "linear"])
TIMES, AMOUNTS, GRID = (
    np.array([0.0, 7.0, 7.5, 24.0]),
    np.array([10.0, 5.0, 2.0, 10.0]),
    np.linspace(0.0, 48.0, 97),
)


def largest_error(kernel, theta, rtol):
    solution = batch.solve(
        kernel,
        theta,
        t1=48.0,
        actions=boluses(len(theta), TIMES, AMOUNTS),
        grid=GRID,
        rtol=rtol,
        threads=1,
    )
    assert (solution.status == status.OK).all()
    reference = np.stack([exact(row, TIMES, AMOUNTS, GRID) for row in theta])
    floor = 1e-3 * np.abs(reference).max(axis=1, keepdims=True)
    return (np.abs(solution.out - reference) / (np.abs(reference) + floor)).max(), solution


@pytest.mark.slow
def test_linear_chain_follows_the_matrix_exponential_at_every_tolerance(chain):
    kernel, theta = batch.compile(chain, solver="tsit5"), people(20)
    for rtol, gate in ((1e-6, 1e-5), (1e-8, 1e-7), (1e-10, 1e-8)):
        error, _ = largest_error(kernel, theta, rtol)
        assert error < gate


def test_steps_grow_as_the_fifth_root_of_the_tolerance(chain):
    kernel, theta = batch.compile(chain, solver="tsit5"), people(16)
    steps = [largest_error(kernel, theta, rtol)[1].steps.mean() for rtol in (1e-7, 1e-11)]
    assert np.log10(steps[1] / steps[0]) / 4 == pytest.approx(0.2, abs=0.05)


def test_output_between_steps_does_not_change_the_steps(chain):
    kernel, theta = batch.compile(chain, solver="tsit5"), people(8)
    coarse, fine = (
        batch.solve(kernel, theta, t1=48.0, actions=boluses(8, TIMES, AMOUNTS), grid=g, threads=1)
        for g in ([48.0], np.linspace(0, 48, 1001))
    )
    np.testing.assert_array_equal(coarse.steps, fine.steps)
    np.testing.assert_array_equal(coarse.end, fine.end)


@BOTH
def test_the_value_at_an_action_is_the_one_just_after_it(chain, solver):
    kernel, theta = batch.compile(chain, solver=solver), people(3)
    solution = batch.solve(
        kernel,
        theta,
        t1=7.0,
        actions=boluses(3, [0.0, 7.0], [10.0, 5.0]),
        grid=[0.0, 7.0],
        rtol=1e-9,
    )
    np.testing.assert_allclose(solution.out[:, 0, 0], 10.0)
    np.testing.assert_allclose(
        solution.out[:, 1, 0], 10.0 * np.exp(-7.0 * theta[:, 0]) + 5.0, rtol=1e-7
    )


@BOTH
def test_integrals_accumulate_the_named_output(chain, solver):
    kernel = batch.compile(chain, observe=("c",), integrals=("a",), solver=solver)
    theta = people(5)
    solution = batch.solve(
        kernel, theta, t1=48.0, actions=boluses(5, [0.0], [10.0]), grid=[48.0], rtol=1e-9
    )
    np.testing.assert_allclose(
        solution.integral[:, 0], 10.0 * (1 - np.exp(-48.0 * theta[:, 0])) / theta[:, 0], rtol=1e-7
    )


def test_a_run_in_two_parts_carries_state_and_step_size(chain):
    kernel, theta, actions = (
        batch.compile(chain, solver="tsit5"),
        people(9),
        boluses(9, TIMES, AMOUNTS),
    )
    whole = batch.solve(kernel, theta, t1=48.0, actions=actions, rtol=1e-8)
    first = batch.solve(kernel, theta, t1=10.0, actions=actions, rtol=1e-8)
    rest = Actions(
        np.arange(10, dtype=np.int64),
        np.full(9, 24.0),
        np.zeros(9, np.int8),
        np.zeros(9, np.int32),
        np.full(9, 10.0),
    )
    second = batch.solve(
        kernel, theta, None, first.end, 10.0, 48.0, rest, rtol=1e-8, control=first.control
    )
    np.testing.assert_allclose(second.end, whole.end, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("solver", ["tsit5", "rosenbrock"])
def test_a_run_in_parts_has_the_bits_of_one_with_stops_between(chain, solver):
    kernel, theta = batch.compile(chain, solver=solver), people(9)
    stops, doses = [10.0, 24.0, 31.0], [0.0, 24.0]
    times = np.array([0.0, 10.0, 24.0, 24.0, 31.0])
    kind = np.array([ADD, LOOK, LOOK, ADD, LOOK], np.int8)
    plan = Actions(
        np.arange(10) * 5,
        np.tile(times, 9),
        np.tile(kind, 9),
        np.zeros(45, np.int32),
        np.full(45, 3.0),
    )
    whole = batch.solve(
        kernel,
        theta,
        t1=48.0,
        actions=plan,
        grid=batch.Grid(
            np.zeros(0), np.zeros(0, np.int64), np.zeros((9, 2), np.int64), np.arange(10)
        ),
    )
    at, state = 0.0, {"y0": None, "control": None, "largest": None}
    for stop in [*stops, 48.0]:
        given = [t for t in doses if at <= t < stop]
        part = batch.solve(
            kernel,
            theta,
            None,
            t0=at,
            t1=stop,
            actions=boluses(9, np.array(given), np.full(len(given), 3.0)),
            **state,
        )
        at, state = stop, {"y0": part.end, "control": part.control, "largest": part.largest}
    np.testing.assert_array_equal(part.end, whole.end)
    np.testing.assert_array_equal(part.largest, whole.largest)


@pytest.mark.parametrize("solver", ["tsit5", "rosenbrock"])
def test_an_integral_can_be_observed_on_the_way(chain, solver):
    kernel, theta, times = (
        batch.compile(chain, observe=(area("b"), "b"), integrals=("b",), solver=solver),
        people(4),
        np.linspace(0.0, 30.0, 7),
    )
    run = batch.solve(
        kernel,
        theta,
        t1=30.0,
        actions=boluses(4, np.array([0.0]), np.array([5.0])),
        grid=times,
        rtol=1e-9,
    )
    for row, rates_of in zip(run.out[:, :, 0], theta, strict=True):
        # the second state's closed integral: what entered less what is left, over its rate
        a, b = exact(rates_of, [0.0], [5.0], times)[:, :2].T
        np.testing.assert_allclose(row, (5.0 - a - b) / rates_of[1], rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(run.out[:, -1, 0], run.integral[:, 0])


@BOTH
def test_a_patient_is_the_same_to_the_bit_in_any_block_lane_and_thread_count(chain, solver):
    kernel, theta = batch.compile(chain, solver=solver), people(301)
    full = batch.solve(
        kernel, theta, t1=48.0, actions=boluses(301, TIMES, AMOUNTS), grid=GRID, threads=1
    )
    two = batch.solve(
        kernel, theta, t1=48.0, actions=boluses(301, TIMES, AMOUNTS), grid=GRID, threads=2
    )
    np.testing.assert_array_equal(full.out, two.out)
    for rows in ([17], [300], [5, 17, 200, 3], list(range(17, 40))):
        part = batch.solve(
            kernel,
            theta,
            np.array(rows),
            t1=48.0,
            actions=boluses(len(rows), TIMES, AMOUNTS),
            grid=GRID,
        )
        np.testing.assert_array_equal(part.out, full.out[rows])
        np.testing.assert_array_equal(part.steps, full.steps[rows])


@pytest.fixture(scope="module")
def explosive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return write(
        folder,
        "explosive",
        "d/dt(x) = k*x*x : 1\nx(0) = 1 : 1",
        {"k": (0.01, "1/h")},
        ["x"],
        "x",
        unit="1",
    )


@pytest.mark.parametrize("lane", range(8))
def test_a_solution_that_blows_up_in_any_lane_fails_alone(explosive, lane):
    kernel = batch.compile(explosive)
    theta = np.full((8, 1), 0.01)
    calm = batch.solve(kernel, theta, t1=10.0, grid=[5.0, 10.0])
    theta[lane] = 1.0  # x = 1/(1 - k t) ends at t = 1/k = 1 h
    solution = batch.solve(kernel, theta, t1=10.0, grid=[5.0, 10.0])
    assert solution.status[lane] in (status.NOT_FINITE, status.STEP_TOO_SMALL)
    assert solution.fail_time[lane] == pytest.approx(1.0, rel=1e-3)
    assert np.isnan(solution.out[lane]).all() and np.isnan(solution.end[lane]).all()
    others = np.arange(8) != lane
    np.testing.assert_array_equal(solution.out[others], calm.out[others])


def test_cancelling_stops_all_threads_and_leaves_no_numbers(chain):
    kernel, theta = batch.compile(chain), people(2000)
    calls = []

    def interrupt(done):
        calls.append(done)
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        batch.solve(
            kernel,
            theta,
            t1=480.0,
            actions=boluses(2000, TIMES, AMOUNTS),
            grid=np.linspace(0, 480, 2000),
            threads=2,
            progress=interrupt,
        )
    assert len(calls) == 1
    assert threading.active_count() == before


def test_the_step_is_made_of_vector_instructions(chain, tmp_path, monkeypatch):
    monkeypatch.setenv("PKPD_CACHE", str(tmp_path))
    module = batch.compile(chain, observe=("a", "c"), solver="tsit5").module
    assembly = next(iter(module.solve.inspect_asm().values()))
    wide = sum(assembly.count(f"{op}pd") for op in ("vfmadd213", "vfmadd231", "vmul", "vadd"))
    # the stage sums alone are one operation for each of 21 coefficients and 3 states; a scalar loop
    # has none of them packed
    assert wide > 21 * 3
    if "+avx512f" in get_host_cpu_features():
        assert assembly.count("zmm") > assembly.count("ymm")


@pytest.mark.slow
def test_a_damaged_cache_file_is_rebuilt(chain, tmp_path, monkeypatch):
    monkeypatch.setenv("PKPD_CACHE", str(tmp_path))
    import sys

    first = batch.compile(chain, observe=("b",)).module
    file = next((tmp_path / "kernels").glob("*.py"))
    del sys.modules[first.__name__]
    file.write_text(file.read_text()[:1000])
    for machine_code in (tmp_path / "kernels" / "__pycache__").glob("*.nb*"):
        machine_code.write_bytes(b"half")
    again = batch.compile(chain, observe=("b",))
    solution = batch.solve(again, people(1), t1=1.0, actions=boluses(1, [0.0], [1.0]), grid=[1.0])
    assert solution.status[0] == status.OK


def sequence(*events):
    """Actions of one row from (time, kind, index, amount)."""
    time, kind, state, amount = zip(*events, strict=True)
    return Actions(
        np.array([0, len(time)]),
        np.array(time),
        np.array(kind, np.int8),
        np.array(state, np.int32),
        np.array(amount),
    )


def infused(theta, y, time, rate):
    """Chain (3,) after `time` under a constant rate into its first state, from y."""
    matrix = rates(theta)
    fixed = -np.linalg.solve(matrix, [rate, 0.0, 0.0])
    return fixed + expm(matrix * time) @ (y - fixed)


@BOTH
def test_overlapping_infusions_resets_and_new_inputs_follow_the_matrix_exponential(chain, solver):
    kernel, theta = batch.compile(chain, solver=solver), people(2, seed=3)
    events = sequence(
        (1.0, RATE, 0, 5.0),
        (2.0, RATE, 0, 3.0),
        (4.0, RATE, 0, -5.0),
        (5.0, PERSON, 1, 0.0),
        (6.0, RATE, 0, -3.0),
        (8.0, ADD, 1, 2.0),
        (9.0, RATE, 0, 7.0),
        (10.0, RESET, 0, 0.0),
        (11.0, ADD, 0, 1.0),
    )
    grid = np.array([1.0, 2.0, 4.0, 5.0, 6.0, 8.0, 9.0, 10.0, 11.0, 12.0])
    out = batch.solve(
        kernel, theta, np.array([0]), t1=12.0, actions=events, grid=grid, rtol=1e-10
    ).out[0]
    y, expected = np.zeros(3), [np.zeros(3)]
    for who, length, rate in [
        (0, 1.0, 5.0),
        (0, 2.0, 8.0),
        (0, 1.0, 3.0),
        (1, 1.0, 3.0),
        (1, 2.0, 0.0),
    ]:
        y = infused(theta[who], y, length, rate)
        expected.append(y)
    expected[-1] = expected[-1] + [0.0, 2.0, 0.0]
    expected += [
        infused(theta[1], expected[-1], 1.0, 0.0),
        np.zeros(3),
        np.array([1.0, 0.0, 0.0]),
        infused(theta[1], np.array([1.0, 0.0, 0.0]), 1.0, 0.0),
    ]
    np.testing.assert_allclose(out, expected, rtol=1e-7, atol=1e-8)


@BOTH
def test_given_vectors_replace_or_join_the_states_and_every_output_sees_what_came_before_it(
    chain, solver
):
    kernel, theta = batch.compile(chain, solver=solver), people(1)
    given = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    events = sequence(
        (0.0, LOOK, 0, 0.0),
        (0.0, RATE, 0, 4.0),
        (2.0, SET, 0, 0.0),
        (2.0, LOOK, 1, 0.0),
        (2.0, PLUS, 1, 0.0),
        (2.0, LOOK, 3, 0.0),
        (5.0, LOOK, 2, 0.0),
    )
    times = batch.Grid(np.array([1.0, 3.0]), np.array([4, 5]), np.array([[0, 2]]), np.array([0, 6]))
    out = batch.solve(
        kernel, theta, t1=5.0, actions=events, grid=times, given=given, rtol=1e-10
    ).out
    joined = given.sum(axis=0)
    expected = [
        np.zeros(3),
        given[0],
        infused(theta[0], joined, 3.0, 0.0),
        joined,
        infused(theta[0], np.zeros(3), 1.0, 4.0),
        infused(theta[0], joined, 1.0, 0.0),
    ]
    np.testing.assert_allclose(out, expected, rtol=1e-7, atol=1e-8)


def test_a_failed_row_with_times_of_its_own_takes_only_its_own_places(tmp_path):
    model = write(
        tmp_path, "blow", "d/dt(x) = k*x*x : 1\nx(0) = 1 : 1", {"k": (1.0, "1/h")}, ["x"], "x", "1"
    )
    times = batch.Grid(
        np.array([0.0, 0.5, 2.0]),
        np.array([0, 1, 2]),
        np.array([[0, 3], [0, 2], [1, 3]]),
        np.array([0, 3, 5, 8]),
    )
    run = batch.solve(
        batch.compile(model), np.array([[0.1], [0.1], [1.0]]), t1=2.0, grid=times, rtol=1e-9
    )
    assert run.status.tolist()[:2] == [0, 0] and run.status[2] != 0
    np.testing.assert_allclose(run.out[:5, 0], [1.0, 1 / 0.95, 1 / 0.8, 1.0, 1 / 0.95], rtol=1e-7)
    assert np.isnan(run.out[5:]).all()


def test_integrals_are_as_exact_as_the_tolerance_says(tmp_path):
    """x falls by exp(-k t): x^h/(1 + x^h) adds up to ln((1 + x0^h)/(1 + xT^h))/(k h)."""
    equations = "d/dt(x) = -k*x : mg\ny = (x/m)**h : 1\neffect = y/(1 + y) : 1"
    parameters = {"k": (0.1, "1/h"), "m": (1.0, "mg"), "h": (4.0, "1")}
    model = write(tmp_path, "steep", equations, parameters, ["effect"], "x")
    kernel = batch.compile(model, integrals=("effect",), solver="tsit5")
    slope = np.array([1.0, 4.0, 12.0, 25.0])
    theta = np.column_stack([np.full(4, 0.1), np.ones(4), slope])
    expected = np.log1p(12.0**slope) - np.log1p((12.0 * np.exp(-10.0)) ** slope)
    for rtol in (1e-4, 1e-6, 1e-8):
        given = boluses(4, [0.0], [12.0])
        solution = batch.solve(kernel, theta, t1=100.0, actions=given, rtol=rtol)
        np.testing.assert_allclose(solution.integral[:, 0], expected / (0.1 * slope), rtol=5 * rtol)
