"""What ends a step where a comparison of states changes.

A step is computed with all comparisons as they were at its beginning. Its dense output then shows
whether one of them has changed on the way; if so, the step ends just after the first change and the
next one begins with the flag set anew. Switches at known times need none of this: the lane stops
there. Knows lanes and gaps; knows no model, method or action.
"""

import numpy as np
from numba import njit

from pkpd.solvers.lanes.frame import (
    COMPARED,
    EVENT,
    FLAGS,
    LANES,
    LARGEST,
    STATES,
    T_OLD,
    T,
    Y,
    compare,
    dense,
)

LOOKS = 5  # times in a step
DIP_ROUNDS = 12  # halvings of the bracket of a dip
CHANGE = 1e-13  # a change is located to this share of the step


@njit(error_model="numpy")
def slack(w, lane, j, time, z, g):
    """How far switch j is from its change at a time in the lane's last step; below 0 after it."""
    dense(w, lane, time, z)
    compare(time, z, w, lane, g)
    return g[j] if w[FLAGS[j] + lane] > 0.0 else -g[j]


@njit(error_model="numpy")
def changing(w, lane, j, a, fa, b, fb, z, g):
    """Time just after the change of switch j in [a, b], with slack fa >= 0 and fb < 0.

    Illinois method.
    """
    least = max(CHANGE * (w[T + lane] - w[T_OLD + lane]), 4.5e-16 * abs(w[T + lane]))
    side = 0
    for _ in range(200):
        if b - a <= least:
            break
        c = (a * fb - b * fa) / (fb - fa)
        if not a + 0.25 * least < c < b - 0.25 * least:
            c = 0.5 * (a + b)
        fc = slack(w, lane, j, c, z, g)
        if fc < 0.0:
            b, fb = c, fc
            fa = 0.5 * fa if side < 0 else fa
            side = -1
        else:
            a, fa = c, fc
            fb = 0.5 * fb if side > 0 else fb
            side = 1
    return b


@njit(error_model="numpy")
def dip(w, lane, j, a, b, v, z, g):
    """Time and size of a slack below 0 in [a, b], or of the least one, from five even values v."""
    for _ in range(DIP_ROUNDS):
        k = min(max(np.argmin(v), 1), 3)
        quarter = 0.25 * (b - a)
        a, b = a + (k - 1) * quarter, a + (k + 1) * quarter
        v[0], v[2], v[4] = v[k - 1], v[k], v[k + 1]
        v[1] = slack(w, lane, j, a + 0.25 * (b - a), z, g)
        v[3] = slack(w, lane, j, a + 0.75 * (b - a), z, g)
        k = np.argmin(v)
        if v[k] < 0.0:
            break
    return a + k * 0.25 * (b - a), v[k]


@njit(error_model="numpy")
def first_change(w, lane, j, a, b, slacks, v, z, g):
    """Time just after the first change of switch j in [a, b]; inf where there is none.

    slacks : (J, 5) slack of each switch at five even times
    """
    quarter = 0.25 * (b - a)
    k = 1
    while k < LOOKS and slacks[j, k] >= 0.0:
        k += 1
    bend = 0.0
    for i in range(1, LOOKS - 1):
        bend = max(bend, abs(slacks[j, i - 1] - 2.0 * slacks[j, i] + slacks[j, i + 1]))
    if k > 1 and np.min(slacks[j, :k]) < bend:
        # it may have dipped below 0 between two of the times
        for i in range(LOOKS):
            v[i] = slacks[j, i] if i < k else np.inf
        best = np.argmin(v[:k])
        if 0 < best < k - 1 or k == LOOKS:
            time, low = dip(w, lane, j, a, b, v, z, g)
            if low < 0.0:
                i = min(int((time - a) / quarter), LOOKS - 2)
                return changing(w, lane, j, a + i * quarter, slacks[j, i], time, low, z, g)
    if k == LOOKS:
        return np.inf
    start = a + (k - 1) * quarter
    before, after = max(slacks[j, k - 1], 0.0), slacks[j, k]
    return changing(w, lane, j, start, before, start + quarter, after, z, g)


@njit(error_model="numpy")
def switch(w, lane, kept, slacks, v, z, g):
    """End a lane's last step just after the first change of a switch and set the flags there.

    True if there was one.
    kept : (L, S) largest sizes of the states before the step
    """
    a, b = w[T_OLD + lane], w[T + lane]
    for k in range(LOOKS):
        time = a + k * 0.25 * (b - a)
        dense(w, lane, time, z)
        if k == LOOKS - 1:
            for i in range(STATES):
                z[i] = w[Y + i * LANES + lane]
        compare(time, z, w, lane, g)
        for j in range(COMPARED):
            slacks[j, k] = g[j] if w[FLAGS[j] + lane] > 0.0 else -g[j]
    first = np.inf
    for j in range(COMPARED):
        first = min(first, first_change(w, lane, j, a, b, slacks, v, z, g))
    if not first <= b:
        return False
    if first < b:
        dense(w, lane, first, z)
        w[T + lane] = first
        w[EVENT + lane] = 0.0
        for i in range(STATES):
            w[Y + i * LANES + lane] = z[i]
            w[LARGEST + i * LANES + lane] = max(kept[lane, i], abs(z[i]))
    compare(first, z, w, lane, g)
    for j in range(COMPARED):
        if (g[j] < 0.0) if w[FLAGS[j] + lane] > 0.0 else (g[j] > 0.0):
            w[FLAGS[j] + lane] = 1.0 - w[FLAGS[j] + lane]
    return True
