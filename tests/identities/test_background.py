"""What is taken without end beside a dose: steady states, runs from them, MEDs, and refusals."""

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.dosing.background import background
from pkpd.errors import DoseError, PkpdError

TWO = pkpd.load("pk/two_compartment")
PEOPLE = pkpd.cohort(TWO, 4, seed=1)
DAYS = 60
MODEL = """
title = "two drugs on one effect"
outputs = ["effect"]
[dose]
a = { unit = "mg", lag = "late" }
b = { unit = "mg" }
[benefit]
outcome = "effect"
better  = "higher"
into    = "a"
every   = "EVERY h"
doses   = "0.1:100 mg"
delta   = "0.01"
[parameters]
k    = { value = 0.2, unit = "1/h", iiv = { cv = 0.3 }, label = "k", \
source = "test", evidence = "assumed" }
half = { value = 3.0, unit = "mg", label = "half", source = "test", evidence = "assumed" }
late = { value = 0.7, unit = "h", label = "lag", source = "test", evidence = "assumed" }
[equations]
e = '''
d/dt(a) = -k*a : mg
d/dt(b) = -2*k*b : mg
effect = BLOCKED*a/(half + a) - (a/(20*half))**2 : 1
'''
"""
BLOCKED = "half/(half + b)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One for all tests, so that a kernel is compiled once."""
    return tmp_path_factory.mktemp("models")


def two_drugs(folder, blocked=BLOCKED, every=24):
    path = folder / "two.toml"
    path.write_text(MODEL.replace("BLOCKED", blocked).replace("EVERY", str(every)))
    return pkpd.load(path)


@pytest.mark.parametrize(
    "text",
    [
        "30 mg into depot q8h",
        "30 mg into depot at 20:00",
        "35 mg into depot at 23:50",  # arrives on the next day
        "30 mg into central over 3h at 22:30, 06:00",  # flows at midnight
        "10 mg into central over 30h q12h and 5 mg into depot q6h",
    ],
)
def test_a_run_beside_a_background_is_the_end_of_a_long_one(text):
    outputs = ("Cc", "depot")  # the second one jumps with doses that are due at the last time
    given = {"background": text, "rtol": 1e-9}
    run = pkpd.simulate(TWO, "100 mg into central", PEOPLE, "0:48:1", outputs=outputs, **given)
    long = " and ".join(f"{drug} until {DAYS + 3} d" for drug in text.split(" and "))
    rx = f"{long} and wait {DAYS} d then 100 mg into central"
    grid = 24.0 * DAYS + np.arange(49.0)
    end = pkpd.simulate(TWO, rx, PEOPLE, grid, outputs=outputs, rtol=1e-9)
    np.testing.assert_allclose(run.values, end.values, rtol=1e-6, atol=1e-6)
    asked = {"endpoints": ["cmax(Cc)", "auc(Cc)"], "rtol": 1e-9}
    peak = pkpd.simulate(
        TWO, "100 mg into central", PEOPLE, window=(0, 24), background=text, **asked
    )
    late = pkpd.simulate(TWO, rx, PEOPLE, window=(24 * DAYS, 24 * DAYS + 24), **asked)
    np.testing.assert_allclose(peak.values, late.values, rtol=1e-6)


@pytest.mark.parametrize("solver", ["auto", "tsit5"])
@pytest.mark.parametrize(
    ("every", "text", "period"),
    [(24, "5 mg into b q12h", 24), (8, "5 mg into b q12h", 24), (24, "5 mg into b at 20:00", 24)],
)
def test_the_benefit_beside_a_background_is_that_of_a_long_run(folder, every, text, period, solver):
    model = two_drugs(folder, every=every)
    people = pkpd.cohort(model, 3, seed=2)
    table = pkpd.med(model, people, background=text, solver=solver)
    assert set(table.columns["status"]) == {"interior"}
    asked = {"endpoints": ["mean(effect)"], "window": (480, 480 + period), "rtol": 1e-9}
    for k, dose in enumerate(table.columns["med"]):
        one = people.rows([k])
        rx = f"{text} until 22 d and {float(dose)!r} mg into a q{every}h until 22 d"
        untreated = pkpd.simulate(model, f"{text} until 22 d", one, **asked).values[0, 0]
        gain = pkpd.simulate(model, rx, one, **asked).values[0, 0] - untreated
        assert table.columns["benefit_at_med"][k] == pytest.approx(gain, rel=1e-5)
    alone = pkpd.med(model, people, solver=solver)
    assert (table.columns["med"] != alone.columns["med"]).all()


