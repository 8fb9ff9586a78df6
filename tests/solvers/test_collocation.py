"""Periodic steady states by collocation: tables, closed forms, other solvers, bits, bad cases."""

import ast
import sys
from dataclasses import replace
from pathlib import Path

import mpmath
import numpy as np
import pandas as pd
import pytest
from numba import njit
from scipy.optimize import minimize_scalar

import pkpd
from pkpd.dosing.actions import ADD, RATE, Actions
from pkpd.kernels.cascade import cascade, components
from pkpd.kernels.lanevector import WIDTH
from pkpd.population.cohort import cohort
from pkpd.response.benefit import benefit_of
from pkpd.response.grid import Steady, dose_grid, log_grid
from pkpd.solvers import batch, status
from pkpd.solvers.collocation import kernels, steady
from pkpd.solvers.collocation.kernel import blocks, extremes, frame
from pkpd.solvers.collocation.kernel import days as days_by_panels
from pkpd.solvers.collocation.kernel import rows as written_rows
from pkpd.solvers.collocation.nodes import LADDER, NODES, interval_start, panels, radau, refinement
from pkpd.solvers.periodic import periodic

sys.path.insert(0, str(Path(__file__).parents[1]))
from drawn_models import drawn_model

MODELS = Path(__file__).parents[2] / "models"
NAMES = sorted(str(p.relative_to(MODELS))[:-5] for p in MODELS.rglob("*.toml"))
# linear kinetics are tested on closed forms below; these have the blocks of with_opioid, and
# explanations those of rebound and glia
# equations that know when the last dose came are solved in steps: dosing/test_absorption
REMEMBERING = ("absorption/inverse_gaussian", "absorption/transit", "absorption/weibull")
TWINS = ("ldn/crushed_capsule", "ldn/opioid", "ldn/tramadol", "ldn/ultra_low_dose")
QUICK = ("ldn/hormesis", "pd/glia", "pd/rebound")
LIBRARY = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in NAMES
    if not name.startswith(("pk/", "explanations/")) and name not in TWINS + REMEMBERING
]
DAY = 24.0


def doses(rows, times, amounts, states=0, kind=ADD):
    """The same doses for every row: times and amounts (A,)."""
    count = len(times)
    start = np.arange(rows + 1) * count
    shape = rows * count
    return Actions(
        start.astype(np.int64),
        np.tile(np.asarray(times, float), rows),
        np.full(shape, kind, np.int8),
        np.tile(np.broadcast_to(states, count), rows).astype(np.int32),
        np.tile(np.asarray(amounts, float), rows),
    )


def written(folder, text, name="model"):
    path = folder / f"{name}.toml"
    path.write_text(text)
    return pkpd.load(str(path))


def model_text(equations, parameters, dosed="a", outputs="a"):
    lines = [
        f'{name} = {{ value = {value}, unit = "{unit}", label = "{name}", source = "test", '
        'evidence = "assumed" }'
        for name, value, unit in parameters
    ]
    return (
        f'title = "test"\noutputs = ["{outputs}"]\n[dose]\n{dosed} = {{ unit = "mg" }}\n'
        "[parameters]\n" + "\n".join(lines) + "\n[equations]\ne = '''\n" + equations + "\n'''\n"
    )


def test_nodes_are_those_of_radau():
    """Zeros of P_s - P_(s-1) on [0, 1], to 30 digits."""
    nodes, _ = radau(NODES)
    with mpmath.workdps(30):

        def difference(x):
            return mpmath.legendre(NODES, x) - mpmath.legendre(NODES - 1, x)

        exact = [(mpmath.findroot(difference, 2 * c - 1) + 1) / 2 for c in nodes]
        assert max(abs(mpmath.mpf(c) - e) for c, e in zip(nodes, exact, strict=True)) < 1e-15


def test_the_matrix_integrates_polynomials_and_the_end_those_of_twice_the_degree():
    nodes, a = radau(NODES)
    for degree in range(NODES):
        np.testing.assert_allclose(
            a @ nodes**degree, nodes ** (degree + 1) / (degree + 1), atol=1e-14
        )
    for degree in range(2 * NODES - 1):
        assert a[-1] @ nodes**degree == pytest.approx(1 / (degree + 1), abs=1e-14)


