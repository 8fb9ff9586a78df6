"""Linear algebra of collocation on panels of time, for LANES patients side by side.

On a panel of length h a block of m states has s nodes; its values there are an affine map of
those at the panel's start. With K the inverse of the Radau matrix, the nodes x of one state with
rates M x + b solve (K - h M) x = h b + K 1 x0: nothing but the diagonal moves. Panels are chained
to the map of one whole interval, whose fixed point is the periodic start. Knows blocks, panels and
lanes; knows no model.

Places are offsets into one work array w in which each number is a vector of lanes.
"""

import numpy as np
from numba import njit

from pkpd.kernels.compiled import compiled
from pkpd.kernels.lanevector import (
    WIDTH,
    larger,
    load,
    smaller,
    spread,
    store,
    straight_line,
    vabs,
    vfma,
    where_positive,
)
from pkpd.solvers.collocation.nodes import NODES, radau

INVERSE = np.linalg.inv(radau(NODES)[1])  # (s, s), K
ROW_SUMS = INVERSE.sum(axis=1)  # (s,), K 1


def _eliminated(code, system, columns):
    """Solutions (n, k) of a system (n, n) for columns (n, k), without pivoting.

    Lists of rows of vectors, which are overwritten.
    """
    n, one = len(system), code.number(1.0)
    pivots = []
    for k in range(n):
        pivots.append(one / system[k][k])
        for i in range(k + 1, n):
            factor = -(system[i][k] * pivots[k])
            for j in range(k + 1, n):
                system[i][j] = code.fma(factor, system[k][j], system[i][j])
            columns[i] = [
                code.fma(factor, x, y) for x, y in zip(columns[k], columns[i], strict=True)
            ]
    for k in reversed(range(n)):
        for j in range(k + 1, n):
            entry = -system[k][j]
            columns[k] = [
                code.fma(entry, x, y) for x, y in zip(columns[j], columns[k], strict=True)
            ]
        columns[k] = [x * pivots[k] for x in columns[k]]
    return columns


def _less(code, own):
    """K less a diagonal, rows of vectors."""
    return [
        [code.number(x) - own[i] if i == j else code.number(x) for j, x in enumerate(row)]
        for i, row in enumerate(INVERSE)
    ]


@straight_line
def _scalar_panel(code, length, matrix, rest, flow, shift):
    """Code that makes the map of one panel of a block of one state whose M moves."""
    h = code.load(length)
    own = [h * code.load(matrix, i) for i in range(NODES)]
    given = [[code.number(ROW_SUMS[i]), h * code.load(rest, i)] for i in range(NODES)]
    for i, (through, added) in enumerate(_eliminated(code, _less(code, own), given)):
        code.store(flow, i, through)
        code.store(shift, i, added)


@straight_line
def _pair_panel(code, length, matrix, rest, flow, shift):
    """Code that makes the map of one panel of a block of two states whose M moves."""
    h, zero, nodes = code.load(length), code.number(0.0), range(NODES)
    own, by_second = ([h * code.load(matrix, 4 * i + entry) for i in nodes] for entry in range(2))
    start, given = [code.number(x) for x in ROW_SUMS], [h * code.load(rest, 2 * i) for i in nodes]
    columns = [
        [*(by_second[i] if i == j else zero for j in nodes), start[i], given[i]] for i in nodes
    ]
    first = _eliminated(code, _less(code, own), columns)
    _first_eliminated(code, first, h, matrix, rest, flow, shift)


@straight_line
def _pair_panel_of_kept(code, length, matrix, rest, flow, shift, kept_flow, kept_inverse):
    """As `_pair_panel`, where the map of the first state by itself is kept."""
    nodes, first = range(NODES), []
    by_second = [code.load(matrix, 4 * j + 1) for j in nodes]
    given = [code.load(rest, 2 * j) for j in nodes]
    for i in nodes:
        row = [code.load(kept_inverse, i * NODES + j) for j in nodes]
        added = code.dot(row, given, code.number(0.0))
        moved = [x * y for x, y in zip(row, by_second, strict=True)]
        first.append([*moved, code.load(kept_flow, i), added])
    _first_eliminated(code, first, code.load(length), matrix, rest, flow, shift)


