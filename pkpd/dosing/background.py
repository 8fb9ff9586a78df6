"""What is taken again and again beside the doses that vary: a background regimen.

"30 mg into tablet q12h and 10 mg into central at 08:00" has no end: it has been taken for so long
that its steady state is there at time 0. Knows regimens and dose targets; knows nothing of patients
or solvers.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, gcd, lcm

import numpy as np

from pkpd import limits, units
from pkpd.dosing.actions import target
from pkpd.dosing.regimen import Phase, Regimen
from pkpd.dosing.rx import cycles
from pkpd.errors import DoseError

LONGEST = 8784.0  # h of a common period: a year
FINEST = 3600  # parts of an hour in which intervals are counted
ROUNDING = 1e-9  # share of an interval that is no difference


@dataclass(frozen=True)
class Background:
    """Drugs that are taken in cycles without end.

    text : as it was written; phases : one cycle of each drug, which begins in hours from time 0
    """

    text: str
    phases: tuple[Phase, ...]

    def __str__(self) -> str:
        return self.text

    def period(self, *others: float) -> float:
        """Hours after which all drugs, and what is repeated after `others` hours, begin anew.

        Raises DoseError where that takes longer than a year.
        """
        lengths = np.array([*others, *(p.every for p in self.phases)])
        parts = [Fraction(length).limit_denominator(FINEST) for length in lengths]
        same = np.abs(np.array(parts, dtype=float) - lengths) <= ROUNDING * lengths
        together = lcm(*(p.numerator for p in parts)) / gcd(*(p.denominator for p in parts))
        if not same.all() or together > LONGEST:
            intervals = ", ".join(f"{length:.6g} h" for length in dict.fromkeys(lengths))
            raise DoseError(
                f"Intervals of {intervals} have no common period within a year, and so no steady "
                "state that could be found; choose others."
            )
        return together

    def until(self, end: float) -> tuple[Phase, ...]:
        """The doses from time 0 to `end` hours, one that is due then included, as phases of a
        regimen."""
        return tuple(
            replace(p, count=len(p.pattern) * (max(ceil((end - p.start) / p.every), 0) + 1))
            for p in self.phases
        )


def of_benefit(model, benefit) -> Background | None:
    """What is taken beside the dose of a Benefit, None where nothing is.

    Raises DoseError where it does not fit the model, or has no common period with the dose.
    """
    if not benefit.background:
        return None
    found = of_model(model, benefit.background)
    if target(model, None).state == benefit.into and any(p.into is None for p in found.phases):
        raise DoseError(
            f"Background '{found}' names no target, and the model's first one, {benefit.into}, "
            "receives the dose that varies; say into which the background goes."
        )
    found.period(benefit.every / units.factor("h", model.time))
    return found


def of_model(model, text: str) -> Background:
    """Read a background regimen whose doses fit a model. Raises DoseError."""
    found = background(text)
    for phase in found.phases:
        target(model, phase.into, phase.unit)
    return found


def background(text: str) -> Background:
    """Read a background regimen: as `pkpd.rx`, without how many doses there are.

    Each drug is a dose with an interval or times of day, such as "30 mg into tablet q12h"; "and"
    joins drugs. Raises DoseError that quotes the word that cannot be read.
    """
    phases = cycles(limits.text(text, "background", DoseError))
    Regimen(phases)  # at most one drug goes into the unnamed first target
    return Background(text, phases)
