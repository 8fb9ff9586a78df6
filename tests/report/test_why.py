"""The page shows what a folder holds on why MEDs differ, and names what is of another study."""

import json
import re
import shutil

import pytest

from pkpd.cli import main
from pkpd.errors import ResultError
from pkpd.report.page.page import page

GIVEN = ["--seed", "7", "--quiet", "--no-figure", "--out"]


def command(*words):
    try:
        main([str(w) for w in words])
    except SystemExit as stop:
        assert not stop.code, words


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """MEDs, sensitivity and one patient explained."""
    path = tmp_path_factory.mktemp("why") / "all"
    command("med", "ldn/hormesis", "-n", 24, *GIVEN, path)
    command(
        "sensitivity",
        "ldn/hormesis",
        "-n",
        2,
        "--most",
        2,
        "--scramblings",
        2,
        "--methods",
        "morris",
        *GIVEN,
        path,
    )
    command("explain", "ldn/hormesis", "--id", 17, *GIVEN, path)
    command("predict", "ldn/hormesis", "-n", 200, "--measure", "wt", *GIVEN, path)
    return path


def words(path):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page(path).partition("</style>")[2]))


def test_shares_and_the_explained_patient_stand_on_the_page(folder):
    text = words(folder)
    told, shares = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("explain", "sensitivity")
    )
    assert "Why patient 17 has this best dose" in text and f"{told['shifts'][0]['label']}" in text
    assert (
        f"{shares['evaluations']:,} patients" in text
        and "Change of log10 MED when an input moves" in text
    )
    assert (
        "pkpd sensitivity"
        not in text.partition("What this folder does not hold")[2].partition("Model card")[0]
    )
    assert (
        "What would tell the best dose beforehand" in text
        and "What each measurement is worth" in text
    )
    assert (
        page(folder).count("<svg")
        == 3 + sum(shares["sd"][output] > 0 for output in shares["outputs"]) + 3 + 1
    )


def test_without_a_study_they_stand_alone_and_the_rest_is_named(folder, tmp_path):
    for name in ("sensitivity.json", "sensitivity.parquet", "model.json"):
        shutil.copy(folder / name, tmp_path)
    text = words(tmp_path)
    assert (
        "Which inputs make patients differ" in text
        and "mean size of its change" in text
        and "pkpd med ldn/hormesis -n 1000 --seed 7 --out med" in text
    )
    assert f"pkpd explain ldn/hormesis --id 1 --seed 7 --out {tmp_path}" in text


def test_those_of_other_typical_values_are_left_out(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    data = json.loads((copy / "explain.json").read_text())
    data["provenance"]["set"] = {"toff": 12.0}
    (copy / "explain.json").write_text(json.dumps(data))
    assert "explain.json is of another model or other typical values" in words(
        copy
    ) and "Why patient 17" not in words(copy)
    (copy / "sensitivity.parquet").write_bytes(b"")
    with pytest.raises(ResultError, match="is damaged"):
        page(copy)
