"""Source of one adaptive Rosenbrock step for a block of patients side by side, for stiff systems.

Every lane has its own Jacobian, factored with row pivoting in the lane; all inner loops run over
lanes. Small systems are written out by pkpd.solvers.rosenbrock_unrolled, several times faster; for
larger ones the compiler would take minutes. Knows states, lanes and a tableau; knows nothing of
drugs or doses.
Method: Hairer & Wanner (1996), Solving ODEs II, IV.7, in the form without products with the
Jacobian.
"""

from pkpd.kernels.layout import Layout
from pkpd.solvers import control, driver
from pkpd.solvers.control import clock, load, names

TEMPLATE = '''
@njit(error_model="numpy")
def slopes(w, share, place, into):
    """Derivatives at t + share*h and the values at `place`, written to `into`, in every lane."""
    for l in range({lanes}):
        {constants}
        {values}
        {rates}
        {keep}


@njit(error_model="numpy")
def matrix(w):
    """1/(gamma*h) - J and the derivative by time of every lane.

    A slope that is not finite, as of x**0.5 at 0, counts as 0.
    """
    for l in range({lanes}):
        t = w[{t} + l]
        diagonal = 1.0/({gamma!r}*w[{h} + l])
        {constants}
        {present}
        {jacobian}
        {entries}


@njit(error_model="numpy")
def factor(w):
    """LU factors of every lane's matrix in its place, rows swapped for the largest pivots."""
    for k in range({n}):
        for l in range({lanes}):
            best = k
            for i in range(k + 1, {n}):
                if abs(w[{m} + (i*{n} + k)*{lanes} + l]) > abs(w[{m} + (best*{n} + k)*{lanes} + l]):
                    best = i
            w[{pivot} + k*{lanes} + l] = best
            if best != k:
                for j in range({n}):
                    a = {m} + (k*{n} + j)*{lanes} + l
                    b = {m} + (best*{n} + j)*{lanes} + l
                    w[a], w[b] = w[b], w[a]
        for l in range({lanes}):
            w[{m} + (k*{n} + k)*{lanes} + l] = 1.0/w[{m} + (k*{n} + k)*{lanes} + l]
        for i in range(k + 1, {n}):
            for l in range({lanes}):
                w[{m} + (i*{n} + k)*{lanes} + l] *= w[{m} + (k*{n} + k)*{lanes} + l]
            for j in range(k + 1, {n}):
                for l in range({lanes}):
                    share = w[{m} + (i*{n} + k)*{lanes} + l]
                    w[{m} + (i*{n} + j)*{lanes} + l] -= share*w[{m} + (k*{n} + j)*{lanes} + l]


@njit(error_model="numpy")
def divide(w, at):
    """Solve every lane's factored system for the right-hand side at `at`, in its place."""
    for k in range({n}):
        for l in range({lanes}):
            best = int(w[{pivot} + k*{lanes} + l])
            a = at + k*{lanes} + l
            b = at + best*{lanes} + l
            w[a], w[b] = w[b], w[a]
    for i in range({n}):
        for j in range(i):
            for l in range({lanes}):
                w[at + i*{lanes} + l] -= w[{m} + (i*{n} + j)*{lanes} + l]*w[at + j*{lanes} + l]
    for i in range({n} - 1, -1, -1):
        for j in range(i + 1, {n}):
            for l in range({lanes}):
                w[at + i*{lanes} + l] -= w[{m} + (i*{n} + j)*{lanes} + l]*w[at + j*{lanes} + l]
        for l in range({lanes}):
            w[at + i*{lanes} + l] *= w[{m} + (i*{n} + i)*{lanes} + l]


A = np.array({a!r})
C = np.array({C!r})
SHARE = np.array({share!r})
D = np.array({d!r})


@njit(error_model="numpy")
def stages(w):
    """All stages of one trial step; the new values are left at {z}."""
    matrix(w)
    factor(w)
    for s in range({count}):
        stage = {stage} + s*{size}
        for i in range({size}):
            w[{z} + i] = w[{y} + i]
            w[{sum} + i] = 0.0
        for j in range(s):
            for i in range({size}):
                w[{z} + i] += A[s, j]*w[{stage} + j*{size} + i]
                w[{sum} + i] += C[s, j]*w[{stage} + j*{size} + i]
        slopes(w, SHARE[s], {z}, stage)
        for i in range({n}):
            for l in range({lanes}):
                size = w[{h} + l]
                slope = D[s]*size*w[{slope} + i*{lanes} + l]
                w[stage + i*{lanes} + l] += w[{sum} + i*{lanes} + l]/size + slope
        divide(w, stage)
    for i in range({size}):
        w[{z} + i] += w[{error} + i]
'''

DENSE = '''
ROWS = np.array({dense!r})
LAST = np.array({last!r})


@njit(error_model="numpy")
def dense(w, l, time, z):
    """Values of lane l at a time inside its last step, written to z ({n},)."""
    x = (time - w[{t_old} + l])/w[{h_old} + l]
    for i in range({n}):
        y0 = w[{old} + i*{lanes} + l]
        y1 = y0 + w[{error} + i*{lanes} + l]
        for j in range({count} - 1):
            y1 += LAST[j]*w[{stage} + j*{size} + i*{lanes} + l]
        inner = 0.0
        for k in range({rows} - 1, -1, -1):
            q = 0.0
            for j in range({count}):
                q += ROWS[k, j]*w[{stage} + j*{size} + i*{lanes} + l]
            inner = q + x*inner
        z[i] = (1.0 - x)*y0 + x*(y1 + (1.0 - x)*inner)


@njit(error_model="numpy")
def stiff(w, l):
    return False
'''


