"""Source of one adaptive explicit Runge-Kutta step for a block of patients side by side.

Each lane has its own time, step size and verdict; a rejected or idle lane keeps its numbers by selection, never by
branching, so that the loop over lanes becomes vector instructions. Knows states, lanes and tolerances; knows nothing of
drugs or doses.
Error control: Hairer, Norsett & Wanner (1993), Solving ODEs I, II.4; PI controller: Gustafsson (1991), ACM TOMS 17(4).
"""

from pkpd.kernels.layout import Layout
from pkpd.solvers import driver
from pkpd.solvers.driver import PEAK_FLOOR

SAFETY = 0.9
LARGEST_GROWTH = 8.0
SMALLEST_SHRINK = 0.2


def _sum(weights, terms):
    return " + ".join(f"{w!r}*{t}" for w, t in zip(weights, terms, strict=True) if w != 0.0)


def _call(layout, time, values):
    constants = [f"c{i}" for i in range(layout.constants)]
    return f"rhs({', '.join([time, *values, *constants])})"


def _names(prefix, n):
    return [f"{prefix}{i}" for i in range(n)]


def _tuple(names):
    return "(" + ", ".join(names) + ",)"


def _load(layout, place, prefix, n):
    return [f"{prefix}{i} = w[{place(i)} + l]" for i in range(n)]


def _clock(layout, *names):
    return [f"{name} = w[{layout.clock(name)} + l]" for name in names]


def _stages(layout, tableau):
    """Lines that leave the last stage's values in z* and every stage's derivatives in k<stage>_*."""
    n, lines = layout.states, []
    for s in range(1, len(tableau.c)):
        scaled = [f"g{s}_{j} = h*{a!r}" for j, a in enumerate(tableau.a[s]) if a != 0.0]
        lines += scaled
        for i in range(n):
            terms = [f"g{s}_{j}*k{j + 1}_{i}" for j, a in enumerate(tableau.a[s]) if a != 0.0]
            lines.append(f"z{i} = y{i} + ({' + '.join(terms)})")
        lines.append(f"{_tuple(_names(f'k{s + 1}_', n))} = {_call(layout, f't + {tableau.c[s]!r}*h', _names('z', n))}")
    return lines


def _error(layout, tableau, dynamic):
    """Lines that leave the mean square of the scaled error in `error`; NaN and inf become 1e16.

    Integrals feed nothing back and are as smooth as what they integrate: they follow the steps of the states.
    """
    lines = ["error = 0.0", *(f"p{i} = w[{layout.peak(i)} + l]" for i in range(dynamic, layout.states))]
    for i in range(dynamic):
        slopes = [f"k{s + 1}_{i}" for s in range(len(tableau.c))]
        lines += [
            f"size = max(abs(y{i}), abs(z{i}))",
            f"p{i} = max(w[{layout.peak(i)} + l], size)",
            f"e = h*({_sum(tableau.error, slopes)})/(rtol*(size + {PEAK_FLOOR!r}*p{i}) + 1e-290)",
            "error += e*e",
        ]
    return [*lines, f"error = error*{1.0 / dynamic!r}", "error = error if error < 1e16 else 1e16"]


def _control(tableau):
    """Lines that turn `error` (squared) into the verdict and the next step size."""
    q = tableau.order
    return [
        "good = (error <= 1.0) & (active > 0.0)",
        "verdict = 0.5*log(max(error, 1e-16))",
        f"exponent = {-0.7 / q!r}*verdict + {0.4 / q!r}*log_error if good else {-1.0 / q!r}*verdict",
        f"factor = min(max({SAFETY!r}*exp(exponent), {SMALLEST_SHRINK!r}), {LARGEST_GROWTH!r})",
        "wish = h*factor",
        # a step cut short by an event says nothing against the size wished for before it
        "wish = max(wish, suggest) if (good & (h < suggest)) else wish",
        "restart = wish if (good & (first > 0.0)) else restart",
        "now = (stop if land > 0.0 else t + h) if good else t",
        "remaining = stop - now",
        "landing = remaining <= 1.0000001*wish",
        "size = remaining if landing else (0.5*remaining if remaining < 2.0*wish else wish)",
        "trials = trials + active",
        "stuck = ((trials > limit) | (now + 0.1*wish == now)) & (~good) & (active > 0.0)",
        "stuck = stuck | ((trials > limit) & (active > 0.0))",
        "call = (good & ((land > 0.0) | (due < now))) | stuck",
    ]


