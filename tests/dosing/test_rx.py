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
        ("1 mg at 25:00", "'at 25:00' is not a time of day"),
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


# one drug's doses as texts, joined by "then": hours and counts of all kinds
hours = st.sampled_from([0.1, 1 / 3, 0.7, 2.0, 6.0, 8.05, 12.0, 24.0, 36.0, 168.0, 1e-3, 313.7])
times_of_day = st.lists(st.integers(0, 1439), min_size=1, max_size=4, unique=True)


@st.composite
def doses(draw, target):
    """Text of a dose that can be read, and whether what follows needs to be told when."""
    text = f"{draw(st.sampled_from([0.0, 0.1, 4.5, 50.0]))} mg into {target}"
    if draw(st.booleans()):
        text += f" over {draw(hours)}h"
    at = draw(st.one_of(st.none(), times_of_day))
    if at is not None:
        text += " at " + ", ".join(f"{t // 60:02}:{t % 60:02}" for t in at)
    daily = at is not None and len(at) > 1
    if draw(st.booleans()):
        every = draw(st.sampled_from([24, 48, 168])) if daily else draw(hours)
        count = draw(st.integers(1, 9)) * (len(at) if daily else 1)
        return f"{text} q{every}h x {count}", True
    return text, daily


@st.composite
def drugs(draw, target):
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        text, settled = draw(doses(target))
        parts.append(text)
        if not settled or draw(st.booleans()):
            parts.append(f"wait {draw(st.one_of(st.just(0.0), hours))}h")
    if draw(st.booleans()):
        parts.insert(0, f"wait {draw(hours)}h")
    return " then ".join(parts)


@given(st.data(), st.integers(1, 3))
def test_several_drugs_read_back_as_the_same_regimen(data, count):
    texts = [data.draw(drugs(target)) for target in ("depot", "tablet", "central")[:count]]
    regimen = rx(" and ".join(texts))
    assert rx(str(regimen)) == regimen
    assert "-" not in str(regimen).replace("e-", "")


def test_the_last_wait_stands_after_the_drug_that_it_can_be_written_for():
    """From the other drug's last dose no number of hours leads to the very same end."""
    first = "wait 0.3333333333333333h then 0 mg into depot q313.7h x 5 then wait 0.1h"
    text = f"{first} and 0 mg into tablet then wait 0.1h then 0 mg into tablet q168h x 2"
    assert rx(text).until > 1568.9 and rx(str(rx(text))) == rx(text)


def test_doses_of_several_drugs_run_at_the_same_time():
    regimen = rx("30 mg into tablet q12h at 08:00 x 56 and 4.5 mg into depot q24h at 22:00 x 28")
    tablet, depot = regimen.phases
    assert (tablet.into, tablet.start, tablet.count) == ("tablet", 8.0, 56)
    assert (depot.into, depot.start, depot.count) == ("depot", 22.0, 28)
    assert regimen.end == max(8.0 + 56 * 12, 22.0 + 28 * 24)


def test_several_times_of_day_are_counted_in_their_order():
    phase, after = rx("30 mg at 14:00, 20:00, 08:00 x 6 then 10 mg q24h x 2").phases
    assert phase.times.tolist() == [8.0, 14.0, 20.0, 32.0, 38.0, 44.0]
    assert after.start == phase.end == 56.0
    (evening,) = rx("wait 12h then 30 mg at 08:00, 20:00 x 4").phases
    assert evening.times.tolist() == [20.0, 32.0, 44.0, 56.0]
    assert evening.last_interval == (56.0, 68.0)
    assert rx("30 mg at 08:00, 20:00").phases[0].times.tolist() == [8.0, 20.0]


@pytest.mark.parametrize("order", [1, -1])
def test_an_offset_counts_from_the_first_dose_of_the_other_drug(order):
    texts = ["4.5 mg into depot q24h at 22:00 x 3", "100 mg into tablet q24h 12h after depot x 3"]
    phases = {p.into: p for p in rx(" and ".join(texts[::order])).phases}
    assert (phases["depot"].start, phases["tablet"].start) == (22.0, 34.0)


def test_offsets_may_follow_one_another():
    regimen = rx(
        "1 mg into c 2h after b and 1 mg into b 90min after a and wait 3h then 1 mg into a"
    )
    assert [p.start for p in regimen.phases] == [6.5, 4.5, 3.0]


