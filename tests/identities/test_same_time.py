"""Times that decimal arithmetic drives apart are one: drawn decimals against sums of past doses.

Closed forms of one compartment with first-order absorption (tests/naive.py), where times are
decimals and compared as such.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import pkpd
from pkpd.dosing.regimen import Regimen

sys.path.insert(0, str(Path(__file__).parents[1]))
from naive import superposed

KA, KE = 1.0, 0.055
MODEL = """
title = "oral"
time = "h"
outputs = ["depot", "central"]
[dose]
depot = { unit = "mg", f = "F", lag = "LAG", rate = "R1", duration = "D1" }
central = { unit = "mg", f = "F", lag = "LAG", rate = "R1", duration = "D1" }
[parameters]
ka = { value = 1.0, unit = "1/h", label = "absorption", source = "test", evidence = "assumed" }
ke = { value = 0.055, unit = "1/h", label = "elimination", source = "test", evidence = "assumed" }
share = { value = 0.5, unit = "1", label = "-", source = "test", evidence = "assumed", IOV }
[equations]
e = '''
d/dt(depot) = -ka*depot : mg
d/dt(central) = ka*depot - ke*central : mg
'''
"""
ALIKE = MODEL.replace(", IOV", "")
VARIED = MODEL.replace('f = "F"', 'f = "share"').replace("IOV", "iov = { cv = 0.5 }")
USUAL = dict.fromkeys(("AMT", "RATE", "II", "ADDL", "SS", "EVID", "LAG"), 0) | {"CMT": 2, "F": 1}
DOSE = {"TIME": 0, "EVID": 1}


def load(folder, text):
    path = folder / "oral.toml"
    path.write_text(text)
    return pkpd.load(str(path))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load(tmp_path_factory.mktemp("alike"), ALIKE)


@pytest.fixture(scope="module")
def varied(tmp_path_factory):
    return load(tmp_path_factory.mktemp("varied"), VARIED)


def frame(model, rows, times=None, people=None):
    table = pd.DataFrame([USUAL | row for row in rows])
    people = pkpd.cohort(model, typical=True) if people is None else people
    return pkpd.simulate(model, pkpd.events(model, table), people, times, rtol=1e-10).frame()


def amounts(*args):
    """Depot and central just after each record."""
    return frame(*args)[["depot", "central"]].to_numpy()


tenths = st.integers(1, 60).map(lambda k: k / 10)
doses = st.fixed_dictionaries(
    {
        "AMT": st.integers(1, 80).map(lambda k: k / 10),
        "RATE": st.one_of(st.just(0), tenths.map(lambda x: x / 2), st.just(1e13)),
        "II": tenths,
        "ADDL": st.integers(0, 8),
        "SS": st.sampled_from([0, 1, 2]),
        "LAG": st.one_of(st.just(0), tenths),
        "F": st.sampled_from([1, 0.3, 0.7, 0.1]),
        "CMT": st.sampled_from([1, 2]),
    }
)
FILLS = USUAL | {"AMT": 4.2, "RATE": 0.7, "II": 6.0, "SS": 1}  # 4.2/0.7 is a rounding above 6
SHARED = USUAL | {"AMT": 3.5, "RATE": 0.175, "II": 6.0, "ADDL": 2, "SS": 1, "F": 0.3}
LAGGED = USUAL | {"AMT": 10.0, "II": 0.1, "ADDL": 3, "SS": 1, "LAG": 0.3}
SHORT = USUAL | {"AMT": 1.0, "RATE": 1e13, "II": 0.5, "ADDL": 1}


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(doses, doses, st.sampled_from([0.0, 0.3, 100.0]), tenths, st.lists(tenths, max_size=4))
@example(FILLS, FILLS | {"SS": 2, "ADDL": 3}, 100.0, 6.0, [6.0])
@example(FILLS | {"LAG": 4.0, "ADDL": 1}, FILLS | {"SS": 0, "CMT": 1}, 0.0, 6.0, [6.0, 12.0])
@example(SHARED, LAGGED | {"SS": 2}, 0.0, 0.3, [0.3, 5.7])
@example(LAGGED, LAGGED | {"LAG": 0.7, "II": 0.7, "SS": 2}, 0.3, 0.7, [0.1])
@example(SHORT, SHORT | {"CMT": 1}, 100.0, 0.5, [0.5])
@example(SHORT | {"SS": 1, "LAG": 0.5}, SHORT | {"SS": 2}, 100.0, 0.5, [0.5])
def test_drawn_decimals_are_the_sum_of_all_doses_that_ever_were(
    model, first, second, start, gap, looks
):
    then = round(start + gap, 9)
    rows = [first | {"TIME": start, "EVID": 1}, second | {"TIME": then, "EVID": 1}]
    later = sorted({round(then + x, 9) for x in (0, *looks)})
    rows += [USUAL | {"TIME": t, "LAG": second["LAG"], "F": second["F"]} for t in later]
    expected = superposed(rows, range(len(rows)), KA, KE)
    atol = 1e-7 * max(1.0, expected.max())
    np.testing.assert_allclose(amounts(model, rows), expected, rtol=1e-6, atol=atol)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([1.0, 4.2, 100.0]),
    st.floats(-16, 1),
    st.sampled_from([0.0, 5.0, 20000.0]),
    st.sampled_from([1, 2]),
)
@example(1.0, -13.0, 5.0, 2)
@example(1.0, -7.0, 20000.0, 2)
@example(1.0, -6.5, 20000.0, 1)
def test_an_infusion_of_any_length_gives_its_whole_amount(model, amount, digits, start, into):
    lasts = 10.0**digits
    dose = {"AMT": amount, "EVID": 1, "CMT": into}
    by_rate = dose | {"RATE": amount / lasts}
    exact = [USUAL | by_rate | {"TIME": 0}, USUAL | {"TIME": 12.0}]
    expected = superposed(exact, [1], KA, KE)[0]
    for given_as in (by_rate, dose | {"RATE": -2}):
        rows = [given_as | {"TIME": start, "D1": lasts}, {"TIME": start + 12.0, "D1": lasts}]
        np.testing.assert_allclose(amounts(model, rows)[1], expected, rtol=1e-7, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(tenths, st.integers(2, 12), st.sampled_from([0.1, 0.3, 0.7]))
@example(0.9, 4, 0.3)
def test_an_output_at_a_dose_is_just_after_it(model, every, count, step):
    regimen = f"100 mg into central q{every}h x {count}"
    times = f"0:{round(every * count, 9)}:{step}"
    result = pkpd.simulate(model, regimen, pkpd.cohort(model, typical=True), times, rtol=1e-10)
    given_at = np.round(every * np.arange(count), 9)
    ago = [t - given_at[given_at <= t] for t in result.times]
    expected = [100.0 * np.exp(-KE * times).sum() for times in ago]
    np.testing.assert_allclose(result.values[0, :, 1], expected, rtol=1e-8)
    assert result.times.tolist() == [round(k * step, 9) for k in range(len(result.times))]


@pytest.mark.parametrize("drifted", [0.3, 0.1 + 0.2, 0.3 - 5e-17])
def test_records_a_rounding_apart_are_at_one_time(model, drifted):
    rows = [DOSE | {"TIME": 0.1 + 0.2, "AMT": 5}, DOSE | {"TIME": drifted, "AMT": 3}]
    found = amounts(model, [*rows, {"TIME": 0.3}, {"TIME": 2.3}])
    np.testing.assert_allclose(found[2:, 1], [8.0, 8.0 * np.exp(-KE * 2.0)], rtol=1e-9)


def test_an_extra_time_stands_behind_the_record_at_its_time(model):
    rows = [DOSE | {"AMT": 100, "II": 0.1, "ADDL": 12}, {"TIME": 3 * 0.1}, {"TIME": 1.2}]
    found = frame(model, rows, [0.3, 0.9])
    assert found["EVID"].tolist() == [1, 0, 2, 2, 0]
    expected = 100 * np.exp(-KE * np.arange(4) / 10).sum()
    assert found["central"][1] == found["central"][2] == pytest.approx(expected, rel=1e-9)


def test_a_window_ends_just_before_the_dose_at_its_end(model):
    asked = {"endpoints": ["cmax(central)", "tmax(central)"], "window": (0, 3 * 0.9)}
    people = pkpd.cohort(model, typical=True)
    early = pkpd.simulate(model, "100 mg into central q0.9h x 4", people, rtol=1e-10, **asked)
    third = 100.0 * np.exp(-KE * 0.9 * np.arange(3)).sum()
    np.testing.assert_allclose(early.values[0], [third, 1.8], rtol=1e-8)


@settings(max_examples=25, deadline=None)
@given(tenths, tenths, st.integers(1, 12), st.integers(1, 12))
@example(0.1, 0.3, 12, 4)
def test_doses_that_meet_are_one_occasion(varied, one, other, more_of_one, more_of_other):
    plans = [(2, one, more_of_one), (1, other, more_of_other)]
    due = {into: [round(k * every, 9) for k in range(n + 1)] for into, every, n in plans}
    times = sorted({*due[1], *due[2]})
    end = {"TIME": round(times[-1] + 1.5, 9)}
    short = [DOSE | {"AMT": 10, "CMT": c, "II": every, "ADDL": n} for c, every, n in plans]
    written = [DOSE | {"AMT": 10, "CMT": c, "TIME": t} for t in times for c in due if t in due[c]]
    people = pkpd.cohort(varied, seed=3, ids=[1])
    last = [amounts(varied, [*rows, end], None, people)[-1] for rows in (short, written)]
    np.testing.assert_allclose(last[0], last[1], rtol=1e-8)


def test_doses_of_a_regimen_that_meet_are_one_occasion(varied):
    people = pkpd.cohort(varied, 4, seed=3)
    depot = pkpd.rx("10 mg q0.1h x 4")
    central = pkpd.rx("10 mg into central q0.3h x 2")
    both = Regimen((*depot.phases, *central.phases))
    alone, met = (
        pkpd.simulate(varied, regimen, people, [0.2, 0.5, 2.0]).values[:, :, 0]
        for regimen in (depot, both)
    )
    np.testing.assert_allclose(met, alone, rtol=1e-6)
