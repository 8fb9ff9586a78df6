"""A model that is written in a format and read back has the same start, rates and doses."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import pkpd

sys.path.append(str(Path(__file__).parents[1]))
from naive import Patient, evaluate

from pkpd.symbolic import parse

SUFFIX = {"rxode2": ".R", "mrgsolve": ".cpp", "sbml": ".xml"}


def left_open(model, to):
    """Values of the covariates, which some formats take from the data."""
    if to != "rxode2":
        return {}
    return {i.name: i.value if i.reference is None else i.reference for i in model.covariates}


def again(model, to, folder):
    """The model after a way through a format."""
    if to == "sbml":
        pytest.importorskip("libsbml")
    file = folder / f"model{SUFFIX[to]}"
    file.write_text(pkpd.export_model(model, to), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pkpd.PkpdWarning)
        return pkpd.import_model(file, folder / "again.toml", set=left_open(model, to))


def patient(model):
    return Patient(model, pkpd.cohort(model, typical=True).theta[0])


@pytest.mark.parametrize("name", pkpd.models())
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


def test_trajectories_survive_a_round_trip(tmp_path):
    model = pkpd.load("pk/two_compartment")
    courses = [
        pkpd.simulate(
            m, "100 mg q12h x 3", pkpd.cohort(m, typical=True), "0:48:1", outputs=["Cc"], rtol=1e-10
        ).values
        for m in (model, again(model, "mrgsolve", tmp_path))
    ]
    np.testing.assert_allclose(courses[1], courses[0], rtol=1e-8)
