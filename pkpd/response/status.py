"""Curves and peaks -> one verdict a patient: interior, censored, no benefit, flat or failed.

The order of the rules is that of the definition: the first that applies. Knows curves; knows nothing of models or solvers.
"""

from dataclasses import dataclass

import numpy as np

from pkpd.response import window

STATUSES = ("interior", "below_range", "above_range", "no_benefit", "flat", "failed")
FLAT = 1e-6  # of the untreated value
PLATEAU = 3.0  # doses within 99 % of the best that span more than this factor


@dataclass(frozen=True)
class Verdict:
    """One entry a patient (P,). Doses in the target's unit; NaN where the status leaves them undefined.

    status : entry of STATUSES; med, benefit_at_med : interior only; argmax, best_benefit : whatever the status, unless flat or failed
    w90_low, w90_high : doses between which the benefit is at least 90 % of the best, 0 and inf beyond the range
    zero_equivalent : dose above the peak where the benefit is back at 0, inf beyond the range
    min_effective_dose : lowest dose whose benefit reaches delta, 0 below the range
    """

    status: np.ndarray
    med: np.ndarray
    benefit_at_med: np.ndarray
    argmax: np.ndarray
    best_benefit: np.ndarray
    plateau: np.ndarray
    multimodal: np.ndarray
    second_peak: np.ndarray
    w90_low: np.ndarray
    w90_high: np.ndarray
    zero_equivalent: np.ndarray
    min_effective_dose: np.ndarray
    responder: np.ndarray


def judge(doses, curve, peaks, scale, delta):
    """Verdict on every patient.

    Parameters
    ----------
    doses : (D,) log grid; curve : (P, D) benefit; peaks : peak.Peaks of the curves
    scale : (P,) size of the untreated value, the yardstick of "flat"; delta : (P,) least benefit that counts
    """
    best = peaks.best
    flat = np.maximum(curve.max(axis=1), 0.0) - np.minimum(curve.min(axis=1), 0.0) < FLAT * scale
    conditions = [np.isnan(best) | np.isnan(curve).any(axis=1), flat, ~((best >= delta) & (best > 0)), peaks.at_high, peaks.at_low]
    status = np.select(conditions, ["failed", "flat", "no_benefit", "above_range", "below_range"], "interior")
    interior, beneficial = status == "interior", np.isin(status, ("interior", "above_range", "below_range"))
    seen = ~np.isin(status, ("failed", "flat"))
    curves = window.with_peak(doses, curve, peaks.log_dose, best)
    argmax = np.exp(peaks.log_dose)
    span = _clipped(window.above_peak(curves, 0.99 * best), doses) / _clipped(window.below_peak(curves, 0.99 * best), doses)

    def only(where, values):
        return np.where(where, values, np.nan)

    return Verdict(
        status=status,
        med=only(interior, argmax),
        benefit_at_med=only(interior, best),
        argmax=only(seen, argmax),
        best_benefit=only(seen, best),
        plateau=interior & (span > PLATEAU),
        multimodal=interior & ~np.isnan(peaks.second),
        second_peak=only(beneficial, np.exp(peaks.second)),
        w90_low=only(beneficial, window.below_peak(curves, 0.9 * best)),
        w90_high=only(beneficial, window.above_peak(curves, 0.9 * best)),
        zero_equivalent=only(beneficial, window.above_peak(curves, np.zeros(len(curve)))),
        min_effective_dose=only(beneficial, window.first_reached(curves, delta)),
        responder=beneficial,
    )


def _clipped(dose, doses):
    return np.clip(dose, doses[0], doses[-1])
