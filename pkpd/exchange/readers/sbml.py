"""SBML -> System.

Source of the meaning: SBML Level 3 Version 2 Core. Species that react are states in amounts,
`S_amount`; their symbol S is an equation. Needs python-libsbml. Knows SBML; knows no model files.
"""

import ast
import math
from dataclasses import dataclass, field

from pkpd.errors import ModelError, PkpdError
from pkpd.exchange.libsbml import libsbml
from pkpd.exchange.readers import trees
from pkpd.exchange.readers.sbml_math import Formulas
from pkpd.exchange.readers.statements import inlined
from pkpd.exchange.readers.trees import Tree
from pkpd.exchange.system import Event, Parameter, State, System

CARRIED = (
    "levels 2 and 3: compartments (also those that change), species in amounts and concentrations",
    "parameters, also local ones; initial assignments; assignment and rate rules",
    "reactions with any stoichiometry, also by rules; conversion factors; boundary species",
    "function definitions, piecewise, the time, Avogadro's number, rateOf",
    "algebraic rules that are linear in the one symbol that nothing else determines",
    "submodels (comp) of the same file",
    "events without delay, in the order of their priorities",
)
REFUSED = (
    "events with a delay; events that are not persistent, among others",
    "delay, inverse sine, cosine, tangent and the like, floor and ceiling of states",
    "fast reactions, reactions without a rate, values that are not given",
    "flux balance (fbc), and submodels of other files, which are not opened",
)
_PACKAGES = {"l3v2extendedmath", "comp", "layout", "render", "groups", "annot"}
_TIMES = {1.0: "s", 60.0: "min", 3600.0: "h", 86400.0: "d"}
CLOCK = "clock"


def read(text: str, place: str, given: dict[str, float]) -> System:
    """The System of a document. Raises ModelError with the line of what is not carried over."""
    return Reader(text, place).system(given)


@dataclass
class _Symbols:
    """What determines each symbol. Values at the start, rules and rates are trees of symbols."""

    start: dict[str, Tree] = field(default_factory=dict)
    assigned: dict[str, Tree] = field(default_factory=dict)
    rates: dict[str, Tree] = field(default_factory=dict)
    plain: dict[str, float] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)


