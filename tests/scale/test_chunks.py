"""Chunks that survive kills, full disks, damage and second writers.

The finished folder is that of an undisturbed run.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pkpd.errors import ResultError
from pkpd.scale.chunks import compute
from pkpd.scale.folder import read

sys.path.insert(0, str(Path(__file__).parent))
from study import ABOUT, SIZE, STUDY, TOTAL, run, work

CHUNKS = -(-TOTAL // SIZE)


def whole(folder):
    """All rows of a folder, after comparing every checksum."""
    return pa.concat_tables(read(folder).tables(["row", "value"])).combine_chunks()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    run(folder)
    return folder


def same(folder, other):
    """Whether two folders hold the same files, byte for byte."""

    def content(path):
        return {f.name: f.read_bytes() for f in (path / "chunks").iterdir()} | {
            "manifest": (path / "manifest.json").read_bytes()
        }

    return content(folder) == content(other)


def child(folder, *options, **pipes):
    return subprocess.Popen(
        [sys.executable, Path(__file__).parent / "study.py", folder, *map(str, options)],
        text=True,
        stderr=subprocess.PIPE,
        **pipes,
    )


def finished(folder, *options):
    """Exit code and complaint of a process that works on the folder."""
    process = child(folder, *options)
    complaint = process.communicate(timeout=60)[1]
    return process.returncode, complaint


@settings(max_examples=12, deadline=None)
@given(total=st.integers(1, 40), size=st.integers(1, 45), threads=st.integers(1, 4))
def test_rows_are_the_same_in_any_chunks_and_threads(tmp_path_factory, total, size, threads):
    folder = tmp_path_factory.mktemp("any") / "study"
    compute(work, total, folder, STUDY, ABOUT, size=size, threads=threads)
    assert whole(folder).equals(work(0, total).combine_chunks())
    assert not read(folder).missing


# the renames are: manifest, then chunk and manifest in turn
@pytest.mark.parametrize(
    "moment, place",
    [
        (1, "before"),
        (1, "after"),
        (2, "before"),
        (2, "after"),
        (3, "before"),
        (9, "after"),
        (12, "after"),
        (21, "after"),
    ],
)
def test_a_kill_at_any_file_operation_loses_nothing_and_doubles_nothing(
    tmp_path, undisturbed, moment, place
):
    folder, computed = tmp_path / "study", []
    assert finished(folder, "--die", moment, place)[0] == -signal.SIGKILL
    renamed = moment - (place == "before")
    kept = read(folder).rows if renamed else 0
    assert kept == min(TOTAL, SIZE * max(0, (renamed - 1) // 2))

    def noted(first, last):
        computed.append((first, last))
        return work(first, last)

    run(folder, work=noted, resume=True, threads=1)
    probe = [(0, 1)] * (kept < TOTAL)
    assert computed == probe + [
        (first, min(first + SIZE, TOTAL)) for first in range(kept, TOTAL, SIZE)
    ]
    assert same(folder, undisturbed)


def test_a_kill_at_a_random_moment_loses_nothing_and_doubles_nothing(tmp_path, undisturbed):
    folder = tmp_path / "study"
    process = child(folder, "--tell", stdout=subprocess.PIPE)
    for _ in range(random.randrange(CHUNKS) + 1):
        process.stdout.readline()
    process.kill()  # while it computes and writes the next chunks
    process.communicate()
    run(folder, resume=True)
    assert same(folder, undisturbed)


def cut_off(file, other):
    file.write_bytes(file.read_bytes()[:-100])


def flip_a_bit(file, other):
    content = bytearray(file.read_bytes())
    content[50] ^= 1
    file.write_bytes(content)


def remove(file, other):
    file.unlink()


def swap_for_another_study(file, other):
    shutil.copy(other / "chunks" / file.name, file)


@pytest.mark.parametrize(
    "damage, message",
    [
        (cut_off, "is cut off"),
        (flip_a_bit, "is damaged"),
        (remove, "cannot be read"),
        (swap_for_another_study, "belongs to another study"),
    ],
)
def test_a_chunk_that_is_not_as_it_was_written_is_named_and_computed_again(
    tmp_path, undisturbed, damage, message
):
    folder, other, sentences, computed = tmp_path / "study", tmp_path / "other", [], []
    shutil.copytree(undisturbed, folder)
    run(other, study=STUDY | {"seed": 8})
    file = sorted((folder / "chunks").iterdir())[3]
    damage(file, other)
    with pytest.raises(ResultError, match=f"{file.name} {message}.*--resume"):
        read(folder)

    def noted(first, last):
        computed.append((first, last))
        return work(first, last)

    run(folder, work=noted, resume=True, complain=sentences.append)
    assert computed == [(0, 1), (30, 40)]
    assert [s for s in sentences if file.name in s and message in s and "computed again" in s]
    assert same(folder, undisturbed)


def test_a_file_that_no_manifest_lists_is_named_and_no_part_of_the_data(tmp_path, undisturbed):
    folder, sentences = tmp_path / "study", []
    shutil.copytree(undisturbed, folder)
    pq.write_table(work(0, 10), folder / "chunks/000000500-000000510.parquet")
    run(folder, resume=True, complain=sentences.append)
    assert "000000500-000000510.parquet is not in the manifest" in sentences[0]
    assert whole(folder).equals(whole(undisturbed))


def test_a_damaged_chunk_is_named_by_a_warning_without_a_listener(tmp_path, undisturbed):
    folder = tmp_path / "study"
    shutil.copytree(undisturbed, folder)
    cut_off(sorted((folder / "chunks").iterdir())[3], None)
    with pytest.warns(UserWarning, match=r"000000030-000000040\.parquet is cut off"):
        compute(work, TOTAL, folder, STUDY, ABOUT, resume=True)
    assert same(folder, undisturbed)


def test_a_second_writer_is_told_who_the_first_is_and_the_lock_dies_with_it(tmp_path, undisturbed):
    folder = tmp_path / "study"
    first = child(folder, "--tell", "--wait", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    first.stdout.readline()
    code, complaint = finished(folder, "--resume")
    assert (
        code == 1
        and f"is being written by process {first.pid} on {os.uname().nodename} since 20"
        in complaint
    )
    assert complaint.count("\n") == 1 and "Traceback" not in complaint
    first.kill()
    first.communicate()
    assert finished(folder, "--resume") == (0, "")
    assert same(folder, undisturbed)


def test_a_full_disk_keeps_what_is_finished_and_says_how_to_resume(tmp_path, undisturbed):
    folder = tmp_path / "study"
    code, complaint = finished(folder, "--full", 30)
    assert (
        code == 1
        and "File too large" in complaint
        and "--resume" in complaint
        and complaint.count("\n") == 1
    )
    assert read(folder).rows == 30 and not list(folder.rglob("*.part"))
    run(folder, resume=True)
    assert same(folder, undisturbed)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 16 kB, where this process may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", place], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.skipif(not shutil.which("mount"), reason="no mount command")
def test_a_file_system_without_room_left_keeps_what_is_finished(tmp_path, small_disk, undisturbed):
    folder = small_disk / "study"
    code, complaint = finished(folder)
    assert code == 1 and "No space left on device" in complaint and "--resume" in complaint
    kept = read(folder).rows
    assert 0 < kept < TOTAL and not list(folder.rglob("*.part"))
    shutil.copytree(folder, tmp_path / "roomy")
    run(tmp_path / "roomy", resume=True)
    assert same(tmp_path / "roomy", undisturbed)


def test_a_disk_too_small_for_the_run_is_refused_before_the_first_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10_000, 5_000, 5_000)
    )
    with pytest.raises(ResultError, match=r"needs up to 0\.0\d MB in .*, where 0\.01 MB are free"):
        run(tmp_path / "study")
    assert not list(tmp_path.rglob("*.parquet"))


def test_the_room_that_is_announced_holds_the_files_and_little_more(tmp_path):
    sentences, folder = [], tmp_path / "study"
    run(folder, size=50, say=sentences.append)
    announced = float(sentences[0].split("up to ")[2].split(" MB")[0]) * 1e6
    there = sum(f.stat().st_size for f in (folder / "chunks").iterdir())
    assert 0.7 * announced < there < announced + 5_000


def test_ctrl_c_keeps_finished_chunks_and_tells_the_work_to_stop(tmp_path, undisturbed):
    folder, told = tmp_path / "study", []

    def progress(rows):
        if rows >= 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder, progress=progress, interrupt=lambda: told.append(True))
    assert told and 50 <= read(folder).rows < TOTAL
    run(folder, resume=True)
    assert same(folder, undisturbed)


def test_work_that_fails_stops_the_run_and_keeps_the_rest(tmp_path, undisturbed):
    def fails(first, last):
        if first == 40:
            raise ZeroDivisionError
        return work(first, last)

    folder = tmp_path / "study"
    with pytest.raises(ZeroDivisionError):
        run(folder, work=fails, threads=1)
    assert read(folder).rows == 40
    run(folder, resume=True)
    assert same(folder, undisturbed)


def test_work_that_gives_too_few_rows_is_refused(tmp_path):
    with pytest.raises(ResultError, match="rows 0 to 9 gave 9 rows"):
        run(
            tmp_path / "study",
            work=lambda first, last: work(first, max(first + 1, last - 1)),
            threads=1,
        )


def test_a_folder_that_holds_a_study_is_never_overwritten(tmp_path, undisturbed):
    folder = tmp_path / "study"
    shutil.copytree(undisturbed, folder)
    with pytest.raises(ResultError, match="holds a study already: 95 of 95 rows"):
        run(folder)
    assert same(folder, undisturbed)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"study": STUDY | {"seed": 8}}, "seed is 7 there and 8 here"),
        ({"study": STUDY | {"build": "another"}}, "build is this one there and another here"),
        ({"study": STUDY | {"more": 1}}, "more is None there and 1 here"),
        ({"study": {"seed": 7}}, "build is this one there and None here"),
        ({"size": 20}, "rows per chunk is 10 there and 20 here"),
    ],
)
def test_another_study_is_refused_with_what_differs(tmp_path, undisturbed, changes, message):
    folder = tmp_path / "study"
    shutil.copytree(undisturbed, folder)
    with pytest.raises(ResultError, match=f"holds another study: {message}"):
        run(folder, resume=True, **changes)
    assert same(folder, undisturbed)


def test_a_folder_with_other_things_in_it_is_left_as_it_is(tmp_path):
    (tmp_path / "thesis.docx").write_text("")
    for resume in (False, True):
        with pytest.raises(ResultError, match=r"not empty: it holds thesis\.docx"):
            run(tmp_path, resume=resume)
    assert [f.name for f in tmp_path.iterdir()] == ["thesis.docx"]


def test_more_rows_or_files_than_anything_holds_are_refused_before_any_work(tmp_path):
    def no_work(first, last):
        raise AssertionError

    for total, size, message in (
        (2**32 + 1, 4096, "4,294,967,297 rows are too many"),
        (2**32, 1, "make 4,294,967,296 files; at most 1,000,000"),
    ):
        with pytest.raises(ResultError, match=message):
            compute(no_work, total, tmp_path / "study", STUDY, ABOUT, size=size)
    assert not (tmp_path / "study").exists()


def with_its_checksum(folder, content, **entry):
    """Put other bytes in the first chunk, and a checksum that fits them in the manifest."""
    chunk = min((folder / "chunks").iterdir())
    chunk.write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    digest = hashlib.sha256(content).hexdigest()
    manifest["chunks"][0] |= {"sha256": digest, "size": len(content)} | entry
    (folder / "manifest.json").write_text(json.dumps(manifest))


def rows_of(folder, count):
    """Bytes of the folder's first chunk with so many rows."""
    table = pq.read_table(min((folder / "chunks").iterdir()))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.concat_tables([table, table])[:count], sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda folder: b"hello", "holds None rows in place of 10"),
        (lambda folder: rows_of(folder, 0), "holds 0 rows in place of 10"),
        (lambda folder: rows_of(folder, 9), "holds 9 rows in place of 10"),
        (lambda folder: rows_of(folder, 20), "holds 20 rows in place of 10"),
    ],
)
def test_a_checksum_made_by_hand_hides_no_missing_row(tmp_path, undisturbed, make, message):
    folder = tmp_path / "study"
    shutil.copytree(undisturbed, folder)
    with_its_checksum(folder, make(folder))
    with pytest.raises(ResultError, match=message):
        read(folder)
    run(folder, resume=True)
    assert same(folder, undisturbed)


