"""The command line: what it prints, what it writes, how it refuses."""

import json
import re
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import pkpd
from pkpd.cli import console, options
from pkpd.errors import PkpdError
from pkpd.population.cohort import cohort
from pkpd.report.page.page import write_page
from pkpd.symbolic.load import address, load, models

MED = ["med", "ldn/hormesis", "--seed", "7", "-n", "24"]
HEAVY = {"numpy", "numba", "scipy", "sympy", "pint", "pandas", "pyarrow", "matplotlib", "rich"}

TIMED = """title = "Timed"
outputs = ["a"]
[dose]
a = { unit = "mg" }
[parameters]
k = { value = 0.2, unit = "1/h", label = "rate", source = "test", evidence = "assumed" }
day = { value = 24, unit = "h", label = "day", source = "test", evidence = "assumed" }
[equations]
a = '''
d/dt(a) = -k*a*exp(-t/day) : mg
'''
"""


@pytest.mark.parametrize("words", [["--help"], ["med", "--help"], ["simulate", "--help"]])
def test_help_loads_nothing_heavy(words):
    assert loaded(words) & HEAVY == set()


def test_a_warm_med_loads_neither_sympy_pint_pandas_nor_scipy_stats(run):
    run(*MED)  # fills the cache
    assert (
        loaded([*MED, "--no-figure", "--out", "med"])
        & {"sympy", "pint", "pandas", "scipy.stats", "matplotlib", "rich"}
        == set()
    )


