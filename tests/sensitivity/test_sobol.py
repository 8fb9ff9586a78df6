"""Sobol' indices against functions whose indices are known, and against SciPy on the same values."""

import numpy as np
import pytest
from scipy.stats import sobol_indices as scipy_indices

from pkpd.population import sobol as sequence
from pkpd.sensitivity.sobol import indices, pick_freeze
from tests.sensitivity.exact import ISHIGAMI, g_closed, ishigami, sobol_g


def points(n, inputs, seed):
    drawn = sequence.points(0, n, 2 * inputs, [seed, 0])
    return drawn[:, :inputs], drawn[:, inputs:]


def repeated(function, inputs, sets, n=1024, scramblings=8):
    runs = np.array([indices(pick_freeze(function, *points(n, inputs, r), sets)) for r in range(scramblings)])[..., 0]
    return runs.mean(axis=0), 2.365 * runs.std(axis=0, ddof=1) / np.sqrt(scramblings)


def test_ishigami_has_its_published_indices():
    value, half = repeated(ishigami, 3, np.eye(3, dtype=bool))
    np.testing.assert_allclose(value, [ISHIGAMI["first"], ISHIGAMI["total"]], atol=0.005)
    assert (half < 0.01).all()


def test_sobol_g_has_its_closed_form_for_inputs_and_for_groups():
    groups = [(0,), (1,), (2,), (3,), (0, 2), (1, 2, 3)]
    masks = [np.isin(np.arange(4), group) for group in groups]
    value, half = repeated(sobol_g, 4, masks)
    closed = [g_closed(group) for group in groups]
    total = [1 - g_closed([i for i in range(4) if i not in group]) for group in groups]
    np.testing.assert_allclose(value, [closed, total], atol=0.006)
    assert (half < 0.01).all()


def test_intervals_over_scramblings_cover_the_truth_as_often_as_they_say():
    hits = 0
    for study in range(40):
        runs = np.array([indices(pick_freeze(ishigami, *points(64, 3, 1000 + 8 * study + r), np.eye(3, dtype=bool))) for r in range(8)])[..., 0]
        half = 2.365 * runs.std(axis=0, ddof=1) / np.sqrt(8)
        hits += (np.abs(runs.mean(axis=0) - [ISHIGAMI["first"], ISHIGAMI["total"]]) <= half).sum()
    assert 0.90 <= hits / 240 <= 0.99


def test_long_tails_scatter_less_than_with_scipys_estimators_of_the_same_values():
    def tailed(u):
        from scipy.special import ndtri

        return np.exp(ndtri(u) @ np.array([0.9, 0.6, 0.3]))[:, None]

    own, scipys = [], []
    for r in range(40):
        values = pick_freeze(tailed, *points(128, 3, r), np.eye(3, dtype=bool))
        own.append(np.array(indices(values))[..., 0])
        f = values[..., 0]
        found = scipy_indices(func={"f_A": f[:1], "f_B": f[1:2], "f_AB": f[2:, None, :]}, n=128)
        scipys.append([found.first_order.ravel(), found.total_order.ravel()])
    own, scipys = np.array(own), np.array(scipys)
    np.testing.assert_allclose(own.mean(axis=0), scipys.mean(axis=0), atol=0.05)
    assert (own.std(axis=0) < scipys.std(axis=0)).mean() > 0.8


def test_points_with_a_failed_patient_are_left_out_of_every_sample():
    def failing(u):
        return np.where(u[:, :1] > 0.98, np.nan, ishigami(u))

    values = pick_freeze(failing, *points(256, 3, 5), np.eye(3, dtype=bool))
    assert not np.isnan(values).any() and 240 < values.shape[1] < 256


def test_an_output_that_does_not_vary_has_no_indices():
    values = pick_freeze(lambda u: np.ones((len(u), 1)), *points(16, 2, 1), np.eye(2, dtype=bool))
    assert np.isnan(indices(values)).all()


@pytest.mark.parametrize("count", [0, 1])
def test_a_set_of_no_and_of_all_inputs_has_index_nothing_and_everything(count):
    closed, total = indices(pick_freeze(ishigami, *points(512, 3, 2), [np.full(3, bool(count))]))
    np.testing.assert_allclose([closed, total], count, atol=0.06)
