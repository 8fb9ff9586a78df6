"""SBML -> System.

Needs python-libsbml. Knows what makes a system of the symbols of a model; knows nothing of where
they come from, or of model files.
"""

from pkpd.errors import ModelError, PkpdError
from pkpd.exchange.readers import trees
from pkpd.exchange.readers.sbml_document import opened, time_unit
from pkpd.exchange.readers.sbml_events import events
from pkpd.exchange.readers.sbml_symbols import Symbols
from pkpd.exchange.readers.statements import inlined
from pkpd.exchange.system import Parameter, State, System

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
CLOCK = "clock"


def read(text: str, place: str, given: dict[str, float]) -> System:
    """The System of a document. Raises ModelError with the line of what is not carried over."""
    return Reader(text, place).system(given)


class Reader:
    """Reads one document. model : of libsbml, with its submodels in it"""

    def __init__(self, text, place):
        self.place = place
        self.document = opened(text, place)
        self.model = self.document.getModel()

    def system(self, given):
        """The System. given : values of symbols in place of those of the document"""
        known = Symbols(self.model, self.place, given)
        system = System(self._title(), self.place)
        changing = known.rates.keys() | known.assigned.keys() | known.start.keys()
        numbers = {}
        for name, value in known.plain.items():
            if name in changing:
                numbers[name] = trees.number(value)
            else:
                system.parameters[name] = Parameter(value, known.labels.get(name, name))
        at_start = {**numbers, **known.start, **known.rules, "t": trees.number(0.0)}
        for name, slope in known.rates.items():
            system.states[name] = State(self._at_start(name, at_start, system, known), slope)
        system.equations = dict(known.assigned)
        for name in known.start:
            if name not in known.rates and name not in known.assigned:
                system.equations[name] = self._at_start(name, at_start, system, known)
        if not system.states:
            system.states[known.free(CLOCK)] = State(trees.number(0.0), trees.number(1.0))
        system.events = events(known, frozenset(system.states))
        system.outputs = self._outputs(system)
        system.time, system.amount = time_unit(self.model), "1"
        self._check_names(system, known)
        return system

    def _title(self):
        return f"{self.model.getName() or self.model.getId() or 'Model'}, from {self.place}"

    def _at_start(self, name, at_start, system, known):
        try:
            return inlined(trees.name(name), at_start, system.parameters)
        except PkpdError as error:
            line = known.lines.get(name, 1)
            raise ModelError(f"{self.place}:{line}: the start of '{name}': {error}.") from error

    def _outputs(self, system):
        told = [s.getId() for s in self.model.getListOfSpecies()]
        kept = [name for name in told if name in system.states or name in system.equations]
        return kept or list(system.states)

    def _check_names(self, system, known):
        """Refuse a symbol that has no value, and one that changes the meaning of t."""
        all_known = {*system.parameters, *system.states, *system.equations, "t", "pi"}
        rates = {name: state.rate for name, state in system.states.items()}
        for name, tree in (*system.equations.items(), *rates.items()):
            unknown = sorted(trees.names(tree) - all_known)
            if unknown:
                line = known.lines.get(unknown[0], known.lines.get(name, 1))
                raise ModelError(f"{self.place}:{line}: '{unknown[0]}' has no value.")