TIMES = np.array([[0.0, 8.0], [0.5, 0.5], [1.0, 23.0]])


@pytest.mark.parametrize("coarse", LADDER)
def test_panels_fill_the_interval_from_the_first_dose_and_begin_at_doses(coarse):
    lengths = panels(TIMES, np.full(3, DAY), coarse)
    assert (lengths >= 0).all()
    ends = np.cumsum(lengths, axis=1)
    np.testing.assert_allclose(ends[:, -1], DAY)
    since = TIMES[:, 1] - TIMES[:, 0]
    np.testing.assert_allclose(ends[:, 2 * coarse - 1], since, atol=1e-12)


@pytest.mark.parametrize("coarse", LADDER)
def test_a_polynomial_passes_from_a_panel_to_its_halves_and_to_the_interval_start(coarse):
    """Given at the coarser nodes, it is found at the finer ones and at time 0."""
    points, _ = radau(NODES)
    wanted = np.polynomial.Polynomial(np.random.default_rng(1).normal(size=NODES + 1) / 24.0)
    fine = panels(TIMES, np.full(3, DAY), coarse)
    ends = np.cumsum(fine, axis=1)
    begins = TIMES[:, :1] + np.hstack([np.zeros((3, 1)), ends[:, :-1]])
    given = np.concatenate([[0.0], points])
    scaled = wanted.convert(domain=[0.0, 48.0], window=[0.0, 1.0])
    widths = fine[:, ::2] + fine[:, 1::2]
    known = scaled(begins[:, ::2, None] + widths[:, :, None] * given)
    weights = refinement(2, coarse)
    found = np.einsum("pij,npj->npi", weights, np.repeat(known, 2, axis=1))
    np.testing.assert_allclose(
        found, scaled(begins[:, :, None] + fine[:, :, None] * points), rtol=1e-9
    )
    panel, reading = interval_start(TIMES, np.full(3, DAY), coarse)
    there = np.einsum("nj,nj->n", reading, known[np.arange(3), panel])
    np.testing.assert_allclose(there, scaled(DAY), rtol=1e-9)


def test_components_come_after_what_they_depend_on():
    depends = [[], [0, 2], [1], [2, 4], [3, 0], [4, 5]]
    found = components(depends)
    assert sorted(map(sorted, found)) == [[0], [1, 2], [3, 4], [5]]
    place = {i: k for k, part in enumerate(found) for i in part}
    assert all(place[j] <= place[i] for i in range(6) for j in depends[i])


def test_blocks_of_the_built_in_model():
    model = pkpd.load("ldn/hormesis")
    found = cascade(model, ("pain",))
    names = [tuple(model.state_names[i] for i in b.states) for b in found.blocks]
    assert ("central", "peripheral") in names and ("glial_activation", "cytokine") in names
    kinds = {name: (b.linear, b.constant) for name, b in zip(names, found.blocks, strict=True)}
    assert kinds["central", "peripheral"] == (True, True)
    assert kinds["blockade",] == (True, False)
    assert kinds["glial_activation", "cytokine"] == (False, False)
    assert found.regular and len(names) == 9


@pytest.mark.parametrize("lag", [0.0, 0.75, 30.0])
def test_the_periodic_bateman_function(lag):
    """Amounts at the start of the interval, from the sum of all past doses."""
    model = pkpd.load("pk/one_compartment")
    people = cohort(model, 16, seed=3, set={"tlag": lag})
    kernel = batch.compile(model, integrals=("Cc",), collocates=True)
    theta = people.theta
    value = dict(zip(model.input_names, theta.T, strict=True))
    when, amount = lag % DAY, 10.0
    given = doses(16, [when], [amount])
    found = periodic(kernel, theta, np.arange(16), given, DAY, rtol=1e-8)
    ka, k = value["ka"], value["cl"] / value["vc"]
    since = DAY - when
    sums = [np.exp(-x * since) / (1 - np.exp(-x * DAY)) for x in (ka, k)]
    np.testing.assert_allclose(found.y[:, 0], amount * sums[0], rtol=1e-7, atol=1e-8 * amount)
    np.testing.assert_allclose(
        found.y[:, 1], amount * ka / (ka - k) * (sums[1] - sums[0]), rtol=1e-7
    )
    # all of a dose leaves through clearance
    np.testing.assert_allclose(found.integral[:, 0], 1000 * amount / (value["cl"]), rtol=1e-7)
    assert (found.status == status.OK).all() and (found.maps == 1).all()


