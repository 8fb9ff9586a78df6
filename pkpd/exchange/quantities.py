"""Trees of plain numbers -> text of quantities, each name with the unit that it has been given.

A name of the source is a number x; in the model file it is x times its unit. Where the source adds
numbers to quantities, or takes their logarithms, a parameter of value 1 carries the unit, so that
the numbers that come out are those of the source whatever the units. Knows trees and units; knows
nothing of the files that they stand in.
"""

import ast
import re
from collections.abc import Collection, Mapping
from fractions import Fraction

from pkpd.exchange.readers import trees
from pkpd.exchange.readers.trees import Tree
from pkpd.exchange.units_of_names import (
    ALIKE,
    AMOUNT,
    NONE,
    PER_TIME,
    TEN,
    TIME,
    Basis,
    Unit,
    plus,
    thousands,
)
from pkpd.symbolic.scaling import CONVERSIONS

ONES = {PER_TIME: "per_time", AMOUNT: "one_amount"}
Quantity = tuple[Tree, Unit | None]  # None: a number alone


class Quantities:
    """Writes trees in the units of their names.

    units : name of the source -> Unit; called : -> its name in the model file
    ones : unit -> parameter of value 1 that carries it; numbers : value -> parameter that holds it
    """

    def __init__(self, units: Mapping[str, Unit], called: Mapping[str, str], basis: Basis) -> None:
        self.units, self.called, self.basis = units, called, basis
        self.ones: dict[Unit, str] = {}
        self.numbers: dict[float, str] = {}

    def text(self, tree: Tree, unit: Unit) -> str:
        """The text of a tree as a quantity in this unit."""
        return trees.text(self._to(self._visit(trees.numeric(tree)), unit))

    def condition_text(self, tree: Tree) -> str:
        """The text of a condition."""
        return trees.condition_text(self._visit(trees.condition(tree))[0])

    def _to(self, quantity, wanted):
        """The tree of a quantity in another unit; the number stays what it is."""
        tree, own = quantity
        if own == wanted or trees.literal(tree) == 0:
            return tree
        if own is None:
            own, tree = NONE, self._number(tree)
        if own == wanted:
            return tree
        if wanted == NONE:
            return trees.divide(tree, self._one(own))
        return trees.multiply(tree, self._one(plus(wanted, own, -1)))

    def _one(self, unit):
        """The name of the parameter that is 1 in a unit."""
        if unit not in self.ones:
            text = self.basis.text(unit) or ""
            words = text.removeprefix("1/") if text.startswith("1/") else text
            word = re.sub(r"\W+", "_", words.replace("/", "_per_")).strip("_")
            plain = f"per_{word}" if text.startswith("1/") else f"one_{word}"
            self.ones[unit] = self._free(ONES.get(unit, plain))
        return trees.name(self.ones[unit])

    def _number(self, tree):
        """A number to stand beside a unit: a parameter where it looks like a conversion there."""
        value = trees.literal(tree)
        if value is None or value not in CONVERSIONS:
            return tree
        if value not in self.numbers:
            word = re.sub(r"\W", "_", f"{value:g}")
            self.numbers[value] = self._free(f"number_{word}")
        return trees.name(self.numbers[value])

    def _free(self, name):
        taken: Collection[str] = {
            *self.called.values(),
            *self.ones.values(),
            *self.numbers.values(),
        }
        while name in taken:
            name += "_"
        return name

    def _visit(self, tree: Tree) -> Quantity:
        return getattr(self, f"_{type(tree).__name__.lower()}")(tree)

    def _plain(self, tree):
        """The tree as a plain number."""
        return self._to(self._visit(tree), NONE)

    def _constant(self, tree):
        return tree, None

    def _name(self, tree):
        if tree.id == "pi":
            return tree, None
        if tree.id == "t":
            return tree, TIME
        return trees.name(self.called[tree.id]), self.units[tree.id]

    def _unaryop(self, tree):
        inside, unit = self._visit(tree.operand)
        return ast.UnaryOp(tree.op, inside), unit

    def _alike(self, *parts):
        """([trees], unit) of parts that are added or compared, in the first unit among them."""
        found = [self._visit(part) for part in parts]
        unit = next((own for _, own in found if own is not None), None)
        if unit is None:
            return [tree for tree, _ in found], None
        return [self._to(quantity, unit) for quantity in found], unit

    def _binop(self, tree):
        if isinstance(tree.op, (ast.Add, ast.Sub)):
            (left, right), unit = self._alike(tree.left, tree.right)
            return trees.binary(left, tree.op, right), unit
        if isinstance(tree.op, ast.Pow):
            return self._power(tree)
        left, right = self._visit(tree.left), self._visit(tree.right)
        if left[1] is None and right[1] is None:
            return trees.binary(left[0], tree.op, right[0]), None
        if left[1] is None or right[1] is None:
            return self._by_number(tree.op, left, right)
        sign = -1 if isinstance(tree.op, ast.Div) else 1
        return trees.binary(left[0], tree.op, right[0]), plus(left[1], right[1], sign)

    def _by_number(self, operator, left, right):
        """A product or quotient of a number alone and a quantity."""
        first = left[1] is None
        number, (other, unit) = (left[0], right) if first else (right[0], left)
        divided = isinstance(operator, ast.Div)
        unit = plus(NONE, unit, -1) if divided and first else unit
        power = thousands(number) if self._scales(unit) else 0
        if power:  # a conversion, which units do by themselves
            one = trees.divide(trees.number(1.0), other) if divided and first else other
            return one, plus(unit, TEN, power if divided and not first else -power)
        number = self._number(number)
        sides = (number, other) if first else (other, number)
        return trees.binary(sides[0], operator, sides[1]), unit

    def _scales(self, unit):
        """Whether written numbers such as 1000 beside this unit are conversions."""
        return unit[:3] != NONE[:3] and any(own[3] for own in self.units.values())

    def _power(self, tree):
        base, unit = self._visit(tree.left)
        exponent = tree.right
        if unit is None or unit == NONE:
            return trees.power(base, self._plain(exponent)), unit
        power = trees.literal(exponent)
        if power is not None and power.is_integer():
            return trees.power(base, exponent), plus(NONE, unit, int(power))
        return trees.power(self._to((base, unit), NONE), self._plain(exponent)), NONE

    def _call(self, tree):
        function = tree.func.id
        if function in ALIKE:
            parts, unit = self._alike(*tree.args)
            return trees.call(function, *parts), unit
        if function == "sqrt":
            return self._root(tree.args[0])
        return trees.call(function, *map(self._plain, tree.args)), None

    def _root(self, argument):
        inside, unit = self._visit(argument)
        half = None if unit is None else plus(NONE, unit, Fraction(1, 2))
        if half is not None and any(power.denominator != 1 for power in half):
            inside, half = self._to((inside, unit), NONE), NONE
        return trees.call("sqrt", inside), half

    def _ifexp(self, tree):
        test, _ = self._visit(trees.condition(tree.test))
        (value, other), unit = self._alike(tree.body, tree.orelse)
        return ast.IfExp(test, value, other), unit

    def _compare(self, tree):
        (left, *others), _ = self._alike(tree.left, *tree.comparators)
        return ast.Compare(left, tree.ops, others), None

    def _boolop(self, tree):
        return ast.BoolOp(tree.op, [self._visit(value)[0] for value in tree.values]), None
