"""Lowered models run by Python itself, against walking their equations and against SymPy."""

import sys
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from pkpd import kernels
from pkpd.errors import ModelError, PkpdError
from pkpd.kernels.lower import area, lower
from pkpd.symbolic.load import load, models

sys.path.insert(0, str(Path(__file__).parents[1]))
from lowered import Lowered
from naive import Patient
from symbolic_forms import expanded

MODEL = """
title = "drawn"
outputs = ["x"]
[dose]
x = { unit = "1" }
[parameters]
a = { value = 1.3, unit = "1", label = "a", source = "test", evidence = "assumed" }
b = { value = -0.7, unit = "1", label = "b", source = "test", evidence = "assumed" }
n = { value = 2.0, unit = "1", label = "n", source = "test", evidence = "assumed" }
h = { value = 1.0, unit = "h", label = "hour", source = "test", evidence = "assumed" }
[equations]
e = '''
d/dt(x) = -x/h : 1
d/dt(y) = (x - y)/h : 1
%s
'''
"""


def drawn(folder, *equations):
    path = folder / "drawn.toml"
    path.write_text(MODEL % "\n".join(f"{text} : 1" for text in equations))
    return load(str(path))


@pytest.mark.parametrize("name", models())
def test_rates_outputs_and_jacobian_of_the_library_equal_the_walked_and_the_symbolic_ones(name):
    model = load(name)
    theta = [i.value for i in model.inputs]
    lowered, walked = Lowered(model, theta, derivatives=True), Patient(model, theta)
    y = np.random.default_rng(1).uniform(0.1, 2.0, len(model.states))
    np.testing.assert_allclose(lowered.rates(3.0, y), walked.rate(3.0, y), rtol=1e-12, atol=1e-13)
    names = walked.names(3.0, y)
    outputs = [names[n] for n in model.outputs]
    np.testing.assert_allclose(lowered.observed(3.0, y), outputs, rtol=1e-12, atol=1e-13)
    _, rates = expanded(model)
    states = [sp.Symbol(n, real=True) for n in model.state_names]
    point = {sp.Symbol(n, real=True): v for n, v in names.items()}
    exact = sp.Matrix(list(rates.values())).jacobian(states).subs(point)
    exact = np.array(exact.tolist(), dtype=float)
    np.testing.assert_allclose(lowered.jacobian(3.0, y), exact, rtol=1e-11, atol=1e-13)


def numbers():
    return st.sampled_from(["0.5", "2", "3.25", "1e-3"])


SMOOTH = ["sin", "cos", "tan", "tanh", "erf"]


def expressions():
    leaves = st.one_of(st.sampled_from(["a", "b", "n", "x", "y", "t/h"]), numbers())

    def grown(part):
        signs = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
        comparison = st.builds("{} {} {}".format, part, signs, part)
        condition = st.one_of(comparison, st.builds("{} and {}".format, comparison, comparison))
        return st.one_of(
            st.builds("({} + {})".format, part, part),
            st.builds("({} - {})".format, part, part),
            st.builds("({} * {})".format, part, part),
            st.builds("({} / {})".format, part, part),
            st.builds("(-{})".format, part),
            st.builds("({})**{}".format, part, st.integers(-12, 12)),
            st.builds("exp(-abs({}))".format, part),
            st.builds("log(1 + abs({}))".format, part),
            st.builds("sqrt(abs({}))".format, part),
            st.builds("{}({})".format, st.sampled_from(SMOOTH), part),
            st.builds("{}({})".format, st.sampled_from(["floor", "ceil"]), part),
            st.builds("abs({})**{}".format, part, st.sampled_from(["0.7", "1.5", "n", "b"])),
            st.builds("min({}, {})".format, part, part),
            st.builds("max({}, {}, {})".format, part, part, part),
            st.builds("({} if {} else {})".format, part, condition, part),
        )

    return st.recursive(leaves, grown, max_leaves=12)


