"""Large models: loops in place of written-out lines, the same bits, and sums that are known."""

import math

import numpy as np
import pytest
from scipy.special import gammaln

from pkpd.dosing.actions import ADD, Actions
from pkpd.errors import PkpdError
from pkpd.population.cohort import cohort
from pkpd.simulation import simulate
from pkpd.solvers import explicit
from pkpd.solvers.batch import compile, solve
from pkpd.symbolic.load import load


def chain(folder, states, rate="k*{0}", x="x"):
    """A dose on its way through a chain of equal compartments x0, x1, ..., at a rate."""
    flows = [rate.format(f"{x}{i}") for i in range(states)]
    lines = [f"d/dt({x}0) = -{flows[0]} : mg"]
    lines += [f"d/dt({x}{i}) = {flows[i - 1]} - {flows[i]} : mg" for i in range(1, states)]
    path = folder / "chain.toml"
    path.write_text(
        f'title = "chain"\noutputs = ["{x}0", "{x}{states - 1}"]\n'
        f'[dose]\n{x}0 = {{ unit = "mg" }}\n[parameters]\n'
        'k = { value = 0.8, unit = "1/h", iiv = { cv = 0.3 }, label = "k", source = "test", '
        'evidence = "assumed" }\n'
        'm = { value = 2.0, unit = "mg", label = "m", source = "test", evidence = "assumed" }\n'
        f"[equations]\ne = '''\n" + "\n".join(lines) + "\n'''\n"
    )
    return load(str(path))


def dose(rows):
    """1 mg into the first state of every row at time 0."""
    each, none = np.ones(rows), np.zeros(rows)
    kinds = np.full(rows, ADD, np.int8), none.astype(np.int32)
    return Actions(np.arange(rows + 1), none, *kinds, each)


@pytest.mark.parametrize("states", [16, pytest.param(100, marks=pytest.mark.slow)])
def test_a_large_linear_model_is_solved_in_steps(tmp_path, states):
    """The amounts are those of a gamma distribution, exp(-kt) (kt)^n / n!."""
    model = chain(tmp_path, states)
    people = cohort(model, 5, seed=3)
    result = simulate(model, "1 mg", people, [0.0, 3.0, 20.0])
    kt = people.theta[:, :1] * result.times
    last = states - 1
    expected = np.stack(
        [np.exp(-kt), np.exp(last * np.log(kt + 1e-300) - kt - math.lgamma(states))]
    )
    np.testing.assert_allclose(result.values, np.moveaxis(expected, 0, 2), rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("solver, most", [("vern7", 200), ("tsit5", 500), ("rosenbrock", 900)])
def test_a_chain_that_starts_empty_is_entered_in_few_steps(tmp_path, solver, most):
    """Its end grows like the 19th power of the time, of which no first step has a small relative
    error. Amounts are those of a gamma distribution, exp(-kt) (kt)^n / n!."""
    model = chain(tmp_path, 20)
    kernel = compile(model, observe=model.state_names, solver=solver)
    theta, times = cohort(model, 3, seed=3).theta, np.array([0.05, 0.5, 3.0, 24.0])
    run = solve(kernel, theta, t1=24.0, actions=dose(3), grid=times, rtol=1e-6)
    kt = theta[:, 0, None, None] * times[:, None]
    place = np.arange(20)
    exact = np.exp(place * np.log(kt) - kt - gammaln(place + 1))
    largest = np.exp(place * np.log(np.maximum(place, 1)) - place - gammaln(place + 1))
    np.testing.assert_array_less(np.abs(run.out - exact), 5e-6 * (exact + 0.01 * largest))
    assert run.steps.max() < most


@pytest.mark.parametrize("solver", ["vern7", "tsit5"])
def test_loops_have_the_bits_of_written_out_lines(tmp_path, monkeypatch, solver):
    found = []
    for most, x in ((explicit.MOST, "x"), (2, "z")):  # other names: models with the same share code
        monkeypatch.setattr(explicit, "MOST", most)
        model = chain(tmp_path, 3, "k*{0}/(1 + {0}/m)", x)
        kernel = compile(model, integrals=(f"{x}2",), solver=solver)
        assert hasattr(kernel.module, "judge") == (most == 2)
        theta, times = cohort(model, 11, seed=3).theta, np.arange(0.0, 20.0, 0.7)
        run = solve(kernel, theta, t1=20.0, actions=dose(11), grid=times)
        found.append((run.out, run.end, run.integral, run.largest, run.steps, run.rejected))
    for written_out, looped in zip(*found, strict=True):
        np.testing.assert_array_equal(written_out, looped)


def test_the_linear_solver_says_how_many_states_it_takes(tmp_path):
    model = chain(tmp_path, 9)
    assert compile(model).method == "vern7"
    with pytest.raises(PkpdError, match="has 9 states and integrals; the linear solver takes at"):
        compile(model, solver="linear")
