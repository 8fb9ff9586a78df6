"""Prescription text: what is read, and that what cannot be read is quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pkpd.dosing.regimen import Phase, Regimen
from pkpd.dosing.rx import rx
from pkpd.errors import DoseError

phases = st.builds(
    lambda amount, unit, every, count, into: (amount, unit, every, count, into),
    st.sampled_from([0.0, 0.1, 1.5, 4.5, 50.0]),
    st.sampled_from(["mg", "ug", "nmol"]),
    st.sampled_from([6.0, 12.0, 24.0, 168.0]),
    st.integers(2, 40),
    st.sampled_from([None, "depot", "central"]),
)


@given(st.lists(phases, min_size=1, max_size=5))
def test_text_of_a_regimen_reads_back_as_the_same_regimen(parts):
    now, built = 0.0, []
    for amount, unit, every, count, into in parts:
        built.append(Phase(amount, unit, every, count, now, into))
        now += every * count
    regimen = Regimen(tuple(built))
    assert rx(str(regimen)) == regimen


def test_phases_follow_each_other_one_interval_after_the_last_dose():
    regimen = rx("1.5 mg q24h x 14 then 3 mg q12h x 28 then 4.5 mg weekly x 2")
    assert [p.start for p in regimen.phases] == [0.0, 14 * 24.0, 28 * 24.0]
    assert regimen.end == 28 * 24.0 + 2 * 168.0


def test_at_a_time_of_day_shifts_the_first_dose():
    assert rx("4.5 mg q24h at 22:00 x 3").phases[0].start == 22.0


def test_wait_leaves_a_gap():
    assert rx("1 mg q24h x 2 then wait 2wk then 1 mg").phases[1].start == 48.0 + 336.0


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("4.5 mg q24 x 28", "'q24' has no time unit; write q24h"),
        ("-1 mg q24h x 2", "cannot be negative"),
        ("4.5 mg q24h x 0", "whole number of doses"),
        ("4.5 mg q24h x 99999999999", "whole number of doses"),
        ("4.5 mg q24y x 3", "'y' in"),
        ("hello", "cannot read 'hello'"),
        ("", "empty regimen"),
        ("nan mg", "is not a number"),
        ("1 mg at 25:00", "no time of day"),
        ("1 mg q0h x 3", "must be above 0"),
    ],
)
def test_what_cannot_be_read_is_quoted(text, part):
    with pytest.raises(DoseError, match=part):
        rx(text)
