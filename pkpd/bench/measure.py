"""Rounds of solvers taking turns, ratios between them, and cost at equal achieved error.

Machines are shared and clocks drift: only a ratio within one round means anything, and the median
over rounds is reported. Knows callables, errors and clocks; knows no models.
"""

import os
import platform
import time
from dataclasses import dataclass
from functools import partial

import numpy as np


@dataclass(frozen=True)
class Line:
    """A solver at several tolerances.

    tolerances : N of them; errors : (N,), inf where it failed; costs : (R, N) seconds per patient
        in every round
    """

    name: str
    tolerances: tuple
    errors: np.ndarray
    costs: np.ndarray

    def front(self):
        """Indices along N, loosest first, that no other tolerance beats in both error and cost."""
        cost = np.median(self.costs, axis=0)
        fine = np.flatnonzero(np.isfinite(self.errors))
        kept = []
        for i in fine:
            beaten = (self.errors[fine] <= self.errors[i]) & (cost[fine] < cost[i])
            if not beaten.any():
                kept.append(int(i))
        return sorted(kept, key=lambda i: -self.errors[i])

    def cost_at(self, error):
        """(R,) seconds per patient at an achieved error, on the log-log line through the front.

        A looser error costs what the loosest point does; NaN where no point is that accurate.
        """
        front = self.front()
        x = -np.log(np.maximum(self.errors[front], 1e-300))
        if not front or -np.log(error) > x[-1]:
            return np.full(len(self.costs), np.nan)
        logs = np.log(self.costs[:, front])
        return np.exp([np.interp(-np.log(error), x, row) for row in logs])


def lines(solvers, people, known, error, count):
    """[Line] of solvers over their tolerances, all taking turns in `count` rounds.

    solvers : {name: (make, tolerances, n)}; make(tolerance) -> run(people) -> solution; each round
        runs n of the people
    error(solution of the first `known` people) -> float; NaN, as of a solver that failed, counts
        as inf
    """
    runs, errors, numbers = {}, {}, {}
    for name, (make, tolerances, number) in solvers.items():
        for tolerance in tolerances:
            run, some = make(tolerance), people[:number]
            off = error(run(people[:known]))
            errors[name, tolerance] = off if np.isfinite(off) else np.inf
            runs[name, tolerance] = partial(run, some)
            numbers[name] = len(some)
    seconds = rounds(runs, count)
    found = []
    for name, (_, tolerances, _) in solvers.items():
        off = np.array([errors[name, tolerance] for tolerance in tolerances])
        costs = [seconds[name, tolerance] / numbers[name] for tolerance in tolerances]
        found.append(Line(name, tuple(tolerances), off, np.stack(costs, axis=1)))
    return found


def rounds(runs, count, clock=time.process_time):
    """{name: (count,) seconds} of the callables in `runs`, taking turns. process_time leaves out
    what other programs take."""
    found = {name: np.empty(count) for name in runs}
    for k in range(count):
        for name, run in runs.items():
            began = clock()
            run()
            found[name][k] = clock() - began
    return found


def ratio(slow, fast):
    """Median over rounds of slow/fast; NaN where one of them is."""
    return float(np.median(np.asarray(slow) / np.asarray(fast)))


def stamp(packages=()):
    """Machine and versions, so that a number can be judged later."""
    from importlib.metadata import PackageNotFoundError, version

    from pkpd.kernels.cache import fingerprint
    from pkpd.solvers import batch

    found = {}
    for name in ("pkpd", "numba", "numpy", "scipy", *packages):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "cpu": processor(),
        "cores": os.cpu_count(),
        "load": load,
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": found,
        "build": fingerprint(batch.LANES),
    }


def processor():
    """Name of the processor."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(
                line.partition(":")[2].strip() for line in file if line.startswith("model name")
            )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
