"""The loop over patients behind the step of any method, as parts of a generated module.

Knows which files of pkpd.solvers.lanes a program needs; knows nothing of models or methods.
"""

from pkpd.kernels.method import Method

FOLDER = "pkpd.solvers.lanes"


def method(program, layout, functions, *files, **constants):
    """The Method of a step: its own files, then what is seen between steps, then the loop.

    functions : source of what the step or its files need written out for this program
    files : names in pkpd.solvers.lanes; constants : what they import from `frame` besides
    """
    names = list(files)
    if program.signals:
        names.append("signals")
    if program.compared:
        names.append("switches")
    names.append("loop")
    return Method(layout, constants, functions, tuple(f"{FOLDER}.{name}" for name in names))
