"""Source of what every one-step method shares.

That is fetching lanes, the size of an error, the verdict and the next step size. Each lane has its
own time, step size and verdict; a rejected or idle lane keeps its numbers by selection, never by
branching, so that the loop over lanes becomes vector instructions. Knows lanes and tolerances;
knows no method.
Error control: Hairer, Norsett & Wanner (1993), Solving ODEs I, II.4.
PI controller: Gustafsson (1991), ACM TOMS 17(4).
"""

from functools import reduce

from pkpd.kernels.lanevector import WIDTH
from pkpd.kernels.paste import indented

SAFETY = 0.9
LARGEST_GROWTH = 8.0
ONSET = 1e-6  # share of the way to the next action
NOTHING = 1e-20  # share of the largest value in a unit so far, beside which nothing counts
SMALLEST_SHRINK = 0.2


def check_whole_vectors(lanes):
    """Raise ValueError where loops over states, which work on whole vectors, hold other lanes."""
    if lanes != WIDTH:
        raise ValueError(f"Loops over states hold {WIDTH} lanes, not {lanes}.")


def names(prefix, n):
    return [f"{prefix}{i}" for i in range(n)]


def call(layout, time, values):
    """Text of one evaluation of the model's derivatives."""
    return f"rhs({', '.join([time, *values, *names('c', layout.constants)])})"


def load(place, prefix, n):
    return [f"{prefix}{i} = w[{place(i)} + l]" for i in range(n)]


def clock(layout, *rows):
    return [f"{name} = w[{layout.clock(name)} + l]" for name in rows]


def function(head, loop_lines, layout, before=(), after=(), inline=True):
    """Source of a compiled function with one loop over lanes.

    inline : whether it becomes part of its callers, where the compiler may fuse its operations
    """
    body = [
        *before,
        f"for l in range({layout.lanes}):",
        *indented(loop_lines),
        *after,
    ]
    options = "**INLINE" if inline else 'error_model="numpy"'
    return "\n".join([f"@njit({options})", head, *indented(body)])


def refresh(layout):
    """Source of `refresh(w)`: the derivative at the present values, in lanes marked fresh."""
    n = layout.states
    lines = [
        *clock(layout, "t", "fresh"),
        *load(layout.constant, "c", layout.constants),
        *load(layout.y, "y", n),
        f"({', '.join(names('f', n))},) = {call(layout, 't', names('y', n))}",
        *(
            f"w[{layout.stage(0, i)} + l] = select(fresh > 0.0, f{i}, w[{layout.stage(0, i)} + l])"
            for i in range(n)
        ),
    ]
    return function("def refresh(w):", lines, layout)


def slopes(layout, values, time):
    """Source of `slopes(w, t, h, share, into)`: derivatives at the values in rows from `values` on.

    time : text of the time, from the rows t and h of a beginning and a length and a share of it
    """
    n, lanes = layout.states, layout.lanes
    lines = [
        *load(layout.constant, "c", layout.constants),
        *(f"z{i} = w[{values + i * lanes} + l]" for i in range(n)),
        f"({', '.join(names('f', n))},) = {call(layout, time, names('z', n))}",
        *(f"w[into + {i * lanes} + l] = f{i}" for i in range(n)),
    ]
    return function("def slopes(w, t, h, share, into):", lines, layout, inline=False)


def table(rows, width):
    """Rows of different lengths filled up with 0."""
    return [[*row, *[0.0] * (width - len(row))] for row in rows]