def loaded(words):
    """Names of the modules that a command loads in a process of its own."""
    program = (
        f"import sys\nfrom pkpd.cli import main\ntry: main({words!r})\nexcept SystemExit: pass\n"
        "print(*sys.modules)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    return set(printed.rstrip().rpartition("\n")[2].split())


@pytest.mark.slow
def test_models_lists_every_model_and_its_assumptions(run):
    code, out, _ = run("models", "--json")
    listed = json.loads(out)
    assert code == 0 and [m["name"] for m in listed] == models()
    for entry in listed:
        model = load(entry["name"])
        assert (
            entry["assumed"]
            == f"{sum(i.evidence == 'assumed' for i in model.inputs)} of {len(model.inputs)}"
        )
    assert all(name in run("models")[1] for name in models())


def test_check_names_units_and_sources(run):
    code, out, _ = run("check", "pk/naltrexone")
    assert code == 0 and "is sound" in out
    for item in load("pk/naltrexone").inputs:
        assert item.name in out and item.source in out
    assert run("check", "pk/naltrexone", "--quiet") == (0, "", "")


def test_check_answers_a_mistake_with_file_and_line(run, tmp_path):
    (tmp_path / "wrong.toml").write_text(
        'title = "x"\ntime = "h"\noutputs = ["a"]\n[equations]\ne = """\nd/dt(a) = -a : mg\n"""\n'
    )
    code, out, err = run("check", "wrong.toml")
    assert code == 1 and out == "" and err.startswith("wrong.toml:6: ") and "Traceback" not in err


def test_show_writes_equations_with_few_brackets_and_marks_assumptions(run):
    code, out, _ = run("show", "pk/one_compartment")
    assert code == 0
    assert "d/dt(central) = ka * depot - cl / vc * central : mg" in out
    assert "5 of 5 parameters are assumptions." in out


def test_show_structure_prints_what_drives_what(run):
    code, out, _ = run("show", "ldn/hormesis", "--structure")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0
    assert "4 blockade central, metabolite linear in its state, coefficients move" in lines
    assert "8 glial_activation ⇄ cytokine central not linear in its states" in lines
    assert lines[-1].startswith("11 states in 9 blocks. ") and "without simulated days" in lines[-1]
    code, _, err = run("show", "ldn/hormesis", "--structure", "--source")
    assert code == 2 and "not both" in err


def test_show_structure_says_why_days_are_simulated(run, tmp_path):
    """A rate that names the time has no blocks to be solved one by one."""
    (tmp_path / "timed.toml").write_text(TIMED)
    code, out, _ = run("show", "timed.toml", "--structure")
    assert code == 0 and "simulated days: rates or integrals switch or name the time" in out


def test_show_source_prints_the_generated_kernel(run):
    code, out, _ = run("show", "pk/one_compartment", "--source")
    assert code == 0 and "@njit" in out
    compile(out, "kernel", "exec")


def test_med_writes_tables_summary_and_figure_with_one_provenance(run, tmp_path):
    code, out, err = run(*MED, "--out", "med")
    assert (code, err) == (0, "")
    assert {f.name for f in (tmp_path / "med").iterdir()} == {
        "patients.parquet",
        "curves.parquet",
        "summary.json",
        "med.png",
        "model.json",
    }
    summary = json.loads((tmp_path / "med/summary.json").read_text())
    stored = pq.read_schema(tmp_path / "med/patients.parquet").metadata
    assert json.loads(stored[b"pkpd.provenance"]) == summary["provenance"]
    assert json.loads(stored[b"pkpd.units"])["med"] == "mg"
    patients = pd.read_parquet(tmp_path / "med/patients.parquet")
    assert list(patients["ID"]) == list(range(1, 25))
    assert summary["status"]["interior"] == (patients["status"] == "interior").sum()
    for sentence in (
        "median MED",
        "25 of 44 parameters are assumptions",
        "the glial effect is a hypothesis",
        "no clinical advice",
        "med/med.png",
    ):
        assert sentence in out
    assert (tmp_path / "med/med.png").read_bytes().startswith(b"\x89PNG")


def test_the_hypothesis_is_not_announced_when_it_is_off(run):
    assert "hypothesis. See" not in run(*MED, "--set", "glia=0")[1]


def test_json_goes_to_stdout_alone_and_quiet_prints_nothing(run):
    code, out, err = run(*MED, "--json")
    assert (code, err) == (0, "") and json.loads(out)["patients"] == 24
    assert run(*MED, "--quiet") == (0, "", "")


def test_dose_response_uses_the_doses_asked_for(run, tmp_path):
    code, _, err = run(
        "dose-response",
        "ldn/hormesis",
        "-n",
        8,
        "--doses",
        "0.1:10mg",
        "--out",
        "dr",
        "--no-figure",
    )
    assert (code, err) == (0, "")
    curves = pd.read_parquet(tmp_path / "dr/curves.parquet")
    assert curves["DOSE"].min() == pytest.approx(0.1) and curves["DOSE"].max() == pytest.approx(10)
    assert list(curves.columns) == ["ID", "DOSE", "pain", "benefit"]
    assert not (tmp_path / "dr/dose-response.png").exists()


def test_any_model_has_a_dose_response_when_options_say_what_benefit_is(run):
    cc = shlex.split("--outcome Cc --better higher --into depot --every '24 h' --doses 1:100mg")
    words = [*cc, "--delta", "1 ng/mL"]
    code, out, err = run("med", "pk/one_compartment", "-n", 4, "--json", *words)
    assert (code, err) == (0, "")
    assert json.loads(out)["status"]["above_range"] == 4  # a concentration only rises


def test_simulate_writes_one_row_per_patient_and_time(run, tmp_path):
    code, out, _ = run(
        "simulate",
        "pk/one_compartment",
        "--rx",
        "100 mg q12h x 2",
        "-n",
        5,
        "--out",
        "run.csv",
        "--times",
        "0:24:2",
    )
    assert code == 0 and "Wrote run.csv" in out
    table = pd.read_csv(tmp_path / "run.csv")
    assert table.shape == (5 * 13, 3) and list(table.columns) == ["ID", "TIME", "Cc"]


def test_replay_of_one_patient_has_the_same_bits(run, tmp_path):
    words = ["simulate", "pk/one_compartment", "--rx", "100 mg", "--times", "0:24:2", "--seed", 3]
    run(*words, "-n", 20, "--out", "all.parquet")
    run(*words, "--id", 17, "--out", "one.parquet")
    whole, alone = pd.read_parquet("all.parquet"), pd.read_parquet("one.parquet")
    pd.testing.assert_frame_equal(
        whole[whole["ID"] == 17].reset_index(drop=True), alone, check_exact=True
    )


def test_typical_and_set(run):
    words = [
        "simulate",
        "pk/one_compartment",
        "--rx",
        "100 mg into central",
        "--typical",
        "--times",
        "0:0:1",
        "--json",
        "--set",
    ]
    peak = {
        v: float(json.loads(run(*words, v)[1])["outputs"][0]["median"])
        for v in ("vc=50", "vc=100 L")
    }
    assert peak["vc=50"] == pytest.approx(2000, rel=1e-3) and peak["vc=100 L"] == pytest.approx(
        1000, rel=1e-3
    )


def test_observations_are_drawn_from_a_nonmem_like_table(run, tmp_path):
    (tmp_path / "obs.csv").write_text("C,id,time,dv,evid\n.,1,0,.,1\n.,1,2,900,0\nC,1,3,typo,0\n")
    code, out, err = run(
        "simulate",
        "pk/one_compartment",
        "--rx",
        "100 mg",
        "-n",
        5,
        "--times",
        "0:24:2",
        "--out",
        "run.csv",
        "--data",
        "obs.csv",
    )
    assert (code, err) == (0, "") and "run.png" in out


BLOWS_UP = """title = "x"
time = "h"
outputs = ["x"]
[dose]
x = { unit = "mg" }
[parameters.k]
value = 1.0
unit = "1/(mg*h)"
iiv = { cv = 1.0 }
label = "k"
source = "test"
evidence = "assumed"
[equations]
e = '''
d/dt(x) = k*x*x : mg
'''
"""


def test_a_solution_that_blows_up_is_named_and_the_others_are_unharmed(run, tmp_path):
    (tmp_path / "blows.toml").write_text(BLOWS_UP)
    code, _, err = run(
        "simulate", "blows.toml", "--rx", "1 mg", "-n", 20, "--times", "0:1:0.5", "--out", "run.csv"
    )
    assert code == 0 and err.count("\n") == 1 and "of 20 patients did not finish" in err
    table = pd.read_csv(tmp_path / "run.csv").groupby("ID")["x"].apply(lambda x: x.isna().any())
    assert 0 < table.sum() < 20


def test_the_replay_of_a_failed_patient_runs_and_fails_alike(run, tmp_path):
    """A model of one's own, in a folder whose name needs quotes."""
    path = tmp_path / "it's mine" / "blows up.toml"
    path.parent.mkdir()
    path.write_text(BLOWS_UP)
    model = load(path)
    people = cohort(model, 20, seed=3, set={"k": "1.1 1/(mg*h)"})
    result = pkpd.simulate(model, "1 mg", people, times="0:1:0.5", occasion="1 d")
    for failed in result.failed.itertuples():
        words = shlex.split(failed.REPLAY)
        assert words[:3] == ["pkpd", "simulate", str(path)]
    code, _, err = run(*words[1:], "--json")
    assert code == 0 and err == (
        f"1 of 1 patients did not finish ({failed.ID}): {failed.REASON} at {failed.TIME:.4g} h. "
        "Their rows are NaN.\n"
    )


def test_a_model_is_called_by_its_library_name_or_by_its_file(tmp_path):
    assert address(load("pk/one_compartment")) == "pk/one_compartment"
    own = tmp_path / "one_compartment.toml"
    own.write_text(Path(load("pk/one_compartment").path).read_text())
    assert address(load(own)) == str(own)


def test_an_event_table_gives_one_row_per_record_and_the_times_between(run, tmp_path):
    (tmp_path / "doses.csv").write_text(
        "id,time,amt,rate,cmt\n4,0,100,.,depot\n4,6,.,.,.\n9,0,100,25,central\n9,6,.,.,.\n"
    )
    code, out, _ = run(
        "simulate",
        "pk/two_compartment",
        "--events",
        "doses.csv",
        "--times",
        "0:4:2",
        "--out",
        "run.csv",
        "--figure",
    )
    assert (
        code == 0 and "2 patients, event table doses.csv" in out and (tmp_path / "run.png").exists()
    )
    table = pd.read_csv("run.csv")
    assert table["ID"].tolist() == [4] * 5 + [9] * 5
    assert (
        table["TIME"].tolist() == [0, 0, 2, 4, 6] * 2
        and table["EVID"].tolist() == [1, 2, 2, 2, 0] * 2
    )
    run(
        "simulate",
        "pk/two_compartment",
        "--events",
        "doses.csv",
        "--times",
        "0:4:2",
        "--id",
        9,
        "--out",
        "one.csv",
    )
    assert pd.read_csv("one.csv")["Cc"].tolist() == table[table["ID"] == 9]["Cc"].tolist()


def test_fit_prints_and_writes_one_summary_with_provenance_and_figure(run, tmp_path):
    lettuce = Path(__file__).parents[1] / "docs" / "lettuce.csv"
    code, out, err = run(
        "fit", lettuce, "--model", "brain-cousens", "--out", "fit.json", "--figure"
    )
    assert (
        (code, err) == (0, "")
        and "peak dose" in out
        and "P = 0.00599" in out
        and "Wrote fit.json, fit.png" in out
    )
    stored = json.loads((tmp_path / "fit.json").read_text())
    assert stored["rss"] == pytest.approx(0.12497481, abs=1e-8) and stored["provenance"][
        "command"
    ].startswith("pkpd")
    printed = json.loads(run("fit", lettuce, "--json")[1])
    assert {k: v for k, v in printed.items() if k != "provenance"} == {
        k: v for k, v in stored.items() if k != "provenance"
    }
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG") and run(
        "fit", lettuce, "--quiet"
    ) == (0, "", "")


