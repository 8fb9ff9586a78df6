"""Mixtures and covariances written in model files."""

import numpy as np
import pytest

import pkpd
from pkpd.errors import ModelError
from pkpd.population.groups import groups

TEXT = """title = "Responders and others"
time = "h"
outputs = ["Cc", "effect"]
[dose]
central = { unit = "mg" }
[parameters]
cl   = { value = 4.0, unit = "L/h", label = "clearance", ASSUMED }
vc   = { value = 40.0, unit = "L", label = "volume", ASSUMED }
f    = { value = 0.2, unit = "1", iiv = { kind = "logitnormal" }, label = "fraction", ASSUMED }
emax = { value = 2.0, unit = "1", iiv = { cv = 0.3 }, label = "largest effect", ASSUMED }
[covariates]
responder = { value = 1, unit = "1", CLASSES, label = "class of response", ASSUMED }
[omega]
"cl, vc, f" = [[0.09], [0.03, 0.16], [0.05, -0.02, 0.25]]
[residual]
Cc = { error = "15 %", ASSUMED }
[equations]
e = '''
d/dt(central) = -cl/vc*central                                    : mg
Cc            = f*central/vc                                      : ng/mL
effect        = emax*Cc/(Cc + vc/vc*cl/cl*(central/vc))*responder : 1
'''
""".replace("ASSUMED", 'source = "test", evidence = "assumed"')
WITHOUT = TEXT.replace("CLASSES, ", "")
TEXT = TEXT.replace("CLASSES", "iiv = { classes = { no = 0.25, yes = 0.75 } }")


@pytest.fixture
def load(tmp_path):
    def make(text):
        (tmp_path / "mixture.toml").write_text(text)
        return pkpd.load(tmp_path / "mixture.toml")

    return make


def test_classes_have_their_probabilities_and_change_no_other_number(load):
    model = load(TEXT)
    people, plain = pkpd.cohort(model, 2**13, seed=2), pkpd.cohort(load(WITHOUT), 2**13, seed=2)
    k = model.input_names.index("responder")
    assert set(people.theta[:, k]) == {0.0, 1.0}
    for n in 2 ** np.arange(14):  # stratified: the share of a class is that of equal parts
        assert people.theta[:n, k].sum() == pytest.approx(0.75 * n, abs=1)
    plainly = pkpd.cohort(model, 2**13, seed=2, sampling="mc").theta[:, k]
    assert plainly.mean() == pytest.approx(0.75, abs=4 * np.sqrt(0.25 * 0.75 / 2**13))
    np.testing.assert_array_equal(
        np.delete(people.theta, k, axis=1), np.delete(plain.theta, k, axis=1)
    )
    assert [label for label, _ in groups(people, "responder")] == ["responder no", "responder yes"]
    for name in ("cl", "emax"):  # the class is independent of everything else
        z = people.latent[
            :, [i.name for i in model.inputs if i.iiv and i.iiv.kind != "classes"].index(name)
        ]
        assert abs(np.corrcoef(z, people.theta[:, k])[0, 1]) < 4 / np.sqrt(2**13)


def test_a_patients_class_is_the_same_in_any_company_and_can_be_fixed(load):
    model = load(TEXT)
    whole = pkpd.cohort(model, 200, seed=2).theta
    np.testing.assert_array_equal(pkpd.cohort(model, seed=2, ids=[150, 3]).theta, whole[[149, 2]])
    fixed = pkpd.cohort(model, 200, seed=2, set={"responder": 0}).frame()
    assert (fixed["responder"] == 0).all() and pkpd.cohort(model, typical=True).frame()[
        "responder"
    ].tolist() == [1.0]
    with pytest.raises(
        pkpd.PkpdError, match=r"number of no class; write one of 0 \(no\), 1 \(yes\)"
    ):
        pkpd.cohort(model, set={"responder": 0.5})


