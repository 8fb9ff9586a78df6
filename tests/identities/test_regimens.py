"""What must hold for any regimen: superposition, linearity, time shift, mass balance, and more."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pkpd.dosing.records import events
from pkpd.dosing.regimen import Phase, Regimen
from pkpd.dosing.rx import rx
from pkpd.errors import PkpdError
from pkpd.population.cohort import cohort
from pkpd.simulation import simulate
from pkpd.symbolic.load import load, models

sys.path.insert(0, str(Path(__file__).parents[1]))
from naive import Patient

LINEAR = load("pk/two_compartment")
PEOPLE = cohort(LINEAR, 5, seed=4)
TIMES = np.arange(0.0, 97.0, 3.0)
doses = st.builds(
    lambda amount, every, count, start, into: Phase(amount, "mg", every, count, start, into),
    st.sampled_from([1.0, 10.0, 250.0]),
    st.sampled_from([6.0, 12.0, 24.0]),
    st.integers(1, 4),
    st.sampled_from([0.0, 1.5, 7.0]),
    st.sampled_from(["depot", "central"]),
)
tight = settings(max_examples=15, deadline=None)


def run(*phases, times=TIMES, rtol=1e-9):
    return simulate(
        LINEAR, Regimen(tuple(phases)), PEOPLE, times, outputs=("Cc", "peripheral"), rtol=rtol
    ).values


def close(a, b, gate=1e-6):
    floor = 1e-3 * np.abs(b).max(axis=1, keepdims=True) + 1e-12
    assert (np.abs(a - b) / (np.abs(b) + floor)).max() < gate


@tight
@given(doses, doses)
def test_superposition_two_regimens_together_are_the_sum_of_each_alone(a, b):
    close(run(a, b), run(a) + run(b))


@tight
@given(doses, st.sampled_from([0.01, 3.0, 1000.0]))
def test_linearity_a_multiple_of_the_dose_gives_the_multiple_of_everything(phase, factor):
    more = Phase(
        phase.amount * factor, phase.unit, phase.every, phase.count, phase.start, phase.into
    )
    close(run(more), factor * run(phase))


@tight
@given(doses, st.sampled_from([3.0, 24.0]))
def test_time_shift_doses_given_later_give_the_same_curve_later(phase, shift):
    later = Phase(
        phase.amount, phase.unit, phase.every, phase.count, phase.start + shift, phase.into
    )
    close(run(later, times=TIMES + shift), run(phase))


@tight
@given(doses, doses, doses)
def test_the_order_in_which_doses_are_written_does_not_matter(a, b, c):
    close(run(a, b, c), run(c, a, b))


@tight
@given(doses)
def test_additional_doses_equal_written_out_doses(phase):
    single = [
        Phase(phase.amount, phase.unit, phase.every, 1, phase.start + k * phase.every, phase.into)
        for k in range(phase.count)
    ]
    np.testing.assert_array_equal(run(*single), run(phase))


def test_mass_balance_what_was_given_is_in_the_body_or_was_cleared(tmp_path):
    path = tmp_path / "balance.toml"
    path.write_text(
        'title = "balance"\ntime = "h"\ninclude = ["pk/two_compartment"]\noutputs = ["total"]\n'
        "[equations]\nm = '''\nd/dt(gone) = cl/vc*central : mg\n"
        "total = depot + central + peripheral + gone : mg\n'''\n"
    )
    model = load(path)
    people = cohort(model, 8, seed=1, set={"fdepot": 0.5})
    total = simulate(model, "100 mg q24h x 3", people, times="0:96:1").values[:, :, 0]
    given_so_far = 100.0 * (1 + np.minimum(np.arange(97) // 24, 2))
    share = people.theta[:, model.input_names.index("fdepot")]
    np.testing.assert_allclose(total, share[:, None] * given_so_far, rtol=1e-5)


def table(rows):
    """An event table of (TIME, AMT, RATE, II, ADDL, CMT)."""
    names = ["TIME", "AMT", "RATE", "II", "ADDL", "CMT"]
    return pd.DataFrame(rows, columns=names).assign(EVID=1).sort_values("TIME", kind="stable")


@pytest.mark.parametrize("name", ["pk/one_compartment", "pk/two_compartment"])
def test_text_event_table_and_python_give_two_drugs_the_same_numbers(name):
    model = load(name)
    central = model.doses[-1].state
    people = cohort(model, 3, seed=5)
    text = f"4.5 mg into depot q24h at 22:00 x 3 and 30 mg into {central} over 2 h 8.5h after depot"
    phases = (
        Phase(4.5, "mg", 24.0, 3, 22.0, "depot"),
        Phase(30.0, "mg", 24.0, 1, 30.5, central, over=2.0),
    )
    assert rx(text) == Regimen(phases)
    records = table([(22.0, 4.5, 0, 24.0, 2, "depot"), (30.5, 30.0, 15.0, 0, 0, central)])
    ways = [text, Regimen(phases), events(model, records)]
    grid = np.arange(0.0, 97.0, 1.5)
    options = {"rtol": 1e-10, "occasion": "none"}
    by_text, by_python = (simulate(model, w, people, grid, **options).values for w in ways[:2])
    by_table = simulate(model, ways[2], people, grid, **options).frame()
    by_table = by_table[by_table["EVID"] == 2]
    np.testing.assert_array_equal(by_text, by_python)
    close(by_table[list(model.outputs)].to_numpy().reshape(by_text.shape), by_text, 1e-7)


@pytest.mark.parametrize("every", [2.0, 1.3, 0.1])
def test_infusions_without_a_gap_are_one_long_infusion(every):
    short = run(Phase(10.0 * every, "mg", every, 8, 1.0, "central", every))
    close(short, run(Phase(80.0 * every, "mg", 24.0, 1, 1.0, "central", 8 * every)), 1e-8)


def test_a_short_infusion_tends_to_a_bolus_and_bioavailability_leaves_its_duration_alone():
    bolus = run(Phase(10.0, "mg", 24.0, 3, 1.0, "depot"))
    close(run(Phase(10.0, "mg", 24.0, 3, 1.0, "depot", 1e-9)), bolus)
    lasting = Phase(10.0, "mg", 24.0, 3, 1.0, "depot", 2.0)
    people = [cohort(LINEAR, 5, seed=4, set={"fdepot": f}) for f in (0.4, 0.8)]
    low, high = (simulate(LINEAR, Regimen((lasting,)), p, TIMES, rtol=1e-9).values for p in people)
    place = LINEAR.input_names.index("fdepot")
    share = people[0].theta[:, place] / people[1].theta[:, place]
    close(low, share[:, None, None] * high)


def test_an_infusion_over_the_end_of_a_window_counts_to_the_end():
    (auc,) = simulate(
        LINEAR, "80 mg into central over 4h", PEOPLE, endpoints=["auc(Cc)"], window=(0, 2)
    ).values.T
    half = simulate(
        LINEAR, "40 mg into central over 2h", PEOPLE, endpoints=["auc(Cc)"], window=(0, 2)
    ).values[:, 0]
    np.testing.assert_allclose(auc, half, rtol=1e-6)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name.startswith("absorption/") else name
        for name in models()
    ],
)
def test_every_model_agrees_with_its_naive_twin(name):
    model = load(name)
    people = cohort(model, 2, seed=9)
    into = model.doses[0].state
    regimen = Regimen(
        (Phase(4.5, "mg", 24.0, 2, 0.0, into), Phase(50.0, "mg", 24.0, 1, 50.0, into))
    )
    grid = np.array([0.0, 1.0, 5.0, 24.0, 49.0, 52.0, 80.0])
    fast = simulate(model, regimen, people, grid, occasion="none")
    for row in range(2):
        slow = Patient(model, people.theta[row]).simulate(
            [(0.0, 4.5, into), (24.0, 4.5, into), (50.0, 50.0, into)], grid, fast.names
        )
        floor = 1e-3 * np.abs(slow).max(axis=0) + 1e-12
        assert (np.abs(fast.values[row] - slow) / (np.abs(slow) + floor)).max() < 2e-5


def test_a_patient_is_the_same_to_the_bit_alone_and_in_company():
    model = load("ldn/hormesis")
    full = simulate(model, "4.5 mg q24h x 7", cohort(model, 200, seed=7), threads=1)
    two = simulate(model, "4.5 mg q24h x 7", cohort(model, 200, seed=7), threads=2)
    alone = simulate(model, "4.5 mg q24h x 7", cohort(model, seed=7, ids=[17]))
    np.testing.assert_array_equal(full.values, two.values)
    np.testing.assert_array_equal(alone.values[0], full.values[16])


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"times": "0:10"}, "must be start:stop:step"),
        ({"times": "10:0:1"}, "stop not before start"),
        ({"times": [3.0, 2.0]}, "finite and increasing"),
        ({"rtol": 0.0}, "rtol must be a number between"),
        ({"outputs": ("cc",)}, "Did you mean 'Cc'"),
    ],
)
def test_what_cannot_be_simulated_is_refused(options, part):
    with pytest.raises(PkpdError, match=part):
        simulate(LINEAR, rx("1 mg"), PEOPLE, **options)
