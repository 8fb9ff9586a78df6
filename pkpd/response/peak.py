"""Where a dose-response curve peaks between grid doses, and where it crosses a level.

Works on curves alone (benefit at doses), patient by patient, in element-wise arithmetic of fixed
order. Knows no models.
"""

import numpy as np

from pkpd.response.polynomials import weights_at

OFFSETS = np.arange(-3, 4) / 3  # in steps around the centre of a window of seven doses
NEW = np.array([1, 2, 4, 5])  # those that are not known beforehand
HALVINGS = 18  # of the distance between two doses, to find where an interpolation crosses a level
_FIT = np.linalg.pinv(np.vander(OFFSETS, 5, increasing=True))  # least squares quartic: (5, 7)


def doubtful(x, gain, allowed, least):
    """Patient (n,) and log dose (n,) midway between doses where a curve is not known well enough.

    That is where two cubics and a quintic through the doses looked at differ by more than is
    allowed (P,), between two that are more than `least` apart.
    x, gain : (P, L) as in `bracket`; x may be (1, L), of doses that all have been looked at
    """
    wide = np.isfinite(x[:, 1:]) & (x[:, 1:] - np.where(np.isfinite(x), x, 0.0)[:, :-1] > least)
    where, left = np.nonzero(wide)
    middle = 0.5 * (x[where, left] + x[where, left + 1])
    rows = where if len(x) == len(gain) else np.arange(len(gain))[:, None]
    between = []
    for columns in _neighbours(x, where, left):
        weights = weights_at(x[where[:, None], columns], middle)
        between.append(sum(w * gain[rows, c] for w, c in zip(weights.T, columns.T, strict=True)))
    unknown = np.ptp(between, axis=0) > allowed[rows]
    return tuple(np.broadcast_to(each, unknown.shape)[unknown] for each in (rows, middle))


def candidates(gain, noise):
    """Patient (n,) and place (n,) of every dose looked at beside which a curve can be highest.

    The best dose of each curve, and its other local maxima that a valley deeper than noise parts
    from it: beside a steep peak the grid sees little of it, so low ones count too. gain : (P, D);
    noise : (P,). Ties go to the lower dose.
    """
    everybody, edge = np.arange(len(gain)), np.ones((len(gain), 1), bool)
    best = np.argmax(gain, axis=1)
    rising = np.hstack([edge, gain[:, 1:] > gain[:, :-1]])
    falling = np.hstack([gain[:, :-1] >= gain[:, 1:], edge])
    chosen = rising & falling & (gain - _lowest_between(gain, best) > noise[:, None])
    chosen[everybody, best] = True
    return np.nonzero(chosen)


def _lowest_between(gain, best):
    """(P, D) lowest value on the way from the best dose (P,) of each curve to every other."""
    index = np.arange(gain.shape[1])
    right = np.where(index >= best[:, None], gain, np.inf)
    left = np.where(index <= best[:, None], gain, np.inf)
    right = np.minimum.accumulate(right, axis=1)
    left = np.minimum.accumulate(left[:, ::-1], axis=1)[:, ::-1]
    return np.where(index >= best[:, None], right, left)


def summit(values):
    """Where the quartic through seven values (P, 7) at OFFSETS is highest, on [-1, 1].

    Returns
    -------
    (P,) offset in steps, -1 or 1 where the best is at the window's end; (P,) value there; (P,)
    largest distance of the values from the quartic.
    """
    coefficients = np.zeros((len(values), 5))
    for k in range(5):
        for j in range(len(OFFSETS)):
            coefficients[:, k] += _FIT[k, j] * values[:, j]
    fine = np.linspace(-1.0, 1.0, 41)
    at = fine[np.argmax(_polynomial(coefficients, fine[None, :]), axis=1)]
    for _ in range(6):
        slope = _polynomial(coefficients[:, 1:] * np.arange(1, 5), at[:, None])[:, 0]
        bend = _polynomial(coefficients[:, 2:] * np.array([2.0, 6.0, 12.0]), at[:, None])[:, 0]
        step = np.where(bend < 0, -slope / np.where(bend < 0, bend, 1.0), 0.0)
        at = np.clip(at + np.clip(step, -0.05, 0.05), -1.0, 1.0)
    misfit = np.abs(_polynomial(coefficients, OFFSETS[None, :]) - values).max(axis=1)
    return at, _polynomial(coefficients, at[:, None])[:, 0], misfit


