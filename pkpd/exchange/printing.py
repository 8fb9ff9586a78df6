"""Checked expressions as text of another language, with no more brackets than that needs.

Knows the language of equations and what each dialect calls its parts; knows no models.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pkpd.errors import PkpdError
from pkpd.symbolic import parse

_CHOICE, _OR, _AND, _COMPARISON, _SUM, _PRODUCT, _SIGN, POWER, ATOM = range(9)
_OPERATORS = {
    ast.Add: ("+", _SUM),
    ast.Sub: ("-", _SUM),
    ast.Mult: ("*", _PRODUCT),
    ast.Div: ("/", _PRODUCT),
}
PYTHON_SIGNS: Mapping[type, str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.And: "and",
    ast.Or: "or",
}


@dataclass(frozen=True)
class Dialect:
    """How a language writes what expressions hold.

    called : what messages call the language
    functions : function -> template of its arguments, such as "std::exp({})"; min and max have
        two, and a function that is not listed is refused
    power, choice : templates, of (base, exponent) and of (condition, value, other value)
    infix_power, infix_choice : whether the template's parts stand beside operators, not in brackets
    signs : of comparisons, and, or; pi : its text; times, brackets : how products and brackets look
    """

    called: str
    functions: Mapping[str, str]
    power: str
    choice: str
    pi: str
    infix_power: bool = False
    infix_choice: bool = False
    times: str = "*"
    brackets: str = "({})"
    signs: Mapping[type, str] = field(default_factory=lambda: PYTHON_SIGNS)


@dataclass(frozen=True)
class Printer:
    """Prints expressions of one model. name : name in the model -> its name in the dialect."""

    dialect: Dialect
    name: Callable[[str], str]

    def text(self, expression: str) -> str:
        """A checked expression in the dialect. Raises PkpdError for a function that it lacks."""
        return self._print(parse.checked(expression))[0]

    def condition(self, trigger: str) -> str:
        """The condition of a checked expression "1 if ... else 0"."""
        node = parse.checked(trigger)
        assert isinstance(node, ast.IfExp)
        return self._print(node.test)[0]

    def _held(self, node, level):
        """The text of a part, in brackets where it holds together less tightly than `level`."""
        text, own = self._print(node)
        return text if own >= level else self.dialect.brackets.format(text)

    def _print(self, node: Any) -> tuple[str, int]:
        """(text, how tightly it holds together)."""
        return getattr(self, f"_{type(node).__name__.lower()}")(node)

    def _constant(self, node):
        number = parse.number_of(node)
        return repr(number), ATOM

    def _name(self, node):
        return (self.dialect.pi if node.id == "pi" else self.name(node.id)), ATOM

    def _unaryop(self, node):
        sign = "-" if isinstance(node.op, ast.USub) else "+"
        return f"{sign}{self._held(node.operand, POWER)}", _SIGN

    def _binop(self, node):
        if isinstance(node.op, ast.Pow):
            return self._power(node)
        sign, level = _OPERATORS[type(node.op)]
        # the order of operations is kept, so that the bits of a result are
        left, right = self._held(node.left, level), self._held(node.right, level + 1)
        if right.startswith(("-", "+")):
            right = self.dialect.brackets.format(right)
        if level == _SUM:
            return f"{left} {sign} {right}", level
        return f"{left}{self.dialect.times if sign == '*' else sign}{right}", level

    def _power(self, node):
        if not self.dialect.infix_power:
            parts = self._print(node.left)[0], self._print(node.right)[0]
            return self.dialect.power.format(*parts), ATOM
        left, right = self._held(node.left, ATOM), self._held(node.right, ATOM)
        return self.dialect.power.format(left, right), POWER

    def _call(self, node):
        function = parse.called(node)
        template = self.dialect.functions.get(function)
        if template is None:
            raise PkpdError(f"{self.dialect.called} has no {function}.")
        texts = [self._print(argument)[0] for argument in node.args]
        if function not in ("min", "max"):
            return template.format(*texts), ATOM
        joined = texts[0]
        for text in texts[1:]:
            joined = template.format(joined, text)
        return joined, ATOM

    def _ifexp(self, node):
        if not self.dialect.infix_choice:
            parts = [self._print(part)[0] for part in (node.test, node.body, node.orelse)]
            return self.dialect.choice.format(*parts), ATOM
        parts = [self._held(part, _OR) for part in (node.test, node.body, node.orelse)]
        return self.dialect.choice.format(*parts), _CHOICE

    def _boolop(self, node):
        level = _AND if isinstance(node.op, ast.And) else _OR
        sign = self.dialect.signs[type(node.op)]
        return f" {sign} ".join(self._held(v, level + 1) for v in node.values), level

    def _compare(self, node):
        """A chain such as a < b < c as a < b and b < c, which every language has."""
        sides = [self._held(side, _SUM) for side in (node.left, *node.comparators)]
        signs = [self.dialect.signs[type(op)] for op in node.ops]
        pairs = [f"{a} {sign} {b}" for a, sign, b in zip(sides, signs, sides[1:], strict=False)]
        if len(pairs) == 1:
            return pairs[0], _COMPARISON
        return f" {self.dialect.signs[ast.And]} ".join(pairs), _AND
