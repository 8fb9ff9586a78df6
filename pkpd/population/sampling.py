"""Uniforms of each varying input by address: seed, replicate, patient and the input's name.

Stratified: for every m, the first 2^m patients of a seed have one value in each of 2^m equal parts
of an input's distribution. A name in the table below owns a dimension of Sobol's sequence, so that
these inputs are even together too. Every other name takes the first dimension (van der Corput's
sequence) in a random order of its own. A random matrix for each name scrambles the digits.
Knows names and patients; knows no distributions.

A value that belongs to a name cannot depend on the place of the input in its file. So the dimension
is the name's, from one list for all models, in the order of the library's files.

Dimensions: Joe & Kuo (2008), SIAM J. Sci. Comput. 30, 2635-2654.
Scrambling: Matousek (1998), J. Complexity 14, 527-556.
"""

import hashlib
from functools import cache, reduce
from operator import xor

import numpy as np

from pkpd.population.noise import uniforms

BITS = 32  # binary digits of a patient's number and of a value
ROUNDS = 4  # of the permutation that orders a name without a dimension
# Name, primitive polynomial as a number, first direction numbers. The library's inputs in the order
# of its files, the other names of models/NAMES.md, those of a second drug, those with classes.
# Patients depend on the row of a name: add rows at the end, move none.
TABLE = """
tlag        1
ka          3  1
f_oral      7  1 3
cl         11  1 3 1
vc         13  1 1 1
q          19  1 1 3 3
vp         25  1 3 5 13
fu         37  1 1 5 5 17
fm_first   41  1 1 5 5 5
clm        47  1 1 7 11 19
vm         55  1 1 5 1 1
kon        59  1 1 1 3 11
toff       61  1 3 5 5 31
wm         67  1 3 3 9 7 49
tmem       91  1 1 1 15 21 21
b50        97  1 3 1 13 27 49
emax      103  1 1 1 15 7 5
rmax      109  1 3 1 15 13 25
tend      115  1 1 5 5 19 61
trec      131  1 3 7 11 23 15 103
imax_tlr4 137  1 3 7 13 13 15 69
ic50_tlr4 143  1 1 3 13 7 35 63
tgl       145  1 3 5 9 1 25 53
tcyt      157  1 3 1 13 9 35 107
p0        167  1 3 1 5 27 61 31
s_opioid  171  1 1 5 11 19 41 61
s_glia    185  1 3 5 3 3 13 69
infl      191  1 1 7 13 1 19 1
wt        193  1 3 7 5 13 19 59
fdepot    203  1 1 3 9 25 29 41
ke0       211  1 3 5 13 23 1 55
ec50      213  1 3 7 3 13 59 17
kin       229  1 3 1 3 5 53 69
kout      239  1 1 5 5 23 33 13
ic50      241  1 1 7 7 1 61 123
sc50      247  1 1 7 9 13 61 49
imax      253  1 3 3 5 3 55 33
hill      285  1 3 1 15 31 13 49 245
tau_mu    299  1 3 5 15 31 59 63 97
tadapt    301  1 3 1 11 11 11 77 249
kappa     333  1 3 1 11 27 43 71 9
cows_max  351  1 1 7 15 21 11 81 45
s_mu      355  1 3 7 3 25 31 65 79
krel_mor  357  1 3 1 1 19 11 3 205
ka_mor    361  1 1 5 9 19 21 29 157
f_mor     369  1 3 7 11 1 33 89 185
cl_mor    391  1 3 3 3 15 9 79 71
vc_mor    397  1 3 7 11 15 39 119 27
q_mor     425  1 1 3 1 11 31 97 225
vp_mor    451  1 1 1 3 23 43 57 177
cl_m6g    463  1 3 7 7 17 17 37 71
v_m6g     487  1 3 1 5 27 63 123 213
te_mor    501  1 1 3 5 11 43 53 133
te_m6g    529  1 3 5 5 29 17 47 173 479
k_mor     539  1 3 3 11 3 1 109 9 69
tau_high  545  1 1 1 5 17 39 23 5 343
ka_tra    557  1 3 1 5 25 15 31 103 499
f_tra     563  1 1 1 11 11 17 63 105 183
clo_tra   601  1 1 5 11 9 29 97 231 363
clf_tra   607  1 1 5 15 19 45 41 7 383
v_tra     617  1 3 7 7 31 19 83 137 221
cl_m1     623  1 1 1 3 23 15 111 223 83
v_m1      631  1 1 5 13 31 15 55 25 161
te_tra    637  1 1 3 13 25 47 39 87 257
k_m1      647  1 1 1 11 21 53 125 249 293
s_mono    661  1 1 7 11 11 7 57 79 323
responds  675  1 1 5 5 17 13 81 3 131
cyp2d6    677  1 1 7 13 23 7 65 251 475
"""


