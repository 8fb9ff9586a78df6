"""Least squares by variable projection, for many curves at once: linear coefficients exactly, the others by search and polish.

Works on a Form (pkpd.response.curves) and weighted points; knows no models and no statistics. Rows B are independent.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

TINY = 1e-9  # a column that keeps less than this share of its length depends on those before it
STEP = 6e-6  # of central differences


@dataclass(frozen=True)
class Points:
    """x (J,) log doses, the middle of the positive ones at 0; y (J,) responses times root (J,), the square root of their weights

    constant : "none" (c = 0), "positive" or "free"
    """

    x: np.ndarray
    y: np.ndarray
    root: np.ndarray
    constant: str


@dataclass(frozen=True)
class Solution:
    """theta (B, k), rss (B,)"""

    theta: np.ndarray
    rss: np.ndarray


def columns(form, points, value, theta):
    """Weighted columns (B, m, J) of a form, the constant first where it has one."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = form.shapes(value, theta, points.x[None, :])
    if form.constant and points.constant != "none":
        found = np.concatenate([np.ones((len(found), 1, found.shape[2])), found], axis=1)
    return found * points.root


def project(form, points, value, theta):
    """Coefficients (B, m) >= 0 (a free constant of any sign) and residuals (B, J) of the best curve at each theta; inf where none exists."""
    wide = columns(form, points, value, theta)
    free = form.constant and points.constant == "free"
    bad = ~np.isfinite(wide).all(axis=(1, 2))
    beta, left = non_negative(np.where(bad[:, None, None], 0.0, wide), points.y, free)
    left[bad] = np.inf
    return beta, left


def non_negative(wide, y, free=False):
    """Non-negative least squares for a few columns, rows at once: the best of all sets of columns whose coefficients are not negative.

    wide : (B, m, J); y : (J,); free : whether the first coefficient may be negative

    Returns
    -------
    (B, m) coefficients, (B, J) residuals
    """
    rows, count, _ = wide.shape
    beta, left = least_squares(wide, y)
    wrong = np.flatnonzero((beta[:, int(free) :] < 0.0).any(axis=1))
    best = np.full(len(wrong), np.inf)
    for size in range(count - 1, -1, -1):
        for chosen in combinations(range(count), size):
            if free and 0 not in chosen or not len(wrong):
                continue
            some, rest = least_squares(wide[wrong][:, chosen], y)
            rss = np.where((some[:, int(free) :] >= 0.0).all(axis=1), (rest * rest).sum(axis=1), np.inf)
            better = rss < best
            best = np.where(better, rss, best)
            spot = wrong[better]
            beta[spot] = 0.0
            beta[np.ix_(spot, chosen)] = some[better]
            left[spot] = rest[better]
    return beta, left


def least_squares(wide, y):
    """Coefficients (B, m) and residuals (B, J) by Gram-Schmidt, each column cleaned twice; a dependent column gets 0."""
    rows, count, _ = wide.shape
    units, upper = [], np.zeros((rows, count, count))
    left, along = np.broadcast_to(y, (rows, len(y))).copy(), np.zeros((rows, count))
    for k in range(count):
        column, length = wide[:, k], np.sqrt(dot(wide[:, k], wide[:, k]))
        for _ in range(2):
            for j, unit in enumerate(units):
                part = dot(unit, column)
                upper[:, j, k] += part
                column = column - part[:, None] * unit
        size = np.sqrt(dot(column, column))
        known = size > TINY * length
        upper[:, k, k] = np.where(known, size, 1.0)
        units.append(np.where(known, 1.0 / upper[:, k, k], 0.0)[:, None] * column)
        along[:, k] = dot(units[k], left)
        left -= along[:, k : k + 1] * units[k]
    beta = np.zeros((rows, count))
    for k in range(count - 1, -1, -1):
        beta[:, k] = (along[:, k] - (upper[:, k, k + 1 :] * beta[:, k + 1 :]).sum(axis=1)) / upper[:, k, k]
    return beta, left


def dot(a, b):
    return np.einsum("bj,bj->b", a, b)


