"""Files: written whole or not at all, and read with a limit and only if they are regular.

Knows paths, bytes, JSON and TOML; knows nothing of what is in them.
"""

import errno
import json
import os
import secrets
import stat
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from pkpd.errors import PkpdError, ResultError

UNFINISHED = ".part"  # ending of temporary files
LARGEST_JSON = 100_000_000  # bytes
LARGEST_TOML = 1_000_000  # bytes
CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)  # of file systems without fsync


def write_atomically(path: str | Path, write: Callable[[str], object]) -> None:
    """`replace` for what a user asked for: raises ResultError where it cannot be written."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, write)
    except OSError as error:
        raise ResultError(
            f"Cannot write '{path}': {error.strerror}. Choose another folder with --out."
        ) from error


def replace(path: Path, write: Callable[[str], object], mode: int = 0o666) -> None:
    """Let write(temporary path) fill a file beside `path`, then give it that name.

    mode : permissions of the file, of which the user's umask takes its part

    Nothing is left behind on failure. The bytes are on the disk before the name is, so that a crash
    of the machine leaves the old file or the new one. Raises OSError.
    """
    temporary = path.parent / f"tmp{secrets.token_hex(8)}{UNFINISHED}"
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    try:
        write(str(temporary))
        _sync_file(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_names(path.parent)


def _sync_file(path: Path) -> None:
    """Flush a file to the disk, where the file system can."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in CANNOT_SYNC:
            raise
    finally:
        os.close(handle)


def _sync_names(folder: Path) -> None:
    """Flush the names in a folder to the disk, where the file system can.

    The file is there already: no failure here may report it as lost. Windows opens no folder, a
    folder may be writable but not readable, and network disks refuse the call.
    """
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read_json(path: str | Path) -> dict[str, Any]:
    """The dict in a JSON file that anybody may have written. Raises ResultError."""
    try:
        data = json.loads(content(path, LARGEST_JSON), parse_constant=_no_constant)
    except OSError as error:
        raise ResultError(f"'{path}' cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise ResultError(f"'{path}' is not whole: {reason}. Repeat the run.") from error
    if not isinstance(data, dict):
        raise ResultError(f"'{path}' is not a summary of pkpd. Repeat the run.")
    return data


def read_toml(path: str | Path, error: type[PkpdError]) -> dict[str, Any]:
    """The tables of a TOML file that anybody may have written. Raises `error` with the path."""
    try:
        return tomllib.loads(content(path, LARGEST_TOML).decode("utf-8"))
    except OSError as found:
        raise error(f"{path}: cannot be read ({found.strerror}).") from found
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as found:
        reason = str(found) or "nested too deeply"
        raise error(f"{path}: not valid TOML: {reason}.") from found


def _no_constant(name: str) -> NoReturn:
    """NaN and Infinity are no JSON, and pkpd writes none."""
    raise ValueError(f"{name} is no JSON")


def content(path: str | Path, most: int) -> bytes:
    """The bytes of a regular file of at most `most` bytes. Raises OSError.

    Pipes and devices, which would keep a reader waiting for ever, are refused.
    """
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if status.st_size > most:
        raise OSError(errno.EFBIG, f"{status.st_size} bytes are too many", str(path))
    return Path(path).read_bytes()
