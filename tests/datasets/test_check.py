"""A check of a data set tells what is used, refused and odd, with the rows of the file."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.cli import main
from pkpd.errors import DoseError
from pkpd.report.words import datasets as words

ROOT = Path(__file__).parents[2]
MODEL = """
title   = "one compartment with body weight"
time    = "h"
outputs = ["Cc"]

[dose]
depot = { unit = "mg" }

[parameters]
ka = { value = 1.0, unit = "1/h", label = "absorption", source = "test", evidence = "assumed" }
cl = { value = 4.0, unit = "L/h", label = "clearance", source = "test", evidence = "assumed" }
v  = { value = 40.0, unit = "L", label = "volume", source = "test", evidence = "assumed" }
heavy = { value = 70.0, unit = "kg", label = "of reference", source = "test", evidence = "assumed" }

[covariates]
wt = { value = 70.0, unit = "kg", label = "weight", source = "test", evidence = "assumed" }

[equations]
model = '''
d/dt(depot)   = -ka*depot : mg
d/dt(central) = ka*depot - cl/v*central : mg
Cc            = central/(v*wt/heavy) : mg/L
'''
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "weighed.toml"
    path.write_text(MODEL, encoding="utf-8")
    return pkpd.load(path)


def checked(model, rows, header="ID,TIME,AMT,DV,EVID"):
    """The check of a table of texts."""
    cells = [row.split(",") for row in rows]
    return pkpd.check_data(pd.DataFrame(cells, columns=header.split(","), dtype=object), model)


def told(found, grade):
    """{(column, rows): sentence} of the findings of a grade."""
    return {(f.column, f.rows): f.sentence for f in found.findings if f.grade == grade}


SOUND = ("1,0,100,.,1,70", "1,1,.,2.1,0,70", "2,0,100,.,1,80", "2,1,.,1.9,0,80")
WITH_WT = "ID,TIME,AMT,DV,EVID,wt"


def test_a_sound_table_has_no_findings(model):
    found = checked(model, SOUND, WITH_WT)
    assert (found.findings, found.refused) == ((), False)
    assert "nothing is odd" in words.verdict(found)
    assert dict(found.uses)["wt"] == "covariate wt in kg, in place of the model's own"


def test_what_is_refused_is_what_a_simulation_refuses(model):
    rows = ["1,0,.,.,1", "1,2,.,1,0", "1,1,.,1,0", "2,08:30,5,1,0"]
    frame = pd.DataFrame([r.split(",") for r in rows], columns=["ID", "TIME", "AMT", "DV", "EVID"])
    found = pkpd.check_data(frame, model)
    with pytest.raises(DoseError) as refused:
        pkpd.events(model, frame)
    for finding in found.findings:
        if finding.grade == "refused":
            assert f"row {finding.rows[0]}, {finding.column}: {finding.sentence}." in str(
                refused.value
            )
    assert set(told(found, "refused")) == {
        ("AMT", (1,)),
        ("TIME", (3,)),
        ("TIME", (4,)),
        ("AMT", (4,)),
    }


def test_mistakes_of_one_kind_are_one_finding(model):
    found = checked(model, [f"1,{k},-{k + 1},.,1" for k in range(14)])
    (finding,) = (f for f in found.findings if f.grade == "refused")
    assert finding.sentence == "-1: a dose cannot be negative"
    assert finding.rows == tuple(range(1, 15))
    line = next(line for line in words.findings(found) if "negative" in line)
    assert line.endswith("Rows 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 4 more (14 in all).")


def test_counts_of_each_patient(model):
    header = "ID,TIME,AMT,DV,EVID,ADDL,II"
    rows = ["A,0,100,.,1,2,12", "A,30,.,2,0,.,.", "A,40,.,1,0,.,.", "B,5,.,.,0,.,."]
    people = checked(model, rows, header).people()
    assert people["ID"].tolist() == ["A", "B"]
    assert people["doses"].tolist() == [3, 0]
    assert people["last_dose"].tolist()[0] == 24.0
    assert np.isnan(people["first_dose"][1])
    assert people["observations"].tolist() == [2, 0]
    assert people["amounts"].tolist() == ["100 mg into depot", ""]


