"""Replicas of a published trial: cut by patient, means by hand, percentiles with ties."""

import numpy as np
import pytest

from pkpd.errors import TrialError
from pkpd.trials.design import from_data
from pkpd.trials.predictive_check import by_patient, cut, means, placed
from pkpd.trials.run import trial

ARMS = [
    {"name": f"{dose} mg", "phases": [{"name": "p", "days": 14, "dose": dose}]} for dose in (0, 4.5)
]
PLAN = {
    "model": "ldn/hormesis",
    "patients": 20,
    "run_in": 7,
    "arms": ARMS,
    "endpoints": [{"name": "change", "kind": "change", "day": 14}],
}


def test_values_of_randomised_patients_stand_in_the_order_of_their_ids():
    result = trial(from_data(PLAN))
    values = by_patient(result)["change"]
    for course, own in zip(result.courses, result.values["change"], strict=True):
        np.testing.assert_array_equal(values[course.ids - 1], own)
    with pytest.raises(TrialError, match="randomised"):
        by_patient(trial(from_data(PLAN | {"allocation": "shared"}), n=2))


def test_means_of_replicas_leave_out_gaps_and_an_incomplete_replica():
    values = np.array([1.0, 3.0, np.nan, 5.0, np.nan, np.nan, 9.0])
    np.testing.assert_array_equal(cut(values, 2)[1], [np.nan, 5.0])
    np.testing.assert_array_equal(means(values, 2), [2.0, 5.0, np.nan])
    with pytest.raises(TrialError, match="7 patients are too few for one of 8"):
        cut(values, 8)


def test_a_published_value_is_placed_with_ties_counted_half():
    found = placed(np.array([1.0, 2.0, 2.0, 3.0, np.nan]), 2.0)
    assert found["percentile"] == 50.0 and found["median"] == 2.0 and found["replicas"] == 4
    assert (
        placed(np.arange(101.0), 200.0)["percentile"] == 100.0
        and placed(np.arange(101.0), 50.0)["low"] == 5.0
    )
