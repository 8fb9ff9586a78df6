"""Periodic steady state against closed forms, long runs and itself."""

import numpy as np
import pytest
from scipy.linalg import expm

from pkpd.dosing.actions import Actions, periodic_actions
from pkpd.population.cohort import cohort
from pkpd.solvers import batch, status
from pkpd.solvers.periodic import periodic, time_to_steady_state
from pkpd.symbolic.load import load

SATURATED = """
title = "saturated"
outputs = ["a"]
[dose]
a = { unit = "mg" }
[parameters]
vmax = { value = 5.0, unit = "mg/h", label = "capacity", source = "test", evidence = "assumed" }
km = { value = 3.0, unit = "mg", label = "half of it", source = "test", evidence = "assumed" }
[equations]
e = "d/dt(a) = -vmax*a/(km + a) : mg"
"""
LDN = load("ldn/hormesis")
PEOPLE = cohort(LDN, 64, seed=5)
DOSES = np.geomspace(0.05, 50.0, 64)


@pytest.fixture(scope="module")
def kernel():
    return batch.compile(LDN, observe=("Cc", "blockade"), integrals=("pain", "Cc"))


@pytest.fixture(scope="module")
def steady(kernel):
    person = np.arange(64)
    actions = periodic_actions(LDN, "depot", DOSES, 24.0, PEOPLE.theta, person)
    return periodic(kernel, PEOPLE.theta, person, actions, 24.0), actions


def test_two_compartments_settle_on_the_closed_form():
    model = load("pk/two_compartment")
    people = cohort(model, 20, seed=2)
    kernel = batch.compile(model)
    person = np.arange(20)
    actions = periodic_actions(model, "depot", np.full(20, 100.0), 12.0, people.theta, person)
    found = periodic(kernel, people.theta, person, actions, 12.0, tol=1e-9, rtol=1e-10)
    for row, theta in enumerate(people.theta):
        ka, cl, vc, q, vp, fdepot, _ = theta
        a = np.array([[-ka, 0, 0], [ka, -(cl + q) / vc, q / vp], [0, q / vc, -q / vp]])
        map_, dose = expm(12.0 * a), np.array([100.0 * fdepot, 0, 0])
        after = np.linalg.solve(np.eye(3) - map_, dose)  # y+ = map y+ + dose, just after the dose
        np.testing.assert_allclose(found.y[row], after - dose, rtol=1e-6, atol=1e-7)


def test_hormesis_settles_where_a_long_run_settles(kernel, steady):
    found, _ = steady
    assert (found.status == status.OK).all()
    person = np.arange(0, 64, 8)
    lag = PEOPLE.theta[person, LDN.input_names.index("tlag")]
    amount = DOSES[person] * PEOPLE.theta[person, LDN.input_names.index("salt")]
    days = 700
    long = Actions(
        np.arange(len(person) + 1, dtype=np.int64) * days,
        (lag[:, None] + 24.0 * np.arange(days)).ravel(),
        np.zeros(len(person) * days, np.int8),
        np.zeros(len(person) * days, np.int32),
        np.repeat(amount, days),
    )
    run = batch.solve(kernel, PEOPLE.theta, person, t1=24.0 * days, actions=long, rtol=1e-7)
    scale = np.maximum(np.abs(run.end), 1e-3 * np.maximum(run.largest, 1e-300))
    slow = [
        LDN.state_names.index(n)
        for n in ("endorphin", "receptor", "glial_activation", "cytokine", "pain", "blockade")
    ]
    assert (np.abs(found.y[person] - run.end) / scale)[:, slow].max() < 2e-5


def test_the_start_values_map_onto_themselves(kernel, steady):
    found, actions = steady
    again = batch.solve(
        kernel, PEOPLE.theta, np.arange(64), found.y, 0.0, 24.0, actions, control=found.control
    )
    assert (np.abs(again.end - found.y) / again.largest).max() < 2e-6
    np.testing.assert_allclose(again.integral, found.integral, rtol=1e-12)


def test_a_row_is_the_same_to_the_bit_alone_and_among_others(kernel, steady):
    found, actions = steady
    for row in (0, 17, 63):
        alone = periodic(kernel, PEOPLE.theta, np.array([row]), actions.take(np.array([row])), 24.0)
        np.testing.assert_array_equal(alone.y[0], found.y[row])
        np.testing.assert_array_equal(alone.integral[0], found.integral[row])


def test_a_warm_start_needs_fewer_intervals_and_finds_the_same_point(kernel, steady):
    found, actions = steady
    warm = periodic(kernel, PEOPLE.theta, np.arange(64), actions, 24.0, found.y * 1.001)
    assert warm.maps.mean() < 0.8 * found.maps.mean()
    np.testing.assert_allclose(warm.integral, found.integral, rtol=5e-6)


def test_untreated_patients_rest_at_their_start_values(kernel):
    person = np.arange(64)
    nothing = periodic_actions(LDN, "depot", np.zeros(64), 24.0, PEOPLE.theta, person)
    found = periodic(kernel, PEOPLE.theta, person, nothing, 24.0)
    p0 = PEOPLE.theta[:, LDN.input_names.index("p0")]
    np.testing.assert_allclose(found.integral[:, 0] / 24.0, p0, rtol=1e-12)


def test_newton_finds_the_same_point_where_the_acceleration_is_cut_short(kernel, steady):
    found, actions = steady
    rows = np.arange(0, len(found.y), 7)
    cut = periodic(kernel, PEOPLE.theta, rows, actions.take(rows), 24.0, most=3)
    assert (cut.status == status.OK).all() and (cut.maps > 12).all()
    np.testing.assert_allclose(cut.y, found.y[rows], rtol=2e-5, atol=1e-6)


