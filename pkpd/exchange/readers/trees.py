"""Syntax trees of the language of model files, built from parts of any foreign language.

Knows what the language of equations holds; knows nothing of the languages that it is built from.
Elsewhere truth is a number: a comparison that is used as one is 1 or 0, a number that is used as a
condition is true unless it is 0.
"""

import ast
from collections.abc import Mapping
from itertools import chain
from typing import Any

from pkpd.errors import PkpdError
from pkpd.symbolic import parse

Tree = ast.expr
LARGEST = 20_000  # parts of one tree, so that nothing foreign takes long
_INVERSE: dict[type, type] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
_TRUTH = (ast.Compare, ast.BoolOp)


def number(value: float) -> Tree:
    """A constant. Raises PkpdError where it is no finite number of a model file."""
    if not abs(value) < 1e100:
        raise PkpdError(f"{value!r} is no number that a model file holds")
    if value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(int(value) if float(value).is_integer() and value < 1e9 else float(value))


def name(text: str) -> Tree:
    return ast.Name(text, ast.Load())


def binary(left: Tree, operator: ast.operator, right: Tree) -> Tree:
    return ast.BinOp(numeric(left), operator, numeric(right))


def add(*terms: Tree) -> Tree:
    """A sum, 0 of nothing."""
    total = terms[0] if terms else number(0.0)
    for term in terms[1:]:
        total = binary(total, ast.Add(), term)
    return total


def multiply(*factors: Tree) -> Tree:
    """A product, 1 of nothing; factors that are the number 1 are left out."""
    kept = [f for f in factors if not (isinstance(f, ast.Constant) and f.value == 1)]
    product = kept[0] if kept else number(1.0)
    for factor in kept[1:]:
        product = binary(product, ast.Mult(), factor)
    return product


def divide(above: Tree, below: Tree) -> Tree:
    return binary(above, ast.Div(), below)


def power(base: Tree, exponent: Tree) -> Tree:
    return binary(base, ast.Pow(), exponent)


def negative(tree: Tree) -> Tree:
    return ast.UnaryOp(ast.USub(), numeric(tree))


def call(function: str, *arguments: Tree) -> Tree:
    """A function of the language of equations."""
    return ast.Call(ast.Name(function, ast.Load()), [numeric(a) for a in arguments], [])


def compare(left: Tree, operator: ast.cmpop, right: Tree) -> Tree:
    return ast.Compare(numeric(left), [operator], [numeric(right)])


def both(*conditions: Tree) -> Tree:
    return ast.BoolOp(ast.And(), [condition(c) for c in conditions])


def either(*conditions: Tree) -> Tree:
    return ast.BoolOp(ast.Or(), [condition(c) for c in conditions])


def negated(tree: Tree) -> Tree:
    """The condition that holds where this one does not."""
    tree = condition(tree)
    if isinstance(tree, ast.BoolOp):
        other = ast.Or() if isinstance(tree.op, ast.And) else ast.And()
        return ast.BoolOp(other, [negated(v) for v in tree.values])
    assert isinstance(tree, ast.Compare)
    return ast.Compare(tree.left, [_INVERSE[type(tree.ops[0])]()], tree.comparators)


def choice(test: Tree, value: Tree, other: Tree) -> Tree:
    return ast.IfExp(condition(test), numeric(value), numeric(other))


def numeric(tree: Tree) -> Tree:
    """The tree as a number."""
    return ast.IfExp(tree, number(1.0), number(0.0)) if isinstance(tree, _TRUTH) else tree


def condition(tree: Tree) -> Tree:
    """The tree as a condition."""
    if isinstance(tree, _TRUTH):
        return tree
    if isinstance(tree, ast.IfExp) and _is_truth(tree):
        return tree.test
    return ast.Compare(tree, [ast.NotEq()], [number(0.0)])


def _is_truth(tree):
    ends = [getattr(part, "value", None) for part in (tree.body, tree.orelse)]
    return ends == [1, 0]


def literal(tree: Tree) -> float | None:
    """The value of a written number, None of any other tree."""
    if not isinstance(tree, ast.Constant) or not isinstance(tree.value, (int, float)):
        return None
    return float(tree.value)


def names(tree: Tree) -> set[str]:
    """Names that a tree uses, without those of functions."""
    return parse.names(tree)


def replaced(tree: Tree, known: Mapping[str, Tree]) -> Tree:
    """The tree with names replaced by other trees. Raises PkpdError where it grows too large."""
    return check(_Replaced(known).visit(tree))


def check(tree: Tree) -> Tree:
    """The tree, if no recursion over it goes too deep. Raises PkpdError."""
    level: list[ast.AST] = [tree]
    size = height = 0
    while level:
        size, height = size + len(level), height + 1
        if size > LARGEST or height > parse.TALLEST:
            raise PkpdError("an expression has too many operations inside each other")
        level = list(chain.from_iterable(map(ast.iter_child_nodes, level)))
    return tree


class _Replaced(ast.NodeTransformer):
    """Copies a tree, other trees in the place of names."""

    def __init__(self, known):
        self.known = known

    def visit_Name(self, node):
        return self.known.get(node.id, node)

    def visit_Call(self, node):
        return ast.Call(node.func, [self.visit(a) for a in node.args], [])

    def generic_visit(self, node: Any) -> Any:
        fields = {}
        for key, value in ast.iter_fields(node):
            if isinstance(value, list):
                value = [self.visit(v) if isinstance(v, ast.expr) else v for v in value]
            elif isinstance(value, ast.expr):
                value = self.visit(value)
            fields[key] = value
        return type(node)(**fields)


def is_linear(tree: Tree, name: str) -> bool:
    """Whether a tree is a + b*name with a and b without it, told from its structure."""
    if name not in names(tree) or isinstance(tree, ast.Name):
        return True
    if isinstance(tree, ast.UnaryOp):
        return is_linear(tree.operand, name)
    return isinstance(tree, ast.BinOp) and _is_linear_operation(tree, name)


def _is_linear_operation(tree, name):
    """The same of a tree of two sides, one of which has the name in it."""
    inside = [part for part in (tree.left, tree.right) if name in names(part)]
    if isinstance(tree.op, (ast.Add, ast.Sub)):
        return all(is_linear(part, name) for part in inside)
    if isinstance(tree.op, ast.Pow) or len(inside) == 2:
        return False
    return (isinstance(tree.op, ast.Mult) or inside == [tree.left]) and is_linear(inside[0], name)


def text(tree: Tree) -> str:
    """The tree as a model file writes it."""
    return ast.unparse(numeric(tree))


def condition_text(tree: Tree) -> str:
    """The tree, a condition, as a model file writes it."""
    return ast.unparse(condition(tree))


def same(one: Tree, other: Tree) -> bool:
    """Whether two trees are alike."""
    return ast.dump(one) == ast.dump(other)
