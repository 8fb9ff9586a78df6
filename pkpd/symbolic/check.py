"""Dimensions of expressions, and the factors that bring every value into its declared unit.

Each part of an expression has a text, dimensions and a size in base units; a sum brings its right side to the left side's
unit, the whole is brought to the declared unit. Knows expressions and units; knows no files.
"""

import ast
from dataclasses import dataclass

from pkpd import units
from pkpd.errors import PkpdError, closest
from pkpd.symbolic import parse

CONVERSIONS = {1e3, 1e6, 1e9, 1e12, 1e-3, 1e-6, 1e-9, 1e-12, 24, 60, 1440, 3600, 86400, 168}
NONE = ()


@dataclass(frozen=True)
class Part:
    """value of `text` times `scale` is the value in base units of `dims`; None: a literal 0, at home in any unit.

    unit : how the unit is said in a message
    """

    text: str
    dims: tuple | None
    scale: float = 1.0
    unit: str = "1"


def scaled(text, unit, known):
    """The expression text with its factors, so that it gives a plain number in `unit`.

    known : name -> unit text of everything the expression may use. Raises PkpdError without a place.
    """
    root = parse.tree(text)
    for name in sorted(parse.names(root) - {"pi"}):
        if name not in known:
            raise PkpdError(f"unknown name '{name}'.{closest(name, known)}")
    part = _Checker(text.strip(), known).visit(root)
    dims, scale = units.dimension(unit)
    if part.dims is not None and part.dims != dims:
        raise PkpdError(f"'{parse.short(text)}' has unit {part.unit}, not {unit}.")
    return _times(units.tidy(part.scale / scale), part.text) if part.dims is not None else part.text


def _times(number, text):
    return text if number == 1.0 else f"({number!r}*{text})"


def _product(left, right, sign):
    """Unit text of a product or quotient."""
    if right == "1":
        return left
    if left == "1" and sign == "*":
        return right
    return f"{left}{sign}{f'({right})' if sign == '/' and ('/' in right or '*' in right) else right}"


def _combine(a, b, sign):
    powers = dict(a)
    for unit, power in b:
        powers[unit] = round(powers.get(unit, 0.0) + sign * power, 9)
    return tuple(sorted((u, p) for u, p in powers.items() if p))


class _Checker:
    def __init__(self, text, known):
        self.text, self.known = text, known

    def quote(self, node):
        return "'" + parse.short(ast.get_source_segment(self.text, node) or self.text) + "'"

    def visit(self, node):
        return getattr(self, type(node).__name__)(node)

    def Constant(self, node):
        return Part(repr(node.value), None if node.value == 0 else NONE)

    def Name(self, node):
        if node.id == "pi":
            return Part("pi", NONE)
        dims, scale = units.dimension(self.known[node.id])
        return Part(node.id, dims, scale, self.known[node.id])

    def UnaryOp(self, node):
        part = self.visit(node.operand)
        return Part(f"(-{part.text})" if isinstance(node.op, ast.USub) else part.text, part.dims, part.scale, part.unit)

    def alike(self, node, verb, first, *others):
        """Bring parts to the unit of the first that has one; complain where dimensions differ."""
        parts = [first, *others]
        lead = next((p for p in parts if p.dims is not None), None)
        if lead is None:
            return parts, Part("0.0", None)
        for p in parts:
            if p.dims is not None and p.dims != lead.dims:
                raise PkpdError(f"{self.quote(node)} {verb.format(p.unit, lead.unit)}.")
        ready = [p if p.dims is None else Part(_times(units.tidy(p.scale / lead.scale), p.text), p.dims) for p in parts]
        return ready, lead

    def bare(self, node, what):
        """A part without dimensions, in plain numbers."""
        part = self.visit(node)
        if part.dims:
            raise PkpdError(f"{what} {self.quote(node)} must have no unit, not {part.unit}.")
        return _times(units.tidy(part.scale), part.text)

    def BinOp(self, node):
        if isinstance(node.op, ast.Pow):
            return self.power(node)
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, (ast.Add, ast.Sub)):
            plus = isinstance(node.op, ast.Add)
            (a, b), lead = self.alike(node, "adds {} to {}" if plus else "subtracts {} from {}", left, right)
            return Part(f"({a.text} {'+' if plus else '-'} {b.text})", lead.dims, lead.scale, lead.unit)
        for number, other in ((node.left, right), (node.right, left)):
            if isinstance(number, ast.Constant) and number.value in CONVERSIONS and other.dims:
                raise PkpdError(
                    f"{self.quote(node)} holds the conversion factor {number.value:g}; units are scaled by themselves, and a "
                    "constant of nature belongs in [parameters]."
                )
        divide = isinstance(node.op, ast.Div)
        if right.dims is None and divide:
            raise PkpdError(f"{self.quote(node)} divides by 0.")
        if left.dims is None or right.dims is None:
            return Part("0.0", None)
        sign, scale = ("/", left.scale / right.scale) if divide else ("*", left.scale * right.scale)
        dims = _combine(left.dims, right.dims, -1 if divide else 1)
        return Part(f"({left.text}{sign}{right.text})", dims, scale, _product(left.unit, right.unit, sign))

    def power(self, node):
        base, exponent = self.visit(node.left), node.right
        sign = 1
        if isinstance(exponent, ast.UnaryOp):
            sign, exponent = (-1 if isinstance(exponent.op, ast.USub) else 1), exponent.operand
        if isinstance(exponent, ast.Constant) and base.dims is not None:
            p = sign * exponent.value
            dims = tuple((u, round(k * p, 9)) for u, k in base.dims) if p else NONE
            return Part(f"({base.text}**{p!r})", dims, base.scale**p, f"({base.unit})**{p:g}")
        return Part(f"({self.bare(node.left, 'the base')}**{self.bare(node.right, 'the exponent')})", NONE)

    def Call(self, node):
        name = node.func.id
        if name in ("exp", "log", "log10"):
            return Part(f"{name}({self.bare(node.args[0], f'the argument of {name}')})", NONE)
        parts = [self.visit(a) for a in node.args]
        if name == "sqrt":
            dims = tuple((u, round(k / 2, 9)) for u, k in parts[0].dims or ())
            return Part(f"sqrt({parts[0].text})", dims, parts[0].scale**0.5, f"({parts[0].unit})**0.5")
        ready, lead = self.alike(node, "compares {} with {}", *parts)
        return Part(f"{name}({', '.join(p.text for p in ready)})", lead.dims, lead.scale, lead.unit)

    def IfExp(self, node):
        (a, b), lead = self.alike(node, "gives {} or {}", self.visit(node.body), self.visit(node.orelse))
        return Part(f"({a.text} if {self.condition(node.test)} else {b.text})", lead.dims, lead.scale, lead.unit)

    def condition(self, node):
        if isinstance(node, ast.BoolOp):
            word = " and " if isinstance(node.op, ast.And) else " or "
            return "(" + word.join(self.condition(v) for v in node.values) + ")"
        if not isinstance(node, ast.Compare):
            raise PkpdError(f"{self.quote(node)} is not a comparison.")
        ready, _ = self.alike(node, "compares {} with {}", *(self.visit(n) for n in (node.left, *node.comparators)))
        signs = [_SIGNS[type(op)] for op in node.ops]
        return "(" + ready[0].text + "".join(f" {s} {p.text}" for s, p in zip(signs, ready[1:], strict=True)) + ")"

    def Compare(self, node):
        raise PkpdError(f"{self.quote(node)} is true or false, not a number; write 'a if {self.quote(node)[1:-1]} else b'.")

    BoolOp = Compare


_SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
