"""Interval after interval, until an integral is near what it is in the steady state.

Knows the order of work; knows no model.
"""

import numpy as np
from numba import njit

from pkpd.kernels.compiled import INSIDE
from pkpd.kernels.lanevector import WIDTH
from pkpd.solvers.collocation.kernel.blocks import (
    add_doses,
    copy,
    guess_nodes,
    is_below,
    no_doses,
    prepare_blocks,
    solve_block,
)
from pkpd.solvers.collocation.kernel.frame import (
    BLOCKS,
    LANES,
    LARGEST_AT,
    LENGTHS,
    LINEAR,
    NODES,
    NODES_AT,
    ORDER,
    PLAN,
    SIZE_OF,
    START,
    START_AT,
    STATES,
    STILL,
    UNSOLVED,
    constants,
    guess,
    quadrature,
)


def days(
    first,
    last,
    theta,
    person,
    lengths,
    jumps,
    y,
    steady,
    mean,
    near,
    adds_up,
    close,
    share,
    most,
    tol,
    cancel,
    w,
    day,
    doubtful,
):
    """The interval from which on the first integral of rows first:last stays near its steady value.

    lengths : (N, P) of the panels of one interval; jumps : (N, T, P) of its doses
    y, steady : (N, S) start and steady state; mean, near : (N,) steady integral, and what is near
    adds_up : (N,) what the error of one interval becomes in a long run, as a multiple of it
    close : share of `near` that an integral must keep away from its edge
    share : of the way to the steady state, and of the largest value, that may be left of a state
    day : (N,) counted from 1; infinite where a row is not there after `most` intervals, and NaN
        where it fails
    doubtful : (N,) whether an integral came so close to the edge that the panels cannot tell. What
        they err by shows in the second interval from the steady state on, when errors of states
        have reached the integral.
    """
    count = lengths.shape[1]
    going, bias, rows = np.empty(WIDTH, np.bool_), np.empty(WIDTH), np.empty(WIDTH, np.int64)
    w[LANES] = WIDTH
    no_doses(w, count)
    for begin in range(first, last, WIDTH):
        if cancel[0] != 0:
            return
        for lane in range(WIDTH):
            r = rows[lane] = min(begin + lane, last - 1)
            constants(theta[person[r]], w, lane)
            w[UNSOLVED + lane] = 0.0
            going[lane] = begin + lane < last
            day[r], doubtful[r] = 1.0, False
            for p in range(count):
                w[LENGTHS + p * WIDTH + lane] = lengths[r, p]
        add_doses(w, rows, jumps, 0, count)
        start_from(w, rows, steady)
        prepare_blocks(w, count, True)
        guess(w)
        for k in range(BLOCKS):
            if PLAN[k, LINEAR] == 0:
                guess_nodes(k, w, count)
        one_interval(w, count, tol)
        carry_on(w, count)
        one_interval(w, count, tol)
        for lane in range(WIDTH):
            bias[lane] = abs(w[START + STATES * WIDTH + lane] - mean[rows[lane]])
        start_from(w, rows, y)
        for d in range(1, most + 1):
            one_interval(w, count, tol)
            for lane in range(WIDTH):
                if going[lane]:
                    r = begin + lane
                    distance = abs(w[START + STATES * WIDTH + lane] - mean[r])
                    edge = adds_up[r] * bias[lane] + close * near[r]
                    sure = abs(distance - near[r]) > edge
                    doubtful[r] = doubtful[r] or not sure
                    outside = not distance <= near[r]
                    if outside:
                        day[r] = d + 1
                    if w[UNSOLVED + lane] > 0.0 or is_below(w, lane, share[1]):
                        day[r] = np.nan
                    elif outside or far(w, lane, count, y[r], steady[r], share):
                        if d < most:
                            continue
                        day[r] = np.inf
                    going[lane] = False
            if not going.any():
                break
            carry_on(w, count)


@njit(**INSIDE)
def start_from(w, rows, y):
    """The interval starts from the states y (N, S) of the rows in the lanes (WIDTH,)."""
    for lane in range(WIDTH):
        for i in range(STATES):
            w[START + i * WIDTH + lane] = y[rows[lane], ORDER[i]]


@njit(**INSIDE)
def one_interval(w, count, tol):
    """All blocks and integrals over one interval, from what stands at START."""
    for k in range(BLOCKS):
        solve_block(k, w, 0, count, False, tol)
    quadrature(w, 0, count)


@njit(**INSIDE)
def carry_on(w, count):
    """The next interval starts where the last one ended."""
    for k in range(BLOCKS):
        m = PLAN[k, SIZE_OF]
        copy(w, PLAN[k, NODES_AT] + (count * NODES - 1) * m * WIDTH, PLAN[k, START_AT], m)


@njit(**INSIDE)
def far(w, lane, count, y, steady, share):
    """Whether a state is still on its way to its steady value at the end of an interval.

    What no longer moves is there, however far the panels put it from the steady state.
    """
    for k in range(BLOCKS):
        m = PLAN[k, SIZE_OF]
        for r in range(m):
            at = PLAN[k, START_AT] + r * WIDTH
            i = ORDER[(at - START) // WIDTH]
            end = w[PLAN[k, NODES_AT] + ((count * NODES - 1) * m + r) * WIDTH + lane]
            largest = w[PLAN[k, LARGEST_AT] + r * WIDTH + lane]
            way = share[0] * abs(y[i] - steady[i]) + share[1] * largest
            distance, moved = abs(end - steady[i]), abs(end - w[at + lane])
            if not (distance <= way or moved <= STILL * distance):
                return True
    return False
