"""What holds for every registered solver: matrix exponential, order, bits, parts, endpoints."""

import numpy as np
import pytest
from scipy.linalg import expm

from pkpd.dosing.actions import ADD, RATE, Actions
from pkpd.errors import PkpdError
from pkpd.population.cohort import cohort
from pkpd.solvers import batch, status
from pkpd.solvers.registry import SOLVERS
from pkpd.symbolic.load import load

MODEL = load("pk/two_compartment")
PEOPLE = cohort(MODEL, 21, seed=5)
DEPOT, CENTRAL, PERIPHERAL = range(3)
# an oral dose, an infusion from 5 to 7 h, another oral dose
DOSES = [(0.0, ADD, DEPOT, 80.0), (5.0, RATE, CENTRAL, 10.0), (7.0, RATE, CENTRAL, -10.0)]
DOSES += [(12.0, ADD, DEPOT, 40.0)]
GRID = np.array([0.0, 0.7, 5.0, 6.1, 12.0, 20.3, 24.0])
DAY = 24.0


@pytest.fixture(scope="module", params=SOLVERS.values(), ids=SOLVERS)
def solver(request):
    return request.param


@pytest.fixture(scope="module")
def kernel(solver):
    extremes = ("Cc",) if solver.watches else ()
    return batch.compile(MODEL, solver=solver.name, extremes=extremes)


def doses(rows, given=DOSES):
    columns = [np.tile(np.array(column), rows) for column in zip(*given, strict=True)]
    kinds = (np.int64, np.float64, np.int8, np.int32, np.float64)
    start = np.arange(rows + 1) * len(given)
    parts = [np.asarray(p, k) for p, k in zip((start, *columns), kinds, strict=True)]
    return Actions(*parts)


def run(kernel, theta=PEOPLE.theta, **options):
    options = {"t1": DAY, "grid": GRID, "actions": doses(len(theta)), "threads": 1} | options
    solution = batch.solve(kernel, theta, **options)
    assert (solution.status == status.OK).all()
    return solution


def matrix(theta):
    """Rates of the three amounts, by the amounts and by a constant infusion into the second."""
    p = dict(zip(MODEL.input_names, theta, strict=True))
    k10, k12, k21 = p["cl"] / p["vc"], p["q"] / p["vc"], p["q"] / p["vp"]
    return np.array(
        [
            [-p["ka"], 0.0, 0.0, 0.0],
            [p["ka"], -k10 - k12, k21, 1.0],
            [0.0, k12, -k21, 0.0],
            [0.0, 0.0, 0.0, 0.0],
        ]
    )


def exact(theta, times, given=DOSES):
    """(T,) ng/mL just after what happens at a time, by matrix exponentials from event to event."""
    events = sorted({time for time, *_ in given} | set(times))
    y, now, found = np.zeros(4), 0.0, {}
    for time in events:
        y, now = expm(matrix(theta) * (time - now)) @ y, time
        for at, _, state, amount in given:
            if at == time:
                y[3 if amount in (10.0, -10.0) else state] += amount
        found[time] = 1000.0 * y[CENTRAL] / theta[MODEL.input_names.index("vc")]
    return np.array([found[time] for time in times])


def test_amounts_follow_the_matrix_exponential_within_the_tolerance(kernel):
    known = np.stack([exact(theta, GRID) for theta in PEOPLE.theta])
    scale = known.max(axis=1, keepdims=True)
    for rtol in (1e-5, 1e-9):
        found = run(kernel, rtol=rtol).out[:, :, 0]
        assert (np.abs(found - known) / scale).max() < 20 * rtol


def test_steps_grow_with_the_tolerance_as_the_order_says(kernel, solver):
    if solver.order is None:
        pytest.skip("an exact solver has no order")
    steps = [run(kernel, rtol=rtol).steps.mean() for rtol in (1e-6, 1e-10)]
    assert np.log10(steps[1] / steps[0]) / 4 == pytest.approx(1 / solver.order, rel=0.3)


def test_a_patient_has_the_same_bits_in_any_company_and_on_any_thread(kernel):
    whole = run(kernel, threads=2)
    for rows in ([17], [5, 20, 3], list(range(9, 20))):
        part = run(kernel, PEOPLE.theta[rows])
        for name in ("out", "end", "steps", "largest"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[rows])


def test_a_run_in_parts_has_the_bits_of_one_with_a_stop_between(kernel):
    at = 12.0
    earlier = [dose for dose in DOSES if dose[0] < at]
    later = [dose for dose in DOSES if dose[0] >= at]
    rows = len(PEOPLE.theta)
    first = run(kernel, t1=at, grid=GRID[at > GRID], actions=doses(rows, earlier))
    state = {"y0": first.end, "control": first.control, "largest": first.largest}
    second = run(kernel, t0=at, grid=GRID[at < GRID], actions=doses(rows, later), **state)
    whole = run(kernel)
    np.testing.assert_array_equal(second.end, whole.end)
    np.testing.assert_array_equal(second.out, whole.out[:, at < GRID])


@pytest.mark.slow
def test_a_peak_is_that_of_the_matrix_exponential(kernel, solver):
    if not solver.watches:
        with pytest.raises(PkpdError, match="Endpoints need steps of limited length"):
            batch.compile(MODEL, solver=solver.name, extremes=("Cc",))
        return
    given = DOSES[:1]
    found = run(kernel, actions=doses(len(PEOPLE.theta), given), since=0.0, rtol=1e-8)
    fine = np.linspace(0.0, DAY, 2001)
    for theta, (top, when, *_) in zip(PEOPLE.theta, found.record[:, 0], strict=True):
        curve = exact(theta, fine, given)
        assert top == pytest.approx(curve.max(), rel=2e-5)
        assert when == pytest.approx(fine[curve.argmax()], abs=DAY / 2000)


def test_auto_takes_a_solver_that_is_registered():
    assert batch.compile(MODEL).method in SOLVERS
    assert sum(s.stiff for s in SOLVERS.values()) == 1
