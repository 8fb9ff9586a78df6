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
    dosed = {model.state_names.index(d.state) for d in model.doses}
    # a state without a rate is given from outside, such as an input that moves
    dosed = {i for i in dosed if not is_number(rates[i], 0.0)}
    # a number without a unit is an amount only where its equation says so
    found = {i for i in dosed if model.states[i].unit != "1" or _only_fills(i, rates[i], {})}
    while True:
        filled = {f"y{i}": 1 for i in found}
        more = {i for i, r in enumerate(rates) if i not in found and _only_fills(i, r, filled)}
        more = {i for i in more if _is_amount(model, i)}
        if not more:
            return tuple(sorted(found))
        found |= more


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
    if node.kind == "sum":
        return _common(args)
    if node.kind == "product":
        return _product(args, len(args) - node.value)
    if node.kind in ("exp", "square", "abs"):
        return 0 if node.kind != "exp" and args[0] == 0 else 1
    if node.kind == "sqrt" or (node.kind == "power" and args[1] == 1):
        return args[0] if args[0] in (0, 1) else None
    if node.kind in ("tanh", "erf", "floor"):
        return args[0]
    if node.kind in ("min", "max"):
        return _common(args)
    return _common(args[1:]) if node.kind == "choice" else None


def _common(signs):
    """The sign that all have, zeros apart."""
    apart = {s for s in signs if s != 0}
    return apart.pop() if len(apart) == 1 else None if apart else 0


def _product(signs, factors):
    if 0 in signs[:factors]:
        return 0
    if None in signs or 0 in signs:
        return None
    total = 1
    for s in signs:
        total *= s
    return total
