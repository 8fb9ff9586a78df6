"""IDs that are texts: tables are joined by them, results and commands use them."""

import json
import re
import shlex

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pkpd
from pkpd.errors import PkpdError

MODEL = pkpd.load("pk/one_compartment")
CLEARANCE = {"B": 1.0, "P-07": 2.0, "a": 3.0, "7x": 4.0}
BLOWS_UP = """
title   = "Quadratic growth"
time    = "h"
outputs = ["x"]
[dose]
x = { unit = "mg" }
[parameters]
k = { value = 1.0, unit = "1/(mg*h)", iiv = { cv = 1.0 }, label = "k", source = "test", \
evidence = "assumed" }
[equations]
growth = '''
d/dt(x) = k*x*x : mg
'''
"""


def people(names):
    return pd.DataFrame({"ID": names, "cl": [CLEARANCE[name] for name in names]})


def doses(ids):
    """Two records for each of some IDs."""
    count = len(ids)
    return pd.DataFrame({"ID": np.repeat(ids, 2), "TIME": [0, 5] * count, "AMT": [10, 0] * count})


def simulated(table, persons):
    cohort = pkpd.cohort(MODEL, seed=3, covariates=persons)
    return pkpd.simulate(MODEL, pkpd.events(MODEL, table), cohort)


@settings(max_examples=25, deadline=None)
@given(
    st.permutations(list(CLEARANCE)),
    st.lists(st.sampled_from(list(CLEARANCE)), min_size=1, unique=True),
)
def test_events_and_people_are_joined_by_text_in_any_order(order, dosed):
    found = simulated(doses(dosed), people(order))
    numbers = [order.index(name) + 1 for name in dosed]
    same = simulated(doses(numbers), people(order).assign(ID=range(1, len(order) + 1)))
    np.testing.assert_array_equal(found.values, same.values)
    assert found.cohort.column("cl").tolist() == [CLEARANCE[name] for name in dosed]
    assert found.frame()["ID"].tolist() == np.repeat(dosed, 2).tolist()


@pytest.mark.parametrize(
    ("table", "persons", "message"),
    [
        (doses(["B", "q"]), people(["a", "B"]), "the table of people has no ID 'q'"),
        (doses(["B", "a"]), people(["a", "B"]).assign(ID=[1, 2]), "by texts, .* by numbers"),
        (doses([1, 2]), people(["a", "B"]), "by numbers, .* by texts"),
        (doses(["a"]).assign(CL=3.0), people(["a"]), "'cl' is a column of .* and of .*; leave out"),
    ],
)
def test_tables_that_do_not_fit_are_refused(table, persons, message, run, tmp_path):
    with pytest.raises(PkpdError, match=message):
        simulated(table, persons)
    table.to_csv(tmp_path / "doses.csv", index=False)
    persons.to_csv(tmp_path / "people.csv", index=False)
    words = "--events", "doses.csv", "--covariates", "people.csv", "--quiet"
    code, _, error = run("simulate", MODEL.name, *words)
    assert code == 1 and re.search(message, error.splitlines()[-1])


def test_a_patient_is_chosen_by_text(run, tmp_path):
    doses(["P-07", "B"]).to_csv(tmp_path / "doses.csv", index=False)
    people(["B", "a", "P-07"]).to_csv(tmp_path / "people.csv", index=False)
    words = ["simulate", MODEL.name, "--events", "doses.csv", "--covariates", "people.csv"]
    assert run(*words, "--id", "P-07", "--out", "one.csv", "--quiet") == (0, "", "")
    one = pd.read_csv(tmp_path / "one.csv")
    assert one["ID"].tolist() == ["P-07", "P-07"]
    run(*words, "--out", "all.csv", "--quiet")
    whole = pd.read_csv(tmp_path / "all.csv")
    assert one.equals(whole[whole["ID"] == "P-07"].reset_index(drop=True))
    code, _, error = run(*words, "--id", "p-07", "--quiet")
    assert code == 1 and "has no such ID. Did you mean 'P-07'?" in error


