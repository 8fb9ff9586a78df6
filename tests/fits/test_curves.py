"""All parameterisations of a curve agree: peaks, zero-equivalent doses and heights.

Against closed forms and fine grids.
"""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pkpd.fits.curves import CURVES
from pkpd.fits.data import assay
from pkpd.fits.least_squares import fit_one

SPAN = 3.0
HORMETIC = [c for c in CURVES.values() if c.hormetic]
RETURNING = [c for c in HORMETIC if c.returns]
share = st.floats(0.0, 1.0)


def evaluate(parameterisation, value, theta, x):
    """The only shape of a form, at log doses x."""
    with np.errstate(all="ignore"):
        return parameterisation.shapes(
            np.array([value]), np.asarray(theta, float)[None, :], np.asarray(x, float)[None, :]
        )[0, 0]


def inside(parameterisation, shares):
    """A theta in the middle part of the box of a form."""
    low, high = (
        np.clip(parameterisation.box[:, 0], -4.0, None),
        np.clip(parameterisation.box[:, 1], None, 2.5),
    )
    return low + (high - low) * np.array(shares[: len(low)])


def names(curve):
    return curve.name


@pytest.mark.parametrize("curve", HORMETIC, ids=names)
@given(value=st.floats(-2.0, 2.0), shares=st.lists(share, min_size=4, max_size=4))
@settings(max_examples=30, deadline=None)
def test_a_peak_parameterisation_has_its_maximum_at_its_value(curve, value, shares):
    parameterisation = curve.peak_parameterisation(SPAN)
    theta = inside(parameterisation, shares)
    near = value + np.linspace(-3.0, 3.0, 601)
    found = evaluate(parameterisation, value, theta, near)
    if np.isfinite(found).all():  # NaN: no slope below 100 peaks there
        top = evaluate(parameterisation, value, theta, [value])[0]
        assert (found <= top + 1e-9 * abs(top)).all()


@pytest.mark.parametrize("curve", RETURNING, ids=names)
@given(value=st.floats(-2.0, 2.0), shares=st.lists(share, min_size=4, max_size=4))
@settings(max_examples=30, deadline=None)
def test_a_zero_parameterisation_is_at_its_control_at_its_value_and_keeps_falling(
    curve, value, shares
):
    parameterisation = curve.zero_parameterisation(SPAN)
    theta = inside(parameterisation, shares)
    control, there, beyond = evaluate(
        parameterisation, value, theta, [-np.inf, value, value + 0.01]
    )
    if np.isfinite(there):
        assert there == pytest.approx(control, rel=1e-9, abs=1e-12)
        assert beyond <= there + 1e-12


@pytest.mark.parametrize("c, sign", [("none", 1.0), ("free", 1.0), ("free", -1.0)])
@pytest.mark.parametrize("curve", HORMETIC, ids=names)
@given(value=st.floats(-3.0, 1.0), shares=st.lists(share, min_size=4, max_size=4))
@settings(max_examples=10, deadline=None)
def test_a_rise_parameterisation_is_as_high_over_its_control_as_its_value(
    curve, c, sign, value, shares
):
    for parameterisation in curve.rise_parameterisations(SPAN, c, sign):
        theta = inside(parameterisation, shares)
        control, *found = evaluate(
            parameterisation, value, theta, [-np.inf, *np.linspace(-12.0, 12.0, 2401), *theta]
        )  # the peak is one of theta
        if np.isfinite(found).all() and abs(control) > 1e-6 * np.ptp(found) > 0.0:
            assert (max(found) - control) / (sign * control) == pytest.approx(
                np.exp(value), rel=2e-3
            )


def test_brain_cousens_with_b_2_and_c_0_has_the_peak_of_a_quadratic():
    d, f, e = 1.3, 0.8, 2.5
    peak, zero = CURVES["brain-cousens"].peak_and_zero(np.array([0.0, np.log(e)]), np.array([d, f]))
    assert np.exp(peak) == pytest.approx((-d + np.sqrt(d**2 + f**2 * e**2)) / f, rel=1e-12)
    assert np.exp(zero) == pytest.approx(f * e**2 / d, rel=1e-12)


@pytest.mark.parametrize("h, k1, k2", [(1.0, 0.5, 30.0), (2.5, 4.0, 4.0), (3.0, 10.0, 0.2)])
def test_a_hill_product_with_equal_slopes_peaks_at_the_geometric_mean(h, k1, k2):
    peak, _ = CURVES["hill-product"].peak_and_zero(np.log([h, k1, h, k2]), np.array([1.0]))
    assert np.exp(peak) == pytest.approx(np.sqrt(k1 * k2), rel=1e-12)


