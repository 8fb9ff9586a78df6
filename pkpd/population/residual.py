"""What an observation adds to an output: residual error, the model's or the user's.

Its draws are addressed by patient, output and number of the observation.
Knows outputs and patients; knows nothing of times or doses.
"""

from dataclasses import replace

import numpy as np

from pkpd.errors import CohortError, closest, quoted
from pkpd.population.noise import normals
from pkpd.symbolic.quantities import unit_at_end
from pkpd.symbolic.variability import residual


def residuals(model, names, given=None):
    """Residuals of those of the outputs `names` that have one.

    given : {"Cc": "15 % + 0.05 ng/mL"}, which replace or add to the model's; "none"; or None

    Raises CohortError for an unknown output, and for an error that could be a share or an amount.
    """
    if isinstance(given, str) and given == "none":
        return ()
    if not isinstance(given, dict | None):
        raise CohortError(f'residual is a dict such as {{"Cc": "15 %"}}, not {quoted(given)}.')
    errors = {r.name: r for r in model.residuals}
    for name, text in (given or {}).items():
        if name not in names:
            raise CohortError(
                f"Residual of '{name}', which is not an output of this simulation."
                f"{closest(name, names)}"
            )
        error = residual(name, text, model.unit(name))
        _check_unit(error, text, model.unit(name))
        errors[name] = replace(error, source="given by the user")
    return tuple(errors[name] for name in names if name in errors)


def _check_unit(error, text, unit):
    """Refuse what could be a share or not: 0.1 without a unit, and log 15 without %."""
    if error.log and "%" not in str(text):
        raise CohortError(
            f"residual '{text}' of '{error.name}' has no %; write 'log {error.log:g} %' or "
            f"'log {100 * error.log:g} %'."
        )
    amounts = [part for part in str(text).split("+") if not part.rstrip().endswith("%")]
    bare = error.additive and not any(map(unit_at_end, amounts))
    if bare and unit != "1":
        share = f", or '{100 * error.additive:g} %' for a share" if not error.proportional else ""
        raise CohortError(
            f"residual '{text}' of '{error.name}' has no unit; "
            f"write '{error_text(error, unit)}'{share}."
        )


def error_text(error, unit):
    """A residual as it is written. unit : of its output"""
    if error.log:
        return f"log {100 * error.log:g} %"
    parts = [f"{100 * error.proportional:g} %"] if error.proportional else []
    if error.additive:
        parts.append(f"{error.additive:g}" if unit == "1" else f"{error.additive:g} {unit}")
    return " + ".join(parts)


def observations(cohort, errors, names, values, row, index):
    """Observations (N, R) of values (N, O), columns `names`, with the R errors.

    row : (N,) row of the patient in the cohort
    index : (N,) number of the value within the patient, part of the address of its draw
    """
    observed = np.empty((len(values), len(errors)))
    count = int(index.max()) + 1
    for k, error in enumerate(errors):
        purpose = f"residual {error.name}"
        z = normals(cohort.seed, cohort.ids, purpose, count, cohort.replicate)[row, index]
        y = values[:, names.index(error.name)]
        if error.log:
            observed[:, k] = y * np.exp(error.log * z)
        else:
            sd = np.sqrt(error.additive**2 + (error.proportional * y) ** 2)
            observed[:, k] = y + sd * z
    return observed