class Reader:
    """Reads one document. model : of libsbml, with its submodels in it"""

    def __init__(self, text, place):
        self.place, self.lib = place, libsbml()
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise ModelError(f"{place}: holds entities, which SBML does not need; not read.")
        self.document = self.lib.readSBMLFromString(text)
        self._check_document()
        self.model = self.document.getModel()
        if self.model is None:
            raise ModelError(f"{place}: holds no model.")
        self.known = _Symbols()
        self.formulas = Formulas(
            {
                f.getId(): (
                    [f.getArgument(k).getName() for k in range(f.getNumArguments())],
                    f.getBody(),
                )
                for f in self.model.getListOfFunctionDefinitions()
            }
        )

    def fail(self, item, message):
        raise ModelError(f"{self.place}:{item.getLine()}: {message}.")

    def _check_document(self):
        document = self.document
        for k in range(document.getNumErrors()):
            error = document.getError(k)
            if error.getSeverity() >= self.lib.LIBSBML_SEV_ERROR:
                first = error.getMessage().strip().splitlines()[0]
                raise ModelError(f"{self.place}:{error.getLine()}: {first}")
        for k in range(document.getNumPlugins()):
            package = document.getPlugin(k).getPackageName()
            needed = document.getPackageRequired(package) or package == "fbc"
            if package not in _PACKAGES and needed:
                raise ModelError(f"{self.place}: the package '{package}' is not carried over.")
        comp = document.getPlugin("comp")
        if comp is not None:
            self._flatten(comp)
        for reaction in document.getModel().getListOfReactions() if document.getModel() else ():
            if reaction.isSetFast() and reaction.getFast():
                self.fail(reaction, f"the fast reaction '{reaction.getId()}' is not carried over")
        if document.getLevel() < 3 and not document.setLevelAndVersion(3, 2, False):
            raise ModelError(f"{self.place}: cannot be read as SBML level 3.")

    def _flatten(self, comp):
        """Put submodels into the model. Nothing else is opened."""
        if comp.getNumExternalModelDefinitions():
            raise ModelError(f"{self.place}: submodels of other files are not carried over.")
        options = self.lib.ConversionProperties()
        options.addOption("flatten comp", True)
        options.addOption("performValidation", False)
        options.addOption("abortIfUnflattenable", "all")
        if self.document.convert(options) != self.lib.LIBSBML_OPERATION_SUCCESS:
            raise ModelError(f"{self.place}: its submodels cannot be put together.")

    def tree(self, item, math=None):
        """The tree of an item's formula."""
        try:
            return self.formulas.tree(item.getMath() if math is None else math)
        except PkpdError as error:
            self.fail(item, f"{error} is not carried over")

    def system(self, given):
        self._values(given)
        self._rules()
        self._reactions()
        self._changed()
        self.rules = dict(self.known.assigned)
        self.concentrations: dict[str, tuple[str, str]] = {}
        self._species()
        self._rates_of()
        self._algebraic()
        return self._written()

    def _values(self, given):
        """Compartments, parameters, species references with an id and initial assignments."""
        known, model = self.known, self.model
        for item in model.getListOfCompartments():
            self._symbol(item, item.getSize() if item.isSetSize() else None)
        for item in model.getListOfParameters():
            self._symbol(item, item.getValue() if item.isSetValue() else None)
        for reaction in model.getListOfReactions():
            for reference in (*reaction.getListOfReactants(), *reaction.getListOfProducts()):
                if reference.getId():
                    told = reference.isSetStoichiometry()
                    self._symbol(reference, reference.getStoichiometry() if told else None)
        for name, value in given.items():
            if name not in known.lines:
                raise ModelError(f"{self.place}: no symbol '{name}' to set.")
            known.plain[name] = float(value)
        for item in self._with_math(model.getListOfInitialAssignments()):
            known.plain.pop(item.getSymbol(), None)
            known.start[item.getSymbol()] = self.tree(item)
            known.lines[item.getSymbol()] = item.getLine()

    def _with_math(self, items):
        """Those that have a formula; without one they say nothing."""
        return [item for item in items if item.getMath() is not None]

    def _symbol(self, item, value):
        name = item.getId()
        self.known.lines[name] = item.getLine()
        self.known.labels[name] = item.getName() or name
        if value is not None and value == value:
            self.known.plain[name] = value

    def _rules(self):
        for rule in self._with_math(self.model.getListOfRules()):
            if rule.isAssignment():
                self.known.assigned[rule.getVariable()] = self.tree(rule)
            elif rule.isRate():
                self.known.rates[rule.getVariable()] = self.tree(rule)

    def _reactions(self):
        """Rates of reactions are equations under the reaction's name; self.flows the rest."""
        self.flows: dict[str, list[Tree]] = {}
        for reaction in self.model.getListOfReactions():
            law = reaction.getKineticLaw()
            if law is None or law.getMath() is None:
                self.fail(reaction, f"the reaction '{reaction.getId()}' has no rate")
            self.known.assigned[reaction.getId()] = self._law(reaction, law)
            self.known.lines[reaction.getId()] = reaction.getLine()
            for reference in reaction.getListOfReactants():
                self._flow(reaction, reference, trees.negative)
            for reference in reaction.getListOfProducts():
                self._flow(reaction, reference, lambda tree: tree)

    def _law(self, reaction, law):
        local = {}
        for item in (*law.getListOfLocalParameters(), *law.getListOfParameters()):
            name = f"{reaction.getId()}_{item.getId()}"
            while name in self.known.lines or self.model.getElementBySId(name) is not None:
                name += "_"
            if not item.isSetValue():
                self.fail(item, f"'{item.getId()}' has no value")
            self.known.plain[name] = item.getValue()
            self.known.lines[name] = item.getLine()
            local[item.getId()] = trees.name(name)
            local[f"rateOf {item.getId()}"] = trees.number(0.0)
        return trees.replaced(self.tree(law), local)

    def _flow(self, reaction, reference, signed):
        name = reference.getId()
        if name and self._is_known(name):
            amount = trees.name(name)
        elif reference.isSetStoichiometry():
            amount = trees.number(reference.getStoichiometry())
        elif name:
            self.fail(reference, f"the stoichiometry '{name}' has no value")
        else:
            amount = trees.number(1.0)
        flow = trees.multiply(amount, trees.name(reaction.getId()))
        self.flows.setdefault(reference.getSpecies(), []).append(signed(flow))

    def _is_known(self, name):
        known = self.known
        return any(
            name in found for found in (known.start, known.assigned, known.rates, known.plain)
        )

    def _changed(self):
        """Symbols that events assign, in `self.targets`: those that nothing else moves are states
        at rest."""
        self.targets: dict[str, int] = {}
        known = self.known
        for event in self.model.getListOfEvents():
            for item in self._with_math(event.getListOfEventAssignments()):
                self.targets.setdefault(item.getVariable(), item.getLine())
        species = {s.getId(): s for s in self.model.getListOfSpecies()}
        for name in self.targets:
            item = species.get(name)
            if name in known.assigned or (item is not None and self._size_of(item)):
                continue
            reacts = item is not None and name in self.flows and not item.getBoundaryCondition()
            if not reacts:
                known.rates.setdefault(name, trees.number(0.0))

    def _species(self):
        for species in self.model.getListOfSpecies():
            name, size = species.getId(), self._size_of(species)
            self.known.lines[name] = species.getLine()
            self.known.labels[name] = species.getName() or name
            self._start_of(species, name, size)
            if name in self.known.assigned or name in self.known.rates:
                if name in self.known.rates and size in self.targets:
                    self.fail(species, f"the rate of '{name}', whose size events set")
                continue
            flows = self.flows.get(name, [])
            if flows and not species.getBoundaryCondition():
                self._reacting(species, name, size, flows)
            elif size is not None and (name in self.targets or not self._constant(size)):
                self._reacting(species, name, size, [])

    def _size_of(self, species):
        """Symbol of the compartment that makes a concentration of an amount, or None."""
        compartment = self.model.getCompartment(species.getCompartment())
        if species.getHasOnlySubstanceUnits() or compartment is None:
            return None
        if compartment.isSetSpatialDimensions() and compartment.getSpatialDimensions() == 0:
            return None
        return compartment.getId()

    def _constant(self, name):
        return not (name in self.known.assigned or name in self.known.rates)

    def _start_of(self, species, name, size):
        """The value of a species' symbol at the start."""
        known = self.known
        if name in known.start or name in known.assigned:
            return
        if species.isSetInitialAmount():
            value, amounts = species.getInitialAmount(), True
        elif species.isSetInitialConcentration():
            value, amounts = species.getInitialConcentration(), False
        else:
            return
        if value != value:
            return
        if amounts == (size is None):
            known.plain[name] = value
            return
        own = f"{name}_initial"
        while own in known.lines or self.model.getElementBySId(own) is not None:
            own += "_"
        known.plain[own] = value
        known.lines[own] = species.getLine()
        known.labels[own] = f"initial {'amount' if amounts else 'concentration'} of {name}"
        volume = trees.name(size or species.getCompartment())
        make = trees.divide if amounts else trees.multiply
        known.start[name] = make(trees.name(own), volume)

    def _reacting(self, species, name, size, flows):
        factor = species.getConversionFactor() or self.model.getConversionFactor()
        slope = trees.add(*flows)
        if factor and flows:
            slope = trees.multiply(trees.name(factor), slope)
        known = self.known
        if size is None:
            known.rates[name] = slope
            return
        amount = f"{name}_amount"
        while self.model.getElementBySId(amount) is not None or amount in known.lines:
            amount += "_"
        known.start[amount] = trees.multiply(trees.name(name), trees.name(size))
        known.rates[amount] = slope
        known.assigned[name] = trees.divide(trees.name(amount), trees.name(size))
        self.concentrations[name] = amount, size
        known.lines[amount] = species.getLine()
        known.labels[amount] = f"amount of {known.labels[name]}"

    def _rates_of(self):
        """Put what `rateOf x` is in its place."""
        known = self.known
        for found in (known.assigned, known.rates, known.start, self.rules):
            for name, tree in found.items():
                found[name] = self._final(tree)

    def _slope(self, name):
        known = self.known
        if name in known.rates:
            return known.rates[name]
        if name not in known.assigned:
            return trees.number(0.0)
        if name not in self.concentrations:
            raise ModelError(
                f"{self.place}: rateOf '{name}', which a rule assigns, is not carried over."
            )
        amount, size = self.concentrations[name]
        own = trees.divide(known.rates[amount], trees.name(size))
        if self._constant(size):
            return own
        thinned = trees.multiply(
            trees.name(name), trees.divide(self._slope(size), trees.name(size))
        )
        return trees.binary(own, ast.Sub(), thinned)

    def _algebraic(self):
        """Solve each algebraic rule for the one symbol that nothing else determines."""
        rules = self._with_math(self.model.getListOfRules())
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
        self.known.assigned[free[0]] = self.rules[free[0]] = trees.divide(
            trees.negative(at_zero), slope
        )
        return True

    def _is_free(self, name):
        item = self.model.getElementBySId(name)
        may_change = item is not None and hasattr(item, "getConstant") and not item.getConstant()
        return may_change and self._constant(name)

    def _written(self):
        known, system = self.known, System(self._title(), self.place)
        changing = known.rates.keys() | known.assigned.keys() | known.start.keys()
        for name, value in known.plain.items():
            if name not in changing:
                system.parameters[name] = Parameter(value, known.labels.get(name, name))
        numbers = {n: trees.number(v) for n, v in known.plain.items() if n in changing}
        at_start = {**numbers, **known.start, **self.rules, "t": trees.number(0.0)}
        for name, slope in known.rates.items():
            system.states[name] = State(self._at_start(name, at_start, system), slope)
        system.equations = dict(known.assigned)
        for name in known.start:
            if name not in known.rates and name not in known.assigned:
                system.equations[name] = self._at_start(name, at_start, system)
        if not system.states:
            system.states[self._clock()] = State(trees.number(0.0), trees.number(1.0))
        system.events = self._events(system)
        system.outputs = self._outputs(system)
        system.time, system.amount = self._time(), "1"
        self._check_names(system)
        return system

    def _events(self, system):
        """Events in the order in which they happen at one moment."""
        found = []
        several = self.model.getNumEvents() > 1
        for number, item in enumerate(self.model.getListOfEvents(), 1):
            trigger = item.getTrigger()
            if item.getDelay() is not None:
                self.fail(item, "an event with a delay is not carried over")
            if trigger is None or trigger.getMath() is None:
                continue
            if several and trigger.isSetPersistent() and not trigger.getPersistent():
                self.fail(
                    item, "an event that is not persistent, among others, is not carried over"
                )
            at_start = trigger.isSetInitialValue() and not trigger.getInitialValue()
            self._check_values(item)
            name = item.getId() or f"event_{number}"
            tree = self._final(self.tree(trigger))
            changes = self._changes(item, system)
            if changes:
                event = Event(name, trees.condition(tree), changes, at_start)
                found.append((-self._priority(item), event))
        return [event for _, event in sorted(found, key=lambda pair: pair[0])]

    def _check_values(self, event):
        """Refuse an event whose new values are of the moment before another one has changed them.

        Events at one moment happen one after another, each with the values that it finds.
        """
        if not event.getUseValuesFromTriggerTime():
            return
        trigger = self.tree(event.getTrigger())
        used: set[str] = set()
        for item in self._with_math(event.getListOfEventAssignments()):
            used |= self._all_names(self.tree(item))
        for other in self.model.getListOfEvents():
            condition = other.getTrigger()
            if other.getLine() == event.getLine() or condition is None or not condition.getMath():
                continue
            elsewhere = {a.getVariable() for a in other.getListOfEventAssignments()}
            if trees.same(trigger, self.tree(condition)) and used & elsewhere:
                self.fail(event, "values of the moment before another event are not carried over")

    def _all_names(self, tree):
        """Names that a tree uses, by way of rules too."""
        found, left = set(), set(trees.names(tree))
        while left:
            name = left.pop()
            found.add(name)
            if name in self.rules:
                left |= trees.names(self.rules[name]) - found
        return found

    def _priority(self, event):
        priority = event.getPriority()
        if priority is None or priority.getMath() is None:
            return -math.inf
        if not priority.getMath().isNumber():
            self.fail(event, "a priority that is no number is not carried over")
        return priority.getMath().getValue()

    def _changes(self, event, system):
        """state -> tree of its new value."""
        changes = {}
        together = {a.getVariable() for a in event.getListOfEventAssignments()}
        for item in self._with_math(event.getListOfEventAssignments()):
            name, tree = item.getVariable(), self._final(self.tree(item))
            if name in self.concentrations:
                amount, size = self.concentrations[name]
                if size in together:
                    self.fail(
                        item, f"'{name}' and its compartment in one event are not carried over"
                    )
                changes[amount] = trees.multiply(tree, trees.name(size))
            elif name in system.states:
                changes[name] = tree
            else:
                self.fail(item, f"an event that sets '{name}' is not carried over")
        return changes

    def _final(self, tree):
        """The tree with `rateOf x` replaced by what it is."""
        for _ in range(len(self.known.lines) + 1):
            asked = [n for n in trees.names(tree) if n.startswith("rateOf ")]
            if not asked:
                return tree
            meant = {n: self._slope(n.removeprefix("rateOf ")) for n in asked}
            tree = trees.replaced(tree, meant)
        raise ModelError(f"{self.place}: rateOf of a rate that uses it is not carried over.")

    def _clock(self):
        name = CLOCK
        while name in self.known.lines:
            name += "_"
        return name

    def _title(self):
        return f"{self.model.getName() or self.model.getId() or 'Model'}, from {self.place}"

    def _at_start(self, name, at_start, system):
        try:
            return inlined(trees.name(name), at_start, system.parameters)
        except PkpdError as error:
            line = self.known.lines.get(name, 1)
            raise ModelError(f"{self.place}:{line}: the start of '{name}': {error}.") from error

    def _outputs(self, system):
        told = [s.getId() for s in self.model.getListOfSpecies()]
        kept = [name for name in told if name in system.states or name in system.equations]
        return kept or list(system.states)

    def _check_names(self, system):
        """Refuse a symbol that has no value, and one that changes the meaning of t."""
        known = {*system.parameters, *system.states, *system.equations, "t", "pi"}
        for name, tree in [
            *system.equations.items(),
            *((n, s.rate) for n, s in system.states.items()),
        ]:
            unknown = sorted(trees.names(tree) - known)
            if unknown:
                line = self.known.lines.get(unknown[0], self.known.lines.get(name, 1))
                raise ModelError(f"{self.place}:{line}: '{unknown[0]}' has no value.")

    def _time(self):
        """The unit of time as a model file has it, "" where the document does not say it."""
        unit = self.model.getTimeUnits() or "second"
        if unit == "second":
            return "s"
        found = self.model.getUnitDefinition(unit)
        if found is None or found.getNumUnits() != 1:
            return ""
        part = found.getUnit(0)
        size = part.getMultiplier() * 10.0 ** part.getScale()
        seconds = self.lib.UnitKind_toString(part.getKind()) == "second" and part.getExponent() == 1
        return _TIMES.get(size, "") if seconds else ""
