"""The best dose of each patient between the doses of a grid, verified: no dose looked at is better.

Doses are added to the grid until interpolations agree on each curve. Around each local maximum,
windows of seven doses shrink threefold until a quartic goes through them; then the dose at which it
peaks is solved and must be what the quartic said. Levels are crossed where interpolations agree,
with one dose more where they do not, else SciPy's search between two doses (Chandrupatla's) finds
it. Knows steady states at doses; knows no statuses and no table.
"""

from dataclasses import dataclass

import numpy as np

from pkpd.response.peak import NEW, OFFSETS, bracket, candidates, doubtful, estimates, summit

SHAPE = 3e-4  # share of a window's range that a dose may lie off the quartic
FINEST = 1e-3  # of log dose: how well a corner is bracketed and a crossing known
AGREE = 0.1  # of FINEST: how far estimates of a crossing may lie apart; their error is larger
DOUBT = 0.01  # of a curve's range: how far interpolations between doses may differ ...
NARROWEST = 1 / 16  # ... where these are further apart than this, in steps of the grid
SECOND_PEAK = 0.9  # of the best benefit
VALLEY = 0.01  # depth of the valley that makes two peaks of one, as a share of the best benefit
INNER, OUTER = np.array([0, 3, 6]), np.array([-1, 0, 1])  # places in a window known beforehand


@dataclass(frozen=True)
class Peaks:
    """Best doses of P patients, NaN where a solve failed.

    argmax, gain : (P,) log dose of the most benefit in the closed range, and the benefit there
    second : (P,) log dose of the second peak, NaN where there is none
    y : (P, S) steady state at argmax; failed : (P,) whether a solve failed
    """

    argmax: np.ndarray
    gain: np.ndarray
    second: np.ndarray
    y: np.ndarray
    failed: np.ndarray


