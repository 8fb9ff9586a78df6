"""Finished equations -> a System: which are rates, start values and properties of doses.

A reader gives each its key, such as "d/dt depot" or "lag depot". Knows keys and trees; knows
nothing of the words that a format has for them.
"""

from collections.abc import Iterable, Mapping

from pkpd.errors import ModelError, PkpdError, closest
from pkpd.exchange.readers import trees
from pkpd.exchange.readers.statements import Program, inlined
from pkpd.exchange.readers.trees import Tree
from pkpd.exchange.system import Parameter, State, System

DOSED = ("f", "lag", "rate", "duration")


def key(kind: str, compartment: str) -> str:
    """The name that a property of a compartment has among the equations."""
    return f"{kind} {compartment}"


def fill(
    system: System,
    program: Program,
    compartments: Iterable[str],
    given: Mapping[str, float],
    place: str,
) -> None:
    """Put the states and equations of a program into a system that has its parameters.

    compartments : in the order of the source; given : values of what the source leaves open

    Raises ModelError for a name without a value, and for a start value or a property of a dose
    that depends on more than parameters.
    """
    found = program.finished()
    kinds = {"d/dt": "slope", "start": "start", **{kind: kind for kind in DOSED}}
    parts: dict[str, dict[str, Tree]] = {name: {} for name in compartments}
    for unique in list(found):
        kind, _, name = unique.partition(" ")
        if not name:
            continue
        tree = found.pop(unique)
        if name not in parts:
            raise ModelError(
                f"{program.places.get(unique, place)}: '{name}' is no compartment."
                f"{closest(name, parts)}"
            )
        parts[name][kinds[kind]] = tree
    system.equations |= found
    _name_everything(system, parts, given, place)
    for name, own in parts.items():
        slope = own.get("slope", trees.number(0.0))
        state = State(_known(own, "start", system, name, place), slope)
        for kind in DOSED:
            if kind in own:
                state.dosed[kind] = _known(own, kind, system, name, place)
        system.states[name] = state


def _known(own, kind, system, name, place):
    """The tree of a property in terms of parameters alone."""
    tree = own.get(kind, trees.number(0.0))
    try:
        return inlined(tree, system.equations, system.parameters)
    except PkpdError as error:
        raise ModelError(f"{place}: {kind} of '{name}': {error}.") from error


def _name_everything(system, parts, given, place):
    """Give the names that the source leaves open the values that the user gives."""
    used: set[str] = set()
    for own in (system.equations, *parts.values()):
        used.update(*map(trees.names, own.values()))
    known = {*system.parameters, *system.equations, *parts, "t", "pi"}
    open_names = sorted(used - known)
    for name in open_names:
        if name in given:
            label = f"{name}, given by the user"
            system.parameters[name] = Parameter(float(given[name]), label, given=True)
    missing = [name for name in open_names if name not in given]
    if missing:
        raise ModelError(
            f"{place}: no value of {', '.join(missing[:10])}; give it by --set {missing[0]}=1."
        )
