"""Work in chunks written to a folder: memory flat in the number of rows, no chunk lost to a kill.

Knows work(first, last) -> pyarrow Table, a folder with its manifest, and a scheduler; knows nothing
of patients or models.
"""

import json
import os
from contextlib import closing
from functools import partial
from pathlib import Path
from warnings import warn

from pkpd.errors import ResultError, in_bytes
from pkpd.scale.folder import (
    MOST_FILES,
    MOST_ROWS,
    Folder,
    read_manifest,
    sole_writer,
    sweep,
)
from pkpd.scale.schedulers import on_cluster, on_threads

SIZE = 4096  # rows per chunk: seconds of work, megabytes


def compute(
    work,
    total,
    folder,
    study,
    about,
    *,
    size=None,
    resume=False,
    client=None,
    threads=None,
    memory=None,
    interrupt=None,
    progress=None,
    say=None,
    complain=warn,
):
    """Compute rows 0..total-1 in chunks and write each to a file of its own; the complete Folder.

    Parameters
    ----------
    work : work(first, last) -> pyarrow Table of last - first rows; must pickle to run on a cluster
    study, about : plain data for the manifest; a run resumes only where `study` is the same
    size : rows per chunk (default: that of the folder, or 4096)
    resume : continue in a folder that holds part of this study; otherwise a folder that is not
        empty is refused
    client : distributed.Client of a Dask cluster (default: threads of this process, a chunk each)
    threads : chunks computed at a time without a cluster (default: all cores)
    memory : estimated bytes of memory, for the sentence on what the run will take
    interrupt : called when the run is interrupted, so that work in other threads can stop
    progress : called with the number of finished rows
    say : called with a sentence on what the run will take
    complain : called with a sentence on each chunk that is damaged or missing

    Raises ResultError. Whatever stops the run, Ctrl-C included, finished chunks are kept.
    """
    plan = Folder(Path(folder), _plain(study), _plain(about), total, size or SIZE)
    _check_size(plan)
    if client is None:
        run = partial(on_threads, threads=threads or os.cpu_count() or 1, interrupt=interrupt)
    else:
        run = partial(on_cluster, client=client)
    report = _unheard if progress is None else progress
    with sole_writer(plan.path):
        state = sweep(_begun(plan, size is not None, resume), complain)
        missing = state.missing
        if missing:
            (say or _unheard)(_room(state, work, run, memory))
        state.write_manifest()
        report(state.rows)
        with closing(run(work, missing)) as results:
            for first, last, table in results:
                state = state.add(first, last, table)
                report(state.rows)
    return state


def _unheard(_):
    """What is called where nobody wants to be told."""


def _check_size(plan):
    """Raises ResultError where the rows or files are more than anything can hold."""
    if plan.total > MOST_ROWS:
        raise ResultError(f"{plan.total:,} rows are too many; at most {MOST_ROWS:,}.")
    files = -(-plan.total // plan.size)
    if files > MOST_FILES:
        raise ResultError(
            f"{plan.total:,} rows in chunks of {plan.size:,} make {files:,} files; at most "
            f"{MOST_FILES:,}. Choose larger chunks with --chunk."
        )


def _plain(data):
    """The data as it comes back from JSON."""
    return json.loads(json.dumps(data, allow_nan=False))


def _begun(plan, size_given, resume):
    """The folder as an earlier run left it, or the plan where there is none.

    Raises ResultError where the earlier run must not be resumed.
    """
    earlier = read_manifest(plan.path)
    if earlier is None:
        return plan
    if not resume:
        remedy = "Continue with --resume" if earlier.missing else "Read it with pkpd summarise"
        raise ResultError(
            f"'{plan.path}' holds a study already: {earlier.rows} of {earlier.total} rows. "
            f"{remedy}, or choose another folder with --out."
        )
    here, there = (_decisive(folder, size_given) for folder in (plan, earlier))
    for key in [*here, *(there.keys() - here.keys())]:
        if here.get(key) != there.get(key):
            raise ResultError(
                f"'{plan.path}' holds another study: {key} is {there.get(key)} there and "
                f"{here.get(key)} here. Repeat the options it was begun with, or choose another "
                "folder with --out."
            )
    return earlier


def _decisive(folder, size_given):
    """What must be the same for a run to resume: study, rows and, if given, rows per chunk."""
    rows = {"rows": folder.total, "rows per chunk": folder.size}
    return folder.study | (rows if size_given else {"rows": folder.total})


def _room(state, work, run, memory):
    """A sentence on what the run will take. Raises ResultError where the disk is too small."""
    from shutil import disk_usage

    with closing(run(work, [(0, 1)])) as one:
        need = state.room_for_rest(next(one)[2])
    free = disk_usage(state.path).free
    much = f"{in_bytes(need)} in '{state.path}', where {in_bytes(free)} are free"
    if need > free:
        raise ResultError(
            f"The run needs up to {much}. "
            "Choose a folder on another disk with --out, or fewer rows."
        )
    rows = f"{state.total - state.rows} rows in {len(state.missing)} chunks of up to {state.size}"
    flat = ""
    if memory is not None:
        flat = f"; about {in_bytes(memory)} of memory, whatever the number of rows"
    return f"{rows}: up to {much}{flat}."
