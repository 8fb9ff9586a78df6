"""What was published, and what the broad cohort went through in the same designs.

The crossover of 2013, the veterans cohort, the slow ladder. Knows data and their likelihood;
knows nothing of the prior.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

import pkpd
from pkpd.trials.design import read
from pkpd.trials.importance_weights import expected, log_extremes, log_normal
from pkpd.trials.predictive_check import by_patient

FOLDER = Path(__file__).parents[1]
CROSSOVER, VETERANS, CLINIC = 31, 41, 41  # patients
MANY = np.inf  # a range of many studies, without a number
# data set -> statistic -> (published, SD between studies beside chance (assumed), patients)
PUBLISHED = {
    "2013: mean falls": {
        "fall on 4.5 mg (%)": (28.8, 0.0, CROSSOVER),
        "fall on placebo (%)": (18.0, 0.0, CROSSOVER),
    },
    "veterans: pain": {"change of veterans' pain (points)": (-0.83, 0.5, VETERANS)},
    "veterans: persistence": {"veterans treated on day 123 (%)": (50.0, 5.0, VETERANS)},
    "30-68 % report benefit": {"own improvement reached on 4.5 mg (%)": (49.0, 9.5, MANY)},
    "40-50 % non-responders": {"no dose helps by 10 % (%)": (45.0, 5.0, MANY)},
    # both cannot hold, nor either with the mean falls: judged, not fitted
    "2013: 57 % responders": {"30 % less pain on 4.5 mg (%)": (57.0, 0.0, CROSSOVER)},
    "2013: 32 % responders": {"30 % less pain on 4.5 mg (%)": (32.0, 0.0, CROSSOVER)},
}
MEDS = "41 MEDs from 0.1 to 6 mg"
FITTED = (*list(PUBLISHED)[:5], MEDS)
JUDGED = tuple(PUBLISHED)[5:]
STATISTICS = {name: known for found in PUBLISHED.values() for name, known in found.items()}
SIZES = np.array([patients for _, _, patients in STATISTICS.values()])


class Histories:
    """What each patient of a broad cohort went through.

    values : (P, J) of STATISTICS, NaN where there is none
    step : (P,) of the ladder that was found, -1 without; true : (P,) MED, NaN without
    """

    def __init__(self, broad):
        crossover, veterans = (
            self._trial(broad, name) for name in ("06-fibromyalgia-2013", "07-veterans-cohort")
        )
        table = pkpd.titrate(
            broad.people.model, broad.people, "slow-ladder", replicates=1, diary=broad.diary
        )
        fall, truth = -crossover["4.5 mg"], table.truth
        self.values = np.column_stack(
            [
                fall,
                -crossover["placebo"],
                veterans["pain"],
                100 * veterans["stayed"],
                100.0 * (fall >= 100 * broad.wanted),
                100.0 * ~truth["responder"],
                100 * crossover["responders on 4.5 mg"],
            ]
        )
        self.ladder, self.true = table.rule.ladder, truth["med"]
        self.order = np.argsort(self.true)
        observed = table.found[0]
        self.step = np.where(np.isfinite(observed), np.searchsorted(self.ladder, observed), -1)

    def _trial(self, broad, name):
        design = read(FOLDER / name / "trial.toml")
        design = replace(design, model=broad.people.model.name)
        return by_patient(pkpd.trial(design, people=broad.people, diary=broad.diary))

    def predicted(self, weights):
        """What a population predicts.

        Means (J,) of the statistics, their covariance (J, J) at the published sizes, shares (D,)
        of the observed MEDs, median of the true ones.
        """
        mean, covariance = expected(self.values, weights)
        # different studies have different patients
        sizes = np.where(np.equal.outer(SIZES, SIZES), SIZES, np.inf)
        shares = np.bincount(self.step + 1, weights, len(self.ladder) + 1)[1:]
        passed = np.cumsum(np.where(np.isfinite(self.true), weights, 0.0)[self.order])
        median = self.true[self.order][np.searchsorted(passed, 0.5 * passed[-1])]
        return mean, covariance / sizes, shares / shares.sum(), median


def log_likelihood(prediction, sets):
    """Log likelihood of some data sets under what a population predicts.

    Normal for means and shares; of the extremes for the MEDs.
    """
    mean, covariance, shares, _ = prediction
    known = {
        name: PUBLISHED[data][name]
        for data in sets
        if data in PUBLISHED
        for name in PUBLISHED[data]
    }
    rows = [list(STATISTICS).index(name) for name in known]
    published = [value for value, _, _ in known.values()]
    apart = np.array([beside**2 for _, beside, _ in known.values()])
    total = 0.0
    if rows:
        total += log_normal(published, mean[rows], covariance[np.ix_(rows, rows)] + np.diag(apart))
    if MEDS in sets:
        total += log_extremes(shares, CLINIC)
    return total
