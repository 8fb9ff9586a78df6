"""The blocks of a model over one interval, each after those that drive it, in lanes of patients.

Knows the order of blocks and meshes; knows no model and no rows.
"""

import numpy as np
from numba import njit

from pkpd.kernels.compiled import INSIDE
from pkpd.kernels.lanevector import WIDTH, load, store, vabs
from pkpd.solvers.collocation.algebra import (
    close,
    close_scalar,
    constant_maps,
    forward,
    forward_scalar,
    moving_maps,
    prepare,
    refine,
    residual,
    scaled,
    weigh_panel,
)
from pkpd.solvers.collocation.kernel.extremes import find_extremes
from pkpd.solvers.collocation.kernel.frame import (
    AMOUNTS,
    BLOCKS,
    CHANGE,
    COARSE,
    FLOW,
    FOUND,
    GOING,
    GUESSES,
    INTEGRALS,
    JUMPS_AT,
    KEPT_FLOW_AT,
    KEPT_INVERSE_AT,
    LARGEST,
    LARGEST_AT,
    LENGTHS,
    LINEAR,
    MAP_AT,
    MATRIX,
    MATRIX_AT,
    MOST_SWEEPS,
    NODES,
    NODES_AT,
    PLAN,
    PREPARED,
    PROPORTIONAL,
    REST,
    SCALE,
    SHIFT,
    SIZE_OF,
    SMALLEST,
    SMALLEST_AT,
    START,
    START_AT,
    STARTS_AT,
    STATES,
    SYSTEM,
    TARGETS,
    UNIT_ENDS_AT,
    UNIT_NODES_AT,
    UNIT_STARTS_AT,
    UNSOLVED,
    A,
    matrix,
    quadrature,
    rates,
    signals,
)


@njit(**INSIDE)
def solve_block(k, w, first, count, periodic, tol):
    """One block over an interval, after those that drive it.

    first, count : the panels of the mesh, by their place in LENGTHS
    periodic : whether its start is to be the periodic one; else it is what stands at START
    tol : largest error of Newton's method, as a share of the largest value
    """
    plan = PLAN[k]
    m, linear = plan[SIZE_OF], plan[LINEAR] == 1
    x, left, jump, monodromy = plan[NODES_AT], plan[STARTS_AT], plan[JUMPS_AT], plan[MAP_AT]
    start, largest, smallest = plan[START_AT], plan[LARGEST_AT], plan[SMALLEST_AT]
    lengths, n = LENGTHS + first * WIDTH, m * NODES
    # what is solved once for all doses has no maps that are kept
    once = periodic and plan[PROPORTIONAL] == 1
    kept = (0, 0) if once else kept_maps(k, first)
    prepared = plan[PREPARED] == m and not once
    flow = kept[0] if prepared else FLOW
    signals(k, w, count)
    for lane in range(WIDTH):
        w[GOING + lane] = 1.0
    for sweep in range(MOST_SWEEPS):
        rates(k, w, count)
        if sweep > 0:
            residual(w, lengths, count, A, MATRIX, REST, m, x, left, largest, tol, CHANGE)
            if not still_going(w):
                return
        if prepared:
            constant_maps(w, count, n, REST, kept[1], SHIFT)
        else:
            moving_maps(w, SYSTEM, lengths, count, MATRIX, REST, m, FLOW, SHIFT, kept)
        if m == 1:
            if periodic:
                close_scalar(w, count, flow, SHIFT, jump, start, monodromy, GOING)
            ends = largest, smallest
            # Newton's method squares the distance with each sweep
            forward_scalar(
                w, count, flow, SHIFT, jump, start, x, left, ends, GOING, tol**0.5, CHANGE
            )
        else:
            if periodic:
                close(w, SYSTEM, count, NODES, m, flow, SHIFT, jump, start, monodromy, GOING)
            ends = largest, smallest
            forward(w, count, m, flow, SHIFT, jump, start, x, left, ends, GOING, tol**0.5, CHANGE)
        if linear or not still_going(w):
            return
    for lane in range(WIDTH):
        if w[GOING + lane] > 0.0:
            w[UNSOLVED + lane] = 1.0