def test_equations_that_know_their_doses_are_solved_in_steps():
    models = {name: pkpd.load(name) for name in NAMES}
    assert tuple(name for name, model in models.items() if model.memory) == REMEMBERING
    for name in REMEMBERING:
        assert batch.compile(models[name], collocates=True).collocation is None


@pytest.mark.parametrize("name", LIBRARY)
def test_library_models_agree_with_steps_at_every_tolerance(name):
    model = pkpd.load(name)
    if not model.doses:
        pytest.fail(f"{name} cannot be dosed")
    people = cohort(model, 8, seed=5)
    given = doses(8, [0.25], [3.0])
    output = (model.benefit.outcome,) if model.benefit else model.outputs[:1]
    by_steps = batch.compile(model, model.state_names, integrals=output)
    exact = periodic(by_steps, people.theta, np.arange(8), given, DAY, rtol=1e-11, tol=1e-10)
    assert (exact.status == status.OK).all()
    kernel = batch.compile(model, integrals=output, collocates=True)
    assert kernel.collocation is not None
    # exact steps of a linear model go from dose to dose, past what lies between
    hours = np.linspace(0.0, DAY, 97)
    run = batch.solve(by_steps, people.theta, None, exact.y, 0.0, DAY, given, rtol=1e-9, grid=hours)
    largest = np.abs(run.out).max(axis=1)
    for tol in (1e-4, 1e-6, 1e-8):
        found = periodic(kernel, people.theta, np.arange(8), given, DAY, rtol=tol)
        assert (found.status == status.OK).all() and (found.maps == 1).all()
        assert (np.abs(found.y - exact.y) <= 10 * tol * largest).all()
        np.testing.assert_allclose(found.integral, exact.integral, rtol=10 * tol)


def test_dose_responses_are_those_of_steps():
    model = pkpd.load("ldn/hormesis")
    people, benefit = cohort(model, 24, seed=11), benefit_of(model)
    grid = log_grid(benefit, 7)
    exact = dose_grid(Steady(model, people, benefit, rtol=1e-9, solver="vern7"), grid)
    found = dose_grid(Steady(model, people, benefit), grid)
    np.testing.assert_allclose(found.outcome, exact.outcome, rtol=1e-6)
    assert (found.maps == 1).all()


def test_a_row_has_the_same_bits_alone_in_any_order_and_on_any_threads():
    model = pkpd.load("ldn/hormesis")
    people = cohort(model, 21, seed=2)
    kernel = batch.compile(model, integrals=("pain",), collocates=True)
    person = np.repeat(np.arange(21), 3)
    amounts = np.tile([0.1, 4.5, 40.0], 21)

    def solved(rows, threads=1):
        start = np.arange(len(rows) + 1).astype(np.int64)
        given = Actions(
            start,
            np.full(len(rows), 0.3),
            np.full(len(rows), ADD, np.int8),
            np.zeros(len(rows), np.int32),
            amounts[rows],
        )
        found = periodic(kernel, people.theta, person[rows], given, DAY, threads=threads)
        return np.column_stack([found.y, found.integral])

    everything = solved(np.arange(63))
    # whatever others have left in the work array
    batch.scratch(kernel.collocation.SIZE)[:] = np.nan
    np.testing.assert_array_equal(everything, solved(np.arange(63)))
    np.testing.assert_array_equal(everything, solved(np.arange(63), threads=4))
    backward = np.arange(63)[::-1]
    np.testing.assert_array_equal(everything[backward], solved(backward))
    some = np.array([5, 17, 18, 44])
    np.testing.assert_array_equal(everything[some], solved(some))
    for row in some:
        np.testing.assert_array_equal(everything[[row]], solved(np.array([row])))


SATURABLE = model_text(
    "d/dt(a) = -ka*a : mg\nd/dt(b) = ka*a - vmax*b/(km + b) : mg",
    [("ka", 1.0, "1/h"), ("vmax", 1.0, "mg/h"), ("km", 5.0, "mg")],
    outputs="b",
)