def _first_eliminated(code, first, h, matrix, rest, flow, shift):
    """Write the map of one panel of a block of two states, the first of which is eliminated.

    first : (s, s+2), what its nodes are made of: the nodes of the second state, and what its own
        start and b add
    """
    zero, nodes = code.number(0.0), range(NODES)
    by_first, own = ([h * code.load(matrix, 4 * i + entry) for i in nodes] for entry in (2, 3))
    start = [code.number(x) for x in ROW_SUMS]
    given = [h * code.load(rest, 2 * i + 1) for i in nodes]
    system = _less(code, own)
    for i in nodes:
        for j in nodes:
            system[i][j] = code.fma(-by_first[i], first[i][j], system[i][j])
    second = _eliminated(
        code,
        system,
        [
            [
                by_first[i] * first[i][NODES],
                start[i],
                code.fma(by_first[i], first[i][NODES + 1], given[i]),
            ]
            for i in nodes
        ],
    )
    for i in nodes:
        of_second, (mine, shifted) = first[i][:NODES], first[i][NODES:]
        for place, column, begin in ((flow, 0, mine), (flow, 1, zero), (shift, 2, shifted)):
            value = code.dot(of_second, [row[column] for row in second], begin)
            number = 2 * i if place is shift else 4 * i + column
            code.store(place, number, value)
        code.store(flow, 4 * i + 2, second[i][0])
        code.store(flow, 4 * i + 3, second[i][1])
        code.store(shift, 2 * i + 1, second[i][2])


@straight_line
def _constant_panel(code, length, matrix, flow, inverse):
    """Code that makes the map of one panel of a scalar block whose M is constant."""
    h, zero = code.load(length), code.number(0.0)
    own = [h * code.load(matrix)] * NODES
    columns = [
        [code.number(ROW_SUMS[i]), *(h if i == j else zero for j in range(NODES))]
        for i in range(NODES)
    ]
    for i, (through, *row) in enumerate(_eliminated(code, _less(code, own), columns)):
        code.store(flow, i, through)
        for j, x in enumerate(row):
            code.store(inverse, i * NODES + j, x)


@straight_line
def _given_panel(code, inverse, rest, shift):
    """Code that makes what a panel adds to the nodes of a scalar block whose M is constant."""
    given = [code.load(rest, j) for j in range(NODES)]
    for i in range(NODES):
        row = [code.load(inverse, i * NODES + j) for j in range(NODES)]
        code.store(shift, i, code.dot(row, given, code.number(0.0)))


@compiled
def eliminate(w, e, n, columns):
    """Solve the system (n, n) at e for the columns beside it, in rows of n + columns entries.

    Without pivoting: K has a positive definite symmetric part once its rows are scaled (Hairer &
    Wanner 1996, Solving ODEs II, IV.14), and so has what h M takes from it where M is damped.
    """
    wide = (n + columns) * WIDTH
    for k in range(n):
        row = e + k * wide
        pivot = spread(1.0) / load(w, row + k * WIDTH)
        store(w, row + k * WIDTH, pivot)
        for i in range(k + 1, n):
            line = e + i * wide
            f = spread(0.0) - load(w, line + k * WIDTH) * pivot
            for j in range((k + 1) * WIDTH, wide, WIDTH):
                store(w, line + j, vfma(f, load(w, row + j), load(w, line + j)))
    for k in range(n - 1, -1, -1):
        row = e + k * wide
        pivot = load(w, row + k * WIDTH)
        for c in range(n * WIDTH, wide, WIDTH):
            total = load(w, row + c)
            for j in range(k + 1, n):
                entry = spread(0.0) - load(w, row + j * WIDTH)
                total = vfma(entry, load(w, e + j * wide + c), total)
            store(w, row + c, total * pivot)


