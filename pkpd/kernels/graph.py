"""Expressions as a graph in which equal parts are one node, with derivatives, and as lines of code.

A node is made after its parts, so that the order of making is an order of evaluation: no pass
recurses, and a definition is never written out twice, however often it is used. Products and sums
are flattened within an equation, so that parts of inputs alone meet and are computed once per
patient. There is no algebra beyond that: nothing cancels, and no number is exact. Knows syntax
trees and floating-point numbers; knows no models, steps or doses.
"""

import ast
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pkpd.errors import PkpdError
from pkpd.symbolic.parse import MATH, Evaluation, called, checked

MOST_NODES = 300_000  # seconds of work and some 200 MB
DEEPEST = 12  # operations inside each other on one line of code
PER_LOG10 = 1.0 / math.log(10.0)
SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
TRUTHS = ("compare", "and", "or")
JOINED = {"and": " & ", "or": " | "}
# what calls (kind, number of args) that is not called by the name of its kind; the last arg of a
# root or power of states is how large the base has been
CALLED = {("choice", 3): "select", ("sqrt", 2): "lifted", ("power", 3): "power_of_states"}


@dataclass(frozen=True, eq=False)
class Node:
    """One operation, number or name.

    kind : number, name, sum, product (the last `value` args are divisors), square, exp, log, abs,
        sin, cos, tan, tanh, erf, lgamma, floor, min, max, compare (`value` is the sign), and, or,
        choice (condition, yes, no);
        sound (the first of two values, or the second where it is not a number);
        power (base, exponent) and sqrt have the size of a base that depends on states as last arg
    moves : the moving names that the node depends on, one bit each; 0 for numbers and inputs
    """

    kind: str
    value: Any
    args: tuple
    moves: int
    number: int = field(repr=False)

    def factors(self):
        """(factors, divisors) of a product."""
        count = len(self.args) - self.value
        return self.args[:count], self.args[count:]


