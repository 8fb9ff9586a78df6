"""Compiled equations with powers and conditions of every form, against SciPy on the walked text."""

import sys
from pathlib import Path

import numpy as np
import pytest

from pkpd.population.cohort import cohort
from pkpd.simulation import simulate
from pkpd.symbolic.load import load

sys.path.insert(0, str(Path(__file__).parents[1]))
from naive import Patient

MODEL = """
title = "powers and conditions"
outputs = ["x", "y", "even", "odd", "inverse", "squared", "root", "limit", "above", "nested"]
[dose]
x = { unit = "mg" }
[parameters]
k = { value = 0.3, unit = "1/h", iiv = { cv = 0.3 }, label = "k", \
source = "test", evidence = "assumed" }
q = { value = 3.0, unit = "1", iiv = { cv = 0.3 }, label = "q", \
source = "test", evidence = "assumed" }
u = { value = 1.0, unit = "mg", label = "u", source = "test", evidence = "assumed" }
n = { value = 2.0, unit = "1", label = "n", source = "test", evidence = "assumed" }
low = { value = 0.5, unit = "1", label = "low", source = "test", evidence = "assumed" }
high = { value = 2.0, unit = "1", label = "high", source = "test", evidence = "assumed" }
[covariates]
female = { value = 1, unit = "1", iiv = { classes = { no = 0.5, yes = 0.5 } }, label = "sex", \
source = "test", evidence = "assumed" }
[equations]
e = '''
d/dt(x) = -k*x : mg
d/dt(y) = k*(1 + squared/10 - y) + k*root/(1 + root) : 1
r = x/u : 1
even = (r - q)**10 : 1
odd = (r - q)**9 : 1
inverse = (r - 2*q - 9)**-3 : 1
squared = (r/2 - q)**n : 1
root = r**1.7 : 1
limit = high if female == 1 else low : 1
above = 1 if r > limit else 0 : 1
nested = (r if r > limit else y) if (k if female == 1 else k/2) > k*limit/3 else limit*y : 1
'''
"""
DOSES = [(0.0, 4.0, "x"), (12.0, 4.0, "x")]


@pytest.mark.parametrize("solver", ["auto", "rosenbrock"])
def test_powers_and_conditions_are_what_they_say(tmp_path, solver):
    path = tmp_path / "equations.toml"
    path.write_text(MODEL)
    model = load(str(path))
    people = cohort(model, 6, seed=2)
    grid = np.array([0.0, 1.0, 5.0, 11.0, 12.0, 30.0])
    result = simulate(model, "4 mg q12h x 2", people, grid, solver=solver, rtol=1e-9)
    assert set(people.theta[:, model.input_names.index("female")]) == {0.0, 1.0}
    for theta, values in zip(people.theta, result.values, strict=True):
        exact = Patient(model, theta).simulate(DOSES, grid, model.outputs)
        np.testing.assert_allclose(values, exact, rtol=1e-6, atol=1e-7)


def test_a_real_power_of_a_negative_value_fails_its_patient_alone(tmp_path):
    root = "root = (r - (0 if female == 1 else 2))**1.7 : 1"
    path = tmp_path / "negative.toml"
    path.write_text(MODEL.replace("root = r**1.7 : 1", root))
    model = load(str(path))
    people = cohort(model, 6, seed=2)
    result = simulate(model, "4 mg", people, [0.0, 24.0])
    men = people.theta[:, model.input_names.index("female")] == 0.0
    np.testing.assert_array_equal(result.status != 0, men)
