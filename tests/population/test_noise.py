"""Uniform draws by address: the same in any company, apart between purposes, uniform."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pkpd.population.noise import uniforms

FULL = uniforms(7, np.arange(1, 501), "diary", 30)


@settings(max_examples=40, deadline=None)
@given(
    ids=st.lists(st.integers(1, 500), min_size=1, max_size=20, unique=True),
    count=st.integers(1, 30),
)
def test_a_draw_depends_on_its_address_alone(ids, count):
    np.testing.assert_array_equal(uniforms(7, ids, "diary", count), FULL[np.array(ids) - 1, :count])


def test_far_patients_are_drawn_without_those_between():
    far = uniforms(7, [1, 10**15, 3], "diary", 5)
    np.testing.assert_array_equal(far[[0, 2]], FULL[[0, 2], :5])


def test_seed_purpose_and_replicate_make_other_draws():
    others = [
        uniforms(8, [1], "diary", 30),
        uniforms(7, [1], "diary ", 30),
        uniforms(7, [1], "diary", 30, replicate=1),
        uniforms(10**40, [1], "diary", 30),
    ]
    assert len({float(o[0, 0]) for o in [FULL, *others]}) == 5


def test_draws_are_uniform_and_independent_between_patients_and_occasions():
    assert stats.kstest(FULL.ravel(), "uniform").pvalue > 0.01
    for a, b in ((FULL[:, :-1], FULL[:, 1:]), (FULL[:-1], FULL[1:]), (FULL[:, :-4], FULL[:, 4:])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4 / np.sqrt(FULL.size)
    assert FULL.min() > 0 and FULL.max() < 1
