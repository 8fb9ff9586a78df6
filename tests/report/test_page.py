"""The page on a folder: well-formed, escaped, self-contained, true to its folder.

What is wrong with a folder is one sentence.
"""

import json
import random
import re
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import pkpd
from pkpd.cli import main
from pkpd.errors import PkpdError, PkpdWarning, ResultError
from pkpd.report.page.page import page, write_page
from pkpd.report.words import models
from pkpd.response.dosing_interval import dosing_interval
from pkpd.result import ResultFolder, read_columns
from pkpd.result.folder import benefit_from

VOID = {"meta", "br", "img", "input", "link", "hr"}
CURVES = shlex.split(
    "dose-response --outcome Cc --better higher --into depot --every '24 h' --doses 1:100mg -n 8 "
    "--quiet --no-figure"
)
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> $\\frac{ </style> --> {{ 7*7 }}"


class Read(HTMLParser):
    """Elements as (tag, attributes) and texts by tag; every element that is opened is closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.open = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, *tags):
        return [(tag, attrs) for tag, attrs in self.elements if tag in tags]

    def words(self):
        return re.sub(
            r"\s+",
            " ",
            " ".join(text for tag, text in self.texts if tag not in ("script", "style")),
        )


def command(*words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["pkpd", *map(str, words)])
        try:
            main([str(w) for w in words])
        except SystemExit as stop:
            assert not stop.code, words


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """MEDs with subgroups, repetitions and titrations, and the page that the command wrote."""
    folder = tmp_path_factory.mktemp("page") / "study"
    command(
        "med",
        "ldn/hormesis",
        "-n",
        24,
        "--seed",
        7,
        "--set",
        "toff=12",
        "--by",
        "wt",
        "--replicates",
        2,
        "--titrate",
        "slow-ladder-7-days",
        "--titrations",
        2,
        "--out",
        folder,
        "--report",
        "--quiet",
        "--no-figure",
    )
    return folder


@pytest.fixture(scope="module")
def curves(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "curves"
    command(CURVES[0], "pk/one_compartment", *CURVES[1:], "--out", folder)
    return folder


@pytest.fixture
def copy(study, tmp_path):
    return shutil.copytree(study, tmp_path / "copy")


def read(folder):
    return Read(page(folder))


def test_the_page_is_whole_html_with_headings_in_order_and_names_for_all_that_is_seen(study):
    text = (study / "report.html").read_text()
    found = Read(text)
    assert text.startswith("<!DOCTYPE html>") and ("html", {"lang": "en"}) in found.elements
    assert [t for tag, t in found.texts if tag == "title"] == [
        "Low-dose naltrexone: blockade, rebound and glia: maximally effective doses"
    ]
    levels = [int(tag[1]) for tag, _ in found.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1 and levels.count(1) == 1 and max(np.diff(levels)) == 1
    ids = [attrs["id"] for _, attrs in found.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"][1:] for _, attrs in found.all("a")} <= set(ids)
    assert len(found.all("svg")) == len(found.all("figure")) == len(found.all("figcaption")) == 6
    assert all(
        attrs["aria-label"] for _, attrs in found.elements if attrs.get("role") in ("img", "group")
    )
    assert len(found.all("caption")) == len(found.all("table"))
    assert all(attrs["scope"] in ("col", "row") for _, attrs in found.all("th"))


def test_nothing_on_the_page_leads_elsewhere(study):
    found = read(study)
    for tag, attrs in found.elements:
        for name in ("href", "src", "xlink:href", "action", "srcset"):
            assert attrs.get(name, "#").startswith(("#", "data:image/png;base64,")), (tag, attrs)
    assert not re.search(r"url\((?!#)|@import", page(study))
    (policy,) = (
        attrs["content"]
        for _, attrs in found.all("meta")
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'") and "script-src 'sha256-" in policy


def test_the_page_says_what_the_folder_holds(study):
    words = read(study).words()
    summary = json.loads((study / "summary.json").read_text())
    share = 100 * summary["share_inside"]["share"][0]
    assert f"{share:.1f} % of MEDs lie in the published range, 0.1-6 mg" in words
    count = sum(summary["status"][s] for s in ("interior", "below_range", "above_range"))
    assert f"{count} patients have a MED, {100 * count / 24:.1f} % of all" in words
    assert (
        "24 virtual patients, seed 7, scrambled Sobol' points" in words
        and "toff = 12 h (typical value set for this run)" in words
    )
    with_med = f"the {count} patients who have a MED, inside the range of doses or beyond it"
    assert f"of {with_med} have lost" in words and f"Over {with_med}" in words
    inside = summary["status"]["interior"]
    assert f"medians over the {inside} patients whose MED lies inside the range" in words
    assert "of patients with a MED" not in words
    assert (
        summary["observed"]["rule"] in words
        and f"{summary['observed']['outcome']['found']}" in words
    )
    assert (
        all(group["group"] in words for group in summary["subgroups"])
        and "over 2 scramblings" in words
    )
    model = pkpd.load("ldn/hormesis")
    for text in (
        *model.notes,
        *(i.source for i in model.inputs),
        *(i.label for i in model.inputs),
        model.digest,
        summary["provenance"]["fingerprint"],
    ):
        assert re.sub(r"\s+", " ", text) in words
    assert "3,000 to 30,000 times lower" in words and models.share_assumed(model) in words


def test_what_is_absent_is_named_with_a_command_for_the_same_patients(copy, curves):
    words = read(copy).words()
    null = "--titrate slow-ladder-7-days --null same-med --set toff=12.0 --out null"
    assert f"pkpd med ldn/hormesis -n 24 --seed 7 {null}" in words
    (copy / "curves.parquet").unlink()
    assert (
        f"pkpd med ldn/hormesis -n 24 --seed 7 --set toff=12.0 --out {copy}" in read(copy).words()
    )
    assert f"pkpd sensitivity ldn/hormesis --set toff=12.0 --out {copy}" in words


def test_the_command_for_what_is_absent_computes_the_same_patients(curves, tmp_path, monkeypatch):
    options = (
        "--outcome Cc --better higher --into depot --every '24 h' --doses '1:100 mg' --delta '10 %'"
    )
    given = f"pkpd med pk/one_compartment -n 8 --seed 1 {options} --out med"
    assert f"each patient's own best dose (MED) {given}" in read(curves).words()
    monkeypatch.chdir(tmp_path)
    command(*shlex.split(given)[1:], "--quiet", "--no-figure")
    before, after = (
        read_columns(path / "curves.parquet")[0] for path in (curves, tmp_path / "med")
    )
    np.testing.assert_array_equal(before["benefit"], after["benefit"])


def test_commands_name_the_table_of_people_that_was_used(copy):
    for name in ("summary.json", "patients.parquet"):
        _provenance(copy / name, {"covariates": "my people.csv (0123456789abcdef)"})
    assert (
        "pkpd med ldn/hormesis -n 24 --seed 7 --covariates 'my people.csv' --titrate"
        in read(copy).words()
    )


def test_the_same_folder_gives_the_same_page(study):
    assert page(study) == (study / "report.html").read_text()


@pytest.mark.slow
def test_a_streamed_folder_gives_the_page_of_the_run_in_memory(tmp_path):
    rest = ("ldn/hormesis", "-n", 12, "--seed", 7, "--quiet", "--no-figure")
    command("med", *rest, "--out", tmp_path / "memory")
    command("med", *rest, "--stream", "--chunk", 5, "--out", tmp_path / "streamed", "--report")
    one, other = (
        read(tmp_path / name).words().partition("What this folder does not hold")[0]
        for name in ("memory", "streamed")
    )
    assert one == other and (tmp_path / "streamed/report.html").exists()
    (tmp_path / "streamed/summary.json").unlink()
    assert read(tmp_path / "streamed").words().partition("What this folder does not hold")[0] == one


def test_a_trial_shows_arms_diaries_and_endpoints(tmp_path, request):
    text = (request.config.rootpath / "docs/trials.md").read_text()
    (tmp_path / "trial.toml").write_text(re.search(r"```toml\n(.*?)```", text, re.S).group(1))
    command(
        "trial",
        tmp_path / "trial.toml",
        "-n",
        12,
        "--out",
        tmp_path / "t",
        "--quiet",
        "--no-figure",
    )
    found = read(tmp_path / "t")
    assert (
        len(found.all("figure")) == 2
        and "4.5 mg for all, or by the diary" in found.words()
        and "by the diary" in found.words()
    )
    summary = json.loads((tmp_path / "t/summary.json").read_text())
    assert f"{summary['endpoints']['pain']['arms']['4.5 mg']['mean']:.3g}" in found.words()


def test_hostile_models_and_tables_inject_nothing(curves, tmp_path):
    """Title, label, source, notes and description of a model, and the command, stay text."""
    lines = Path(pkpd.load("pk/one_compartment").path).read_text().splitlines()
    told = json.dumps(EVIL)
    lines = [
        re.sub(r'(label|source) *= *"[^"]*"', lambda m: f"{m.group(1)} = {told}", line)
        for line in lines
    ]
    lines = [line for line in lines if not line.startswith(("title", "notes", "description"))]
    (tmp_path / "evil.toml").write_text(
        "\n".join([f"title = {told}", f"description = {told}", f"notes = [{told}]", *lines])
    )
    model = pkpd.load(tmp_path / "evil.toml")
    folder = shutil.copytree(curves, tmp_path / "evil")
    ResultFolder(folder).write_model(model)
    new = {"model": "evil", "digest": model.digest, "command": EVIL}
    for name in ("summary.json", "curves.parquet"):
        _provenance(folder / name, new)
    text = page(folder)
    found = Read(text)
    assert len(found.all("script")) == 1 and not found.all(
        "img", "iframe", "object", "embed", "base", "link", "form"
    )
    assert not [a for _, attrs in found.elements for a in attrs if a.startswith("on")]
    assert found.words().count(EVIL) > 5
    assert len(re.findall("</style>", text)) == 1


def test_hostile_names_in_a_trial_inject_nothing(tmp_path, request):
    text = (request.config.rootpath / "docs/trials.md").read_text()
    design = re.search(r"```toml\n(.*?)```", text, re.S).group(1)
    for name in ("4.5 mg for all, or by the diary", "by the diary"):
        design = design.replace(f'"{name}"', json.dumps(EVIL))
    (tmp_path / "trial.toml").write_text(design)
    command("trial", tmp_path / "trial.toml", "-n", 4, "--out", tmp_path / "t", "--quiet")
    found = read(tmp_path / "t")
    assert (
        len(found.all("script")) == 1
        and not found.all("img")
        and found.words().count(EVIL) > 3
        and len(found.all("figure")) == 2
    )


@pytest.mark.parametrize(
    ("given", "sentences"),
    [
        (["--typical"], ["The typical patient: no variability", "Median MED"]),
        (
            ["-n", 6, "--set", "glia=0", "--set", "rebound=0"],
            ["No patient has a MED.", "not known"],
        ),
        (
            ["-n", 6, "--titrate", "slow-ladder-7-days", "--titrations", 1, "--null", "no-effect"],
            ["Null control: the body receives no drug.", "How titration ended"],
        ),
    ],
)
def test_unusual_studies_have_a_page(given, sentences, tmp_path):
    command(
        "med", "ldn/hormesis", *given, "--out", tmp_path / "m", "--report", "--quiet", "--no-figure"
    )
    words = Read((tmp_path / "m/report.html").read_text()).words()
    assert (
        all(text in words for text in sentences)
        and "nan" not in words.split()
        and "None" not in words.split()
    )


def _provenance(path, changes):
    """Change the provenance block of a summary or table."""
    if path.suffix == ".json":
        data = json.loads(path.read_text())
        path.write_text(json.dumps(data | {"provenance": data["provenance"] | changes}))
        return
    table = pq.read_table(path)
    origin = json.loads(table.schema.metadata[b"pkpd.provenance"]) | changes
    pq.write_table(
        table.replace_schema_metadata(
            table.schema.metadata | {b"pkpd.provenance": json.dumps(origin).encode()}
        ),
        path,
    )


def test_tables_of_another_run_are_refused_or_left_out_by_name(copy):
    for name in ("curves", "audit"):
        _provenance(copy / f"{name}.parquet", {"seed": 8})
    found = read(copy)
    assert (
        "curves.parquet is of another run than summary.json" in found.words()
        and "audit.parquet is of another run" in found.words()
    )
    assert len(found.all("figure")) == 4
    _provenance(copy / "patients.parquet", {"seed": 8})
    with pytest.raises(ResultError, match="are of different runs"):
        page(copy)


def test_results_of_another_model_are_refused(copy):
    (copy / "model.json").unlink()
    assert read(copy)
    _provenance(copy / "summary.json", {"digest": "0" * 64})
    with pytest.raises(ResultError, match="with another ldn/hormesis than the one here"):
        page(copy)


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("summary.json", lambda b: b[:500], "is not whole"),
        ("summary.json", lambda b: b"[1]", "is not a summary"),
        (
            "summary.json",
            lambda b: b.replace(b'"quantiles"', b'"quantities"'),
            "does not understand",
        ),
        (
            "summary.json",
            lambda b: b.replace(b'"value": ', b'"value": "x", "was": '),
            "does not understand",
        ),
        ("summary.json", lambda b: b'{"histogram": 1}', "names no run"),
        ("patients.parquet", lambda b: b[:2000], "is damaged"),
        ("curves.parquet", lambda b: b"PAR1" + b[200:], "is damaged"),
        ("audit.parquet", lambda b: b"", "is damaged"),
        ("model.json", lambda b: b.replace(b"blockade", b"blocking"), "are not those of the model"),
        (
            "model.json",
            lambda b: b.replace(b'"digest": "', b'"digest": "0'),
            "is not the model of the results",
        ),
    ],
)
def test_damage_is_one_sentence_and_leaves_no_page(copy, name, spoil, message, capsys):
    (copy / "report.html").unlink()
    (copy / name).write_bytes(spoil((copy / name).read_bytes()))
    with pytest.raises(SystemExit) as stop:
        main(["report", str(copy)])
    out, err = capsys.readouterr()
    assert (
        stop.value.code == 1 and out == "" and message in err and len(err.strip().splitlines()) == 1
    )
    assert not (copy / "report.html").exists() and not list(copy.glob("*.part"))


def test_a_folder_that_could_keep_a_page_busy_is_refused_or_drawn_in_part(copy, monkeypatch):
    """Sizes are looked at before anything is compiled or drawn."""
    summary = json.loads((copy / "summary.json").read_text())
    many = summary | {"subgroups": summary["subgroups"] * 2000}
    (copy / "summary.json").write_text(json.dumps(many))
    with pytest.raises(ResultError, match="rows for the table 'By subgroup', too many"):
        page(copy)
    (copy / "summary.json").write_text(json.dumps(summary))

    def compiles(*given, **options):
        raise AssertionError("compiled a model that is too large for a page")

    monkeypatch.setattr("pkpd.report.page.med_sections.LONGEST", 100)
    monkeypatch.setattr("pkpd.report.page.med_sections.dosing_interval", compiles)
    assert "Not drawn: compiling or following this model" in read(copy).words()


@pytest.mark.parametrize("name", ["summary.json", "model.json"])
def test_any_entry_of_a_summary_can_be_replaced_without_a_traceback(copy, name, monkeypatch):
    monkeypatch.setattr("pkpd.report.page.med_sections.LONGEST", 0)  # compile nothing
    data, rng = json.loads((copy / name).read_text()), random.Random(3)
    for _ in range(12):
        spoilt = json.loads(json.dumps(data))
        place, key = rng.choice(list(entries(spoilt)))
        place[key] = rng.choice(ODD)
        (copy / name).write_text(json.dumps(spoilt))
        try:
            assert page(copy).startswith("<!DOCTYPE html>")
        except PkpdError as error:
            assert "\n" not in str(error)


ODD = (None, True, -1, 0, 1e308, 10**30, "x", "inf", "\ud800", "\x1b[2J", [], {}, [[1]], {"a": 1})


def entries(data):
    """(table or list, key) of everything in plain data."""
    pairs = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in list(pairs):
        yield data, key
        if isinstance(value, (dict, list)):
            yield from entries(value)


def test_the_command_writes_where_it_is_told_and_refuses_the_rest(run, study, tmp_path):
    assert run("report", study, "-o", "here.html")[::2] == (0, "") and (
        tmp_path / "here.html"
    ).read_text() == page(study)
    (tmp_path / "empty").mkdir()
    for words, code, message in (
        (["report", "empty"], 1, "holds no results of pkpd"),
        (["report", "absent"], 1, "is not a folder"),
        (["report", study, "-o", "page.pdf"], 1, "as .html"),
        (["med", "ldn/hormesis", "--report"], 2, "give it with --out"),
    ):
        found, out, err = run(*words)
        assert (found, out) == (code, "") and message in " ".join(err.split())


def test_a_page_can_be_written_anywhere_whole(curves, tmp_path):
    assert write_page(curves, tmp_path / "deep/er/page.html").read_text() == page(curves)
    (tmp_path / "file").write_text("")
    with pytest.raises(PkpdError, match="Cannot write"):
        write_page(curves, tmp_path / "file/page.html")


def test_a_model_that_was_edited_during_the_run_costs_no_results(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(Path(pkpd.load("pk/one_compartment").path).read_text())
    model = pkpd.load(file)
    folder = ResultFolder(tmp_path)
    (kept,) = folder.write_model(model)
    assert folder.model({"model": "mine", "digest": model.digest}).digest == model.digest
    file.write_text(file.read_text() + "# edited")
    with pytest.warns(PkpdWarning, match="has changed since it was loaded"):
        assert folder.write_model(model) == [] and not kept.exists()


def test_figures_are_written_in_the_format_that_is_asked_for(run, tmp_path):
    assert (
        run(CURVES[0], "pk/one_compartment", *CURVES[1:-1], "--format", "svg", "--out", "c")[0] == 0
    )
    assert (tmp_path / "c/dose-response.svg").read_text().startswith("<?xml") and not (
        tmp_path / "c/dose-response.png"
    ).exists()


def test_a_day_of_the_typical_patient_closes_and_has_the_peak_and_trough_of_its_med():
    model = pkpd.load("ldn/hormesis")
    typical = pkpd.med(model, pkpd.cohort(model, typical=True)).columns
    found = dosing_interval(model, typical["argmax"])
    assert found.values[0, 0] == pytest.approx(found.values[0, -1], rel=1e-4)
    assert found.values.max() == pytest.approx(typical["peak_blockade"][0], rel=1e-3)
    assert found.values.min() == pytest.approx(typical["trough_blockade"][0], rel=1e-3)
    assert dosing_interval(model).values.shape[0] == 4
    for wrong, what in (([0.0], "must be positive"), ([], "must be pos"), ([np.nan], "not nan")):
        with pytest.raises(PkpdError, match=f"doses .*{what}"):
            dosing_interval(model, wrong)
    with pytest.raises(PkpdError, match="names no blockade"):
        dosing_interval(
            pkpd.load("pd/receptor_binding"),
            benefit=benefit_from({**vars(model.benefit), "blockade": None}, model),
        )


def test_the_page_on_a_folder_of_exposures_is_that_of_the_result(tmp_path):
    conc = {"TIME": [0, 1, 2, 4, 8], "Cc": [0.0, 4.0, 3.0, 1.5, 0.4]}
    page = pkpd.noncompartmental(pd.DataFrame(conc), dose=100.0).report(tmp_path / "exposures")
    written = page.read_text()
    assert "half_life" in written and "<svg" in written
    assert pkpd.write_page(tmp_path / "exposures").read_text() == written
    (tmp_path / "exposures/nca.json").write_text('{"data": 1}')
    with pytest.raises(PkpdError, match="does not understand"):
        pkpd.write_page(tmp_path / "exposures")


def test_the_page_on_a_fitted_curve_is_written_only_with_the_fit(tmp_path):
    pkpd.fit(Path(__file__).parents[2] / "docs/lettuce.csv", intervals=()).write(tmp_path / "fit")
    with pytest.raises(PkpdError, match="holds a fitted curve, whose page can be written only"):
        pkpd.write_page(tmp_path / "fit")
