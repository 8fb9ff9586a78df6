"""Observed beside true MED: null controls, the share that is real, any model with a benefit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pkpd.errors import PkpdError, Stopped, TrialError
from pkpd.population.cohort import cohort
from pkpd.response.med import med as true_med
from pkpd.symbolic.load import load
from pkpd.trials.observation import DIARY, Scale, diary
from pkpd.trials.physiology import check_outcome
from pkpd.trials.titrate import share_of_patients, summarise_observed, titrate

MODEL = load("ldn/hormesis")
PEOPLE = cohort(MODEL, 160, seed=7)
RULE = "slow-ladder-7-days"


@pytest.fixture(scope="module")
def table():
    return titrate(MODEL, PEOPLE, RULE, replicates=8)


def test_true_and_observed_stand_side_by_side(table):
    columns = table.columns
    assert list(columns)[:5] == ["ID", "status", "med", "observed", "observed_outcome"]
    found = np.isfinite(columns["observed"])
    np.testing.assert_array_equal(found, columns["observed_outcome"] == "found")
    assert set(columns["observed"][found]) <= set(table.rule.ladder)
    assert (columns["left"][found] == 0).all()
    summary = summarise_observed(table)
    assert sum(summary["outcome"].values()) == 160 and summary["share_real"]["repetitions"] == 8
    assert len(table.replicates()["ID"]) == 8 * 160


def test_under_same_med_the_true_log_med_has_sd_zero_and_the_rest_still_varies():
    table = titrate(MODEL, PEOPLE, RULE, null="same-med", replicates=1)
    argmax, med = table.truth["argmax"], table.truth["med"]
    assert (
        np.ptp(argmax) == 0.0 and np.ptp(med[np.isfinite(med)]) == 0.0
    )  # a computed SD would be rounding
    assert argmax[0] == true_med(MODEL, cohort(MODEL, typical=True)).columns["argmax"][0]
    assert (
        np.std(table.course.base) > 0.5
        and np.std(table.truth["effect_size"]) > 0.3
        and np.nanstd(table.found[0]) > 0
    )


def test_under_same_med_courses_are_multiples_of_the_typical_one():
    punctual = diary(changes={"missed": 0, "late": 0})
    table = titrate(MODEL, PEOPLE, RULE, null="same-med", replicates=1, diary=punctual)
    first = table.course.score[:, 14:21] - table.course.base[:, None]
    stayed = np.isfinite(first).all(axis=1) & (table.truth["effect_size"] > 0)
    ratio = first[stayed] / table.truth["effect_size"][stayed][:, None]
    assert stayed.sum() > 100
    np.testing.assert_allclose(ratio, np.tile(ratio[:1], (len(ratio), 1)), rtol=1e-9)


def test_under_same_med_a_non_responder_has_no_effect():
    table = titrate(
        MODEL, PEOPLE, RULE, null="same-med", replicates=1, diary=diary(changes={"responds": 0})
    )
    assert not table.truth["effect_size"].any() and (table.truth["status"] == "no_benefit").all()
    stayed = np.isfinite(table.course.score)
    np.testing.assert_array_equal(
        table.course.score[stayed], (table.course.base[:, None] + 0 * table.course.score)[stayed]
    )


def test_under_no_effect_the_body_receives_nothing_and_doses_are_written_down():
    table = titrate(MODEL, PEOPLE, RULE, null="no-effect", replicates=1)
    stayed = np.isfinite(table.course.score)
    np.testing.assert_allclose(
        table.course.score[stayed],
        (table.course.base[:, None] + 0 * table.course.score)[stayed],
        atol=1e-6,
    )
    assert (
        np.isfinite(table.found[0]).any()
        and np.isnan(table.truth["med"]).all()
        and (table.course.taken > 0).any()
    )


def test_repetitions_have_new_noise_on_the_same_patients(table):
    again = titrate(MODEL, PEOPLE, RULE, replicates=2)
    np.testing.assert_array_equal(again.found, table.found[:2])
    assert not np.array_equal(np.nan_to_num(table.found[0]), np.nan_to_num(table.found[1]))
    own = titrate(MODEL, PEOPLE, RULE, replicates=2, own_traits=True)
    np.testing.assert_array_equal(own.found[0], table.found[0])
    assert not np.array_equal(np.nan_to_num(own.found[1]), np.nan_to_num(table.found[1]))


@pytest.mark.parametrize(("between", "gaps"), [(0.0, 0.0), (0.5, 0.3), (1.0, 0.5)])
def test_share_of_patients_is_unbiased_and_its_interval_covers(between, gaps):
    wanted, found = between / (1 + between), []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y = np.sqrt(between) * rng.standard_normal(1000) + rng.standard_normal((8, 1000))
        y[rng.random(y.shape) < gaps] = np.nan
        found.append(share_of_patients(y))
    shares = np.array([f["share"] for f in found])
    assert abs(shares.mean() - wanted) < 3 * shares.std() / np.sqrt(40)
    assert np.mean([f["low"] <= wanted <= f["high"] for f in found]) >= 0.85


def test_share_of_patients_by_hand_and_with_too_few_values():
    y = np.array([[1.0, 3.0, np.nan], [2.0, 5.0, 4.0]])
    # mean squares: within (0.5 + 2)/2, between (2*(1.5-3)^2 + 2*(4-3)^2 + (4-3)^2)/2
    # n0 = (5 - 9/5)/2
    within, between = 1.25, ((2 * 2.25 + 2 + 1) / 2 - 1.25) / 1.6
    assert share_of_patients(y)["share"] == pytest.approx(between / (between + within))
    assert np.isnan(share_of_patients(y[:1])["share"]) and np.isnan(share_of_patients(y)["low"])


PRESSURE = """
title = "A drug that lowers a pressure"
time = "h"
outputs = ["load"]
[dose]
a = { unit = "mg" }
[benefit]
outcome = "load"
better = "lower"
into = "a"
every = "24 h"
doses = "1:100 mg"
delta = "10 %"
[parameters]
k = { value = 0.1, unit = "1/h", label = "loss of drug", source = "test", evidence = "assumed" }
a50 = { value = 10.0, unit = "mg", label = "half effect", source = "test", evidence = "assumed" }
[parameters.load0]
value = 6.0
unit = "UNIT"
iiv = { cv = 0.1 }
label = "untreated"
source = "test"
evidence = "assumed"
[equations]
e = \'\'\'
d/dt(a) = -k*a : mg
load = load0*(1 - 0.6*a/(a + a50)) : UNIT
relief = load0*0.6*a/(a + a50) : UNIT
\'\'\'
"""


SOME_WELL = PRESSURE.replace("load = load0", "load = ill*load0").replace(
    "[equations]",
    """[parameters.ill]
