"""The Bayesian rule: virtual patients of the same model say what follows, weighted at every visit.

A particle is a virtual patient with a benefit at every dose of the ladder, a placebo response, a
diary SD and an error of its baseline. The sums run patient by patient in fixed order, so that
nobody's weights depend on the company. Knows visits, doses and steady-state benefits; knows nothing
of how diaries come about.
"""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from pkpd.errors import TrialError
from pkpd.kernels.compiled import compiled
from pkpd.population.cohort import cohort
from pkpd.population.noise import uniforms
from pkpd.response.dose_response import dose_response
from pkpd.titration.checks import number, one_of, whole_number
from pkpd.titration.rule import BEST, NEXT, OFF, STOP, Memory, Rule


@dataclass
class Belief(Memory):
    """What P patients' visits say of M particles.

    weights : (P, M) logarithms; effects : (P, M) points, with what is left of earlier doses
    """

    weights: np.ndarray
    effects: np.ndarray


@dataclass(frozen=True)
class Prior:
    """M particles.

    gain : (M, D + 1) points at steady state at each dose of the ladder, the last column without a
        dose
    placebo_max, placebo_half, noise_sd : (M,) as in the diary
    slip : (M,) error of the baseline in noise SDs of a week's mean
    week : SD of a window's mean in noise SDs
    """

    gain: np.ndarray
    placebo_max: np.ndarray
    placebo_half: np.ndarray
    noise_sd: np.ndarray
    slip: np.ndarray
    week: float

    @property
    def first(self):
        """Index of the first dose: the one with the largest expected benefit."""
        return int(np.argmax(self.gain[:, :-1].mean(axis=0)))

    def update(self, belief, visit, who, rule):
        """Update the Belief after a visit.

        Returns the expected benefit (P, D) of every dose, and (P,) the index of the best dose of a
        particle drawn by weight.
        """
        keep = 2.0 ** (-rule.days / rule.settle)
        fall = self.placebo_max * (1.0 - 2.0 ** (-max(visit.day, 0) / self.placebo_half))
        rows = np.flatnonzero(who)
        patients = len(belief.place)
        expected = np.zeros((patients, self.gain.shape[1] - 1))
        drawn = np.zeros(patients, np.int64)
        _update(
            rows,
            belief.weights,
            belief.effects,
            belief.place,
            visit.score,
            visit.baseline,
            visit.draw,
            keep,
            fall,
            self.gain,
            self.noise_sd * self.week,
            self.slip,
            rule.misfit,
            expected,
            drawn,
        )
        return expected, drawn


@dataclass(frozen=True)
class Bayes(Rule):
    """Virtual patients of the model, as its file has them, are the prior; each visit weights them.

    A virtual patient's weight is how well it predicts the diary.
    choice : the next dose is the best of a virtual patient drawn by weight ("thompson"), or the one
        with the largest expected benefit ("expected")
    helped : asked of the expected benefit of the drug alone
    steps : visits until it ends, with the dose of the largest expected benefit
    particles : number of virtual patients, drawn from `prior_seed`
    settle : half-life of what is left of an earlier dose's effect, in days
    misfit : SD of a step's mean that neither noise nor prior explains, in points
    """

    kind: ClassVar[str] = "bayes"
    worded: ClassVar[tuple] = ("choice", "steps", "particles")
    choice: str = "thompson"
    steps: int = 0
    particles: int = 1000
    prior_seed: int = 2_000_003
    settle: float = 10.0
    misfit: float = 0.2
    # a Prior, set by `prepare`
    prior: Any = field(default=None, compare=False, repr=False)

    def __post_init__(self):
        super().__post_init__()
        one_of(self.choice, ("thompson", "expected"), "choice")
        whole_number(self.particles, "particles")
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise TrialError(
                f"steps: a Bayesian rule with {self.steps!r} steps can never stop; "
                "write a whole number, at least 1."
            )
        for name in ("settle", "misfit"):
            if not number(getattr(self, name), name) > 0:
                raise TrialError(f"{name}: {getattr(self, name):g} must be above 0.")

    @property
    def longest(self):
        return self.steps * self.days

    @property
    def start(self):
        return self.prior.first if self.prior is not None else 0

    def prepare(self, context):
        """The rule with its prior: virtual patients of the model at every dose of the ladder."""
        rule = super().prepare(context)
        return replace(rule, prior=prior_of(rule, context))

    def begin(self, patients, now=None):
        weights, effects = (np.zeros((patients, len(self.prior.gain))) for _ in range(2))
        return Belief(**vars(super().begin(patients, now)), weights=weights, effects=effects)

    def words(self):
        best = "the largest expected benefit"
        if self.choice == "thompson":
            best = "the largest benefit to a virtual patient drawn by weight"
        step = f"the dose with {best} every {self.days} days, {self._ladder_words()}"
        return f"{step}, by {self.particles} virtual patients as prior; {self.steps} steps"

    def step(self, memory, visit, who):
        expected, drawn = self.prior.update(memory, visit, who, self)
        best = np.argmax(expected, axis=1)
        last = memory.visits + 1 >= self.steps
        helps = expected.max(axis=1) >= visit.baseline - self.threshold(visit)
        final = np.where(helps, best, OFF)
        place = np.where(last, final, drawn if self.choice == "thompson" else best)
        return np.select([last & helps, last], [BEST, STOP], NEXT), place

    def conclude(self, memory, visit, who):
        memory.found = np.where(who & (memory.place >= 0), self.doses(memory), memory.found)


