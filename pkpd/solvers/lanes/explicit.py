"""One adaptive explicit Runge-Kutta step for a large model, in loops over stages and states.

The same operations in the same order as pkpd.solvers.explicit writes out, so the same bits; but the
model's derivatives are compiled once and not once a stage, and the rest does not grow with the
number of states. Knows states, lanes and a tableau; knows nothing of drugs or doses.
"""

from numba import njit

from pkpd.kernels.vecmath import fma, select
from pkpd.solvers.lanes.frame import (
    ACCEPTED,
    ALL_STAGES,
    AMOUNTS,
    BELOW,
    DENSE_WEIGHTS,
    DYNAMIC,
    ERROR_WEIGHTS,
    H_OLD,
    LANES,
    LARGEST,
    MEAN,
    OLD,
    SHARE,
    SLOPE,
    STABLE,
    STAGE,
    STAGES,
    STATES,
    STIFF_WEIGHTS,
    STOP,
    T_OLD,
    VALUES,
    WIDTH,
    WORST,
    A,
    H,
    T,
    Y,
    judge,
    slopes,
)


@njit(error_model="numpy")
def stage(w, s, base, t, h):
    """Values of the stage after s others at VALUES, from those at `base`; its derivatives."""
    for i in range(STATES):
        for lane in range(LANES):
            total = A[s, s - 1] * w[STAGE + (s - 1) * WIDTH + i * LANES + lane]
            for j in range(s - 2, -1, -1):
                total = fma(A[s, j], w[STAGE + j * WIDTH + i * LANES + lane], total)
            w[VALUES + i * LANES + lane] = fma(w[h + lane], total, w[base + i * LANES + lane])
    slopes(w, t, h, SHARE[s], STAGE + s * WIDTH)


@njit(error_model="numpy")
def errors(w, rtol, floor):
    """Sum of the squares of every lane's scaled errors in states, largest one in integrals, and
    whether an amount falls below 0; see `control.error`."""
    for lane in range(LANES):
        w[MEAN + lane], w[WORST + lane], w[BELOW + lane] = 0.0, -1.0, 0.0
    for i in range(STATES):
        for lane in range(LANES):
            at = i * LANES + lane
            total = ERROR_WEIGHTS[STAGES - 1] * w[STAGE + (STAGES - 1) * WIDTH + at]
            for j in range(STAGES - 2, -1, -1):
                total = fma(ERROR_WEIGHTS[j], w[STAGE + j * WIDTH + at], total)
            size = max(abs(w[Y + at]), abs(w[VALUES + at]))
            if i < DYNAMIC:
                largest = max(w[LARGEST + at], size)
                e = w[H + lane] * total / (rtol * fma(floor, largest, size) + 1e-290)
                w[MEAN + lane] = fma(e, e, w[MEAN + lane])
                least = -rtol * largest
                if AMOUNTS[i] and w[VALUES + at] < least and w[Y + at] >= least:
                    w[BELOW + lane] = 1.0
            else:
                rest = (
                    abs(w[VALUES + at] - w[Y + at]) / w[H + lane] * (w[STOP + lane] - w[T + lane])
                )
                e = w[H + lane] * total / (rtol * fma(floor, rest, size) + 1e-290)
                w[WORST + lane] = select(e * e > w[WORST + lane], e * e, w[WORST + lane])


@njit(error_model="numpy")
def take_good(w):
    """Values, largest sizes and the first derivative of the next step, where the step was good."""
    for i in range(STATES):
        for lane in range(LANES):
            at = i * LANES + lane
            good = w[ACCEPTED + lane] > 0.0
            size = max(abs(w[Y + at]), abs(w[VALUES + at])) if i < DYNAMIC else 0.0
            w[OLD + at] = w[Y + at]
            w[Y + at] = select(good, w[VALUES + at], w[Y + at])
            w[LARGEST + at] = select(good, max(w[LARGEST + at], size), w[LARGEST + at])
            w[SLOPE + at] = select(good, w[STAGE + (STAGES - 1) * WIDTH + at], w[STAGE + at])


@njit(error_model="numpy")
def step(w, rtol, floor, limit):
    """One trial step in every lane; returns how many lanes want attention."""
    for i in range(WIDTH):
        w[STAGE + i] = w[SLOPE + i]
    for s in range(1, STAGES):
        stage(w, s, Y, T, H)
    errors(w, rtol, floor)
    calls = judge(w, limit)
    take_good(w)
    return calls


@njit(error_model="numpy")
def dense(w, lane, time, z):
    """Values of the lane at a time inside its last step, written to z (S,)."""
    h = w[H_OLD + lane]
    x = (time - w[T_OLD + lane]) / h
    for i in range(STATES):
        z[i] = w[OLD + i * LANES + lane]
    for s in range(ALL_STAGES):
        powers = 0.0
        for k in range(DENSE_WEIGHTS.shape[1] - 1, -1, -1):
            powers = x * (DENSE_WEIGHTS[s, k] + powers)
        for i in range(STATES):
            z[i] = fma(h * powers, w[STAGE + s * WIDTH + i * LANES + lane], z[i])


@njit(error_model="numpy")
def stiff(w, lane):
    """Whether the lane's last step was as long as stability allows."""
    slopes = values = 0.0
    for i in range(DYNAMIC):
        at = i * LANES + lane
        moved = 0.0
        for j in range(STAGES - 1):
            moved += STIFF_WEIGHTS[j] * w[STAGE + j * WIDTH + at]
        scale = w[LARGEST + at] + 1e-290
        last = STAGE + (STAGES - 1) * WIDTH + at
        slopes += ((w[last] - w[last - WIDTH]) / scale) ** 2
        values += (moved / scale) ** 2
    return slopes > STABLE * values