@njit(**INSIDE)
def kept_maps(k, first):
    """Places of the maps that are made once for all doses, from a panel on; 0 where there are none.

    Of all states of block k, or of its first one.
    """
    n = PLAN[k, PREPARED] * NODES
    if n == 0:
        return 0, 0
    flow = PLAN[k, KEPT_FLOW_AT] + first * n * PLAN[k, PREPARED] * WIDTH
    return flow, PLAN[k, KEPT_INVERSE_AT] + first * n * n * WIDTH


@njit(**INSIDE)
def still_going(w):
    """Whether a lane's nodes still move; the others stay as they are."""
    going = False
    for lane in range(WIDTH):
        if w[CHANGE + lane] <= 0.0:
            w[GOING + lane] = 0.0
        going = going or w[GOING + lane] > 0.0
    return going


@njit(inline="always")
def solve_unit(w, run, jumps, count, tol):
    """Blocks that are proportional to the doses, for doses that sum up to 1, on both meshes."""
    for level in range(2):
        first, panels = level * count, count >> level
        add_doses(w, run, jumps, level, panels)
        for k in range(BLOCKS):
            if PLAN[k, PROPORTIONAL] == 1:
                solve_block(k, w, first, panels, True, tol)
                keep_unit(k, w, first, panels, level)


@njit(inline="always")
def solve_meshes(w, run, jumps, count, weights, panel, reading, tol, dense, best, at, near):
    """Steady states on the coarser mesh, from GUESSES on, and from there on the finer one of so
    many panels.

    run : (WIDTH,) of each lane; jumps : (G, T, P) of doses that sum up to 1
    weights : see `nodes.refinement`; panel, reading : see `read_off`. What the meshes give is left
    at COARSE and at FOUND.
    best : (2, E, 2, WIDTH) extremes on the finer and on the coarser mesh, E is 0 where they are not
        wanted; dense, at, near : see `find_extremes`
    """
    for lane in range(WIDTH):
        w[UNSOLVED + lane] = 0.0
    for step in range(2):
        level = 1 - step
        first, panels = level * count, count >> level
        for k in range(BLOCKS):
            if PLAN[k, LINEAR] == 0 and level == 1:
                guess_nodes(k, w, panels)
            elif PLAN[k, LINEAR] == 0:
                refine(
                    w,
                    panels,
                    weights,
                    PLAN[k, SIZE_OF],
                    PLAN[k, NODES_AT],
                    PLAN[k, STARTS_AT],
                    SHIFT,
                )
        add_doses(w, run, jumps, level, panels)
        for target in range(len(TARGETS)):
            for p in range(panels):
                place = TARGETS[target, 0] + p * TARGETS[target, 1]
                scaled(w, SCALE, place, place, 1)
        for k in range(BLOCKS):
            if PLAN[k, PROPORTIONAL] == 1:
                use_unit(k, w, first, panels, level)
            else:
                solve_block(k, w, first, panels, True, tol)
        quadrature(w, first, panels)
        read_off(w, run, panel[:, level], reading[:, level], COARSE if level == 1 else FOUND)
        if best.shape[1]:
            find_extremes(w, panels, dense, best[level], at, near)


@njit(**INSIDE)
def guess_nodes(k, w, count):
    """What stands at GUESSES is the first guess of block k at all its nodes."""
    m = PLAN[k, SIZE_OF]
    for r in range(m):
        value = load(w, GUESSES + PLAN[k, START_AT] - START + r * WIDTH)
        store(w, PLAN[k, LARGEST_AT] + r * WIDTH, vabs(value))
        for node in range(count * NODES):
            store(w, PLAN[k, NODES_AT] + (node * m + r) * WIDTH, value)


