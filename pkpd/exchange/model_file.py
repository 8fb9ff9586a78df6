"""System -> the text of a model file.

The numbers of the source are plain, so each equation is one of plain numbers: the time is counted
in its unit by the parameter `per_time`, amounts by `one_amount`, both 1. Knows the words of a model
file; knows nothing of foreign formats.
"""

import json
import re

from pkpd import units
from pkpd.errors import ModelError
from pkpd.exchange.names import renamed
from pkpd.exchange.readers import trees
from pkpd.exchange.system import System
from pkpd.symbolic import parse

PER_TIME, ONE_AMOUNT = "per_time", "one_amount"
MOST_EQUATIONS = 2000  # states and equations of a foreign model


def written(system: System, time: str, amount: str) -> str:
    """The text of the model file, with time and amounts in these units ("1": amounts have none).

    Raises ModelError where the source holds no equation with a derivative.
    """
    units.dimension(amount)
    if not system.states:
        raise ModelError(f"{system.source}: holds no differential equation, so nothing to solve.")
    if len(system.states) + len(system.equations) > MOST_EQUATIONS:
        raise ModelError(f"{system.source}: more than {MOST_EQUATIONS} equations.")
    return _Writer(system, time, amount).text()


def called(system: System) -> dict[str, str]:
    """name in the source -> name in the model file."""
    names = [*system.parameters, *system.states, *system.equations]
    return renamed(names, {*parse.RESERVED, PER_TIME, ONE_AMOUNT}, _fitting)


class _Writer:
    def __init__(self, system, time, amount):
        self.system, self.time, self.amount = system, time, amount
        self.called = called(system)
        self.plain = {name: trees.name(own) for name, own in self.called.items()}
        self.plain["t"] = trees.multiply(trees.name("t"), trees.name(PER_TIME))
        self.measured = amount != "1"
        if self.measured:
            for name in system.states:
                own = trees.name(self.called[name])
                self.plain[name] = trees.divide(own, trees.name(ONE_AMOUNT))

    def text(self):
        parts = [
            *self._top(),
            "\n[dose]",
            *self._doses(),
            "\n[parameters]",
            *self._parameters(),
            *self._omega(),
            *self._residual(),
            *self._events(),
            "\n[equations]",
            "model = '''",
            *self._equations(),
            "'''",
            "",
        ]
        return "\n".join(parts)

    def _top(self):
        system = self.system
        renamings = [f"{old} is {new}" for old, new in self.called.items() if old != new]
        notes = [*system.notes, *(["Renamed: " + ", ".join(renamings) + "."] if renamings else [])]
        yield f"title   = {_quoted(system.title)}"
        yield f"time    = {_quoted(self.time)}"
        yield f"outputs = {_quoted([self.called[name] for name in system.outputs])}"
        if notes:
            yield from ("notes = [", *(f"    {_quoted(note)}," for note in notes), "]")

    def _number(self, tree, factors=(), divisors=()):
        """Text of a tree with its plain numbers, times factors and over divisors that are names."""
        product = trees.multiply(*map(trees.name, factors), self._plain(tree))
        for divisor in divisors:
            product = trees.divide(product, trees.name(divisor))
        return trees.text(product)

    def _plain(self, tree):
        return trees.replaced(trees.numeric(tree), self.plain)

    def _doses(self):
        amount = (ONE_AMOUNT,) if self.measured else ()
        factors = {"rate": (*amount, PER_TIME)}
        divisors = {"lag": (PER_TIME,), "duration": (PER_TIME,)}
        for name, state in self.system.states.items():
            entries = {"unit": self.amount}
            for key, tree in state.dosed.items():
                entries[key] = self._number(tree, factors.get(key, ()), divisors.get(key, ()))
            inside = ", ".join(f"{key} = {_quoted(text)}" for key, text in entries.items())
            yield f"{self.called[name]} = {{ {inside} }}"

    def _parameters(self):
        said = "so that equations of plain numbers keep their units"
        yield _parameter(PER_TIME, 1.0, f"1/{self.time}", f"1 per {self.time}", said, "derived")
        if self.measured:
            label = f"1 {self.amount}"
            yield _parameter(ONE_AMOUNT, 1.0, self.amount, label, said, "derived")
        for name, item in self.system.parameters.items():
            label = item.label or name
            source, own = self.system.source, self.called[name]
            yield _parameter(own, item.value, "1", label, source, item.evidence, item.sd)

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
            source = _quoted(self.system.source)
            entry = f'error = {_quoted(error)}, source = {source}, evidence = "estimated"'
            yield f"{self.called[name]} = {{ {entry} }}"

    def _events(self):
        if self.system.events:
            yield "\n[events]"
        amount = (ONE_AMOUNT,) if self.measured else ()
        names = renamed([e.name for e in self.system.events], (), _fitting)
        for event in self.system.events:
            new = {self.called[s]: self._number(t, amount) for s, t in event.changes.items()}
            inside = ", ".join(f"{state} = {_quoted(text)}" for state, text in new.items())
            when = trees.condition_text(trees.replaced(event.trigger, self.plain))
            at_start = ", at_start = true" if event.at_start else ""
            body = f"when = {_quoted(when)}, set = {{ {inside} }}{at_start}"
            yield f"{names[event.name]} = {{ {body} }}"

    def _equations(self):
        amount = (ONE_AMOUNT,) if self.measured else ()
        for name, state in self.system.states.items():
            own = self.called[name]
            if not trees.same(state.start, trees.number(0.0)):
                yield f"{own}(0) = {self._number(state.start, amount)} : {self.amount}"
            yield f"d/dt({own}) = {self._number(state.rate, (*amount, PER_TIME))} : {self.amount}"
        for name, tree in self.system.equations.items():
            yield f"{self.called[name]} = {self._number(tree)} : 1"


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
