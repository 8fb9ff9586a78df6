"""A model that is written in a format and read back has the same start, rates and doses."""

import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pkpd

sys.path.append(str(Path(__file__).parents[1]))
from naive import Patient, evaluate

from pkpd.symbolic import parse

EXPORTED = [n for n in pkpd.models() if not n.startswith("absorption/")]  # no export holds it
SUFFIX = {"rxode2": ".R", "mrgsolve": ".cpp", "sbml": ".xml"}


def left_open(model, to):
    """Values of the covariates, which some formats take from the data."""
    if to not in ("rxode2", "nonmem"):
        return {}
    values = {i.name: i.value if i.reference is None else i.reference for i in model.covariates}
    return {name.upper(): value for name, value in values.items()} if to == "nonmem" else values


def again(model, to, folder):
    """The model after a way through a format."""
    if to == "sbml":
        pytest.importorskip("libsbml")
    file = folder / f"model{SUFFIX.get(to, '.ctl')}"
    file.write_text(pkpd.export_model(model, to), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pkpd.PkpdWarning)
        return pkpd.import_model(file, folder / "again.toml", set=left_open(model, to))


def patient(model):
    return Patient(model, pkpd.cohort(model, typical=True).theta[0])


@pytest.mark.parametrize("name", EXPORTED)
@pytest.mark.parametrize("to", SUFFIX)
def test_rates_of_every_model_survive_a_round_trip(to, name, tmp_path):
    model = pkpd.load(name)
    one, other = patient(model), patient(again(model, to, tmp_path))
    np.testing.assert_allclose(other.start(), one.start(), rtol=1e-14)
    drawn = np.random.default_rng(7)
    for t in (0.0, 3.25, 40.0):
        states = drawn.uniform(0.1, 2.0, len(model.states))
        np.testing.assert_allclose(other.rate(t, states), one.rate(t, states), rtol=1e-13)
        before, after = one.names(t, states), other.names(t, states)
        for seen in model.outputs:
            assert after[seen] == pytest.approx(before[seen], rel=1e-13, nan_ok=True)


def properties(model):
    """State -> values of f and lag, with the factor of its unit."""
    known = patient(model).inputs
    return {
        dose.state: [
            evaluate(parse.checked(dose.f or "1"), known) * dose.factor,
            evaluate(parse.checked(dose.lag or "0"), known),
        ]
        for dose in model.doses
    }


@pytest.mark.parametrize("to", ["rxode2", "mrgsolve"])
@pytest.mark.parametrize("name", ["pk/two_compartment", "ldn/crushed_capsule"])
def test_bioavailability_and_lag_survive_a_round_trip(to, name, tmp_path):
    model = pkpd.load(name)
    before, after = properties(model), properties(again(model, to, tmp_path))
    for state, values in before.items():
        assert after[state] == pytest.approx(values, rel=1e-13)


def script(model):
    """The functions of the script that a model is exported as."""
    space = {"__name__": "script"}
    exec(compile(pkpd.export_model(model, "scipy"), "script", "exec"), space)
    return space


def followed(model, doses, times):
    """Outputs (T, O) of the script after doses (time, amount, state, duration)."""
    space = script(model)
    return space["simulate"](space["EQUATIONS"], times, doses, rtol=1e-11, atol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("to", [*SUFFIX, "nonmem"])
@pytest.mark.parametrize("name", EXPORTED)
def test_trajectories_of_every_model_survive_a_round_trip(name, to, tmp_path):
    """SBML has no doses: there the state gets what arrives of them, when it arrives."""
    model, back = pkpd.load(name), again(pkpd.load(name), to, tmp_path)
    equations = script(model)["EQUATIONS"]
    targets = equations.targets(equations.inputs)
    doses, there = [], []
    for k, dosed in enumerate(model.doses):
        dose = (3.0 * k, 5.0, dosed.state, 0.0)
        share, lag = targets[dosed.state] if to == "sbml" else (1.0, 0.0)
        state = back.state_names[model.state_names.index(dosed.state)]
        doses.append(dose)
        there.append((dose[0] + lag, dose[1] * share, state, 0.0))
    times = np.array([0.5, 2.0, 7.0, 20.0, 36.0])
    seen = model.outputs[:1] if to == "nonmem" else model.outputs
    expected = followed(replace(model, outputs=seen), doses, times)
    found = followed(replace(back, outputs=("Y",) if to == "nonmem" else seen), there, times)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9 * np.abs(expected).max())


ENGINE = {
    "pk/two_compartment": "mrgsolve",
    "pk/naltrexone": "nonmem",
    "pd/receptor_binding": "rxode2",
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "to"), ENGINE.items())
def test_trajectories_by_the_engine_survive_a_round_trip(name, to, tmp_path):
    model = pkpd.load(name)
    courses = []
    for each in (model, again(model, to, tmp_path)):
        seen = "Y" if "Y" in each.outputs else model.outputs[0]
        people = pkpd.cohort(each, typical=True)
        run = pkpd.simulate(each, "5 mg q12h x 3", people, "0:48:1", outputs=[seen], rtol=1e-10)
        courses.append(run.values[0, :, 0])
    np.testing.assert_allclose(courses[1], courses[0], rtol=1e-8, atol=1e-12)


def test_trajectories_survive_a_round_trip(tmp_path):
    model = pkpd.load("pk/two_compartment")
    courses = [
        pkpd.simulate(
            m, "100 mg q12h x 3", pkpd.cohort(m, typical=True), "0:48:1", outputs=["Cc"], rtol=1e-10
        ).values
        for m in (model, again(model, "mrgsolve", tmp_path))
    ]
    np.testing.assert_allclose(courses[1], courses[0], rtol=1e-8)
