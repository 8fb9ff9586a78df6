"""What a solver adds to a model's functions in a generated module.

Knows nothing of how the parts are made or joined.
"""

from dataclasses import dataclass

from pkpd.kernels.layout import Layout


@dataclass(frozen=True)
class Method:
    """The parts of a step.

    constants : name -> number, tuple or table (a list), defined in the header
    functions : source of functions that are written out line by line
    files : names of the modules that are pasted behind them, one of which defines solve
    """

    layout: Layout
    constants: dict
    functions: list
    files: tuple
