"""Units: what is read, what equals what (against Pint), and what is refused."""

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pkpd import units
from pkpd.errors import PkpdError

REGISTRY = pint.UnitRegistry(cache_folder=None)
NAMES = sorted(
    set(units._COMMON) - {"%", "NRS", "d", "M", "mM", "uM", "nM", "pM", "wk"}
)  # Pint reads the same letters the same way
products = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(-3, 3).filter(bool)), min_size=1, max_size=4
)


@given(products)
def test_size_of_a_product_is_that_of_pint(parts):
    text = "*".join(f"{name}**{power}" for name, power in parts)
    expected = REGISTRY.Quantity(1.0, text).to_base_units()
    dims, size = units.dimension(text)
    in_moles = dict(dims).get("[substance]", 0.0)
    assert size == pytest.approx(float(expected.magnitude), rel=1e-12)
    assert in_moles == pytest.approx(float(expected.dimensionality.get("[substance]", 0.0)))


@given(products)
def test_a_unit_written_out_again_is_the_same_unit(parts):
    factors = units.powers("*".join(f"{name}**{power}" for name, power in parts))
    assert units.powers(units.text(factors)) == factors


@pytest.mark.parametrize(
    ("source", "target", "factor"),
    [
        ("mg/L", "ng/mL", 1e3),
        ("nM", "nmol/L", 1.0),
        ("1/h", "1/d", 24.0),
        ("1/(nM*h)", "L/(nmol*h)", 1.0),
        ("%", "1", 0.01),
        ("wk", "h", 168.0),
        ("lb", "kg", 0.45359237),
        ("L/min", "L/h", 60.0),
        ("(mg/L)**2", "(ng/mL)^2", 1e6),
    ],
)
def test_factors(source, target, factor):
    assert units.factor(source, target) == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "mg//L",
        "2 mg",
        "mg L",
        "mg**100",
        "mg**",
        "(mg",
        "mg)",
        "a.b",
        "__import__('os')",
        "bananas",
        "mg" * 50,
        None,
        3,
    ],
)
def test_a_text_that_is_no_unit_is_refused(text):
    with pytest.raises(PkpdError, match="is not a unit"):
        units.dimension(text)


def test_a_unit_with_an_offset_or_logarithm_has_no_factor():
    for text in ("degC", "dBm"):
        with pytest.raises(PkpdError, match="offset or a logarithm"):
            units.dimension(text)


def test_differing_dimensions_are_refused():
    with pytest.raises(PkpdError, match="'mL' cannot be converted to 'mg': the dimensions differ"):
        units.factor("mL", "mg")
