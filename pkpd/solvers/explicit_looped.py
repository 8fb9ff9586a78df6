"""Source of the explicit step of pkpd.solvers.explicit for large models: loops in place of lines.

The same operations in the same order, so the same bits; but the model's derivatives are compiled
once and not once a stage, and the rest does not grow with the number of states. Knows states, lanes
and a tableau; knows nothing of drugs or doses.
"""

from pkpd.kernels.layout import Layout
from pkpd.solvers import control, driver
from pkpd.solvers.control import clock, load, names

TEMPLATE = '''
A = np.array({a!r})
SHARE = np.array({share!r})
ERROR = np.array({error!r})
DENSE = np.array({dense!r})
LAST = np.array({last!r})
AMOUNT = np.array({amount!r})


@njit(error_model="numpy")
def slopes(w, t, h, share, into):
    """Derivatives at the time in row t + share*(the length in row h) and the values at {z}."""
    for l in range({lanes}):
        {constants}
        {values}
        {rates}
        {keep}


@njit(error_model="numpy")
def stage(w, s, base, t, h):
    """Values of the stage after s others at {z}, from those at `base`; its derivatives."""
    for i in range({n}):
        for l in range({lanes}):
            total = A[s, s - 1]*w[{k} + (s - 1)*{size} + i*{lanes} + l]
            for j in range(s - 2, -1, -1):
                total = fma(A[s, j], w[{k} + j*{size} + i*{lanes} + l], total)
            w[{z} + i*{lanes} + l] = fma(w[h + l], total, w[base + i*{lanes} + l])
    slopes(w, t, h, SHARE[s], {k} + s*{size})


@njit(error_model="numpy")
def errors(w, rtol, floor):
    """Sum of the squares of every lane's scaled errors in states, largest one in integrals, and
    whether an amount falls below 0; see `control.error`."""
    for l in range({lanes}):
        w[{mean} + l], w[{worst} + l], w[{below} + l] = 0.0, -1.0, 0.0
    for i in range({n}):
        for l in range({lanes}):
            at = i*{lanes} + l
            total = ERROR[{count} - 1]*w[{k} + ({count} - 1)*{size} + at]
            for j in range({count} - 2, -1, -1):
                total = fma(ERROR[j], w[{k} + j*{size} + at], total)
            size = max(abs(w[{y} + at]), abs(w[{z} + at]))
            if i < {dynamic}:
                largest = max(w[{largest} + at], size)
                e = w[{h} + l]*(total)/(rtol*fma(floor, largest, size) + 1e-290)
                w[{mean} + l] = fma(e, e, w[{mean} + l])
                if AMOUNT[i] and w[{z} + at] < -rtol*largest and w[{y} + at] >= -rtol*largest:
                    w[{below} + l] = 1.0
            else:
                rest = abs(w[{z} + at] - w[{y} + at])/w[{h} + l]*(w[{stop} + l] - w[{t} + l])
                e = w[{h} + l]*(total)/(rtol*fma(floor, rest, size) + 1e-290)
                w[{worst} + l] = select(e*e > w[{worst} + l], e*e, w[{worst} + l])


@njit(error_model="numpy")
def take_good(w):
    """Values, largest sizes and the first derivative of the next step, where the step was good."""
    for i in range({n}):
        for l in range({lanes}):
            at = i*{lanes} + l
            good = w[{accepted} + l] > 0.0
            size = max(abs(w[{y} + at]), abs(w[{z} + at])) if i < {dynamic} else 0.0
            w[{old} + at] = w[{y} + at]
            w[{y} + at] = select(good, w[{z} + at], w[{y} + at])
            w[{largest} + at] = select(good, max(w[{largest} + at], size), w[{largest} + at])
            w[{first} + at] = select(good, w[{k} + ({count} - 1)*{size} + at], w[{k} + at])


@njit(error_model="numpy")
def step(w, rtol, floor, limit):
    """One trial step in every lane; returns how many lanes want attention."""
    for i in range({size}):
        w[{k} + i] = w[{first} + i]
    for s in range(1, {count}):
        stage(w, s, {y}, {t}, {h})
    errors(w, rtol, floor)
    calls = judge(w, limit)
    take_good(w)
    return calls


@njit(error_model="numpy")
def dense(w, l, time, z):
    """Values of lane l at a time inside its last step, written to z ({n},)."""
    h = w[{h_old} + l]
    x = (time - w[{t_old} + l])/h
    for i in range({n}):
        z[i] = w[{old} + i*{lanes} + l]
    for s in range({stages}):
        powers = 0.0
        for k in range({powers} - 1, -1, -1):
            powers = x*(DENSE[s, k] + powers)
        for i in range({n}):
            z[i] = fma(h*(powers), w[{k} + s*{size} + i*{lanes} + l], z[i])


@njit(error_model="numpy")
def stiff(w, l):
    """Whether lane l's last step was as long as stability allows."""
    slopes = values = 0.0
    for i in range({dynamic}):
        at = i*{lanes} + l
        moved = 0.0
        for j in range({count} - 1):
            moved += LAST[j]*w[{k} + j*{size} + at]
        scale = w[{largest} + at] + 1e-290
        last = {k} + ({count} - 1)*{size} + at
        slopes += ((w[last] - w[last - {size}])/scale)**2
        values += (moved/scale)**2
    return slopes > {stable!r}*values
'''

