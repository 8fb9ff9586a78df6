"""The files of one model -> one checked Model: every name, number, unit and equation is checked.

Each mistake is reported with its place.

Knows which tables a model file has and what its parts need of each other; knows nothing of
folders or caches.
"""

from dataclasses import replace

from pkpd import units
from pkpd.errors import ModelError, closest
from pkpd.symbolic import plausibility
from pkpd.symbolic.blocks import blocks
from pkpd.symbolic.entries import units_of
from pkpd.symbolic.equations import Equations
from pkpd.symbolic.inputs import Inputs
from pkpd.symbolic.model import Model
from pkpd.symbolic.purpose import Purpose

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


class Builder(Inputs, Equations, Purpose):
    """Merges the files of one model and checks every name, number and unit."""

    def __init__(self, files, name, digest):
        _check_tables(files)
        super().__init__(files)
        self.name, self.digest = name, digest

    def model(self):
        self.unit(self.time, self.main.place(r"^time"), units.dimension("h")[0])
        parameters, covariates = self.inputs("parameters"), self.inputs("covariates")
        inputs = {i.name: i for i in (*parameters, *covariates)}
        states, assignments = self.equations(inputs)
        doses = self.doses(inputs, states)
        covariates = tuple(inputs.values())[len(parameters) :]  # with the columns of doses
        group = blocks(self.uses, doses)
        parameters, covariates = self.grouped(parameters, group), self.grouped(covariates, group)
        units_of_outputs = units_of((*states, *assignments))
        unit_of = units_of(inputs.values()) | units_of_outputs
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

    def grouped(self, inputs, group):
        """The inputs with the block of equations that each belongs to; without one, the first."""
        first = self.uses[0].block
        return tuple(replace(item, group=group.get(item.name, first)) for item in inputs)

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


def _check_tables(files):
    """Refuse a file with a table or an entry that no model file has."""
    for file in files:
        unknown = sorted(set(file.data) - TABLES)
        if unknown:
            raise ModelError(
                f"{file.place(unknown[0])}: unknown entry '{unknown[0]}'."
                f"{closest(unknown[0], TABLES)}"
            )