value = 1.0
unit = "1"
iiv = { classes = { well = 0.5, ill = 0.5 } }
label = "whether there is a load"
source = "test"
evidence = "assumed"
[equations]""",
)


def pressure(folder, unit, text=PRESSURE):
    """The model, and the packaged diary, in a unit."""
    path, notes = folder / "pressure.toml", folder / "pressure_diary.toml"
    path.write_text(text.replace("UNIT", unit))
    notes.write_text(DIARY.read_text().replace("NRS", unit))
    return load(str(path)), diary(notes)


def test_a_diary_in_the_outcomes_unit_gives_the_same_numbers_in_any_unit(tmp_path):
    ladder = {"kind": "ladder", "ladder": [5.0, 20.0, 80.0], "days": 7}
    courses = []
    for unit in ("NRS", "mmHg"):
        model, notes = pressure(tmp_path, unit)
        table = titrate(model, cohort(model, 24, seed=1), ladder, replicates=1, diary=notes)
        assert summarise_observed(table)["diary"]["unit"] == unit
        courses.append(table.course)
    assert np.isfinite(courses[0].found).sum() > 8
    for name in ("diary", "score", "dose", "found", "events"):
        np.testing.assert_array_equal(*(getattr(c, name) for c in courses), err_msg=name)


def test_a_diary_that_does_not_fit_the_outcome_is_refused(tmp_path):
    model, notes = pressure(tmp_path, "mmHg")
    people = cohort(model, 4, seed=1)
    said = r"load of pressure is in mmHg, but the diary 'diary' \(Pain diary.* is kept in NRS"
    with pytest.raises(TrialError, match=said):
        titrate(model, people, RULE, replicates=1)
    with pytest.raises(TrialError, match="such as 10 - relief"):
        titrate(model, people, RULE, diary=notes, outcome="relief", better="higher")
    high = cohort(model, 4, seed=1, set={"load0": 12.0})
    with pytest.raises(TrialError, match="is 12 mmHg without treatment, outside the 0 to 10"):
        titrate(model, high, RULE, diary=notes)


@pytest.mark.parametrize(("responds", "status"), [(0, "no_benefit"), (1, "above_range")])
def test_under_same_med_delta_of_an_untreated_value_of_0_is_of_the_typical_effect(
    tmp_path, responds, status
):
    """A tenth of 0 is 0, which no effect at all reaches."""
    model, _ = pressure(tmp_path, "NRS", SOME_WELL)
    people, notes = cohort(model, 32, seed=1), diary(changes={"responds": responds})
    table = titrate(model, people, RULE, null="same-med", replicates=1, diary=notes)
    well = table.truth["untreated"] == 0.0
    assert well.sum() == 16
    assert set(table.truth["status"][well]) == {status}


@settings(deadline=None)
@given(st.sampled_from(["NRS", "mmHg", "1", "%", "mg/dL"]), st.sampled_from(["NRS", "mmHg", "1"]))
def test_an_outcome_fits_a_diary_of_its_own_unit_alone(unit, kept_in):
    states = tuple(replace(s, unit=unit) if s.name == "pain" else s for s in MODEL.states)
    notes = replace(diary(), scale=Scale(kept_in, 0.0, 10.0))
    model = replace(MODEL, states=states)
    if unit == kept_in:
        check_outcome(model, model.benefit, notes)
    else:
        with pytest.raises(TrialError, match=f"Give a diary kept in {unit}"):
            check_outcome(model, model.benefit, notes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"null": "nothing"}, "null: unknown 'nothing'"),
        ({"replicates": 0}, "replicates must be a whole number"),
        ({"run_in": 0}, "days of run-in must be"),
        ({"rule": {"kind": "fixed", "ladder": [1.0], "unit": "mL"}}, "does not fit"),
        ({"rule": "slowly"}, "Unknown rule 'slowly'"),
        ({"rule": "keep"}, "'keep' is a kind of rule .* { kind = 'keep', ... }"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(options, said):
    with pytest.raises(PkpdError, match=said):
        titrate(MODEL, PEOPLE, **({"rule": RULE} | options))


def test_a_dose_in_micrograms_is_the_same_dose():
    few = PEOPLE.subset(range(1, 9))
    small = titrate(
        MODEL,
        few,
        {"kind": "ladder", "ladder": [500.0, 1500.0], "unit": "ug", "days": 7},
        replicates=1,
    )
    same = titrate(MODEL, few, {"kind": "ladder", "ladder": [0.5, 1.5], "days": 7}, replicates=1)
    np.testing.assert_array_equal(small.course.diary, same.course.diary)
    assert small.rule.ladder == (0.5, 1.5)


def test_ctrl_c_keeps_the_repetitions_that_are_finished(table):
    people = PEOPLE.rows(slice(0, 16))

    def interrupt(done):
        if done > len(people):
            raise KeyboardInterrupt

    with pytest.raises(Stopped, match="1 of 8 titrations of each patient are finished") as caught:
        titrate(MODEL, people, RULE, progress=interrupt)
    some = caught.value.partial
    np.testing.assert_array_equal(some.found, table.found[:1, :16])
    np.testing.assert_array_equal(some.truth["med"], table.truth["med"][:16])
