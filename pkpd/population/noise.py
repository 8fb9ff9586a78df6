"""Addressed random numbers: value = f(seed, replicate, patient, purpose, occasion), whoever else is asked for and how many.

Philox keyed by the hash of (seed, purpose); the counter holds replicate, patient and occasion; inverse CDF on 53-bit uniforms.
Knows addresses only.
"""

import hashlib

import numpy as np


def uniforms(seed, purpose, patients, occasions=1, replicate=0):
    """Uniforms (P, occasions) strictly inside (0, 1), occasion 0 first; fewer occasions are a prefix of more.

    seed : whole number; purpose : text that names what they are for; patients : (P,) IDs; replicate : whole number
    """
    key = int.from_bytes(hashlib.sha256(f"{seed}\0{purpose}".encode()).digest()[:16], "little")
    raw = np.empty((len(patients), occasions), np.uint64)
    for row, patient in enumerate(patients):
        # counter words, lowest first: block of four occasions, 0, patient, replicate
        raw[row] = np.random.Philox(key=key, counter=(int(replicate) << 192) + (int(patient) << 128)).random_raw(occasions)
    return bits_to_uniforms(raw)


def normals(seed, purpose, patients, occasions=1, replicate=0):
    """Standard normals (P, occasions) at the same addresses."""
    from scipy.special import ndtri

    return ndtri(uniforms(seed, purpose, patients, occasions, replicate))


def bits_to_uniforms(raw):
    """53 bits of each uint64 as the middle of its interval in (0, 1)."""
    return ((raw >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
