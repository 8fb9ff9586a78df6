"""A finished study is shown from its files alone; hostile folders and links are refused."""

import io
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import pkpd
from pkpd.app import panels
from pkpd.app.state import state
from pkpd.app.study import SHOWN_ROWS, Study
from pkpd.errors import PkpdError


@pytest.fixture(scope="module")
def meds():
    model = pkpd.load("ldn/hormesis")
    people = pkpd.cohort(model, 12, seed=3, set={"toff": 12.0}, spread={"b50": 0.9})
    return pkpd.med(model, people, every="12 h", delta="12 %")


@pytest.fixture
def folder(meds, tmp_path):
    meds.write(tmp_path / "med", figure="png", command="pkpd med ldn/hormesis")
    return tmp_path / "med"


def test_a_folder_of_meds_shows_its_report_figures_tables_and_command(folder, meds):
    study = Study(folder)
    about = study.about()
    assert about["title"] == "med" and about["without"] == "" and about["left_out"] == []
    assert about["report"] == "made"
    assert (about["figures"], about["tables"]) == (
        ["med.png"],
        ["curves.parquet", "patients.parquet"],
    )
    assert about["commands"] == ["pkpd med ldn/hormesis"]
    assert "Question and answer" in study.report()
    content, kind = study.figure("med.png")
    assert kind == "image/png" and content == (folder / "med.png").read_bytes()


def test_a_table_shows_its_first_rows_and_is_given_whole(folder, meds):
    study = Study(folder)
    shown = study.table("curves.parquet")
    assert shown["count"] == 12 * 33 and len(shown["rows"]) == SHOWN_ROWS
    assert shown["columns"][:2] == ["ID", "DOSE (mg)"]
    whole = pd.read_csv(io.StringIO(study.csv("patients.parquet")))
    np.testing.assert_array_equal(whole["med"], meds.frame()["med"])


def test_the_live_page_shows_the_patients_of_the_study(folder, meds):
    query = parse_qsl(Study(folder).about()["live"])
    words = []
    panels.people(state(query), words.append)
    [bands] = [word["bands"] for word in words if "bands" in word]
    np.testing.assert_array_equal(bands, meds.curves.percentiles((5, 50, 95)))


def test_no_live_page_where_it_would_show_something_else(tmp_path, meds):
    other = pkpd.med(meds.model, meds.cohort, doses="0.1:20 mg")
    other.write(tmp_path / "other")
    assert Study(tmp_path / "other").about()["live"] is None


def test_a_time_course_has_tables_and_a_sentence_in_place_of_a_page(tmp_path):
    model = pkpd.load("pk/one_compartment")
    sim = pkpd.simulate(model, pkpd.rx("100 mg"), pkpd.cohort(model, 3, seed=1))
    sim.write(tmp_path / "run")
    about = Study(tmp_path / "run").about()
    assert "holds a time course" in about["without"] and about["live"] is None
    assert about["tables"] == ["simulation.parquet"] and about["report"] == ""
    sim.report(tmp_path / "run")
    study = Study(tmp_path / "run")
    assert study.about()["report"] == "stored"
    assert study.stored_report() == (tmp_path / "run" / "report.html").read_bytes()


def test_results_of_several_models_have_a_sentence_in_place_of_a_page(tmp_path):
    (tmp_path / "summary.json").write_text('{"provenance": {"models": {}}}')
    assert "holds results of several models" in Study(tmp_path).about()["without"]


@pytest.mark.parametrize(
    "name", ["../secret.csv", "/etc/passwd", "model.json", "nothing.csv", "secret.csv", "..", ""]
)
def test_a_link_shows_nothing_but_what_is_listed(folder, name):
    (folder.parent / "secret.csv").write_text("a,b")
    study = Study(folder)
    for give in (study.figure, study.table, study.csv):
        with pytest.raises(PkpdError, match="shows no"):
            give(name)


def test_links_out_of_the_folder_and_odd_names_are_left_out_with_a_sentence(folder):
    (folder / "passwd.csv").symlink_to("/etc/passwd")
    (folder / 'a";b\r\n.csv').write_text("a,b")
    (folder / "deep.csv").mkdir()
    study = Study(folder)
    about = study.about()
    assert len(about["left_out"]) == 3 and "passwd.csv" not in about["tables"]
    with pytest.raises(PkpdError, match="shows no"):
        study.table("passwd.csv")


def test_damaged_and_hostile_files_are_sentences(folder):
    study = Study(folder)
    (folder / "patients.parquet").write_bytes(b"PAR1 no table PAR1")
    with pytest.raises(PkpdError, match="cannot be read"):
        study.table("patients.parquet")
    assert study.about()["without"]
    units = {b"pkpd.units": b"[1, 2]"}
    odd = pa.table({"x": ["<script>" * 100]}).replace_schema_metadata(units)
    pq.write_table(odd, folder / "odd.parquet")
    shown = study.table("odd.parquet")
    assert shown["columns"] == ["x"] and len(shown["rows"][0][0]) < 250
    (folder / "summary.json").write_text('{"provenance": [], "histogram": 1}')
    assert "names no run" in study.about()["without"]


def test_a_folder_is_a_folder(tmp_path):
    with pytest.raises(PkpdError, match="not a folder"):
        Study(tmp_path / "nothing")
