"""The loop that carries a block of patients through their dosing actions.

It steps all lanes together and looks at single lanes only where one wants attention: an output time
was passed, an action is due, the run ended or failed. Knows lanes, clocks and actions; knows
nothing of models or methods.
"""

import numpy as np
from numba import njit

from pkpd.dosing.actions import ADD, LOOK, PERSON, PLUS, PUT, RATE, RESET, SET
from pkpd.kernels.compiled import INLINE
from pkpd.kernels.vecmath import stack_anchor
from pkpd.solvers.lanes.frame import (
    ACCEPTED,
    ACTIVE,
    COME_UPON,
    COMPARED,
    COMPARES,
    COUNT,
    DYNAMIC,
    EVENT,
    EVENTS,
    FAILED,
    FELL_BELOW,
    FIRST,
    FRESH,
    INFLOWS,
    INFUSED,
    LANES,
    LARGEST,
    LOG_ERROR,
    NEXT_OUTPUT,
    OUTPUTS,
    PREPARES,
    PROBE,
    RATES,
    REACHES_EVENT,
    REJECTED,
    RESTART,
    SIGNALS,
    SIZE,
    SLOPE,
    STATES,
    STIFFNESS,
    STOP,
    SUGGEST,
    SWITCHES,
    TRIALS,
    WATCHES,
    H,
    T,
    Y,
    constants,
    dense,
    fire,
    initial,
    outputs,
    prepare,
    refresh,
    settle,
    step,
    stiff,
)
from pkpd.solvers.lanes.signals import SAMPLES, blank, track, track_end
from pkpd.solvers.lanes.switches import LOOKS, switch
from pkpd.solvers.status import (
    BELOW_ZERO,
    CANCELLED,
    GOING,
    NO_OUTPUT,
    NOT_FINITE,
    OK,
    STEP_LIMIT,
    STEP_TOO_SMALL,
    STIFF,
    SWITCHING,
)

PROBE_EVERY = 32.0  # steps between two checks for stiffness ...
PROBES = 24.0  # ... and how many in a row must find it
MOST_CHANGES = 10_000  # of comparisons between two actions
MOST_EVENTS = 1_000  # at one moment


@njit(**INLINE)
def load(w, lane, z):
    """Copy the present values of the lane to z."""
    for i in range(STATES):
        z[i] = w[Y + i * LANES + lane]


