"""Text of expressions in the languages of other simulators -> trees of the language of model files.

One grammar serves all: numbers, names, calls, + - * / ** ^, comparisons, and, or, not,
a ? b : c. Nothing is executed. Knows texts; knows no models.
"""

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pkpd.errors import PkpdError
from pkpd.exchange.readers import trees
from pkpd.exchange.readers.trees import Tree
from pkpd.symbolic.parse import short

LONGEST = 20_000  # characters
DEEPEST = 60  # brackets, and signs before each other
LONGEST_ROW = 140  # operations of one kind in a row
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?(?![\w.]))"
    r"|(?P<name>[A-Za-z_][\w.]*)|(?P<sign>\*\*|<=|>=|==|!=|/=|&&|\|\||[-+*/^()<>!&|?:,]))",
    re.IGNORECASE,
)
_COMPARISONS: dict[str, type[ast.cmpop]] = {
    **{"<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE},
    **{"==": ast.Eq, "!=": ast.NotEq, "/=": ast.NotEq},
}
_AND, _OR, _NOT = {"&&", "&"}, {"||", "|"}, {"!"}


def _same(function: str) -> Callable[..., Tree]:
    return lambda *arguments: trees.call(function, *arguments)


def _hyperbolic(sign):
    def made(x):
        terms = trees.call("exp", x), trees.call("exp", trees.negative(x))
        return trees.divide(trees.binary(terms[0], sign, terms[1]), trees.number(2.0))

    return made


Functions = Mapping[str, tuple[int, Callable[..., Tree]]]
# functions that every language has under these names; how many arguments each takes
FUNCTIONS: Functions = {
    **{f: (1, _same(f)) for f in ("exp", "log", "log10", "sqrt", "abs", "sin", "cos", "tan")},
    **{f: (1, _same(f)) for f in ("tanh", "erf", "lgamma", "floor", "ceil")},
    **{f: (2, _same(f)) for f in ("min", "max")},
    "sinh": (1, _hyperbolic(ast.Sub())),
    "cosh": (1, _hyperbolic(ast.Add())),
    "pow": (2, trees.power),
}


@dataclass(frozen=True)
class Grammar:
    """What differs between languages.

    called : what messages call the language; functions : as FUNCTIONS
    reference : (name, texts of its arguments) -> the name of what an array or the like holds, or
        None where it is none, such as A(1) -> "A(1)"
    constants : name -> number; fold : a name as it is compared, such as in capitals
    tight_not : whether !a > b is (!a) > b
    """

    called: str
    functions: Functions
    reference: Callable[[str, list[str]], str | None] = lambda name, arguments: None
    constants: Mapping[str, float] = field(default_factory=dict)
    fold: Callable[[str], str] = str
    tight_not: bool = False


def read(text: str, grammar: Grammar) -> Tree:
    """The tree of an expression. Raises PkpdError that quotes what cannot be read."""
    return _Reader(text, grammar).whole()


class _Reader:
    """Reads the tokens of one text from left to right."""

    def __init__(self, text, grammar):
        if len(text) > LONGEST:
            raise PkpdError(f"an expression of {len(text)} characters is longer than {LONGEST}")
        self.text, self.grammar, self.at, self.depth = text, grammar, 0, 0
        self.tokens = self._tokens(text)

    def _tokens(self, text):
        found, at, text = [], 0, text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise PkpdError(f"'{short(text[at:].strip(), 40)}' cannot be read")
            found.append((match.lastgroup, match.group().strip()))
            at = match.end()
        return found

    def whole(self):
        tree = self._choice()
        if self.at < len(self.tokens):
            raise self._unexpected()
        return trees.check(tree)

    def _unexpected(self):
        left = " ".join(token for _, token in self.tokens[self.at : self.at + 5])
        return PkpdError(f"'{short(self.text)}' cannot be read from '{left or 'its end'}' on")

    def _peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def _take(self, *signs):
        """The next token if it is one of some signs, else None."""
        token = self._peek()[1]
        if token not in signs:
            return None
        self.at += 1
        return token

    def _need(self, sign):
        if not self._take(sign):
            raise self._unexpected()

    def _row(self, part, signs, join):
        """Parts between signs of one kind, joined from the left."""
        tree, count = part(), 0
        while sign := self._take(*signs):
            count += 1
            if count > LONGEST_ROW:
                raise PkpdError(f"'{short(self.text)}' has more than {LONGEST_ROW} terms in a row")
            tree = join(tree, sign, part())
        return tree

    def _choice(self):
        self._deeper(1)
        tree = self._either()
        if self._take("?"):
            value = self._choice()
            self._need(":")
            tree = trees.choice(tree, value, self._choice())
        self._deeper(-1)
        return tree

    def _deeper(self, step):
        self.depth += step
        if self.depth > DEEPEST:
            raise PkpdError(f"'{short(self.text)}' is nested deeper than {DEEPEST}")

    def _either(self):
        return self._row(self._both, _OR, lambda a, _, b: trees.either(a, b))

    def _both(self):
        return self._row(self._negated, _AND, lambda a, _, b: trees.both(a, b))

    def _negated(self):
        """A comparison, or the not of one; in C++ a not is of what follows it, as a sign is."""
        if self.grammar.tight_not or not self._take(*_NOT):
            return self._comparison()
        return self._not_of(self._negated)

    def _not_of(self, part):
        self._deeper(1)
        tree = trees.negated(part())
        self._deeper(-1)
        return tree

    def _comparison(self):
        def join(a, sign, b):
            return trees.compare(a, _COMPARISONS[sign](), b)

        return self._row(self._sum, _COMPARISONS, join)

    def _sum(self):
        kinds = {"+": ast.Add, "-": ast.Sub}
        return self._row(self._product, kinds, lambda a, s, b: trees.binary(a, kinds[s](), b))

    def _product(self):
        kinds = {"*": ast.Mult, "/": ast.Div}
        return self._row(self._signed, kinds, lambda a, s, b: trees.binary(a, kinds[s](), b))

    def _signed(self):
        if self._take(*_NOT):
            return self._not_of(self._signed if self.grammar.tight_not else self._comparison)
        sign = self._take("+", "-")
        if sign is None:
            return self._power()
        self._deeper(1)
        tree = self._signed()
        self._deeper(-1)
        return trees.negative(tree) if sign == "-" else trees.numeric(tree)

    def _power(self):
        base = self._atom()
        if not self._take("**", "^"):
            return base
        self._deeper(1)
        tree = trees.power(base, self._signed())
        self._deeper(-1)
        return tree

    def _atom(self):
        kind, token = self._peek()
        self.at += 1
        if kind == "number":
            return trees.number(float(token.lower().replace("d", "e")))
        if kind == "name":
            return self._named(token)
        if token == "(":
            tree = self._choice()
            self._need(")")
            return tree
        self.at -= 1
        raise self._unexpected()

    def _named(self, token):
        grammar, name = self.grammar, self.grammar.fold(token)
        if self._peek()[1] != "(":
            if name in grammar.constants:
                return trees.number(grammar.constants[name])
            return trees.name(name)
        begin = self.at + 1
        arguments = self._arguments()
        inside = [t for _, t in self.tokens[begin : self.at - 1]]
        reference = grammar.reference(name, " ".join(inside).split(" , "))
        if reference is not None:
            return trees.name(reference)
        if name not in grammar.functions:
            known = ", ".join(sorted(grammar.functions))
            raise PkpdError(f"{grammar.called}: function '{short(token, 40)}' (known: {known})")
        count, make = grammar.functions[name]
        if not (len(arguments) == count or (name in ("min", "max") and len(arguments) > 2)):
            raise PkpdError(f"'{short(self.text)}': {token} takes {count} arguments")
        return make(*arguments)

    def _arguments(self):
        self._need("(")
        found: list[Tree] = []
        while not self._take(")"):
            if found:
                self._need(",")
            found.append(self._choice())
        return found
