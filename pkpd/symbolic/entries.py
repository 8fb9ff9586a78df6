"""Entries of the files of one model: each with its place, its name, unit and number checked.

Knows files, places, names and units; knows nothing of what an entry means.
"""

from itertools import chain
from typing import NoReturn

from pkpd import units
from pkpd.errors import ModelError, PkpdError
from pkpd.symbolic import parse
from pkpd.symbolic.definitions import Definitions
from pkpd.symbolic.scaling import scaled

LARGEST = 1e300  # a whole number may be too large for a float


def units_of(items):
    """Name -> unit of inputs, states or assignments."""
    return {item.name: item.unit for item in items}


class Entries:
    """The files of one model, the main one last.

    places : where each name is defined; time : the unit of time
    """

    def __init__(self, files):
        self.files, self.main = files, files[-1]
        self.places: dict[str, str] = {}
        self.time = self.time_unit()

    def time_unit(self):
        """The unit of time: of the main file, or else of the first file that has one; or h."""
        for file in (self.main, *self.files):
            if "time" in file.data:
                return file.data["time"]
        return "h"

    def fail(self, place, message) -> NoReturn:
        raise ModelError(f"{place}: {message}")

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

    def listed(self, entry):
        """The items of a list that stands in several files, all of them in a row."""
        return list(chain.from_iterable(file.data.get(entry, []) for file in self.files))

    def named(self, name, place):
        reason = parse.why_not_a_name(name)
        if reason:
            self.fail(place, f"{reason}.")
        if name in self.places and self.places[name] != place:
            self.fail(place, f"'{name}' is already defined at {self.places[name]}.")
        self.places[name] = place

    def named_equation(self, name, unit, place):
        """Refuse the name or the unit of an equation."""
        self.named(name, place)
        self.unit(unit, place)

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

    def placed(self, place, read, *arguments):
        """What `read` returns; its complaint becomes one of this place."""
        try:
            return read(*arguments)
        except PkpdError as error:
            self.fail(place, str(error))

    def scaled(self, text, unit, known, place, name):
        try:
            return scaled(text, unit, known)
        except PkpdError as error:
            message = str(error)
            self.fail(
                place, f"in {name}, {message}" + ("" if message.endswith((".", "?")) else ".")
            )
