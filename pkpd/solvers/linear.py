"""Source of one exact step for a block of patients side by side, for models whose rates are linear in the states.

The states, their integrals, the number 1 and the rates of infusion move by a constant matrix M from one action to the next: over a
length h they are multiplied by exp(M h). Every lane keeps the exponentials of the last few lengths. Knows states, lanes and
matrices; knows nothing of drugs or doses.

A Taylor series of degree 16 gives D = exp(M h/2^s) - 1, and s doublings D <- 2 D + D^2 the rest. Without the 1, what a slow state
does is not lost beside a fast one; off the diagonal the terms 2 D + D^2 of a compartment model are sums of positive numbers, so that
every amount keeps its leading digits and no amount falls below 0 (Xue & Ye 2013, Math. Comp. 82, 1577-1596, for such matrices; Moler &
Van Loan 2003, SIAM Rev. 45, 3-49, for doubling). No eigenvalue is computed, so equal ones need no care.
Lengths are rounded to 40 bits, because those between regular doses differ by rounding: a relative 5e-13 of time.
"""

from math import factorial

from pkpd.kernels.layout import Layout
from pkpd.solvers import driver
from pkpd.solvers.control import load, names

KEPT = 8  # exponentials that a lane keeps
CLOCK = ("t", "stop", "active", "accepted", "count", "t_old", "event", "failed")
DEGREE = 16  # of the series; from three powers and three products more
LONGEST = 0.8  # norm of M h/2^s; 0.8^16/17! is half a rounding