@pytest.mark.parametrize(
    ("header", "rows", "column", "at", "words_of_it"),
    [
        ("ID,TIME,AMT,DV,EVID", [*["1,1,.,2,0"] * 2, "1,2,100,.,1"], "table", (2,), "same as"),
        ("ID,TIME,AMT,DV,EVID", ["1,0,9,.,1", "1,1,.,2,0", "1,1,.,3,0"], "DV", (3,), "second"),
        ("ID,TIME,AMT,DV,EVID,X", ["1,0,9,.,1,a", "1,0,9,.,1,b"], "AMT", (2,), "the same dose"),
        ("ID,TIME,AMT,DV,EVID", ["1,0,9,.,1", "2,0,.,1,0"], "ID", (2,), "ID 2 has no dose"),
        ("ID,TIME,AMT,DV,EVID", ["1,0,9,.,1", "1,1,.,-2,0"], "DV", (2,), "below 0"),
        ("ID,TIME,AMT,DV,EVID", ["1,0,9,.,1", "1,1,.,<0.1,0"], "DV", (2,), "limit"),
        ("ID,TIME,AMT,DV,EVID", ["1,0,9,7,1", "1,1,.,1,0"], "DV", (1,), "record of a dose"),
        (
            "ID,TIME,AMT,DV,EVID,ADDL,II",
            ["1,0,9,.,1,3,24", "1,48,9,.,1,.,."],
            "ADDL",
            (1,),
            "go on until 72, beyond the dose of row 2 at 48",
        ),
        ("ID,TIME,AMT,SS,II", ["1,0,9,1,24", "1,12,9,0,0"], "SS", (1,), "comes after 12"),
        ("ID,TIME,AMT,ADDL,II", ["1,0,9,6,1"], "II", (1,), "every 1 h"),
        ("ID,TIME,AMT,RATE,II,ADDL", ["1,0,90,1,24,2"], "RATE", (1,), "takes 90 h"),
        ("ID,TIME,AMT", ["1,0,100", "2,0,100", "3,0,100000"], "AMT", (), "stands beside"),
        ("ID,TIME,AMT,wt", ["1,0,9,70", "1,1,0,."], "wt", (2,), "is missing"),
        ("ID,TIME,AMT,wt", ["1,0,9,70", "2,0,9,."], "wt", (2,), "empty for 1 of 2 people"),
        ("ID,TIME,AMT,wt", ["1,0,9,70000"], "wt", (), "people weigh"),
        (
            "ID,TIME,AMT,DV,EVID,DVID",
            ["1,0,9,.,1,.", "1,1,.,2,0,1", "1,1,.,3,0,2"],
            "DV",
            (),
            "DVID 1, DVID 2 in one column",
        ),
    ],
)
def test_what_is_odd_is_told_with_its_rows(model, header, rows, column, at, words_of_it):
    found = checked(model, rows, header)
    odd = told(found, "odd")
    assert words_of_it in odd.get((column, at), ""), odd


def test_steady_dosing_and_separate_targets_are_not_odd(model):
    header = "ID,TIME,AMT,DV,EVID,ADDL,II"
    rows = ["1,0,9,.,1,2,24", "1,72,9,.,1,2,24", "1,80,.,2,0,.,."]
    assert told(checked(model, rows, header), "odd") == {}


def test_observations_in_another_unit_are_found_by_patient(model):
    rows = []
    for person in range(1, 6):
        scale = 1000.0 if person == 4 else 1.0
        rows += [f"{person},0,100,.,1", f"{person},1,.,{2.0 * scale},0"]
    assert list(told(checked(model, rows), "odd")) == [("DV", (8,))]


def test_names_that_are_almost_right_dates_and_items_of_nonmem(model):
    found = checked(model, ["1,0,100,3,1,0,70"], "ID,TIME,AMT,DATE,L2,TAD,weight")
    sentences = [f.sentence for f in found.findings if f.grade == "refused"]
    assert any("column 'DATE' is not read" in text for text in sentences)
    assert any("column 'weight' is not read; if it is wt" in text for text in sentences)
    uses = dict(found.uses)
    assert "not understood" in uses["L2"]
    assert uses["(wt)"] == "covariate of the model, has no column: drawn from the model"


