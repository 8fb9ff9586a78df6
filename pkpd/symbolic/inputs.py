"""Parameters and covariates of a model file, and how they vary together, checked.

Knows the tables of inputs, [omega] and [correlations]; knows nothing of equations.
"""

from pkpd.errors import closest
from pkpd.symbolic import variability
from pkpd.symbolic.entries import Entries
from pkpd.symbolic.model import EVIDENCE, ROLES, Input

WORDS = {
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


def _separated(key):
    """The names of a key such as "cl, vc"."""
    return list(map(str.strip, key.split(",")))


class Inputs(Entries):
    """The inputs of the files of one model, each with its variability.

    doubts : sentences on what is allowed and hardly meant
    """

    def __init__(self, files):
        super().__init__(files)
        self.doubts: list[str] = []
        self.deviations, self.pairs = self.omega()

    def inputs(self, table) -> tuple[Input, ...]:
        found = []
        for name, entry, place in self.entries(table):
            found.append(self.input(name, entry, place, table == "covariates"))
        return tuple(found)

    def input(self, name, entry, place, covariate):
        self.named(name, place)
        keys = WORDS | ({"reference"} if covariate else set())
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

    def correlations(self, inputs):
        pairs = list(self.pairs)
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
