"""A checked model as straight-line source for one lane: constants, start values, rates, outputs.

What depends on inputs alone is computed once per patient (`constants`); what several equations
share is computed once per evaluation. Knows expressions; knows nothing of steps, doses or
compilation.
"""

from dataclasses import dataclass

from pkpd.errors import PkpdError, closest


@dataclass(frozen=True)
class Program:
    """Sizes and source of one model's lane functions.

    dynamic : S, states of the model; states : S plus integrals (Q); outputs : O, observed names
    constants : per-patient numbers, then the constant rates into the `infused` states
    the lines are in terms of t, y<i>, c<i> (p[i] in constants)
    """

    dynamic: int
    states: int
    constants: int
    outputs: int
    infused: tuple[int, ...]
    constant_lines: tuple[str, ...]
    initial: tuple[str, ...]
    rhs_lines: tuple[str, ...]
    rates: tuple[str, ...]
    look_lines: tuple[str, ...]
    looks: tuple[str, ...]
    jacobian_lines: tuple[str, ...]
    jacobian: dict[tuple[int, int], str]  # (rate, state) -> derivative, where it is not 0
    slopes: dict[int, str]  # rate -> derivative by time, where it is not 0
    signal_lines: tuple[str, ...] = ()
    # watched at every step: the first `extremes` for their extremes, the others against a level
    signals: tuple[str, ...] = ()
    extremes: int = 0


def area(name):
    """What the integral of `name` since the start of the run is called among observed names."""
    return f"integral({name})"


def lower(model, observe, integrals=(), derivatives=False, extremes=(), levels=()):
    """The Program of a checked model that observes and integrates the named states or assignments.

    observe : may hold area(name) for a name of `integrals`: its integral so far
    derivatives : whether the Jacobian and the derivatives by time are wanted
    extremes : names watched for their extremes
    levels : (name, other, factor), the signals name - factor*other; other None: name alone

    Raises PkpdError for a name that the model does not have.
    """
    from sympy import Symbol

    expressions = _expanded(model)
    areas = {
        area(name): Symbol(f"y{len(model.states) + k}", real=True)
        for k, name in enumerate(integrals)
    }
    for name in (*observe, *integrals):
        if name not in expressions and name not in areas:
            raise PkpdError(
                f"{model.name} has no state or output '{name}'.{closest(name, expressions)}"
            )
    hoist = _Hoist(model)
    rates = [hoist(_inline(s.rate, expressions, model)) for s in model.states]
    rates += [hoist(expressions[name]) for name in integrals]
    looks = [hoist((expressions | areas)[name]) for name in observe]
    signals = [hoist(s) for s in _signals(model, expressions, extremes, levels)]
    initial = [hoist(_inline(s.initial, expressions, model)) for s in model.states]
    jacobian_lines, jacobian, slopes = (
        _jacobian(rates, len(model.states)) if derivatives else ((), {}, {})
    )
    rhs_lines, rates = _shared(rates)
    look_lines, looks = _shared(looks)
    signal_lines, signals = _shared(signals)
    constants = [_text(e) for e in hoist.constants]
    infused = tuple(model.state_names.index(d.state) for d in model.doses)
    inflow = {i: f" + c{len(constants) + k}" for k, i in enumerate(infused)}
    return Program(
        dynamic=len(model.states),
        states=len(rates),
        constants=len(constants) + len(infused),
        outputs=len(looks),
        infused=infused,
        constant_lines=tuple(constants),
        initial=tuple(_text(e) for e in initial),
        rhs_lines=rhs_lines,
        rates=tuple(f"({rate}{inflow.get(i, '')})" for i, rate in enumerate(rates)),
        look_lines=look_lines,
        looks=looks,
        jacobian_lines=jacobian_lines,
        jacobian=jacobian,
        slopes=slopes,
        signal_lines=signal_lines,
        signals=signals,
        extremes=len(extremes),
    )


def _signals(model, expressions, extremes, levels):
    """Expressions of what is watched. Raises PkpdError for an unknown name."""
    from sympy import Float, Symbol

    known = {
        name: Symbol(source, real=True) for name, source in _symbols(model).items() if name != "t"
    } | expressions
    for name in (*extremes, *(n for item in levels for n in item[:2] if n is not None)):
        if name not in known:
            raise PkpdError(
                f"{model.name} has no state, output or input '{name}'.{closest(name, known)}"
            )
    return [known[n] for n in extremes] + [
        known[n] - (Float(factor) * known[other] if other else 0) for n, other, factor in levels
    ]


def _jacobian(rates, states):
    """Shared lines, and the texts of the rates' derivatives by states and time, where not 0."""
    from sympy import Abs, Max, Min, Piecewise, Symbol

    smooth = [r.rewrite(Piecewise) if r.has(Abs, Max, Min) else r for r in rates]
    by_state = {
        (i, j): r.diff(Symbol(f"y{j}", real=True))
        for i, r in enumerate(smooth)
        for j in range(states)
    }
    by_time = {i: r.diff(Symbol("t", real=True)) for i, r in enumerate(smooth)}
    by_state, by_time = (
        {k: e for k, e in found.items() if e != 0} for found in (by_state, by_time)
    )
    lines, texts = _shared([*by_state.values(), *by_time.values()])
    return (
        lines,
        dict(zip(by_state, texts, strict=False)),
        dict(zip(by_time, texts[len(by_state) :], strict=True)),
    )


def _symbols(model):
    """Name in the model -> name in the source."""
    names = {name: f"p[{i}]" for i, name in enumerate(model.input_names)}
    return names | {name: f"y{i}" for i, name in enumerate(model.state_names)} | {"t": "t"}


