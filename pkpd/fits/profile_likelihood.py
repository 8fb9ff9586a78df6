"""Profile-likelihood intervals: the values of a quantity that a limit on the rss allows.

The curve is parameterised with the quantity as its value (pkpd.fits.curve) and fitted anew at each
value. Knows parameterisations and points; knows no quantity by name.
"""

import numpy as np

from pkpd.fits.variable_projection import (
    Solution,
    best_of,
    derivatives,
    polish,
    project,
    search,
    total,
)

COARSE = 25  # values over the whole range
# values at once between the ends of a bracket, round by round; the first round looks anew for
# other valleys
BETWEEN = (7, 23, 23)
COARSELY = 1e-6  # share of rss
EDGE = 1e-6  # of theta: nearer than this to a bound is at it
NOTICED = 0.01  # share of the allowed rise of rss that a factor of e beyond a bound would take off


def interval(forms, points, best, rss, limit, reach):
    """Ends of the set of values whose best fit stays within the limit.

    Parameters
    ----------
    forms : parameterisations of the curve, of which the better counts
    points : Points
    best : value of the best fit, may be -inf or inf
    rss, limit : of the best fit, and the highest that is allowed
    reach : (lowest, highest) value that is tried

    Returns
    -------
    (low, high), -inf and inf where open; whether the set has a gap; whether the bounds of the
    search set an end
    """
    values = np.linspace(reach[0], reach[1], COARSE)
    solutions = profile(forms, points, values)
    if np.isfinite(best) and reach[0] < best < reach[1]:
        at = int(np.searchsorted(values, best))
        values = np.insert(values, at, best)
        solutions = [insert(s, at, rss if not k else np.inf) for k, s in enumerate(solutions)]
    solutions = grown(forms, points, values, solutions, limit)
    within = lowest(solutions) <= limit
    if not within.any():  # the best value, and all that are allowed, lie beyond reach
        return ((-np.inf, reach[0]) if best < reach[0] else (reach[1], np.inf)), False, True
    first, last = np.flatnonzero(within)[[0, -1]]
    brackets = [(first, first - 1), (last, last + 1)]
    (low, high), thetas = crossings(forms, points, values, solutions, brackets, limit)
    bounded = at_bounds(forms, points, thetas, limit - rss)
    return (low, high), not within[first : last + 1].all(), bounded


def profile(forms, points, values):
    """Best fit at each value (V,) in each parameterisation: list of Solution."""
    coarse = {"starts": 3, "tolerance": COARSELY, "steps": 25}
    return [search(form, points, values, **coarse) for form in forms]


def grown(forms, points, values, solutions, limit):
    """The profile, with values beyond the limit tried again from their neighbours within it.

    Repeated as long as that brings further values within the limit.
    """
    while True:
        within = lowest(solutions) <= limit
        after = 1 + np.flatnonzero(within[:-1] & ~within[1:])  # beyond, with the one before within
        before = np.flatnonzero(~within[:-1] & within[1:])  # beyond, with the one after within
        here, beside = np.append(after, before), np.append(after - 1, before + 1)
        if not len(here):
            return solutions
        tried = [
            warm(form, points, values[here], solution.theta[beside][:, None])
            for form, solution in zip(forms, solutions, strict=True)
        ]
        for solution, other in zip(solutions, tried, strict=True):
            lower = other.rss < solution.rss[here]
            solution.theta[here[lower]] = other.theta[lower]
            solution.rss[here[lower]] = other.rss[lower]
        if not (lowest(solutions)[here] <= limit).any():
            return solutions


def lowest(solutions):
    """(V,) rss of the better parameterisation."""
    return np.min([solution.rss for solution in solutions], axis=0)


def insert(solution, at, rss):
    """The solution with the best fit put in; its theta is that of its neighbour."""
    beside = solution.theta[min(at, len(solution.rss) - 1)]
    return Solution(np.insert(solution.theta, at, beside, axis=0), np.insert(solution.rss, at, rss))


def crossings(forms, points, values, solutions, brackets, limit):
    """Where the profile passes the limit, (2,): between an index within it and the one beyond it.

    Infinite where there is none beyond it. And [(value, thetas of the parameterisations)] just
    within each finite end.
    """
    out = np.array([-np.inf, np.inf])
    closed = [k for k, (_, beyond) in enumerate(brackets) if 0 <= beyond < len(values)]
    if not closed:
        return out, []
    pairs = np.array([brackets[k] for k in closed])
    ends, rss = values[pairs], lowest(solutions)[pairs]
    thetas = [solution.theta[pairs] for solution in solutions]
    for count in BETWEEN:
        ends, rss, thetas = narrower(forms, points, ends, rss, thetas, limit, count)
    share = (limit - rss[:, 0]) / (rss[:, 1] - rss[:, 0])
    out[closed] = ends[:, 0] + share * (ends[:, 1] - ends[:, 0])
    within = zip(ends[:, :1], *(theta[:, :1] for theta in thetas), strict=True)
    return out, [(value, at_value) for value, *at_value in within]


def at_bounds(forms, points, ends, allowed):
    """Whether an end would move if the bounds of theta were wider.

    It would if theta lies at a bound there and rss falls beyond it.

    ends : [(value (1,), thetas (1, k) of the parameterisations)]; allowed : rise of rss from its
        least value to the limit
    """
    for value, thetas in ends:
        left = [project(f, points, value, t)[1] for f, t in zip(forms, thetas, strict=True)]
        best = int(np.argmin([total(rest)[0] for rest in left]))
        form, theta = forms[best], thetas[best]
        gradient = derivatives(form, points, value, theta, left[best])[0]
        outward = gradient * (theta <= form.box[:, 0] + EDGE)
        outward = outward - gradient * (theta >= form.box[:, 1] - EDGE)
        if (2.0 * outward > NOTICED * allowed).any():
            return True
    return False


def narrower(forms, points, ends, rss, thetas, limit, between):
    """Brackets (n, 2) that are `between` + 1 times narrower, and rss and thetas at their ends."""
    count = len(ends)
    at = np.linspace(ends[:, 0], ends[:, 1], between + 2, axis=1)
    inside = at[:, 1:-1].ravel()
    tried = [
        warm(form, points, inside, np.repeat(theta, between, axis=0))
        for form, theta in zip(forms, thetas, strict=True)
    ]
    if between == BETWEEN[0]:
        tried = [better(a, b) for a, b in zip(tried, profile(forms, points, inside), strict=True)]
    level = np.hstack([rss[:, :1], lowest(tried).reshape(count, -1), rss[:, 1:]])
    outermost = np.argmax(level[:, ::-1] <= limit, axis=1)  # within the limit, from the far end
    beyond = level.shape[1] - outermost
    pick = np.arange(count)[:, None], np.stack([beyond - 1, beyond], axis=1)
    joined = [
        np.hstack([t[:, :1], s.theta.reshape(count, between, -1), t[:, 1:]])
        for t, s in zip(thetas, tried, strict=True)
    ]
    return at[pick], level[pick], [j[pick] for j in joined]


def better(one, other):
    """Row by row the solution with less rss."""
    first = one.rss <= other.rss
    return Solution(
        np.where(first[:, None], one.theta, other.theta), np.where(first, one.rss, other.rss)
    )


def warm(form, points, values, starts, tolerance=1e-10):
    """Best fit at each value (V,), polished from each of its starts (V, n, k) that exists."""
    row, start = np.nonzero(np.isfinite(starts).all(axis=2))
    polished = polish(form, points, values[row], starts[row, start], tolerance)
    return best_of(polished, row, len(values))
