"""Patients go through the phases of an arm, visit by visit: dose, days, diary, decision.

Between two visits all patients of the arm are solved in one batch.
Knows phases, rules, physiology and observers; knows nothing of arms, endpoints or statistics.
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from pkpd.population.noise import uniforms
from pkpd.reading import rows_of
from pkpd.result.tables import stacked
from pkpd.titration.rule import ACTS, START, VisitData
from pkpd.trials.beside import NOTHING
from pkpd.trials.observation import EVENTS, FAILED, STAYED, Observer, effect_of, mean
from pkpd.trials.physiology import Physiology

CHUNK = 2048  # patients at once: their daily draws fit into memory


@dataclass(frozen=True)
class Visit:
    """What the audit log keeps of one visit of P patients.

    phase : number of the phase; day : last day before the visit
    dose : (P,) until then; score, entries, adverse : (P,) of the VisitData
    act : (P,) index into ACTS; following : (P,) dose from then on
    there : (P,) whether the patient was still in the trial
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
    """What P patients of one arm went through on J days.

    Day 1 is the first day of treatment; days up to 0 are the run-in.

    days : (J,); diary : (P, J) entries, NaN where missing
    score : (P, J) entries without placebo response, noise and rounding
    dose : (P, J) prescribed; taken : (P, J), both in the trial's dose unit
    rescue : (P, J) number of rescue doses
    events : (P, J, E) onsets of the design's events
    left : (P,) day of leaving or 0; reason : (P,) index into the design's reasons
    found : (P, F) dose that the rule of each phase found, NaN without one
    ended : (P, F) whether the rule came to its end
    base : (P,) score without treatment; status : (P,) key of pkpd.solvers.status.STATUS
    visits : the audit log
    """

    ids: np.ndarray
    run_in: int
    days: np.ndarray
    diary: np.ndarray
    score: np.ndarray
    dose: np.ndarray
    taken: np.ndarray
    rescue: np.ndarray
    events: np.ndarray
    left: np.ndarray
    reason: np.ndarray
    found: np.ndarray
    ended: np.ndarray
    base: np.ndarray
    status: np.ndarray
    visits: tuple

    def window(self, last, days):
        """(P,) mean entry of so many days up to day `last`."""
        inside = (self.days > last - days) & (self.days <= last)
        return mean(self.diary[:, np.flatnonzero(inside)])[0]

    def closing(self, last, days):
        """The same, up to the day of leaving for patients who left before."""
        ends = np.where((self.left > 0) & (self.left < last), self.left, last)[:, None]
        inside = (self.days > ends - days) & (self.days <= ends)
        return mean(np.where(inside, self.diary, np.nan))[0]

    def baseline(self):
        """(P,) mean entry of the last week of the run-in."""
        return self.window(0, min(self.run_in, 7))

    def audit(self):
        """Tidy columns, one row per visit of each patient who was there.

        ID DAY PHASE DOSE SCORE ENTRIES ADVERSE RULE NEXT
        """
        rows = []
        for v in self.visits:
            who = np.flatnonzero(v.there)
            rows.append(
                {
                    "ID": self.ids[who],
                    "DAY": np.full(len(who), v.day),
                    "PHASE": np.full(len(who), v.phase + 1),
                    "DOSE": v.dose[who],
                    "SCORE": v.score[who],
                    "ENTRIES": v.entries[who],
                    "ADVERSE": v.adverse[who],
                    "RULE": np.array(ACTS)[v.act[who]],
                    "NEXT": v.following[who],
                }
            )
        columns = stacked(rows)
        order = np.argsort(columns["ID"], kind="stable")
        return rows_of(columns, order)