@compiled
def fill(w, e, h, matrix, step, m, columns):
    """Write K - h M to e, and beside it what the start of each state adds.

    h : length of the panel; matrix : place of M at the first node, the next one is `step` further
    """
    n = m * NODES
    wide = (n + columns) * WIDTH
    zero = spread(0.0)
    for i in range(NODES):
        for r in range(m):
            line = e + (i * m + r) * wide
            for j in range(NODES):
                for q in range(m):
                    entry = spread(INVERSE[i, j]) if q == r else zero
                    if i == j:
                        entry = entry - h * load(w, matrix + j * step + (r * m + q) * WIDTH)
                    store(w, line + (j * m + q) * WIDTH, entry)
            for q in range(m):
                store(w, line + (n + q) * WIDTH, spread(ROW_SUMS[i]) if q == r else zero)


@compiled
def prepare(w, e, h, P, matrix, m, flow, inverse):
    """Of a block whose M is the same at every node: `flow` (P, ms, m) and `inverse` (P, ms, ms) of
    all panels, with which its nodes are flow*start + inverse*rest."""
    n = m * NODES
    for p in range(P):
        places = (
            h + p * WIDTH,
            matrix,
            flow + p * n * m * WIDTH,
            inverse + p * n * n * WIDTH,
        )
        if m == 1:
            _constant_panel(w, places)
        else:
            _constant_panel_of_many(w, e, m, places)


@compiled
def _constant_panel_of_many(w, e, m, places):
    h, matrix, flow, inverse = places
    n = m * NODES
    wide = (2 * n + m) * WIDTH
    length = load(w, h)
    fill(w, e, length, matrix, 0, m, m + n)
    for i in range(n):
        for c in range(n):
            store(w, e + i * wide + (n + m + c) * WIDTH, length if i == c else spread(0.0))
    eliminate(w, e, n, m + n)
    for i in range(n):
        line = e + (i * (2 * n + m) + n) * WIDTH
        for q in range(m):
            store(w, flow + (i * m + q) * WIDTH, load(w, line + q * WIDTH))
        for c in range(n):
            store(w, inverse + (i * n + c) * WIDTH, load(w, line + (m + c) * WIDTH))


@compiled
def constant_maps(w, P, n, rest, inverse, shift):
    """The part `shift` (P, ms) of the maps that does not depend on the start."""
    for p in range(P):
        own, given, to = inverse + p * n * n * WIDTH, rest + p * n * WIDTH, shift + p * n * WIDTH
        if n == NODES:
            _given_panel(w, (own, given, to))
        else:
            for i in range(n):
                total, line = spread(0.0), own + i * n * WIDTH
                for c in range(0, n * WIDTH, WIDTH):
                    total = vfma(load(w, line + c), load(w, given + c), total)
                store(w, to + i * WIDTH, total)


@compiled
def moving_maps(w, e, h, P, matrix, rest, m, flow, shift, kept):
    """`flow` (P, ms, m) and `shift` (P, ms) of a block whose M differs from node to node.

    kept : places of the maps of its first state by itself, see `prepare`; (0, 0) if there are none
    """
    n = m * NODES
    for p in range(P):
        places = (
            h + p * WIDTH,
            matrix + p * n * m * WIDTH,
            rest + p * n * WIDTH,
            flow + p * n * m * WIDTH,
            shift + p * n * WIDTH,
        )
        if m == 1:
            _scalar_panel(w, places)
        elif m == 2 and kept[1] > 0:
            own = kept[0] + p * NODES * WIDTH, kept[1] + p * NODES * NODES * WIDTH
            _pair_panel_of_kept(w, places + own)
        elif m == 2:
            _pair_panel(w, places)
        else:
            _moving_panel_of_many(w, e, m, places)


@compiled
def _moving_panel_of_many(w, e, m, places):
    h, matrix, rest, flow, shift = places
    n = m * NODES
    wide = (n + m + 1) * WIDTH
    length = load(w, h)
    fill(w, e, length, matrix, m * m * WIDTH, m, m + 1)
    for i in range(n):
        store(w, e + i * wide + (n + m) * WIDTH, length * load(w, rest + i * WIDTH))
    eliminate(w, e, n, m + 1)
    for i in range(n):
        line = e + i * wide + n * WIDTH
        for q in range(m):
            store(w, flow + (i * m + q) * WIDTH, load(w, line + q * WIDTH))
        store(w, shift + i * WIDTH, load(w, line + m * WIDTH))


