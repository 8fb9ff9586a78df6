"""The library that reads and writes SBML, loaded when it is needed.

Knows how to say that it is missing; knows nothing of SBML.
"""

from types import ModuleType

from pkpd.errors import ModelError


def libsbml() -> ModuleType:
    """The module libsbml. Raises ModelError where it is not installed."""
    try:
        import libsbml as library
    except ImportError as error:
        raise ModelError("SBML needs python-libsbml: pip install 'pkpd[sbml]'.") from error
    module: ModuleType = library
    return module
