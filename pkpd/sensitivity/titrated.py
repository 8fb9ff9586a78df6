"""The observed MED as an output to be explained: physiology, and titration noise as one more input.

A point of the design carries, behind its dimensions, the ID under which the patient's noise is
drawn; exchanging that column exchanges diary, placebo response, missed doses, adverse events and
dropout, and nothing else. Knows studies and titration rules; knows no estimator.
"""

from dataclasses import dataclass, field

import numpy as np

from pkpd.sensitivity.study import Study
from pkpd.titration.library import rule as find_rule
from pkpd.titration.rule import Rule
from pkpd.trials.conduct import CHUNK, follow
from pkpd.trials.observation import diary_of
from pkpd.trials.physiology import Setting, setting

NOISE = "titration noise"
RUN_IN = 14  # days of diary before the first dose
APART = 1 << 24  # IDs of noise between two matrices of points


@dataclass(frozen=True)
class Titrated(Study):
    """A Study of the log10 step at which the diary was best, and of whether the rule found a MED.

    Where there is an observed MED, it is the best step. A patient who left before the first visit
    counts with the lowest step.
    """

    setting: Setting = field(kw_only=True)
    rule: Rule = field(kw_only=True)
    outputs: tuple = ("log10_observed", "observed")

    @property
    def single(self):
        return {name: np.append(mask, False) for name, mask in super().single.items()}

    @property
    def groups(self):
        noise = np.arange(len(self.design) + 1) == len(self.design)
        return {name: np.append(mask, False) for name, mask in super().groups.items()} | {
            NOISE: noise
        }

    def draw(self, first, last, r):
        points = self.design.points(first, last, self.seed, r)
        ids = np.arange(first, last) + 1 + APART * (2 * r + np.arange(2)[:, None])
        return np.concatenate([points, ids[:, :, None].astype(float)], axis=2)

    def __call__(self, u, progress=None):
        found = []
        for first in range(0, len(u), CHUNK):
            part = u[first : first + CHUNK]
            people = self.design.people(part[:, :-1], self.seed, ids=part[:, -1].astype(np.int64))
            course = follow(
                self.setting,
                people,
                [(self.rule.longest, self.rule)],
                run_in=RUN_IN,
                seed=self.seed,
                until_done=True,
            )
            observed = np.isfinite(course.found[:, 0]).astype(float)
            values = np.column_stack([np.log10(best_step(course, self.rule.ladder[0])), observed])
            found.append(np.where((course.status != 0)[:, None], np.nan, values))
            if progress is not None:
                progress(first + len(part))
        return np.concatenate(found)

    def seen_in(self, values):
        fine = values[~np.isnan(values).any(axis=1)]
        return {
            "sd": dict(zip(self.outputs, fine.std(axis=0), strict=True)),
            "found": float(fine[:, 1].mean()),
            "failed": len(values) - len(fine),
        }


def best_step(course, lowest):
    """(P,) dose of the step with the lowest mean diary entry, the earlier of equals.

    `lowest` where no step was finished.
    """
    dose, score = np.full(len(course.ids), lowest), np.full(len(course.ids), np.inf)
    for visit in course.visits:
        better = visit.there & (visit.dose > 0) & (np.nan_to_num(visit.score, nan=np.inf) < score)
        dose, score = np.where(better, visit.dose, dose), np.where(better, visit.score, score)
    return dose


def titrated(asked, rule, diary=None, **changes):
    """Titrated of the same people as a Study.

    rule : name, table or Rule of pkpd.titration; diary : Diary or path (default: the packaged one)
    changes : of the benefit

    Raises PkpdError.
    """
    rule = find_rule(rule)
    options = {"changed": asked.design.changed} | asked.numerics | changes
    place = setting(asked.model, diary_of(diary), None, **options)
    return Titrated(
        asked.model,
        asked.benefit,
        asked.design,
        asked.seed,
        asked.numerics,
        setting=place,
        rule=rule.prepare(place),
    )
