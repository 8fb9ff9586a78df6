"""Units of measurement: dimensions for the checker, factors for everyone else. Pint does the work and is loaded only when needed."""

from functools import cache

from pkpd.errors import PkpdError

# what nearly every run asks for, answered without loading Pint (0.2 s)
_COMMON = {"g": {"g": 1.0, "mg": 1e-3, "ug": 1e-6, "ng": 1e-9}, "h": {"h": 1.0, "min": 1 / 60, "d": 24.0, "wk": 168.0}}


@cache
def _registry():
    import pint

    registry = pint.UnitRegistry(cache_folder=None)
    registry.define("NRS = [pain]")  # points of the 0-10 numerical rating scale
    registry.define("@alias week = wk")
    return registry


@cache
def dimension(unit):
    """Dimensions of a unit text and its size in base units: ((("kilogram", 1.0), ...), scale).

    Raises PkpdError for a text that is no unit.
    """
    if len(unit) > 60 or any(c not in _LETTERS for c in unit):
        raise PkpdError(f"'{unit[:60]}' is not a unit.")
    try:
        base = _registry().Quantity(1.0, "" if unit == "1" else unit).to_base_units()
    except Exception as error:
        raise PkpdError(f"'{unit}' is not a unit Pint knows; write for example mg, ng/mL, L/h, 1/h or 1.") from error
    dims = tuple(sorted((str(u), round(float(p), 9)) for u, p in base.unit_items()))
    return dims, float(base.magnitude)


_LETTERS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/*^()%._- ")


def factor(source, target):
    """What a number in `source` units is multiplied by to be in `target` units.

    Raises PkpdError where the dimensions differ or a text is no unit.
    """
    if source == target:
        return 1.0
    for table in _COMMON.values():
        if source in table and target in table:
            return tidy(table[source] / table[target])
    (dims, scale), (wanted, size) = dimension(source), dimension(target)
    if dims != wanted:
        raise PkpdError(f"'{source}' cannot be turned into '{target}': the dimensions differ.")
    return tidy(scale / size)


def tidy(number):
    """Drop the rounding noise of a product of powers of ten."""
    return float(f"{number:.15g}")
