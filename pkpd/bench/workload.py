"""LDN-12, the standard workload: 12 states, 84 daily doses, 85 output rows.

Patient p's parameters are log-normal with 30 % CV, addressed by (seed, p); doses cycle over six
sizes by patient. Knows the model, its people and the truth; knows no clock and no rival.
"""

from functools import cache
from pathlib import Path

import numpy as np

from pkpd.dosing.actions import ADD, Actions
from pkpd.symbolic.load import load

DAYS = 84
EVERY = 24.0  # h
MILLIGRAMS = np.array([0.5, 1.5, 3.0, 4.5, 6.0, 9.0])
MOLAR = 1e6 / 341.4  # nmol/mg
FLOOR = 1e-3  # of a state's largest value, below which its error counts as absolute


@cache
def model():
    """The checked model."""
    return load(Path(__file__).with_name("ldn12.toml"))


def grid(days=DAYS):
    """(T,) output times in h: the start and the end of every day, before the dose."""
    return EVERY * np.arange(days + 1)


def patients(n, seed=1):
    """Parameters (P, K) of the first n patients."""
    inputs = model().inputs
    theta = np.tile([i.value for i in inputs], (n, 1))
    varying = [k for k, i in enumerate(inputs) if i.iiv]
    z = np.stack([np.random.default_rng([seed, p]).standard_normal(len(varying)) for p in range(n)])
    theta[:, varying] *= np.exp(inputs[varying[0]].iiv.sd * z)
    return theta


def amounts(n):
    """Daily dose (P,) in nmol."""
    return MILLIGRAMS[np.arange(n) % len(MILLIGRAMS)] * MOLAR


def actions(n, days=DAYS):
    """The doses as actions of the lane solver."""
    return Actions(
        np.arange(n + 1, dtype=np.int64) * days,
        np.tile(EVERY * np.arange(days), n),
        np.full(n * days, ADD, np.int8),
        np.zeros(n * days, np.int32),
        np.repeat(amounts(n), days),
    )


def start():
    """Start values (S,)."""
    return np.array([float(s.initial) for s in model().states])


def by_days(solve_day, theta, days=DAYS):
    """(P, T, S), one patient and dose at a time, from solve_day(y, parameters) -> y a day later."""
    out = np.empty((len(theta), days + 1, len(model().states)))
    for p, amount in enumerate(amounts(len(theta))):
        out[p, 0] = start()
        for day in range(days):
            y = out[p, day].copy()
            y[0] += amount
            out[p, day + 1] = solve_day(y, theta[p])
    return out


def error(out, truth):
    """Largest |y - truth|/(|truth| + 1e-3 max |truth| of that state) over all states but the gut,
    which is empty before a dose."""
    floor = FLOOR * np.abs(truth).max(axis=1, keepdims=True)
    return float((np.abs(out - truth) / (np.abs(truth) + floor))[:, :, 1:].max())