def test_fit_loads_neither_the_simulator_nor_matplotlib(run):
    lettuce = str(Path(__file__).parents[1] / "docs" / "lettuce.csv")
    assert (
        loaded(["fit", lettuce, "--quiet"])
        & {"numba", "sympy", "pint", "matplotlib", "scipy.stats"}
        == set()
    )


def test_fit_of_all_models_lists_them_by_weight(run):
    lettuce = Path(__file__).parents[1] / "docs" / "lettuce.csv"
    code, out, _ = run("fit", lettuce, "--model", "all", "--json")
    found = json.loads(out)
    assert (
        code == 0
        and found["best"] == "brain-cousens"
        and sum(m["weight"] for m in found["models"]) == pytest.approx(1.0)
    )


def test_a_cohort_from_a_table_with_doses_per_kg_subgroups_and_residual_error(run, tmp_path):
    (tmp_path / "people.csv").write_text("wt,sex\n55,f\n70,f\n95,m\n")
    words = ["simulate", "pk/one_compartment", "--rx", "100 mg", "-n", 9, "--times", "0:4:1"]
    assert (
        "no rows with a column named like an input" in run(*words, "--covariates", "people.csv")[2]
    )
    (tmp_path / "people.csv").write_text("vc,sex\n55,f\n70,f\n95,m\n")
    code, out, _ = run(
        *words,
        "--covariates",
        "people.csv",
        "--by",
        "sex",
        "--residual",
        "Cc: 10 %",
        "--out",
        "run.parquet",
    )
    assert code == 0 and "sex f" in out and "sex m" in out
    assert list(pd.read_parquet("run.parquet").columns) == ["ID", "TIME", "Cc", "Cc_obs"]
    stored = pq.read_schema(tmp_path / "run.parquet").metadata
    assert (
        json.loads(stored[b"pkpd.units"])["Cc_obs"] == "ng/mL"
        and "people.csv" in json.loads(stored[b"pkpd.provenance"])["covariates"]
    )


