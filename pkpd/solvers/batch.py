"""Many rows (a patient at a dose) solved at once.

Compiled blocks of lanes, threads over blocks, a status for each row.

Knows rows, times and tolerances; knows nothing of regimens, cohorts or endpoints.
"""

import os
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from pkpd.errors import PkpdError
from pkpd.limits import one_of, thread_count, tolerance
from pkpd.solvers import linear
from pkpd.solvers.registry import NAMES, SOLVERS
from pkpd.solvers.status import BELOW_ZERO, CANCELLED, OK, STIFF
from pkpd.symbolic.linearity import first_nonlinear
from pkpd.symbolic.model import Model

LANES = 8
PEAK_FLOOR = 0.01
TRIAL_LIMIT = 100_000  # steps tried between two actions
ROWS_PER_TASK = 16 * LANES


@dataclass(frozen=True)
class Kernel:
    """A compiled model.

    observe : names (O) saved on the grid; integrals : names (Q) integrated over the run
    extremes : names (E) whose largest and smallest values are found
    levels : (name, other, factor) (C), whose time above a number given to `solve` is measured: of
        name - factor*other, or of name alone where other is None
    collocates : whether solver auto finds periodic steady states by collocation
    """

    model: Model
    observe: tuple[str, ...]
    integrals: tuple[str, ...]
    solver: str
    extremes: tuple[str, ...] = ()
    levels: tuple[tuple, ...] = ()
    collocates: bool = False

    @property
    def states(self):
        return len(self.model.states)

    @property
    def watches(self):
        """Whether the kernel looks into every step."""
        return bool(self.extremes or self.levels)

    @cached_property
    def method(self):
        """Name of the solver that every row is solved with first."""
        if self._chooses:
            exact = not self.watches and first_nonlinear(self.model, self.integrals) is None
            size = len(self.model.states) + len(self.integrals)
            return "linear" if exact and size <= linear.MOST else "vern7"
        return self.solver

    @cached_property
    def module(self):
        """The generated module that every row is solved with first."""
        return self._built(self.method)

    @cached_property
    def stiff(self):
        """The generated module for rows that turn out to be stiff, or None.

        It is built when the first such row appears.
        """
        return self._built("rosenbrock") if self._chooses else None

    @cached_property
    def collocation(self):
        """The generated module of periodic steady states by collocation, or None."""
        from pkpd.solvers.collocation.kernels import module_of

        if self.model.events or self.model.memory or not (self.collocates and self._chooses):
            return None
        module = module_of(self.model, self.integrals, self.extremes)
        return None if module.REASON else module

    @property
    def _chooses(self):
        """Whether the steps are chosen for the model and for every row."""
        return self.solver == "auto"

    def _built(self, name):
        from pkpd.kernels.build import build

        solver = SOLVERS[name]
        return build(
            self.model,
            self.observe,
            self.integrals,
            name,
            LANES,
            lambda program: solver.method(self.model, self.integrals, program, LANES),
            solver.derivatives,
            extremes=self.extremes,
            levels=self.levels,
        )


@dataclass(frozen=True)
class Grid:
    """Output times of rows that do not share them.

    times : (G,) model time; row r saves times[points[r, 0]:points[r, 1]], never falling, each in
        output row place[r] + slot
    slot : (G,) int64; points : (N, 2) int64
    place : (N+1,) int64, row r owns output rows place[r]:place[r+1]
    """

    times: np.ndarray
    slot: np.ndarray
    points: np.ndarray
    place: np.ndarray


@dataclass(frozen=True)
class Solution:
    """What became of N rows. Failed rows are NaN and carry why and when.

    out : (N, T, O) observed values, or (M, O) where the rows have a Grid of their own
    end : (N, S) last state; integral : (N, Q) value*time
    status : (N,) key of pkpd.solvers.status.STATUS; fail_time : (N,) model time or NaN
    steps, rejected : (N,) counts (exact steps of a linear model reach from one action or output
        time to the next)
    largest : (N, S) largest size of each state over the run, at the ends of steps and just after
        actions
    record : (N, E, 4) largest value, its time, smallest value, its time, since the time given; NaN
        where nothing was watched
    above : (N, C) time spent above each level since then
    control : (N, 3) step-size memory, to hand with `largest` to a run that continues from `end`
    """

    out: np.ndarray
    end: np.ndarray
    integral: np.ndarray
    status: np.ndarray
    fail_time: np.ndarray
    steps: np.ndarray
    rejected: np.ndarray
    largest: np.ndarray
    control: np.ndarray
    record: np.ndarray
    above: np.ndarray


