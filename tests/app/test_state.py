"""A link restores what was chosen, gives the same numbers elsewhere, and is refused if hostile."""

import json
import math

import numpy as np
import pytest

import pkpd
from pkpd.app import panels
from pkpd.app.state import MOST_PATIENTS, state, with_benefit
from pkpd.errors import PkpdError

CHOSEN = [("model", "ldn/hormesis"), ("n", "20"), ("seed", "3"), ("every", "12")]
CHOSEN += [("set.toff", "12.5"), ("set.glia", "0")]


def test_the_state_is_what_the_link_says_and_the_model_fills_the_rest():
    found = state(CHOSEN)
    assert (found.model.name, found.n, found.seed, found.every) == ("ldn/hormesis", 20, 3, 12.0)
    assert found.changed == {"toff": 12.5, "glia": 0.0}
    assert found.benefit.every == 12.0 and found.people().changed == found.changed
    assert state([]).benefit == state([]).model.benefit


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (("model", "../../etc/passwd"), "no model '../../etc/passwd'"),
        (("model", "pk/one_compartment"), "with a benefit"),
        (("n", "0"), f"whole number from 1 to {MOST_PATIENTS}"),
        (("n", "9" * 5000), "too long"),
        (("n", "9" * 3000), "whole number"),
        (("n", "1e3"), "whole number"),
        (("n", "٣"), "whole number"),
        (("seed", "-1"), "whole number"),
        (("every", "nan"), "every is a number"),
        (("every", "1e300"), "from 0 to"),
        (("every", "0"), "from 0 to"),
        (("set.toff", "inf"), "set.toff is a number"),
        (("set.toff", "__import__('os')"), "set.toff is a number"),
        (("set.tof", "1"), "Did you mean 'toff'"),
        (("set.__class__", "1"), "means nothing here"),
        (("callback", "alert(1)"), "means nothing here"),
    ],
)
def test_a_hostile_link_is_refused_with_a_sentence(pair, said):
    with pytest.raises(PkpdError, match=said.replace("(", r"\(")) as refused:
        state([pair])
    assert len(str(refused.value)) < 400


def test_what_is_given_twice_or_cannot_be_is_refused():
    with pytest.raises(PkpdError, match="twice"):
        state([("n", "5"), ("n", "6")])
    with pytest.raises(PkpdError):
        state([("set.f_oral", "7")])


def test_sliders_have_every_input_once_with_its_grade_and_hold_the_typical_value():
    model = pkpd.load("ldn/hormesis")
    sliders = panels.about(state([]))["sliders"]
    assert sorted(s["name"] for s in sliders) == sorted(model.input_names)
    grades = {item.name: item.evidence for item in model.inputs}
    for slider in sliders:
        assert slider["low"] <= slider["value"] <= slider["high"]
        assert slider["evidence"] == grades[slider["name"]]
    names = [s["name"] for s in sliders]
    assert set(names[:2]) == {"rebound", "glia"} and names.index("toff") < panels.SHOWN


@pytest.mark.parametrize("name", with_benefit())
def test_each_model_with_a_benefit_has_sliders_that_it_accepts_at_both_ends(name):
    model = pkpd.load(name)
    for item in model.inputs:
        low, high, _ = panels._range(item)
        for value in (low, high):
            assert math.isfinite(value)
            state([("model", name), (f"set.{item.name}", repr(value))])


def test_the_command_line_and_the_script_give_the_numbers_of_the_page(run):
    found = state(CHOSEN)
    shown = panels.people(found)
    words = found.command().replace("'", "").split()
    every = words.index("--every")
    words[every + 1 : every + 3] = [" ".join(words[every + 1 : every + 3])]
    code, out, _ = run(*words[1:], "--json")
    summary = json.loads(out)
    assert code == 0 and summary["histogram"]["counts"] == shown["counts"]
    names = {}
    exec(found.python(), names)
    np.testing.assert_array_equal(names["meds"].curves.percentiles((5, 50, 95)), shown["bands"])
    assert panels.quick(found) == shown | {"sentences": []}


def test_the_typical_patient_of_the_page_is_that_of_the_package():
    found = state(CHOSEN[:1] + CHOSEN[4:5])
    shown = panels.typical(found)
    alone = pkpd.cohort(found.model, typical=True, set=found.changed)
    np.testing.assert_array_equal(pkpd.dose_response(found.model, alone).gain[0], shown["gain"])
    day = pkpd.dosing_interval(found.model, shown["day_doses"], changed=found.changed)
    blockade = next(panel for panel in shown["day"] if panel["name"] == "blockade")
    np.testing.assert_allclose(np.array(blockade["values"]), day.values[:, ::2], rtol=1e-5)
    assert set(shown["parts"]) == {"rebound off", "glia off"}
    off = pkpd.cohort(found.model, typical=True, set=found.changed | {"glia": 0})
    np.testing.assert_array_equal(
        pkpd.dose_response(found.model, off).gain[0], shown["parts"]["glia off"]
    )
