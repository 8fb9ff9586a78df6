"""A Model as a function of rxode2 and nlmixr2: ini({...}) and model({...}).

Source of the language: rxode2 user manual, "rxode2 syntax". Knows models; knows nothing of R.
"""

import ast
from dataclasses import dataclass
from itertools import chain

from pkpd.exchange.names import renamed
from pkpd.exchange.printing import PYTHON_SIGNS, Dialect, Printer
from pkpd.exchange.writers import people
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
    effects = people.effects(model)
    called = _called(model, effects)
    errors = _errors(model, called)
    said = people.left_out(model, people=True, residual=True, covariates="columns of the data")
    function = model.name.rpartition("/")[2]
    function = function if parse.why_not_a_name(function) is None else "model_"
    ini = [*_inputs(model, called), *_etas(model, effects, called), *_spreads(errors)]
    equations = [
        *_individuals(effects, called),
        *_equations(model, effects, called),
        *(error.text for error in errors),
    ]
    return "\n".join(
        [
            *(f"# {line}" for line in heading(model, said)),
            f"{function} <- function() {{",
            "  ini({",
            *(f"    {line}" for line in ini),
            "  })",
            "  model({",
            *(f"    {line}" for line in equations),
            "  })",
            "}",
            "",
        ]
    )


def _called(model, effects):
    """Name in the model -> name in the function, with those of individual values and etas."""
    names = [*model.input_names, *model.state_names, *(a.name for a in model.assignments)]
    for effect in effects:
        names += [effect.individual, effect.eta]
    return renamed(names, {*TAKEN, *parse.RESERVED})


def _individuals(effects, called):
    """Individual values by their etas."""
    printer = Printer(DIALECT, called.__getitem__)
    for effect in effects:
        yield f"{called[effect.individual]} <- {printer.text(effect.law)}  # {effect.input.unit}"


def _spreads(errors):
    """Parameters of residual errors."""
    for error in errors:
        for name, value in error.values:
            yield f"{name} <- {value!r}"


def _inputs(model, called):
    for item in model.parameters:
        yield f"{called[item.name]} <- {typical(item)!r}"
        yield f'label("{plain(item.label)} ({item.unit})")'


def _etas(model, effects, called):
    """Etas and the lower triangles of their covariances."""
    for block, rows in people.covariances(model, effects):
        names = " + ".join(called[effect.eta] for effect in block)
        numbers = ", ".join(map(repr, chain.from_iterable(rows)))
        yield f"{names} ~ {numbers}" if len(block) == 1 else f"{names} ~ c({numbers})"


@dataclass(frozen=True)
class _Error:
    """The residual error of an output. values : (name, number) of its parameters"""

    text: str
    values: list[tuple[str, float]]


def _errors(model, called):
    """The _Error of each output that has one."""
    found = []
    taken = {*TAKEN, *parse.RESERVED, *called.values()}
    for item in model.residuals:
        own = {"lnorm": item.log, "prop": item.proportional, "add": item.additive}
        own = {word: value for word, value in own.items() if value}
        names = renamed([f"{called[item.name]}_{word}" for word in own], taken)
        parts = [f"{word}({names[f'{called[item.name]}_{word}']})" for word in own]
        text = f"{called[item.name]} ~ {' + '.join(parts)}"
        found.append(_Error(text, list(zip(names.values(), own.values(), strict=True))))
    return found


def _equations(model, effects, called):
    own = {effect.input.name: called[effect.individual] for effect in effects}
    known = called | own
    printer = Printer(DIALECT, lambda name: known.get(name, name))
    for item in model.assignments:
        yield f"{called[item.name]} <- {printer.text(item.expression)}  # {item.unit}"
    for state in model.states:
        yield f"d/dt({called[state.name]}) <- {printer.text(state.rate)}"
    for state in starting(model):
        yield f"{called[state.name]}(0) <- {printer.text(state.initial)}"
    for dose in model.doses:
        for word, text in of_dose(dose, printer, ("f", "alag", "rate", "dur")):
            yield f"{word}({called[dose.state]}) <- {text}  # doses in {dose.unit}"
