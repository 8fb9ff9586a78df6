"""Dense output of a Rosenbrock step.

Knows states, lanes and a tableau; knows nothing of drugs or doses.
"""

from numba import njit

from pkpd.solvers.lanes.frame import (
    DENSE_WEIGHTS,
    ERROR,
    H_OLD,
    LANES,
    OLD,
    STAGE,
    STAGES,
    STATES,
    T_OLD,
    WIDTH,
    A,
)


@njit(error_model="numpy")
def dense(w, lane, time, z):
    """Values of the lane at a time inside its last step, written to z (S,)."""
    x = (time - w[T_OLD + lane]) / w[H_OLD + lane]
    for i in range(STATES):
        y0 = w[OLD + i * LANES + lane]
        y1 = y0 + w[ERROR + i * LANES + lane]
        for j in range(STAGES - 1):
            y1 += A[STAGES - 1, j] * w[STAGE + j * WIDTH + i * LANES + lane]
        inner = 0.0
        for k in range(len(DENSE_WEIGHTS) - 1, -1, -1):
            q = 0.0
            for j in range(STAGES):
                q += DENSE_WEIGHTS[k, j] * w[STAGE + j * WIDTH + i * LANES + lane]
            inner = q + x * inner
        z[i] = (1.0 - x) * y0 + x * (y1 + (1.0 - x) * inner)


@njit(error_model="numpy")
def stiff(w, lane):
    """No step of this method is held by stability."""
    return False
