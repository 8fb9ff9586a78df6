"""The formats that models are written in and read from.

Knows their names and modules; loads a module when it is used.
"""

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from pkpd import limits
from pkpd.errors import ModelError


@dataclass(frozen=True)
class Format:
    """name : as options give it; suffix : of its files; writer, reader : modules, "" without one"""

    name: str
    suffix: str
    title: str
    writer: str = ""
    reader: str = ""


FORMATS = {
    f.name: f
    for f in (
        Format("scipy", ".py", "stand-alone Python script with SciPy", writer="scipy_script"),
    )
}
WRITTEN = tuple(f.name for f in FORMATS.values() if f.writer)


def writer(name: str) -> ModuleType:
    """The module that writes a format. Raises ModelError for a format that is not written."""
    limits.one_of(name, WRITTEN, "format", ModelError)
    return import_module(f"pkpd.exchange.writers.{FORMATS[name].writer}")
