"""Uniform draws by address: value = f(seed, replicate, purpose, patient, occasion).

The key of a Philox generator names seed, replicate and purpose; its counter names the occasion and
the patient. So a draw does not depend on who else is drawn or how many there are.
Knows addresses; knows nothing of what the draws are for.
"""

import hashlib

import numpy as np

PER_BLOCK = 4  # draws of one counter value
PATIENTS = (
    1 << 64
)  # counter values between two blocks of occasions: more than there can be patients
GAP = 64  # patients skipped rather than drawn in vain


def uniforms(seed, ids, purpose, count, replicate=0):
    """Uniforms on 53 bits, strictly inside (0, 1).

    Parameters
    ----------
    ids : (P,) patient IDs from 1; purpose : text
    count : number of occasions; replicate : number of the repetition

    Returns
    -------
    (P, count): occasion k of a patient has the same value for any `ids` and any larger count.
    """
    ids = np.asarray(ids, dtype=np.int64)
    address = f"{seed}|{replicate}|{purpose}".encode()
    key = int.from_bytes(hashlib.blake2b(address, digest_size=16).digest())
    out = np.empty((len(ids), -(-count // PER_BLOCK) * PER_BLOCK))
    order = np.argsort(ids, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(ids[order]) > GAP) + 1):
        if len(rows):
            _fill(out, rows, ids[rows], key)
    return out[:, :count]


def _fill(out, rows, ids, key):
    """Draw the patients `ids` (n,), close together and sorted, into these rows of `out`."""
    first, last = int(ids[0]), int(ids[-1])
    for block in range(out.shape[1] // PER_BLOCK):
        raw = np.random.Philox(key=key, counter=block * PATIENTS + first).random_raw(
            (last - first + 1) * PER_BLOCK
        )
        out[rows, block * PER_BLOCK : (block + 1) * PER_BLOCK] = bits_to_uniforms(raw).reshape(
            -1, PER_BLOCK
        )[ids - first]


def normals(seed, ids, purpose, count, replicate=0):
    """Standard normals (P, count) at the same addresses."""
    from scipy.special import ndtri

    return ndtri(uniforms(seed, ids, purpose, count, replicate))


def bits_to_uniforms(raw):
    """53 bits of each uint64 as the middle of its interval in (0, 1)."""
    return ((raw >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
