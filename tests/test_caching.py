"""The cache: believed only where nobody else can have written it, done without where it fails."""

import errno
import os
import stat
import subprocess
import sys

import numpy as np
import pytest

from pkpd import caching
from pkpd.errors import ResultError
from pkpd.kernels import cache as kernels
from pkpd.kernels.compiled import compiled
from pkpd.population import sobol
from pkpd.symbolic.load import load

needs_root = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="only root can give files away"
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder named by PKPD_CACHE that does not exist yet."""
    monkeypatch.setenv("PKPD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def unused(capsys):
    """The one sentence that says why the cache is not used, after checking that another one is."""
    path = caching.folder()
    assert str(path) != os.environ["PKPD_CACHE"] and path.is_dir()
    assert caching.folder() == path
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].endswith("Set PKPD_CACHE to a folder of your own.")
    kept = caching.write(path / "models" / "x.json", b"1")
    assert caching.read(kept) == b"1"
    return lines[0]


def test_what_was_kept_is_read_again(place):
    path = caching.folder() / "models" / "x"
    assert caching.read(path) is None
    assert caching.write(path, b"some\nbytes") == path
    assert caching.read(path) == b"some\nbytes"
    assert [p.name for p in path.parent.iterdir()] == ["x"]


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b + b" ", lambda b: b"", bytes.upper]
)
def test_what_was_changed_is_not_believed(place, damage):
    path = caching.write(caching.folder() / "x", b'{"value": 4.0}')
    path.write_bytes(damage(path.read_bytes()))
    assert caching.read(path) is None


def test_a_checked_model_whose_numbers_were_changed_is_checked_anew(place):
    model = load("pk/one_compartment")
    (kept,) = (place / "models").iterdir()
    value = str(model.inputs[0].value).encode()
    assert value in kept.read_bytes()
    kept.write_bytes(kept.read_bytes().replace(value, b"77.0", 1))
    assert load("pk/one_compartment") == model


def test_directions_that_were_changed_are_drawn_anew(place):
    points = sobol.points(0, 8, 3, 5)
    (kept,) = (place / "sobol").iterdir()
    kept.write_bytes(kept.read_bytes()[:-8] + bytes(8))
    np.testing.assert_array_equal(sobol.points(0, 8, 3, 5), points)


def test_generated_code_that_was_changed_is_not_run(place):
    path = kernels.write(kernels.source_file("changed", "key"), "value = 1\n")
    path.write_text(path.read_text().replace("1\n", "2\n"))
    with pytest.raises(ImportError, match="damaged"):
        kernels.load(path)
    assert kernels.load(kernels.write(path, "value = 3\n")).value == 3


@pytest.mark.skipif(os.name == "nt", reason="needs file locks")
def test_processes_that_want_the_same_code_compile_it_in_turn(place, tmp_path):
    log = tmp_path / "log"
    text = f"""
import time
for word in ("begin", "end"):
    with open({str(log)!r}, "a") as file:
        print(word, file=file)
    time.sleep(0.3)
"""
    path = kernels.write(kernels.source_file("slow", "key"), text)
    words = (
        "import sys, pathlib; from pkpd.kernels.cache import load; load(pathlib.Path(sys.argv[1]))"
    )
    both = [subprocess.Popen([sys.executable, "-c", words, path]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert log.read_text().split() == ["begin", "end", "begin", "end"]


def test_a_folder_that_anybody_may_write_is_not_used(place, capsys):
    place.mkdir()
    place.chmod(0o777)
    assert "anybody may write to it" in unused(capsys)


@needs_root
def test_the_folder_of_somebody_else_is_not_used(place, capsys):
    place.mkdir()
    os.chown(place, 12345, 12345)
    assert "it belongs to somebody else" in unused(capsys)


@needs_root
def test_a_file_of_somebody_else_is_not_read(place):
    path = caching.write(caching.folder() / "x", b"1")
    os.chown(path, 12345, 12345)
    assert caching.read(path) is None


def test_a_file_that_anybody_may_write_is_not_read(place):
    path = caching.write(caching.folder() / "x", b"1")
    path.chmod(0o666)
    assert caching.read(path) is None


def test_a_folder_that_cannot_be_made_is_done_without(place, capsys):
    place.write_text("a file where the folder should be")
    assert "File exists" in unused(capsys)


def test_no_home_is_no_mistake(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "nobody"))
    monkeypatch.setenv("PKPD_CACHE", "")
    assert "Not a directory" in unused(capsys)


def test_a_full_disk_is_done_without(place, monkeypatch, capsys):
    root, replace = caching.folder(), os.replace

    def full(source, target):
        if str(target).startswith(str(root)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    paths = [caching.write(root / "models" / name, b"1") for name in "ab"]
    assert all(caching.read(path) == b"1" for path in paths)
    assert not list((root / "models").iterdir())
    assert capsys.readouterr().err.count("No space left on device") == 1


def test_neither_cache_nor_temporary_folder_is_one_sentence(place, monkeypatch):
    place.touch()

    def fails(prefix):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(caching.tempfile, "mkdtemp", fails)
    with pytest.raises(ResultError, match=r"File exists.*Read-only file system"):
        caching.folder()


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
@pytest.mark.parametrize("mode", [0o700, 0o755, 0o2770, 0o2775])
def test_files_may_be_used_by_a_group_where_the_folder_may(place, mode):
    place.mkdir()
    place.chmod(mode)
    path = kernels.write(caching.folder() / "kernels" / "x.py", "value = 1\n")
    assert stat.S_IMODE(path.stat().st_mode) == mode & 0o666
    for folder in (path.parent, path.parent / "__pycache__"):
        assert stat.S_IMODE(folder.stat().st_mode) == mode


@needs_root
def test_files_belong_to_the_group_of_the_folder(place):
    place.mkdir()
    os.chown(place, 0, 12345)
    assert caching.write(caching.folder() / "models" / "x", b"1").stat().st_gid == 12345


def test_a_function_is_compiled_where_numba_has_no_place_for_a_cache():
    names = {}
    exec("def twice(x):\n    return 2.0 * x", names)  # has no file, so nothing can lie beside it
    assert compiled(names["twice"])(1.5) == 3.0


def test_the_tests_themselves_do_without_the_cache_of_pytest():
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", __file__]
    found = subprocess.run(words, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
