"""Files that are whole or absent: filled under a temporary name, made durable, renamed.

Knows paths and bytes; knows nothing of what is in them.
"""

import os
import tempfile
from pathlib import Path

from pkpd.errors import ResultError

UNFINISHED = ".part"  # ending of temporary files


def write_atomically(path, write):
    """Let write(temporary path) fill a file beside `path`, then give it that name.

    The bytes are on the disk before the name is, so that a crash of the machine leaves the old file
    or the new one; a failure leaves nothing behind. Raises ResultError.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=UNFINISHED)
        os.close(handle)
    except OSError as error:
        raise ResultError(
            f"Cannot write to '{path.parent}': {error.strerror}. Choose another folder with --out."
        ) from error
    try:
        write(temporary)
        os.chmod(temporary, 0o644)
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    except OSError as error:
        raise ResultError(f"Cannot write '{path}': {error.strerror}.") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _sync(path):
    """Flush a file, or the names in a folder, to the disk; Windows cannot open a folder."""
    if os.name == "nt" and os.path.isdir(path):
        return
    handle = os.open(path, os.O_RDONLY if os.path.isdir(path) else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
