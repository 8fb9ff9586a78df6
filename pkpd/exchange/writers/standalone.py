"""What every exported script holds besides its equations: doses, SciPy's solver, a command line.

Copied into the script as it stands, so that the script needs nothing but NumPy and SciPy. Knows
SciPy; knows nothing of pkpd.
"""

import argparse
import csv
import math
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.integrate import solve_ivp


class Equations(NamedTuple):
    """A model: inputs are a dict of numbers, states a sequence in the order of `states`.

    start(inputs) -> states at time 0; rates(t, states, inputs) -> their slopes
    observed(t, states, inputs) -> outputs; targets(inputs) -> {state: (amount in the state's
    unit for a dose of 1, lag)}
    """

    inputs: dict
    states: list
    outputs: list
    start: Callable
    rates: Callable
    observed: Callable
    targets: Callable


def power(base, exponent):
    """base**exponent; where the exponent is not whole, a base just below 0 is 0 by rounding."""
    if base >= 0.0 or float(exponent).is_integer():
        return base**exponent
    return 0.0 if base > -1e-6 else math.nan


def root(x):
    """The square root; just below 0, which is rounding, it is 0."""
    return math.sqrt(x) if x >= 0.0 else 0.0 if x > -1e-6 else math.nan


def changes(equations, doses, inputs):
    """[(time, state, amount added, rate added)], sorted by time."""
    found = []
    targets = equations.targets(inputs)
    for time, amount, name, duration in doses:
        share, lag = targets[name]
        state, begin = equations.states.index(name), time + lag
        if duration:
            rate = amount * share / duration
            found += [(begin, state, 0.0, rate), (begin + duration, state, 0.0, -rate)]
        else:
            found.append((begin, state, amount * share, 0.0))
    return sorted(found)


def simulate(equations, times, doses=(), inputs=None, method="LSODA", rtol=1e-10, atol=1e-12):
    """Outputs (T, O) at increasing times (T,); at the time of a dose, just after it.

    doses : (time, amount, state, duration) each, the duration of a bolus being 0
    inputs : {name: value} in place of those of the model
    """
    inputs = equations.inputs | (inputs or {})
    inflow = np.zeros(len(equations.states))

    def slopes(t, states):
        return np.add(equations.rates(t, states, inputs), inflow)

    given = changes(equations, doses, inputs)
    states = np.array(equations.start(inputs), dtype=float)
    now, values = min([0.0, times[0], *(change[0] for change in given)]), []
    for stop in sorted({*times, *(change[0] for change in given if change[0] <= times[-1])}):
        if stop > now:
            options = {"method": method, "rtol": rtol, "atol": atol}
            run = solve_ivp(slopes, (now, stop), states, **options)
            if not run.success:
                sys.exit(f"Stopped between {now:g} and {stop:g}: {run.message}")
            states, now = run.y[:, -1], stop
        for time, state, amount, rate in given:
            if time == stop:
                states[state] += amount
                inflow[state] += rate
        if stop in times:
            values.append(equations.observed(stop, states, inputs))
    return np.array(values)


def main(equations):
    """The command line: a table of the outputs."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    span = "START", "STOP", "STEP"
    parser.add_argument("--times", nargs=3, type=float, default=[0.0, 24.0, 1.0], metavar=span)
    dose = "TIME", "AMOUNT", "STATE", "DURATION"
    parser.add_argument("--dose", nargs=4, action="append", default=[], metavar=dose)
    parser.add_argument("--set", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    parser.add_argument("--method", default="LSODA", help="of scipy.integrate.solve_ivp")
    parser.add_argument("--rtol", type=float, default=1e-10)
    given = parser.parse_args()
    first, last, step = given.times
    grid = first + step * np.arange(round((last - first) / step) + 1)
    doses = [(float(t), float(a), into, float(d)) for t, a, into, d in given.dose]
    inputs = {name: float(value) for name, value in given.set}
    unknown = inputs.keys() - equations.inputs.keys()
    if unknown:
        parser.error(f"unknown inputs: {', '.join(sorted(unknown))}")
    values = simulate(equations, grid, doses, inputs, given.method, given.rtol)
    table = csv.writer(sys.stdout)
    table.writerow(["TIME", *equations.outputs])
    table.writerows([t, *map(float, row)] for t, row in zip(grid, values, strict=True))
