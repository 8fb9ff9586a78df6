"""What an explanation predicts of a study: each statistic under every draw, and its chance error.

A statistic of n patients is close to normal around what the population has; its variance is that
of the statistic's influence over n. The arms of a study have different patients; in the simulation
they are the same people, so that arms differ by the drug alone. Knows studies, models and draws;
weighs nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pkpd import units
from pkpd.errors import EvidenceError, PkpdError, closest
from pkpd.evidence.draws import Draws
from pkpd.evidence.studies import EVERY, Study
from pkpd.simulation import simulate
from pkpd.symbolic.load import address
from pkpd.trials.design import SHARES
from pkpd.trials.run import trial

AT_ONCE = 4096  # people that are simulated together
MEAN_OF = 25  # hours from which a mean over [from, to] is taken, by the trapezoidal rule


@dataclass(frozen=True)
class Prediction:
    """K draws of the J statistics of a study.

    mean : (K, J), NaN where a draw is not solved
    sampling : (K, J, J) covariance of what the study's patients would show
    simulation : (K, J, J) covariance of the mean, from the finite number of simulated people
    """

    mean: np.ndarray
    sampling: np.ndarray
    simulation: np.ndarray

    def then(self, later: "Prediction") -> "Prediction":
        """Under these draws and those that come after them, as one."""
        pairs = zip(vars(self).values(), vars(later).values(), strict=True)
        return Prediction(*(np.concatenate(pair) for pair in pairs))


def predict(
    study: Study,
    draws: Draws,
    each: int,
    threads: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Prediction:
    """Prediction of a study under every draw, from `each` simulated people a draw.

    progress : called with the number of finished draws. Raises PkpdError.
    """
    _check_units(study, draws.model)
    block = max(1, AT_ONCE // each)
    parts = []
    for first in range(0, len(draws), block):
        rows = np.arange(first, min(first + block, len(draws)))
        parts.append(_block(study, draws, each, rows, threads))
        if progress is not None:
            progress(int(rows[-1]) + 1)
    return Prediction(*map(np.concatenate, zip(*parts, strict=True)))


def _check_units(study, model):
    """Raise EvidenceError for a statistic in another unit than what it is compared with."""
    for s in study.statistics:
        unit = _unit_of_endpoint(study, s, model) if s.endpoint else _unit_of_output(s, model)
        if not (s.unit and unit) or _same_unit(s.unit, unit):
            continue
        raise EvidenceError(
            f"{study.name} with {model.name}: statistics: '{s.name}' is in {s.unit}, but what the "
            f"model has of it in {unit}; write value, spread and allowance in {unit}."
        )


def _unit_of_output(statistic, model):
    """Unit of the output that a statistic reads, "" for one that the model lacks."""
    return model.unit(statistic.output) if statistic.output in model.outputs else ""


def _unit_of_endpoint(study, statistic, model):
    """Unit of the endpoint of a trial that a statistic reads, "" where nothing is compared."""
    (kind,) = (e.kind for e in study.trial.endpoints if e.name == statistic.endpoint)
    if kind in (*SHARES, "percent"):
        return "%" if kind == "percent" else "1"
    own = study.trial.benefit and "outcome" in study.trial.benefit
    return model.unit(model.benefit.outcome) if kind in ("change", "effect") and not own else ""


def _same_unit(one, other):
    try:
        return units.factor(one, other) == 1.0
    except PkpdError:
        return False


def _block(study, draws, each, rows, threads):
    """(mean, sampling, simulation) of some draws."""
    people = draws.people(each, rows)
    try:
        of_arm = _of_trial if study.trial is not None else _of_doses
        values = of_arm(study, people, threads)
    except PkpdError as error:
        raise EvidenceError(f"{study.name} with {draws.model.name}: {error}") from error
    shaped = {key: x.reshape(len(rows), each) for key, x in values.items()}
    return _moments(study, shaped)


def _moments(study, values):
    """Mean (R, J), sampling and simulation (R, J, J) from values (R, N) by (statistic, arm)."""
    count, people = next(iter(values.values())).shape
    size = len(study.statistics)
    mean, sampling = np.zeros((count, size)), np.zeros((count, size, size))
    whole = np.zeros((count, size, people))  # influence of a person in all arms
    for arm in study.arms:
        influence, patients = np.zeros((count, size, people)), np.full(size, np.inf)
        for j, s in enumerate(study.statistics):
            factor, patients[j] = _part(s, arm, len(study.arms))
            if factor:
                middle, pull = _functional(s.kind, values[j, arm])
                mean[:, j] += factor * middle
                influence[:, j] = factor * pull
        sampling += _covariance(influence) / np.maximum.outer(patients, patients)
        whole += influence
    return mean, sampling, _covariance(whole) / people


def _part(statistic, arm, arms):
    """(factor, patients) of an arm in a statistic; (0, inf) where it has no part in it."""
    if statistic.arm == EVERY:
        return 1.0 / arms, statistic.n / arms
    if statistic.arm == arm:
        return 1.0, statistic.n
    return (-1.0, statistic.n_against) if statistic.against == arm else (0.0, np.inf)


def _covariance(influence):
    """Covariances (R, J, J) of influences (R, J, N), whose mean is 0."""
    return np.einsum("rin,rjn->rij", influence, influence) / (influence.shape[2] - 1)


def _functional(kind, x):
    """A statistic of values (R, N), and the influence (R, N) of each person on it.

    NaN, for people without a value, is left out. Influences: Hampel (1974), JASA 69, 383-393.
    """
    there = np.isfinite(x)
    share = there.mean(axis=1, keepdims=True)
    share = np.where(share > 0, share, np.nan)
    filled = np.where(there, x, 0.0)
    middle = filled.mean(axis=1, keepdims=True) / share
    apart = np.where(there, x - middle, 0.0) / share
    if kind == "mean":
        return middle[:, 0], apart
    variance = (np.where(there, x - middle, 0.0) ** 2).mean(axis=1, keepdims=True) / share
    sd = np.sqrt(variance)
    squares = np.where(there, (x - middle) ** 2 - variance, 0.0) / share
    return sd[:, 0], squares / (2 * np.where(sd > 0, sd, np.nan))


def _of_trial(study, people, threads):
    """{(statistic, arm): (P,) values} of a trial whose arms are the same people.

    Means of arms then differ by the drug and not by who is in them.
    """
    design = replace(study.trial, model=address(people.model), allocation="shared")
    result = trial(design, people=people, threads=threads, progress=False)
    found = {}
    for j, s in enumerate(study.statistics):
        for name, values in zip(result.names, result.values[s.endpoint], strict=True):
            if _takes_part(name, s):
                found[j, name] = values
    return found


def _of_doses(study, people, threads):
    """{(statistic, arm): (P,) values} of hours after doses."""
    found = {}
    for arm in study.doses:
        mine = {j: s for j, s in enumerate(study.statistics) if _takes_part(arm.name, s)}
        if not mine:
            continue
        hours = np.unique(np.concatenate([_hours(s) for s in mine.values()]))
        run = simulate(
            people.model,
            arm.rx or "0 mg",
            people,
            hours * units.factor("h", people.model.time),
            residual="none",
            threads=threads,
            progress=False,
        )
        for j, s in mine.items():
            found[j, arm.name] = _reading(s, _series(s, run), hours)
    return found


def _takes_part(arm, statistic):
    """Whether a statistic is of an arm, or of another one against it."""
    return statistic.arm in (arm, EVERY) or statistic.against == arm


def _series(statistic, run):
    """Values (P, T) of the output that a statistic reads. Raises EvidenceError."""
    output = statistic.output
    if output not in run.names:
        raise EvidenceError(
            f"statistics: '{statistic.name}': {output} is not an output of the model."
            f"{closest(output, run.names)}"
        )
    return run.values[:, :, run.names.index(output)]


def _hours(statistic):
    """Hours (T,) at which an output is read."""
    first, last = statistic.at[0], statistic.at[-1]
    inside = np.linspace(first, last, MEAN_OF) if last > first else np.array([first])
    return inside if statistic.after is None else np.append(inside, statistic.after)


def _reading(statistic, series, hours):
    """(P,) what a statistic reads of the values (P, T) of its output."""
    from scipy.integrate import trapezoid

    first, last = statistic.at[0], statistic.at[-1]
    within = (first <= hours) & (hours <= last)
    times, inside = hours[within], series[:, within]
    value = inside[:, 0]
    if last > first:
        value = trapezoid(inside, times, axis=1) / (last - first)
    if statistic.after is None:
        return value
    return value - series[:, np.searchsorted(hours, statistic.after)]
