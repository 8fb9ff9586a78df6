"""The simulated side of patients in a trial, carried from visit to visit without a restart.

States, step sizes and doses on their way to the body live through visits.
Knows the model, its benefit and the null controls; knows nothing of diary entries or rules.
"""

from dataclasses import dataclass, field

import numpy as np

from pkpd import units
from pkpd.dosing.actions import arriving, joined, periodic_actions, single_actions, target
from pkpd.dosing.background import Background, of_benefit
from pkpd.dosing.occasions import period
from pkpd.errors import TrialError
from pkpd.kernels.lower import area
from pkpd.population.cohort import cohort
from pkpd.population.occasions import effects, varying_between, with_effects
from pkpd.response.benefit import benefit_of
from pkpd.solvers.batch import compile, solve
from pkpd.solvers.periodic import periodic
from pkpd.solvers.status import OK
from pkpd.symbolic.model import Benefit, Model
from pkpd.titration.checks import one_of
from pkpd.trials.adverse import Watched, watched
from pkpd.trials.beside import NOTHING, OtherDrugs, check_occasions
from pkpd.trials.observation import Diary

NULLS = ("no-effect", "same-med")


@dataclass(frozen=True)
class Setting:
    """What all patients of a trial share.

    null : None, "no-effect" (the body receives 0) or "same-med" (everybody's body is the typical
        one; baseline and size of the effect differ)
    background : what is taken beside the dose from long before the trial on, or None
    occasion : length in model time of the periods by which inputs vary within a patient; None where
        every dose begins an occasion, 0 where none does
    options : numerics of the solver
    adverse : the trial's own adverse events, Watched
    """

    model: Model
    benefit: Benefit
    diary: Diary
    null: str | None
    background: Background | None
    kernel: object
    occasion: float | None
    options: dict
    adverse: Watched = field(default_factory=Watched)

    @property
    def day(self):
        """Model time of a day."""
        return 24.0 * units.factor("h", self.model.time)

    @property
    def period(self):
        """Model time after which doses, and what is taken beside them, begin anew."""
        if self.background is None:
            return self.benefit.every
        hour = units.factor("h", self.model.time)
        return self.background.period(self.benefit.every / hour) * hour

    def due(self, days):
        """(D,) model times at which doses are due within so many days of treatment."""
        every = self.benefit.every
        return every * np.arange(int(np.ceil(days * self.day / every - 1e-9)))

    def days_of(self, due):
        """(D,) day of treatment of each model time (D,); the first one is day 1."""
        return np.floor(due / self.day + 1e-9).astype(int) + 1

    def occasions(self, due):
        """(D,) number of the occasion of the dose due at each model time (D,)."""
        if not self.occasion:
            return np.arange(len(due))
        return np.floor(due / self.occasion * (1 + 1e-12)).astype(np.int64)

    def own_unit(self, rule):
        """The rule with doses in the model's unit. Raises PkpdError where units do not fit."""
        unit = target(self.model, self.benefit.into, rule.unit).unit
        return rule.scaled(units.factor(rule.unit, unit), unit)

    def typical(self, count, changed=None):
        """theta (P, K) of `count` typical patients."""
        return np.repeat(cohort(self.model, typical=True, set=changed).theta, count, axis=0)

    def untreated(self, theta):
        """Steady state without the drug of theta (P, K), and the mean outcome (P,) there."""
        rows, nothing = np.arange(len(theta)), np.zeros(len(theta))
        into, every, length = self.benefit.into, self.benefit.every, self.period
        cycles = () if self.background is None else self.background.phases
        due = periodic_actions(
            self.model, into, nothing, every, theta, rows, beside=cycles, period=length
        )
        tol = self.options["rtol"]
        steady = periodic(self.kernel, theta, rows, due, length, tol=tol, **self.options)
        return steady, steady.integral[:, 0] / length


def setting(
    model,
    diary,
    null=None,
    *,
    occasion="dose",
    rtol=1e-6,
    solver="auto",
    threads=None,
    changed=None,
    adverse=(),
    **changes,
):
    """Setting for a model with a benefit.

    occasion : as in pkpd.simulate; changed : typical values set by the user
    adverse : the trial's own adverse events, AdverseEvent
    changes : outcome, better, ... in place of the model's [benefit]

    Raises PkpdError.
    """
    if null is not None:
        one_of(null, NULLS, "null")
    benefit = benefit_of(model, **changes)
    background = of_benefit(model, benefit)
    dosed = target(model, benefit.into)
    if dosed.remembered or len(model.sharing(dosed)) > 1:
        raise TrialError(
            f"A trial gives doses one by one into one target and tells equations nothing of them: "
            f"{model.name} uses tad(...) or last_dose(...), or its doses enter several targets."
        )
    check_outcome(model, benefit, diary)
    length = period(occasion, model.time)
    if background is not None and length != 0:
        check_occasions(model, background, background.phases)
    events = watched(model, adverse)
    kernel = _kernel(model, benefit, events.watch, solver)
    options = {"rtol": rtol, "threads": threads}
    result = Setting(model, benefit, diary, null, background, kernel, length, options, events)
    _check_scale(result, changed)
    return result


