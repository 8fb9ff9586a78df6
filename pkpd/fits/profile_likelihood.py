"""Profile-likelihood intervals: the values of one quantity of a curve that a limit on the residual sum of squares allows.

The curve is written with the quantity as its value (pkpd.fits.curves) and fitted anew at each. Knows no quantities by name.
"""

import numpy as np

from pkpd.fits.variable_projection import Solution, best_of, polish, search

COARSE = 25  # values over the whole range
BETWEEN = (
    7,
    23,
    23,
)  # values at once between the ends of a bracket, round by round; the first round looks anew for other valleys
COARSELY = 1e-6  # share of rss


def interval(forms, points, best, rss, limit, reach):
    """Ends of the set of values whose best fit stays within the limit.

    Parameters
    ----------
    forms : ways to write the curve, of which the better counts; points : Points; best : value of the best fit, may be -inf or inf
    rss, limit : of the best fit, and the highest that is still allowed; reach : (lowest, highest) value that is looked at

    Returns
    -------
    (low, high), -inf and inf where open; and whether the set has a gap
    """
    values = np.linspace(*reach, COARSE)
    found = profile(forms, points, values)
    inside = np.isfinite(best) and reach[0] < best < reach[1]
    if inside:
        place = int(np.searchsorted(values, best))
        values, found = (
            np.insert(values, place, best),
            [insert(f, place, rss if not k else np.inf) for k, f in enumerate(found)],
        )
    found = grown(forms, points, values, found, limit)
    within = lowest(found) <= limit
    if not within.any():  # only values beyond reach are allowed, as the best one
        return ((-np.inf, reach[0]) if best < reach[0] else (reach[1], np.inf)), False
    first, last = np.flatnonzero(within)[[0, -1]]
    low, high = crossings(
        forms, points, values, found, [(first, first - 1), (last, last + 1)], limit
    )
    return (low, high), not within[first : last + 1].all()


def profile(forms, points, values):
    """Best fit at each value (V,) in each form: list of Solution."""
    return [
        search(parameterisation, points, values, starts=3, tolerance=COARSELY, steps=25)
        for parameterisation in forms
    ]


def grown(forms, points, values, found, limit):
    """The profile, each value beyond the limit tried again from its neighbour within, as long as that brings values within."""
    while True:
        within = lowest(found) <= limit
        edges = [
            (k, k + step)
            for step in (-1, 1)
            for k in np.flatnonzero(~within)
            if 0 <= k + step < len(values) and within[k + step]
        ]
        if not edges:
            return found
        here, beside = np.array(edges).T
        tried = [
            warm(parameterisation, points, values[here], f.theta[beside][:, None])
            for parameterisation, f in zip(forms, found, strict=True)
        ]
        for f, t in zip(found, tried, strict=True):
            gain = t.rss < f.rss[here]
            f.theta[here[gain]], f.rss[here[gain]] = t.theta[gain], t.rss[gain]
        if not (lowest(found)[here] <= limit).any():
            return found


def lowest(found):
    """(V,) rss of the better form."""
    return np.min([f.rss for f in found], axis=0)


def insert(found, place, rss):
    """The solution with the best fit put in; it starts polishing from its neighbours."""
    beside = found.theta[min(place, len(found.rss) - 1)]
    return Solution(np.insert(found.theta, place, beside, axis=0), np.insert(found.rss, place, rss))


def crossings(forms, points, values, found, brackets, limit):
    """Where the profile passes the limit between an index within it and the one beyond it; infinite where there is none beyond."""
    out = np.array([-np.inf, np.inf])
    closed = [k for k, (_, beyond) in enumerate(brackets) if 0 <= beyond < len(values)]
    if not closed:
        return out
    pairs = np.array([brackets[k] for k in closed])
    ends, rss, thetas = values[pairs], lowest(found)[pairs], [f.theta[pairs] for f in found]
    for count in BETWEEN:
        ends, rss, thetas = narrower(forms, points, ends, rss, thetas, limit, count)
    share = (limit - rss[:, 0]) / (rss[:, 1] - rss[:, 0])
    out[closed] = ends[:, 0] + share * (ends[:, 1] - ends[:, 0])
    return out


def narrower(forms, points, ends, rss, thetas, limit, between):
    """Brackets (n, 2) that are `between` + 1 times narrower, with the rss and the thetas of each form at their ends."""
    count = len(ends)
    at = np.linspace(ends[:, 0], ends[:, 1], between + 2, axis=1)
    inside = at[:, 1:-1].ravel()
    tried = [
        warm(parameterisation, points, inside, np.repeat(t, between, axis=0))
        for parameterisation, t in zip(forms, thetas, strict=True)
    ]
    if between == BETWEEN[0]:
        tried = [better(a, b) for a, b in zip(tried, profile(forms, points, inside), strict=True)]
    level = np.hstack([rss[:, :1], lowest(tried).reshape(count, -1), rss[:, 1:]])
    beyond = level.shape[1] - np.argmax(
        level[:, ::-1] <= limit, axis=1
    )  # after the outermost value within the limit
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


def warm(parameterisation, points, values, starts, tolerance=1e-10):
    """Best fit at each value (V,), polished from each of its starts (V, n, k) that exists."""
    place, which = np.nonzero(np.isfinite(starts).all(axis=2))
    polished = polish(parameterisation, points, values[place], starts[place, which], tolerance)
    return best_of(polished, place, len(values))
