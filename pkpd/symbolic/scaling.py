"""Dimensions of expressions, and the factors that bring every value into its declared unit.

Each part of an expression has a text, dimensions and a size in base units; a sum brings its right
side to the left side's unit, the whole is brought to the declared unit. Knows expressions and
units; knows no files.
"""

import ast
from dataclasses import dataclass

from pkpd import units
from pkpd.errors import PkpdError, closest
from pkpd.symbolic import parse

CONVERSIONS = {1e3, 1e6, 1e9, 1e12, 1e-3, 1e-6, 1e-9, 1e-12, 24, 60, 1440, 3600, 86400, 168}
NONE = ()
MOST_BRACKETS = 180  # Python reads 200


@dataclass(frozen=True)
class Part:
    """`text` gives a number in the unit `factors`, ((name, power), ...); None: a literal 0, which
    has any unit."""

    text: str
    factors: tuple | None

    @property
    def dims(self):
        return None if self.factors is None else units.measure(self.factors)[0]

    @property
    def scale(self):
        return units.measure(self.factors)[1]

    @property
    def unit(self):
        return units.text(self.factors)


def scaled(text, unit, known):
    """The expression text with its factors, so that it gives a plain number in `unit`.

    known : name -> unit text of everything the expression may use. Raises PkpdError without a
        place.
    """
    root = parse.tree(text)
    for name in sorted(parse.names(root) - {"pi"}):
        if name not in known:
            raise PkpdError(f"unknown name '{name}'.{closest(name, known)}")
    part = _Checker(text.strip(), known, root).visit(root)
    if parse.brackets(part.text) > MOST_BRACKETS:
        raise PkpdError(f"'{parse.short(text)}' nests too many operations; name parts of it")
    if part.factors is None:
        return part.text
    dims, scale = units.dimension(unit)
    if part.dims != dims:
        raise PkpdError(f"'{parse.short(text)}' has unit {part.unit}, not {unit}.")
    return _times(units.tidy(part.scale / scale), part.text)


def _times(number, text):
    return text if number == 1.0 else f"({number!r}*{text})"


def _combine(a, b, sign):
    powers = dict(a)
    for unit, power in b:
        powers[unit] = powers.get(unit, 0) + sign * power
    return tuple(sorted((u, p) for u, p in powers.items() if p))


def _raised(factors, power):
    return tuple((u, p * power) for u, p in factors) if power else NONE