TEMPLATE = '''
ENDS = np.array({ends!r})
LEFT = np.array({left!r})
RIGHT = np.array({right!r})
CROSS_ENDS = np.array({cross_ends!r})
CROSS_LEFT = np.array({cross_left!r} + [0])
CROSS_RIGHT = np.array({cross_right!r} + [0])
ROW = np.array({row!r})
COLUMN = np.array({column!r})


@njit(error_model="numpy")
def refresh(w):
    """The matrix of every lane from its inputs; where it changed, the exponentials kept are forgotten."""
    for l in range({lanes}):
        {constants}
        {matrix}
        unchanged = {unchanged}
        {store}
        for k in range({kept}):
            w[{key} + k*{lanes} + l] = w[{key} + k*{lanes} + l] if unchanged else 0.0
        w[{reached} + l] = w[{t} + l]
        {restart}


@njit(error_model="numpy")
def product(w, a, b, into, ends, left, right):
    """Entries of a product of the matrices at a and b, each the sum of its terms in order."""
    m = 0
    for e in range({size}):
        for l in range({lanes}):
            w[into + e*{lanes} + l] = 0.0
        while m < ends[e]:
            for l in range({lanes}):
                w[into + e*{lanes} + l] += w[a + left[m]*{lanes} + l]*w[b + right[m]*{lanes} + l]
            m += 1


@njit(error_model="numpy")
def scaled(w):
    """Write M h/2^s of every lane to {x}; its s to {doublings}. Returns the largest s."""
    for i in range({diagonal}):
        w[{p} + i] = 0.0
    for e in range({size}):
        # inputs and integrals feed nothing back: their size costs no doubling
        if ROW[e] < {dynamic} and COLUMN[e] < {dynamic}:
            for l in range({lanes}):
                w[{p} + COLUMN[e]*{lanes} + l] += abs(w[{m} + e*{lanes} + l])
    most = 0.0
    for l in range({lanes}):
        norm = 0.0
        for j in range({dynamic}):
            norm = max(norm, w[{p} + j*{lanes} + l])
        norm *= w[{length} + l]
        w[{doublings} + l] = 0.0
        scale = w[{length} + l]
        while norm > {longest!r} and w[{doublings} + l] < 1100.0:
            norm *= 0.5
            scale *= 0.5
            w[{doublings} + l] += 1.0
        most = max(most, w[{doublings} + l])
        for e in range({size}):
            w[{x} + e*{lanes} + l] = w[{m} + e*{lanes} + l]*scale
    return most


@njit(error_model="numpy")
def series(w):
    """Write exp(X) - 1 of the scaled matrices to {d}, and the diagonal of exp(X) to {f}."""
    product(w, {x}, {x}, {x2}, ENDS, LEFT, RIGHT)
    product(w, {x2}, {x}, {x3}, ENDS, LEFT, RIGHT)
    product(w, {x2}, {x2}, {x4}, ENDS, LEFT, RIGHT)
    for i in range({width}):
        w[{d} + i] = {c16!r}*w[{x4} + i] + ({c15!r}*w[{x3} + i] + ({c14!r}*w[{x2} + i] + {c13!r}*w[{x} + i]))
    for i in range({diagonal}):
        w[{d} + i] += {c12!r}
    product(w, {x4}, {d}, {p}, ENDS, LEFT, RIGHT)
    for i in range({width}):
        w[{d} + i] = w[{p} + i] + ({c11!r}*w[{x3} + i] + ({c10!r}*w[{x2} + i] + {c9!r}*w[{x} + i]))
    for i in range({diagonal}):
        w[{d} + i] += {c8!r}
    product(w, {x4}, {d}, {p}, ENDS, LEFT, RIGHT)
    for i in range({width}):
        w[{d} + i] = w[{p} + i] + ({c7!r}*w[{x3} + i] + ({c6!r}*w[{x2} + i] + {c5!r}*w[{x} + i]))
    for i in range({diagonal}):
        w[{d} + i] += {c4!r}
    product(w, {x4}, {d}, {p}, ENDS, LEFT, RIGHT)
    for i in range({width}):
        w[{d} + i] = w[{p} + i] + ({c3!r}*w[{x3} + i] + ({c2!r}*w[{x2} + i] + w[{x} + i]))
    for i in range({diagonal}):
        w[{f} + i] = 1.0 + w[{d} + i]


@njit(error_model="numpy")
def exponential(w):
    """Exponentials of M h in every lane, kept where the lane wants one; h is 0 in the others."""
    most = scaled(w)
    series(w)
    done = 0.0
    while done < most:
        product(w, {d}, {d}, {p}, CROSS_ENDS, CROSS_LEFT, CROSS_RIGHT)
        for e in range({n}, {size}):
            i = {f} + ROW[e]*{lanes}
            j = {f} + COLUMN[e]*{lanes}
            for l in range({lanes}):
                twice = w[{d} + e*{lanes} + l]*(w[i + l] + w[j + l]) + w[{p} + e*{lanes} + l]
                w[{d} + e*{lanes} + l] = twice if done < w[{doublings} + l] else w[{d} + e*{lanes} + l]
        for e in range({n}):
            for l in range({lanes}):
                less = w[{d} + e*{lanes} + l]
                own = w[{f} + e*{lanes} + l]
                twice = less*(2.0 + less) + w[{p} + e*{lanes} + l]
                # of a small survivor the difference to 1 knows nothing
                whole = 1.0 + twice if twice > -0.5 else own*own + w[{p} + e*{lanes} + l]
                w[{d} + e*{lanes} + l] = twice if done < w[{doublings} + l] else less
                w[{f} + e*{lanes} + l] = whole if done < w[{doublings} + l] else own
        done += 1.0
    for l in range({lanes}):
        if w[{wanted} + l] > 0.0:
            k = int(w[{oldest} + l])
            w[{oldest} + l] = (k + 1) % {kept}
            w[{key} + k*{lanes} + l] = w[{length} + l]
            at = {cache} + k*{width} + l
            w[{slot} + l] = at
            for e in range({n}):
                w[at + e*{lanes}] = w[{f} + e*{lanes} + l]
            for e in range({n}, {size}):
                w[at + e*{lanes}] = w[{d} + e*{lanes} + l]


@njit(error_model="numpy")
def find(w, l, length):
    """Look for lane l's exponential of a length, rounded; True where it must be computed."""
    high = 8193.0*length
    length = high - (high - length)
    w[{length} + l] = length
    w[{wanted} + l] = 0.0
    for k in range({kept}):
        if w[{key} + k*{lanes} + l] == length:
            w[{slot} + l] = {cache} + k*{width} + l
            return False
    w[{wanted} + l] = 1.0
    return True


@njit(error_model="numpy")
def carry(w, l, at):
    """Multiply the states and integrals of lane l at `at` by the exponential found for it."""
    m = int(w[{slot} + l])
    {carried}


@njit(error_model="numpy")
def step(w, rtol, floor, limit):
    """Carry every active lane to its next stop; returns how many lanes want attention."""
    missing = False
    for l in range({lanes}):
        w[{length} + l] = 0.0
        w[{wanted} + l] = 0.0
        if w[{active} + l] > 0.0 and w[{stop} + l] > w[{t} + l]:
            missing = find(w, l, w[{stop} + l] - w[{t} + l]) or missing
    if missing:
        exponential(w)
    calls = 0
    for l in range({lanes}):
        if w[{active} + l] > 0.0:
            calls += 1
            for i in range({states}):
                w[{old} + i*{lanes} + l] = w[{y} + i*{lanes} + l]
                w[{new} + i*{lanes} + l] = w[{y} + i*{lanes} + l]
            if w[{length} + l] > 0.0:
                carry(w, l, {new})
                w[{count} + l] += 1.0
            good = True
            for i in range({states}):
                good = good and np.isfinite(w[{new} + i*{lanes} + l])
            w[{accepted} + l] = 1.0 if good else 0.0
            w[{failed} + l] = 0.0 if good else 1.0
            w[{event} + l] = 1.0
            w[{t_old} + l] = w[{t} + l]
            if good:
                w[{t} + l] = w[{stop} + l]
                for i in range({states}):
                    w[{y} + i*{lanes} + l] = w[{new} + i*{lanes} + l]
                    w[{peak} + i*{lanes} + l] = max(w[{peak} + i*{lanes} + l], abs(w[{new} + i*{lanes} + l]))
    return calls


@njit(error_model="numpy")
def dense(w, l, time, z):
    """Values of lane l at a time inside its last step, written to z ({states},): carried on from the time last asked for."""
    if time < w[{reached} + l]:
        w[{reached} + l] = w[{t_old} + l]
        for i in range({states}):
            w[{seen} + i*{lanes} + l] = w[{old} + i*{lanes} + l]
    if time > w[{reached} + l]:
        if find(w, l, time - w[{reached} + l]):
            for other in range({lanes}):
                if other != l:
                    w[{length} + other] = 0.0
                    w[{wanted} + other] = 0.0
            exponential(w)
        carry(w, l, {seen})
        w[{reached} + l] = time
    for i in range({states}):
        z[i] = w[{seen} + i*{lanes} + l]
        w[{peak} + i*{lanes} + l] = max(w[{peak} + i*{lanes} + l], abs(z[i]))


@njit(error_model="numpy")
def stiff(w, l):
    return False
'''