def test_a_chunk_without_a_column_or_with_another_type_is_refused(tmp_path, undisturbed):
    folder = tmp_path / "study"
    shutil.copytree(undisturbed, folder)
    table = pq.read_table(min((folder / "chunks").iterdir()))
    for other in (
        table.drop(["value"]),
        table.set_column(1, "value", table["value"].cast("float")),
    ):
        sink = pa.BufferOutputStream()
        pq.write_table(other, sink)
        with_its_checksum(folder, sink.getvalue().to_pybytes())
        with pytest.raises(
            ResultError, match=r"has other columns than the study|it has no column 'value'"
        ):
            list(read(folder).tables(["row", "value"]))


def test_a_pipe_in_place_of_a_file_keeps_nobody_waiting(tmp_path, undisturbed):
    folder = tmp_path / "study"
    shutil.copytree(undisturbed, folder)
    for file in (min((folder / "chunks").iterdir()), folder / "manifest.json"):
        file.unlink()
        os.mkfifo(file)
        with pytest.raises(ResultError, match=r"cannot be read.*not a regular file"):
            read(folder)


ODD = (None, True, -1, 0, 1.5, 1e308, 10**30, "x", "\ud800", [], {}, [[1]], {"a": 1})


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_manifest_with_any_entry_replaced_is_read_or_refused(tmp_path_factory, undisturbed, data):
    """The entries are those of the layout, not of `study` and `about`, which hold any data."""
    manifest = json.loads((undisturbed / "manifest.json").read_text())
    chunk = st.tuples(
        st.just("chunks"),
        st.integers(0, CHUNKS - 1),
        st.sampled_from(["first", "last", "size", "sha256"]),
    )
    whole_keys = st.tuples(st.sampled_from(["format", "study", "about", "total", "size", "chunks"]))
    *path, key = data.draw(chunk | whole_keys)
    place = manifest
    for step in path:
        place = place[step]
    before = place[key]
    if data.draw(st.booleans()):
        place[key] = data.draw(st.sampled_from(ODD) | st.integers(0, 200))
    else:
        del place[key]
    folder = tmp_path_factory.mktemp("odd") / "study"
    shutil.copytree(undisturbed, folder)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    try:
        found = read(folder)
    except ResultError:
        return
    allowed = key in ("about", "chunks") or (key == "size" and path)
    assert place.get(key) == before or allowed
    assert found.rows == sum(t.num_rows for t in found.tables(["row"]))