@settings(max_examples=150, deadline=None)
@given(text=expressions(), again=expressions(), seed=st.integers(0, 10))
def test_drawn_equations_equal_the_walked_ones(tmp_path_factory, text, again, seed):
    """Conditions inside conditions, limits that depend on a condition, powers of any sign."""
    folder = tmp_path_factory.mktemp("drawn")
    equations = [f"u = {text}", f"v = u*u - {again} if {again} > u else u"]
    y = np.random.default_rng(seed).uniform(-2.0, 2.0, 2)
    try:
        model = drawn(folder, *equations)
        theta = [i.value for i in model.inputs]
        with np.errstate(all="ignore"):
            lowered = Lowered(model, theta, ("u", "v")).observed(1.5, y)
        walked = Patient(model, theta).names(1.5, y)
    except (PkpdError, ZeroDivisionError, OverflowError, ValueError):
        return  # no value: refused in one sentence, or none at this point when walked
    exact = [walked["u"], walked["v"]]
    np.testing.assert_allclose(lowered, exact, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_of_functions_are_the_symbolic_ones(tmp_path, name):
    model = drawn(tmp_path, f"u = {name}(a*x*y + b*t/h)", "d/dt(z) = (u + lgamma(n))/h")
    lowered = Lowered(model, [i.value for i in model.inputs], derivatives=True)
    y, t = (0.4, 0.7, 0.0), 0.3
    x, other, time = sp.symbols("x y t")
    rate = getattr(sp, name)(sp.Float(1.3) * x * other - sp.Float(0.7) * time)
    point = {x: y[0], other: y[1], time: t}
    exact = [float(rate.diff(by).subs(point)) for by in (x, other)]
    np.testing.assert_allclose(lowered.jacobian(t, y)[2, :2], exact, rtol=1e-13)
    program = lowered.program
    by_time = lowered.values(program.jacobian_lines, [program.slopes[2]], t, y)
    assert by_time == pytest.approx([float(rate.diff(time).subs(point))], rel=1e-13)


def test_the_gamma_function_of_what_moves_is_refused(tmp_path):
    model = drawn(tmp_path, "u = lgamma(x)")
    with pytest.raises(ModelError, match=r"drawn.toml:15: in u, .* nothing that changes in time"):
        lower(model, ("u",))


@pytest.mark.parametrize("text", ["floor(x)", "ceil(t/h*x)", "floor((t/h)**2)", "floor(sin(t/h))"])
def test_a_floor_whose_jumps_nobody_foresees_is_an_output_but_no_rate(tmp_path, text):
    model = drawn(tmp_path, f"u = {text}")
    assert lower(model, ("u",))
    for options in ({"integrals": ("u",)}, {"extremes": ("u",)}, {"levels": (("u", None, 1.0),)}):
        with pytest.raises(ModelError, match=r"in u, .* of the time alone, in the form a \+ b\*t"):
            lower(model, ("x",), **options)
    model = drawn(tmp_path, f"u = {text}", "d/dt(z) = u/h")
    with pytest.raises(ModelError, match=r"drawn.toml:16: in d/dt\(z\), '\(u/h\)'"):
        lower(model, ("x",))


PATTERNS = [
    "1 if x > (a if n == 2 else b) else 0",
    "1 if (a if n == 2 else b) < x < (2*a if n == 2 else a) else 0",
    "x if min(a, b if n > 1 else a) < x else y",
    "(1 if x > a else 2) if (y if n == 1 else x) > b else (3 if y > x else 4)",
    "1 if u > 1 else 0",
    "(a if u == 1 else b)*x if x > (a if u == 1 else b) or y < b else u",
    "exp(-(x - a)) if x > a else (1 if x > 0 else 1 + x**2)",
    "abs(x - (a if n == 2 else b))**(3 if n == 2 else 2)",
    "max(x, a if y > b else b, 0)",
    "1 if n == 2 and x > (a if t/h > 1 else b) else 0",
    "1 if k == k else 2",
    "(x if x > y else y) - (x if x > y else y)",
    "0 if 1 > 2 else x",
]


@pytest.mark.parametrize("text", PATTERNS)
@pytest.mark.parametrize("point", [(0.3, 0.1), (1.7, -1.2), (-0.5, 2.0), (3.0, 3.0)])
def test_conditions_may_hold_conditions(tmp_path, text, point):
    equations = ["k = a*b", "u = 1 if y > (a if n == 2 else b) else x", f"v = {text}"]
    model = drawn(tmp_path, *equations)
    theta = [i.value for i in model.inputs]
    lowered = Lowered(model, theta, ("u", "v"), derivatives=True)
    walked = Patient(model, theta).names(0.5, point)
    assert lowered.observed(0.5, point) == pytest.approx([walked["u"], walked["v"]], rel=1e-13)


@pytest.mark.parametrize("exponent", [-100, -11, -3, -1, 1, 2, 3, 9, 10, 11, 25, 64, 100])
def test_whole_powers_are_exact_at_any_size_and_sign(tmp_path, exponent):
    model = drawn(tmp_path, f"u = (x - a)**{exponent}")
    lowered = Lowered(model, [i.value for i in model.inputs], ("u",))
    for x in (-2.1, 0.4, 1.2, 3.0):
        with np.errstate(all="ignore"):
            assert lowered.observed(0.0, (x, 0.0)) == pytest.approx(
                [(x - 1.3) ** exponent], rel=1e-12
            )


def test_a_definition_that_uses_the_one_before_it_twice_costs_one_line_each(tmp_path):
    chain = ["u0 = x"] + [f"u{i} = u{i - 1}*exp(-u{i - 1})" for i in range(1, 200)]
    model = drawn(tmp_path, *chain)
    program = lower(model, ("u199",), integrals=("u199",), derivatives=True)
    assert program.operations < 1000 and len(program.jacobian_lines) < 2000
    lowered = Lowered(model, [i.value for i in model.inputs], ("u199",))
    value = 0.7
    for _ in range(199):
        value *= np.exp(-value)
    assert lowered.observed(0.0, (0.7, 0.0)) == pytest.approx([value], rel=1e-12)


def test_thousands_of_definitions_in_reverse_order_are_read_and_lowered(tmp_path):
    chain = [f"u{i} = u{i - 1} + x" for i in range(4000, 0, -1)]
    model = drawn(tmp_path, *chain, "u0 = x")
    assert [a.name for a in model.assignments] == [f"u{i}" for i in range(4001)]
    lowered = Lowered(model, [i.value for i in model.inputs], ("u4000",), derivatives=True)
    assert lowered.observed(0.0, (0.5, 0.0)) == pytest.approx([0.5 * 4001])


def test_a_model_too_large_to_compile_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(kernels.lower, "MOST_OPERATIONS", 50)
    sums = [f"u{i} = " + " + ".join(f"exp(-{i}.{k}*x)" for k in range(60)) for i in range(2)]
    model = drawn(tmp_path, *sums, "d/dt(z) = (u0 + u1)/h : 1\nu2 = 0")
    with pytest.raises(PkpdError, match=r"The rates of .* take .* operations; at most 50 can"):
        lower(model, ("x",))


def test_integrals_and_signals_are_those_of_the_names_asked_for(tmp_path):
    model = drawn(tmp_path, "u = x*y + a", "v = u**2")
    theta = [i.value for i in model.inputs]
    options = {
        "integrals": ("u",),
        "extremes": ("v", "x"),
        "levels": (("u", "b", 2.0), ("v", None, 1.0)),
    }
    lowered = Lowered(model, theta, ("x", area("u")), **options)
    y = (0.5, 2.0, 7.0)
    u = 0.5 * 2.0 + 1.3
    assert lowered.observed(0.0, y) == [0.5, 7.0]
    assert lowered.rates(0.0, y)[2] == pytest.approx(u)
    signals = lowered.values(lowered.program.signal_lines, lowered.program.signals, 0.0, y)
    assert signals == pytest.approx([u**2, 0.5, u - 2.0 * -0.7, u**2])
    for name in ({"observe": ("w",)}, {"extremes": ("w",)}, {"levels": (("u", "w", 1.0),)}):
        with pytest.raises(PkpdError, match="'w'"):
            lower(model, **({"observe": ("x",)} | name))
