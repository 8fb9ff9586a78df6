"""What looks into every accepted step for extremes of signals and for times above a level.

A signal is an output, or an output minus another name. The dense output of each step is taken at
five times; an extreme or a crossing is bracketed by them and then refined, so that no answer
depends on an output grid. Knows lanes and signals; knows no model, method or action.
"""

import numpy as np
from numba import njit

from pkpd.solvers.lanes.frame import (
    DYNAMIC,
    EXTREMES,
    LANES,
    SIGNALS,
    STATES,
    T_OLD,
    T,
    Y,
    dense,
    watch,
)

SAMPLES = 5  # times in a step
PEAK_ROUNDS = (
    8  # halvings of the bracket of an extreme; a parabola through three values does the rest
)
CROSSING = 1e-11  # a crossing is known when its bracket is this share of the step


@njit(error_model="numpy")
def sample(w, lane, time, z, g):
    """Every signal at a time inside a lane's last step, written to g."""
    dense(w, lane, time, z)
    watch(time, z, w, lane, g)


@njit(error_model="numpy")
def summit(w, lane, j, sign, level, a, b, v, z, g):
    """Time and size of the largest sign*(signal j - level) in [a, b], from five even values v."""
    for _ in range(PEAK_ROUNDS):
        best = min(max(np.argmax(v), 1), 3)
        quarter = 0.25 * (b - a)
        a, b = a + (best - 1) * quarter, a + (best + 1) * quarter
        v[0], v[2], v[4] = v[best - 1], v[best], v[best + 1]
        for k in (1, 3):
            sample(w, lane, a + k * 0.25 * (b - a), z, g)
            v[k] = sign * (g[j] - level)
    best = np.argmax(v)
    time, top = a + best * 0.25 * (b - a), v[best]
    best = min(max(best, 1), 3)
    bend = v[best - 1] - 2.0 * v[best] + v[best + 1]
    if bend < 0.0:
        vertex = a + (
            best + min(max(0.5 * (v[best - 1] - v[best + 1]) / bend, -1.0), 1.0)
        ) * 0.25 * (b - a)
        sample(w, lane, vertex, z, g)
        if sign * (g[j] - level) > top:
            time, top = vertex, sign * (g[j] - level)
    return time, top


@njit(error_model="numpy")
def parting(w, lane, j, level, a, fa, b, fb, z, g):
    """Time in [a, b] where signal j crosses its level; fa, fb lie on both sides of 0.

    Illinois method.
    """
    least = CROSSING * (w[T + lane] - w[T_OLD + lane])
    for _ in range(100):
        if abs(b - a) <= least or fb == 0.0:
            break
        c = (a * fb - b * fa) / (fb - fa)
        sample(w, lane, c, z, g)
        fc = g[j] - level
        if (fc > 0.0) != (fb > 0.0):
            a, fa = b, fb
        else:
            fa *= 0.5
        b, fb = c, fc
    return b


@njit(error_model="numpy")
def bent(v):
    """Bound on how far a smooth curve through five even values rises above them between them."""
    first, second, third = (
        v[0] - 2.0 * v[1] + v[2],
        v[1] - 2.0 * v[2] + v[3],
        v[2] - 2.0 * v[3] + v[4],
    )
    return max(abs(first), abs(second), abs(third))


@njit(error_model="numpy")
def peaks_outside(v):
    """Whether the largest of five even values is at an end, the curve plainly rising beyond it."""
    if v[0] > v[1] and v[0] >= np.max(v):
        return 3.0 * v[0] - 4.0 * v[1] + v[2] > 2.0 * abs(v[0] - 2.0 * v[1] + v[2])
    rises = 3.0 * v[4] - 4.0 * v[3] + v[2] > 2.0 * abs(v[4] - 2.0 * v[3] + v[2])
    return v[4] > v[3] and v[4] >= np.max(v) and rises