def _indent(lines, depth):
    return ("\n" + " " * depth).join(lines or ["pass"])


def _values(layout):
    return layout.extra(0)


def _slope(layout):
    return layout.extra(layout.states)


def _sum(layout):
    return layout.extra(2 * layout.states)


def _matrix(layout):
    return layout.extra(3 * layout.states)


def _pivot(layout):
    return layout.extra(3 * layout.states + layout.states**2)


def _square(rows, width):
    """Rows of different lengths filled up with 0."""
    return [[*row, *[0.0] * (width - len(row))] for row in rows]


def _entries(program, layout):
    """Lines that store 1/(gamma*h) - J and the time derivative."""
    n = layout.states

    def finite(text):
        return f"({text} if abs({text}) < 1e300 else 0.0)"

    for i in range(n):
        for j in range(n):
            slope = program.jacobian.get((i, j), "0.0")
            value = ("diagonal" if i == j else "0.0") + (
                "" if slope == "0.0" else f" - {finite(f'j{i}_{j}')}"
            )
            yield f"w[{_matrix(layout) + (i * n + j) * layout.lanes} + l] = {value}"
        slope = finite(f"d{i}") if i in program.slopes else "0.0"
        yield f"w[{_slope(layout) + i * layout.lanes} + l] = {slope}"


def _kernels(program, layout, tableau):
    n, z, count = layout.states, _values(layout), len(tableau.c)
    time = f"w[{layout.clock('t')} + l] + share*w[{layout.clock('h')} + l]"
    constants = load(layout.constant, "c", layout.constants)
    given = [f"j{i}_{j} = {text}" for (i, j), text in program.jacobian.items()] + [
        f"d{i} = {text}" for i, text in program.slopes.items()
    ]
    return TEMPLATE.strip().format(
        lanes=layout.lanes,
        n=n,
        size=n * layout.lanes,
        gamma=tableau.gamma,
        z=z,
        m=_matrix(layout),
        pivot=_pivot(layout),
        t=layout.clock("t"),
        h=layout.clock("h"),
        error=layout.stage(count, 0),
        constants=_indent(constants, 8),
        values=_indent([f"z{i} = w[place + {i * layout.lanes} + l]" for i in range(n)], 8),
        rates=f"({', '.join(names('f', n))},) = {control.call(layout, time, names('z', n))}",
        keep=_indent([f"w[into + {i * layout.lanes} + l] = f{i}" for i in range(n)], 8),
        present=_indent(load(layout.y, "y", n), 8),
        jacobian=_indent([*program.jacobian_lines, *given], 8),
        entries=_indent(list(_entries(program, layout)), 8),
        a=_square(tableau.a, count),
        C=_square(tableau.C, count),
        share=list(tableau.c),
        d=list(tableau.d),
        count=count,
        stage=layout.stage(1, 0),
        slope=_slope(layout),
        sum=_sum(layout),
        y=layout.y(0),
    )


def dense(layout, tableau):
    """Source of `dense` and `stiff`."""
    count = len(tableau.c)
    return DENSE.strip().format(
        lanes=layout.lanes,
        n=layout.states,
        size=layout.states * layout.lanes,
        count=count,
        rows=len(tableau.dense),
        dense=_square(tableau.dense, count),
        last=list(tableau.a[-1]),
        stage=layout.stage(1, 0),
        error=layout.stage(count, 0),
        old=layout.old(0),
        t_old=layout.clock("t_old"),
        h_old=layout.clock("h_old"),
    )


def _step(program, layout, tableau):
    """Source of `step(w, rtol, floor, limit)`: one trial step in every lane.

    It returns how many lanes want attention.
    """
    n, last = layout.states, len(tableau.c)
    lines = [
        *clock(layout, *control.CLOCK),
        *load(layout.y, "y", n),
        *(f"z{i} = w[{_values(layout) + i * layout.lanes} + l]" for i in range(n)),
        *control.error(layout, program, lambda i: f"w[{layout.stage(last, i)} + l]"),
        *control.verdict(tableau.order),
        *control.store(layout),
    ]
    return control.function(
        "def step(w, rtol, floor, limit):",
        lines,
        layout,
        before=["stages(w)", "calls = 0"],
        after=["return calls"],
    )


def sources(program, tableau, lanes):
    """Layout and source of all functions of a Rosenbrock method for one program with a Jacobian."""
    n = program.states
    more, sizes = 4 * n + n**2, program.sizes
    layout = Layout(lanes, n, program.constants, len(tableau.c), more, sizes)
    parts = [
        _kernels(program, layout, tableau),
        _step(program, layout, tableau),
        dense(layout, tableau),
        control.refresh(layout),
        driver.source(program, layout),
    ]
    return layout, parts
