"""SBML documents: opened, checked, brought to level 3, submodels put together.

Nothing but the text is opened. Needs python-libsbml. Knows documents; knows nothing of what their
models mean.
"""

from typing import Any, NoReturn

from pkpd.errors import ModelError
from pkpd.exchange.libsbml import libsbml

PACKAGES = {"l3v2extendedmath", "comp", "layout", "render", "groups", "annot"}
_TIMES = {1.0: "s", 60.0: "min", 3600.0: "h", 86400.0: "d"}


def fail(place: str, item: Any, message: str) -> NoReturn:
    """Raise a ModelError on an item of a document, with its line."""
    raise ModelError(f"{place}:{item.getLine()}: {message}.")


def opened(text: str, place: str) -> Any:
    """The document of libsbml in level 3, of which the model must be kept no longer than it.

    Raises ModelError with the line of what is not carried over.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ModelError(f"{place}: holds entities, which SBML does not need; not read.")
    document = libsbml().readSBMLFromString(text)
    _check_errors(document, place)
    _check_packages(document, place)
    if document.getPlugin("comp") is not None:
        _flatten(document, place)
    if document.getModel() is None:
        raise ModelError(f"{place}: holds no model.")
    for reaction in document.getModel().getListOfReactions():
        if reaction.isSetFast() and reaction.getFast():
            fail(place, reaction, f"the fast reaction '{reaction.getId()}' is not carried over")
    if document.getLevel() < 3 and not document.setLevelAndVersion(3, 2, False):
        raise ModelError(f"{place}: cannot be read as SBML level 3.")
    return document


def _check_errors(document, place):
    for k in range(document.getNumErrors()):
        error = document.getError(k)
        if error.getSeverity() >= libsbml().LIBSBML_SEV_ERROR:
            first = error.getMessage().strip().splitlines()[0]
            raise ModelError(f"{place}:{error.getLine()}: {first}")


def _check_packages(document, place):
    for k in range(document.getNumPlugins()):
        package = document.getPlugin(k).getPackageName()
        needed = document.getPackageRequired(package) or package == "fbc"
        if package not in PACKAGES and needed:
            raise ModelError(f"{place}: the package '{package}' is not carried over.")


def _flatten(document, place):
    """Put submodels into the model."""
    if document.getPlugin("comp").getNumExternalModelDefinitions():
        raise ModelError(f"{place}: submodels of other files are not carried over.")
    library = libsbml()
    options = library.ConversionProperties()
    options.addOption("flatten comp", True)
    options.addOption("performValidation", False)
    options.addOption("abortIfUnflattenable", "all")
    if document.convert(options) != library.LIBSBML_OPERATION_SUCCESS:
        raise ModelError(f"{place}: its submodels cannot be put together.")


def functions(model: Any) -> dict[str, tuple[list[str], Any]]:
    """name -> (arguments, body) of each function definition."""
    found = {}
    for item in model.getListOfFunctionDefinitions():
        arguments = [item.getArgument(k).getName() for k in range(item.getNumArguments())]
        found[item.getId()] = arguments, item.getBody()
    return found


def with_math(items: Any) -> list[Any]:
    """Those that have a formula; without one they say nothing."""
    return [item for item in items if item.getMath() is not None]


def time_unit(model: Any) -> str:
    """The unit of time as a model file has it, "" where the document does not say it."""
    unit = model.getTimeUnits() or "second"
    if unit == "second":
        return "s"
    found = model.getUnitDefinition(unit)
    if found is None or found.getNumUnits() != 1:
        return ""
    part = found.getUnit(0)
    size = part.getMultiplier() * 10.0 ** part.getScale()
    seconds = libsbml().UnitKind_toString(part.getKind()) == "second" and part.getExponent() == 1
    return _TIMES.get(size, "") if seconds else ""