def test_labels_of_a_table_are_read_as_classes(load):
    import pandas as pd

    people = pkpd.cohort(
        load(TEXT), covariates=pd.DataFrame({"ID": [1, 2], "responder": ["yes", "no"]})
    )
    assert people.frame()["responder"].tolist() == [1.0, 0.0]


def test_a_covariance_gives_the_spread_and_the_correlations_it_states(load):
    model = load(TEXT)
    people = pkpd.cohort(model, 2**16, seed=4)
    theta = dict(zip(model.input_names, people.theta.T, strict=True))
    latent = np.log(
        [theta["cl"] / 4, theta["vc"] / 40, theta["f"] / (1 - theta["f"]) / (0.2 / 0.8)]
    )
    wanted = np.array([[0.09, 0.03, 0.05], [0.03, 0.16, -0.02], [0.05, -0.02, 0.25]])
    spread = np.sqrt(np.diag(wanted))
    # sampling error of a covariance of 2**16 independent draws; Sobol' points scatter less
    np.testing.assert_allclose(
        np.cov(latent), wanted, atol=4 * np.max(np.outer(spread, spread)) * np.sqrt(2 / 2**16)
    )
    assert np.median(theta["f"]) == pytest.approx(0.2, rel=4 * 0.8 * 0.5 * 1.25 / 2**8)


def test_the_models_residual_is_written_unless_turned_off(load):
    model = load(TEXT)
    people = pkpd.cohort(model, 3, seed=1)
    assert "Cc_obs" in pkpd.simulate(model, "10 mg", people, "0:4:1").frame()
    assert "Cc_obs" not in pkpd.simulate(model, "10 mg", people, "0:4:1", residual="none").frame()


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (
            "[[0.09], [0.03, 0.16], [0.05, -0.02, 0.25]]",
            "[[0.09], [0.2, 0.16], [0.05, -0.02, 0.25]]",
            14,
            "not positive semi-definite",
        ),
        (
            "[[0.09], [0.03, 0.16], [0.05, -0.02, 0.25]]",
            "[[0.09], [0.03, 0.16]]",
            14,
            "lower triangle",
        ),
        ("[[0.09],", "[[-0.09],", 14, "diagonal must not be negative"),
        ('"cl, vc, f"', '"cl, vc, ff"', 14, "unknown 'ff'. Did you mean 'f'"),
        ('"cl, vc, f"', '"cl, emax, f"', 10, "again in iiv"),
        ('"cl, vc, f"', '"cl, cl, f"', 14, "stands twice"),
        ('"cl, vc, f"', '"cl"', 14, "lower triangle"),
        ("yes = 0.75", "yes = 0.7", 12, "must sum to 1"),
        ("value = 1, unit", "value = 2, unit", 12, "number of a class, 0 to 1"),
        ('error = "15 %"', 'error = "15 mg"', 16, "cannot be converted"),
        ("Cc = { error", "cc = { error", 16, "Did you mean 'Cc'"),
        ('error = "15 %", source', "source", 16, "needs error"),
        (
            "iiv = { cv = 0.3 }",
            "iiv = { cv = 0.3 }, iov = { cv = -0.1 }",
            10,
            "must not be negative",
        ),
        (
            "no = 0.25, yes = 0.75 } }",
            "no = 0.25, yes = 0.75 } }, iov = { cv = 0.1 }",
            12,
            "iov needs",
        ),
        ("[residual]", '[correlations]\n"cl, vc" = 0.1\n[residual]', 16, "given twice"),
        (
            "[residual]",
            '[correlations]\n"cl, emax" = 0.9\n"vc, emax" = -0.9\n[residual]',
            17,
            "not positive semi-definite",
        ),
        (
            "[residual]",
            '[correlations]\n"cl, responder" = 0.9\n[residual]',
            16,
            "no variability to correlate",
        ),
    ],
)
def test_mistakes_are_reported_with_their_line(load, old, new, line, message):
    assert old in TEXT
    with pytest.raises(ModelError) as caught:
        load(TEXT.replace(old, new))
    assert f"mixture.toml:{line}: " in str(caught.value) and message in str(caught.value)