def test_a_table_without_times_still_tells_its_columns(model):
    found = checked(model, ["1,3"], "ID,Hour")
    assert found.refused
    assert found.records is None
    assert len(found.findings) == len({f.sentence for f in found.findings}) == 2
    assert [name for name, _ in found.uses] == ["ID", "Hour", "(wt)"]
    assert len(found.people()) == 0
    with pytest.raises(pkpd.PkpdError, match="no records to draw"):
        found.plot()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ID,TIME\n",
        "TIME\n1\nx\n",
        "ID,TIME,AMT\n1,1e999,5\n",
        "ID,TIME,AMT,ADDL,II\n1,0,5,99999999,1\n",
        "ID,TIME,ID\n1,2,3\n",
        "ID,TIME,AMT\n1,0\n",
        "ID;TIME;AMT\n=cmd();0,5;1.5\n",
        "ID,TIME,CMT,AMT\n1,0,[red]depot[/red],5\n1,-1,nan,inf\n",
        "\x00\x01\x02",
        "ID,TIME,WT,wt\n1,0,5,6\n",
    ],
)
def test_hostile_tables_end_in_findings_or_one_sentence(model, tmp_path, text):
    path = tmp_path / "hostile.csv"
    path.write_text(text, encoding="utf-8")
    try:
        found = pkpd.check_data(path, model)
    except DoseError as error:
        assert str(error).startswith(str(path))
        return
    assert found.refused
    assert any("Refused" in line for line in words.findings(found))
    json.dumps(found.summary(), default=str)


def test_the_library_s_own_tables_are_sound():
    sampled = pkpd.check_data(ROOT / "docs/sampled.csv", pkpd.load("pk/one_compartment"))
    assert sampled.findings == ()
    assert (len(sampled.people()), sampled.people()["observations"].sum()) == (32, 224)
    doses = pkpd.check_data(ROOT / "docs/doses.csv", pkpd.load("pk/two_compartment"))
    assert not doses.refused


def test_a_folder_holds_findings_people_and_a_figure(model, tmp_path):
    found = checked(model, SOUND, WITH_WT)
    files = found.write(tmp_path / "checked", figure="png")
    names = {file.name for file in files}
    assert {
        "findings.parquet",
        "columns.parquet",
        "people.parquet",
        "data.json",
        "data.png",
    } <= names
    people = pd.read_parquet(tmp_path / "checked" / "people.parquet")
    assert people["observations"].tolist() == [1, 1]


def test_a_page_has_findings_figure_and_model(model, tmp_path):
    found = checked(model, ["1,0,100,.,1", "1,1,.,-2,0"])
    page = found.report(tmp_path / "page").read_text(encoding="utf-8")
    assert "an observation below 0" in page
    assert "<svg" in page
    assert f"Model card: {model.name}" in page


def test_the_figure_has_a_panel_for_each_quantity_and_marks_all_doses(model):
    header = "ID,TIME,AMT,DV,EVID,ADDL,II,DVID"
    rows = ["1,0,9,.,1,2,12,.", "1,20,.,2,0,.,.,1", "1,30,.,0.01,0,.,.,1", "1,30,.,5,0,.,.,2"]
    axes = checked(model, rows, header).plot().axes
    assert [a.get_title(loc="left") for a in axes] == ["DVID 1", "DVID 2"]
    assert [a.get_yscale() for a in axes] == ["log", "linear"]
    marks = axes[0].lines[-1].get_xdata()
    assert marks.tolist() == [0.0, 12.0, 24.0]
    (alone,) = checked(model, ["1,0,9,.,1,2,12,.", "2,6,5,.,1,0,0,."], header).plot().axes
    drawn = [line.get_xydata().tolist() for line in alone.lines]
    assert drawn == [[[0.0, 9.0], [12.0, 9.0], [24.0, 9.0]], [[6.0, 5.0]]]


def test_the_command_prints_findings_and_its_exit_code_says_whether_any_is_refused(
    tmp_path, capsys
):
    path = tmp_path / "data.csv"
    path.write_text("ID,TIME,AMT,DV,EVID\n1,0,.,.,1\n1,1,.,2,0\n", encoding="utf-8")
    with pytest.raises(SystemExit) as exit:
        main(["check", str(path), "--model", "pk/one_compartment"])
    printed = capsys.readouterr().out
    assert exit.value.code == 1
    assert "Refused:\n  AMT: is missing on a dose record; write 0 for a placebo. Row 1." in printed
    with pytest.raises(SystemExit) as exit:
        main(["check", str(ROOT / "docs/sampled.csv"), "--model", "pk/one_compartment", "--json"])
    assert exit.value.code in (0, None)
    assert json.loads(capsys.readouterr().out)["observations"] == 224


def test_a_data_set_without_a_model_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["check", "docs/sampled.csv"])
    assert exit.value.code == 2
    assert "--model" in capsys.readouterr().err


def test_a_comma_before_three_digits_may_be_one_of_thousands(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text('ID,TIME,AMT,DV\n1,0,"1,000",.\n1,1,.,2\n')
    found = pkpd.check_data(path, pkpd.load("pk/one_compartment"))
    said = " ".join(found.frame()["finding"])
    assert "write 1000, or 1.000 where the comma is a decimal one" in said
