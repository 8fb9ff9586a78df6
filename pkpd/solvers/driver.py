"""Source of the loop that carries a block of patients through their dosing actions.

The loop steps all lanes together and looks at single lanes only where one wants attention: an
output time was passed, an action is due, the run ended or failed. Knows lanes, clocks and actions;
knows nothing of models or methods.
"""

from pkpd.dosing.actions import ADD, LOOK, PERSON, PLUS, RATE, RESET, SET
from pkpd.kernels.layout import CLOCK
from pkpd.solvers import signals, switches

OK, STEP_LIMIT, NOT_FINITE, STEP_TOO_SMALL, UNSTEADY, CANCELLED, STIFF = range(7)
SWITCHING, NO_OUTPUT, BELOW_ZERO, NO_STEADY = range(7, 11)
GOING = -1  # no status yet
PROBE_EVERY = 32  # steps between two checks for stiffness ...
MOST_CHANGES = 10_000  # of comparisons between two actions
PROBES = 24  # ... and how many in a row must find it

# Types of the arguments of solve; the last four only in kernels that watch signals.
INPUTS = (
    "i8[::1], i8, i8, "  # rows, first, last
    "f8[:,::1], i8[::1], f8[:,::1], b1, f8[::1], f8[::1], "  # theta, person, y0, own_start, t0, t1
    "i8[::1], f8[::1], i1[::1], i4[::1], f8[::1], "  # start, then time, kind, state, amount of acts
    "f8[:,::1], f8[::1], i8[::1], i8[:,::1], i8[::1], "  # given, grid, slot, points, place
    "f8, f8, i8, i1[::1], f8[::1], "  # rtol, floor, limit, cancel, w
    "f8[:,::1], f8[:,::1], f8[:,::1], i1[::1], f8[::1], "  # out, end, integral, status, fail_time
    "i8[::1], i8[::1], f8[:,::1], f8[:,::1]"  # steps, rejected, largest, control
)
SIGNATURE = f"void({INPUTS})"
# since, level, record, above
WATCHING = f"void({INPUTS}, f8[::1], f8[:,::1], f8[:,:,::1], f8[:,::1])"

