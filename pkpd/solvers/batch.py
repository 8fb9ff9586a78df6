"""Many rows (a patient at a dose) solved at once: compiled blocks of lanes, threads over blocks, a status per row.

Knows rows, times and tolerances; knows nothing of regimens, cohorts or endpoints.
"""

import os
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from pkpd.errors import PkpdError
from pkpd.solvers import driver

LANES = 8
TRIAL_LIMIT = 100_000  # steps tried between two actions
ROWS_PER_TASK = 16 * LANES

STATUS = {
    driver.OK: "finished",
    driver.STEP_LIMIT: "step limit reached",
    driver.NOT_FINITE: "the solution is not finite",
    driver.STEP_TOO_SMALL: "the step size fell to nothing, as when a solution blows up",
    driver.UNSTEADY: "steady state not reached",
    driver.CANCELLED: "cancelled",
}


@dataclass(frozen=True)
class Kernel:
    """A compiled model: `observe` names (O) are saved on the grid, `integrals` names (Q) accumulated over the run."""

    module: ModuleType
    observe: tuple[str, ...]
    integrals: tuple[str, ...]

    @property
    def states(self):
        return self.module.DYNAMIC


@dataclass(frozen=True)
class Grid:
    """Output times of rows that do not share them.

    times : (G,) model time; row r saves times[points[r, 0]:points[r, 1]], increasing, each in output row place[r] + slot
    slot : (G,) int64; points : (N, 2) int64; place : (N+1,) int64, row r owns output rows place[r]:place[r+1]
    """

    times: np.ndarray
    slot: np.ndarray
    points: np.ndarray
    place: np.ndarray


@dataclass(frozen=True)
class Solution:
    """What became of N rows. Failed rows are NaN and carry why and when.

    out : (N, T, O) observed values, or (M, O) where the rows have a Grid of their own; end : (N, S) last state; integral : (N, Q) value*time
    status : (N,) key of STATUS; fail_time : (N,) model time or NaN; steps, rejected : (N,) counts
    peak : (N, S) largest size of each state over the run
    control : (N, 3) step-size memory, to hand to a run that goes on from `end`
    """

    out: np.ndarray
    end: np.ndarray
    integral: np.ndarray
    status: np.ndarray
    fail_time: np.ndarray
    steps: np.ndarray
    rejected: np.ndarray
    peak: np.ndarray
    control: np.ndarray


def compile(model, observe=None, integrals=(), method="tsit5"):
    """Compile a checked model, or fetch it from the user's cache.

    observe : names saved on the grid (default: the model's outputs); integrals : names integrated over the run.
    Raises PkpdError for an unknown name or method.
    """
    from pkpd.kernels.build import build
    from pkpd.solvers import explicit
    from pkpd.solvers.tableaus import TSIT5

    methods = {TSIT5.name: lambda program: explicit.sources(program, TSIT5, LANES)}
    if method not in methods:
        raise PkpdError(f"Unknown solver '{method}'. Known: {', '.join(methods)}.")
    observe = tuple(model.outputs if observe is None else observe)
    module = build(model, observe, tuple(integrals), method, LANES, methods[method])
    return Kernel(module, observe, tuple(integrals))


