"""Variability, residual error and covariates are in the exports that can hold them."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

import pkpd

sys.path.append(str(Path(__file__).parents[1]))
from naive import Patient

SUFFIX = {"rxode2": "R", "mrgsolve": "cpp", "nonmem": "ctl"}
MODEL = """
title   = "one of each"
time    = "h"
outputs = ["Cc", "effect", "central"]

[dose]
depot = { unit = "mg" }

[parameters]
ka = { value = 1.0, unit = "1/h", iiv = { sd = 0.3 }, label = "absorption", S }
cl = { value = 4.0, unit = "L/h", iiv = { cv = 0.3 }, label = "clearance", S }
v  = { value = 40.0, unit = "L", iiv = { cv = 0.2 }, label = "volume", S }
f1 = { value = 0.4, unit = "1", iiv = { cv = 0.3, kind = "logitnormal" }, label = "f", S }
e0 = { value = 5.0, unit = "NRS", iiv = { sd = 1.0, lower = 0, upper = 10 }, label = "pain", S }
slope = { value = 0.2, unit = "L/mg", iov = { cv = 0.2 }, iiv = { cv = 0.2 }, label = "slope", S }
responder = { value = 1, unit = "1", iiv = { classes = { no = 0.4, yes = 0.6 } }, label = "r", S }

[covariates]
wt = { value = 75.0, reference = 70.0, unit = "kg", iiv = { cv = 0.2 }, label = "weight", S }

[correlations]
"cl, v" = 0.5
"v, f1" = -0.3

[residual]
Cc = { error = "15 % + 0.02 mg/L", S }
effect = { error = "log 20 %", S }

[equations]
model = '''
d/dt(depot)   = -ka*depot : mg
d/dt(central) = f1*ka*depot - cl*(1 + 0.01*(wt/one_kg - 70))/v*central : mg
Cc            = central/v : mg/L
effect        = e0*exp(-slope*responder*Cc) : NRS
'''
""".replace(" S }", ' source = "test", evidence = "assumed" }').replace(
    "[covariates]",
    """one_kg = { value = 1, unit = "kg", label = "1 kg", source = "test", evidence = "derived" }

