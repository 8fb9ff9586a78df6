"""The files of one model -> one checked Model: every name, number, unit and equation is checked.

Each mistake is reported with its place.

Knows the words of a model file; knows nothing of folders or caches.
"""

import re
from contextlib import suppress
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import count

from pkpd import units
from pkpd.errors import ModelError, PkpdError, closest
from pkpd.symbolic import parse, plausibility, variability
from pkpd.symbolic.blocks import Use, blocks, names_in
from pkpd.symbolic.definitions import Definitions
from pkpd.symbolic.entries import Entries
from pkpd.symbolic.finite import without_value
from pkpd.symbolic.model import (
    ROLES,
    Assignment,
    DoseTarget,
    Event,
    Input,
    Model,
    Published,
    State,
)
from pkpd.symbolic.quantities import dose_range, read_benefit, unit_at_end

EVIDENCE = ("measured", "estimated", "derived", "assumed", "calibrated")
INPUT = {
    "value",
    "unit",
    "iiv",
    "iov",
    "label",
    "source",
    "evidence",
    "role",
    "hypothesis",
    "prior",
}  # entries of a parameter
BENEFIT = {
    "outcome",
    "better",
    "into",
    "every",
    "doses",
    "delta",
    "report",
    "exposure",
    "blockade",
    "background",
    "subject_to",
}  # entries of [benefit]
TABLES = {
    "title",
    "time",
    "outputs",
    "include",
    "override",
    "needs",
    "dose",
    "benefit",
    "parameters",
    "covariates",
    "correlations",
    "omega",
    "published",
    "residual",
    "equations",
    "events",
    "description",
    "notes",
}
_NAME = re.compile(r"[^\W\d]\w*\Z")
_LEFT = re.compile(
    r"\s*(?:d/dt\((?P<rate>\w+)\)|(?P<start>\w+)\(0\)|(?P<name>\w+))\s*=(?P<right>.*)\Z"
)


def _units_of(items):
    """Name -> unit of inputs, states or assignments."""
    return {item.name: item.unit for item in items}


def _separated(key):
    """The names of a key such as "cl, vc"."""
    return list(map(str.strip, key.split(",")))


