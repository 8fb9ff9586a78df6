"""Values of expressions of inputs, such as a bioavailability, for many rows of theta at once.

Knows checked expressions and arrays; knows nothing of states, doses or units.
"""

import ast
import operator
from collections.abc import Callable
from functools import reduce

import numpy as np

from pkpd.symbolic import parse

ARITHMETIC: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: np.power,
}
COMPARISON: dict[type, Callable] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}


def _erf(x):
    from scipy.special import erf

    return erf(x)


def _lgamma(x):
    from scipy.special import gammaln

    return gammaln(x)


FUNCTIONS: dict[str, Callable] = {
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "min": lambda *values: reduce(np.minimum, values),
    "max": lambda *values: reduce(np.maximum, values),
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "erf": _erf,
    "lgamma": _lgamma,
    "floor": np.floor,
    "ceil": np.ceil,
}


def of_inputs(model, expression, theta, rows):
    """Values of an expression of inputs, in the shape of `rows`; NaN where there is none.

    theta : (N, K) inputs; rows : rows of theta, in any shape
    """
    tree = parse.checked(expression)
    used = parse.names(tree) - {"pi"}
    names = {name: theta[rows, model.input_names.index(name)] for name in used}
    with np.errstate(all="ignore"):
        values = _OfArrays(names).value(tree)
        return np.array(np.broadcast_to(values, np.shape(rows)), dtype=float)


class _OfArrays(parse.Evaluation):
    """The same of arrays, where both sides of a choice are computed for all rows."""

    arithmetic = ARITHMETIC
    comparison = COMPARISON
    functions = FUNCTIONS

    def IfExp(self, node):
        return np.where(*map(self.value, (node.test, node.body, node.orelse)))

    def BoolOp(self, node):
        both = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return reduce(both, map(self.value, node.values))

    def Compare(self, node):
        return reduce(np.logical_and, self.compared(node))