def search(form, points, values, starts=6, tolerance=1e-15):
    """Best of a grid of form.nodes over the box for each value (V,), up to `starts` separate local minima each, polished: Solution (V,)."""
    axes = [np.linspace(low, high, n) for (low, high), n in zip(form.box, form.nodes, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    value, theta = np.repeat(values, len(grid)), np.tile(grid, (len(values), 1))
    rss = total(project(form, points, value, theta)[1]).reshape(len(values), *form.nodes)
    place, at = local_minima(rss, starts)
    polished = polish(form, points, values[place], grid[at], tolerance)
    return best_of(polished, place, len(values))


def total(left):
    with np.errstate(invalid="ignore"):
        return (left * left).sum(axis=1)


def local_minima(rss, most):
    """(row, flat grid place) of the lowest local minima of rss (V, n1, n2, ...), at most so many a row."""
    flat = rss.reshape(len(rss), -1)
    low = np.isfinite(rss)
    for axis in range(1, rss.ndim):
        for shift in (1, -1):
            beside = np.roll(rss, shift, axis=axis)
            edge = [slice(None)] * rss.ndim
            edge[axis] = 0 if shift == 1 else -1
            beside[tuple(edge)] = np.inf
            low &= rss <= beside
    ranked = np.argsort(np.where(low.reshape(len(rss), -1), flat, np.inf), axis=1)[:, :most]
    keep = np.take_along_axis(low.reshape(len(rss), -1), ranked, axis=1)
    return np.repeat(np.arange(len(rss)), keep.sum(axis=1)), ranked[keep]


def best_of(solution, place, count):
    """The best of the rows that belong to each of `count` places; inf where there is none."""
    order = np.lexsort((solution.rss, place))
    first = order[np.unique(place[order], return_index=True)[1]]
    theta, rss = np.full((count, solution.theta.shape[1]), np.nan), np.full(count, np.inf)
    theta[place[first]], rss[place[first]] = solution.theta[first], solution.rss[first]
    return Solution(theta, rss)


def polish(form, points, value, theta, tolerance=1e-15, steps=60):
    """Levenberg-Marquardt within the box, every row on its own, until a step promises less than `tolerance` of rss."""
    low, high = form.box[:, 0], form.box[:, 1]
    theta, damping = np.clip(theta, low, high), np.full(len(theta), 1e-3)
    left = project(form, points, value, theta)[1]
    rss = total(left)
    going, slope = np.isfinite(rss), np.zeros((*theta.shape, left.shape[1]))
    moved, exact = going.copy(), 1e-28 * (points.y @ points.y)
    for _ in range(steps):
        fresh = np.flatnonzero(moved)
        if len(fresh):
            slope[fresh] = slopes(form, points, value[fresh], theta[fresh])
        rows = np.flatnonzero(going)
        step, promise = damped_step(slope[rows], left[rows], damping[rows], theta[rows], low, high)
        going[rows] = (promise > tolerance * rss[rows]) & (damping[rows] < 1e10) & (rss[rows] > exact)
        moved[:] = False
        rows, step = rows[going[rows]], step[going[rows]]
        if not len(rows):
            break
        trial = np.clip(theta[rows] + step, low, high)
        rest = project(form, points, value[rows], trial)[1]
        found = total(rest)
        better = found < rss[rows]
        spot = rows[better]
        theta[spot], left[spot], rss[spot], moved[spot] = trial[better], rest[better], found[better], True
        damping[rows] *= np.where(better, 0.1, 8.0)
    return Solution(theta, rss)


def slopes(form, points, value, theta):
    """Derivatives (B, k, J) of the residuals by central differences."""
    rows, count = theta.shape
    shift = STEP * np.eye(count)
    both = (theta[:, None, None, :] + np.stack([shift, -shift])).reshape(-1, count)
    left = project(form, points, np.repeat(value, 2 * count), both)[1].reshape(rows, 2, count, -1)
    with np.errstate(invalid="ignore"):
        slope = (left[:, 0] - left[:, 1]) / (2 * STEP)
    return np.where(np.isfinite(slope), slope, 0.0)


def damped_step(slope, left, damping, theta, low, high):
    """Steps (B, k) and the fall of rss they promise; a coordinate at its bound that would leave the box stays."""
    gradient = np.einsum("bkj,bj->bk", slope, left)
    held = ((theta <= low) & (gradient > 0.0)) | ((theta >= high) & (gradient < 0.0))
    gradient, slope = np.where(held, 0.0, gradient), np.where(held[:, :, None], 0.0, slope)
    square = np.einsum("bkj,blj->bkl", slope, slope)
    diagonal = np.einsum("bkk->bk", square)
    extra = damping[:, None] * np.maximum(diagonal, 1e-12 * diagonal.max(axis=1, keepdims=True)) + 1e-30
    step = -np.linalg.solve(square + extra[:, :, None] * np.eye(theta.shape[1]), gradient[:, :, None])[:, :, 0]
    return step, -dot(gradient, step)
