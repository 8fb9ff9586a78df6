"""What a scheme of observation could tell about the parameters of a typical patient.

The Fisher information of the logarithms of parameters, from derivatives of the outputs. Its
eigenvectors are combinations of parameters; those with little information are combinations that the
data leave open. Local: at the typical values, for small errors.

Vajda, Rabitz, Walter & Lecourtier (1989), Chem. Eng. Commun. 83, 191-219. Knows models, outputs and
errors of observation; knows nothing of studies or cohorts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pkpd import limits
from pkpd.errors import EvidenceError, closest
from pkpd.population.cohort import Cohort, cohort
from pkpd.population.residual import error_text, residuals
from pkpd.result import Computed, Sheet, provenance
from pkpd.simulation import simulate
from pkpd.symbolic.model import Model, check_model

STEP = 1e-3  # of the logarithm of a parameter, for derivatives by central differences
RTOL = 1e-10  # of the solutions that are subtracted: an error of about 1e-7 of a derivative
NOISE = 1e-5  # relative to the largest singular value: below it a derivative is the solver's error
OPEN = np.log(2.0)  # SD of a log combination above which it is open: a factor of two
SMALL = 0.1  # an exponent below it is not spelled out


@dataclass(frozen=True, repr=False)
class Identifiability(Computed):
    """Combinations of J parameters, the best known first.

    names : (J,) parameters; exponents : (J, J), a row for every combination, of unit length, whose
        largest is above 0
    sd : (J,) SD of the logarithm of each combination, inf where the data say nothing of it
    alone : (J,) SD of the log of each parameter where the others are known
    together : (J,) the same where they are not, inf where it cannot be told
    """

    NAME: ClassVar[str] = "identifiability"

    model: Model
    cohort: Cohort
    names: tuple[str, ...]
    exponents: np.ndarray
    sd: np.ndarray
    alone: np.ndarray
    together: np.ndarray
    scheme: dict[str, Any]

    def sheets(self) -> dict[str, Sheet]:
        parameters = {"parameter": list(self.names), "alone": self.alone, "together": self.together}
        rows = {"combination": [self.spelled(k) for k in range(len(self.sd))], "sd": self.sd}
        rows |= dict(zip(self.names, self.exponents.T, strict=True))
        return {"combinations": Sheet(rows), "parameters": Sheet(parameters)}

    def spelled(self, row: int) -> str:
        """The combination of a `row` as powers, such as "emax**0.71 * s_opioid**0.70"."""
        exponents = self.exponents[row]
        order = [j for j in np.argsort(-np.abs(exponents)) if abs(exponents[j]) >= SMALL]
        return " * ".join(f"{self.names[j]}**{exponents[j]:.2f}" for j in order)

    def open(self) -> list[int]:
        """Rows of the combinations that the data leave open by a factor of two or more."""
        return [int(k) for k in np.flatnonzero(self.sd > OPEN)]

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """The combinations as plain data."""
        return {
            "scheme": self.scheme,
            "combinations": [
                {"combination": self.spelled(k), "sd": float(sd)} for k, sd in enumerate(self.sd)
            ],
            "parameters": [
                {"parameter": name, "alone": float(a), "together": float(t)}
                for name, a, t in zip(self.names, self.alone, self.together, strict=True)
            ],
            "open": self.open(),
            "provenance": provenance(self.model, self.cohort, command),
        }


def identify(
    model: Model,
    regimen: str,
    times: str | Sequence[float] | np.ndarray,
    *,
    outputs: Sequence[str] | None = None,
    parameters: Sequence[str] | None = None,
    residual: Mapping[str, str] | None = None,
    subjects: int = 1,
    set: Mapping[str, Any] | None = None,
    threads: int | None = None,
) -> Identifiability:
    """Find which combinations of parameters observations of a typical patient would determine.

    Parameters
    ----------
    regimen : doses, as text that pkpd.rx reads
    times : (T,) times of observation in model time, or "start:stop:step"
    outputs : what is observed (default: those with a residual error)
    parameters : (J,) names (default: all that are not 0, without switches and covariates)
    residual : {"Cc": "15 %"}: errors of observation, in place of or beside the model's
    subjects : number of such patients
    set : typical values in place of the model's
    threads : number of threads (default: all cores)

    Returns
    -------
    Identifiability. Raises EvidenceError where an output has no error, or a parameter is 0.

    >>> found = pkpd.identify(
    ...     pkpd.load("pk/one_compartment"),
    ...     "100 mg into central",
    ...     "1:24:1",
    ...     outputs=["Cc"],
    ...     parameters=["cl", "vc"],
    ...     residual={"Cc": "10 %"},
    ... )
    >>> found.spelled(0), found.open()
    ('cl**0.92 * vc**-0.40', [])
    """
    check_model(model)
    limits.check_whole(subjects, 1, limits.PATIENTS, "number of subjects", EvidenceError)
    limits.thread_count(threads)
    if times is None:
        raise EvidenceError("times says when outputs are observed; give some.")
    one = cohort(model, typical=True, set=set)
    names = _parameters(model, one, parameters)
    errors = _errors(model, outputs, residual)
    values = _values(model, regimen, times, one, names, errors, threads)
    information = subjects * _sensitivities(values, errors)
    scheme = {
        "regimen": regimen,
        "times": times if isinstance(times, str) else np.atleast_1d(times).tolist(),
        "residual": {e.name: error_text(e, model.unit(e.name)) for e in errors},
        "subjects": subjects,
    }
    return _judged(model, one, names, information, scheme)


def _parameters(model, one, asked):
    """Names of parameters whose logarithm can be moved. Raises EvidenceError."""
    theta = dict(zip(model.input_names, one.theta[0], strict=True))
    if asked is None:
        switches = {i.name for i in model.switches}
        return tuple(i.name for i in model.parameters if i.name not in switches and theta[i.name])
    if not limits.texts(asked, "parameters", EvidenceError):
        raise EvidenceError("parameters names nothing.")
    for name in asked:
        if name not in theta:
            raise EvidenceError(
                f"Unknown parameter '{name}' in {model.name}.{closest(name, model.input_names)}"
            )
        if theta[name] == 0:
            raise EvidenceError(f"'{name}' is 0 and has no logarithm; leave it out, or set it.")
    return tuple(dict.fromkeys(asked))


def _errors(model, outputs, residual):
    """Residuals of what is observed. Raises EvidenceError where an output has none."""
    known = (*model.state_names, *(a.name for a in model.assignments))
    if outputs is None:
        found = residuals(model, known, residual)
        if not found:
            _refuse_exact(model.name, model.outputs[0])
        return _checked(found)
    wanted = limits.texts(outputs, "outputs", EvidenceError)
    if not wanted:
        raise EvidenceError("outputs names nothing that is observed.")
    for name in wanted:
        if name not in known:
            raise EvidenceError(
                f"{model.name} has no state or output '{name}'.{closest(name, known)}"
            )
    found = residuals(model, wanted, residual)
    for name in wanted:
        if name not in {error.name for error in found}:
            _refuse_exact(f"'{name}'", name)
    return _checked(found)


def _checked(errors):
    """The same residuals. Raises EvidenceError for one without any spread."""
    for error in errors:
        if not (error.additive or error.proportional or error.log):
            _refuse_exact(f"'{error.name}', with an error of 0,", error.name)
    return errors


def _refuse_exact(what, example):
    """Raise EvidenceError: something would be observed without any error."""
    raise EvidenceError(
        f'{what} has no error of observation; give one, such as residual={{"{example}": "15 %"}}, '
        f"or on the command line --residual '{example}: 15 %'."
    )


def _values(model, regimen, times, one, names, errors, threads):
    """Outputs (2 J + 1, T, O): as they are, and with each log parameter a step up and down."""
    base = one.theta[0]
    theta = np.repeat(base[None, :], 2 * len(names) + 1, axis=0)
    for j, name in enumerate(names):
        k = model.input_names.index(name)
        theta[1 + 2 * j, k] = base[k] * np.exp(STEP)
        theta[2 + 2 * j, k] = base[k] * np.exp(-STEP)
    run = simulate(
        model,
        regimen,
        one.with_inputs(theta),
        times,
        outputs=[e.name for e in errors],
        residual="none",
        rtol=RTOL,
        threads=threads,
    )
    if (run.status != 0).any():
        raise EvidenceError("The typical patient could not be solved under this regimen.")
    return run.values


def _sensitivities(values, errors):
    """Fisher information (J, J) of log parameters from outputs (2 J + 1, T, O)."""
    rows = []
    for k, error in enumerate(errors):
        y = values[0, :, k]
        slope = (values[1::2, :, k] - values[2::2, :, k]) / (2 * STEP)  # (J, T)
        sd = (
            error.log * np.abs(y) if error.log else np.hypot(error.additive, error.proportional * y)
        )
        seen = sd > 0  # where the error is 0 with the output, nothing is measured
        rows.append((slope[:, seen] / sd[seen]).T)
    scaled = np.concatenate(rows)
    return scaled.T @ scaled


def _judged(model, one, names, information, scheme):
    """Identifiability from the information (J, J) of the log parameters."""
    values, vectors = np.linalg.eigh(information)
    values, vectors = values[::-1], vectors[:, ::-1]
    told = values > NOISE**2 * max(values[0], 0.0)
    safe = np.where(told, values, 1.0)
    sd = np.where(told, 1.0 / np.sqrt(safe), np.inf)
    # what a direction without information has of a parameter makes the parameter unknown
    shares = vectors**2
    known = (shares[:, told] / values[told]).sum(axis=1)
    unknown = shares[:, ~told].sum(axis=1) > NOISE
    diagonal = np.diag(information)
    alone = np.where(diagonal > 0, 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0)), np.inf)
    together = np.where(unknown, np.inf, np.sqrt(known))
    largest = np.abs(vectors).argmax(axis=0)
    exponents = (vectors * np.sign(vectors[largest, np.arange(len(values))])).T
    return Identifiability(model, one, names, exponents, sd, alone, together, scheme)