def test_opposed_emax_curves_peak_where_their_slopes_cancel():
    a, b, k1, k2 = 4.0, 5.0, 1.0, 30.0
    peak, zero = np.exp(CURVES["opposed-emax"].peak_and_zero(np.log([k1, k2]), np.array([a, b])))
    assert a * k1 / (k1 + peak) ** 2 == pytest.approx(b * k2 / (k2 + peak) ** 2, rel=1e-12)
    assert a * zero / (k1 + zero) == pytest.approx(b * zero / (k2 + zero), rel=1e-12)


@pytest.mark.parametrize("name", ["crs-1", "crs-0.5", "crs-0.25", "brain-cousens"])
@given(
    b=st.floats(1.2, 6.0), e=st.floats(0.3, 8.0), step=st.floats(0.1, 2.0), f=st.floats(0.05, 10.0)
)
@settings(max_examples=25, deadline=None)
def test_peak_and_zero_are_those_of_a_fine_grid(name, b, e, step, f):
    curve = CURVES[name]
    theta = np.array([np.log(b - curve.least), np.log(e)])
    x = np.linspace(-12.0, 12.0, 24001)
    with np.errstate(all="ignore"):
        low, high = curve.parameterisation(SPAN).shapes(np.zeros(1), theta[None, :], x[None, :])[0]
    values = step * low + f * high
    peak, zero = curve.peak_and_zero(theta, np.array([step, f]))
    above = np.flatnonzero(values > step * (1.0 + 1e-9))
    if len(above) and x[0] < peak < x[-1]:
        assert peak == pytest.approx(x[np.argmax(values)], abs=2e-3)
        assert zero > x[-1] or zero == pytest.approx(x[above[-1]], abs=2e-3)


@pytest.mark.parametrize("curve", CURVES.values(), ids=names)
@pytest.mark.parametrize("middle", [0.35, 0.5])
def test_a_fit_of_its_own_points_gives_a_curve_back(curve, middle):
    doses = np.append(0.0, np.geomspace(np.exp(-SPAN), np.exp(SPAN), 24))
    parameterisation = curve.parameterisation(SPAN)
    theta = inside(parameterisation, [middle, 0.4, 0.5, 0.7])
    with np.errstate(divide="ignore"):
        shapes = parameterisation.shapes(np.zeros(1), theta[None, :], np.log(doses)[None, :])[0]
    response = 1.0 + shapes.sum(axis=0)
    found = fit_one(assay((doses, response)), curve.name, c="free", intervals=(), look=False)
    np.testing.assert_allclose(found.predict(doses), response, atol=1e-5 * np.ptp(response))


@pytest.mark.parametrize("curve", HORMETIC, ids=names)
@given(shares=st.lists(share, min_size=4, max_size=4), data=st.data())
@settings(max_examples=50, deadline=None)
def test_nothing_beats_the_peak_of_a_curve(curve, shares, data):
    parameterisation = curve.parameterisation(SPAN)
    theta = inside(parameterisation, shares)
    size = st.floats(0.1, 10.0)
    count = len(curve.linear) - 1
    beta = np.array(data.draw(st.lists(size, min_size=count, max_size=count)))
    peak, zero = curve.peak_and_zero(theta, beta)
    assume(np.isfinite(peak))
    x = np.concatenate([[-np.inf, peak], [zero], np.linspace(-12.0, 12.0, 2401)])
    with np.errstate(all="ignore"):
        shapes = parameterisation.shapes(np.zeros(1), theta[None, :], x[None, :])[0]
    control, top, back, *others = beta @ shapes
    rounding = 1e-9 * np.abs(top) + 1e-12 * beta.sum()
    assert top >= max(control, *others) - rounding
    if np.isfinite(zero):
        assert zero > peak and back == pytest.approx(control, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("curve", CURVES.values(), ids=names)
def test_each_curve_states_equation_source_and_numbers(curve):
    assert curve.equation.startswith("c + ") and curve.source
    assert all(
        name in curve.equation for name in (*curve.nonlinear, *curve.linear[-1:][0].split("-"))
    )
    assert 2 <= len(curve.nonlinear) <= 4
    parameterisation = curve.parameterisation(SPAN)
    assert len(parameterisation.nodes) == len(parameterisation.box) == len(curve.nonlinear)
    assert parameterisation.shapes(
        np.zeros(2), np.tile(parameterisation.box.mean(axis=1), (2, 1)), np.zeros((1, 5))
    ).shape == (2, len(curve.linear) - 1, 5)
