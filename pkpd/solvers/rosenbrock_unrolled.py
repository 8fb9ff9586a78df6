"""Source of one adaptive Rosenbrock step for a small system, written out in loops over lanes.

Rows are swapped by selection, never by branching, so that elimination becomes vector instructions
like the rest. The method is that of pkpd.solvers.rosenbrock. Knows states, lanes and a tableau;
knows nothing of drugs or doses.
"""

from pkpd.kernels.layout import STEPPING, Layout
from pkpd.solvers import control, driver, rosenbrock
from pkpd.solvers.control import clock, load, names

MOST = 8  # states up to which the compiler takes well under a minute


def _values(layout):
    return layout.extra(0)


def _slope(layout):
    return layout.extra(layout.states)


def _matrix(layout):
    return layout.extra(2 * layout.states)


def _swap(layout):
    return layout.extra(2 * layout.states + layout.states**2)


def _pairs(n):
    """(k, i) of every row i below a pivot k, in the order of elimination."""
    return [(k, i) for k in range(n) for i in range(k + 1, n)]


def _cells(n):
    return [(i, j) for i in range(n) for j in range(n)]


def _entries(program, layout):
    """Lines that leave 1/(gamma*h) - J in a<i>_<j> and store the time derivative.

    A slope that is not finite, as of x**0.5 at 0, counts as 0.
    """

    def finite(text):
        return f"select(abs({text}) < 1e300, {text}, 0.0)"

    yield from program.jacobian_lines
    for i, j in _cells(layout.states):
        value = "diagonal" if i == j else "0.0"
        if (i, j) in program.jacobian:
            yield f"j{i}_{j} = {program.jacobian[i, j]}"
            value += f" - {finite(f'j{i}_{j}')}"
        yield f"a{i}_{j} = {value}"
    for i in range(layout.states):
        yield f"d{i} = {program.slopes.get(i, '0.0')}"
        yield f"w[{_slope(layout) + i * layout.lanes} + l] = {finite(f'd{i}')}"


class _Names:
    """Lines in which no name is assigned twice: numba is slow with many assignments to one name."""

    def __init__(self):
        self.lines, self.version = [], {}

    def now(self, name):
        """The name that holds the present value."""
        count = self.version.get(name, 0)
        return f"{name}_v{count}" if count else name

    def set(self, name, text):
        self.version[name] = self.version.get(name, 0) + 1
        self.lines.append(f"{self.now(name)} = {text}")

    def swap(self, upper, lower, condition):
        a, b = self.now(upper), self.now(lower)
        self.set(upper, f"select({condition}, {b}, {a})")
        self.set(lower, f"select({condition}, {a}, {b})")

    def subtract(self, name, one, other):
        self.set(name, f"{self.now(name)} - {self.now(one)}*{self.now(other)}")


def _factored(n):
    """Lines that factor a<i>_<j> in its place, and the names of the factors.

    s<k>_<i> says whether rows k and i changed places.
    """
    row = _Names()
    for k in range(n):
        for i in range(k + 1, n):
            row.set(f"s{k}_{i}", f"abs({row.now(f'a{i}_{k}')}) > abs({row.now(f'a{k}_{k}')})")
            for j in range(k, n):
                row.swap(f"a{k}_{j}", f"a{i}_{j}", row.now(f"s{k}_{i}"))
        row.set(f"a{k}_{k}", f"1.0/{row.now(f'a{k}_{k}')}")
        for i in range(k + 1, n):
            row.set(f"a{i}_{k}", f"{row.now(f'a{i}_{k}')}*{row.now(f'a{k}_{k}')}")
            for j in range(k + 1, n):
                row.subtract(f"a{i}_{j}", f"a{i}_{k}", f"a{k}_{j}")
    return row.lines, row.now


def _divided(n):
    """Lines that solve the factored system for b<i>, and the names of the solution."""
    row = _Names()
    for k in range(n):
        for i in range(k + 1, n):
            row.swap(f"b{k}", f"b{i}", f"s{k}_{i}")
        for i in range(k + 1, n):
            row.subtract(f"b{i}", f"a{i}_{k}", f"b{k}")
    for i in reversed(range(n)):
        for j in range(i + 1, n):
            row.subtract(f"b{i}", f"a{i}_{j}", f"b{j}")
        row.set(f"b{i}", f"{row.now(f'b{i}')}*a{i}_{i}")
    return row.lines, row.now


