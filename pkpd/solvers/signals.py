"""Source of what looks into every accepted step for extremes of signals and times above a level.

A signal is an output, or an output minus another name. The dense output of each step is taken at
five times; an extreme or a crossing is bracketed by them and then refined, so that no answer
depends on an output grid. Knows lanes and signals; knows no model, method or action: it needs
`dense(w, l, time, z)`, `watch(time, z, w, l, signals)` and the clock rows t, t_old.
"""

NODES = 5
ROUNDS = 8  # halvings of the bracket of an extreme; a parabola through three values gives the rest
PARTING = 1e-11  # a crossing is known when its bracket is this share of the step

TEMPLATE = '''
@njit(error_model="numpy")
def sample(w, l, time, z, g):
    """Every signal at a time inside lane l's last step, written to g."""
    dense(w, l, time, z)
    watch(time, z, w, l, g)


@njit(error_model="numpy")
def summit(w, l, j, sign, level, a, b, v, z, g):
    """Time and size of the largest sign*(signal j - level) in [a, b], from five even values v."""
    for _ in range({rounds}):
        best = min(max(np.argmax(v), 1), 3)
        quarter = 0.25*(b - a)
        a, b = a + (best - 1)*quarter, a + (best + 1)*quarter
        v[0], v[2], v[4] = v[best - 1], v[best], v[best + 1]
        for k in (1, 3):
            sample(w, l, a + k*0.25*(b - a), z, g)
            v[k] = sign*(g[j] - level)
    best = np.argmax(v)
    time, top = a + best*0.25*(b - a), v[best]
    best = min(max(best, 1), 3)
    bend = v[best - 1] - 2.0*v[best] + v[best + 1]
    if bend < 0.0:
        vertex = a + (best + min(max(0.5*(v[best - 1] - v[best + 1])/bend, -1.0), 1.0))*0.25*(b - a)
        sample(w, l, vertex, z, g)
        if sign*(g[j] - level) > top:
            time, top = vertex, sign*(g[j] - level)
    return time, top


@njit(error_model="numpy")
def parting(w, l, j, level, a, fa, b, fb, z, g):
    """Time in [a, b] where signal j crosses its level; fa, fb lie on both sides of 0.

    Illinois method.
    """
    least = {parting!r}*(w[{t} + l] - w[{t_old} + l])
    for _ in range(100):
        if abs(b - a) <= least or fb == 0.0:
            break
        c = (a*fb - b*fa)/(fb - fa)
        sample(w, l, c, z, g)
        fc = g[j] - level
        if (fc > 0.0) != (fb > 0.0):
            a, fa = b, fb
        else:
            fa *= 0.5
        b, fb = c, fc
    return b


@njit(error_model="numpy")
def bent(v):
    """Bound on how far a smooth curve through five even values rises above them between them."""
    first, second, third = v[0] - 2.0*v[1] + v[2], v[1] - 2.0*v[2] + v[3], v[2] - 2.0*v[3] + v[4]
    return max(abs(first), abs(second), abs(third))


@njit(error_model="numpy")
def peaks_outside(v):
    """Whether the largest of five even values is at an end, the curve plainly rising beyond it."""
    if v[0] > v[1] and v[0] >= np.max(v):
        return 3.0*v[0] - 4.0*v[1] + v[2] > 2.0*abs(v[0] - 2.0*v[1] + v[2])
    rises = 3.0*v[4] - 4.0*v[3] + v[2] > 2.0*abs(v[4] - 2.0*v[3] + v[2])
    return v[4] > v[3] and v[4] >= np.max(v) and rises


@njit(error_model="numpy")
def keep(record, j, side, time, top):
    """Enter sign*value `top` at a time into record (E, 4) if nothing earlier was as large."""
    sign = 1.0 - side
    if top > sign*record[j, side]:
        record[j, side], record[j, side + 1] = sign*top, time


@njit(error_model="numpy")
def extremes(w, l, j, a, b, values, record, v, z, g):
    """Largest and smallest value of signal j in [a, b], from five even values."""
    for side in (0, 2):
        sign = 1.0 - side
        for k in range({nodes}):
            v[k] = sign*values[j, k]
        best = np.argmax(v)
        if v[best] + bent(v) > sign*record[j, side]:
            keep(record, j, side, a + best*0.25*(b - a), v[best])
            if not peaks_outside(v):
                time, top = summit(w, l, j, sign, 0.0, a, b, v, z, g)
                keep(record, j, side, time, top)


@njit(error_model="numpy")
def time_above(w, l, j, level, a, b, values, v, z, g):
    """How long signal j is above its level in [a, b], from five even values."""
    quarter, total, crosses = 0.25*(b - a), 0.0, False
    for k in range({nodes}):
        v[k] = values[j, k] - level
    for k in range({nodes} - 1):
        start = a + k*quarter
        if v[k] > 0.0 and v[k + 1] > 0.0:
            total += quarter
        elif v[k] > 0.0 or v[k + 1] > 0.0:
            crosses = True
            at = parting(w, l, j, level, start, v[k], start + quarter, v[k + 1], z, g) - start
            total += at if v[k] > 0.0 else quarter - at
    if crosses:
        return total
    # it may touch the other side between two of the times
    sign = -1.0 if v[0] > 0.0 else 1.0
    for k in range({nodes}):
        v[k] = sign*v[k]
    if np.max(v) + bent(v) > 0.0 and not peaks_outside(v):
        time, top = summit(w, l, j, sign, level, a, b, v, z, g)
        if top > 0.0:
            k = min(int((time - a)/quarter), {nodes} - 2)
            start = a + k*quarter
            left = parting(w, l, j, level, start, values[j, k] - level, time, sign*top, z, g)
            end = start + quarter
            right = parting(w, l, j, level, end, values[j, k + 1] - level, time, sign*top, z, g)
            total += sign*(right - left)
    return total


@njit(error_model="numpy")
def blank(record, above):
    """Nothing of a row has been watched yet."""
    for j in range({extremes}):
        record[j, 0], record[j, 2] = -np.inf, np.inf
        record[j, 1] = record[j, 3] = np.nan
    above[:] = 0.0


@njit(error_model="numpy")
def track(w, l, since, level, record, above, values, v, z, g):
    """Look into lane l's last step, which ends after the time `since`, from there on.

    False where a signal is not finite.
    """
    a, b = max(w[{t_old} + l], since), w[{t} + l]
    if w[{t_old} + l] <= since:
        # integrals count from here on
        dense(w, l, a, z)
        for i in range({dynamic}, {states}):
            w[{y} + i*{lanes} + l] -= z[i]
    for k in range({nodes}):
        sample(w, l, a + k*0.25*(b - a), z, g)
        for j in range({signals}):
            values[j, k] = g[j]
            if not np.isfinite(g[j]):
                return False
    for j in range({extremes}):
        extremes(w, l, j, a, b, values, record, v, z, g)
    for j in range({extremes}, {signals}):
        above[j - {extremes}] += time_above(w, l, j, level[j - {extremes}], a, b, values, v, z, g)
    return True


@njit(error_model="numpy")
def track_end(w, l, record, z, g):
    """Count the values just after lane l's last actions too."""
    for i in range({states}):
        z[i] = w[{y} + i*{lanes} + l]
    watch(w[{t} + l], z, w, l, g)
    for j in range({extremes}):
        keep(record, j, 0, w[{t} + l], g[j])
        keep(record, j, 2, w[{t} + l], -g[j])
'''


def source(program, layout):
    """Source of `blank`, `track` and `track_end` for a program with signals."""
    return TEMPLATE.strip().format(
        rounds=ROUNDS,
        parting=PARTING,
        nodes=NODES,
        extremes=program.extremes,
        signals=len(program.signals),
        dynamic=program.dynamic,
        states=program.states,
        lanes=layout.lanes,
        y=layout.y(0),
        t=layout.clock("t"),
        t_old=layout.clock("t_old"),
    )