def compile(
    model, observe=None, integrals=(), solver="auto", extremes=(), levels=(), collocates=False
):
    """Compile a checked model, or fetch it from the user's cache.

    observe : names saved on the grid (default: the model's outputs), area(name) for an integral so
        far
    integrals : names integrated over the run
    extremes, levels : what is watched at every step, see Kernel
    solver : "vern7", "tsit5", "rosenbrock", "linear" (exact, for models whose rates and integrals
        are linear in the states, of which there are at most linear.MOST), or "auto": linear
        where possible and nothing is watched, else vern7, and rosenbrock for each row that turns
        out to be stiff
    collocates : whether "auto" finds periodic steady states by collocation, without simulated days,
        where the model allows it

    Raises PkpdError for an unknown name or solver, and for solver "linear" where the model is not
    linear or something is watched.
    """
    one_of(solver, NAMES, "solver")
    curved = first_nonlinear(model, integrals) if solver == "linear" else None
    if curved is not None:
        raise PkpdError(
            f"{curved} of {model.name} is not linear in the states with coefficients of inputs "
            "alone: use solver auto or tsit5."
        )
    size = len(model.states) + len(integrals)
    if solver == "linear" and size > linear.MOST:
        raise PkpdError(
            f"{model.name} has {size} states and integrals; the linear solver takes at most "
            f"{linear.MOST}: use solver auto."
        )
    if solver == "linear" and (extremes or levels):
        # an exact step is longer than what five values inside it can tell
        raise PkpdError("Endpoints need steps of limited length: use solver auto or tsit5.")
    observe = tuple(model.outputs if observe is None else observe)
    watched = tuple(extremes), tuple(levels)
    return Kernel(model, observe, tuple(integrals), solver, *watched, collocates)


def solve(
    kernel,
    theta,
    person=None,
    y0=None,
    t0=0.0,
    t1=0.0,
    actions=None,
    grid=(),
    *,
    given=None,
    rtol=1e-6,
    floor=PEAK_FLOOR,
    threads=None,
    control=None,
    largest=None,
    progress=None,
    since=None,
    level=None,
):
    """Carry every row from t0 to t1 through its actions, saving the observed values on the grid.

    Parameters
    ----------
    theta : (P, K) inputs of the patients
    person : (N,) patient of each row (default: one row for each patient)
    y0 : (N, S) start values or None for the model's own; t0, t1 : float or (N,), model time
    actions : pkpd.dosing.actions.Actions or None; one at time t acts before the grid value at t is
        saved
    grid : (T,) increasing model times, the same for all rows, or Grid; points outside [t0, t1]
        stay NaN
    given : (V, S) vectors for actions of kind SET and PLUS
    rtol : relative tolerance, not needed by the linear solver; the absolute one of a state is rtol
        times `floor` times its own largest value so far
    threads : number of threads (default: all cores); results do not depend on it
    control, largest : (N, 3), (N, S) of an earlier Solution: with both, a run in parts has the bits
        of one with stops between
    progress : called with the number of finished rows, from the calling thread
    since : float or (N,), for a kernel with extremes or levels: they and the integrals count from
        just after the actions at this time to just after those at t1 (default: nothing is watched,
        and the integrals count from t0)
    level : (N, C) or (C,) numbers of the levels (default: 0)

    Returns
    -------
    Solution. A failed row is NaN and does not affect its neighbours. Ctrl-C stops all threads and
    is raised again.
    """
    rtol, threads = tolerance(rtol), thread_count(threads)
    theta = _columns_of(kernel, theta)
    person = (
        np.arange(len(theta)) if person is None else np.ascontiguousarray(person, dtype=np.int64)
    )
    rows, shared = len(person), not isinstance(grid, Grid)
    places = _common(grid, rows) if shared else grid
    solution = _blank(kernel, rows, places.place[-1], control, largest)
    inputs = (
        theta,
        person,
        _vectors(kernel, y0),
        y0 is None,
        _each(t0, rows),
        _each(t1, rows),
        *_flat(actions, rows),
        _vectors(kernel, given),
        places.times,
        places.slot,
        places.points,
        places.place,
    )
    outputs = _outputs(solution, since, level)
    cancel = np.zeros(1, np.int8)

    def task(module, rows, first, last):
        module.solve(
            rows,
            first,
            last,
            *inputs,
            rtol,
            floor,
            TRIAL_LIMIT,
            cancel,
            scratch(module.SIZE),
            *outputs,
        )
        return last - first

    run_tasks(partial(task, kernel.module, np.arange(rows)), rows, threads, cancel, progress)
    # an explicit step may also jump below 0 where it should have bent
    stiff = np.flatnonzero(np.isin(solution.status, (STIFF, BELOW_ZERO)))
    if len(stiff) and kernel.stiff is not None:
        _forget(solution, stiff, largest)
        run_tasks(partial(task, kernel.stiff, stiff), len(stiff), threads, cancel, None)
    unseen = np.ones(rows, bool) if since is None else solution.status != OK
    solution.record[unseen], solution.above[unseen] = np.nan, np.nan
    shape = (rows, len(places.times), len(kernel.observe)) if shared else solution.out.shape
    return replace(solution, out=solution.out.reshape(shape))


