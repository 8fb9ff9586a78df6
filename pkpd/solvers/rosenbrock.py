"""One adaptive Rosenbrock step for a block of patients side by side, for stiff systems.

The stages are pkpd/solvers/lanes/rosenbrock.py. Small systems are written out by
pkpd.solvers.rosenbrock_unrolled, several times faster; for larger ones the compiler would take
minutes. Knows states, lanes and a tableau; knows nothing of drugs or doses.
Method: Hairer & Wanner (1996), Solving ODEs II, IV.7, in the form without products with the
Jacobian.
"""

from pkpd.kernels.layout import STEPPING, Layout
from pkpd.solvers import control, driver
from pkpd.solvers.control import clock, load


def _entries(program, layout, matrix, time_slope):
    """Lines that store 1/(gamma*h) - J and the time derivative.

    A slope that is not finite, as of x**0.5 at 0, counts as 0.
    """
    n = layout.states

    def finite(text):
        return f"({text} if abs({text}) < 1e300 else 0.0)"

    for i in range(n):
        for j in range(n):
            value = "diagonal" if i == j else "0.0"
            if (i, j) in program.jacobian:
                value += f" - {finite(f'j{i}_{j}')}"
            yield f"w[{matrix + (i * n + j) * layout.lanes} + l] = {value}"
        slope = finite(f"d{i}") if i in program.slopes else "0.0"
        yield f"w[{time_slope + i * layout.lanes} + l] = {slope}"


def _matrix(program, layout, tableau, matrix, time_slope):
    """Source of `matrix(w)`: 1/(gamma*h) - J and the derivative by time of every lane."""
    lines = [
        *clock(layout, "t", "h"),
        f"diagonal = 1.0/({tableau.gamma!r}*h)",
        *load(layout.constant, "c", layout.constants),
        *load(layout.y, "y", layout.states),
        *program.jacobian_lines,
        *(f"j{i}_{j} = {text}" for (i, j), text in program.jacobian.items()),
        *(f"d{i} = {text}" for i, text in program.slopes.items()),
        *_entries(program, layout, matrix, time_slope),
    ]
    return control.function("def matrix(w):", lines, layout, inline=False)


def dense_constants(layout, tableau):
    """What pkpd/solvers/lanes/rosenbrock_dense.py imports besides."""
    count = len(tableau.c)
    return {
        "STAGES": count,
        "ERROR": layout.stage(count, 0),
        "A": control.table(tableau.a, count),
        "DENSE_WEIGHTS": control.table(tableau.dense, count),
    }


def _step(program, layout, tableau, values):
    """Source of `step(w, rtol, floor, limit)`: one trial step in every lane.

    It returns how many lanes want attention.
    """
    n, last = layout.states, len(tableau.c)
    lines = [
        *clock(layout, *STEPPING),
        *load(layout.y, "y", n),
        *(f"z{i} = w[{values + i * layout.lanes} + l]" for i in range(n)),
        *control.error(layout, program, lambda i: f"w[{layout.stage(last, i)} + l]"),
        *control.verdict(program, tableau.order),
        *control.store(layout),
    ]
    return control.function(
        "def step(w, rtol, floor, limit):",
        lines,
        layout,
        before=["stages(w)", "calls = 0"],
        after=["return calls"],
    )


def method(program, tableau, lanes):
    """The Method of a Rosenbrock tableau for one program with a Jacobian, in as many lanes as a
    vector holds."""
    control.check_whole_vectors(lanes)
    n, count = program.states, len(tableau.c)
    more, sizes = 4 * n + n**2, program.sizes
    layout = Layout(lanes, n, program.constants, count, more, sizes)
    values, time_slope, total, matrix = (layout.extra(k * n) for k in range(4))
    constants = {
        "VALUES": values,
        "TIME_SLOPE": time_slope,
        "SUM": total,
        "MATRIX": matrix,
        "PIVOT": layout.extra(3 * n + n**2),
        "C": control.table(tableau.C, count),
        "SHARE": list(tableau.c),
        "TIME_SHARE": list(tableau.d),
        **dense_constants(layout, tableau),
    }
    functions = [
        control.slopes(layout, values, "w[t + l] + share*w[h + l]"),
        _matrix(program, layout, tableau, matrix, time_slope),
        _step(program, layout, tableau, values),
        control.refresh(layout),
    ]
    files = ("rosenbrock", "rosenbrock_dense")
    return driver.method(program, layout, functions, *files, **constants)
