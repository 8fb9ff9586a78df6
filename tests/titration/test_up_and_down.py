"""Up-and-down designs: pooling by hand, coverage of the interval on known curves."""

from itertools import pairwise

import numpy as np
import pytest

from pkpd.errors import TrialError
from pkpd.titration.up_and_down import centred_isotonic, effective_dose, staircase


def naive_centred(x, trials, hits, target):
    """Pool the first violation, again and again; then read the straight lines."""
    points = [(a, h / n, n) for a, n, h in zip(x, trials, hits, strict=True) if n > 0]
    while True:
        bad = [
            k
            for k in range(1, len(points))
            if points[k - 1][1] >= points[k][1]
            and not (points[k - 1][1] == points[k][1] and points[k][1] in (0, 1))
        ]
        if not bad:
            break
        k = bad[0]
        (a, p, n), (b, q, m) = points[k - 1], points[k]
        points[k - 1 : k + 1] = [((a * n + b * m) / (n + m), (p * n + q * m) / (n + m), n + m)]
    for (a, p, _), (b, q, _) in pairwise(points):
        if p <= target <= q and p < q:
            return a + (target - p) / (q - p) * (b - a)
    return np.nan


def test_centred_isotonic_regression_agrees_with_pooling_step_by_step():
    rng, x = np.random.default_rng(4), np.arange(6.0)
    trials = rng.integers(0, 9, (200, 6)).astype(float)
    hits = rng.binomial(trials.astype(int), np.linspace(0.05, 0.95, 6)).astype(float)
    found = centred_isotonic(x, trials, hits, 0.5)
    expected = [naive_centred(x, t, h, 0.5) for t, h in zip(trials, hits, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.isfinite(found).mean() > 0.9


def test_staircase_goes_down_after_a_response_and_up_after_none():
    answers = np.array([[0, 0, 1], [0, 1, 1], [0, 0, 1], [1, 1, 1], [0, 0, 0]], bool)
    assert staircase(answers, 1).tolist() == [1, 2, 1, 2, 1]


def coverage(chance, ed50, trials=600):
    """Share of staircases of 60 patients along `chance` (D,) whose 90 % interval holds the ED50.

    Doses are powers of two.
    """
    rng, inside = np.random.default_rng(11), []
    for trial in range(trials):
        answers = rng.random((60, len(chance))) < chance
        places = staircase(answers, 2)
        found = effective_dose(
            2.0 ** np.arange(len(chance)),
            places,
            answers[np.arange(60), places],
            draws=200,
            seed=trial,
        )
        inside.append(found.low <= 2.0**ed50 <= found.high)
    return np.mean(inside)


@pytest.mark.parametrize(
    ("doses", "ed50", "spread"),
    [(7, 3.5, 1.0), (7, 1.8, 0.7), (10, 4.9, 1.2), (10, 4.5, 0.4), (10, 4.5, 2.5)],
)
def test_the_90_percent_interval_of_the_ed50_covers_it_90_percent_of_the_time_with_60_patients(
    doses, ed50, spread
):
    assert abs(coverage(1 / (1 + np.exp(-(np.arange(doses) - ed50) / spread)), ed50) - 0.90) <= 0.03


def test_the_interval_holds_its_level_where_the_curve_is_not_logistic():
    skewed = 1 - np.exp(-np.log(2) * np.exp((np.arange(8) - 3.6) / 1.5))
    assert abs(coverage(skewed, 3.6) - 0.90) <= 0.03


def test_the_interval_is_open_where_responses_do_not_depend_on_the_dose():
    rng, ends = np.random.default_rng(3), []
    for trial in range(40):
        answers = rng.random((60, 6)) < 0.5
        places = staircase(answers, 2)
        found = effective_dose(
            2.0 ** np.arange(6), places, answers[np.arange(60), places], draws=200, seed=trial
        )
        ends.append((found.low, found.high))
    low, high = np.array(ends).T
    assert (
        np.mean((low == 0) | np.isinf(high) | np.isnan(low)) > 0.7
    )  # NaN: no dose was passed both ways


def test_a_higher_share_of_responses_needs_a_higher_dose():
    rng, x = np.random.default_rng(2), np.arange(8)
    answers = rng.random((200, 8)) < 1 / (1 + np.exp(-(x - 4.0)))
    places = staircase(answers, 3)
    half, most = (
        effective_dose(1.5**x, places, answers[np.arange(200), places], t) for t in (0.5, 0.8)
    )
    assert half.low < half.value < half.high < most.value


@pytest.mark.parametrize("seed", range(3))
def test_linear_doses_are_the_logarithms_of_log_doses(seed):
    rng, x = np.random.default_rng(seed), np.arange(1.0, 8.0)
    answers = rng.random((40, 7)) < 1 / (1 + np.exp(-(x - 4.0)))
    places = staircase(answers, 3)
    given = places, answers[np.arange(40), places]
    linear = effective_dose(x, *given, scale="linear", draws=200)
    logarithmic = effective_dose(np.exp(x), *given, draws=200)
    expected = np.log([logarithmic.value, logarithmic.low, logarithmic.high])
    np.testing.assert_allclose([linear.value, linear.low, linear.high], np.maximum(expected, 0.0))


def test_a_dose_of_0_has_a_place_on_a_linear_scale_alone():
    """Five of ten at 1, none of ten at 0: a fifth of responses is at 0.4, on the line between."""
    places = np.repeat([0, 1], 10)
    answers = np.arange(20) >= 15
    assert effective_dose([0, 1], places, answers, 0.2, scale="linear").value == pytest.approx(0.4)
    with pytest.raises(TrialError, match="0 has no logarithm"):
        effective_dose([0, 1], places, answers, 0.2)
    with pytest.raises(TrialError, match=r"Unknown scale 'lin'.* 'linear'"):
        effective_dose([1, 2], places, answers, scale="lin")


@pytest.mark.parametrize(
    ("doses", "places", "options", "said"),
    [
        ([1, 1], [0], {}, "increasing"),
        ([1, 2], [2], {}, "one index"),
        ([1, 2], [0], {"target": 1.5}, "between 0 and 1"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(doses, places, options, said):
    with pytest.raises(TrialError, match=said):
        effective_dose(doses, places, [True], **options)
