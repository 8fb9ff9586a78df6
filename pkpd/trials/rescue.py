"""Rescue doses: what patients take of their own accord on the day after a bad one.

A diary is kept by the day, and so are rescue doses: the rating of a day decides on those of the
next. Knows regimens and ratings; knows nothing of models or patients.
"""

from dataclasses import dataclass, replace

import numpy as np

from pkpd.dosing.regimen import DAY
from pkpd.dosing.rx import cycles
from pkpd.errors import PkpdError, TrialError, quoted
from pkpd.titration.checks import number, text
from pkpd.trials.beside import due_before


@dataclass(frozen=True)
class Rescue:
    """Doses for the day after one that was rated so high.

    take : the doses of such a day, the text of a background regimen that is the same on all days,
        such as "10 mg into morphine_depot at 08:00, 20:00"
    at_least : rating from which on they are all taken, or one for each dose, in order of time
    """

    take: str
    at_least: float | tuple

    def __post_init__(self):
        try:
            doses = self.doses
        except PkpdError as error:
            raise TrialError(f"rescue: take: {error}") from error
        if any(DAY % phase.every for phase in cycles(self.take)):
            raise TrialError(
                f"rescue: take: '{self.take}' is not the same on all days; write times of day, or "
                "an interval that divides a day."
            )
        for level in self.levels:
            number(level, "rescue: at_least")
        if len(self.levels) not in (1, len(doses)) or list(self.levels) != sorted(self.levels):
            raise TrialError(
                f"rescue: at_least: write one rating, or one that does not fall for each of the "
                f"{len(doses)} doses of a day, not {quoted(self.at_least)}."
            )

    @property
    def levels(self):
        """The ratings, one or (R,)."""
        return self.at_least if isinstance(self.at_least, tuple) else (self.at_least,)

    @property
    def doses(self):
        """The single doses (R) of a day, as phases of a regimen whose time 0 is its beginning."""
        single = []
        for cycle in cycles(text(self.take, "take")):
            times = due_before(cycle, DAY).times
            single += [replace(cycle, count=1, start=time, pattern=(0.0,)) for time in times]
        return tuple(sorted(single, key=lambda phase: phase.start))

    def taken(self, rated):
        """(P, R) which doses are taken on the day after one with ratings (P,)."""
        return rated[:, None] >= np.broadcast_to(self.levels, len(self.doses))

    @property
    def words(self):
        """What is taken when, as a clause."""
        ratings = ", ".join(f"{level:g}" for level in self.levels)
        each = ", one of them for each number" if len(self.levels) > 1 else ""
        return f"{self.take} on the day after a rating of at least {ratings}{each}"
