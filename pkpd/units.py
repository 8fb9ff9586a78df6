"""Units of measurement as text: dimensions for the checker, factors for everyone else.

A unit text is a product of names with powers (`ng/mL`, `1/(nM*h)`, `m**2`, `%`, `1`). The field's
usual names are listed here; any other is looked up in Pint, which is loaded only then (0.2 s).
Knows texts of units; knows nothing of expressions or models.
"""

import re
from functools import cache
from typing import Any

from pkpd.errors import PkpdError

LONGEST = 60
HEAVY = {("[mass]", 1.0): 999.0, ("[substance]", 1.0): 1e6}  # kg, mol
HIGHEST_POWER = 99  # of one name; products of equations reach higher powers than anybody writes
MICRO = str.maketrans("\u00b5\u03bc", "uu")  # the micro sign and the Greek letter
_TOKEN = re.compile(r"\s*(?:(?P<name>[^\W\d]\w*|%)|(?P<number>\d+)|(?P<sign>\*\*|[*/()^-]))")

Factors = tuple[tuple[str, int], ...]  # names and powers
Measure = tuple[tuple[tuple[str, float], ...], float]  # dimensions and size in base units
Token = tuple[str | None, str]  # kind and text
_MASS = ("[mass]", 1.0)
_TIME = ("[time]", 1.0)
_VOLUME = ("[length]", 3.0)
_AMOUNT = ("[substance]", 1.0)
_MOLAR = (("[length]", -3.0), _AMOUNT)
# What nearly every model uses, so that it is checked without Pint:
# name -> (dimensions, size in kg, m, s, mol)
_COMMON = {
    "kg": ((_MASS,), 1.0),
    "g": ((_MASS,), 1e-3),
    "mg": ((_MASS,), 1e-6),
    "ug": ((_MASS,), 1e-9),
    "mcg": ((_MASS,), 1e-9),
    "ng": ((_MASS,), 1e-12),
    "pg": ((_MASS,), 1e-15),
    "s": ((_TIME,), 1.0),
    "min": ((_TIME,), 60.0),
    "h": ((_TIME,), 3600.0),
    "d": ((_TIME,), 86400.0),
    "wk": ((_TIME,), 604800.0),
    "L": ((_VOLUME,), 1e-3),
    "dL": ((_VOLUME,), 1e-4),
    "mL": ((_VOLUME,), 1e-6),
    "uL": ((_VOLUME,), 1e-9),
    "mol": ((_AMOUNT,), 1.0),
    "mmol": ((_AMOUNT,), 1e-3),
    "umol": ((_AMOUNT,), 1e-6),
    "nmol": ((_AMOUNT,), 1e-9),
    "pmol": ((_AMOUNT,), 1e-12),
    "M": (_MOLAR, 1e3),
    "mM": (_MOLAR, 1.0),
    "uM": (_MOLAR, 1e-3),
    "nM": (_MOLAR, 1e-6),
    "pM": (_MOLAR, 1e-9),
    "%": ((), 0.01),
    "NRS": ((("[pain]", 1.0),), 1.0),
}


@cache
def powers(unit: str) -> Factors:
    """((name, power), ...) of a unit text, sorted by name; "1" is ().

    Raises PkpdError for a text that is no unit.
    """
    tokens = _tokens(unit)
    factors, end = _product(tokens, 0, unit)
    if end != len(tokens):
        raise _not_a_unit(unit)
    return tuple(sorted((name, power) for name, power in factors.items() if power))


def _not_a_unit(unit: object) -> PkpdError:
    return PkpdError(
        f"'{str(unit)[:LONGEST]}' is not a unit; "
        "write for example mg, ng/mL, L/h, 1/(nM*h), or 1 for none."
    )


def _tokens(unit: str) -> list[Token]:
    if not isinstance(unit, str) or not unit.strip() or len(unit) > LONGEST:
        raise _not_a_unit(unit)
    tokens, at, text = [], 0, unit.strip().translate(MICRO)
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _not_a_unit(unit)
        tokens.append((match.lastgroup, match.group().strip()))
        at = match.end()
    return tokens


def _product(tokens: list[Token], at: int, unit: str) -> tuple[dict[str, int], int]:
    """Powers of factors joined by * and /, from token `at` on, and where they end."""
    product: dict[str, int] = {}
    sign = 1
    while True:
        factors, at = _factor(tokens, at, unit)
        for name, power in factors.items():
            product[name] = product.get(name, 0) + sign * power
        if at >= len(tokens) or tokens[at][1] not in ("*", "/"):
            return product, at
        sign = -1 if tokens[at][1] == "/" else 1
        at += 1