class _Checker:
    def __init__(self, text, known, root):
        self.text, self.known, self.root = text, known, root

    def quote(self, node):
        return "'" + parse.short(ast.get_source_segment(self.text, node) or self.text) + "'"

    def visit(self, node):
        return getattr(self, type(node).__name__)(node)

    def Constant(self, node):
        return Part(repr(node.value), None if node.value == 0 else NONE)

    def Name(self, node):
        if node.id == "pi":
            return Part("pi", NONE)
        return Part(node.id, units.powers(self.known[node.id]))

    def UnaryOp(self, node):
        part = self.visit(node.operand)
        return Part(f"(-{part.text})" if isinstance(node.op, ast.USub) else part.text, part.factors)

    def alike(self, node, verb, first, *others):
        """Bring parts to the unit of the first that has one; complain where dimensions differ."""
        parts = [first, *others]
        lead = next((p for p in parts if p.factors is not None), None)
        if lead is None:
            return parts, Part("0.0", None)
        for p in parts:
            if p.factors is not None and p.dims != lead.dims:
                raise PkpdError(f"{self.quote(node)} {verb.format(p.unit, lead.unit)}.")
        ready = [
            p
            if p.factors is None
            else Part(_times(units.tidy(p.scale / lead.scale), p.text), lead.factors)
            for p in parts
        ]
        return ready, lead

    def bare(self, node, what):
        """A part without dimensions, in plain numbers."""
        part = self.visit(node)
        if part.dims:
            raise PkpdError(f"{what} {self.quote(node)} must have no unit, not {part.unit}.")
        return part.text if part.factors is None else _times(units.tidy(part.scale), part.text)

    def BinOp(self, node):
        if isinstance(node.op, ast.Pow):
            return self.power(node)
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, (ast.Add, ast.Sub)):
            return self.sum(node, left, right)
        return self.product(node, left, right)

    def sum(self, node, left, right):
        """The sum or difference of two parts."""
        plus = isinstance(node.op, ast.Add)
        (a, b), lead = self.alike(
            node, "adds {} to {}" if plus else "subtracts {} from {}", left, right
        )
        return Part(f"({a.text} {'+' if plus else '-'} {b.text})", lead.factors)

    def product(self, node, left, right):
        """The product or quotient of two parts."""
        self.refuse_conversion(node, node.left, right)
        self.refuse_conversion(node, node.right, left)
        divide = isinstance(node.op, ast.Div)
        if right.factors is None and divide:
            raise PkpdError(f"{self.quote(node)} divides by 0.")
        if left.factors is None or right.factors is None:
            return Part("0.0", None)
        return Part(
            f"({left.text}{'/' if divide else '*'}{right.text})",
            _combine(left.factors, right.factors, -1 if divide else 1),
        )

    def refuse_conversion(self, node, number, other):
        """Refuse a written number that looks like a conversion, beside a part with a unit."""
        if isinstance(number, ast.Constant) and number.value in CONVERSIONS and other.dims:
            raise PkpdError(
                f"{self.quote(node)} holds the conversion factor {number.value:g}; "
                "units are scaled by themselves, and a "
                "constant of nature belongs in [parameters]."
            )

    def power(self, node):
        base, power = self.visit(node.left), parse.constant(node.right)
        if power is not None and base.factors is not None:
            return Part(f"({base.text}**{power!r})", _raised(base.factors, power))
        if base.dims:
            raise PkpdError(self.no_power(node, base))
        return Part(
            f"({self.bare(node.left, 'the base')}**{self.bare(node.right, 'the exponent')})", NONE
        )

    def no_power(self, node, base):
        """Why a base with a unit has no power that a name gives, and the quotient that has one."""
        same = (
            other.left
            for other in ast.walk(self.root)
            if isinstance(other, ast.BinOp)
            and isinstance(other.op, ast.Pow)
            and ast.dump(other.right) == ast.dump(node.right)
            and ast.dump(other.left) != ast.dump(node.left)
        )
        written, power = (self.quote(n)[1:-1] for n in (node.left, node.right))
        other = next((self.quote(n)[1:-1] for n in same), None)
        if other is None:
            remedy = f"divide it by a number of that unit, as in ({written}/ec50)**{power}"
        else:
            remedy = (
                f"write the quotient ({written}/{other})**{power} or ({other}/{written})**{power}"
            )
        return f"the base '{written}' must have no unit, not {base.unit}; {remedy}."

    def Call(self, node):
        name = node.func.id
        if name not in ("sqrt", "abs", "min", "max"):
            return Part(f"{name}({self.bare(node.args[0], f'the argument of {name}')})", NONE)
        parts = list(map(self.visit, node.args))
        if name == "sqrt":
            return Part(f"sqrt({parts[0].text})", _raised(parts[0].factors or NONE, 0.5))
        ready, lead = self.alike(node, "compares {} with {}", *parts)
        return Part(f"{name}({', '.join(p.text for p in ready)})", lead.factors)

    def IfExp(self, node):
        (a, b), lead = self.alike(
            node, "gives {} or {}", self.visit(node.body), self.visit(node.orelse)
        )
        return Part(f"({a.text} if {self.condition(node.test)} else {b.text})", lead.factors)

    def condition(self, node):
        if isinstance(node, ast.BoolOp):
            word = " and " if isinstance(node.op, ast.And) else " or "
            return f"({word.join(map(self.condition, node.values))})"
        if not isinstance(node, ast.Compare):
            raise PkpdError(f"{self.quote(node)} is not a comparison.")
        sides = map(self.visit, (node.left, *node.comparators))
        ready, _ = self.alike(node, "compares {} with {}", *sides)
        text = ready[0].text
        for op, part in zip(node.ops, ready[1:], strict=True):
            text += f" {_SIGNS[type(op)]} {part.text}"
        return f"({text})"

    def Compare(self, node):
        raise PkpdError(
            f"{self.quote(node)} is true or false, not a number; "
            f"write 'a if {self.quote(node)[1:-1]} else b'."
        )

    BoolOp = Compare


_SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
