"""The residual error that a formula with EPS means, told from its values.

Y is f + a*EPS with a variance of s**2 + (p*f)**2, or f*exp(b*EPS); f is Y without EPS. Knows
equations and variances; knows nothing of a format.
"""

import math

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


def _of_prediction(program, name, variances, known):
    """The text where Y without EPS is the value of `name`."""
    points = [_at(program, name, level, variances, known) for level in LEVELS]
    if None in points or any(
        abs(point["plain"] - level) > CLOSE * level
        for point, level in zip(points, LEVELS, strict=True)
    ):
        return None
    if all(point["linear"] for point in points):
        return _combined([point["variance"] for point in points])
    spreads = [point["exponential"] for point in points]
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


def _at(program, name, level, variances, known):
    """What Y does with its EPS where the prediction is `level`, or None where it needs more."""
    values = known | {"t": 0.0}
    fixed = {program.current[name].id: trees.number(level)}
    try:
        tree = _unfolded(program, fixed)

        def y(**eps):
            return value(tree, values | dict.fromkeys(variances, 0.0) | eps)

        plain = y()
        at = {k: {n: y(**{n: k}) for n in variances} for k in (-1.0, 1.0, 2.0)}
    except (KeyError, ValueError, ArithmeticError, PkpdError):
        return None
    slopes = {n: (at[1.0][n] - at[-1.0][n]) / 2 for n in variances}
    bent = max(abs(at[2.0][n] - plain - 2 * slopes[n]) for n in variances)
    logs = {n: math.log(max(at[1.0][n] / plain, 1e-300)) for n in variances}
    return {
        "plain": plain,
        "linear": bent <= CLOSE * (max(map(abs, slopes.values())) + 1e-12),
        "variance": sum(variances[n] * slopes[n] ** 2 for n in variances),
        "exponential": math.sqrt(sum(variances[n] * logs[n] ** 2 for n in variances)),
    }


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