def _factor(tokens: list[Token], at: int, unit: str) -> tuple[dict[str, int], int]:
    """Powers of one factor, a name, 1 or a bracket with its power, and where it ends."""
    kind, text = tokens[at] if at < len(tokens) else ("", "")
    if text == "(":
        factors, at = _product(tokens, at + 1, unit)
        if at >= len(tokens) or tokens[at][1] != ")":
            raise _not_a_unit(unit)
    elif kind == "name":
        factors = {text: 1}
    elif text == "1":
        factors = {}
    else:
        raise _not_a_unit(unit)
    exponent, at = _exponent(tokens, at + 1, unit)
    return {name: power * exponent for name, power in factors.items()}, at


def _exponent(tokens: list[Token], at: int, unit: str) -> tuple[int, int]:
    """The exponent that begins at a token, 1 where none does, and where it ends."""
    texts = [text for _, text in tokens[at : at + 3]]
    if texts[:1] not in (["**"], ["^"]):
        return 1, at
    at += 2 if texts[1:2] == ["-"] else 1
    kind, text = tokens[at] if at < len(tokens) else ("", "")
    if kind != "number" or int(text) > HIGHEST_POWER:
        raise _not_a_unit(unit)
    return (-int(text) if texts[1] == "-" else int(text)), at + 1


def text(factors: Any) -> str:
    """Unit text of ((name, power), ...), numerator first: "mg/L", "1/(h*nM)"."""

    def side(items: list[tuple[str, float]]) -> str:
        return "*".join(name if power == 1 else f"{name}**{power:g}" for name, power in items)

    above = [(n, p) for n, p in factors if p > 0]
    below = [(n, -p) for n, p in factors if p < 0]
    tail = f"({side(below)})" if len(below) > 1 else side(below)
    return (side(above) or "1") + (f"/{tail}" if below else "")


@cache
def measure(factors: tuple[tuple[str, float], ...]) -> Measure:
    """Dimensions and size in base units of ((name, power), ...): ((("[mass]", 1.0), ...), size)."""
    dims: dict[str, float] = {}
    size = 1.0
    for name, power in factors:
        base, scale = _COMMON[name] if name in _COMMON else _looked_up(name)
        for dimension, exponent in base:
            dims[dimension] = dims.get(dimension, 0.0) + power * exponent
        size *= scale**power
    # rounding: thirds and halves of powers must cancel
    return tuple(sorted((d, round(p, 9)) for d, p in dims.items() if abs(p) > 1e-9)), size


@cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(cache_folder=None)


@cache
def _looked_up(name: str) -> Measure:
    """Dimensions and size of one name from Pint.

    Refuses temperatures with an offset and decibels, which have no factor.
    """
    quantity = _registry().Quantity
    try:
        one = quantity(1.0, name).to_base_units()
        none = quantity(0.0, name).to_base_units()
    except Exception as error:
        raise PkpdError(
            f"'{name}' is not a unit that Pint knows; "
            "write for example mg, ng/mL, L/h, 1/(nM*h), or 1 for none."
        ) from error
    if none.magnitude != 0.0:
        raise PkpdError(
            f"'{name}' has an offset or a logarithm in it; use a unit that scales, such as kelvin."
        )
    dims = tuple(sorted((d, float(p)) for d, p in one.dimensionality.items()))
    return dims, float(one.magnitude)


def dimension(unit: str) -> Measure:
    """Dimensions of a unit text and its size in base units.

    Raises PkpdError for a text that is no unit.
    """
    return measure(powers(unit))


def check_dose(unit: str) -> None:
    """Raises PkpdError for a dose in tonnes or megamoles: "Mg" is seldom meant for "mg"."""
    for name, power in powers(unit):
        dimensions, size = measure(((name, 1),))
        if power == 1 and len(dimensions) == 1 and size >= HEAVY.get(dimensions[0], float("inf")):
            usual = f"m{name[1:]}" if name.startswith("M") else "kg"
            much = "1,000 kg" if dimensions[0] == _MASS else "1,000,000 mol"
            raise PkpdError(
                f"A dose in '{unit}': {name} is at least {much}. Did you mean '{usual}'?"
            )


def factor(source: str, target: str) -> float:
    """What a number in `source` units is multiplied by to be in `target` units.

    Raises PkpdError where the dimensions differ or a text is no unit.
    """
    if source == target:
        return 1.0
    (dims, size), (wanted, target_size) = dimension(source), dimension(target)
    if dims != wanted:
        raise PkpdError(f"'{source}' cannot be converted to '{target}': the dimensions differ.")
    return tidy(size / target_size)


def tidy(number: float) -> float:
    """Drop the rounding noise of a product of powers of ten."""
    return float(f"{number:.14g}")
