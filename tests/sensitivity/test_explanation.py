"""One patient explained: the attribution is exact, parts are those of the switches.

The day is a steady one; any model with a benefit works.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import pkpd
from pkpd.errors import PkpdError
from pkpd.population.cohort import cohort
from pkpd.report.words import explanation
from pkpd.response.dose_response import dose_response
from pkpd.response.med import med
from pkpd.sensitivity.explanation import explain
from pkpd.simulation import simulate
from pkpd.symbolic.load import load

PRODUCT = load(str(Path(__file__).with_name("product.toml")))
LDN = load("ldn/hormesis")


@pytest.fixture(scope="module")
def patient():
    return explain(LDN, 3, seed=7)


def test_parts_of_the_inputs_sum_to_the_difference_of_the_two_log_doses(patient):
    own, typical = (
        med(LDN, c).columns["argmax"][0]
        for c in (cohort(LDN, seed=7, ids=[3]), cohort(LDN, typical=True))
    )
    assert patient.attribution.part.sum() == pytest.approx(
        patient.attribution.difference, abs=1e-12
    )
    assert patient.attribution.difference == pytest.approx(np.log10(own / typical), abs=1e-12)
    assert set(patient.names) == {i.name for i in LDN.inputs if i.iiv and i.iiv.kind != "classes"}


def test_pain_before_treatment_moves_the_dose_as_far_as_it_does_alone(patient):
    """It acts after the dose has acted, so that nothing but the bound of the effect is left to it.

    So little does not depend on the others: its part lies between what it does to the typical
    patient and to the patient.
    """
    place = LDN.input_names.index("p0")
    own, typical = cohort(LDN, seed=7, ids=[3]), cohort(LDN, typical=True)

    def log_dose(people, of):
        theta = people.theta.copy()
        theta[0, place] = of.theta[0, place]
        return np.log10(med(LDN, people.with_inputs(theta)).columns["argmax"][0])

    ends = [log_dose(one, own) - log_dose(one, typical) for one in (typical, own)]
    part = dict(zip(patient.names, patient.attribution.part, strict=True))["p0"]
    assert part == pytest.approx(np.mean(ends), abs=1e-4) and abs(part) < 1e-3


def test_a_log_dose_that_is_a_sum_is_split_into_its_terms():
    found = explain(PRODUCT, 5, seed=2)
    own = {name: found.row(0)[name] for name in found.names}
    middle = {name: found.row(1)[name] for name in found.names}
    expected = [0.0 if name == "a" else np.log10(own[name] / middle[name]) for name in found.names]
    assert found.attribution.exact
    np.testing.assert_allclose(found.attribution.part, expected, atol=1e-3)
    assert found.parts == {} and "the model has no switch that is on" in "\n".join(
        explanation.sentences(found.model, found.summary())
    )


def test_parts_of_the_curve_are_those_of_the_patient_with_a_switch_off(patient):
    assert list(patient.parts) == ["rebound", "glia", "all parts"]
    off = dose_response(LDN, cohort(LDN, seed=7, ids=[3], set={"glia": 0}))
    np.testing.assert_array_equal(patient.parts["glia"], off.gain[0])
    # what is left of pain is a product of an opioid and a glial part, exp(-a/p0)*exp(-b/p0)
    pain = patient.table.columns["untreated"][0]
    left = {name: pain - gain for name, gain in patient.parts.items()}
    np.testing.assert_allclose(
        (pain - patient.table.curves.gain[0]) * left["all parts"] / pain,
        left["glia"] * left["rebound"] / pain,
        atol=5e-5,
    )


def test_a_day_is_the_last_of_a_long_run(patient):
    assert (
        patient.watched == "blockade"
        and len(patient.doses) == 4
        and patient.row()["argmax"] in patient.doses
    )
    dose = float(patient.doses[-1])
    one = cohort(LDN, seed=7, ids=[3])
    long = simulate(
        LDN, f"{dose!r} mg q24h x 60", one, times=59 * 24 + patient.times[:-1], occasion="none"
    )
    np.testing.assert_allclose(
        patient.course[-1, :-1], long.values[0, :, long.names.index("blockade")], atol=1e-5
    )


def test_ranks_are_shares_of_people_below(patient):
    people = cohort(LDN, 4000, seed=1)
    for name in ("toff", "f_oral", "p0"):
        below = (people.column(name) < patient.row()[name]).mean()
        assert patient.rank[patient.names.index(name)] == pytest.approx(below, abs=0.03)


def test_typical_values_that_are_set_hold_for_both(patient):
    found = explain(LDN, 3, seed=7, set={"glia": 0, "toff": 24})
    assert (
        list(found.parts) == ["rebound"]
        and found.row(1)["toff"] == 24
        and "glia" not in found.names
    )
    assert found.row(0)["toff"] == pytest.approx(3 * patient.row(0)["toff"])


def test_what_cannot_be_explained_raises_a_sentence():
    with pytest.raises(
        PkpdError, match="Patient 1 of ldn/hormesis does not respond: no dose moves pain"
    ):
        explain(LDN, 1, set={"glia": 0, "s_opioid": 1e-9, "responds": 1})
    silent = int(np.flatnonzero(cohort(LDN, 40, seed=7).column("responds") == 0)[0]) + 1
    with pytest.raises(
        PkpdError,
        match=r"responds is 0 \(no\) here; "
        "see the dose it would be otherwise with --set responds=1",
    ):
        explain(LDN, silent, seed=7)
    with pytest.raises(PkpdError, match=r"no \[benefit\] table"):
        explain(load("pk/one_compartment"), 1)


def test_the_figure_shows_patient_and_typical_one(patient):
    drawing = pkpd.plot(patient)
    assert len(drawing.axes) == 3 and "patient 3" in drawing.get_suptitle()


def test_the_command_prints_the_inputs_by_size_and_writes_json_and_figure(run, tmp_path):
    path = Path(__file__).with_name("product.toml")
    code, printed, _ = run("explain", path, "--id", 5, "--seed", 2, "--out", "one")
    assert (
        code == 0 and printed.index("k1 ") < printed.index("all ") and "all 16 subsets" in printed
    )
    kept = json.loads((tmp_path / "one/explain.json").read_text())
    sizes = [abs(s["log10"]) for s in kept["shifts"]]
    assert sizes == sorted(sizes, reverse=True) and sum(
        s["log10"] for s in kept["shifts"]
    ) == pytest.approx(kept["difference_log10"])
    assert (tmp_path / "one/explain.png").stat().st_size > 20_000
    code, printed, _ = run("explain", path, "--id", 5, "--seed", 2, "--json")
    again = json.loads(printed)
    assert code == 0 and again["shifts"] == kept["shifts"] and again["day"] == kept["day"]


def test_ctrl_c_during_the_attribution_keeps_curve_and_day(run, tmp_path, monkeypatch):
    def stop(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr("pkpd.sensitivity.explanation.attribute", stop)
    path = Path(__file__).with_name("product.toml")
    code, printed, said = run("explain", path, "--id", 5, "--seed", 2, "--out", "one")
    assert code == 130 and "before the difference was attributed" in printed
    assert "3 of 4 parts of the explanation are finished and kept" in said
    kept = json.loads((tmp_path / "one/explain.json").read_text())
    assert kept["stopped"] and kept["shifts"] == [] and np.isfinite(kept["difference_log10"])
