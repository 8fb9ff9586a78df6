"""The stages of one Rosenbrock step, in loops over stages and states.

Every lane has its own Jacobian, factored with row pivoting in the lane; all else is done for whole
vectors of lanes. Knows states, lanes and a tableau; knows nothing of drugs or doses. Small systems
are written out by pkpd.solvers.rosenbrock_unrolled instead.
"""

from numba import njit

from pkpd.kernels.compiled import INLINE
from pkpd.kernels.lanevector import load as fetch
from pkpd.kernels.lanevector import spread, vabs, where_positive
from pkpd.kernels.lanevector import store as write
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
def cell(i, j):
    """Place of an entry of the lanes' matrices."""
    return MATRIX + (i * STATES + j) * LANES


@njit(error_model="numpy")
def factor(w):
    """LU factors of every lane's matrix in its place, rows swapped for the largest pivots."""
    for k in range(STATES):
        most, row = vabs(fetch(w, cell(k, k))), spread(float(k))
        for i in range(k + 1, STATES):
            size = vabs(fetch(w, cell(i, k)))
            row = where_positive(size - most, spread(float(i)), row)
            most = where_positive(size - most, size, most)
        write(w, PIVOT + k * LANES, row)
        for lane in range(LANES):
            best = int(w[PIVOT + k * LANES + lane])
            if best != k:
                for j in range(STATES):
                    a = cell(k, j) + lane
                    b = cell(best, j) + lane
                    w[a], w[b] = w[b], w[a]
        pivot = spread(1.0) / fetch(w, cell(k, k))
        write(w, cell(k, k), pivot)
        for i in range(k + 1, STATES):
            share = fetch(w, cell(i, k)) * pivot
            write(w, cell(i, k), share)
            for j in range(k + 1, STATES):
                rest = fetch(w, cell(i, j)) - share * fetch(w, cell(k, j))
                write(w, cell(i, j), rest)


@njit(error_model="numpy")
def divide(w, at):
    """Solve every lane's factored system for the right-hand side at `at`, in its place."""
    for k in range(STATES):
        for lane in range(LANES):
            best = int(w[PIVOT + k * LANES + lane])
            if best != k:
                a = at + k * LANES + lane
                b = at + best * LANES + lane
                w[a], w[b] = w[b], w[a]
    for i in range(STATES):
        value = fetch(w, at + i * LANES)
        for j in range(i):
            value = value - fetch(w, cell(i, j)) * fetch(w, at + j * LANES)
        write(w, at + i * LANES, value)
    for i in range(STATES - 1, -1, -1):
        value = fetch(w, at + i * LANES)
        for j in range(i + 1, STATES):
            value = value - fetch(w, cell(i, j)) * fetch(w, at + j * LANES)
        write(w, at + i * LANES, value * fetch(w, cell(i, i)))


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
