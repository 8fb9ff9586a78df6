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


EARLIER = (
    [
        {"ID": 1, "TIME": 0, "AMT": "ten"},
        {"ID": 1, "TIME": 5, "AMT": -3},
        {"ID": 1, "TIME": 4, "AMT": 1, "RATE": -3},
        {"ID": 1, "TIME": ".", "AMT": 1, "ADDL": 2},
        {"ID": 2, "TIME": 0, "AMT": 1, "SS": 1, "CMT": "gut"},
    ],
    [
        "row 1, AMT: 'ten' is not a number",
        "row 2, AMT: -3: a dose cannot be negative",
        "row 3, TIME: 4 is before 5",
        "row 3, RATE: -3 is not",
        "row 4, TIME: is missing",
        "row 4, II: is missing: ADDL",
        "row 5, II: is missing: SS",
        "row 5, CMT: 'gut' cannot be dosed; dose into 1 or",
    ],
)
LATER = (
    [
        {"ID": 1, "TIME": 0, "AMT": ".", "EVID": 7},
        {"ID": 2, "TIME": 1, "AMT": 1, "EVID": 0},
        {"ID": 1, "TIME": 9, "AMT": 1, "RATE": -1, "ADDL": 1.5, "II": -2},
        {"ID": 0, "TIME": 9, "SS": 4, "MDV": 2},
        {"ID": 4, "TIME": 0, "AMT": ".", "EVID": 1},
    ],
    [
        "row 1, EVID: 7 is not",
        "row 2, AMT: 1 on a record of EVID 0",
        "row 3, ID: 1 comes back",
        "row 3, RATE: -1 needs rate =",
        "row 3, ADDL: 1.5 is not",
        "row 3, II: -2: an interval cannot be negative",
        "row 4, ID: must be a whole number",
        "row 4, SS: 4 is not 0, 1 or 2",
        "row 4, MDV: 2 is not 0 or 1",
        "row 5, AMT: is missing on a dose record; write 0 for a placebo",
    ],
)


UNCOUNTED = (
    [
        {"ID": 1, "TIME": 0, "AMT": 5, "II": 24, "ADDL": "."},
        {"ID": 2, "TIME": "noon", "AMT": "5 mg", "II": "x", "ADDL": 0},
    ],
    [
        "row 1, II: 24, but neither ADDL nor SS says how many doses; write ADDL 0 for one",
        "row 2, TIME: 'noon' is not a number; write a time",
        "row 2, AMT: '5 mg' is not a number; write 5 alone, in the unit of the column",
        "row 2, II: 'x' is not a number; write . for missing",
    ],
)


@pytest.mark.parametrize(("rows", "parts"), [EARLIER, LATER, UNCOUNTED])
def test_all_mistakes_are_reported_at_once(model, rows, parts):
    table = pd.DataFrame(rows).astype(object).fillna(".")
    with pytest.raises(DoseError) as caught:
        events(model, table)
    head, *lines = str(caught.value).splitlines()
    assert f"{len(rows)} records cannot be used" in head
    assert len(lines) == len(parts)
    for line, part in zip(sorted(lines), sorted(parts), strict=True):
        assert part in line


def test_of_many_mistakes_ten_are_shown_and_all_are_counted(model):
    table = pd.DataFrame({"TIME": range(37), "AMT": ["x"] * 37})
    with pytest.raises(DoseError, match="37 records cannot be used") as caught:
        events(model, table)
    lines = str(caught.value).splitlines()
    assert len(lines) == 12
    assert lines[-1] == "  and 27 more."


def test_ids_that_are_texts_stay_the_labels_of_the_results(model):
    rows = {"ID": ["P-07", "P-07", "B", "B"], "TIME": [0, 5, 0, 5], "AMT": [10, 0, 20, 0]}
    named = events(model, pd.DataFrame(rows))
    assert named.ids.tolist() == [1, 2]
    numbered = events(model, pd.DataFrame(rows | {"ID": [1, 1, 2, 2]}))
    people = pkpd.cohort(model, 2, seed=3)
    results = [pkpd.simulate(model, records, people) for records in (named, numbered)]
    np.testing.assert_array_equal(results[0].values, results[1].values)
    assert results[0].frame()["ID"].tolist() == rows["ID"]
    peaks = pkpd.simulate(model, named, people, endpoints=["cmax(Cc)"]).frame()
    assert peaks["ID"].tolist() == ["P-07", "B"]


def test_the_account_says_what_was_used_unused_and_missing(model):
    table = pd.DataFrame({"id": [1], "TIME": [0], "AMT": [1], "NOTE": ["fasted"], "VC": [20.0]})
    said = events(model, table).account
    assert said.startswith("table: 1 row; used: ID, TIME, AMT, VC; unused: NOTE; missing: RATE, II")