[covariates]""",
)
VARIED = ("ka", "cl", "v", "f1", "slope")  # in the order of their etas: blocks together
LAWS = {"ka": lambda x, e: x + e, "f1": lambda x, e: expit(logit(x) + e)}  # else log-normal


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "each.toml"
    path.write_text(MODEL, encoding="utf-8")
    return pkpd.load(path)


def again(model, to, folder):
    file = folder / f"model.{SUFFIX[to]}"
    file.write_text(pkpd.export_model(model, to), encoding="utf-8")
    left_open = {"rxode2": {"wt": 70}, "nonmem": {"WT": 70}}.get(to, {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pkpd.PkpdWarning)
        return pkpd.import_model(file, folder / "again.toml", set=left_open)


def eta(to, name):
    """The name of the eta of an input in the model that came back."""
    if to == "rxode2":
        return f"eta_{name}"
    return f"ETA{1 + VARIED.index(name)}"


@pytest.mark.parametrize("to", SUFFIX)
def test_people_of_the_model_that_comes_back_are_those_of_the_model(to, model, tmp_path):
    """An individual with the same effects has the same rates, whatever names the format has."""
    back = again(model, to, tmp_path)
    effects = dict(zip(VARIED, (0.3, -0.2, 0.15, 0.4, -0.3), strict=True))
    theta = {item.name: item.value for item in model.inputs} | {"wt": 70.0}
    for name, effect in effects.items():
        theta[name] = LAWS.get(name, lambda x, e: x * np.exp(e))(theta[name], effect)
    own = {item.name: item.value for item in back.inputs}
    own |= {eta(to, name): effect for name, effect in effects.items()}
    one = Patient(model, list(theta.values()))
    other = Patient(back, list(own.values()))
    states = np.array([3.0, 7.0])
    np.testing.assert_allclose(other.rate(0.0, states), one.rate(0.0, states), rtol=1e-12)


@pytest.mark.parametrize("to", SUFFIX)
def test_variances_and_correlations_come_back(to, model, tmp_path):
    back = again(model, to, tmp_path)
    sd = {item.name: item.iiv.sd for item in back.inputs if item.iiv}
    named = {eta(to, name): name for name in VARIED}
    expected = {name: next(i.iiv.sd for i in model.inputs if i.name == name) for name in VARIED}
    assert {named[name]: value for name, value in sd.items()} == pytest.approx(expected)
    found = {frozenset((named[a], named[b])): r for a, b, r in back.correlations}
    assert found == {
        frozenset(("cl", "v")): pytest.approx(0.5),
        frozenset(("v", "f1")): pytest.approx(-0.3),
    }


def test_residual_errors_come_back(model, tmp_path):
    back = again(model, "rxode2", tmp_path)
    errors = {r.name: (r.proportional, r.additive, r.log) for r in back.residuals}
    assert errors == {
        "Cc": pytest.approx((0.15, 0.02, 0.0)),
        "effect": pytest.approx((0.0, 0.0, 0.2)),
    }
    (back,) = again(model, "nonmem", tmp_path).residuals
    assert (back.proportional, back.additive) == pytest.approx((0.15, 0.02))
    text = pkpd.export_model(model, "mrgsolve")
    assert "double Cc_obs = Cc*(1.0 + EPS(1)) + EPS(2);" in text
    assert "double effect_obs = effect*exp(EPS(3));" in text
    sigma = text.partition("$SIGMA\n")[2].split("\n")[0]
    assert [float(t) for t in sigma.split()] == pytest.approx([0.15**2, 0.02**2, 0.2**2])


@pytest.mark.parametrize("to", ["rxode2", "mrgsolve", "nonmem", "sbml"])
def test_the_head_says_what_is_not_carried_over(to, model):
    if to == "sbml":
        pytest.importorskip("libsbml")
    text = pkpd.export_model(model, to)
    assert "variability between occasions of slope" in text
    left = "ka, cl, v, f1, e0, slope, responder" if to == "sbml" else "e0, responder"
    assert f"variability between people of {left}." in text
    assert ("residual error of effect" in text) == (to == "nonmem")
    assert ("residual error of Cc, effect" in text) == (to == "sbml")


EVENTS = """
title   = "a dose when it is low"
time    = "h"
outputs = ["a", "count"]

[parameters]
k = { value = 0.4, unit = "1/h", label = "loss", source = "test", evidence = "assumed" }
low = { value = 2.0, unit = "mg", label = "least", source = "test", evidence = "assumed" }
more = { value = 8.0, unit = "mg", label = "more", source = "test", evidence = "assumed" }

[events]
refill = { when = "a < low", set = { a = "a + more", count = "count + 1" } }
first = { when = "a > low", set = { count = "count + 10" }, at_start = true }

[equations]
model = '''
a(0) = 1.25*more : mg
d/dt(a) = -k*a : mg
d/dt(count) = 0*k : 1
'''
"""


def test_events_survive_sbml(tmp_path):
    pytest.importorskip("libsbml")
    (tmp_path / "events.toml").write_text(EVENTS)
    model = pkpd.load(tmp_path / "events.toml")
    (tmp_path / "events.xml").write_text(pkpd.export_model(model, "sbml"))
    back = pkpd.import_model(tmp_path / "events.xml", tmp_path / "back.toml", time="h")
    assert [(e.name, e.at_start) for e in back.events] == [("refill", False), ("first", True)]
    start = pd.DataFrame({"TIME": [0.0], "EVID": [2]})
    courses = []
    for each in (model, back):
        people = pkpd.cohort(each, typical=True)
        records = pkpd.events(each, start)
        courses.append(pkpd.simulate(each, records, people, "0:12:1", rtol=1e-10).frame())
    np.testing.assert_allclose(courses[1]["a"], courses[0]["a"], rtol=1e-8)
    np.testing.assert_allclose(courses[1]["count"], courses[0]["count"], rtol=1e-8)
    assert courses[0]["count"].iloc[-1] > 21  # at the start, and after each dose
