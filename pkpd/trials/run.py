"""A trial from its design: who goes into which arm, endpoints, and comparisons of arms.

Knows designs, cohorts and courses; knows nothing of rules' decisions, solvers or statistics.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Literal
from warnings import warn

import numpy as np

from pkpd import limits
from pkpd.errors import PkpdError, TrialError, all_or_nothing, quoted
from pkpd.population.cohort import Cohort, of_model
from pkpd.population.cohort import cohort as draw
from pkpd.population.noise import uniforms
from pkpd.population.parts import by_parts
from pkpd.progress import watched
from pkpd.response.curves import how_far
from pkpd.result import Computed, Sheet, provenance
from pkpd.result.tables import stacked
from pkpd.symbolic import plausibility
from pkpd.symbolic.load import load
from pkpd.symbolic.model import Benefit, Model
from pkpd.titration.checks import one_of
from pkpd.trials.beside import Beside, due_before
from pkpd.trials.beside import check as check_beside
from pkpd.trials.comparison import are_shares, compared, described
from pkpd.trials.conduct import Course, follow, joined
from pkpd.trials.design import Design, Endpoint, read
from pkpd.trials.observation import Diary, diary_of, mean
from pkpd.trials.observation import diary as read_diary
from pkpd.trials.physiology import setting

# relative changes between the seven answers; 30 and 50 % are the usual marks, the rest is assumed
PGI = (-0.50, -0.30, -0.15, 0.15, 0.30, 0.50)
PATIENTS_AT_ONCE = 512  # what Ctrl-C can lose at most


@dataclass(frozen=True, repr=False)
class TrialResult(Computed):
    """What a trial showed.

    benefit : that of the trial; courses : one Course per arm, in order
    values : endpoint -> list of (P,) by arm
    """

    NAME: ClassVar[str] = "trial"

    design: Design
    model: Model
    cohort: Cohort
    diary: Diary
    benefit: Benefit
    courses: tuple
    values: dict

    @property
    def unit(self) -> str:
        """Unit of the doses."""
        return self.benefit.unit

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arms."""
        return tuple(a.name for a in self.design.arms)

    def sheets(self) -> dict[str, Sheet]:
        units = dict.fromkeys(("DOSE", "NEXT", "taken"), self.unit)
        tables = {"patients": self.people(), "diary": self.diaries(), "audit": self.audit()}
        return {name: Sheet(columns, units) for name, columns in tables.items()}

    def patients(self) -> dict[str, np.ndarray]:
        """The columns of `people`, as they were called before."""
        warn("TrialResult.patients is now TrialResult.people().", DeprecationWarning, stacklevel=2)
        return self.people()

    def people(self) -> dict[str, np.ndarray]:
        """Tidy columns, one row per patient and arm."""
        parts, names = [], self.design.events
        for k, (arm, course) in enumerate(zip(self.design.arms, self.courses, strict=True)):
            n = len(course.ids)
            parts.append(
                {
                    "ID": course.ids,
                    "ARM": np.full(n, arm.name),
                    "base": course.base,
                    "baseline": course.baseline(),
                    "left": course.left,
                    "left_because": np.array(self.design.reasons)[course.reason],
                    **self._rescue(course.rescue.sum(axis=1)),
                    **dict(zip(names, course.events.any(axis=1).T, strict=True)),
                    **{name: values[k] for name, values in self.values.items()},
                }
            )
        return stacked(parts)

    def diaries(self) -> dict[str, np.ndarray]:
        """Tidy columns, one row per patient, arm and day.

        DIARY is the entry; score is what the entry would be without placebo response and noise.
        """
        parts, names = [], self.design.events
        for arm, course in zip(self.design.arms, self.courses, strict=True):
            n, days = course.diary.shape
            parts.append(
                {
                    "ID": np.repeat(course.ids, days),
                    "ARM": np.full(n * days, arm.name),
                    "DAY": np.tile(course.days, n),
                    "DIARY": course.diary.ravel(),
                    "score": course.score.ravel(),
                    "DOSE": course.dose.ravel(),
                    "taken": course.taken.ravel(),
                    **self._rescue(course.rescue.ravel()),
                    **dict(zip(names, course.events.reshape(-1, len(names)).T, strict=True)),
                }
            )
        return stacked(parts)

    def _rescue(self, doses):
        """The column of rescue doses, in a trial that has them."""
        return {} if self.design.rescue is None else {"rescue": doses}

    def audit(self) -> dict[str, np.ndarray]:
        """Tidy columns, one row per visit: ARM, and those of Course.audit."""
        logs = []
        for arm, course in zip(self.design.arms, self.courses, strict=True):
            log = course.audit()
            logs.append({"ARM": np.full(len(log["ID"]), arm.name)} | log)
        return stacked(logs)

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """The trial in a few numbers, as plain data.

        Arms, endpoints, comparisons with the first arm, provenance.
        """
        arms = zip(self.design.arms, self.courses, strict=True)
        origin = provenance(self.model, self.cohort, command)
        return {
            "title": self.design.title,
            "allocation": self.design.allocation,
            "null": self.design.null,
            "run_in": self.design.run_in,
            "diary": self.diary.about(self.benefit.blockade),
            "background": self.benefit.background or None,
            "outside_scale": self.diary.scale.outside(self._untreated()),
            "rescue": self.design.rescue and self.design.rescue.words,
            "adverse": [vars(event) for event in self.design.adverse],
            "arms": [_arm_summary(self.design, arm, course) for arm, course in arms],
            "endpoints": {e.name: self._endpoint(e) for e in self.design.endpoints},
            "provenance": origin | {"diary": self.diary.digest[:16]},
        } | how_far(self.cohort)

    def _untreated(self):
        """(P,) score of each patient without treatment."""
        found = stacked(list(map(vars, self.courses)), ("ids", "base"))
        return found["base"][np.unique(found["ids"], return_index=True)[1]]

    def _endpoint(self, endpoint):
        paired = self.design.allocation == "shared"
        values = dict(zip(self.names, self.values[endpoint.name], strict=True))
        shares = endpoint.is_share and are_shares(values.values())
        first, *others = self.names
        return {
            "kind": endpoint.kind,
            "arms": {name: described(v, shares) for name, v in values.items()},
            "against_first": {
                name: compared(values[name], values[first], paired, shares) for name in others
            },
        }