def test_deep_or_infinite_json_is_one_sentence(tmp_path, undisturbed):
    folder = tmp_path / "study"
    shutil.copytree(undisturbed, folder)
    manifest = (folder / "manifest.json").read_text()
    for text in (
        "[" * 200_000,
        manifest.replace(f'"total": {TOTAL}', '"total": Infinity'),
        manifest.replace(f'"total": {TOTAL}', '"total": 1e400'),
        manifest.replace(f'"total": {TOTAL}', '"total": ' + "9" * 5000),
    ):
        (folder / "manifest.json").write_text(text)
        for attempt in (lambda: run(folder, resume=True), lambda: read(folder)):
            with pytest.raises(ResultError, match=r"manifest\.json' is not"):
                attempt()


def test_a_manifest_that_cannot_be_understood_is_refused_and_names_no_file_outside(
    tmp_path, undisturbed
):
    folder = tmp_path / "study"
    shutil.copytree(undisturbed, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    for text in (
        "{",
        "[]",
        "{}",
        json.dumps(manifest | {"format": "pkpd chunks 99"}),
        json.dumps(manifest | {"chunks": [{"first": "../../x"}]}),
    ):
        (folder / "manifest.json").write_text(text)
        for attempt in (lambda: run(folder, resume=True), lambda: read(folder)):
            with pytest.raises(ResultError, match=r"manifest\.json' is not"):
                attempt()


def test_a_folder_without_a_manifest_is_no_dataset(tmp_path):
    with pytest.raises(ResultError, match=r"holds no manifest\.json"):
        read(tmp_path)
