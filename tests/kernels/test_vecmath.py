"""exp, log, power and the other functions against mpmath, in units of the last place."""

import mpmath
import numpy as np
import pytest
from numba import njit

from pkpd.kernels import vecmath


@njit(error_model="numpy", fastmath={"contract"})
def over_exp(x, out):
    for i in range(x.size):
        out[i] = vecmath.exp(x[i])


@njit(error_model="numpy", fastmath={"contract"})
def over_log(x, out):
    for i in range(x.size):
        out[i] = vecmath.log(x[i])


@njit(error_model="numpy", fastmath={"contract"})
def over_power(x, h, out):
    for i in range(x.size):
        out[i] = vecmath.power(x[i], h[i])


@njit(error_model="numpy", fastmath={"contract"})
def over_power_of_states(x, h, largest, out):
    for i in range(x.size):
        out[i] = vecmath.power_of_states(x[i], h[i], largest[i])


@njit(error_model="numpy")
def over_lifted_power(x, h, largest, out):
    for i in range(x.size):
        base = x[i] if np.floor(h[i]) == h[i] else vecmath.lifted(x[i], largest[i])
        out[i] = vecmath.power(base, h[i])


def over(function):
    """A loop over one function of one number."""

    @njit(error_model="numpy", fastmath={"contract"})
    def loop(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    return loop


def apply(loop, *args):
    args = [np.asarray(a, dtype=float) for a in args]
    out = np.empty_like(args[0])
    loop(*args, out)
    return out


def ulps(values, exact):
    """Distance in units of the last place of each finite, exactly known value."""
    with mpmath.workdps(40):
        return np.array(
            [
                float(abs(mpmath.mpf(float(v)) - e) / mpmath.mpf(float(np.spacing(abs(float(e))))))
                for v, e in zip(values, exact, strict=True)
            ]
        )


def exact(function, *args):
    with mpmath.workdps(40):
        return [function(*(mpmath.mpf(float(a)) for a in row)) for row in zip(*args, strict=True)]


rng = np.random.default_rng(1)
FINITE = np.concatenate(
    [rng.uniform(-745.0, 709.7, 3000), rng.uniform(-1, 1, 3000), 10.0 ** -rng.uniform(0, 300, 500)]
)
POSITIVE = np.concatenate(
    [
        np.exp(rng.uniform(-708, 709, 3000)),
        rng.uniform(0.5, 2.0, 3000),
        1 + 10.0 ** -rng.uniform(1, 15, 500),
        5e-324 * rng.integers(1, 2**50, 200),
    ]
)


def test_exp_is_within_two_ulp_over_the_whole_range_with_subnormal_results():
    assert ulps(apply(over_exp, FINITE), exact(mpmath.exp, FINITE)).max() <= 2.0


def test_log_is_within_two_ulp_over_the_whole_range_with_subnormal_arguments():
    assert ulps(apply(over_log, POSITIVE), exact(mpmath.log, POSITIVE)).max() <= 2.0


def test_power_is_within_two_plus_h_ln_x_ulp():
    x = np.exp(rng.uniform(-30, 30, 4000))
    h = rng.uniform(-8, 8, 4000)
    error = ulps(apply(over_power, x, h), exact(mpmath.power, x, h))
    assert (error <= 2.0 + 1.1 * np.abs(h * np.log(x))).all()


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (0.0, 1.0),
        (-0.0, 1.0),
        (np.inf, np.inf),
        (-np.inf, 0.0),
        (np.nan, np.nan),
        (709.79, np.inf),
        (-745.2, 0.0),
        (1e300, np.inf),
        (-1e300, 0.0),
    ],
)
def test_exp_at_the_edges(x, expected):
    np.testing.assert_equal(apply(over_exp, [x])[0], expected)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (0.0, -np.inf),
        (-0.0, -np.inf),
        (1.0, 0.0),
        (np.inf, np.inf),
        (-1.0, np.nan),
        (-np.inf, np.nan),
        (np.nan, np.nan),
    ],
)
def test_log_at_the_edges(x, expected):
    np.testing.assert_equal(apply(over_log, [x])[0], expected)


