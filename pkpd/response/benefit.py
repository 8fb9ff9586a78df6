"""What a dose is good for: the model's [benefit] with the user's changes.

Knows the words of [benefit] and their units; knows nothing of patients or solvers.
"""

from dataclasses import replace
from typing import Any

from pkpd import limits, units
from pkpd.dosing.actions import amount_of, target
from pkpd.dosing.background import of_benefit
from pkpd.errors import PkpdError, closest
from pkpd.response.constraints import constraints
from pkpd.symbolic.model import check_model
from pkpd.symbolic.quantities import (
    difference,
    dose_list,
    dose_range,
    interval_length,
    read_benefit,
    unit_at_end,
)

_ADVICE = """\
{name} has no [benefit] table, so nothing says what a dose is good for. \
Add these lines to {path}, or give the same as options:

[benefit]
outcome = "{outcome}"
better  = "lower"
into    = "{into}"
every   = "24 {time}"
doses   = "0.05:50 {unit}"
delta   = "10 %\""""


def benefit_of(
    model,
    *,
    outcome=None,
    better=None,
    into=None,
    every=None,
    doses=None,
    delta=None,
    report=None,
    exposure=None,
    blockade=None,
    background=None,
    subject_to=None,
    **unknown,
):
    """The model's benefit, each entry replaced where one is given.

    Parameters
    ----------
    outcome, exposure, blockade : state or output; better : "lower" or "higher"; into : dose target
    every : "24 h", or a number in model time
    doses : "0.05:50 mg", "0.001:0.7 mg/kg" per the covariate in kg, or (lowest, highest) in the
        target's unit
    delta : "10 %" of the untreated value, or "0.5" in the outcome's unit
    report : doses in the target's unit
    background : what everybody takes beside the dose, without end: "30 mg into tablet q12h", where
        time 0 is that of the dose; "none" for nothing

    subject_to : what a dose must keep to, from the first one on: ["cmax(cows) < 5"]; "none" for
        nothing

    Returns
    -------
    pkpd.symbolic.model.Benefit. Raises PkpdError; without a [benefit] table the sentence shows the
    lines to add.
    """
    given = {
        "outcome": outcome,
        "better": better,
        "into": into,
        "every": every,
        "doses": doses,
        "delta": delta,
        "report": report,
        "exposure": exposure,
        "blockade": blockade,
        "background": background,
        "subject_to": subject_to,
    }
    check_model(model)
    for name in unknown:
        raise PkpdError(f"Unknown option '{name}' of a benefit.{closest(name, given)}")
    given = {name: value for name, value in given.items() if value is not None}
    _check_names(model, given)
    base = model.benefit or _from_options(model, given)
    changed = _dosed(model, base, given) | _measured(model, base, given)
    if "report" in given:
        changed["report"] = dose_list(given["report"], changed["unit"], "report")
    made = replace(base, **changed, **_beside(given))
    of_benefit(model, made)
    constraints(model, made.subject_to)
    return made


def _dosed(model, base, given):
    """Entries on the doses that vary: into what, in which unit and range, how often."""
    found = target(model, given.get("into", base.into))
    unit = _dose_unit(model, found, given.get("doses"))
    changed: dict[str, Any] = {"into": found.state, "unit": unit}
    if unit != found.unit:
        changed["report"] = ()  # the model's are not per covariate
    elif found.unit != base.unit:
        size = units.factor(base.unit, found.unit)
        changed |= {
            "lowest": base.lowest * size,
            "highest": base.highest * size,
            "report": tuple(d * size for d in base.report),
        }
    if "every" in given:
        changed["every"] = interval_length(given["every"], model.time)
    if "doses" in given:
        changed["lowest"], changed["highest"] = _range(given["doses"], unit)
    return changed


def _measured(model, base, given):
    """Entries on what is measured, and from which difference on it is an effect."""
    kept = given.keys() & {"outcome", "better", "exposure", "blockade"}
    changed: dict[str, Any] = {name: given[name] for name in kept}
    if "delta" in given:
        delta = given["delta"]
        text = delta if isinstance(delta, str) else repr(limits.number(delta, "delta"))
        measure = model.unit(changed.get("outcome", base.outcome))
        changed["delta"], changed["delta_relative"] = difference(text, measure)
    return changed


def _beside(given):
    """Entries on what is taken beside the dose, and on what the dose must keep to."""
    changed: dict[str, Any] = {}
    if "background" in given:
        text = limits.text(given["background"], "background")
        changed["background"] = "" if text == "none" else text
    if "subject_to" in given:
        texts = given["subject_to"]
        texts = (texts,) if isinstance(texts, str) else limits.texts(texts, "subject_to")
        if not texts:
            raise PkpdError("subject_to names no constraint; write 'none' to lift the model's.")
        changed["subject_to"] = () if texts == ("none",) else texts
    return changed


def _dose_unit(model, found, doses):
    """The target's unit, or that of doses given per a covariate, such as mg/kg."""
    unit = unit_at_end(doses) if isinstance(doses, str) else None
    return (
        unit
        if unit and "/" in unit and amount_of(model, found, unit)[1] is not None
        else found.unit
    )


def _check_names(model, given):
    known = model.computed_names
    for name in ("outcome", "exposure", "blockade", "better", "into"):
        if name in given:
            limits.text(given[name], name)
    for name in ("outcome", "exposure", "blockade"):
        if name in given and given[name] not in known:
            raise PkpdError(
                f"{name} '{given[name]}' is not a state or output of {model.name}."
                f"{closest(given[name], known)}"
            )
    if given.get("better", "lower") not in ("lower", "higher"):
        raise PkpdError(f"better '{given['better']}' must be 'lower' or 'higher'.")


def _from_options(model, given):
    """A benefit made of options alone, for a model without the table."""
    found = target(model, given.get("into"))
    if not {"outcome", "better", "doses"} <= given.keys():
        outcome = model.outputs[0] if model.outputs else model.state_names[0]
        path = model.path or "the model file"
        raise PkpdError(
            _ADVICE.format(
                name=model.name,
                path=path,
                outcome=outcome,
                into=found.state,
                time=model.time,
                unit=found.unit,
            )
        )
    data = {
        "outcome": given["outcome"],
        "better": given["better"],
        "into": found.state,
        "delta": "10 %",
    }
    data |= {
        "every": f"{units.factor('h', model.time) * 24!r} {model.time}",
        "doses": f"1:2 {found.unit}",
    }
    return read_benefit(data, found.unit, model.time, model.unit(given["outcome"]), "")


def _range(doses, unit):
    if isinstance(doses, str):
        return dose_range(doses, unit)
    low, high = limits.pair(doses, "doses")
    return dose_range(f"{low!r}:{high!r}", unit)
