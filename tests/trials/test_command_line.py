"""pkpd trial and pkpd med --titrate: what they print, write, draw and refuse."""

import importlib
import json
import re
import signal
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.cli import console
from pkpd.errors import PkpdError
from pkpd.report.page.page import write_page
from pkpd.titration.library import rules
from pkpd.trials.design import read
from pkpd.trials.observation import diary
from pkpd.trials.physiology import Physiology, setting

ROOT = Path(__file__).parents[2]
MED = ["med", "ldn/hormesis", "--seed", "7", "-n", "64", "--titrate", "slow-ladder-7-days"]


@pytest.fixture
def run(run, tmp_path):
    """`run` in a folder with the trial of the page on trials."""
    text = (ROOT / "docs/trials.md").read_text()
    (tmp_path / "trial.toml").write_text(re.search(r"```toml\n(.*?)```", text, re.S).group(1))
    return run


def test_a_trial_writes_tables_summary_and_figure(run, tmp_path):
    code, out, err = run("trial", "trial.toml", "-n", 48, "--out", "t")
    assert (code, err) == (0, "") and "responders" in out and "no clinical advice" in out
    patients, days, audit = (
        pd.read_parquet(tmp_path / f"t/{name}.parquet") for name in ("patients", "diary", "audit")
    )
    summary = json.loads((tmp_path / "t/summary.json").read_text())
    assert (
        len(patients) == 96
        and len(days) == 96 * 98
        and set(audit["ARM"]) == {"4.5 mg", "by the diary"}
    )
    assert (tmp_path / "t/trial.png").read_bytes()[1:4] == b"PNG"
    by_arm = patients.groupby("ARM")["pain"].mean()
    for arm, found in summary["endpoints"]["pain"]["arms"].items():
        assert found["mean"] == pytest.approx(by_arm[arm])
    held = audit[(audit["ARM"] == "by the diary") & (audit["RULE"] == "hold")]
    assert len(held) and (held["DOSE"] == held["NEXT"]).all()
    again = json.loads(run("trial", "trial.toml", "-n", 48, "--json")[1])
    assert again["endpoints"] == summary["endpoints"]


def test_results_name_the_diary_and_count_its_numbers(run, tmp_path):
    model, about = pkpd.load("ldn/hormesis"), diary().about("blockade")
    count = len(model.inputs) + about["numbers"]
    assumed = sum(i.evidence == "assumed" for i in model.inputs) + about["assumed"]
    tally = f"{assumed} of {count} parameters of model and diary are assumptions"
    for folder, words in {"t": ["trial", "trial.toml", "-n", 4], "m": [*MED, "-n", 4]}.items():
        _, out, _ = run(*words, "--out", folder, "--no-figure")
        assert tally in out and f"diary 'diary': {diary().title} (0-10 NRS)" in out
        page = write_page(folder).read_text()
        assert tally in page and diary().title in page
        assert "beside it" not in page and "background until" not in page


@contextmanager
def interrupting(total, quiet=False, of="patients"):
    """In place of a progress bar: Ctrl-C where more than 8 patients are finished."""

    def advance(done, total=None):
        if done > 8:
            signal.raise_signal(signal.SIGINT)

    yield advance


def test_ctrl_c_in_a_trial_keeps_what_is_finished_and_the_folder_says_so(run, monkeypatch):
    monkeypatch.setattr("pkpd.trials.run.PATIENTS_AT_ONCE", 4)
    monkeypatch.setattr(console, "progress", interrupting)
    code, out, err = run("trial", "trial.toml", "-n", 20, "--out", "t", "--no-figure")
    assert code == 130 and "8 of 20 patients are finished and kept" in err and "responders" in out
    assert set(pd.read_parquet("t/diary.parquet")["ID"]) == set(range(1, 9))
    summary = json.loads(Path("t/summary.json").read_text())
    assert summary["stopped"]["finished"] == 8 and summary["provenance"]["stopped"]["of"] == 20
    assert "The run was stopped by Ctrl-C" in write_page("t").read_text()


def test_ctrl_c_in_a_titration_keeps_the_meds(run, monkeypatch):
    titrate = importlib.import_module("pkpd.trials.titrate")

    def interrupted(*_, **__):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(titrate, "follow", interrupted)
    code, _, err = run(*MED, "-n", 8, "--out", "m", "--no-figure")
    assert code == 130 and "0 of 8 titrations of each patient are finished and kept" in err
    assert len(pd.read_parquet("m/patients.parquet")) == 8
    assert json.loads(Path("m/summary.json").read_text())["stopped"]["finished"] == 0