PREPARE = '''
@njit(error_model="numpy")
def prepare(w):
    """What the dense output of the last step needs beside its stages, in every lane."""
    for s in range({count}, {stages}):
        stage(w, s, {old}, {t_old}, {h_old})
'''


def _indent(lines):
    return "\n        ".join(lines)


def _square(rows, width):
    """Rows of different lengths filled up with 0."""
    return [[*row, *[0.0] * (width - len(row))] for row in rows]


def _judge(layout, tableau, mean, worst, below, dynamic):
    """Source of `judge(w, limit)`: the verdict on every lane and its next step size."""
    lines = [
        *clock(layout, *control.CLOCK),
        f"mean = w[{mean} + l]*{1.0 / dynamic!r}",
        f"worst = select(w[{worst} + l] > mean, w[{worst} + l], mean)",
        f"below = w[{below} + l] > 0.0",
        "error = select(below, 1e16, select(worst < 1e16, worst, 1e16))",
        *control.verdict(tableau.order),
        *control.store_clock(layout),
    ]
    head, before, after = "def judge(w, limit):", ["calls = 0"], ["return calls"]
    return control.function(head, lines, layout, before=before, after=after)


def sources(program, tableau, lanes):
    """Layout and source of all functions of an explicit method for one program."""
    n, count, stages = program.states, len(tableau.c), len(tableau.dense)
    layout = Layout(lanes, n, program.constants, stages, more=n + 3, sizes=program.sizes)
    z, mean, worst, below = (layout.extra(i) for i in (0, n, n + 1, n + 2))
    values = [f"w[{z + i * lanes} + l]" for i in range(n)]
    time = "fma(share, w[h + l], w[t + l])"
    a = [*tableau.a, *tableau.more_a]
    last = (b - c for b, c in zip(a[count - 1], (*a[count - 2], 0.0), strict=True))
    powers = max(len(row) for row in tableau.dense)
    sizes = {
        name: layout.clock(name) for name in ("t", "h", "stop", "t_old", "h_old", "accepted")
    } | {
        "n": n,
        "lanes": lanes,
        "size": n * lanes,
        "dynamic": program.dynamic,
        "count": count,
        "stages": stages,
        "powers": powers,
        "z": z,
        "mean": mean,
        "worst": worst,
        "below": below,
        "amount": [i in program.amounts for i in range(program.dynamic)],
        "k": layout.stage(1, 0),
        "first": layout.stage(0, 0),
        "y": layout.y(0),
        "old": layout.old(0),
        "largest": layout.largest(0),
        "a": _square(a, stages),
        "share": [*tableau.c, *tableau.more_c],
        "error": [tableau.trust * e for e in tableau.error],
        "dense": _square(tableau.dense, powers),
        "last": list(last),
        "stable": tableau.stable**2,
        "constants": _indent(load(layout.constant, "c", layout.constants)),
        "values": _indent([f"z{i} = {value}" for i, value in enumerate(values)]),
        "rates": f"({', '.join(names('f', n))},) = {control.call(layout, time, names('z', n))}",
        "keep": _indent([f"w[into + {i * lanes} + l] = f{i}" for i in range(n)]),
    }
    parts = [
        _judge(layout, tableau, mean, worst, below, program.dynamic),
        TEMPLATE.strip().format(**sizes),
        *([PREPARE.strip().format(**sizes)] if tableau.more_c else []),
        control.refresh(layout),
        driver.source(program, layout, prepares=bool(tableau.more_c)),
    ]
    return layout, parts