def follow(
    setting,
    people,
    phases,
    *,
    due=None,
    beside=NOTHING,
    run_in=14,
    seed=None,
    replicate=0,
    own_traits=False,
    until_done=False,
    progress=None,
):
    """Course of a cohort through phases [(days, Rule), ...], in chunks of patients.

    due : (D,) increasing model times at which doses are due (default: every interval of the
        benefit, from the first day on)
    beside : Beside, what else they are given
    until_done : follow patients no further than the end of their rule (with a single phase)
    progress : called with the number of finished patients
    """
    total = sum(days for days, _ in phases)
    options = {
        "due": setting.due(total) if due is None else due,
        "beside": beside,
        "run_in": run_in,
        "seed": people.seed if seed is None else seed,
        "replicate": replicate,
        "own_traits": own_traits,
    }
    parts = []
    for first in range(0, max(len(people), 1), CHUNK):
        rows = slice(first, first + CHUNK)
        part = replace(
            people, ids=people.ids[rows], theta=people.theta[rows], latent=people.latent[rows]
        )
        parts.append(_Arm(setting, part, phases, until_done, **options).course())
        if progress is not None:
            progress(min(first + CHUNK, len(people)))
    return joined(parts)


def joined(parts):
    """One Course of the patients of several Courses through the same phases."""
    if len(parts) == 1:
        return parts[0]
    visits = []
    for group in zip(*[part.visits for part in parts], strict=True):
        visits.append(_stacked(group, common=("phase", "day")))
    course = _stacked(parts, common=("run_in", "days", "visits"))
    return replace(course, visits=tuple(visits))


def _stacked(parts, common):
    """One object with the arrays of all parts, one after the other, in every field not `common`."""
    names = [field.name for field in fields(parts[0]) if field.name not in common]
    return replace(parts[0], **stacked(list(map(vars, parts)), names))