class Search:
    """The doses of P patients that were looked at, and a solver for more.

    found : the DoseGrid; noise : (P,) benefit that cannot be told from 0
    grid : (D,) log doses of the grid
    """

    def __init__(self, found, noise):
        self.steady, self.found, self.noise = found.steady, found, noise
        patients, count = found.gain.shape
        self.grid = np.log(found.doses)
        self.step = self.grid[1] - self.grid[0]
        everybody = np.repeat(np.arange(patients), count)
        self.looked = [(everybody, np.tile(self.grid, patients), found.gain.ravel())]
        grid = np.broadcast_to(self.grid, found.gain.shape)
        self._curves: tuple | None = (grid, found.gain)

    def solve(self, rows, x):
        """Benefit (n,) and steady state (n, S) of patients at log doses (n,)."""
        below = ((x - self.grid[0]) / self.step).astype(int)
        below = np.clip(below, 0, len(self.grid) - 2)
        share = ((x - self.grid[below]) / self.step)[:, None]
        left, right = self.found.y[rows, below], self.found.y[rows, below + 1]
        guess = (1 - share) * left + share * right
        solution = self.steady.at(rows, np.exp(x), guess)
        gain = self.steady.gain(self.found.untreated[rows], self.steady.mean(solution))
        self.looked.append((rows, x, gain))
        self._curves = None
        return gain, solution.y

    def peaks(self):
        """Peaks of all patients. Ties go to the lower dose, and to an end of the range."""
        patients, states = len(self.noise), self.found.y.shape[2]
        unsolved, xs, gains = self.look_between()
        fine = np.flatnonzero(~unsolved)
        lowest = np.nanmin(gains[fine], axis=1, keepdims=True)
        known = np.where(np.isnan(gains[fine]), lowest, gains[fine])
        chosen, centre = candidates(known, self.noise[fine])
        rows = fine[chosen]
        x, gain, y = self.climb(rows, *self._windows(rows, centre, xs, gains))
        unsolved[rows[np.isnan(gain)]] = True
        argmax, best, second = (np.full(patients, np.nan) for _ in range(3))
        state = np.full((patients, states), np.nan)
        order = np.lexsort((x, -gain, rows))  # the highest of each patient first, the lower of two
        first = order[np.flatnonzero(np.diff(rows[order], prepend=-1))]
        argmax[fine], best[fine], state[fine] = x[first], gain[first], y[first]
        second[fine] = self._second(rows, x, gain, first)
        for end in (-1, 0):
            # as good as the best, as far as can be told: the curve is not seen to fall towards it
            tied = self.found.gain[:, end] >= best - self.noise
            argmax[tied], state[tied] = self.grid[end], self.found.y[tied, end]
            best[tied] = self.found.gain[tied, end]
        for column in (argmax, best, second, state):
            column[unsolved] = np.nan
        return Peaks(argmax, best, second, state, unsolved)

    def look_between(self):
        """Solve doses midway between others until interpolations agree on every curve.

        Returns (P,) whether a dose failed, and the curves.
        """
        unsolved = self.found.unsolved.copy()
        left = np.flatnonzero(~unsolved)
        allowed = np.maximum(DOUBT * self.found.spread(), self.noise)
        xs, gains = self.curves()
        around = self.grid[None]
        while len(left):
            which, x = doubtful(around, gains[left], allowed[left], NARROWEST * self.step)
            if not len(which):
                break
            rows = left[which]
            there = self.solve(rows, x)[0]
            unsolved[rows[np.isnan(there)]] = True
            left = np.unique(rows[~unsolved[rows]])
            xs, gains = self.curves()
            around = xs[left]
        return unsolved, xs, gains

    def climb(self, rows, points, values, half):
        """Log dose, benefit and steady state of the local maximum in each window.

        rows : (n,) patients; the rest is as `_windows` gives it. NaN where a dose failed.
        """
        x, gain = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        y = np.full((len(rows), self.found.y.shape[2]), np.nan)
        left = np.arange(len(rows))
        while len(left):
            who, noise = rows[left], self.noise[rows[left]]
            new = self.solve(np.repeat(who, len(NEW)), points[:, NEW].ravel())[0]
            values[:, NEW] = new.reshape(-1, len(NEW))
            known = np.nan_to_num(values)
            offset, height, misfit = summit(known)
            allowed = np.maximum(SHAPE * np.ptp(known, axis=1), noise)
            smooth, best = misfit <= allowed, known.argmax(axis=1)
            place = np.where(
                smooth, _at(points, offset, half[left]), points[np.arange(len(left)), best]
            )
            there, state = self.solve(who, place)
            right = smooth & (np.abs(there - height) <= allowed)
            right &= there >= known.max(axis=1) - noise
            failed = np.isnan(values).any(axis=1) | np.isnan(there)
            done = right | failed | (half[left] <= FINEST)
            x[left[done]], gain[left[done]], y[left[done]] = place[done], there[done], state[done]
            gain[left[failed]] = np.nan
            half[left] /= 3
            left = left[~done]
            points, values = _narrowed(points[~done], values[~done], best[~done], half[left])
        return x, gain, y

    def summit_between(self, rows, low, high):
        """Of patients (n,), what `climb` finds around the best dose looked at between, not at, log
        doses low and high (n,)."""
        xs, gains = self.curves()
        between = (xs[rows] > low[:, None]) & (xs[rows] < high[:, None])
        centre = np.where(between, gains[rows], -np.inf).argmax(axis=1)
        return self.climb(rows, *self._windows(rows, centre, xs, gains))

    def _windows(self, rows, centre, xs, gains):
        """Log doses (n, 7) around doses looked at, benefits (n, 7) and half the widths (n,).

        rows, centre : (n,) patient and column of `curves`. Benefits are known of the middle and
        both ends, NaN between. A window reaches as far as the nearer of the two doses beside it.
        """
        last = np.isfinite(xs[rows]).sum(axis=1) - 1
        columns = np.clip(centre, 1, last - 1)[:, None] + OUTER
        looked, known = xs[rows[:, None], columns], gains[rows[:, None], columns]
        half = np.diff(looked, axis=1).min(axis=1)
        points = looked[:, 1:2] + OFFSETS * half[:, None]
        here = np.abs(points[:, INNER] - looked) <= FINEST
        points[:, INNER] = np.where(here, looked, points[:, INNER])
        values = np.full(points.shape, np.nan)
        values[:, INNER] = np.where(here, known, np.nan)
        which, end = np.nonzero(~here)
        if len(which):
            place = INNER[end]
            values[which, place] = self.solve(rows[which], points[which, place])[0]
        return points, values, half

    def _second(self, rows, x, gain, first):
        """Log dose (F,) of the second peak of the patients whose best are `first`, or NaN."""
        xs, gains = self.curves()
        best = dict(zip(rows[first].tolist(), first.tolist(), strict=True))
        place = {row: k for k, row in enumerate(best)}
        second, height = np.full(len(first), np.nan), np.full(len(first), -np.inf)
        for k in np.setdiff1d(np.arange(len(rows)), first):
            row = int(rows[k])
            top = best[row]
            low, high = sorted((x[k], x[top]))
            between = gains[row][(xs[row] >= low) & (xs[row] <= high)]
            valley = max(VALLEY * gain[top], self.noise[row])
            if gain[k] < SECOND_PEAK * gain[top] or not between.min() <= gain[k] - valley:
                continue
            if gain[k] > height[place[row]]:
                second[place[row]], height[place[row]] = x[k], gain[k]
        return second

    def curves(self):
        """Log doses (P, L) looked at, rising, and benefits there; inf and NaN behind the last."""
        if self._curves is None:
            self._curves = self._sorted()
        return self._curves

    def _sorted(self):
        """As `curves`, of all that has been looked at."""
        rows, x, gain = map(np.concatenate, zip(*self.looked, strict=True))
        order = np.lexsort((x, rows))
        rows, x, gain = rows[order], x[order], gain[order]
        fresh = np.append(True, (np.diff(rows) != 0) | (np.diff(x) != 0))
        rows, x, gain = rows[fresh], x[fresh], gain[fresh]
        start = np.searchsorted(rows, np.arange(len(self.noise)))
        column = np.arange(len(rows)) - start[rows]
        shape = len(self.noise), int(column.max()) + 1
        xs, gains = np.full(shape, np.inf), np.full(shape, np.nan)
        xs[rows, column], gains[rows, column] = x, gain
        return xs, gains

    def crossings(self, levels, peak, sides):
        """Log doses (C, P) where each curve falls through C levels beside its peak, to FINEST.

        levels : (C, P); peak : (P,); sides : (C,) -1 below the peak, 1 above it, 0 below the least
        dose that reaches the level. -inf or inf where no dose looked at is below the level.
        """
        found = np.where(np.array(sides)[:, None] > 0, np.inf, np.full(levels.shape, -np.inf))
        which, rows, _, _ = self._estimate(found, levels, peak, sides)
        if not len(rows):
            return found
        # most estimates agree once the dose of the best of them is known
        known = np.isfinite(found[which, rows])
        self.solve(rows[known], found[which[known], rows[known]])
        left = np.full(levels.shape, np.nan)
        left[which, rows] = levels[which, rows]
        which, rows, ends, gains = self._estimate(found, left, peak, sides)
        if len(rows):
            level = levels[which, rows]
            found[which, rows] = self._between(rows, level, ends.T, gains.T - level)
        return found

    def _estimate(self, found, levels, peak, sides):
        """Write where curves cross levels, as `crossings`, by interpolation to `found`.

        Returns level (n,) and patient (n,) of estimates that do not agree, and log doses (n, 2)
        and benefits (n, 2) on both sides of them.
        """
        xs, gains = self.curves()
        brackets = []
        for k, (level, side) in enumerate(zip(levels, sides, strict=True)):
            rows, left = bracket(xs, gains, level, peak, side, self.noise)
            brackets.append((np.full(len(rows), k), rows, left))
        which, rows, left = map(np.concatenate, zip(*brackets, strict=True))
        guesses = estimates(xs[rows], gains[rows], left, levels[which, rows])
        found[which, rows] = guesses[-1]
        doubtful = ~(np.ptp(guesses, axis=0) <= AGREE * FINEST)
        here = rows[doubtful, None], left[doubtful, None] + np.arange(2)
        return which[doubtful], rows[doubtful], xs[here], gains[here]

    def _between(self, rows, level, ends, over):
        """Log dose (n,) where curves cross levels (n,) between two doses, by solving in between.

        ends, over : two (n,) log doses each, and by how much the benefit there is over the level
        """
        from scipy.optimize.elementwise import find_root

        def excess(x, row, level, low, at_low, high, at_high):
            value = np.where(x == low, at_low, at_high)
            new = (x != low) & (x != high)
            value[new] = self.solve(row[new], x[new])[0] - level[new]
            return value

        (low, high), (at_low, at_high) = ends, over
        known = (rows, level, low, at_low, high, at_high)
        within = {"xatol": FINEST, "xrtol": 0.0, "fatol": 0.0, "frtol": 0.0}
        return find_root(excess, (low, high), args=known, tolerances=within).x


def _at(points, offset, half):
    """Log doses (n,) at offsets in windows; exact at their ends, which tells "at" from "near"."""
    inside = points[:, 3] + offset * half
    ends = np.where(offset < 0, points[:, 0], points[:, 6])
    return np.where(np.abs(offset) == 1.0, ends, inside)


def _narrowed(points, values, best, half):
    """Windows (n, 7) around the best dose of others, which is known with both its neighbours."""
    places = np.clip(best, 1, 5)[:, None] + OUTER
    known = np.take_along_axis(points, places, axis=1)
    narrow = known[:, 1:2] + OFFSETS * half[:, None]
    narrow[:, INNER] = known
    inside = np.full(narrow.shape, np.nan)
    inside[:, INNER] = np.take_along_axis(values, places, axis=1)
    return narrow, inside
