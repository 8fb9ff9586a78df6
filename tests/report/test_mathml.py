"""Typeset equations keep order, names and brackets of the model file."""

import re
from xml.dom import minidom

import pytest

from pkpd.report.page import mathml
from pkpd.report.words import models as model_words
from pkpd.symbolic.load import load, models


def read_aloud(text):
    """A fraction as {a}/{b}, a power as {a}^{b}, everything else as it is read."""

    def read(node):
        if node.nodeType == node.TEXT_NODE:
            return node.data
        parts = [read(child) for child in node.childNodes]
        return (
            {"mfrac": "{%s}/{%s}", "msup": "{%s}^{%s}", "msub": "%s_%s"}[node.tagName]
            % tuple(parts)
            if node.tagName in ("mfrac", "msup", "msub")
            else "".join(parts)
        )

    return read(minidom.parseString(f"<m>{mathml.expression(text)}</m>").documentElement)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("-ka*depot", "−ka·depot"),
        ("a - (b - c)", "a−(b−c)"),
        ("a - b - c", "a−b−c"),
        ("a*(b + c)/d", "{a·(b+c)}/{d}"),
        ("a/b*c", "{a}/{b}·c"),
        ("(a + b)**2", "{(a+b)}^{2}"),
        ("(-a)**2", "{(−a)}^{2}"),
        ("-a**2", "−{a}^{2}"),
        ("(a/b)**n", "{({a}/{b})}^{n}"),
        ("a - -b", "a−(−b)"),
        ("a*(-b)", "a·(−b)"),
        ("a**(b + 1)", "{a}^{b+1}"),
        ("log(2)/t_half", "{ln(2)}/{t_half}"),
        ("min(a, b + 1)", "min(a,b+1)"),
        ("log10(a)", "log_10(a)"),
        ("sin(2*pi*t/day)", "sin({2·π·t}/{day})"),
        ("floor(a) + ceil(b) - abs(c)", "⌊a⌋+⌈b⌉−|c|"),
        ("exp(lgamma(n + 1))", "exp(ln Γ(n+1))"),
        ("(a**b)**c", "{({a}^{b})}^{c}"),
        ("-(a + b)", "−(a+b)"),
        ("a*(b*c)", "a·b·c"),
        ("sqrt(a)*pi", "a·π"),
        ("1000.0*a", "1000·a"),
        ("1e-9*a", "1e-09·a"),
    ],
)
def test_expressions_read_as_they_were_meant(text, wanted):
    assert read_aloud(text) == wanted


def test_choices_are_cases():
    words = read_aloud("a if x > y and z <= 2 else b")
    assert words.replace("\xa0", " ") == "{a if x>y and z≤2b otherwise "


@pytest.mark.parametrize("name", models())
def test_every_name_of_a_model_stands_in_its_typeset_equations(name):
    model = load(name)
    for text in [s.rate for s in model.states] + [a.expression for a in model.assignments]:
        names = set(
            re.findall(r"<mi>(\w+)</mi>", mathml.equation(mathml.name("left"), text, "1", ""))
        ) - {"left"}
        written = set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", model_words.expression(text))) - {
            "pi",
            "if",
            "else",
            "and",
            "or",
            "sqrt",
            "abs",
            "lgamma",
        }
        assert names - {"π"} == {{"log": "ln"}.get(n, n) for n in written}
