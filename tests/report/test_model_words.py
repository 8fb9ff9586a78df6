"""Words about models say what the model says."""

import ast

import pytest

from pkpd.report.words import models as model_words
from pkpd.symbolic.load import load, models


@pytest.mark.parametrize("name", models())
def test_printed_equations_are_the_checked_ones(name):
    model = load(name)
    checked = {s.name: s.rate for s in model.states}
    for text in model_words.equations(model):
        if text.startswith("d/dt("):
            state, right = text[5 : text.index(")")], text.partition(" = ")[2].rpartition(" : ")[0]
            assert ast.dump(ast.parse(right, mode="eval")) == ast.dump(
                ast.parse(checked.pop(state), mode="eval")
            )
    assert checked == {}


@pytest.mark.parametrize("name", models())
def test_grades_count_every_input_once(name):
    model = load(name)
    assert sum(model_words.grades(model).values()) == len(model.inputs)


def test_variability_reads_as_it_was_written():
    rows = {row[0]: row[3] for row in model_words.parameters(load("ldn/hormesis"))}
    occasions = {row[0]: row[4] for row in model_words.parameters(load("ldn/hormesis"))}
    assert occasions["f_oral"] == "logit SD 0.229" and occasions["cl"] == "-"
    assert rows["toff"] == "CV 20 %" and rows["p0"] == "SD 1.5, 4 to 10" and rows["mw"] == "-"
    assert rows["f_oral"] == "logit SD 0.343"  # CV 30 % of 0.126 by the delta method


def test_only_switches_that_are_on_are_announced():
    model = load("ldn/hormesis")
    assert [text.partition(" ")[0] for text in model_words.hypotheses(model)] == ["glia"]
    assert model_words.hypotheses(model, {"glia": 0.0}) == []


def test_a_model_card_says_priors_and_marks_papers_that_nobody_looked_up():
    model = load("explanations/fast_offset")
    assert "toff: 2 to 16 h, uniform on the log scale: " in model_words.priors(model)[1]
    rows = {row[0]: row[-1] for row in model_words.parameters(model)}
    assert rows["rmax"].endswith("(unverified)")  # Lesscher2003, Yoburn1986
    assert "(unverified)" not in rows["f_oral"]  # Johnson2010
    assert model_words.priors(load("pk/one_compartment")) == []
