"""Prescription text: what is read, and that what cannot be read is quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pkpd
from pkpd import units
from pkpd.dosing.regimen import Phase, Regimen
from pkpd.dosing.rx import rx
from pkpd.errors import DoseError
from pkpd.symbolic.quantities import quantity

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


@given(
    st.lists(phases, min_size=1, max_size=4), st.sampled_from([0.0, 0.1, 8 + 1 / 3, 12.0, 336.0])
)
def test_single_doses_and_waits_read_back_as_the_same_regimen(parts, wait):
    texts = []
    for amount, unit, every, count, into in parts:
        dose = f"{amount} {unit}" + (f" into {into}" if into else "")
        texts.append(dose if count % 2 else f"{dose} q{every}h x {count}")
        texts.append(f"wait {wait}h")
    for text in (" then ".join(texts), " then ".join(texts[:-1])):
        regimen = rx(text)
        assert rx(str(regimen)) == regimen


@pytest.mark.parametrize("gap", ["0h", "90min", "12h", "2wk"])
def test_what_follows_a_single_dose_begins_after_the_wait(gap):
    wait = rx(f"1 mg then wait {gap}").end
    regimen = rx(f"100 mg then wait {gap} then 50 mg q12h x 4")
    assert [p.start for p in regimen.phases] == [0.0, wait]
    assert regimen.end == wait + 48.0


def test_what_follows_a_single_dose_may_begin_at_a_time_of_day():
    regimen = rx("100 mg at 20:00 then 50 mg at 20:00 bid x 4")
    assert [p.start for p in regimen.phases] == [20.0, 44.0]


def test_a_wait_at_the_end_makes_the_regimen_and_its_simulation_longer():
    assert rx("10 mg q24h x 2 then wait 2wk").end == 48.0 + 336.0
    model = pkpd.load("pk/one_compartment")
    people = pkpd.cohort(model, typical=True)
    assert pkpd.simulate(model, "10 mg q24h x 2 then wait 1d", people).times[-1] == 72.0


@pytest.mark.parametrize("amount", ["5 \u00b5g", "5 \u03bcg", "5ug", "5 ug"])
def test_micro_is_a_u_however_it_is_typed(amount):
    assert rx(f"{amount} q24h x 3") == rx("5 ug q24h x 3")
    assert quantity(amount, "mg") == pytest.approx(0.005, rel=1e-15)
    assert units.factor(amount.lstrip("5 "), "mg") == 1e-3


@pytest.mark.parametrize(
    "text", ["3 mg Q24H X 4", "3mg q24hx4", "3 mg x4 q 24 h", "3e0 mg daily x 4", "3. mg QD x 4"]
)
def test_case_spaces_and_order_of_words_do_not_matter(text):
    assert rx(text) == rx("3 mg q24h x 4")


@pytest.mark.parametrize("word", ["q24h", "q 6 h", "daily", "bid", "weekly", "q2wk"])
def test_an_interval_without_a_number_of_doses_is_refused(word):
    with pytest.raises(DoseError, match=f"'{word}' in '10 mg {word}' does not say how many doses"):
        rx(f"10 mg {word}")
    assert len(rx(f"10 mg {word} x 1").phases) == 1


@pytest.mark.parametrize("word", ["every", "for", "dailly", "at", "8am", ";", "in", "po"])
def test_the_word_that_cannot_be_read_is_quoted(word):
    with pytest.raises(DoseError, match=f"cannot read '{word}' in '10 mg {word} x 3'"):
        rx(f"10 mg {word} x 3")


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
        ("1 mg at 25:00", "'at 25:00' is no time of day"),
        ("100 mg then 50 mg q12h x 4", "'50 mg q12h x 4' does not say how long after the dose"),
        ("10 mg x 3", "'x 3' in '10 mg x 3' needs an interval"),
        ("10 mg q8h q12h x 3", "'q8h' and 'q12h'"),
        ("1,5 mg q24h x 3", "write 1.5 with a decimal point"),
        ("1 mg q24h x 3 then wait", "write for example 'wait 12h'"),
        ("1 mg q24h x 2.5", "'x 2.5' must be a whole number"),
        ("wait 12h", "holds no dose"),
        ("1 mg q24h x 3 then wait -5h then 2 mg", "'wait -5h' cannot be negative"),
        ("1 mg q0h x 3", "must be above 0"),
    ],
)
def test_what_cannot_be_read_is_quoted(text, part):
    with pytest.raises(DoseError, match=part):
        rx(text)
