"""Where a dose-response curve peaks between grid doses, and where it crosses a level.

Works on curves alone (benefit at doses), patient by patient, in element-wise arithmetic of fixed
order. Knows no models.
"""

import numpy as np

OFFSETS = np.array(
    [-1.0, -2 / 3, -1 / 3, 0.0, 1 / 3, 2 / 3, 1.0]
)  # in grid steps around the centre
NEW = np.array([1, 2, 4, 5])  # those that are not grid doses
_FIT = np.linalg.pinv(np.vander(OFFSETS, 5, increasing=True))  # least squares quartic: (5, 7)


def centres(gain):
    """Grid index (P,) of the best dose, moved off the ends, and of the next best local maximum.

    The second is separate from the first, -1 where there is none. Ties go to the lower dose.
    """
    count = gain.shape[1]
    best = np.argmax(gain, axis=1)
    inner = (gain[:, 1:-1] > gain[:, :-2]) & (gain[:, 1:-1] >= gain[:, 2:])
    local = np.hstack([gain[:, :1] > gain[:, 1:2], inner, gain[:, -1:] > gain[:, -2:-1]])
    index = np.arange(count)
    apart = local & (np.abs(index - best[:, None]) > 1)
    others = np.where(apart, gain, -np.inf)
    second = np.where(apart.any(axis=1), np.argmax(others, axis=1), -1)
    return np.clip(best, 1, count - 2), np.where(second >= 0, np.clip(second, 1, count - 2), -1)


def summit(values):
    """Argmax and maximum of the quartic through seven values (P, 7) at OFFSETS, on [-1, 1].

    Returns
    -------
    (P,) offset in grid steps, -1 or 1 where the best is at the window's end, and (P,) value there.
    """
    coefficients = np.zeros((len(values), 5))
    for k in range(5):
        for j in range(len(OFFSETS)):
            coefficients[:, k] += _FIT[k, j] * values[:, j]
    fine = np.linspace(-1.0, 1.0, 201)
    at = fine[np.argmax(_polynomial(coefficients, fine[None, :]), axis=1)]
    for _ in range(6):
        slope = _polynomial(coefficients[:, 1:] * np.arange(1, 5), at[:, None])[:, 0]
        bend = _polynomial(coefficients[:, 2:] * np.array([2.0, 6.0, 12.0]), at[:, None])[:, 0]
        step = np.where(bend < 0, -slope / np.where(bend < 0, bend, 1.0), 0.0)
        at = np.clip(at + np.clip(step, -0.01, 0.01), -1.0, 1.0)
    return at, _polynomial(coefficients, at[:, None])[:, 0]


def _polynomial(coefficients, x):
    """Values (P, n) of polynomials (P, k) with rising powers at x (P or 1, n)."""
    total = np.zeros((len(coefficients), x.shape[1]))
    for k in range(coefficients.shape[1] - 1, -1, -1):
        total = total * x + coefficients[:, k : k + 1]
    return total


def crossing(x, gain, level, peak, side):
    """Log dose (P,) where each curve falls through its level beside its peak.

    x : (D,) log doses; benefit : (P, D); level, peak : (P,); side : -1 below the peak, 1 above it.
    -inf or inf where the curve does not cross inside the grid.
    """
    low = gain < level[:, None]
    beyond = low & ((x < peak[:, None]) if side < 0 else (x > peak[:, None]))
    found = beyond.any(axis=1)
    count = len(x)
    outer = (
        count - 1 - np.argmax(beyond[:, ::-1], axis=1) if side < 0 else np.argmax(beyond, axis=1)
    )
    inner = np.clip(outer - side, 0, count - 1)
    a, b = x[outer], np.where(side < 0, np.minimum(x[inner], peak), np.maximum(x[inner], peak))
    first = np.clip(np.minimum(outer, inner) - 1, 0, count - 4)
    nodes = x[first[:, None] + np.arange(4)]
    heights = np.take_along_axis(gain, first[:, None] + np.arange(4), axis=1)
    for _ in range(45):
        middle = 0.5 * (a + b)
        below = _cubic(nodes, heights, middle) < level
        a, b = np.where(below, middle, a), np.where(below, b, middle)
    return np.where(found, 0.5 * (a + b), side * np.inf)


def _cubic(nodes, heights, at):
    """Cubic through four nodes (P, 4) at one place (P,)."""
    total = np.zeros(len(at))
    for i in range(4):
        weight = np.ones(len(at))
        for j in range(4):
            if j != i:
                weight = weight * ((at - nodes[:, j]) / (nodes[:, i] - nodes[:, j]))
        total += weight * heights[:, i]
    return total
