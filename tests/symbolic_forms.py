"""SymPy forms of a checked model, whose derivatives the tests compare with those of the kernels."""

import ast

from pkpd.symbolic import parse


def to_sympy(text):
    """A checked expression text as a SymPy expression of real symbols."""
    return _convert(parse.checked(text))


def _convert(node):
    import sympy as sp

    if isinstance(node, ast.Constant):
        return (
            sp.Integer(node.value)
            if isinstance(node.value, int) or float(node.value).is_integer()
            else sp.Float(node.value)
        )
    if isinstance(node, ast.Name):
        return sp.pi.evalf(17) if node.id == "pi" else sp.Symbol(node.id, real=True)
    if isinstance(node, ast.UnaryOp):
        return -_convert(node.operand) if isinstance(node.op, ast.USub) else _convert(node.operand)
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_convert(node.left), _convert(node.right))
    if isinstance(node, ast.Call):
        return _call(node.func.id, [_convert(a) for a in node.args])
    if isinstance(node, ast.IfExp):
        return sp.Piecewise(
            (_convert(node.body), _convert(node.test)), (_convert(node.orelse), True)
        )
    if isinstance(node, ast.BoolOp):
        return (sp.And if isinstance(node.op, ast.And) else sp.Or)(
            *(_convert(v) for v in node.values)
        )
    values = [_convert(n) for n in (node.left, *node.comparators)]
    return sp.And(
        *(_compare(op, a, b) for op, a, b in zip(node.ops, values, values[1:], strict=False))
    )


_BINARY = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}


def _compare(op, a, b):
    import sympy as sp

    kinds = {
        ast.Lt: sp.Lt,
        ast.LtE: sp.Le,
        ast.Gt: sp.Gt,
        ast.GtE: sp.Ge,
        ast.Eq: sp.Eq,
        ast.NotEq: sp.Ne,
    }
    return kinds[type(op)](a, b)


def _call(name, args):
    import sympy as sp

    if name == "log10":
        return sp.log(args[0]) / sp.log(10).evalf(17)
    return {
        "exp": sp.exp,
        "log": sp.log,
        "sqrt": sp.sqrt,
        "abs": sp.Abs,
        "min": sp.Min,
        "max": sp.Max,
        "sin": sp.sin,
        "cos": sp.cos,
        "tan": sp.tan,
        "tanh": sp.tanh,
        "erf": sp.erf,
        "lgamma": sp.loggamma,
        "floor": sp.floor,
        "ceil": sp.ceiling,
    }[name](*args)


def expanded(model):
    """Each assignment and rate of a model as a SymPy expression of inputs, states and t."""
    import sympy as sp

    known = {}
    for a in model.assignments:
        known[sp.Symbol(a.name, real=True)] = to_sympy(a.expression).xreplace(known)
    rates = {s.name: to_sympy(s.rate).xreplace(known) for s in model.states}
    return {k.name: v for k, v in known.items()}, rates


def jacobian(model):
    """Derivatives of the states' rates by the states, a SymPy matrix (S, S)."""
    import sympy as sp

    _, rates = expanded(model)
    return sp.Matrix(list(rates.values())).jacobian([sp.Symbol(n, real=True) for n in rates])
