"""A Model as a model file of mrgsolve: $PARAM, $CMT, $MAIN, $ODE, $TABLE, $CAPTURE.

Source of the language: mrgsolve user guide, "Model specification". Knows models; knows nothing of
C++ but its expressions.
"""

import ast

from pkpd.exchange.names import renamed
from pkpd.exchange.printing import PYTHON_SIGNS, Dialect, Printer
from pkpd.exchange.writers import people
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
    effects = people.effects(model)
    individuals = {effect.input.name: effect.individual for effect in effects}
    names = [*model.input_names, *model.state_names, *(a.name for a in model.assignments)]
    names += [*individuals.values(), *(f"{item.name}_obs" for item in model.residuals)]
    called = renamed(names, TAKEN)
    own = {name: called[individual] for name, individual in individuals.items()}
    etas = {effect.eta: f"ETA({k})" for k, effect in enumerate(effects, 1)}
    ode = Printer(DIALECT, (called | own | {"t": "SOLVERTIME"}).__getitem__)
    table = Printer(DIALECT, (called | own | {"t": "TIME"}).__getitem__)
    law = Printer(DIALECT, (called | etas).__getitem__)
    observed, variances = _observed(model, called)
    parts = [
        _problem(model),
        _parameters("$PARAM @annotated", model.parameters, called),
        _parameters("$PARAM @annotated @covariates", model.covariates, called),
        [
            "$CMT @annotated",
            *(f"{called[s.name]} : {plain(s.name)} ({s.unit})" for s in model.states),
        ],
        *_omega(model, effects),
        _listed("$SIGMA", variances),
        [
            "$MAIN",
            *(f"double {own[e.input.name]} = {law.text(e.law)};" for e in effects),
            *_main(model, called, table),
        ],
        ["$ODE", *_ode(model, called, ode)],
        ["$TABLE", *_table(model, called, table, observed)],
        _captured(model, called, observed),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _problem(model):
    said = people.left_out(model, people=True, residual=True, covariates="parameters or data")
    return ["$PROB", *heading(model, said)]


def _parameters(block, items, called):
    """A block of annotated values, nothing where there are none."""
    lines = [f"{called[i.name]} : {typical(i)!r} : {plain(i.label)} ({i.unit})" for i in items]
    return [block, *lines] if lines else []


def _omega(model, effects):
    """A block of $OMEGA for each block of etas, in the order of their numbers."""
    for block, rows in people.covariances(model, effects):
        head = "$OMEGA @block" if len(block) > 1 else "$OMEGA"
        names = ", ".join(effect.input.name for effect in block)
        yield [head, f"// {names}", *(" ".join(map(repr, row)) for row in rows)]


def _listed(block, numbers):
    return [block, " ".join(map(repr, numbers))] if numbers else []


def _observed(model, called):
    """({output: expression in C++ of its observation}, variances of EPS)."""
    found, variances = {}, []
    for item in model.residuals:
        name = called[item.name]
        spreads = (item.log, item.proportional, item.additive)
        eps = {}
        for word, spread in zip(("log", "proportional", "additive"), spreads, strict=True):
            if spread:
                variances.append(spread**2)
                eps[word] = f"EPS({len(variances)})"
        if "log" in eps:
            found[item.name] = f"{name}*exp({eps['log']})"
            continue
        factor = f"{name}*(1.0 + {eps['proportional']})" if "proportional" in eps else name
        found[item.name] = f"{factor} + {eps['additive']}" if "additive" in eps else factor
    return found, variances


def _ode(model, called, printer):
    for item in model.assignments:
        yield f"double {called[item.name]} = {printer.text(item.expression)};  // {item.unit}"
    for state in model.states:
        yield f"dxdt_{called[state.name]} = {printer.text(state.rate)};"


def _table(model, called, printer, observed):
    """Equations at the times of records, and observations."""
    for item in model.assignments:
        yield f"{called[item.name]} = {printer.text(item.expression)};"
    for name, text in observed.items():
        yield f"double {called[f'{name}_obs']} = {text};"


def _captured(model, called, observed):
    """What is captured; compartments are by themselves."""
    names = [called[name] for name in model.outputs if name not in model.state_names]
    names += [called[f"{name}_obs"] for name in observed]
    return ["$CAPTURE", " ".join(names)] if names else []


def _main(model, called, printer):
    for state in starting(model):
        yield f"{called[state.name]}_0 = {printer.text(state.initial)};"
    for dose in model.doses:
        for word, text in of_dose(dose, printer, ("F", "ALAG", "R", "D")):
            yield f"{word}_{called[dose.state]} = {text};  // doses in {dose.unit}"
