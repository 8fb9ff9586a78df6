"""Expression text -> syntax tree, through a whitelist. Nothing is ever executed; knows no units and no models."""

import ast
import math

from pkpd.errors import PkpdError

LONGEST = 4000
DEEPEST = 60
FUNCTIONS = {"exp": 1, "log": 1, "log10": 1, "sqrt": 1, "abs": 1, "min": 2, "max": 2}  # name -> fewest arguments
RESERVED = {*FUNCTIONS, "t", "pi", "True", "False", "None"}

_NODES = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.UnaryOp,
    ast.UAdd, ast.USub, ast.Call, ast.IfExp, ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.BoolOp,
    ast.And, ast.Or,
)  # fmt: skip


def tree(text):
    """Syntax tree of one expression. Raises PkpdError with the offending part; runs in bounded time and memory."""
    if len(text) > LONGEST:
        raise PkpdError(f"an expression of {len(text)} characters is longer than {LONGEST}; split it into named parts")
    if _depth(text) > DEEPEST:
        raise PkpdError(f"brackets are nested deeper than {DEEPEST}; split the expression into named parts")
    try:
        root = ast.parse(text.strip(), mode="eval").body
        nodes = list(ast.walk(root))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise PkpdError(f"'{short(text)}' is not an expression") from error
    for node in nodes:
        _check(node, text)
    return root


def names(root):
    """Names used in a tree, functions left out."""
    called = {id(n.func) for n in ast.walk(root) if isinstance(n, ast.Call)}
    return {n.id for n in ast.walk(root) if isinstance(n, ast.Name) and id(n) not in called}


def _check(node, text):
    part = short(ast.get_source_segment(text.strip(), node) or text)
    if not isinstance(node, _NODES):
        raise PkpdError(f"'{part}' is not allowed; expressions hold numbers, names, + - * / **, comparisons and {', '.join(FUNCTIONS)}")
    if isinstance(node, ast.Constant):
        good = type(node.value) in (int, float) and abs(node.value) < 1e300
        if not good:
            raise PkpdError(f"'{part}' is not a plain number")
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords:
            raise PkpdError(f"'{part}' is not allowed; the functions are {', '.join(FUNCTIONS)}")
        least = FUNCTIONS[node.func.id]
        if len(node.args) < least or (least == 1 and len(node.args) > 1) or len(node.args) > 20:
            raise PkpdError(f"'{part}': {node.func.id} takes {'one argument' if least == 1 else 'two or more arguments'}")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and not _modest(node.right):
        raise PkpdError(f"'{part}': a numeric exponent must be one number between -100 and 100")


def _modest(exponent):
    """True unless the exponent is built from numbers alone and is not one small literal."""
    if isinstance(exponent, ast.UnaryOp):
        exponent = exponent.operand
    if isinstance(exponent, ast.Constant):
        return type(exponent.value) in (int, float) and abs(exponent.value) <= 100
    return any(isinstance(n, ast.Name) for n in ast.walk(exponent)) or not any(
        isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow) for n in ast.walk(exponent)
    )


def _depth(text):
    deepest = depth = 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        deepest = max(deepest, depth)
    return deepest


def short(text):
    text = " ".join(text.split())
    return text if len(text) <= 80 else text[:77] + "..."


def number(value):
    """True for a finite plain number."""
    return type(value) in (int, float) and math.isfinite(value)
