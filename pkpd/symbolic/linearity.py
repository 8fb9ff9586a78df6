"""Which values of a model are sums of states weighted by inputs alone, plus a term of inputs alone.

Told from the structure of the expressions, without algebra: terms that would
cancel count, so a model may be linear without being found so, never the other way round. Knows
models; knows no solver.
"""

import ast

from pkpd.symbolic import parse

FIXED = frozenset(["fixed"])  # holds a part of inputs and numbers alone
MOVING = frozenset(["moving"])  # holds a part proportional to states


def parts(model):
    """Name of each state and assignment, and d/dt(name) of each state -> the union of FIXED and
    MOVING that it holds, or None where it is no sum of such parts."""
    known = (
        dict.fromkeys(model.input_names, FIXED)
        | dict.fromkeys(model.state_names, MOVING)
        | {"pi": FIXED, "t": None}
    )
    for a in model.assignments:
        known[a.name] = _parts(parse.checked(a.expression), known)
    return known | {_rate(s.name): _parts(parse.checked(s.rate), known) for s in model.states}


def first_nonlinear(model, integrals=()):
    """The first of the model's rates and the named integrands that is not linear in the states with
    coefficients of inputs, or None; an event of the model, or what it holds of its last doses."""
    if model.events:
        return f"event {model.events[0].name}"
    if model.memory:
        return model.memory
    found = parts(model)
    return next((name for name in _rates(model, integrals) if found.get(name, FIXED) is None), None)


def constant_terms(model, integrals=()):
    """(S + Q,) whether the rate of each state and integral of a linear model has a term without
    states."""
    found = parts(model)
    return tuple(found.get(name, MOVING) >= FIXED for name in _rates(model, integrals))


def _rate(state):
    return f"d/dt({state})"


def _rates(model, integrals):
    return (*(_rate(s) for s in model.state_names), *integrals)


def _parts(node, known):
    """What a tree is the sum of, from what its names are."""
    if isinstance(node, ast.Constant):
        return FIXED if node.value != 0 else frozenset()
    if isinstance(node, ast.Name):
        return known[node.id]
    if isinstance(node, ast.UnaryOp):
        return _parts(node.operand, known)
    if isinstance(node, ast.IfExp) and not _fixed(node.test, known):
        return None
    if isinstance(node, ast.IfExp):
        return _sum(_parts(node.body, known), _parts(node.orelse, known))
    if isinstance(node, ast.BinOp):
        return _of_operation(node, known)
    return FIXED if _fixed(node, known) else None


def _of_operation(node, known):
    """What a sum, product, quotient or power is the sum of."""
    if isinstance(node.op, (ast.Add, ast.Sub)):
        return _sum(_parts(node.left, known), _parts(node.right, known))
    if isinstance(node.op, ast.Mult) and _fixed(node.left, known):
        return _parts(node.right, known)
    if isinstance(node.op, (ast.Mult, ast.Div)) and _fixed(node.right, known):
        return _parts(node.left, known)
    return FIXED if _fixed(node, known) else None


def _sum(one, other):
    return None if one is None or other is None else one | other


def _fixed(node, known):
    """Whether a tree holds inputs and numbers alone."""
    return all(known[name] is not None and not known[name] >= MOVING for name in parse.names(node))
