"""OMEGA as it is published: rounded digits, variances of 0, correlations of 1."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pkpd
from pkpd.errors import PkpdError, PkpdWarning
from pkpd.symbolic.variability import covariance, reconciled

TEXT = """title = "One compartment"
time = "h"
outputs = ["Cc"]
[dose]
depot = { unit = "mg" }
[parameters]
ka = { value = 0.8, unit = "1/h", label = "absorption", ASSUMED }
cl = { value = 26.0, unit = "L/h", label = "clearance", ASSUMED }
vc = { value = 947.0, unit = "L", label = "volume", ASSUMED }
[omega]
"cl, vc, ka" = BLOCK
[equations]
pk = '''
d/dt(depot)   = -ka*depot               : mg
d/dt(central) = ka*depot - cl/vc*central : mg
Cc            = central/vc               : ng/mL
'''
""".replace("ASSUMED", 'source = "test", evidence = "assumed"')


@pytest.fixture
def load(tmp_path):
    def make(block):
        path = tmp_path / "mine.toml"
        path.write_text(TEXT.replace("BLOCK", block))
        return pkpd.load(str(path))

    return make


def matrix(names, pairs):
    """Correlations as a matrix."""
    omega = np.eye(len(names))
    for a, b, r in pairs:
        omega[names.index(a), names.index(b)] = omega[names.index(b), names.index(a)] = r
    return omega


@settings(max_examples=60, deadline=None)
@given(size=st.integers(2, 5), rank=st.integers(1, 4), digits=st.integers(3, 6), data=st.data())
def test_a_rounded_covariance_is_read_as_one_that_can_be_and_stays_within_its_rounding(
    size, rank, digits, data
):
    numbers = st.floats(-1, 1).map(lambda x: round(x, 3))
    root = np.array([[data.draw(numbers) for _ in range(rank)] for _ in range(size)])
    root[:, 0] += np.where(root[:, 0] < 0, -1.0, 1.0)  # no variance near 0
    exact = root @ root.T
    names = [f"x{k}" for k in range(size)]
    rounded = [[round(float(exact[i, j]), digits) for j in range(i + 1)] for i in range(size)]
    sd, written = covariance(names, rounded)
    pairs, doubt = reconciled(written)
    before, after = matrix(names, written), matrix(names, pairs)
    assert np.linalg.eigvalsh(after)[0] > -1e-9
    assert np.abs(after - before).max() <= 10.0**-digits * size
    assert bool(doubt) == (np.linalg.eigvalsh(before)[0] <= -1e-12)
    np.testing.assert_allclose(np.square(sd), [row[-1] for row in rounded])


def test_a_block_rounded_to_six_digits_is_accepted_and_said(load):
    block = "[[1.53394], [1.22232, 0.974014], [2.78342, 2.21157, 9.86881]]"
    with pytest.warns(PkpdWarning) as warned:
        model = load(block)
    said = [str(w.message) for w in warned]
    assert (
        sum("mine.toml:11" in text and "the nearest that can are used" in text for text in said)
        == 1
    )
    people = pkpd.cohort(model, 2**12, seed=7)
    z = {
        n: np.log(people.column(n) / model.inputs[model.input_names.index(n)].value)
        for n in ("cl", "vc", "ka")
    }
    found = np.cov([z["cl"], z["vc"], z["ka"]])
    written = [
        [1.53394, 1.22232, 2.78342],
        [1.22232, 0.974014, 2.21157],
        [2.78342, 2.21157, 9.86881],
    ]
    np.testing.assert_allclose(found, written, rtol=0.06)


def test_a_variance_of_0_leaves_an_input_the_same_for_everybody_and_is_said(load):
    with pytest.warns(PkpdWarning, match="mine.toml:11: variance 0: vc the same for everybody"):
        model = load("[[0.1], [0.0, 0.0], [0.02, 0.0, 0.2]]")
    people = pkpd.cohort(model, 2**12, seed=7)
    assert (people.column("vc") == 947.0).all()
    r = np.corrcoef(np.log(people.column("cl")), np.log(people.column("ka")))[0, 1]
    assert r == pytest.approx(0.02 / np.sqrt(0.1 * 0.2), abs=0.02)
    assert (pkpd.cohort(model, 5, set={"vc": 900}).column("vc") == 900.0).all()


def test_a_correlation_of_1_moves_two_inputs_together(load):
    model = load("[[0.09], [0.12, 0.16], [0, 0, 0.04]]")
    people = pkpd.cohort(model, 100, seed=7)
    cl, vc = np.log(people.column("cl") / 26.0), np.log(people.column("vc") / 947.0)
    np.testing.assert_allclose(vc / 0.4, cl / 0.3, rtol=1e-9)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("[[0.1], [0.02, 0.0], [0, 0, 0.2]]", "'vc' has variance 0 and a covariance with 'cl'"),
        ("[[0.1], [0.3, 0.1], [0, 0, 0.2]]", "not positive semi-definite"),
        ("[[0.1], [0.0, -0.1], [0, 0, 0.2]]", "must not be negative"),
        ("[[1.0], [0.9, 1.0], [0.9, -0.9, 1.0]]", "not positive semi-definite"),
    ],
)
def test_what_rounding_cannot_explain_is_refused(load, block, message):
    with pytest.raises(PkpdError, match=f"mine.toml:11: .*{message}"):
        load(block)


def test_a_rounded_covariance_of_estimates_is_read_with_a_warning(tmp_path):
    path = tmp_path / "estimates.toml"
    path.write_text('names = ["cl", "vc"]\ncovariance = [[0.09], [0.120001, 0.16]]\n')
    model = pkpd.load("pk/one_compartment")
    with pytest.warns(PkpdWarning, match="estimates.toml: the correlations cl-vc 1 cannot hold"):
        sets = pkpd.parameter_sets(model, path, count=50)
    x = np.log(sets.values / [i.value for n in sets.names for i in model.inputs if i.name == n])
    np.testing.assert_allclose(x[:, 1] / 0.4, x[:, 0] / 0.3, rtol=1e-4)
