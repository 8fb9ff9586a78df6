"""The residual error that a formula with EPS means, told from its values.

Y is f + a*EPS with a variance of s**2 + (p*f)**2, or f*exp(b*EPS); f is Y without EPS. Knows
equations and variances; knows nothing of a format.
"""

import math
from dataclasses import dataclass

from pkpd.errors import PkpdError
from pkpd.exchange.readers import trees
from pkpd.symbolic.parse import value

LEVELS = (1.0, 2.0, 5.0)  # of the prediction, at which the variance is looked at
CLOSE = 1e-9


def told(program, variances, known):
    """Text of the residual error of Y as a model file has it, or None for any other.

    variances : EPS -> its variance, None where it is correlated; known : values of parameters
    """
    if not variances or None in variances.values():
        return None
    names = [n for n in ("F", "IPRED") if n in program.current]
    for name in names:
        found = _of_prediction(program, name, variances, known)
        if found is not None:
            return found
    return None


@dataclass
class _Look:
    """What Y does with its EPS at one level of the prediction.

    plain : Y without EPS; linear : whether Y is linear in each EPS; variance : of Y then
    exponential : variance of log(Y)
    """

    plain: float
    linear: bool = True
    variance: float = 0.0
    exponential: float = 0.0


def _of_prediction(program, name, variances, known):
    """The text where Y without EPS is the value of `name`."""
    looks = []
    for level in LEVELS:
        look = _look(program, name, level, variances, known)
        if look is None or abs(look.plain - level) > CLOSE * level:
            return None
        looks.append(look)
    if all(look.linear for look in looks):
        return _combined([look.variance for look in looks])
    spreads = [math.sqrt(look.exponential) for look in looks]
    if max(spreads) - min(spreads) < CLOSE:
        return f"log {100 * spreads[0]:.10g} %"
    return None


def _combined(variances):
    """The text of the variance s**2 + (p*f)**2 that is this at LEVELS, or None."""
    (f1, f2, f3), (v1, v2, v3) = LEVELS, variances
    proportional = (v2 - v1) / (f2**2 - f1**2)
    additive = v1 - proportional * f1**2
    size = CLOSE * max(v1, v2, v3, 1e-300)
    if abs(additive + proportional * f3**2 - v3) > size:
        return None
    parts = [f"{100 * math.sqrt(proportional):.10g} %"] if proportional > size else []
    parts += [f"{math.sqrt(additive):.10g}"] if additive > size else []
    return " + ".join(parts) or None


def _look(program, name, level, variances, known):
    """The _Look where the prediction is `level`, or None where Y needs more than that."""
    values = known | dict.fromkeys(variances, 0.0) | {"t": 0.0}
    try:
        tree = _unfolded(program, {program.current[name].id: trees.number(level)})
        found = _Look(value(tree, values))
        for eps, variance in variances.items():
            down, up, twice = (value(tree, values | {eps: at}) for at in (-1.0, 1.0, 2.0))
            slope = (up - down) / 2
            bent = abs(twice - found.plain - 2 * slope)
            found.linear &= bent <= CLOSE * (abs(slope) + 1e-12)
            found.variance += variance * slope**2
            found.exponential += variance * math.log(max(up / found.plain, 1e-300)) ** 2
    except (KeyError, ValueError, ArithmeticError, PkpdError):
        return None
    return found


def _unfolded(program, fixed):
    """Y in terms of parameters and EPS, with the prediction that is fixed."""
    tree = trees.replaced(program.current["Y"], program.equations)
    for _ in range(100):
        tree = trees.replaced(tree, fixed)
        used = trees.names(tree) & program.equations.keys()
        if not used:
            return tree
        tree = trees.replaced(tree, {name: program.equations[name] for name in used})
    raise PkpdError("equations define each other in a circle")
