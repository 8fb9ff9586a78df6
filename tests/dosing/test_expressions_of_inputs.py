"""Bioavailability, lag, rate and duration that are expressions of inputs."""

import ast
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.dosing.actions import actions
from pkpd.dosing.rx import rx
from pkpd.errors import ModelError
from pkpd.symbolic.drugs import targets_of
from pkpd.symbolic.of_inputs import of_inputs

sys.path.insert(0, str(Path(__file__).parents[1]))
from naive import evaluate

SAID = 'label = "test", source = "test", evidence = "assumed"'
MODEL = f"""
title = "expressions"
time = "h"
outputs = ["central"]
[dose]
depot = {{ unit = "mg", f = "share*min(wt/70, 1)", lag = "2*tlag", duration = "tlag + len" }}
central = {{ unit = "mg" }}
[parameters]
share = {{ value = 0.5, unit = "1", {SAID} }}
tlag = {{ value = 15, unit = "min", {SAID} }}
len = {{ value = 1.0, unit = "h", {SAID} }}
k = {{ value = 0.3, unit = "1/h", {SAID} }}
[covariates]
wt = {{ value = 35, unit = "kg", {SAID} }}
[equations]
pk = '''
d/dt(depot) = -k*depot : mg
d/dt(central) = k*depot - k*central : mg
'''
"""
MODEL = MODEL.replace("wt/70", "wt/heavy").replace(
    "[covariates]", f'heavy = {{ value = 70, unit = "kg", {SAID} }}\n[covariates]'
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("expressions") / "expressions.toml"
    path.write_text(MODEL)
    return pkpd.load(path)


def typical(model):
    return np.array([[i.value for i in model.inputs]])


def test_a_dose_has_the_values_of_its_expressions(model):
    theta = np.vstack([typical(model), typical(model)])
    theta[1, model.input_names.index("wt")] = 140.0
    given = actions(model, rx("10 mg q24h x 2"), theta)
    np.testing.assert_allclose(given.time.reshape(2, 2), [[0.5, 24.5], [0.5, 24.5]])
    np.testing.assert_allclose(given.amount.reshape(2, 2), [[2.5, 2.5], [5.0, 5.0]])


def test_an_event_table_has_them_too_and_modelled_durations(model):
    one = pkpd.cohort(model, typical=True)
    given = {"TIME": [0, 30], "AMT": [10, 0], "EVID": [1, 0], "CMT": ["depot"] * 2}
    grid = np.arange(0.0, 30.0, 1.0)
    text = pkpd.simulate(model, "10 mg", one, grid, rtol=1e-10).values[0, :, 0]

    def at_records(**more):
        records = pkpd.events(model, pd.DataFrame(given | more))
        found = pkpd.simulate(model, records, one, grid, rtol=1e-10).frame()
        return found[found["EVID"] == 2]["central"].to_numpy()

    np.testing.assert_allclose(at_records(), text, rtol=1e-8, atol=1e-9)
    over = pkpd.simulate(model, "10 mg over 1.25h", one, grid, rtol=1e-10).values[0, :, 0]
    np.testing.assert_allclose(at_records(RATE=[-2, 0]), over, rtol=1e-8, atol=1e-9)


def test_the_inputs_of_an_expression_belong_to_its_target(model):
    assert targets_of(model, ["share", "tlag", "heavy"]) == [{0}, {0}, {0}]
    assert {i.name: i.group for i in model.inputs}["share"] == "pk"


@pytest.mark.parametrize(
    "expression",
    [
        "share",
        "1 - share",
        "-share + 2**k - exp(-k)/log(tlag)",
        "min(share, k, 0.1) + max(wt, 40) - abs(-len)",
        "share if wt < 40 else k",
        "share if 30 < wt <= 60 and k != 0.3 else 1",
        "sqrt(wt) + log10(heavy) + wt**0.75*pi",
        "1 if wt == 35 or k > 5 else 0",
        "sin(wt) + cos(k)*tan(len) - tanh(share)",
        "exp(lgamma(len + k)) + erf(share)*floor(wt/10) - ceil(k)",
        "0.25",
    ],
)
def test_values_for_many_rows_are_those_of_the_naive_twin(model, expression):
    theta = np.tile(typical(model), (50, 1)) * np.random.default_rng(3).uniform(0.5, 2, (50, 1))
    rows = np.array([[0, 7, 49], [3, 3, 12]])
    found = of_inputs(model, expression, theta, rows)
    tree = ast.parse(expression, mode="eval").body
    expected = [
        [evaluate(tree, dict(zip(model.input_names, theta[r], strict=True))) for r in pair]
        for pair in rows
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("2*tlag", "2*tlag + wt", "in lag of dose 'depot', '2*tlag + wt' adds kg to min"),
        ("2*tlag", "2*lagg", "in lag of dose 'depot', unknown name 'lagg'"),
        ("share*min(wt/heavy, 1)", "share*wt", "has unit kg, not 1"),
        ("share*min(wt/heavy, 1)", "share*central/depot", "unknown name 'central'"),
        ("2*tlag", "2*", "'2*' is not an expression"),
    ],
)
def test_an_expression_that_cannot_be_one_is_refused_with_its_place(tmp_path, old, new, part):
    path = tmp_path / "expressions.toml"
    path.write_text(MODEL.replace(old, new))
    with pytest.raises(ModelError) as caught:
        pkpd.load(path)
    assert str(caught.value).startswith(f"{path}:6: ") and part in str(caught.value)