def test_the_account_counts_the_patients_without_a_value(model):
    table = pd.DataFrame({"ID": [1, 1, 2], "TIME": 0, "AMT": 1, "VC": [20.0, np.nan, np.nan]})
    said = events(model, table).account
    assert said.endswith("vc is empty for 1 of 2 patients, who have their own of the cohort.")


def test_an_input_that_is_set_is_no_column_too(model):
    records = events(model, pd.DataFrame({"ID": [1], "TIME": [0], "AMT": [1], "VC": [20.0]}))
    people = pkpd.cohort(model, 1, set={"vc": 30.0})
    with pytest.raises(DoseError, match="'vc' is set and also a column of table; leave out one"):
        pkpd.simulate(model, records, people)


@pytest.mark.parametrize(
    ("names", "part"),
    [
        ("Subject,TIME,AMT", "'Subject' is not read; if it is ID, call it ID"),
        ("ID,TIME,DOSE", "'DOSE' is not read; if it is AMT"),
        ("ID,TIME,AMT,DURATION", "'DURATION' is not read; if it is RATE"),
        ("ID,TIME,AMT,Weight", "'Weight' is not read; if it is wt"),
        ("ID,TIME,AMT,DATE", "TIME must count from a common start"),
        ("ID,TIME,AMT,wt,WT", "'wt' and 'WT' stand for 'wt'"),
    ],
)
def test_a_name_that_is_almost_the_one_wanted_is_refused(tmp_path, names, part):
    naltrexone = pkpd.load("pk/naltrexone")
    cells = ",".join("1" for _ in names.split(","))
    with pytest.raises(DoseError, match=part):
        events(naltrexone, csv(tmp_path, f"{names}\n{cells}\n"))


def test_a_time_of_day_is_refused_with_the_remedy(model, tmp_path):
    with pytest.raises(DoseError, match="'08:30' is a date or a time of day"):
        events(model, csv(tmp_path, "TIME,AMT\n08:30,1\n"))


STEADY = {"TIME": [0], "AMT": [1], "SS": [2], "II": [12]}
RATES = {
    "d/dt(x) = -k*x/(1 + x/u) : mg": r"d/dt\(x\) is not linear",
    "d/dt(x) = u*k - k*x : mg": r"d/dt\(x\) has a part that no dose makes",
    "d/dt(x) = -k*x : mg\nx(0) = u : mg": "x starts at another value than 0",
}


def one_state(tmp_path, equations):
    path = tmp_path / "m.toml"
    path.write_text(
        'title = "m"\noutputs = ["x"]\n[dose]\nx = { unit = "mg" }\n[parameters]\n'
        'k = { value = 1, unit = "1/h", label = "k", source = "test", evidence = "assumed" }\n'
        'u = { value = 1, unit = "mg", label = "u", source = "test", evidence = "assumed" }\n'
        f"[equations]\ne = '''\n{equations}\n'''\n"
    )
    return pkpd.load(str(path))


@pytest.mark.parametrize("equations", RATES)
def test_a_steady_state_joins_others_only_where_responses_add_up(tmp_path, equations):
    model = one_state(tmp_path, equations)
    assert len(events(model, pd.DataFrame(STEADY | {"SS": [1]}))) == 1
    with pytest.raises(DoseError, match=RATES[equations]) as caught:
        events(model, pd.DataFrame(STEADY))
    assert "row 1, SS: 2 adds" in str(caught.value)
    assert "write these doses out" in str(caught.value)


def test_a_steady_state_joins_others_in_a_linear_model(tmp_path):
    model = one_state(tmp_path, "d/dt(x) = -k*x : mg")
    assert len(events(model, pd.DataFrame(STEADY))) == 1


def test_a_model_of_time_has_no_steady_state(tmp_path):
    model = one_state(tmp_path, "d/dt(x) = -k*x/(1 + k*t) : mg")
    with pytest.raises(DoseError, match="depends on the time t and has no steady state"):
        events(model, pd.DataFrame(STEADY | {"SS": [1]}))