@njit(error_model="numpy")
def keep(record, j, side, time, top):
    """Enter sign*value `top` at a time into record (E, 4) if nothing earlier was as large."""
    sign = 1.0 - side
    if top > sign * record[j, side]:
        record[j, side], record[j, side + 1] = sign * top, time


@njit(error_model="numpy")
def extremes(w, lane, j, a, b, values, record, v, z, g):
    """Largest and smallest value of signal j in [a, b], from five even values."""
    for side in (0, 2):
        sign = 1.0 - side
        for k in range(SAMPLES):
            v[k] = sign * values[j, k]
        best = np.argmax(v)
        if v[best] + bent(v) > sign * record[j, side]:
            keep(record, j, side, a + best * 0.25 * (b - a), v[best])
            if not peaks_outside(v):
                time, top = summit(w, lane, j, sign, 0.0, a, b, v, z, g)
                keep(record, j, side, time, top)


@njit(error_model="numpy")
def time_above(w, lane, j, level, a, b, values, v, z, g):
    """How long signal j is above its level in [a, b], from five even values."""
    quarter, total, crosses = 0.25 * (b - a), 0.0, False
    for k in range(SAMPLES):
        v[k] = values[j, k] - level
    for k in range(SAMPLES - 1):
        start = a + k * quarter
        if v[k] > 0.0 and v[k + 1] > 0.0:
            total += quarter
        elif v[k] > 0.0 or v[k + 1] > 0.0:
            crosses = True
            at = parting(w, lane, j, level, start, v[k], start + quarter, v[k + 1], z, g) - start
            total += at if v[k] > 0.0 else quarter - at
    if crosses:
        return total
    # it may touch the other side between two of the times
    sign = -1.0 if v[0] > 0.0 else 1.0
    for k in range(SAMPLES):
        v[k] = sign * v[k]
    if np.max(v) + bent(v) > 0.0 and not peaks_outside(v):
        time, top = summit(w, lane, j, sign, level, a, b, v, z, g)
        if top > 0.0:
            k = min(int((time - a) / quarter), SAMPLES - 2)
            start = a + k * quarter
            left = parting(w, lane, j, level, start, values[j, k] - level, time, sign * top, z, g)
            end = start + quarter
            right = parting(
                w, lane, j, level, end, values[j, k + 1] - level, time, sign * top, z, g
            )
            total += sign * (right - left)
    return total


@njit(error_model="numpy")
def blank(record, above):
    """Nothing of a row has been watched yet."""
    for j in range(EXTREMES):
        record[j, 0], record[j, 2] = -np.inf, np.inf
        record[j, 1] = record[j, 3] = np.nan
    above[:] = 0.0


@njit(error_model="numpy")
def track(w, lane, since, level, record, above, values, v, z, g):
    """Look into the lane's last step, which ends after the time `since`, from there on.

    False where a signal is not finite.
    """
    a, b = max(w[T_OLD + lane], since), w[T + lane]
    if w[T_OLD + lane] <= since:
        # integrals count from here on
        dense(w, lane, a, z)
        for i in range(DYNAMIC, STATES):
            w[Y + i * LANES + lane] -= z[i]
    for k in range(SAMPLES):
        sample(w, lane, a + k * 0.25 * (b - a), z, g)
        for j in range(SIGNALS):
            values[j, k] = g[j]
            if not np.isfinite(g[j]):
                return False
    for j in range(EXTREMES):
        extremes(w, lane, j, a, b, values, record, v, z, g)
    for j in range(EXTREMES, SIGNALS):
        above[j - EXTREMES] += time_above(w, lane, j, level[j - EXTREMES], a, b, values, v, z, g)
    return True


@njit(error_model="numpy")
def track_end(w, lane, record, z, g):
    """Count the values just after the lane's last actions too."""
    for i in range(STATES):
        z[i] = w[Y + i * LANES + lane]
    watch(w[T + lane], z, w, lane, g)
    for j in range(EXTREMES):
        keep(record, j, 0, w[T + lane], g[j])
        keep(record, j, 2, w[T + lane], -g[j])