@pytest.mark.parametrize("x", [0.0, 5e-324, 0.3, 1.0, 2.5, np.inf, np.nan, -0.3, -1.0, -2.5])
@pytest.mark.parametrize("h", [-3.0, -2.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 10.0, 2.0**53])
def test_power_at_the_edges_and_below_zero_is_numpys(x, h):
    with np.errstate(divide="ignore", over="ignore", invalid="ignore", under="ignore"):
        expected = np.power(x, h)
    np.testing.assert_allclose(apply(over_power, [x], [h])[0], expected, rtol=1e-12)


def test_a_base_of_states_counts_as_zero_just_below_it_alone():
    largest = 3.0
    near, far, unknown = -0.009 * largest, -0.011 * largest, -5.0
    powers = apply(
        over_power_of_states, [near, far, near, far], [0.7, 0.7, 3.0, 2.0], [largest] * 4
    )
    np.testing.assert_allclose(powers, [0.0, np.nan, near**3, far**2], rtol=1e-13)
    assert apply(over_power_of_states, [unknown], [0.7], [0.0]) == 0.0


def test_a_power_of_states_is_the_power_of_the_lifted_base_to_the_bit():
    special = [0.0, -0.0, 5e-324, -1e-3, 0.5, -0.5, 1.0, -1.0, 1.7, -2.0, 3.0, -3.0, 2.0**53]
    special += [np.inf, -np.inf, np.nan]
    grid = [part.ravel() for part in np.meshgrid(special, special, [0.0, 0.05, 3.0, np.nan])]
    found, expected = apply(over_power_of_states, *grid), apply(over_lifted_power, *grid)
    np.testing.assert_array_equal(found, expected)
    number = ~np.isnan(found)
    np.testing.assert_array_equal(np.signbit(found[number]), np.signbit(expected[number]))


TINY = 10.0 ** -rng.uniform(0, 300, 500)
NEAR_ZEROS = rng.integers(1, 600_000_000, 1000) * np.pi / 2  # of sine or cosine
ANGLES = np.concatenate(
    [rng.uniform(-(2.0**30), 2.0**30, 2000), rng.uniform(-10, 10, 2000), NEAR_ZEROS, TINY]
)
SMOOTH = np.concatenate([rng.uniform(-25, 25, 2000), rng.uniform(-1.2, 1.2, 3000), TINY])
# function, its points, largest error in ulp, value at infinity
FUNCTIONS = [
    ("sin", ANGLES, 2.0, np.nan),
    ("cos", ANGLES, 2.0, np.nan),
    ("tan", ANGLES, 4.0, np.nan),
    ("tanh", SMOOTH, 4.0, 1.0),
    ("erf", SMOOTH, 2.0, 1.0),
]


@pytest.mark.parametrize(("name", "points", "most", "far"), FUNCTIONS)
def test_functions_are_as_exact_as_they_say_in_vector_code(name, points, most, far):
    loop = over(getattr(vecmath, name))
    assert ulps(apply(loop, points), exact(getattr(mpmath, name), points)).max() <= most
    np.testing.assert_equal(apply(loop, [np.inf, np.nan]), [far, np.nan])
    np.testing.assert_array_equal(apply(loop, [0.0]), [1.0 if name == "cos" else 0.0])
    assembly = next(iter(loop.inspect_asm().values()))
    assert any(register in assembly for register in ("zmm", "ymm", "v0.2d"))


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_an_angle_too_large_for_its_reduction_has_no_value(name):
    assert np.isnan(apply(over(getattr(vecmath, name)), [1.1e9, -1.1e9, -np.inf])).all()


@pytest.mark.parametrize("slope", [1 / 24, 0.1, 1 / 3, -1 / 24, -0.1])
@pytest.mark.parametrize("rest", [0.0, 0.25, -7.0, 1 / 3])
def test_a_floor_of_the_time_jumps_once_at_each_of_its_times_in_turn(slope, rest):
    time, whole = 0.0, None
    for _ in range(500):
        now, then = vecmath.whole_part(time, rest, slope)
        middle = 0.5 * (time + then)
        assert now == np.floor(rest + slope * middle) and then > time
        assert whole is None or now == whole + np.sign(slope)
        time, whole = then, now


@pytest.mark.parametrize(("loop", "arguments"), [(over_exp, 1), (over_log, 1), (over_power, 2)])
def test_a_loop_over_lanes_becomes_vector_instructions(loop, arguments):
    apply(loop, *[np.ones(8)] * arguments)
    assembly = next(iter(loop.inspect_asm().values()))
    assert any(register in assembly for register in ("zmm", "ymm", "v0.2d"))