def test_a_dose_above_the_capacity_of_elimination_has_no_steady_state(tmp_path):
    path = tmp_path / "saturated.toml"
    path.write_text(SATURATED)
    model = load(str(path))
    theta, doses = np.array([[5.0, 3.0]]), np.array([60.0, 119.0, 121.0])
    actions = periodic_actions(model, "a", doses, 24.0, theta, np.zeros(3, int))
    found = periodic(batch.compile(model, observe=()), theta, np.zeros(3, int), actions, 24.0)
    assert found.status.tolist() == [status.OK, status.OK, status.NO_STEADY]
    assert np.isnan(found.y[2]).all() and found.y[1, 0] > 100 * found.y[0, 0]


CIRCADIAN = """
title = "circadian"
outputs = ["x"]
[dose]
a = { unit = "mg" }
[parameters]
k = { value = 0.1, unit = "1/h", label = "loss", source = "test", evidence = "assumed" }
r = { value = 2.0, unit = "mg/h", label = "flow", source = "test", evidence = "assumed" }
day = { value = 24.0, unit = "h", label = "day", source = "test", evidence = "assumed" }
[equations]
e = '''
d/dt(a) = -k*a : mg
d/dt(x) = r*(1 + 0.5*sin(2*pi*t/day)) + k*a - k*x*(1 + WEEKEND) : mg
'''
"""


def steady_days(folder, weekend, period, day=24.0, solver="auto"):
    path = folder / "circadian.toml"
    path.write_text(CIRCADIAN.replace("WEEKEND", weekend))
    model, theta = load(str(path)), np.array([[0.1, 2.0, day]])
    actions = periodic_actions(model, "a", np.array([10.0]), period, theta, np.zeros(1, int))
    kernel = batch.compile(model, observe=(), integrals=("x",), solver=solver)
    return periodic(kernel, theta, np.zeros(1, int), actions, period, tol=1e-9, rtol=1e-10)


@pytest.mark.parametrize("solver", ["auto", "tsit5", "rosenbrock"])
def test_a_circadian_rate_and_a_daily_dose_settle_on_the_closed_form(tmp_path, solver):
    found = steady_days(tmp_path, "0", 24.0, solver=solver)
    k, r, w, dose, day = 0.1, 2.0, 2 * np.pi / 24, 10.0, 24.0
    rhythm = r / k - 0.5 * r * w / (k**2 + w**2)
    # of the doses n days ago, n = 1, 2, ...: dose k n day exp(-k n day)
    left = np.exp(-k * day)
    absorbed = dose * k * day * left / (1 - left) ** 2
    assert found.status[0] == status.OK
    assert found.y[0, 1] == pytest.approx(rhythm + absorbed, rel=1e-8)
    assert found.integral[0, 0] == pytest.approx(r / k * day + dose / k, rel=1e-8)


@pytest.mark.parametrize(
    ("weekend", "period", "day"),
    [
        ("0", 12.0, 24.0),  # the rhythm of a day and two doses a day
        ("0", 24.0, 24.5),
        ("(1 if floor(t/day) - 7*floor(t/(7*day)) >= 5 else 0)", 24.0, 24.0),  # a free weekend
        ("(1 if t > 40*day else 0)", 24.0, 24.0),  # another life after 40 days
    ],
)
def test_what_is_not_the_same_in_every_interval_has_no_steady_state(tmp_path, weekend, period, day):
    found = steady_days(tmp_path, weekend, period, day)
    assert found.status[0] == status.NO_STEADY and np.isnan(found.y).all()


def test_a_weekly_dose_settles_where_the_rhythm_has_seven_days(tmp_path):
    """A weekly dose and a weekly rhythm have one period."""
    weekend = "(1 if floor(t/day) - 7*floor(t/(7*day)) >= 5 else 0)"
    assert steady_days(tmp_path, weekend, 168.0).status[0] == status.OK


def test_an_exponential_settles_when_its_exponential_says():
    """The area of the n-th interval falls short of the steady one by exp(-ke*n*tau)."""
    model = load("pk/one_compartment")
    people, person = cohort(model, 20, seed=2), np.arange(20)
    kernel = batch.compile(
        model, ("Cc",), ("Cc",), extremes=("Cc",), levels=(("Cc", None, 1.0), ("Cc", "cl", 20.0))
    )  # that of test_track
    _, cl, vc, _, _ = people.theta.T
    given = periodic_actions(model, "central", np.full(20, 100.0), 6.0, people.theta, person)
    steady = periodic(kernel, people.theta, person, given, 6.0)
    first = time_to_steady_state(
        kernel,
        people.theta,
        person,
        given,
        6.0,
        np.zeros((20, 2)),
        steady,
        0.1 * steady.integral[:, 0],
    )
    np.testing.assert_array_equal(first, np.ceil(np.log(10) / (cl / vc * 6.0)))
    alone = time_to_steady_state(
        kernel,
        people.theta,
        person[7:8],
        given.take([7]),
        6.0,
        np.zeros((1, 2)),
        steady.take([7]),
        0.1 * steady.integral[7:8, 0],
    )
    assert alone[0] == first[7]
    never = time_to_steady_state(
        kernel,
        people.theta,
        person,
        given,
        6.0,
        np.zeros((20, 2)),
        steady,
        np.full(20, -1.0),
        most=5,
    )
    assert np.isinf(never).all()
