"""Work in chunks to a folder: memory flat in the number of rows, nothing lost when the process is killed, nothing twice.

Knows work(first, last) -> pyarrow Table, a folder with its manifest, and a scheduler; knows no patients and no models.
"""

import json
import os
from contextlib import closing
from functools import partial
from pathlib import Path
from warnings import warn

from pkpd.errors import ResultError, in_bytes
from pkpd.scale.folder import Folder, read_manifest, sole_writer, sweep
from pkpd.scale.schedulers import on_cluster, on_threads

SIZE = 4096  # rows a chunk: seconds of work, megabytes


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
    work : work(first, last) -> pyarrow Table of last - first rows; can be pickled where it goes to a cluster
    study, about : plain data for the manifest; a folder is gone on with only where `study` is the same
    size : rows a chunk (default: as the folder has it, or 4096)
    resume : go on in a folder that holds part of this study; without it a folder that holds anything is refused
    client : distributed.Client of a Dask cluster (default: threads of this process, a chunk each)
    threads : chunks computed at a time without a cluster (default: all cores)
    memory : bytes that the run is thought to take, to be told
    interrupt : called when the run is broken off, so that work in other threads can give up
    progress : called with the number of finished rows
    say : called with a sentence on what the run will take; complain : with one on each chunk that is not as it was written

    Raises ResultError. Whatever stops it, Ctrl-C too, finished chunks stay.
    """
    plan = Folder(Path(folder), _plain(study), _plain(about), total, size or SIZE)
    if client is None:
        run = partial(on_threads, threads=threads or os.cpu_count() or 1, interrupt=interrupt)
    else:
        run = partial(on_cluster, client=client)
    with sole_writer(plan.path):
        state = sweep(_begun(plan, size is not None, resume), complain)
        missing = state.missing
        room = _room(state, work, run, memory) if missing else None
        if room and say is not None:
            say(room)
        state.write_manifest()
        if progress is not None:
            progress(state.rows)
        with closing(run(work, missing)) as results:
            for first, last, table in results:
                state = state.add(first, last, table)
                if progress is not None:
                    progress(state.rows)
    return state


def _plain(data):
    """The data as it comes back from JSON."""
    return json.loads(json.dumps(data, allow_nan=False))


def _begun(plan, size_given, resume):
    """The folder as an earlier run left it, or the plan where there is none. Raises ResultError where it is not to be gone on with."""
    found = read_manifest(plan.path)
    if found is None:
        return plan
    if not resume:
        way = "Go on with --resume" if found.missing else "Read it with pkpd summarise"
        raise ResultError(
            f"'{plan.path}' holds a study already: {found.rows} of {found.total} rows. {way}, or choose another folder with --out."
        )
    rest = ("rows", "rows a chunk") if size_given else ("rows",)
    here, there = (
        f.study | dict(zip(rest, (f.total, f.size), strict=False)) for f in (plan, found)
    )
    for key in [*here, *(there.keys() - here.keys())]:
        if here.get(key) != there.get(key):
            raise ResultError(
                f"'{plan.path}' holds another study: {key} is {there.get(key)} there and {here.get(key)} here. "
                "Repeat the options it was begun with, or choose another folder with --out."
            )
    return found


def _room(state, work, run, memory):
    """A sentence on what the run will take. Raises ResultError where the disk has not got that."""
    from shutil import disk_usage

    with closing(run(work, [(0, 1)])) as one:
        need = state.room_for_rest(next(one)[2])
    free = disk_usage(state.path).free
    much = f"{in_bytes(need)} in '{state.path}', where {in_bytes(free)} are free"
    if need > free:
        raise ResultError(
            f"The run needs up to {much}. Choose a folder on another disk with --out, or fewer rows."
        )
    flat = (
        ""
        if memory is None
        else f"; about {in_bytes(memory)} of memory, whatever the number of rows"
    )
    return f"{state.total - state.rows} rows in {len(state.missing)} chunks of up to {state.size}: up to {much}{flat}."