TEMPLATE = '''
@njit(error_model="numpy")
def begin(w, l, r, person, theta, y0, own_start, t0, t1, largest, control):
    """Fill lane l with row r: constants, start values, clock, memory of an earlier part."""
    for i in range({size} // {lanes}):
        w[i*{lanes} + l] = 0.0
    constants(theta[person[r]], w, l)
    if own_start:
        initial(w, l)
    else:
        for i in range({dynamic}):
            w[{y} + i*{lanes} + l] = y0[r, i]
    for i in range({states}):
        w[{largest} + i*{lanes} + l] = abs(w[{y} + i*{lanes} + l])
    for i in range({dynamic}):
        if largest[r, i] > w[{largest} + i*{lanes} + l]:
            w[{largest} + i*{lanes} + l] = largest[r, i]
    w[{t} + l] = t0[r]
    w[{stop} + l] = t0[r]
    w[{suggest} + l] = control[r, 0]
    w[{log_error} + l] = control[r, 1]
    w[{restart} + l] = control[r, 2]
    w[{active} + l] = 1.0


@njit(error_model="numpy")
def stop_rates(w, l):
    """No constant rate into any state of lane l."""
    for k in range({rates}):
        w[{rate} + k*{lanes} + l] = 0.0


@njit(error_model="numpy")
def put(time, z, w, l, row):
    """Write lane l's outputs at a time to a row. False where one of them is not finite."""
    outputs(time, z, w, l, row)
    for i in range({outputs}):
        if not np.isfinite(row[i]):
            return False
    return True


@njit(**INLINE)
def act(w, l, r, cursor, z, theta, t1, start, act_time, act_kind, act_state, act_amount, given,
        place, out):
    """Do what is due at lane l's time and set its next stop.

    True if the lane must find its step size anew.
    """
    now = w[{t} + l]
    changed = False
    k = cursor[l]
    while k < start[r + 1] and act_time[k] <= now:
        if act_time[k] == now:
            kind = act_kind[k]
            at = act_state[k]
            if kind == {ADD}:
                w[{y} + at*{lanes} + l] += act_amount[k]
            elif kind == {RATE}:
                for j in range({rates}):
                    if INFUSED[j] == at:
                        w[{rate} + j*{lanes} + l] += act_amount[k]
            elif kind == {RESET}:
                stop_rates(w, l)
                initial(w, l)
            elif kind == {PERSON}:
                constants(theta[at], w, l)
            elif kind == {LOOK}:
                for i in range({states}):
                    z[i] = w[{y} + i*{lanes} + l]
                if not put(now, z, w, l, out[place[r] + at]):
                    w[{no_output} + l] = 1.0
            elif kind == {SET}:
                stop_rates(w, l)
                for i in range({dynamic}):
                    w[{y} + i*{lanes} + l] = given[at, i]
            elif kind == {PLUS}:
                for i in range({dynamic}):
                    w[{y} + i*{lanes} + l] += given[at, i]
            changed = changed or kind != {LOOK}
        k += 1
    if changed:
        for i in range({dynamic}):
            size = abs(w[{y} + i*{lanes} + l])
            w[{largest} + i*{lanes} + l] = max(w[{largest} + i*{lanes} + l], size)
    cursor[l] = k
    w[{stop} + l] = t1[r]
    if k < start[r + 1] and act_time[k] < t1[r]:
        w[{stop} + l] = act_time[k]
{settle}    w[{trials} + l] = 0.0
    w[{probe} + l] = {every}
    w[{stiffness} + l] = 0.0
    return changed


@njit(**INLINE)
def probe(w, l):
    """Look for stiffness in lane l now and then. True if it was found often enough in a row."""
    if w[{trials} + l] < w[{probe} + l]:
        return False
    w[{probe} + l] = w[{trials} + l] + {every}
    w[{stiffness} + l] = w[{stiffness} + l] + 1.0 if stiff(w, l) else 0.0
    return w[{stiffness} + l] >= {probes}


@njit(**INLINE)
def first_step(w, l, changed, floor):
    """Choose the first step after an action or at the start, from memory or from the derivative."""
    h_next = w[{restart} + l] if changed else w[{suggest} + l]
    remaining = w[{stop} + l] - w[{t} + l]
    if not h_next > 0.0:
        value = slope = 0.0
        for i in range({states}):
            scale = abs(w[{y} + i*{lanes} + l]) + floor*w[{largest} + i*{lanes} + l]
            if scale > 0.0:
                value += (w[{y} + i*{lanes} + l]/scale)**2
                slope += (w[{stage0} + i*{lanes} + l]/scale)**2
        h_next = 0.01*np.sqrt(value/slope) if (value > 0.0 and slope > 0.0) else 1e-3*remaining
        h_next = min(h_next, remaining)
    if changed:
        w[{log_error} + l] = 0.0
    lands = remaining <= 1.0000001*h_next
    w[{suggest} + l] = h_next
    w[{reaches_event} + l] = 1.0 if lands else 0.0
    w[{h} + l] = remaining if lands else (0.5*remaining if remaining < 2.0*h_next else h_next)


@njit(**INLINE)
def idle(w, l):
    """Let lane l idle: it takes no step and asks for nothing."""
    w[{active} + l] = 0.0
    w[{h} + l] = 0.0
    w[{reaches_event} + l] = 0.0
    w[{next_output} + l] = np.inf


@njit(error_model="numpy")
def finish(w, l, r, status, end, integral, place, out, fail, fail_time, steps, rejected, largest,
           control):
    """Write lane l's last values to row r, or NaN if it failed, and let the lane idle."""
    fine = fail == {OK}
    for i in range({dynamic}):
        end[r, i] = w[{y} + i*{lanes} + l] if fine else np.nan
        largest[r, i] = w[{largest} + i*{lanes} + l] if fine else np.nan
    for i in range({dynamic}, {states}):
        integral[r, i - {dynamic}] = w[{y} + i*{lanes} + l] if fine else np.nan
    if not fine:
        out[place[r]:place[r + 1]] = np.nan
        fail_time[r] = w[{t} + l]
    status[r] = fail
    steps[r] = w[{count} + l]
    rejected[r] = w[{rejected} + l]
    control[r, 0] = w[{suggest} + l]
    control[r, 1] = w[{log_error} + l]
    control[r, 2] = w[{restart} + l]
    idle(w, l)


@njit(**INLINE)
def progress(w, l, limit):
    """Why lane l cannot go on, or {GOING}."""
    if w[{failed} + l] > 0.0:
        for i in range({states}):
            if not np.isfinite(w[{y} + i*{lanes} + l] + w[{stage0} + i*{lanes} + l]):
                return {NOT_FINITE}
        if w[{below_zero} + l] > 0.0:
            return {BELOW_ZERO}
        return {STEP_LIMIT} if w[{trials} + l] > limit else {STEP_TOO_SMALL}
    return {STIFF} if w[{accepted} + l] > 0.0 and probe(w, l) else {GOING}


@njit("{signature}", cache=True, nogil=True, error_model="numpy")
def solve(rows, first, last, theta, person, y0, own_start, t0, t1, start, act_time, act_kind,
          act_state, act_amount, given, grid, slot, points, place, rtol, floor, limit, cancel, w,
          out, end, integral, status, fail_time, steps, rejected, largest, control{more}):
    """Carry the rows numbered rows[first:last] from t0 to t1.

    Shapes and units are those of pkpd.solvers.batch.solve.
    """
    z = np.zeros({states})
    cursor = np.zeros({lanes}, np.int64)
    cursor[0] = stack_anchor()
    point = np.zeros({lanes}, np.int64)
    past = np.zeros({lanes}, np.int64)
    carried = np.zeros({lanes}, np.int64)
{room}{compare_room}    following, running, refill = first, 0, True
    for l in range({lanes}):
        begin(w, l, rows[first], person, theta, y0, own_start, t0, t1, largest, control)
        idle(w, l)
    while running > 0 or following < last:
        if refill:
            for l in range({lanes}):
                # a lane that has finished takes the next row: none idles while there is work
                if w[{active} + l] == 0.0 and following < last:
                    r = rows[following]
                    carried[l] = r
                    begin(w, l, r, person, theta, y0, own_start, t0, t1, largest, control)
                    cursor[l] = start[r]
{start_switches}                    point[l], past[l] = points[r]
                    while point[l] < past[l] and grid[point[l]] < t0[r]:
                        point[l] += 1
                    changed = act(w, l, r, cursor, z, theta, t1, start, act_time, act_kind,
                                  act_state, act_amount, given, place, out)
                    w[{first} + l] = 1.0 if changed else 0.0
                    w[{next_output} + l] = grid[point[l]] if point[l] < past[l] else np.inf
{start_watching}{start_comparing}                    w[{fresh} + l] = 1.0
                    following += 1
                    running += 1
            refresh(w)
            for l in range({lanes}):
                if w[{fresh} + l] > 0.0:
                    first_step(w, l, w[{first} + l] > 0.0, floor)
                    w[{fresh} + l] = 0.0
        if cancel[0] != 0:
            for l in range({lanes}):
                if w[{active} + l] > 0.0:
                    finish(w, l, carried[l], status, end, integral, place, out, {CANCELLED},
                           fail_time, steps, rejected, largest, control)
            break
        refill = False
        if step(w, rtol, floor, limit) == 0:
            continue
{unready}        for l in range({lanes}):
            if w[{active} + l] == 0.0:
                continue
            r = carried[l]
            fail = progress(w, l, limit)
            if fail == {GOING}:
                if w[{accepted} + l] == 0.0:
                    continue
                k = point[l]
                now = w[{t} + l]
{prepare}{compare_step}{watch_step}\
                while fail == {GOING} and k < past[l] and grid[k] < now:
                    dense(w, l, grid[k], z)
                    if not put(grid[k], z, w, l, out[place[r] + slot[k]]):
                        fail = {NO_OUTPUT}
                        w[{t} + l] = grid[k]
                    k += 1
                changed = {switched}
                if w[{event} + l] > 0.0 and fail == {GOING}:
                    acted = act(w, l, r, cursor, z, theta, t1, start, act_time, act_kind,
                                act_state, act_amount, given, place, out)
                    changed = changed or acted
                while fail == {GOING} and k < past[l] and grid[k] == now:
                    for i in range({states}):
                        z[i] = w[{y} + i*{lanes} + l]
                    if not put(now, z, w, l, out[place[r] + slot[k]]):
                        fail = {NO_OUTPUT}
                    k += 1
                if w[{no_output} + l] > 0.0:
                    fail = {NO_OUTPUT}
                elif fail == {GOING} and now >= t1[r]:
                    fail = {OK}
                    for i in range({dynamic}, {states}):
                        if not np.isfinite(w[{y} + i*{lanes} + l]):
                            fail = {NO_OUTPUT}
{watch_end}                elif w[{event} + l] > 0.0 or {switched}:
                    w[{fresh} + l] = 1.0
                    w[{first} + l] = 1.0 if changed else 0.0
                    refill = True
                point[l] = k
                w[{next_output} + l] = grid[k] if k < past[l] else np.inf
{stay_next}{stay_comparing}            if fail != {GOING}:
                finish(w, l, r, status, end, integral, place, out, fail, fail_time, steps, rejected,
                       largest, control)
                running -= 1
                refill = refill or following < last
'''

