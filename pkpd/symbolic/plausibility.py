"""What is likely a slip of the pen: spreads, body weights and amounts far from anybody's.

Every finding is a sentence for a warning and never an error: rare things do exist.
Knows inputs, units and the doses a model was made for; knows nothing of files or patients.
"""

import math
import warnings

import numpy as np

from pkpd import units
from pkpd.errors import PkpdError, PkpdWarning

LARGEST_CV = 3.0  # 300 %
LARGEST_LOGIT_SD = 4.0  # 95 % of such fractions lie within 0.04 % of 0 or 1
LIGHTEST, HEAVIEST = 0.2, 700.0  # kg, of any person
FAR = 10.0  # times beyond the doses that a model was made for
SLIP = 500.0  # times the median amount of an event table, as mg written for ug


def warn(sentences):
    """Warn of each sentence, once."""
    for sentence in dict.fromkeys(sentences):
        warnings.warn(sentence, PkpdWarning, stacklevel=3)


def of_model(parameters, covariates, residuals):
    """Sentences on the numbers of a model, each with its place."""
    for item in (*parameters, *covariates):
        for spread, between in ((item.iiv, "people"), (item.iov, "occasions")):
            wide = _wide(item, spread)
            if wide:
                yield f"{item.place}: '{item.name}' varies between {between} by {wide}."
    for item in covariates:
        for value in {item.value, item.value if item.reference is None else item.reference}:
            for sentence in of_values(item, [value]):
                yield f"{item.place}: {sentence}"
    for error in residuals:
        cv = max(error.proportional, math.sqrt(math.expm1(min(error.log, 20.0) ** 2)))
        if cv > LARGEST_CV:
            yield f"{error.place}: the residual of '{error.name}' is {_percent(cv)}."


def of_values(item, values):
    """Sentences on values of a covariate, as in a table of people."""
    values = np.asarray(values, dtype=float)
    wrong = np.zeros(len(values), bool)
    wanted = ""
    kind = item.iiv.kind if item.iiv else None
    if kind == "lognormal":
        wrong, wanted = values <= 0, "its values are above 0"
    elif kind == "logitnormal":
        wrong, wanted = (values <= 0) | (values >= 1), "its values lie between 0 and 1"
    if not wrong.any() and _is_body_weight(item):
        kilograms = values * units.factor(item.unit, "kg")
        wrong = (kilograms < LIGHTEST) | (kilograms > HEAVIEST)
        wanted = f"people weigh {LIGHTEST:g} to {HEAVIEST:g} kg"
    if wrong.any():
        first = values[np.argmax(wrong)]
        others = f", one of {wrong.sum()} such values" if wrong.sum() > 1 else ""
        yield f"'{item.name}' is {first:g} {item.unit}{others}: {wanted}. Is the unit right?"


def of_amounts(model, into, unit, amounts):
    """Sentences on doses into a target, in `unit`: beside each other and the model's range."""
    amounts = np.asarray(amounts, dtype=float)
    amounts = amounts[np.isfinite(amounts) & (amounts > 0)]
    if not len(amounts):
        return
    typical, top, bottom = np.median(amounts), amounts.max(), amounts.min()
    far = [a for a in (top, bottom) if a > SLIP * typical or a < typical / SLIP]
    if far:
        yield f"A dose of {far[0]:g} {unit} stands beside doses of {typical:g} {unit}. Is it right?"
    elif model.benefit is not None and into == model.benefit.into:
        yield from _beside_range(model.benefit, unit, top, bottom)


def _beside_range(benefit, unit, top, bottom):
    try:
        size = units.factor(unit, benefit.unit)
    except PkpdError:
        return  # per another covariate than the model's doses
    far = [
        a for a in (top, bottom) if not benefit.lowest / FAR <= a * size <= benefit.highest * FAR
    ]
    if far:
        made_for = f"{benefit.lowest:g} to {benefit.highest:g} {benefit.unit}"
        yield f"A dose of {far[0]:g} {unit}: the model was made for {made_for}. Is the unit right?"


def _wide(item, spread):
    """A spread in words where it is beyond anything measured, else nothing; spread may be None."""
    if spread is None:
        return ""
    if spread.kind == "logitnormal":
        return f"a logit SD of {spread.sd:g}" if spread.sd > LARGEST_LOGIT_SD else ""
    cv = _cv(item, spread)
    return f"a {_percent(cv)}" if cv > LARGEST_CV else ""


def _cv(item, spread):
    """CV of a log-normal or an unbounded normal input, 0 of any other."""
    if spread.kind == "lognormal":
        return math.sqrt(math.expm1(min(spread.sd, 20.0) ** 2))
    if spread.kind == "normal" and item.value and (spread.lower, spread.upper) == (None, None):
        return spread.sd / abs(item.value)
    return 0.0


def _percent(cv):
    return f"CV of {100 * cv:.3g} % (cv = 0.3 is 30 %)"


def _is_body_weight(item):
    """Whether a covariate is a person's mass in kg or g, as amounts per body weight take it."""
    return item.role != "animal" and units.powers(item.unit) in (
        (("kg", 1),),
        (("g", 1),),
        (("lb", 1),),
    )
