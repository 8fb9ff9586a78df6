"""The explicit step of pkpd.solvers.explicit for large models: loops in place of lines.

The step itself is pkpd/solvers/lanes/explicit.py. Knows states, lanes and a tableau; knows nothing
of drugs or doses.
"""

from pkpd.kernels.layout import STEPPING, Layout
from pkpd.solvers import control, driver
from pkpd.solvers.control import clock


def _judge(program, layout, tableau, mean, worst, below):
    """Source of `judge(w, limit)`: the verdict on every lane and its next step size."""
    lines = [
        *clock(layout, *STEPPING),
        f"mean = w[{mean} + l]*{1.0 / program.dynamic!r}",
        f"worst = select(w[{worst} + l] > mean, w[{worst} + l], mean)",
        f"below = w[{below} + l] > 0.0",
        "error = select(below, 1e16, select(worst < 1e16, worst, 1e16))",
        *control.verdict(program, tableau.order),
        *control.store_clock(layout),
    ]
    head, before, after = "def judge(w, limit):", ["calls = 0"], ["return calls"]
    return control.function(head, lines, layout, before=before, after=after)


def method(program, tableau, lanes):
    """The Method of an explicit tableau for one program, in as many lanes as a vector holds."""
    control.check_whole_vectors(lanes)
    n, count, stages = program.states, len(tableau.c), len(tableau.dense)
    units = len(set(program.alike))
    layout = Layout(lanes, n, program.constants, stages, more=n + 3 + units, sizes=program.sizes)
    values, mean, worst, below = (layout.extra(i) for i in (0, n, n + 1, n + 2))
    a = [*tableau.a, *tableau.more_a]
    last_two = (b - c for b, c in zip(a[count - 1], (*a[count - 2], 0.0), strict=True))
    constants = {
        "STAGES": count,
        "ALL_STAGES": stages,
        "VALUES": values,
        "MEAN": mean,
        "WORST": worst,
        "BELOW": below,
        "UNITS": units,
        "ALIKE": list(program.alike),
        "MOST": layout.extra(n + 3),
        "NOTHING": control.NOTHING,
        "A": control.table(a, stages),
        "SHARE": [*tableau.c, *tableau.more_c],
        "ERROR_WEIGHTS": [tableau.trust * e for e in tableau.error],
        "DENSE_WEIGHTS": control.table(tableau.dense, max(len(row) for row in tableau.dense)),
        "STIFF_WEIGHTS": list(last_two),
        "STABLE": tableau.stable**2,
        "AMOUNTS": [i in program.amounts for i in range(program.dynamic)],
    }
    functions = [
        _judge(program, layout, tableau, mean, worst, below),
        control.slopes(layout, values, "fma(share, w[h + l], w[t + l])"),
        control.refresh(layout),
    ]
    files = ["explicit"]
    if tableau.more_c:
        files.append("explicit_prepare")
    prepares = bool(tableau.more_c)
    return driver.method(program, layout, functions, *files, PREPARES=prepares, **constants)