def error(layout, program, estimate):
    """Lines that leave the mean square of the scaled error in `error`; NaN and inf become 1e16.

    estimate(i) : text of the error of state i; y<i> and z<i> are its values before and after the
        step

    The end of a chain that starts empty grows like a high power of the time, of which no first step
    has a small relative error: what is NOTHING beside the largest value so far in the same unit
    need not be known.
    Integrals feed nothing back: they do not count in the mean, but each must be as exact as it. An
    integral begins at 0, so its size is that and a share of what this step's rate would add until
    the next stop.
    """
    dynamic = program.dynamic
    lines = [f"p{i} = w[{layout.largest(i)} + l]" for i in range(dynamic, layout.states)]
    for i in range(dynamic):
        lines += [
            f"size{i} = max(abs(y{i}), abs(z{i}))",
            f"p{i} = max(w[{layout.largest(i)} + l], size{i})",
        ]
    for unit in range(len(set(program.alike))):
        sizes = [f"p{i}" for i, other in enumerate(program.alike) if other == unit]
        lines.append(f"most{unit} = {reduce('max({}, {})'.format, sizes)}")
    for i, unit in enumerate(program.alike):
        lines += [
            f"scale{i} = fma({NOTHING!r}, most{unit}, fma(floor, p{i}, size{i}))",
            f"e{i} = {estimate(i)}/(rtol*scale{i} + 1e-290)",
        ]
    total = "0.0"
    for i in range(dynamic):
        total = f"fma(e{i}, e{i}, {total})"
    lines.append(f"mean = {total}*{1.0 / dynamic!r}")
    worst = "mean"
    for q in range(dynamic, layout.states):
        lines += [
            f"rest{q} = abs(z{q} - y{q})/h*(stop - t)",
            f"size{q} = fma(floor, rest{q}, max(abs(y{q}), abs(z{q})))",
            f"e{q} = {estimate(q)}/(rtol*size{q} + 1e-290)",
            f"square{q} = e{q}*e{q}",
            f"worst{q} = select(square{q} > {worst}, square{q}, {worst})",
        ]
        worst = f"worst{q}"
    lines.append(f"error = select({worst} < 1e16, {worst}, 1e16)")
    if not program.amounts:
        return [*lines, "below = 0.0 > 1.0"]
    falls = (f"((z{i} < -rtol*p{i}) & (y{i} >= -rtol*p{i}))" for i in program.amounts)
    return [*lines, f"below = {' | '.join(falls)}", "error = select(below, 1e16, error)"]


def verdict(program, q):
    """Lines that turn `error` (squared) of a method of order q into verdict and next step size.

    An absorption that depends on the time since the dose may begin like a broken power of it, of
    which no step from nothing has a small relative error. So the first step after an action is
    taken as it is once it is a millionth of the way to the next one.
    """
    integral, proportional, alone = 0.4 / q, -0.7 / q, -1.0 / q
    exponents = f"fma({integral!r}, log_error, {proportional!r}*verdict), {alone!r}*verdict"
    onset = f"(first > 0.0) & (h < {ONSET!r}*(stop - t)) & (error < 1e16)"
    return [
        *([f"error = select({onset}, 0.0, error)"] if program.remembers else []),
        "good = (error <= 1.0) & (active > 0.0)",
        "verdict = 0.5*log(max(error, 1e-16))",
        f"exponent = select(good, {exponents})",
        f"factor = min(max({SAFETY!r}*exp(exponent), {SMALLEST_SHRINK!r}), {LARGEST_GROWTH!r})",
        # a step cut short by an event says nothing against the size wished for before it
        "h_next = select(good & (h < suggest), max(h*factor, suggest), h*factor)",
        "again = select(good & (first > 0.0), h_next, restart)",
        "now = select(good, select(reaches_event > 0.0, stop, t + h), t)",
        "remaining = stop - now",
        "lands = remaining <= 1.0000001*h_next",
        "size = select(lands, remaining, select(remaining < 2.0*h_next, 0.5*remaining, h_next))",
        "tried = trials + active",
        "stuck = ((tried > limit) | ((now + 0.1*h_next == now) & (~good))) & (active > 0.0)",
        "call = (good & ((reaches_event > 0.0) | (next_output < now) | (tried >= probe))) | stuck",
    ]


def store_clock(layout):
    """Lines that keep the verdict."""
    values = {
        "t": "now",
        "h": "select(active > 0.0, size, 0.0)",
        "suggest": "select(active > 0.0, h_next, suggest)",
        "log_error": "select(good, verdict, log_error)",
        "restart": "again",
        "first": "select(good, 0.0, first)",
        "reaches_event": "select(lands, 1.0, 0.0)",
        "accepted": "select(good, 1.0, 0.0)",
        "count": "count + select(good, 1.0, 0.0)",
        "rejected": "rejected + select(good, 0.0, active)",
        "trials": "tried",
        "t_old": "t",
        "h_old": "h",
        "event": "reaches_event",
        "failed": "select(stuck, 1.0, 0.0)",
        "fell_below": "select(below, 1.0, 0.0)",
    }
    return [*clock_rows(layout, values), "calls += 1 if call else 0"]


def clock_rows(layout, values):
    """Lines that keep values, {name: text}, in the rows of the clock."""
    return [f"w[{layout.clock(name)} + l] = {value}" for name, value in values.items()]


def store(layout):
    """Lines that keep the verdict, and the values where the step was good."""
    lines = store_clock(layout)
    for i in range(layout.states):
        lines += [
            f"w[{layout.old(i)} + l] = y{i}",
            f"w[{layout.y(i)} + l] = select(good, z{i}, y{i})",
            f"w[{layout.largest(i)} + l] = select(good, p{i}, w[{layout.largest(i)} + l])",
        ]
    return lines