def test_saturable_elimination_is_solved_below_capacity_and_refused_above(tmp_path):
    """Capacity is vmax: 24 mg a day. Neighbours of a refused row have the bits they have alone."""
    model = written(tmp_path, SATURABLE)
    amounts = np.array([1.0, 12.0, 23.0, 24.0, 30.0, 2.0])
    kernel = batch.compile(model, integrals=("b",), collocates=True)
    theta = np.tile([i.value for i in model.inputs], (6, 1))

    def solved(rows):
        given = doses(len(rows), [0.0], [1.0])
        given.amount[:] = amounts[rows]
        return periodic(kernel, theta[rows], np.arange(len(rows)), given, DAY, rtol=1e-8)

    found = solved(np.arange(6))
    assert list(found.status == status.OK) == [True, True, True, False, False, True]
    assert np.isnan(found.y[[3, 4]]).all()
    by_steps = batch.compile(model, integrals=("b",))
    given = doses(6, [0.0], [1.0])
    given.amount[:] = amounts
    exact = periodic(by_steps, theta, np.arange(6), given, DAY, rtol=1e-11, tol=1e-10)
    np.testing.assert_array_equal(found.status, exact.status)
    good = found.status == status.OK
    np.testing.assert_allclose(found.integral[good], exact.integral[good], rtol=1e-7)
    for row in (0, 1, 5):
        alone = solved(np.array([row]))
        np.testing.assert_array_equal(alone.y[0], found.y[row])
        assert alone.error[0] == found.error[row]


def test_several_doses_a_day_into_two_states():
    model = pkpd.load("pk/one_compartment")
    people = cohort(model, 8, seed=9)
    given = doses(8, [0.0, 6.0, 14.5], [5.0, 3.0, 8.0], states=[0, 1, 0])
    exact = periodic(
        batch.compile(model, integrals=("Cc",)), people.theta, np.arange(8), given, DAY, rtol=1e-10
    )
    kernel = batch.compile(model, integrals=("Cc",), collocates=True)
    found = periodic(kernel, people.theta, np.arange(8), given, DAY, rtol=1e-8)
    assert (found.maps == 1).all()
    np.testing.assert_allclose(found.y, exact.y, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found.integral, exact.integral, rtol=1e-7)


def test_infusions_are_left_to_the_steps():
    model = pkpd.load("pk/one_compartment")
    people = cohort(model, 4, seed=9)
    given = doses(4, [0.0, 2.0], [5.0, 0.0], states=1, kind=RATE)
    kernel = batch.compile(model, integrals=("Cc",), collocates=True)
    found = periodic(kernel, people.theta, np.arange(4), given, DAY)
    exact = periodic(
        batch.compile(model, integrals=("Cc",)), people.theta, np.arange(4), given, DAY
    )
    np.testing.assert_array_equal(found.y, exact.y)
    assert (found.maps > 1).all()


def test_models_that_switch_or_name_the_time_are_left_to_the_steps(tmp_path):
    parameters = [("k", 0.2, "1/h"), ("c", 1.0, "mg"), ("day", 24.0, "h")]
    switching = written(
        tmp_path, model_text("d/dt(a) = -k*a if a > c else -2*k*a : mg", parameters)
    )
    timed = written(tmp_path, model_text("d/dt(a) = -k*a*exp(-t/day) : mg", parameters), "timed")
    # and are refused there, as a jump that no step could end at
    jumping = written(tmp_path, model_text("d/dt(a) = -k*c*floor(a/c) : mg", parameters), "jumping")
    for model in (switching, timed, jumping):
        assert batch.compile(model, collocates=True).collocation is None


def test_an_unstable_steady_state_is_left_to_the_steps(tmp_path):
    """Logistic growth from 0: the state 0 repeats itself, but nothing that leaves it comes back."""
    text = model_text(
        "b(0) = 0 : 1\nd/dt(a) = -k*a : mg\nd/dt(b) = k*b*(1 - b) : 1", [("k", 0.1, "1/h")]
    )
    model = written(tmp_path, text)
    theta = np.array([[i.value for i in model.inputs]])

    def solved(collocates):
        kernel = batch.compile(model, integrals=("a",), collocates=collocates)
        return periodic(kernel, theta, np.arange(1), doses(1, [0.0], [1.0]), DAY)

    found, by_steps = solved(True), solved(False)
    np.testing.assert_array_equal(found.y, by_steps.y)
    assert found.maps[0] == by_steps.maps[0] > 1


