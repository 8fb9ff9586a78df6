"""Statistics of a trial: those of SciPy, and what the papers on shares print."""

import warnings

import numpy as np
import pytest
from scipy import stats

from pkpd.report.words.trials import endpoint_rows
from pkpd.trials.comparison import compared, described
from pkpd.trials.design import from_data
from pkpd.trials.run import trial

A, B = np.array([1.0, 2.0, 4.0, np.nan]), np.array([0.0, 5.0, 5.5, 7.0])
NOTHING = {"n": 0, "mean": None, "sd": None, "low": None, "high": None}


def shares(hits, n):
    return np.repeat([1.0, 0.0], [hits, n - hits])


@pytest.mark.parametrize("paired", [False, True])
def test_tests_are_those_of_scipy(paired):
    test = stats.ttest_rel(A[:3], B[:3]) if paired else stats.ttest_ind(A[:3], B, equal_var=False)
    found, interval = compared(A, B, paired), test.confidence_interval()
    assert found["p"] == pytest.approx(test.pvalue)
    assert [found["low"], found["high"]] == pytest.approx([interval.low, interval.high])


def test_means_have_the_interval_of_scipy():
    found, x = described(A), A[:3]
    expected = stats.t.interval(0.95, 2, x.mean(), stats.sem(x))
    assert [found["n"], found["low"], found["high"]] == pytest.approx([3, *expected])
    assert described(np.full(3, np.nan)) == described(np.full(3, np.nan), True) == NOTHING


@pytest.mark.parametrize(("hits", "n"), [(0, 12), (1, 1), (7, 24), (24, 24)])
def test_shares_have_wilsons_interval_within_0_and_1(hits, n):
    found = described(shares(hits, n), True)
    expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert [found["low"], found["high"]] == pytest.approx([*expected], abs=1e-6)
    assert 0 <= found["low"] < found["high"] <= 1


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [  # Newcombe (1998), Stat Med 17:873, table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_differences_of_shares_are_those_that_newcombe_prints(one, other, low, high):
    found = compared(shares(*one), shares(*other), False, True)
    assert [found["low"], found["high"]] == pytest.approx([low, high], abs=6e-5)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("other", [0.1, 0.4])
def test_values_that_are_the_same_for_all_are_not_tested(paired, other):
    same = np.append(np.full(6, 0.1), np.nextafter(0.1, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compared(same, np.full(7, other), paired)
        one_varies = compared(np.arange(7.0), np.full(7, other), False)
    assert found["p"] is found["low"] is None
    assert found["difference"] == pytest.approx(0.1 - other)
    expected = stats.ttest_1samp(np.arange(7.0), other).pvalue
    assert one_varies["p"] == pytest.approx(expected)


def test_a_trial_prints_shares_within_0_and_1_and_no_p_without_a_test():
    arms = [
        {"name": name, "phases": [{"name": "treatment", "days": 14, "dose": dose}]}
        for name, dose in (("placebo", 0), ("4.5 mg", 4.5))
    ]
    kinds = ("stayed", "dose", "change")
    ends = [{"name": kind, "kind": kind, "day": 14} for kind in kinds]
    plan = {"model": "ldn/hormesis", "patients": 12, "seed": 7, "arms": arms, "endpoints": ends}
    stay = dict.fromkeys(("leave_adverse", "leave_random", "leave_no_benefit"), 0)
    summary = trial(from_data(plan | {"diary_set": stay})).summary()
    rows = {row[:2]: row[2:] for row in endpoint_rows(summary)}
    count = int(rows["stayed", "4.5 mg"][0])
    low = stats.binomtest(count, count).proportion_ci(method="wilson").low
    assert rows["stayed", "4.5 mg"][1:3] == ("1", f"{low:.3g} to 1")
    assert rows["dose", "4.5 mg"][3:] == ("4.5", "-")
    assert float(rows["change", "4.5 mg"][4]) > 0
