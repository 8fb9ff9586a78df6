"""Formulas of SBML, as libsbml gives them -> trees of the language of model files.

Source of the operators: SBML Level 3 Version 2 Core, section 3.4. Knows formulas; knows no models.
"""

import ast
import math
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise

from pkpd.errors import PkpdError
from pkpd.exchange.libsbml import libsbml
from pkpd.exchange.readers import trees
from pkpd.exchange.readers.trees import Tree

AVOGADRO = 6.02214179e23  # of the specification
DEEPEST = 60  # functions and formulas inside each other
Function = tuple[list[str], object]  # names of the arguments, and the formula


def _of_e(power: int, sign: int) -> Callable[[Tree], Tree]:
    """2/(e**x + sign*e**-x), or its reciprocal where the power is 1."""

    def made(x):
        terms = trees.call("exp", x), trees.call("exp", trees.negative(x))
        both = trees.binary(terms[0], ast.Add() if sign > 0 else ast.Sub(), terms[1])
        half = trees.divide(both, trees.number(2.0))
        return half if power > 0 else trees.divide(trees.number(1.0), half)

    return made


def _inverse_of(function: str) -> Callable[[Tree], Tree]:
    return lambda x: trees.divide(trees.number(1.0), trees.call(function, x))


def _square(x):
    return trees.power(x, trees.number(2.0))


def _arsinh(x):
    root = trees.call("sqrt", trees.add(_square(x), trees.number(1.0)))
    return trees.call("log", trees.add(x, root))


def _arcosh(x):
    root = trees.call("sqrt", trees.binary(_square(x), ast.Sub(), trees.number(1.0)))
    return trees.call("log", trees.add(x, root))


def _artanh(x):
    one = trees.number(1.0)
    quotient = trees.divide(trees.add(one, x), trees.binary(one, ast.Sub(), x))
    return trees.multiply(trees.number(0.5), trees.call("log", quotient))


def _of_reciprocal(function):
    return lambda x: function(trees.divide(trees.number(1.0), x))


def _truncated(x):
    upward = trees.compare(x, ast.GtE(), trees.number(0.0))
    return trees.choice(upward, trees.call("floor", x), trees.call("ceil", x))


def _quotient(a, b):
    return _truncated(trees.divide(a, b))


def _remainder(a, b):
    return trees.binary(a, ast.Sub(), trees.multiply(b, _quotient(a, b)))


def _root(degree, x):
    if trees.same(degree, trees.number(2.0)):
        return trees.call("sqrt", x)
    return trees.power(x, trees.divide(trees.number(1.0), degree))


def _logarithm(base, x):
    if trees.same(base, trees.number(10.0)):
        return trees.call("log10", x)
    return trees.divide(trees.call("log", x), trees.call("log", base))


def _factorial(x):
    return trees.call("exp", trees.call("lgamma", trees.add(x, trees.number(1.0))))


def _minus(a, b=None):
    return trees.negative(a) if b is None else trees.binary(a, ast.Sub(), b)


def _xor(*arguments):
    found = trees.compare(trees.number(0.0), ast.NotEq(), trees.number(0.0))
    for argument in arguments:
        only_new = trees.both(trees.negated(found), argument)
        only_old = trees.both(found, trees.negated(argument))
        found = trees.either(only_new, only_old)
    return found


def _all(*arguments):
    return trees.both(*arguments) if len(arguments) > 1 else _single(arguments, true=True)


def _any(*arguments):
    return trees.either(*arguments) if len(arguments) > 1 else _single(arguments, true=False)


def _single(arguments, *, true):
    if arguments:
        return trees.condition(arguments[0])
    return trees.condition(trees.number(1.0 if true else 0.0))


def _chain(operator):
    def made(*sides):
        pairs = [trees.compare(a, operator(), b) for a, b in pairwise(sides)]
        return pairs[0] if len(pairs) == 1 else trees.both(*pairs)

    return made


def _piecewise(*parts):
    """(value, condition, ..., otherwise)."""
    if len(parts) % 2 == 0:
        raise PkpdError("a piecewise formula without an otherwise")
    value = parts[-1]
    for k in range(len(parts) - 3, -1, -2):
        value = trees.choice(parts[k + 1], parts[k], value)
    return value


def _extreme(function):
    return lambda *a: trees.call(function, *a) if len(a) > 1 else trees.numeric(a[0])


def _implies(a, b):
    return trees.either(trees.negated(a), b)


