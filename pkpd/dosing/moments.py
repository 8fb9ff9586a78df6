"""When two times are one.

Decimal arithmetic drives times apart by rounding, such as 3 * 0.1 and 0.3; here they are brought
together. Everything that asks whether two times meet asks this module. Knows times; knows nothing
of doses, records or solvers.
"""

import numpy as np

SAME = 1e-11  # times that close are one: relative to their size, absolute below 1 in model time


def window(time):
    """How far from `time` (any shape) another time may lie and still be the same."""
    return SAME * np.maximum(np.abs(time), 1.0)


def at(times, anchors):
    """The times (any shape), each at the nearest of the increasing anchors (A,) if they are one."""
    times, anchors = np.asarray(times, dtype=float), np.asarray(anchors, dtype=float)
    if not len(anchors):
        return times
    place = np.clip(np.searchsorted(anchors, times), 0, len(anchors) - 1)
    after, before = anchors[place], anchors[np.maximum(place - 1, 0)]
    nearest = np.where(np.abs(before - times) < np.abs(after - times), before, after)
    return np.where(np.abs(nearest - times) <= window(times), nearest, times)


def together(row, times, fixed=None):
    """The times (E,), those of a row that are the same brought to one of them.

    row : (E,) whose time it is; times at inf never come
    fixed : (E,) bool, times that the others move to; without one they move to the first
    """
    times = np.asarray(times, dtype=float)
    if not len(times):
        return times
    fixed = np.zeros(len(times), bool) if fixed is None else fixed
    order = np.lexsort((~fixed, times, row))
    row, ordered, fixed = row[order], times[order], fixed[order]
    with np.errstate(invalid="ignore"):
        near = (row[1:] == row[:-1]) & (np.diff(ordered) <= window(ordered[1:]))
    first = np.flatnonzero(np.concatenate([[True], ~near]))
    lead = np.minimum.reduceat(np.where(fixed, np.arange(len(times)), len(times)), first)
    lead = np.where(lead < len(times), lead, first)
    moments = np.empty(len(times))
    moments[order] = np.repeat(ordered[lead], np.diff(np.append(first, len(times))))
    return moments


def laps(time, every):
    """How many whole intervals lie in `time` (N,), and what is left of it (N,).

    every : lengths of the intervals, above 0, inf where there is none

    What is left is exactly 0 where the time is the same as a multiple of the interval.
    """
    time, every = np.asarray(time, dtype=float), np.asarray(every, dtype=float)
    whole = np.floor(time / every)
    left = time - whole * np.where(np.isfinite(every), every, 0.0)
    next_one = every - left <= window(time)
    return whole + next_one, np.where(next_one | (left <= window(time)), 0.0, left)