def _arm_summary(design, arm, course):
    n, events, why = len(course.ids), design.events, design.reasons
    reasons = np.bincount(course.reason, minlength=len(why))
    had = course.events.any(axis=1)  # (P, events)
    shares = had.mean(axis=0).tolist() if n else [None] * len(events)
    found = []
    for doses in course.found.T:
        doses = doses[np.isfinite(doses)]
        median = float(np.median(doses)) if len(doses) else None
        found.append({"patients": len(doses), "median": median})
    return {
        "name": arm.name,
        "patients": n,
        "rules": [phase.description for phase in arm.phases[: len(arm.phases) // arm.repeat]],
        **_given(arm),
        "left_because": dict(zip(why[1:], reasons[1:].tolist(), strict=True)),
        "adverse": dict(zip(events, shares, strict=True)),
        "any_adverse": float(had.any(axis=1).mean()) if n else None,
        "dose_found": found,
        **({"rescue": _rescue_summary(arm, course)} if design.rescue and n else {}),
    }


def _given(arm):
    """What an arm is given besides the trial's own drug, without what it is not."""
    given = {"beside": arm.beside, "background_until": arm.background_until}
    given["repeat"] = arm.repeat if arm.repeat > 1 else None
    return {name: value for name, value in given.items() if value is not None}


def _rescue_summary(arm, course):
    """Share of the patients who took any rescue dose, and their number a day in treatment."""
    days = np.where(course.left > 0, course.left, arm.end).sum()
    return {
        "patients": float(course.rescue.any(axis=1).mean()),
        "doses_a_day": float(course.rescue.sum() / days),
    }


@watched(lambda given: None)
def trial(
    design: Design | str | Path,
    *,
    n: int | None = None,
    seed: int | None = None,
    ids: Sequence[int] | np.ndarray | None = None,
    people: Cohort | None = None,
    diary: Diary | str | Path | None = None,
    replicate: int = 0,
    rtol: float = 1e-6,
    solver: str = "auto",
    threads: int | None = None,
    progress: Callable[[int], object] | Literal[False] | None = None,
) -> TrialResult:
    """Run a trial.

    Parameters
    ----------
    design : Design, or path of a TOML file
    n, seed : number of patients, and seed of everything random, in place of the design's
    ids : (P,) only these patients of its cohort
    people : Cohort of the design's model, in place of the one that the design draws; its seed is
        that of the noise, and n, seed and ids are left out
    diary : Diary or path in place of the design's
    replicate : number of the repetition: the same people, new noise and randomisation
    rtol, solver, threads : as in pkpd.med
    progress : called with the number of patients finished in all arms
        (default: a bar; False for none)

    Returns
    -------
    TrialResult. Raises PkpdError for bad input, and Stopped on Ctrl-C, with the TrialResult of the
    patients that are finished in all arms.
    """
    design = design if isinstance(design, Design) else read(design)
    limits.check_called(progress=progress)
    limits.check_whole(replicate, 0, limits.SEED, "replicate", TrialError)
    design = replace(
        design,
        patients=design.patients if n is None else n,
        seed=design.seed if seed is None else seed,
    )
    model = load(design.model)
    if people is not None:
        model = _check_people(people, model, design, n=n, seed=seed, ids=ids).model
    book = read_diary(design.diary, design.diary_set) if diary is None else diary_of(diary)
    numerics = {"rtol": rtol, "solver": solver, "threads": threads}
    changes = _benefit(design)
    if people is None:
        people = _drawn(design, model, ids)
    of_all = {"occasion": design.occasion, "changed": people.changed, "adverse": design.adverse}
    shared = setting(model, book, design.null, **of_all, **numerics, **changes)
    plausibility.warn(_doubts(model, shared.benefit, design))
    with all_or_nothing():
        arms = [_prepared(design, arm, shared) for arm in design.arms]

    def work(part, report):
        return _courses(design, shared, arms, part, replicate, report)

    def join(parts, people):
        courses = tuple(map(joined, zip(*parts, strict=True)))
        values = {e.name: _values(design, e, courses) for e in design.endpoints}
        return TrialResult(design, model, people, book, shared.benefit, courses, values)

    return by_parts(people, PATIENTS_AT_ONCE, work, join, progress)


def _drawn(design, model, ids):
    """The cohort of a design, or its patients with these IDs."""
    return draw(
        model,
        design.patients,
        design.seed,
        sampling=design.sampling,
        set=design.set,
        ids=ids,
    )


def _prepared(design, arm, shared):
    """Arguments of `follow` for an arm: its phases with rules prepared for a Setting, doses due."""
    beside = Beside(arm.course, arm.background_until, design.rescue)
    try:
        check_beside(shared, beside)
    except PkpdError as error:
        raise TrialError(f"arms: '{arm.name}': {error}") from error
    phases = [(phase.days, phase.rule.prepare(shared)) for phase in arm.phases]
    return {"phases": phases, "due": _due(arm, shared), "beside": beside}


def _due(arm, shared):
    """(D,) model times at which the trial's own doses are due in an arm."""
    usual, day = shared.due(arm.end), shared.day
    on, parts = shared.days_of(usual), []
    for phase in arm.phases:
        if phase.cycle is None:
            parts.append(usual[(on > phase.start) & (on <= phase.end)])
        else:
            hours = due_before(phase.cycle, 24.0 * phase.days).times
            parts.append(phase.start * day + hours * day / 24.0)
    return np.concatenate(parts)


def _courses(design, shared, arms, people, replicate, report):
    """A Course for each arm of some people.

    arms : as `_prepared` gives them; report : called with the number of finished patients, or None
    """
    times = len(arms) if design.allocation == "shared" else 1
    options = {"run_in": design.run_in, "replicate": replicate}
    courses, done = [], 0
    for plan, group in zip(arms, allocated(design, people, replicate), strict=True):
        advance = None
        if report is not None:
            advance = lambda count, done=done: report((done + count) // times)  # noqa: E731
        courses.append(follow(shared, group, **plan, progress=advance, **options))
        done += len(group)
    return courses


def _values(design, endpoint, courses):
    """[(P,) values] of an endpoint by arm."""
    arms = zip(design.arms, courses, strict=True)
    return [value(design, endpoint, arm, course) for arm, course in arms]


def _doubts(model, benefit, design):
    """Sentences on doses of the arms that are far from the model's."""
    doses = []
    for phase in chain.from_iterable(arm.phases for arm in design.arms):
        doses += phase.rule.ladder
    sentences = list(plausibility.of_amounts(model, benefit.into, benefit.unit, doses))
    courses = [arm.course.phases for arm in design.arms if arm.course is not None]
    courses += [] if design.rescue is None else [design.rescue.doses]
    amounts = defaultdict(list)
    for given in chain.from_iterable(courses):
        amounts[given.into, given.unit].append(given.amount)
    for (into, unit), beside in amounts.items():
        sentences += plausibility.of_amounts(model, into, unit, beside)
    return sentences


def _check_people(people, model, design, **others):
    """The people, if they can be those of a design. Raises PkpdError."""
    of_model(model, people)
    for name, value in others.items():
        if value is not None:
            raise TrialError(f"{name} is that of the people given; leave out one of them.")
    if design.set and draw(model, typical=True, set=design.set).changed != people.changed:
        raise TrialError(
            f"{design.title}: set = {quoted(design.set)} is not that of the people given; "
            "draw them with it."
        )
    return people


# entries of [benefit] that a trial may change
CHANGED = ("outcome", "better", "into", "every", "delta", "doses", "background")


def _benefit(design):
    """Entries in place of the model's [benefit]. Raises TrialError."""
    for name in design.benefit:
        one_of(name, CHANGED, "benefit")
    return design.benefit


def allocated(design, people, replicate=0):
    """The cohort of each arm: everybody in shared arms, or each patient in one drawn by weight."""
    if design.allocation == "shared":
        return [people] * len(design.arms)
    weights = np.array([a.weight for a in design.arms])
    drawn = uniforms(people.seed, people.ids, "randomisation", 1, replicate)[:, 0]
    arm = np.searchsorted(np.cumsum(weights / weights.sum())[:-1], drawn, side="right")
    return [people.subset(people.ids[arm == k]) for k in range(len(weights))]


def value(design, endpoint, arm, course):
    """(P,) values of an endpoint, of a phase that is repeated the mean over its repetitions.

    NaN where the patient had left (unless carried), except for responders, stayed and adverse: not
    to respond, not to stay and to have had no event before leaving are answers. Adverse events are
    NaN for those who did not enter the phase. A repetition without a value does not count.
    """
    values = _each(design, endpoint, arm, course, endpoint.phase)
    if endpoint.against is not None:
        values = values - _each(design, endpoint, arm, course, endpoint.against)
    return mean(values)[0]


def _each(design, endpoint, arm, course, phase):
    """(P, R) values of an endpoint at the end of each repetition of a phase, or on its day."""
    values = []
    for first, last in design.days(endpoint, arm, phase):
        measured = _Measured(endpoint, course, first, last, design.events)
        values.append(getattr(measured, endpoint.kind)())
    return np.column_stack(values)


@dataclass(frozen=True)
class _Measured:
    """A course as an endpoint sees it, from its first to its last day: a method for each kind.

    events : (E,) names of the adverse events
    """

    endpoint: Endpoint
    course: Course
    first: int
    last: int
    events: tuple

    @property
    def after(self):
        """Index of the day after the last."""
        return self.last + self.course.run_in

    @property
    def gone(self):
        """(P,) whether a patient had left before the last day."""
        left = self.course.left
        return (left > 0) & (left < self.last) | (self.course.status != 0)

    def of_present(self, values):
        """Values (P,) of those who had not left, NaN for the others."""
        return np.where(self.gone, np.nan, values)

    def stayed(self):
        return (~self.gone).astype(float)

    def dose(self):
        return self.of_present(self.course.dose[:, self.after - 1])

    def rescue(self):
        doses = self.course.rescue[:, self.after - self.endpoint.window : self.after]
        return self.of_present(doses.mean(axis=1))

    def adverse(self):
        event, begin = self.endpoint.event, self.first + self.course.run_in - 1
        kinds = np.isin(self.events, self.events if event is None else (event,))
        had = self.course.events[:, begin : self.after, kinds].any(axis=(1, 2))
        entered = np.isfinite(self.course.score[:, begin])
        return np.where(entered, had, np.nan)

    def settled(self):
        changed = np.diff(self.course.dose[:, : self.after], axis=1) != 0
        ago = np.argmax(changed[:, ::-1], axis=1)
        return self.of_present(np.where(changed.any(axis=1), self.last - ago, 0))

    def effect(self):
        score = self.course.score[:, self.after - self.endpoint.window : self.after]
        return self.of_present(self.course.base - score.mean(axis=1))

    def late(self):
        """(P,) mean entry over the last days, carried forward where the endpoint says so."""
        window = self.endpoint.window
        if self.endpoint.carried:
            return self.course.closing(self.last, window)
        return self.of_present(self.course.window(self.last, window))

    def relative(self):
        """(P,) change of the mean entry as a share of the baseline, NaN where that is 0."""
        base = self.course.baseline()
        return self.late() / np.where(base > 0, base, np.nan) - 1.0

    def change(self):
        return self.late() - self.course.baseline()

    def percent(self):
        return 100.0 * self.relative()

    def responders(self):
        return (self.relative() <= -self.endpoint.at_least).astype(float)

    def pgi(self):
        relative = self.relative()
        answer = 1.0 + np.searchsorted(PGI, relative, side="left")
        return np.where(np.isnan(relative), np.nan, answer)
