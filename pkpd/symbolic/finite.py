"""Which equations have no finite value whatever their names are, as 1/(k - k) or 9**(9**9).

Each equation is evaluated at points around the typical values and far from them; one that is
finite at any of them is left alone. Knows syntax trees and floating-point numbers; knows no files.
"""

import math
import random

from pkpd.symbolic.parse import checked, value

AROUND, INSIDE, POSITIVE, ANYWHERE = 8, 8, 8, 16  # points of each kind


def without_value(equations, typical):
    """The first equation that is finite at no point, or None.

    equations : (name, expression) in an order in which each uses only earlier ones and typical
    typical : name -> typical value of what the equations are of: inputs, states and time
    """
    trees = [(name, checked(text)) for name, text in equations]
    waiting = {name for name, _ in trees}
    for values in _points(typical):
        for name, tree in trees:
            values[name] = _value(tree, values)
            if math.isfinite(values[name]):
                waiting.discard(name)
        if not waiting:
            return None
    return next(name for name, _ in trees if name in waiting)


def _points(typical):
    """Values of the names: near typical ones, inside (0, 1), positive, and of any sign."""
    draw = random.Random(1)
    for _ in range(AROUND):
        yield {n: v * draw.uniform(0.9, 1.1) or draw.uniform(-0.1, 0.1) for n, v in typical.items()}
    for _ in range(INSIDE):
        yield {n: draw.uniform(0.05, 0.95) for n in typical}
    for _ in range(POSITIVE):
        yield {n: math.exp(draw.uniform(-3.0, 3.0)) for n in typical}
    for _ in range(ANYWHERE):
        yield {n: draw.choice((-1, 1)) * math.exp(draw.uniform(-3.0, 3.0)) for n in typical}


def _value(tree, values):
    """Value of an expression, NaN where it has none."""
    try:
        return value(tree, values)
    except (ArithmeticError, ValueError):
        return math.nan