@given(hours, st.sampled_from([1.0, 24.0, 71.0, 72.0, 336.0]), st.sampled_from([0.0, 22.0]))
def test_until_gives_the_doses_that_are_due_before_it(every, until, start):
    if until <= start:
        return
    (phase,) = rx(f"wait {start}h then 1 mg q{every}h until {until}h").phases
    assert (phase.times < until).all() and phase.end >= until * (1 - 1e-11)


def test_until_counts_days_from_time_0_at_several_times_of_day():
    assert rx("1 mg q24h at 22:00 until 28 d") == rx("1 mg q24h at 22:00 x 28")
    assert rx("1 mg at 08:00, 20:00 until 28 d") == rx("1 mg at 08:00, 20:00 x 56")
    assert rx("1 mg at 08:00, 20:00 until 36h").phases[0].times.tolist() == [8.0, 20.0, 32.0]


def test_a_loading_dose_has_an_interval_of_its_own():
    loading, later = rx("400 mg q6h x 1 then 200 mg q12h x 9").phases
    assert (loading.every, later.start) == (6.0, 6.0)


def test_a_wait_after_one_drug_makes_the_regimen_longer_only_beyond_the_other():
    short = "1 mg into a q24h x 2 then wait 1d and 1 mg into b q24h x 9"
    assert rx(short).end == 216.0 and rx(short).until is None
    long = rx("1 mg into a q24h x 2 then wait 30d and 1 mg into b")
    assert long.end == long.until == 48.0 + 720.0
    assert rx(str(long)) == long


def test_an_infusion_makes_the_regimen_as_long_as_it_lasts():
    assert rx("100 mg over 2 h").phases[0].over == 2.0
    assert rx("100 mg over 36h").end == 36.0


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("10 mg q12h x 4 and 5 mg q24h x 2", "'10 mg q12h x 4' and '5 mg q24h x 2' go into the"),
        ("10 mg q12h x 4 and 10 mg q12h x 4", "say into which each of them goes"),
        ("1 mg into a and 2 mg into b 3h after c", "'3h after c': no dose goes into 'c'"),
        ("1 mg into a 1h after b and 1 mg into b 1h after a", "'1h after b' waits for a drug"),
        ("1 mg into a 1h after a", "waits for a drug that itself waits for it, or for itself"),
        ("1 mg into a then wait 2h then 1 mg into a 1h after b", "something comes before it"),
        ("1 mg into a 2h after b at 08:00 and 1 mg into b", "'2h after b' and 'at 08:00'"),
        ("1 mg q8h at 08:00, 14:00 x 4", "'q8h' and several times of day"),
        ("1 mg at 08:00, 14:00 x 5", "5 doses at 2 times of day are not a whole number of days"),
        ("1 mg at 08:00, 08:00 x 4", "'at 08:00, 08:00' names a time of day twice"),
        ("1 mg at 08:00, 24:00 x 4", "'at 08:00, 24:00' is not a time of day"),
        ("1 mg q24h x 3 until 3 d", "'x 3' and 'until 3 d'"),
        ("1 mg until 3 d", "'until 3 d' in '1 mg until 3 d' needs an interval"),
        ("1 mg q24h at 22:00 until 20h", "'until 20h' in .* is not after its first dose, 22 h"),
        ("1 mg q1min until 1000000 d", "more than 1000000 doses"),
        ("1 mg over 0h", "must take longer than 0"),
        ("1 mg over 2 q24h x 3", "cannot read 'over'"),
        ("1 mg over -2h", "'over -2h' cannot be negative"),
        ("1 mg into a and wait 12h", "'wait 12h' holds no dose"),
        ("1 mg into a and", "cannot read 'and'"),
    ],
)
def test_what_several_drugs_cannot_say_is_quoted(text, part):
    with pytest.raises(DoseError, match=part):
        rx(text)


@pytest.mark.parametrize("unit", ["\u00b5g", "\u03bcg", "ug", "mcg", "microgram", "micrograms"])
def test_micrograms_have_many_spellings(unit):
    assert units.factor(rx(f"5 {unit} daily x 3").phases[0].unit, "mg") == 1e-3