class _Arm:
    """One chunk of patients on its way through an arm."""

    def __init__(
        self, setting, people, phases, until_done, due, beside, run_in, seed, replicate, own_traits
    ):
        self.setting, self.phases, self.beside = setting, phases, beside
        self.run_in, self.until_done = run_in, until_done
        n, total = len(people), sum(days for days, _ in phases)
        traits = setting.diary.traits(seed, people.ids)
        people = replace(people, seed=seed, replicate=replicate)  # those of the occasions
        self.due = due
        effect = effect_of(traits, n)
        self.physiology = Physiology(setting, people, -run_in, due, effect, beside)
        base = self.physiology.base
        self.observer = Observer(
            setting.diary,
            seed,
            people.ids,
            base,
            run_in,
            total,
            replicate,
            own_traits,
            setting.adverse.stops,
        )
        self.there = self.physiology.status == 0
        self.followed = np.ones(n, bool)
        self.draws = {"seed": seed, "ids": people.ids, "purpose": "visit", "replicate": replicate}
        self.ids, self.days = people.ids, np.arange(1 - run_in, total + 1)
        shape = (n, len(self.days))
        self.score, self.dose, self.taken = np.full(shape, np.nan), np.zeros(shape), np.zeros(shape)
        self.rescue = np.zeros(shape, np.int64)
        self.events = np.zeros((*shape, len(EVENTS) + len(setting.adverse.events)), bool)
        self.left, self.reason = np.zeros(n, np.int64), np.where(self.there, STAYED, FAILED)
        self._schedule()

    def _schedule(self):
        """Set which of the doses that are due are taken, and when."""
        day = self.setting.day
        self.takes, late = self.observer.doses(len(self.due))
        self.times = np.where(self.takes, self.due + late * day / 24.0, np.inf)
        self.due_day = self.setting.days_of(self.due)

    def course(self):
        """The Course, from the run-in to the end of the last phase."""
        n, day = len(self.ids), 0
        self._run_in(np.zeros(n))
        visits, found, ended, dose = [], [], [], np.zeros(n)
        for k, (days, rule) in enumerate(self.phases):
            memory = rule.begin(n, dose)
            dose = rule.doses(memory)
            visits.append(self._visit(k, day, np.zeros(n), None, np.full(n, START), dose))
            for last in range(day + rule.days, day + days + 1, rule.days):
                adverse = self._live(last - rule.days + 1, rule.days, dose)
                data = self._visit_data(rule, last, len(visits), adverse)
                act = rule.decide(memory, data)
                before, dose = dose, rule.doses(memory)
                visits.append(self._visit(k, last, before, data, act, dose))
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
            self.rescue,
            self.events,
            self.left,
            self.reason,
            np.column_stack(found),
            np.column_stack(ended),
            self.physiology.base,
            self.physiology.status,
            tuple(visits),
        )

    def _run_in(self, nothing):
        """Live the run-in on doses of 0 (P,); where events are judged, its last day alone."""
        alone = 1 if self.setting.adverse else self.run_in
        if alone < self.run_in:
            self._live(1 - self.run_in, self.run_in - alone, nothing)
        self._live(1 - alone, alone, nothing)

    def _live(self, first, days, dose):
        """Live days first, first + 1, ... on a dose (P,). Returns (P,) new adverse events."""
        rescue = first > 0 and self.beside.rescue is not None
        step = 1 if rescue or (first > 0 and self.setting.adverse) else days
        adverse = np.zeros(len(self.ids), np.int64)
        for day in range(first, first + days, step):
            rows = np.flatnonzero(self.there & self.followed)
            if not len(rows):
                break
            if rescue:
                self._take_rescue(day)
            adverse[rows] += self._leg(rows, day, step, dose[rows])
        return adverse

    def _take_rescue(self, day):
        """Give the rescue doses of a day, by the rating of the day before."""
        today = day + self.run_in - 1
        takes = self.beside.rescue.taken(self.observer.rated[:, today - 1])
        takes &= (self.there & self.followed)[:, None]
        self.rescue[:, today] = takes.sum(axis=1)
        self.physiology.others.take(self.physiology.now, takes)

    def _leg(self, rows, first, days, dose):
        """Days that the patients `rows` (n,) live in one piece. Returns (n,) new adverse events."""
        due = np.flatnonzero((self.due_day >= first) & (self.due_day < first + days))
        amounts = np.repeat(dose[:, None], len(due), axis=1)
        times = self.times[np.ix_(rows, due)]
        lived = self.physiology.advance(rows, days, due, times, amounts)
        records = self.observer.record(rows, first, *lived)
        span = slice(first + self.run_in - 1, first + self.run_in - 1 + days)
        self.score[rows, span], self.events[rows, span] = lived[0], records.events
        self.dose[rows, span] = dose[:, None] * (first > 0)
        on = (rows[:, None], self.due_day[due] + self.run_in - 1)
        np.add.at(self.taken, on, amounts * self.takes[np.ix_(rows, due)])
        self._dismiss(rows, records)
        return records.events.sum(axis=(1, 2))

    def _dismiss(self, rows, records):
        """Patients who left, or could not be solved, take no further part."""
        failed = self.physiology.status[rows] != 0
        gone = (records.left > 0) | failed
        self.left[rows] = records.left
        self.reason[rows] = np.where(failed, FAILED, records.reason)
        self.there[rows[gone]] = False
        after = (self.left[rows] > 0)[:, None] & (self.days > self.left[rows][:, None])
        for table in (self.score, self.dose, self.taken):
            table[rows] = np.where(after, np.nan if table is self.score else 0.0, table[rows])

    def _visit_data(self, rule, last, number, adverse):
        """VisitData of the visit after day `last`; number : which of the arm's visits it is."""
        end = last + self.run_in
        score, entries = mean(self.observer.entries[:, end - rule.window : end])
        there = self.there & self.followed
        draw = uniforms(**self.draws, count=number + 1)[:, number]
        wanted = np.broadcast_to(self.observer.traits["improvement_wanted"], len(self.ids))
        score, baseline = np.where(there, score, np.nan), self.observer.baseline()
        return VisitData(last, score, entries, baseline, adverse, draw, wanted)

    def _visit(self, phase, day, dose, data, act, following):
        """Visit for the audit log. data : VisitData, None where a phase begins"""
        if data is None:
            nothing = np.zeros(len(self.ids), np.int64)
            score, entries, adverse = np.full(len(self.ids), np.nan), nothing, nothing
        else:
            score, entries, adverse = data.score, data.entries, data.adverse
        there = self.there & self.followed
        return Visit(phase, day, dose, score, entries, adverse, act, following, there)
