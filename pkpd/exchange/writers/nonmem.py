"""A Model as the skeleton of a NONMEM control stream: ADVAN13 with $PK, $DES and $ERROR.

The data file, the residual error and the variances are for the user to fill in. Functions and
names: NONMEM Users Guide, Part VIII ("abbreviated code"). Knows models; knows nothing of data.
"""

import ast
from dataclasses import dataclass, field
from textwrap import wrap

from pkpd.exchange.names import renamed
from pkpd.exchange.printing import ATOM, Dialect, Printer
from pkpd.exchange.writers.wording import heading, share, starting, typical
from pkpd.symbolic.model import Model

LONGEST_NAME = 20
LONGEST_LINE = 140
_ALIKE = ("exp", "log", "log10", "sqrt", "abs", "sin", "cos", "tan")
DIALECT = Dialect(
    called="NM-TRAN",
    functions={
        **{name: f"{name.upper()}({{}})" for name in _ALIKE},
        "tanh": "(1.0 - 2.0/(EXP(2.0*({})) + 1.0))",
        "erf": "(2.0*PHI(1.4142135623730951*({})) - 1.0)",
        "lgamma": "GAMLN({})",
        "min": "MIN({}, {})",
        "max": "MAX({}, {})",
    },
    power="{}**{}",
    choice="",
    infix_power=True,
    pi="3.141592653589793",
    signs={
        **{ast.Lt: ".LT.", ast.LtE: ".LE.", ast.Gt: ".GT.", ast.GtE: ".GE."},
        **{ast.Eq: ".EQ.", ast.NotEq: ".NE.", ast.And: ".AND.", ast.Or: ".OR."},
    },
)
_ITEMS = "ID TIME AMT RATE II ADDL SS EVID CMT DV MDV"
_OWN = """A ADVAN DADT ERR ETA EPS F G H HH IPRED NEWIND ICALL T THETA W Y PRED IRES CALLFL COMRES
    EXP LOG LOG10 SQRT ABS SIN COS TAN ASIN ACOS ATAN INT MOD MIN MAX PHI GAMLN IF THEN ELSE
    ENDIF DO WHILE ENDDO CALL EXIT RETURN END TSTATE DOSTIM MTIME"""
_NUMBERED = [
    f"{word}{k}" for word in ("F", "S", "R", "D", "ALAG", "FO", "Q") for k in range(1, 100)
]
TAKEN = {*_ITEMS.split(), *_OWN.split(), *_NUMBERED}


@dataclass(frozen=True)
class _Statements(Printer):
    """A Printer that puts conditions, which NM-TRAN has as statements alone, before the line.

    lines : those statements, in order; begin : of the names that they assign
    """

    lines: list = field(default_factory=list)
    begin: str = "P"

    def _ifexp(self, node):
        test, body, orelse = (self._print(part)[0] for part in (node.test, node.body, node.orelse))
        count = sum(line.startswith("IF (") for line in self.lines)
        name = f"{self.begin}_IF{count + 1}"
        self.lines.extend([f"IF ({test}) THEN", f"{name} = {body}", "ELSE", f"{name} = {orelse}"])
        self.lines.append("ENDIF")
        return name, ATOM

    def assign(self, name: str, expression: str) -> None:
        """Add the line that assigns an expression."""
        text = self.text(expression)
        self.lines.append(f"{name} = {text}")


def write(model: Model) -> str:
    """The control stream."""
    called = renamed(model.input_names, TAKEN, lambda name: name.upper()[:LONGEST_NAME])
    places = {s.name: f"A({k})" for k, s in enumerate(model.states, 1)}
    in_des, in_error = (
        renamed([a.name for a in model.assignments], {*TAKEN, *called.values()}, _in(letter))
        for letter in ("D", "E")
    )
    pk, des, error = (
        _Statements(DIALECT, (called | places | own | {"t": t}).__getitem__, begin=begin)
        for own, t, begin in (({}, "TIME", "P"), (in_des, "T", "D"), (in_error, "TIME", "E"))
    )
    _pk(model, called, pk)
    for item in model.assignments:
        des.assign(in_des[item.name], item.expression)
        error.assign(in_error[item.name], item.expression)
    for k, state in enumerate(model.states, 1):
        des.assign(f"DADT({k})", state.rate)
    seen = model.outputs[0]
    error.assign("IPRED", seen)
    return "\n".join(
        [
            f"$PROBLEM {heading(model)[0]}",
            f"; {heading(model)[1]}",
            f"$INPUT {_ITEMS}",
            "$DATA data.csv IGNORE=@",
            "$SUBROUTINES ADVAN13 TOL=10",
            "$MODEL",
            *(f"  COMP=({_compartment(s)})  ; A({k}), {s.unit}" for k, s in _counted(model)),
            "$PK",
            *_wrapped(["NOBODY = ETA(1)", *pk.lines]),
            "$DES",
            *_wrapped(des.lines),
            "$ERROR",
            *_wrapped(error.lines),
            f"  Y = IPRED + EPS(1)  ; {seen}, {model.unit(seen)}; put your residual error here",
            "$THETA",
            *(f"  {typical(i)!r}  ; {called[i.name]} {i.unit}" for i in model.inputs),
            "$OMEGA 0 FIX  ; put your variability here",
            "$SIGMA 1",
            "",
        ]
    )


def _wrapped(lines):
    """Indented lines, the long ones continued as NM-TRAN reads them."""
    for line in lines:
        parts = wrap(line, LONGEST_LINE, break_long_words=False, break_on_hyphens=False)
        yield from (f"  {part} &" for part in parts[:-1])
        yield f"  {parts[-1]}"


def _counted(model):
    return enumerate(model.states, 1)


def _in(letter):
    return lambda name: f"{letter}_{name.upper()}"[:LONGEST_NAME]


def _compartment(state):
    return state.name.upper()[:LONGEST_NAME]


def _pk(model, called, pk):
    """Lines of $PK: inputs, start values, and what doses need."""
    for k, item in enumerate(model.inputs, 1):
        pk.lines.append(f"{called[item.name]} = THETA({k})")
    for state in starting(model):
        pk.assign(f"A_0({model.state_names.index(state.name) + 1})", state.initial)
    for dose in model.doses:
        k = model.state_names.index(dose.state) + 1
        text = share(dose, pk)
        if text:
            pk.lines.append(f"F{k} = {text}")
        for word, given in (("ALAG", dose.lag), ("R", dose.rate), ("D", dose.duration)):
            if given:
                pk.assign(f"{word}{k}", given)
