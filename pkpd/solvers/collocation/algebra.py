"""Linear algebra of collocation on panels of time, for LANES patients side by side.

On a panel of length h a block of m states has s nodes; its values there are the affine map
`phi` of those at the panel's start. Panels are chained to the map of one whole interval, whose
fixed point is the periodic start. Knows blocks, panels and lanes; knows no model.

Places are offsets into one work array w in which each number is a vector of lanes.
"""

from numba import njit

from pkpd.kernels.compiled import compiled
from pkpd.kernels.lanevector import (
    WIDTH,
    larger,
    load,
    smaller,
    spread,
    store,
    vabs,
    vfma,
    where_positive,
)

SAFETY = 5.0  # of the estimated error


@compiled
def eliminate(w, e, n, columns):
    """Solve the system (n, n) at e for the columns beside it, in rows of n + columns entries.

    Without pivoting: the diagonal of I - h A M is the largest where h resolves M.
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
def fill(w, e, h, a, matrix, step, m, columns):
    """Write I - h A M and the identity columns of the start to e.

    h : length of the panel; a : (s, s); matrix : place of M at the first node, the next one is
    `step` further
    """
    s = len(a)
    n = m * s
    wide = (n + columns) * WIDTH
    one, zero = spread(1.0), spread(0.0)
    for i in range(s):
        for r in range(m):
            line = e + (i * m + r) * wide
            for j in range(s):
                weight = h * spread(-a[i, j])
                for q in range(m):
                    entry = weight * load(w, matrix + j * step + (r * m + q) * WIDTH)
                    if i == j and r == q:
                        entry = entry + one
                    store(w, line + (j * m + q) * WIDTH, entry)
            for q in range(m):
                store(w, line + (n + q) * WIDTH, one if q == r else zero)


@compiled
def prepare(w, e, h, P, a, matrix, m, flow, inverse):
    """Of a block whose M is the same at every node: `flow` (ms, m) and `inverse` (ms, ms) of all
    panels, with which its nodes are flow*start + inverse*rest."""
    s = len(a)
    n = m * s
    wide = (2 * n + m) * WIDTH
    for p in range(P):
        length = load(w, h + p * WIDTH)
        fill(w, e, length, a, matrix, 0, m, m + n)
        for i in range(n):
            for c in range(n):
                inside = i % m == c % m
                entry = length * spread(a[i // m, c // m] if inside else 0.0)
                store(w, e + i * wide + (n + m + c) * WIDTH, entry)
        eliminate(w, e, n, m + n)
        for i in range(n):
            line = e + (i * (2 * n + m) + n) * WIDTH
            for q in range(m):
                store(w, flow + ((p * n + i) * m + q) * WIDTH, load(w, line + q * WIDTH))
            for c in range(n):
                store(w, inverse + ((p * n + i) * n + c) * WIDTH, load(w, line + (m + c) * WIDTH))


@compiled
def constant_maps(w, P, n, rest, inverse, shift):
    """The part `shift` (P, ms) of the maps that does not depend on the start."""
    for p in range(P):
        for i in range(n):
            total = spread(0.0)
            line = inverse + (p * n + i) * n * WIDTH
            for c in range(0, n * WIDTH, WIDTH):
                total = vfma(load(w, line + c), load(w, rest + p * n * WIDTH + c), total)
            store(w, shift + (p * n + i) * WIDTH, total)


@compiled
def moving_maps(w, e, h, P, a, matrix, rest, m, flow, shift):
    """`flow` (P, ms, m) and `shift` (P, ms) of a block whose M differs from node to node."""
    s = len(a)
    n = m * s
    wide = (n + m + 1) * WIDTH
    for p in range(P):
        length = load(w, h + p * WIDTH)
        node = p * s
        fill(w, e, length, a, matrix + node * m * m * WIDTH, m * m * WIDTH, m, m + 1)
        for i in range(s):
            for r in range(m):
                total = spread(0.0)
                for j in range(s):
                    given = load(w, rest + ((node + j) * m + r) * WIDTH)
                    total = vfma(length * spread(a[i, j]), given, total)
                store(w, e + (i * m + r) * wide + (n + m) * WIDTH, total)
        eliminate(w, e, n, m + 1)
        for i in range(n):
            line = e + i * wide + n * WIDTH
            for q in range(m):
                store(w, flow + ((p * n + i) * m + q) * WIDTH, load(w, line + q * WIDTH))
            store(w, shift + (p * n + i) * WIDTH, load(w, line + m * WIDTH))


@njit(forceinline=True, error_model="numpy")
def keep(w, on, place, value):
    """Write a value in the lanes where `on` is above 0."""
    store(w, place, where_positive(on, value, load(w, place)))


@compiled
def close(w, e, P, s, m, flow, shift, jump, start, monodromy, amplified, going):
    """The periodic start of a block (m), its map of one interval F, `monodromy` (m, m), and
    `amplified` (m, m), what becomes of a difference a day: the inverse of I - F.

    jump : (P, m), what doses add at the beginning of each panel. Lanes where `going` is not above 0
    keep what they have.
    """
    n = m * s
    last = n - m
    on = load(w, going)
    wide = (2 * m + 1) * WIDTH
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
            one = spread(1.0 if r == q else 0.0)
            store(w, e + r * wide + q * WIDTH, one - entry)
            store(w, e + r * wide + (m + 1 + q) * WIDTH, one)
    eliminate(w, e, m, m + 1)
    for r in range(m):
        keep(w, on, start + r * WIDTH, load(w, e + r * wide + m * WIDTH))
        for q in range(m):
            entry = load(w, e + r * wide + (m + 1 + q) * WIDTH)
            keep(w, on, amplified + (r * m + q) * WIDTH, vabs(entry))


@compiled
def forward(w, P, s, m, flow, shift, jump, start, x, left, largest, smallest, going):
    """Values of a block at its nodes and at the start of every panel, from the periodic start.

    x : (P, s, m) and left : (P, m) are kept in lanes where `going` is not above 0
    largest, smallest : (m,), the largest size and the smallest value
    """
    n = m * s
    on = load(w, going)
    for r in range(m):
        value = load(w, start + r * WIDTH)
        store(w, largest + r * WIDTH, vabs(value))
        store(w, smallest + r * WIDTH, value)
    for p in range(P):
        for r in range(m):
            before = start + r * WIDTH if p == 0 else x + ((p * s - 1) * m + r) * WIDTH
            place = left + (p * m + r) * WIDTH
            keep(w, on, place, load(w, before) + load(w, jump + (p * m + r) * WIDTH))
            reach(w, largest + r * WIDTH, smallest + r * WIDTH, load(w, place))
        for i in range(n):
            total = load(w, shift + (p * n + i) * WIDTH)
            for q in range(m):
                part = load(w, flow + ((p * n + i) * m + q) * WIDTH)
                total = vfma(part, load(w, left + (p * m + q) * WIDTH), total)
            place = x + (p * n + i) * WIDTH
            keep(w, on, place, total)
            reach(w, largest + i % m * WIDTH, smallest + i % m * WIDTH, load(w, place))


@njit(forceinline=True, error_model="numpy")
def reach(w, largest, smallest, value):
    store(w, largest, larger(load(w, largest), vabs(value)))
    store(w, smallest, smaller(load(w, smallest), value))


@compiled
def residual(w, h, P, a, matrix, rest, m, x, left, largest, change):
    """Largest distance of the nodes (P, s, m) from what the rates at them make of them, relative
    to the largest values."""
    s = len(a)
    worst = spread(0.0)
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
                worst = larger(worst, off / load(w, largest + r * WIDTH))
    store(w, change, worst)


@compiled
def errors(w, e, P, s, m, weights, x, left, largest, amplified, error):
    """Estimated error of each state of a block, relative to its largest value.

    weights : (4, s+1), of the panel's start and its nodes: the last Legendre coefficients. They
        fall like powers of a ratio; the end of a panel feels those of twice the degree.
    """
    for r in range(m):
        total = spread(0.0)
        for p in range(P):
            c0 = spread(0.0)
            c1 = spread(0.0)
            c2 = spread(0.0)
            c3 = spread(0.0)
            for j in range(s + 1):
                place = left + (p * m + r) * WIDTH
                if j > 0:
                    place = x + ((p * s + j - 1) * m + r) * WIDTH
                value = load(w, place)
                c0 = vfma(spread(weights[0, j]), value, c0)
                c1 = vfma(spread(weights[1, j]), value, c1)
                c2 = vfma(spread(weights[2, j]), value, c2)
                c3 = vfma(spread(weights[3, j]), value, c3)
            tip, base = larger(vabs(c0), vabs(c1)), larger(vabs(c2), vabs(c3))
            # over two degrees
            ratio = tip / larger(larger(tip, base), spread(1e-300))
            # what is left of a series of such terms
            local = tip / larger(spread(1.0) - ratio, spread(0.05))
            for _ in range((s - 1) // 2):
                local = local * ratio
            total = total + local
        store(w, e + r * WIDTH, total)
    for r in range(m):
        total = spread(0.0)
        for q in range(m):
            entry = load(w, amplified + (r * m + q) * WIDTH)
            total = vfma(entry, load(w, e + q * WIDTH), total)
        size = larger(load(w, largest + r * WIDTH), spread(1e-300))
        store(w, error + r * WIDTH, spread(SAFETY) * total / size)
