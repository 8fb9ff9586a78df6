"""A patient who can rest high or low at one dose: a loop that holds itself."""

import warnings

import numpy as np
import pytest

import pkpd
from pkpd.errors import PkpdWarning
from pkpd.population.cohort import cohort
from pkpd.response.benefit import benefit_of
from pkpd.response.grid import Steady
from pkpd.solvers import batch

MODEL = """
title = "A loop that holds itself"
outputs = ["relief"]
[dose]
drug = { unit = "mg" }
[parameters]
k = { value = 0.3, unit = "1/h", label = "loss of drug", source = "test", evidence = "assumed" }
r = { value = 0.1, unit = "1/h", label = "loss of signal", source = "test", evidence = "assumed" }
v = { value = 0.2, unit = "mg/h", label = "own drive", source = "test", evidence = "assumed" }
c = { value = 1, unit = "mg", label = "half of it", source = "test", evidence = "assumed" }
h = { value = 4, unit = "1", label = "steepness", source = "test", evidence = "assumed" }
[equations]
e = '''
signal(0) = 0 : mg
d/dt(drug) = -k*drug : mg
d/dt(signal) = r*drug + v*(signal/c)**h/(1 + (signal/c)**h) - r*signal : mg
relief = signal : mg
'''
[benefit]
outcome = "relief"
better = "higher"
into = "drug"
every = "24 h"
doses = "0.1:100 mg"
delta = "1 mg"
"""

# days pass before the brake is on; by then the signal is up and holds itself
SLOW = """
signal(0) = 0.01*c : mg
brake(0) = 0 : mg
d/dt(brake) = 0.05*r*(drug - brake) : mg
d/dt(drug) = -k*drug : mg
d/dt(signal) = r*drug/(1 + (brake/c)**h) + v*(signal/c)**h/(1 + (signal/c)**h) - r*signal : mg
relief = signal : mg
"""


@pytest.fixture
def loop(tmp_path):
    path = tmp_path / "loop.toml"
    path.write_text(MODEL)
    return pkpd.load(path)


def after(model, dose, y, days=300):
    """Mean relief over the last of many days at a dose once a day, and the state there."""
    kernel = batch.compile(model, integrals=("relief",))
    steady = Steady(model, cohort(model, typical=True), benefit_of(model))
    one = np.zeros(1, np.int64)
    actions = steady._doses(one, np.array([dose]))
    for _ in range(days):
        run = batch.solve(kernel, steady.cohort.theta, one, y, 0.0, 24.0, actions)
        y = run.end
    return run.integral[0, 0] / 24.0, y


def test_other_steady_states_are_told_of_where_long_simulations_end_in_them(loop):
    """Doses are those at which 300 days from nothing and from the highest dose end apart."""
    with pytest.warns(PkpdWarning) as told:
        found = pkpd.med(loop, cohort(loop, typical=True), progress=False)
    [sentence] = [str(w.message) for w in told]
    _, high = after(loop, 100.0, np.zeros((1, 2)))
    apart = []
    for dose, outcome in zip(found.curves.doses, found.curves.outcome[0], strict=True):
        alone, above = after(loop, dose, np.zeros((1, 2)))[0], after(loop, dose, high)[0]
        assert outcome == pytest.approx(alone, rel=1e-4)
        if above > 1.01 * alone:
            apart.append(dose)
    assert 3 < len(apart) < 30, apart
    assert f"at doses from {apart[0]:.3g} mg to {apart[-1]:.3g} mg" in sentence


@pytest.mark.slow
def test_doses_are_told_of_at_which_treatment_ends_elsewhere(tmp_path):
    path = tmp_path / "slow.toml"
    head, _, benefit = MODEL.split("'''")
    path.write_text(f"{head}'''{SLOW}'''{benefit.replace('0.1:100', '2:150')}")
    model = pkpd.load(path)
    with pytest.warns(PkpdWarning, match="do not lead the typical patient") as told:
        found = pkpd.med(model, cohort(model, typical=True), progress=False).curves
    [sentence] = [str(w.message) for w in told]
    start = np.array([[0.01, 0.0, 0.0]])
    apart = [
        dose
        for dose, outcome in zip(found.doses, found.outcome[0], strict=True)
        if abs(after(model, dose, start)[0] - outcome) > 0.05
    ]
    assert 10 < len(apart) < 33, apart
    assert f"At doses from {apart[0]:.3g} to {apart[-1]:.3g} mg, 1000 intervals" in sentence


def test_every_way_to_a_dose_response_tells(loop, tmp_path):
    with pytest.warns(PkpdWarning, match="more than one steady state of relief"):
        pkpd.dose_response(loop, cohort(loop, n=3, seed=1), progress=False)
    with pytest.warns(PkpdWarning, match="more than one steady state of relief"):
        pkpd.stream(loop, tmp_path / "out", n=3, seed=1, progress=False)


def test_a_model_with_one_steady_state_says_nothing():
    model = pkpd.load("ldn/hormesis")
    with warnings.catch_warnings():
        warnings.simplefilter("error", PkpdWarning)
        pkpd.dose_response(model, cohort(model, n=2, seed=1), progress=False)
