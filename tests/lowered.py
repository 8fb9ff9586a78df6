"""Lowered models run by Python itself: no compiler, the same operations."""

import math

import numpy as np
from naive import real_power

from pkpd.kernels.lower import lower


def select(condition, yes, no):
    return yes if condition else no


NAMES = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "erf": math.erf,
    "lgamma": math.lgamma,
    "floor": np.floor,
    "select": select,
    "fma": lambda a, b, c: a * b + c,
    "lifted": lambda x, largest: x,
    "power": real_power,
    "power_of_states": lambda x, h, largest: real_power(x, h),
}


class Lowered:
    """A program whose lines are run by Python."""

    def __init__(self, model, theta, observe=None, **options):
        self.program = lower(model, observe or model.outputs, **options)
        lines = [*self.program.shared_lines]
        lines += [f"c{i} = {text}" for i, text in self.program.constant_texts]
        self.constants = self.run(lines, {"p": np.asarray(theta, float)})

    def run(self, lines, names):
        values = NAMES | names
        exec("\n".join(lines), values)
        return values

    def at(self, t, y):
        names = {f"y{i}": v for i, v in enumerate(y)} | {"t": np.float64(t)}
        sizes = {f"c{i}": 1.0 for i, _ in self.program.sizes}
        inflow = range(self.program.constants - len(self.program.infused), self.program.constants)
        return self.constants | names | sizes | {f"c{i}": 0.0 for i in inflow}

    def values(self, lines, texts, t, y):
        names = self.run(lines, self.at(t, y))
        return [eval(text, names) for text in texts]

    def rates(self, t, y):
        return self.values(self.program.rhs_lines, self.program.rates, t, y)

    def observed(self, t, y):
        return self.values(self.program.look_lines, self.program.looks, t, y)

    def jacobian(self, t, y):
        n = self.program.dynamic
        texts = self.program.jacobian
        values = self.values(self.program.jacobian_lines, texts.values(), t, y)
        matrix = np.zeros((n, n))
        for place, value in zip(texts, values, strict=True):
            matrix[place] = value
        return matrix
