"""Addressed numbers: the same at an address whoever else is asked for."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pkpd.population.noise import normals, uniforms

ALL = uniforms(7, "diary", np.arange(1, 101), 50)


@settings(max_examples=30, deadline=None)
@given(ids=st.lists(st.integers(1, 100), min_size=1, max_size=10, unique=True), count=st.integers(1, 50))
def test_a_number_depends_on_its_address_alone(ids, count):
    np.testing.assert_array_equal(uniforms(7, "diary", ids, count), ALL[np.array(ids) - 1, :count])


def test_seed_purpose_patient_and_replicate_all_make_another_number():
    others = [uniforms(8, "diary", [1], 50), uniforms(7, "dropout", [1], 50), uniforms(7, "diary", [2], 50), uniforms(7, "diary", [1], 50, replicate=1)]
    every = np.concatenate([ALL[:1], *others])
    assert len(np.unique(every)) == every.size


def test_numbers_are_uniform_and_independent_between_patients_and_occasions():
    u = uniforms(1, "law", np.arange(1, 401), 100)
    assert stats.kstest(u.ravel(), "uniform").pvalue > 1e-3
    z = normals(1, "law", np.arange(1, 401), 100)
    for a, b in ((z[:, 1:], z[:, :-1]), (z[1:], z[:-1])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4 / np.sqrt(a.size)


def test_numbers_are_those_of_numpys_philox_at_the_documented_counter():
    import hashlib

    key = int.from_bytes(hashlib.sha256(b"7\0diary").digest()[:16], "little")
    raw = np.random.Philox(key=key, counter=[0, 0, 5, 0]).random_raw(3)
    np.testing.assert_array_equal(ALL[4, :3], ((raw >> 11) + 0.5) / 2**53)
