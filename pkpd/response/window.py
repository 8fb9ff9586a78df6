"""Doses at which a benefit curve crosses a level: 90 % windows, the zero-equivalent dose, the lowest effective dose.

A cubic through four neighbouring points of the curve is solved for the level. What lies beyond the grid is open: 0 or
infinity, never the end of the grid. Knows curves; knows nothing of models or patients.
"""

from dataclasses import dataclass

import numpy as np

NEAR = 0.1  # a peak this close to a grid point, in steps, takes its place


@dataclass(frozen=True)
class Curves:
    """Benefit curves with their peak among the points.

    logs, values : (P, D+1) log dose and benefit, increasing in log dose, NaN behind the end; count : (P,) points;
    top : (P,) index of the peak
    """

    logs: np.ndarray
    values: np.ndarray
    count: np.ndarray
    top: np.ndarray


def with_peak(doses, curve, log_dose, best):
    """Curves from a grid (D,), values (P, D) and the continuous peak of each row (P,)."""
    grid = np.log(doses)
    step, rows = grid[1] - grid[0], len(curve)
    spot = np.where(np.isnan(log_dose), grid[0], log_dose)
    nearest = np.argmin(np.abs(grid - spot[:, None]), axis=1)
    replace = np.abs(grid[nearest] - spot) < NEAR * step
    top = np.where(replace, nearest, np.searchsorted(grid, spot))
    column = np.arange(len(grid) + 1)
    # columns before the peak keep their place; those behind it move up where the peak is a point of its own
    source = np.clip(column - ((column > top[:, None]) & ~replace[:, None]), 0, len(grid) - 1)
    logs, values = grid[source], np.take_along_axis(curve, source, axis=1)
    each = np.arange(rows)
    logs[each, top], values[each, top] = spot, best
    count = np.where(replace, len(grid), len(grid) + 1)
    beyond = column >= count[:, None]
    return Curves(np.where(beyond, np.nan, logs), np.where(beyond, np.nan, values), count, top)


def below_peak(curves, level):
    """(P,) dose where the curve last crosses `level` (P,) on its way up to the peak; 0 if it does not."""
    column = np.arange(curves.values.shape[1])
    under = (curves.values < level[:, None]) & (column < curves.top[:, None])
    cell = np.where(under, column, -1).max(axis=1)
    return np.where(cell >= 0, np.exp(_solve(curves, np.maximum(cell, 0), level)), 0.0)


def above_peak(curves, level):
    """(P,) dose where the curve first crosses `level` (P,) behind the peak; infinity if it does not."""
    column = np.arange(curves.values.shape[1])
    under = (curves.values < level[:, None]) & (column > curves.top[:, None])
    cell = np.argmax(under, axis=1) - 1
    return np.where(under.any(axis=1), np.exp(_solve(curves, np.maximum(cell, 0), level)), np.inf)


def first_reached(curves, level):
    """(P,) lowest dose whose benefit is `level` (P,): 0 if the first point has it already, NaN if none has."""
    over = curves.values >= level[:, None]
    cell = np.argmax(over, axis=1) - 1
    found = np.where(cell >= 0, np.exp(_solve(curves, np.maximum(cell, 0), level)), 0.0)
    return np.where(over.any(axis=1), found, np.nan)


def _solve(curves, cell, level):
    """Log dose (P,) in cell [cell, cell+1] where the cubic through the four points around it equals level."""
    each = np.arange(len(cell))
    start = np.clip(cell - 1, 0, curves.count - 4)
    xs = [curves.logs[each, start + k] for k in range(4)]
    ys = [curves.values[each, start + k] for k in range(4)]
    left, right = curves.logs[each, cell], curves.logs[each, cell + 1]
    up = curves.values[each, cell + 1] > curves.values[each, cell]
    for _ in range(50):
        middle = 0.5 * (left + right)
        short = (_cubic(xs, ys, middle) < level) == up
        left, right = np.where(short, middle, left), np.where(short, right, middle)
    return 0.5 * (left + right)


def _cubic(xs, ys, x):
    total = np.zeros_like(x)
    for i in range(4):
        term = ys[i]
        for j in range(4):
            if j != i:
                term = term * (x - xs[j]) / (xs[i] - xs[j])
        total = total + term
    return total
