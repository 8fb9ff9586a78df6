"""Occasions: inputs vary between doses or periods where the model says so, and nowhere else."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import trapezoid

import pkpd
from pkpd.population.occasions import by_occasion
from pkpd.symbolic.drugs import targets_of
from pkpd.symbolic.load import load

MODEL = load("pk/naltrexone")
PEOPLE = pkpd.cohort(MODEL, 12, seed=7)
HOURS = np.arange(0.0, 97.0, 2.0)
REGIMEN = "4.5 mg q24h x 3"


def run(people=PEOPLE, regimen=REGIMEN, **options):
    return pkpd.simulate(MODEL, regimen, people, HOURS, rtol=1e-9, **options).values


def once(count):
    """Numbers of the occasions of one input, each once."""
    return np.arange(count)[:, None]


def with_inputs(theta):
    from dataclasses import replace

    return replace(PEOPLE, theta=theta)


def test_each_dose_has_the_bioavailability_of_its_occasion():
    # linear kinetics: the course is the sum over doses; the depot is empty before the next one
    own = by_occasion(PEOPLE, once(3)).reshape(len(PEOPLE), 3, -1)
    parts = [
        run(
            with_inputs(own[:, k]),
            f"wait {24 * k}h then 4.5 mg" if k else "4.5 mg",
            occasion="none",
        )
        for k in range(3)
    ]
    # depots of the slowest patients are not quite empty
    np.testing.assert_allclose(run(), np.sum(parts, axis=0), rtol=1e-5, atol=1e-9)
    assert np.abs(run() / np.maximum(run(occasion="none"), 1e-9) - 1)[:, 30].max() > 0.05


def test_only_inputs_with_variability_between_occasions_change():
    own = by_occasion(PEOPLE, once(5)).reshape(len(PEOPLE), 5, -1)
    moved = {n for k, n in enumerate(MODEL.input_names) if (own[:, 1:, k] != own[:, :1, k]).any()}
    assert moved == {"f_oral"} == {i.name for i in MODEL.inputs if i.iov}


def test_one_occasion_per_day_is_one_per_dose_for_daily_doses():
    until = HOURS < 72  # there the fourth period begins
    np.testing.assert_array_equal(run(occasion="1 d")[:, until], run(occasion="dose")[:, until])
    assert not np.array_equal(run(occasion="2 d"), run(occasion="dose"))


def test_the_spread_between_occasions_is_the_written_one():
    people = pkpd.cohort(MODEL, 2**9, seed=3)
    k = MODEL.input_names.index("f_oral")
    f = by_occasion(people, once(2**7)).reshape(len(people), -1, len(MODEL.inputs))[:, :, k]
    deviation = np.log(f / (1 - f)) - np.log(people.theta[:, k] / (1 - people.theta[:, k]))[:, None]
    assert np.std(deviation) == pytest.approx(0.20 / (1 - 0.126), rel=4 / np.sqrt(2 * f.size))
    assert np.mean(deviation) == pytest.approx(0.0, abs=4 * 0.229 / np.sqrt(f.size))
    # the patient's own value is the middle of the occasions
    assert np.corrcoef(deviation[:, 0], deviation[:, 1])[0, 1] == pytest.approx(
        0.0, abs=4 / np.sqrt(len(people))
    )


def test_a_patient_has_the_same_bits_alone_and_with_other_regimens_before_and_after():
    whole = run()
    np.testing.assert_array_equal(run(PEOPLE.subset([5])), whole[4:5])
    np.testing.assert_array_equal(
        run(regimen="4.5 mg q24h x 4")[:, HOURS < 72], whole[:, HOURS < 72]
    )


def test_the_typical_patient_and_doses_at_steady_state_have_no_occasions():
    one = pkpd.cohort(MODEL, typical=True)
    np.testing.assert_array_equal(run(one, occasion="dose"), run(one, occasion="none"))
    model = load("ldn/hormesis")
    people = pkpd.cohort(model, 4, seed=7)
    long = pkpd.simulate(
        model, "4.5 mg q24h x 120", people, "2856:2880:0.25", occasion="none"
    ).values[:, :, 0]
    steady = pkpd.dose_response(model, people, [4.5]).outcome[:, 0]
    np.testing.assert_allclose(trapezoid(long, dx=0.25, axis=1) / 24, steady, rtol=1e-4)


def test_a_cohort_solved_in_parts_has_the_same_bits(monkeypatch):
    whole = run(residual={"Cc": "10 %"})
    monkeypatch.setattr(
        "pkpd.simulation.regimens.MOST_NUMBERS", 5 * 3 * len(MODEL.inputs)
    )  # five patients with three occasions
    np.testing.assert_array_equal(run(residual={"Cc": "10 %"}), whole)


@pytest.mark.parametrize("wrong", ["daily", "7 mg", "0 h", "-1 d"])
def test_what_is_no_occasion_is_refused(wrong):
    with pytest.raises(pkpd.PkpdError, match="occasion"):
        run(occasion=wrong)


def at_records(table, people=PEOPLE, **options):
    frame = pkpd.simulate(
        MODEL, pkpd.events(MODEL, pd.DataFrame(table)), people, rtol=1e-9, **options
    ).frame()
    return frame[list(MODEL.outputs)].to_numpy().reshape(len(people), -1, len(MODEL.outputs))


SEEN = [1.0, 10.0, 24.0, 30.0, 47.9, 53.0, 71.0, 75.0, 96.0]
WRITTEN = {"TIME": [0, 24, 48, *SEEN], "AMT": [4.5] * 3 + [0] * 9, "EVID": [1] * 3 + [0] * 9}
ONCE = {
    "TIME": [0, *SEEN],
    "AMT": [4.5] + [0] * 9,
    "EVID": [1] + [0] * 9,
    "II": [24] + [0] * 9,
    "ADDL": [2] + [0] * 9,
}


def in_time(table):
    return pd.DataFrame(table).sort_values(["TIME", "EVID"], ascending=[True, False])


@pytest.mark.parametrize("table", [ONCE, in_time(WRITTEN)], ids=["additional doses", "written out"])
@pytest.mark.parametrize("occasion", ["dose", "1 d", "36 h", "none"])
@pytest.mark.parametrize("carry", ["backward", "forward", "linear"])
def test_an_event_table_has_the_occasions_of_the_same_regimen(table, occasion, carry):
    by_regimen = pkpd.simulate(MODEL, REGIMEN, PEOPLE, SEEN, rtol=1e-9, occasion=occasion).values
    rows = (pd.DataFrame(table)["EVID"] == 0).to_numpy()
    np.testing.assert_allclose(
        at_records(table, occasion=occasion, carry=carry)[:, rows], by_regimen, rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("occasion", ["dose", "36 h"])
def test_additional_doses_after_the_last_record_have_occasions_too(occasion):
    table = pd.DataFrame(
        {
            "ID": [3, 9],
            "TIME": [0, 0],
            "AMT": [4.5, 4.5],
            "II": [24, 24],
            "ADDL": [2, 1],
            "WT": [60, 90],
        }
    )
    people = PEOPLE.subset([3, 9])
    frame = pkpd.simulate(
        MODEL, pkpd.events(MODEL, table), people, SEEN, rtol=1e-9, occasion=occasion
    ).frame()
    for patient, doses, weight in ((3, 3, 60), (9, 2, 90)):
        one = pkpd.cohort(MODEL, seed=7, covariates=pd.DataFrame({"ID": [patient], "wt": [weight]}))
        wanted = pkpd.simulate(
            MODEL, f"4.5 mg q24h x {doses}", one, SEEN, rtol=1e-9, occasion=occasion
        ).values[0]
        found = frame[(frame["ID"] == patient) & (frame["EVID"] == 2)][
            list(MODEL.outputs)
        ].to_numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("carry", "filled"), [("backward", 100), ("forward", 60), ("linear", 60 + 40 * 24 / 36)]
)
def test_additional_doses_equal_written_out_ones_while_a_covariate_changes(carry, filled):
    once = pd.DataFrame(
        {
            "TIME": [0, 36, 60, 84],
            "WT": [60, 100, 100, 100],
            "AMT": [4.5, 0, 0, 0],
            "EVID": [1, 0, 0, 0],
            "II": [24, 0, 0, 0],
            "ADDL": [2, 0, 0, 0],
        }
    )
    times, weights = [0, 24, 36, 48, 60, 84], [60, filled, 100, 100, 100, 100]
    written = pd.DataFrame(
        {"TIME": times, "WT": weights, "AMT": [4.5, 4.5, 0, 4.5, 0, 0], "EVID": [1, 1, 0, 1, 0, 0]}
    )
    np.testing.assert_allclose(
        at_records(once, carry=carry),
        at_records(written, carry=carry)[:, [0, 2, 4, 5]],
        rtol=1e-6,
        atol=1e-9,
    )


def test_additional_doses_have_the_lag_of_their_record():
    # the same whether the oral fraction has occasions, which write additional doses out, or not
    table = pd.DataFrame(
        {
            "TIME": [0, 30, 60, 84],
            "tlag": [1.0, 5.0, 9.0, 9.0],
            "f_oral": 0.2,
            "AMT": [4.5, 0, 0, 0],
            "EVID": [1, 0, 0, 0],
            "II": [24, 0, 0, 0],
            "ADDL": [2, 0, 0, 0],
        }
    )
    for carry in ("backward", "forward"):
        np.testing.assert_allclose(
            at_records(table, carry=carry),
            at_records(table, carry=carry, occasion="none"),
            rtol=1e-5,
            atol=1e-8,
        )


def test_the_oral_fraction_of_a_table_does_not_vary_between_occasions():
    table = in_time(WRITTEN).assign(f_oral=0.2)
    np.testing.assert_allclose(
        at_records(table, occasion="dose"), at_records(table, occasion="none"), rtol=1e-6, atol=1e-9
    )


SAID = 'label = "test", source = "test", evidence = "assumed"'
VARIES = "iiv = { cv = 0.2 }, iov = { cv = 0.4 }"
TWO_DRUGS = f"""
title = "two drugs that share an effect"
time = "h"
outputs = ["a", "b", "effect"]
[dose]
gut_a = {{ unit = "mg" }}
gut_b = {{ unit = "mg", lag = "lag_b" }}
[parameters]
share_a = {{ value = 0.5, unit = "1", {VARIES}, {SAID} }}
share_b = {{ value = 0.5, unit = "1", {VARIES}, {SAID} }}
lag_b = {{ value = 0.3, unit = "h", {VARIES}, {SAID} }}
loss = {{ value = 0.05, unit = "1/h", {VARIES}, {SAID} }}
size = {{ value = 1.0, unit = "1", {VARIES}, {SAID} }}
k = {{ value = 0.4, unit = "1/h", {SAID} }}
[equations]
two = '''
taken = share_a*gut_a : mg
d/dt(gut_a) = -k*gut_a : mg
d/dt(a) = k*taken - k*a : mg
d/dt(gut_b) = -k*gut_b : mg
d/dt(b) = k*share_b*gut_b - k*b : mg
d/dt(effect) = k*(a + b) - loss*effect : mg
shown = size*effect : mg
'''
"""


@pytest.fixture(scope="module")
def two_drugs(tmp_path_factory):
    path = tmp_path_factory.mktemp("two") / "two_drugs.toml"
    path.write_text(TWO_DRUGS)
    return load(path)


def test_an_input_belongs_to_the_drugs_whose_doses_reach_its_rate(two_drugs):
    names = ["share_a", "share_b", "lag_b", "loss", "size", "k"]
    found = dict(zip(names, targets_of(two_drugs, names), strict=True))
    assert found == {
        "share_a": {0},
        "share_b": {1},
        "lag_b": {1},
        "loss": {0, 1},
        "size": {0, 1},
        "k": {0, 1},
    }


ALONE = "10 mg into gut_a q24h x 4"
BESIDE = f"{ALONE} and 7 mg into gut_b at 05:00, 13:00 x 8"


@pytest.mark.parametrize("way", ["text", "table"])
def test_doses_of_another_drug_do_not_redraw_what_is_not_theirs(two_drugs, way):
    people, grid = pkpd.cohort(two_drugs, 7, seed=3), np.arange(0.0, 97.0, 1.5)

    def given(a, b):
        if way == "text":
            return ALONE if not b else BESIDE if a else BESIDE.partition(" and ")[2]
        rows = [(0, 10, "gut_a", 24, 3)] if a else []
        rows += [(5, 7, "gut_b", 24, 3), (13, 7, "gut_b", 24, 3)] if b else []
        table = pd.DataFrame(rows, columns=["TIME", "AMT", "CMT", "II", "ADDL"]).assign(EVID=1)
        return pkpd.events(two_drugs, table)

    def run(**drugs):
        found = pkpd.simulate(two_drugs, given(**drugs), people, grid, rtol=1e-10).frame()
        found = found[found["EVID"] == 2] if way == "table" else found
        return {n: found[n].to_numpy().reshape(7, -1) for n in two_drugs.outputs}

    both, a, b = run(a=True, b=True), run(a=True, b=False), run(a=False, b=True)
    np.testing.assert_allclose(both["a"], a["a"], rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(both["b"], b["b"], rtol=1e-7, atol=1e-8)
    # the effect belongs to both, so that its loss has other occasions beside the other drug
    late = grid > 60
    assert np.abs(both["effect"] - a["effect"] - b["effect"])[:, late].max() > 1e-3


def test_text_and_table_put_two_drugs_on_the_same_occasions(two_drugs):
    people, grid = pkpd.cohort(two_drugs, 7, seed=3), np.arange(0.0, 97.0, 1.5)
    table = {
        "TIME": [0, 5, 13],
        "AMT": [10, 7, 7],
        "CMT": ["gut_a", "gut_b", "gut_b"],
        "II": [24] * 3,
        "ADDL": [3] * 3,
    }
    records = pkpd.events(two_drugs, pd.DataFrame(table))
    by_table = pkpd.simulate(two_drugs, records, people, grid, rtol=1e-10).frame()
    by_table = by_table[by_table["EVID"] == 2]
    by_text = pkpd.simulate(two_drugs, BESIDE, people, grid, rtol=1e-10).values
    by_table = by_table[list(two_drugs.outputs)].to_numpy().reshape(by_text.shape)
    np.testing.assert_allclose(by_table, by_text, rtol=1e-7, atol=1e-8)
