"""Largest and smallest values of what is watched, on the polynomials of all panels.

They are looked for at a few places of every panel and then by parabolas through three of them.
Knows panels; knows no model.
"""

import numpy as np
from numba import njit

from pkpd.kernels.compiled import INSIDE
from pkpd.kernels.lanevector import WIDTH, load, spread, store, vfma
from pkpd.solvers.collocation.kernel.frame import (
    KNOWN,
    NODES,
    PLACES,
    READ,
    WRITTEN,
    watch,
)

PARABOLAS = 4


@njit(**INSIDE)
def find_extremes(w, count, dense, best, at, near):
    """Largest and smallest values over so many panels.

    dense : (D, s+1) weights of a panel's start and nodes that give the values at PLACES (D,)
    best : (E, 2, WIDTH) are filled with the largest and the smallest value; at : (E, 2, WIDTH, 4)
        room for the panel and three places in it; near : (E, 2, WIDTH, 4) for the values there and
        what they promise
    """
    values = np.empty((len(PLACES), *best.shape[::2]))
    for p in range(count):
        for j in range(len(PLACES)):
            for q in range(len(READ)):
                left, x, step = READ[q, 1] + p * READ[q, 3], READ[q, 2], READ[q, 3]
                total = spread(dense[j, 0]) * load(w, left)
                for i in range(NODES):
                    value = load(w, x + (p * NODES + i) * step)
                    total = vfma(spread(dense[j, i + 1]), value, total)
                store(w, READ[q, 0], total)
            watch(w)
            for e in range(len(best)):
                for lane in range(WIDTH):
                    values[j, e, lane] = w[WRITTEN + e * WIDTH + lane]
        take_best(values, p, best, at, near)
    for _ in range(PARABOLAS):
        for e in range(len(best)):
            for side in range(2):
                improve(w, e, 1.0 - 2.0 * side, best[e, side], at[e, side], near[e, side])


@njit(**INSIDE)
def take_best(values, p, best, at, near):
    """Note where a panel's values (D, E, WIDTH) exceed the best of the panels before it.

    Three places are kept where the parabola through them promises most, since the best of them
    can lie at the end of a panel and the extreme in the next one.
    """
    for e in range(len(best)):
        for side in range(2):
            sign = 1.0 - 2.0 * side
            for lane in range(WIDTH):
                for j in range(len(values)):
                    value = values[j, e, lane]
                    if (p == 0 and j == 0) or not sign * value <= sign * best[e, side, lane]:
                        best[e, side, lane] = value
                for j in range(len(values) - 2):
                    three = values[j : j + 3, e, lane]
                    hope = sign * promise(PLACES[j : j + 3], three)
                    if (p == 0 and j == 0) or hope > near[e, side, lane, 3]:
                        near[e, side, lane, 3] = hope
                        at[e, side, lane, 0] = p
                        for i in range(3):  # one by one: numba compiles slices for seconds
                            at[e, side, lane, 1 + i] = PLACES[j + i]
                            near[e, side, lane, i] = three[i]


@njit(**INSIDE)
def improve(w, e, sign, best, at, near):
    """One parabola for each lane: best (WIDTH,), at (WIDTH, 4), near (WIDTH, 4) are brought up to
    date."""
    tries = np.empty(WIDTH)
    weights = np.empty(NODES + 1)
    for lane in range(WIDTH):
        tries[lane] = vertex(at[lane, 1:], near[lane])
        weigh(tries[lane], weights)
        p = int(at[lane, 0])
        for q in range(len(READ)):
            left, x, step = READ[q, 1] + p * READ[q, 3], READ[q, 2], READ[q, 3]
            total = weights[0] * w[left + lane]
            for i in range(NODES):
                total += weights[i + 1] * w[x + (p * NODES + i) * step + lane]
            w[READ[q, 0] + lane] = total
    watch(w)
    for lane in range(WIDTH):
        value = w[WRITTEN + e * WIDTH + lane]
        if sign * value > sign * best[lane]:
            best[lane] = value
        keep_three(tries[lane], value, sign, at[lane, 1:], near[lane])


@njit(**INSIDE)
def vertex(at, near):
    """Where the parabola through three points is level, if that is between the first and the last;
    else the nearer of these."""
    below = (near[1] - near[0]) / (at[1] - at[0])
    above = (near[2] - near[1]) / (at[2] - at[1])
    if not abs(above - below) > 0.0:
        return at[1]
    level = 0.5 * (at[0] + at[1]) - 0.5 * below * (at[2] - at[0]) / (above - below)
    return min(max(level, at[0]), at[2])


@njit(**INSIDE)
def promise(at, near):
    """Value of the parabola through three points at its vertex, see `vertex`."""
    place = vertex(at, near)
    below = (near[1] - near[0]) / (at[1] - at[0])
    above = (near[2] - near[1]) / (at[2] - at[1])
    bend = (above - below) / (at[2] - at[0])
    return near[0] + (place - at[0]) * (below + (place - at[1]) * bend)


@njit(**INSIDE)
def keep_three(place, value, sign, at, near):
    """The best of four points and its neighbours, of three in order and a new one."""
    if place == at[0] or place == at[1] or place == at[2]:
        return
    if place > at[1]:
        if sign * value > sign * near[1]:
            at[0], near[0] = at[1], near[1]
            at[1], near[1] = place, value
        else:
            at[2], near[2] = place, value
    elif sign * value > sign * near[1]:
        at[2], near[2] = at[1], near[1]
        at[1], near[1] = place, value
    else:
        at[0], near[0] = place, value


@njit(**INSIDE)
def weigh(place, weights):
    """Weights (s+1,) of a panel's start and nodes, KNOWN, that give the value at a place."""
    for i in range(NODES + 1):
        weight = 1.0
        for j in range(NODES + 1):
            if j != i:
                weight *= (place - KNOWN[j]) / (KNOWN[i] - KNOWN[j])
        weights[i] = weight