def test_occasions_can_be_turned_off(run):
    words = [
        "simulate",
        "pk/naltrexone",
        "--rx",
        "4.5 mg q24h x 2",
        "-n",
        4,
        "--times",
        "0:48:6",
        "--json",
        "--occasion",
    ]
    found = {o: json.loads(run(*words, o)[1])["outputs"] for o in ("dose", "1 d", "none")}
    assert found["dose"] == found["1 d"] != found["none"]


def test_parameter_uncertainty_and_sampling_error_are_kept_apart_from_variability(run, tmp_path):
    toff = np.linspace(4, 16, 39)
    pd.DataFrame({"toff": toff, "OFV": 0}).to_csv("sets.csv", index=False)
    few = [*MED[:-1], "6"]
    code, out, err = run(*few, "--uncertainty", "sets.csv", "--out", "med", "--no-figure")
    assert (code, err) == (0, "") and "same patients under 39 parameter sets" in out
    runs = pd.read_parquet("med/uncertainty.parquet")
    assert runs["toff"].tolist() == toff.tolist() and runs["quantile_0.5"].is_monotonic_decreasing
    found = json.loads((tmp_path / "med/summary.json").read_text())
    plain = json.loads(run(*few, "--json")[1])
    assert found["quantiles"] == plain["quantiles"] and "uncertainty" not in plain
    middle = found["uncertainty"]["quantile_0.5"]
    assert middle["low"] == runs["quantile_0.5"].min()
    assert middle["high"] == runs["quantile_0.5"].max()
    again = json.loads(run(*few, "--replicates", 3, "--json")[1])["replicates"]
    share = again["with_med"]
    assert again["runs"] == 3 and share["low"] <= share["value"] <= share["high"]


