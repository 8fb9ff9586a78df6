"""Scrambled Sobol' points by address.

The Gray code of an index picks the direction numbers whose exclusive-or is the point. SciPy
scrambles the directions once for a seed and a number of dimensions; the cache folder keeps them,
because loading scipy.stats costs more than a small study.
Knows points of the unit cube; knows nothing of patients.
"""

import hashlib

import numpy as np

from pkpd import caching

BITS = 32
MOST_DIMENSIONS = 21201  # of SciPy's direction numbers
SPARE = 20  # directions kept: enough for a million points; more are drawn when asked for


def points(first, last, dimensions, seed):
    """Points first..last-1 (N, V) of the scrambled sequence, strictly inside (0, 1).

    seed : whole number or list of whole numbers

    The bits are those of scipy.stats.qmc.Sobol.
    """
    directions = _directions(max(SPARE, int(last - 1).bit_length()), dimensions, seed)
    index = np.arange(first, last, dtype=np.uint64)
    gray = index ^ (index >> np.uint64(1))
    out = np.repeat(directions[:1], len(index), axis=0)
    for k in range(int(last - 1).bit_length()):
        out ^= directions[k + 1] * ((gray >> np.uint64(k)) & np.uint64(1))[:, None]
    return out * 2.0**-BITS + 2.0 ** -(BITS + 1)


def _directions(count, dimensions, seed):
    """(count + 1, V) uint64: the first point, then the direction of every bit of the Gray code."""
    of_seed = hashlib.sha256(str(seed).encode()).hexdigest()[:16]
    path = caching.folder() / "sobol" / f"{dimensions}_{of_seed}_{count}"
    kept = caching.read(path)
    if kept is not None:
        return np.frombuffer(kept, dtype="<u8").reshape(count + 1, dimensions)
    drawn = _scrambled(count, dimensions, seed)
    caching.write(path, drawn.astype("<u8").tobytes())
    return drawn


def _scrambled(count, dimensions, seed):
    """Directions read off the points 0, 1, 2, 4, 8, ... of SciPy's engine."""
    from scipy.stats import qmc

    engine = qmc.Sobol(dimensions, scramble=True, bits=BITS, rng=np.random.default_rng(seed))
    rows = [engine.random(1)[0]]
    for k in range(count):
        engine.fast_forward(2**k - engine.num_generated)
        rows.append(engine.random(1)[0])
    whole = np.round(np.array(rows) * 2.0**BITS).astype(np.uint64)
    # the Gray code of 2^k has bits k and k-1 set
    for k in range(1, count + 1):
        whole[k] ^= whole[0] ^ (whole[k - 1] if k > 1 else np.uint64(0))
    return whole