def test_one_patient_of_a_trial_is_the_same_alone(run, tmp_path):
    run("trial", "trial.toml", "-n", 24, "--out", "all", "--no-figure", "--quiet")
    run("trial", "trial.toml", "--id", 17, "--out", "one", "--no-figure", "--quiet")
    everybody, one = (
        pd.read_parquet(tmp_path / f"{folder}/diary.parquet") for folder in ("all", "one")
    )
    pd.testing.assert_frame_equal(everybody[everybody["ID"] == 17].reset_index(drop=True), one)


def test_med_puts_true_and_observed_side_by_side(run, tmp_path):
    code, out, err = run(*MED, "--titrations", 3, "--out", "m")
    assert (
        (code, err) == (0, "")
        and "end with an observed MED" in out
        and "of the variance of log observed MED" in out
    )
    patients, again = (
        pd.read_parquet(tmp_path / "m/patients.parquet"),
        pd.read_parquet(tmp_path / "m/titrations.parquet"),
    )
    summary = json.loads((tmp_path / "m/summary.json").read_text())
    assert summary["observed"]["outcome"]["found"] == patients["observed"].notna().sum()
    np.testing.assert_array_equal(again["observed"][:64], patients["observed"])
    plain = pkpd.med(
        pkpd.load("ldn/hormesis"), pkpd.cohort(pkpd.load("ldn/hormesis"), 64, seed=7)
    ).columns["med"]
    np.testing.assert_array_equal(patients["med"], plain)
    assert set(pd.read_parquet(tmp_path / "m/audit.parquet")["ID"]) == set(range(1, 65))


def test_null_controls_are_announced(run):
    assert (
        "everybody has the typical patient's MED"
        in run(*MED, "--titrations", 1, "--null", "same-med")[1]
    )
    assert "receives no drug" in run(*MED, "--titrations", 1, "--null", "no-effect")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trial", "absent.toml"], "absent.toml: cannot be read"),
        (["trial", "trial.toml", "--out", "trial.toml"], "is a file, not a folder"),
        ([*MED[:-1], "slow"], "Unknown rule 'slow'"),
        ([*MED, "--null", "nothing"], "null: unknown 'nothing'"),
        (["med", "ldn/hormesis", "--null", "same-med"], "give --titrate"),
        (["med", "ldn/hormesis", "--diary", "mine.toml"], "give --titrate"),
        (["med", "ldn/hormesis", "--titrate", "fixed", "--diary", "mine.toml"], "mine.toml"),
    ],
)
def test_mistakes_are_one_sentence(run, words, said):
    code, out, err = run(*words)
    assert code == 1 and out == "" and said in err and len(err.strip().splitlines()) == 1


def test_figures_of_titrations_and_trials_show_what_they_are_given(run):
    model = pkpd.load("ldn/hormesis")
    drawn = pkpd.plot(
        pkpd.titrate(model, pkpd.cohort(model, 64, seed=7), "slow-ladder-7-days", replicates=1)
    )
    assert len(drawn.axes) == 2 and "observed = true" in [
        t.get_text() for t in drawn.axes[0].get_legend().get_texts()
    ]
    upper, lower = pkpd.plot(pkpd.trial("trial.toml", n=12)).axes
    assert [t.get_text() for t in upper.get_legend().get_texts()] == [
        "4.5 mg (12 patients)",
        "by the diary (12 patients)",
    ]
    assert max(line.get_ydata().max() for line in lower.lines) == 4.5
    with pytest.raises(PkpdError, match="an empty list has nothing"):
        pkpd.plot([])


def test_the_page_on_trials_names_every_rule_and_can_be_read(run):
    page = (ROOT / "docs/trials.md").read_text()
    assert all(f"`{name}`" in page for name in rules())
    assert [a.name for a in read("trial.toml").arms] == ["4.5 mg", "by the diary"]


def test_the_reference_blockade_is_that_of_the_typical_patient_on_4_5_mg():
    model = pkpd.load("ldn/hormesis")
    body = Physiology(
        setting(model, diary()), pkpd.cohort(model, typical=True), 0, 24.0 * np.arange(56)
    )
    _, blockade, _ = body.advance(
        np.arange(1), 56, np.arange(56), 24.0 * np.arange(56)[None], np.full((1, 56), 4.5)
    )
    assert blockade[0, -1] == pytest.approx(diary()["blockade_ref"], abs=0.0005)
