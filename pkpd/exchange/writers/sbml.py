"""A Model as SBML: inputs and states are parameters, with rate and assignment rules.

SBML has no doses; units stand in the names. Needs python-libsbml. Knows models and SBML; knows
nothing of other formats.
"""

import ast

from pkpd.errors import PkpdError
from pkpd.exchange.libsbml import libsbml
from pkpd.exchange.names import renamed
from pkpd.exchange.printing import PYTHON_SIGNS, Dialect, Printer
from pkpd.exchange.writers import people
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
    return _Document(model).text()


class _Document:
    def __init__(self, model):
        self.library = libsbml()
        self.model = model
        names = [*model.input_names, *model.state_names, *(a.name for a in model.assignments)]
        self.called = renamed(names, {*_OWN.split(), "t"})
        self.printer = Printer(DIALECT, lambda n: "time" if n == "t" else self.called[n])
        self.document = self.library.SBMLDocument(3, 2)
        self.sbml = self.document.createModel()

    def text(self):
        self._head()
        self._equations()
        self._events()
        text: str = self.library.writeSBMLToString(self.document)
        return text

    def _head(self):
        said = people.left_out(
            self.model, people=False, residual=False, covariates="constant parameters"
        )
        if self.model.doses:
            said.append("Not carried over: doses, which SBML does not have.")
        self.sbml.setId("model")
        self.sbml.setName(" ".join(heading(self.model, said)))

    def _equations(self):
        for item in self.model.inputs:
            about = f"{item.label} [{item.unit}]"
            self._parameter(item.name, about, True).setValue(typical(item))
        for state in self.model.states:
            self._parameter(state.name, f"{state.name} [{state.unit}]", False)
            start = self.sbml.createInitialAssignment()
            start.setSymbol(self.called[state.name])
            self._formula(start, state.initial)
            self._rule(self.sbml.createRateRule(), state.name, state.rate)
        for item in self.model.assignments:
            self._parameter(item.name, f"{item.name} [{item.unit}]", False)
            self._rule(self.sbml.createAssignmentRule(), item.name, item.expression)

    def _events(self):
        """Those of one moment happen in the order of the model, each with the values it finds."""
        taken = {*_OWN.split(), "t", "model", *self.called.values()}
        called = renamed([event.name for event in self.model.events], taken)
        for place, event in enumerate(self.model.events):
            made = self.sbml.createEvent()
            made.setId(called[event.name])
            made.setUseValuesFromTriggerTime(False)
            trigger = made.createTrigger()
            trigger.setInitialValue(not event.at_start)
            trigger.setPersistent(True)
            self._math(trigger, self.printer.condition(event.trigger))
            self._math(made.createPriority(), str(len(self.model.events) - place))
            for state, expression in event.changes:
                change = made.createEventAssignment()
                change.setVariable(self.called[state])
                self._formula(change, expression)

    def _parameter(self, name, about, constant):
        item = self.sbml.createParameter()
        item.setId(self.called[name])
        item.setName(about)
        item.setConstant(constant)
        return item

    def _formula(self, item, expression):
        self._math(item, self.printer.text(expression))

    def _math(self, item, text):
        """Give an element its math. text : formula of libsbml"""
        tree = self.library.parseL3Formula(text)
        if tree is None:
            raise PkpdError(self.library.getLastParseL3Error().splitlines()[0])
        item.setMath(tree)

    def _rule(self, made, name, expression):
        made.setVariable(self.called[name])
        self._formula(made, expression)
