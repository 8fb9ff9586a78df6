"""What a user's event table holds comes back with the outputs, row by row."""

import numpy as np
import pandas as pd
import pytest

import pkpd

TABLE = pd.DataFrame(
    {
        "C": [".", ".", "C", ".", ".", "."],
        "ID": [1, 1, 1, 1, 2, 2],
        "TIME": [0.0, 1.0, 1.5, 4.0, 0.0, 2.0],
        "AMT": [100.0, 0, 0, 0, 100, 0],
        "DV": [".", "2.5", "9.9", "1.5", ".", "2.1"],
        "arm": ["A", "A", "A", "A", "B", None],
        "Cc": [np.nan, 3.0, 3.0, 3.0, np.nan, 4.0],
    }
)


@pytest.fixture(scope="module")
def model():
    return pkpd.load("pk/one_compartment")


def run(model, table, times=None, n=2):
    people = pkpd.cohort(model, n, seed=1)
    return pkpd.simulate(model, pkpd.events(model, table), people, times, progress=False)


def test_every_row_that_is_no_comment_comes_back_with_all_its_columns(model):
    frame = run(model, TABLE).frame()
    kept = TABLE[TABLE["C"] == "."].reset_index(drop=True)
    assert list(frame) == ["ID", "TIME", "EVID", "Cc", "AMT", "DV", "arm", "Cc_table"]
    for name in ("ID", "TIME", "AMT"):
        np.testing.assert_array_equal(frame[name], kept[name])
    np.testing.assert_array_equal(frame["DV"], [np.nan, 2.5, 1.5, np.nan, 2.1])
    np.testing.assert_array_equal(frame["Cc_table"], kept["Cc"])
    assert frame["arm"].tolist() == ["A", "A", "A", "B", ""]


def test_times_asked_for_besides_have_nothing_in_the_columns_of_the_table(model):
    frame = run(model, TABLE, times=[0.5, 3.0]).frame()
    added = frame[frame["EVID"] == 2]
    assert len(added) == 4 and added[["AMT", "DV", "Cc_table"]].isna().all(axis=None)
    assert (added["arm"] == "").all()
    assert frame[frame["EVID"] != 2]["Cc_table"].tolist()[1:3] == [3.0, 3.0]


def test_a_table_without_ids_comes_back_once_for_every_patient_however_they_are_solved(
    model, monkeypatch
):
    table = TABLE.iloc[:2].drop(columns="ID").assign(visit=["first", "second"])
    whole = run(model, table, n=5).frame()
    assert whole["visit"].tolist() == 5 * ["first", "second"]
    monkeypatch.setattr("pkpd.simulation.run.PATIENTS_AT_ONCE", 2)
    pd.testing.assert_frame_equal(run(model, table, n=5).frame(), whole)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_files_hold_the_columns_too(model, tmp_path, ending):
    path = tmp_path / f"run.{ending}"
    found = run(model, TABLE)
    found.write(path)
    read = pd.read_csv(path, keep_default_na=False) if ending == "csv" else pd.read_parquet(path)
    assert list(read) == list(found.frame())
    assert read["arm"].tolist() == ["A", "A", "A", "B", ""]
