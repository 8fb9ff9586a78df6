"""What the patients of an arm take beside the trial's own drug: background, course, rescue doses.

Knows regimens, their targets and patients' inputs; knows nothing of visits, diaries or solvers.
"""

from dataclasses import dataclass, replace
from functools import reduce
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from pkpd import units
from pkpd.dosing.actions import actions, joined, target, under_way
from pkpd.dosing.moments import window
from pkpd.dosing.regimen import Regimen
from pkpd.errors import TrialError
from pkpd.symbolic.drugs import targets_of

if TYPE_CHECKING:
    from pkpd.trials.rescue import Rescue


@dataclass(frozen=True)
class Beside:
    """What an arm is given beside the trial's own drug.

    course : Regimen from the first day of treatment on, or None
    until : day of treatment after which the background is not taken any more, or None
    rescue : Rescue, or None
    """

    course: Regimen | None = None
    until: int | None = None
    rescue: "Rescue | None" = None


NOTHING = Beside()


def check(setting, beside):
    """Raise PkpdError where patients of a Setting cannot be given what an arm has beside."""
    if beside.until is not None and setting.background is None:
        raise TrialError(
            "background_until: there is no background that could end; write one into benefit, "
            "such as benefit = { background = '30 mg into morphine_tablet q12h' }."
        )
    if beside.course is not None:
        _check_drugs(setting, beside.course, beside.course.phases)
    if beside.rescue is not None:
        _check_drugs(setting, beside.rescue.take, beside.rescue.doses)
        highest = setting.diary.scale.highest
        if max(beside.rescue.levels) > highest:
            raise TrialError(
                f"rescue: at_least: no rating is above {highest:g}, the highest entry of the "
                "diary; write a lower one."
            )


def _check_drugs(setting, text, phases):
    """Raise PkpdError where phases of a regimen cannot be given beside the trial's own drug."""
    model, own = setting.model, target(setting.model, setting.benefit.into)
    for phase in phases:
        if target(model, phase.into, phase.unit) is own:
            raise TrialError(
                f"'{text}' goes into {own.state}, which receives the trial's own doses; say which "
                "other target by 'into', or give these doses in the phases."
            )
    if setting.null == "same-med":
        raise TrialError(
            f"null 'same-med' makes the effect of the trial's own drug a patient's own, and "
            f"cannot tell it from that of '{text}'; leave out one of them."
        )
    if setting.occasion != 0:
        check_occasions(model, text, phases)


def check_occasions(model, text, phases):
    """Raise TrialError where what varies between occasions belongs to a drug given beside."""
    varying = [i.name for i in model.inputs if i.iov is not None]
    drugs = {model.dose_places[target(model, phase.into).state] for phase in phases}
    for name, places in zip(varying, targets_of(model, varying), strict=True):
        if places & drugs:
            raise TrialError(
                f"{name} of {model.name} varies between occasions, which in a trial begin with "
                f"doses into the trial's own target, and it belongs to {text}: give occasion "
                "'none'."
            )


class OtherDrugs:
    """Doses of P patients other than those of the trial's own drug.

    background : Background or None; period : model time after which it begins anew
    """

    def __init__(self, model, theta, background, period, beside=NOTHING):
        self.model, self.theta, self.background, self.period = model, theta, background, period
        self.hour, self.course = units.factor("h", model.time), beside.course
        self.until = np.inf if beside.until is None else 24.0 * self.hour * beside.until
        self.rescue = () if beside.rescue is None else beside.rescue.doses
        self.rescues = []  # Actions of all patients that may not be over yet

    def take(self, begin, takes):
        """Give the rescue doses (R) that each patient takes (P, R) on the day from `begin` on."""
        self.rescues = [given for given in self.rescues if (given.time >= begin).any()]
        day = begin, begin + 24.0 * self.hour
        for dose, takers in zip(self.rescue, takes.T, strict=True):
            due = Regimen((replace(dose, start=dose.start + begin / self.hour),))
            who = np.flatnonzero(takers)
            given = actions(self.model, due, self.theta, person=who, times=day)
            counts = np.zeros(len(takers), np.int64)
            counts[who] = np.diff(given.start)
            start = np.concatenate([[0], np.cumsum(counts)])
            self.rescues.append(replace(given, start=start))

    def actions(self, rows, begin, end):
        """Actions from `begin` until before `end` for the patients `rows`, None without any."""
        parts = []
        if self.background is not None:
            parts.append(self._of_background(rows, begin, end))
        if self.course is not None:
            given = actions(self.model, self.course, self.theta[rows], times=(begin, end))
            parts.append(under_way(given, begin, end))
        parts += [under_way(given.take(rows), begin, end) for given in self.rescues]
        return reduce(joined, parts) if parts else None

    def _of_background(self, rows, begin, end):
        """Those of the time since the last whole number of periods in which it was taken."""
        passed = self.period * np.floor(min(begin, self.until) / self.period)
        hours = (min(end, self.until) - passed) / self.hour
        due = Regimen(tuple(due_before(cycle, hours) for cycle in self.background.phases))
        leg, before = (begin - passed, end - passed), self.background.phases
        given = actions(self.model, due, self.theta[rows], times=leg, before=before)
        given = under_way(given, *leg)
        return replace(given, time=np.maximum(given.time + passed, begin))


def due_before(cycle, hours):
    """The doses of a cycle without end that are due before `hours`, as a phase."""
    cycles = max(ceil((hours - cycle.start) / cycle.every), 0)
    phase = replace(cycle, count=len(cycle.pattern) * cycles)
    return replace(phase, count=int((phase.times < hours - window(hours)).sum()))