class Graph:
    """Makes nodes, each once.

    moving : names whose values change in time; any other name is an input
    largest : name of a state -> name of its largest size so far, which changes in time too
    """

    def __init__(self, moving, largest):
        self.bits = {name: 1 << i for i, name in enumerate(moving)}
        self.largest = largest
        self.sizes = dict.fromkeys(largest.values(), 1 << len(self.bits))
        self.flags = 1 << (len(self.bits) + 1)
        self.states = sum(self.bits[name] for name in largest)
        # equations and their derivatives stay whole: merged, a chain of them grows with its square
        self.whole = set()
        self.nodes = {}
        self._slopes = {}

    def _node(self, kind, value, *args):
        key = (kind, repr(value), *(a.number for a in args))
        if key not in self.nodes:
            if len(self.nodes) >= MOST_NODES:
                raise PkpdError(
                    f"the equations and their derivatives come to more than {MOST_NODES:,} "
                    "operations; a model must be smaller"
                )
            moves = (self.bits | self.sizes).get(value, 0) if kind == "name" else 0
            for a in args:
                moves |= a.moves
            self.nodes[key] = Node(kind, value, args, moves, len(self.nodes))
        return self.nodes[key]

    def number(self, value):
        if not math.isfinite(value):
            raise PkpdError("a part has no finite value")
        return self._node("number", float(value))

    def name(self, text):
        return self._node("name", text)

    def equation(self, text, nodes):
        """Node of a checked expression. nodes : name -> node. Raises PkpdError for a part that has
        no value whatever the names are."""
        node = _Reading(self, nodes).value(checked(text))
        self.whole.add(node)
        return node

    def compare(self, sign, left, right):
        return self._node("compare", sign, left, right)

    def together(self, kind, conditions):
        """Conditions joined by `kind`, "and" or "or"."""
        return self._node(kind, None, *conditions)

    def signal(self, number):
        """A name for a part that is computed on its own, and moves."""
        name = f"v{number}"
        self.bits.setdefault(name, self.flags << (number + 1))
        return self.name(name)

    # arithmetic

    def add(self, *terms):
        flat: list[Node] = []
        for term in terms:
            flat += term.args if term.kind == "sum" and term not in self.whole else [term]
        numbers, others = _numbers(flat)
        fixed = self._sum([self.number(sum(numbers)), *_fixed(others)])
        return self._sum([fixed, *_moving(others)])

    def _sum(self, terms):
        terms = [t for t in terms if not is_number(t, 0.0)]
        if len(terms) > 1:
            return self._node("sum", None, *terms)
        return terms[0] if terms else self.number(0.0)

    def subtract(self, left, right):
        return self.add(left, self.negative(right))

    def negative(self, node):
        return self.product([self.number(-1.0), node])

    def multiply(self, left, right):
        return self.product([left, right])

    def divide(self, left, right):
        return self.product([left], [right])

    def product(self, factors, divisors=()):
        """Product of nodes over the product of others; all parts without moving names are one."""
        above: list[Node] = []
        below: list[Node] = []
        for node in factors:
            self._flatten(node, above, below)
        for node in divisors:
            self._flatten(node, below, above)
        numbers, above = _numbers(above)
        divisors, below = _numbers(below)
        number, divisor = math.prod(numbers), math.prod(divisors)
        if divisor == 0.0:
            raise PkpdError("a part divides by 0")
        if number == 0.0:
            return self.number(0.0)
        fixed = self._quotient([self.number(number / divisor), *_fixed(above)], _fixed(below))
        return self._quotient([fixed, *_moving(above)], _moving(below))

    def _flatten(self, node, above, below):
        if node.kind != "product" or node in self.whole:
            above.append(node)
            return
        factors, divisors = node.factors()
        for part in factors:
            self._flatten(part, above, below)
        for part in divisors:
            self._flatten(part, below, above)

    def _quotient(self, above, below):
        above = [n for n in above if not is_number(n, 1.0)]
        if not below and len(above) < 2:
            return above[0] if above else self.number(1.0)
        return self._node("product", len(below), *above, *below)

    def power(self, base, exponent):
        """A written whole exponent is a product, exact for any sign of the base; any other one is a
        real power, see `pkpd.kernels.vecmath.power`."""
        if exponent.kind == "number" and base.kind == "number":
            return self._computed(math.pow, base, exponent)
        if exponent.kind == "number" and exponent.value.is_integer():
            count = int(exponent.value)
            whole = self._repeated(base, abs(count)) if count else self.number(1.0)
            return whole if count >= 0 else self.product([], [whole])
        if is_number(exponent, 0.5):
            return self.call("sqrt", [base])
        return self._node("power", None, base, exponent, *self._size(base))

    def _repeated(self, base, count):
        """base**count by squaring."""
        if count == 1:
            return base
        even = self._node("square", None, self._repeated(base, count // 2))
        return self.product([base, even]) if count % 2 else even

    def _computed(self, function, *numbers):
        try:
            return self.number(function(*(n.value for n in numbers)))
        except (ValueError, OverflowError, ZeroDivisionError) as error:
            raise PkpdError("a part has no finite value") from error

    def call(self, name, args):
        if name == "log10":
            return self.product([self.number(PER_LOG10), self.call("log", args)])
        if all(a.kind == "number" for a in args):
            return self._computed(MATH[name], *args)
        if name == "ceil":
            return self.negative(self.call("floor", [self.negative(args[0])]))
        if name == "lgamma" and args[0].moves:
            raise PkpdError("lgamma takes numbers and inputs alone, nothing that changes in time")
        if name in ("min", "max"):
            first, *others = args
            for other in others:
                first = self._node(name, None, first, other)
            return first
        return self._node(name, None, *args, *(self._size(args[0]) if name == "sqrt" else ()))

    def choice(self, condition, yes, no):
        return yes if yes is no else self._node("choice", None, condition, yes, no)

    # what is frozen during a step, see pkpd.kernels.switches

    def held(self, name):
        """A name whose value changes between steps alone."""
        key = ("name", repr(name))
        if key not in self.nodes:
            self.nodes[key] = Node("name", name, (), self.flags, len(self.nodes))
        return self.nodes[key]

    def flag(self, number, up):
        """Whether the flag of this number is up, or not."""
        return self._node(
            "compare", ">" if up else "<=", self.held(f"on{number}"), self.number(0.0)
        )

    def sound(self, node, other):
        """A node, or the other one where the first is not a number."""
        return self._node("sound", None, node, other)

    def again(self, node, args):
        """The same operation on other parts."""
        made = self._node(node.kind, node.value, *args)
        if node in self.whole:
            self.whole.add(made)
        return made

    def replaced(self, root, values):
        """A node with others in place of some of its parts; sums and products are simplified."""
        found = dict(values)
        for node in parts([root], lambda n: n not in values):
            args = [found[a] for a in node.args]
            if node.kind == "sum":
                found[node] = self.add(*args)
            elif node.kind == "product":
                count = len(args) - node.value
                found[node] = self.product(args[:count], args[count:])
            else:
                found[node] = self._node(node.kind, node.value, *args)
        return found[root]

    # derivatives

    def slope(self, node, name):
        """Derivative of a node by a moving name."""
        bit, zero = self.bits[name], self.number(0.0)
        slopes = self._slopes.setdefault(name, {})
        for part in parts([node], lambda n: n.moves & bit and n not in slopes):
            slopes[part] = self._slope(part, lambda n: slopes.get(n, zero))
            if part in self.whole:
                self.whole.add(slopes[part])
        return slopes.get(node, zero)

    def _slope(self, node, of):
        """Derivative of a node from of(part), the derivatives of its parts."""
        if node.kind == "name":
            return self.number(1.0)
        if node.kind in TRUTHS or node.kind == "floor":
            return self.number(0.0)
        if node.kind in _SLOPES:
            return _SLOPES[node.kind](self, node, of)
        inner = node.args[0]
        return self.product([of(inner), self._outer(node, inner)])

    def _slope_of_sum(self, node, of):
        return self.add(*map(of, node.args))

    def _slope_of_choice(self, node, of):
        condition, yes, no = node.args
        return self.choice(condition, of(yes), of(no))

    def _slope_of_sound(self, node, of):
        return of(node.args[0])

    def _slope_of_extreme(self, node, of):
        one, other = node.args
        first = self.compare("<=" if node.kind == "min" else ">=", one, other)
        return self.choice(first, of(one), of(other))

    def _slope_of_power(self, node, of):
        base, exponent = node.args[:2]
        by_base = self.product([exponent, node, of(base)], [base])
        if not exponent.moves:
            return by_base
        return self.add(by_base, self.product([node, self.call("log", [base]), of(exponent)]))

    def _slope_of_product(self, node, of):
        above, below = node.factors()
        terms = [self.product([*_without(above, i), of(a)], below) for i, a in enumerate(above)]
        for b in below:
            terms.append(self.product([self.number(-1.0), node, of(b)], [b]))
        return self.add(*terms)

    def _outer(self, node, inner):
        """Derivative of a function of one part by that part."""
        if node.kind == "square":
            return self.product([self.number(2.0), inner])
        if node.kind == "exp":
            return node
        if node.kind == "log":
            return self.product([], [inner])
        if node.kind == "sqrt":
            return self.product([self.number(0.5)], [node])
        if node.kind == "sin":
            return self.call("cos", [inner])
        if node.kind == "cos":
            return self.negative(self.call("sin", [inner]))
        if node.kind == "tan":
            return self.add(self.number(1.0), self.power(node, self.number(2.0)))
        if node.kind == "tanh":
            return self.subtract(self.number(1.0), self.power(node, self.number(2.0)))
        if node.kind == "erf":
            bell = self.call("exp", [self.negative(self.power(inner, self.number(2.0)))])
            return self.product([self.number(2.0 / math.sqrt(math.pi)), bell])
        below = self._node("compare", "<", inner, self.number(0.0))
        return self.choice(below, self.number(-1.0), self.number(1.0))

    # how large a value has been

    def _size(self, node):
        """(bound on how large a node has been,) if it depends on states, else ().

        A state counts with its largest size so far, anything else with its present one.
        """
        if not node.moves & self.states:
            return ()
        sizes: dict[Node, Node] = {}
        for part in parts([node], lambda n: n.moves & self.states):
            sizes[part] = self._size_of(part, lambda n: sizes.get(n) or self._abs(n))
        return (sizes[node],)

    def _size_of(self, node, of):
        if node.kind == "name":
            return self.name(self.largest[node.value])
        if node.kind == "sum":
            return self.add(*map(of, node.args))
        if node.kind == "product":
            above, below = node.factors()
            return self.product(list(map(of, above)), list(map(self._abs, below)))
        return self._abs(node)

    def _abs(self, node):
        return self.call("abs", [node])


_OPERATIONS = {
    ast.Add: Graph.add,
    ast.Sub: Graph.subtract,
    ast.Mult: Graph.multiply,
    ast.Div: Graph.divide,
    ast.Pow: Graph.power,
}
_SLOPES = {
    "sum": Graph._slope_of_sum,
    "product": Graph._slope_of_product,
    "choice": Graph._slope_of_choice,
    "sound": Graph._slope_of_sound,
    "min": Graph._slope_of_extreme,
    "max": Graph._slope_of_extreme,
    "power": Graph._slope_of_power,
}


class _Reading(Evaluation):
    """Nodes of checked trees, in place of the values that they have."""

    def __init__(self, graph, nodes):
        super().__init__(nodes)
        self.graph = graph

    def Constant(self, node):
        return self.graph.number(node.value)

    def Name(self, node):
        return self.graph.number(math.pi) if node.id == "pi" else self.names[node.id]

    def UnaryOp(self, node):
        operand = self.value(node.operand)
        return self.graph.negative(operand) if isinstance(node.op, ast.USub) else operand

    def BinOp(self, node):
        operands = self.value(node.left), self.value(node.right)
        return _OPERATIONS[type(node.op)](self.graph, *operands)

    def Call(self, node):
        return self.graph.call(called(node), list(map(self.value, node.args)))

    def IfExp(self, node):
        return self.graph.choice(*map(self.value, (node.test, node.body, node.orelse)))

    def BoolOp(self, node):
        kind = "and" if isinstance(node.op, ast.And) else "or"
        return self.graph.together(kind, list(map(self.value, node.values)))

    def Compare(self, node):
        sides = list(map(self.value, (node.left, *node.comparators)))
        signs = [SIGNS[type(op)] for op in node.ops]
        truths = list(map(self.graph.compare, signs, sides[:-1], sides[1:]))
        return truths[0] if len(truths) == 1 else self.graph.together("and", truths)


def parts(roots, wanted):
    """The wanted nodes among roots and what they are made of, in order of evaluation.

    What only an unwanted node is made of is left out with it.
    """
    found, waiting = set(), [r for r in roots if wanted(r)]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [a for a in node.args if wanted(a)]
    return sorted(found, key=lambda n: n.number)


def is_number(node, value):
    """Whether a node is this very number."""
    return node.kind == "number" and node.value == value


def _numbers(nodes):
    """Values of the numbers among some nodes, and the other nodes."""
    numbers = [n.value for n in nodes if n.kind == "number"]
    return numbers, [n for n in nodes if n.kind != "number"]


def _fixed(nodes):
    return [n for n in nodes if not n.moves]


def _moving(nodes):
    return [n for n in nodes if n.moves]


def _without(items, place):
    return (*items[:place], *items[place + 1 :])


class Source:
    """Nodes as lines of code.

    constants : node -> i of c<i>, for the largest parts made of inputs alone and for largest sizes
    operations : number of operations written so far
    """

    def __init__(self, graph):
        self.graph = graph
        self.constants = {}
        self.operations = 0

    def lines(self, roots):
        """Lines that evaluate what several parts share, and the text of each root."""
        return self._lines(roots, self._is_constant)

    def constant_lines(self):
        """Lines that evaluate what constants share, and (i, text) of those made of inputs."""
        fixed = {node: i for node, i in self.constants.items() if not node.moves}
        lines, texts = self._lines(list(fixed), lambda node: False)
        return lines, tuple(zip(fixed.values(), texts, strict=True))

    def _is_constant(self, node):
        if node.kind == "name" and node.value in self.graph.sizes:
            return True
        return not (node.moves or node.kind == "number" or node.kind in TRUTHS)

    def _lines(self, roots, is_constant):
        nodes = parts(roots, lambda n: n.kind != "number" and not is_constant(n))
        shared = _standing_twice(roots, nodes)
        lines: list[str] = []
        texts: dict[Node, str] = {}
        depths: dict[Node, int] = {}
        factors: dict[Node, list[str]] = {}
        for node in nodes:
            if node.kind == "name":
                texts[node] = node.value
                continue
            self.operations += 1
            args = self._texts(node.args, texts)
            texts[node] = _text(node, args, list(map(factors.get, node.args)))
            depths[node] = 1 + max(depths.get(a, 0) for a in node.args)
            if node in shared or depths[node] > DEEPEST:
                lines.append(f"s{len(lines)} = {texts[node]}")
                texts[node], depths[node] = f"s{len(lines) - 1}", 0
            elif node.kind == "product" and not node.value:
                factors[node] = args
        return tuple(lines), tuple(self._texts(roots, texts))

    def _texts(self, nodes, written):
        """Text of each node: as it is `written`, a number, or the name of a constant."""
        texts = []
        for node in nodes:
            if node not in written and node.kind != "number":
                place = self.constants.setdefault(node, len(self.constants))
                texts.append(f"c{place}")
            else:
                texts.append(written.get(node) or repr(node.value))
        return texts


def _standing_twice(roots, nodes):
    """The parts of some nodes, and of what is asked for, whose text would stand more than once."""
    uses = Counter(roots)
    for node in nodes:
        uses.update(node.args)
        if node.kind == "square":
            uses.update(node.args)
    return {node for node, often in uses.items() if often > 1}


def _text(node, args, factors):
    """Code of one node.

    args : texts of its args; factors : texts of the factors of each arg that is a product without
        divisors and has no name of its own, else None
    """
    if node.kind == "sum":
        return _fused(args, factors)
    if node.kind == "product":
        return _quotient_text(args[: len(args) - node.value], args[len(args) - node.value :])
    if node.kind == "square":
        return f"({args[0]}*{args[0]})"
    if node.kind == "compare":
        return f"({args[0]} {node.value} {args[1]})"
    if node.kind in JOINED:
        return f"({JOINED[node.kind].join(args)})"
    name = CALLED.get((node.kind, len(args)), node.kind)
    text = f"{name}({', '.join(args)})"
    return f"sqrt({text})" if name == "lifted" else text


def _quotient_text(above, below):
    factors = "*".join(above) or "1.0"
    return f"({factors}/({'*'.join(below)}))" if below else f"({factors})"


def _fused(args, factors):
    """A sum whose products are fused, each rounded once, in the order of the terms."""
    plain = [a for a, f in zip(args, factors, strict=True) if f is None]
    products = [f for f in factors if f is not None]
    if not plain:
        plain = ["*".join(products.pop(0))]
    text = plain[0] if len(plain) == 1 else f"({' + '.join(plain)})"
    for first, *others in products:
        text = f"fma({first}, {'*'.join(others)}, {text})"
    return text
