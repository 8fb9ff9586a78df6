"""Units of the names of a System, solved from those that the user gives.

Equations that add, compare or assign are linear in the powers of the units of their names; they
are taken in order of weight, and one that contradicts those before it is left out: its numbers are
then given a unit where they are written (pkpd.exchange.quantities). So a unit here names what a
number means and never changes it. Knows trees and units; knows nothing of files.
"""

import ast
import math
from dataclasses import dataclass, field
from fractions import Fraction

from pkpd import units
from pkpd.exchange.readers import trees
from pkpd.exchange.readers.trees import Tree
from pkpd.exchange.system import System

Unit = tuple[Fraction, ...]  # powers of the amount, the time and the observation, and of 10
NONE: Unit = (Fraction(0),) * 4
AMOUNT, TIME, OBSERVED, TEN = (
    (Fraction(0),) * k + (Fraction(1),) + (Fraction(0),) * (3 - k) for k in range(4)
)
PER_TIME: Unit = tuple(-power for power in TIME)
ALIKE = ("abs", "min", "max")  # have the unit of their arguments
USUAL = (
    "L",
    "mL",
    "dL",
    "uL",
    "kg",
    "g",
    "mg",
    "ug",
    "ng",
    "pg",
    "mol",
    "mmol",
    "umol",
    "nmol",
    "pmol",
)


def plus(one: Unit, other: Unit, times: int | Fraction = 1) -> Unit:
    """The unit of a product with `other` to the power of `times`."""
    return tuple(a + times * b for a, b in zip(one, other, strict=True))


@dataclass(frozen=True)
class Basis:
    """The units that all others are products of. observed : of DV, "1" where it is not told"""

    amount: str
    time: str
    observed: str = "1"

    def text(self, unit: Unit) -> str | None:
        """The text of a unit; None where no usual one says it."""
        powers: dict[str, Fraction] = {}
        for base, power in zip((self.amount, self.time, self.observed), unit, strict=False):
            for name, own in units.powers(base):
                powers[name] = powers.get(name, Fraction(0)) + own * power
        if any(power.denominator != 1 for power in powers.values()):
            return None
        plain = units.text(sorted((n, int(p)) for n, p in powers.items() if p))
        if not unit[3]:
            return _shorter(plain, self.time)
        dims, size = units.dimension(plain)
        return _usual(dims, size * 10.0 ** float(unit[3]), self.time)


def _shorter(plain, time):
    """A usual unit of the same size in place of a long text."""
    dims, size = units.dimension(plain)
    return (_usual(dims, size, time) if plain.count("*") else None) or plain


def _usual(dims, size, time):
    """A usual unit of this size, also per time, or None."""
    for base in USUAL:
        for text in (base, f"{base}/{time}", f"{base}*{time}", f"1/{base}", f"{base}/L"):
            own, own_size = units.dimension(text)
            if own == dims and math.isclose(own_size, size, rel_tol=1e-9):
                return text
    return None


Form = tuple[dict[str, Fraction], Unit]  # a product of powers of names, and of a unit


@dataclass
class Powers:
    """Equations between powers. rows : name -> the form that it is equal to"""

    rows: dict[str, Form] = field(default_factory=dict)

    def add(self, form: Form) -> bool:
        """Take in that a form has no unit; whether it does not contradict what is known."""
        names, unit = self.reduced(form)
        if not names:
            return unit == NONE
        pivot = next(iter(names))
        share = names.pop(pivot)
        self.rows[pivot] = (
            {name: -power / share for name, power in names.items()},
            tuple(-power / share for power in unit),
        )
        return True

    def reduced(self, form: Form) -> Form:
        """The form in names that nothing determines."""
        names, unit = dict(form[0]), form[1]
        while known := [name for name in names if name in self.rows]:
            power = names.pop(known[0])
            others, own = self.rows[known[0]]
            unit = plus(unit, own, power)
            for name, share in others.items():
                names[name] = names.get(name, Fraction(0)) + power * share
                if not names[name]:
                    del names[name]
        return names, unit

    def unit(self, name: str) -> Unit:
        """The unit of a name, none where nothing determines it."""
        return self.reduced(({name: Fraction(1)}, NONE))[1]


def solved(system: System, basis: Basis) -> tuple[dict[str, Unit], list[str]]:
    """The unit of each parameter, state and equation, and the names of which none follows."""
    powers = _powers(system, {})
    names = [*system.parameters, *system.states, *system.equations]
    found = {name: powers.unit(name) for name in names}
    still_open = [name for name in names if powers.reduced(_of(name))[0].keys() == {name}]
    full = _powers(system, found)
    scaled = {name: full.unit(name) for name in names}
    if all(basis.text(unit) is not None for unit in scaled.values()):
        return scaled, still_open
    said = {name: unit if basis.text(unit) is not None else NONE for name, unit in found.items()}
    return said, still_open


def _powers(system, known):
    """The Powers of a system. known : units without powers of 10; {} : these are not looked at"""
    reader = _Forms(known)
    powers = Powers()
    powers.add(_minus(_of(system.outputs[0]), ({}, OBSERVED)))
    powers.add(_minus(_of(next(iter(system.states))), ({}, AMOUNT)))
    for name, item in system.parameters.items():
        if item.given:
            powers.add(_of(name))
    for name, unit in known.items():
        if unit == NONE:
            powers.add(_of(name))
    equations = [*reader.equations(system)]
    for weight in (1, 2):
        for own, form in (*equations, *reader.found):
            if own == weight:
                powers.add(form)
    return powers