def _polynomial(coefficients, x):
    """Values (P, n) of polynomials (P, k) with rising powers at x (P or 1, n)."""
    total = np.zeros((len(coefficients), x.shape[1]))
    for k in range(coefficients.shape[1] - 1, -1, -1):
        total = total * x + coefficients[:, k : k + 1]
    return total


def bracket(x, gain, level, peak, side, noise):
    """Patients (n,) whose curve falls through its level beside its peak, and the column before.

    x, gain : (P, L) log doses looked at, rising, and benefits; inf and NaN behind the last
    level, peak, noise : (P,); side : -1 below the peak, 1 above it, 0 below the least dose that
    reaches the level. The crossing lies between that column (n,) and the next.
    """
    if side == 0:
        first = np.argmax(gain >= level[:, None], axis=1)
        rows = np.flatnonzero(first)
        return rows, first[rows] - 1
    index, count = np.arange(x.shape[1]), x.shape[1]
    beyond = (x - peak[:, None]) * side > 0
    under = beyond & (gain < (level - noise)[:, None])
    rows = np.flatnonzero(under.any(axis=1))
    under, reached = under[rows], gain[rows] >= level[rows, None]
    if side < 0:
        outer = count - 1 - np.argmax(under[:, ::-1], axis=1)
        return rows, np.argmax(reached & (index > outer[:, None]), axis=1) - 1
    outer = np.argmax(under, axis=1)
    return rows, count - 1 - np.argmax((reached & (index < outer[:, None]))[:, ::-1], axis=1)


def estimates(x, gain, left, level):
    """Where curves cross a level (n,) between columns left (n,) and left + 1, three times: (3, n).

    x, gain : (n, L), rising, at least six doses each
    """
    a, b = (np.take_along_axis(x, (left + k)[:, None], axis=1)[:, 0] for k in (0, 1))
    rising = np.take_along_axis(gain, left[:, None], axis=1)[:, 0] < level
    found = []
    for places, differences in _interpolations(x, gain, left):
        low, high = a, b
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            below = (_newton(places, differences, middle) < level) == rising
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        # a dose that failed has no benefit to estimate from
        found.append(np.where(np.isfinite(differences[:, -1]), 0.5 * (low + high), np.nan))
    return np.array(found)


def _interpolations(x, gain, left):
    """Yield nodes (n, k) and divided differences (n, k) of polynomials between left and left + 1.

    x, gain : (n, L), rising, at least six doses each; left : (n,) column
    """
    rows = np.arange(len(x))
    for columns in _neighbours(x, rows, left):
        places = x[rows[:, None], columns]
        yield places, _divided(places, gain[rows[:, None], columns])


def _neighbours(x, rows, left):
    """Yield the columns (n, k) of doses on which polynomials between left and left + 1 rest.

    They are the cubics through two doses more on the left and on the right, and the quintic through
    all six. x : (P, L), rising, at least six doses each; rows, left : (n,) row and column
    """
    last = np.isfinite(x).sum(axis=1)[rows]
    for first, nodes in ((left - 2, 4), (left, 4), (left - 2, 6)):
        yield np.clip(first, 0, last - nodes)[:, None] + np.arange(nodes)


def _divided(nodes, heights):
    """Divided differences (n, k) of heights (n, k) at nodes (n, k), of Newton's polynomials."""
    found = heights.copy()
    for order in range(1, nodes.shape[1]):
        found[:, order:] = np.diff(found[:, order - 1 :], axis=1) / (
            nodes[:, order:] - nodes[:, :-order]
        )
    return found


def _newton(nodes, differences, at):
    """Newton's polynomials through nodes (n, k) at one place (n,) each."""
    total = differences[:, -1]
    for k in range(nodes.shape[1] - 2, -1, -1):
        total = total * (at - nodes[:, k]) + differences[:, k]
    return total
