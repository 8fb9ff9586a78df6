"""The formats that models are written in and read from.

Knows their names and modules; loads a module when it is used.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from pkpd import limits
from pkpd.errors import ModelError


@dataclass(frozen=True)
class Format:
    """name : as options give it; suffixes : of its files; writer, reader : modules, or ""

    events : whether what is written holds events
    """

    name: str
    suffixes: tuple[str, ...]
    title: str
    writer: str = ""
    reader: str = ""
    events: bool = False


FORMATS = {
    f.name: f
    for f in (
        Format("scipy", (".py",), "stand-alone Python script with SciPy", writer="scipy_script"),
        Format("rxode2", (".r",), "function of rxode2 and nlmixr2", "rxode2", "rxode2"),
        Format("mrgsolve", (".cpp", ".mod"), "model file of mrgsolve", "mrgsolve", "mrgsolve"),
        Format(
            "nonmem", (".ctl", ".con", ".nmctl"), "control stream of NONMEM", "nonmem", "nonmem"
        ),
        Format("latex", (".tex",), "LaTeX document", writer="latex"),
        Format("sbml", (".xml", ".sbml"), "SBML, level 3 version 2", "sbml", "sbml", True),
    )
}
READ = tuple(f.name for f in FORMATS.values() if f.reader)
WRITTEN = tuple(f.name for f in FORMATS.values() if f.writer)


def writer(name: str) -> ModuleType:
    """The module that writes a format. Raises ModelError for a format that is not written."""
    limits.one_of(name, WRITTEN, "format", ModelError)
    return import_module(f"pkpd.exchange.writers.{FORMATS[name].writer}")


def reader(name: str) -> ModuleType:
    """The module that reads a format. Raises ModelError for a format that is not read."""
    limits.one_of(name, READ, "format", ModelError)
    return import_module(f"pkpd.exchange.readers.{FORMATS[name].reader}")


def of_file(path: Path) -> str:
    """The format that a file's ending says. Raises ModelError where it says none."""
    for name in READ:
        if path.suffix.lower() in FORMATS[name].suffixes:
            return name
    raise ModelError(
        f"The ending of '{path.name}' does not say what it is; give --format, one of "
        f"{', '.join(READ)}."
    )


def supported() -> dict[str, dict[str, tuple[str, ...]]]:
    """format -> what an import carries over ("carried") and what it refuses ("refused")."""
    modules = {name: reader(name) for name in READ}
    return {
        name: {"carried": module.CARRIED, "refused": module.REFUSED}
        for name, module in modules.items()
    }
