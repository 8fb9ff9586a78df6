"""System -> the text of a model file.

The numbers of the source are plain. Without units from the user all but the time and amounts have
the unit 1; with them the rest is solved (pkpd.exchange.units_of_names). Knows the words of a model
file; knows nothing of foreign formats.
"""

import json
import re

from pkpd import units
from pkpd.errors import ModelError
from pkpd.exchange.names import renamed
from pkpd.exchange.quantities import ONES, Quantities
from pkpd.exchange.readers import trees
from pkpd.exchange.system import System
from pkpd.exchange.units_of_names import AMOUNT, NONE, PER_TIME, TIME, Basis, plus, solved
from pkpd.symbolic import parse

MOST_EQUATIONS = 2000  # states and equations of a foreign model


def written(system: System, basis: Basis, solve: bool = False) -> str:
    """The text of the model file.

    basis : units of the time, amounts ("1": they have none) and observations
    solve : whether all names get a unit that follows from these, or the states alone

    Raises ModelError where the source holds no equation with a derivative.
    """
    units.dimension(basis.amount)
    if not system.states:
        raise ModelError(f"{system.source}: holds no differential equation, so nothing to solve.")
    if len(system.states) + len(system.equations) > MOST_EQUATIONS:
        raise ModelError(f"{system.source}: more than {MOST_EQUATIONS} equations.")
    return _Writer(system, basis, solve).text()


# names of equations that are no name of the model
TAKEN = {"t": "the time", "pi": "the number pi"}


def called(system: System) -> dict[str, str]:
    """name in the source -> name in the model file.

    Raises ModelError for a name that means the time, or pi, in equations.
    """
    names = [*system.parameters, *system.states, *system.equations]
    for name in names:
        if name in TAKEN:
            raise ModelError(
                f"{system.source}: the name '{name}' is not carried over, because equations here "
                f"call {TAKEN[name]} so; give it another one."
            )
    return renamed(names, {*parse.RESERVED, *ONES.values()}, _fitting)


def _without_units(system, basis):
    """The Unit of each name where only amounts have one."""
    state = NONE if basis.amount == "1" else AMOUNT
    names = [*system.parameters, *system.equations]
    return dict.fromkeys(names, NONE) | dict.fromkeys(system.states, state)


