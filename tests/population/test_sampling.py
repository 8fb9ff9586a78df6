"""Uniforms by name: stratified, the same in any company, Sobol's points against SciPy's."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc

from pkpd.population import sampling
from pkpd.population.sampling import independent, stratified
from pkpd.symbolic.load import load, models

LISTED = [row.split()[0] for row in sampling.TABLE.strip().splitlines()]
names = st.one_of(st.sampled_from(LISTED), st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True))
seeds = st.integers(0, 2**32)
four_words = st.lists(st.integers(0, 2**32 - 1), min_size=4, max_size=4)


def cells(u, m):
    return np.floor(u * 2**m).astype(int)


@settings(max_examples=50, deadline=None)
@given(name=names, seed=seeds, m=st.integers(0, 11))
def test_the_first_2_to_the_m_patients_have_one_value_in_each_of_2_to_the_m_equal_parts(
    name, seed, m
):
    u = stratified(seed, np.arange(1, 2**m + 1), [name])[:, 0]
    assert sorted(cells(u, m)) == list(range(2**m))


@pytest.mark.parametrize("k", range(9))
def test_the_first_two_listed_inputs_are_a_net_of_strength_0_in_base_2(k):
    m = 8
    u = stratified(5, np.arange(1, 2**m + 1), LISTED[:2])
    assert len(set(zip(cells(u[:, 0], k), cells(u[:, 1], m - k), strict=True))) == 2**m


def test_unscrambled_points_of_listed_inputs_are_those_of_scipy():
    index = np.arange(256, dtype=np.uint64)
    whole = qmc.Sobol(len(LISTED), scramble=False, bits=32).random(256)
    for name, column in zip(LISTED, whole.T, strict=True):
        # SciPy takes the indices in the order of the Gray code
        points = sampling._points(
            index ^ (index >> np.uint64(1)), sampling._dimensions()[name], np.uint64(0)
        )
        np.testing.assert_array_equal(points - 2.0**-33, column)


@settings(max_examples=50, deadline=None)
@given(
    company=st.lists(names, min_size=1, max_size=6, unique=True),
    seed=seeds,
    replicate=st.integers(0, 9),
    draw=st.sampled_from([stratified, independent]),
    ids=st.lists(st.integers(1, 2**32), min_size=1, max_size=8, unique=True),
    data=st.data(),
)
def test_a_value_is_a_matter_of_seed_replicate_name_and_patient_alone(
    company, seed, replicate, draw, ids, data
):
    whole = draw(seed, np.array(ids), company, replicate)
    some = data.draw(st.lists(st.sampled_from(company), min_size=1, unique=True))
    who = data.draw(st.permutations(range(len(ids))))[: len(ids) // 2 + 1]
    again = draw(seed, np.array(ids)[who], some, replicate)
    np.testing.assert_array_equal(again, whole[np.ix_(who, [company.index(n) for n in some])])
    assert (again > 0).all() and (again < 1).all()


@pytest.mark.parametrize("draw", [stratified, independent])
def test_seeds_replicates_and_names_differ(draw):
    ids = np.arange(1, 65)
    addresses = [(1, "cl", 0), (2, "cl", 0), (1, "cl", 1), (1, "vc", 0), (1, "own", 0), (1, "x", 0)]
    columns = [draw(seed, ids, [name], replicate)[:, 0] for seed, name, replicate in addresses]
    assert all(np.abs(np.corrcoef(a, b)[0, 1]) < 0.9 for a, b in pairwise(columns))


def continuous(name):
    """Names of the inputs of a model that own a dimension, in the order of its file."""
    inputs = load(name).inputs
    return [i.name for i in inputs if i.iiv is not None and i.iiv.kind != "classes"]


def test_the_leading_dimensions_are_those_of_the_first_inputs_of_the_largest_model():
    inputs = continuous("ldn/hormesis")
    assert LISTED[: len(inputs)] == inputs
    assert len(set(LISTED)) == len(LISTED)


# explanations are compared with few people under each of many draws, each name even by itself
EVEN = [n for n in models() if not n.startswith("explanations/") and load(n).benefit]


@pytest.mark.parametrize("name", EVEN)
def test_inputs_of_a_model_of_the_library_that_has_a_benefit_are_even_together(name):
    assert {i.name for i in load(name).inputs if i.iiv is not None} <= set(LISTED)


def rmse(statistic, draw, inputs, n=256, repeats=100):
    errors = [statistic(draw(seed, np.arange(1, n + 1), inputs)) for seed in range(repeats)]
    return np.sqrt(np.mean(np.square(errors)))


def test_means_err_less_than_a_tenth_of_monte_carlo_for_one_input_and_a_third_for_two_listed():
    def mean(u):
        return u.mean() - 0.5

    def mean_of_product(u):
        return (u[:, 0] * u[:, 1]).mean() - 0.25

    for name in ("cl", "own"):
        assert rmse(mean, stratified, [name]) < 0.1 * rmse(mean, independent, [name])
    pair = ["cl", "vc"]
    assert rmse(mean_of_product, stratified, pair) < rmse(mean_of_product, independent, pair) / 3


def test_inputs_outside_the_list_are_no_more_correlated_than_by_chance():
    pairs = [stratified(seed, np.arange(1, 257), ["own", "other"]) for seed in range(400)]
    r = [np.corrcoef(pair.T)[0, 1] for pair in pairs]
    # SD of a correlation of 256 independent pairs is 1/16; its own standard error is 1/sqrt(800)
    assert np.std(r) * 16 < 1.25 and abs(np.mean(r)) * 16 * 20 < 4


@given(index=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5), keys=four_words)
def test_a_random_order_keeps_every_block_of_numbers_with_the_same_first_digit(index, keys):
    out = sampling._reordered(np.array(index, dtype=np.uint64), np.array(keys, dtype=np.uint64))
    assert [int(o).bit_length() for o in out] == [i.bit_length() for i in index]


@given(t=st.integers(0, 9), keys=four_words)
def test_a_random_order_is_a_permutation_of_each_block(t, keys):
    block = np.arange(2**t, 2 ** (t + 1), dtype=np.uint64)
    assert (
        sorted(sampling._reordered(block, np.array(keys, dtype=np.uint64)).tolist())
        == block.tolist()
    )
