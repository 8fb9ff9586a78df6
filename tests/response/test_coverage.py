"""Each printed 95 % interval holds the truth about as often as it says; few studies of many."""

import pytest
from scipy.stats import binomtest

from benchmarks.coverage import INTERVALS, coverage

STUDIES = 60


LONG = ("lost_variance", "explained_variance")
EACH = [
    pytest.param(each, marks=pytest.mark.slow) if each.__name__ in LONG else each
    for each in INTERVALS
]


@pytest.mark.parametrize("interval", EACH, ids=lambda interval: interval.__name__)
def test_intervals_hold_the_truth_as_often_as_they_say(interval):
    """Full size: python benchmarks/coverage.py, whose results are recorded."""
    held, _ = coverage(interval, STUDIES)
    assert binomtest(round(held * STUDIES), STUDIES, 0.95).pvalue > 1e-3
