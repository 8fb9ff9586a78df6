"""A regimen: how much is taken when. Times are in hours, amounts in their unit as written.

Knows doses; knows nothing of models or patients.
"""

from dataclasses import dataclass

from pkpd.errors import DoseError

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

    def __str__(self):
        into = f" into {self.into}" if self.into else ""
        repeat = f" q{self.every:g}h x {self.count}" if self.count > 1 else ""
        return f"{self.amount:g} {self.unit}{into}{repeat}"


@dataclass(frozen=True)
class Regimen:
    """Phases, one after the other in time."""

    phases: tuple[Phase, ...]

    def __post_init__(self):
        if sum(p.count for p in self.phases) > MOST_DOSES:
            raise DoseError(f"A regimen of more than {MOST_DOSES} doses is refused.")

    @property
    def end(self):
        """Hours from time 0 to one interval after the last dose."""
        return max((p.start + p.every * p.count for p in self.phases), default=0.0)

    def __str__(self):
        text, now = [], 0.0
        for p in self.phases:
            if p.start != now:
                text.append(f"wait {p.start - now:g}h")
            text.append(str(p))
            now = p.start + p.every * p.count
        return " then ".join(text)