def _inline(text, expressions, model):
    from sympy import Symbol

    from pkpd.symbolic.derive import to_sympy

    sources = _symbols(model)
    expression = to_sympy(text)
    known = {
        s: expressions[s.name] if s.name in expressions else Symbol(sources[s.name], real=True)
        for s in expression.free_symbols
    }
    return expression.xreplace(known)


def _expanded(model):
    """Every state and assignment as an expression of inputs, states and time alone."""
    from sympy import Symbol

    expressions = {name: Symbol(f"y{i}", real=True) for i, name in enumerate(model.state_names)}
    for a in model.assignments:
        expressions[a.name] = _inline(a.expression, expressions, model)
    return expressions


class _Hoist:
    """Replaces every largest part that depends on inputs alone by a constant c<i>."""

    def __init__(self, model):
        self.constants = []
        self.inputs = {f"p[{i}]" for i in range(len(model.input_names))}

    def _constant(self, expression):
        from sympy import Symbol

        if expression not in self.constants:
            self.constants.append(expression)
        return Symbol(f"c{self.constants.index(expression)}", real=True)

    def _fixed(self, expression):
        return all(s.name in self.inputs for s in expression.free_symbols)

    def __call__(self, expression):
        from sympy.functions.elementary.piecewise import ExprCondPair
        from sympy.logic.boolalg import Boolean

        if expression.is_number or (not expression.args and not self._fixed(expression)):
            return expression
        truth = isinstance(expression, (Boolean, ExprCondPair)) and not expression.is_Symbol
        if self._fixed(expression) and not truth:
            return self._constant(expression)
        args = list(expression.args)
        if expression.is_Add or expression.is_Mul:
            fixed = expression.func(*(a for a in args if self._fixed(a)))
            args = [fixed, *(a for a in args if not self._fixed(a))]
        return expression.func(*(self(a) for a in args)) if args else expression


def _shared(expressions):
    """Common parts as assignment lines, and what is left of each expression, as text."""
    from sympy import Symbol, cse

    parts, left = cse(
        expressions, symbols=(Symbol(f"s{i}", real=True) for i in range(10**6)), order="none"
    )
    return tuple(f"{s.name} = {_text(e)}" for s, e in parts), tuple(_text(e) for e in left)


def _text(expression):
    """Source of an expression in arithmetic and calls of exp, log, power, sqrt, abs, min, max."""
    printer = _PRINTERS.get(expression.func.__name__)
    if printer is not None:
        return printer(expression)
    if expression.is_Symbol:
        return expression.name
    return repr(float(expression))


def _join(sign):
    return lambda e: "(" + sign.join(_text(a) for a in e.args) + ")"


def _add(expression):
    """A sum with its products fused, each a single rounding in the order of the terms."""
    products = [a for a in expression.args if _fused(a)]
    plain = [_text(a) for a in expression.args if not _fused(a)]
    if not plain:
        first, *products = products
        plain = [_text(first)]
    text = plain[0] if len(plain) == 1 else "(" + " + ".join(plain) + ")"
    for a in products:
        x, *others = a.args
        text = f"fma({_text(x)}, {'*'.join(_text(y) for y in others)}, {text})"
    return text


def _fused(expression):
    """Whether it is a product without divisors."""
    return expression.is_Mul and not any(
        a.is_Pow and a.exp.is_number and a.exp.is_negative for a in expression.args
    )


def _mul(expression):
    above, below = [], []
    for a in expression.args:
        if a.is_Pow and a.exp.is_number and a.exp.is_negative:
            below.append(_text(1 / a))
        else:
            above.append(_text(a))
    text = "*".join(above) or "1.0"
    return f"({text}/({'*'.join(below)}))" if below else f"({text})"


def _pow(expression):
    base, exponent = expression.args
    if exponent.is_number and exponent.is_negative:
        return f"(1.0/{_text(1 / expression)})"
    if exponent.is_number and float(exponent) == 0.5:
        return f"sqrt({_text(base)})"
    if exponent.is_number and float(exponent).is_integer() and float(exponent) <= 8:
        return "(" + "*".join([_text(base)] * int(exponent)) + ")"
    # rounding may leave a state just below 0, where a real power is NaN and would stall its lane
    return f"power(max({_text(base)}, 0.0), {_text(exponent)})"


def _call(name):
    def text(expression):
        args = [_text(a) for a in expression.args]
        while len(args) > 2:
            args[:2] = [f"{name}({args[0]}, {args[1]})"]
        return f"{name}({', '.join(args)})"

    return text


def _piecewise(expression):
    *cases, (last, _) = expression.args
    text = _text(last)
    for value, condition in reversed(cases):
        text = f"({_text(value)} if {_text(condition)} else {text})"
    return text


_PRINTERS = {
    "Add": _add,
    "Mul": _mul,
    "Pow": _pow,
    "Piecewise": _piecewise,
    "And": _join(" and "),
    "Or": _join(" or "),
    "StrictLessThan": _join(" < "),
    "LessThan": _join(" <= "),
    "StrictGreaterThan": _join(" > "),
    "GreaterThan": _join(" >= "),
    "Equality": _join(" == "),
    "Unequality": _join(" != "),
    "Not": lambda e: f"(not {_text(e.args[0])})",
    "BooleanTrue": lambda e: "True",
    "BooleanFalse": lambda e: "False",
    "exp": _call("exp"),
    "log": _call("log"),
    "Abs": _call("abs"),
    "Max": _call("max"),
    "Min": _call("min"),
    "Symbol": lambda e: e.name,
}