def test_meds_of_people_with_texts_hold_them():
    cohort = pkpd.cohort(MODEL, seed=3, covariates=people(["a", "B"]))
    benefit = {"outcome": "Cc", "better": "higher", "into": "depot", "doses": "1:100 mg"}
    table = pkpd.med(MODEL, cohort, every="24 h", **benefit).patients
    assert table["ID"].tolist() == [1, 2] and table["LABEL"].tolist() == ["a", "B"]


@pytest.mark.parametrize("numerics", [{}, {"rtol": 3e-8, "solver": "tsit5"}, {"carry": "forward"}])
def test_a_replay_gives_the_same_bits_of_the_patient_under_its_text(numerics, run, tmp_path):
    (tmp_path / "blows.toml").write_text(BLOWS_UP)
    names = [f"P-{k}" for k in range(12)]
    rows = doses(names).assign(AMT=[1.0, 0.0] * len(names), TIME=[0.0, 1.0] * len(names))
    rows.to_csv(tmp_path / "doses.csv", index=False)
    model = pkpd.load(tmp_path / "blows.toml")
    records = pkpd.events(model, tmp_path / "doses.csv")
    result = pkpd.simulate(model, records, pkpd.cohort(model, 12, seed=3), **numerics)
    failed = result.failed
    assert 0 < len(failed) < 12 and set(failed["ID"]) <= set(names)
    for row in failed.itertuples():
        words = shlex.split(row.REPLAY)
        assert words[-2:] == ["--id", row.ID]
        code, out, error = run(*words[1:], "--json")
        assert code == 0 and f"({row.ID})" in error
        (again,) = json.loads(out)["failed"]
        assert (again["ID"], again["TIME"], again["REASON"]) == (row.ID, row.TIME, row.REASON)


def test_a_replay_of_endpoints_watches_the_same_window(run, tmp_path):
    (tmp_path / "blows.toml").write_text(BLOWS_UP)
    model = pkpd.load(tmp_path / "blows.toml")
    cohort = pkpd.cohort(model, 12, seed=3)
    given = {"endpoints": ["cmax(x)", "auc(x)"], "window": (0.25, "2 h"), "rtol": 1e-7}
    failed = pkpd.simulate(model, "1 mg", cohort, **given).failed
    row = next(failed.itertuples())
    words = shlex.split(row.REPLAY)
    assert {"--endpoint", "--from", "--to", "--rtol"} <= set(words)
    code, out, _ = run(*words[1:], "--json")
    (again,) = json.loads(out)["failed"]
    assert code == 0 and (again["TIME"], again["REASON"]) == (row.TIME, row.REASON)


@pytest.mark.parametrize(
    ("given", "drawn", "why"),
    [
        ({}, {}, "the event table is not a file; write it to one and read that"),
        ({"regimen": "1 mg"}, {"replicate": 1}, "these people are drawn in Python"),
        ({"regimen": "1 mg", "outputs": ["t2"]}, {}, "the outputs are not the model's"),
    ],
)
def test_a_patient_whom_no_command_repeats_is_told_why(given, drawn, why, tmp_path):
    (tmp_path / "blows.toml").write_text(BLOWS_UP.replace("mg\n'''", "mg\nt2 = 2*x : mg\n'''"))
    model = pkpd.load(tmp_path / "blows.toml")
    rows = pd.DataFrame({"ID": np.arange(1, 13), "TIME": 0.0, "AMT": 1.0})
    given = {"regimen": pkpd.events(model, rows), "times": [0.0, 1.0]} | given
    cohort = pkpd.cohort(model, 12, seed=3, **drawn)
    failed = pkpd.simulate(model, cohort=cohort, **given).failed
    assert len(failed) and set(failed["REPLAY"]) == {f"# no command: {why}"}
    if "event table" in why:
        rows.to_csv(tmp_path / "doses.csv", index=False)
        given["regimen"] = pkpd.events(model, tmp_path / "doses.csv")
        again = pkpd.simulate(model, cohort=cohort, **given).failed
        assert again["TIME"].equals(failed["TIME"]) and again["REPLAY"].str.contains("--id").all()