@njit(**INSIDE)
def keep_unit(k, w, first, count, level):
    """Keep what was found of a block that is proportional to the doses."""
    m = PLAN[k, SIZE_OF]
    nodes = PLAN[k, UNIT_NODES_AT] + first * m * NODES * WIDTH
    starts = PLAN[k, UNIT_STARTS_AT] + first * m * WIDTH
    ends = PLAN[k, UNIT_ENDS_AT] + 3 * level * m * WIDTH
    copy(w, PLAN[k, NODES_AT], nodes, count * m * NODES)
    copy(w, PLAN[k, STARTS_AT], starts, count * m)
    for part in range(3):
        copy(w, PLAN[k, START_AT + part], ends + part * m * WIDTH, m)


@njit(**INSIDE)
def use_unit(k, w, first, count, level):
    """Such a block for the doses of each lane, from what was kept of it."""
    m = PLAN[k, SIZE_OF]
    nodes = PLAN[k, UNIT_NODES_AT] + first * m * NODES * WIDTH
    starts = PLAN[k, UNIT_STARTS_AT] + first * m * WIDTH
    ends = PLAN[k, UNIT_ENDS_AT] + 3 * level * m * WIDTH
    scaled(w, SCALE, nodes, PLAN[k, NODES_AT], count * m * NODES)
    scaled(w, SCALE, starts, PLAN[k, STARTS_AT], count * m)
    for part in range(3):
        scaled(w, SCALE, ends + part * m * WIDTH, PLAN[k, START_AT + part], m)


@njit(**INSIDE)
def copy(w, place, to, numbers):
    for i in range(numbers * WIDTH):
        w[to + i] = w[place + i]


@njit(**INSIDE)
def read_off(w, run, panel, reading, to):
    """States at the start of the interval and integrals over it.

    panel : (G,) in which the interval starts; reading : (G, s+1) weights of its start and nodes
    """
    read = np.zeros(WIDTH, np.bool_)
    for first in range(WIDTH):
        if read[first]:
            continue
        # all lanes whose interval starts in the same panel
        p = panel[run[first]]
        for lane in range(WIDTH):
            here = panel[run[lane]] == p
            read[lane] = read[lane] or here
            w[GOING + lane] = 1.0 if here else 0.0
            for j in range(NODES + 1):
                w[SYSTEM + j * WIDTH + lane] = reading[run[lane], j]
        for k in range(BLOCKS):
            own = PLAN[k, SIZE_OF], PLAN[k, STARTS_AT], PLAN[k, NODES_AT]
            weigh_panel(w, p, SYSTEM, *own, to + PLAN[k, START_AT] - START, GOING)
    copy(w, START + STATES * WIDTH, to + STATES * WIDTH, INTEGRALS)


@njit(**INSIDE)
def prepare_blocks(w, count, proportional):
    """The maps of so many panels that all doses share.

    proportional : whether those of blocks that are proportional to the doses are wanted, too
    """
    for k in range(BLOCKS):
        states = PLAN[k, PREPARED]
        if states > 0 and (proportional or PLAN[k, PROPORTIONAL] == 0):
            matrix(k, w)
            flow, inverse = kept_maps(k, 0)
            prepare(w, SYSTEM, LENGTHS, count, PLAN[k, MATRIX_AT], states, flow, inverse)


@njit(**INSIDE)
def is_below(w, lane, share):
    """Whether an amount is below 0 by more than a share of its largest value."""
    for state in AMOUNTS:
        if w[SMALLEST + state * WIDTH + lane] < -share * w[LARGEST + state * WIDTH + lane]:
            return True
    return False


@njit(**INSIDE)
def no_doses(w, count):
    """Nothing is added to any state at the beginning of so many panels."""
    for k in range(BLOCKS):
        for i in range(count * PLAN[k, SIZE_OF] * WIDTH):
            w[PLAN[k, JUMPS_AT] + i] = 0.0


@njit(**INSIDE)
def add_doses(w, run, jumps, level, count):
    """What doses add at the beginning of each panel, which is 2**level of the finer ones."""
    for target in range(len(TARGETS)):
        for p in range(count):
            place = TARGETS[target, 0] + p * TARGETS[target, 1]
            for lane in range(WIDTH):
                w[place + lane] = jumps[run[lane], target, p << level]
