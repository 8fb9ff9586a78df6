"""Slow, obvious twins of the fast parts: one patient, one dose at a time, SciPy at tight tolerance.

Shares no code with them except the checked model's text.
"""

import ast
import math

import numpy as np
from scipy.integrate import solve_ivp

FUNCTIONS = {
    "exp": math.exp,
    "log": math.log,
    "log10": math.log10,
    "sqrt": math.sqrt,
    "abs": abs,
    "min": min,
    "max": max,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "tanh": math.tanh,
    "erf": math.erf,
    "lgamma": math.lgamma,
    "floor": lambda x: float(math.floor(x)),
    "ceil": lambda x: float(math.ceil(x)),
}


def real_power(a, b):
    """a**b; where b is not whole, a rounding below 0 counts as 0 and anything lower is NaN."""
    if a >= 0.0 or float(b).is_integer():
        return a**b
    return 0.0**b if a > -1e-6 else math.nan


BINARY = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: real_power,
}
COMPARE = {
    ast.Lt: "__lt__",
    ast.LtE: "__le__",
    ast.Gt: "__gt__",
    ast.GtE: "__ge__",
    ast.Eq: "__eq__",
    ast.NotEq: "__ne__",
}


def evaluate(node, names):
    """Value of an expression tree by walking it."""
    if isinstance(node, ast.Constant):
        return float(node.value)
    if isinstance(node, ast.Name):
        return math.pi if node.id == "pi" else names[node.id]
    if isinstance(node, ast.UnaryOp):
        return (
            -evaluate(node.operand, names)
            if isinstance(node.op, ast.USub)
            else evaluate(node.operand, names)
        )
    if isinstance(node, ast.BinOp):
        return BINARY[type(node.op)](evaluate(node.left, names), evaluate(node.right, names))
    if isinstance(node, ast.Call):
        return FUNCTIONS[node.func.id](*(evaluate(a, names) for a in node.args))
    if isinstance(node, ast.IfExp):
        return evaluate(node.body if evaluate(node.test, names) else node.orelse, names)
    if isinstance(node, ast.BoolOp):
        values = [evaluate(v, names) for v in node.values]
        return all(values) if isinstance(node.op, ast.And) else any(values)
    values = [evaluate(n, names) for n in (node.left, *node.comparators)]
    return all(
        getattr(a, COMPARE[type(op)])(b)
        for op, a, b in zip(node.ops, values, values[1:], strict=False)
    )


class Patient:
    """One person of a model: theta (K,) in model order."""

    def __init__(self, model, theta):
        self.model, self.inputs = (
            model,
            dict(zip(model.input_names, map(float, theta), strict=True)),
        )
        self.rates = [ast.parse(s.rate, mode="eval").body for s in model.states]
        self.assigned = [
            (a.name, ast.parse(a.expression, mode="eval").body) for a in model.assignments
        ]

    def names(self, t, y):
        """Every name of the model at one moment."""
        names = (
            self.inputs
            | dict(zip(self.model.state_names, map(float, y), strict=True))
            | {"t": float(t)}
        )
        for name, tree in self.assigned:
            names[name] = evaluate(tree, names)
        return names

    def start(self):
        trees = [ast.parse(s.initial, mode="eval").body for s in self.model.states]
        return np.array([evaluate(tree, self.inputs) for tree in trees])

    def rate(self, t, y):
        names = self.names(t, y)
        return [evaluate(tree, names) for tree in self.rates]

    def moves(self, t, y, flow):
        """Rates with constant flows (S,) into the states."""
        return np.add(self.rate(t, y), flow)

    def actions(self, time, amount, into):
        """(time, what, state, amount) of all that a dose does."""

        def given(text, usual):
            return evaluate(ast.parse(text, mode="eval").body, self.inputs) if text else usual

        for target in self.model.doses:
            if into not in (target.state, target.beside):
                continue
            arrives, state = time + given(target.lag, 0.0), self.model.state_names.index
            entering = amount * given(target.f, 1.0) * target.factor
            over = given(target.duration, 0.0) if target.beside == into else 0.0
            if over:
                yield arrives, "flow", state(target.state), entering / over
                yield arrives + over, "flow", state(target.state), -entering / over
            else:
                yield arrives, "add", state(target.state), entering
            if target.since:
                yield arrives, "set", state(target.since), 0.0
            if target.last:
                yield arrives, "set", state(target.last), amount

    def simulate(self, doses, grid, observe):
        """Observed values (T, O) on a grid.

        doses : [(time, amount, target)], time and amount as prescribed
        """
        actions = [action for dose in doses for action in self.actions(*dose)]
        y, now, out = self.start(), 0.0, np.empty((len(grid), len(observe)))
        flow = np.zeros(len(y))
        stops = sorted({a[0] for a in actions if a[0] <= grid[-1]} | set(grid))
        for stop in stops:
            if stop > now:
                tight = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-13}
                y = solve_ivp(self.moves, (now, stop), y, args=(flow,), **tight).y[:, -1]
                now = stop
            for time, what, state, amount in actions:
                if time == now and what == "set":
                    y[state] = amount
                elif time == now:
                    {"add": y, "flow": flow}[what][state] += amount
            for k in np.flatnonzero(np.asarray(grid) == now):
                names = self.names(now, y)
                out[k] = [names[n] for n in observe]
        return out