def _matrix_step(program, layout, tableau):
    """Source of `matrix(w)`: 1/(gamma*h) - J of every lane, factored, and derivatives by time."""
    n, at = (
        layout.states,
        {
            c: _matrix(layout) + (c[0] * layout.states + c[1]) * layout.lanes
            for c in _cells(layout.states)
        },
    )
    lines = [
        *clock(layout, "t", "h"),
        f"diagonal = 1.0/({tableau.gamma!r}*h)",
        *load(layout.constant, "c", layout.constants),
        *load(layout.y, "y", n),
        *_entries(program, layout),
    ]
    more, name = _factored(n)
    lines += more
    for k, i in _pairs(n):
        swap = f"w[{_swap(layout) + (k * n + i) * layout.lanes} + l]"
        lines.append(f"{swap} = select({name(f's{k}_{i}')}, 1.0, 0.0)")
    lines += [f"w[{place} + l] = {name(f'a{i}_{j}')}" for (i, j), place in at.items()]
    return control.function("def matrix(w):", lines, layout)


def _sum(weights, name, i):
    return " + ".join(
        f"{weight!r}*{name}{j}_{i}" for j, weight in enumerate(weights) if weight != 0.0
    )


def _stage(program, layout, tableau, s):
    """Source of `stage<s>(w)`: the solution of stage s."""
    n, lanes = layout.states, layout.lanes
    lines = [
        *clock(layout, "t", "h"),
        *load(layout.constant, "c", layout.constants),
        *load(layout.y, "y", n),
        "inverse = 1.0/h",
    ]
    for j in range(s):
        lines += load(lambda i, j=j: layout.stage(j + 1, i), f"u{j}_", n)
    lines += [
        f"z{i} = {' + '.join(filter(None, (f'y{i}', _sum(tableau.a[s], 'u', i))))}"
        for i in range(n)
    ]
    rates = control.call(layout, f"t + {tableau.c[s]!r}*h", names("z", n))
    lines.append(f"({', '.join(names('f', n))},) = {rates}")
    lines += _right_sides(program, layout, tableau, s)
    lines += [f"a{i}_{j} = w[{_matrix(layout) + (i * n + j) * lanes} + l]" for i, j in _cells(n)]
    lines += [
        f"s{k}_{i} = w[{_swap(layout) + (k * n + i) * lanes} + l] > 0.0" for k, i in _pairs(n)
    ]
    more, name = _divided(n)
    lines += more
    lines += [f"w[{layout.stage(s + 1, i)} + l] = {name(f'b{i}')}" for i in range(n)]
    if s == len(tableau.c) - 1:
        lines += [f"w[{_values(layout) + i * lanes} + l] = z{i}" for i in range(n)]
    return control.function(f"def stage{s}(w):", lines, layout)


def _right_sides(program, layout, tableau, s):
    """Lines that leave in b<i> what the system of stage s is solved for, from the rates f<i>."""
    for i in range(layout.states):
        text = f"f{i}" + (f" + inverse*({_sum(tableau.C[s], 'u', i)})" if s else "")
        if i in program.slopes and tableau.d[s] != 0.0:
            text += f" + {tableau.d[s]!r}*h*w[{_slope(layout) + i * layout.lanes} + l]"
        yield f"b{i} = {text}"


def _step(program, layout, tableau):
    """Source of `step(w, rtol, floor, limit)`: one trial step in every lane.

    It returns how many lanes want attention.
    """
    n, last = layout.states, len(tableau.c)
    before = ["matrix(w)", *(f"stage{s}(w)" for s in range(last)), "calls = 0"]
    lines = [
        *clock(layout, *STEPPING),
        *load(layout.y, "y", n),
        *(
            f"z{i} = w[{_values(layout) + i * layout.lanes} + l] + w[{layout.stage(last, i)} + l]"
            for i in range(n)
        ),
        *control.error(layout, program, lambda i: f"w[{layout.stage(last, i)} + l]"),
        *control.verdict(program, tableau.order),
        *control.store(layout),
    ]
    return control.function(
        "def step(w, rtol, floor, limit):", lines, layout, before=before, after=["return calls"]
    )


def method(program, tableau, lanes):
    """The Method of a Rosenbrock tableau for one program with a Jacobian."""
    n = program.states
    more, sizes = 2 * n + 2 * n**2, program.sizes
    layout = Layout(lanes, n, program.constants, len(tableau.c), more, sizes)
    functions = [
        _matrix_step(program, layout, tableau),
        *(_stage(program, layout, tableau, s) for s in range(len(tableau.c))),
        _step(program, layout, tableau),
        control.refresh(layout),
    ]
    constants = rosenbrock.dense_constants(layout, tableau)
    return driver.method(program, layout, functions, "rosenbrock_dense", **constants)
