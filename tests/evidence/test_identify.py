"""What data can tell: models whose open combinations are known by hand."""

import numpy as np
import pytest

import pkpd
from pkpd.errors import EvidenceError

TEXT = """title = "Two gains in a row"
time = "h"
outputs = ["y"]
[dose]
a = { unit = "mg" }
[parameters]
k    = { value = 0.1, unit = "1/h", label = "loss", OF }
v    = { value = 10, unit = "L", label = "volume", OF }
gain = { value = 2, unit = "1", label = "first gain", OF }
more = { value = 3, unit = "1", label = "second gain", OF }
[residual]
y = { error = "10 %", OF }
[equations]
e = '''
d/dt(a) = -k*a              : mg
y       = gain*more*a/v     : mg/L
'''
""".replace("OF", 'source = "test", evidence = "assumed"')


@pytest.fixture
def model(tmp_path):
    (tmp_path / "gains.toml").write_text(TEXT)
    return pkpd.load(tmp_path / "gains.toml")


def test_a_product_is_told_and_its_factors_are_not(model):
    found = pkpd.identify(model, "100 mg", [1.0, 5.0, 10.0, 20.0])
    assert np.isinf(found.sd[2:]).all() and np.isfinite(found.sd[:2]).all()
    open_ = found.exponents[2:][:, [found.names.index(n) for n in ("v", "gain", "more")]]
    # y goes with gain * more / v: what is open leaves that product as it is
    np.testing.assert_allclose(open_ @ [-1, 1, 1], 0, atol=1e-6)
    assert np.isfinite(found.together[found.names.index("k")])
    assert np.isinf(found.together[found.names.index("gain")])
    assert np.isfinite(found.alone).all() and found.open() == [2, 3]


def test_the_figure_and_the_words_have_the_same_signs(model):
    found = pkpd.identify(model, "100 mg", [1.0, 5.0, 10.0, 20.0])
    assert (np.abs(found.exponents).max(axis=1) == found.exponents.max(axis=1)).all()
    first = found.names[int(found.exponents[0].argmax())]
    assert found.spelled(0).startswith(f"{first}**{found.exponents[0].max():.2f}")


@pytest.mark.parametrize("error", ["0 %", "0 mg/L"])
def test_observations_without_any_error_are_refused(model, error):
    output = model.outputs[0]
    with pytest.raises(pkpd.PkpdError, match="error"):
        pkpd.identify(model, "100 mg", [1.0, 5.0], residual={output: error})


def test_the_page_says_what_is_left_open(model, tmp_path):
    found = pkpd.identify(model, "100 mg", [1.0, 5.0, 10.0, 20.0])
    page = found.report(tmp_path).read_text()
    assert "They leave open:" in page and "not at all" in page and "<svg" in page


def test_precision_is_that_of_linear_regression_of_logs(model):
    """With a proportional error, log y = const - k t is a regression with SD 0.1."""
    times = np.array([1.0, 5.0, 10.0, 20.0])
    found = pkpd.identify(model, "100 mg", times, parameters=["k", "v"], subjects=3)
    design = np.column_stack([-0.1 * times, -np.ones(4)])  # d log y / d log k, d log v
    exact = np.sqrt(np.diag(np.linalg.inv(3 * design.T @ design / 0.1**2)))
    np.testing.assert_allclose(found.together, exact, rtol=1e-5)
    np.testing.assert_allclose(
        found.alone, 1 / np.sqrt(3 * (design**2).sum(axis=0)) * 0.1, rtol=1e-5
    )


def test_a_combination_is_spelled_with_its_powers(model):
    found = pkpd.identify(model, "100 mg", [1.0, 5.0], parameters=["gain", "more"])
    assert found.spelled(0) == "gain**0.71 * more**0.71"
    assert found.spelled(1) in ("gain**0.71 * more**-0.71", "more**0.71 * gain**-0.71")


def test_what_cannot_be_asked_is_refused(model):
    with pytest.raises(EvidenceError, match=r"Did you mean 'gain'"):
        pkpd.identify(model, "100 mg", [1.0], parameters=["gian"])
    with pytest.raises(EvidenceError, match="no error of observation"):
        pkpd.identify(model, "100 mg", [1.0], outputs=["a"])
    with pytest.raises(EvidenceError, match="no logarithm"):
        pkpd.identify(model, "100 mg", [1.0], parameters=["gain"], set={"gain": 0.0})


def test_the_gains_of_rebound_reach_pain_as_one_product():
    model = pkpd.load("explanations/fast_offset")
    found = pkpd.identify(
        model,
        "4.5 mg q24h x 28",
        "0:672:24",
        outputs=["pain"],
        residual={"pain": "0.5 NRS"},
        parameters=["s_opioid", "emax", "rmax", "b50", "tmem", "tend", "trec", "tpain"],
        subjects=50,
    )
    assert len(found.open()) >= 3


def test_the_page_made_anew_of_a_folder_is_that_written_with_the_result(model, tmp_path):
    found = pkpd.identify(model, "100 mg", [1.0, 5.0], set={"gain": 3.0})
    written = found.report(tmp_path, command="pkpd identify mine").read_text()
    assert found.spelled(0) in written and "pkpd identify mine" in written
    assert pkpd.write_page(tmp_path).read_text() == written
