"""SymPy forms against direct evaluation and finite differences."""

import numpy as np
import pytest
import sympy as sp

from pkpd.symbolic.derive import expanded, jacobian, latex, to_sympy
from pkpd.symbolic.load import load, models

VALUES = {"a": 1.3, "b": 0.4, "c": 2.5}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b*c", 1.3 + 0.4 * 2.5),
        ("a**b", 1.3**0.4),
        ("-a/b", -1.3 / 0.4),
        ("exp(-a)", np.exp(-1.3)),
        ("log10(c)", np.log10(2.5)),
        ("sqrt(a)*abs(-b)", np.sqrt(1.3) * 0.4),
        ("min(a, b, c)", 0.4),
        ("max(a, b)", 1.3),
        ("a if a > b else c", 1.3),
        ("a if a > b and b > c else c", 2.5),
        ("pi*a", np.pi * 1.3),
        ("a if b < a <= c else 0", 1.3),
    ],
)
def test_expressions_mean_what_python_means(text, value):
    symbols = {sp.Symbol(k, real=True): v for k, v in VALUES.items()}
    assert float(to_sympy(text).subs(symbols)) == pytest.approx(value, rel=1e-14)


def test_jacobian_agrees_with_finite_differences():
    model = load("ldn/hormesis")
    _, rates = expanded(model)
    states = [sp.Symbol(n, real=True) for n in rates]
    inputs = [sp.Symbol(n, real=True) for n in model.input_names]
    f = sp.lambdify([states, inputs], list(rates.values()))
    j = sp.lambdify([states, inputs], jacobian(model))
    p = [i.value for i in model.inputs]
    y = np.array([1.0, 0.5, 0.3, 2.0, 0.3, 0.2, 1.1, 1.2, 0.8, 0.9, 5.0])
    exact = np.array(j(y, p), dtype=float)
    for k in range(len(y)):
        h = 1e-6 * np.eye(len(y))[k]
        difference = (np.array(f(y + h, p)) - np.array(f(y - h, p))) / 2e-6
        np.testing.assert_allclose(exact[:, k], difference, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", models())
def test_every_model_has_a_line_of_latex_for_every_equation(name):
    model = load(name)
    assert len(latex(model)) == len(model.states) + len(model.assignments)