# what a kernel that watches signals does besides: every step after `since` asks for attention
WATCH = {
    "more": ", since, level, record, above",
    "room": """
    g = np.zeros({signals})
    v = np.zeros({nodes})
    values = np.zeros(({signals}, {nodes}))
""",
    "start_watching": """
                    blank(record[r], above[r])
                    w[{next_output} + l] = min(w[{next_output} + l], since[r])
""",
    "watch_step": """
                if since[r] < w[{t} + l]:
                    if not track(w, l, since[r], level[r], record[r], above[r], values, v, z, g):
                        fail = {NO_OUTPUT}
""",
    "watch_end": """
                    if since[r] <= now:
                        track_end(w, l, record[r], z, g)
""",
    "stay_next": """
                w[{next_output} + l] = min(w[{next_output} + l], since[r])
""",
}


def _watching(program, places):
    """The lines that replace the names in WATCH, empty where nothing is watched."""
    if not program.signals:
        return dict.fromkeys(WATCH, "") | {"signature": SIGNATURE}
    sizes = {"signals": len(program.signals), "nodes": signals.NODES} | places
    sizes |= {"NO_OUTPUT": NO_OUTPUT}
    return {name: lines.removeprefix("\n").format(**sizes) for name, lines in WATCH.items()} | {
        "signature": WATCHING
    }


