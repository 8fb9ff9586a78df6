"""Events of an SBML model, in the order in which they happen at one moment.

Knows symbols and events; knows nothing of how an event is found.
"""

import math

from pkpd.exchange.readers import trees
from pkpd.exchange.readers.sbml_document import with_math
from pkpd.exchange.readers.sbml_symbols import Symbols
from pkpd.exchange.system import Event


def events(symbols: Symbols, states: frozenset[str]) -> list[Event]:
    """The events that change something. Raises ModelError for those that are not carried over.

    states : names that an event may set
    """
    found = []
    for number, item in enumerate(symbols.model.getListOfEvents(), 1):
        trigger = item.getTrigger()
        _check_kind(symbols, item)
        if trigger is None or trigger.getMath() is None:
            continue
        _check_values(symbols, item)
        at_start = trigger.isSetInitialValue() and not trigger.getInitialValue()
        condition = trees.condition(symbols.final(symbols.tree(trigger)))
        changes = _changes(symbols, item, states)
        if changes:
            name = item.getId() or f"event_{number}"
            found.append((-_priority(symbols, item), Event(name, condition, changes, at_start)))
    return [event for _, event in sorted(found, key=lambda pair: pair[0])]


def _check_kind(symbols, event):
    """Refuse what no event of a model file is."""
    if event.getDelay() is not None:
        symbols.fail(event, "an event with a delay is not carried over")
    trigger = event.getTrigger()
    if trigger is None or symbols.model.getNumEvents() == 1:
        return
    if trigger.isSetPersistent() and not trigger.getPersistent():
        symbols.fail(event, "an event that is not persistent, among others, is not carried over")


def _check_values(symbols, event):
    """Refuse an event whose new values are of the moment before another one has changed them.

    Events at one moment happen one after another, each with the values that it finds.
    """
    if not event.getUseValuesFromTriggerTime():
        return
    trigger = symbols.tree(event.getTrigger())
    used: set[str] = set()
    for item in with_math(event.getListOfEventAssignments()):
        used |= _all_names(symbols, symbols.tree(item))
    for other in symbols.model.getListOfEvents():
        condition = other.getTrigger()
        if other.getLine() == event.getLine() or condition is None or not condition.getMath():
            continue
        elsewhere = {a.getVariable() for a in other.getListOfEventAssignments()}
        if trees.same(trigger, symbols.tree(condition)) and used & elsewhere:
            symbols.fail(event, "values of the moment before another event are not carried over")


def _all_names(symbols, tree):
    """Names that a tree uses, by way of rules too."""
    found: set[str] = set()
    left = set(trees.names(tree))
    while left:
        name = left.pop()
        found.add(name)
        if name in symbols.rules:
            left |= trees.names(symbols.rules[name]) - found
    return found


def _priority(symbols, event):
    priority = event.getPriority()
    if priority is None or priority.getMath() is None:
        return -math.inf
    if not priority.getMath().isNumber():
        symbols.fail(event, "a priority that is no number is not carried over")
    return priority.getMath().getValue()


def _changes(symbols, event, states):
    """state -> tree of its new value."""
    changes = {}
    together = {a.getVariable() for a in event.getListOfEventAssignments()}
    for item in with_math(event.getListOfEventAssignments()):
        name, tree = item.getVariable(), symbols.final(symbols.tree(item))
        if name in symbols.concentrations:
            amount, size = symbols.concentrations[name]
            if size in together:
                symbols.fail(
                    item, f"'{name}' and its compartment in one event are not carried over"
                )
            changes[amount] = trees.multiply(tree, trees.name(size))
        elif name in states:
            changes[name] = tree
        else:
            symbols.fail(item, f"an event that sets '{name}' is not carried over")
    return changes
