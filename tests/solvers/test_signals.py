"""Extremes and times above a level in every step: closed forms, jumps, windows, bits, methods."""

import numpy as np
import pytest
from scipy.optimize import brentq

from pkpd.dosing.actions import ADD, Actions, actions
from pkpd.dosing.rx import rx
from pkpd.population.cohort import cohort
from pkpd.solvers import batch
from pkpd.symbolic.load import load

MODEL = load("pk/one_compartment")
PEOPLE = cohort(MODEL, 40, seed=3)
KA, CL, VC, F, _ = PEOPLE.theta.T
KE = CL / VC


@pytest.fixture(scope="module", params=["tsit5", "rosenbrock"])
def kernel(request):
    return batch.compile(
        MODEL,
        ("Cc",),
        ("Cc",),
        request.param,
        extremes=("Cc",),
        levels=(("Cc", None, 1.0), ("Cc", "cl", 20.0)),
    )


def oral(i, t, dose=100.0):
    """Concentration of patient i in ng/mL after one dose in mg at time 0."""
    return (
        1000
        * dose
        * F[i]
        * KA[i]
        / (VC[i] * (KA[i] - KE[i]))
        * (np.exp(-KE[i] * t) - np.exp(-KA[i] * t))
    )


def once(kernel, end=48.0, since=0.0, level=0.0, rows=slice(None), **options):
    theta = PEOPLE.theta[rows]
    return batch.solve(
        kernel,
        theta,
        t1=end,
        actions=actions(MODEL, rx("100 mg into depot"), theta),
        since=since,
        level=[level, 0.0],
        **options,
    )


def test_peak_of_one_oral_dose_is_that_of_bateman(kernel):
    top = np.log(KA / KE) / (KA - KE)
    for rtol, when, size in ((1e-6, 1e-4, 1e-6), (1e-9, 1e-7, 1e-9)):
        record = once(kernel, rtol=rtol).record[:, 0]
        np.testing.assert_allclose(record[:, 1], top, rtol=when)
        np.testing.assert_allclose(record[:, 0], [oral(i, t) for i, t in enumerate(top)], rtol=size)
        assert (record[:, 2:] == 0.0).all()  # just after the dose


@pytest.mark.parametrize("level", [30.0, 500.0, 1200.0])
def test_time_above_a_level_is_that_of_bateman(kernel, level):
    top = np.log(KA / KE) / (KA - KE)
    expected = []
    for i, t in enumerate(top):
        if oral(i, t) <= level:
            expected.append(0.0)
            continue
        up = brentq(lambda x, i=i: oral(i, x) - level, 0.0, t, xtol=1e-12)
        expected.append(
            min(48.0, brentq(lambda x, i=i: oral(i, x) - level, t, 1e4, xtol=1e-12)) - up
        )
    np.testing.assert_allclose(
        once(kernel, level=level, rtol=1e-9).above[:, 0], expected, rtol=1e-7, atol=1e-7
    )
    assert 0 < np.count_nonzero(expected) <= 40


def test_a_level_that_is_only_just_reached_between_two_nodes_counts(kernel):
    """A level 1e-7 below each patient's peak is exceeded for about 2*sqrt(2e-7/curvature).

    That is far less than a step.
    """
    solution = once(kernel, rtol=1e-9)
    numbers = np.column_stack([solution.record[:, 0, 0] * (1 - 1e-7), np.zeros(40)])
    theta = PEOPLE.theta
    again = batch.solve(
        kernel,
        theta,
        t1=48.0,
        actions=actions(MODEL, rx("100 mg into depot"), theta),
        since=0.0,
        level=numbers,
        rtol=1e-9,
    )
    expected = 2 * np.sqrt(2e-7 / (KA * KE))  # at the largest C'' = -ka*ke*C
    np.testing.assert_allclose(again.above[:, 0], expected, rtol=1e-3)


