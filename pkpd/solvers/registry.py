"""The solvers by name: of which order each is and what it can do.

A solver is declared here and nowhere else; tests and messages go through this list. Another
explicit pair is a tableau in pkpd.solvers.tableaus and a line in SOLVERS. Knows methods; knows
nothing of rows or times.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pkpd.solvers import linear
from pkpd.solvers.tableaus import RODAS5P, TSIT5, VERN7

MOST_OPERATIONS = 150  # of the rates in a step that is written out


@dataclass(frozen=True)
class Solver:
    """A method of solving one row.

    method(model, integrals, program, lanes) -> pkpd.kernels.method.Method
    order : of the error in rtol's steps, None where there is none
    stiff : whether it is for stiff systems
    derivatives : whether it needs the Jacobian
    linear : whether it takes none but models that are linear in their states
    watches : whether its steps are short enough to be looked into for endpoints
    """

    name: str
    method: Callable
    order: int | None
    stiff: bool = False
    derivatives: bool = False
    linear: bool = False
    watches: bool = True


def _smaller(program, unrolled, looped):
    """The module whose step the compiler takes less than half a minute for."""
    small = program.states <= unrolled.MOST and program.operations <= MOST_OPERATIONS
    return unrolled if small else looped


def _explicit(tableau):
    def method(model, integrals, program, lanes):
        from pkpd.solvers import explicit, explicit_looped

        return _smaller(program, explicit, explicit_looped).method(program, tableau, lanes)

    return Solver(tableau.name, method, tableau.order)


def _rosenbrock(tableau):
    def method(model, integrals, program, lanes):
        from pkpd.solvers import rosenbrock, rosenbrock_unrolled

        return _smaller(program, rosenbrock_unrolled, rosenbrock).method(program, tableau, lanes)

    return Solver(tableau.name, method, tableau.order, stiff=True, derivatives=True)


def _exact(model, integrals, program, lanes):
    from pkpd.symbolic.linearity import constant_terms

    return linear.method(program, constant_terms(model, integrals), lanes)


SOLVERS = {
    solver.name: solver
    for solver in (
        _explicit(VERN7),
        _explicit(TSIT5),
        _rosenbrock(RODAS5P),
        Solver("linear", _exact, None, derivatives=True, linear=True, watches=False),
    )
}
NAMES = ("auto", *SOLVERS)  # what a user may ask for; auto chooses for every row
