"""What counts as nothing, where the untreated value that an effect is measured by may be 0.

Then the largest effect on the typical patient stands in for it: a number of the model and not of a
cohort, so that a patient's results are the same in any company. Knows the typical patient; knows
no cohort.
"""

from dataclasses import dataclass
from itertools import islice, product

import numpy as np

from pkpd.errors import PkpdError
from pkpd.population.cohort import cohort as draw
from pkpd.response.grid import Steady, dose_grid, log_grid
from pkpd.response.search import Search
from pkpd.symbolic.model import Benefit

FLAT = 1e-6  # share of the scale that a range of benefit must exceed
MOST = 64  # combinations of classes that the typical patient is looked at in


@dataclass(frozen=True)
class Scale:
    """Sizes of benefits of a model.

    effect : largest effect on the typical patient, in any class; 0 where there is none
    share : of the scale that cannot be told from 0
    """

    benefit: Benefit
    effect: float
    share: float

    def noise(self, untreated):
        """(P,) benefit that cannot be told from 0, by the untreated value or the typical effect."""
        return self.share * np.maximum(np.abs(untreated), self.effect)

    def threshold(self, untreated):
        """(P,) benefit that makes a responder.

        delta of the untreated value, or of the typical effect where that value is 0. Raises
        PkpdError where both are 0.
        """
        rule, size = self.benefit, np.abs(untreated)
        if not rule.delta_relative:
            return np.full(len(untreated), rule.delta)
        nothing = size <= self.share * self.effect
        if nothing.any() and self.effect == 0.0:
            raise PkpdError(
                f"delta {100 * rule.delta:g} % is a share of the untreated {rule.outcome}, which "
                "is 0, and the typical patient does not respond either; give delta in the unit of "
                f"{rule.outcome}, such as --delta 0.5."
            )
        return rule.delta * np.where(nothing, self.effect, size)


def scale_of(model, cohort, benefit, *, rtol, solver):
    """Scale of a model with the typical values of a cohort."""
    typical = draw(model, typical=True, set=cohort.changed)
    choices = [
        range(len(item.iiv.classes)) if _varies_by_class(item, cohort) else [value]
        for item, value in zip(model.inputs, typical.theta[0], strict=True)
    ]
    theta = np.array(list(islice(product(*choices), MOST)), dtype=float)
    people = typical.with_inputs(theta)
    steady = Steady(model, people, benefit, rtol=rtol, tol=rtol, solver=solver, threads=1)
    found, share = dose_grid(steady, log_grid(benefit)), max(FLAT, rtol)
    ranges = found.spread()
    peaks = Search(found, share * np.nan_to_num(ranges)).peaks()
    effects = np.where(peaks.failed, 0.0, np.fmax(ranges, peaks.gain))
    return Scale(benefit, float(effects.max()), share)


def _varies_by_class(item, cohort):
    drawn = item.iiv is not None and item.iiv.kind == "classes"
    return drawn and item.name not in cohort.changed
