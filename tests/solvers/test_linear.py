"""The exact solver of linear models.

Closed forms, matrix exponentials to 40 digits, Tsit5 at tight tolerance, bits, statuses, fixed
points.

Errors as everywhere: |y - ref|/(|ref| + 1e-3 max |ref| of that state).
"""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from pkpd.dosing.actions import ADD, RATE, Actions, periodic_actions
from pkpd.errors import PkpdError
from pkpd.kernels.layout import Layout
from pkpd.kernels.lower import lower
from pkpd.population.cohort import cohort
from pkpd.solvers import batch, status
from pkpd.solvers.periodic import periodic
from pkpd.symbolic.load import load

GATE = 1e-10
ONE, TWO = load("pk/one_compartment"), load("pk/two_compartment")
MIXED = """
title = "mixed"
outputs = ["bell"]
[dose]
a = { unit = "1" }
r = { unit = "1" }
[parameters]
fast  = { value = 3.0, unit = "1/h", label = "rate", source = "test", evidence = "assumed" }
slow  = { value = 0.1, unit = "1/h", label = "rate", source = "test", evidence = "assumed" }
turn  = { value = 2.0, unit = "1/h", label = "frequency", source = "test", evidence = "assumed" }
kin   = { value = 0.7, unit = "1/h", label = "production", source = "test", evidence = "assumed" }
group = { value = 1.0, unit = "1", label = "group", source = "test", evidence = "assumed" }
day   = { value = 24.0, unit = "h", label = "day", source = "test", evidence = "assumed" }
[equations]
e = '''
d/dt(a) = -(fast if group > 0.5 else slow)*a : 1
d/dt(b) = fast*a - slow*b + turn*c : 1
d/dt(c) = -turn*b - slow*c : 1
r(0) = kin/slow : 1
d/dt(r) = kin - slow*r - slow*a : 1
level = r + 2*b + 1 : 1
bell = level**2*exp(-t/day) : 1
'''
"""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A damped oscillation that a decaying state drives, beside a produced one."""
    path = tmp_path_factory.mktemp("models") / "mixed.toml"
    path.write_text(MIXED)
    return load(str(path))


def kernel_of(model):
    return batch.compile(model, observe=model.state_names, solver="linear")


def events(*items):
    """Actions of one row from (time, kind, state, amount)."""
    time, kind, state, amount = zip(*items, strict=True)
    return Actions(
        np.array([0, len(time)]),
        np.array(time),
        np.array(kind, np.int8),
        np.array(state, np.int32),
        np.array(amount),
    )


def error(found, reference):
    reference = np.asarray(reference)
    return (
        np.abs(found - reference)
        / (np.abs(reference) + 1e-3 * np.abs(reference).max(axis=0) + 1e-300)
    ).max()


def run(kernel, theta, items, grid, **options):
    solution = batch.solve(
        kernel, np.atleast_2d(theta), t1=grid[-1], actions=events(*items), grid=grid, **options
    )
    assert (solution.status == status.OK).all()
    return solution.out[0]


def exponential(matrix, y, grid, digits=40):
    """(T, S) exp(matrix*t) y in `digits` digits."""
    with mp.workdps(digits):
        return np.array(
            [
                [float(v) for v in mp.expm(mp.matrix(matrix) * t, method="taylor") * mp.matrix(y)]
                for t in grid
            ]
        )


GRID = np.array([0.0, 0.1, 0.5, 1.0, 3.0, 8.0, 24.0, 100.0, 101.0, 130.0])
ka, cl, vc = 1.3, 6.5, 50.0


@pytest.mark.parametrize("apart", [1.0, 1e-3, 1e-8, 0.0])
def test_one_compartment_oral_follows_the_closed_form_as_absorption_and_elimination_coincide(apart):
    ke = ka * (1 - apart / 2)
    found = run(kernel_of(ONE), [ka, ke * vc, vc, 1.0, 0.0], [(0.0, ADD, 0, 10.0)], GRID)
    gap = (ka - ke) * GRID
    # (exp(gap) - 1)/gap is 1 where both rates are equal
    central = (
        10.0
        * ka
        * GRID
        * np.exp(-ka * GRID)
        * np.divide(np.expm1(gap), gap, out=np.ones_like(gap), where=gap != 0)
    )
    assert error(found, np.column_stack([10.0 * np.exp(-ka * GRID), central])) < GATE


def test_one_compartment_infusion_follows_the_closed_form():
    found = run(
        kernel_of(ONE), [ka, cl, vc, 1.0, 0.0], [(0.0, RATE, 1, 2.0), (3.0, RATE, 1, -2.0)], GRID
    )
    ke = cl / vc
    central = 2.0 / ke * (np.exp(-ke * np.maximum(GRID - 3.0, 0.0)) - np.exp(-ke * GRID))
    assert error(found[:, 1], central) < GATE and (found[:, 0] == 0).all()


def test_amounts_keep_their_leading_digits_far_below_their_peak():
    found = run(kernel_of(ONE), [ka, cl, vc, 1.0, 0.0], [(0.0, ADD, 0, 10.0)], [0.0, 300.0])[-1]
    ke = cl / vc
    np.testing.assert_allclose(
        found, [10.0 * np.exp(-ka * 300.0), 10.0 * ka / (ka - ke) * np.exp(-ke * 300.0)], rtol=1e-12
    )


@pytest.mark.parametrize("which", [0, 1])
def test_two_compartments_with_absorption_at_one_of_their_own_rates(which):
    k10, k12, k21 = 0.3, 0.25, 0.4
    sum_, product = k10 + k12 + k21, k10 * k21
    rate = (sum_ + (1, -1)[which] * np.sqrt(sum_**2 - 4 * product)) / 2
    found = run(kernel_of(TWO), [rate, 3.0, 10.0, 2.5, 6.25, 1.0, 0.0], [(0.0, ADD, 0, 5.0)], GRID)
    matrix = [[-rate, 0, 0], [rate, -(k10 + k12), k21], [0, k12, -k21]]
    assert error(found, exponential(matrix, [5.0, 0, 0], GRID)) < GATE


rates = st.floats(-4.0, 5.0).map(lambda x: 10.0**x)


@settings(max_examples=30, deadline=None)
@given(ka=rates, k10=rates, k12=rates, k21=rates)
def test_two_compartments_of_any_rates_follow_the_matrix_exponential(ka, k10, k12, k21):
    theta = [ka, k10, 1.0, k12, k12 / k21, 1.0, 0.0]
    found = run(
        kernel_of(TWO), theta, [(0.0, ADD, 0, 1.0), (0.0, ADD, 1, 2.0)], [0.0, 0.01, 1.0, 30.0]
    )
    back = float(np.float64(k12) / (np.float64(k12) / k21))
    matrix = [[-ka, 0, 0], [ka, -(k10 + k12), back], [0, k12, -back]]
    reference = exponential(matrix, [1.0, 2.0, 0], [0.0, 0.01, 1.0, 30.0])
    # a relative 1e-16 of a rate moves the solution where a slow rate is the difference of fast ones
    assert error(found, reference) < max(GATE, 1e-15 * max(ka, k10 + k12, k21) / min(k10, k21, 1.0))
    assert (found >= 0).all()


def test_constant_terms_oscillations_integrals_and_switches_follow_the_matrix_exponential(mixed):
    kernel = batch.compile(mixed, observe=("a", "b", "c", "r", "bell"), integrals=("level",))
    assert kernel.method == "linear"
    for group, decay in ((1.0, 3.0), (0.0, 0.1)):
        theta = [3.0, 0.1, 2.0, 0.7, group, 24.0]
        solution = batch.solve(
            kernel,
            np.array([theta]),
            t1=130.0,
            actions=events((0.0, ADD, 0, 4.0), (0.0, RATE, 3, 0.2)),
            grid=GRID,
        )
        matrix = np.zeros((6, 6))
        matrix[:4, :4] = [
            [-decay, 0, 0, 0],
            [3.0, -0.1, 2.0, 0],
            [0, -2.0, -0.1, 0],
            [-0.1, 0, 0, -0.1],
        ]
        matrix[3, 5], matrix[4] = 0.7 + 0.2, [0, 2.0, 0, 1.0, 0, 1.0]
        reference = exponential(matrix.tolist(), [4.0, 0, 0, 7.0, 0, 1.0], GRID)
        bell = (reference[:, 3] + 2 * reference[:, 1] + 1) ** 2 * np.exp(-GRID / 24.0)
        assert error(solution.out[0], np.column_stack([reference[:, :4], bell])) < GATE
        assert abs(solution.integral[0, 0] / reference[-1, 4] - 1) < GATE


@pytest.mark.parametrize("name", ["pk/naltrexone", "pd/effect_compartment"])
def test_library_models_agree_with_tsit5_at_tight_tolerance(name):
    model = load(name)
    people, days = cohort(model, 9, seed=2), 5
    lag = model.input_names.index("tlag")
    time = people.theta[:, lag, None] + 24.0 * np.arange(days)
    actions = Actions(
        np.arange(10) * days,
        time.ravel(),
        np.zeros(9 * days, np.int8),
        np.zeros(9 * days, np.int32),
        np.full(9 * days, 50.0),
    )
    options = {"t1": 120.0, "actions": actions, "grid": np.arange(0.0, 120.0, 0.7)}
    exact, stepped = (
        batch.solve(batch.compile(model, solver=s), people.theta, rtol=1e-11, **options)
        for s in ("auto", "tsit5")
    )
    assert (exact.status == status.OK).all() and (exact.rejected == 0).all()
    floor = 1e-3 * np.abs(stepped.out).max(axis=1, keepdims=True)
    assert (np.abs(exact.out - stepped.out) / (np.abs(stepped.out) + floor)).max() < GATE


def test_eighty_four_lagged_doses_are_the_geometric_sum():
    lag, days, ke = 0.37, 84, cl / vc
    found = run(
        kernel_of(ONE),
        [ka, cl, vc, 1.0, lag],
        [(24.0 * k + lag, ADD, 1, 1.0) for k in range(days)],
        np.arange(0.0, 24.0 * days, 3.0),
    )
    since = np.arange(0.0, 24.0 * days, 3.0)[:, None] - (24.0 * np.arange(days) + lag)
    assert error(found[:, 1], np.where(since >= 0, np.exp(-ke * since), 0.0).sum(axis=1)) < GATE


def test_a_step_reaches_from_action_or_output_time_to_the_next():
    solution = batch.solve(
        kernel_of(ONE),
        [[ka, cl, vc, 1.0, 0.0]],
        t1=30.0,
        actions=events((0.0, ADD, 0, 1.0), (7.0, ADD, 0, 1.0)),
        grid=[0.0, 7.0, 9.0, 30.0],
    )
    assert solution.steps[0] == 3 and solution.rejected[0] == 0
    central = solution.out[0, :, 1]
    assert solution.largest[0, 1] == central.max()


def test_a_run_in_parts_has_the_bits_of_one_with_a_stop_between():
    people = cohort(TWO, 9, seed=3)
    times = np.array([0.3, 7.1, 24.3, 31.1])
    actions = Actions(
        np.arange(10) * 4,
        np.tile(times, 9),
        np.zeros(36, np.int8),
        np.zeros(36, np.int32),
        np.ones(36),
    )
    whole = batch.solve(
        kernel_of(TWO), people.theta, t1=48.0, actions=actions, grid=[0.0, 10.0, 48.0]
    )
    first = batch.solve(kernel_of(TWO), people.theta, t1=10.0, actions=actions, grid=[0.0])
    rest = batch.solve(
        kernel_of(TWO), people.theta, None, first.end, 10.0, 48.0, actions, grid=[48.0]
    )
    np.testing.assert_array_equal(rest.end, whole.end)


@pytest.mark.slow
def test_an_output_inside_a_step_has_the_exact_value():
    module, model = kernel_of(TWO).module, TWO
    program = lower(model, model.state_names, derivatives=True)
    layout = Layout(batch.LANES, 3, program.constants, 0, sizes=program.sizes)
    theta = cohort(model, batch.LANES, seed=1).theta

    @njit
    def steps_and_outputs(theta, w, times, z, out, y, stop, next_output, active):
        for lane in range(len(theta)):
            module.constants(theta[lane], w, lane)
            w[y + lane], w[active + lane] = 1.0, 1.0
            w[stop + lane], w[next_output + lane] = 12.0, np.inf
        module.refresh(w)
        module.step(w, 0.0, 0.0, 0)
        for lane in range(len(theta)):
            for k in range(len(times)):
                module.dense(w, lane, times[k], z)
                out[lane, k] = z

    times = np.array([0.0, 3.0, 1.0, 12.0])
    out = np.empty((batch.LANES, 4, 3))
    steps_and_outputs(
        theta,
        np.zeros(module.SIZE),
        times,
        np.zeros(3),
        out,
        layout.y(0),
        layout.clock("stop"),
        layout.clock("next_output"),
        layout.clock("active"),
    )
    order = np.argsort(times)
    for row, theta_ in enumerate(theta):
        seen = run(kernel_of(TWO), theta_, [(0.0, ADD, 0, 1.0)], times[order])
        np.testing.assert_allclose(out[row, order], seen, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("lane", [0, 3, 7])
def test_a_patient_whose_numbers_leave_the_range_fails_alone(mixed, lane):
    theta = np.tile([3.0, 0.1, 2.0, 0.7, 1.0, 24.0], (8, 1))
    kernel = kernel_of(mixed)
    calm = batch.solve(kernel, theta, t1=48.0, grid=[24.0, 48.0])
    theta[lane, 1] = -40.0  # grows as exp(40 t)
    found = batch.solve(kernel, theta, t1=48.0, grid=[10.0, 24.0, 48.0])
    assert found.status[lane] == status.NOT_FINITE and found.fail_time[lane] == 10.0
    assert np.isnan(found.out[lane]).all() and np.isnan(found.end[lane]).all()
    others = np.arange(8) != lane
    assert (found.status[others] == status.OK).all()
    np.testing.assert_allclose(found.out[others, 1:], calm.out[others], rtol=1e-13)
    theta[lane, 1] = np.nan
    assert batch.solve(kernel, theta, t1=0.0).status[lane] == status.NOT_FINITE


def test_a_model_that_is_not_linear_is_refused_by_the_linear_solver(mixed):
    with pytest.raises(
        PkpdError,
        match=r"d/dt\(blockade\) of ldn/hormesis is not linear in the states"
        r".*use solver auto or tsit5",
    ):
        batch.compile(load("ldn/hormesis"), solver="linear")
    with pytest.raises(PkpdError, match=r"bell of .* is not linear"):
        batch.compile(mixed, integrals=("bell",), solver="linear")
    assert batch.compile(mixed, integrals=("bell",)).method == "vern7"
    with pytest.raises(PkpdError, match="no state or output 'Cd'"):
        _ = batch.compile(TWO, integrals=("Cd",), solver="linear").module


def steady(model, amount=10.0, every=12.0, n=40, rows=None):
    people = cohort(model, n, seed=5)
    person = np.arange(n) if rows is None else np.asarray(rows)
    actions = periodic_actions(
        model, model.doses[0].state, np.full(len(person), amount), every, people.theta, person
    )
    return people, periodic(kernel_of(model), people.theta, person, actions, every)


def test_the_steady_state_of_equal_rates_is_the_closed_form_and_its_run_returns_to_it():
    theta, tau = np.array([[ka, ka * vc, vc, 1.0, 0.0]]), 6.0
    actions = periodic_actions(ONE, "depot", np.array([10.0]), tau, theta, np.zeros(1, int))
    found = periodic(kernel_of(ONE), theta, np.zeros(1, int), actions, tau)
    q = np.exp(-ka * tau)
    depot, central = 10.0 * q / (1 - q), 10.0 * ka * tau * q / (1 - q) ** 2
    np.testing.assert_allclose(found.y[0], [depot, central], rtol=1e-13)
    assert found.error[0] < 1e-14 and found.maps[0] == 4


def test_the_steady_state_is_where_a_long_run_ends_and_the_same_alone():
    people, found = steady(TWO)
    days = 300
    long = Actions(
        np.arange(41) * days,
        np.tile(12.0 * np.arange(days), 40),
        np.zeros(40 * days, np.int8),
        np.zeros(40 * days, np.int32),
        np.repeat(10.0 * people.theta[:, TWO.input_names.index("fdepot")], days),
    )
    settled = batch.solve(kernel_of(TWO), people.theta, t1=12.0 * days, actions=long)
    assert (np.abs(found.y - settled.end) < GATE * (settled.end + 1e-3 * settled.largest)).all()
    _, alone = steady(TWO, rows=[17])
    np.testing.assert_array_equal(alone.y[0], found.y[17])
    np.testing.assert_array_equal(alone.error[0], found.error[17])


def test_what_never_leaves_or_grows_has_no_steady_state(mixed):
    theta = np.tile([3.0, 0.1, 2.0, 0.7, 1.0, 24.0], (4, 1))
    theta[1, 1], theta[2, 1], theta[3, 1] = (
        0.0,
        -0.05,
        np.nan,
    )  # an undamped oscillation, a growing one, no number
    person = np.arange(4)
    actions = periodic_actions(mixed, "a", np.ones(4), 24.0, theta, person)
    found = periodic(kernel_of(mixed), theta, person, actions, 24.0)
    assert found.status.tolist() == [status.OK, status.UNSTEADY, status.UNSTEADY, status.NOT_FINITE]
    assert np.isnan(found.y[1:]).all() and np.isfinite(found.y[0]).all()
