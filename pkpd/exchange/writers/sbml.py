"""A Model as SBML: inputs and states are parameters, with rate and assignment rules.

SBML has no doses; units stand in the names. Needs python-libsbml. Knows models and SBML; knows
nothing of other formats.
"""

import ast

from pkpd.errors import PkpdError
from pkpd.exchange.libsbml import libsbml
from pkpd.exchange.names import renamed
from pkpd.exchange.printing import PYTHON_SIGNS, Dialect, Printer
from pkpd.exchange.writers.wording import heading, typical
from pkpd.symbolic.model import Model

_ALIKE = ("exp", "log10", "sqrt", "abs", "sin", "cos", "tan", "tanh", "floor", "ceil")
DIALECT = Dialect(  # the formulas of libsbml, level 3
    called="SBML",
    functions={
        **{name: f"{name}({{}})" for name in _ALIKE},
        "log": "ln({})",
        "min": "min({}, {})",
        "max": "max({}, {})",
    },
    power="({})^({})",
    choice="piecewise({1}, {0}, {2})",
    pi="pi",
    signs={**PYTHON_SIGNS, ast.And: "&&", ast.Or: "||"},
)
_OWN = """abs acos acosh acot acoth acsc acsch and arccos arccosh arccot arccoth arccsc arccsch
    arcsec arcsech arcsin arcsinh arctan arctanh asec asech asin asinh atan atanh avogadro ceil
    ceiling cos cosh cot coth csc csch delay divide e eq exp exponentiale factorial false floor geq
    gt implies inf infinity lambda leq ln log log10 lt max min minus modulo nan neq not notanumber
    or pi piecewise plus pow power quotient rateOf rem root sec sech sin sinh sqr sqrt tan tanh
    time times true xor Avogadro"""


def write(model: Model) -> str:
    """The document as XML. Raises PkpdError for an equation that SBML cannot hold."""
    library = libsbml()
    document = library.SBMLDocument(3, 2)
    sbml = document.createModel()
    names = [*model.input_names, *model.state_names, *(a.name for a in model.assignments)]
    called = renamed(names, {*_OWN.split(), "t"})
    printer = Printer(DIALECT, lambda name: "time" if name == "t" else called[name])
    sbml.setId("model")
    sbml.setName(" ".join(heading(model)))

    def parameter(name, about, constant):
        item = sbml.createParameter()
        item.setId(called[name])
        item.setName(about)
        item.setConstant(constant)
        return item

    def formula(item, expression):
        tree = library.parseL3Formula(printer.text(expression))
        if tree is None:
            raise PkpdError(library.getLastParseL3Error().splitlines()[0])
        item.setMath(tree)

    def rule(made, name, expression):
        made.setVariable(called[name])
        formula(made, expression)

    for item in model.inputs:
        parameter(item.name, f"{item.label} [{item.unit}]", True).setValue(typical(item))
    for state in model.states:
        parameter(state.name, f"{state.name} [{state.unit}]", False)
        start = sbml.createInitialAssignment()
        start.setSymbol(called[state.name])
        formula(start, state.initial)
        rule(sbml.createRateRule(), state.name, state.rate)
    for assigned in model.assignments:
        parameter(assigned.name, f"{assigned.name} [{assigned.unit}]", False)
        rule(sbml.createAssignmentRule(), assigned.name, assigned.expression)
    text: str = library.writeSBMLToString(document)
    return text
