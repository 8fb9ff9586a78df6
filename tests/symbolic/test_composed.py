"""Models made of parts: what replaces what, what a part needs, and equations over several lines."""

import numpy as np
import pytest

import pkpd
from pkpd.errors import ModelError
from pkpd.symbolic import parse

SAID = 'label = "test", source = "test", evidence = "assumed"'
BASE = f"""
title = "base"
time = "h"
outputs = ["drug"]
[dose]
drug = {{ unit = "mg" }}
[parameters]
k = {{ value = 0.1, unit = "1/h", {SAID} }}
[equations]
base = '''
d/dt(drug) = -k*drug : mg
effect = drug : mg
'''
"""


def override(names):
    return f"[override]\nnames = {names}\n"


@pytest.fixture
def part(tmp_path):
    """Writes a model file: its name, what it includes, and the rest of its text."""

    def write(name, include, text, outputs=("drug",)):
        head = f'title = "{name}"\noutputs = {list(outputs)}\ninclude = {include}\n'
        path = tmp_path / f"{name}.toml"
        path.write_text(text if name == "base" else head + text)
        return path

    write("base", [], BASE)
    return write


def rate(path, state="drug"):
    model = pkpd.load(path)
    return next(s.rate for s in model.states if s.name == state)


FASTER = "[equations]\nfaster = '''\nd/dt(drug) = -2*k*drug : mg\n'''\n"


def test_an_override_holds_wherever_its_file_is_included(part):
    part("faster", ["base"], override(["d/dt(drug)"]) + FASTER)
    part("deeper", ["faster"], "")
    assert "2" in rate(part("deepest", ["deeper"], ""))
    assert rate(part("both", ["faster", "base"], "")) == rate(
        part("turned", ["base", "faster"], "")
    )


def test_an_override_may_be_overridden(part):
    part("faster", ["base"], override(["d/dt(drug)"]) + FASTER)
    last = override(["d/dt(drug)", "k"]) + FASTER.replace("2*k", "3*k")
    last = last.replace(
        "[equations]", f'[parameters]\nk = {{ value = 7, unit = "1/h", {SAID} }}\n[equations]'
    )
    model = pkpd.load(part("fastest", ["faster"], last))
    assert "3" in model.states[0].rate and model.inputs[0].value == 7


def test_two_parts_that_replace_the_same_need_a_third_that_settles_it(part):
    part("a", ["base"], override(["d/dt(drug)"]) + FASTER)
    part("b", ["base"], override(["d/dt(drug)"]) + FASTER.replace("2*k", "5*k"))
    with pytest.raises(ModelError, match=r"b.toml:\d+: 'd/dt\(drug\)' is already defined at .*a.t"):
        pkpd.load(part("both", ["a", "b"], ""))
    settled = override(["d/dt(drug)"]) + FASTER.replace("2*k", "9*k")
    assert "9" in rate(part("settled", ["a", "b"], settled))


def test_a_definition_that_nothing_announces_is_refused_with_both_places(part):
    part("faster", ["base"], FASTER)
    with pytest.raises(ModelError, match=r"faster.toml:6: .* already defined at .*base.toml:11; l"):
        pkpd.load(part("above", ["faster"], ""))


@pytest.mark.parametrize(
    ("needs", "sentence"),
    [
        ('{ effect = "ug" }', None),
        ('{ drug = "mg", k = "1/d" }', None),
        ('{ blockade = "1" }', "this part needs 'blockade' in 1, which no file of whole defines"),
        ('{ efect = "mg" }', "Did you mean 'effect'"),
        ('{ effect = "L" }', r"needs 'effect' in L, and it is in mg at .*base.toml:12"),
        ('["effect"]', "needs is a table of names and units"),
    ],
)
def test_a_part_gets_what_it_needs_or_says_so(part, needs, sentence):
    part("part", ["base"], f"needs = {needs}\n")
    path = part("whole", ["part"], "")
    if sentence is None:
        assert pkpd.load(path).outputs == ("drug",)
    else:
        with pytest.raises(ModelError, match=rf"part.toml:4: .*{sentence}"):
            pkpd.load(path)


def test_equations_go_on_over_several_lines(part):
    longer = BASE.replace(
        "d/dt(drug) = -k*drug : mg",
        "d/dt(drug) = (  # lost\n    -k*drug\n  # and nothing else\n)     : mg\n"
        "half = 0.5*\n  effect : mg",
    )
    part("base", [], longer)
    model = pkpd.load(part("whole", ["base"], "", outputs=["half"]))
    people = pkpd.cohort(model, typical=True)
    run = pkpd.simulate(model, "10 mg", people, "0:24:8")
    np.testing.assert_allclose(run.values[0, :, 0], 5 * np.exp(-0.1 * run.times), rtol=1e-5)


def test_a_mistake_is_quoted_with_the_first_line_of_its_equation(part):
    part("base", [], BASE.replace("effect = drug :", "effect = (drug +\n  gone\n) :"))
    with pytest.raises(ModelError, match=r"base.toml:12: in effect, unknown name 'gone'"):
        pkpd.load(part("whole", ["base"], ""))


@pytest.mark.parametrize("text", ["a = (b : 1", "a = b + : 1\nc = d : 1", "a = )b : 1", "= :"])
def test_a_bracket_that_never_closes_ends_in_one_sentence(part, text):
    part("base", [], BASE.replace("effect = drug : mg", text))
    with pytest.raises(ModelError, match=r"base.toml:\d+: "):
        pkpd.load(part("whole", ["base"], ""))


def test_lines_are_joined_by_brackets_and_operators():
    text = "a = 1 : 1\nb = (1\n + 2) : 1 # x\n\nc = 1 +\n2 : 1\nd = 1 if x > 0 else\n 2 : 1"
    assert [content for content, _ in parse.lines(text)] == [
        "a = 1 : 1",
        "b = (1 + 2) : 1",
        "c = 1 + 2 : 1",
        "d = 1 if x > 0 else 2 : 1",
    ]


def test_an_estimate_is_a_grade_of_evidence(part):
    part("base", [], BASE.replace('"assumed"', '"estimated"'))
    model = pkpd.load(part("whole", ["base"], ""))
    assert model.inputs[0].evidence == "estimated"


@pytest.mark.parametrize(
    ("equation", "remedy"),
    [
        ("drug**g/(d50**g + drug**g)", r"the base 'drug' must have no unit, not mg; write the "),
        ("drug**g/(d50**g + drug**g)", r"quotient \(drug/d50\)\*\*g or \(d50/drug\)\*\*g\."),
        ("drug**g", r"divide it by a number of that unit, as in \(drug/ec50\)\*\*g\."),
    ],
)
def test_a_hill_term_of_amounts_is_answered_with_the_quotient(part, equation, remedy):
    hill = (
        f'g = {{ value = 2.5, unit = "1", {SAID} }}\nd50 = {{ value = 3, unit = "mg", {SAID} }}\n'
    )
    part("base", [], BASE.replace("[equations]", hill + "[equations]"))
    text = f"[equations]\nhill = '''\nshare = {equation} : 1\n'''\n"
    with pytest.raises(ModelError, match=remedy):
        pkpd.load(part("whole", ["base"], text))
    better = text.replace(equation, "(drug/d50)**g/(1 + (drug/d50)**g)")
    assert pkpd.load(part("whole", ["base"], better, outputs=["share"])).outputs == ("share",)