@njit(forceinline=True, error_model="numpy")
def keep(w, on, place, value):
    """Write a value in the lanes where `on` is above 0."""
    store(w, place, where_positive(on, value, load(w, place)))


@compiled
def close_scalar(w, P, flow, shift, jump, start, monodromy, going):
    """As `close`, for a block of one state."""
    n, on = NODES * WIDTH, load(w, going)
    through, value = spread(1.0), spread(0.0)
    for p in range(P):
        end = (p + 1) * n - WIDTH
        one = load(w, flow + end)
        through = one * through
        value = vfma(one, value + load(w, jump + p * WIDTH), load(w, shift + end))
    keep(w, on, monodromy, through)
    keep(w, on, start, value / (spread(1.0) - through))


@compiled
def forward_scalar(w, P, flow, shift, jump, start, x, left, ends, going, settled, change):
    """As `forward`, for a block of one state."""
    on, value = load(w, going), load(w, start)
    low, high, moved = value, vabs(value), spread(0.0)
    for p in range(P):
        low = smaller(low, value)
        value = value + load(w, jump + p * WIDTH)
        high = larger(high, vabs(value))
        keep(w, on, left + p * WIDTH, value)
        before = value
        for i in range(p * NODES * WIDTH, (p + 1) * NODES * WIDTH, WIDTH):
            value = vfma(load(w, flow + i), before, load(w, shift + i))
            moved = larger(moved, vabs(value - load(w, x + i)))
            high = larger(high, vabs(value))
            keep(w, on, x + i, value)
    largest, smallest = ends
    keep(w, on, largest, high)
    keep(w, on, smallest, low)
    store(w, change, moved - spread(settled) * high)


@compiled
def close(w, e, P, s, m, flow, shift, jump, start, monodromy, going):
    """The periodic start of a block (m,) and its map of one interval, `monodromy` (m, m).

    jump : (P, m), what doses add at the beginning of each panel. Lanes where `going` is not above 0
    keep what they have.
    """
    n = m * s
    last = n - m
    on = load(w, going)
    wide = (m + 1) * WIDTH
    # e: I and nothing, carried through the panels; behind it room for the next
    other = e + m * wide
    for r in range(m):
        for q in range(m + 1):
            store(w, e + r * wide + q * WIDTH, spread(1.0 if r == q else 0.0))
    for p in range(P):
        for r in range(m):
            place = e + r * wide + m * WIDTH
            store(w, place, load(w, place) + load(w, jump + (p * m + r) * WIDTH))
        for r in range(m):
            row = p * n + last + r
            for q in range(m + 1):
                total = load(w, shift + row * WIDTH) if q == m else spread(0.0)
                for v in range(m):
                    part = load(w, flow + (row * m + v) * WIDTH)
                    total = vfma(part, load(w, e + v * wide + q * WIDTH), total)
                store(w, other + r * wide + q * WIDTH, total)
        for i in range(0, m * wide, WIDTH):
            store(w, e + i, load(w, other + i))
    for r in range(m):
        for q in range(m):
            entry = load(w, e + r * wide + q * WIDTH)
            keep(w, on, monodromy + (r * m + q) * WIDTH, entry)
            store(w, e + r * wide + q * WIDTH, spread(1.0 if r == q else 0.0) - entry)
    eliminate(w, e, m, 1)
    for r in range(m):
        keep(w, on, start + r * WIDTH, load(w, e + r * wide + m * WIDTH))


