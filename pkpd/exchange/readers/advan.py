"""Rates of the compartments that NONMEM's ADVAN1-5, 7 and 10-12 solve by closed forms.

Source: NONMEM Users Guide, Part VI (PREDPP), chapters III and VII. Knows the parameters of each
TRANS; knows nothing of records.
"""

import ast
import re

from pkpd.errors import PkpdError
from pkpd.exchange.readers import linear, trees

LINEAR = {
    "ADVAN1": ("CENTRAL",),
    "ADVAN2": ("DEPOT", "CENTRAL"),
    "ADVAN3": ("CENTRAL", "PERIPHERAL"),
    "ADVAN4": ("DEPOT", "CENTRAL", "PERIPHERAL"),
    "ADVAN10": ("CENTRAL",),
    "ADVAN11": ("CENTRAL", "PERIPHERAL1", "PERIPHERAL2"),
    "ADVAN12": ("DEPOT", "CENTRAL", "PERIPHERAL1", "PERIPHERAL2"),
}
GENERAL = ("ADVAN5", "ADVAN7")
DES = ("ADVAN6", "ADVAN8", "ADVAN9", "ADVAN13", "ADVAN14", "ADVAN15")
_CONSTANT = re.compile(r"K(?:(\d)(\d)|(\d+)T(\d+))\Z")


def rates(method, trans, order, known):
    """name -> tree of each compartment's slope in terms of the parameters of $PK.

    known : names that $PK assigns. Raises PkpdError where one is missing.
    """
    if method in GENERAL:
        return _general(order, known)
    if method == "ADVAN10":
        vm, km, amount = (_given(n, known) for n in ("VM", "KM", "A(1)"))
        return {
            "CENTRAL": trees.negative(
                trees.divide(trees.multiply(vm, amount), trees.add(km, amount))
            )
        }
    depot = method in ("ADVAN2", "ADVAN4", "ADVAN12")
    constants = _constants(method, trans, known, depot)
    found = linear.rates(order, constants, depot=depot)
    places = {name: trees.name(f"A({k})") for k, name in enumerate(order, 1)}
    return {name: trees.replaced(tree, places) for name, tree in found.items()}


def _given(name, known):
    if name not in known:
        raise PkpdError(f"$PK does not assign {name}")
    return trees.name(name)


def _constants(method, trans, known, depot):
    """ka, k, k12, k21, k13, k31 in terms of the parameters of a TRANS."""

    def of(name):
        return _given(name, known)

    shift = int(depot)
    central, first, second = 1 + shift, 2 + shift, 3 + shift
    found = {"ka": of("KA")} if depot else {}
    peripherals = {"ADVAN3": 1, "ADVAN4": 1, "ADVAN11": 2, "ADVAN12": 2}.get(method, 0)
    pairs = [("2", first), ("3", second)][:peripherals]
    if trans == 1:
        return found | _by_constants(of, central, pairs)
    if trans == 2 and not peripherals:
        return found | {"k": trees.divide(of("CL"), of("V"))}
    if trans == 4 and peripherals:
        return found | _by_flows(of, central, pairs)
    if peripherals == 1 and trans in (3, 5, 6):
        return found | _of_one_peripheral(trans, of, f"K{first}{central}")
    raise PkpdError(f"{method} with TRANS{trans} is not carried over")


def _of_one_peripheral(trans, of, back):
    """TRANS3, 5 and 6. back : name of the rate constant from the peripheral compartment"""
    return _by_volume_at_steady_state(of) if trans == 3 else _of_slopes(trans, of, back)


def _by_constants(of, central, pairs):
    """TRANS1."""
    found = {"k": of("K")}
    for short, place in pairs:
        found[f"k1{short}"] = of(f"K{central}{place}")
        found[f"k{short}1"] = of(f"K{place}{central}")
    return found


def _by_flows(of, central, pairs):
    """TRANS4."""
    volume = of(f"V{central}")
    found = {"k": trees.divide(of("CL"), volume)}
    for short, place in pairs:
        flow = of("Q" if len(pairs) == 1 else f"Q{place}")
        found[f"k1{short}"] = trees.divide(flow, volume)
        found[f"k{short}1"] = trees.divide(flow, of(f"V{place}"))
    return found


def _by_volume_at_steady_state(of):
    """TRANS3."""
    flow, volume = of("Q"), of("V")
    other = trees.binary(of("VSS"), ast.Sub(), volume)
    return {
        "k": trees.divide(of("CL"), volume),
        "k12": trees.divide(flow, volume),
        "k21": trees.divide(flow, other),
    }


def _of_slopes(trans, of, back_name):
    """Constants of the slopes ALPHA and BETA, with AOB or the constant back to the center."""
    alpha, beta = of("ALPHA"), of("BETA")
    if trans == 5:
        above = trees.add(trees.multiply(of("AOB"), beta), alpha)
        back = trees.divide(above, trees.add(of("AOB"), trees.number(1.0)))
    else:
        back = of(back_name)
    out = trees.divide(trees.multiply(alpha, beta), back)
    total = trees.binary(trees.add(alpha, beta), ast.Sub(), back)
    return {"k": out, "k21": back, "k12": trees.binary(total, ast.Sub(), out)}


def _general(order, known):
    """Slopes of ADVAN5 and 7: K12 or K1T2 from compartment 1 to 2, to 0 out of the body."""
    gains: dict[int, list] = {k: [] for k in range(1, len(order) + 1)}
    for name, source, target in _flows(known):
        if source not in gains or target not in (0, *gains):
            raise PkpdError(f"{name} is between no compartments")
        flow = trees.multiply(trees.name(name), trees.name(f"A({source})"))
        gains[source].append(trees.negative(flow))
        if target:
            gains[target].append(flow)
    return {name: trees.add(*gains[k]) for k, name in enumerate(order, 1)}


def _flows(known):
    """(name, source, target) of each constant of flow."""
    for name in sorted(known):
        found = _CONSTANT.match(name)
        if found:
            yield name, int(found[1] or found[3]), int(found[2] or found[4])