def _known():
    """Type of a formula -> what it means."""
    lib = libsbml()
    alike = ("EXP", "SIN", "COS", "TAN", "TANH", "FLOOR", "ABS")
    made: dict[int, Callable[..., Tree]] = {
        getattr(lib, f"AST_FUNCTION_{name}"): partial(trees.call, name.lower()) for name in alike
    }
    made |= {
        lib.AST_PLUS: trees.add,
        lib.AST_TIMES: trees.multiply,
        lib.AST_MINUS: _minus,
        lib.AST_DIVIDE: trees.divide,
        lib.AST_POWER: trees.power,
        lib.AST_FUNCTION_POWER: trees.power,
        lib.AST_FUNCTION_ROOT: _root,
        lib.AST_FUNCTION_LN: lambda x: trees.call("log", x),
        lib.AST_FUNCTION_LOG: _logarithm,
        lib.AST_FUNCTION_CEILING: lambda x: trees.call("ceil", x),
        lib.AST_FUNCTION_FACTORIAL: _factorial,
        lib.AST_FUNCTION_MIN: _extreme("min"),
        lib.AST_FUNCTION_MAX: _extreme("max"),
        lib.AST_FUNCTION_QUOTIENT: _quotient,
        lib.AST_FUNCTION_REM: _remainder,
        lib.AST_FUNCTION_SEC: _inverse_of("cos"),
        lib.AST_FUNCTION_CSC: _inverse_of("sin"),
        lib.AST_FUNCTION_COT: _inverse_of("tan"),
        lib.AST_FUNCTION_SINH: _of_e(1, -1),
        lib.AST_FUNCTION_COSH: _of_e(1, 1),
        lib.AST_FUNCTION_SECH: _of_e(-1, 1),
        lib.AST_FUNCTION_CSCH: _of_e(-1, -1),
        lib.AST_FUNCTION_COTH: _inverse_of("tanh"),
        lib.AST_FUNCTION_ARCSINH: _arsinh,
        lib.AST_FUNCTION_ARCCOSH: _arcosh,
        lib.AST_FUNCTION_ARCTANH: _artanh,
        lib.AST_FUNCTION_ARCCSCH: _of_reciprocal(_arsinh),
        lib.AST_FUNCTION_ARCSECH: _of_reciprocal(_arcosh),
        lib.AST_FUNCTION_ARCCOTH: _of_reciprocal(_artanh),
        lib.AST_FUNCTION_PIECEWISE: _piecewise,
        lib.AST_LOGICAL_AND: _all,
        lib.AST_LOGICAL_OR: _any,
        lib.AST_LOGICAL_XOR: _xor,
        lib.AST_LOGICAL_NOT: trees.negated,
        lib.AST_LOGICAL_IMPLIES: _implies,
    }
    relations = {"LT": ast.Lt, "LEQ": ast.LtE, "GT": ast.Gt, "GEQ": ast.GtE}
    relations |= {"EQ": ast.Eq, "NEQ": ast.NotEq}
    return made | {
        getattr(lib, f"AST_RELATIONAL_{name}"): _chain(operator)
        for name, operator in relations.items()
    }


class Formulas:
    """Reads formulas of one model. functions : those that it defines"""

    def __init__(self, functions: Mapping[str, Function]):
        self.lib, self.known, self.functions = libsbml(), _known(), functions
        lib = self.lib
        self.constants = {
            lib.AST_CONSTANT_PI: math.pi,
            lib.AST_CONSTANT_E: math.e,
            lib.AST_CONSTANT_TRUE: 1.0,
            lib.AST_CONSTANT_FALSE: 0.0,
            lib.AST_NAME_AVOGADRO: AVOGADRO,
        }

    def tree(self, node, depth: int = 0) -> Tree:
        """The tree of a formula. `rateOf x` in it is a name of its own.

        Raises PkpdError for what the language of model files does not hold.
        """
        if node is None:
            raise PkpdError("a formula is missing")
        return trees.check(self._tree(node, {}, depth))

    def _tree(self, node, arguments, depth):
        if depth > DEEPEST:
            raise PkpdError(f"a formula is nested deeper than {DEEPEST}")
        kind = node.getType()
        alone = self._alone(node, kind, arguments)
        if alone is not None:
            return alone
        parts = []
        for k in range(node.getNumChildren()):
            parts.append(self._tree(node.getChild(k), arguments, depth + 1))
        if kind == self.lib.AST_FUNCTION:
            return self._called(node.getName(), parts, depth)
        if kind not in self.known:
            raise PkpdError(f"the function '{node.getName() or node.getOperatorName()}'")
        try:
            return self.known[kind](*parts)
        except TypeError as error:
            raise PkpdError(f"a formula with {len(parts)} arguments") from error

    def _alone(self, node, kind, arguments):
        """The tree of a number or symbol; None of what has parts."""
        lib = self.lib
        if node.isNumber():
            return trees.number(node.getValue())
        if kind in self.constants:
            return trees.number(self.constants[kind])
        if kind == lib.AST_NAME_TIME:
            return trees.name("t")
        if kind == lib.AST_NAME:
            return arguments.get(node.getName(), trees.name(node.getName()))
        if kind == lib.AST_FUNCTION_RATE_OF:
            return trees.name(f"rateOf {node.getChild(0).getName()}")
        return None

    def _called(self, name, parts, depth):
        if name not in self.functions:
            raise PkpdError(f"the function '{name}', which the model does not define")
        names, body = self.functions[name]
        if len(names) != len(parts):
            raise PkpdError(f"the function '{name}' with {len(parts)} arguments")
        return self._tree(body, dict(zip(names, parts, strict=True)), depth + 1)