def stratified(seed, ids, names, replicate=0):
    """Uniforms (P, V), strictly inside (0, 1), a column per input; ids : (P,) from 1 to 2^BITS."""
    index = np.asarray(ids, dtype=np.uint64) - np.uint64(1)
    out = np.empty((len(index), len(names)))
    for k, name in enumerate(names):
        words = _words(f"{seed}|{replicate}|sobol {name}", BITS + 1 + ROUNDS)
        order = index if name in _dimensions() else _reordered(index, words[BITS + 1 :])
        directions = _scrambled(_dimensions().get(name, _directions(1, ())), words[:BITS])
        out[:, k] = _points(order, directions, words[BITS])
    return out


def independent(seed, ids, names, replicate=0):
    """Uniforms (P, V) of plain Monte Carlo, one column per input."""
    columns = [uniforms(seed, ids, f"input {name}", 1, replicate)[:, 0] for name in names]
    return np.stack(columns, axis=1) if names else np.zeros((len(ids), 0))


SAMPLINGS = {"sobol": stratified, "mc": independent}


def _words(address, count):
    """Random numbers (count,) of 32 bits that belong to an address."""
    key = int.from_bytes(hashlib.blake2b(address.encode(), digest_size=16).digest())
    return np.random.Philox(key=key).random_raw(count) >> np.uint64(32)


@cache
def _dimensions():
    """Name -> directions (BITS,) of its dimension."""
    rows = [row.split() for row in TABLE.strip().splitlines()]
    return {
        name: _directions(int(polynomial), map(int, first)) for name, polynomial, *first in rows
    }


def _directions(polynomial, first):
    """Directions (BITS,) of a dimension.

    The exclusive-or of the directions of an index's binary digits, times 2^-BITS, is its point.
    """
    degree = polynomial.bit_length() - 1
    m = list(first)
    for k in range(len(m), BITS):
        terms = [m[k - j] << j for j in range(1, degree + 1) if polynomial >> (degree - j) & 1]
        m.append(reduce(xor, terms, m[k - degree]) if degree else 1)
    return np.array([number << (BITS - 1 - k) for k, number in enumerate(m)], dtype=np.uint64)


def _scrambled(directions, words):
    """Directions (BITS,) under a random matrix by which a digit changes only those behind it.

    words : (BITS,) random numbers
    """
    out = np.zeros_like(directions)
    for digit, word in enumerate(words):
        bit = np.uint64(1 << (BITS - 1 - digit))
        out ^= np.where(directions & bit, bit | (word & (bit - np.uint64(1))), np.uint64(0))
    return out


def _points(index, directions, shift):
    """Points (P,) of one dimension, digits shifted, in the middle of their 2^-BITS."""
    out = np.full(len(index), shift)
    for k in range(int(index.max()).bit_length()):
        out ^= directions[k] * ((index >> np.uint64(k)) & np.uint64(1))
    return (out + 0.5) * 2.0**-BITS


def _reordered(index, keys):
    """Each block [2^t, 2^(t+1)) of the whole numbers permuted.

    One round of bijections modulo 2^t for each key.
    """
    exponent = np.maximum(np.frexp(index.astype(float))[1] - 1, 0).astype(np.uint64)
    start = np.uint64(1) << exponent
    mask = start - np.uint64(1)
    half = exponent // np.uint64(2) + np.uint64(1)
    out = index & mask
    for key in keys:
        out = (out * (key | np.uint64(1)) + (key >> np.uint64(13)) + start) & mask
        out ^= out >> half
    return np.where(index > 0, out | start, index)
