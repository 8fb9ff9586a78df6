"""Periodic steady states of rows, block by block, eight patients side by side.

Knows the order of work; knows no model.
"""

from numba import njit

from pkpd.kernels.lanevector import WIDTH
from pkpd.solvers.collocation.algebra import (
    close,
    constant_maps,
    errors,
    forward,
    moving_maps,
    prepare,
    residual,
)
from pkpd.solvers.collocation.kernel.frame import (
    BLOCKS,
    CHANGE,
    ERROR,
    GOING,
    INTEGRAL,
    INTEGRALS,
    LANES,
    LARGEST,
    LENGTHS,
    MATRIX,
    MONODROMY,
    MOST_SWEEPS,
    NODES,
    ORDER,
    PLAN,
    REST,
    SETTLED,
    SHIFT,
    SMALLEST,
    START,
    STATES,
    SYSTEM,
    TAIL,
    TARGETS,
    UNSOLVED,
    A,
    constants,
    guess,
    matrix,
    quadrature,
    rates,
)


@njit(error_model="numpy", nogil=True)
def solve_blocks(w, count):
    """Every block at its periodic steady state, each after those that drive it."""
    for k in range(BLOCKS):
        plan = PLAN[k]
        m, linear, constant = plan[0], plan[1] == 1, plan[2] == 1
        x, left, jump, amplified, monodromy = plan[3], plan[4], plan[5], plan[6], plan[7]
        flow, inverse = plan[9], plan[10]
        start, largest, smallest, error = plan[11], plan[12], plan[13], plan[14]
        if not linear:
            guess(k, w, count)
        for lane in range(WIDTH):
            w[GOING + lane] = 1.0
        for sweep in range(MOST_SWEEPS):
            rates(k, w, count)
            if sweep > 0:
                residual(w, LENGTHS, count, A, MATRIX, REST, m, x, left, largest, CHANGE)
                if not still_going(w):
                    break
            if constant:
                constant_maps(w, count, m * NODES, REST, inverse, SHIFT)
            else:
                moving_maps(w, SYSTEM, LENGTHS, count, A, MATRIX, REST, m, flow, SHIFT)
            close(w, SYSTEM, count, NODES, m, flow, SHIFT, jump, start, monodromy, amplified, GOING)
            forward(w, count, NODES, m, flow, SHIFT, jump, start, x, left, largest, smallest, GOING)
            if linear:
                break
        else:
            for lane in range(WIDTH):
                if w[GOING + lane] > 0.0:
                    w[UNSOLVED + lane] = 1.0
        errors(w, SYSTEM, count, NODES, m, TAIL, x, left, largest, amplified, error)


@njit(error_model="numpy", nogil=True)
def still_going(w):
    """Whether a lane's nodes are not yet what the rates make of them.

    The other lanes stay as they are.
    """
    going = False
    for lane in range(WIDTH):
        if w[CHANGE + lane] <= SETTLED:
            w[GOING + lane] = 0.0
        going = going or w[GOING + lane] > 0.0
    return going


def solve(
    first,
    last,
    runs,
    theta,
    person,
    lengths,
    jumps,
    count,
    cancel,
    w,
    y,
    integral,
    largest,
    smallest,
    error,
    monodromy,
    unsolved,
):
    """Steady states of the rows runs[first]:runs[last].

    runs : (G+1,) rows of consecutive ones of the same patient and panels
    lengths : (N, P) of panels; jumps : (N, T, P), what doses add to each target at a panel's start
    """
    w[LANES] = WIDTH
    for begin in range(first, last, WIDTH):
        if cancel[0] != 0:
            return
        longest = 0
        for lane in range(WIDTH):
            run = min(begin + lane, last - 1)
            longest = max(longest, runs[run + 1] - runs[run])
            r = runs[run]
            constants(theta[person[r]], w, lane)
            for p in range(count):
                w[LENGTHS + p * WIDTH + lane] = lengths[r, p]
        for k in range(BLOCKS):
            if PLAN[k, 2] == 1:
                matrix(k, w)
                prepare(
                    w, SYSTEM, LENGTHS, count, A, PLAN[k, 8], PLAN[k, 0], PLAN[k, 9], PLAN[k, 10]
                )
        for d in range(longest):
            for lane in range(WIDTH):
                run = min(begin + lane, last - 1)
                r = min(runs[run] + d, runs[run + 1] - 1)
                w[UNSOLVED + lane] = 0.0
                for p in range(count):
                    for target in range(len(TARGETS)):
                        place = TARGETS[target, 0] + p * TARGETS[target, 1]
                        w[place + lane] = jumps[r, target, p]
                for q in range(INTEGRALS):
                    w[INTEGRAL + q * WIDTH + lane] = 0.0
            solve_blocks(w, count)
            quadrature(w, count)
            for lane in range(WIDTH):
                run = begin + lane
                if run < last and runs[run] + d < runs[run + 1]:
                    r = runs[run] + d
                    unsolved[r] = w[UNSOLVED + lane]
                    for i in range(STATES):
                        y[r, ORDER[i]] = w[START + i * WIDTH + lane]
                        largest[r, ORDER[i]] = w[LARGEST + i * WIDTH + lane]
                        smallest[r, ORDER[i]] = w[SMALLEST + i * WIDTH + lane]
                        error[r, ORDER[i]] = w[ERROR + i * WIDTH + lane]
                    for q in range(INTEGRALS):
                        integral[r, q] = w[INTEGRAL + q * WIDTH + lane]
                    for q in range(monodromy.shape[1]):
                        monodromy[r, q] = w[MONODROMY + q * WIDTH + lane]
