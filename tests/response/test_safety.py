"""Doses under constraints: edges in closed form, both times that are judged, and refusals."""

import numpy as np
import pytest

import pkpd
from pkpd.errors import PkpdError
from pkpd.response.benefit import benefit_of
from pkpd.response.grid import Steady
from pkpd.response.safety import Safety

MODEL = """
title = "a hump of a steady level"
outputs = ["effect", "harm"]
[dose]
a = { unit = "mg" }
[benefit]
outcome = "effect"
better  = "higher"
into    = "a"
every   = "24 h"
doses   = "0.1:100 mg"
delta   = "0.05"
SUBJECT
[parameters]
k    = { value = 0.2, unit = "1/h", label = "k", source = "test", evidence = "assumed" }
best = { value = 10.0, unit = "mg*h", iiv = { cv = 0.6 }, label = "best area", \
source = "test", evidence = "assumed" }
wide = { value = 10.0, unit = "1", label = "memory", source = "test", evidence = "assumed" }
mg   = { value = 1.0, unit = "mg", label = "unit", source = "test", evidence = "assumed" }
h    = { value = 1.0, unit = "h", label = "unit", source = "test", evidence = "assumed" }
[equations]
e = '''
d/dt(a)    = -k*a : mg
d/dt(area) = a - area/(h*wide) : mg*h
effect     = area/best*exp(1 - area/best) : 1
harm       = a/mg : 1
'''
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One for all tests, so that a kernel is compiled once."""
    return tmp_path_factory.mktemp("models")


def model_of(folder, subject=""):
    path = folder / "hump.toml"
    path.write_text(MODEL.replace("SUBJECT", subject))
    return pkpd.load(path)


def test_the_best_safe_dose_lies_at_the_edge_where_the_best_one_is_unsafe(folder):
    """The peak of a is dose/(1 - exp(-24 k)) in the steady state and the dose at first."""
    model = model_of(folder)
    people = pkpd.cohort(model, 40, seed=1)
    free = pkpd.med(model, people).columns
    limit, growth = 5.0, 1 / (1 - np.exp(-24 * 0.2))
    table = pkpd.med(model, people, subject_to=[f"cmax(a) < {limit} mg"])
    found = table.columns
    unsafe = free["argmax"] * growth >= limit
    assert 0 < unsafe.sum() < 40
    np.testing.assert_array_equal(found["status"] == "unsafe", unsafe)
    np.testing.assert_array_equal(found["argmax"], free["argmax"])
    assert np.isnan(found["med"][unsafe]).all()
    np.testing.assert_allclose(found["med_safe"][~unsafe], free["med"][~unsafe], rtol=1e-12)
    edge = found["med_safe"][unsafe]
    assert (edge * growth < limit).all() and (edge * growth > limit * np.exp(-2e-3)).all()
    np.testing.assert_allclose(found["cmax(a)_first"], found["argmax"], rtol=1e-5)
    np.testing.assert_allclose(found["cmax(a)_steady"], found["argmax"] * growth, rtol=1e-5)
    summary = table.summary()
    assert summary["status"]["unsafe"] == unsafe.sum()
    assert summary["safety"]["unsafe"][0] == pytest.approx(unsafe.mean())


@pytest.mark.parametrize(
    ("constraint", "safe"),
    [
        ("cmin(a) > 0.001 mg", lambda dose, first, steady: dose * np.exp(-4.8) > 0.001),
        ("cmax(a) < 4 mg", lambda dose, first, steady: steady < 4),
        ("time_above(a, 1 mg) <= 6 h", lambda dose, first, steady: np.log(steady) / 0.2 <= 6),
        ("auc(a) < 30 mg*h", lambda dose, first, steady: dose / 0.2 < 30),
    ],
)
def test_constraints_of_every_kind_hold_at_the_best_safe_dose(folder, constraint, safe):
    model = model_of(folder)
    found = pkpd.med(model, pkpd.cohort(model, 12, seed=1), subject_to=constraint).columns
    doses = found["med_safe"][~np.isnan(found["med_safe"])]
    assert len(doses)
    assert safe(doses, doses, doses / (1 - np.exp(-4.8))).all()


