"""The .cov file of a NONMEM run: the covariance of its estimates.

Knows tables of such files and the THETAs of a run; knows nothing of draws or models.
"""

import numpy as np

from pkpd.errors import ModelError
from pkpd.exchange.readers.nonmem_numbers import Numbers
from pkpd.exchange.system import Estimates


def read(text: str, numbers: Numbers, place: str) -> Estimates:
    """The Estimates of the THETAs that have a variance.

    Raises ModelError for a file that is no such matrix, or of another run.
    """
    names, matrix = _last_matrix(text, place)
    thetas = [f"THETA{k}" for k in range(1, len(numbers.theta) + 1)]
    missing = [name for name in thetas if name not in names]
    if missing:
        raise ModelError(f"{place}: no row of {missing[0]}; is it of another run?")
    rows = np.array([names.index(name) for name in thetas], dtype=int)
    own = matrix[np.ix_(rows, rows)]
    varied = np.flatnonzero(np.diagonal(own) > 0)
    if not len(varied):
        raise ModelError(f"{place}: no THETA has a variance.")
    found = Estimates([], [], [], [])
    for i, k in enumerate(varied):
        found.names.append(thetas[k])
        found.covariance.append(own[k, varied[: i + 1]].tolist())
        found.lower.append(numbers.ends[k][0])
        found.upper.append(numbers.ends[k][1])
    return found


def _last_matrix(text, place):
    """(names, (N, N) covariance) of the last table of a .cov file."""
    names, rows = _last_table(text)
    whole = names and [row[0] for row in rows] == names
    if not whole or {len(row) for row in rows} != {len(names) + 1}:
        raise ModelError(f"{place}: is no covariance matrix as NONMEM writes it (.cov).")
    try:
        matrix = np.array([row[1:] for row in rows], dtype=float)
    except ValueError as error:
        raise ModelError(f"{place}: {error}.") from error
    if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T, rtol=1e-6, atol=0.0):
        raise ModelError(f"{place}: the covariance is not symmetric, or not finite.")
    return names, matrix


def _last_table(text: str) -> tuple[list[str], list[list[str]]]:
    """Names and rows of words of the last table of a file."""
    names: list[str] = []
    rows: list[list[str]] = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["NAME"]:
            names, rows = words[1:], []
        elif words and words[0] != "TABLE":
            rows.append(words)
    return names, rows