def test_a_level_may_be_another_name_of_the_model(kernel):
    """Here 20 times the number of the clearance."""
    numbers = np.column_stack([20 * CL, np.zeros(40)])
    theta = PEOPLE.theta
    solution = batch.solve(
        kernel,
        theta,
        t1=48.0,
        actions=actions(MODEL, rx("100 mg into depot"), theta),
        since=0.0,
        level=numbers,
    )
    np.testing.assert_allclose(solution.above[:, 0], solution.above[:, 1], rtol=1e-9)


def test_both_sides_of_a_jump_count_and_the_last_actions_too(kernel):
    theta = np.array([[1.0, 5.0, 50.0, 0.8, 0.0]])
    given = Actions(
        np.array([0, 3]),
        np.array([0.0, 10.0, 20.0]),
        np.full(3, ADD, np.int8),
        np.full(3, 1, np.int32),
        np.array([10.0, 10.0, 90.0]),
    )
    low = 200 * np.exp(-1.0)
    for since, end, largest, when, smallest, at in (
        (0.0, 19.0, 200 + low, 10.0, 200 * np.exp(-1.0), 10.0),
        (0.0, 20.0, 1800 + (200 + low) * np.exp(-1.0), 20.0, low, 10.0),
        (10.0, 19.0, 200 + low, 10.0, (200 + low) * np.exp(-0.9), 19.0),
        (12.5, 19.0, (200 + low) * np.exp(-0.25), 12.5, (200 + low) * np.exp(-0.9), 19.0),
        (
            20.0,
            20.0,
            1800 + (200 + low) * np.exp(-1.0),
            20.0,
            1800 + (200 + low) * np.exp(-1.0),
            20.0,
        ),
    ):
        found = batch.solve(kernel, theta, t1=end, actions=given, since=since, rtol=1e-10).record[
            0, 0
        ]
        np.testing.assert_allclose(found, [largest, when, smallest, at], rtol=1e-8)


def test_integrals_count_from_the_beginning_of_the_window(kernel):
    def run(end, since):
        given = actions(MODEL, rx("100 mg into depot q12h x 2"), PEOPLE.theta)
        return batch.solve(kernel, PEOPLE.theta, t1=end, actions=given, since=since, rtol=1e-9)

    for since in (17.3, 12.0):  # inside a step, and where a dose ends one
        whole, head, tail = run(40.0, 0.0), run(since, 0.0), run(40.0, since)
        np.testing.assert_allclose(tail.integral, whole.integral - head.integral, rtol=1e-7)
    whole = once(kernel, 40.0, rtol=1e-9)
    left = [
        1e5
        * F[i]
        * KA[i]
        / (VC[i] * (KA[i] - KE[i]))
        * (np.exp(-KE[i] * 40) / KE[i] - np.exp(-KA[i] * 40) / KA[i])
        for i in range(40)
    ]
    np.testing.assert_allclose(
        whole.integral[:, 0] + left, 1e5 * F / CL, rtol=1e-8
    )  # all of dose*F/CL


def test_nothing_is_watched_without_a_window_and_the_steps_are_the_same(kernel):
    idle, seen = once(kernel, since=None), once(kernel)
    assert np.isnan(idle.record).all() and np.isnan(idle.above).all()
    np.testing.assert_array_equal(idle.end, seen.end)
    np.testing.assert_array_equal(idle.steps, seen.steps)


def test_what_is_watched_in_a_patient_is_the_same_to_the_bit_in_any_company(kernel):
    full = once(kernel, since=3.1, level=100.0, threads=1)
    for rows in ([17], [39], [5, 17, 20, 3], list(range(11, 30))):
        part = once(kernel, since=3.1, level=100.0, rows=rows)
        np.testing.assert_array_equal(part.record, full.record[rows])
        np.testing.assert_array_equal(part.above, full.above[rows])
        np.testing.assert_array_equal(part.integral, full.integral[rows])