class Builder(Entries):
    """Merges the files of one model and checks every name, number and unit."""

    def __init__(self, files, name, digest):
        super().__init__(files)
        self.name, self.digest = name, digest
        for file in files:
            unknown = sorted(set(file.data) - TABLES)
            if unknown:
                raise ModelError(
                    f"{file.place(unknown[0])}: unknown entry '{unknown[0]}'."
                    f"{closest(unknown[0], TABLES)}"
                )
        self.doubts: list[str] = []
        self.uses: list[Use] = []
        self.memories: dict[str, tuple[str, str, str]] = {}  # state: tad or last_dose, of, place
        self.deviations, self.blocks = self.omega()

    def model(self):
        self.time = self.time_unit()
        self.unit(self.time, self.main.place(r"^time"), units.dimension("h")[0])
        parameters, covariates = self.inputs("parameters"), self.inputs("covariates")
        inputs = {i.name: i for i in (*parameters, *covariates)}
        states, assignments = self.equations(inputs)
        doses = self.doses(inputs, states)
        covariates = tuple(inputs.values())[len(parameters) :]  # with the columns of doses
        group = blocks(self.uses, doses)
        parameters, covariates = self.grouped(parameters, group), self.grouped(covariates, group)
        units_of_outputs = _units_of((*states, *assignments))
        unit_of = _units_of(inputs.values()) | units_of_outputs
        self.needs(unit_of)
        correlations = self.correlations(inputs)
        residuals = self.residuals(states, assignments)
        doubts = [*self.doubts, *plausibility.of_model(parameters, covariates, residuals)]
        return Model(
            name=self.name,
            title=str(self.main.data.get("title", self.name)),
            path=str(self.main.path),
            digest=self.digest,
            time=self.time,
            parameters=parameters,
            covariates=covariates,
            correlations=correlations,
            states=states,
            assignments=assignments,
            outputs=self.outputs(units_of_outputs),
            doses=doses,
            benefit=self.benefit(doses, units_of_outputs),
            published=self.published(),
            residuals=residuals,
            doubts=tuple(doubts),
            description=str(self.main.data.get("description", "")),
            events=self.events(unit_of, {s.name: s.unit for s in states}),
            notes=tuple(map(str, self.listed("notes"))),
        )

    def time_unit(self):
        """The unit of time: of the main file, or else of the first file that has one; or h."""
        for file in (self.main, *self.files):
            if "time" in file.data:
                return file.data["time"]
        return "h"

    def grouped(self, inputs, group):
        """The inputs with the block of equations that each belongs to; without one, the first."""
        first = self.uses[0].block
        return tuple(replace(item, group=group.get(item.name, first)) for item in inputs)

    def inputs(self, table) -> tuple[Input, ...]:
        found = []
        for name, entry, place in self.entries(table):
            found.append(self.input(name, entry, place, table == "covariates"))
        return tuple(found)

    def input(self, name, entry, place, covariate):
        self.named(name, place)
        keys = INPUT | ({"reference"} if covariate else set())
        if not isinstance(entry, dict):
            self.fail(place, f"'{name}' needs a table: {{ value, unit, label, source, evidence }}.")
        for key in entry:
            if key not in keys:
                self.fail(place, f"'{name}' has an unknown entry '{key}'.{closest(key, keys)}")
        for key in ("value", "unit", "label", "source", "evidence"):
            if key not in entry:
                self.fail(
                    place,
                    f"'{name}' has no {key}; "
                    "every number needs value, unit, label, source and evidence.",
                )
        if entry["evidence"] not in EVIDENCE:
            self.fail(
                place,
                f"'{name}': evidence '{entry['evidence']}' must be one of {', '.join(EVIDENCE)}.",
            )
        if not str(entry["source"]).strip():
            self.fail(
                place,
                f"'{name}' has an empty source; "
                "say where the number comes from, or why it is assumed.",
            )
        value = self.number(entry["value"], place, f"the value of '{name}'")
        reference = entry.get("reference")
        sd, _ = self.deviations.get(name, (None, None))
        iiv = self.placed(place, variability.between_people, name, entry.get("iiv"), value, sd)
        self.check_role(name, entry, place, varies=iiv is not None)
        return Input(
            name=name,
            value=value,
            unit=self.unit(entry["unit"], place),
            label=str(entry["label"]),
            source=str(entry["source"]),
            evidence=entry["evidence"],
            place=place,
            iiv=iiv,
            iov=self.placed(
                place, variability.between_occasions, name, entry.get("iov"), iiv, value
            ),
            reference=None
            if reference is None
            else self.number(reference, place, f"the reference of '{name}'"),
            role=entry.get("role", ""),
            hypothesis=entry.get("hypothesis", ""),
            prior=self.placed(place, variability.prior, name, entry.get("prior"), value),
        )

    def check_role(self, name, entry, place, varies):
        """Refuse an unknown role, a switch neither on nor off, a hypothesis of no switch."""
        role = entry.get("role")
        if role not in (None, *ROLES):
            self.fail(place, f"'{name}': unknown role '{role}'.{closest(str(role), ROLES)}")
        if role == "switch" and (entry["unit"] != "1" or entry["value"] not in (0, 1) or varies):
            self.fail(
                place,
                f"'{name}': a switch has the value 0 or 1, the unit '1' and no variability.",
            )
        hypothesis = entry.get("hypothesis")
        if hypothesis is None:
            return
        if role != "switch":
            self.fail(place, f"'{name}': a hypothesis is that of a switch; add role = \"switch\".")
        if not isinstance(hypothesis, str) or not hypothesis.strip():
            self.fail(place, f"'{name}': its hypothesis is a sentence on what being on supposes.")

    def omega(self):
        """Latent SD of each input in a block of [omega], and the correlations within the blocks."""
        deviations: dict[str, tuple[float, str]] = {}
        pairs: list[tuple[str, str, float, str]] = []
        inputs = [name for name, *_ in self.entries("parameters") + self.entries("covariates")]
        for key, rows, place in self.entries("omega"):
            names = _separated(key)
            self.check_block(names, place, inputs, deviations)
            deviation, found = self.placed(place, variability.covariance, names, rows)
            sd = dict(zip(names, deviation, strict=True))
            deviations |= {name: (value, place) for name, value in sd.items()}
            pairs += [(*pair, place) for pair in found]
            fixed = [name for name, value in sd.items() if value == 0]
            if fixed:
                self.doubts.append(
                    f"{place}: variance 0: {', '.join(fixed)} the same for everybody."
                )
        return deviations, pairs

    def check_block(self, names, place, inputs, deviations):
        """Refuse a block of [omega] with an unknown name, or one that stands in it or another."""
        for name in names:
            if name not in inputs:
                self.fail(place, f"[omega] of unknown '{name}'.{closest(name, inputs)}")
            if name in deviations or names.count(name) > 1:
                self.fail(place, f"'{name}' stands twice in [omega].")

    def needs(self, unit_of):
        """Refuse a model in which a part lacks what it needs of the others."""
        for file in self.files:
            needed = file.data.get("needs", {})
            place = file.place(r"^\s*\[?needs")
            if not isinstance(needed, dict):
                self.fail(place, 'needs is a table of names and units: { blockade = "1" }.')
            for name, unit in needed.items():
                dimensions = units.dimension(self.unit(unit, place))[0]
                if name not in unit_of:
                    self.fail(
                        place,
                        f"this part needs '{name}' in {unit}, which no file of {self.name} "
                        f"defines; include one that does.{closest(name, unit_of)}",
                    )
                if units.dimension(unit_of[name])[0] != dimensions:
                    self.fail(
                        place,
                        f"this part needs '{name}' in {unit}, and it is in {unit_of[name]} at "
                        f"{self.places[name]}.",
                    )

    def correlations(self, inputs):
        pairs = list(self.blocks)
        for key, value, place in self.entries("correlations"):
            one, other, r = self.correlation(key, value, place, inputs)
            if any({a, b} == {one, other} for a, b, *_ in pairs):
                self.fail(place, f"the correlation of '{key}' is given twice.")
            pairs.append((one, other, r, place))
        if not pairs:
            return ()
        place, written = pairs[-1][3], [pair[:3] for pair in pairs]
        settled, doubt = self.placed(place, variability.reconciled, written)
        if doubt:
            self.doubts.append(f"{place}: {doubt}")
        return settled

    def correlation(self, key, value, place, inputs):
        """The two inputs of an entry of [correlations], and their correlation."""
        names = _separated(key)
        for name in names:
            if name not in inputs:
                self.fail(place, f"correlation of unknown '{name}'.{closest(name, inputs)}")
            if inputs[name].iiv is None or inputs[name].iiv.kind == "classes":
                self.fail(place, f"'{name}' has no variability to correlate.")
        two = len(names) == 2 and names[0] != names[1]
        if not two or not abs(self.number(value, place, f"correlation '{key}'")) <= 1:
            self.fail(place, f"'{key}' must name two inputs and a value from -1 to 1.")
        return names[0], names[1], float(value)

    def residuals(self, states, assignments):
        measured = _units_of((*states, *assignments))
        return tuple(
            self.residual(name, entry, place, measured)
            for name, entry, place in self.entries("residual")
        )

    def residual(self, name, entry, place, measured):
        if name not in measured:
            self.fail(
                place,
                f"residual of '{name}', which is no state or output.{closest(name, measured)}",
            )
        if (
            not isinstance(entry, dict)
            or set(entry) != {"error", "source", "evidence"}
            or entry["evidence"] not in EVIDENCE
        ):
            self.fail(
                place,
                f"residual '{name}' needs error, such as \"15 %\", source and evidence "
                f"({', '.join(EVIDENCE)}).",
            )
        found = self.placed(place, variability.residual, name, entry["error"], measured[name])
        return replace(found, source=str(entry["source"]), evidence=entry["evidence"], place=place)

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

    def equations(self, inputs):
        found = self.statements()
        self.changes = [
            (name, self.of_event(entry, place), place)
            for name, entry, place in self.entries("events")
        ]
        remembered = self.remembered()
        input_units = _units_of(inputs.values())
        known = input_units | {"t": self.time} | _units_of(remembered)
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

    def named_equation(self, name, unit, place):
        """Refuse the name or the unit of an equation."""
        self.named(name, place)
        self.unit(unit, place)

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

    def outputs(self, known):
        own = "outputs" in self.main.data
        names = self.main.data["outputs"] if own else self.listed("outputs")
        for name in names:
            if name not in known:
                self.fail(
                    self.main.place(r"^outputs"),
                    f"output '{name}' is not defined.{closest(str(name), known)}",
                )
        if not names:
            self.fail(
                self.main.place(r"^outputs"), "no outputs; name at least one state or assignment."
            )
        return tuple(dict.fromkeys(names))

    def doses(self, inputs, states):
        """The DoseTargets. Covariates that event tables alone give are added to the inputs."""
        unit_of = _units_of(states)
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
            known = _units_of(inputs.values())
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

    def benefit(self, doses, unit_of):
        """The Benefit, or None. unit_of : unit of each state and assignment"""
        data = self.main.data.get("benefit")
        place = self.main.place(r"^\[benefit\]")
        if data is None:
            return None
        self.check_entries_of_benefit(data, place, unit_of)
        target = next((d for d in doses if d.state == data["into"]), None)
        if target is None:
            self.fail(
                place,
                f"benefit into '{data['into']}', which is not under [dose]."
                f"{closest(str(data['into']), [d.state for d in doses])}",
            )
        self.check_words_of_benefit(data, place)
        measure = unit_of[data["outcome"]]
        return self.placed(place, read_benefit, data, target.unit, self.time, measure, place)

    def check_entries_of_benefit(self, data, place, known):
        """Refuse an entry that is none, one that is lacking, and names of no state or output."""
        for key in data:
            if key not in BENEFIT:
                self.fail(place, f"[benefit] has an unknown entry '{key}'.{closest(key, BENEFIT)}")
        for key in ("outcome", "better", "into", "every", "doses"):
            if key not in data:
                self.fail(place, f"[benefit] lacks '{key}'.")
        for key in ("outcome", "exposure", "blockade"):
            if key in data and data[key] not in known:
                self.fail(
                    place,
                    f"{key} '{data[key]}' is no state or output.{closest(str(data[key]), known)}",
                )

    def check_words_of_benefit(self, data, place):
        """Refuse constraints, a background or a direction that is no text, or not the right one."""
        limits_of = data.get("subject_to", [])
        if not isinstance(limits_of, list) or not all(isinstance(t, str) for t in limits_of):
            self.fail(place, 'subject_to is a list of constraints, such as ["cmax(cows) < 5"].')
        if not isinstance(data.get("background", ""), str):
            self.fail(place, 'background is a regimen, such as "30 mg into tablet q12h".')
        if data["better"] not in ("lower", "higher"):
            self.fail(place, 'better is "lower" or "higher".')

    def published(self):
        """The Published of the last file that has the table, which includes pass on; or None."""
        file = next((f for f in reversed(self.files) if "published" in f.data), None)
        if file is None:
            return None
        data, place = file.data["published"], file.place(r"^\[published\]")
        keys = {"doses", "patients", "source"}
        if not isinstance(data, dict) or set(data) != keys:
            self.fail(place, '[published] holds doses, such as "0.1:6 mg", patients and source.')
        patients, source = data["patients"], str(data["source"]).strip()
        if type(patients) is not int or patients < 1 or not source:
            self.fail(place, "[published] needs how many patients the doses are of, and a source.")
        unit = unit_at_end(str(data["doses"])) or "mg"
        low, high = self.placed(place, dose_range, data["doses"], unit)
        return Published(low, high, unit, patients, source)
