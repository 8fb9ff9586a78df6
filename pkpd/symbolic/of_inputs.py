"""Values of expressions of inputs, such as a bioavailability, for many rows of theta at once.

Knows checked expressions and arrays; knows nothing of states, doses or units.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

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
        return np.array(np.broadcast_to(_value(tree, names), np.shape(rows)), dtype=float)


def _value(node: Any, names: Mapping[str, np.ndarray]) -> Any:
    if isinstance(node, ast.Constant):
        return parse.number_of(node)
    if isinstance(node, ast.Name):
        return np.pi if node.id == "pi" else names[node.id]
    if isinstance(node, ast.UnaryOp):
        operand = _value(node.operand, names)
        return -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.BinOp):
        return ARITHMETIC[type(node.op)](_value(node.left, names), _value(node.right, names))
    if isinstance(node, ast.Call):
        return FUNCTIONS[parse.called(node)](*(_value(a, names) for a in node.args))
    if isinstance(node, ast.IfExp):
        test = _value(node.test, names)
        return np.where(test, _value(node.body, names), _value(node.orelse, names))
    if isinstance(node, ast.BoolOp):
        both = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return reduce(both, (_value(v, names) for v in node.values))
    sides = [_value(v, names) for v in (node.left, *node.comparators)]
    pairs = zip(node.ops, sides, sides[1:], strict=False)
    return reduce(np.logical_and, (COMPARISON[type(op)](a, b) for op, a, b in pairs))
