"""Linear compartments that other simulators solve by closed forms, as differential equations.

Knows rates between compartments; knows nothing of the names that formats give them.
"""

import ast
from collections.abc import Mapping, Sequence

from pkpd.exchange.readers import trees
from pkpd.exchange.readers.trees import Tree


def rates(
    compartments: Sequence[str], constants: Mapping[str, Tree], *, depot: bool
) -> dict[str, Tree]:
    """Slope of each compartment: [depot,] central, peripherals.

    constants : ka of a depot, k of elimination, and k12, k21, k13, k31 to and from the first and
        second peripheral compartment
    """
    amounts = [trees.name(name) for name in compartments]
    central = amounts[1] if depot else amounts[0]
    peripherals = amounts[2 if depot else 1 :]
    gains, losses = [], [trees.multiply(constants["k"], central)]
    found: dict[str, Tree] = {}
    if depot:
        absorbed = trees.multiply(constants["ka"], amounts[0])
        found[compartments[0]] = trees.negative(absorbed)
        gains.append(absorbed)
    for place, amount in enumerate(peripherals, 2):
        away = trees.multiply(constants[f"k1{place}"], central)
        back = trees.multiply(constants[f"k{place}1"], amount)
        gains.append(back)
        losses.append(away)
        found[compartments[place if depot else place - 1]] = _less([away], [back])
    found[compartments[1 if depot else 0]] = _less(gains, losses)
    return {name: found[name] for name in compartments}


def _less(gains, losses):
    """The gains less the losses."""
    total = trees.add(*gains) if gains else trees.negative(losses[0])
    for loss in losses if gains else losses[1:]:
        total = trees.binary(total, ast.Sub(), loss)
    return total
