"""The exported script, run by a Python of its own, gives the engine's numbers."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pkpd

sys.path.append(str(Path(__file__).parents[1]))
from naive import Patient

EXPORTED = [n for n in pkpd.models() if not n.startswith("absorption/")]  # no export holds it


def table_of(model, folder, *words):
    """The table that the script of a model prints."""
    script = folder / "script.py"
    script.write_text(pkpd.export_model(model, "scipy"), encoding="utf-8")
    command = [sys.executable, "-I", str(script), *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (folder / "out.csv").write_text(done.stdout)
    return pd.read_csv(folder / "out.csv")


def engine(model, rx, times, **options):
    people = pkpd.cohort(model, typical=True, **options)
    return pkpd.simulate(model, rx, people, times, rtol=1e-10).frame()


def test_doses_lags_and_infusions_are_those_of_the_engine(tmp_path):
    model = pkpd.load("pk/two_compartment")
    doses = ["--dose", 0, 100, "depot", 0, "--dose", 5, 40, "central", 3]
    given = ["--set", "tlag", 0.7, "--set", "cl", 7]
    table = table_of(model, tmp_path, "--times", 0, 24, 0.5, *doses, *given)
    rx = "100 mg and wait 5h then 40 mg into central over 3h"
    expected = engine(model, rx, "0:24:0.5", set={"tlag": 0.7, "cl": 7.0})
    np.testing.assert_allclose(table["Cc"], expected["Cc"], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", EXPORTED)
def test_a_script_of_every_model_has_the_rates_of_the_checked_model(name):
    """Its functions are called with drawn states and compared with a walk over the trees."""
    model = pkpd.load(name)
    space = {"__name__": "script"}
    exec(compile(pkpd.export_model(model, "scipy"), "script", "exec"), space)
    equations = space["EQUATIONS"]
    theta = pkpd.cohort(model, typical=True).theta[0]
    assert list(equations.inputs.values()) == theta.tolist()
    patient = Patient(model, theta)
    np.testing.assert_allclose(equations.start(equations.inputs), patient.start(), rtol=1e-12)
    states = np.random.default_rng(7).uniform(0.1, 2.0, len(model.states))
    got = equations.rates(3.25, states, equations.inputs)
    np.testing.assert_allclose(got, patient.rate(3.25, states), rtol=1e-12)
