"""Model program + method -> one generated module -> compiled code, kept on disk.

The module holds a legend, named constants, the functions of the model and of the method that are
written out line by line, and the real files that are pasted behind them; docs/kernels.md shows one.
Knows sources and caches; knows nothing of patients, tolerances or doses.
"""

from pkpd.kernels import cache
from pkpd.kernels.layout import CLOCK
from pkpd.kernels.legend import legend
from pkpd.kernels.lower import lower
from pkpd.kernels.paste import indented, joined, pasted

IMPORTS = """
from math import lgamma

import numpy as np
from numba import njit
from numpy import floor, sqrt

from pkpd.kernels.compiled import INLINE
from pkpd.kernels.vecmath import (
    cos, erf, exp, fma, lifted, log, power, power_of_states, select, sin, sound, tan, tanh,
    whole_part,
)
"""
COMPILED = """
solve = njit(SIGNATURE, cache=True, nogil=True, error_model="numpy")(solve)
"""


def build(model, observe, integrals, method, lanes, make, derivatives, extremes=(), levels=()):
    """The generated module for a model, from the cache when it holds one.

    make(program) -> pkpd.kernels.method.Method
    derivatives : whether the method needs the Jacobian
    extremes, levels : what it watches, see `lower`

    Raises PkpdError for an unknown name.
    """
    key = "|".join(
        [
            cache.fingerprint(lanes),
            model.structure,
            *observe,
            "integrals",
            *integrals,
            method,
            repr((extremes, levels)),
        ]
    )
    path = cache.source_file("steps", key)
    module = cache.kept(path, "solve")
    if module is not None:
        return module
    program = lower(model, observe, integrals, derivatives, extremes, levels)
    names = {"observe": observe, "integrals": integrals, "extremes": extremes, "levels": levels}
    text = source(model, program, make(program), **names)
    return cache.load(cache.write(path, text))


def source(model, program, method, **names):
    """Text of the generated module.

    names : observe, integrals, extremes, levels as in `lower`
    """
    return (
        joined(
            [
                f"{legend(model, program, **names)}\n\n{IMPORTS.strip()}",
                _constants(program, method),
                *functions(program, method.layout),
                *method.functions,
                *(pasted(name) for name in method.files),
            ]
        )
        + COMPILED
    )


def _constants(program, method):
    """Lines that name sizes, rows of the work array and what the method adds."""
    layout = method.layout
    rates = len(program.infused)
    values = {
        "LANES": layout.lanes,
        "DYNAMIC": program.dynamic,
        "STATES": program.states,
        "OUTPUTS": program.outputs,
        "SIZE": layout.size,
        "WIDTH": layout.width,
        **{name.upper(): layout.clock(name) for name in CLOCK},
        "Y": layout.y(0),
        "OLD": layout.old(0),
        "LARGEST": layout.largest(0),
        "SLOPE": layout.stage(0, 0),
        "STAGE": layout.stage(1, 0),
        "RATES": layout.constant(program.constants - rates),
        "INFLOWS": rates,
        "INFUSED": program.infused or (-1,),  # numba cannot type an empty tuple's element
        "WATCHES": bool(program.signals),
        "SIGNALS": len(program.signals),
        "EXTREMES": program.extremes,
        "SWITCHES": bool(program.switches or program.steps),
        "COMPARES": bool(program.compared),
        "COMPARED": len(program.compared),
        "FLAGS": tuple(layout.constant(program.flags + k) for k in program.compared) or (-1,),
        "PREPARES": False,
        "EVENTS": bool(program.triggers),
    }
    return "\n".join(
        f"{name} = np.array({value!r})" if isinstance(value, list) else f"{name} = {value!r}"
        for name, value in (values | method.constants).items()
    )


def _function(head, lines):
    return "\n".join(["@njit(**INLINE)", head, *indented(lines or ["pass"])])


