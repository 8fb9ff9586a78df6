"""Equations and events of a model file: read, scaled to their units and put in order.

Knows [equations] and [events]; knows no variability and nothing of what a model is for.
"""

import re
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter
from itertools import count

from pkpd.errors import closest
from pkpd.symbolic import parse
from pkpd.symbolic.blocks import Use, names_in
from pkpd.symbolic.definitions import Definitions
from pkpd.symbolic.doses import Doses
from pkpd.symbolic.entries import units_of
from pkpd.symbolic.finite import without_value
from pkpd.symbolic.model import Assignment, Event, State

_LEFT = re.compile(
    r"\s*(?:d/dt\((?P<rate>\w+)\)|(?P<start>\w+)\(0\)|(?P<name>\w+))\s*=(?P<right>.*)\Z"
)


class Equations(Doses):
    """The equations of the files of one model, which may ask for the last dose.

    uses : which equation uses which names
    """

    def __init__(self, files):
        super().__init__(files)
        self.uses: list[Use] = []

    def equations(self, inputs):
        found = self.statements()
        self.changes = [
            (name, self.of_event(entry, place), place)
            for name, entry, place in self.entries("events")
        ]
        remembered = self.remembered()
        input_units = units_of(inputs.values())
        known = input_units | {"t": self.time} | units_of(remembered)
        for name, (_, unit, place) in (*found["rate"].items(), *found["name"].items()):
            self.named_equation(name, unit, place)
            known[name] = unit
        for name, (_, _, place) in found["start"].items():
            if name not in found["rate"]:
                self.fail(
                    place,
                    f"start value of '{name}', which has no d/dt.{closest(name, found['rate'])}",
                )
        states = self.states(found, known, input_units)
        assigned = {}
        for name, (text, unit, place) in found["name"].items():
            expression = self.scaled(text, unit, known, place, name)
            assigned[name] = Assignment(name, unit, expression, place)
        if not states:
            self.fail(self.main.place("equations"), "no equation 'd/dt(x) = ...' found.")
        assignments = tuple(assigned[name] for name in self.in_order(assigned))
        self.finite(inputs, states, assignments, found, remembered)
        states += remembered
        return states, assignments

    def statements(self):
        """kind -> name -> (expression, unit, place) of every equation."""
        found = {kind: Definitions(self.files) for kind in ("rate", "start", "name")}
        for file in self.files:
            sections = file.data.get("equations", {})
            if not isinstance(sections, dict) or not all(
                isinstance(s, str) for s in sections.values()
            ):
                self.fail(file.place("equations"), "[equations] holds named texts.")
            for block, text in sections.items():
                for content, line in parse.lines(text):
                    self.statement(content, file, file.line(line), found, block)
        return {
            kind: {name: (*value, place) for name, (value, place) in definitions.settled().items()}
            for kind, definitions in found.items()
        }

    def statement(self, content, file, place, found, block):
        expression, colon, unit = content.rpartition(":")
        match = _LEFT.match(expression) if colon else None
        if match is None:
            self.fail(
                place,
                f"'{parse.short(content)}' is not an equation; "
                "write 'd/dt(x) = ... : unit', 'x(0) = ... : unit' or 'y = ... : unit'.",
            )
        kind = next(k for k in found if match[k])
        name, label = match[kind], content.split("=")[0].strip()
        right = self.since_doses(match["right"].strip(), place)
        self.uses.append(Use(block, name, names_in(right)))
        found[kind].add(name, file, label, (right, unit.strip()), place)

    def states(self, found, known, input_units):
        """The States of the rates and start values among the equations found."""
        states = []
        for name, (text, unit, place) in found["rate"].items():
            per_time = f"({unit})/({self.time})" if unit != "1" else f"1/{self.time}"
            rate = self.scaled(text, per_time, known, place, f"d/dt({name})")
            start, start_unit, start_place = found["start"].get(name, ("0", unit, place))
            self.scaled(start, start_unit, input_units, start_place, f"{name}(0)")
            initial = self.scaled(start, unit, input_units, start_place, f"{name}(0)")
            states.append(State(name, unit, initial, rate, place))
        return tuple(states)

    def finite(self, inputs, states, assignments, found, remembered):
        """Complain about an equation that has no finite value whatever its inputs and states."""
        equations = {a.name: (a.expression, found["name"][a.name]) for a in assignments}
        for s in states:
            equations[f"d/dt({s.name})"] = s.rate, found["rate"][s.name]
            equations[f"{s.name}(0)"] = (
                s.initial,
                found["start"].get(s.name, ("0", s.unit, s.place)),
            )
        typical = {i.name: i.value for i in inputs.values()}
        typical |= {s.name: 1.0 for s in (*states, *remembered)}
        texts = [(name, expression) for name, (expression, _) in equations.items()]
        name = without_value(texts, typical | {"t": 1.0})
        if name is not None:
            text, _, place = equations[name][1]
            self.fail(
                place,
                f"in {name}, '{parse.short(text)}' has no finite value, whatever its inputs and "
                "states are.",
            )

    def in_order(self, assigned):
        """Names in an order in which each uses only earlier ones: by levels, in file order within.

        A level uses only lower ones.
        """
        uses = {}
        for name, assignment in assigned.items():
            uses[name] = parse.names(parse.checked(assignment.expression)) & assigned.keys()
        place = dict(zip(uses, count()))
        sorter = TopologicalSorter(uses)
        with suppress(CycleError):  # what stands in a circle, or behind one, never gets ready
            sorter.prepare()
        order: list[str] = []
        while level := sorter.get_ready():
            order += sorted(level, key=place.__getitem__)
            sorter.done(*level)
        if len(order) < len(uses):
            stuck = sorted(uses.keys() - set(order), key=place.__getitem__)
            named = ", ".join(stuck[:10]) + (", ..." if len(stuck) > 10 else "")
            self.fail(assigned[stuck[0]].place, f"{named} depend on each other in a circle.")
        return order

    def events(self, known, states):
        """What happens when conditions become true.

        known : name -> unit of all that conditions and new values may use; states : those that can
            be changed
        """
        known = known | {"t": self.time}
        return tuple(
            self.event(name, entry, place, known, states) for name, entry, place in self.changes
        )

    def of_event(self, entry, place):
        """The entry of an event, with names of states for what it uses of the last doses."""
        if not isinstance(entry, dict) or not isinstance(entry.get("set"), dict):
            return entry
        when = entry.get("when")
        when = self.since_doses(when, place) if isinstance(when, str) else when
        values = {
            state: self.since_doses(str(value), place) for state, value in entry["set"].items()
        }
        return entry | {"when": when, "set": values}

    def event(self, name, entry, place, known, states):
        if not isinstance(entry, dict) or set(entry) - {"at_start"} != {"when", "set"}:
            self.fail(
                place,
                f"event '{name}' is {{ when = 'a condition', set = {{ state = 'value' }} }}, and "
                "may have at_start = true.",
            )
        at_start = entry.get("at_start", False)
        if not isinstance(at_start, bool):
            self.fail(place, f"event '{name}': at_start is true or false.")
        changes = entry["set"]
        if not isinstance(changes, dict) or not changes or not isinstance(entry["when"], str):
            self.fail(place, f"event '{name}' sets at least one state, when a condition holds.")
        label = f"event '{name}'"
        trigger = self.scaled(f"1 if {entry['when']} else 0", "1", known, place, label)
        values = []
        for state, text in changes.items():
            if state not in states:
                self.fail(
                    place, f"{label} sets '{state}', which is no state.{closest(state, states)}"
                )
            values.append((state, self.scaled(str(text), states[state], known, place, label)))
        return Event(name, trigger, tuple(values), at_start, place)
