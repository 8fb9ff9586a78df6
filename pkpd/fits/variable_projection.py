"""Least squares by variable projection, for many curves at once.

The linear coefficients are exact at each theta; theta is found by search and polish. Rows B are
independent. Knows a Parameterisation (pkpd.fits.curve) and weighted points; knows no models and no
statistics.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

TINY = 1e-9  # a column that keeps less than this share of its length depends on those before it
ROUGH = 1e-6  # share of rss that tells local minima apart
FAINT = 1e-200  # height of a shape at the doses below which it is no shape
STEP = 2e-5  # of central differences


@dataclass(frozen=True)
class Points:
    """Weighted responses.

    x : (J,) log doses, the middle of the positive ones at 0
    y : (J,) responses times root; root : (J,) square roots of their weights
    constant : "none" (c = 0) or "free"
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


def columns(parameterisation, points, value, theta):
    """Weighted columns (B, m, J) of a parameterisation, the constant first if it has one."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        shapes = parameterisation.shapes(value, theta, points.x[None, :])
    if parameterisation.constant and points.constant != "none":
        shapes = np.concatenate([np.ones((len(shapes), 1, shapes.shape[2])), shapes], axis=1)
    return shapes * points.root


def project(parameterisation, points, value, theta):
    """Coefficients (B, m) and residuals (B, J) of the best curve at each theta.

    Coefficients are >= 0, but for a free constant. Residuals are inf where no curve exists.
    """
    wide = columns(parameterisation, points, value, theta)
    free = parameterisation.constant and points.constant == "free"
    bad = ~np.isfinite(wide).all(axis=(1, 2))
    wide = np.where(bad[:, None, None], 0.0, wide)
    height = np.abs(wide).max(axis=2)
    height[height < FAINT] = np.inf
    beta, left = non_negative(wide / height[:, :, None], points.y, free)
    left[bad] = np.inf
    return beta / height, left


def non_negative(wide, y, free=False):
    """Non-negative least squares for a few columns, all rows at once.

    The best of all sets of columns whose coefficients are not negative.

    Parameters
    ----------
    wide : (B, m, J)
    y : (J,)
    free : whether the first coefficient may be negative

    Returns
    -------
    (B, m) coefficients, (B, J) residuals
    """
    count = wide.shape[1]
    beta, left = least_squares(wide, y)
    bounded = slice(int(free), None)
    wrong = np.flatnonzero((beta[:, bounded] < 0.0).any(axis=1))
    best = np.full(len(wrong), np.inf)
    for size in range(count - 1, -1, -1):
        for chosen in combinations(range(count), size):
            if (free and 0 not in chosen) or not len(wrong):
                continue
            some, rest = least_squares(wide[wrong][:, chosen], y)
            allowed = (some[:, bounded] >= 0.0).all(axis=1)
            rss = np.where(allowed, (rest * rest).sum(axis=1), np.inf)
            better = rss < best
            best = np.where(better, rss, best)
            rows = wrong[better]
            beta[rows] = 0.0
            beta[np.ix_(rows, np.array(chosen, int))] = some[better]
            left[rows] = rest[better]
    return beta, left


def least_squares(wide, y):
    """Coefficients (B, m) and residuals (B, J) by Gram-Schmidt, each column orthogonalised twice.

    A column that depends on those before it gets 0.
    """
    rows, count, _ = wide.shape
    units: list[np.ndarray] = []
    upper = np.zeros((rows, count, count))
    left, along = np.broadcast_to(y, (rows, len(y))).copy(), np.zeros((rows, count))
    for k in range(count):
        column, length = wide[:, k], np.sqrt(dot(wide[:, k], wide[:, k]))
        for _ in range(2):
            for j, unit in enumerate(units):
                part = dot(unit, column)
                upper[:, j, k] += part
                column = column - part[:, None] * unit
        size = np.sqrt(dot(column, column))
        independent = size > TINY * length
        upper[:, k, k] = np.where(independent, size, 1.0)
        units.append(np.where(independent, 1.0 / upper[:, k, k], 0.0)[:, None] * column)
        along[:, k] = dot(units[k], left)
        left -= along[:, k : k + 1] * units[k]
    beta = np.zeros((rows, count))
    for k in range(count - 1, -1, -1):
        later = (upper[:, k, k + 1 :] * beta[:, k + 1 :]).sum(axis=1)
        beta[:, k] = (along[:, k] - later) / upper[:, k, k]
    return beta, left


def dot(a, b):
    """Scalar product of each row."""
    return np.einsum("bj,bj->b", a, b)


def search(parameterisation, points, values, starts=6, tolerance=1e-15, steps=200):
    """Best fit at each value (V,): Solution (V,).

    Begins at up to `starts` local minima of rss on the grid of the nodes. A rough polish finds the
    best of them, which is polished until a step promises less than `tolerance` of rss.
    """
    nodes = parameterisation.nodes
    grid = np.stack(np.meshgrid(*nodes, indexing="ij"), axis=-1).reshape(-1, len(nodes))
    value, theta = np.repeat(values, len(grid)), np.tile(grid, (len(values), 1))
    rss = total(project(parameterisation, points, value, theta)[1])
    row, node = local_minima(rss.reshape(len(values), *map(len, nodes)), starts)
    polished = polish(parameterisation, points, values[row], grid[node], ROUGH, 25)
    rough = best_of(polished, row, len(values))
    some = np.isfinite(rough.rss)
    fine = polish(parameterisation, points, values[some], rough.theta[some], tolerance, steps)
    rough.theta[some], rough.rss[some] = fine.theta, fine.rss
    return rough


def total(left):
    """Residual sums of squares (B,)."""
    with np.errstate(invalid="ignore"):
        return (left * left).sum(axis=1)


def local_minima(rss, most):
    """Rows and flat grid indices of the lowest local minima of rss (V, n1, n2, ...).

    most : of one row
    """
    flat = rss.reshape(len(rss), -1)
    low = np.isfinite(rss)
    for axis in range(1, rss.ndim):
        for shift in (1, -1):
            beside = np.roll(rss, shift, axis=axis)
            edge: list[slice | int] = [slice(None)] * rss.ndim
            edge[axis] = 0 if shift == 1 else -1
            beside[tuple(edge)] = np.inf
            low &= rss <= beside
    ranked = np.argsort(np.where(low.reshape(len(rss), -1), flat, np.inf), axis=1)[:, :most]
    keep = np.take_along_axis(low.reshape(len(rss), -1), ranked, axis=1)
    return np.repeat(np.arange(len(rss)), keep.sum(axis=1)), ranked[keep]


def best_of(solution, group, count):
    """The best row of each of `count` groups; inf where a group has none."""
    order = np.lexsort((solution.rss, group))
    first = order[np.unique(group[order], return_index=True)[1]]
    theta, rss = np.full((count, solution.theta.shape[1]), np.nan), np.full(count, np.inf)
    theta[group[first]], rss[group[first]] = solution.theta[first], solution.rss[first]
    return Solution(theta, rss)


def polish(parameterisation, points, value, theta, tolerance=1e-15, steps=60):
    """Damped Newton steps within the box, each row on its own.

    They end where a step promises less than `tolerance` of rss. Gauss-Newton steps alone creep
    where residuals are large, as they are in most assays.
    """
    low, high = parameterisation.box[:, 0], parameterisation.box[:, 1]
    theta, damping = np.clip(theta, low, high), np.full(len(theta), 1e-3)
    left = project(parameterisation, points, value, theta)[1]
    rss = total(left)
    rows, count = theta.shape
    going, moved = np.isfinite(rss), np.isfinite(rss)
    gradient = np.zeros((rows, count))
    square, bend = np.zeros((rows, count, count)), np.zeros((rows, count, count))
    exact = 1e-28 * (points.y @ points.y)
    for _ in range(steps):
        fresh = np.flatnonzero(moved)
        if len(fresh):
            gradient[fresh], square[fresh], bend[fresh] = derivatives(
                parameterisation, points, value[fresh], theta[fresh], left[fresh]
            )
        now = np.flatnonzero(going)
        step, promise = damped_step(
            gradient[now], square[now], bend[now], damping[now], theta[now], low, high
        )
        going[now] = (promise > tolerance * rss[now]) & (damping[now] < 1e10) & (rss[now] > exact)
        moved[:] = False
        now, step = now[going[now]], step[going[now]]
        if not len(now):
            break
        trial = np.clip(theta[now] + step, low, high)
        rest = project(parameterisation, points, value[now], trial)[1]
        rss_of_trial = total(rest)
        better = rss_of_trial < rss[now]
        accepted = now[better]
        theta[accepted], left[accepted] = trial[better], rest[better]
        rss[accepted], moved[accepted] = rss_of_trial[better], True
        damping[now] *= np.where(better, 0.1, 8.0)
    return Solution(theta, rss)


def derivatives(parameterisation, points, value, theta, left):
    """Half the gradient (B, k) of rss and the two parts (B, k, k) of half its Hessian.

    The parts come from the slopes of the residuals and from their second derivatives: central
    differences at theta +- STEP in one or two coordinates at once.
    """
    rows, count = theta.shape
    pairs = [(i, j) for i in range(count) for j in range(i)]
    one = np.eye(count)
    shifts = STEP * np.array([*one, *(one[i] + one[j] for i, j in pairs)])
    tried = (theta[:, None, None, :] + np.stack([shifts, -shifts])).reshape(-1, count)
    around = project(parameterisation, points, np.repeat(value, 2 * len(shifts)), tried)[1]
    around = around.reshape(rows, 2, len(shifts), -1)
    with np.errstate(invalid="ignore"):
        slope = (around[:, 0, :count] - around[:, 1, :count]) / (2 * STEP)
        second = (around[:, 0] + around[:, 1] - 2 * left[:, None, :]) / STEP**2
    slope = np.where(np.isfinite(slope), slope, 0.0)
    second = np.where(np.isfinite(second), second, 0.0)
    curved = np.einsum("bsj,bj->bs", second, left)
    bend = np.zeros((rows, count, count))
    for i in range(count):
        bend[:, i, i] = curved[:, i]
    for k, (i, j) in enumerate(pairs):
        bend[:, i, j] = bend[:, j, i] = (curved[:, count + k] - curved[:, i] - curved[:, j]) / 2
    return np.einsum("bkj,bj->bk", slope, left), np.einsum("bkj,blj->bkl", slope, slope), bend


def damped_step(gradient, square, bend, damping, theta, low, high):
    """Steps (B, k) and the fall (B,) of rss they promise.

    A coordinate at its bound that would leave the box stays.
    """
    held = ((theta <= low) & (gradient > 0.0)) | ((theta >= high) & (gradient < 0.0))
    gradient, still = np.where(held, 0.0, gradient), held[:, :, None] | held[:, None, :]
    square, bend = np.where(still, 0.0, square), np.where(still, 0.0, bend)
    diagonal = np.einsum("bkk->bk", square)
    extra = np.maximum(diagonal, 1e-12 * diagonal.max(axis=1, keepdims=True)) + 1e-30
    extra = (damping[:, None] * extra + 1e-30)[:, :, None] * np.eye(theta.shape[1])
    hessian = square + bend + extra
    convex = np.linalg.eigvalsh(hessian)[:, 0] > 0.0
    hessian = np.where(convex[:, None, None], hessian, square + extra)
    step = -np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
    return step, -dot(gradient, step)
