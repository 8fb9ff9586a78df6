"""LDN-12, the standard workload: 12 states, 84 daily doses, 85 output rows, for every solver under test.

Patient p's parameters are log-normal with 30 % CV, addressed by (seed, p); doses cycle over six sizes by patient.
"""

from pathlib import Path

import numba
import numpy as np

from pkpd.dosing.events import ADD, Actions
from pkpd.symbolic.load import load

MODEL = load(Path(__file__).with_name("ldn12.toml"))
NAMES = MODEL.input_names
DAYS = 84
GRID = 24.0 * np.arange(DAYS + 1)
START = np.array([float(s.initial) for s in MODEL.states])
MILLIGRAMS = np.array([0.5, 1.5, 3.0, 4.5, 6.0, 9.0])


def patients(n, seed=1):
    """Parameters (n, K) of the first n patients."""
    theta = np.tile([i.value for i in MODEL.inputs], (n, 1))
    varying = [k for k, i in enumerate(MODEL.inputs) if i.iiv]
    z = np.stack([np.random.default_rng([seed, p]).standard_normal(len(varying)) for p in range(n)])
    theta[:, varying] *= np.exp(MODEL.inputs[varying[0]].iiv.sd * z)
    return theta


def amounts(n):
    """Daily dose (n,) in nmol."""
    return MILLIGRAMS[np.arange(n) % len(MILLIGRAMS)] * 1e6 / 341.4


def actions(n):
    """The doses as actions of the lane solver."""
    return Actions(
        np.arange(n + 1, dtype=np.int64) * DAYS, np.tile(24.0 * np.arange(DAYS), n), np.full(n * DAYS, ADD, np.int8),
        np.zeros(n * DAYS, np.int32), np.repeat(amounts(n), DAYS),
    )


@numba.njit(error_model="numpy", inline="always")
def rates(y, p, dy):
    """The twelve derivatives, written by hand for the scalar solvers."""
    (ka, F, fpm, k10, k12, k21, fm, km, iVc, iVm, ke0, iKi, iKim, iKE, g, o50g, kPre, aPre, kE, kR, gR, S0p, kG, iKT, iKTm, gB, gK, K50,
     kK, kappa, hg, G50g, cS, kPn, P0, cP, day) = (
        p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11], p[12], p[13], p[14], p[15], p[16], p[17], p[18], p[19],
        p[20], p[21], p[22], p[23], p[24], p[25], p[26], p[27], p[28], p[29], p[30], p[31], p[32], p[33], p[34], p[35], p[36])  # fmt: skip
    Cm = y[3] * iVm
    u = y[4] * iKi + Cm * iKim
    x = y[6] * iKE
    inv = 1 / (1 + u + x)
    S = y[7] * x * inv
    hA = (u * inv + 1e-6) ** g
    hG = max(y[8], 0.0) ** hg
    dy[0] = -ka * y[0]
    dy[1] = ka * F * y[0] - (k10 + k12) * y[1] + k21 * y[2]
    dy[2] = k12 * y[1] - k21 * y[2]
    dy[3] = ka * fpm * y[0] + fm * k10 * y[1] - km * y[3]
    dy[4] = ke0 * (y[1] * iVc - y[4])
    dy[5] = kPre * (1 + aPre * hA / (o50g + hA) - y[5])
    dy[6] = kE * (y[5] - y[6])
    dy[7] = kR * ((S0p / (S + 0.01)) ** gR - y[7])
    dy[8] = kG * (1 / (1 + y[4] * iKT + Cm * iKTm) * (gB + gK * y[9] / (K50 + y[9])) - y[8])
    dy[9] = kK * (kappa * hG / (G50g + hG) / (1 + cS * S) - y[9])
    dy[10] = kPn * (P0 * (0.4 + 0.6 * y[9]) / (1 + cP * S) - y[10])
    dy[11] = y[10] / day


@numba.njit(error_model="numpy")
def rhs(t, y, p):
    """Derivative (12,) as SciPy calls it."""
    dy = np.empty(12)
    rates(y, p, dy)
    return dy


def by_days(solve_day, theta):
    """Run one patient at a time, dose by dose: (n, 85, 12) from solve_day(y, parameters) -> y a day later."""
    n = len(theta)
    out = np.empty((n, DAYS + 1, 12))
    for p, amount in enumerate(amounts(n)):
        y = START.copy()
        out[p, 0] = y
        for day in range(DAYS):
            y = y.copy()
            y[0] += amount
            y = solve_day(y, theta[p])
            out[p, day + 1] = y
    return out


def error(out, reference):
    """Largest |y - ref|/(|ref| + 1e-3 max |ref| of that state) over states 1-11."""
    floor = 1e-3 * np.abs(reference).max(axis=1, keepdims=True)
    return float((np.abs(out - reference) / (np.abs(reference) + floor))[:, :, 1:].max())


def reference(theta):
    """SciPy DOP853 at rtol 1e-12, atol 1e-13."""
    from scipy.integrate import solve_ivp

    def day(y, p):
        return solve_ivp(rhs, (0.0, 24.0), y, method="DOP853", rtol=1e-12, atol=1e-13, args=(p,)).y[:, -1]

    return by_days(day, theta)
