"""A folder of chunks: Parquet files of consecutive rows, and a manifest of finished ones.

Only chunks that the manifest lists and whose checksum holds are part of the data; every file is
complete or absent; one process at a time may write. Knows rows and plain data; knows nothing of
patients, models or schedulers.
"""

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pkpd.errors import ResultError
from pkpd.files import UNFINISHED, content, read_json, write_atomically
from pkpd.parquet import read_table

FORMAT = "pkpd chunks 1"
KEPT = "Finished chunks are kept; continue with --resume."
MANIFEST, LOCK, CHUNKS = "manifest.json", ".lock", "chunks"
MOST_ROWS = 2**32
MOST_FILES = 1_000_000
LARGEST_CHUNK = 4_000_000_000  # bytes


@dataclass(frozen=True)
class Chunk:
    """Rows first..last-1 in a file of its own, of so many bytes."""

    first: int
    last: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Folder:
    """A folder of chunks as its manifest has it.

    study : what decides every number in it; about : what else a reader needs; both plain JSON data
    total : rows when complete; size : rows per chunk; chunks : the finished ones
    """

    path: Path
    study: dict
    about: dict
    total: int
    size: int
    chunks: tuple[Chunk, ...] = ()

    @property
    def rows(self):
        """Rows that are finished."""
        return sum(c.last - c.first for c in self.chunks)

    @property
    def missing(self):
        """(first, last) of the chunks that are not finished, in order."""
        finished = {chunk.first for chunk in self.chunks}
        firsts = range(0, self.total, self.size)
        return [(first, self._last(first)) for first in firsts if first not in finished]

    def _last(self, first):
        """Where the chunk that begins at row `first` ends."""
        return min(first + self.size, self.total)

    def file(self, first, last):
        """Path of the chunk of rows first..last-1."""
        return self.path / CHUNKS / f"{first:09d}-{last:09d}.parquet"

    def tables(self, columns):
        """A pyarrow Table of these columns, and no others, for each finished chunk in row order.

        Raises ResultError where a chunk cannot be read or has them not, or as another type.
        """
        import pyarrow as pa

        wanted = None
        for chunk in self.chunks:
            path = self.file(chunk.first, chunk.last)
            try:
                with open(path, "rb") as handle:
                    table = read_table(handle, list(columns))
            except (OSError, ValueError, pa.ArrowException) as error:
                raise ResultError(f"{path} is damaged ({_first_line(error)}).") from error
            wanted = wanted or table.schema.remove_metadata()
            if table.column_names != list(columns) or table.schema.remove_metadata() != wanted:
                raise ResultError(f"{path} has other columns than the study.")
            yield table

    def schema(self):
        """pyarrow Schema of the first chunk, with its metadata."""
        import pyarrow.parquet as pq

        return pq.read_schema(self.file(self.chunks[0].first, self.chunks[0].last))

    def add(self, first, last, table):
        """The folder with a pyarrow Table of rows first..last-1 written to it.

        Raises ResultError.
        """
        if table.num_rows != last - first:
            rows = f"rows {first} to {last - 1}"
            raise ResultError(f"The work for {rows} gave {table.num_rows} rows.")
        content = _parquet(table, self._mark())
        _write(self.file(first, last), content)
        chunk = Chunk(first, last, len(content), hashlib.sha256(content).hexdigest())
        grown = replace(self, chunks=tuple(sorted((*self.chunks, chunk), key=lambda c: c.first)))
        grown.write_manifest()
        return grown

    def room_for_rest(self, row):
        """Bytes that the missing chunks take at most, from a pyarrow Table of one row."""
        rows = row.nbytes * (self.total - self.rows)
        file = len(_parquet(row, self._mark()))
        return rows + file * len(self.missing)

    def write_manifest(self):
        """Write the manifest atomically. Raises ResultError."""
        data = {name: value for name, value in asdict(self).items() if name != "path"}
        text = json.dumps({"format": FORMAT} | data, indent=1) + "\n"
        _write(self.path / MANIFEST, text.encode())

    def flaw(self, chunk):
        """What is wrong with the file of a chunk, or None."""
        path = self.file(chunk.first, chunk.last)
        try:
            there = content(path, LARGEST_CHUNK)
        except OSError as error:
            return f"cannot be read ({error.strerror})"
        if len(there) < chunk.size:
            return f"is cut off: {len(there)} of {chunk.size} bytes are there"
        rows, mark = _rows_and_mark(there)
        if mark not in (None, self._mark()):
            return "belongs to another study"
        if hashlib.sha256(there).hexdigest() != chunk.sha256:
            return "is damaged: its checksum is not the one in the manifest"
        if rows != chunk.last - chunk.first:
            return f"holds {rows} rows in place of {chunk.last - chunk.first}"
        return None

    def _mark(self):
        """What every chunk of this study carries in its metadata."""
        return hashlib.sha256(json.dumps(self.study, sort_keys=True).encode()).hexdigest()


def read(folder):
    """The Folder as its manifest has it, complete or not.

    Raises ResultError, also where a chunk is damaged.
    """
    found = read_manifest(Path(folder))
    if found is None:
        raise ResultError(
            f"'{folder}' holds no {MANIFEST}: it is not the --out folder of a run with --stream."
        )
    for chunk in found.chunks:
        flaw = found.flaw(chunk)
        if flaw:
            raise ResultError(
                f"{found.file(chunk.first, chunk.last)} {flaw}. "
                "Repeat the run with --resume to compute it again."
            )
    return found


