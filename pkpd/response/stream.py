"""MEDs of a cohort of any size, patients drawn and solved chunk by chunk, here or on a cluster.

Turns a model, a cohort's address and a benefit into work(first, last) -> table. Knows no files:
pkpd.scale writes them.
"""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal
from warnings import warn

import numpy as np

from pkpd import limits
from pkpd.errors import PkpdError, quoted
from pkpd.population.cohort import cohort
from pkpd.progress import watched
from pkpd.response import side_by_side
from pkpd.response.benefit import benefit_of
from pkpd.response.curves import column_units
from pkpd.response.grid import GRID
from pkpd.response.med import parts, table_of
from pkpd.response.several import warn_of_several
from pkpd.response.streamed import CURVE, MedDataset, dataset
from pkpd.result import arrow_table, plain, provenance
from pkpd.scale import chunks
from pkpd.solvers.registry import NAMES
from pkpd.symbolic.load import from_sources, sources
from pkpd.symbolic.model import Benefit, Model, check_model

SHAPING = (
    "dosing",
    "population",
    "response",
)  # rooms that shape a MED besides those that shape kernels


@watched(lambda given: given["n"])
def stream(
    model: Model,
    out: str | Path,
    n: int = 1000,
    seed: int = 1,
    *,
    sampling: str = "sobol",
    set: Mapping[str, Any] | None = None,
    spread: Mapping[str, Any] | None = None,
    rtol: float = 1e-6,
    solver: str = "auto",
    threads: int | None = None,
    size: int | None = None,
    resume: bool = False,
    client: Any = None,
    progress: Callable[[int], object] | Literal[False] | None = None,
    say: Callable[[str], object] | None = None,
    complain: Callable[[str], object] | None = warn,
    command: str | None = None,
    **changes: Any,
) -> MedDataset:
    """MEDs of a cohort of any size, written chunk by chunk to a folder, in constant memory.

    Parameters
    ----------
    model : as pkpd.load returns it
    out : folder, absent or empty, or with `resume` one that holds part of the same study
    n, seed, sampling, set, spread : as in pkpd.cohort, whose patients these are, to the bit
    rtol, solver, threads, changes : as in pkpd.med
    size : patients a chunk (default 4096)
    resume : keep the finished chunks whose checksum holds and compute the others
    client : distributed.Client of a Dask cluster (default: `threads` threads of this process, or
        all cores)
    progress : called with the number of finished patients (default: a bar; False for none)
    say : called with a sentence on what the run will take
    complain : called with a sentence on each chunk that is not as it was written
    command : the words of the run, kept in the provenance (default: this process's own)

    Returns
    -------
    MedDataset. On Ctrl-C finished chunks stay. Raises PkpdError for bad input, a folder that holds
    anything else or that another process is writing, a disk without room, a worker of another
    build.
    """
    check_model(model)
    _check_sizes(n, size)
    out = limits.path(out, "out")
    limits.flag(resume, "resume")
    limits.check_called(progress=progress, say=say, complain=complain)
    _check_client(client, command)
    rtol, threads = limits.tolerance(rtol), limits.thread_count(threads)
    limits.one_of(solver, NAMES, "solver")
    benefit = benefit_of(model, **changes)
    people: dict[str, Any] = {"seed": seed, "sampling": sampling, "set": set, "spread": spread}
    count = len(range(0, n, size or chunks.SIZE))
    threads = threads or os.cpu_count() or 1
    stopped = threading.Event()
    first, numerics = cohort(model, n=1, **people), {"rtol": rtol, "solver": solver}
    warn_of_several(model, first, benefit, **numerics, follow=True)
    origin = provenance(model, first, command) | {"n": int(n)}
    text = model.name, sources(model), model.digest
    work = Work(*text, build(), people, benefit, numerics, origin)
    if client is None:
        work = replace(work, threads=max(1, threads // count), stopped=stopped.is_set)
    folder = chunks.compute(
        work,
        int(n),
        out,
        work.study(),
        work.about(),
        size=size,
        resume=resume,
        client=client,
        threads=min(threads, count),
        memory=memory(model, 1 if client is not None else threads, size or chunks.SIZE),
        interrupt=stopped.set,
        progress=progress,
        say=say,
        complain=complain or warn,
    )
    return dataset(folder)


def _check_sizes(n, size):
    limits.check_whole(n, 1, limits.PATIENTS, "number of patients")
    if size is not None:
        limits.check_whole(size, 1, limits.PATIENTS, "number of patients per chunk")


def _check_client(client, command):
    if command is not None:
        limits.text(command, "command")
    if client is not None and not hasattr(client, "submit"):
        raise PkpdError(f"client is a distributed.Client or None, not {quoted(client)}.")


def memory(model, threads, size):
    """Bytes that a streamed run takes: libraries, kernels, work arrays and tables on their way.

    Measured to a third.
    """
    rows = side_by_side.PATIENTS * GRID // 2
    return 250e6 + threads * (320 * rows * len(model.states) + 2000 * min(size, 100_000))


@cache
def build():
    """One line that names all code and hardware that a MED's last bits depend on.

    As this process found them when it first looked.
    """
    import scipy

    from pkpd.kernels.cache import fingerprint
    from pkpd.solvers.batch import LANES

    return f"{fingerprint(LANES, SHAPING)} numpy-{np.__version__} scipy-{scipy.__version__}"


@dataclass(frozen=True)
class Work:
    """work(first, last) -> Arrow table of the MEDs of patients first+1 to last and their curves.

    Travels as text and numbers.

    sources : texts of the model; people : options of pkpd.cohort; options : of the solver
    origin : provenance; stopped : says when nobody wants the result any more
    """

    model: str
    sources: tuple
    digest: str
    build: str
    people: dict
    benefit: Benefit
    options: dict
    origin: dict
    threads: int = 1
    stopped: Callable | None = None

    def __call__(self, first, last):
        if build() != self.build:
            raise PkpdError(
                "another build than that of the run, so its numbers may differ in the last bits: "
                f"{build()} there, {self.build} here."
            )
        model = from_sources(self.model, self.sources, self.digest)
        patients = cohort(model, ids=range(first + 1, last + 1), **self.people)
        solved = parts(
            model,
            patients,
            self.benefit,
            threads=self.threads,
            progress=self._look_up,
            **self.options,
        )
        return _arrow(table_of(model, patients, self.benefit, list(solved)), self.origin)

    def _look_up(self, done):
        if self.stopped is not None and self.stopped():
            raise KeyboardInterrupt

    def study(self):
        """What decides every number: a run goes on only where all of this is the same."""
        who = {
            k: v
            for k, v in self.origin.items()
            if k not in ("package", "version", "n", "command", "fingerprint")
        }
        benefit = {f"benefit {k}": v for k, v in self._benefit().items()}
        return plain(who | benefit | self.options | {"build": self.build})

    def about(self):
        """What a reader of the folder needs besides."""
        return plain(
            {
                "model": self.model,
                "sources": self.sources,
                "benefit": self._benefit(),
                "provenance": self.origin,
            }
        )

    def _benefit(self):
        return vars(replace(self.benefit, place=""))


def _arrow(table, origin):
    columns = table.columns | {
        f"{CURVE}{k}": column for k, column in enumerate(table.curves.each())
    }
    found = arrow_table(columns, column_units(table.model, table.benefit, columns), origin)
    doses = str(table.curves.doses.tolist()).encode()
    return found.replace_schema_metadata(found.schema.metadata | {b"pkpd.doses": doses})
