"""Anderson acceleration of a map, for many rows at once, each by its own memory.

The next iterate is the combination of earlier images that leaves the least residual, and its error
is estimated beside it (Walker & Ni 2011, SIAM J. Numer. Anal. 49(4), 1715-1735). Knows states and
their images; knows nothing of what maps them.
"""

from typing import NamedTuple

import numpy as np

from pkpd.kernels.compiled import compiled

DEPTH = 6  # earlier maps that it remembers
FARTHEST = 3.0  # a step that moves a state by so many times its largest value is not trusted ...
BELOW_ZERO = 0.1  # ... nor one that takes a positive state so far below 0
WILD = 5.0  # a residual that many times the smallest one seen starts the acceleration anew ...
PLAIN = 6  # ... after so many plain intervals, slow but sure; twice as many the next time
# A fixed point is in doubt where a secant longer than PLAINLY, in units of the largest values,
# leads away or is pulled back by less than PULL of itself, or where a state has grown by GROWN
# since the first interval.
PLAINLY, PULL, GROWN = 1e-3, 1e-3, 1e3


class Memory(NamedTuple):
    """What the acceleration remembers of each row."""

    scale: np.ndarray  # (N, S) largest sizes so far
    first: np.ndarray  # (N, S) those of the first interval
    counts: np.ndarray  # (N,) maps since the last restart
    plain: np.ndarray  # (N,) plain maps after the next one
    best: np.ndarray  # (N,) smallest residual ...
    best_g: np.ndarray  # (N, S) ... and its image
    last_f: np.ndarray  # (N, S) last residual, as a share of scale
    last_g: np.ndarray  # (N, S) last image
    last_y: np.ndarray  # (N, S) last states
    df: np.ndarray  # (N, DEPTH, S) rings of their differences
    dg: np.ndarray
    dy: np.ndarray


def memory_of(rows, states):
    """The Memory of rows that have not been mapped yet."""
    return Memory(
        scale=np.zeros((rows, states)),
        first=np.zeros((rows, states)),
        counts=np.zeros(rows, np.int64),
        plain=np.full(rows, PLAIN),
        best=np.full(rows, np.inf),
        best_g=np.zeros((rows, states)),
        last_f=np.zeros((rows, states)),
        last_g=np.zeros((rows, states)),
        last_y=np.zeros((rows, states)),
        df=np.zeros((rows, DEPTH, states)),
        dg=np.zeros((rows, DEPTH, states)),
        dy=np.zeros((rows, DEPTH, states)),
    )


@compiled
def _doubtful(scale, first, dy, dg):
    """Whether a row's fixed point is in doubt, from its secants of states and images (DEPTH, S)."""
    for i in range(len(scale)):
        if first[i] > 0.0 and scale[i] > GROWN * first[i]:
            return True
    for j in range(DEPTH):
        way = pull = against = 0.0
        for i in range(len(scale)):
            if scale[i] > 0.0:
                step = dy[j, i] / scale[i]
                back = dg[j, i] / scale[i] - step
                way += step**2
                pull += back**2
                against += step * back
        if way > PLAINLY**2 and (against > 0.0 or pull < PULL**2 * way):
            return True
    return False


@compiled
def accelerate(active, y, image, largest, tol, doubt, memory):
    """Next iterate (n, S) and its estimated error (n,) from y (n, S) and its image (n, S)."""
    n, states = y.shape
    following, error, f = image.copy(), np.empty(n), np.empty(states)
    q, upper, order = np.empty((DEPTH, states)), np.zeros((DEPTH, DEPTH)), np.empty(DEPTH, np.int64)
    for a in range(n):
        r = active[a]
        count = memory.counts[r]
        memory.counts[r] += 1
        _remember(r, count, y[a], image[a], largest[a], f, memory)
        residual = np.max(np.abs(f))
        if not residual <= WILD * memory.best[r]:
            # far from the fixed point secants may mislead: return to the best image without them
            following[a] = memory.best_g[r]
            memory.counts[r] = -memory.plain[r]
            memory.plain[r] *= 2
            memory.best[r] = np.inf
            error[a] = np.inf
            continue
        if residual < memory.best[r]:
            memory.best[r] = residual
            memory.best_g[r] = image[a]
        rank, slowest = _orthogonal(r, count, q, upper, order, memory)
        gamma = _weights(f, q, upper, rank)
        step = _extrapolated(r, y[a], image[a], following[a], gamma, order, rank, memory)
        # Two estimates of the error: the accelerated step and residual/(1 - contraction). The
        # larger counts, also where the step was not taken: a state that runs away has not settled.
        error[a] = (
            max(step, residual / np.sqrt(slowest)) if rank >= min(2, states) else 1e3 * residual
        )
        scale, first = memory.scale[r], memory.first[r]
        doubt[r] = error[a] <= tol and _doubtful(scale, first, memory.dy[r], memory.dg[r])
    return following, error