@pytest.mark.parametrize(
    "text, part",
    [
        ("", "it is empty"),
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
        "row 2: the modelled duration is not above 0; write RATE 0 for a bolus",
        "row 3: the bioavailability is below 0",
    ):
        assert part in str(caught.value)
    none = table.assign(D=[1, 0, 1], F=1, R=1)
    with pytest.raises(DoseError, match="row 2: the modelled duration is not above 0"):
        pkpd.simulate(model, events(model, none), pkpd.cohort(model, typical=True))
    with pytest.raises(DoseError, match="row 2: the modelled duration is a column that the table"):
        lacks = events(model, table.drop(columns="D"))
        pkpd.simulate(model, lacks, pkpd.cohort(model, typical=True))


def test_an_unknown_name_in_small_letters_is_no_column(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(
        'title = "m"\noutputs = ["x"]\n[dose]\nx = { unit = "mg", f = "fdepo" }\n[parameters]\n'
        'fdepot = { value = 1.0, unit = "1", label = "f", source = "test", evidence = "assumed" }\n'
        '[equations]\ne = "d/dt(x) = 0*x : mg"\n'
    )
    with pytest.raises(pkpd.PkpdError, match="Did you mean 'fdepot'"):
        pkpd.load(str(path))


@pytest.mark.parametrize("index", [["ID"], ["ID", "TIME"], ["TIME"]])
def test_named_levels_of_an_index_are_columns(model, index):
    """As groupby and pivot leave them: without its IDs, a table would be everybody's."""
    table = pd.DataFrame({"ID": [3, 8], "TIME": [0.0, 1.0], "AMT": [10.0, 20.0]})
    for frame in (table.set_index(index), table.set_index(index, drop=False)):
        records = events(model, frame)
        assert records.identified and records.ids.tolist() == [3, 8]
        assert records.time.tolist() == [0.0, 1.0] and records.amount.tolist() == [10.0, 20.0]


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s"])
def test_lengths_of_time_are_no_times(model, unit):
    times = pd.Series(np.array([0, 7_200_000_000_000], "m8[ns]").astype(f"m8[{unit}]"))
    with pytest.raises(DoseError, match="row 2, TIME: '0 days 02:00:00' is a date or a time of"):
        events(model, pd.DataFrame({"TIME": times, "AMT": [1.0, 1.0]}))


@pytest.mark.parametrize("column", ["UNIT", "Units", "amt_unit", "DOSEU"])
def test_amounts_in_another_unit_are_refused(model, column):
    table = pd.DataFrame({"TIME": [0, 1, 2], "AMT": [10, 20, 0], column: ["mg", "ug", "ng/mL"]})
    with pytest.raises(DoseError) as caught:
        events(model, table)
    assert f"row 2, {column}: 'ug', but AMT is read in mg" in str(caught.value)
    assert "row 3" not in str(caught.value)  # gives no dose
    table[column] = ["mg", "mg", "."]
    assert events(model, table).amount.tolist() == [10, 20, 0]


def test_a_time_of_day_beside_a_day_is_refused(model):
    table = pd.DataFrame({"ID": [1, 1, 1, 2], "DAY": [1, 2, 3, 4], "TIME": [8, 8, 20, 8]})
    table["AMT"] = 10.0
    with pytest.raises(DoseError) as caught:
        events(model, table)
    assert "row 2, TIME: does not go on with DAY; it must count from a" in str(caught.value)
    table["TIME"] = [8, 32, 68, 80]
    assert events(model, table).time.tolist() == [8, 32, 68, 80]


IMPOSSIBLE = [("cl", -1.0), ("vc", -0.5), ("fdepot", 1.5), ("fdepot", -0.1)]


@pytest.mark.parametrize(("name", "value"), IMPOSSIBLE)
def test_a_value_that_a_parameter_cannot_have_is_refused_at_every_door(model, name, value):
    column = {name: [value, 0.5]}
    with pytest.raises(DoseError, match=f"row 1, {name}: {value:g} is not a value that"):
        events(model, pd.DataFrame({"TIME": [0, 1], "AMT": [1, 0]} | column))
    with pytest.raises(pkpd.PkpdError, match=f"row 1, column {name}: '{value}' is not a value"):
        pkpd.cohort(model, 2, covariates=pd.DataFrame(column))
    with pytest.raises(pkpd.PkpdError, match=f"set 1: {value:g} cannot be a typical value"):
        pkpd.parameter_sets(model, pd.DataFrame(column))
    with pytest.raises(pkpd.PkpdError, match=f"'{name}={value:g}' is outside what"):
        pkpd.cohort(model, 2, set={name: value})


def test_a_single_person_may_have_a_value_at_the_end_of_a_range(model):
    """All of an intravenous dose arrives and none of it is late; the typical person's may not."""
    column = {"fdepot": [1.0, 0.0], "tlag": [0.0, 0.0]}
    records = events(model, pd.DataFrame({"TIME": [0, 1], "AMT": [1, 0]} | column))
    assert records.inputs["fdepot"].tolist() == [1.0, 0.0]
    people = pkpd.cohort(model, 2, covariates=pd.DataFrame({"ID": [1, 2]} | column))
    assert people.column("fdepot").tolist() == [1.0, 0.0]
    with pytest.raises(pkpd.PkpdError, match="cannot be a typical value of 'fdepot'"):
        pkpd.parameter_sets(model, pd.DataFrame(column))
