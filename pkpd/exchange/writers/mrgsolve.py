"""A Model as a model file of mrgsolve: $PARAM, $CMT, $MAIN, $ODE, $TABLE, $CAPTURE.

Source of the language: mrgsolve user guide, "Model specification". Knows models; knows nothing of
C++ but its expressions.
"""

import ast

from pkpd.exchange.names import renamed
from pkpd.exchange.printing import PYTHON_SIGNS, Dialect, Printer
from pkpd.exchange.writers.wording import heading, of_dose, plain, starting, typical
from pkpd.symbolic import parse
from pkpd.symbolic.model import Model

_ALIKE = ("exp", "log", "log10", "sqrt", "sin", "cos", "tan", "tanh", "erf", "lgamma", "floor")
DIALECT = Dialect(
    called="mrgsolve",
    functions={
        **{name: f"{name}({{}})" for name in (*_ALIKE, "ceil")},
        "abs": "fabs({})",
        "min": "fmin({}, {})",
        "max": "fmax({}, {})",
    },
    power="pow({}, {})",
    choice="({} ? {} : {})",
    pi="M_PI",
    signs={**PYTHON_SIGNS, ast.And: "&&", ast.Or: "||"},
)
_CPP = """alignas alignof and asm auto bitand bitor bool break case catch char class compl const
    constexpr continue decltype default delete do double else enum explicit export extern false
    float for friend goto if inline int long mutable namespace new not nullptr operator or private
    protected public register return short signed sizeof static struct switch template this throw
    true try typedef typeid typename union unsigned using virtual void volatile while xor"""
_OWN = """ID TIME EVID AMT CMT SOLVERTIME NEWIND DXDTZERO CFONSTOP ETA EPS THETA R_OUT self table
    pred double_t pow fabs fmin fmax M_PI T F amt cmt ii ss evid addl rate time"""
TAKEN = {*_CPP.split(), *_OWN.split(), *parse.RESERVED}


def write(model: Model) -> str:
    """The model file."""
    names = [*model.input_names, *model.state_names, *(a.name for a in model.assignments)]
    called = renamed(names, TAKEN)
    ode = Printer(DIALECT, (called | {"t": "SOLVERTIME"}).__getitem__)
    table = Printer(DIALECT, (called | {"t": "TIME"}).__getitem__)
    assigned = [(called[a.name], a) for a in model.assignments]
    captured = [called[name] for name in model.outputs if name not in model.state_names]
    return "\n".join(
        [
            "$PROB",
            *heading(model),
            "\n$PARAM @annotated",
            *(
                f"{called[i.name]} : {typical(i)!r} : {plain(i.label)} ({i.unit})"
                for i in model.inputs
            ),
            "\n$CMT @annotated",
            *(f"{called[s.name]} : {plain(s.name)} ({s.unit})" for s in model.states),
            "\n$MAIN",
            *_main(model, called, table),
            "\n$ODE",
            *(f"double {name} = {ode.text(a.expression)};  // {a.unit}" for name, a in assigned),
            *(f"dxdt_{called[s.name]} = {ode.text(s.rate)};" for s in model.states),
            "\n$TABLE",
            *(f"{name} = {table.text(a.expression)};" for name, a in assigned),
            *(["\n$CAPTURE", " ".join(captured)] if captured else []),
            "",
        ]
    )


def _main(model, called, printer):
    for state in starting(model):
        yield f"{called[state.name]}_0 = {printer.text(state.initial)};"
    for dose in model.doses:
        for word, text in of_dose(dose, printer, ("F", "ALAG", "R", "D")):
            yield f"{word}_{called[dose.state]} = {text};  // doses in {dose.unit}"
