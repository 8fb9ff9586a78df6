"""LDN-12 by other solvers through their fastest interfaces: make(rtol) -> run(theta) -> (P, T, S).

Making one raises ImportError or Missing where it is not installed; it is then named and left out.
"""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from pkpd.bench import solvers, workload
from pkpd.bench.scalar import scalar

STATES = 12


class Missing(Exception):
    """What the machine lacks."""


def numbalsoda(method):
    """method : "lsoda" or "dop853"; the loop over people and days is compiled too."""
    import numba
    import numbalsoda

    code = scalar(workload.model())
    rates, constants, size = code.rates, code.constants, code.size
    solve = getattr(numbalsoda, method)

    @numba.cfunc(numbalsoda.lsoda_sig)
    def rhs(t, y, dy, c):
        rates(t, numba.carray(y, (STATES,)), numba.carray(c, (size,)), numba.carray(dy, (STATES,)))

    address = rhs.address

    @numba.njit
    def people(theta, start, amounts, rtol, out):
        span, c = np.array([0.0, workload.EVERY]), np.empty(size)
        for i in range(theta.shape[0]):
            constants(theta[i], c)
            y = start.copy()
            out[i, 0] = y
            for day in range(out.shape[1] - 1):
                y[0] += amounts[i]
                found, fine = solve(address, y, span, c, rtol, rtol * 1e-3, 100_000)
                y = found[1].copy() if fine else np.full(STATES, np.nan)
                out[i, day + 1] = y
        return out

    def make(rtol):
        return lambda theta: people(
            theta, workload.start(), workload.amounts(len(theta)), rtol, _room(theta)
        )

    return make


def heyoka():
    """Taylor series of adaptive order, one person a lane, in heyoka's own expressions."""
    import heyoka as hy

    gut, A1, A2, M, Ce, Pre, E, R, G, K, Pain, _ = states = hy.make_vars(
        *workload.model().state_names
    )
    inputs = workload.model().input_names
    (
        ka,
        F,
        fpm,
        k10,
        k12,
        k21,
        fm,
        km,
        iVc,
        iVm,
        ke0,
        iKi,
        iKim,
        iKE,
        g,
        o50g,
        kPre,
        aPre,
        kE,
        kR,
        gR,
        S0p,
        kG,
        iKT,
        iKTm,
        gB,
        gK,
        K50,
        kK,
        kappa,
        hg,
        G50g,
        cS,
        kPn,
        P0,
        cP,
        day,
    ) = (hy.par[k] for k in range(len(inputs)))
    Cm = M * iVm
    u, x = Ce * iKi + Cm * iKim, E * iKE
    inv = 1.0 / (1.0 + u + x)
    S, hA, hG = R * x * inv, (u * inv + 1e-6) ** g, G**hg
    rates = [
        -ka * gut,
        ka * F * gut - (k10 + k12) * A1 + k21 * A2,
        k12 * A1 - k21 * A2,
        ka * fpm * gut + fm * k10 * A1 - km * M,
        ke0 * (A1 * iVc - Ce),
        kPre * (1.0 + aPre * hA / (o50g + hA) - Pre),
        kE * (Pre - E),
        kR * ((S0p / (S + 0.01)) ** gR - R),
        kG * ((gB + gK * K / (K50 + K)) / (1.0 + Ce * iKT + Cm * iKTm) - G),
        kK * (kappa * hG / (G50g + hG) / (1.0 + cS * S) - K),
        kPn * (P0 * (0.4 + 0.6 * K) / (1.0 + cP * S) - Pain),
        Pain / day,
    ]
    width = hy.recommended_simd_size()
    start = np.repeat(workload.start()[:, None], width, axis=1)

    def make(rtol):
        # straight-line code, which for twelve states is faster than heyoka's compact mode
        solver = hy.taylor_adaptive_batch(
            list(zip(states, rates, strict=True)),
            start,
            pars=np.ones((len(inputs), width)),
            tol=rtol,
            compact_mode=False,
        )

        def run(theta):
            out, doses = _room(theta), workload.amounts(len(theta))
            for first in range(0, len(theta), width):
                # people that fill up the last batch repeat its first
                who = np.arange(first, first + width)
                who[who >= len(theta)] = first
                solver.pars[:], solver.state[:] = theta[who].T, start
                solver.set_time(0.0)
                out[who, 0] = start.T
                for day in range(workload.DAYS):
                    solver.state[0] += doses[who]
                    solver.propagate_until(np.full(width, (day + 1) * workload.EVERY))
                    out[who, day + 1] = solver.state.T
            return out

        return run

    return make


def cpp():
    """ldn12.cpp: pair, error norm and step control of pkpd's kernel, eight people side by side."""
    compiler = shutil.which("g++")
    if compiler is None:
        raise Missing("g++")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "ldn12.so"
        source = Path(__file__).with_name("ldn12.cpp")
        subprocess.run(
            [
                compiler,
                "-O3",
                "-march=native",
                "-std=c++17",
                "-shared",
                "-fPIC",
                source,
                "-o",
                library,
            ],
            check=True,
        )
        solve = ctypes.CDLL(str(library)).solve
    solve.argtypes = [
        ctypes.c_int,
        ctypes.c_int,
        *[np.ctypeslib.ndpointer(np.float64, flags="C")] * 3,
        ctypes.c_double,
    ]
    solve.restype = None

    def make(rtol):
        def run(theta):
            out = _room(theta)
            solve(
                len(theta),
                workload.DAYS,
                np.ascontiguousarray(theta),
                workload.amounts(len(theta)),
                out,
                rtol,
            )
            return out

        return run

    return make


def _room(theta):
    return np.full((len(theta), workload.DAYS + 1, STATES), np.nan)


LADDER = tuple(10.0**-k for k in range(3, 12))
FINER = tuple(
    10.0**-k for k in range(3, 16)
)  # heyoka's own reading of a tolerance is the looser one
QUICK = (1e-4, 1e-6, 1e-9)
# name: (how it is made, share of the people it runs a round, so that turns take like times)
RIVALS = {
    "C++ Tsit5 over 8 lanes": (cpp, 1.0),
    "heyoka Taylor batch": (heyoka, 1.0),
    "numbalsoda LSODA": (lambda: numbalsoda("lsoda"), 0.1),
    "numbalsoda DOP853": (lambda: numbalsoda("dop853"), 0.2),
    "SciPy LSODA": (lambda: solvers.by_scipy("LSODA"), 0.005),
    "SciPy DOP853": (lambda: solvers.by_scipy("DOP853"), 0.005),
}


def everyone(people, quick=False):
    """{name: (make, tolerances, people a round)} of pkpd's solvers and of the rivals installed;
    the others are named."""
    tolerances = QUICK if quick else LADDER
    found = {
        name: (solvers.own(solver), tolerances, people) for name, solver in solvers.OWN.items()
    }
    for name, (prepare, share) in RIVALS.items():
        try:
            own = FINER if prepare is heyoka and not quick else tolerances
            found[name] = prepare(), own, max(2, round(people * share))
        except (ImportError, Missing) as lack:
            print(f"{name}: left out, {getattr(lack, 'name', None) or lack} is not installed")
    return found
