"""What is linear in the states, against derivatives taken by SymPy."""

import sys
from pathlib import Path

import pytest
import sympy as sp

from pkpd.symbolic.linearity import FIXED, MOVING, constant_terms, first_nonlinear, parts
from pkpd.symbolic.load import load, models

sys.path.insert(0, str(Path(__file__).parents[1]))
from symbolic_forms import expanded

MODEL = """
title = "mixed"
outputs = ["x"]
[dose]
x = { unit = "1" }
[parameters]
k = { value = 1.0, unit = "1/h", label = "rate", source = "test", evidence = "assumed" }
n = { value = 2.0, unit = "1", label = "number", source = "test", evidence = "assumed" }
[equations]
e = '''
m = %s : 1
d/dt(x) = -k*x : 1
d/dt(y) = k*(x + n) - k*y : 1
'''
"""
EXPRESSIONS = {
    "3*x - (y + x)/n": MOVING,
    "n**2 + exp(-n)": FIXED,
    "x + n": FIXED | MOVING,
    "-(n*x)": MOVING,
    "x if n > 1 else 2*y": MOVING,
    "x if n > 1 else n": FIXED | MOVING,
    "max(n, 1)*x": MOVING,
    "n*(x + pi)": FIXED | MOVING,
    "0*n": frozenset(),
    "x*y": None,
    "x**2": None,
    "n/x": None,
    "abs(x)": None,
    "max(x, 0)": None,
    "exp(x)": None,
    "x*(t*k)": None,
    "t*k": None,
    "n if x > 1 else 2": None,
}


def mixed(folder, text):
    path = folder / "mixed.toml"
    path.write_text(MODEL % text)
    return load(str(path))


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_the_parts_of_a_value_are_told_from_its_text(tmp_path, text):
    assert parts(mixed(tmp_path, text))["m"] == EXPRESSIONS[text]


def test_a_constant_term_belongs_to_the_rate_or_integral_that_has_it(tmp_path):
    model = mixed(tmp_path, "x + n")
    assert constant_terms(model, ["x", "m"]) == (False, True, False, True)
    assert (
        first_nonlinear(model, ["m"]) is None
        and first_nonlinear(mixed(tmp_path, "x*y"), ["x", "m"]) == "m"
    )


@pytest.mark.parametrize("name", models())
def test_a_model_is_linear_where_its_jacobian_holds_neither_states_nor_time(name):
    model = load(name)
    _, rates = expanded(model)
    moving = [sp.Symbol(n, real=True) for n in (*model.state_names, "t")]
    linear = not any(
        rate.diff(a, b) != 0 for rate in rates.values() for a in moving for b in moving
    )
    assert (first_nonlinear(model) is None) == linear