def _indent(lines, depth):
    return ("\n" + " " * depth).join(lines or ["pass"])


def _pattern(program, constant):
    """Places (row, column) of the entries of the matrix and its exponentials: the diagonal, then what reaches what on any way.

    Rows and columns: states and integrals, the number 1 where a rate has a constant term, the infusions.
    """
    one = [program.states] if any(constant) else []
    first = program.states + len(one)
    size = first + len(program.infused)
    reach = {(i, j) for i, j in program.jacobian} | {(i, one[0]) for i, has in enumerate(constant) if has}
    reach |= {(i, first + k) for k, i in enumerate(program.infused)}
    for k in range(size):
        reach |= {(i, j) for i in range(size) if (i, k) in reach for j in range(size) if (k, j) in reach}
    return [(i, i) for i in range(size)] + sorted((i, j) for i, j in reach if i != j)


def _terms(pattern, cross):
    """ends, left, right: entry e of a product is the sum of left*right from ends[e - 1] to ends[e].

    cross : without the terms that hold an entry of the diagonal
    """
    number = {place: e for e, place in enumerate(pattern)}
    size = max(i for i, _ in pattern) + 1
    ends, left, right = [], [], []
    for i, j in pattern:
        for k in range(size):
            if (i, k) in number and (k, j) in number and not (cross and k in (i, j)):
                left.append(number[i, k])
                right.append(number[k, j])
        ends.append(len(left))
    return ends, left, right


