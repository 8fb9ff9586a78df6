"""Source of what every one-step method shares: fetching lanes, the size of an error, the verdict, the next step size.

Each lane has its own time, step size and verdict; a rejected or idle lane keeps its numbers by selection, never by
branching, so that the loop over lanes becomes vector instructions. Knows lanes and tolerances; knows no method.
Error control: Hairer, Norsett & Wanner (1993), Solving ODEs I, II.4; PI controller: Gustafsson (1991), ACM TOMS 17(4).
"""

SAFETY = 0.9
LARGEST_GROWTH = 8.0
SMALLEST_SHRINK = 0.2

CLOCK = ("t", "h", "stop", "suggest", "log_error", "restart", "first", "land", "active", "count", "due", "rejected", "trials", "probe")


def names(prefix, n):
    return [f"{prefix}{i}" for i in range(n)]


def call(layout, time, values):
    """Text of one evaluation of the model's derivatives."""
    return f"rhs({', '.join([time, *values, *names('c', layout.constants)])})"


def load(place, prefix, n):
    return [f"{prefix}{i} = w[{place(i)} + l]" for i in range(n)]


def clock(layout, *rows):
    return [f"{name} = w[{layout.clock(name)} + l]" for name in rows]


def function(head, loop_lines, layout, before=(), after=()):
    """A compiled function with one loop over lanes."""
    body = [*before, f"for l in range({layout.lanes}):", *(f"    {line}" for line in loop_lines), *after]
    return "\n".join(["@njit(**INLINE)", head, *(f"    {line}" for line in body)])


def refresh(layout):
    """Source of `refresh(w)`: the derivative at the present values, in lanes marked fresh."""
    n = layout.states
    lines = [
        *clock(layout, "t", "fresh"),
        *load(layout.constant, "c", layout.constants),
        *load(layout.y, "y", n),
        f"({', '.join(names('f', n))},) = {call(layout, 't', names('y', n))}",
        *(f"w[{layout.stage(0, i)} + l] = f{i} if fresh > 0.0 else w[{layout.stage(0, i)} + l]" for i in range(n)),
    ]
    return function("def refresh(w):", lines, layout)


def error(layout, dynamic, estimate):
    """Lines that leave the mean square of the scaled error in `error`; NaN and inf become 1e16.

    estimate(i) : text of the error of state i; y<i> and z<i> are its values before and after the step
    Integrals feed nothing back and are as smooth as what they integrate: they follow the steps of the states.
    """
    lines = ["error = 0.0", *(f"p{i} = w[{layout.peak(i)} + l]" for i in range(dynamic, layout.states))]
    for i in range(dynamic):
        lines += [
            f"size = max(abs(y{i}), abs(z{i}))",
            f"p{i} = max(w[{layout.peak(i)} + l], size)",
            f"e = {estimate(i)}/(rtol*(size + floor*p{i}) + 1e-290)",
            "error += e*e",
        ]
    return [*lines, f"error = error*{1.0 / dynamic!r}", "error = error if error < 1e16 else 1e16"]


def verdict(q):
    """Lines that turn `error` (squared) of a method of order q into the verdict and the next step size."""
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
        "call = (good & ((land > 0.0) | (due < now) | (trials >= probe))) | stuck",
    ]


def store(layout):
    """Lines that keep the verdict, and the values where the step was good."""
    values = {
        "t": "now", "h": "size if active > 0.0 else 0.0", "suggest": "wish if active > 0.0 else suggest",
        "log_error": "verdict if good else log_error", "restart": "restart", "first": "0.0 if good else first",
        "land": "1.0 if landing else 0.0", "accepted": "1.0 if good else 0.0", "count": "count + (1.0 if good else 0.0)",
        "rejected": "rejected + (0.0 if good else active)", "trials": "trials", "t_old": "t", "h_old": "h",
        "event": "land", "failed": "1.0 if stuck else 0.0",
    }  # fmt: skip
    lines = [f"w[{layout.clock(name)} + l] = {value}" for name, value in values.items()]
    for i in range(layout.states):
        lines += [
            f"w[{layout.old(i)} + l] = y{i}",
            f"w[{layout.y(i)} + l] = z{i} if good else y{i}",
            f"w[{layout.peak(i)} + l] = p{i} if good else w[{layout.peak(i)} + l]",
        ]
    return [*lines, "calls += 1 if call else 0"]
