"""A link restores what was chosen, gives the same numbers elsewhere, and is refused if hostile."""

import json
import math
import shlex

import numpy as np
import pytest

import pkpd
from pkpd.app import panels
from pkpd.app.state import MOST_PATIENTS, choices, state, with_benefit
from pkpd.errors import PkpdError, PkpdWarning
from pkpd.report.words import results
from pkpd.symbolic.load import library

CHOSEN = [("model", "ldn/hormesis"), ("n", "20"), ("seed", "3"), ("every", "12")]
CHOSEN += [("set.toff", "12.5"), ("set.glia", "0"), ("spread.b50", "0.9"), ("delta", "12")]


def told(found):
    """The figures of the patients, and the sentences on them."""
    words = []
    sentences = panels.people(found, words.append)["sentences"]
    [figures] = [word for word in words if "bands" in word]
    return figures, sentences


def test_the_state_is_what_the_link_says_and_the_model_fills_the_rest():
    found = state(CHOSEN)
    assert (found.model.name, found.n, found.seed, found.every) == ("ldn/hormesis", 20, 3, 12.0)
    assert found.changed == {"toff": 12.5, "glia": 0.0}
    assert found.benefit.every == 12.0 and found.people().changed == found.changed
    assert found.benefit.delta == 0.12 and found.people().spread == {"b50": 0.9}
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
        (("spread.tof", "1"), "Did you mean 'toff'"),
        (("spread.toff", "-1"), "from 0 to"),
        (("spread.glia", "1"), "do not differ in 'glia'"),
        (("delta", "-1"), "from 0 to 100 %"),
        (("delta", "10 %"), "delta is a number"),
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
        slider = panels._slider(item)
        for value in (slider["low"], slider["high"]):
            assert math.isfinite(value)
            state([("model", name), (f"set.{item.name}", repr(value))])
        if slider["spread"]:
            state([("model", name), (f"spread.{item.name}", repr(slider["spread"]["high"]))])
    every = panels._intervals(state([("model", name)]))
    assert every["usual"] == every["value"] == model.benefit.every in every["choices"]


def test_the_command_line_and_the_script_give_the_numbers_of_the_page(run):
    found = state(CHOSEN)
    shown, sentences = told(found)
    code, out, _ = run(*shlex.split(found.command())[1:], "--json")
    summary = json.loads(out)
    assert code == 0 and summary["histogram"]["counts"] == shown["counts"]
    names = {}
    exec(found.python(), names)
    np.testing.assert_array_equal(names["meds"].curves.percentiles((5, 50, 95)), shown["bands"])
    assert sentences == [line.strip() for line in results.med_doses(names["meds"].summary())[:-1]]


def test_the_first_patients_have_the_bits_that_they_have_among_all(monkeypatch):
    monkeypatch.setattr(panels, "FIRST", 8)
    found = state(CHOSEN)
    shown = panels.first(found)
    assert (shown["patients"], shown["of"]) == (8, 20)
    meds = pkpd.med(found.model, found.people(), **found.benefit_changes())
    eight = np.percentile(meds.curves.gain[:8], (5, 50, 95), axis=0, method="hazen")
    np.testing.assert_array_equal(eight, shown["bands"])
    assert sum(shown["counts"]) == meds.having("interior")[:8].sum()


def test_the_typical_patient_of_the_page_is_that_of_the_package():
    found = state(CHOSEN[:1] + CHOSEN[4:5])
    shown = panels.typical(found)
    alone = pkpd.cohort(found.model, typical=True, set=found.changed)
    np.testing.assert_array_equal(pkpd.dose_response(found.model, alone).gain[0], shown["gain"])
    shown_day = panels.day(found)
    day = pkpd.dosing_interval(found.model, shown_day["doses"], changed=found.changed)
    panels_of_day = {panel["name"]: np.array(panel["values"]) for panel in shown_day["day"]}
    assert list(panels_of_day) == ["Cc", "blockade", "tone", "cytokine", "pain"]
    np.testing.assert_allclose(panels_of_day["blockade"], day.values[:, ::2], rtol=1e-5)
    assert set(shown["parts"]) == {"rebound off", "glia off"}
    off = pkpd.cohort(found.model, typical=True, set=found.changed | {"glia": 0})
    np.testing.assert_array_equal(
        pkpd.dose_response(found.model, off).gain[0], shown["parts"]["glia off"]
    )


def test_tone_and_cytokine_of_the_page_are_those_of_a_long_run():
    found = state([])
    shown = panels.day(found)
    long = pkpd.rx("3 mg q24h x 120")
    alone, last = pkpd.cohort(found.model, typical=True), 119 * 24.0
    times, names = last + np.array(shown["times"][:-1]), [p["name"] for p in shown["day"]]
    sim = pkpd.simulate(found.model, long, alone, times=times, outputs=names)
    row = shown["doses"].index(3.0)
    for panel in shown["day"]:
        expected = sim.frame()[panel["name"]]
        np.testing.assert_allclose(panel["values"][row][:-1], expected, rtol=2e-4)


def test_a_slip_of_the_pen_is_told_beside_its_input():
    assert state([]).doubts() == []
    with pytest.warns(PkpdWarning):  # the terminal is told as well
        slipped = state([("spread.toff", "40")])
    [(name, sentence)] = slipped.doubts()
    assert name == "toff" and "4e+03 %" in sentence


@pytest.fixture
def own(tmp_path, monkeypatch):
    """own(name, old, new) -> the file of ldn/hormesis under another name, with a text replaced."""
    monkeypatch.chdir(tmp_path)
    text = (library()[-1] / "ldn" / "hormesis.toml").read_text()

    def write(name, old="", new=""):
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new))
        return name

    return write


def test_a_model_file_is_offered_beside_the_library_and_only_if_it_was_named(own, run):
    file = own("mine.toml", "s_opioid  = { value = 1.35", "s_opioid  = { value = 1.5")
    assert choices(file)["models"] == [file, *with_benefit()]
    found = state([("model", file), ("n", "10")], file)
    assert found.model.name == "mine" and state([], file).model.name == "mine"
    code, out, _ = run(*shlex.split(found.command())[1:], "--json")
    assert code == 0 and json.loads(out)["histogram"]["counts"] == told(found)[0]["counts"]
    names = {}
    exec(found.python(), names)
    assert names["model"].digest == found.model.digest
    with pytest.raises(PkpdError, match=r"no model 'mine\.toml'"):
        state([("model", file)])


def test_a_broken_model_is_refused_with_file_and_line(own):
    file = own("broken.toml", "d/dt(pain) = log(2)", "d/dt(pain) = log(2)*cl")
    with pytest.raises(PkpdError, match=r"broken\.toml:\d+: in d/dt\(pain\)"):
        state([], file)
    bare = own("bare.toml", "[benefit]", "[benefits]")
    with pytest.raises(PkpdError, match=r"bare\.toml"):
        state([], bare)


def test_a_broken_model_of_ones_own_library_spoils_no_other(own, tmp_path, monkeypatch):
    own("broken.toml", "d/dt(pain) = log(2)", "d/dt(pain) = log(2)*cl")
    monkeypatch.setenv("PKPD_MODELS", str(tmp_path))
    with_benefit.cache_clear()
    try:
        assert {"broken", "ldn/hormesis"} <= set(with_benefit())
        assert state([]).model.name == "ldn/hormesis"
        with pytest.raises(PkpdError, match=r"broken\.toml:\d+"):
            state([("model", "broken")])
    finally:
        with_benefit.cache_clear()