def test_a_block_that_blows_up_has_the_status_that_steps_give_it(tmp_path):
    """Growth with the square of a state: beyond a dose it is infinite within a day."""
    text = model_text(
        "d/dt(a) = -k*a : mg\nd/dt(b) = k*a - r*b + r*b*b/c : mg",
        [("k", 0.5, "1/h"), ("r", 0.2, "1/h"), ("c", 10.0, "mg")],
        outputs="b",
    )
    model = written(tmp_path, text)
    theta = np.array([[i.value for i in model.inputs]])
    amounts = np.array([1.0, 200.0, 3.0, 60.0, 8.0])

    def solved(rows, collocates=True):
        given = doses(len(rows), [0.0], [1.0])
        given.amount[:] = amounts[rows]
        kernel = batch.compile(model, integrals=("b",), collocates=collocates)
        return periodic(kernel, theta, np.zeros(len(rows), np.int64), given, DAY)

    everybody = np.arange(len(amounts))
    found, by_steps = solved(everybody), solved(everybody, collocates=False)
    np.testing.assert_array_equal(found.status, by_steps.status)
    fine = found.status == status.OK
    assert 0 < fine.sum() < len(amounts) and np.isnan(found.y[~fine]).all()
    np.testing.assert_allclose(found.integral[fine], by_steps.integral[fine], rtol=1e-5)
    np.testing.assert_array_equal(found.y[fine], solved(everybody[fine]).y)


@pytest.mark.parametrize("state", [0, 1])
def test_extremes_are_those_of_the_bateman_function_and_of_a_bolus(state):
    """Dosed by mouth or into a vein; the largest value by SciPy, the smallest before the dose."""
    model = pkpd.load("pk/one_compartment")
    people = cohort(model, 16, seed=3)
    kernel = batch.compile(model, integrals=("Cc",), extremes=("Cc",), collocates=True)
    given = doses(16, [0.0], [10.0], states=state)
    found = periodic(kernel, people.theta, np.arange(16), given, DAY, rtol=1e-6, watch=True)
    value = dict(zip(model.input_names, people.theta.T, strict=True))
    assert (found.maps == 1).all()
    for k in range(16):
        ka, v = value["ka"][k], value["vc"][k]
        rate = value["cl"][k] / v

        def level(t, ka=ka, rate=rate, v=v):
            slow, fast = (np.exp(-x * t) / (1 - np.exp(-x * DAY)) for x in (rate, ka))
            amount = 10.0 * (slow if state else ka / (ka - rate) * (slow - fast))
            return 1000.0 * amount / v

        peak = minimize_scalar(
            lambda t, level=level: -level(t), bounds=(0, DAY), options={"xatol": 1e-9}
        )
        largest = level(0.0) if state else -peak.fun
        np.testing.assert_allclose(
            found.extremes[k, 0], [largest, level(DAY if state else 0.0)], rtol=1e-6
        )


def days_by(solver, model, people, dose):
    """(P,) days to most of the effect, and (P,) what the effect is."""
    rows, amount = np.arange(len(people)), np.full(len(people), dose)
    steady = Steady(model, people, benefit_of(model), solver=solver)
    zero, treated = steady.at(rows, 0.0 * amount), steady.at(rows, amount)
    mean = steady.mean(zero)
    return steady.days_to_most(rows, amount, zero.y, mean, treated), steady.mean(treated) - mean


def test_days_to_steady_state_are_those_of_simulated_days():
    model = pkpd.load("ldn/hormesis")
    people = cohort(model, 24, seed=11)
    (found, effect), (days, _) = (days_by(each, model, people, 3.0) for each in ("auto", "vern7"))
    # without any response there is nothing to wait for
    moved = np.abs(effect) > 1e-3
    np.testing.assert_array_equal(found[moved], days[moved])
    assert moved.sum() > 15 and found[moved].max() > 10