def _kernel(model, benefit, watch, solver):
    """The model compiled for daily means of outcome and blockade, and for what is watched."""
    means = tuple(dict.fromkeys(n for n in (benefit.outcome, benefit.blockade) if n))
    integrals = tuple(dict.fromkeys((*means, *watch.outputs)))
    levels = [signal[:3] for signal in watch.signals]
    areas = tuple(map(area, means))
    return compile(model, areas, integrals, solver, extremes=watch.outputs, levels=levels)


def check_outcome(model, benefit, diary):
    """Raise TrialError where the outcome is not measured as the diary's entries are."""
    outcome, unit = benefit.outcome, model.unit(benefit.outcome)
    if unit != diary.scale.unit:
        raise TrialError(
            f"{outcome} of {model.name} is in {unit}, but {_named(diary)} is kept in "
            f"{diary.scale.unit}: its noise, placebo response, adverse events and dropout are not "
            f"those of {outcome}. Give a diary kept in {unit} (docs/trials.md): --diary FILE, or "
            "diary in a trial and in Python."
        )
    if benefit.better != "lower":
        raise TrialError(
            f"{outcome} of {model.name} is better {benefit.better}, but in a diary lower entries "
            f"are better. Give the model an output that falls as {outcome} rises, such as "
            f"{diary.scale.highest:g} - {outcome}, and make it the outcome."
        )


def _check_scale(setting, changed):
    """Raise TrialError where the untreated typical patient lies outside the diary's scale."""
    model, scale, outcome = setting.model, setting.diary.scale, setting.benefit.outcome
    steady, untreated = setting.untreated(setting.typical(1, changed))
    if steady.status[0] == OK and not scale.lowest <= untreated[0] <= scale.highest:
        raise TrialError(
            f"{outcome} of the typical patient of {model.name} is {untreated[0]:.6g} {scale.unit} "
            f"without treatment, outside the {scale.lowest:g} to {scale.highest:g} of "
            f"{_named(setting.diary)}."
        )


def _named(diary):
    return f"the diary '{diary.name}' ({diary.title})"


