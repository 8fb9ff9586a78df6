"""Tables become profiles: which dose, which samples, and what is said or refused."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pkpd
from pkpd.cli import main
from pkpd.nca import profile
from tests.nca.data import HOURS, INDOMETH, THEOPH

TIMES, CONC = [0.5, 2.0, 6.0, 9.0, 12.0], [4.0, 5.0, 2.0, 1.3, 0.8]


def noncompartmental(*given, **options):
    """The table of an analysis."""
    return pkpd.noncompartmental(*given, **options).frame()


def said(frame):
    return " ".join(frame.attrs["conventions"])


def numbers(frame, row=0):
    return frame.drop(columns="ID").iloc[row].to_dict()


def test_without_doses_time_0_is_the_dose_and_c0_is_put_in():
    table = pd.DataFrame({"ID": 2, "TIME": HOURS, "DV": INDOMETH[2]})
    found = noncompartmental(table, dose="25 mg", route="bolus", unit="mg/L")
    row = found.iloc[0]
    assert row["c0"] == pytest.approx(2.528160, abs=1e-6) and row["cl"] == pytest.approx(
        7.209716, abs=1e-6
    )
    assert row["auc_last"] == pytest.approx(3.202888, abs=1e-6) and row["vss"] == pytest.approx(
        19.56, abs=5e-3
    )
    assert "Time of the dose: 0, as the table has no doses" in said(found) and "C0" in said(found)
    later = noncompartmental(
        table.assign(TIME=table["TIME"] + 100), dose="25 mg", route="bolus", start=100
    )
    assert numbers(later)["c0"] == pytest.approx(row["c0"]) and "--start" in said(later)


def test_a_dose_row_without_a_sample_begins_at_0():
    table = pd.DataFrame(
        {"TIME": [0, 2, 4, 8, 12, 24], "AMT": [100, *[None] * 5], "DV": [None, 10, 8, 4, 2, 0.25]}
    )
    found = noncompartmental(table)
    assert numbers(found)["auc_last"] == pytest.approx(72.649227, abs=1e-6)
    assert numbers(found)["auc_inf"] == pytest.approx(74.091922, abs=1e-6)
    assert "No sample at the dose in 1 of 1 profiles: 0 put in." in said(found)


def test_samples_that_begin_far_from_0_need_the_time_of_their_dose():
    table = pd.DataFrame({"TIME": [336.0, 337.0, 340.0, 348.0], "DV": [0.0, 5.0, 3.0, 1.0]})
    with pytest.raises(pkpd.PkpdError, match=r"begin at 336, far from 0.*--start"):
        noncompartmental(table)
    near = noncompartmental(table.assign(TIME=[0.0, 1.0, 4.0, 12.0]))
    assert numbers(noncompartmental(table, start=336)) == pytest.approx(numbers(near), nan_ok=True)


gaps = st.lists(st.sampled_from([0.1, 0.25, 0.3, 0.7, 1.1, 2.3]), min_size=4, max_size=9)


@given(
    gaps=gaps,
    heights=st.lists(st.floats(0.01, 100.0), min_size=9, max_size=9),
    interval=st.sampled_from([3.1, 6.2, 12.3]),
    begin=st.sampled_from([0.0, 0.7, 336.3]),
    route=st.sampled_from(["oral", "bolus"]),
    written=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_a_profile_among_many_doses_is_that_of_its_own_samples(
    gaps, heights, interval, begin, route, written
):
    offsets = np.cumsum(gaps)
    offsets, conc = offsets[offsets < interval * 0.99], np.array(heights)
    conc = conc[: len(offsets)]
    if not len(offsets):
        return
    doses = [begin + k * interval for k in range(3)]
    rows = []
    for k, dose in enumerate(doses):
        if written or k == 0:
            extra = {} if written else {"ADDL": 2, "II": interval}
            rows.append({"TIME": dose, "AMT": 50.0, "DV": None, "ADDL": 0, "II": 0.0} | extra)
        scale = (1.0, 3.0, 7.0)[k]
        rows += [
            {"TIME": dose + t, "AMT": None, "DV": scale * c}
            for t, c in zip(offsets, conc, strict=True)
        ]
    table = pd.DataFrame(rows)
    for k, dose in enumerate(doses):
        found = numbers(noncompartmental(table, start=dose, route=route))
        alone = profile(offsets, (1.0, 3.0, 7.0)[k] * conc, 50.0, route)
        assert found == pytest.approx(alone, rel=1e-6, nan_ok=True)
    with pytest.raises(pkpd.PkpdError, match=r"has 3 doses.*--start"):
        noncompartmental(table)


@given(unit=st.floats(0.01, 1000.0), time=st.floats(0.01, 1000.0))
@settings(max_examples=20, deadline=None)
def test_units_of_concentration_and_time_change_nothing_but_themselves(unit, time):
    one = profile(*THEOPH[2], 320.0, partial=[(0.0, 12.0)])
    times, conc = np.array(THEOPH[2][0]) * time, np.array(THEOPH[2][1]) * unit
    other = profile(times, conc, 320.0, partial=[(0.0, 12.0 * time)])
    assert other["auc_inf"] == pytest.approx(one["auc_inf"] * unit * time)
    assert other["mrt"] == pytest.approx(one["mrt"] * time)
    assert other["cl_f"] == pytest.approx(one["cl_f"] / unit / time)
    assert other["vz_f"] == pytest.approx(one["vz_f"] / unit)


def test_a_sample_at_the_next_dose_ends_an_oral_profile_and_begins_the_next():
    rows = [(0, 100, None), *((t, None, c) for t, c in zip(TIMES, CONC, strict=True))]
    rows += [(12, 100, None), (14, None, 6.0), (18, None, 2.8), (24, None, 1.0)]
    table = pd.DataFrame(rows, columns=["TIME", "AMT", "DV"])
    first, second = (noncompartmental(table, start=t) for t in (0, 12))
    assert numbers(first) == pytest.approx(profile(TIMES, CONC, 100.0))
    assert numbers(second) == pytest.approx(
        profile([0, 2, 6, 12], [0.8, 6.0, 2.8, 1.0], 100.0), nan_ok=True
    )
    assert "Samples left out after the next dose: 3." in said(first)
    assert "Samples left out before the dose: 4." in said(second) and "earlier doses" in said(
        second
    )


def test_the_order_of_rows_says_whether_a_sample_was_before_or_after_a_bolus():
    rows = [(0, 100, None), (0, None, 9.0), (4, None, 4.0), (12, None, 0.8), (12, 100, None)]
    rows += [(12, None, 9.8), (16, None, 4.4), (24, None, 0.9)]
    table = pd.DataFrame(rows, columns=["TIME", "AMT", "DV"])
    first, second = (numbers(noncompartmental(table, start=t, route="bolus")) for t in (0, 12))
    assert first == pytest.approx(profile([0, 4, 12], [9.0, 4.0, 0.8], 100.0, "bolus"))
    assert second == pytest.approx(profile([0, 4, 12], [9.8, 4.4, 0.9], 100.0, "bolus"))


def test_a_0_at_the_time_of_a_bolus_was_sampled_before_it():
    table = pd.DataFrame({"TIME": [0.0, *HOURS], "DV": [0.0, *INDOMETH[1]]})
    found = noncompartmental(table, dose=25, route="bolus")
    assert numbers(found)["c0"] == pytest.approx(
        2.3936170
    ) and "left out before the dose: 1" in said(found)
    with pytest.raises(pkpd.PkpdError, match="sampled before the dose"):
        noncompartmental(table.assign(DV=[0.3, *INDOMETH[1]]), dose=25, route="bolus")


def test_an_infusion_lasts_as_long_as_its_rate_says():
    rows = [(0, 100, 50, None), *((t, None, None, c) for t, c in zip(TIMES, CONC, strict=True))]
    table = pd.DataFrame(rows, columns=["TIME", "AMT", "RATE", "DV"])
    found = noncompartmental(table, route="infusion")
    assert numbers(found) == pytest.approx(profile(TIMES, CONC, 100.0, "infusion", 2.0))
    with pytest.raises(pkpd.PkpdError, match="is an infusion, not oral; write --route infusion"):
        noncompartmental(table)
    with pytest.raises(pkpd.PkpdError, match="--duration 3, but the table says 2"):
        noncompartmental(table, route="infusion", duration=3)
    with pytest.raises(pkpd.PkpdError, match="how long was the infusion"):
        noncompartmental(table.drop(columns="RATE"), route="infusion")


def test_samples_after_an_interval_at_steady_state_make_the_terminal_slope_alone():
    times = np.array([0.0, 1, 2, 4, 8, 12, 16, 24, 36])
    conc = np.array([2.0, 8, 9, 7, 4, 2, 1.2, 0.4, 0.08])
    rows = [
        (0, 100, 1, 12, None),
        *((t, None, None, None, c) for t, c in zip(times, conc, strict=True)),
    ]
    table = pd.DataFrame(rows, columns=["TIME", "AMT", "SS", "II", "DV"])
    found = noncompartmental(table)
    by_hand = profile(times, conc, 100.0, every=12.0)
    assert numbers(found) == pytest.approx(by_hand) and "Steady state" in said(found)
    assert found["lambda_z"][0] == pytest.approx(profile(times, conc)["lambda_z"])
    assert found["auc_tau"][0] == pytest.approx(profile(times[:6], conc[:6])["auc_last"])
    with pytest.raises(pkpd.PkpdError, match="--every 24, but the table says 12"):
        noncompartmental(table, every=24)


def test_a_rise_after_the_interval_is_the_next_dose():
    times = np.array([0.0, 1, 2, 4, 8, 12])
    conc = np.array([2.0, 8, 9, 7, 4, 2])
    table = pd.DataFrame(
        {"TIME": np.append(times, times[1:] + 12), "DV": np.append(conc, conc[1:])}
    )
    found = noncompartmental(table, dose=100, every=12)
    assert numbers(found) == pytest.approx(profile(times, conc, 100.0, every=12.0))
    assert "Samples left out after the next dose: 5" in said(found)
    with pytest.raises(pkpd.PkpdError, match="next dose comes after 6"):
        noncompartmental(
            pd.DataFrame({"TIME": [0, 1, 6], "AMT": [9, 0, 9], "DV": [None, 1, None]}),
            every=12,
            start=0,
        )


def test_an_interval_at_steady_state_gives_clearance_average_and_swing():
    model = pkpd.load("pk/one_compartment")
    table = pd.DataFrame({"TIME": [0.0], "AMT": [100.0], "SS": [1], "II": [12.0], "ADDL": [3]})
    person = pkpd.cohort(model, typical=True)
    frame = pkpd.simulate(model, pkpd.events(model, table), person, "0:24:0.05", rtol=1e-9).frame()
    steady = {"dose": "100 mg", "every": 12.0, "start": 0.0, "unit": "ng/mL"}
    found = noncompartmental(frame, "Cc", **steady).iloc[0]
    typical = person.frame().iloc[0]
    assert found["cl_f"] == pytest.approx(typical["cl"] / typical["fdepot"], rel=2e-4)
    assert found["cavg"] == pytest.approx(found["auc_tau"] / 12) and 0 < found["fluctuation"] < 400
    k, ka = typical["cl"] / typical["vc"], typical["ka"]
    assert found["accumulation"] == pytest.approx(1 / (1 - np.exp(-12 * min(k, ka))), rel=0.02)


def test_a_simulated_infusion_gives_back_clearance_and_volumes(tmp_path):
    model = pkpd.load("pk/two_compartment")
    table = pd.DataFrame({"TIME": [0.0], "AMT": [100.0], "RATE": [50.0], "CMT": ["central"]})
    times = np.concatenate([np.arange(0, 6, 0.02), np.arange(6, 300, 1.0)])
    people = pkpd.cohort(model, n=3, seed=2)
    run = pkpd.simulate(model, pkpd.events(model, table), people, times, rtol=1e-9)
    run.write(tmp_path / "run.parquet")
    path = tmp_path / "run.parquet"
    found = noncompartmental(path, "Cc", dose="100 mg", route="infusion", duration=2.0)
    inputs = people.frame()
    assert found.attrs["units"]["cl"] == "L/h" and found.attrs["units"]["auc_inf"] == "ng/mL*h"
    np.testing.assert_allclose(found["cl"], inputs["cl"], rtol=1e-3)
    np.testing.assert_allclose(found["vss"], inputs["vc"] + inputs["vp"], rtol=5e-3)


def test_a_second_rise_is_said():
    table = pd.DataFrame({"TIME": [0, 1, 4, 12, 13, 16, 24], "DV": [0, 9, 6, 1, 10, 7, 1.1]})
    assert "if that is another dose, put it into AMT" in said(noncompartmental(table))
    assert "another dose" not in said(noncompartmental(table[:4]))
    assert "7 rows; used: TIME, DV; unused: none; missing: ID, AMT." in said(
        noncompartmental(table)
    )


CELLS = ["<0.5", "2", "BLQ", "4", "<0.5", "1", "<0.5"]


@pytest.mark.parametrize(
    ("blq", "times", "conc"),
    [
        ("zero", range(7), [0, 2, 0, 4, 0, 1, 0]),
        ("missing", [1, 3, 5], [2, 4, 1]),
        ("leading-zero", [0, 1, 3, 5], [0, 2, 4, 1]),
    ],
)
def test_concentrations_below_the_limit_count_as_written_out(blq, times, conc):
    table = pd.DataFrame({"TIME": range(7), "DV": CELLS})
    found = noncompartmental(table, blq=blq)
    written = noncompartmental(pd.DataFrame({"TIME": times, "DV": conc}))
    assert numbers(found) == pytest.approx(numbers(written), nan_ok=True)
    assert "Concentrations below the limit: 4" in said(found)


def test_half_a_limit_is_half_of_the_limit_that_was_written():
    table = pd.DataFrame({"TIME": range(5), "DV": ["<0.5", "2", "4", "1", "< 0.25"]})
    written = pd.DataFrame({"TIME": range(5), "DV": [0.25, 2, 4, 1, 0.125]})
    expected = numbers(noncompartmental(written))
    assert numbers(noncompartmental(table, blq="half")) == pytest.approx(expected, nan_ok=True)
    marked = pd.DataFrame({"TIME": range(5), "DV": [0.5, 2, 4, 1, 0.25], "BLQ": [1, 0, 0, 0, 1]})
    assert numbers(noncompartmental(marked, blq="half")) == pytest.approx(expected, nan_ok=True)
    with pytest.raises(pkpd.PkpdError, match="row 1, column DV: 'BLQ' has no limit"):
        noncompartmental(table.assign(DV=["BLQ", 2, 4, 1, "<0.25"]), blq="half")


@pytest.mark.parametrize("name", ["LLOQ", "lloq (mg/L)", "LLQ", "LOQ", "PCLLOQ"])
@pytest.mark.parametrize("blq", pkpd.nca.samples.BELOW_LIMIT)
def test_numbers_below_a_column_of_limits_count_as_the_same_written_out(name, blq):
    below = pd.DataFrame({"TIME": range(7), "DV": [0, 2, 0.3, 4, 0.5, 0.49, "BLQ"], name: 0.5})
    out = ["<0.5", 2, "<0.5", 4, 0.5, "<0.5", "<0.5"]  # 0.5 itself is quantified
    written = noncompartmental(below[["TIME"]].assign(DV=out), blq=blq)
    found = noncompartmental(below, blq=blq)
    assert numbers(found) == pytest.approx(numbers(written), nan_ok=True)
    assert "Concentrations below the limit: 4" in said(found)
    assert f"used: TIME, DV, {name}; unused: none" in said(found)


def test_a_column_of_limits_is_no_column_of_concentrations_and_may_have_gaps():
    table = pd.DataFrame({"TIME": range(5), "Cc": [0, 2, 4, 1, 0.3], "LLOQ": ["."] * 4 + [0.5]})
    written = pd.DataFrame({"TIME": range(5), "Cc": [0, 2, 4, 1, 0.25]})
    found = noncompartmental(table, blq="half")
    assert numbers(found) == pytest.approx(numbers(noncompartmental(written)), nan_ok=True)


def test_the_record_of_a_dose_is_not_below_the_limit():
    dosed = pd.DataFrame({"TIME": [0, 1, 2, 4], "AMT": [9, 0, 0, 0], "DV": [0, 4, 2, 1]})
    found = noncompartmental(dosed.assign(LLOQ=0.5))
    assert numbers(found) == pytest.approx(numbers(noncompartmental(dosed)), nan_ok=True)


def test_a_mark_without_a_number_counts_and_its_limit_is_that_of_the_column():
    times = {"TIME": range(5)}
    marked = pd.DataFrame(times | {"DV": [".", 2, 4, 1, 0], "BLQ": [1, 0, 0, 0, 1]})
    for blq, value in (("zero", 0), ("half", 0.25)):
        limits = {} if blq == "zero" else {"LLOQ": 0.5}
        written = pd.DataFrame(times | {"DV": [value, 2, 4, 1, value]})
        found = noncompartmental(marked.assign(**limits), blq=blq)
        assert numbers(found) == pytest.approx(numbers(noncompartmental(written)), nan_ok=True)
    with pytest.raises(pkpd.PkpdError, match=r"row 5, column DV: '0\.0' has no limit to halve"):
        noncompartmental(marked.assign(DV=[0.5, 2, 4, 1, 0]), blq="half")


def test_a_column_of_units_that_agrees_changes_nothing():
    table = pd.DataFrame({"TIME": range(5), "Cc": [0, 4, 2, 1, 0.5]})
    plain = noncompartmental(table, unit="ng/mL")
    found = noncompartmental(table.assign(Unit="ug/L"), unit="ng/mL")
    assert numbers(found) == pytest.approx(numbers(plain), nan_ok=True)
    assert "used: TIME, Cc, Unit; unused: none" in said(found)
    dosed = {"TIME": range(4), "AMT": [9, 0, 0, 0], "DV": [None, 4, 2, 1]}
    mixed = pd.DataFrame(dosed | {"UNIT": ["mg", "ng/mL", "ng/mL", "ng/mL"]})  # mg is of AMT
    assert numbers(noncompartmental(mixed, unit="ng/mL"))["auc_last"] > 0


def test_a_steady_state_that_begins_far_below_its_end_is_questioned():
    first = pd.DataFrame({"TIME": [0, 1, 2, 4, 8], "DV": [0, 8, 6, 3, 1]})
    steady = first.assign(DV=[1, 8, 6, 3, 1])
    assert "first in ID 1: is that a steady state?" in said(noncompartmental(first, every=8))
    assert "is that a steady state?" not in said(noncompartmental(steady, every=8))
    assert "is that a steady state?" not in said(noncompartmental(first))


def test_equal_duplicates_count_once_and_others_are_refused():
    table = pd.DataFrame({"TIME": [0, 1, 1, 2, 4], "DV": [0.0, 4.0, 4.0, 2.0, 1.0]})
    once = noncompartmental(table.drop(index=2))
    assert numbers(noncompartmental(table)) == pytest.approx(numbers(once), nan_ok=True)
    with pytest.raises(
        pkpd.PkpdError, match=r"row 3, column TIME: 1 was sampled twice .row 2: 4, row 3: 5"
    ):
        noncompartmental(table.assign(DV=[0.0, 4.0, 5.0, 2.0, 1.0]))


def test_text_ids_stay_labels_in_the_order_of_the_table():
    frame = pd.concat(
        [
            pd.DataFrame({"ID": name, "TIME": t, "DV": c})
            for name, (t, c) in zip("bcad", THEOPH.values(), strict=True)
        ]
    )
    found = noncompartmental(frame, dose=320)
    assert found["ID"].tolist() == ["b", "c", "a", "d"]
    numbered = noncompartmental(
        frame.assign(ID=frame["ID"].map({"b": 1, "c": 2, "a": 6, "d": 12})), dose=320
    )
    assert found["auc_inf"].tolist() == numbered["auc_inf"].tolist()


def test_records_of_doses_without_amounts_end_a_profile_too():
    """As `pkpd simulate --events` writes them."""
    model = pkpd.load("pk/one_compartment")
    doses = pd.DataFrame({"TIME": [0.0], "AMT": [100.0], "II": [12.0], "ADDL": [2]})
    table = pd.concat([doses, pd.DataFrame({"TIME": np.arange(1.0, 36.0), "EVID": 0})])
    table = table.sort_values("TIME", kind="stable").fillna({"EVID": 1})
    events = pkpd.events(model, table)
    frame = pkpd.simulate(model, events, pkpd.cohort(model, typical=True)).frame()
    second = frame[frame["TIME"] == 0].assign(TIME=12.0)
    frame = pd.concat([frame, second]).sort_values("TIME", kind="stable")
    found = noncompartmental(frame, "Cc", dose="100 mg", start=0)
    first = frame[(frame["EVID"] == 0) & (frame["TIME"] <= 12)]
    assert numbers(found) == pytest.approx(
        numbers(noncompartmental(first[["TIME", "Cc"]], dose="100 mg", unit="ng/mL"))
    )
    with pytest.raises(
        pkpd.PkpdError, match="row 1, column AMT: is missing on the record of a dose"
    ):
        noncompartmental(frame.assign(AMT=np.nan), "Cc")


def test_ids_too_large_for_whole_numbers_stay_labels():
    table = pd.DataFrame({"ID": ["9" * 21] * 3, "TIME": [0, 1, 2], "DV": [0, 2, 1]})
    assert noncompartmental(table)["ID"].tolist() == ["9" * 21]


T, C = [0, 1, 2], [0.0, 2.0, 1.0]
DOSED = {"TIME": T, "AMT": [5, 0, 0], "DV": [None, 2, 1]}
BAD = [
    ({"TIME": [0, 1], "a": [1, 2], "b": [1, 2]}, {}, "--column"),
    ({"TIME": [0, 1], "Cc": [1, 2]}, {"column": "cc"}, "Did you mean 'Cc'"),
    ({"TIME": [0, 1], "DV": [1, "x"]}, {}, "row 2, column DV: 'x' is not a number"),
    ({"x": [0, 1], "DV": [1, 2]}, {}, "no column TIME"),
    ({"T": [0, 1], "DV": [1, 2]}, {}, "column 'T' is not read; if it is TIME, call it TIME"),
    ({"Subject": [1, 1, 2], "TIME": T, "DV": C}, {}, "'Subject' is not read; if it is ID"),
    ({"TIME": T, "dose": [9, 9, 9], "DV": C}, {}, "'dose' is not read; if it is AMT"),
    ({"TIME": T, "DV": [0, "2,5", 1]}, {}, "row 2, column DV: '2,5' has a comma; write 2.5"),
    ({"TIME": T, "DV": ["a", "b", 1]}, {}, r"2 cells cannot be read:\n  row 1, .*\n  row 2, "),
    ({"TIME": T, "DV": [0, "1_0", 1]}, {}, "row 2, column DV: '1_0' is not a number"),
    ({"TIME": [0, "08:30", 2], "DV": C}, {}, "'08:30' is a date or a time of day"),
    ({"TIME": [0, 1], "AMT": [5, 5], "DV": [None, 2]}, {}, "has 2 doses, at 0, 1"),
    (DOSED, {"start": 1}, "no dose at --start 1; doses at 0"),
    ({"TIME": T, "AMT": [5, 0, 0], "DV": [3.0, 2, 1]}, {}, "record of a dose.*Write two rows"),
    ({"TIME": [0, 2, 1], "DV": C}, {}, "row 3, column TIME: goes back"),
    ({"TIME": T, "DV": [0.0, -2.0, 1.0]}, {}, "'-2.0' is below the limit; choose --blq"),
    ({"TIME": T, "DV": [0, "<1", 1]}, {}, "'<1' is below the limit; choose --blq: zero"),
    ({"TIME": T, "DV": C, "LLOQ": 100.0}, {}, "row 1, column DV: .* below the limit; choose"),
    ({"TIME": T, "DV": C, "LLOQ": [0, 0, 1]}, {}, "LLOQ: '0' is no limit.*column of marks BLQ"),
    ({"TIME": T, "DV": C, "LLOQ": "n/a"}, {}, "column LLOQ: 'n/a' is not a number"),
    ({"TIME": T, "DV": C, "BLQ": 0.05}, {}, "row 1, column BLQ: '0.05' is neither 0 nor 1"),
    ({"TIME": T, "DV": C, "CENS": [0, -1, 0]}, {}, "row 2, column CENS: '-1' is above the range"),
    ({"TIME": T, "DV": [0, ".", 1], "BLQ": [0, 1, 0]}, {}, "row 2, .*'.' is below the limit"),
    ({"TIME": T, "DV": C, "DVU": ["ng/mL", "ug/mL", "ng/mL"]}, {}, "DVU: .*; convert them to one"),
    ({"TIME": T, "DV": C, "UNIT": "ug/mL"}, {"unit": "ng/mL"}, "ng/mL, but a column says ug/mL"),
    ({"TIME": T, "lnConc (ng/mL)": C}, {}, "holds logarithms, by its name"),
    (DOSED | {"RATE": [-2, 0, 0]}, {"route": "bolus"}, "RATE: -2 is no bolus"),
    (DOSED | {"RATE": [-5, 0, 0]}, {}, "RATE: -5 is not above 0, 0, -1 or -2"),
    ({"TIME": T, "DV": C, "CMT": [1, 2, 2]}, {}, "CMT: concentrations of 1 and 2"),
    ({"TIME": T, "DV": C, "dvid": [1, 2, 2]}, {}, "dvid: concentrations of 1 and 2"),
    ({"TIME": T, "DV": C}, {"route": "nasal"}, "Unknown route"),
    ({"TIME": T, "DV": C}, {"dose": "much"}, "write a number"),
    ({"TIME": T, "DV": C}, {"dose": "-3 mg"}, "number above 0"),
    ({"TIME": T, "DV": C}, {"dose": float("nan")}, "number above 0"),
    ({"TIME": T, "DV": C}, {"start": 5}, "no concentration from time 5"),
    ({"TIME": T, "DV": C}, {"blq": "none"}, "Unknown blq 'none'"),
    ({"TIME": T, "DV": C}, {"unit": "mg per L"}, "is not a unit"),
    ({"TIME": T, "DV": C}, {"every": -12}, "above 0"),
    (DOSED | {"ADDL": [2, 0, 0]}, {}, "ADDL and SS need an interval"),
    (DOSED | {"ADDL": [-1, 0, 0], "II": [12, 0, 0]}, {}, "ADDL: -1 is not a whole number"),
    (DOSED | {"ADDL": [1e12, 0, 0], "II": [12, 0, 0]}, {}, "ADDL: 1e.12 is not a whole number"),
    (DOSED | {"SS": [2, 0, 0], "II": [12, 0, 0]}, {}, "SS: 2 is not 0 or 1"),
    (DOSED | {"SS": [1, 0, 0]}, {}, "ADDL and SS need an interval"),
    ({"TIME": T, "ID": [1, None, 1], "DV": C}, {}, "row 2 has no ID"),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "options", "part"), BAD, ids=[b[2] for b in BAD])
def test_what_cannot_be_read_right_is_refused(frame, options, part):
    with pytest.raises(pkpd.PkpdError, match=part):
        noncompartmental(pd.DataFrame(frame), **options)


def test_simulated_frames_say_their_units_and_missing_dependent_values_do_not_count():
    model = pkpd.load("pk/one_compartment")
    frame = pkpd.simulate(model, "100 mg", pkpd.cohort(model, n=2, seed=1), "0:48:0.25").frame()
    found = noncompartmental(frame, "Cc", dose="100 mg")
    assert found.attrs["units"]["cl_f"] == "L/h" and found.attrs["units"]["cmax"] == "ng/mL"
    clean = pd.DataFrame({"TIME": [0, 1, 2, 4, 8], "DV": [0.0, 4.0, 3.0, 1.5, 0.4]})
    spoilt = pd.concat([clean, pd.DataFrame({"TIME": [3], "DV": [99.0]})]).sort_values("TIME")
    spoilt = spoilt.assign(MDV=[0, 0, 0, 1, 0, 0])
    pd.testing.assert_frame_equal(noncompartmental(spoilt), noncompartmental(clean))


def test_decimal_commas_are_read_between_semicolons_and_refused_between_commas(tmp_path):
    points = tmp_path / "points.csv"
    points.write_text("TIME,DV\n0,0\n0.5,8\n1,12.5\n2,10\n4,6.4\n8,2.6\n12,1.1\n")
    expected = noncompartmental(points)
    commas = tmp_path / "commas.csv"
    commas.write_text(points.read_text().replace(",", ";").replace(".", ","))
    found = noncompartmental(commas)
    pd.testing.assert_frame_equal(found, expected)
    assert "Decimal commas were read as points." in said(found)
    commas.write_text("TIME,DV\n0,0,0,0\n0,5,8,0\n1,0,12,5\n2,0,10,0\n")
    with pytest.raises(pkpd.PkpdError, match="row 1: 4 cells under 2 names"):
        noncompartmental(commas)


def run(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        main(["nca", *words])
    return stop.value.code, capsys.readouterr()


def test_the_command_prints_writes_and_refuses(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        (i, t, c) for i, (times, conc) in THEOPH.items() for t, c in zip(times, conc, strict=True)
    ]
    pd.DataFrame(rows, columns=["id", "Time", "dv"]).to_csv("theoph.csv", index=False)
    theoph = ("theoph.csv", "--dose", "320 mg", "--unit", "mg/L")
    text = run(capsys, *theoph, "--out", "nca.csv")[1].out
    assert "theoph.csv: 4 profiles, oral" in text and "Wrote nca.csv" in text
    assert re.search(r"cl_f +L/h +1\.489 +3\.286 +3\.894 +2\.543", text)
    assert "Time of the dose: 0, as the table has no doses" in text
    assert "logarithmic where they fall" in text
    expected = [214.923632, 97.377935, 82.175883, 125.831540]
    assert pd.read_csv("nca.csv")["auc_inf"].tolist() == pytest.approx(expected, rel=2e-6)
    linear = run(
        capsys,
        *theoph,
        "--area",
        "linear",
        "--partial",
        "0:12",
        "--extrapolate",
        "predicted",
        "--json",
    )
    found = json.loads(linear[1].out)
    assert [p["ID"] for p in found["profiles"]] == list(THEOPH) and found["units"]["vz_f"] == "L"
    assert found["profiles"][1]["auc_inf"] == pytest.approx(100.0643176, rel=1e-6)
    assert found["units"]["auc_0_12"] == "mg/L*h" and any(
        "predicted" in c for c in found["conventions"]
    )
    pd.DataFrame({"ID": range(1, 21), "TIME": 0.0, "DV": 1.0}).to_csv("many.csv", index=False)
    assert re.search(r"cmax +- +1 +1 +1 +20", run(capsys, "many.csv")[1].out)
    code, said = run(capsys, "theoph.csv", "--dose", "320 kg", "--unit", "nM", "--out", "no.csv")
    assert code == 1 and "dimensions differ" in said.err and said.out == ""
    assert "concentrations in" in said.err
    assert not (tmp_path / "no.csv").exists()
    assert "write FROM:TO" in run(capsys, *theoph, "--partial", "12")[1].err
