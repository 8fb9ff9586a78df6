"""A cohort and its doses as tables for other simulators."""

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.cli import main

REGIMENS = [
    "100 mg q12h x 4 then 50 mg q24h x 2",
    "100 mg into central over 2h q12h x 3 and 1.5 mg/kg into depot at 08:00, 20:00 x 4",
]


MODEL = """
title   = "weighed"
time    = "d"
outputs = ["Cc"]

[dose]
depot   = { unit = "mg" }
central = { unit = "mg" }

[parameters]
ka = { value = 20.0, unit = "1/d", label = "absorption", source = "test", evidence = "assumed" }
k  = { value = 2.0, unit = "1/d", label = "elimination", source = "test", evidence = "assumed" }
v  = { value = 0.6, unit = "L/kg", label = "volume", source = "test", evidence = "assumed" }

[covariates.wt]
value    = 70
unit     = "kg"
iiv      = { cv = 0.2 }
label    = "weight"
source   = "test"
evidence = "assumed"

[equations]
model = '''
d/dt(depot)   = -ka*depot : mg
d/dt(central) = ka*depot - k*central : mg
Cc            = central/(v*wt) : mg/L
'''
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "weighed.toml"
    path.write_text(MODEL, encoding="utf-8")
    return pkpd.load(path)


@pytest.mark.parametrize("regimen", REGIMENS)
def test_doses_of_the_table_are_those_of_the_regimen(regimen, model):
    people = pkpd.cohort(model, n=3, seed=7)
    table = pkpd.event_table(model, regimen, people)
    times = np.arange(0.0, 3.0, 0.1)
    expected = pkpd.simulate(model, regimen, people, times, rtol=1e-9).frame()
    found = pkpd.simulate(model, pkpd.events(model, table), people, times, rtol=1e-9).frame()
    found = found[found["EVID"] == 2]
    np.testing.assert_allclose(found["Cc"], expected["Cc"], rtol=1e-7, atol=1e-9)


def test_units_and_numbers_of_a_table(model):
    people = pkpd.cohort(model, n=2, seed=7)
    table = pkpd.event_table(model, "2 mg/kg into central over 6h q12h x 3", people)
    assert table.attrs["units"] == {"TIME": "d", "II": "d", "AMT": "mg", "RATE": "mg/d"}
    np.testing.assert_allclose(table["AMT"], 2 * people.column("wt"))
    np.testing.assert_allclose(table["RATE"], table["AMT"] / 0.25)
    assert table[["II", "ADDL", "CMT"]].to_numpy().tolist() == [[0.5, 2, 2]] * 2


@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
def test_the_command_writes_people_and_doses(ending, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if ending == "xlsx":
        pytest.importorskip("xlsxwriter")
    files = ["--out", f"people.{ending}", "--doses", f"doses.{ending}"]
    words = ["cohort", "pk/one_compartment", "-n", "4", "--seed", "7", "--rx", "5 mg q12h x 3"]
    with pytest.raises(SystemExit) as done:
        main([*words, *files])
    assert done.value.code in (0, None)
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "xlsx": pd.read_excel}[ending]
    model = pkpd.load("pk/one_compartment")
    drawn = pkpd.cohort(model, n=4, seed=7)
    people, doses = (read(f"{name}.{ending}") for name in ("people", "doses"))
    np.testing.assert_allclose(people[list(model.input_names)], drawn.theta, rtol=1e-15)
    assert people["ID"].tolist() == doses["ID"].tolist() == [1, 2, 3, 4]
    assert doses["ADDL"].tolist() == [2] * 4


def test_doses_without_a_regimen_are_wrong_usage(capsys):
    with pytest.raises(SystemExit) as done:
        main(["cohort", "pk/one_compartment", "--doses", "doses.csv"])
    assert done.value.code == 2
    assert "give both or neither" in capsys.readouterr().err
