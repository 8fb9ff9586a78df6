"""Variable projection against SciPy: NNLS for the coefficients, many starts for the rest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, nnls

from pkpd.fits.curves import CURVES
from pkpd.fits.variable_projection import Points, derivatives, non_negative, project, search, total

X = np.log([0.1, 0.3, 1.0, 3.0, 10.0, 30.0])


def points(seed, constant="none"):
    rng = np.random.default_rng(seed)
    doses = np.exp(X)
    y = (1.0 + rng.uniform(0.2, 2.0) * doses) / (
        1.0 + (doses / rng.uniform(0.5, 5.0)) ** rng.uniform(1.3, 4.0)
    )
    root = rng.uniform(0.5, 2.0, len(X))
    return Points(X, (y + rng.normal(0.0, 0.1, len(X))) * root, root, constant)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_coefficients_are_those_of_scipy_nnls(seed, count):
    rng = np.random.default_rng(seed)
    wide, y = rng.normal(size=(4, count, 7)) + rng.uniform(0.0, 2.0), rng.normal(size=7)
    beta, left = non_negative(wide, y)
    for row in range(4):
        expected, norm = nnls(wide[row].T, y)
        np.testing.assert_allclose(beta[row], expected, atol=1e-9)
        assert np.sqrt(left[row] @ left[row]) == pytest.approx(norm, rel=1e-9)


def test_a_free_constant_takes_any_sign():
    y = -3.0 - np.arange(6.0)
    wide = np.stack([np.ones(6), np.arange(6.0)])[None]
    beta, left = non_negative(wide, y, free=True)
    assert beta[0, 0] == pytest.approx(y.mean()) and beta[0, 1] == 0.0
    np.testing.assert_allclose(left[0], y - y.mean())


def test_dependent_columns_change_nothing():
    y, column = np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 2.0])
    _, left = non_negative(np.stack([column, 2 * column])[None], y)
    _, alone = non_negative(column[None, None], y)
    np.testing.assert_allclose(left, alone, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["log-logistic", "brain-cousens", "crs-0.5", "opposed-emax", "log-gaussian"]
)
@pytest.mark.parametrize("seed, constant", [(1, "none"), (2, "free")])
def test_no_start_of_scipy_finds_a_better_curve(name, seed, constant):
    parameterisation, data = CURVES[name].parameterisation(3.0), points(seed, constant)
    found = search(parameterisation, data, np.zeros(1))

    def rss(theta):
        inside = np.clip(theta, *parameterisation.box.T)
        with np.errstate(all="ignore"):
            shapes = parameterisation.shapes(np.zeros(1), inside[None, :], X[None, :])[0]
        if constant == "free":  # of either sign
            shapes = np.vstack([np.ones(len(X)), -np.ones(len(X)), shapes])
        return nnls((shapes * data.root).T, data.y)[1] ** 2

    rng = np.random.default_rng(seed)
    best = min(
        minimize(
            rss,
            rng.uniform(-3.0, 3.0, len(parameterisation.box)),
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-14},
        ).fun
        for _ in range(8)
    )
    assert found.rss[0] <= best * (1.0 + 1e-6)  # along a ridge (K1 = K2) more digits are noise
    assert rss(found.theta[0]) == pytest.approx(found.rss[0], rel=1e-8)


def test_derivatives_are_those_of_rss():
    parameterisation, data = CURVES["brain-cousens"].parameterisation(3.0), points(3)
    theta, zero = np.array([[0.3, 0.2]]), np.zeros(1)
    gradient, square, bend = derivatives(
        parameterisation, data, zero, theta, project(parameterisation, data, zero, theta)[1]
    )

    def rss(*at):
        return float(total(project(parameterisation, data, zero, np.array([at]))[1])[0])

    h = 1e-3
    slope = (rss(0.3 + h, 0.2) - rss(0.3 - h, 0.2)) / (2 * h)
    mixed = (
        rss(0.3 + h, 0.2 + h)
        - rss(0.3 + h, 0.2 - h)
        - rss(0.3 - h, 0.2 + h)
        + rss(0.3 - h, 0.2 - h)
    ) / (4 * h * h)
    assert 2 * gradient[0, 0] == pytest.approx(slope, rel=1e-4)
    assert 2 * (square + bend)[0, 0, 1] == pytest.approx(mixed, rel=1e-4)