def test_a_95_percent_interval_over_a_few_sets_is_refused_before_anything_is_computed(run):
    pd.DataFrame({"toff": [4, 8, 16, 32]}).to_csv("sets.csv", index=False)
    code, out, err = run(*MED, "--uncertainty", "sets.csv")
    assert (code, out) == (1, "") and "at least 39 parameter sets, not 4" in err


def test_intervals_say_what_they_are(run):
    words = ["med", "ldn/hormesis", "-n", "24", "--seed", "7"]
    sobol, drawn = (run(*words, "--sampling", name)[1] for name in ("sobol", "mc"))
    assert "for 95 % intervals add --replicates 8" in sobol and " mg (" not in sobol
    assert "95 % intervals are those of independent draws" in drawn and " mg (" in drawn


def test_quantiles_of_a_course_have_intervals_over_parameter_sets(run, tmp_path):
    pd.DataFrame({"vc": np.linspace(40, 60, 39)}).to_csv("sets.csv", index=False)
    rx = ["--rx", "100 mg into central", "-n", 6, "--times", "0:2:1"]
    given = ["--uncertainty", "sets.csv", "--out", "run.csv"]
    code, out, _ = run("simulate", "pk/one_compartment", *rx, *given)
    assert code == 0 and "95 % intervals over 39 parameter sets" in out
    table = pd.read_csv("run-quantiles.csv")
    assert table.columns.tolist() == ["TIME", "output", "level", "value", "low", "high"]
    assert len(table) == 3 * 3
    at_once = table[table["TIME"] == 0]
    # the dose over the volume
    assert (at_once["high"] / at_once["low"]).to_numpy() == pytest.approx(1.5)


