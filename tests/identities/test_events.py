"""Drawn event tables against sums of closed-form responses, and each rule as an identity."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pkpd

sys.path.insert(0, str(Path(__file__).parents[1]))
from naive import superposed

MODEL = """
title = "oral"
time = "h"
outputs = ["depot", "central"]
[dose]
depot = { unit = "mg", f = "F", lag = "LAG" }
central = { unit = "mg", f = "F", lag = "LAG" }
[parameters]
ka = { value = 1.3, unit = "1/h", label = "absorption", source = "test", evidence = "assumed" }
ke = { value = 0.17, unit = "1/h", label = "elimination", source = "test", evidence = "assumed" }
[equations]
e = '''
d/dt(depot) = -ka*depot : mg
d/dt(central) = ka*depot - ke*central : mg
'''
"""
COLUMNS = ["TIME", "AMT", "RATE", "II", "ADDL", "SS", "EVID", "CMT", "LAG", "F"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("oral") / "oral.toml"
    path.write_text(MODEL)
    return pkpd.load(str(path))


def amounts(model, table):
    """Depot and central just after each record."""
    frame = pkpd.simulate(
        model, pkpd.events(model, pd.DataFrame(table)), pkpd.cohort(model, typical=True), rtol=1e-9
    ).frame()
    return frame[["depot", "central"]].to_numpy()


records = st.fixed_dictionaries(
    {
        "gap": st.sampled_from([0.0, 0.0, 0.5, 3.0, 7.5]),
        "kind": st.sampled_from(
            ["see", "bolus", "infusion", "steady", "flowing", "endless", "reset"]
        ),
        "amount": st.sampled_from([1.0, 10.0, 37.0]),
        "rate": st.sampled_from([0.8, 3.0, 20.0]),
        "every": st.sampled_from([4.0, 6.5, 24.0]),
        "more": st.integers(0, 4),
        "evid": st.sampled_from([1, 1, 1, 4]),
        "into": st.sampled_from([1, 2]),
        "lag": st.sampled_from([0.0, 0.0, 1.5, 9.0]),
        "share": st.sampled_from([1.0, 0.4]),
        "join": st.sampled_from([1, 2]),
    }
)


def row_of(drawn, now):
    """A valid record of the drawn kind."""
    row = dict.fromkeys(COLUMNS, 0) | {"TIME": now, "LAG": drawn["lag"], "F": drawn["share"]}
    kind = drawn["kind"]
    if kind == "see":
        return row
    if kind == "reset":
        return row | {"EVID": 3}
    row |= {"EVID": drawn["evid"], "CMT": drawn["into"]}
    if kind == "endless":
        return row | {"SS": drawn["join"], "RATE": drawn["rate"]}
    row |= {"AMT": drawn["amount"], "ADDL": drawn["more"], "II": drawn["every"]}
    row["RATE"] = drawn["rate"] if kind in ("infusion", "flowing") else 0
    row["SS"] = drawn["join"] if kind in ("steady", "flowing") else 0
    return row


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(drawn=st.lists(records, min_size=1, max_size=8))
def test_drawn_tables_are_the_sum_of_closed_form_responses(model, drawn):
    now, rows = 0.0, []
    for one in drawn:
        now += one["gap"]
        rows += [
            row_of(one, now),
            dict.fromkeys(COLUMNS, 0) | {"TIME": now, "LAG": one["lag"], "F": one["share"]},
        ]
    rows.append(dict.fromkeys(COLUMNS, 0) | {"TIME": now + 30.0, "LAG": 0.0, "F": 1.0})
    expected = superposed(rows, range(len(rows)), 1.3, 0.17)
    found = amounts(model, rows)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6 * max(1.0, expected.max()))


DOSE = {"TIME": 2.0, "AMT": 10.0, "EVID": 1, "CMT": 1}
TIMES = "0:60:1.5"


def curve(model, table, **options):
    """Amounts in central at TIMES."""
    records = pkpd.events(model, pd.DataFrame(table).fillna(0))
    frame = pkpd.simulate(
        model, records, pkpd.cohort(model, typical=True), TIMES, rtol=1e-9, **options
    ).frame()
    return frame[frame["EVID"] == 2]["central"].to_numpy()


def close(one, other, rtol=1e-7):
    np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-8)


def test_additional_doses_equal_written_out_doses(model):
    close(
        curve(model, [DOSE | {"II": 7.0, "ADDL": 3}]),
        curve(model, [DOSE | {"TIME": 2.0 + 7.0 * k} for k in range(4)]),
    )


def test_a_short_infusion_tends_to_a_bolus(model):
    bolus = curve(model, [DOSE])
    gaps = [np.abs(curve(model, [DOSE | {"RATE": rate}]) - bolus).max() for rate in (1e3, 1e4, 1e5)]
    assert gaps[0] > 5 * gaps[1] > 25 * gaps[2]


@pytest.mark.parametrize(
    "dose",
    [{}, {"RATE": 3.0}, {"RATE": 0.4}, {"LAG": 5.0}, {"LAG": 9.0, "RATE": 0.7, "F": 0.6}],
    ids=str,
)
def test_steady_state_equals_a_long_run(model, dose):
    regular = DOSE | {"II": 8.0} | dose
    after = np.arange(0, 60.1, 1.5) >= 2.0
    settled, run = (
        curve(model, [regular | {"SS": 1, "ADDL": 7}]),
        curve(model, [regular | {"TIME": 2.0 - 800.0, "ADDL": 107}]),
    )
    close(settled[after], run[after], rtol=2e-6)


def test_a_second_steady_state_superposes(model):
    morning, evening = (
        DOSE | {"SS": 1, "II": 24.0, "ADDL": 2},
        DOSE | {"TIME": 12.0, "AMT": 4.0, "II": 24.0, "ADDL": 2},
    )
    together = curve(model, [morning, evening | {"SS": 2}])
    alone = curve(model, [evening | {"SS": 1}])
    late = np.arange(0, 60.1, 1.5) >= 12.0
    close(together[late], (curve(model, [morning]) + alone)[late], rtol=2e-6)


def test_lag_shifts(model):
    times = np.arange(0, 60.1, 1.5)
    lagged = curve(model, [DOSE | {"LAG": 3.0, "RATE": 2.0, "II": 12.0, "ADDL": 2}])
    close(
        lagged[times >= 3.0],
        curve(model, [DOSE | {"LAG": 0.0, "RATE": 2.0, "II": 12.0, "ADDL": 2}])[
            : (times >= 3.0).sum()
        ],
    )


def test_reset_and_dose_equals_reset_then_dose(model):
    first = DOSE | {"RATE": 0.5, "II": 10.0, "ADDL": 5}
    at = DOSE | {"TIME": 15.0, "AMT": 3.0, "II": 10.0, "ADDL": 1}
    close(
        curve(model, [first, at | {"EVID": 4}]),
        curve(model, [first, {"TIME": 15.0, "EVID": 3}, at]),
        rtol=0,
    )


def test_more_records_to_look_at_change_nothing(model):
    doses = [
        DOSE | {"II": 7.0, "ADDL": 3, "LAG": 1.5},
        DOSE | {"TIME": 20.0, "RATE": 0.6, "CMT": 2, "LAG": 1.5},
    ]
    looks = [{"TIME": t, "EVID": 0, "LAG": 1.5} for t in (2.0, 3.5, 5.1, 17.0, 20.0, 33.3)]
    table = sorted([*doses, *looks], key=lambda row: row["TIME"])
    close(curve(model, doses), curve(model, table))


def test_a_reset_may_turn_the_clock_back(model):
    period = [
        DOSE | {"TIME": 0.0, "EVID": 4, "RATE": 1.0},
        {"TIME": 4.0, "EVID": 0},
        {"TIME": 30.0, "EVID": 0},
    ]
    twice = amounts(model, pd.DataFrame([*period, *period]).fillna(0))
    close(twice[:3], twice[3:])


def test_a_patient_has_the_same_bits_alone_among_others_and_on_any_number_of_threads(
    tmp_path, model
):
    path = tmp_path / "varied.toml"
    path.write_text(
        MODEL.replace('value = 1.3, unit = "1/h"', 'value = 1.3, unit = "1/h", iiv = { cv = 0.5 }')
    )
    varied = pkpd.load(str(path))
    rows = [
        {"ID": i} | r
        for i in range(1, 41)
        for r in (
            DOSE | {"II": 6.0 + i % 3, "SS": 1, "ADDL": 3, "RATE": i % 2},
            {"TIME": 30.0 + i, "EVID": 0},
        )
    ]
    table = pd.DataFrame(rows).fillna(0)
    everybody = pkpd.simulate(
        varied, pkpd.events(varied, table), pkpd.cohort(varied, n=40, seed=3), threads=2
    ).frame()
    one = pkpd.simulate(
        varied,
        pkpd.events(varied, table[table["ID"] == 17]),
        pkpd.cohort(varied, seed=3, ids=[17]),
        threads=1,
    ).frame()
    np.testing.assert_array_equal(everybody[everybody["ID"] == 17].to_numpy(), one.to_numpy())
    assert everybody.groupby("ID")["central"].last().nunique() == 40


GROWING = """
title = "growing"
time = "h"
outputs = ["x", "rate"]
[dose]
x = { unit = "mg" }
[parameters]
k = { value = 0.02, unit = "1/(kg*h)", label = "loss", source = "test", evidence = "assumed" }
[covariates]
wt = { value = 5.0, unit = "kg", label = "weight", source = "test", evidence = "assumed" }
[equations]
e = '''
rate = k*wt : 1/h
d/dt(x) = -rate*x : mg
'''
"""
WEIGHTS = {0.0: 4.0, 3.0: 10.0, 5.0: 10.0, 12.0: 2.0, 20.0: 6.0}


@pytest.fixture(scope="module")
def growing(tmp_path_factory):
    path = tmp_path_factory.mktemp("growing") / "growing.toml"
    path.write_text(GROWING)
    return pkpd.load(str(path))


def grown(model, carry, table=None):
    table = (
        pd.DataFrame(
            {"TIME": list(WEIGHTS), "AMT": [8.0, 0, 0, 0, 0], "WT": list(WEIGHTS.values())}
        )
        if table is None
        else table
    )
    return pkpd.simulate(
        model,
        pkpd.events(model, table),
        pkpd.cohort(model, typical=True),
        "0:20:0.5",
        rtol=1e-10,
        carry=carry,
    ).frame()


@pytest.mark.parametrize("carry", ["backward", "forward", "linear"])
def test_a_covariate_moves_between_records_as_asked(growing, carry):
    knots, weights = np.array(list(WEIGHTS)), np.array(list(WEIGHTS.values()))
    fine = np.linspace(0.0, 20.0, 200_001)
    middle = (fine[1:] + fine[:-1]) / 2
    after = np.searchsorted(knots, middle)
    weight = {
        "backward": weights[after],
        "forward": weights[after - 1],
        "linear": np.interp(middle, knots, weights),
    }[carry]
    area = np.concatenate([[0.0], np.cumsum(weight) * 1e-4])
    found = grown(growing, carry).query("EVID == 2")
    np.testing.assert_allclose(
        found["x"], 8.0 * np.exp(-0.02 * np.interp(found["TIME"], fine, area)), rtol=1e-7
    )


def test_a_linear_covariate_goes_on_through_resets_steady_states_and_gaps(growing):
    rows = [
        {"TIME": 0.0, "AMT": 8.0, "WT": 4.0},
        {"TIME": 3.0, "EVID": 3, "WT": 10.0},
        {"TIME": 5.0, "AMT": 1.0, "SS": 1, "II": 4.0, "WT": 10.0},
        {"TIME": 8.0, "AMT": 1.0, "SS": 2, "II": 4.0, "WT": np.nan},
        {"TIME": 12.0, "AMT": 2.0, "EVID": 4, "WT": 2.0},
        {"TIME": 20.0, "WT": 6.0},
    ]
    table = pd.DataFrame(rows).astype({"AMT": float})
    table[["AMT", "SS", "II"]] = table[["AMT", "SS", "II"]].fillna(0)
    found = grown(growing, "linear", table).query("EVID == 2")
    np.testing.assert_allclose(
        found["rate"],
        0.02 * np.interp(found["TIME"], list(WEIGHTS), list(WEIGHTS.values())),
        rtol=1e-9,
    )
    settled = 1.0 / (1.0 - np.exp(-0.02 * 10.0 * 4.0))
    assert found.set_index("TIME")["x"][5.0] == pytest.approx(settled, rel=1e-6)
