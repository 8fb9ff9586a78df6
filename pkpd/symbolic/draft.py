"""A model file that is still being written: all its mistakes at once, and what its numbers lack.

Labels, sources and grades of evidence may be missing. Knows how a model is built; knows nothing of
folders, caches or what a mistake means.
"""

from pkpd.errors import ModelError, PkpdError
from pkpd.symbolic.blocks import names_in
from pkpd.symbolic.checker import Builder
from pkpd.symbolic.model import DoseTarget, Input, Residual

UNSAID = {"label": "", "source": "not said", "evidence": "assumed"}


class Draft(Builder):
    """A Builder that goes on after a mistake, with something harmless in its place.

    lacking : sentences on the inputs whose label, source or evidence is missing
    """

    def __init__(self, files, name, digest):
        self.mistakes: dict[str, None] = {}  # in order, each once
        self.broken: set[str] = set()  # names with a mistake, of which nothing else can be told
        self.lacking: list[str] = []
        super().__init__(files, name, digest)

    def model(self):
        """The checked Model. Raises ModelError with all mistakes, a line each."""
        found = self.kept(super().model)
        if self.mistakes:
            count = len(self.mistakes)
            head = f"{self.name}: {count} mistake{'s' if count > 1 else ''}:"
            raise ModelError("\n  ".join([head, *self.mistakes]))
        return found

    def kept(self, make, *arguments, instead=None, name=""):
        """What `make` returns; after a mistake, which is kept, `instead`.

        name : what cannot be told anything else of then
        """
        try:
            return make(*arguments)
        except PkpdError as mistake:
            self.mistakes[str(mistake)] = None
            self.broken.add(name)
            return instead

    def input(self, name, entry, place, covariate):
        if isinstance(entry, dict):
            missing = [key for key in UNSAID if key not in entry]
            if missing:
                self.lacking.append(f"{place}: '{name}' has no {', '.join(missing)}.")
            entry = UNSAID | entry
        nothing = Input(name, 1.0, "1", "", "", "assumed", place)
        arguments = name, entry, place, covariate
        return self.kept(super().input, *arguments, instead=nothing, name=name)

    def statement(self, *arguments):
        return self.kept(super().statement, *arguments)

    def named_equation(self, name, unit, place):
        return self.kept(super().named_equation, name, unit, place, name=name)

    def scaled(self, text, unit, known, place, name):
        own = name.removeprefix("d/dt(").removesuffix("(0)").removesuffix(")")
        if self.broken & {own, *names_in(text)}:
            return "0.0"
        return self.kept(super().scaled, text, unit, known, place, name, instead="0.0")

    def in_order(self, assigned):
        return self.kept(super().in_order, assigned, instead=list(assigned))

    def finite(self, *arguments):
        if not self.mistakes:
            self.kept(super().finite, *arguments)

    def dose(self, name, entry, place, inputs, unit_of):
        arguments = name, entry, place, inputs, unit_of
        return self.kept(super().dose, *arguments, instead=DoseTarget(name, "1", 1.0))

    def residual(self, name, entry, place, measured):
        arguments = name, entry, place, measured
        return self.kept(super().residual, *arguments, instead=Residual(name))

    def needs(self, unit_of):
        return self.kept(super().needs, unit_of)

    def correlations(self, inputs):
        return self.kept(super().correlations, inputs, instead=())

    def outputs(self, known):
        return self.kept(super().outputs, known, instead=())

    def benefit(self, *arguments):
        return self.kept(super().benefit, *arguments)

    def published(self):
        return self.kept(super().published)