BAD = [
    (1, ["med", "ldn/hormesi"], "Did you mean 'ldn/hormesis'?"),
    (1, ["med", "ldn/hormesis", "--set", "CL=3"], "Did you mean 'cl'?"),
    (1, ["med", "ldn/hormesis", "--set", "cl"], "NAME=VALUE"),
    (1, ["med", "ldn/hormesis", "--doses", "0:50mg"], "logarithmic"),
    (1, ["med", "ldn/hormesis", "--doses", "1:50ml"], "ml"),
    (1, ["med", "ldn/hormesis", "--sampling", "dice"], "sobol"),
    (1, ["med", "pk/two_compartment"], "[benefit]"),
    (1, ["simulate", "ldn/hormesis", "--rx", "4.5 ml"], "ml"),
    (1, ["simulate", "ldn/hormesis", "--rx", "-1 mg"], "negative"),
    (1, ["simulate", "ldn/hormesis", "--rx", "4.5 mg q24 x 28"], "write q24h"),
    (1, ["simulate", "ldn/hormesis", "--rx", "1 mg", "--times", "5:1:1"], "stop not before start"),
    (1, ["simulate", "ldn/hormesis", "--rx", "1 mg", "--out", "run.ods"], ".parquet"),
    (1, ["simulate", "ldn/hormesis", "--rx", "1 mg", "--figure"], "--out"),
    (
        1,
        ["simulate", "ldn/hormesis", "--rx", "1 mg", "--out", "a.csv", "--data", "none.csv"],
        "none.csv",
    ),
    (1, ["med", "ldn/hormesis", "--out", "file/med"], "not a folder"),
    (2, ["med", "ldn/hormesis", "-n", "0"], "-n"),
    (2, ["med", "ldn/hormesis", "--nonsense"], "--nonsense"),
    (1, ["simulate", "ldn/hormesis", "--events", "none.csv"], "none.csv"),
    (
        2,
        ["simulate", "ldn/hormesis", "--events", "doses.csv", "--rx", "1 mg"],
        "one of --rx and --events",
    ),
    (2, ["simulate", "ldn/hormesis"], "--rx"),
    (1, ["fit", "none.csv"], "none.csv"),
    (1, ["fit", "file"], "not a readable table"),
    (1, ["fit", "none.csv", "--out", "fit.txt"], ".json"),
    (1, ["fit", "none.csv", "--figure"], "--out"),
    (2, ["fit"], "DATA"),
    (
        1,
        ["simulate", "ldn/hormesis", "--rx", "1 mg", "--occasion", "daily"],
        "dose, none or a length of time",
    ),
    (1, ["simulate", "ldn/hormesis", "--rx", "1 mg", "--residual", "Cc 5"], "OUTPUT: ERROR"),
    (
        2,
        ["simulate", "ldn/hormesis", "--rx", "1 mg", "--typical", "--residual", "Cc: 5 %"],
        "the typical patient has no residual error",
    ),
    (
        2,
        [
            "simulate",
            "ldn/hormesis",
            "--rx",
            "1 mg",
            "--endpoint",
            "cmax(Cc)",
            "--residual",
            "Cc: 5 %",
        ],
        "endpoints have no residual error",
    ),
    (2, ["simulate", "ldn/hormesis", "--rx", "1 mg", "--carry", "linear"], "of --events; leave"),
    (1, ["simulate", "ldn/hormesis", "--rx", "1 mg/m**2"], "needs one covariate"),
    (1, ["med", "ldn/hormesis", "--by", "weight"], "Known: cirrhosis, wt"),
    (1, ["med", "ldn/hormesis", "--covariates", "none.csv"], "none.csv"),
    (1, ["med", "ldn/hormesis", "--uncertainty", "none.csv"], "none.csv"),
    (1, ["med", "ldn/hormesis", "--sets", "5"], "give the file"),
    (1, ["med", "ldn/hormesis", "--uncertainty", "a.csv", "--replicates", "4"], "one at a time"),
    (2, ["med", "ldn/hormesis", "--replicates", "1"], "--replicates"),
    (2, ["fly"], "fly"),
]


@pytest.mark.parametrize("code, words, part", BAD, ids=[" ".join(b[1]) for b in BAD])
def test_bad_input_gets_one_sentence_and_an_exit_code(run, tmp_path, code, words, part):
    (tmp_path / "file").write_text("")
    found, out, err = run(*words)
    assert found == code and part in err and out == "" and "Traceback" not in err
    assert {f.name for f in tmp_path.iterdir()} == {"file"}  # nothing half-written stays behind


