"""States that cannot fall below 0, from a model's equations.

A dosed amount cannot, nor can what only such amounts flow into. Knows nodes of expressions and
units; knows nothing of steps or lanes.
"""

from pkpd import units
from pkpd.errors import PkpdError
from pkpd.kernels.graph import Node, is_number, parts


def never_negative(model, rates):
    """Places of the states that cannot fall below 0, in order.

    rates : node of the rate of each state
    """
    found = set(_dosed_amounts(model, rates))
    while True:
        filled = {f"y{i}": 1 for i in found}
        others = set(range(len(rates))) - found
        more = {i for i in others if _only_fills(i, rates[i], filled) and _is_amount(model, i)}
        if not more:
            return tuple(sorted(found))
        found |= more


def _dosed_amounts(model, rates):
    """Places of the dosed states that cannot fall below 0 as long as doses are not negative."""
    for dosed in model.doses:
        place = model.state_names.index(dosed.state)
        # a state without a rate is given from outside, such as an input that moves
        if is_number(rates[place], 0.0):
            continue
        # a number without a unit is an amount only where its equation says so
        if model.states[place].unit != "1" or _only_fills(place, rates[place], {}):
            yield place


def _only_fills(place, rate, filled):
    """Whether an empty state is filled by these others alone, or not at all."""
    own = {f"y{place}": 0}
    return sign(rate, dict.fromkeys(filled, 0) | own) == 0 and sign(rate, filled | own) in (0, 1)


def _is_amount(model, place):
    """Whether a state is an amount, or an amount in a volume, like what is dosed."""
    unit = model.states[place].unit
    for dose in model.doses:
        for kind in (dose.unit, f"{dose.unit}/L"):
            try:
                units.factor(unit, kind)
            except PkpdError:
                continue
            return True
    return False


def sign(root, signs):
    """1 where a node is 0 or more whatever its names are, -1 where 0 or less, 0 where 0, else None.

    signs : name -> sign; other moving names have any sign, and inputs are above 0
    """
    found: dict[Node, int | None] = {}
    for node in parts([root], lambda n: True):
        found[node] = _sign(node, [found[a] for a in node.args], signs)
    return found[root]


def _sign(node, args, signs):
    if node.kind == "number":
        return (node.value > 0.0) - (node.value < 0.0)
    if node.kind == "name":
        return signs.get(node.value) if node.moves else 1
    if node.kind == "product":
        return _product(args, len(args) - node.value)
    return _SIGNS[node.kind](args) if node.kind in _SIGNS else None


def _common(signs):
    """The sign that all have, zeros apart."""
    apart = {s for s in signs if s != 0}
    return apart.pop() if len(apart) == 1 else None if apart else 0


def _of_root(signs):
    return signs[0] if signs[0] in (0, 1) else None


_SIGNS = {
    "sum": _common,
    "min": _common,
    "max": _common,
    "choice": lambda signs: _common(signs[1:]),
    "exp": lambda signs: 1,
    "square": lambda signs: 0 if signs[0] == 0 else 1,
    "abs": lambda signs: 0 if signs[0] == 0 else 1,
    "sqrt": _of_root,
    "power": lambda signs: _of_root(signs) if signs[1] == 1 else None,
    "tanh": lambda signs: signs[0],
    "erf": lambda signs: signs[0],
    "floor": lambda signs: signs[0],
}


def _product(signs, factors):
    if 0 in signs[:factors]:
        return 0
    if None in signs or 0 in signs:
        return None
    total = 1
    for s in signs:
        total *= s
    return total