def functions(program, layout):
    """Lane functions of the model: constants, initial, rhs, outputs; watch where it is needed."""
    ys = [f"y{i}" for i in range(program.states)]
    cs = [f"c{i}" for i in range(program.constants)]
    fetch = [f"c{i} = w[{layout.constant(i)} + l]" for i in range(program.constants)]
    constants = [f"w[{layout.constant(i)} + l] = {text}" for i, text in program.constant_texts]
    yield _function("def constants(p, w, l):", [*program.shared_lines, *constants])
    initial = [f"w[{layout.y(i)} + l] = {e}" for i, e in enumerate(program.initial)]
    yield _function("def initial(w, l):", [*fetch, *initial])
    rates = f"return ({', '.join(program.rates)},)"
    yield _function(f"def rhs(t, {', '.join(ys + cs)}):", [*program.rhs_lines, rates])
    fetch += [f"y{i} = z[{i}]" for i in range(program.states)]
    yield from _seen(program, fetch)
    if program.switches or program.steps or program.triggers:
        yield _function("def settle(t, z, w, l):", [*fetch, *_settle(program, layout)])
    if program.triggers:
        yield _function("def fire(t, z, w, l, starts, anew):", [*fetch, *_fire(program, layout)])


def _seen(program, fetch):
    """Lane functions that fill `out` from a state z: outputs, watch, compare."""
    outputs = [*fetch, *program.look_lines, *_out(program.looks)]
    yield _function("def outputs(t, z, w, l, out):", outputs)
    if program.signals:
        signals = [*fetch, *program.signal_lines, *_out(program.signals)]
        yield _function("def watch(t, z, w, l, out):", signals)
    if program.compared:
        gaps = _out([program.switches[k].gap for k in program.compared])
        lines = [*fetch, *program.step_lines, *program.switch_lines, *gaps]
        yield _function("def compare(t, z, w, l, out):", lines)


def _out(texts):
    return [f"out[{i}] = {text}" for i, text in enumerate(texts)]


def _fire(program, layout):
    """Lines that do the first event whose condition has become true; they return whether one has.

    Several at once wait for their turns, in the order of the model: 2 stands for one that waits.
    """
    rows = [f"w[{layout.constant(program.held + k)} + l]" for k in range(len(program.triggers))]
    yield from (*program.flag_lines, *program.trigger_lines)
    for row, trigger, at_start in zip(rows, program.triggers, program.at_start, strict=True):
        yield f"up = {trigger}"
        if at_start:
            yield "up = 0.0 if starts and anew else up"
        yield f"if {row} < 2.0: {row} = 2.0 if up > {row} and not starts else up"
    yield from program.change_lines
    for row, changes in zip(rows, program.changes, strict=True):
        yield f"if {row} == 2.0:"
        yield f"    {row} = 1.0"
        yield from (f"    w[{layout.y(i)} + l] = {text}" for i, text in changes)
        yield "    return True"
    yield "return False"


def _settle(program, layout):
    """Lines that set each flag as it is just after t and stop the lane where a known time comes
    next; they return whether a flag changed."""
    stop = f"w[{layout.clock('stop')} + l]"
    yield "changed = False"
    for k, step in enumerate(program.steps):
        held = f"w[{layout.constant(program.flags + len(program.switches) + k)} + l]"
        yield f"whole{k}, when = whole_part(t, {step.rest}, {step.slope})"
        yield f"{stop} = min({stop}, when)"
        yield from (f"changed = changed or whole{k} != {held}", f"{held} = whole{k}")
    yield from program.switch_lines
    for k, switch in enumerate(program.switches):
        flag = f"w[{layout.constant(program.flags + k)} + l]"
        up = f"{switch.gap} {'>=' if switch.closed else '>'} 0.0"
        if switch.when is not None:
            yield f"when, slope = {switch.when}, {switch.slope}"
            yield f"{stop} = min({stop}, when) if when > t else {stop}"
            up = f"(t >= when if slope > 0.0 else t < when) if slope != 0.0 else {up}"
        yield f"up = 1.0 if ({up}) else 0.0"
        yield from (f"changed = changed or up != {flag}", f"{flag} = up")
    yield "return changed"
