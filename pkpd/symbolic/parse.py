"""Expression text -> syntax tree, through a whitelist; nothing is ever executed.

Knows the language of equations; knows no units and no models.
"""

import ast
import keyword
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from pkpd.errors import PkpdError

LONGEST = 4000  # characters of one expression
DEEPEST = 60  # brackets
TALLEST = (
    150  # operations inside each other; keeps every recursion over a tree far from Python's limit
)
STEEPEST = 100  # product of numeric exponents inside each other
FUNCTIONS = {
    "exp": 1,
    "log": 1,
    "log10": 1,
    "sqrt": 1,
    "abs": 1,
    "min": 2,
    "max": 2,
    "sin": 1,
    "cos": 1,
    "tan": 1,
    "tanh": 1,
    "erf": 1,
    "lgamma": 1,
    "floor": 1,
    "ceil": 1,
}  # name -> fewest arguments
COLUMNS = {
    "ID",
    "TIME",
    "AMT",
    "RATE",
    "II",
    "ADDL",
    "SS",
    "EVID",
    "CMT",
    "MDV",
}  # of event tables and results
RESERVED = {*FUNCTIONS, *COLUMNS, "t", "pi"}
_GOES_ON = re.compile(r"(?:[-+*/=,]|\b(?:if|else|and|or))\Z")
_OF_A_DOSE = re.compile(r"\b(tad|last_dose)\(\s*(\w+)\s*\)")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}\Z")

_NODES = (
    ast.Constant,
    ast.Name,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.Pow,
    ast.UnaryOp,
    ast.UAdd,
    ast.USub,
    ast.Call,
    ast.IfExp,
    ast.Compare,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.Eq,
    ast.NotEq,
    ast.BoolOp,
    ast.And,
    ast.Or,
)
_ARITHMETIC: dict[type, Callable] = {
    ast.Add: float.__add__,
    ast.Sub: float.__sub__,
    ast.Mult: float.__mul__,
    ast.Div: float.__truediv__,
    ast.Pow: math.pow,
}
_COMPARISON: dict[type, Callable] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
MATH: dict[str, Callable] = {
    "exp": math.exp,
    "log": math.log,
    "log10": math.log10,
    "sqrt": math.sqrt,
    "abs": abs,
    "min": min,
    "max": max,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "tanh": math.tanh,
    "erf": math.erf,
    "lgamma": math.lgamma,
    "floor": lambda x: float(math.floor(x)),
    "ceil": lambda x: float(math.ceil(x)),
}


def tree(text):
    """Syntax tree of one expression.

    Raises PkpdError with the offending part. Time and memory are bounded whatever the text holds.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise PkpdError(
            f"an expression of {len(text)} characters is longer than {LONGEST}; "
            "split it into named parts"
        )
    if brackets(text) > DEEPEST:
        raise PkpdError(
            f"brackets are nested deeper than {DEEPEST}; split the expression into named parts"
        )
    try:
        root = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise PkpdError(f"'{short(text)}' is not an expression") from error
    _Whitelist(text).visit(root, 0)
    return root


def lines(text):
    """(equation, its first line) of each equation of a text, without comments.

    An equation goes on while a bracket is open, and after a line that ends with an operator.
    """
    content, first = "", ""
    for line in text.splitlines():
        part = line.split("#")[0].strip()
        if not part:
            continue
        first = first if content else line
        content = f"{content} {part}".strip()
        if not _GOES_ON.search(content) and content.count("(") <= content.count(")"):
            yield content, first
            content = ""
    if content:
        yield content, first


def since_doses(text):
    """The text with tad(x) as tad_x and last_dose(x) as last_dose_x, and {name: (what, x)}."""
    found = {f"{what}_{into}": (what, into) for what, into in _OF_A_DOSE.findall(text)}
    return _OF_A_DOSE.sub(r"\1_\2", text), found


def checked(text):
    """Syntax tree of a text that was accepted before, or made of accepted ones."""
    return ast.parse(text.strip(), mode="eval").body


def names(root):
    """Names used in a tree, functions left out."""
    called = {id(n.func) for n in ast.walk(root) if isinstance(n, ast.Call)}
    return {n.id for n in ast.walk(root) if isinstance(n, ast.Name) and id(n) not in called}


def uses_time(texts):
    """Whether one of some accepted expressions names the time t."""
    return any("t" in names(checked(text)) for text in texts)


def why_not_a_name(name):
    """The reason why a text cannot name a parameter, state or equation, or None if it can."""
    if not _NAME.match(name):
        return (
            f"'{short(name, 40)}' is not a name: "
            "letters, digits and _, at most 60, starting with a letter"
        )
    if name in COLUMNS:
        return f"'{name}' is a column of event tables and results; choose another name"
    if name in RESERVED or keyword.iskeyword(name):
        return f"'{name}' is reserved; choose another name"
    return None


def number_of(node: Any) -> float:
    """The number that a constant of a checked tree is."""
    return float(node.value)


def called(node: Any) -> str:
    """Name of the function that a call of a checked tree calls."""
    return node.func.id


def value(node: Any, names: Mapping[str, float]) -> Any:
    """Value of a checked tree in floating point. names : name -> its value

    Raises KeyError for an unknown name, and ValueError or ArithmeticError where there is no value.
    """
    return Evaluation(names).value(node)


class Evaluation:
    """Values of checked trees in floating point, a method for each kind of node."""

    arithmetic: Mapping[type, Callable] = _ARITHMETIC
    comparison: Mapping[type, Callable] = _COMPARISON
    functions: Mapping[str, Callable] = MATH

    def __init__(self, names: Mapping[str, Any]):
        self.names = names

    def value(self, node: Any) -> Any:
        return getattr(self, type(node).__name__)(node)

    def Constant(self, node):
        return number_of(node)

    def Name(self, node):
        return math.pi if node.id == "pi" else self.names[node.id]

    def UnaryOp(self, node):
        operand = self.value(node.operand)
        return -operand if isinstance(node.op, ast.USub) else operand

    def BinOp(self, node):
        return self.arithmetic[type(node.op)](self.value(node.left), self.value(node.right))

    def Call(self, node):
        return self.functions[called(node)](*map(self.value, node.args))

    def IfExp(self, node):
        return self.value(node.body if self.value(node.test) else node.orelse)

    def BoolOp(self, node):
        every = all if isinstance(node.op, ast.And) else any
        return every(map(self.value, node.values))

    def Compare(self, node):
        return all(self.compared(node))

    def compared(self, node):
        """Truth of each comparison of a chain such as a < b < c."""
        sides = list(map(self.value, (node.left, *node.comparators)))
        for op, left, right in zip(node.ops, sides, sides[1:], strict=False):
            yield self.comparison[type(op)](left, right)


def constant(node):
    """Value of a tree of numbers alone, or None where it holds a name or a comparison.

    Raises ValueError or ArithmeticError where there is no finite value.
    """
    if not isinstance(node, (ast.Constant, ast.UnaryOp, ast.BinOp, ast.Call)):
        return None
    try:
        number = value(node, {})
    except KeyError:
        return None
    if not math.isfinite(number):
        raise OverflowError
    return number


def _children(node):
    """What a node holds, without the name of a function and the marks of Python's own parser."""
    if isinstance(node, ast.Call):
        return node.args
    return [n for n in ast.iter_child_nodes(node) if not isinstance(n, ast.expr_context)]


