"""A regimen: how much is taken when. Times are in hours, amounts in their unit as written.

Knows doses; knows nothing of models or patients.
"""

from dataclasses import dataclass

from pkpd.errors import DoseError

DAY = 24.0  # hours; the interval of a dose that names none
MOST_DOSES = 1_000_000


@dataclass(frozen=True)
class Phase:
    """`count` doses of `amount` `unit`, every `every` hours, the first `start` hours after time 0.

    into : dose target, or None for the model's first one
    """

    amount: float
    unit: str
    every: float
    count: int
    start: float
    into: str | None = None

    @property
    def end(self):
        """Hours from time 0 to one interval after the last dose."""
        return self.start + self.every * self.count

    @property
    def dose(self):
        """Text of one dose."""
        return f"{_plain(self.amount)} {self.unit}" + (f" into {self.into}" if self.into else "")

    def __str__(self):
        if self.count == 1 and self.every == DAY:
            return self.dose
        return f"{self.dose} q{_plain(self.every)}h x {self.count}"


@dataclass(frozen=True)
class Regimen:
    """Phases, one after the other in time.

    until : hours from time 0 to the end of a wait after the last phase, None without one
    """

    phases: tuple[Phase, ...]
    until: float | None = None

    def __post_init__(self):
        if sum(p.count for p in self.phases) > MOST_DOSES:
            raise DoseError(f"A regimen of more than {MOST_DOSES} doses is refused.")

    @property
    def end(self):
        """Hours from time 0 to one interval after the last dose, or to the end of the wait."""
        return max((p.end for p in self.phases), default=0.0) if self.until is None else self.until

    def __str__(self):
        first = self.phases[0].start if self.phases else 0.0
        parts = [f"wait {_plain(first)}h"] if first else []
        following = [p.start for p in self.phases[1:]] + [self.until]
        for phase, start in zip(self.phases, following, strict=False):
            # a single dose names no interval: the wait after it says when the next one follows
            single = phase.count == 1 and start is not None
            parts.append(phase.dose if single else str(phase))
            end = phase.start if single else phase.end
            if start is not None and (single or start != end):
                parts.append(f"wait {_plain(start - end)}h")
        return " then ".join(parts)


def _plain(value):
    """The shortest text that reads back as the same number."""
    return repr(float(value)).removesuffix(".0")
