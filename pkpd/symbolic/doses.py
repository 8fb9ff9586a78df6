"""What can be dosed: the [dose] table, and what equations ask of the last dose, checked.

Knows dose targets and the states that doses set; knows no regimens.
"""

import re

from pkpd import units
from pkpd.errors import PkpdError, closest
from pkpd.symbolic import parse
from pkpd.symbolic.entries import Entries, units_of
from pkpd.symbolic.model import DoseTarget, Input, State

_NAME = re.compile(r"[^\W\d]\w*\Z")


class Doses(Entries):
    """The dose targets of the files of one model.

    memories : state -> (what, of which target, place) that an equation asks of the last dose
    """

    def __init__(self, files):
        super().__init__(files)
        self.memories: dict[str, tuple[str, str, str]] = {}  # what is tad or last_dose

    def doses(self, inputs, states):
        """The DoseTargets. Covariates that event tables alone give are added to the inputs."""
        unit_of = units_of(states)
        return tuple(
            self.dose(name, entry, place, inputs, unit_of)
            for name, entry, place in self.entries("dose")
        )

    def dose(self, name, entry, place, inputs, unit_of):
        if name not in unit_of:
            self.fail(place, f"dose into '{name}', which is no state.{closest(name, unit_of)}")
        words = {"unit", "f", "lag", "rate", "duration", "with"}
        if not isinstance(entry, dict) or "unit" not in entry or not set(entry) <= words:
            self.fail(
                place, f"dose '{name}' needs a unit and may have f, lag, rate, duration and with."
            )
        unit = entry["unit"]
        measures = {
            "f": "1",
            "lag": self.time,
            "rate": f"{unit}/{self.time}" if unit != "1" else f"1/{self.time}",
            "duration": self.time,
        }
        named = {}
        try:
            size = units.factor(unit, unit_of[name])
            for key, measure in measures.items():
                if key in entry:
                    source = str(entry[key])
                    named[key] = self.of_dose(name, key, source, measure, place, inputs)
        except PkpdError as error:
            self.fail(place, str(error).removeprefix(f"{place}: "))
        memory = {what: state for state, (what, into, _) in self.memories.items() if into == name}
        named |= {"since": memory.get("tad"), "last": memory.get("last_dose")}
        named["beside"] = self.beside(name, entry, place)
        return DoseTarget(name, unit, size, **named, place=place)

    def beside(self, name, entry, place):
        """The target whose doses are given into the target `name`, too, or None."""
        other = entry.get("with")
        if other is None:
            return None
        targets = {target: given for target, given, _ in self.entries("dose")}
        if other == name or other not in targets:
            known = targets.keys() - {name}
            self.fail(
                place,
                f"dose '{name}' is given with '{other}', which is no other dose target."
                f"{closest(str(other), known)}",
            )
        first = targets[other]
        if not isinstance(first, dict) or "with" in first or first.get("unit") != entry["unit"]:
            self.fail(
                place,
                f"dose '{name}' is given with '{other}', which must be in {entry['unit']} and "
                "must not be given with a third one.",
            )
        if list(targets).index(other) > list(targets).index(name):
            self.fail(place, f"dose '{name}' is given with '{other}'; write it below that one.")
        return other

    def of_dose(self, target, key, source, measure, place, inputs):
        """The name or expression of inputs, in the unit `measure`, that a dose's `key` is."""
        if not _NAME.match(source):
            known = units_of(inputs.values())
            return self.scaled(source, measure, known, place, f"{key} of dose '{target}'")
        if source not in inputs:
            inputs[source] = self.column(key, source, measure, place, target, inputs)
        if units.factor(inputs[source].unit, measure) != 1.0:
            self.fail(place, f"{key} '{source}' must be in {measure}.")
        return source

    def column(self, key, name, unit, place, target, inputs):
        """A covariate given by event tables alone, for a name in capitals that the model lacks."""
        if parse.why_not_a_name(name) or name != name.upper():
            self.fail(
                place,
                f"{key} of dose '{target}': no parameter or covariate '{name}'."
                f"{closest(name, inputs)}",
            )
        value = 1.0 if key == "f" else 0.0
        return Input(
            name,
            value,
            unit,
            f"{key} of doses into {target}, column {name} of the event table",
            f"{value:g} without such a column",
            "assumed",
            place,
        )

    def since_doses(self, text, place):
        """The text with names of states for what it uses of the last doses, which are noted."""
        text, found = parse.since_doses(text)
        for name, (what, into) in found.items():
            self.memories.setdefault(name, (what, into, place))
        return text

    def remembered(self):
        """The States that hold how long ago the last dose was, and how much, which doses set."""
        unit_of = {name: entry for name, entry, _ in self.entries("dose")}
        states = []
        for name, (what, into, place) in self.memories.items():
            if not isinstance(unit_of.get(into), dict) or "unit" not in unit_of[into]:
                self.fail(
                    place, f"{what}({into}): '{into}' is no dose target.{closest(into, unit_of)}"
                )
            unit = self.time if what == "tad" else str(unit_of[into]["unit"])
            self.named_equation(name, unit, place)
            states.append(State(name, unit, "0", "1" if what == "tad" else "0", place))
        return tuple(states)
