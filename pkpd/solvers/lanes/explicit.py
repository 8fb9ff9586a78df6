"""One adaptive explicit Runge-Kutta step for a large model, in loops over stages and states.

The same operations in the same order as pkpd.solvers.explicit writes out, so the same bits; but the
model's derivatives are compiled once and not once a stage, and the rest does not grow with the
number of states. Knows states, lanes and a tableau; knows nothing of drugs or doses.
"""

from numba import njit

from pkpd.kernels.lanevector import larger, spread, vabs, vfma, where_positive
from pkpd.kernels.lanevector import load as fetch
from pkpd.kernels.lanevector import store as write
from pkpd.kernels.vecmath import fma
from pkpd.solvers.lanes.frame import (
    ACCEPTED,
    ALIKE,
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
    MOST,
    NOTHING,
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
    UNITS,
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
    size = fetch(w, h)
    for i in range(0, WIDTH, LANES):
        total = spread(A[s, s - 1]) * fetch(w, STAGE + (s - 1) * WIDTH + i)
        for j in range(s - 2, -1, -1):
            total = vfma(spread(A[s, j]), fetch(w, STAGE + j * WIDTH + i), total)
        write(w, VALUES + i, vfma(size, total, fetch(w, base + i)))
    slopes(w, t, h, SHARE[s], STAGE + s * WIDTH)


@njit(error_model="numpy")
def errors(w, rtol, floor):
    """Sum of the squares of every lane's scaled errors in states, largest one in integrals, and
    whether an amount falls below 0; see `control.error`."""
    none, one, least = spread(0.0), spread(1.0), spread(1e-290)
    h, way = fetch(w, H), fetch(w, STOP) - fetch(w, T)
    mean, worst, below = none, spread(-1.0), none
    for unit in range(UNITS):
        write(w, MOST + unit * LANES, none)
    for i in range(DYNAMIC):
        at, unit = i * LANES, MOST + ALIKE[i] * LANES
        size = larger(vabs(fetch(w, Y + at)), vabs(fetch(w, VALUES + at)))
        write(w, unit, larger(fetch(w, unit), larger(fetch(w, LARGEST + at), size)))
    for i in range(STATES):
        at = i * LANES
        error = spread(ERROR_WEIGHTS[STAGES - 1]) * fetch(w, STAGE + (STAGES - 1) * WIDTH + at)
        for j in range(STAGES - 2, -1, -1):
            error = vfma(spread(ERROR_WEIGHTS[j]), fetch(w, STAGE + j * WIDTH + at), error)
        old, new = fetch(w, Y + at), fetch(w, VALUES + at)
        size = larger(vabs(old), vabs(new))
        if i < DYNAMIC:
            most = larger(fetch(w, LARGEST + at), size)
            scale = vfma(spread(floor), most, size)
            scale = vfma(spread(NOTHING), fetch(w, MOST + ALIKE[i] * LANES), scale)
            e = h * error / (spread(rtol) * scale + least)
            mean = vfma(e, e, mean)
            if AMOUNTS[i]:
                edge = spread(-rtol) * most
                falls = where_positive(edge - new, one, below)
                below = where_positive(edge - old, below, falls)
        else:
            scale = vfma(spread(floor), vabs(new - old) / h * way, size)
            e = h * error / (spread(rtol) * scale + least)
            worst = where_positive(e * e - worst, e * e, worst)
    write(w, MEAN, mean)
    write(w, WORST, worst)
    write(w, BELOW, below)


@njit(error_model="numpy")
def take_good(w):
    """Values, largest sizes and the first derivative of the next step, where the step was good."""
    good = fetch(w, ACCEPTED)
    for i in range(STATES):
        at = i * LANES
        old, new, most = fetch(w, Y + at), fetch(w, VALUES + at), fetch(w, LARGEST + at)
        write(w, OLD + at, old)
        write(w, Y + at, where_positive(good, new, old))
        if i < DYNAMIC:
            size = larger(vabs(old), vabs(new))
            write(w, LARGEST + at, where_positive(good, larger(most, size), most))
        last = fetch(w, STAGE + (STAGES - 1) * WIDTH + at)
        write(w, SLOPE + at, where_positive(good, last, fetch(w, STAGE + at)))


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