def _columns_of(kernel, theta):
    """theta (P, K) as compiled code takes it. Raises PkpdError for another number of columns."""
    theta = np.ascontiguousarray(theta, dtype=np.float64)
    if theta.ndim != 2 or theta.shape[1] != len(kernel.model.inputs):
        columns = f"{len(kernel.model.inputs)} inputs of {kernel.model.name}"
        raise PkpdError(f"theta has shape {theta.shape}; its columns are the {columns}.")
    return theta


def _outputs(solution, since, level):
    """What compiled code writes to, and what it watches from when and against which levels."""
    return (
        solution.out,
        solution.end,
        solution.integral,
        solution.status,
        solution.fail_time,
        solution.steps,
        solution.rejected,
        solution.largest,
        solution.control,
        _each(np.inf if since is None else since, len(solution.status)),
        _levels(level, solution.above.shape),
        solution.record,
        solution.above,
    )


def _forget(solution, rows, largest):
    """Prepare rows to be solved again from their start."""
    solution.control[rows], solution.fail_time[rows] = 0.0, np.nan
    solution.largest[rows] = np.nan if largest is None else np.asarray(largest)[rows]


def _blank(kernel, rows, places, control, largest):
    """A Solution in which nothing has been solved yet; out : (places, O)."""
    return Solution(
        out=np.full((places, len(kernel.observe)), np.nan),
        end=np.full((rows, kernel.states), np.nan),
        integral=np.full((rows, len(kernel.integrals)), np.nan),
        status=np.full(rows, CANCELLED, np.int8),
        fail_time=np.full(rows, np.nan),
        steps=np.zeros(rows, np.int64),
        rejected=np.zeros(rows, np.int64),
        largest=np.full((rows, kernel.states), np.nan)
        if largest is None
        else np.array(largest, dtype=np.float64),
        control=np.zeros((rows, 3)) if control is None else np.array(control, dtype=np.float64),
        record=np.full((rows, len(kernel.extremes), 4), np.nan),
        above=np.full((rows, len(kernel.levels)), np.nan),
    )


def _each(value, rows):
    return np.array(np.broadcast_to(value, (rows,)), dtype=np.float64)


def _levels(level, shape):
    """A number for each level of each row, 0 by default."""
    return np.array(np.broadcast_to(0.0 if level is None else level, shape), float, order="C")


def _vectors(kernel, values):
    return (
        np.zeros((1, kernel.states))
        if values is None
        else np.ascontiguousarray(values, dtype=np.float64)
    )


def _common(times, rows):
    times = np.ascontiguousarray(times, dtype=np.float64)
    points = np.tile(np.array([[0, times.size]]), (rows, 1))
    return Grid(times, np.arange(times.size), points, np.arange(rows + 1) * times.size)


def _flat(actions, rows):
    if actions is None:
        return (
            np.zeros(rows + 1, np.int64),
            np.zeros(0),
            np.zeros(0, np.int8),
            np.zeros(0, np.int32),
            np.zeros(0),
        )
    return actions.start, actions.time, actions.kind, actions.state, actions.amount


_local = threading.local()


def scratch(size):
    """This thread's work array, on a cache-line boundary: no vector load straddles two lines.

    It is kept for the next call, and holds whatever the last one left.
    """
    if getattr(_local, "size", 0) < size:
        _local.size, _local.scratch = size, aligned(np.empty(size + 8))
    return _local.scratch[:size]


def aligned(room):
    """A view of a work array, but for eight numbers of it, that begins on a cache-line boundary."""
    offset = (-room.ctypes.data % 64) // 8
    return room[offset : offset + len(room) - 8]


def run_tasks(task, rows, threads, cancel, progress):
    """Run task(first, last) over all rows on threads.

    On Ctrl-C it raises the cancel flag, waits and raises again.
    """
    workers = thread_count(threads) or os.cpu_count() or 1
    report = progress or (lambda done: None)
    pieces = [(first, min(first + ROWS_PER_TASK, rows)) for first in range(0, rows, ROWS_PER_TASK)]
    if workers == 1:  # a pool of one would cost a tenth of the time of a steady state
        for first, last in pieces:
            task(first, last)
            report(last)
    else:
        _run_on_threads(task, pieces, workers, cancel, report)


def _run_on_threads(task, pieces, workers, cancel, report):
    """Run task(first, last) over pieces, as many at a time as there are workers."""
    with ThreadPoolExecutor(workers) as pool:
        pending = {pool.submit(task, first, last) for first, last in pieces}
        done = 0
        try:
            while pending:
                finished, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                done += sum(f.result() for f in finished)
                report(done)
        except BaseException:
            cancel[0] = 1
            raise
