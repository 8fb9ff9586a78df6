"""Source of what ends a step where a comparison of states changes.

A step is computed with all comparisons as they were at its beginning. Its dense output then shows
whether one of them has changed on the way; if so, the step ends just after the first change and the
next one begins with the flag set anew. Switches at known times need none of this: the lane stops
there. Knows lanes and gaps; knows no model, method or action: it needs `dense(w, l, time, z)` and
`compare(time, z, w, l, gaps)`.
"""

NODES = 5
ROUNDS = 12  # halvings of the bracket of a dip
PARTING = 1e-13  # a change is located to this share of the step

TEMPLATE = '''
FLAGS = {flags!r}


@njit(error_model="numpy")
def slack(w, l, j, time, z, g):
    """How far switch j is from its change at a time in lane l's last step; below 0 after it."""
    dense(w, l, time, z)
    compare(time, z, w, l, g)
    return g[j] if w[FLAGS[j] + l] > 0.0 else -g[j]


@njit(error_model="numpy")
def changing(w, l, j, a, fa, b, fb, z, g):
    """Time just after the change of switch j in [a, b], with slack fa >= 0 and fb < 0.

    Illinois method.
    """
    least = max({parting!r}*(w[{t} + l] - w[{t_old} + l]), 4.5e-16*abs(w[{t} + l]))
    side = 0
    for _ in range(200):
        if b - a <= least:
            break
        c = (a*fb - b*fa)/(fb - fa)
        if not a + 0.25*least < c < b - 0.25*least:
            c = 0.5*(a + b)
        fc = slack(w, l, j, c, z, g)
        if fc < 0.0:
            b, fb = c, fc
            fa = 0.5*fa if side < 0 else fa
            side = -1
        else:
            a, fa = c, fc
            fb = 0.5*fb if side > 0 else fb
            side = 1
    return b


@njit(error_model="numpy")
def dip(w, l, j, a, b, v, z, g):
    """Time and size of a slack below 0 in [a, b], or of the least one, from five even values v."""
    for _ in range({rounds}):
        k = min(max(np.argmin(v), 1), 3)
        quarter = 0.25*(b - a)
        a, b = a + (k - 1)*quarter, a + (k + 1)*quarter
        v[0], v[2], v[4] = v[k - 1], v[k], v[k + 1]
        v[1] = slack(w, l, j, a + 0.25*(b - a), z, g)
        v[3] = slack(w, l, j, a + 0.75*(b - a), z, g)
        k = np.argmin(v)
        if v[k] < 0.0:
            break
    return a + k*0.25*(b - a), v[k]


@njit(error_model="numpy")
def first_change(w, l, j, a, b, slacks, v, z, g):
    """Time just after the first change of switch j in [a, b]; inf where there is none.

    slacks : (J, 5) slack of each switch at five even times
    """
    quarter = 0.25*(b - a)
    k = 1
    while k < {nodes} and slacks[j, k] >= 0.0:
        k += 1
    bend = 0.0
    for i in range(1, {nodes} - 1):
        bend = max(bend, abs(slacks[j, i - 1] - 2.0*slacks[j, i] + slacks[j, i + 1]))
    if k > 1 and np.min(slacks[j, :k]) < bend:
        # it may have dipped below 0 between two of the times
        for i in range({nodes}):
            v[i] = slacks[j, i] if i < k else np.inf
        best = np.argmin(v[:k])
        if 0 < best < k - 1 or k == {nodes}:
            time, low = dip(w, l, j, a, b, v, z, g)
            if low < 0.0:
                i = min(int((time - a)/quarter), {nodes} - 2)
                return changing(w, l, j, a + i*quarter, slacks[j, i], time, low, z, g)
    if k == {nodes}:
        return np.inf
    start = a + (k - 1)*quarter
    before, after = max(slacks[j, k - 1], 0.0), slacks[j, k]
    return changing(w, l, j, start, before, start + quarter, after, z, g)


@njit(error_model="numpy")
def switch(w, l, kept, slacks, v, z, g):
    """End lane l's last step just after the first change of a switch and set the flags there.

    True if there was one.
    kept : (L, S) largest sizes of the states before the step
    """
    a, b = w[{t_old} + l], w[{t} + l]
    for k in range({nodes}):
        time = a + k*0.25*(b - a)
        dense(w, l, time, z)
        if k == {nodes} - 1:
            for i in range({states}):
                z[i] = w[{y} + i*{lanes} + l]
        compare(time, z, w, l, g)
        for j in range({switches}):
            slacks[j, k] = g[j] if w[FLAGS[j] + l] > 0.0 else -g[j]
    first = np.inf
    for j in range({switches}):
        first = min(first, first_change(w, l, j, a, b, slacks, v, z, g))
    if not first <= b:
        return False
    if first < b:
        dense(w, l, first, z)
        w[{t} + l] = first
        w[{event} + l] = 0.0
        for i in range({states}):
            w[{y} + i*{lanes} + l] = z[i]
            w[{largest} + i*{lanes} + l] = max(kept[l, i], abs(z[i]))
    compare(first, z, w, l, g)
    for j in range({switches}):
        if (g[j] < 0.0) if w[FLAGS[j] + l] > 0.0 else (g[j] > 0.0):
            w[FLAGS[j] + l] = 1.0 - w[FLAGS[j] + l]
    return True
'''


def source(program, layout):
    """Source of `switch` for a program with comparisons of states."""
    return TEMPLATE.strip().format(
        flags=tuple(layout.constant(program.flags + k) for k in program.compared),
        switches=len(program.compared),
        nodes=NODES,
        rounds=ROUNDS,
        parting=PARTING,
        states=program.states,
        lanes=layout.lanes,
        y=layout.y(0),
        largest=layout.largest(0),
        t=layout.clock("t"),
        t_old=layout.clock("t_old"),
        event=layout.clock("event"),
    )
