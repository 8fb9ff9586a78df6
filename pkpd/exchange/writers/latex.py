"""A Model as a LaTeX document: its equations and a table of its inputs.

Needs amsmath, booktabs and longtable. Knows models and expressions; knows nothing of other formats.
"""

import ast

from pkpd.exchange.printing import ATOM, POWER, Dialect, Printer
from pkpd.symbolic import parse
from pkpd.symbolic.model import Model

_NAMED = ("exp", "sin", "cos", "tan", "tanh")
DIALECT = Dialect(
    called="LaTeX",
    functions={
        **{name: rf"\{name}\left({{}}\right)" for name in _NAMED},
        "log": r"\ln\left({}\right)",
        "log10": r"\log_{{10}}\left({}\right)",
        "sqrt": r"\sqrt{{{}}}",
        "abs": r"\left|{}\right|",
        "erf": r"\operatorname{{erf}}\left({}\right)",
        "lgamma": r"\ln\Gamma\left({}\right)",
        "floor": r"\left\lfloor {}\right\rfloor ",
        "ceil": r"\left\lceil {}\right\rceil ",
        "min": r"\min\left({}, {}\right)",
        "max": r"\max\left({}, {}\right)",
    },
    power="{{{}}}^{{{}}}",
    choice=r"\begin{{cases}}{1} & \text{{if }} {0}\\ {2} & \text{{otherwise}}\end{{cases}}",
    infix_power=True,
    times=r" \cdot ",
    brackets=r"\left({}\right)",
    pi=r"\pi",
    signs={
        **{ast.Lt: "<", ast.LtE: r"\le", ast.Gt: ">", ast.GtE: r"\ge", ast.Eq: "="},
        **{ast.NotEq: r"\ne", ast.And: r"\text{ and }", ast.Or: r"\text{ or }"},
    },
)
_ESCAPED = {c: rf"\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
_PREAMBLE = r"""\documentclass{article}
\usepackage{amsmath,booktabs,longtable}
\usepackage[T1]{fontenc}
\begin{document}"""
_TABLE = r"""\begin{longtable}{llll}
\toprule
name & value & unit & label \\
\midrule"""


class _Typeset(Printer):
    """A Printer that writes quotients as fractions and numbers without needless digits."""

    def _binop(self, node):
        if not isinstance(node.op, ast.Div):
            return super()._binop(node)
        above, below = (self._print(part)[0] for part in (node.left, node.right))
        return rf"\frac{{{above}}}{{{below}}}", POWER

    def _constant(self, node):
        mantissa, e, power = f"{parse.number_of(node):.10g}".partition("e")
        if not e:
            return mantissa, ATOM
        return rf"{mantissa} \cdot 10^{{{int(power)}}}", POWER


def write(model: Model) -> str:
    """The document."""
    printer = _Typeset(DIALECT, _name)
    equations = [
        *(rf"{_name(s.name)}(0) &= {printer.text(s.initial)}" for s in model.states),
        *(rf"{_name(a.name)} &= {printer.text(a.expression)}" for a in model.assignments),
        *(
            rf"\frac{{\mathrm{{d}}{_name(s.name)}}}{{\mathrm{{d}}t}} &= {printer.text(s.rate)}"
            for s in model.states
        ),
    ]
    rows = [
        rf"${_name(i.name)}$ & {i.value:.6g} & {_escaped(i.unit)} & {_escaped(i.label)} \\"
        for i in model.inputs
    ]
    return "\n".join(
        [
            _PREAMBLE,
            rf"\section*{{{_escaped(model.title)}}}",
            f"Time is in {_escaped(model.time)}; numbers are in the units of the table.",
            r"\begin{align*}",
            " \\\\\n".join(equations),
            r"\end{align*}",
            _TABLE,
            *rows,
            r"\bottomrule",
            r"\end{longtable}",
            r"\end{document}",
            "",
        ]
    )


def _name(name):
    """A name, upright where it has several letters."""
    return name if len(name) == 1 else rf"\mathrm{{{_escaped(name)}}}"


def _escaped(text):
    return "".join(_ESCAPED.get(c, c) for c in " ".join(str(text).split()))
