"""Fixed points of one dosing interval by Newton's method, told apart from drifts.

For rows that acceleration has not settled, or not beyond doubt. The Jacobian is taken by
differences and shows the error, the stability, and the directions in which nothing pulls back.
Along such a direction either nothing happens, as with a total that the equations keep, or every
interval adds something: then there is no steady state. Knows maps and rows; knows nothing of drugs
or benefits.
"""

import numpy as np

from pkpd.solvers import status

# First a search, then what it leaves: tolerance of the map, singular value of 1 - Jacobian below
# which nothing pulls back, most steps.
PHASES = ((1e-9, 1e-4, 15), (1e-13, 1e-8, 45))
SLOPE = 1e-3  # step of the differences, as a share of a state's largest value
NOISE = 3.0  # errors of the map, in units of its tolerance
CONSERVED = 1e-8  # drift that is none, as a share of what one interval does
FARTHEST = 1e6  # a state that many times its largest value in a first interval has run away
DRIFTS = 3  # steps in a row without anything that pulls back


def newton(interval, rows, y, unit, result, tol):
    """Fixed points for rows (n,) from y (n, S), or that there are none, written to the result.

    interval(rows, y, rtol) -> Solution
    unit : (n, S) largest values in a first interval: what its doses can do
    """
    drifted = np.zeros(len(rows), np.int64)
    for phase, (rtol, singular, most) in enumerate(PHASES):
        later = []  # rows for the next phase
        for _ in range(most):
            if not len(rows):
                break
            base, size, jacobian = _jacobian(interval, rows, y, rtol)
            result.maps[rows] += y.shape[1] + 1
            fine = np.isfinite(jacobian).all(axis=(1, 2)) & (base.status == status.OK)
            far = (size > FARTHEST * np.where(unit > 0.0, unit, np.inf)).any(axis=1)
            result.status[rows[far]] = status.NO_STEADY
            keep = np.zeros(len(rows), bool)
            after = y.copy()
            for k in np.flatnonzero(fine & ~far):
                residual = (base.end[k] - y[k]) / size[k]
                step, pulled, stable, least = _step(
                    np.eye(len(residual)) - jacobian[k], residual, unit[k] / size[k], singular
                )
                if not pulled:
                    drifted[k] += 1
                    if phase == 0:
                        later.append((rows[k], y[k], unit[k]))
                    elif drifted[k] > DRIFTS:
                        result.status[rows[k]] = status.NO_STEADY
                    else:
                        after[k], keep[k] = base.end[k], True
                    continue
                drifted[k] = 0
                error = max(np.abs(step).max(), np.abs(residual).max(), NOISE * rtol / least)
                if phase == 0 and NOISE * rtol / least > tol:
                    later.append((rows[k], y[k], unit[k]))
                    continue
                result.error[rows[k]] = error
                if error <= tol:
                    if stable:
                        result.status[rows[k]], result.y[rows[k]] = status.OK, y[k]
                        result.integral[rows[k]] = base.integral[k]
                    continue
                moved = y[k] + step * size[k]
                # at most a factor 10 down, so that a positive state stays positive
                after[k] = np.where(y[k] > 0, np.maximum(moved, 0.1 * y[k]), moved)
                keep[k] = True
            rows, y, unit, drifted = rows[keep], after[keep], unit[keep], drifted[keep]
        if later:
            more, starts, units = (np.array(part) for part in zip(*later, strict=True))
            rows, y, unit = np.append(rows, more), np.vstack([y, starts]), np.vstack([unit, units])
            drifted = np.append(drifted, np.zeros(len(more), np.int64))


def _jacobian(interval, rows, y, rtol):
    """The interval from y (n, S), its largest values (n, S), and its Jacobian (n, S, S).

    The Jacobian is that of the states as shares of their largest values.
    """
    states = y.shape[1]
    base = interval(rows, y, rtol)
    size = np.where(base.largest > 0.0, base.largest, 1.0)
    moved = y[:, None, :] + SLOPE * size[:, None, :] * np.eye(states)
    run = interval(np.repeat(rows, states), moved.reshape(-1, states), rtol)
    image = run.end.reshape(len(rows), states, states)
    change = np.swapaxes(image - base.end[:, None], 1, 2)
    return base, size, change / (SLOPE * size[:, :, None])


def _step(rest, residual, doses, singular):
    """Newton's step for rest = 1 - Jacobian, whether something pulls the row back, whether the
    point is stable, and the smallest singular value of what pulls."""
    left, values, right = np.linalg.svd(rest)
    free = values < singular
    kept = left[:, free].T  # quantities that an interval does not pull back
    drift = np.abs(kept @ residual)
    if (drift > CONSERVED * (np.abs(kept) @ doses)).any():
        return residual, False, False, 0.0
    bound = ~free
    step = right[bound].T @ ((left[:, bound].T @ residual) / values[bound])
    if free.any():
        # of all solutions the one that keeps what is conserved
        along = right[free].T
        step = step - along @ np.linalg.lstsq(kept @ along, kept @ step, rcond=None)[0]
    eigenvalues = np.linalg.eigvals(np.eye(len(rest)) - rest)
    others = eigenvalues[np.argsort(np.abs(eigenvalues - 1.0))][free.sum() :]
    return step, True, bool((np.abs(others) < 1.0).all()), values[bound].min(initial=np.inf)