def read_manifest(folder):
    """The Folder of a manifest, its chunks unchecked, or None where there is no manifest.

    Raises ResultError where it cannot be understood.
    """
    path = folder / MANIFEST
    if not os.path.lexists(path):
        return None
    try:
        return _folder(folder, read_json(path))
    except (ValueError, TypeError, KeyError) as error:
        raise ResultError(
            f"'{path}' is not a manifest that this version understands. Choose another folder."
        ) from error


def _folder(path, data):
    """The Folder of the data of a manifest. Raises ValueError, TypeError or KeyError."""
    if data["format"] != FORMAT:
        raise ValueError(data["format"])
    study, about = data["study"], data["about"]
    if not isinstance(study, dict) or not isinstance(about, dict):
        raise TypeError("study and about are tables")
    total, size = _whole(data["total"], MOST_ROWS), _whole(data["size"], MOST_ROWS)
    empty = Folder(path, study, about, total, size)
    chunks = tuple(_chunk(entry, empty) for entry in data["chunks"])
    firsts = [chunk.first for chunk in chunks]
    if -(-total // size) > MOST_FILES or firsts != sorted(set(firsts)):
        raise ValueError("too many chunks, or one twice")
    return replace(empty, chunks=chunks)


def _chunk(entry, folder):
    """A Chunk of a manifest. Raises ValueError where it is none of the folder's ranges of rows."""
    first, last = _whole(entry["first"] + 1, folder.total) - 1, _whole(entry["last"], folder.total)
    if first % folder.size or last != folder._last(first):
        raise ValueError("other rows than those of a chunk")
    return Chunk(first, last, _whole(entry["size"], LARGEST_CHUNK), str(entry["sha256"]))


def _whole(value, most):
    """A whole number from 1 to `most`. Raises ValueError."""
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(value)
    return value


def sweep(state, say):
    """The folder without its damaged chunks; says each of them, and each file that is no chunk."""
    folder = state.path / CHUNKS
    for place in (state.path, folder):
        _remove_unfinished(place)
    listed, sound = set(), []
    for chunk in state.chunks:
        file, flaw = state.file(chunk.first, chunk.last), state.flaw(chunk)
        listed.add(file)
        if flaw:
            say(f"{file} {flaw}. It is computed again.")
        else:
            sound.append(chunk)
    for stranger in sorted(set(folder.glob("*")) - listed):
        say(f"{stranger} is not in the manifest, so it is not part of the data.")
    return replace(state, chunks=tuple(sound))


def _remove_unfinished(folder):
    """Remove the files of a writer that was killed."""
    for leftover in folder.glob(f"tmp*{UNFINISHED}"):
        if leftover.is_file():
            leftover.unlink()


@contextmanager
def sole_writer(folder):
    """Hold the folder's lock, which the system releases however this process ends.

    Raises ResultError that names the holder.
    """
    try:
        import fcntl
    except ImportError as error:
        raise ResultError(
            "Writing in chunks needs a system with file locks, such as Linux or macOS."
        ) from error
    with _lock_file(folder) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            handle.seek(0)
            holder = handle.read() or "another process"
            raise ResultError(
                f"'{folder}' is being written by {holder}. "
                "Wait for it, or choose another folder with --out."
            ) from error
        except OSError as error:
            raise ResultError(
                f"'{folder}' cannot be locked ({error.strerror}), so nothing would keep two "
                "writers apart. Choose a folder on another disk."
            ) from error
        handle.truncate(0)
        handle.write(_this_process())
        handle.flush()
        yield


def _lock_file(folder):
    """The open lock file of a new or empty folder or one of chunks. Raises ResultError."""
    if folder.is_dir() and not (folder / MANIFEST).exists():
        entries = (p for p in folder.iterdir() if p.suffix != UNFINISHED)
        others = sorted(p.name for p in entries if p.name not in (LOCK, CHUNKS))
        if others:
            raise ResultError(
                f"'{folder}' is not empty: it holds {others[0]}, but no {MANIFEST} of a run with "
                "--stream. Choose another folder with --out."
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return open(folder / LOCK, "a+", encoding="utf-8", errors="replace")
    except OSError as error:
        raise ResultError(
            f"Cannot write to '{folder}': {error.strerror or error}. "
            "Choose another folder with --out."
        ) from error


def _this_process():
    import socket
    from datetime import datetime

    now = datetime.now().astimezone().isoformat(" ", "seconds")
    return f"process {os.getpid()} on {socket.gethostname()} since {now}"


def _parquet(table, mark):
    """Bytes of a Parquet file of the table, marked as part of a study."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = (table.schema.metadata or {}) | {b"pkpd.study": mark.encode()}
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(metadata), sink)
    return sink.getvalue().to_pybytes()


def _rows_and_mark(content):
    """Number of rows of a Parquet file and the mark of its study, each None where it has none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        mark = (file.schema_arrow.metadata or {}).get(b"pkpd.study", b"").decode()
        return file.metadata.num_rows, mark or None
    except (OSError, ValueError, pa.ArrowException):
        return None, None


def _first_line(error):
    """The first line of what another library says, short."""
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _write(path, content):
    try:
        write_atomically(path, lambda temporary: Path(temporary).write_bytes(content))
    except ResultError as error:
        raise ResultError(f"{error} {KEPT}") from error
