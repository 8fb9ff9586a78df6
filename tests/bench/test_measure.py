"""Cost at equal error: lines with known slopes, points that another beats, rounds that drift."""

import numpy as np
import pytest

from pkpd.bench import solvers, workload
from pkpd.bench.against_scipy import compared
from pkpd.bench.measure import Line, lines, ratio, rounds


def line(errors, costs, name="rival"):
    return Line(name, tuple(range(len(errors))), np.array(errors), np.atleast_2d(costs))


def test_the_cost_at_an_error_lies_on_the_straight_line_in_logarithms():
    found = line([1e-2, 1e-6], [1.0, 100.0])
    assert found.cost_at(1e-4)[0] == pytest.approx(10.0)
    assert found.cost_at(1e-5)[0] == pytest.approx(10**1.5)


def test_a_looser_error_costs_what_the_loosest_does_and_a_tighter_one_is_not_reached():
    found = line([1e-2, 1e-6], [1.0, 100.0])
    assert found.cost_at(0.5)[0] == 1.0
    assert np.isnan(found.cost_at(1e-7)[0])


def test_a_tolerance_that_another_beats_in_error_and_cost_does_not_count():
    assert line([1e-2, 1e-3, 1e-6], [5.0, 1.0, 100.0]).front() == [1, 2]
    assert line([np.inf, 1e-3], [0.1, 1.0]).front() == [1]


def test_ratios_are_taken_round_by_round_so_that_a_machine_that_slows_down_does_not_count():
    drift = np.array([1.0, 2.0, 8.0])
    assert ratio(3.0 * drift, drift) == 3.0


def test_solvers_take_turns():
    seen = []
    found = rounds({"a": lambda: seen.append("a"), "b": lambda: seen.append("b")}, 3)
    assert seen == list("ababab") and found["a"].shape == (3,)


def test_a_solver_that_fails_has_infinite_error_and_no_cost():
    def make(tolerance):
        return lambda people: np.full(len(people), np.nan if tolerance < 1 else 0.5)

    (found,) = lines(
        {"rival": (make, (1, 0), 4)}, np.zeros((4, 1)), 2, lambda out: float(out.max()), 1
    )
    assert found.errors.tolist() == [0.5, np.inf] and found.front() == [0]


def test_comparison_is_with_the_first_line_at_its_own_error():
    own, rival = line([1e-4, 1e-8], [1.0, 2.0], "pkpd"), line([1e-2, 1e-6], [10.0, 1000.0])
    first, second = compared([own, rival], 0)
    assert first["ratio_equal_error"] == first["ratio_same_rtol"] == 1.0
    assert second["ratio_same_rtol"] == 10.0 and second["ratio_equal_error"] == pytest.approx(100.0)


@pytest.mark.slow
def test_the_workload_is_solved_to_the_asked_tolerance_and_scipy_agrees():
    patients = workload.patients(8)
    truth = solvers.truth(patients[:1], days=2)
    own = solvers.own(days=2)
    assert workload.error(own(1e-6)(patients)[:1], truth) < 1e-5
    assert workload.error(own(1e-9)(patients)[:1], truth) < 1e-8
    assert workload.error(solvers.by_scipy("LSODA", days=2)(1e-8)(patients[:1]), truth) < 1e-5
    np.testing.assert_array_equal(
        own(1e-6)(patients), solvers.own(threads=2, days=2)(1e-6)(patients)
    )