def test_days_on_panels_too_coarse_for_a_steep_effect_are_those_of_simulated_days(tmp_path):
    """A fast effect of power 8 ends each day near 0, where the panels see it somewhere else, and a
    slow one adds up their errors."""
    text = model_text(
        "d/dt(a) = -k*a : mg\nx = a/e : 1\nblock = x**h/(1 + x**h) : 1\n"
        "d/dt(f) = kf*(block - f) : 1\nd/dt(s) = ks*(f**2 - s) : 1\npain = 6 - 5*s : 1",
        [
            ("k", 0.3, "1/h"),
            ("e", 1.0, "mg"),
            ("h", 8.0, "1"),
            ("kf", 1.0, "1/h"),
            ("ks", 0.01, "1/h"),
        ],
        outputs="pain",
    )
    benefit = 'outcome = "pain"\nbetter = "lower"\ninto = "a"\nevery = "24 h"\ndoses = "1:1000 mg"'
    model = written(tmp_path, f'{text}\n[benefit]\n{benefit}\ndelta = "1 %"\n')
    people = cohort(model, covariates=pd.DataFrame({"k": np.linspace(0.15, 0.5, 24)}))
    for dose in (30.0, 150.0):
        found, days = (days_by(each, model, people, dose)[0] for each in ("auto", "tsit5"))
        np.testing.assert_array_equal(found, days)
        assert 5 < days.min() < days.max() < 20


@pytest.mark.slow
def test_days_of_saturable_elimination_are_not_those_of_amounts_below_0(tmp_path):
    """Long panels before a late dose have solutions below 0, too, which repeat themselves."""
    text = model_text(
        "d/dt(a) = -k*a/(km + a) : mg\nd/dt(b) = r*(a/km - b) : 1\npain = 5 - b : 1",
        [("k", 2.0, "mg/h"), ("km", 3.0, "mg"), ("lag", 6.0, "h"), ("r", 0.02, "1/h")],
        outputs="pain",
    )
    text = text.replace('a = { unit = "mg" }', 'a = { unit = "mg", lag = "lag" }')
    benefit = 'outcome = "pain"\nbetter = "lower"\ninto = "a"\nevery = "12 h"\ndoses = "1:20 mg"'
    model = written(tmp_path, f'{text}\n[benefit]\n{benefit}\ndelta = "1 %"\n')
    people = cohort(model, covariates=pd.DataFrame({"lag": np.linspace(0.5, 11.5, 24)}))
    found, days = (days_by(each, model, people, 12.5)[0] for each in ("auto", "vern7"))
    np.testing.assert_array_equal(found, days)
    assert np.isfinite(days).all()


def test_of_two_stable_states_the_one_that_treatment_ends_in_is_found(tmp_path):
    """A loop that holds itself: small doses leave it low, large ones lift it for good.

    Compared with 400 simulated days from the start; doses near the fold are left out.
    """
    text = model_text(
        "b(0) = 0 : mg\nd/dt(a) = -k*a : mg\nd/dt(b) = r*a + v*b**4/(c**4 + b**4) - r*b : mg",
        [("k", 0.3, "1/h"), ("r", 0.1, "1/h"), ("v", 0.2, "mg/h"), ("c", 1.0, "mg")],
        outputs="b",
    )
    model = written(tmp_path, text)
    theta = np.array([[i.value for i in model.inputs]])
    amounts = np.array([0.2, 0.5, 1.0, 2.0, 8.0, 16.0, 40.0])
    rows = np.zeros(len(amounts), np.int64)
    given = doses(len(amounts), [0.0], [1.0])
    given.amount[:] = amounts
    kernel = batch.compile(model, integrals=("b",), collocates=True)
    found = periodic(kernel, theta, rows, given, DAY, rtol=1e-6)
    y = np.zeros((len(amounts), 2))
    for _ in range(400):
        y = batch.solve(kernel, theta, rows, y, 0.0, DAY, given, rtol=1e-9).end
    assert (found.status == status.OK).all()
    np.testing.assert_allclose(found.y[:, 1], y[:, 1], rtol=1e-5)
    low, high = y[0, 1], y[-1, 1]
    assert high > 10 * low


