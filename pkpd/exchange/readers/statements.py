"""A program of assignments and conditions -> equations that each define one name once.

A name that is assigned again gets a new equation, its last one keeps the name; what a condition
assigns becomes a choice. Knows statements and trees; knows nothing of the language they came from.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

from pkpd.errors import ModelError, PkpdError
from pkpd.exchange.readers import trees
from pkpd.exchange.readers.trees import Tree

DEEPEST = 20  # conditions inside each other


@dataclass(frozen=True)
class Assign:
    """name = tree, in a line of the source"""

    name: str
    tree: Tree
    place: str


@dataclass(frozen=True)
class If:
    """The statements of the first branch whose condition holds; the last may have None."""

    branches: tuple[tuple[Tree | None, tuple["Assign | If", ...]], ...]
    place: str


def statement_names(statement: Assign | If) -> set[str]:
    """Names that a statement uses."""
    if isinstance(statement, Assign):
        return trees.names(statement.tree)
    found: set[str] = set()
    for test, inside in statement.branches:
        found |= trees.names(test) if test is not None else set()
        for item in inside:
            found |= statement_names(item)
    return found


@dataclass
class Program:
    """Runs statements in order.

    undefined : what a name is that only some branches assign: a tree, or None where that is a
        mistake
    taken : names that no equation may have, such as those of parameters
    equations : unique name -> tree; current : name of the source -> tree of its present value
    """

    undefined: Tree | None = None
    taken: frozenset[str] = frozenset()
    equations: dict[str, Tree] = field(default_factory=dict)
    current: dict[str, Tree] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def run(self, statements: Iterable[Assign | If]) -> None:
        """Raises ModelError with the line of a statement that means nothing."""
        for statement in statements:
            try:
                self._run(statement)
            except ModelError:
                raise
            except PkpdError as error:
                raise ModelError(f"{statement.place}: {error}.") from error

    def _run(self, statement):
        if isinstance(statement, Assign):
            self._define(statement.name, self._now(statement.tree), statement.place)
            return
        for name, tree in self._branches(statement, self.current, 0).items():
            self._define(name, tree, statement.place)

    def _now(self, tree):
        return trees.replaced(trees.numeric(tree), self.current)

    def _define(self, name, tree, place):
        if " " in name:  # a property, which no equation uses: the last one holds
            self.equations[name] = self.current[name] = tree
            self.places[name] = place
            return
        before = self.current.get(name)
        if before is not None and isinstance(before, ast.Name):
            known = self.equations.get(before.id)
            if known is not None and trees.same(known, tree):
                return
        unique, number = name, 1
        while unique in self.equations or unique in self.taken:
            number += 1
            unique = f"{name}_{number}"
        self.equations[unique], self.current[name] = tree, trees.name(unique)
        self.places[unique] = place

    def _branches(self, statement, current, depth):
        """name -> tree of each name that a condition assigns, in terms of what is `current`."""
        if depth > DEEPEST:
            raise PkpdError(f"conditions are nested deeper than {DEEPEST}")
        branches = list(self._held(statement, current, depth))
        found = {}
        for name in dict.fromkeys(chain.from_iterable(own for _, own in branches)):
            values = [(t, own.get(name, current.get(name, self.undefined))) for t, own in branches]
            if any(value is None for _, value in values):
                raise PkpdError(f"'{name}' has no value where the condition does not hold")
            found[name] = _chosen(values)
        return found

    def _held(self, statement, current, depth):
        """Yield (condition, {name: tree}) of each branch; the last has no condition."""
        test: Tree | None = None
        for test, statements in statement.branches:
            held = None if test is None else trees.replaced(trees.condition(test), current)
            yield held, self._assigned(statements, current, depth)
        if test is not None:
            yield None, {}

    def _assigned(self, statements, current, depth):
        """name -> tree after the statements of one branch."""
        own: dict[str, Tree] = {}
        for statement in statements:
            now = current | own
            if isinstance(statement, If):
                own |= self._branches(statement, now, depth + 1)
            else:
                own[statement.name] = trees.replaced(trees.numeric(statement.tree), now)
        return own

    def finished(self) -> dict[str, Tree]:
        """The equations, the last one of each name under that name."""
        last = self._last()
        earlier = self._earlier(last)
        called = earlier | last
        known = {old: trees.name(new) for old, new in called.items()}
        return {
            called.get(unique, unique): trees.replaced(tree, known)
            for unique, tree in self.equations.items()
        }

    def _last(self):
        """Unique name -> name of the source, of the last equations that have another name."""
        found = {}
        for name, tree in self.current.items():
            if " " in name or name in self.taken or not isinstance(tree, ast.Name):
                continue
            if tree.id in self.equations and tree.id != name:
                found[tree.id] = name
        return found

    def _earlier(self, last):
        """Name -> a name that is free, of the first equations that give their name to the last."""
        kept = self.equations.keys() - last.keys()
        earlier = {name: f"{name}_1" for name in last.values()}
        while clash := set(earlier.values()) & kept:
            for name, own in earlier.items():
                earlier[name] = f"{own}_" if own in clash else own
        return earlier


def _chosen(values):
    """The value of the first (condition, value) that holds; the last has no condition."""
    chosen = values[-1][1]
    for test, value in reversed(values[:-1]):
        chosen = trees.choice(test, value, chosen)
    return chosen


def inlined(tree: Tree, equations: dict[str, Tree], keep: Iterable[str]) -> Tree:
    """The tree in terms of `keep` alone, equations put in the place of their names.

    Raises PkpdError for a name that is neither, and for equations in a circle.
    """
    kept = set(keep)
    for _ in range(100):
        unknown = trees.names(tree) - kept - {"pi"}
        if not unknown:
            return tree
        missing = sorted(unknown - equations.keys())
        if missing:
            raise PkpdError(f"'{missing[0]}' is no number that is known beforehand")
        tree = trees.replaced(tree, {name: equations[name] for name in unknown})
    raise PkpdError("equations define each other in a circle")
