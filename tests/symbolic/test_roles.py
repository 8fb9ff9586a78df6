"""Roles of inputs and the published range: read from the model file, refused where they err."""

import numpy as np
import pytest

from pkpd.errors import ModelError
from pkpd.population.cohort import cohort
from pkpd.report.words import models as words
from pkpd.sensitivity.explanation import switches
from pkpd.symbolic.load import load

LDN = load("ldn/hormesis")
TEXT = """
title = "One switch"
outputs = ["x"]

[dose]
x = { unit = "mg" }

[parameters]
k = { value = 0.1, unit = "1/h", label = "switch: a word", source = "s", evidence = "assumed" }
on = { value = 1, unit = "1", ROLE label = "l", source = "s", evidence = "assumed" }

[equations]
all = '''
d/dt(x) = -k*on*x : mg
'''
"""


def written(folder, role="", more=""):
    path = folder / "mine.toml"
    path.write_text(TEXT.replace("ROLE", role) + more)
    return path


def test_a_label_that_begins_with_switch_makes_no_switch(tmp_path):
    model = load(written(tmp_path))
    assert model.switches == () and words.hypotheses(model) == []
    model = load(written(tmp_path, 'role = "switch",'))
    assert [i.name for i in model.switches] == ["on"] and words.hypotheses(model) == []


def test_a_disease_that_is_switched_on_is_no_part_of_the_mechanism():
    ill = cohort(LDN, seed=7, ids=[17], set={"cirrhosis": 1})
    assert switches(LDN, ill.theta[0]) == ("rebound", "glia")
    off = cohort(LDN, seed=7, ids=[17], set={"glia": 0})
    assert switches(LDN, off.theta[0]) == ("rebound",)


def test_a_hypothesis_is_announced_with_what_turns_it_off(tmp_path):
    model = load(written(tmp_path, 'role = "switch", hypothesis = "it happens",'))
    assert words.hypotheses(model) == ["on = 1: it happens. See the result without it: --set on=0"]
    assert words.hypotheses(model, {"on": 1.0}) == []


@pytest.mark.parametrize(
    ("role", "sentence"),
    [
        ('role = "swich",', r"mine.toml:10: 'on': unknown role 'swich'. Did you mean 'switch'\?"),
        ("role = 1,", "unknown role '1'"),
        ('hypothesis = "h",', 'add role = "switch"'),
        ('role = "switch", hypothesis = " ",', "a sentence"),
        ('role = "switch", hypothesis = 3,', "a sentence"),
        ('role = "switch", iiv = { cv = 0.3 },', "no variability"),
    ],
)
def test_a_wrong_role_is_refused_with_its_line(tmp_path, role, sentence):
    with pytest.raises(ModelError, match=sentence):
        load(written(tmp_path, role))


def test_a_switch_is_on_or_off(tmp_path):
    path = written(tmp_path, 'role = "switch",')
    path.write_text(path.read_text().replace("on = { value = 1,", "on = { value = 2,"))
    with pytest.raises(ModelError, match="the value 0 or 1"):
        load(path)


def test_the_published_range_is_that_of_the_last_file_that_has_one(tmp_path):
    clinics = LDN.published
    assert (clinics.lowest, clinics.highest, clinics.unit) == (0.1, 6.0, "mg")
    assert clinics.within(LDN.benefit) == (0.1, 6.0)
    table = '[published]\ndoses = "1:2 ug"\npatients = 3\nsource = "Us 2026, here"\n'
    own = load(written(tmp_path, more=table))
    assert own.published.unit == "ug" and own.published.within(LDN.benefit) is None
    assert words.published_range(own.published) == "1-2 ug: range of 3 published MEDs (Us 2026)"
    assert words.doses(own)[-1] == "published MEDs: 1-2 ug: range of 3 published MEDs (Us 2026)"


@pytest.mark.parametrize(
    "table",
    [
        '[published]\ndoses = "1:2 mg"\n',
        '[published]\ndoses = "2:1 mg"\npatients = 3\nsource = "s"\n',
        '[published]\ndoses = "1:2 mg"\npatients = 0\nsource = "s"\n',
        '[published]\ndoses = "1:2 mg"\npatients = 3\nsource = ""\n',
        '[published]\ndoses = "1:2 mg"\npatients = 3\nsource = "s"\nyear = 2024\n',
    ],
)
def test_a_wrong_published_range_is_refused_with_its_line(tmp_path, table):
    with pytest.raises(ModelError, match=r"mine\.toml:"):
        load(written(tmp_path, more=table))


def test_a_model_from_the_cache_has_its_roles_and_its_published_range():
    again = load("ldn/hormesis")
    assert again.published == LDN.published and again.switches == LDN.switches
    assert np.isfinite(again.published.lowest)
