"""Patients go through the phases of an arm, visit by visit: dose, days, diary, decision.

Between two visits all patients of the arm are solved in one batch. Knows phases, rules, bodies and observers; knows no arms or statistics.
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from pkpd.population.noise import uniforms
from pkpd.titration.bayes import prior_of
from pkpd.titration.rule import ACTS, START, VisitData
from pkpd.titration.rules import Bayes
from pkpd.trials.observation import EVENTS, FAILED, STAYED, Observer, effect_of, mean
from pkpd.trials.physiology import Physiology

CHUNK = 2048  # patients at once: their daily draws fit into memory


@dataclass(frozen=True)
class Visit:
    """What the audit log keeps of one visit of P patients.

    phase : number of the phase; day : last day before it; dose : (P,) until then; score : (P,) mean entry that was seen; entries, adverse : (P,)
    act : (P,) index into ACTS; following : (P,) dose from then on; there : (P,) whether the patient was still in the trial
    """

    phase: int
    day: int
    dose: np.ndarray
    score: np.ndarray
    entries: np.ndarray
    adverse: np.ndarray
    act: np.ndarray
    following: np.ndarray
    there: np.ndarray


@dataclass(frozen=True)
class Course:
    """What P patients of one arm went through on J days; day 1 is the first day of treatment, days up to 0 are the run-in.

    days : (J,); diary : (P, J) entries, NaN where missing; score : (P, J) the same without placebo response, noise and rounding
    dose : (P, J) prescribed; taken : (P, J) in the trial's dose unit; events : (P, J, E) onsets; left : (P,) day of leaving or 0
    reason : (P,) index into REASONS; found : (P, F) dose that the rule of each phase found, NaN without one; ended : (P, F)
    base : (P,) score without treatment; status : (P,) key of pkpd.solvers.batch.STATUS; visits : the audit log
    """

    ids: np.ndarray
    run_in: int
    days: np.ndarray
    diary: np.ndarray
    score: np.ndarray
    dose: np.ndarray
    taken: np.ndarray
    events: np.ndarray
    left: np.ndarray
    reason: np.ndarray
    found: np.ndarray
    ended: np.ndarray
    base: np.ndarray
    status: np.ndarray
    visits: tuple

    def window(self, last, days):
        """Mean entry (P,) of so many days up to day `last`."""
        return mean(self.diary[:, np.flatnonzero((self.days > last - days) & (self.days <= last))])[
            0
        ]

    def closing(self, last, days):
        """The same, up to the day of leaving for patients who left before."""
        ends = np.where((self.left > 0) & (self.left < last), self.left, last)[:, None]
        return mean(np.where((self.days > ends - days) & (self.days <= ends), self.diary, np.nan))[
            0
        ]

    def baseline(self):
        """(P,) mean entry of the last week of the run-in."""
        return self.window(0, min(self.run_in, 7))

    def audit(self):
        """Tidy columns, one row a visit of each patient that was there: ID DAY PHASE DOSE SCORE ENTRIES ADVERSE RULE NEXT."""
        rows = []
        for v in self.visits:
            who = np.flatnonzero(v.there)
            fixed = {"DAY": np.full(len(who), v.day), "PHASE": np.full(len(who), v.phase + 1)}
            rows.append(
                {"ID": self.ids[who]}
                | fixed
                | {
                    "DOSE": v.dose[who],
                    "SCORE": v.score[who],
                    "ENTRIES": v.entries[who],
                    "ADVERSE": v.adverse[who],
                    "RULE": np.array(ACTS)[v.act[who]],
                    "NEXT": v.following[who],
                }
            )
        table = {name: np.concatenate([r[name] for r in rows]) for name in rows[0]}
        order = np.argsort(table["ID"], kind="stable")
        return {name: column[order] for name, column in table.items()}


def follow(
    setting,
    people,
    phases,
    *,
    run_in=14,
    seed=None,
    replicate=0,
    own_traits=False,
    until_done=False,
    progress=None,
):
    """Course of a cohort through phases [(days, Rule), ...], in chunks of patients.

    until_done : patients are followed no further than their rule's end (with a single phase)
    progress : called with the number of finished patients
    """
    parts, options = (
        [],
        {
            "run_in": run_in,
            "seed": people.seed if seed is None else seed,
            "replicate": replicate,
            "own_traits": own_traits,
        },
    )
    for first in range(0, len(people), CHUNK):
        rows = slice(first, first + CHUNK)
        part = replace(
            people, ids=people.ids[rows], theta=people.theta[rows], latent=people.latent[rows]
        )
        parts.append(_Arm(setting, part, phases, until_done, **options).course())
        if progress is not None:
            progress(min(first + CHUNK, len(people)))
    return joined(parts)


def joined(parts):
    """One Course of the patients of several that went through the same phases."""
    if len(parts) == 1:
        return parts[0]
    common = ("run_in", "days", "visits")
    stacked = {
        f.name: np.concatenate([getattr(p, f.name) for p in parts])
        for f in fields(Course)
        if f.name not in common
    }
    visits = []
    for group in zip(*(p.visits for p in parts), strict=True):
        names = [f.name for f in fields(Visit) if f.name not in ("phase", "day")]
        visits.append(
            replace(group[0], **{n: np.concatenate([getattr(v, n) for v in group]) for n in names})
        )
    return replace(parts[0], **stacked, visits=tuple(visits))


def prepared(setting, rule):
    """The rule in the dose unit of the model, a Bayesian one with its prior. Raises PkpdError."""
    rule = setting.own_unit(rule)
    return replace(rule, prior=prior_of(rule, setting)) if isinstance(rule, Bayes) else rule


class _Arm:
    """One chunk of patients on its way through an arm."""

    def __init__(self, setting, people, phases, until_done, run_in, seed, replicate, own_traits):
        self.setting, self.phases, self.run_in, self.until_done = (
            setting,
            phases,
            run_in,
            until_done,
        )
        n, total = len(people), sum(days for days, _ in phases)
        traits = setting.diary.traits(seed, people.ids)
        people = replace(people, seed=seed, replicate=replicate)  # of the occasions
        self.due = setting.due(total)
        self.body = Physiology(
            setting,
            people,
            -run_in,
            self.due,
            np.broadcast_to(traits["baseline"], n),
            effect_of(traits, n),
        )
        self.observer = Observer(
            setting.diary, seed, people.ids, self.body.base, run_in, total, replicate, own_traits
        )
        self.there = self.body.status == 0
        self.followed = np.ones(n, bool)
        self.draws = {"seed": seed, "ids": people.ids, "purpose": "visit", "replicate": replicate}
        self.ids, self.days = people.ids, np.arange(1 - run_in, total + 1)
        shape = (n, len(self.days))
        self.score, self.dose, self.taken = np.full(shape, np.nan), np.zeros(shape), np.zeros(shape)
        self.events = np.zeros((*shape, len(EVENTS)), bool)
        self.left, self.reason = np.zeros(n, np.int64), np.where(self.there, STAYED, FAILED)
        self._schedule()

    def _schedule(self):
        """Which of the doses that are due are taken, and when."""
        day = self.setting.day
        self.takes, late = self.observer.doses(len(self.due))
        self.times = np.where(self.takes, self.due + late * day / 24.0, np.inf)
        self.due_day = np.floor(self.due / day + 1e-9).astype(int)

    def course(self):
        n, day = len(self.ids), 0
        self._live(1 - self.run_in, self.run_in, np.zeros(n))
        visits, found, ended, dose = [], [], [], np.zeros(n)
        for k, (days, rule) in enumerate(self.phases):
            memory = rule.begin(n, dose)
            dose = rule.doses(memory)
            visits.append(self._visit(k, day, np.zeros(n), None, np.full(n, START), dose))
            for last in range(day + rule.days, day + days + 1, rule.days):
                adverse = self._live(last - rule.days + 1, rule.days, dose)
                seen = self._seen(rule, last, len(visits), adverse)
                act = rule.visit(memory, seen)
                before, dose = dose, rule.doses(memory)
                visits.append(self._visit(k, last, before, seen, act, dose))
                if self.until_done:
                    self.followed &= ~memory.done
            day += days
            found.append(memory.found)
            ended.append(memory.done)
        return Course(
            self.ids,
            self.run_in,
            self.days,
            self.observer.entries,
            self.score,
            self.dose,
            self.taken,
            self.events,
            self.left,
            self.reason,
            np.column_stack(found),
            np.column_stack(ended),
            self.body.base,
            self.body.status,
            tuple(visits),
        )

    def _live(self, first, days, dose):
        """Days first, first + 1, ... on a dose (P,); (P,) new adverse events."""
        rows = np.flatnonzero(self.there & self.followed)
        if not len(rows):
            return np.zeros(len(self.ids), np.int64)
        due = np.flatnonzero((self.due_day + 1 >= first) & (self.due_day + 1 < first + days))
        amounts = np.repeat(dose[rows][:, None], len(due), axis=1)
        score, blockade = self.body.advance(rows, days, due, self.times[np.ix_(rows, due)], amounts)
        look = self.observer.look(rows, first, score, blockade)
        span = slice(first + self.run_in - 1, first + self.run_in - 1 + days)
        self.score[rows, span], self.events[rows, span] = score, look.events
        self.dose[rows, span] = dose[rows][:, None] * (first > 0)
        np.add.at(
            self.taken,
            (rows[:, None], self.due_day[due] + self.run_in),
            amounts * self.takes[np.ix_(rows, due)],
        )
        self._part(rows, look)
        return self._counted(rows, look)

    def _counted(self, rows, look):
        count = np.zeros(len(self.ids), np.int64)
        count[rows] = look.events.sum(axis=(1, 2))
        return count

    def _part(self, rows, look):
        """Patients who left, or could not be solved, take no further part."""
        broken = self.body.status[rows] != 0
        gone = (look.left > 0) | broken
        self.left[rows] = look.left
        self.reason[rows] = np.where(broken, FAILED, look.reason)
        self.there[rows[gone]] = False
        after = (self.left[rows] > 0)[:, None] & (self.days > self.left[rows][:, None])
        for table in (self.score, self.dose, self.taken):
            table[rows] = np.where(after, np.nan if table is self.score else 0.0, table[rows])

    def _seen(self, rule, last, occasion, adverse):
        place = last + self.run_in
        score, entries = mean(self.observer.entries[:, place - rule.window : place])
        there = self.there & self.followed
        draw = uniforms(**self.draws, count=occasion + 1)[:, occasion]
        wanted = np.broadcast_to(self.observer.traits["improvement_wanted"], len(self.ids))
        return VisitData(
            last,
            np.where(there, score, np.nan),
            entries,
            self.observer.baseline(),
            adverse,
            draw,
            wanted,
        )

    def _visit(self, phase, day, dose, seen, act, following):
        n, there = len(self.ids), self.there & self.followed
        if seen is None:
            return Visit(
                phase,
                day,
                dose,
                np.full(n, np.nan),
                np.zeros(n, np.int64),
                np.zeros(n, np.int64),
                act,
                following,
                there.copy(),
            )
        return Visit(
            phase, day, dose, seen.score, seen.entries, seen.adverse, act, following, there.copy()
        )
