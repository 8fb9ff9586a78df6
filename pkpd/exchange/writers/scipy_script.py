"""A Model as a stand-alone Python script that solves it with SciPy.

The script is the equations of the model, then what `standalone` holds. Knows models; knows nothing
of how the script solves them.
"""

import ast
import json
from pathlib import Path

from pkpd.exchange.names import renamed
from pkpd.exchange.printing import Dialect, Printer
from pkpd.exchange.writers.wording import plain, share, typical
from pkpd.symbolic import parse
from pkpd.symbolic.model import Model

DIALECT = Dialect(
    called="Python",
    functions={
        **{name: f"math.{name}({{}})" for name in ("exp", "log", "log10", "sin", "cos", "tan")},
        "tanh": "math.tanh({})",
        "sqrt": "root({})",
        "abs": "abs({})",
        "min": "min({}, {})",
        "max": "max({}, {})",
        "erf": "math.erf({})",
        "lgamma": "math.lgamma({})",
        "floor": "math.floor({})",
        "ceil": "math.ceil({})",
    },
    power="power({}, {})",
    choice="{1} if {0} else {2}",
    infix_choice=True,
    pi="math.pi",
)


def write(model: Model) -> str:
    """The script. Values are plain numbers in the units of its comments."""
    imports, solver = _standalone()
    names = [*model.input_names, *model.state_names, *(a.name for a in model.assignments)]
    taken = {*_defined(solver), *_imported(imports), *parse.RESERVED, "inputs", "states"}
    called = renamed(names, taken)
    printer = Printer(DIALECT, lambda name: called.get(name, name))
    parts = [_heading(model), imports, *_model(model, called, printer), solver, _ending(model)]
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def _standalone():
    """(imports, functions) of the module `standalone`, as text."""
    text = Path(__file__).with_name("standalone.py").read_text(encoding="utf-8")
    lines, body = text.splitlines(), ast.parse(text).body[1:]
    imports = [n for n in body if isinstance(n, (ast.Import, ast.ImportFrom))]
    first, last = imports[0].lineno, imports[-1].end_lineno
    return "\n".join(lines[first - 1 : last]), "\n".join(lines[last:])


def _defined(text):
    return {n.name for n in ast.parse(text).body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}


def _imported(text):
    return {a.asname or a.name for n in ast.parse(text).body for a in n.names}


def _heading(model):
    target = next((d for d in model.doses), None)
    dose = f" --dose 0 100 {target.state} 0" if target else ""
    lines = [
        f"{plain(model.title)}: time in {model.time}.",
        "",
        f"Written by pkpd from the model {plain(model.name)}; needs NumPy and SciPy alone.",
        f"Example: python SCRIPT --times 0 24 1{dose}",
    ]
    return '"""' + "\n".join(lines) + '\n"""'


def _model(model, called, printer):
    """The parts that are the model's own."""
    assigned = [
        f"    {called[a.name]} = {printer.text(a.expression)}  # {a.unit}"
        for a in model.assignments
    ]
    inputs = [f"    {called[name]} = inputs[{_text(name)}]" for name in model.input_names]
    states = [f"    {called[s]} = states[{k}]" for k, s in enumerate(model.state_names)]
    known = [*inputs, *states, *assigned]
    starts = [f"        {printer.text(s.initial)},  # {s.name} [{s.unit}]" for s in model.states]
    rates = [f"        {printer.text(s.rate)},  # {s.name}" for s in model.states]
    seen = [f"        {called[name]}," for name in model.outputs]
    yield "\n".join(["INPUTS = {", *_inputs(model), "}"])
    yield _function("start(inputs)", inputs, starts)
    yield _function("rates(t, states, inputs)", known, rates)
    yield _function("observed(t, states, inputs)", known, seen)
    yield _function("targets(inputs)", inputs, _targets(model, printer), "{}")


def _function(head, lines, values, brackets="[]"):
    """A function that returns its last lines as a list or dict."""
    opening, closing = f"    return {brackets[0]}", f"    {brackets[1]}"
    return "\n".join([f"def {head}:", *lines, opening, *values, closing])


def _inputs(model):
    for item in model.inputs:
        about = f"{item.unit}; {item.label}; {item.evidence}"
        yield f"    {_text(item.name)}: {typical(item)!r},  # {' '.join(about.split())}"


def _targets(model, printer):
    for dose in model.doses:
        amount = share(dose, printer) or "1.0"
        lag = printer.text(dose.lag) if dose.lag else "0.0"
        yield f"        {_text(dose.state)}: ({amount}, {lag}),  # {dose.unit}"


def _text(value):
    """A text, or a list of them, as Python writes it."""
    return json.dumps(value, ensure_ascii=False)


def _ending(model):
    states, outputs = list(model.state_names), list(model.outputs)
    return (
        f"STATES = {_text(states)}\nOUTPUTS = {_text(outputs)}\n"
        "EQUATIONS = Equations(INPUTS, STATES, OUTPUTS, start, rates, observed, targets)\n\n"
        'if __name__ == "__main__":\n    main(EQUATIONS)\n'
    )