def solve(
    kernel, theta, person=None, y0=None, t0=0.0, t1=0.0, actions=None, grid=(), *,
    given=None, rtol=1e-6, threads=None, control=None, progress=None,
):  # fmt: skip
    """Carry every row from t0 to t1 through its actions, saving the observed values on the grid.

    Parameters
    ----------
    theta : (P, K) inputs of the patients; person : (N,) patient of each row (default: one row a patient)
    y0 : (N, S) start values or None for the model's own; t0, t1 : float or (N,), model time
    actions : pkpd.dosing.events.Actions or None; one at time t acts before the grid value at t is saved
    grid : (T,) increasing model times, the same for all rows, or Grid; points outside [t0, t1] stay NaN
    given : (V, S) vectors for actions of kind SET and PLUS
    rtol : relative tolerance; the absolute one follows each state's own largest value
    threads : number of threads (default: all cores); results do not depend on it
    control : (N, 3) step-size memory of an earlier Solution
    progress : called with the number of finished rows, from the calling thread

    Returns
    -------
    Solution. A failed row is NaN, its neighbours are not touched. Ctrl-C stops all threads and is raised again.
    """
    theta = np.ascontiguousarray(theta, dtype=np.float64)
    person = np.arange(len(theta)) if person is None else np.ascontiguousarray(person, dtype=np.int64)
    rows, states, shared = len(person), kernel.states, not isinstance(grid, Grid)
    grid = _shared(grid, rows) if shared else grid
    control = np.zeros((rows, 3)) if control is None else np.array(control, dtype=np.float64)
    out = np.full((grid.place[-1], len(kernel.observe)), np.nan)
    solution = Solution(
        out=out.reshape(rows, len(grid.times), len(kernel.observe)) if shared else out,
        end=np.full((rows, states), np.nan),
        integral=np.full((rows, len(kernel.integrals)), np.nan),
        status=np.full(rows, driver.CANCELLED, np.int8),
        fail_time=np.full(rows, np.nan),
        steps=np.zeros(rows, np.int64),
        rejected=np.zeros(rows, np.int64),
        peak=np.full((rows, states), np.nan),
        control=control,
    )
    inputs = (
        theta, person, _vectors(y0, states), y0 is None, _each(t0, rows), _each(t1, rows), *_flat(actions, rows), _vectors(given, states),
        grid.times, grid.slot, grid.points, grid.place,
    )  # fmt: skip
    outputs = (
        out, solution.end, solution.integral, solution.status, solution.fail_time, solution.steps, solution.rejected, solution.peak,
        solution.control,
    )  # fmt: skip
    cancel = np.zeros(1, np.int8)

    def task(first, last):
        kernel.module.solve(first, last, *inputs, rtol, TRIAL_LIMIT, cancel, _scratch(kernel.module.SIZE), *outputs)
        return last - first

    _run(task, rows, threads, cancel, progress)
    return solution


def _each(value, rows):
    return np.array(np.broadcast_to(value, (rows,)), dtype=np.float64)


def _vectors(values, states):
    return np.zeros((1, states)) if values is None else np.ascontiguousarray(values, dtype=np.float64)


def _shared(times, rows):
    times = np.ascontiguousarray(times, dtype=np.float64)
    points = np.tile(np.array([[0, times.size]]), (rows, 1))
    return Grid(times, np.arange(times.size), points, np.arange(rows + 1) * times.size)


def _flat(actions, rows):
    if actions is None:
        return np.zeros(rows + 1, np.int64), np.zeros(0), np.zeros(0, np.int8), np.zeros(0, np.int32), np.zeros(0)
    return actions.start, actions.time, actions.kind, actions.state, actions.amount


_local = threading.local()


def _scratch(size):
    """This thread's work array, on a cache-line boundary so that no vector load straddles two lines."""
    if getattr(_local, "size", 0) != size:
        room = np.empty(size + 8)
        offset = (-room.ctypes.data % 64) // 8
        _local.size, _local.scratch = size, room[offset : offset + size]
    return _local.scratch


def _run(task, rows, threads, cancel, progress):
    """Run task(first, last) over all rows on threads; on Ctrl-C raise the cancel flag, wait and raise again."""
    workers = threads or os.cpu_count() or 1
    firsts = range(0, rows, ROWS_PER_TASK)
    with ThreadPoolExecutor(workers) as pool:
        pending = {pool.submit(task, first, min(first + ROWS_PER_TASK, rows)) for first in firsts}
        done = 0
        try:
            while pending:
                finished, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                done += sum(f.result() for f in finished)
                if progress is not None:
                    progress(done)
        except BaseException:
            cancel[0] = 1
            raise
