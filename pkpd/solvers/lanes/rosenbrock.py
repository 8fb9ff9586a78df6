"""The stages of one Rosenbrock step, in loops over stages and states.

Every lane has its own Jacobian, factored with row pivoting in the lane; all inner loops run over
lanes. Knows states, lanes and a tableau; knows nothing of drugs or doses. Small systems are written
out by pkpd.solvers.rosenbrock_unrolled instead.
"""

from numba import njit

from pkpd.kernels.compiled import INLINE
from pkpd.solvers.lanes.frame import (
    ERROR,
    LANES,
    MATRIX,
    PIVOT,
    SHARE,
    STAGE,
    STAGES,
    STATES,
    SUM,
    TIME_SHARE,
    TIME_SLOPE,
    VALUES,
    WIDTH,
    A,
    C,
    H,
    T,
    Y,
    matrix,
    slopes,
)


@njit(**INLINE)
def cell(i, j, lane):
    """Place of an entry of the lane's matrix."""
    return MATRIX + (i * STATES + j) * LANES + lane


@njit(error_model="numpy")
def factor(w):
    """LU factors of every lane's matrix in its place, rows swapped for the largest pivots."""
    for k in range(STATES):
        for lane in range(LANES):
            best = k
            for i in range(k + 1, STATES):
                if abs(w[cell(i, k, lane)]) > abs(w[cell(best, k, lane)]):
                    best = i
            w[PIVOT + k * LANES + lane] = best
            if best != k:
                for j in range(STATES):
                    a = cell(k, j, lane)
                    b = cell(best, j, lane)
                    w[a], w[b] = w[b], w[a]
        for lane in range(LANES):
            w[cell(k, k, lane)] = 1.0 / w[cell(k, k, lane)]
        for i in range(k + 1, STATES):
            for lane in range(LANES):
                w[cell(i, k, lane)] *= w[cell(k, k, lane)]
            for j in range(k + 1, STATES):
                for lane in range(LANES):
                    share = w[cell(i, k, lane)]
                    w[cell(i, j, lane)] -= share * w[cell(k, j, lane)]


@njit(error_model="numpy")
def divide(w, at):
    """Solve every lane's factored system for the right-hand side at `at`, in its place."""
    for k in range(STATES):
        for lane in range(LANES):
            best = int(w[PIVOT + k * LANES + lane])
            a = at + k * LANES + lane
            b = at + best * LANES + lane
            w[a], w[b] = w[b], w[a]
    for i in range(STATES):
        for j in range(i):
            for lane in range(LANES):
                w[at + i * LANES + lane] -= w[cell(i, j, lane)] * w[at + j * LANES + lane]
    for i in range(STATES - 1, -1, -1):
        for j in range(i + 1, STATES):
            for lane in range(LANES):
                w[at + i * LANES + lane] -= w[cell(i, j, lane)] * w[at + j * LANES + lane]
        for lane in range(LANES):
            w[at + i * LANES + lane] *= w[cell(i, i, lane)]


@njit(error_model="numpy")
def stages(w):
    """All stages of one trial step; the new values are left at VALUES."""
    matrix(w)
    factor(w)
    for s in range(STAGES):
        stage = STAGE + s * WIDTH
        for i in range(WIDTH):
            w[VALUES + i] = w[Y + i]
            w[SUM + i] = 0.0
        for j in range(s):
            for i in range(WIDTH):
                w[VALUES + i] += A[s, j] * w[STAGE + j * WIDTH + i]
                w[SUM + i] += C[s, j] * w[STAGE + j * WIDTH + i]
        slopes(w, T, H, SHARE[s], stage)
        for i in range(STATES):
            for lane in range(LANES):
                size = w[H + lane]
                slope = TIME_SHARE[s] * size * w[TIME_SLOPE + i * LANES + lane]
                w[stage + i * LANES + lane] += w[SUM + i * LANES + lane] / size + slope
        divide(w, stage)
    for i in range(WIDTH):
        w[VALUES + i] += w[ERROR + i]