class _Whitelist:
    """Visits every node once and refuses whatever the language does not hold."""

    def __init__(self, text):
        self.text = text

    def quote(self, node):
        return f"'{short(ast.get_source_segment(self.text, node) or self.text)}'"

    def visit(self, node, height):
        """Largest product of numeric exponents inside each other in this tree."""
        if height > TALLEST:
            raise PkpdError(
                f"'{short(self.text)}' nests more than {TALLEST} operations; "
                "split it into named parts"
            )
        if not isinstance(node, _NODES):
            raise PkpdError(
                f"{self.quote(node)} is not allowed; expressions hold numbers, names, + - * / **, "
                f"'a if x < y else b' and {', '.join(FUNCTIONS)}"
            )
        if isinstance(node, ast.Constant):
            self.number(node)
        if isinstance(node, ast.Call):
            self.call(node)
        steep = max([self.visit(n, height + 1) for n in _children(node)], default=1.0)
        self.finite(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            return self.power(node, steep)
        return steep

    def number(self, node):
        if type(node.value) not in (int, float) or not abs(node.value) < 1e100:
            raise PkpdError(f"{self.quote(node)} is not a plain number")

    def call(self, node):
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords:
            raise PkpdError(
                f"{self.quote(node)} is not allowed; the functions are {', '.join(FUNCTIONS)}"
            )
        least = FUNCTIONS[node.func.id]
        if len(node.args) < least or (least == 1 and len(node.args) > 1) or len(node.args) > 20:
            count = "one argument" if least == 1 else "2 to 20 arguments"
            raise PkpdError(f"{self.quote(node)}: {node.func.id} takes {count}")

    def finite(self, node):
        try:
            constant(node)
        except (ValueError, ArithmeticError) as error:
            raise PkpdError(f"{self.quote(node)} has no finite value") from error

    def power(self, node, steep):
        """Towers of numeric exponents make numbers that no exact arithmetic can hold."""
        exponent = constant(node.right)
        steep *= max(1.0, abs(exponent)) if exponent is not None else 1.0
        if steep > STEEPEST:
            raise PkpdError(
                f"{self.quote(node)} raises to a power of {steep:g}; "
                f"numeric exponents stay within {STEEPEST}"
            )
        return steep


def brackets(text):
    """How deep the brackets of a text are nested."""
    deepest = depth = 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        deepest = max(deepest, depth)
    return deepest


def short(text, length=80):
    """One line of at most `length` characters, for quoting in a message."""
    text = " ".join(str(text).split())
    return text if len(text) <= length else text[: length - 3] + "..."