def test_the_best_safe_dose_may_be_a_second_peak_or_lie_close_to_what_is_unsafe(folder):
    """The best dose is unsafe; of safe ones the lower peak is best, or the edge where that is
    beyond it. Found among 400 doses a patient."""
    text = MODEL.replace("SUBJECT", "")
    path = folder / "peaks.toml"
    peaks = "(area/best)**4*exp(-(area/best)**4) + (area/best/30)**4*exp(-(area/best/30)**4)*2"
    path.write_text(text.replace("area/best*exp(1 - area/best)", peaks))
    model = pkpd.load(path)
    people = pkpd.cohort(model, 16, seed=1)
    found = pkpd.med(model, people, subject_to=["cmax(a) < 5 mg"]).columns
    doses = np.geomspace(0.1, 5.0 * (1 - np.exp(-24 * 0.2)), 400)
    gain = pkpd.dose_response(model, people, doses=doses).gain
    best = gain.argmax(axis=1)
    assert (found["status"] == "unsafe").all()
    assert 0 < (best == len(doses) - 1).sum() < len(people)
    helps = gain.max(axis=1) >= model.benefit.delta
    np.testing.assert_allclose(found["med_safe"], np.where(helps, doses[best], np.nan), rtol=0.01)


def test_a_constraint_that_breaks_at_first_counts_though_the_steady_state_is_fine(folder):
    """The body that is used to a dose misses none: harm is what the first day brings."""
    model = model_of(folder)
    text = (folder / "hump.toml").read_text()
    path = folder / "used.toml"
    path.write_text(text.replace("harm       = a/mg : 1", "harm = a*h/(mg*h + area) : 1"))
    model = pkpd.load(path)
    people = pkpd.cohort(model, 6, seed=1)
    found = pkpd.med(model, people, subject_to=["cmax(harm) < 2"]).columns
    assert (found["cmax(harm)_steady"] < 2).all() and (found["status"] == "unsafe").any()
    np.testing.assert_allclose(found["cmax(harm)_first"], found["argmax"], rtol=1e-5)
    assert (found["med_safe"][found["status"] == "unsafe"] < 2).all()


def test_a_constraint_of_the_model_file_is_that_of_the_option_and_none_lifts_it(folder):
    constraint = "cmax(a) < 5 mg"
    free = model_of(folder)
    option = pkpd.med(free, pkpd.cohort(free, 4, seed=1), subject_to=constraint)
    own = model_of(folder, f'subject_to = ["{constraint}"]')
    people = pkpd.cohort(own, 4, seed=1)
    for name in ("status", "med_safe"):
        np.testing.assert_array_equal(pkpd.med(own, people).columns[name], option.columns[name])
    assert "med_safe" not in pkpd.med(own, people, subject_to="none").columns


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("cmax(b) < 5", "no state or output 'b'"),
        ("cmax(a) = 5", "cannot be read; write an endpoint, a sign and a level"),
        ("cmax(a) < five", "cannot be read"),
        ("cmax(a) < 5 h", "mg"),
        ("peak(a) < 5", "unknown quantity 'peak'"),
    ],
)
def test_a_constraint_that_cannot_be_is_one_sentence(folder, text, part):
    model = model_of(folder)
    with pytest.raises(PkpdError, match=part):
        pkpd.med(model, pkpd.cohort(model, 1), subject_to=text)


def test_sensitivity_says_that_it_looks_at_no_constraint(folder):
    model = model_of(folder)
    with pytest.raises(PkpdError, match="leave out subject_to"):
        pkpd.sensitivity_indices(model, subject_to=["cmax(a) < 5 mg"])


def test_first_doses_behind_a_lag_beyond_the_interval_are_not_judged_beside_a_background(folder):
    late = 'late = { value = 30, unit = "h", label = "lag", source = "test", evidence = "assumed" }'
    text = MODEL.replace("SUBJECT", "").replace("[parameters]", f"[parameters]\n{late}")
    text = text.replace(
        'a = { unit = "mg" }', 'a = { unit = "mg", lag = "late" }\nb = { unit = "mg" }'
    )
    (folder / "late.toml").write_text(text.replace("e = '''", "e = '''\nd/dt(b) = -k*b : mg"))
    model = pkpd.load(folder / "late.toml")
    people = pkpd.cohort(model, 2, seed=1)

    def safety(background):
        asked = {"background": background, "subject_to": ["cmax(a) < 5 mg"]}
        return Safety(Steady(model, people, benefit_of(model, **asked)), None)

    assert safety("1 mg into b q24h").constraints
    with pytest.raises(PkpdError, match="first doses of ID 1 cannot be judged"):
        safety("1 mg into b q48h")


def test_a_dose_response_judges_no_constraint(folder):
    model = model_of(folder)
    with pytest.raises(PkpdError, match="leave out subject_to"):
        pkpd.dose_response(model, pkpd.cohort(model, 1), subject_to=["cmax(a) < 5 mg"])


@pytest.mark.parametrize(
    "entry", ['subject_to = ["cmax(b) < 5"]', 'background = "5 mg into b q12h"']
)
def test_a_model_file_with_another_models_names_is_refused_by_check(folder, run, entry):
    model_of(folder, entry)
    code, _, error = run("check", folder / "hump.toml")
    assert code == 1 and "'b'" in error