def superposed(rows, observed, ka, ke):
    """Amounts (depot, central) just after each record of one person's event table.

    For the linear oral model, as a sum of responses: every dose so far contributes on its own, and
    a steady state is 3000 earlier doses. Times are decimals of at most nine places, compared as
    such; an infusion below 1e-10 is a bolus.

    rows : dicts of TIME AMT RATE II ADDL SS EVID CMT LAG F, in order
    observed : numbers of the rows that are wanted
    """
    out = []
    for place in observed:
        now = rows[place]["TIME"]
        since = max(
            (i for i in range(place + 1) if rows[i]["EVID"] in (3, 4) or rows[i]["SS"] == 1),
            default=0,
        )
        total = np.zeros(2)
        for row in rows[since : place + 1]:
            if row["EVID"] not in (1, 4):
                continue
            every, flow = row["II"], row["RATE"]
            if row["SS"] and row["AMT"] == 0:
                ends = now - row["TIME"]
                constant = _flowing(np.inf, row["CMT"], ka, ke) * flow
                total += constant if ends == 0 else _decayed(constant, ends, ka, ke)
                continue
            numbers = range(-3000 if row["SS"] else 0, row["ADDL"] + 1)
            for k in numbers:
                start = round(row["TIME"] + row["LAG"] + k * every, 9)
                if start > now:
                    break
                if flow == 0 or row["F"] * row["AMT"] / flow < 1e-10:
                    bolus = np.eye(2)[row["CMT"] - 1] * row["AMT"] * row["F"]
                    total += _decayed(bolus, now - start, ka, ke)
                else:
                    span = row["F"] * row["AMT"] / flow
                    lasted = min(now - start, span)
                    at_end = _flowing(lasted, row["CMT"], ka, ke) * flow
                    total += _decayed(at_end, now - start - lasted, ka, ke)
        out.append(total)
    return np.array(out)


def _decayed(y, time, ka, ke):
    """Amounts after some time without a dose, by the Bateman function."""
    a, b = math.exp(-ka * time), math.exp(-ke * time)
    return np.array([y[0] * a, y[1] * b + y[0] * ka / (ka - ke) * (b - a)])


def _flowing(time, into, ka, ke):
    """Amounts after a flow of 1 into one of the two for some time."""
    a, b = -math.expm1(-ka * time), -math.expm1(-ke * time)
    if into == 2:
        return np.array([0.0, b / ke])
    return np.array([a / ka, ka / (ka - ke) * (b / ke - a / ka)])
