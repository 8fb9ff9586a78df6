"""The stiff solver on the classical problems, against published end values; order; choice by row.

End values: Mazzia & Magherini (2008), Test Set for Initial Value Problem Solvers, release 2.4; Hairer & Wanner (1996), Solving ODEs
II, IV.10 (Oregonator, van der Pol, E5).
"""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from pkpd.solvers import batch, driver
from pkpd.symbolic.load import load

sys.path.insert(0, str(Path(__file__).parents[1]))
from naive import Patient

HEAD = """
title = "{name}"
time = "h"
outputs = [{outputs}]
[dose]
{first} = {{ unit = "1" }}
[parameters]
one = {{ value = 1.0, unit = "1/h", label = "rate", source = "problem", evidence = "assumed" }}
[equations]
e = '''
{equations}
'''
"""

POLLUTION = [
    ".35*y1", "26.6*y2*y4", "1.23e4*y5*y2", "8.6e-4*y7", "8.2e-4*y7", "1.5e4*y7*y6", "1.3e-4*y9", "2.4e4*y9*y6", "1.65e4*y11*y2", "9e3*y11*y1",
    ".022*y13", "1.2e4*y10*y2", "1.88*y14", "1.63e4*y1*y6", "4.8e6*y3", "3.5e-4*y4", ".0175*y4", "1e8*y16", "4.44e11*y16", "1.24e3*y17*y6",
    "2.1*y19", "5.78*y19", ".0474*y1*y4", "1.78e3*y19*y1", "3.12*y20",
]  # fmt: skip
BALANCE = [
    "-r1-r10-r14-r23-r24+r2+r3+r9+r11+r12+r22+r25", "-r2-r3-r9-r12+r1+r21", "-r15+r1+r17+r19+r22", "-r2-r16-r17-r23+r15", "-r3+2*r4+r6+r7+r13+r20",
    "-r6-r8-r14-r20+r3+2*r18", "-r4-r5-r6+r13", "r4+r5+r6+r7", "-r7-r8", "-r12+r7+r9", "-r9-r10+r8+r11", "r9", "-r11+r10", "-r13+r12", "r14",
    "-r18-r19+r16", "-r20", "r20", "-r21-r22-r24+r23+r25", "-r25+r24",
]  # fmt: skip


def hires():
    rates = [
        "-1.71*y1+0.43*y2+8.32*y3+0.0007", "1.71*y1-8.75*y2", "-10.03*y3+0.43*y4+0.035*y5", "8.32*y2+1.71*y3-1.12*y4", "-1.745*y5+0.43*y6+0.43*y7",
        "-280*y6*y8+0.69*y4+1.71*y5-0.43*y6+0.69*y7", "280*y6*y8-1.81*y7", "-280*y6*y8+1.81*y7",
    ]  # fmt: skip
    return [], rates, {1: 1.0, 8: 0.0057}