@njit(error_model="numpy")
def begin(w, lane, r, person, theta, y0, own_start, t0, t1, largest, control):
    """Fill the lane with row r: constants, start values, clock, memory of an earlier part."""
    for i in range(SIZE // LANES):
        w[i * LANES + lane] = 0.0
    constants(theta[person[r]], w, lane)
    if own_start:
        initial(w, lane)
    else:
        for i in range(DYNAMIC):
            w[Y + i * LANES + lane] = y0[r, i]
    for i in range(STATES):
        w[LARGEST + i * LANES + lane] = abs(w[Y + i * LANES + lane])
    for i in range(DYNAMIC):
        if largest[r, i] > w[LARGEST + i * LANES + lane]:
            w[LARGEST + i * LANES + lane] = largest[r, i]
    w[T + lane] = t0[r]
    w[STOP + lane] = t0[r]
    w[SUGGEST + lane] = control[r, 0]
    w[LOG_ERROR + lane] = control[r, 1]
    w[RESTART + lane] = control[r, 2]
    w[ACTIVE + lane] = 1.0


@njit(error_model="numpy")
def stop_rates(w, lane):
    """No constant rate into any state of the lane."""
    for k in range(INFLOWS):
        w[RATES + k * LANES + lane] = 0.0


@njit(error_model="numpy")
def put(time, z, w, lane, row):
    """Write the lane's outputs at a time to a row. False where one of them is not finite."""
    outputs(time, z, w, lane, row)
    finite = True
    for i in range(OUTPUTS):
        finite = finite and np.isfinite(row[i])
    return finite


@njit(error_model="numpy")
def happen(now, w, lane, z):
    """Do all events whose conditions have become true. True if there was one.

    Where they make each other happen without end, the lane has come upon that.
    """
    happened = False
    for _ in range(MOST_EVENTS):
        load(w, lane, z)
        if not fire(now, z, w, lane, False, False):
            break
        happened = True
        load(w, lane, z)
        settle(now, z, w, lane)
        for i in range(STATES):
            w[LARGEST + i * LANES + lane] = max(w[LARGEST + i * LANES + lane], abs(z[i]))
    else:
        w[COME_UPON + lane] = SWITCHING
    return happened


@njit(**INLINE)
def act(
    w,
    lane,
    r,
    cursor,
    z,
    theta,
    t1,
    start,
    act_time,
    act_kind,
    act_state,
    act_amount,
    given,
    place,
    out,
):
    """Do what is due at the lane's time and set its next stop.

    True if the lane must find its step size anew.
    """
    now = w[T + lane]
    changed = False
    k = cursor[lane]
    while k < start[r + 1] and act_time[k] <= now:
        if act_time[k] == now:
            kind = act_kind[k]
            at = act_state[k]
            if kind == ADD:
                w[Y + at * LANES + lane] += act_amount[k]
            elif kind == RATE:
                for j in range(INFLOWS):
                    if INFUSED[j] == at:
                        w[RATES + j * LANES + lane] += act_amount[k]
            elif kind == PUT:
                w[Y + at * LANES + lane] = act_amount[k]
            elif kind == RESET:
                stop_rates(w, lane)
                initial(w, lane)
            elif kind == PERSON:
                constants(theta[at], w, lane)
            elif kind == LOOK:
                load(w, lane, z)
                if not put(now, z, w, lane, out[place[r] + at]):
                    w[COME_UPON + lane] = NO_OUTPUT
            elif kind == SET:
                stop_rates(w, lane)
                for i in range(DYNAMIC):
                    w[Y + i * LANES + lane] = given[at, i]
            elif kind == PLUS:
                for i in range(DYNAMIC):
                    w[Y + i * LANES + lane] += given[at, i]
            changed = changed or kind != LOOK
        k += 1
    if changed:
        for i in range(DYNAMIC):
            size = abs(w[Y + i * LANES + lane])
            w[LARGEST + i * LANES + lane] = max(w[LARGEST + i * LANES + lane], size)
    cursor[lane] = k
    w[STOP + lane] = t1[r]
    if k < start[r + 1] and act_time[k] < t1[r]:
        w[STOP + lane] = act_time[k]
    if SWITCHES:
        load(w, lane, z)
        changed = settle(now, z, w, lane) or changed
    if EVENTS:
        changed = happen(now, w, lane, z) or changed
    w[TRIALS + lane] = 0.0
    w[PROBE + lane] = PROBE_EVERY
    w[STIFFNESS + lane] = 0.0
    return changed


@njit(**INLINE)
def probe(w, lane):
    """Look for stiffness in the lane now and then. True if it was found often enough in a row."""
    if w[TRIALS + lane] < w[PROBE + lane]:
        return False
    w[PROBE + lane] = w[TRIALS + lane] + PROBE_EVERY
    w[STIFFNESS + lane] = w[STIFFNESS + lane] + 1.0 if stiff(w, lane) else 0.0
    return w[STIFFNESS + lane] >= PROBES


@njit(**INLINE)
def first_step(w, lane, changed, floor):
    """Choose the first step after an action or at the start, from memory or from the derivative."""
    h_next = w[RESTART + lane] if changed else w[SUGGEST + lane]
    remaining = w[STOP + lane] - w[T + lane]
    if not h_next > 0.0:
        value = slope = 0.0
        for i in range(STATES):
            scale = abs(w[Y + i * LANES + lane]) + floor * w[LARGEST + i * LANES + lane]
            if scale > 0.0:
                value += (w[Y + i * LANES + lane] / scale) ** 2
                slope += (w[SLOPE + i * LANES + lane] / scale) ** 2
        h_next = (
            0.01 * np.sqrt(value / slope) if (value > 0.0 and slope > 0.0) else 1e-3 * remaining
        )
        h_next = min(h_next, remaining)
    if changed:
        w[LOG_ERROR + lane] = 0.0
    lands = remaining <= 1.0000001 * h_next
    w[SUGGEST + lane] = h_next
    w[REACHES_EVENT + lane] = 1.0 if lands else 0.0
    w[H + lane] = remaining if lands else (0.5 * remaining if remaining < 2.0 * h_next else h_next)


@njit(**INLINE)
def idle(w, lane):
    """Let the lane idle: it takes no step and asks for nothing."""
    w[ACTIVE + lane] = 0.0
    w[H + lane] = 0.0
    w[REACHES_EVENT + lane] = 0.0
    w[NEXT_OUTPUT + lane] = np.inf


@njit(error_model="numpy")
def finish(
    w,
    lane,
    r,
    status,
    end,
    integral,
    place,
    out,
    fail,
    fail_time,
    steps,
    rejected,
    largest,
    control,
):
    """Write the lane's last values to row r, or NaN if it failed, and let the lane idle."""
    fine = fail == OK
    for i in range(DYNAMIC):
        end[r, i] = w[Y + i * LANES + lane] if fine else np.nan
        largest[r, i] = w[LARGEST + i * LANES + lane] if fine else np.nan
    for i in range(DYNAMIC, STATES):
        integral[r, i - DYNAMIC] = w[Y + i * LANES + lane] if fine else np.nan
    if not fine:
        out[place[r] : place[r + 1]] = np.nan
        fail_time[r] = w[T + lane]
    status[r] = fail
    steps[r] = w[COUNT + lane]
    rejected[r] = w[REJECTED + lane]
    control[r, 0] = w[SUGGEST + lane]
    control[r, 1] = w[LOG_ERROR + lane]
    control[r, 2] = w[RESTART + lane]
    idle(w, lane)


@njit(**INLINE)
def progress(w, lane, limit):
    """Why the lane cannot go on, or GOING."""
    if w[FAILED + lane] > 0.0:
        for i in range(STATES):
            if not np.isfinite(w[Y + i * LANES + lane] + w[SLOPE + i * LANES + lane]):
                return NOT_FINITE
        if w[FELL_BELOW + lane] > 0.0:
            return BELOW_ZERO
        return STEP_LIMIT if w[TRIALS + lane] > limit else STEP_TOO_SMALL
    return STIFF if w[ACCEPTED + lane] > 0.0 and probe(w, lane) else GOING


def solve(
    rows,
    first,
    last,
    theta,
    person,
    y0,
    own_start,
    t0,
    t1,
    start,
    act_time,
    act_kind,
    act_state,
    act_amount,
    given,
    grid,
    slot,
    points,
    place,
    rtol,
    floor,
    limit,
    cancel,
    w,
    out,
    end,
    integral,
    status,
    fail_time,
    steps,
    rejected,
    largest,
    control,
    since,
    level,
    record,
    above,
):
    """Carry the rows numbered rows[first:last] from t0 to t1.

    Shapes and units are those of pkpd.solvers.batch.solve.
    """
    z = np.zeros(STATES)
    cursor = np.zeros(LANES, np.int64)
    cursor[0] = stack_anchor()
    point = np.zeros(LANES, np.int64)
    past = np.zeros(LANES, np.int64)
    carried = np.zeros(LANES, np.int64)
    if WATCHES:
        g = np.zeros(SIGNALS)
        v = np.zeros(SAMPLES)
        values = np.zeros((SIGNALS, SAMPLES))
    switched = False
    if COMPARES:
        gaps = np.zeros(COMPARED)
        gap_nodes = np.zeros(LOOKS)
        slacks = np.zeros((COMPARED, LOOKS))
        kept = np.zeros((LANES, STATES))
        changes = np.zeros(LANES, np.int64)
    following, running, refill = first, 0, True
    for lane in range(LANES):
        begin(w, lane, rows[first], person, theta, y0, own_start, t0, t1, largest, control)
        idle(w, lane)
    while running > 0 or following < last:
        if refill:
            for lane in range(LANES):
                # a lane that has finished takes the next row: none idles while there is work
                if w[ACTIVE + lane] == 0.0 and following < last:
                    r = rows[following]
                    carried[lane] = r
                    begin(w, lane, r, person, theta, y0, own_start, t0, t1, largest, control)
                    cursor[lane] = start[r]
                    if SWITCHES:
                        load(w, lane, z)
                        settle(t0[r], z, w, lane)
                    if EVENTS:
                        fire(t0[r], z, w, lane, True, own_start)
                    point[lane], past[lane] = points[r]
                    while point[lane] < past[lane] and grid[point[lane]] < t0[r]:
                        point[lane] += 1
                    changed = act(
                        w,
                        lane,
                        r,
                        cursor,
                        z,
                        theta,
                        t1,
                        start,
                        act_time,
                        act_kind,
                        act_state,
                        act_amount,
                        given,
                        place,
                        out,
                    )
                    w[FIRST + lane] = 1.0 if changed else 0.0
                    w[NEXT_OUTPUT + lane] = (
                        grid[point[lane]] if point[lane] < past[lane] else np.inf
                    )
                    if WATCHES:
                        blank(record[r], above[r])
                        w[NEXT_OUTPUT + lane] = min(w[NEXT_OUTPUT + lane], since[r])
                    if COMPARES:
                        for i in range(STATES):
                            kept[lane, i] = w[LARGEST + i * LANES + lane]
                        changes[lane] = 0
                        w[NEXT_OUTPUT + lane] = -np.inf
                    w[FRESH + lane] = 1.0
                    following += 1
                    running += 1
            refresh(w)
            for lane in range(LANES):
                if w[FRESH + lane] > 0.0:
                    first_step(w, lane, w[FIRST + lane] > 0.0, floor)
                    w[FRESH + lane] = 0.0
        if cancel[0] != 0:
            for lane in range(LANES):
                if w[ACTIVE + lane] > 0.0:
                    finish(
                        w,
                        lane,
                        carried[lane],
                        status,
                        end,
                        integral,
                        place,
                        out,
                        CANCELLED,
                        fail_time,
                        steps,
                        rejected,
                        largest,
                        control,
                    )
            break
        refill = False
        if step(w, rtol, floor, limit) == 0:
            continue
        ready = False
        for lane in range(LANES):
            if w[ACTIVE + lane] == 0.0:
                continue
            r = carried[lane]
            fail = progress(w, lane, limit)
            if fail == GOING:
                if w[ACCEPTED + lane] == 0.0:
                    continue
                k = point[lane]
                now = w[T + lane]
                if PREPARES:
                    seen = COMPARES or (WATCHES and since[r] < now)
                    if not ready and (seen or (k < past[lane] and grid[k] < now)):
                        prepare(w)
                        ready = True
                if COMPARES:
                    switched = switch(w, lane, kept, slacks, gap_nodes, z, gaps)
                    now = w[T + lane]
                    changes[lane] = 0 if w[EVENT + lane] > 0.0 else changes[lane] + switched
                if WATCHES:
                    fine = since[r] >= now or track(
                        w, lane, since[r], level[r], record[r], above[r], values, v, z, g
                    )
                    fail = fail if fine else NO_OUTPUT
                while fail == GOING and k < past[lane] and grid[k] < now:
                    dense(w, lane, grid[k], z)
                    if not put(grid[k], z, w, lane, out[place[r] + slot[k]]):
                        fail = NO_OUTPUT
                        w[T + lane] = grid[k]
                    k += 1
                changed = switched
                if EVENTS and switched and w[EVENT + lane] == 0.0 and fail == GOING:
                    happen(now, w, lane, z)
                if w[EVENT + lane] > 0.0 and fail == GOING:
                    acted = act(
                        w,
                        lane,
                        r,
                        cursor,
                        z,
                        theta,
                        t1,
                        start,
                        act_time,
                        act_kind,
                        act_state,
                        act_amount,
                        given,
                        place,
                        out,
                    )
                    changed = changed or acted
                while fail == GOING and k < past[lane] and grid[k] == now:
                    load(w, lane, z)
                    if not put(now, z, w, lane, out[place[r] + slot[k]]):
                        fail = NO_OUTPUT
                    k += 1
                if w[COME_UPON + lane] > 0.0:
                    fail = int(w[COME_UPON + lane])
                elif fail == GOING and now >= t1[r]:
                    fail = OK
                    for i in range(DYNAMIC, STATES):
                        if not np.isfinite(w[Y + i * LANES + lane]):
                            fail = NO_OUTPUT
                    if WATCHES and since[r] <= now:
                        track_end(w, lane, record[r], z, g)
                elif w[EVENT + lane] > 0.0 or switched:
                    w[FRESH + lane] = 1.0
                    w[FIRST + lane] = 1.0 if changed else 0.0
                    refill = True
                point[lane] = k
                w[NEXT_OUTPUT + lane] = grid[k] if k < past[lane] else np.inf
                if WATCHES:
                    w[NEXT_OUTPUT + lane] = min(w[NEXT_OUTPUT + lane], since[r])
                if COMPARES:
                    for i in range(STATES):
                        kept[lane, i] = w[LARGEST + i * LANES + lane]
                    w[NEXT_OUTPUT + lane] = -np.inf
                    if changes[lane] > MOST_CHANGES:
                        fail = SWITCHING
            if fail != GOING:
                finish(
                    w,
                    lane,
                    r,
                    status,
                    end,
                    integral,
                    place,
                    out,
                    fail,
                    fail_time,
                    steps,
                    rejected,
                    largest,
                    control,
                )
                running -= 1
                refill = refill or following < last


# types of the arguments of solve
SIGNATURE = (
    "void(i8[::1], i8, i8, "  # rows, first, last
    "f8[:,::1], i8[::1], f8[:,::1], b1, f8[::1], f8[::1], "  # theta, person, y0, own_start, t0, t1
    "i8[::1], f8[::1], i1[::1], i4[::1], f8[::1], "  # start, then time, kind, state, amount of acts
    "f8[:,::1], f8[::1], i8[::1], i8[:,::1], i8[::1], "  # given, grid, slot, points, place
    "f8, f8, i8, i1[::1], f8[::1], "  # rtol, floor, limit, cancel, w
    "f8[:,::1], f8[:,::1], f8[:,::1], i1[::1], f8[::1], "  # out, end, integral, status, fail_time
    "i8[::1], i8[::1], f8[:,::1], f8[:,::1], "  # steps, rejected, largest, control
    "f8[::1], f8[:,::1], f8[:,:,::1], f8[:,::1])"  # since, level, record, above
)
