"""What the documents say holds: commands and examples run, links lead to files."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pkpd
from pkpd.cli import main
from pkpd.evidence import stored
from pkpd.evidence.question import question
from pkpd.symbolic.load import load

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    p
    for p in ROOT.rglob("*.md")
    if not {part for part in p.relative_to(ROOT).parts if part.startswith(".")}
)
EXPERIMENTS = sorted(p for p in (ROOT / "experiments").iterdir() if p.is_dir())
COMMANDS = (
    "models",
    "check",
    "show",
    "import",
    "export",
    "simulate",
    "dose-response",
    "med",
    "covariates",
    "trial",
    "sensitivity",
    "explain",
    "predict",
    "summarise",
    "report",
    "fit",
    "nca",
    "identify",
)
TOURS = [
    ROOT / "docs/cohorts.md",
    ROOT / "docs/bring-your-own.md",
]  # pages whose commands build on each other


def shown(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_and_paths_lead_to_files(page):
    text = page.read_text()
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert link.startswith("https://") or (page.parent / link).exists(), link
    for path in re.findall(r"`((?:experiments|benchmarks|models|docs|tests)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("folder", EXPERIMENTS, ids=lambda p: p.name)
def test_an_experiment_has_a_page_a_program_a_summary_and_a_figure(folder):
    page = (folder / "README.md").read_text()
    assert page.startswith("# ") and page.split("\n")[0].endswith("?")
    assert "**Answer.**" in page and "**Caveats.**" in page
    json.loads((folder / "summary.json").read_text())
    figures = list(folder.glob("*.png"))
    assert figures and all(f.name in page for f in figures)


SIZES = {
    "03-real-or-noise": 10_000,
    "04-fixed-or-titrated": 1250,
    "05-fibromyalgia-2009": 10_000,
    "06-fibromyalgia-2013": 31_000,
    "07-veterans-cohort": 41_000,
}


def summary_of(experiment):
    return json.loads((ROOT / "experiments" / experiment / "summary.json").read_text())


def is_of_the_model(provenance):
    return provenance["numbers"] == load("ldn/hormesis").numbers


@pytest.mark.parametrize("name", SIZES)
def test_an_experiment_was_computed_with_the_model_as_it_is(name):
    provenance = summary_of(name)["provenance"]
    assert is_of_the_model(provenance) and provenance["n"] == SIZES[name]


def test_every_part_of_an_experiment_was_computed_with_the_model_as_it_is():
    for name in ("02-med-distribution", "08-why-meds-differ"):
        assert all(is_of_the_model(part["provenance"]) for part in summary_of(name).values())
    assert summary_of("08-why-meds-differ")["influences"]["sobol"]["half_width"] == 0.02


OPIOIDS = (
    "11-withdrawal",
    "12-blocked-relief",
    "13-tramadol",
    "14-crushed-capsule",
    "15-before-surgery",
    "16-ultra-low-dose",
    "17-once-or-four-times",
)


@pytest.mark.parametrize("name", OPIOIDS)
def test_an_experiment_with_opioids_was_computed_with_its_models_as_they_are(name):
    for provenance in np.atleast_1d(summary_of(name)["provenance"]):
        assert provenance["numbers"] == load(provenance["model"]).numbers


def test_explanations_were_weighed_as_they_are_with_priors_of_every_width():
    folder, asked = ROOT / "experiments/18-which-explanation", question()
    models = {name: load(name).numbers for name in asked.weights}
    informing = {s.name: stored.digest(s) for s in asked.studies if s.role == "fit"}
    assert len(informing) == 8
    priors = json.loads((folder / "priors.json").read_text())
    for width, summary in (
        (1.0, summary_of(folder.name)),
        *zip((0.5, 2.0), priors.values(), strict=True),
    ):
        assert summary["width_of_priors"] == width
        assert summary["provenance"]["models"] == models
        assert summary["provenance"]["studies"].items() >= informing.items()


def test_papers_named_in_documents_are_in_the_bibliography():
    keys = set(re.findall(r"@\w+\{(\w+),", (ROOT / "models/references.bib").read_text()))
    for page in (ROOT / "README.md", *(f / "README.md" for f in EXPERIMENTS)):
        for name, year in re.findall(r"\b([A-Z][a-z]+) ((?:19|20)\d\d)\b", page.read_text()):
            assert name + year in keys, (page, name, year)


def few(words):
    """The command with few patients."""
    if words[0] == "sensitivity":
        return [*words, "-n", "2", "--most", "2", "--scramblings", "2"]
    if words[0] == "predict":
        return [*words, "-n", "128"]
    if "-n" in words:
        words[words.index("-n") + 1] = "16"
    elif {"--typical", "--id", "--events"} & set(words):
        return words  # these options choose the patients
    elif words[0] in ("simulate", "dose-response", "med", "covariates", "trial"):
        words += ["-n", "16"]
    return words


def commands(text):
    """Words of every `pkpd ...` line."""
    named = "|".join(COMMANDS)
    text = re.sub(r"\\\n\s*", "", text)  # a command may continue on the next line
    return [
        shlex.split(line)
        for line in re.findall(rf"(?:^|[`/ ])pkpd ((?:{named}) [^`\n]*)", text, re.M)
    ]


def documented():
    for page in (
        ROOT / "README.md",
        ROOT / "models/README.md",
        *sorted(set((ROOT / "docs").glob("*.md")) - {*TOURS, ROOT / "docs/data-contracts.md"}),
    ):
        yield from (
            (shown(page), words)
            for words in commands(page.read_text())
            if not {"MODEL", "FILE", "FOLDER", "my_model.toml"} & set(words)
        )


def write_files(page, folder):
    """The files that a page shows: blocks whose first line names one, as in ```csv people.csv."""
    for name, text in re.findall(r"```\w+ ([\w.-]+)\n(.*?)```", page.read_text(), re.S):
        (folder / name).write_text(text)


def help_examples(capsys):
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        yield from (
            words
            for words in commands(capsys.readouterr().out)
            if not {"my/model.toml", "theirs.R", "run001.ctl", "[OPTIONS]"} & set(words)
        )


def test_the_reference_has_every_public_name_once():
    text = (ROOT / "docs/site/reference.md").read_text()
    names = re.findall(r"^\.\. auto\w+:: pkpd\.(\w+)$", text, re.M)
    assert sorted(names) == sorted(pkpd.__all__)


def toml_of(page):
    """The first TOML example of a page."""
    return re.search(r"```toml\n(.*?)```", (ROOT / page).read_text(), re.S).group(1)


def files_of_examples(folder):
    """Files of the kinds that help texts take for granted."""
    for table in (ROOT / "docs").glob("*.csv"):
        shutil.copy(table, folder)
    (folder / "trial.toml").write_text(toml_of("docs/trials.md"))
    write_files(ROOT / "docs/trials.md", folder)
    (folder / "observed.csv").write_text(
        "TIME,DV\n0,0\n0.5,7.9\n1,8.3\n3.5,6.9\n7,5.4\n12,3\n24.3,0.9\n"
    )


def run(words, folder, monkeypatch):
    """Run a command where the checkout's docs are, as for who has just cloned it."""
    monkeypatch.chdir(folder)
    (folder / "docs").mkdir(exist_ok=True)
    for table in (ROOT / "docs").glob("*.csv"):
        shutil.copy(table, folder / "docs")
    try:
        main(few(list(words)))
    except SystemExit as stop:
        assert not stop.code, words


@pytest.mark.slow
@pytest.mark.parametrize(
    "page, words",
    documented(),
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_commands_of_the_documents_run(page, words, tmp_path, monkeypatch):
    write_files(ROOT / page, tmp_path)
    run(words, tmp_path, monkeypatch)


def blocks(page):
    """(language, text) of every block of code, in order."""
    return re.findall(r"```(console|python)\n(.*?)```", page.read_text(), re.S)


@pytest.fixture
def scheduler():
    """Address of a Dask scheduler with a worker in this process."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.slow
@pytest.mark.parametrize("page", TOURS, ids=shown)
def test_a_tour_can_be_followed_from_its_beginning_to_its_end(
    page, scheduler, tmp_path, monkeypatch
):
    write_files(page, tmp_path)
    for language, text in blocks(page):
        if language == "python":
            monkeypatch.chdir(tmp_path)
            exec(compile(re.sub(r"n=[\d_]+", "n=16", text), page, "exec"), {})
        for words in commands(text) if language == "console" else ():
            run(
                [scheduler if word.startswith("tcp://") else word for word in words],
                tmp_path,
                monkeypatch,
            )


@pytest.mark.slow
def test_examples_of_the_help_texts_run(capsys, tmp_path, monkeypatch):
    examples = list(help_examples(capsys))
    assert {words[0] for words in examples} >= {
        "check",
        "show",
        "simulate",
        "dose-response",
        "med",
        "summarise",
        "report",
        "fit",
        "nca",
    }
    files_of_examples(tmp_path)
    for words in examples:
        run(words, tmp_path, monkeypatch)


def test_the_python_example_runs(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    env = os.environ | {"MPLBACKEND": "Agg"}
    subprocess.run(
        [sys.executable, "-c", example.replace("n=200", "n=16")],
        cwd=tmp_path,
        env=env,
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "meds.png").stat().st_size > 10_000


def test_the_two_commands_are_lines_of_the_readme():
    lines = (ROOT / "README.md").read_text().splitlines()
    first, second = (line for line in lines if line.startswith("python3 -m venv"))
    assert "pkpd med ldn/hormesis" in first and second.endswith("pytest -n auto --dist loadfile")
