"""pkpd's own solvers and SciPy's on the standard workload, each over a ladder of tolerances.

Knows how solvers are called; knows nothing of tables.
"""

import numpy as np

from pkpd.bench import workload
from pkpd.bench.scalar import scalar
from pkpd.solvers import batch

TRUTH = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-13}


# {shown name: solver} of what is worth measuring on a problem that is neither linear nor stiff
OWN = {"pkpd": "auto", "pkpd tsit5": "tsit5"}


def own(solver="auto", threads=1, days=workload.DAYS):
    """make(rtol) -> run(theta) -> (P, T, S), by the installed package."""
    kernel = batch.compile(workload.model(), solver=solver)

    def make(rtol):
        def run(theta):
            n = len(theta)
            doses, grid = workload.actions(n, days), workload.grid(days)
            return batch.solve(
                kernel, theta, t1=grid[-1], actions=doses, grid=grid, rtol=rtol, threads=threads
            ).out

        return run

    return make


def by_scipy(method, days=workload.DAYS):
    """make(rtol) -> run(theta) -> (P, T, S), by SciPy's solve_ivp with compiled rates."""

    def make(rtol):
        return lambda theta: _scipy(theta, days, method=method, rtol=rtol, atol=rtol * 1e-3)

    return make


def truth(theta, days=workload.DAYS):
    """(P, T, S) by SciPy's DOP853 at rtol 1e-12."""
    return _scipy(theta, days, **TRUTH)


def _scipy(theta, days, **options):
    from numba import njit
    from scipy.integrate import solve_ivp

    code = scalar(workload.model())
    rates = code.rates

    @njit
    def rhs(t, y, c):
        dy = np.empty_like(y)
        rates(t, y, c, dy)
        return dy

    c = np.empty(code.size)

    def day(y, p):
        code.constants(p, c)
        return solve_ivp(rhs, (0.0, workload.EVERY), y, args=(c,), **options).y[:, -1]

    return workload.by_days(day, theta, days)