def _matrix(program, pattern, constant):
    """Lines that leave the entries of the matrix in a<e>, from the constants c<i>."""
    one = program.states if any(constant) else -1
    first = program.states + (one >= 0)
    if one >= 0:
        rest = program.constants - len(program.infused)
        values = ["0.0"] * (1 + program.states) + names("c", rest) + ["0.0"] * len(program.infused)
        yield f"({', '.join(names('b', program.states))},) = rhs({', '.join(values)})"
    yield from program.jacobian_lines
    for e, (i, j) in enumerate(pattern):
        if j == one and i != j:
            yield f"a{e} = b{i}"
        elif j >= first:
            yield f"a{e} = {1.0 if i == program.infused[j - first] else 0.0!r}"
        else:
            yield f"a{e} = {program.jacobian.get((i, j), '0.0')}"


def _carried(program, pattern, constant, layout):
    """Lines of the product of an exponential, whose entries stand at m, and the states at `at`, the 1 and the rates of infusion."""
    rate = program.constants - len(program.infused)
    given = (["1.0"] if any(constant) else []) + [f"w[{layout.constant(rate + k)} + l]" for k in range(len(program.infused))]
    yield from load(lambda i: f"at + {i * layout.lanes}", "v", program.states)
    yield from (f"v{program.states + k} = {value}" for k, value in enumerate(given))
    for i in range(program.states):
        terms = [f"w[m + {e * layout.lanes}]*v{j}" for e, (row, j) in enumerate(pattern) if row == i]
        yield f"w[at + {i * layout.lanes} + l] = {' + '.join(terms)}"


def _places(layout, groups):
    """First offset of each group of rows, in order, from name -> rows."""
    places, row = {}, 0
    for name, rows in groups.items():
        places[name] = layout.extra(row)
        row += rows
    return places


def _groups(states, inputs, entries):
    """Rows that the method needs beside those of every method: name -> how many."""
    matrices = dict.fromkeys(("m", "x", "x2", "x3", "x4", "d", "p"), entries)
    clock = dict.fromkeys(("reached", "length", "doublings", "wanted", "slot", "oldest"), 1)
    return matrices | {"f": states + inputs, "seen": states} | clock | {"key": KEPT, "cache": KEPT * entries}


def sources(program, constant, lanes):
    """Layout and source of all functions of the exact step for one linear program with a Jacobian.

    constant : (S + Q,) whether each rate has a term without states
    """
    pattern = _pattern(program, constant)
    n, size = 1 + max(i for i, _ in pattern), len(pattern)
    groups = _groups(program.states, n - program.states, size)
    layout = Layout(lanes, program.states, program.constants, 0, more=sum(groups.values()))
    places = _places(layout, groups)
    ends, left, right = _terms(pattern, cross=False)
    cross_ends, cross_left, cross_right = _terms(pattern, cross=True)
    matrix = [f"w[{places['m'] + e * lanes} + l]" for e in range(size)]
    method = TEMPLATE.strip().format(
        **places, **{name: layout.clock(name) for name in CLOCK}, **{f"c{k}": 1.0 / factorial(k) for k in range(2, DEGREE + 1)},
        ends=ends, left=left, right=right, cross_ends=cross_ends, cross_left=cross_left, cross_right=cross_right,
        row=[i for i, _ in pattern], column=[j for _, j in pattern],
        lanes=lanes, kept=KEPT, longest=LONGEST, n=n, size=size, width=size * lanes, diagonal=n * lanes,
        dynamic=program.dynamic, states=program.states, y=layout.y(0), old=layout.old(0), peak=layout.peak(0), new=layout.stage(0, 0),
        constants=_indent(load(layout.constant, "c", program.constants), 8),
        matrix=_indent(list(_matrix(program, pattern, constant)), 8),
        unchanged=" & ".join(f"(a{e} == {place})" for e, place in enumerate(matrix)),
        store=_indent([f"{place} = a{e}" for e, place in enumerate(matrix)], 8),
        restart=_indent([f"w[{places['seen'] + i * lanes} + l] = w[{layout.y(i)} + l]" for i in range(program.states)], 8),
        carried=_indent(list(_carried(program, pattern, constant, layout)), 4),
    )  # fmt: skip
    return layout, [method, driver.source(program, layout)]