def _store(layout, tableau):
    values = {
        "t": "now", "h": "size if active > 0.0 else 0.0", "suggest": "wish if active > 0.0 else suggest",
        "log_error": "verdict if good else log_error", "restart": "restart", "first": "0.0 if good else first",
        "land": "1.0 if landing else 0.0", "accepted": "1.0 if good else 0.0", "count": "count + (1.0 if good else 0.0)",
        "rejected": "rejected + (0.0 if good else active)", "trials": "trials", "t_old": "t", "h_old": "h",
        "event": "land", "failed": "1.0 if stuck else 0.0",
    }  # fmt: skip
    lines = [f"w[{layout.clock(name)} + l] = {value}" for name, value in values.items()]
    last = len(tableau.c)
    for i in range(layout.states):
        lines += [
            f"w[{layout.old(i)} + l] = y{i}",
            f"w[{layout.y(i)} + l] = z{i} if good else y{i}",
            f"w[{layout.peak(i)} + l] = p{i} if good else w[{layout.peak(i)} + l]",
            f"w[{layout.stage(0, i)} + l] = k{last}_{i} if good else k1_{i}",
            *(f"w[{layout.stage(s, i)} + l] = k{s}_{i}" for s in range(1, last + 1)),
        ]
    return [*lines, "calls += 1 if call else 0"]


def _function(head, loop_lines, layout, before=(), after=()):
    body = [*before, f"for l in range({layout.lanes}):", *(f"    {line}" for line in loop_lines), *after]
    return "\n".join(["@njit(**INLINE)", head, *(f"    {line}" for line in body)])


def step_source(layout, tableau, dynamic):
    """Source of `step(w, rtol, limit)`: one trial step in every lane; returns how many lanes want attention.

    w : (layout.size,) work array; `rhs` and vecmath's exp and log must be in scope.
    """
    n = layout.states
    loads = [
        *_clock(layout, "t", "h", "stop", "suggest", "log_error", "restart", "first", "land", "active", "count", "due",
                "rejected", "trials"),
        *_load(layout, layout.constant, "c", layout.constants),
        *_load(layout, layout.y, "y", n),
        *_load(layout, lambda i: layout.stage(0, i), "k1_", n),
    ]  # fmt: skip
    lines = [*loads, *_stages(layout, tableau), *_error(layout, tableau, dynamic), *_control(tableau), *_store(layout, tableau)]
    return _function("def step(w, rtol, limit):", lines, layout, before=["calls = 0"], after=["return calls"])


def refresh_source(layout):
    """Source of `refresh(w)`: the derivative at the present values, in lanes marked fresh."""
    n = layout.states
    lines = [
        *_clock(layout, "t", "fresh"),
        *_load(layout, layout.constant, "c", layout.constants),
        *_load(layout, layout.y, "y", n),
        f"{_tuple(_names('f', n))} = {_call(layout, 't', _names('y', n))}",
        *(f"w[{layout.stage(0, i)} + l] = f{i} if fresh > 0.0 else w[{layout.stage(0, i)} + l]" for i in range(n)),
    ]
    return _function("def refresh(w):", lines, layout)


def dense_source(layout, tableau):
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


def sources(program, tableau, lanes):
    """Layout and source of all functions of an explicit method for one program."""
    layout = Layout(lanes, program.states, program.constants, len(tableau.c))
    parts = [step_source(layout, tableau, program.dynamic), refresh_source(layout), dense_source(layout, tableau), driver.source(program, layout)]
    return layout, parts
