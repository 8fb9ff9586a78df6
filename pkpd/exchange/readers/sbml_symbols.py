"""Symbols of an SBML model and what determines each: a value, a rule, a rate, reactions, events.

Source of the meaning: SBML Level 3 Version 2 Core. Species that react are states in amounts,
`S_amount`; their symbol S is an equation. Knows symbols; knows nothing of states that a solver
has, or of model files.
"""

import ast

from pkpd.errors import ModelError, PkpdError
from pkpd.exchange.readers import trees
from pkpd.exchange.readers.sbml_document import fail, functions, with_math
from pkpd.exchange.readers.sbml_math import Formulas
from pkpd.exchange.readers.trees import Tree


class Symbols:
    """What determines each symbol. Values at the start, rules and rates are trees of symbols.

    start, assigned, rates : symbol -> tree; plain : symbol -> number
    lines, labels : symbol -> line of the document, and what it is called
    flows : species -> trees of the reactions that change it, as amounts per time
    targets : symbols that events set -> line
    concentrations : species -> (symbol of its amount, symbol of its size)
    rules : what is determined by assignment, as it was before species that react
    """

    def __init__(self, model, place, given):
        self.model, self.place = model, place
        self.formulas = Formulas(functions(model))
        self.start: dict[str, Tree] = {}
        self.assigned: dict[str, Tree] = {}
        self.rates: dict[str, Tree] = {}
        self.plain: dict[str, float] = {}
        self.lines: dict[str, int] = {}
        self.labels: dict[str, str] = {}
        self.flows: dict[str, list[Tree]] = {}
        self.targets: dict[str, int] = {}
        self.concentrations: dict[str, tuple[str, str]] = {}
        self._values(given)
        self._rules()
        self._reactions()
        self._changed()
        self.rules = dict(self.assigned)
        self._species()
        self._rates_of()
        self._algebraic()

    def fail(self, item, message):
        fail(self.place, item, message)

    def tree(self, item):
        """The tree of an item's formula."""
        try:
            return self.formulas.tree(item.getMath())
        except PkpdError as error:
            self.fail(item, f"{error} is not carried over")

    def free(self, name):
        """The name, with as many _ behind it as make it one that no symbol has."""
        while name in self.lines or self.model.getElementBySId(name) is not None:
            name += "_"
        return name

    def _values(self, given):
        """Compartments, parameters, species references with an id and initial assignments."""
        model = self.model
        for item in model.getListOfCompartments():
            self._symbol(item, item.getSize() if item.isSetSize() else None)
        for item in model.getListOfParameters():
            self._symbol(item, item.getValue() if item.isSetValue() else None)
        for reaction in model.getListOfReactions():
            self._references(reaction)
        for name, value in given.items():
            if name not in self.lines:
                raise ModelError(f"{self.place}: no symbol '{name}' to set.")
            self.plain[name] = float(value)
        for item in with_math(model.getListOfInitialAssignments()):
            self.plain.pop(item.getSymbol(), None)
            self.start[item.getSymbol()] = self.tree(item)
            self.lines[item.getSymbol()] = item.getLine()

    def _references(self, reaction):
        """The stoichiometries of a reaction that are symbols."""
        for reference in (*reaction.getListOfReactants(), *reaction.getListOfProducts()):
            if reference.getId():
                told = reference.isSetStoichiometry()
                self._symbol(reference, reference.getStoichiometry() if told else None)

    def _symbol(self, item, value):
        name = item.getId()
        self.lines[name] = item.getLine()
        self.labels[name] = item.getName() or name
        if value is not None and value == value:
            self.plain[name] = value

    def _rules(self):
        for rule in with_math(self.model.getListOfRules()):
            if rule.isAssignment():
                self.assigned[rule.getVariable()] = self.tree(rule)
            elif rule.isRate():
                self.rates[rule.getVariable()] = self.tree(rule)

    def _reactions(self):
        """Rates of reactions are equations under the reaction's name."""
        for reaction in self.model.getListOfReactions():
            law = reaction.getKineticLaw()
            if law is None or law.getMath() is None:
                self.fail(reaction, f"the reaction '{reaction.getId()}' has no rate")
            self.assigned[reaction.getId()] = self._law(reaction, law)
            self.lines[reaction.getId()] = reaction.getLine()
            for reference in reaction.getListOfReactants():
                flow = trees.negative(self._flow(reaction, reference))
                self.flows.setdefault(reference.getSpecies(), []).append(flow)
            for reference in reaction.getListOfProducts():
                flow = self._flow(reaction, reference)
                self.flows.setdefault(reference.getSpecies(), []).append(flow)

    def _law(self, reaction, law):
        local = {}
        for item in (*law.getListOfLocalParameters(), *law.getListOfParameters()):
            name = self.free(f"{reaction.getId()}_{item.getId()}")
            if not item.isSetValue():
                self.fail(item, f"'{item.getId()}' has no value")
            self.plain[name] = item.getValue()
            self.lines[name] = item.getLine()
            local[item.getId()] = trees.name(name)
            local[f"rateOf {item.getId()}"] = trees.number(0.0)
        return trees.replaced(self.tree(law), local)

    def _flow(self, reaction, reference):
        """The amount of a species per time, without its sign."""
        name = reference.getId()
        if name and self._is_known(name):
            amount = trees.name(name)
        elif reference.isSetStoichiometry():
            amount = trees.number(reference.getStoichiometry())
        elif name:
            self.fail(reference, f"the stoichiometry '{name}' has no value")
        else:
            amount = trees.number(1.0)
        return trees.multiply(amount, trees.name(reaction.getId()))

    def _is_known(self, name):
        return name in {*self.start, *self.assigned, *self.rates, *self.plain}

    def _changed(self):
        """Symbols that events set and that nothing else moves are states at rest."""
        for event in self.model.getListOfEvents():
            for item in with_math(event.getListOfEventAssignments()):
                self.targets.setdefault(item.getVariable(), item.getLine())
        species = {s.getId(): s for s in self.model.getListOfSpecies()}
        for name in self.targets:
            if name not in self.assigned and not self._in_amounts(species.get(name)):
                self.rates.setdefault(name, trees.number(0.0))

    def _in_amounts(self, species):
        """Whether a symbol is that of a species whose amount is a state."""
        if species is None:
            return False
        reacts = species.getId() in self.flows and not species.getBoundaryCondition()
        return reacts or self._size_of(species) is not None

    def _species(self):
        for species in self.model.getListOfSpecies():
            name, size = species.getId(), self._size_of(species)
            self.lines[name] = species.getLine()
            self.labels[name] = species.getName() or name
            self._start_of(species, name, size)
            if name in self.rates and size in self.targets:
                self.fail(species, f"the rate of '{name}', whose size events set")
            if self.constant(name):
                self._moved(species, name, size)

    def _moved(self, species, name, size):
        """A species that no rule determines: reactions, events and its size may change it."""
        flows = self.flows.get(name, [])
        if flows and not species.getBoundaryCondition():
            self._reacting(species, name, size, flows)
        elif size is not None and (name in self.targets or not self.constant(size)):
            self._reacting(species, name, size, [])

    def _size_of(self, species):
        """Symbol of the compartment that makes a concentration of an amount, or None."""
        compartment = self.model.getCompartment(species.getCompartment())
        if species.getHasOnlySubstanceUnits() or compartment is None:
            return None
        if compartment.isSetSpatialDimensions() and compartment.getSpatialDimensions() == 0:
            return None
        return compartment.getId()

    def constant(self, name):
        """Whether neither a rule nor a rate determines a symbol."""
        return not (name in self.assigned or name in self.rates)

    def _start_of(self, species, name, size):
        """The value of a species' symbol at the start."""
        value, amounts = _initial(species)
        if name in self.start or name in self.assigned or value is None:
            return
        if amounts == (size is None):
            self.plain[name] = value
            return
        own = self.free(f"{name}_initial")
        self.plain[own] = value
        self.lines[own] = species.getLine()
        self.labels[own] = f"initial {'amount' if amounts else 'concentration'} of {name}"
        volume = trees.name(size or species.getCompartment())
        make = trees.divide if amounts else trees.multiply
        self.start[name] = make(trees.name(own), volume)

    def _reacting(self, species, name, size, flows):
        factor = species.getConversionFactor() or self.model.getConversionFactor()
        slope = trees.add(*flows)
        if factor and flows:
            slope = trees.multiply(trees.name(factor), slope)
        if size is None:
            self.rates[name] = slope
            return
        amount = self.free(f"{name}_amount")
        self.start[amount] = trees.multiply(trees.name(name), trees.name(size))
        self.rates[amount] = slope
        self.assigned[name] = trees.divide(trees.name(amount), trees.name(size))
        self.concentrations[name] = amount, size
        self.lines[amount] = species.getLine()
        self.labels[amount] = f"amount of {self.labels[name]}"

    def _rates_of(self):
        """Put what `rateOf x` is in its place."""
        for found in (self.assigned, self.rates, self.start, self.rules):
            for name, tree in found.items():
                found[name] = self.final(tree)

    def final(self, tree):
        """The tree with `rateOf x` replaced by what it is."""
        for _ in range(len(self.lines) + 1):
            asked = [n for n in trees.names(tree) if n.startswith("rateOf ")]
            if not asked:
                return tree
            meant = {n: self._slope(n.removeprefix("rateOf ")) for n in asked}
            tree = trees.replaced(tree, meant)
        raise ModelError(f"{self.place}: rateOf of a rate that uses it is not carried over.")

    def _slope(self, name):
        if name in self.rates:
            return self.rates[name]
        if name not in self.assigned:
            return trees.number(0.0)
        if name not in self.concentrations:
            raise ModelError(
                f"{self.place}: rateOf '{name}', which a rule assigns, is not carried over."
            )
        amount, size = self.concentrations[name]
        own = trees.divide(self.rates[amount], trees.name(size))
        if self.constant(size):
            return own
        shrinking = trees.divide(self._slope(size), trees.name(size))
        return trees.binary(own, ast.Sub(), trees.multiply(trees.name(name), shrinking))

    def _algebraic(self):
        """Solve each algebraic rule for the one symbol that nothing else determines."""
        rules = with_math(self.model.getListOfRules())
        waiting = [rule for rule in rules if rule.isAlgebraic()]
        while waiting:
            solved = [rule for rule in waiting if self._solved(rule)]
            if not solved:
                self.fail(waiting[0], "this algebraic rule is not carried over")
            waiting = [rule for rule in waiting if rule not in solved]

    def _solved(self, rule):
        tree = self.tree(rule)
        free = [name for name in sorted(trees.names(tree)) if self._is_free(name)]
        if len(free) != 1 or not trees.is_linear(tree, free[0]):
            return False
        at_zero, at_one = (trees.replaced(tree, {free[0]: trees.number(x)}) for x in (0.0, 1.0))
        slope = trees.binary(at_one, ast.Sub(), at_zero)
        self.assigned[free[0]] = self.rules[free[0]] = trees.divide(trees.negative(at_zero), slope)
        return True

    def _is_free(self, name):
        item = self.model.getElementBySId(name)
        may_change = item is not None and hasattr(item, "getConstant") and not item.getConstant()
        return may_change and self.constant(name)


def _initial(species):
    """(initial value or None, whether it is an amount) of a species."""
    if species.isSetInitialAmount():
        value, amounts = species.getInitialAmount(), True
    elif species.isSetInitialConcentration():
        value, amounts = species.getInitialConcentration(), False
    else:
        return None, False
    return (value if value == value else None), amounts
