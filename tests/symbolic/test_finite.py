"""Equations that have no finite value whatever their names are: refused by name, never a hang."""

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pkpd.errors import ModelError
from pkpd.symbolic.finite import without_value
from pkpd.symbolic.load import load

MODEL = """
title   = "One compartment"
time    = "h"
outputs = ["b"]
[dose]
central = {{ unit = "mg" }}
[parameters]
cl = {{ value = 4.0, unit = "L/h", label = "clearance", source = "test", evidence = "assumed" }}
vc = {{ value = 40.0, unit = "L", label = "volume", source = "test", evidence = "assumed" }}
k = {{ value = 2.0, unit = "1", label = "k", source = "test", evidence = "assumed" }}
m = {{ value = 3.0, unit = "1", label = "m", source = "test", evidence = "assumed" }}
[equations]
pk = '''
d/dt(central) = -cl/vc*central : mg
{equations}
'''
"""
# texts that are 0 for every k and m
ZEROS = ("k - k", "k*m - m*k", "0*k", "2*k - k - k", "(k + m) - (m + k)", "-k + k", "k/k - m/m")
zeros = st.sampled_from(ZEROS)
bases, exponents = st.integers(7, 99), st.integers(5, 99)


def loaded(equations):
    """The model with these equations, read from a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.toml"
        path.write_text(MODEL.format(equations=equations))
        return load(path)


def refused(equations):
    with pytest.raises(ModelError) as caught:
        loaded(equations)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 600
    return message


@settings(max_examples=30, deadline=None)
@given(zeros, bases, bases, exponents)
def test_an_exponent_that_hides_a_tower_is_refused_and_never_computed(zero, base, inner, power):
    """9**(k-k+9**9) has 370 million digits."""
    text = f"{base}**({zero} + {inner}**{power})"
    assert "in b, " in refused(f"b = {text} : 1")


@settings(max_examples=30, deadline=None)
@given(zeros, st.sampled_from(["1/({})", "vc/({})/vc", "log(abs({}))", "({})**(-2)", "m/(0*({}))"]))
def test_a_division_by_what_cancels_is_refused_with_its_equation(zero, form):
    message = refused(f"b = {form.format(zero)} : 1")
    assert re.search(r"in b, .* (has no finite value|divides by 0)", message), message


@settings(max_examples=20, deadline=None)
@given(zeros)
def test_what_cancels_is_found_through_other_equations(zero):
    assert "in b, " in refused(f"z = {zero} : 1\nb = 1/z : 1")
    assert "in b, " in refused(f"z = {zero} : 1\ny = z*z : 1\nb = 9**(y + 9**9) : 1")


@settings(max_examples=20, deadline=None)
@given(zeros, st.integers(1, 9), st.integers(0, 9))
def test_a_sound_neighbour_is_left_alone(zero, one, power):
    model = loaded(f"b = {one}/({zero} + {one}) + 2**({zero} + {power}) : 1")
    assert [a.name for a in model.assignments] == ["b"]


def test_what_is_finite_for_some_values_is_left_alone():
    """The model decides for each patient: 1/(k - m) has a value unless k is m."""
    equations = [("a", "1.0/(k - m)"), ("b", "k/a"), ("c", "9.0**(k - 100.0*m)")]
    assert without_value(equations, {"k": 2.0, "m": 2.0}) is None
    assert without_value([*equations, ("d", "b/(a - a)")], {"k": 2.0, "m": 2.0}) == "d"
