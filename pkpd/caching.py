"""What is kept between runs: generated code, checked models, Sobol' directions.

What lies in a cache is executed and believed. So a folder or file that somebody else may have
written is not used, and every file begins with the hash of its content. A cache that cannot be
used is done without: a temporary folder takes its place, and one sentence says so. Knows folders,
owners and modes; knows nothing of what is kept.
"""

import atexit
import hashlib
import os
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from pkpd.errors import ResultError
from pkpd.files import replace


def folder() -> Path:
    """Folder of the cache: $PKPD_CACHE, or pkpd in the user's cache folder.

    A temporary one, removed when the process ends, where that folder cannot be made, written or
    trusted. Raises ResultError where there is no temporary folder either.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return _usable(os.environ.get("PKPD_CACHE") or os.path.join(home, "pkpd"))


@cache
def _usable(wanted: str) -> Path:
    path = Path(wanted).absolute()
    try:
        reason = _unusable(path)
    except OSError as error:
        reason = error.strerror
    return path if reason is None else _temporary(path, reason)


@cache
def _temporary(path: Path, reason: str | None) -> Path:
    """A folder in place of one that is not used, removed when the process ends."""
    try:
        temporary = tempfile.mkdtemp(prefix="pkpd-")
    except OSError as error:
        raise ResultError(
            f"The cache folder '{path}' is not used ({reason}), and there is no temporary folder "
            f"either ({error.strerror}). Set PKPD_CACHE to a folder of your own."
        ) from error
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    print(
        f"The cache folder '{path}' is not used ({reason}): models are compiled anew in every run. "
        "Set PKPD_CACHE to a folder of your own.",
        file=sys.stderr,
    )
    return Path(temporary)


def _unusable(path: Path) -> str | None:
    """Why a folder cannot be the cache, or None. Raises OSError."""
    path.mkdir(parents=True, exist_ok=True)
    reason = distrust(os.stat(path))
    if reason is None:
        with tempfile.TemporaryFile(dir=path):
            pass
    return reason


def distrust(status: os.stat_result) -> str | None:
    """Why a file or folder of this os.stat may hold what somebody else wrote, or None.

    It is trusted where its owner is this user or root, or where it may be written by a group that
    this user belongs to: whoever shares a folder with a group trusts the group.
    """
    if os.name == "nt":
        return None
    if status.st_mode & stat.S_IWOTH:
        return "anybody may write to it"
    if status.st_uid in (0, os.geteuid()):
        return None
    of_group = status.st_gid in (os.getegid(), *os.getgroups())
    return None if of_group and status.st_mode & stat.S_IWGRP else "it belongs to somebody else"


def read(path: Path) -> bytes | None:
    """Bytes that `write` kept, or None where there are none, not all, or none to be trusted."""
    try:
        with open(path, "rb") as file:
            if distrust(os.fstat(file.fileno())) is not None:
                return None
            head, content = file.readline(), file.read()
    except OSError:
        return None
    return content if head == _head(content) else None


def write(path: Path, content: bytes) -> Path:
    """Keep bytes under a path in the cache, whole or not at all. Returns where they are kept.

    That is below a temporary folder if the cache takes no more. Folders get the mode of the cache
    and files its mode without execution: a group that may use the cache may use what is in it.
    """
    root = folder()
    try:
        _write(root, path, content)
        return path
    except OSError as error:
        other = _temporary(root, error.strerror)
    path = other / path.relative_to(root)
    try:
        _write(other, path, content)
    except OSError as error:
        raise ResultError(f"Cannot write '{path}': {error.strerror}.") from error
    return path


def _write(root: Path, path: Path, content: bytes) -> None:
    def fill(temporary: str) -> None:
        Path(temporary).write_bytes(_head(content) + content)
        _share(temporary, root, 0o666)

    make(path.parent, root)
    replace(path, fill, mode=0o600)  # nobody else may open it before it is shared


def make(path: Path, root: Path | None = None) -> None:
    """Make a folder below the cache, with those above it, all with the mode of the cache."""
    root = folder() if root is None else root
    for part in [p for p in (*reversed(path.parents), path) if root in p.parents]:
        if not part.is_dir():
            part.mkdir(exist_ok=True)
            _share(part, root, 0o2777)


def _share(path: str | Path, root: Path, bits: int) -> None:
    """Give a path the mode and group of the cache, where the file system can."""
    status = os.stat(root)
    with suppress(OSError):
        if os.name != "nt" and os.stat(path).st_gid != status.st_gid:
            os.chown(path, -1, status.st_gid)
        os.chmod(path, status.st_mode & bits)


def _head(content: bytes) -> bytes:
    return b"# sha256 " + hashlib.sha256(content).hexdigest().encode() + b"\n"
