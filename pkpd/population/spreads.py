"""How far people differ in an input where a user sets it: a CV, a logit SD or an SD, or refused.

Knows inputs and their variability; knows no patients.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from pkpd.errors import CohortError, closest, listed, quoted
from pkpd.population.typical import in_unit_of
from pkpd.population.variability import drawn_names
from pkpd.symbolic import plausibility

LARGEST = 1e6  # CV or SD


def spread_values(model, given):
    """{input: CV, logit SD or SD in its unit} of what `spread` gives. Raises CohortError."""
    if not isinstance(given, Mapping | None):
        raise CohortError(f'spread is a dict such as {{"cl": 0.4}}, not {quoted(given)}.')
    return {name: _spread(model, name, value) for name, value in (given or {}).items()}


def _spread(model, name, value):
    """The spread of an input as a number. Raises CohortError for one that cannot be."""
    varied = drawn_names(model)
    if name not in varied:
        raise CohortError(
            f"People of {model.name} do not differ in {quoted(name)} by a CV or SD."
            f"{closest(name, varied)} They do in {listed(varied)}."
        )
    item = next(i for i in model.inputs if i.name == name)
    if item.iiv.kind != "lognormal" and str(value).rstrip().endswith("%"):
        scale = f"an SD in {item.unit}" if item.iiv.kind == "normal" else "the SD of its logit"
        raise CohortError(
            f"The spread of '{name}' is {scale}, here {item.iiv.sd:.3g}, and no CV; write a number."
        )
    unit = item.unit if item.iiv.kind == "normal" else "1"
    size = in_unit_of(replace(item, unit=unit), value)
    if not 0 <= size <= LARGEST:
        raise CohortError(
            f"The spread of '{name}' is {size:g}; write a CV or SD from 0 to {LARGEST:g}."
        )
    return size


def law_between(item, spreads):
    """The Variability of a continuous input, with the spread that is set in place of its own."""
    if item.name not in spreads:
        return item.iiv
    size = spreads[item.name]
    sd = math.sqrt(math.log1p(size**2)) if item.iiv.kind == "lognormal" else size
    return replace(item.iiv, sd=sd)


def unlikely_spreads(model, spreads):
    """Sentences on spreads, {input: CV or SD}, beyond anything measured."""
    for item in model.inputs:
        if item.name in spreads:
            other = replace(item, iiv=law_between(item, spreads), iov=None, place="spread")
            yield from plausibility.of_model([other], (), ())
