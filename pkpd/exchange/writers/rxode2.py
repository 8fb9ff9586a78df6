"""A Model as a function of rxode2 and nlmixr2: ini({...}) and model({...}).

Source of the language: rxode2 user manual, "rxode2 syntax". Knows models; knows nothing of R.
"""

import ast

from pkpd.exchange.names import renamed
from pkpd.exchange.printing import PYTHON_SIGNS, Dialect, Printer
from pkpd.exchange.writers.wording import heading, of_dose, plain, starting, typical
from pkpd.symbolic import parse
from pkpd.symbolic.model import Model

_ALIKE = ("exp", "log", "log10", "sqrt", "abs", "sin", "cos", "tan", "tanh", "erf", "lgamma")
DIALECT = Dialect(
    called="rxode2",
    functions={
        **{name: f"{name}({{}})" for name in (*_ALIKE, "floor", "ceil")},
        "min": "min({}, {})",
        "max": "max({}, {})",
    },
    power="{}^{}",
    choice="ifelse({}, {}, {})",
    infix_power=True,
    pi="pi",
    signs={**PYTHON_SIGNS, ast.And: "&&", ast.Or: "||"},
)
TAKEN = {
    *("time", "tad", "tlast", "podo", "amt", "cmt", "evid", "rate", "dur", "addl", "ii", "ss"),
    *("id", "dv", "mdv", "dvid", "f", "F", "lag", "alag", "newind", "linCmt", "if", "else", "in"),
    *("function", "for", "while", "repeat", "next", "break", "TRUE", "FALSE", "NULL", "Inf"),
    *("NA", "NaN", "ini", "model", "label", "fix", "ifelse", "T", "c", "d", "dt", "expit", "logit"),
}


def write(model: Model) -> str:
    """The function, named after the model."""
    names = [*model.input_names, *model.state_names, *(a.name for a in model.assignments)]
    called = renamed(names, {*TAKEN, *parse.RESERVED})
    printer = Printer(DIALECT, lambda name: called.get(name, name))
    function = model.name.rpartition("/")[2]
    function = function if parse.why_not_a_name(function) is None else "model_"
    return "\n".join(
        [
            *(f"# {line}" for line in heading(model)),
            f"{function} <- function() {{",
            "  ini({",
            *(f"    {line}" for line in _inputs(model, called)),
            "  })",
            "  model({",
            *(f"    {line}" for line in _equations(model, called, printer)),
            "  })",
            "}",
            "",
        ]
    )


def _inputs(model, called):
    for item in model.inputs:
        yield f"{called[item.name]} <- {typical(item)!r}"
        yield f'label("{plain(item.label)} ({item.unit})")'


def _equations(model, called, printer):
    for item in model.assignments:
        yield f"{called[item.name]} <- {printer.text(item.expression)}  # {item.unit}"
    for state in model.states:
        yield f"d/dt({called[state.name]}) <- {printer.text(state.rate)}"
    for state in starting(model):
        yield f"{called[state.name]}(0) <- {printer.text(state.initial)}"
    for dose in model.doses:
        for word, text in of_dose(dose, printer, ("f", "alag", "rate", "dur")):
            yield f"{word}({called[dose.state]}) <- {text}  # doses in {dose.unit}"
