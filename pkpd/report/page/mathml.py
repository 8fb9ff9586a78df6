"""Checked expressions as MathML, terms in the order and names in the spelling of the model file.

SymPy's printer sorts terms, splits names at underscores and writes comparisons that HTML cannot
read; hence this one. Every browser since 2023 draws MathML without fonts or scripts. Knows syntax
trees; knows nothing of models.
"""

import ast
from typing import Any

from markupsafe import Markup, escape

from pkpd.symbolic.parse import called, checked, number_of

_SIGNS = {
    ast.Add: "+",
    ast.Sub: "−",
    ast.Mult: "·",
    ast.Lt: "<",
    ast.LtE: "≤",
    ast.Gt: ">",
    ast.GtE: "≥",
    ast.Eq: "=",
    ast.NotEq: "≠",
    ast.And: "and",
    ast.Or: "or",
    ast.UAdd: "+",
    ast.USub: "−",
}
_BRACKETS = {"abs": "||", "floor": "⌊⌋", "ceil": "⌈⌉"}
_PRINTED = {"log": "ln", "lgamma": "ln Γ"}
# how tightly a part holds together
_CHOICE, _WORDS, _COMPARED, _SUM, _PRODUCT, _SIGNED, _ATOM = range(7)
_OPERATORS: dict[type, int] = {
    ast.Add: _SUM,
    ast.Sub: _SUM,
    ast.Mult: _PRODUCT,
    ast.Div: _SIGNED,
    ast.Pow: _SIGNED,
}
_EXPRESSIONS: dict[type, int] = {
    ast.IfExp: _CHOICE,
    ast.BoolOp: _WORDS,
    ast.Compare: _COMPARED,
    ast.UnaryOp: _SUM,
}


def equation(left, text, unit, plain):
    """<math> of `left` (Markup) = expression, followed by the unit where it is not 1.

    plain : the equation as text, for readers who cannot see it
    """
    behind = Markup('<mspace width="1.5em"/><mtext>{}</mtext>').format(unit) if unit != "1" else ""
    return Markup('<math displaystyle="true" alttext="{}">{}<mo>=</mo>{}{}</math>').format(
        plain, left, expression(text), behind
    )


def name(text):
    """A name, upright where it has several letters."""
    return Markup("<mi>{}</mi>").format(text)


def rate(state):
    """d state / dt."""
    above = Markup("<mrow><mi>d</mi><mspace width='0.2em'/><mi>{}</mi></mrow>").format(state)
    return Markup("<mfrac>{}<mrow><mi>d</mi><mi>t</mi></mrow></mfrac>").format(above)


def start(state):
    """state(0)."""
    return Markup("<mi>{}</mi><mo>(</mo><mn>0</mn><mo>)</mo>").format(state)


def expression(text):
    """Presentation MathML of a checked expression."""
    return _print(checked(text))


def _print(node: Any) -> Markup:
    return _PRINTERS[type(node)](node)


def _number(node):
    return Markup("<mn>{}</mn>").format(f"{number_of(node):.10g}")


def _name(node):
    return name({"pi": "π"}.get(node.id, node.id))


def _unary(node):
    return _row(_sign(node.op), _held(node.operand, _SIGNED))


def _joined(node):
    """Conditions with "and" or "or" between them."""
    gap = Markup("<mtext>&#160;{}&#160;</mtext>").format(_SIGNS[type(node.op)])
    return _row(*_between(gap, [_held(v, _COMPARED) for v in node.values]))


def _comparison(node):
    parts = [_held(node.left, _SUM)]
    for op, value in zip(node.ops, node.comparators, strict=True):
        parts += [_sign(op), _held(value, _SUM)]
    return _row(*parts)


def _binary(node):
    if isinstance(node.op, ast.Div):
        return Markup("<mfrac>{}{}</mfrac>").format(
            _row(_print(node.left)), _row(_print(node.right))
        )
    if isinstance(node.op, ast.Pow):
        return Markup("<msup>{}{}</msup>").format(
            _row(_held(node.left, _ATOM)), _row(_print(node.right))
        )
    level = _SUM if isinstance(node.op, (ast.Add, ast.Sub)) else _PRODUCT
    left = _print(node.left) if isinstance(node.left, ast.UnaryOp) else _held(node.left, level)
    right = (
        _bracketed(_print(node.right))
        if _signed(node.right)
        else _held(node.right, level + isinstance(node.op, ast.Sub))
    )
    return _row(left, _sign(node.op), right)


def _signed(node):
    """Whether a right operand begins with a sign, which would stand next to the operator."""
    while isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Div):
        node = node.left
    return isinstance(node, ast.UnaryOp)


def _call(node):
    function, args = called(node), list(map(_print, node.args))
    if function == "sqrt":
        return Markup("<msqrt>{}</msqrt>").format(args[0])
    if function in _BRACKETS:
        left, right = (Markup("<mo>{}</mo>").format(b) for b in _BRACKETS[function])
        return _row(left, args[0], right)
    named = Markup("<mi>{}</mi>").format(_PRINTED.get(function, function))
    if function == "log10":
        named = Markup("<msub><mi>log</mi><mn>10</mn></msub>")
    return _row(named, _bracketed(_row(*_between(Markup("<mo>,</mo>"), args))))


def _choice(node):
    """Cases under each other."""
    case = Markup("<mtr><mtd>{}</mtd><mtd><mtext>&#160;{}&#160;</mtext>{}</mtd></mtr>")
    rows = case.format(_print(node.body), "if", _print(node.test)) + case.format(
        _print(node.orelse), "otherwise", ""
    )
    return Markup('<mrow><mo>{{</mo><mtable columnalign="left left">{}</mtable></mrow>').format(
        rows
    )


_PRINTERS = {
    ast.Constant: _number,
    ast.Name: _name,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.Call: _call,
    ast.IfExp: _choice,
    ast.BoolOp: _joined,
    ast.Compare: _comparison,
}


def _held(node, level):
    """The part, in brackets where it holds together less tightly than `level`."""
    printed = _print(node)
    return _bracketed(printed) if _level(node) < level else printed


def _level(node):
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)]
    return _EXPRESSIONS.get(type(node), _ATOM)


def _row(*parts):
    return Markup("<mrow>{}</mrow>").format(Markup("").join(parts))


def _bracketed(part):
    return _row(Markup("<mo>(</mo>"), part, Markup("<mo>)</mo>"))


def _sign(op):
    return Markup("<mo>{}</mo>").format(escape(_SIGNS[type(op)]))


def _between(gap, parts):
    return [piece for part in parts for piece in (gap, part)][1:]