def test_version(run):
    from importlib.metadata import version

    assert run("--version") == (0, version("pkpd") + "\n", "")


@contextmanager
def interrupting(total, quiet=False, of="patients"):
    """In place of a progress bar: Ctrl-C where more than 8 patients are finished."""

    def advance(done, total=None):
        if done > 8:
            signal.raise_signal(signal.SIGINT)

    yield advance


SIZES = (
    "pkpd.simulation.run.PATIENTS_AT_ONCE",
    "pkpd.trials.run.PATIENTS_AT_ONCE",
    "pkpd.response.side_by_side.PATIENTS",
)
RX = ["--rx", "100 mg q12h x 2", "--times", "0:24:4"]
RESPONSE = ["--outcome", "Cc", "--better", "higher", "--into", "depot", "--every", "24 h"]
RESPONSE += ["--doses", "1:100mg", "--no-figure"]
TABLE = "ID,TIME,AMT,CMT\n" + "".join(f"{i},0,100,depot\n{i},5,.,.\n" for i in range(1, 21))
STOPPED = {
    "simulate.csv": ["simulate", "pk/one_compartment", *RX],
    "simulate.parquet": ["simulate", "pk/one_compartment", *RX[:2], "--endpoint", "cmax(Cc)"],
    "events.csv": ["simulate", "pk/one_compartment", "--events", "table.csv"],
    "dr": ["dose-response", "pk/one_compartment", *RESPONSE],
    "med": ["med", "pk/one_compartment", *RESPONSE, "--delta", "1 ng/mL"],
}


@pytest.mark.parametrize("out", STOPPED)
def test_ctrl_c_keeps_what_is_finished_and_the_folder_says_so(run, tmp_path, monkeypatch, out):
    (tmp_path / "table.csv").write_text(TABLE)
    words = [*STOPPED[out], *(["-n", "20"] if "table.csv" not in STOPPED[out] else [])]
    whole, path = tmp_path / f"whole-{out}", tmp_path / out
    assert run(*words, "--out", whole)[0] == 0
    for name in SIZES:
        monkeypatch.setattr(name, 4)
    monkeypatch.setattr(console, "progress", interrupting)
    code, _, err = run(*words, "--out", path, "--threads", "1")
    finished = int(re.search(r"(\d+) of 20 patients are finished and kept", err).group(1))
    assert code == 130 and finished in (8, 12)
    told = {"by": "Ctrl-C", "finished": finished, "of": 20, "what": "patients"}
    if path.suffix:
        note = json.loads((tmp_path / f"{path.stem}-stopped.json").read_text())
        assert note["stopped"] == note["provenance"]["stopped"] == told
        read = pd.read_csv if path.suffix == ".csv" else pd.read_parquet
        some, everything = read(path), read(whole)
    else:
        summary = json.loads((path / "summary.json").read_text())
        assert summary["stopped"] == summary["provenance"]["stopped"] == told
        assert "The run was stopped by Ctrl-C" in write_page(path).read_text()
        some, everything = (pd.read_parquet(folder / "curves.parquet") for folder in (path, whole))
    assert set(some["ID"]) == set(range(1, finished + 1))
    same = everything[everything["ID"] <= finished]
    pd.testing.assert_frame_equal(some, same, check_exact=True)


def test_a_whole_run_takes_back_the_note_of_a_stopped_one(run, tmp_path):
    (tmp_path / "run-stopped.json").write_text("{}")
    run("simulate", "pk/one_compartment", *RX, "-n", 4, "--out", "run.csv")
    assert not (tmp_path / "run-stopped.json").exists()


