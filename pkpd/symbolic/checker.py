"""The files of one model -> one checked Model: every name, number, unit and equation is checked.

Each mistake is reported with its place.

Knows the words of a model file; knows nothing of folders or caches.
"""

import re
from dataclasses import replace
from typing import NoReturn

from pkpd import units
from pkpd.errors import ModelError, PkpdError, closest
from pkpd.symbolic import parse, plausibility, variability
from pkpd.symbolic.blocks import Use, blocks, names_in
from pkpd.symbolic.definitions import Definitions
from pkpd.symbolic.finite import without_value
from pkpd.symbolic.model import ROLES, Assignment, DoseTarget, Input, Model, Published, State
from pkpd.symbolic.quantities import dose_range, read_benefit, unit_at_end
from pkpd.symbolic.scaling import scaled

LARGEST = 1e300  # a whole number may be too large for a float
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
    "description",
    "notes",
}
_NAME = re.compile(r"\w+\Z")
_LEFT = re.compile(
    r"\s*(?:d/dt\((?P<rate>\w+)\)|(?P<start>\w+)\(0\)|(?P<name>\w+))\s*=(?P<right>.*)\Z"
)


class Builder:
    """Merges the files of one model and checks every name, number and unit."""

    def __init__(self, files, name, digest):
        self.files, self.main, self.name, self.digest = files, files[-1], name, digest
        self.places = {}
        for file in files:
            unknown = sorted(set(file.data) - TABLES)
            if unknown:
                raise ModelError(
                    f"{file.place(unknown[0])}: unknown entry '{unknown[0]}'."
                    f"{closest(unknown[0], TABLES)}"
                )
        self.doubts: list[str] = []
        self.uses: list[Use] = []
        self.deviations, self.blocks = self.omega()

    def fail(self, place, message) -> NoReturn:
        raise ModelError(f"{place}: {message}")

    def model(self):
        self.time = self.main.data.get("time") or next(
            (f.data["time"] for f in self.files if "time" in f.data), "h"
        )
        self.unit(self.time, self.main.place(r"^time"), units.dimension("h")[0])
        parameters, covariates = self.inputs("parameters"), self.inputs("covariates")
        inputs = {i.name: i for i in (*parameters, *covariates)}
        states, assignments = self.equations(inputs)
        known = {s.name for s in states} | {a.name for a in assignments}
        doses = tuple(
            self.dose(name, entry, place, inputs, {s.name: s for s in states})
            for name, entry, place in self.entries("dose")
        )
        covariates = tuple(i for i in inputs.values() if i not in parameters)
        group, first = blocks(self.uses, doses), self.uses[0].block
        parameters, covariates = (
            tuple(replace(i, group=group.get(i.name, first)) for i in some)
            for some in (parameters, covariates)
        )
        unit_of = {i.name: i.unit for i in (*inputs.values(), *states, *assignments)}
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
            outputs=self.outputs(known),
            doses=doses,
            benefit=self.benefit(doses, unit_of, known),
            published=self.published(),
            residuals=residuals,
            doubts=tuple(doubts),
            description=str(self.main.data.get("description", "")),
            notes=tuple(str(n) for f in self.files for n in f.data.get("notes", [])),
        )

    def entries(self, table):
        """(name, value, place) of each entry of a table over all files; a second definition must be
        listed under [override]."""
        found = Definitions(self.files)
        for file in self.files:
            section = file.data.get(table, {})
            if not isinstance(section, dict):
                self.fail(file.place(table), f"[{table}] is a table.")
            for name, value in section.items():
                found.add(name, file, name, value, file.entry(table, name))
        return [(name, *definition) for name, definition in found.settled().items()]

    def named(self, name, place):
        reason = parse.why_not_a_name(name)
        if reason:
            self.fail(place, f"{reason}.")
        if name in self.places and self.places[name] != place:
            self.fail(place, f"'{name}' is already defined at {self.places[name]}.")
        self.places[name] = place

    def unit(self, text, place, wanted=None):
        try:
            dims, _ = units.dimension(text)
        except PkpdError as error:
            self.fail(place, str(error))
        if wanted is not None and dims != wanted:
            self.fail(place, f"'{text}' has the wrong dimensions here.")
        return text

    def number(self, value, place, what):
        if type(value) not in (int, float) or not abs(value) < LARGEST:
            self.fail(place, f"{what} must be a finite number, not {str(value)[:40]!r}.")
        return float(value)

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

    def placed(self, place, read, *arguments):
        """What `read` returns; its complaint becomes one of this place."""
        try:
            return read(*arguments)
        except PkpdError as error:
            self.fail(place, str(error))

    def omega(self):
        """Latent SD of each input in a block of [omega], and the correlations within the blocks."""
        deviations: dict[str, tuple[float, str]] = {}
        pairs: list[tuple[str, str, float, str]] = []
        tables = ("parameters", "covariates")
        inputs = [name for table in tables for name, *_ in self.entries(table)]
        for key, rows, place in self.entries("omega"):
            names = [n.strip() for n in key.split(",")]
            for name in names:
                if name not in inputs:
                    self.fail(place, f"[omega] of unknown '{name}'.{closest(name, inputs)}")
                if name in deviations or names.count(name) > 1:
                    self.fail(place, f"'{name}' stands twice in [omega].")
            sd, found = self.placed(place, variability.covariance, names, rows)
            deviations |= {name: (value, place) for name, value in zip(names, sd, strict=True)}
            fixed = [name for name, value in zip(names, sd, strict=True) if value == 0]
            if fixed:
                self.doubts.append(
                    f"{place}: variance 0: {', '.join(fixed)} the same for everybody."
                )
            pairs += [(*pair, place) for pair in found]
        return deviations, pairs

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
            names = [n.strip() for n in key.split(",")]
            for name in names:
                if name not in inputs:
                    self.fail(place, f"correlation of unknown '{name}'.{closest(name, inputs)}")
                if inputs[name].iiv is None or inputs[name].iiv.kind == "classes":
                    self.fail(place, f"'{name}' has no variability to correlate.")
            if (
                len(names) != 2
                or names[0] == names[1]
                or not abs(self.number(value, place, f"correlation '{key}'")) <= 1
            ):
                self.fail(place, f"'{key}' must name two inputs and a value from -1 to 1.")
            if any({a, b} == set(names) for a, b, *_ in pairs):
                self.fail(place, f"the correlation of '{key}' is given twice.")
            pairs.append((names[0], names[1], float(value), place))
        if not pairs:
            return ()
        place, written = pairs[-1][3], [pair[:3] for pair in pairs]
        settled, doubt = self.placed(place, variability.reconciled, written)
        if doubt:
            self.doubts.append(f"{place}: {doubt}")
        return settled

    def residuals(self, states, assignments):
        measured = {item.name: item.unit for item in (*states, *assignments)}
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
        right = match["right"].strip()
        self.uses.append(Use(block, name, names_in(right)))
        found[kind].add(name, file, label, (right, unit.strip()), place)

    def equations(self, inputs):
        found = self.statements()
        for kind in ("rate", "name"):
            for name, (_, unit, place) in found[kind].items():
                self.named_equation(name, unit, place)
        input_units = {i.name: i.unit for i in inputs.values()}
        known = (
            input_units
            | {n: u for kind in ("rate", "name") for n, (_, u, _) in found[kind].items()}
            | {"t": self.time}
        )
        for name, (_, _, place) in found["start"].items():
            if name not in found["rate"]:
                self.fail(
                    place,
                    f"start value of '{name}', which has no d/dt.{closest(name, found['rate'])}",
                )
        states = []
        for name, (text, unit, place) in found["rate"].items():
            start, start_unit, start_place = found["start"].get(name, ("0", unit, place))
            rate = self.scaled(
                text,
                f"({unit})/({self.time})" if unit != "1" else f"1/{self.time}",
                known,
                place,
                f"d/dt({name})",
            )
            self.scaled(start, start_unit, input_units, start_place, f"{name}(0)")
            initial = self.scaled(start, unit, input_units, start_place, f"{name}(0)")
            states.append(State(name, unit, initial, rate, place))
        assigned = {
            n: (self.scaled(text, unit, known, place, n), unit, place)
            for n, (text, unit, place) in found["name"].items()
        }
        if not states:
            self.fail(self.main.place("equations"), "no equation 'd/dt(x) = ...' found.")
        assignments = tuple(
            Assignment(n, assigned[n][1], assigned[n][0], assigned[n][2])
            for n in self.sorted(assigned)
        )
        self.finite(inputs, states, assignments, found)
        return tuple(states), assignments

    def named_equation(self, name, unit, place):
        """Refuse the name or the unit of an equation."""
        self.named(name, place)
        self.unit(unit, place)

    def finite(self, inputs, states, assignments, found):
        """Complain about an equation that has no finite value whatever its inputs and states."""
        equations = {a.name: (a.expression, found["name"][a.name]) for a in assignments}
        for s in states:
            equations[f"d/dt({s.name})"] = s.rate, found["rate"][s.name]
            equations[f"{s.name}(0)"] = (
                s.initial,
                found["start"].get(s.name, ("0", s.unit, s.place)),
            )
        typical = {i.name: i.value for i in inputs.values()} | {s.name: 1.0 for s in states}
        texts = [(name, expression) for name, (expression, _) in equations.items()]
        name = without_value(texts, typical | {"t": 1.0})
        if name is not None:
            text, _, place = equations[name][1]
            self.fail(
                place,
                f"in {name}, '{parse.short(text)}' has no finite value, whatever its inputs and "
                "states are.",
            )

    def scaled(self, text, unit, known, place, name):
        try:
            return scaled(text, unit, known)
        except PkpdError as error:
            message = str(error)
            self.fail(
                place, f"in {name}, {message}" + ("" if message.endswith((".", "?")) else ".")
            )

    def sorted(self, assigned):
        """Names in an order in which each uses only earlier ones: by levels, in file order within.

        A level uses only lower ones.
        """
        uses = {
            name: parse.names(parse.checked(text)) & assigned.keys()
            for name, (text, _, _) in assigned.items()
        }
        users: dict[str, list[str]] = {name: [] for name in uses}
        for name, used in uses.items():
            for other in used:
                users[other].append(name)
        place = {name: i for i, name in enumerate(uses)}
        left = {name: len(used) for name, used in uses.items()}
        order, level = [], [name for name in uses if not left[name]]
        while level:
            order += level
            ready = []
            for name in level:
                for user in users[name]:
                    left[user] -= 1
                    if not left[user]:
                        ready.append(user)
            level = sorted(ready, key=lambda name: place[name])
        if len(order) < len(uses):
            stuck = [name for name in uses if left[name]]
            named = ", ".join(stuck[:10]) + (", ..." if len(stuck) > 10 else "")
            self.fail(assigned[stuck[0]][2], f"{named} depend on each other in a circle.")
        return order

    def outputs(self, known):
        names = (
            [n for f in self.files for n in f.data.get("outputs", [])]
            if "outputs" not in self.main.data
            else self.main.data["outputs"]
        )
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

    def dose(self, name, entry, place, inputs, states):
        if name not in states:
            self.fail(place, f"dose into '{name}', which is no state.{closest(name, states)}")
        if (
            not isinstance(entry, dict)
            or "unit" not in entry
            or not set(entry) <= {"unit", "f", "lag", "rate", "duration"}
        ):
            self.fail(place, f"dose '{name}' needs a unit and may have f, lag, rate and duration.")
        unit = entry["unit"]
        named = {key: str(entry[key]) for key in ("f", "lag", "rate", "duration") if key in entry}
        try:
            size = units.factor(unit, states[name].unit)
            measures = {
                "f": "1",
                "lag": self.time,
                "rate": f"{unit}/{self.time}" if unit != "1" else f"1/{self.time}",
                "duration": self.time,
            }
            for key, source in named.items():
                if not _NAME.match(source):
                    what = f"{key} of dose '{name}'"
                    known = {i.name: i.unit for i in inputs.values()}
                    named[key] = self.scaled(source, measures[key], known, place, what)
                    continue
                if source not in inputs:
                    inputs[source] = self.column(key, source, measures[key], place, name, inputs)
                if units.factor(inputs[source].unit, measures[key]) != 1.0:
                    self.fail(place, f"{key} '{source}' must be in {measures[key]}.")
        except PkpdError as error:
            self.fail(place, str(error).removeprefix(f"{place}: "))
        return DoseTarget(name, unit, size, **named, place=place)

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

    def benefit(self, doses, unit_of, known):  # noqa: C901  a sentence for each mistake
        data = self.main.data.get("benefit")
        place = self.main.place(r"^\[benefit\]")
        if data is None:
            return None
        keys = {
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
        }
        for key in data:
            if key not in keys:
                self.fail(place, f"[benefit] has an unknown entry '{key}'.{closest(key, keys)}")
        for key in ("outcome", "better", "into", "every", "doses"):
            if key not in data:
                self.fail(place, f"[benefit] lacks '{key}'.")
        for key in ("outcome", "exposure", "blockade"):
            if key in data and data[key] not in known:
                self.fail(
                    place,
                    f"{key} '{data[key]}' is no state or output.{closest(str(data[key]), known)}",
                )
        target = next((d for d in doses if d.state == data["into"]), None)
        if target is None:
            self.fail(
                place,
                f"benefit into '{data['into']}', which is not under [dose]."
                f"{closest(str(data['into']), [d.state for d in doses])}",
            )
        limits_of = data.get("subject_to", [])
        if not isinstance(limits_of, list) or not all(isinstance(t, str) for t in limits_of):
            self.fail(place, 'subject_to is a list of constraints, such as ["cmax(cows) < 5"].')
        if not isinstance(data.get("background", ""), str):
            self.fail(place, 'background is a regimen, such as "30 mg into tablet q12h".')
        if data["better"] not in ("lower", "higher"):
            self.fail(place, 'better is "lower" or "higher".')
        try:
            return read_benefit(data, target.unit, self.time, unit_of[data["outcome"]], place)
        except PkpdError as error:
            self.fail(place, str(error))

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