def test_a_background_that_does_not_interact_changes_no_med(folder):
    model = two_drugs(folder, blocked="1")
    people = pkpd.cohort(model, 5, seed=2)
    alone, beside = (
        pkpd.med(model, people, background=text) for text in ("none", "5 mg into b q8h")
    )
    np.testing.assert_allclose(np.log(beside.columns["med"] / alone.columns["med"]), 0, atol=1e-3)
    np.testing.assert_allclose(
        beside.columns["benefit_at_med"], alone.columns["benefit_at_med"], rtol=1e-5
    )


def test_a_background_of_the_model_file_is_that_of_the_option(folder):
    text = "5 mg into b q12h"
    model = two_drugs(folder)
    option = pkpd.dose_response(model, pkpd.cohort(model, 2, seed=1), background=text)
    path = folder / "own.toml"
    written = (folder / "two.toml").read_text()
    path.write_text(written.replace('into    = "a"', f'into = "a"\nbackground = "{text}"'))
    own = pkpd.load(path)
    people = pkpd.cohort(own, 2, seed=1)
    np.testing.assert_array_equal(pkpd.dose_response(own, people).gain, option.gain)
    alone = pkpd.dose_response(own, people, background="none")
    assert (alone.gain != option.gain).all()
    assert f"beside {text}" in option.summary()["question"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("5 mg into b q12h x 3", "is taken without end; leave out 'x 3'"),
        ("5 mg into b q12h until 3 d", "leave out 'until 3 d'"),
        ("5 mg into b q12h then 3 mg into b q12h", "leave out 'then' and 'wait'"),
        ("5 mg into b", "does not say how often; write for example '5 mg into b q12h'"),
        ("5 mg into b q12h 3h after a", "leave out '3h after a'"),
        ("5 mg into c q12h", "cannot be dosed into 'c'"),
        ("5 L into b q12h", "does not fit 'b'"),
        ("5 mg q12h", "names no target"),
        ("5 mg into b q23h and 3 mg into b q29h", "no common period within a year"),
        ("5 mg into b q 0.777777h", "no common period within a year"),
        ("5 mg q12h and 3 mg q8h", "at the same time; say into which"),
    ],
)
def test_a_background_that_cannot_be_is_one_sentence(folder, text, part):
    model = two_drugs(folder)
    with pytest.raises(PkpdError, match=part):
        pkpd.med(model, pkpd.cohort(model, 1), background=text)


def test_runs_that_no_background_can_precede_are_refused(folder):
    model = two_drugs(folder)
    people = pkpd.cohort(model, 1)
    given = {"background": "5 mg into b q12h"}
    with pytest.raises(PkpdError, match="begins at time 0, not at -3"):
        pkpd.simulate(model, "5 mg into a", people, [-3.0, 5.0], **given)
    with pytest.raises(DoseError, match="go into the model's first target"):
        pkpd.simulate(model, "5 mg", people, [5.0], background="5 mg q12h")
    table = pd.DataFrame({"TIME": [0.0], "AMT": [1.0], "EVID": [1], "CMT": ["a"]})
    events = pkpd.events(model, table)
    with pytest.raises(DoseError, match="An event table says all that is given"):
        pkpd.simulate(model, events, people, **given)


def test_a_background_without_a_steady_state_fails_its_patients_at_time_0(folder):
    path = folder / "filling.toml"
    text = MODEL.replace("BLOCKED", BLOCKED).replace("EVERY", "24")
    path.write_text(text.replace("d/dt(b) = -2*k*b", "d/dt(b) = -0*k*b"))
    model = pkpd.load(path)
    people = pkpd.cohort(model, 2)
    run = pkpd.simulate(model, "1 mg", people, [5.0], background="5 mg into b q12h")
    assert (run.status != 0).all() and (run.fail_time == 0.0).all()
    assert np.isnan(run.values).all()


def test_periods_are_the_least_common_ones_of_all_intervals():
    assert background("1 mg q8h and 1 mg into b q12h").period() == 24.0
    assert background("1 mg q12h").period(24.0) == 24.0
    assert background("1 mg q36h").period(24.0) == 72.0
    assert background("1 mg q90min").period(1.0) == 3.0
    assert background("1 mg weekly").period(24.0) == 168.0
    assert background("1 mg at 08:00, 20:00").period() == 24.0