@compiled
def _remember(r, count, y, image, largest, f, memory):
    """Enter a map of row r; its residual, as a share of the largest sizes, is written to f (S,)."""
    place = (count - 1) % DEPTH
    scale = memory.scale[r]
    for i in range(len(f)):
        # the largest value so far, so that a state on its way through 0 does not look unsettled
        memory.first[r, i] = largest[i] if memory.first[r, i] == 0.0 else memory.first[r, i]
        scale[i] = max(scale[i], largest[i])
        f[i] = (image[i] - y[i]) / scale[i] if scale[i] > 0.0 else 0.0
        if count > 0:
            memory.df[r, place, i] = f[i] - memory.last_f[r, i]
            memory.dg[r, place, i] = image[i] - memory.last_g[r, i]
            memory.dy[r, place, i] = y[i] - memory.last_y[r, i]
        memory.last_f[r, i] = f[i]
        memory.last_g[r, i] = image[i]
        memory.last_y[r, i] = y[i]


@compiled
def _orthogonal(r, count, q, upper, order, memory):
    """QR factors of row r's differences of residuals, newest first, by Gram and Schmidt.

    Row p of q (DEPTH, S) belongs to place order[p] of the ring. Returns how many there are, and
    the square of 1 - contraction of the slowest direction seen.
    """
    states = q.shape[1]
    rank, slowest = 0, 1.0
    for back in range(min(max(count, 0), DEPTH)):
        j = (count - 1 - back) % DEPTH
        size = moved = 0.0
        for i in range(states):
            q[rank, i] = memory.df[r, j, i]
            size += q[rank, i] ** 2
            if memory.scale[r, i] > 0.0:
                moved += (memory.dg[r, j, i] / memory.scale[r, i] - memory.df[r, j, i]) ** 2
        if size < slowest * moved:
            slowest = size / moved
        for p in range(rank):
            dot = 0.0
            for i in range(states):
                dot += q[p, i] * q[rank, i]
            upper[p, rank] = dot
            for i in range(states):
                q[rank, i] -= dot * q[p, i]
        left = 0.0
        for i in range(states):
            left += q[rank, i] ** 2
        # a difference that lies almost within the span of newer ones would only amplify noise
        if left > 1e-10 * size and left > 0.0:
            upper[rank, rank] = np.sqrt(left)
            for i in range(states):
                q[rank, i] /= upper[rank, rank]
            order[rank] = j
            rank += 1
    return rank, slowest


@compiled
def _weights(f, q, upper, rank):
    """Weights (DEPTH,) of the differences that leave the least residual of f (S,)."""
    gamma = np.zeros(DEPTH)
    for p in range(rank - 1, -1, -1):
        dot = 0.0
        for i in range(len(f)):
            dot += q[p, i] * f[i]
        for o in range(p + 1, rank):
            dot -= upper[p, o] * gamma[o]
        gamma[p] = dot / upper[p, p]
    return gamma


@compiled
def _extrapolated(r, y, image, following, gamma, order, rank, memory):
    """Take row r's accelerated step in `following` (S,), which holds the image, if it can be
    trusted. Returns its size, also where it is not taken."""
    scale = memory.scale[r]
    wild, step = False, 0.0
    for i in range(len(y)):
        for p in range(rank):
            following[i] -= gamma[p] * memory.dg[r, order[p], i]
        finite = np.isfinite(following[i])
        below = following[i] < -BELOW_ZERO * scale[i] and image[i] >= 0.0
        wild = wild or below or not finite
        if scale[i] > 0.0:
            step = max(step, abs(following[i] - y[i]) / scale[i]) if finite else np.inf
    if wild or step > FARTHEST:
        following[:] = image
    return step
