"""Streamed MEDs are those of memory to the bit, here and on a cluster whose workers die.

Summaries and figures share one path.
"""

import hashlib
import json
import logging
import os
import random
import shutil
import signal
import threading
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import pkpd
from pkpd.errors import PkpdError, ResultError
from pkpd.population.cohort import cohort
from pkpd.response import stream as room
from pkpd.response.streamed import StoredCurves
from pkpd.result import plain
from pkpd.scale.schedulers import connect

LDN, PK = pkpd.load("ldn/hormesis"), pkpd.load("pk/one_compartment")
GOAL = {
    "outcome": "Cc",
    "better": "higher",
    "into": "depot",
    "every": "24 h",
    "doses": "1:100 mg",
    "delta": "1 ng/mL",
}
WORDS = [word for name, value in GOAL.items() for word in (f"--{name}", value)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The same 70 patients in memory and streamed."""
    folder = tmp_path_factory.mktemp("pair") / "streamed"
    return pkpd.med(LDN, pkpd.cohort(LDN, 70, seed=7)), pkpd.stream(
        LDN, folder, 70, seed=7, size=32, threads=2
    )


def assert_same(table, dataset):
    """Every column and every curve, to the bit, NaN included."""
    assert dataset.names == table.names
    for name in table.names:
        np.testing.assert_array_equal(
            dataset.column(name),
            table.column(name).astype(dataset.column(name).dtype),
            err_msg=name,
        )
    for curve, other in zip(dataset.curves.each(), table.curves.each(), strict=True):
        np.testing.assert_array_equal(curve, other)


def test_streamed_patients_are_those_of_memory_to_the_bit(pair):
    assert_same(*pair)
    assert_same(pair[0], pkpd.open_results(pair[1].folder.path))


def test_summary_and_figure_are_those_of_memory(pair, monkeypatch):
    table, dataset = pair
    assert plain(pkpd.summarise(dataset)) == plain(pkpd.summarise(table))
    monkeypatch.setattr("pkpd.response.streamed.NUMBERS_AT_ONCE", 140)  # two doses a reading
    fresh = pkpd.open_results(dataset.folder.path)
    for a, b in zip(pkpd.plot(fresh).axes, pkpd.plot(table).axes, strict=True):
        assert [t.get_text() for t in a.texts] == [t.get_text() for t in b.texts]
        for line, other in zip(a.get_lines(), b.get_lines(), strict=True):
            np.testing.assert_array_equal(line.get_ydata(), other.get_ydata())
        for bars, others in zip(a.containers, b.containers, strict=True):
            assert [bar.get_height() for bar in bars] == [bar.get_height() for bar in others]


def changed(pair, tmp_path, table=None):
    """A copy of the streamed folder, with another first chunk whose checksum fits."""
    folder = shutil.copytree(pair[1].folder.path, tmp_path / "changed")
    data = json.loads((folder / "manifest.json").read_text())
    chunk = min((folder / "chunks").iterdir())
    if table is not None:
        pq.write_table(table(pq.read_table(chunk)), chunk)
        content = chunk.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        data["chunks"][0] |= {"sha256": digest, "size": len(content)}
    (folder / "manifest.json").write_text(json.dumps(data))
    return folder


def column(name, values):
    """Change of a table: another column of that name."""
    return lambda table: table.set_column(
        table.schema.get_field_index(name), name, pa.array(values(table[name].to_pylist()))
    )


def metadata(doses):
    return lambda table: table.replace_schema_metadata(
        table.schema.metadata | {b"pkpd.doses": doses}
    )


@pytest.mark.parametrize(
    "table",
    [
        column("status", lambda old: ["weird"] * len(old)),
        column("status", lambda old: [None, *old[1:]]),
        column("status", lambda old: [1] * len(old)),
        column("status", lambda old: ["interior"] * len(old)),
        column("med", lambda old: ["x"] * len(old)),
        column("med", lambda old: [-1.0] * len(old)),
        column("med", lambda old: [float("inf")] * len(old)),
        column("med", lambda old: [None] * len(old)),
        column("med", lambda old: [[1.0]] * len(old)),
        column("ID", lambda old: old[::-1]),
        column("plateau", lambda old: ["x"] * len(old)),
        lambda table: table.drop(["status"]),
        lambda table: table.drop(["med"]),
        lambda table: table.drop(["curve_3"]),
        lambda table: table.replace_schema_metadata({}),
        metadata(b"[" * 100_000),
        metadata(b'"abc"'),
        metadata(b"[Infinity, 1, 2]"),
        metadata(json.dumps([*range(1, 34)][::-1]).encode()),
    ],
)
def test_a_table_that_no_run_wrote_is_refused_whatever_its_checksum(pair, tmp_path, table, run):
    folder = changed(pair, tmp_path, table)
    with pytest.raises(ResultError):
        pkpd.open_results(folder)
    for command in ("summarise", "report"):
        code, out, err = run(command, folder)
        assert (code, out, err.count("\n")) == (1, "", 1)


ODD = (None, True, -1, 0, 1.5, 1e308, 10**30, "x", "\ud800", [], {}, [[1]], {"a": 1}, "\x1b[2J")


def test_a_manifest_whose_words_contradict_its_study_is_refused(pair, tmp_path):
    """What `about` says of the benefit and of who was drawn stands in `study` as well."""
    folder = changed(pair, tmp_path)
    known = json.loads((folder / "manifest.json").read_text())
    keys = [("benefit", key) for key in known["about"]["benefit"]]
    keys += [("provenance", k) for k in known["about"]["provenance"] if k in known["study"]]
    cases = [(*key, value) for key in keys for value in ODD]
    for part, key, value in random.Random(7).sample(cases, 80):
        about = {**known["about"], part: {**known["about"][part], key: value}}
        (folder / "manifest.json").write_text(json.dumps({**known, "about": about}))
        if value != known["about"][part][key]:
            with pytest.raises(PkpdError):
                pkpd.open_results(folder)


def test_subgroups_of_a_dataset_are_those_of_memory(pair):
    table, dataset = pair
    assert (
        plain(pkpd.summarise(dataset, by=["wt"]))["subgroups"]
        == plain(pkpd.summarise(table, by=["wt"]))["subgroups"]
    )
    assert [g["patients"] for g in pkpd.summarise(dataset, by=["wt"])["subgroups"]] == [24, 23, 23]


def test_the_histogram_of_the_summary_counts_every_med(pair):
    summary = pkpd.summarise(pair[0])
    assert summary["histogram"]["counts"].sum() == summary["status"]["interior"]
    assert summary["histogram"]["edges"][[0, -1]] == pytest.approx([0.05, 50])


def test_curves_are_read_a_few_doses_at_a_time(pair, monkeypatch):
    asked = []
    read = type(pair[1].folder).tables
    monkeypatch.setattr("pkpd.response.streamed.NUMBERS_AT_ONCE", 210)
    monkeypatch.setattr(
        type(pair[1].folder),
        "tables",
        lambda folder, names: asked.append(len(names)) or read(folder, names),
    )
    curves = StoredCurves(pair[1].folder, LDN, pair[1].benefit, pair[1].curves.doses)
    np.testing.assert_array_equal(curves.percentiles(), pair[0].curves.percentiles())
    assert max(asked) == 3


def test_files_carry_units_and_the_provenance_of_the_whole_run(pair):
    metadata = pair[1].folder.schema().metadata
    origin = json.loads(metadata[b"pkpd.provenance"])
    assert origin == pair[1].provenance() and origin["n"] == 70 and origin["digest"] == LDN.digest
    assert (
        json.loads(metadata[b"pkpd.units"])["med"] == "mg"
        and json.loads(metadata[b"pkpd.units"])["curve_0"] == "NRS"
    )


def test_only_the_patients_of_a_chunk_are_ever_drawn(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        room, "cohort", lambda *a, **options: drawn.append(cohort(*a, **options)) or drawn[-1]
    )
    pkpd.stream(PK, tmp_path / "out", 100, size=16, threads=1, **GOAL)
    assert max(len(c) for c in drawn) == 16 and sum(len(c) for c in drawn[2:]) == 100


FAILS = """title = "runs away in some"
time = "h"
outputs = ["x"]
[dose]
x = { unit = "mg" }
[parameters]
k = { value = 0.02, unit = "1/(mg*h)", iiv = { cv = 1.0 }, \
label = "k", source = "test", evidence = "assumed" }
out = { value = 1.0, unit = "1/h", label = "out", source = "test", evidence = "assumed" }
[benefit]
outcome = "x"
better = "higher"
into = "x"
every = "24 h"
doses = "1:30 mg"
delta = "1 mg"
[equations]
e = '''
d/dt(x) = k*x*x - out*x : mg
'''
"""


def test_failed_patients_are_nan_and_counted(tmp_path):
    (tmp_path / "fails.toml").write_text(FAILS)
    model = pkpd.load(str(tmp_path / "fails.toml"))
    dataset = pkpd.stream(model, tmp_path / "out", 40, seed=2, size=16)
    failed = pkpd.summarise(dataset)["status"]["failed"]
    assert (
        0 < failed < 40
        and failed == dataset.having("failed").sum() == (dataset.column("reason") != "").sum()
    )
    assert np.isnan(dataset.column("med")[dataset.having("failed")]).all()
    # a small model: its short loops over lanes are unrolled, and every lane must still round alike
    assert_same(pkpd.med(model, pkpd.cohort(model, 40, seed=2)), dataset)
    (tmp_path / "fails.toml").write_text(FAILS.replace("0.02", "0.03"))
    with pytest.raises(PkpdError, match="has changed since it was loaded"):
        pkpd.stream(model, tmp_path / "out", 40, seed=2, resume=True)
    with pytest.raises(ResultError, match="digest is"):
        pkpd.stream(
            pkpd.load(str(tmp_path / "fails.toml")), tmp_path / "out", 40, seed=2, resume=True
        )
    assert (
        pkpd.open_results(tmp_path / "out").model.digest == model.digest
    )  # the folder has the texts it was computed with


def test_a_folder_whose_model_text_was_changed_is_refused(tmp_path):
    pkpd.stream(PK, tmp_path / "out", 5, **GOAL)
    manifest = tmp_path / "out/manifest.json"
    manifest.write_text(manifest.read_text().replace("absorption", "Absorption"))
    with pytest.raises(PkpdError, match="stored texts of pk/one_compartment are not those"):
        pkpd.open_results(tmp_path / "out")


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"seed": 4}, "seed is 3 there and 4 here"),
        ({"delta": "2 ng/mL"}, "benefit delta is 1.0 there and 2.0 here"),
        ({"n": 30}, "rows is 20 there and 30 here"),
        ({"set": {"cl": 9.0}}, r"set is {} there and {'cl': 9.0} here"),
        ({"rtol": 1e-5}, "rtol is 1e-06 there and 1e-05 here"),
        ({"sampling": "mc"}, "sampling is sobol"),
    ],
)
def test_another_study_is_refused(tmp_path, changes, said):
    given = {"n": 20, "seed": 3} | GOAL
    pkpd.stream(PK, tmp_path / "out", **given)
    with pytest.raises(ResultError, match=said):
        pkpd.stream(PK, tmp_path / "out", resume=True, **(given | changes))


def test_the_build_names_all_rooms_that_shape_a_med(monkeypatch):
    known = room.build()
    monkeypatch.setattr(room, "SHAPING", ("dosing", "population"))
    assert room.build.__wrapped__() != known


@pytest.mark.parametrize("given", [{"n": 0}, {"n": 2.5}, {"n": True}, {"n": 5, "size": 0}])
def test_numbers_that_make_no_sense_are_refused_before_anything_is_written(tmp_path, given):
    with pytest.raises(PkpdError, match="must be a whole number from 1 to 4,294,967,296"):
        pkpd.stream(PK, tmp_path / "out", **given, **GOAL)
    assert not (tmp_path / "out").exists()


def test_another_build_is_refused(tmp_path, monkeypatch):
    pkpd.stream(PK, tmp_path / "out", 5, **GOAL)
    monkeypatch.setattr(room, "build", lambda: "another")
    with pytest.raises(
        ResultError, match=r"build is pkpd-.* numpy-.* scipy-.* there and another here"
    ):
        pkpd.stream(PK, tmp_path / "out", 5, resume=True, **GOAL)


def test_work_gives_up_between_parts_when_nobody_wants_it(tmp_path):
    told = threading.Event()

    def progress(done):
        if done:
            told.set()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pkpd.stream(PK, tmp_path / "out", 100, size=20, threads=2, progress=progress, **GOAL)
    assert told.is_set() and 0 < len(pkpd.open_results(tmp_path / "out")) < 100


def test_the_commands_stream_resume_and_summarise_with_the_words_of_memory(run, tmp_path):
    base = ["med", "pk/one_compartment", "-n", 40, *WORDS]
    streamed = [*base, "--stream", "--out", "large", "--chunk", 16]
    code, said, told = run(*streamed)
    assert (
        code == 0
        and "40 rows in 3 chunks of up to 16: up to" in told
        and "of memory, whatever the number of rows" in told
    )
    _, memory, _ = run(*base, "--out", "small")
    written = ", ".join(
        f"small/{name}"
        for name in ("patients.parquet", "curves.parquet", "summary.json", "med.png", "model.json")
    )
    assert said.replace("large/summary.json, large/med.png", "") == memory.replace(written, "")
    assert sorted(f.name for f in (tmp_path / "large").iterdir()) == [
        ".lock",
        "chunks",
        "manifest.json",
        "med.png",
        "summary.json",
    ]
    large, small = (
        json.loads((tmp_path / f / "summary.json").read_text()) for f in ("large", "small")
    )
    del large["provenance"]["command"], small["provenance"]["command"]
    assert large == small
    assert run("summarise", "large", "--out", "again")[1] == said.replace("large/", "again/")
    code, _, told = run(*streamed)
    assert code == 1 and "holds a study already: 40 of 40 rows. Read it with pkpd summarise" in told
    assert run(*streamed, "--resume", "--quiet") == (0, "", "")
    chunk = tmp_path / "large/chunks/000000016-000000032.parquet"
    written = chunk.read_bytes()
    chunk.write_bytes(written[:-9])
    code, said, told = run("summarise", "large")
    assert (
        (code, said) == (1, "")
        and "000000016-000000032.parquet is cut off" in told
        and told.count("\n") == 1
    )
    code, said, told = run(*streamed, "--resume", "--quiet")
    assert (code, said) == (0, "") and "is cut off" in told and chunk.read_bytes() == written
    code, _, told = run(*streamed, "--resume", "--seed", 2)
    assert code == 1 and "seed is 1 there and 2 here" in told


def test_ctrl_c_says_how_to_go_on_and_a_part_can_be_summarised(run, monkeypatch):
    work = room.Work.__call__

    def stopped(self, first, last):
        if first >= 32:
            raise KeyboardInterrupt
        return work(self, first, last)

    monkeypatch.setattr(room.Work, "__call__", stopped)
    words = [
        "med",
        "pk/one_compartment",
        "-n",
        40,
        *WORDS,
        "--stream",
        "--out",
        "large",
        "--chunk",
        16,
        "--threads",
        1,
        "--no-figure",
    ]
    code, said, told = run(*words)
    assert (
        (code, said) == (130, "")
        and "Finished chunks are kept in 'large'; continue with: pkpd" in told
        and told.endswith("--resume\n")
    )
    code, said, told = run("summarise", "large", "--json", "--no-figure")
    assert (
        code == 0
        and json.loads(said)["patients"] == 32
        and "8 of 40 patients are not computed yet" in told
    )
    monkeypatch.undo()


@pytest.mark.parametrize(
    "code, words, part",
    [
        (2, ["--stream"], "give it with --out"),
        (2, ["--stream", "--out", "x", "--id", "3"], "leave out --typical, --id"),
        (2, ["--resume", "--out", "x"], "go with --stream"),
        (2, ["--scheduler", "tcp://127.0.0.1:1"], "go with --stream"),
        (2, ["--stream", "--out", "x", "--chunk", "0"], "--chunk"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(run, tmp_path, code, words, part):
    found, out, err = run("med", "ldn/hormesis", *words)
    assert (
        found == code
        and out == ""
        and part in " ".join(err.split())
        and not list(tmp_path.iterdir())
    )


def test_a_folder_that_is_none_is_refused_by_summarise(run):
    code, out, err = run("summarise", "nowhere")
    assert (
        (code, out) == (1, "")
        and err
        == "'nowhere' holds no manifest.json: it is not the --out folder of a run with --stream.\n"
    )


def test_a_large_run_in_memory_is_announced(run, monkeypatch):
    monkeypatch.setattr("pkpd.cli.response.WORTH_SAYING", 0)
    code, _, err = run("med", "pk/one_compartment", "-n", 4, *WORDS, "--json")
    assert (
        code == 0
        and err
        == "About 0.25 GB of memory; with --stream --out FOLDER it would not grow with -n.\n"
    )


@pytest.fixture(scope="module")
def cluster():
    """A client of two worker processes of one thread each; a nanny restarts those that die."""
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    folder = tmp_path_factory.mktemp("local") / "out"
    pkpd.stream(PK, folder, 400, size=20, **GOAL)
    return folder


def content(folder):
    return {f.name: f.read_bytes() for f in (folder / "chunks").iterdir()} | {
        "manifest": (folder / "manifest.json").read_bytes()
    }


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_computes_the_same_bytes(tmp_path, cluster, local):
    workers, killed = list(cluster.run(os.getpid).values()), []

    def progress(done):
        if done >= 40 and not killed:
            killed.append(os.kill(workers[0], signal.SIGKILL))

    pkpd.stream(PK, tmp_path / "out", 400, size=20, client=cluster, progress=progress, **GOAL)
    assert killed and content(tmp_path / "out") == content(local)


@pytest.mark.slow
def test_a_worker_of_another_build_is_refused_by_name(tmp_path, cluster, monkeypatch):
    here = room.build()
    monkeypatch.setattr(room, "build", lambda: "another build")
    with pytest.raises(ResultError) as refused:
        pkpd.stream(PK, tmp_path / "out", 40, size=20, client=cluster, **GOAL)
    said = str(refused.value)
    assert (
        said.startswith("Worker tcp://127.0.0.1:")
        and f"{here} there, another build here" in said
        and "--resume" in said
    )
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.slow
def test_the_command_takes_the_address_of_a_scheduler(run, tmp_path, cluster, local):
    words = [
        "med",
        "pk/one_compartment",
        "-n",
        400,
        *WORDS,
        "--stream",
        "--chunk",
        20,
        "--no-figure",
        "--quiet",
        "--out",
        "out",
    ]
    assert run(*words, "--scheduler", cluster.scheduler.address) == (0, "", "")
    assert_same(pkpd.open_results(local), pkpd.open_results(tmp_path / "out"))


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    distributed = pytest.importorskip("distributed")

    def silent(address, timeout):
        raise OSError(f"Timed out trying to connect to {address}")

    monkeypatch.setattr(distributed, "Client", silent)
    with pytest.raises(PkpdError, match=r"No Dask scheduler answers at 'tcp://127\.0\.0\.1:1'"):
        connect("tcp://127.0.0.1:1")
