"""A Model as the skeleton of a NONMEM control stream: ADVAN13 with $PK, $DES and $ERROR.

The data file is for the user to fill in, and so are residual error and variances that the model
does not have. Functions and names: NONMEM Users Guide, Part VIII ("abbreviated code"). Knows
models; knows nothing of data.
"""

import ast
from dataclasses import dataclass, field
from textwrap import wrap

from pkpd.exchange.names import renamed
from pkpd.exchange.printing import ATOM, Dialect, Printer
from pkpd.exchange.writers import people
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
    effects = people.effects(model)
    individuals = [effect.individual for effect in effects]
    called = renamed([*model.input_names, *individuals], TAKEN, _short)
    own = {effect.input.name: called[effect.individual] for effect in effects}
    places = {s.name: f"A({k})" for k, s in enumerate(model.states, 1)}
    in_des, in_error = (_assigned(model, called, letter) for letter in ("D", "E"))

    def statements(names, time, begin):
        words = called | own | places | names | {"t": time}
        return _Statements(DIALECT, words.__getitem__, begin=begin)

    pk = statements({}, "TIME", "P")
    des, error = statements(in_des, "T", "D"), statements(in_error, "TIME", "E")
    _people(model, effects, called, pk)
    _pk(model, pk)
    for item in model.assignments:
        des.assign(in_des[item.name], item.expression)
        error.assign(in_error[item.name], item.expression)
    for k, state in enumerate(model.states, 1):
        des.assign(f"DADT({k})", state.rate)
    seen = _seen(model)
    error.assign("IPRED", seen)
    observed, variances = _observed(model, seen)
    return "\n".join(
        [
            *_head(model, called, seen),
            "$PK",
            *_wrapped(pk.lines),
            "$DES",
            *_wrapped(des.lines),
            "$ERROR",
            *_wrapped(error.lines),
            f"  {observed}",
            "$THETA",
            *(f"  {typical(i)!r}  ; {called[i.name]} {i.unit}" for i in model.parameters),
            *_omega(model, effects),
            f"$SIGMA {' '.join(map(repr, variances))}",
            "",
        ]
    )


def _head(model, called, seen):
    """The records before the code."""
    yield f"$PROBLEM {heading(model)[0]}"
    yield from (f"; {line}" for line in _said(model, seen))
    yield " ".join(["$INPUT", _ITEMS, *(called[name] for name in model.covariate_names)])
    yield from ("$DATA data.csv IGNORE=@", "$SUBROUTINES ADVAN13 TOL=10", "$MODEL")
    for k, state in enumerate(model.states, 1):
        yield f"  COMP=({_short(state.name)})  ; A({k}), {state.unit}"


def _seen(model):
    """The output that is observed: the first that has a residual error."""
    named = [item.name for item in model.residuals if item.name in model.outputs]
    return named[0] if named else model.outputs[0]


def _said(model, seen):
    """Lines of the heading on what the stream does not hold."""
    said = people.left_out(model, people=True, residual=True, covariates="columns of $INPUT")
    others = [item.name for item in model.residuals if item.name != seen]
    if others:
        said.append(f"Not carried over: residual error of {', '.join(others)}.")
    return heading(model, said)[1:]


def _observed(model, seen):
    """(the line of Y, variances of its EPS)."""
    unit = model.unit(seen)
    found = next((item for item in model.residuals if item.name == seen), None)
    if found is None:
        return f"Y = IPRED + EPS(1)  ; {seen}, {unit}; put your residual error here", [1.0]
    about = f"  ; {seen}, {unit}"
    if found.log:
        return f"Y = IPRED*EXP(EPS(1)){about}", [found.log**2]
    terms, variances = ["Y = IPRED"], []
    for spread, factor in ((found.proportional, "IPRED*"), (found.additive, "")):
        if spread:
            variances.append(spread**2)
            terms.append(f"{factor}EPS({len(variances)})")
    return " + ".join(terms) + about, variances


def _omega(model, effects):
    """Records of $OMEGA, one for each block of etas."""
    if not effects:
        yield "$OMEGA 0 FIX  ; put your variability here"
    for block, rows in people.covariances(model, effects):
        yield f"$OMEGA BLOCK({len(block)})" if len(block) > 1 else "$OMEGA"
        for effect, row in zip(block, rows, strict=True):
            yield f"  {' '.join(map(repr, row))}  ; {effect.input.name}"


def _people(model, effects, called, pk):
    """Lines of $PK: typical and individual values."""
    for k, item in enumerate(model.parameters, 1):
        pk.lines.append(f"{called[item.name]} = THETA({k})")
    if not effects:
        pk.lines.append("NOBODY = ETA(1)")
    etas = {effect.eta: f"ETA({k})" for k, effect in enumerate(effects, 1)}
    law = Printer(DIALECT, (called | etas).__getitem__)
    for effect in effects:
        pk.lines.append(f"{called[effect.individual]} = {law.text(effect.law)}")


def _wrapped(lines):
    """Indented lines, the long ones continued as NM-TRAN reads them."""
    for line in lines:
        parts = wrap(line, LONGEST_LINE, break_long_words=False, break_on_hyphens=False)
        yield from (f"  {part} &" for part in parts[:-1])
        yield f"  {parts[-1]}"


def _assigned(model, called, letter):
    """Name of an equation -> its name in $DES (D) or $ERROR (E)."""

    def fitting(name):
        return f"{letter}_{name.upper()}"[:LONGEST_NAME]

    names = [item.name for item in model.assignments]
    return renamed(names, {*TAKEN, *called.values()}, fitting)


def _short(name):
    return name.upper()[:LONGEST_NAME]


def _pk(model, pk):
    """Lines of $PK: start values, and what doses need."""
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
