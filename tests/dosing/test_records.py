"""Event tables: what is read; each record that cannot be used is named with row and reason."""

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.dosing.records import events
from pkpd.errors import DoseError


@pytest.fixture(scope="module")
def model():
    return pkpd.load("pk/two_compartment")


def csv(tmp_path, text):
    path = tmp_path / "doses.csv"
    path.write_text(text)
    return str(path)


def test_a_table_as_nonmem_users_write_it_is_read(model, tmp_path):
    lines = (
        "C,id,time,Amt,rate,ii,addl,evid,cmt,DV",
        ".,1,0,100,.,12,3,1,central,.",
        "C,1,1,oops,x,,,,,",
        ".,1,6,.,.,.,.,0,2,7.1",
        ".,2,0,50,25,0,0,4,1,.",
    )
    records = events(model, csv(tmp_path, "\n".join(lines)))
    assert records.ids.tolist() == [1, 2]
    assert records.first.tolist() == [0, 2, 3]
    assert records.row.tolist() == [1, 3, 4]
    assert records.amount.tolist() == [100, 0, 50]
    assert records.rate.tolist() == [0, 0, 25]
    assert records.evid.tolist() == [1, 0, 4]
    targets = [model.doses[t].state for t in records.target[[0, 2]]]
    assert targets == ["central", model.state_names[0]]


def test_a_parquet_file_a_frame_and_a_csv_file_say_the_same(model, tmp_path):
    frame = pd.DataFrame({"ID": [3, 3], "TIME": [0.0, 2.5], "AMT": [10.0, np.nan], "CMT": [2, 0]})
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False)
    tables = [events(model, s) for s in (frame, str(tmp_path / "t.parquet"), tmp_path / "t.csv")]
    for other in tables[1:]:
        for name in ("ids", "first", "time", "amount", "evid", "target"):
            np.testing.assert_array_equal(getattr(tables[0], name), getattr(other, name))


def test_without_evid_amounts_are_doses(model):
    table = pd.DataFrame({"TIME": [0, 1, 2, 3], "AMT": [5, 0, 0, 0], "MDV": [1, 0, 1, 0]})
    records = events(model, table)
    assert records.evid.tolist() == [1, 0, 2, 0]
    assert not records.identified


def test_all_mistakes_are_reported_at_once(model):
    rows = [
        {"ID": 1, "TIME": 0, "AMT": "ten"},
        {"ID": 1, "TIME": 5, "AMT": -3},
        {"ID": 1, "TIME": 4, "AMT": 1, "RATE": -3},
        {"ID": 1, "TIME": ".", "AMT": 1, "ADDL": 2},
        {"ID": 2, "TIME": 0, "AMT": 1, "SS": 1, "CMT": "gut"},
        {"ID": 2, "TIME": 0, "AMT": 1, "EVID": 7},
        {"ID": 2, "TIME": 1, "AMT": 1, "EVID": 0},
        {"ID": 1, "TIME": 9, "AMT": 1, "RATE": -1, "ADDL": 1.5, "II": -2},
        {"ID": 0, "TIME": 9, "SS": 4, "MDV": 2},
    ]
    table = pd.DataFrame(rows).astype(object).fillna(".")
    with pytest.raises(DoseError) as caught:
        events(model, table)
    message = str(caught.value)
    for part in (
        "9 records cannot be used",
        "row 1, AMT: 'ten' is not a number",
        "row 2, AMT: -3: a dose cannot be negative",
        "row 3, TIME: 4 is before 5",
        "row 3, RATE: -3 is not",
        "row 4, TIME: is missing",
        "row 4, II: is missing: ADDL",
        "row 5, II: is missing: SS",
        "row 5, CMT: 'gut' cannot be dosed; dose into 1 or",
        "row 6, EVID: 7 is not",
        "row 7, AMT: 1 on a record of EVID 0",
        "row 8, ID: 1 comes back",
        "row 8, RATE: -1 needs rate =",
        "row 8, ADDL: 1.5 is not",
        "row 8, II: -2: an interval cannot be negative",
        "row 9, ID: must be a whole number",
        "row 9, SS: 4 is not 0, 1 or 2",
        "row 9, MDV: 2 is not 0 or 1",
    ):
        assert part in message
    assert message.count("\n") == 18


@pytest.mark.parametrize(
    "text, part",
    [
        ("", "no readable table"),
        ("TIME\n", "holds no records"),
        ("ID,AMT\n1,5\n", "no column TIME"),
        ("TIME,time\n1,2\n", "two columns are called TIME"),
    ],
)
def test_what_is_not_an_event_table_is_refused(model, tmp_path, text, part):
    with pytest.raises(DoseError, match=part):
        events(model, csv(tmp_path, text))


def test_a_missing_file_is_named(model):
    with pytest.raises(DoseError, match=r"none\.csv: cannot be read"):
        events(model, "none.csv")


def test_a_dose_that_cannot_be_given_is_named_with_its_row(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(
        'title = "m"\noutputs = ["x"]\n'
        '[dose]\nx = { unit = "mg", f = "F", rate = "R", duration = "D" }\n[parameters]\n'
        'k = { value = 1, unit = "1/h", label = "k", source = "test", evidence = "assumed" }\n'
        '[equations]\ne = "d/dt(x) = -k*x : mg"\n'
    )
    model = pkpd.load(str(path))
    table = pd.DataFrame(
        {
            "TIME": [0, 1, 2],
            "AMT": [1, 1, 1],
            "RATE": [-1, -2, 0],
            "F": [1, 1, -0.5],
            "R": [0, 1, 1],
            "D": [1, -2, 1],
        }
    )
    with pytest.raises(DoseError) as caught:
        pkpd.simulate(model, events(model, table), pkpd.cohort(model, typical=True))
    for part in (
        "row 1: the modelled rate is not above 0",
        "row 2: the modelled duration is below 0",
        "row 3: the bioavailability is below 0",
    ):
        assert part in str(caught.value)


def test_an_unknown_name_in_small_letters_is_no_column(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(
        'title = "m"\noutputs = ["x"]\n[dose]\nx = { unit = "mg", f = "fdepo" }\n[parameters]\n'
        'fdepot = { value = 1.0, unit = "1", label = "f", source = "test", evidence = "assumed" }\n'
        '[equations]\ne = "d/dt(x) = 0*x : mg"\n'
    )
    with pytest.raises(pkpd.PkpdError, match="Did you mean 'fdepot'"):
        pkpd.load(str(path))
