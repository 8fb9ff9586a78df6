"""Periodic steady state: the start values that one dosing interval maps onto themselves.

A slow patient needs hundreds of simulated days to settle; Anderson acceleration of the one-interval map finds the same
point in about a dozen maps (Walker & Ni 2011, SIAM J. Numer. Anal. 49(4), 1715-1735). Every row iterates on its own: its
numbers do not depend on its neighbours. Knows maps and rows; knows nothing of drugs or benefits.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from pkpd.solvers import driver
from pkpd.solvers.batch import solve

DEPTH = 6
BELOW_ZERO = 0.1  # nor one that takes a positive state that far below 0
FARTHEST = 3.0  # an accelerated step longer than this many times a state's largest value is not trusted
MOST_MAPS = 200
WILD = 5.0  # a residual that many times the smallest one seen starts the acceleration anew ...
PLAIN = 6  # ... after this many plain intervals, which settle slowly but surely; twice as many the next time


@dataclass(frozen=True)
class PeriodicSolution:
    """Steady state of N rows.

    y : (N, S) state at the start of the interval; integral : (N, Q) over one interval from there
    status : (N,) key of batch.STATUS; maps : (N,) intervals computed
    error : (N,) estimated distance to the fixed point, relative to each state's largest value in the interval
    control : (N, 3) step-size memory of the interval
    """

    y: np.ndarray
    integral: np.ndarray
    status: np.ndarray
    maps: np.ndarray
    error: np.ndarray
    control: np.ndarray


def periodic(kernel, theta, person, actions, period, y0=None, *, tol=1e-6, rtol=1e-6, threads=None):
    """Fixed point of one dosing interval for every row.

    Parameters
    ----------
    theta : (P, K); person : (N,) row -> patient; actions : those of one interval [0, period]; period : model time, or (N,)
    y0 : (N, S) first guess (default: the model's start values)
    tol : largest estimated error, as a share of each state's largest value in the interval

    Returns
    -------
    PeriodicSolution. A row that fails or does not settle in 200 intervals is NaN with its status.
    """
    rows, states = len(person), kernel.states
    result = PeriodicSolution(
        y=np.full((rows, states), np.nan),
        integral=np.full((rows, len(kernel.integrals)), np.nan),
        status=np.full(rows, driver.UNSTEADY, np.int8),
        maps=np.zeros(rows, np.int64),
        error=np.full(rows, np.nan),
        control=np.zeros((rows, 3)),
    )
    memory, period = _memory(rows, states), np.broadcast_to(period, rows)
    active, y = np.arange(rows), y0
    for count in range(MOST_MAPS):
        last = solve(
            kernel, theta, person[active], y, 0.0, period[active], actions.take(active), rtol=rtol, threads=threads,
            control=result.control[active] if count else None,
        )  # fmt: skip
        if count == 0:
            # the memory of the first interval is kept: the map must stay the same function from call to call
            result.control[:] = last.control
            y = _begin(kernel, theta, person) if y0 is None else np.array(y0)
        following, error = _accelerate(active, y, last.end, last.peak, *memory)
        failed = (last.status != driver.OK) & ((count == 0) | (last.status == driver.CANCELLED))
        done = failed | (error <= tol)
        rows_done = active[done]
        result.status[rows_done] = last.status[done]
        result.y[rows_done] = np.where(failed[done, None], np.nan, y[done])
        result.integral[rows_done] = last.integral[done]
        result.maps[active] = count + 1
        result.error[active] = error
        active, y = active[~done], following[~done]
        if active.size == 0:
            break
    return result


def _begin(kernel, theta, person):
    """The model's own start values, (N, S)."""
    return solve(kernel, theta, person).end


def _memory(rows, states):
    """Largest values, maps since the last restart, plain ones after the next, smallest residual, its image, last residual and image, rings of their differences."""
    return (
        np.zeros((rows, states)),
        np.zeros(rows, np.int64),
        np.full(rows, PLAIN),
        np.full(rows, np.inf),
        np.zeros((rows, states)),
        np.zeros((rows, states)),
        np.zeros((rows, states)),
        np.zeros((rows, DEPTH, states)),
        np.zeros((rows, DEPTH, states)),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _accelerate(active, y, image, peak, scale, counts, plain, best, best_g, last_f, last_g, df, dg):
    """Next iterate (n, S) and its estimated error (n,) from y (n, S) and its image (n, S)."""
    n, states = y.shape
    following = np.empty((n, states))
    error = np.empty(n)
    q = np.empty((DEPTH, states))
    upper = np.zeros((DEPTH, DEPTH))
    f = np.empty(states)
    for a in range(n):
        r = active[a]
        count = counts[r]
        counts[r] += 1
        for i in range(states):
            # the largest value ever seen, so that a state on its way through 0 does not look unsettled
            scale[r, i] = max(scale[r, i], peak[a, i])
            f[i] = (image[a, i] - y[a, i]) / scale[r, i] if scale[r, i] > 0.0 else 0.0
            if count > 0:
                df[r, (count - 1) % DEPTH, i] = f[i] - last_f[r, i]
                dg[r, (count - 1) % DEPTH, i] = image[a, i] - last_g[r, i]
            last_f[r, i] = f[i]
            last_g[r, i] = image[a, i]
            following[a, i] = image[a, i]
        residual = np.max(np.abs(f))
        if not residual <= WILD * best[r]:
            # far from the fixed point the secants may mislead: go back to the best image and forget them
            following[a] = best_g[r]
            counts[r] = -plain[r]
            plain[r] *= 2
            best[r] = np.inf
            error[a] = np.inf
            continue
        if residual < best[r]:
            best[r] = residual
            best_g[r] = image[a]
        used = min(max(count, 0), DEPTH)
        rank = 0
        slowest = 1.0  # square of 1 - contraction, of the slowest direction seen
        order = np.empty(DEPTH, np.int64)
        for back in range(used):
            j = (count - 1 - back) % DEPTH
            size = moved = 0.0
            for i in range(states):
                q[rank, i] = df[r, j, i]
                size += q[rank, i] ** 2
                if scale[r, i] > 0.0:
                    moved += (dg[r, j, i] / scale[r, i] - df[r, j, i]) ** 2
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
        gamma = np.zeros(DEPTH)
        for p in range(rank - 1, -1, -1):
            dot = 0.0
            for i in range(states):
                dot += q[p, i] * f[i]
            for o in range(p + 1, rank):
                dot -= upper[p, o] * gamma[o]
            gamma[p] = dot / upper[p, p]
        wild = False
        step = 0.0
        for i in range(states):
            for p in range(rank):
                following[a, i] -= gamma[p] * dg[r, order[p], i]
            if (following[a, i] < -BELOW_ZERO * scale[r, i] and image[a, i] >= 0.0) or not np.isfinite(following[a, i]):
                wild = True
            if scale[r, i] > 0.0:
                step = max(step, abs(following[a, i] - y[a, i]) / scale[r, i])
        wild = wild or step > FARTHEST
        if wild:
            for i in range(states):
                following[a, i] = image[a, i]
        # two estimates of the error, the accelerated step and residual/(1 - contraction): the larger counts
        error[a] = max(step, residual / np.sqrt(slowest)) if rank >= 2 and not wild else 1e3 * residual
    return following, error