# what a kernel with switches does besides
SETTLE = {
    "settle": """
    for i in range({states}):
        z[i] = w[{y} + i*{lanes} + l]
    changed = settle(now, z, w, l) or changed
""",
    "start_switches": """
                    for i in range({states}):
                        z[i] = w[{y} + i*{lanes} + l]
                    settle(t0[r], z, w, l)
""",
}

# and one whose switches are not all at known times: every step asks for attention
COMPARE = {
    "compare_room": """
    gaps = np.zeros({compared})
    gap_nodes = np.zeros({gap_nodes})
    slacks = np.zeros(({compared}, {gap_nodes}))
    kept = np.zeros(({lanes}, {states}))
    changes = np.zeros({lanes}, np.int64)
""",
    "start_comparing": """
                    for i in range({states}):
                        kept[l, i] = w[{largest} + i*{lanes} + l]
                    changes[l] = 0
                    w[{next_output} + l] = -np.inf
""",
    "compare_step": """
                switched = switch(w, l, kept, slacks, gap_nodes, z, gaps)
                now = w[{t} + l]
                changes[l] = 0 if w[{event} + l] > 0.0 else changes[l] + switched
""",
    "stay_comparing": """
                for i in range({states}):
                    kept[l, i] = w[{largest} + i*{lanes} + l]
                w[{next_output} + l] = -np.inf
                if changes[l] > {most}:
                    fail = {SWITCHING}
""",
}


def _switching(program, places):
    """The lines that replace the names in SETTLE and COMPARE, empty where nothing switches."""
    sizes = places | {"compared": len(program.compared), "gap_nodes": switches.NODES}
    sizes |= {"most": MOST_CHANGES, "SWITCHING": SWITCHING}
    used = (SETTLE if program.switches else {}) | (COMPARE if program.compared else {})
    lines = {name: text.removeprefix("\n").format(**sizes) for name, text in used.items()}
    switched = {"switched": "switched" if program.compared else "False"}
    return dict.fromkeys(SETTLE | COMPARE, "") | switched | lines


# what a method whose dense output needs more than its stages does besides, once for all lanes as
# soon as one of them is looked into
PREPARE = {
    "unready": """
        ready = False
""",
    "prepare": """
                if not ready and ({attended}(k < past[l] and grid[k] < now)):
                    prepare(w)
                    ready = True
""",
}


def source(program, layout, prepares=False):
    """Source of `solve` and its parts for one program.

    prepares : whether the method has a function prepare(w), to be called before `dense`
    """
    places = {name: layout.clock(name) for name in CLOCK}
    rates = len(program.infused)
    # numba cannot type an empty tuple's element
    infused = f"INFUSED = {program.infused or (-1,)!r}\n\n\n"
    watching = signals.source(program, layout) + "\n\n\n" if program.signals else ""
    if program.compared:
        watching += switches.source(program, layout) + "\n\n\n"
    attended = ("since[r] < now or " if program.signals else "") + (
        "True or " if program.compared else ""
    )
    prepared = {
        name: lines.removeprefix("\n").format(attended=attended) if prepares else ""
        for name, lines in PREPARE.items()
    }
    sizes = {
        "lanes": layout.lanes,
        "states": program.states,
        "y": layout.y(0),
        "largest": layout.largest(0),
    }
    return (
        infused
        + watching
        + TEMPLATE.strip().format(
            **places,
            **_watching(program, places),
            **prepared,
            **_switching(program, places | sizes),
            **sizes,
            size=layout.size,
            dynamic=program.dynamic,
            rates=rates,
            rate=layout.constant(program.constants - rates),
            stage0=layout.stage(0, 0),
            ADD=ADD,
            RATE=RATE,
            RESET=RESET,
            PERSON=PERSON,
            LOOK=LOOK,
            SET=SET,
            PLUS=PLUS,
            every=float(PROBE_EVERY),
            probes=float(PROBES),
            STIFF=STIFF,
            OK=OK,
            GOING=GOING,
            NO_OUTPUT=NO_OUTPUT,
            BELOW_ZERO=BELOW_ZERO,
            outputs=program.outputs,
            STEP_LIMIT=STEP_LIMIT,
            NOT_FINITE=NOT_FINITE,
            STEP_TOO_SMALL=STEP_TOO_SMALL,
            CANCELLED=CANCELLED,
        )
    )
