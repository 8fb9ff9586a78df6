"""Exact steps of a model whose rates are linear in the states: what is the same for every model.

The exponential of each lane's matrix over a length h, the few exponentials that a lane keeps, and
the step from one action or output time to the next; see pkpd.solvers.linear for the method. Knows
lanes and matrices; knows nothing of drugs or doses.
"""

from math import factorial

from numba import njit

from pkpd.solvers.lanes.frame import (
    ACTIVE,
    DIAGONAL,
    DOUBLINGS,
    ENTRIES,
    ENTRY_WIDTH,
    EXPONENTIAL,
    IN_USE,
    KEPT,
    LANES,
    LENGTH,
    LENGTHS,
    MATRIX_M,
    MOST_KEPT,
    NEXT_OUTPUT,
    OLDEST,
    PART,
    PRODUCT,
    ROWS,
    STOP,
    T_OLD,
    USING,
    WANTED,
    X2,
    X3,
    X4,
    T,
    X,
    cube,
    double,
    fourth,
    inside,
    move,
    norm,
    raised,
    square,
)

DEGREE = 16  # of the series, from six products
SERIES = tuple(1.0 / factorial(k) for k in range(DEGREE + 1))
LONGEST = 0.8  # norm of M h/2^s: 0.8^16/17! is half a rounding


@njit(error_model="numpy")
def scale(w):
    """Write M h/2^s of every lane to X, and its s to DOUBLINGS. Returns the largest s."""
    most = 0.0
    for lane in range(LANES):
        # inputs and integrals feed nothing back: their size costs no doubling
        largest = norm(w, lane) * w[LENGTH + lane]
        part = w[LENGTH + lane]
        w[DOUBLINGS + lane] = 0.0
        while largest > LONGEST and w[DOUBLINGS + lane] < 1100.0:
            largest *= 0.5
            part *= 0.5
            w[DOUBLINGS + lane] += 1.0
        most = max(most, w[DOUBLINGS + lane])
        w[PART + lane] = part
    for e in range(ENTRIES):
        for lane in range(LANES):
            w[X + e * LANES + lane] = w[MATRIX_M + e * LANES + lane] * w[PART + lane]
    return most


@njit(error_model="numpy")
def exponential(w):
    """Write exp(M h) - 1 of every lane to EXPONENTIAL, and the diagonal of exp(M h) to DIAGONAL."""
    most = scale(w)
    square(w)
    cube(w)
    fourth(w)
    for i in range(ENTRY_WIDTH):
        lower = SERIES[15] * w[X3 + i] + (SERIES[14] * w[X2 + i] + SERIES[13] * w[X + i])
        w[EXPONENTIAL + i] = SERIES[16] * w[X4 + i] + lower
    for i in range(ROWS * LANES):
        w[EXPONENTIAL + i] += SERIES[12]
    raised(w)
    for i in range(ENTRY_WIDTH):
        w[EXPONENTIAL + i] = w[PRODUCT + i] + (
            SERIES[11] * w[X3 + i] + (SERIES[10] * w[X2 + i] + SERIES[9] * w[X + i])
        )
    for i in range(ROWS * LANES):
        w[EXPONENTIAL + i] += SERIES[8]
    raised(w)
    for i in range(ENTRY_WIDTH):
        w[EXPONENTIAL + i] = w[PRODUCT + i] + (
            SERIES[7] * w[X3 + i] + (SERIES[6] * w[X2 + i] + SERIES[5] * w[X + i])
        )
    for i in range(ROWS * LANES):
        w[EXPONENTIAL + i] += SERIES[4]
    raised(w)
    for i in range(ENTRY_WIDTH):
        w[EXPONENTIAL + i] = w[PRODUCT + i] + (
            SERIES[3] * w[X3 + i] + (SERIES[2] * w[X2 + i] + w[X + i])
        )
    for i in range(ROWS * LANES):
        w[DIAGONAL + i] = 1.0 + w[EXPONENTIAL + i]
    done = 0.0
    while done < most:
        double(w, done)
        done += 1.0


@njit(error_model="numpy")
def fetch(w):
    """Put the exponential of every lane's length in use, from those it keeps or anew."""
    missing = False
    for lane in range(LANES):
        w[WANTED + lane] = 0.0
        if w[LENGTH + lane] > 0.0 and w[LENGTH + lane] != w[USING + lane]:
            w[WANTED + lane] = 1.0
            for k in range(MOST_KEPT):
                if w[LENGTHS + k * LANES + lane] == w[LENGTH + lane]:
                    w[WANTED + lane] = 0.0
                    for e in range(ENTRIES):
                        w[IN_USE + e * LANES + lane] = w[KEPT + (k * ENTRIES + e) * LANES + lane]
            w[USING + lane] = w[LENGTH + lane]
            missing = missing or w[WANTED + lane] > 0.0
    if not missing:
        return
    exponential(w)
    for lane in range(LANES):
        if w[WANTED + lane] > 0.0:
            k = int(w[OLDEST + lane])
            w[OLDEST + lane] = (k + 1) % MOST_KEPT
            w[LENGTHS + k * LANES + lane] = w[LENGTH + lane]
            for e in range(ENTRIES):
                value = (
                    w[DIAGONAL + e * LANES + lane]
                    if e < ROWS
                    else w[EXPONENTIAL + e * LANES + lane]
                )
                w[IN_USE + e * LANES + lane] = value
                w[KEPT + (k * ENTRIES + e) * LANES + lane] = value


@njit(error_model="numpy")
def step(w, rtol, floor, limit):
    """Carry every active lane to its next action or output time.

    Returns how many lanes want attention.
    """
    calls = other = 0
    for lane in range(LANES):
        # an output time that is not ahead is read by `dense`
        target = w[STOP + lane]
        if w[NEXT_OUTPUT + lane] > w[T + lane]:
            target = min(target, w[NEXT_OUTPUT + lane])
        length = (target - w[T + lane]) * w[ACTIVE + lane]
        high = 8193.0 * length
        length = high - (high - length)
        w[LENGTH + lane] = length
        other += 1 if (length > 0.0) & (length != w[USING + lane]) else 0
        calls += 1 if w[ACTIVE + lane] > 0.0 else 0
    if other > 0:
        fetch(w)
    move(w)
    return calls


@njit(error_model="numpy")
def dense(w, lane, time, z):
    """Values of the lane at a time inside its last step, written to z (S,)."""
    for other in range(LANES):
        w[LENGTH + other] = time - w[T_OLD + lane] if other == lane else 0.0
    exponential(w)
    inside(w, lane, z)


@njit(error_model="numpy")
def stiff(w, lane):
    """An exact step is as long as it is told to be."""
    return False
