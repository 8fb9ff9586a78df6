"""Sobol' indices against known ones, and against SciPy on the same values."""

import numpy as np
import pytest
from scipy.stats import sobol_indices as scipy_indices

from pkpd.population import sobol as sequence
from pkpd.sensitivity.sobol import PickFreeze, half_widths, indices, refine
from tests.sensitivity.exact import ISHIGAMI, g_closed, ishigami, sobol_g

T = 2.365  # Student's t, 7 degrees of freedom


def points(first, last, inputs, seed):
    drawn = sequence.points(first, last, 2 * inputs, [seed, 0])
    return drawn[:, :inputs], drawn[:, inputs:]


def sampled(function, sets, n, scramblings=8, seed=0, half_width=np.inf, most=4096):
    inputs = len(sets[0])
    samples = PickFreeze(
        function, lambda first, last, r: points(first, last, inputs, seed + r), list(sets), []
    )
    refine(samples, scramblings, n, max(n, most), half_width)
    return samples


def repeated(function, sets, n=1024, **given):
    estimates = sampled(function, sets, n, **given).estimates()[..., 0]
    return estimates.mean(axis=0), half_widths(estimates)


def test_ishigami_has_its_published_indices():
    value, half = repeated(ishigami, np.eye(3, dtype=bool))
    np.testing.assert_allclose(value, [ISHIGAMI["first"], ISHIGAMI["total"]], atol=0.005)
    assert (half < 0.01).all()


def test_sobol_g_has_its_closed_form_for_inputs_and_for_groups():
    groups = [(0,), (1,), (2,), (3,), (0, 2), (1, 2, 3)]
    masks = [np.isin(np.arange(4), group) for group in groups]
    value, half = repeated(sobol_g, masks)
    closed = [g_closed(group) for group in groups]
    total = [1 - g_closed([i for i in range(4) if i not in group]) for group in groups]
    np.testing.assert_allclose(value, [closed, total], atol=0.006)
    assert (half < 0.01).all()


def test_intervals_over_scramblings_cover_the_truth_as_often_as_they_say():
    hits, truth = 0, [ISHIGAMI["first"], ISHIGAMI["total"]]
    for study in range(40):
        value, half = repeated(ishigami, np.eye(3, dtype=bool), n=64, seed=1000 + 8 * study)
        hits += (np.abs(value - truth) <= half).sum()
    assert 0.90 <= hits / 240 <= 0.99


def test_only_the_sets_whose_intervals_are_too_wide_get_more_points_and_the_same_first_ones():
    few, more = (sampled(ishigami, np.eye(3, dtype=bool), 32, half_width=w) for w in (np.inf, 0.03))
    counts = [more.count(m) for m in range(3)]
    assert min(counts) < max(counts) and (half_widths(more.estimates()) <= 0.03).all()
    whole = sampled(ishigami, np.eye(3, dtype=bool), max(counts))
    for own, first, all_ in zip(more.values, few.values, whole.values, strict=True):
        for values, beginning, end in zip(own, first, all_, strict=True):
            np.testing.assert_array_equal(values[:32], beginning)
            np.testing.assert_array_equal(values, end[: len(values)])


def test_stopping_at_a_wanted_width_does_not_spoil_the_intervals():
    hits, truth = 0, [ISHIGAMI["first"], ISHIGAMI["total"]]
    for study in range(40):
        value, half = repeated(
            ishigami,
            np.eye(3, dtype=bool),
            n=32,
            scramblings=16,
            seed=5000 + 16 * study,
            half_width=0.03,
        )
        hits += (np.abs(value - truth) <= half).sum()
    assert 0.90 <= hits / 240 <= 0.99


def test_a_maximum_of_points_ends_the_doubling():
    samples = sampled(ishigami, np.eye(3, dtype=bool), 16, half_width=0.0, most=64)
    assert [samples.count(m) for m in range(3)] == [64, 64, 64]


def test_long_tails_scatter_less_than_with_scipys_estimators_of_the_same_values():
    def tailed(u):
        from scipy.special import ndtri

        return np.exp(ndtri(u) @ np.array([0.9, 0.6, 0.3]))[:, None]

    samples = sampled(tailed, np.eye(3, dtype=bool), 128, scramblings=40)
    own, scipys = samples.estimates()[..., 0], []
    for a, b, *mixed in samples.values:
        found = scipy_indices(
            func={"f_A": a.T, "f_B": b.T, "f_AB": np.array(mixed)[:, None, :, 0]}, n=128
        )
        scipys.append([found.first_order.ravel(), found.total_order.ravel()])
    scipys = np.array(scipys)
    np.testing.assert_allclose(own.mean(axis=0), scipys.mean(axis=0), atol=0.05)
    assert (own.std(axis=0) < scipys.std(axis=0)).mean() > 0.8


def test_points_with_a_failed_patient_are_left_out():
    a, b = points(0, 256, 3, 5)
    mixed = np.where([True, False, False], b, a)
    failing = ishigami(mixed)
    failing[7] = np.nan
    keep = np.arange(256) != 7
    with_gap, without = (
        indices(ishigami(a), ishigami(b), failing),
        indices(ishigami(a[keep]), ishigami(b[keep]), ishigami(mixed[keep])),
    )
    np.testing.assert_array_equal(with_gap, without)


def test_an_output_that_does_not_vary_has_no_indices():
    assert np.isnan(indices(*np.ones((3, 16, 1)))).all()


@pytest.mark.parametrize("count", [0, 1])
def test_a_set_of_no_and_of_all_inputs_has_index_nothing_and_everything(count):
    a, b = points(0, 512, 3, 2)
    found = indices(ishigami(a), ishigami(b), ishigami(b if count else a))
    np.testing.assert_allclose(found, count, atol=0.06)
