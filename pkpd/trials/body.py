"""The simulated side of patients in a trial: carried from visit to visit without a restart, day by day means of the outcome.

States, step sizes and doses on their way to the body live through visits. Knows the model, its benefit and the null controls;
knows no diary entries and no rules.
"""

from dataclasses import dataclass, replace

import numpy as np

from pkpd import units
from pkpd.dosing.events import arriving, periodic_actions, single_actions, target
from pkpd.errors import TrialError, closest
from pkpd.kernels.lower import area
from pkpd.population.cohort import cohort
from pkpd.response.goal import goal
from pkpd.solvers.batch import compile, solve
from pkpd.solvers.driver import OK
from pkpd.solvers.periodic import periodic
from pkpd.symbolic.model import Benefit, Model
from pkpd.trials.observe import Diary

NULLS = ("no-effect", "same-med")
SCALE = "NRS"  # unit of outcomes that are a score already


@dataclass(frozen=True)
class Setting:
    """What all patients of a trial share.

    null : None, "no-effect" (the body receives 0) or "same-med" (everybody's body is the typical one; baseline and size of the effect differ)
    point : outcome units that are one point of the 0-10 scale; sign : 1 where a lower outcome is better
    """

    model: Model
    benefit: Benefit
    diary: Diary
    null: str | None
    kernel: object
    point: float
    options: dict

    @property
    def sign(self):
        return 1.0 if self.benefit.better == "lower" else -1.0

    @property
    def day(self):
        """Model time of a day."""
        return 24.0 * units.factor("h", self.model.time)

    @property
    def scored(self):
        """Whether the outcome is pain on the 0-10 scale."""
        return self.model.unit(self.benefit.outcome) == SCALE and self.benefit.better == "lower"

    def own_unit(self, rule):
        """The rule with its doses in the unit of the model's doses. Raises PkpdError where the rule's unit does not measure them."""
        unit = target(self.model, self.benefit.into, rule.unit).unit
        return rule.scaled(units.factor(rule.unit, unit), unit)

    def typical(self, count, changed=None):
        """theta (P, K) of `count` typical patients."""
        return np.repeat(cohort(self.model, typical=True, set=changed).theta, count, axis=0)

    def untreated(self, theta):
        """Steady state without the drug, and the mean outcome (P,) there."""
        n = len(theta)
        rows, nothing = np.arange(n), np.zeros(n)
        actions = periodic_actions(self.model, self.benefit.into, nothing, self.benefit.every, theta, rows)
        found = periodic(self.kernel, theta, rows, actions, self.benefit.every, tol=self.options["rtol"], **self.options)
        return found, found.integral[:, 0] / self.benefit.every


def setting(model, diary, null=None, *, rtol=1e-6, solver="auto", threads=None, changed=None, **changes):
    """Setting for a model with a benefit. changes : outcome, better, ... in place of the model's [benefit]. Raises PkpdError."""
    if null is not None and null not in NULLS:
        raise TrialError(f"null: unknown '{null}'.{closest(str(null), NULLS)}")
    benefit = goal(model, **changes)
    watched = tuple(dict.fromkeys(n for n in (benefit.outcome, benefit.blockade) if n))
    kernel = compile(model, observe=tuple(area(n) for n in watched), integrals=watched, solver=solver)
    found = Setting(model, benefit, diary, null, kernel, 1.0, {"rtol": rtol, "threads": threads})
    if found.scored:
        return found
    # an outcome on another scale is rated so that the least benefit that counts is one point
    untreated = found.untreated(found.typical(1, changed))[1][0] if benefit.delta_relative else 1.0
    point = benefit.delta * abs(untreated)
    if not point > 0:
        raise TrialError(f"A diary needs to know how much of {benefit.outcome} is a point: give an absolute delta above 0, such as delta = '1'.")
    return replace(found, point=point)


class Body:
    """P patients of a setting, from the untreated steady state on.

    base : (P,) score without drug, placebo response and noise; status : (P,) key of pkpd.solvers.batch.STATUS
    """

    def __init__(self, setting, people, start, base=None, effect=None):
        own, untreated = setting.untreated(people.theta)
        self.setting, self.theta, self.status, self.effect = setting, people.theta, own.status.copy(), 1.0
        self.base = untreated / setting.point if setting.scored else base
        if setting.null == "same-med":
            self.theta, self.effect = setting.typical(len(people), people.changed), effect
            own, untreated = setting.untreated(self.theta)
        self.untreated, self.now = untreated, start * setting.day
        self.y, self.control, self.peak = own.y, np.zeros((len(people), 3)), np.abs(own.y)
        self.waiting = np.full((len(people), 0), np.inf), np.zeros((len(people), 0))

    def advance(self, rows, days, times, amounts):
        """Carry the patients `rows` over so many days, at least one of them.

        times, amounts : (n, k) model time and dose of what they take, inf where nothing is taken

        Returns
        -------
        (n, days) score, and (n, days) mean blockade, 0 where the model names none. NaN for patients that fail, whose status says why.
        """
        s = self.setting
        begin, end = self.now, self.now + days * s.day
        actions = self._actions(rows, times, amounts, end)
        grid = begin + s.day * np.arange(1, days + 1)
        grid[-1] = end
        run = solve(
            s.kernel, self.theta, rows, self.y[rows], begin, end, actions, grid, control=self.control[rows], peak=self.peak[rows], **s.options
        )
        self.y[rows], self.control[rows], self.peak[rows], self.now = run.end, run.control, run.peak, end
        self.status[rows] = np.where(self.status[rows] == OK, run.status, self.status[rows])
        daily = np.diff(run.out, axis=1, prepend=0.0) / s.day
        blockade = daily[:, :, -1] if s.benefit.blockade else np.zeros(daily.shape[:2])
        return self.score(rows, daily[:, :, 0]), np.maximum(blockade, 0.0)

    def score(self, rows, outcome):
        """(n, d) score of an outcome (n, d)."""
        change = self.setting.sign * (outcome - self.untreated[rows][:, None]) / self.setting.point
        effect = self.effect if np.isscalar(self.effect) else self.effect[rows][:, None]
        return self.base[rows][:, None] + effect * change

    def _actions(self, rows, times, amounts, end):
        """Doses that arrive before `end`, those still on their way from earlier legs included; the rest waits."""
        s = self.setting
        nothing = s.null == "no-effect"
        times = np.where((amounts > 0) & (not nothing), times, np.inf)
        arrive, amount = arriving(s.model, s.benefit.into, times, amounts, self.theta[rows])
        arrive, amount = np.hstack([self.waiting[0][rows], arrive]), np.hstack([self.waiting[1][rows], amount])
        late = np.isfinite(arrive) & (arrive >= end)
        columns = late.any(axis=0)
        self.waiting = np.full((len(self.theta), columns.sum()), np.inf), np.zeros((len(self.theta), columns.sum()))
        self.waiting[0][rows], self.waiting[1][rows] = np.where(late, arrive, np.inf)[:, columns], amount[:, columns]
        return single_actions(s.model, s.benefit.into, np.where(late, np.inf, arrive), amount)
