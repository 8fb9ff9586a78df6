"""Centred isotonic regression of responses on doses, and the dose with a given share of responses with its interval.

Oron & Flournoy (2017), Stat. Biopharm. Res. 9(3), 258-267: doses that violate the order are pooled into one point at their mean
dose, so that the curve has no flat piece; between points it is straight. Knows doses, trials and hits; knows no patients.
"""

import numpy as np
from numba import njit

from pkpd.errors import TrialError


def centred_isotonic(x, trials, hits, target):
    """Place on x (D,) where the curve through trials and hits (P, D) reaches `target`, (P,); NaN where it does not."""
    x = np.ascontiguousarray(x, dtype=np.float64)
    return _crossings(x, np.ascontiguousarray(trials, dtype=np.float64), np.ascontiguousarray(hits, dtype=np.float64), float(target))


@njit(cache=True, nogil=True, error_model="numpy")
def _pooled(x, trials, hits):
    """Points (n) of the centred curve: place, share of responses, number of trials. Doses without a trial are left out."""
    place, rate, weight = np.empty(len(x)), np.empty(len(x)), np.empty(len(x))
    n = 0
    for d in range(len(x)):
        if trials[d] == 0.0:
            continue
        place[n], rate[n], weight[n] = x[d], hits[d] / trials[d], trials[d]
        n += 1
        while n > 1 and rate[n - 2] >= rate[n - 1]:
            # two doses in a row without or with nothing but responses say where the curve ends, not where it lies
            if rate[n - 2] == rate[n - 1] and (rate[n - 1] == 0.0 or rate[n - 1] == 1.0):
                break
            total = weight[n - 2] + weight[n - 1]
            place[n - 2] = (place[n - 2] * weight[n - 2] + place[n - 1] * weight[n - 1]) / total
            rate[n - 2] = (rate[n - 2] * weight[n - 2] + rate[n - 1] * weight[n - 1]) / total
            weight[n - 2] = total
            n -= 1
    return place[:n], rate[:n], weight[:n]


@njit(cache=True, nogil=True, error_model="numpy")
def _crossing(place, rate, target):
    for k in range(len(place)):
        if rate[k] == target:
            return place[k]
        if k > 0 and rate[k - 1] < target < rate[k]:
            return place[k - 1] + (target - rate[k - 1]) / (rate[k] - rate[k - 1]) * (place[k] - place[k - 1])
    return np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _crossings(x, trials, hits, target):
    found = np.empty(len(trials))
    for r in range(len(trials)):
        place, rate, _ = _pooled(x, trials[r], hits[r])
        found[r] = _crossing(place, rate, target)
    return found