@compiled
def _update(
    rows,
    weights,
    effects,
    place,
    score,
    baseline,
    draw,
    keep,
    fall,
    gain,
    sd,
    slip,
    misfit,
    expected,
    drawn,
):
    """Weight every particle by the patients' scores, in place.

    rows : (n,); weights, effects : (P, M); place, score, baseline, draw : (P,); fall, sd, slip :
        (M,)
    gain : (M, D + 1); expected : (P, D); drawn : (P,)
    """
    particles, doses = len(gain), gain.shape[1] - 1
    chance = np.empty(particles)
    for r in rows:
        highest = -np.inf
        for m in range(particles):
            # place -1 is the last column: no dose
            target = gain[m, place[r]]
            effects[r, m] = target + keep * (effects[r, m] - target)
            spread = sd[m] * sd[m] + misfit * misfit
            off = score[r] - ((baseline[r] + slip[m] * sd[m]) * (1.0 - fall[m]) - effects[r, m])
            weights[r, m] -= 0.5 * (off * off / spread + np.log(spread))
            highest = max(highest, weights[r, m])
        total = 0.0
        for m in range(particles):
            chance[m] = np.exp(weights[r, m] - highest)
            total += chance[m]
            for d in range(doses):
                expected[r, d] += chance[m] * gain[m, d]
        wanted, passed, chosen = draw[r] * total, 0.0, particles - 1
        for m in range(particles):
            passed += chance[m]
            if passed >= wanted:
                chosen = m
                break
        best = 0
        for d in range(doses):
            expected[r, d] /= total
            if gain[chosen, d] > gain[chosen, best]:
                best = d
        drawn[r] = best


def prior_of(rule, setting):
    """Prior of a Bayesian rule for a model: its virtual patients at every dose of the ladder."""
    from scipy.special import ndtri

    if not min(rule.ladder) > 0:
        raise TrialError(f"ladder {list(rule.ladder)}: a Bayesian rule needs doses above 0.")
    people = cohort(setting.model, rule.particles, seed=rule.prior_seed)
    benefit = {n: getattr(setting.benefit, n) for n in ("outcome", "better", "into", "every")}
    response = dose_response(setting.model, people, rule.ladder, **setting.options, **benefit)
    solved = ~np.isnan(response.gain).any(axis=1)
    gain = np.column_stack([response.gain, np.zeros(len(people))])[solved]
    traits = setting.diary.traits(rule.prior_seed, people.ids[solved])
    slip = ndtri(uniforms(rule.prior_seed, people.ids[solved], "slip", 1)[:, 0])
    own = {
        n: np.array(np.broadcast_to(traits[n], len(gain)))
        for n in ("placebo_max", "placebo_half", "noise_sd")
    }
    week = mean_sd(rule.window, setting.diary["noise_correlation"])
    return Prior(np.ascontiguousarray(gain), **own, slip=slip, week=week)


def mean_sd(days, correlation):
    """SD of the mean of so many days of AR(1) noise of SD 1."""
    lags = np.arange(1, days)
    return float(np.sqrt((1.0 + 2.0 * ((1.0 - lags / days) * correlation**lags).sum()) / days))
