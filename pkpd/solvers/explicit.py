"""Source of one adaptive explicit Runge-Kutta step for a block of patients side by side.

The step is straight-line code in one loop over lanes.

Knows states, lanes and a tableau; knows nothing of drugs or doses.
Stiffness is found from the size of the Jacobian along the last step: Hairer & Wanner (1996),
Solving ODEs II, IV.2.
"""

from pkpd.kernels.layout import STEPPING, Layout
from pkpd.kernels.paste import indented
from pkpd.solvers import control, driver
from pkpd.solvers.control import call, clock, load, names

MOST = 15  # states and integrals up to which the compiler takes less than half a minute


def _sum(weights, terms):
    """Text of a weighted sum, fused from the last term to the first."""
    text = ""
    for weight, term in reversed([(w, t) for w, t in zip(weights, terms, strict=True) if w != 0.0]):
        text = f"fma({weight!r}, {term}, {text})" if text else f"{weight!r}*{term}"
    return text


def _stage(layout, s, c, row):
    """Lines of the stage after s others: values in v<s + 1>_*, derivatives in k<s + 1>_*."""
    n = layout.states
    lines = [f"v{s + 1}_{i} = fma(h, {_sum(row, _of(i, len(row)))}, y{i})" for i in range(n)]
    rates = call(layout, f"fma({c!r}, h, t)", names(f"v{s + 1}_", n))
    return [*lines, f"({', '.join(names(f'k{s + 1}_', n))},) = {rates}"]


def _of(i, count):
    """Names of the derivatives of state i in the first `count` stages."""
    return [f"k{s + 1}_{i}" for s in range(count)]


def _prepare(layout, tableau):
    """Source of `prepare(w)`: what dense output needs beside the stages, in every lane."""
    count, n = len(tableau.c), layout.states
    used = sorted(
        {j for row in tableau.more_a for j, a in enumerate(row) if a != 0.0 and j < count}
    )
    lines = [
        f"t = w[{layout.clock('t_old')} + l]",
        f"h = w[{layout.clock('h_old')} + l]",
        *load(layout.constant, "c", layout.constants),
        *load(layout.old, "y", n),
        *(f"k{s + 1}_{i} = w[{layout.stage(s + 1, i)} + l]" for s in used for i in range(n)),
    ]
    for s, (c, row) in enumerate(zip(tableau.more_c, tableau.more_a, strict=True), count):
        lines += [
            *_stage(layout, s, c, row),
            *(f"w[{layout.stage(s + 1, i)} + l] = k{s + 1}_{i}" for i in range(n)),
        ]
    return control.function("def prepare(w):", lines, layout)


def _store(layout, tableau):
    last = len(tableau.c)
    for i in range(layout.states):
        yield f"w[{layout.stage(0, i)} + l] = select(good, k{last}_{i}, k1_{i})"
        yield from (f"w[{layout.stage(s, i)} + l] = k{s}_{i}" for s in range(1, last + 1))


def _step(program, layout, tableau):
    """Source of `step(w, rtol, floor, limit)`: one trial step in every lane.

    It returns how many lanes want attention.
    """
    n, last = layout.states, len(tableau.c)
    lines = [
        *clock(layout, *STEPPING),
        *load(layout.constant, "c", layout.constants),
        *load(layout.y, "y", n),
        *load(lambda i: layout.stage(0, i), "k1_", n),
        *(line for s in range(1, last) for line in _stage(layout, s, tableau.c[s], tableau.a[s])),
        *(f"z{i} = v{last}_{i}" for i in range(n)),
        *control.error(
            layout,
            program,
            lambda i: f"h*({_sum([tableau.trust * e for e in tableau.error], _of(i, last))})",
        ),
        *control.verdict(program, tableau.order),
        *_store(layout, tableau),
        *control.store(layout),
    ]
    return control.function(
        "def step(w, rtol, floor, limit):",
        lines,
        layout,
        before=["calls = 0"],
        after=["return calls"],
    )


def _dense(layout, tableau):
    """Source of `dense(w, l, time, z)`: lane l at a time inside its last step, to z (S,)."""
    lines = [
        f"h = w[{layout.clock('h_old')} + l]",
        f"x = (time - w[{layout.clock('t_old')} + l])/h",
    ]
    used = [s for s, row in enumerate(tableau.dense) if any(row)]
    for s in used:
        powers = "0.0"
        for weight in reversed(tableau.dense[s]):
            powers = f"x*({weight!r} + {powers})"
        lines.append(f"b{s} = h*({powers})")
    for i in range(layout.states):
        text = f"w[{layout.old(i)} + l]"
        for s in used:
            text = f"fma(b{s}, w[{layout.stage(s + 1, i)} + l], {text})"
        lines.append(f"z[{i}] = {text}")
    return "\n".join(["@njit(**INLINE)", "def dense(w, l, time, z):", *indented(lines)])


def _stiff(layout, tableau, dynamic):
    """Source of `stiff(w, l)`: whether lane l's last step was as long as stability allows.

    The last two stages lie at the same time: their slopes differ by the Jacobian times the
    difference of their values.
    """
    last = len(tableau.c) - 1
    differences = [
        (j, b - a)
        for j, (a, b) in enumerate(zip((*tableau.a[last - 1], 0.0), tableau.a[last], strict=True))
        if a != b
    ]
    lines = ["slopes = values = 0.0"]
    for i in range(dynamic):
        slope, before = (f"w[{layout.stage(k, i)} + l]" for k in (last + 1, last))
        moved = " + ".join(f"{d!r}*w[{layout.stage(j + 1, i)} + l]" for j, d in differences)
        lines += [
            f"scale = w[{layout.largest(i)} + l] + 1e-290",
            f"slopes += (({slope} - {before})/scale)**2",
            f"values += (({moved})/scale)**2",
        ]
    lines.append(f"return slopes > {tableau.stable**2!r}*values")
    return "\n".join(['@njit(error_model="numpy")', "def stiff(w, l):", *indented(lines)])


def method(program, tableau, lanes):
    """The Method of an explicit tableau for one program."""
    stages, sizes = len(tableau.dense), program.sizes
    layout = Layout(lanes, program.states, program.constants, stages, sizes=sizes)
    functions = [
        _step(program, layout, tableau),
        control.refresh(layout),
        *([_prepare(layout, tableau)] if tableau.more_c else []),
        _dense(layout, tableau),
        _stiff(layout, tableau, program.dynamic),
    ]
    return driver.method(program, layout, functions, PREPARES=bool(tableau.more_c))