class _Writer:
    def __init__(self, system, basis, solve):
        self.system, self.basis = system, basis
        self.called = called(system)
        self.units = _without_units(system, basis)
        self.open: list[str] = []  # names whose unit does not follow
        if solve:
            self.units, self.open = solved(system, basis)
        self.quantities = Quantities(self.units, self.called, basis)

    def text(self):
        doses, events, equations = [*self._doses()], [*self._events()], [*self._equations()]
        parts = [
            *self._top(),
            "\n[dose]",
            *doses,
            "\n[parameters]",
            *self._parameters(),
            *self._omega(),
            *self._residual(),
            *events,
            "\n[equations]",
            "model = '''",
            *equations,
            "'''",
            "",
        ]
        return "\n".join(parts)

    def _top(self):
        notes = [*self.system.notes, *self._notes()]
        yield f"title   = {_quoted(self.system.title)}"
        yield f"time    = {_quoted(self.basis.time)}"
        yield f"outputs = {_quoted([self.called[name] for name in self.system.outputs])}"
        if notes:
            yield from ("notes = [", *(f"    {_quoted(note)}," for note in notes), "]")

    def _notes(self):
        """What one should know of names and units."""
        renamings = [f"{old} is {new}" for old, new in self.called.items() if old != new]
        if renamings:
            yield f"Renamed: {', '.join(renamings)}."
        if self.open:
            named = ", ".join(self.called[name] for name in self.open)
            yield (
                f"The units of {named} do not follow from those of DV, AMT and TIME; they count as "
                "1, and others follow from them."
            )
        if any(unit[3] for unit in self.units.values()):
            yield "Numbers such as 1000 beside a quantity count as conversions of units."

    def _unit(self, name):
        """Text of the unit of a name of the source."""
        return self.basis.text(self.units[name])

    def _doses(self):
        for name, state in self.system.states.items():
            own = self.units[name]
            wanted = {"f": NONE, "lag": TIME, "duration": TIME, "rate": plus(own, PER_TIME)}
            entries = {"unit": self._unit(name)}
            for key, tree in state.dosed.items():
                entries[key] = self.quantities.text(tree, wanted[key])
            inside = ", ".join(f"{key} = {_quoted(text)}" for key, text in entries.items())
            yield f"{self.called[name]} = {{ {inside} }}"

    def _parameters(self):
        said = "so that equations of plain numbers keep their units"
        for unit, name in self.quantities.ones.items():
            text = self.basis.text(unit)
            label = f"1 per {text[2:]}" if text.startswith("1/") else f"1 {text}"
            yield _parameter(name, 1.0, text, label, said, "derived")
        for value, name in self.quantities.numbers.items():
            label = f"the number {value:g}"
            yield _parameter(name, value, "1", label, self.system.source, "assumed")
        for name, item in self.system.parameters.items():
            label, own = item.label or name, self.called[name]
            source, unit = self.system.source, self._unit(name)
            yield _parameter(own, item.value, unit, label, source, item.evidence, item.sd)

    def _omega(self):
        if self.system.omega:
            yield "\n[omega]"
        for names, rows in self.system.omega:
            key = ", ".join(self.called[name] for name in names)
            yield f"{_quoted(key)} = {rows!r}"

    def _residual(self):
        if self.system.residual:
            yield "\n[residual]"
        for name, error in self.system.residual.items():
            source, unit = _quoted(self.system.source), self._unit(name)
            parts = [p if "%" in p or unit == "1" else f"{p} {unit}" for p in error.split(" + ")]
            text = _quoted(" + ".join(parts))
            entry = f'error = {text}, source = {source}, evidence = "estimated"'
            yield f"{self.called[name]} = {{ {entry} }}"

    def _events(self):
        if self.system.events:
            yield "\n[events]"
        names = renamed([e.name for e in self.system.events], (), _fitting)
        for event in self.system.events:
            new = {
                self.called[state]: self.quantities.text(tree, self.units[state])
                for state, tree in event.changes.items()
            }
            inside = ", ".join(f"{state} = {_quoted(text)}" for state, text in new.items())
            when = self.quantities.condition_text(event.trigger)
            at_start = ", at_start = true" if event.at_start else ""
            body = f"when = {_quoted(when)}, set = {{ {inside} }}{at_start}"
            yield f"{names[event.name]} = {{ {body} }}"

    def _equations(self):
        for name, state in self.system.states.items():
            own, unit = self.called[name], self.units[name]
            if not trees.same(state.start, trees.number(0.0)):
                yield f"{own}(0) = {self.quantities.text(state.start, unit)} : {self._unit(name)}"
            rate = self.quantities.text(state.rate, plus(unit, PER_TIME))
            yield f"d/dt({own}) = {rate} : {self._unit(name)}"
        for name, tree in self.system.equations.items():
            text = self.quantities.text(tree, self.units[name])
            yield f"{self.called[name]} = {text} : {self._unit(name)}"


def _parameter(name, value, unit, label, source, evidence, sd=None):
    spread = (
        ""
        if sd is None
        else 'iiv = { kind = "normal" }, '
        if sd == 0
        else f"iiv = {{ sd = {sd!r} }}, "
    )
    return (
        f"{name} = {{ value = {value!r}, unit = {_quoted(unit)}, {spread}label = {_quoted(label)}, "
        f'source = {_quoted(source)}, evidence = "{evidence}" }}'
    )


def _quoted(value):
    """A text, or a list of them, as TOML writes it."""
    if isinstance(value, list):
        return "[" + ", ".join(map(_quoted, value)) + "]"
    shown = "".join(c if c.isprintable() else " " for c in str(value))
    return json.dumps(" ".join(shown.split()), ensure_ascii=False)


def _fitting(name):
    """A foreign name as one that a model file can hold."""
    kept = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or "x"
    kept = kept if kept[0].isalpha() else f"x{kept}"
    return f"{kept}_" if parse.why_not_a_name(kept[:60]) else kept[:60]
