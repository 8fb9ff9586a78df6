"""Files are written whole or not at all, on any file system, with the permissions of the user."""

import errno
import os
import stat

import pytest

from pkpd.errors import ResultError
from pkpd.files import content, read_json, write_atomically


def write(path, text="new"):
    def fill(temporary):
        with open(temporary, "w") as file:
            file.write(text)

    write_atomically(path, fill)


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o002, 0o077])
def test_a_file_has_the_permissions_that_the_umask_leaves(tmp_path, mask):
    before = os.umask(mask)
    try:
        write(tmp_path / "file")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


def refusing(call, number, refuses):
    def refused(*arguments, **options):
        if refuses(*arguments):
            raise OSError(number, os.strerror(number))
        return call(*arguments, **options)

    return refused


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EIO, errno.EACCES])
def test_a_file_system_that_refuses_fsync_of_a_folder_loses_no_file(tmp_path, monkeypatch, number):
    def of_a_folder(handle):
        return stat.S_ISDIR(os.fstat(handle).st_mode)

    monkeypatch.setattr(os, "fsync", refusing(os.fsync, number, of_a_folder))
    write(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "new" and len(list(tmp_path.iterdir())) == 1


def test_a_file_system_without_fsync_or_chmod_loses_no_file(tmp_path, monkeypatch):
    for name, number in (("fsync", errno.EINVAL), ("chmod", errno.EPERM)):
        monkeypatch.setattr(os, name, refusing(getattr(os, name), number, lambda *given: True))
    write(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "new"


def test_a_disk_that_fails_while_it_writes_keeps_the_old_file(tmp_path, monkeypatch):
    write(tmp_path / "file", "old")
    for number in (errno.EIO, errno.ENOSPC):
        monkeypatch.setattr(os, "fsync", refusing(os.fsync, number, lambda handle: True))
        with pytest.raises(ResultError, match=f"Cannot write .*{os.strerror(number)}"):
            write(tmp_path / "file")
        assert [f.name for f in tmp_path.iterdir()] == ["file"]
        assert (tmp_path / "file").read_text() == "old"


def test_only_regular_files_of_bounded_size_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"12345")
    assert content(tmp_path / "file", 5) == b"12345"
    for path, most, number in (
        (tmp_path / "pipe", 5, errno.EINVAL),
        (tmp_path / "file", 4, errno.EFBIG),
        (tmp_path, 5, errno.EISDIR),
        ("/dev/zero", 5, errno.EINVAL),
    ):
        with pytest.raises(OSError) as caught:
            content(path, most)
        assert caught.value.errno == number


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "[" * 100_000, '{"a": NaN}', '{"a": -Infinity}', "\xff", "9" * 5000]
)
def test_what_is_no_json_table_is_one_sentence(tmp_path, text):
    (tmp_path / "file").write_text(text, encoding="latin-1")
    with pytest.raises(ResultError, match="file' is not") as caught:
        read_json(tmp_path / "file")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
