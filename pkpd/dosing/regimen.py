"""A regimen: how much of which drug is taken when. Times are in hours, amounts as written.

Knows doses; knows nothing of models or patients.
"""

from dataclasses import dataclass

import numpy as np

from pkpd.display import Displayed
from pkpd.errors import DoseError

DAY = 24.0  # hours; the interval of a dose that names none
MOST_DOSES = 1_000_000


@dataclass(frozen=True)
class Phase:
    """`count` doses of `amount` `unit`, the first `start` hours after time 0.

    every : hours from one cycle to the next
    into : dose target, or None for the model's first one
    over : hours that an infusion takes, 0 for a bolus
    pattern : increasing hours from the beginning of a cycle to each of its doses, the first one 0
    """

    amount: float
    unit: str
    every: float
    count: int
    start: float
    into: str | None = None
    over: float = 0.0
    pattern: tuple[float, ...] = (0.0,)

    @property
    def times(self) -> np.ndarray:
        """(count,) hours from time 0 to each dose."""
        cycle, place = np.divmod(np.arange(self.count), len(self.pattern))
        return self.start + self.every * cycle + np.array(self.pattern)[place]

    @property
    def end(self) -> float:
        """Hours from time 0 to when one more dose would come."""
        cycle, place = divmod(self.count, len(self.pattern))
        return self.start + self.every * cycle + self.pattern[place]

    @property
    def last_interval(self) -> tuple[float, float]:
        """Hours from time 0 to the last dose, and to when one more would come."""
        return float(self.times[-1]), self.end

    @property
    def dose(self) -> str:
        """Text of one dose."""
        into = f" into {self.into}" if self.into else ""
        over = f" over {_plain(self.over)}h" if self.over else ""
        return f"{_plain(self.amount)} {self.unit}{into}{over}"

    @property
    def bare(self) -> bool:
        """Whether the text of a dose alone says it all, where nothing follows."""
        return self.count == 1 and self.every == DAY

    def __str__(self) -> str:
        at = ""
        if len(self.pattern) > 1:
            at = " at " + ", ".join(_time_of_day(self.start + hours) for hours in self.pattern)
        return f"{self.dose} q{_plain(self.every)}h{at} x {self.count}"


@dataclass(frozen=True, repr=False)
class Regimen(Displayed):
    """Phases of one drug or of several, in any order in time.

    until : hours from time 0 to the end of a wait that lasts longer than the phases, None without
        one

    Raises DoseError for too many doses, and where overlapping phases leave open whether they are
    of one drug: at most one drug goes into the unnamed first target.
    """

    phases: tuple[Phase, ...]
    until: float | None = None

    def __post_init__(self) -> None:
        if sum(p.count for p in self.phases) > MOST_DOSES:
            raise DoseError(f"A regimen of more than {MOST_DOSES} doses is refused.")
        unnamed = [course[0] for course in self.courses() if None in {p.into for p in course}]
        if len(unnamed) > 1:
            first, second = unnamed[:2]
            raise DoseError(
                f"Both '{first}' and '{second}' go into the model's first target, at the same "
                "time; say into which each of them goes, such as '4.5 mg into depot'."
            )

    def __repr__(self) -> str:
        return f"rx({str(self)!r})"

    def brief(self) -> str:
        return str(self)

    @property
    def end(self) -> float:
        """Hours from time 0 to one interval after the last dose, or to the end of the wait."""
        ends = [max(p.end, p.last_interval[0] + p.over) for p in self.phases]
        return max([*ends, self.until or 0.0])

    def courses(self) -> list[list[Phase]]:
        """Lists of phases that follow one another; the lists run at the same time."""
        found: list[list[Phase]] = []
        for phase in self.phases:
            if found and _follows(found[-1][-1], phase):
                found[-1].append(phase)
            else:
                found.append([phase])
        return found

    def __str__(self) -> str:
        courses = self.courses()
        waits = self._waiting_course(courses)
        return " and ".join(
            _text(course, self.until if course is waits else None) for course in courses
        )

    def _waiting_course(self, courses: list[list[Phase]]) -> list[Phase] | None:
        """The course after which the last wait can be written, to the last bit where one can."""
        able = [course for course in reversed(courses) if course[-1].every]
        if self.until is None or not able:
            return None
        exact = (course for course in able if _wait(course[-1].end, self.until) is not None)
        return next(exact, able[0])


def _text(course: list[Phase], until: float | None) -> str:
    """Text of phases that follow one another, with the wait after them where there is one."""
    parts, now = [], 0.0
    for phase in course:
        parts += _waiting(now, phase.start)
        # a dose that the next one follows at once has no interval that could be written
        parts += [str(phase)] if phase.every else [phase.dose, "wait 0h"]
        now = phase.end
    if until is not None:
        parts += _waiting(now, until)
    elif course[-1].bare:
        parts[-1] = course[-1].dose
    return " then ".join(parts)


def _follows(before: Phase, phase: Phase) -> bool:
    """Whether the text of a phase can stand after that of another, joined by "then"."""
    wait = _wait(before.end, phase.start)
    return wait is not None if before.every else wait == 0


def _waiting(now: float, start: float) -> list[str]:
    """The words for a wait, none where there is nothing to wait for."""
    wait = _wait(now, start)
    return [f"wait {_plain(wait)}h"] if wait else []


def _wait(now: float, start: float) -> float | None:
    """Hours that take `now` to `start` to the last bit, None where no wait does."""
    gap = start - now
    close = (gap, np.nextafter(gap, 0.0), np.nextafter(gap, np.inf))
    return next((float(w) for w in close if w >= 0 and now + w == start), None)


def _time_of_day(hours: float) -> str:
    hour, minute = divmod(round(hours * 60) % 1440, 60)
    return f"{hour:02}:{minute:02}"


def _plain(value: float) -> str:
    """The shortest text that reads back as the same number."""
    return repr(float(value)).removesuffix(".0")
