"""Rows of one call: patients side by side in lanes, one dose after the other, and what is kept.

Knows the order of rows and when a steady state counts as found; knows no model.
"""

import numpy as np
from numba import njit

from pkpd.kernels.compiled import INSIDE
from pkpd.kernels.lanevector import WIDTH
from pkpd.solvers.collocation.kernel.blocks import (
    is_below,
    no_doses,
    prepare_blocks,
    solve_meshes,
    solve_unit,
)
from pkpd.solvers.collocation.kernel.frame import (
    BLOCKS,
    COARSE,
    CONTRACTS,
    FOUND,
    GUESSES,
    INTEGRALS,
    LANES,
    LARGEST,
    LENGTHS,
    MARGINAL,
    MONODROMY,
    ORDER,
    PLAN,
    SCALE,
    SIZE_OF,
    SQUARINGS,
    STATES,
    UNSOLVED,
    constants,
    guess,
)


def solve(
    first,
    last,
    runs,
    theta,
    person,
    lengths,
    jumps,
    scale,
    weights,
    panel,
    reading,
    settled,
    tol,
    cancel,
    w,
    guesses,
    place,
    y,
    integral,
    error,
    remains,
    solved,
    dense,
    extremes,
):
    """Steady states of the runs first:last.

    runs : (G, 2) first row of each run and the one behind its last: consecutive rows of the same
        patient whose doses differ in size alone
    lengths : (G, P) of the finer panels; jumps : (G, T, P), share of the doses that is added to
        each target at a panel's start; scale : (N,) sum of the doses
    weights, panel, reading : see `solve_meshes`; settled : its tolerance
    guesses : (N, S) values to start Newton's method from, (0, S) for those that the model starts at
    place : (N,) where each row is written to: `y`, `integral`, `error`, see `difference`,
        `remains`, see `left_over`, and that it is `solved`, if its error is at most `tol`
    dense : see `find_extremes`; extremes : (., E, 2), or (0, E, 2) where they are not wanted
    """
    count = lengths.shape[1]
    run = np.empty(WIDTH, np.int64)
    rows = np.empty(WIDTH, np.int64)
    watched = extremes.shape[1] if len(extremes) else 0
    best = np.empty((2, watched, 2, WIDTH))
    at, near = np.empty((watched, 2, WIDTH, 4)), np.empty((watched, 2, WIDTH, 4))
    w[LANES] = WIDTH
    no_doses(w, count)
    for begin in range(first, last, WIDTH):
        if cancel[0] != 0:
            return
        longest = 0
        for lane in range(WIDTH):
            g = run[lane] = min(begin + lane, last - 1)
            longest = max(longest, runs[g, 1] - runs[g, 0])
            constants(theta[person[runs[g, 0]]], w, lane)
        lengths_of_both(w, run, lengths)
        prepare_blocks(w, count + count // 2, False)
        solve_unit(w, run, jumps, count, settled)
        guess(w)
        for d in range(longest):
            for lane in range(WIDTH):
                g = run[lane]
                rows[lane] = min(runs[g, 0] + d, runs[g, 1] - 1)
                w[SCALE + lane] = scale[rows[lane]]
                for i in range(STATES if len(guesses) else 0):
                    w[GUESSES + i * WIDTH + lane] = guesses[rows[lane], ORDER[i]]
            solve_meshes(
                w, run, jumps, count, weights, panel, reading, settled, dense, best, at, near
            )
            for lane in range(WIDTH):
                r = rows[lane]
                if begin + lane >= last or r != runs[run[lane], 0] + d:
                    continue
                off, left = difference(w, lane, best), left_over(w, lane)
                if off <= tol and left < 1.0 - MARGINAL and is_sound(w, lane, tol):
                    to = place[r]
                    solved[to], error[to], remains[to] = True, off, left
                    write_row(w, lane, to, best, y, integral, extremes)


@njit(**INSIDE)
def lengths_of_both(w, run, lengths):
    """Lengths of the finer panels of each lane's run, and behind them those of the coarser ones."""
    count = lengths.shape[1]
    for lane in range(WIDTH):
        own = lengths[run[lane]]
        for p in range(count):
            w[LENGTHS + p * WIDTH + lane] = own[p]
        for p in range(count // 2):
            w[LENGTHS + (count + p) * WIDTH + lane] = own[2 * p] + own[2 * p + 1]


@njit(**INSIDE)
def write_row(w, lane, to, best, y, integral, extremes):
    """What a lane found, to a row of the results."""
    for i in range(STATES):
        y[to, ORDER[i]] = w[FOUND + i * WIDTH + lane]
    for q in range(INTEGRALS):
        integral[to, q] = w[FOUND + (STATES + q) * WIDTH + lane]
    for e in range(best.shape[1]):
        for side in range(2):
            extremes[to, e, side] = best[0, e, side, lane]


@njit(**INSIDE)
def difference(w, lane, best):
    """What the two meshes say of the error, as a share of the largest values.

    Polynomials between nodes gain less from more panels than starts and integrals do, so that of
    extremes the whole distance counts. best : (2, E, 2, WIDTH), see `solve_meshes`
    """
    worst = 0.0
    for i in range(STATES + INTEGRALS):
        moved = CONTRACTS * abs(w[FOUND + i * WIDTH + lane] - w[COARSE + i * WIDTH + lane])
        worst = larger_share(worst, moved, w[LARGEST + i * WIDTH + lane])
    for e in range(best.shape[1]):
        size = max(abs(best[0, e, 0, lane]), abs(best[0, e, 1, lane]))
        for side in range(2):
            moved = abs(best[0, e, side, lane] - best[1, e, side, lane])
            worst = larger_share(worst, moved, size)
    return worst


@njit(**INSIDE)
def larger_share(worst, part, whole):
    """The larger of a share and another one; infinite where one is not a number."""
    if part <= worst * whole:
        return worst
    return part / whole if part < np.inf else np.inf


@njit(**INSIDE)
def left_over(w, lane):
    """Share that one interval leaves of a small distance from the steady state.

    The largest eigenvalue, in size, of any block's map of one interval; infinite where one is not
    a number.
    """
    share, at = 0.0, MONODROMY + lane
    for k in range(BLOCKS):
        m = PLAN[k, SIZE_OF]
        if m == 1:
            size = abs(w[at])
        elif m == 2:
            size = largest_of_two(w[at], w[at + WIDTH], w[at + 2 * WIDTH], w[at + 3 * WIDTH])
        else:
            size = largest_of_many(w, at, m)
        share = larger_share(share, size, 1.0)
        at += m * m * WIDTH
    return share


@njit(**INSIDE)
def largest_of_two(a, b, c, d):
    """Size of the largest eigenvalue of a matrix of rows a, b and c, d."""
    half, determinant = 0.5 * (a + d), a * d - b * c
    square = half * half - determinant
    if square < 0.0:
        return np.sqrt(abs(determinant))
    return abs(half) + np.sqrt(square)


@njit(**INSIDE)
def largest_of_many(w, at, m):
    """As `largest_of_two`, of a lane's matrix (m, m) at `at`: the root of the size of a power.

    The power is 2**SQUARINGS, so that the choice of what is called size does not show.
    """
    power, square = np.empty((m, m)), np.empty((m, m))
    for i in range(m):
        for j in range(m):
            power[i, j] = w[at + (i * m + j) * WIDTH]
    logarithm, share = 0.0, 1.0
    for _ in range(SQUARINGS):
        size = 0.0
        for i in range(m):
            for j in range(m):
                size = larger_share(size, abs(power[i, j]), 1.0)
        if not 0.0 < size < np.inf:
            return size if size == 0.0 else np.inf
        logarithm += share * np.log(size)
        share *= 0.5
        for i in range(m):
            for j in range(m):
                total = 0.0
                for k in range(m):
                    total += power[i, k] / size * (power[k, j] / size)
                square[i, j] = total
        power, square = square, power
    return np.exp(logarithm)


@njit(**INSIDE)
def is_sound(w, lane, tol):
    """Whether a lane's blocks settled, all is finite, and no amount is below 0 by more than the
    share `tol` of its largest value."""
    if w[UNSOLVED + lane] > 0.0:
        return False
    for i in range(STATES + INTEGRALS):
        if not abs(w[FOUND + i * WIDTH + lane]) < np.inf:
            return False
    return not is_below(w, lane, tol)