@compiled
def forward(w, P, m, flow, shift, jump, start, x, left, ends, going, settled, change):
    """Values of a block at its nodes and at the start of every panel, from the periodic start.

    x : (P, s, m) and left : (P, m) are kept in lanes where `going` is not above 0
    ends : places of `largest` (m,) of sizes, and `smallest` (m,) of values at the ends of panels
    change : by how much the farthest node moves more than the share `settled` of the largest size
    """
    largest, smallest = ends
    s = NODES
    n = m * s
    on = load(w, going)
    for r in range(m):
        value = load(w, start + r * WIDTH)
        keep(w, on, largest + r * WIDTH, vabs(value))
        keep(w, on, smallest + r * WIDTH, value)
        store(w, change + r * WIDTH, spread(0.0))
    for p in range(P):
        for r in range(m):
            before = load(w, start + r * WIDTH if p == 0 else x + ((p * s - 1) * m + r) * WIDTH)
            value = before + load(w, jump + (p * m + r) * WIDTH)
            keep(w, on, left + (p * m + r) * WIDTH, value)
            low, high = smallest + r * WIDTH, largest + r * WIDTH
            keep(w, on, low, smaller(load(w, low), before))
            keep(w, on, high, larger(load(w, high), vabs(value)))
        for i in range(n):
            total = load(w, shift + (p * n + i) * WIDTH)
            for q in range(m):
                part = load(w, flow + ((p * n + i) * m + q) * WIDTH)
                total = vfma(part, load(w, left + (p * m + q) * WIDTH), total)
            place, r = x + (p * n + i) * WIDTH, i % m * WIDTH
            moved = vabs(total - load(w, place))
            store(w, change + r, larger(load(w, change + r), moved))
            keep(w, on, place, total)
            keep(w, on, largest + r, larger(load(w, largest + r), vabs(total)))
    worst = load(w, change) - spread(settled) * load(w, largest)
    for r in range(1, m):
        off = load(w, change + r * WIDTH) - spread(settled) * load(w, largest + r * WIDTH)
        worst = larger(worst, off)
    store(w, change, worst)


@compiled
def residual(w, h, P, a, matrix, rest, m, x, left, largest, tol, change):
    """By how much the farthest node is off what the rates there make of it, less the share `tol` of
    the largest size."""
    s = len(a)
    worst = spread(-1e300)
    for p in range(P):
        length = load(w, h + p * WIDTH)
        for i in range(s):
            for r in range(m):
                total = load(w, left + (p * m + r) * WIDTH)
                for j in range(s):
                    node = p * s + j
                    speed = load(w, rest + (node * m + r) * WIDTH)
                    for q in range(m):
                        entry = load(w, matrix + ((node * m + r) * m + q) * WIDTH)
                        speed = vfma(entry, load(w, x + (node * m + q) * WIDTH), speed)
                    total = vfma(length * spread(a[i, j]), speed, total)
                off = vabs(total - load(w, x + ((p * s + i) * m + r) * WIDTH))
                worst = larger(worst, off - spread(tol) * load(w, largest + r * WIDTH))
    store(w, change, worst)


@compiled
def scaled(w, scale, place, to, numbers):
    """Some numbers times the one at `scale`."""
    by = load(w, scale)
    for i in range(0, numbers * WIDTH, WIDTH):
        store(w, to + i, by * load(w, place + i))


@compiled
def refine(w, P, weights, m, x, left, finer):
    """Values at the nodes of the P finer panels, `finer` (P, s, m), from those of the coarser ones.

    weights : (P, s, s+1), see `nodes.refinement`; x : (P/2, s, m), left : (P/2, m)
    """
    s = weights.shape[1]
    for p in range(P):
        for i in range(s):
            for r in range(m):
                total = spread(weights[p, i, 0]) * load(w, left + (p // 2 * m + r) * WIDTH)
                for j in range(s):
                    value = load(w, x + ((p // 2 * s + j) * m + r) * WIDTH)
                    total = vfma(spread(weights[p, i, j + 1]), value, total)
                store(w, finer + ((p * s + i) * m + r) * WIDTH, total)
    for i in range(0, P * s * m * WIDTH, WIDTH):
        store(w, x + i, load(w, finer + i))


@compiled
def weigh_panel(w, p, weights, m, left, x, to, on):
    """Values of a block inside panel p, written to `to` (m,) in the lanes where `on` is above 0.

    weights : place of those of the panel's start and nodes (s+1,)
    """
    chosen = load(w, on)
    for r in range(m):
        total = load(w, weights) * load(w, left + (p * m + r) * WIDTH)
        for j in range(NODES):
            value = load(w, x + ((p * NODES + j) * m + r) * WIDTH)
            total = vfma(load(w, weights + (j + 1) * WIDTH), value, total)
        keep(w, chosen, to + r * WIDTH, total)