def test_ctrl_c_before_anything_is_finished_writes_nothing(run, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("pkpd.simulation.regimens.solve", interrupted)
    words = ["simulate", "pk/one_compartment", *RX, "-n", "4", "--out", "run.csv"]
    assert run(*words)[:2] == (130, "") and not list(tmp_path.iterdir())


def test_set_reads_names_and_values():
    assert options.assignments(["cl=120", "vc = 2 L"]) == {"cl": "120", "vc": "2 L"}
    with pytest.raises(PkpdError, match="NAME=VALUE"):
        options.assignments(["cl="])


def test_endpoints_are_printed_and_written_one_row_per_patient(run, tmp_path):
    words = [
        "simulate",
        "pk/one_compartment",
        "--rx",
        "100 mg q12h x 6",
        "-n",
        30,
        "--endpoint",
        "cmax(Cc)",
        "--endpoint",
        "time_above(Cc, 1 ug/mL)",
    ]
    code, out, err = run(*words, "--window", "last interval", "--out", "ends.parquet")
    assert (code, err) == (0, "") and "from 60 to 72 h" in out and "time_above(Cc, 1 ug/mL)" in out
    table = pd.read_parquet(tmp_path / "ends.parquet")
    assert list(table) == ["ID", "cmax(Cc)", "time_above(Cc, 1 ug/mL)"] and len(table) == 30
    metadata = pq.read_schema(tmp_path / "ends.parquet").metadata
    assert json.loads(metadata[b"pkpd.units"]) == {
        "cmax(Cc)": "ng/mL",
        "time_above(Cc, 1 ug/mL)": "h",
    }
    assert json.loads(metadata[b"pkpd.provenance"])["from"] == 60.0
    told = json.loads(run(*words, "--from", "60", "--to", "3 d", "--json")[1])
    assert told["outputs"][0]["median"] == f"{table['cmax(Cc)'].median():.4g}"
    (tmp_path / "doses.csv").write_text(
        "ID,TIME,AMT,II,ADDL\n3,0,100,12,5\n3,72,0,0,0\n7,0,100,12,5\n7,72,0,0,0\n"
    )
    code, _, _ = run(
        "simulate",
        "pk/one_compartment",
        "--events",
        "doses.csv",
        *words[6:],
        "--from",
        60,
        "--out",
        "two.csv",
    )
    two = pd.read_csv(tmp_path / "two.csv")
    assert code == 0 and two["ID"].tolist() == [3, 7]
    assert two["cmax(Cc)"].tolist() == pytest.approx(
        table.set_index("ID").loc[[3, 7], "cmax(Cc)"].tolist(), rel=1e-6
    )


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["--endpoint", "cmax(Cx)"], 1, "no state or output 'Cx'"),
        (["--endpoint", "cmax(Cc)", "--from", "1", "--window", "day 1"], 2, "not by both"),
        (
            ["--endpoint", "cmax(Cc)", "--data", "x.csv", "--out", "y.csv"],
            2,
            "leave out --endpoint",
        ),
        (["--window", "day 1"], 1, "name some"),
        (["--endpoint", "cmax(Cc)", "--times", "0:4:1"], 1, "neither times nor outputs"),
        (["--endpoint", "cmax(Cc)", "--from", "soon"], 1, "'soon' cannot be read; write a number"),
    ],
)
def test_endpoints_that_make_no_sense_are_refused(run, tmp_path, words, code, part):
    got, out, err = run("simulate", "pk/one_compartment", "--rx", "100 mg", *words)
    assert got == code and part in err and out == "" and not list(tmp_path.iterdir())


@pytest.mark.slow
def test_bench_tells_error_beside_speed_and_names_the_machine(run):
    code, out, _ = run("bench", "--quick", "--json")
    found = json.loads(out)
    assert (
        code == 0
        and found["machine"]["build"]
        and {r["rtol"] for r in found["rows"]} == {1e-4, 1e-6, 1e-9}
    )
    for row in found["rows"]:
        assert 0 < row["error"] < 20 * row["rtol"] and row["patients_per_s"] > 0
    assert found["rows"][0] == found["rows"][0] | {
        "solver": "pkpd",
        "ratio_same_rtol": 1.0,
        "ratio_equal_error": 1.0,
    }