def test_halving_panels_shows_the_order():
    """The error at the end falls at least as with the power s + 1 of the panels' length."""
    model = pkpd.load("ldn/hormesis")
    people = cohort(model, 8, seed=4)
    kernel = batch.compile(model, integrals=("pain",), collocates=True)
    given, each = doses(8, [0.0], [1.0]), np.arange(8)
    exact = periodic(kernel, people.theta, each, given, DAY, rtol=1e-10)
    errors = []
    for coarse in (2, 4, 8):
        found = replace(exact, y=np.full_like(exact.y, np.nan))
        what = people.theta, each, given, np.full(8, DAY), each, coarse, found
        limits = {"tol": np.inf, "settled": 1e-11, "guesses": np.empty((0, exact.y.shape[1]))}
        steady._attempt(kernel.collocation, *what, **limits, threads=1, watch=False)
        errors.append(np.abs(found.y - exact.y)[:, -1].max() / exact.y[:, -1].max())
    assert errors[1] < errors[0] / 2 ** (NODES - 2) and errors[2] < errors[1] / 2 ** (NODES - 2), (
        errors
    )


@njit
def largest(matrix):
    """Size of the largest eigenvalue of a matrix (m, m), as compiled code finds it."""
    if len(matrix) == 2:
        (a, b), (c, d) = matrix
        return written_rows.largest_of_two(a, b, c, d)
    w = np.zeros(matrix.size * WIDTH)
    w[::WIDTH] = matrix.ravel()
    return written_rows.largest_of_many(w, 0, len(matrix))


@pytest.mark.parametrize("m", [2, 3, 4, 6])
def test_the_largest_eigenvalue_is_that_of_linear_algebra(m):
    """Of matrices with real and with complex eigenvalues, nearly equal ones, none but 0, and what
    is no number."""
    rng = np.random.default_rng(m)
    drawn = [rng.normal(size=(m, m)) * 10.0 ** rng.uniform(-8, 8) for _ in range(50)]
    close = np.diag(1.0 - 1e-7 * np.arange(m)) + np.triu(np.full((m, m), 0.5), 1)
    rotation = 0.99 * np.roll(np.eye(m), 1, axis=0)
    for matrix in (*drawn, close, rotation, np.eye(m)):
        exact = np.abs(np.linalg.eigvals(matrix)).max()
        np.testing.assert_allclose(largest(matrix), exact, rtol=3e-8)
    assert largest(np.zeros((m, m))) == 0.0
    assert largest(np.triu(np.ones((m, m)), 1)) == 0.0
    for bad in (np.nan, np.inf):
        rows = np.eye(m)
        rows[0, m - 1] = bad
        assert not largest(rows) < np.inf


def asked_for(module):
    """What the loop imports from its frame."""
    tree = ast.parse(Path(module.__file__).read_text())
    imports = [n for n in tree.body if isinstance(n, ast.ImportFrom)]
    return {a.name for n in imports if n.module == frame.__name__ for a in n.names}


@pytest.mark.parametrize("name", ["pk/one_compartment", "ldn/hormesis"])
def test_the_header_defines_what_the_loop_asks_for_and_the_frame_describes_no_more(name):
    tree = ast.parse(kernels.source(pkpd.load(name), ()))
    defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    targets = [t for n in tree.body if isinstance(n, ast.Assign) for t in n.targets]
    defined |= {t.id for t in targets if isinstance(t, ast.Name)}
    asked = set().union(*map(asked_for, (blocks, days_by_panels, extremes, written_rows)))
    assert asked <= defined
    described = {n for n in vars(frame) if not n.startswith("_") and n != "np"}
    assert described == asked


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 11, 23])
def test_drawn_models_agree_with_steps(tmp_path, seed):
    """Chains, loops, Hill terms, saturable elimination; two doses into two states."""
    model = written(tmp_path, drawn_model(seed))
    people, each = cohort(model, 8, seed=1), np.arange(8)
    into = [model.state_names.index(name) for name in ("depot", "central")]
    given = doses(8, [0.0, 9.5], [4.0, 2.5], states=into)
    kernel = batch.compile(model, integrals=("effect",), solver="vern7")
    exact = periodic(kernel, people.theta, each, given, DAY, rtol=1e-11, tol=1e-10)
    largest = batch.solve(kernel, people.theta, None, exact.y, 0.0, DAY, given, rtol=1e-8).largest
    kernel = batch.compile(model, integrals=("effect",), collocates=True)
    for tol in (1e-4, 1e-6, 1e-9):
        found = periodic(kernel, people.theta, each, given, DAY, rtol=tol)
        assert (found.status == exact.status).all() and (found.maps == 1).all()
        assert (np.abs(found.y - exact.y) <= 10 * tol * largest).all()
        np.testing.assert_allclose(found.integral, exact.integral, rtol=10 * tol)
