"""Source of one adaptive explicit Runge-Kutta step for a block of patients side by side, as straight-line code in one loop over lanes.

Knows states, lanes and a tableau; knows nothing of drugs or doses.
Stiffness is told by the size of the Jacobian along the last step: Hairer & Wanner (1996), Solving ODEs II, IV.2.
"""

from pkpd.kernels.layout import Layout
from pkpd.solvers import control, driver
from pkpd.solvers.control import call, clock, load, names

STABLE = 3.25  # h*|lambda| above which the step is held by stability, not by accuracy (Tsit5 is stable to 3.5 on the real axis)


def _sum(weights, terms):
    return " + ".join(f"{w!r}*{t}" for w, t in zip(weights, terms, strict=True) if w != 0.0)


def _stages(layout, tableau):
    """Lines that leave the last stage's values in z* and every stage's derivatives in k<stage>_*."""
    n, lines = layout.states, []
    for s in range(1, len(tableau.c)):
        lines += [f"g{s}_{j} = h*{a!r}" for j, a in enumerate(tableau.a[s]) if a != 0.0]
        for i in range(n):
            terms = [f"g{s}_{j}*k{j + 1}_{i}" for j, a in enumerate(tableau.a[s]) if a != 0.0]
            lines.append(f"z{i} = y{i} + ({' + '.join(terms)})")
        lines.append(f"({', '.join(names(f'k{s + 1}_', n))},) = {call(layout, f't + {tableau.c[s]!r}*h', names('z', n))}")
    return lines


def _store(layout, tableau):
    last = len(tableau.c)
    for i in range(layout.states):
        yield f"w[{layout.stage(0, i)} + l] = k{last}_{i} if good else k1_{i}"
        yield from (f"w[{layout.stage(s, i)} + l] = k{s}_{i}" for s in range(1, last + 1))


def _step(layout, tableau, dynamic):
    """Source of `step(w, rtol, floor, limit)`: one trial step in every lane; returns how many lanes want attention."""
    n = layout.states

    def estimate(i):
        return f"h*({_sum(tableau.error, [f'k{s + 1}_{i}' for s in range(len(tableau.c))])})"

    lines = [
        *clock(layout, *control.CLOCK),
        *load(layout.constant, "c", layout.constants),
        *load(layout.y, "y", n),
        *load(lambda i: layout.stage(0, i), "k1_", n),
        *_stages(layout, tableau),
        *control.error(layout, dynamic, estimate),
        *control.verdict(tableau.order),
        *_store(layout, tableau),
        *control.store(layout),
    ]
    return control.function("def step(w, rtol, floor, limit):", lines, layout, before=["calls = 0"], after=["return calls"])


def _dense(layout, tableau):
    """Source of `dense(w, l, time, z)`: values of lane l at a time inside its last step, written to z (S,)."""
    lines = [f"h = w[{layout.clock('h_old')} + l]", f"x = (time - w[{layout.clock('t_old')} + l])/h"]
    for s, row in enumerate(tableau.dense):
        powers = "0.0"
        for weight in reversed(row):
            powers = f"x*({weight!r} + {powers})"
        lines.append(f"b{s} = h*({powers})")
    for i in range(layout.states):
        terms = [f"b{s}*w[{layout.stage(s + 1, i)} + l]" for s in range(len(tableau.dense))]
        lines.append(f"z[{i}] = w[{layout.old(i)} + l] + ({' + '.join(terms)})")
    return "\n".join(["@njit(**INLINE)", "def dense(w, l, time, z):", *(f"    {line}" for line in lines)])


def _stiff(layout, tableau, dynamic):
    """Source of `stiff(w, l)`: whether lane l's last step was as long as stability allows.

    The last two stages lie at the same time: their slopes differ by the Jacobian times the difference of their values.
    """
    last = len(tableau.c) - 1
    differences = [(j, b - a) for j, (a, b) in enumerate(zip((*tableau.a[last - 1], 0.0), tableau.a[last], strict=True))]
    lines = ["slopes = values = 0.0"]
    for i in range(dynamic):
        moved = " + ".join(f"{d!r}*w[{layout.stage(j + 1, i)} + l]" for j, d in differences)
        lines += [
            f"scale = w[{layout.peak(i)} + l] + 1e-290",
            f"slopes += ((w[{layout.stage(last + 1, i)} + l] - w[{layout.stage(last, i)} + l])/scale)**2",
            f"values += (({moved})/scale)**2",
        ]
    lines.append(f"return slopes > {STABLE**2!r}*values")
    return "\n".join(['@njit(error_model="numpy")', "def stiff(w, l):", *(f"    {line}" for line in lines)])


def sources(program, tableau, lanes):
    """Layout and source of all functions of an explicit method for one program."""
    layout = Layout(lanes, program.states, program.constants, len(tableau.c))
    parts = [
        _step(layout, tableau, program.dynamic), control.refresh(layout), _dense(layout, tableau), _stiff(layout, tableau, program.dynamic),
        driver.source(program, layout),
    ]  # fmt: skip
    return layout, parts