class Physiology:
    """P patients of a setting, from the untreated steady state on.

    due : (D,) model times of the doses; beside : Beside, what else they are given
    base : (P,) score without drug, placebo response and noise
    status : (P,) key of pkpd.solvers.status.STATUS
    """

    def __init__(self, setting, people, start, due=(), effect=None, beside=NOTHING):
        steady, untreated = setting.untreated(people.theta)
        self.setting, self.theta = setting, people.theta
        self.effect: float | np.ndarray = 1.0
        self.status = steady.status.copy()
        self.base = untreated
        if setting.null == "same-med":
            self.theta, self.effect = setting.typical(len(people), people.changed), effect
            steady, untreated = setting.untreated(self.theta)
        self.untreated, self.now = untreated, start * setting.day
        drugs = setting.background, setting.period, beside
        self.others = OtherDrugs(setting.model, self.theta, *drugs)
        self.y, self.largest = steady.y, np.abs(steady.y)
        self.control = np.zeros((len(people), 3))
        # what is yet to come, (P, m) each: times, amounts of doses, and occasions that begin then
        # (-1 where a dose arrives)
        self.waiting = [np.zeros((len(people), 0), kind) for kind in (float, float, np.int64)]
        self.people, self.occasion = people, np.zeros(len(people), np.int64)
        self.number = setting.occasions(np.asarray(due))
        varies = setting.null is None and setting.occasion != 0 and varying_between(people)
        self.effects = None
        if varies and len(due):
            self.effects = effects(people, self.number[-1] + 1)  # (P, C, J)

    def advance(self, rows, days, doses, times, amounts):
        """Carry the patients `rows` (n,) over so many days, at least one patient.

        doses : (k,) which of the doses that are due
        times, amounts : (n, k) model time and size of the doses, times inf where a dose is not
            taken

        Returns
        -------
        (n, days) score; (n, days) mean blockade, 0 where the model names none; (n, days, W) whether
        the trial's own adverse events are there, where they are judged: on single days. NaN for
        patients who fail; their status says why.
        """
        s = self.setting
        begin, end = self.now, self.now + days * s.day
        theta, person, actions = self._actions(rows, doses, times, amounts, end)
        grid = begin + s.day * np.arange(1, days + 1)
        grid[-1] = end
        memory = {"control": self.control[rows], "largest": self.largest[rows]}
        if s.adverse:
            memory |= {"since": begin, "level": s.adverse.watch.level}
        run = solve(
            s.kernel, theta, person, self.y[rows], begin, end, actions, grid, **memory, **s.options
        )
        self.y[rows], self.now = run.end, end
        self.control[rows], self.largest[rows] = run.control, run.largest
        self.status[rows] = np.where(self.status[rows] == OK, run.status, self.status[rows])
        daily = np.diff(run.out, axis=1, prepend=0.0) / s.day
        blockade = daily[:, :, -1] if s.benefit.blockade else np.zeros(daily.shape[:2])
        met = np.zeros((len(rows), days, len(s.adverse.events)), bool)
        if s.adverse and days == 1:
            met[:, 0] = s.adverse.met(run, s.kernel.integrals, begin, end)
        return self.score(rows, daily[:, :, 0]), np.maximum(blockade, 0.0), met

    def score(self, rows, outcome):
        """(n, d) score of an outcome (n, d)."""
        change = outcome - self.untreated[rows][:, None]
        effect = self.effect
        if isinstance(effect, np.ndarray):
            effect = effect[rows][:, None]
        return self.base[rows][:, None] + effect * change

    def _actions(self, rows, doses, times, amounts, end):
        """Inputs, the patients' rows of them, and what happens to them before `end`.

        That includes what earlier legs left over; what is later waits.
        """
        s, now = self.setting, self.occasion[rows][:, None]
        times = np.where((amounts > 0) & (s.null != "no-effect"), times, np.inf)
        numbers = np.broadcast_to(self.number[doses], times.shape)
        waits = [a[rows] for a in self.waiting]
        waiting_numbers = np.where(waits[2] < 0, now, waits[2])
        theta, person = self._inputs(rows, np.hstack([now, waiting_numbers, numbers]))
        now, later, new = np.split(person, [1, 1 + waits[2].shape[1]], axis=1)
        arrive, amounts = arriving(s.model, s.benefit.into, times, amounts, theta, new)
        nothing = np.full(times.shape, -1)
        parts = [(*waits, np.where(waits[2] < 0, -1, later)), (arrive, amounts, nothing, nothing)]
        if self.effects is not None:
            parts.insert(1, (times, np.zeros(times.shape), numbers, new))
        times, amounts, numbers, person = (np.hstack(part) for part in zip(*parts, strict=True))
        late = np.isfinite(times) & (times >= end)
        self._begun(rows, np.where((times < end) & (numbers >= 0), times, -np.inf), numbers)
        self._wait(rows, late, times, amounts, numbers)
        times = np.where(late, np.inf, times)
        due = single_actions(s.model, s.benefit.into, times, amounts, person)
        others = self.others.actions(rows, self.now, end)
        return theta, now[:, 0], due if others is None else joined(due, others)

    def _inputs(self, rows, numbers):
        """theta, and its row (n, m) for the patients `rows` on the occasions `numbers` (n, m)."""
        if self.effects is None:
            return self.theta, np.tile(rows[:, None], numbers.shape[1])
        first, count = numbers.min(), np.ptp(numbers) + 1
        z = self.effects[rows, first : first + count].reshape(len(rows) * count, -1)
        theta = with_effects(self.people, np.repeat(self.theta[rows], count, axis=0), z)
        return theta, np.arange(len(rows))[:, None] * count + numbers - first

    def _begun(self, rows, times, numbers):
        """Note the occasion that each patient is left in.

        It is the last to begin at times (n, m), -inf where none does.
        """
        if times.size:
            last = times.argmax(axis=1)[:, None]
            began = np.isfinite(np.take_along_axis(times, last, axis=1)[:, 0])
            self.occasion[rows[began]] = np.take_along_axis(numbers, last, axis=1)[began, 0]

    def _wait(self, rows, late, *columns_of):
        """Keep what is late (n, m), in as few columns as hold it."""
        columns = late.any(axis=0)
        nothing = (np.inf, 0.0, -1)
        self.waiting = [np.full((len(self.theta), columns.sum()), gap) for gap in nothing]
        for kept, new, gap in zip(self.waiting, columns_of, nothing, strict=True):
            kept[rows] = np.where(late, new, gap)[:, columns]