def _of(name):
    return {name: Fraction(1)}, NONE


def _minus(one, other, times=-1):
    """The form of a quotient, or of a product with another power."""
    names = dict(one[0])
    for name, power in other[0].items():
        names[name] = names.get(name, Fraction(0)) + times * power
    return {n: p for n, p in names.items() if p}, plus(one[1], other[1], times)


class _Forms:
    """Reads forms off trees. found : (weight, form without a unit) of what sums and others ask."""

    def __init__(self, known):
        self.known = known
        self.found: list[tuple[int, Form]] = []
        self.bases: dict[str, Form] = {}  # text of an exponent that is no number -> its first base

    def equations(self, system):
        """(weight, form) of each rate, property of doses and equation."""
        for name, state in system.states.items():
            rate = _minus(_of(name), ({}, TIME))
            yield from self._equal(1, rate, state.rate)
            yield from self._equal(1, _of(name), state.start)
            wanted = {"lag": ({}, TIME), "duration": ({}, TIME), "rate": rate, "f": ({}, NONE)}
            for key, tree in state.dosed.items():
                yield from self._equal(1, wanted[key], tree)
        for name, tree in system.equations.items():
            yield from self._equal(1, _of(name), tree)

    def _equal(self, weight, wanted, tree):
        form = self._form(trees.numeric(tree))
        if form is not None:
            yield weight, _minus(wanted, form)

    def _form(self, tree: Tree) -> Form | None:
        """The form of a tree, None of what is a number alone and may have any unit."""
        kind = type(tree).__name__
        return getattr(self, f"_{kind.lower()}")(tree)

    def _constant(self, tree):
        return None

    def _name(self, tree):
        if tree.id == "pi":
            return None
        return ({}, TIME) if tree.id == "t" else _of(tree.id)

    def _unaryop(self, tree):
        return self._form(tree.operand)

    def _alike(self, *parts):
        """The form of parts that are added or compared."""
        forms = [form for form in map(self._form, parts) if form is not None]
        for form in forms[1:]:
            self.found.append((1, _minus(forms[0], form)))
        return forms[0] if forms else None

    def _binop(self, tree):
        if isinstance(tree.op, (ast.Add, ast.Sub)):
            return self._alike(tree.left, tree.right)
        if isinstance(tree.op, ast.Pow):
            return self._power(tree)
        left, right = self._form(tree.left), self._form(tree.right)
        if left is None and right is None:
            return None
        sign = -1 if isinstance(tree.op, ast.Div) else 1
        product = _minus(left or ({}, NONE), right or ({}, NONE), sign)
        return _minus(product, ({}, self._conversion(tree, left, right)), 1)

    def _conversion(self, tree, left, right):
        """The power of 10 that a written number such as 1000 beside a quantity stands for."""
        literal, other = (tree.left, right) if left is None else (tree.right, left)
        power = thousands(literal)
        if not self.known or not power or (left is not None and right is not None):
            return NONE
        if not _measured(other, self.known):
            return NONE
        divided = isinstance(tree.op, ast.Div) and literal is tree.right
        return plus(NONE, TEN, power if divided else -power)

    def _power(self, tree):
        base = self._form(tree.left)
        exponent = trees.literal(tree.right)
        if exponent is None:
            self._no_number(base, tree.right)
            return {}, NONE
        power = Fraction(exponent).limit_denominator(1000)
        return None if base is None else _minus(({}, NONE), base, power)

    def _no_number(self, base, exponent):
        """A power such as c**hill: the exponent has no unit, and ec50**hill is of the same kind."""
        own = self._form(exponent)
        if own is not None:
            self.found.append((2, own))
        if base is not None:
            first = self.bases.setdefault(trees.text(exponent), base)
            self.found.append((2, _minus(first, base)))

    def _call(self, tree):
        function = tree.func.id
        if function in ALIKE:
            return self._alike(*tree.args)
        form = self._form(tree.args[0])
        if function == "sqrt":
            return None if form is None else _minus(({}, NONE), form, Fraction(1, 2))
        if form is not None and function == "exp":
            self.found.append((2, form))
        return None

    def _ifexp(self, tree):
        self._form(tree.test)
        return self._alike(tree.body, tree.orelse)

    def _compare(self, tree):
        return self._alike(tree.left, *tree.comparators)

    def _boolop(self, tree):
        for value in tree.values:
            self._form(value)


def _measured(form, known):
    """Whether a form has dimensions, by units that are known."""
    unit = form[1]
    for name, power in form[0].items():
        unit = plus(unit, known.get(name, NONE), power)
    return unit[:3] != NONE[:3]


def thousands(tree: Tree) -> int:
    """The power of 10 of a written number that is 1000, 0.001 and such, else 0."""
    value = trees.literal(tree)
    if value is None or value <= 0:
        return 0
    power = round(math.log10(value))
    exact = math.isclose(value, 10.0**power, rel_tol=1e-12)
    return power if exact and power % 3 == 0 else 0
