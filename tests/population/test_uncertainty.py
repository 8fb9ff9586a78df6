"""Parameter sets: from tables and covariances, applied to the same people."""

import numpy as np
import pandas as pd
import pytest

import pkpd

MODEL = pkpd.load("pk/naltrexone")
COVARIANCE = """names = ["cl", "f_oral"]
covariance = [[0.04], [-0.012, 0.09]]
"""


@pytest.fixture
def written(tmp_path):
    def make(text, name="estimates.toml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return make


def test_draws_have_the_covariance_of_the_file_on_the_latent_scale(written):
    sets = pkpd.parameter_sets(MODEL, written(COVARIANCE), 2**12, seed=3)
    cl, f = sets.values.T
    latent = np.log([cl / 140, f / (1 - f) / (0.126 / 0.874)])
    np.testing.assert_allclose(
        np.cov(latent), [[0.04, -0.012], [-0.012, 0.09]], atol=4 * 0.09 * np.sqrt(2 / 2**12)
    )
    np.testing.assert_allclose(latent.mean(axis=1), 0.0, atol=4 * 0.3 / 2**6)


def test_draws_on_the_natural_scale_are_those_of_the_values(written):
    sets = pkpd.parameter_sets(
        MODEL, written('names = ["cl"]\ncovariance = [[196.0]]\nscale = "natural"'), 2**12
    )
    assert sets.values.mean() == pytest.approx(
        140, abs=4 * 14 / 2**6
    ) and sets.values.std() == pytest.approx(14, rel=4 / np.sqrt(2 * 2**12))


BOUNDED = """names = ["cl"]
covariance = [[19600.0]]
scale = "natural"
lower = [0.0]
upper = [inf]
"""


def test_draws_outside_the_ends_are_drawn_again(written):
    free = written(BOUNDED.replace("lower = [0.0]\nupper = [inf]\n", ""), "free.toml")
    every = pkpd.parameter_sets(MODEL, written(BOUNDED), 40).values[:, 0]
    assert every.min() > 0
    few = pkpd.parameter_sets(MODEL, written(BOUNDED), 7).values[:, 0]
    np.testing.assert_array_equal(few, every[:7])
    with pytest.raises(pkpd.PkpdError, match="cannot be a typical value"):
        pkpd.parameter_sets(MODEL, free, 40)


def test_fewer_sets_are_a_prefix_of_more(written):
    few, many = (pkpd.parameter_sets(MODEL, written(COVARIANCE), n).values for n in (5, 50))
    np.testing.assert_array_equal(few, many[:5])


def test_the_same_people_stand_under_every_set():
    people = pkpd.cohort(MODEL, 50, seed=7)
    sets = pkpd.parameter_sets(
        MODEL, pd.DataFrame({"cl": [100.0, 150.0], "vc": [200.0, 300.0], "OFV": [1.0, 2.0]})
    )
    assert sets.names == ("cl", "vc") and len(sets) == 2
    for row, other in zip(sets.values, sets.cohorts(people), strict=True):
        drawn = pkpd.cohort(MODEL, 50, seed=7, set=dict(zip(sets.names, row, strict=True)))
        np.testing.assert_array_equal(other.theta, drawn.theta)
        assert other.changed == drawn.changed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('names = ["CL"]\ncovariance = [[0.1]]', "Did you mean 'cl'"),
        ('names = ["cl", "vc"]\ncovariance = [[0.1]]', "lower triangle"),
        ('names = ["cl", "vc"]\ncovariance = [[0.01], [0.1, 0.01]]', "not positive semi-definite"),
        ('names = ["cl"]\ncovariance = [[0.1]]\nscale = "odd"', "nothing else"),
        (
            'names = ["cl"]\ncovariance = [[40000.0]]\nscale = "natural"',
            "cannot be a typical value of 'cl'",
        ),
        (BOUNDED.replace("[0.0]", "[0.0, 1.0]"), "lower is a list of 1 numbers"),
        (BOUNDED.replace("[0.0]", '["a"]'), "lower is a list of 1 numbers"),
        (BOUNDED.replace("[0.0]", "[1e9]"), "0 lie between lower and upper"),
        (BOUNDED.replace('scale = "natural"', ""), 'goes with scale = "natural"'),
        ('names = ["cirrhosis"]\ncovariance = [[0.1]]', "has no logarithm"),
        ("names = [", "not valid TOML"),
    ],
)
def test_a_file_that_is_no_covariance_is_refused(written, text, message):
    with pytest.raises(pkpd.PkpdError, match=message) as caught:
        pkpd.parameter_sets(MODEL, written(text))
    assert "estimates.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("table", "count", "message"),
    [
        ("cl\n1\nx\n", None, "row 2, column cl: 'x'"),
        ("cl\n1\n-1\n", None, "set 2: -1 cannot be"),
        ("cl\n1\n", 2, "2 sets are wanted, the table has 1"),
        ("OFV\n1\n", None, "no rows with a column named like a parameter"),
    ],
)
def test_a_table_that_is_not_one_of_sets_is_refused(written, table, count, message):
    with pytest.raises(pkpd.PkpdError, match=message):
        pkpd.parameter_sets(MODEL, written(table, "sets.csv"), count)


def test_a_value_cannot_be_both_set_and_uncertain(written):
    sets = pkpd.parameter_sets(MODEL, written(COVARIANCE), 2)
    with pytest.raises(pkpd.PkpdError, match="'cl' is set and also uncertain"):
        list(sets.cohorts(pkpd.cohort(MODEL, 2, set={"cl": 100.0})))