PROBLEMS = {
    "robertson": (
        ([], ["-0.04*y1+1e4*y2*y3", "0.04*y1-1e4*y2*y3-3e7*y2*y2", "3e7*y2*y2"], {1: 1.0}), 1e11,
        {1: 0.2083340149701255e-7, 2: 0.8333360770334713e-13, 3: 0.9999999791665050},
    ),
    "hires": (
        hires(), 321.8122,
        {1: 0.7371312573325668e-3, 2: 0.1442485726316185e-3, 3: 0.5888729740967575e-4, 4: 0.1175651343283149e-2, 5: 0.2386356198831331e-2,
         6: 0.6238968252742796e-2, 7: 0.2849998395185769e-2, 8: 0.2850001604814231e-2},
    ),
    "vanderpol3": (([], ["y2", "1e3*((1-y1*y1)*y2-y1)"], {1: 2.0}), 2.0, None),
    "vanderpol6": (([], ["y2", "1e6*((1-y1*y1)*y2-y1)"], {1: 2.0}), 2.0, {1: 0.1706167732170483e1, 2: -0.8928097010247975e0}),
    "oregonator": (
        ([], ["77.27*(y2+y1*(1-8.375e-6*y1-y2))", "(y3-(1+y1)*y2)/77.27", "0.161*(y1-y3)"], {1: 1.0, 2: 2.0, 3: 3.0}), 360.0,
        {1: 0.1000814870318523e1, 2: 0.1228178521549917e4, 3: 0.1320554942846706e3},
    ),
    # by its invariant y2 = y3 + y4, without which the rounding of y2 near its peak is larger than the end value; the published
    # y2 and y3 differ by 0.15 % where y4 is 0, so that is how well they can be met
    "e5": (
        (["y3 = y2 - y4 : 1"], ["-7.89e-10*y1-1.1e7*y1*y3", "7.89e-10*y1-1.13e9*y2*y3", None, "1.1e7*y1*y3-1.13e3*y4"], {1: 1.76e-3}), 1e13,
        {2: 0.8867655517642120e-22, 3: 0.8854814626268838e-22},
    ),
    "pollution": (
        ([f"r{i} = ({rate})*one : 1/h" for i, rate in enumerate(POLLUTION, 1)], BALANCE,
         {2: 0.2, 4: 0.04, 7: 0.1, 8: 0.3, 9: 0.01, 17: 0.007}), 60.0,
        {1: 0.5646255480022769e-1, 2: 0.1342484130422339, 3: 0.4139734331099427e-8, 4: 0.5523140207484359e-2, 5: 0.2018977262302196e-6,
         6: 0.1464541863493966e-6, 7: 0.7784249118997964e-1, 8: 0.3245075353396018, 9: 0.7494013383880406e-2, 10: 0.1622293157301561e-7,
         11: 0.1135863833257075e-7, 12: 0.2230505975721359e-2, 13: 0.2087162882798630e-3, 14: 0.1396921016840158e-4,
         15: 0.8964884856898295e-2, 16: 0.4352846369330103e-17, 17: 0.6899219696263405e-2, 18: 0.1007803037365946e-3,
         19: 0.1772146513969984e-5, 20: 0.5682943292316392e-4},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stiff")


def problem(folder, name):
    """Model of a problem: dimensionless states y1, y2, ..., an hour standing for the problem's own unit of time."""
    (extra, rates, start), _, _ = PROBLEMS[name]
    timed = name == "pollution"
    lines = extra + [f"d/dt(y{i}) = ({rate})" + ("" if timed else "*one") + " : 1" for i, rate in enumerate(rates, 1) if rate]
    lines += [f"y{i}(0) = {value} : 1" for i, value in start.items()]
    path = folder / f"{name}.toml"
    outputs = ", ".join(f'"y{i}"' for i in range(1, len(rates) + 1))
    path.write_text(HEAD.format(name=name, outputs=outputs, first="y1", equations="\n".join(lines)))
    return load(path)


def end_values(model, end):
    """By SciPy's Radau at tight tolerance."""
    one = Patient(model, [1.0])
    run = solve_ivp(one.rate, (0.0, end), one.start(), method="Radau", rtol=1e-11, atol=1e-14)
    return dict(enumerate(run.y[:, -1], 1))


@pytest.mark.parametrize("name", PROBLEMS)
def test_published_end_values_are_met_to_the_requested_digits(folder, name):
    model = problem(folder, name)
    _, end, published = PROBLEMS[name]
    published = published or end_values(model, end)
    kernel = batch.compile(model, solver="rosenbrock")
    for rtol in (1e-5, 1e-8):
        run = batch.solve(kernel, np.array([[1.0]]), t1=end, grid=[end], rtol=rtol, floor=1e-22 if name == "e5" else 1e-9)
        assert run.status[0] == driver.OK
        error = max(abs(run.out[0, 0, i - 1] / value - 1) for i, value in published.items())
        assert error < (1.6e-3 if name == "e5" else 100 * rtol)


RELAX = """
d/dt(x) = -k*(x - y) : 1
d/dt(y) = -slow*max(y, 0) : 1
y(0) = 1 : 1
"""


@pytest.fixture(scope="module")
def relaxing(folder):
    """x follows y = exp(-slow*t) the more closely, the larger k: stiff for large k. The max keeps the model from being solved in closed form."""
    parameters = "\n".join(f'{n} = {{ value = {v}, unit = "1/h", label = "rate", source = "test", evidence = "assumed" }}' for n, v in (("k", 1.0), ("slow", 0.1)))
    path = folder / "relaxing.toml"
    text = HEAD.format(name="relaxing", outputs='"x", "y"', first="x", equations=RELAX)
    path.write_text(text.replace('one = { value = 1.0, unit = "1/h", label = "rate", source = "problem", evidence = "assumed" }', parameters))
    return load(path)


def relaxed(theta, times):
    """Closed form of x, (P, T)."""
    k, slow = theta[:, :1], theta[:, 1:]
    share = k / (k - slow)
    return share * np.exp(-slow * times) - share * np.exp(-k * times)


THETA = np.array([[10.0 ** (i % 8 - 1), 0.05 + 0.01 * i] for i in range(40)])
TIMES = np.linspace(0.0, 100.0, 41)


def test_the_closed_form_is_met_between_steps_at_order_five(relaxing):
    kernel = batch.compile(relaxing, solver="rosenbrock")
    steps = []
    for rtol in (1e-4, 1e-6, 1e-8, 1e-10):
        run = batch.solve(kernel, THETA, t1=100.0, grid=TIMES, rtol=rtol)
        # within a tolerance that stands beside a tenth of the state's peak
        assert (np.abs(run.out[:, :, 0] - relaxed(THETA, TIMES)) < 20 * rtol * (0.1 + np.abs(run.out[:, :, 0]))).all()
        steps.append(run.steps.sum())
    growth = np.log10(steps[-1] / steps[0]) / 6
    assert 0.12 < growth < 0.25


def test_only_stiff_patients_are_solved_again_and_each_has_the_bits_of_the_solver_that_finished_it(relaxing):
    results = {name: batch.solve(batch.compile(relaxing, solver=name), THETA, t1=100.0, grid=TIMES) for name in ("auto", "tsit5", "rosenbrock")}
    refused = results["tsit5"].status == driver.STIFF
    assert refused.any() and not refused.all()
    assert (THETA[refused, 0] > 1.0).all() and (THETA[~refused, 0] < 1000.0).all()
    np.testing.assert_array_equal(results["auto"].out[refused], results["rosenbrock"].out[refused])
    np.testing.assert_array_equal(results["auto"].out[~refused], results["tsit5"].out[~refused])
    assert (results["auto"].status == driver.OK).all()
    alone = batch.solve(batch.compile(relaxing), THETA[23:24], t1=100.0, grid=TIMES, threads=1)
    np.testing.assert_array_equal(alone.out[0], results["auto"].out[23])


def test_the_stiff_solver_does_not_mind_a_solution_that_blows_up_beside_it(folder):
    path = folder / "explosive.toml"
    equations = "d/dt(x) = one*x*x : 1\nx(0) = 1 : 1"
    path.write_text(HEAD.format(name="explosive", outputs='"x"', first="x", equations=equations))
    theta = np.full((8, 1), 0.1)
    theta[3] = 1.0
    run = batch.solve(batch.compile(load(path), solver="rosenbrock"), theta, t1=5.0, grid=[5.0])
    assert run.status[3] != driver.OK and np.isnan(run.out[3]).all()
    np.testing.assert_allclose(np.delete(run.out[:, 0, 0], 3), 2.0, rtol=1e-5)
