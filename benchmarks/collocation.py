"""How exact are steady states by collocation, and for how much work, on models drawn at random?

    python benchmarks/collocation.py [--models 200] [--rounds 5] [--quick]

Chains, feedback loops, Hill terms, saturable elimination, two doses a day into two states
(tests/drawn_models.py), eight patients each. Truth: SciPy's DOP853 at 1e-12, with Newton's method
until one day leads back to its start. The error is the largest of any state, as a share of its
largest value in the interval, and of the mean outcome;
CPU time is that of ldn/hormesis at 33 doses, both solvers in interleaved rounds on one thread.
"""

import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
import records
from scipy.integrate import solve_ivp

from pkpd.bench import measure
from pkpd.dosing.actions import ADD, Actions
from pkpd.population.cohort import cohort
from pkpd.report.words.speed import times
from pkpd.response.benefit import benefit_of
from pkpd.response.grid import Steady, dose_grid, log_grid
from pkpd.solvers import batch, status
from pkpd.solvers.periodic import periodic
from pkpd.symbolic.load import load

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from drawn_models import drawn_model

matplotlib.use("Agg")
import matplotlib.pyplot as plt

DAY, PATIENTS = 24.0, 8
DOSES = ((0.0, 4.0, "depot"), (9.5, 2.5, "central"))
FUNCTIONS = {"exp": np.exp, "log": np.log, "sqrt": np.sqrt, "tanh": np.tanh}
TOLERANCES = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
FIGURE = Path(__file__).with_name("collocation.png")


def drawn(seed):
    """Errors as shares of the tolerance (T,), and whether all rows were solved by collocation (T,),
    of the random model of a seed; None where it has no steady state."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.toml"
        path.write_text(drawn_model(seed))
        model = load(str(path))
    people, each = cohort(model, PATIENTS, seed=1), np.arange(PATIENTS)
    times, amounts, states = (list(each) for each in zip(*DOSES, strict=True))
    given = Actions(
        len(DOSES) * np.arange(PATIENTS + 1),
        np.tile(times, PATIENTS),
        np.full(len(DOSES) * PATIENTS, ADD, np.int8),
        np.tile([model.state_names.index(s) for s in states], PATIENTS).astype(np.int32),
        np.tile(amounts, PATIENTS),
    )
    kernel = batch.compile(model, integrals=("effect",), collocates=True)
    found = [periodic(kernel, people.theta, each, given, DAY, rtol=tol) for tol in TOLERANCES]
    if (found[-1].status != status.OK).any():
        return None
    y, integral, largest = truth(model, people.theta, found[-1].y)
    errors = [
        max((np.abs(f.y - y) / largest).max(), np.abs(f.integral[:, 0] / integral - 1).max())
        for f in found
    ]
    return np.array(errors) / TOLERANCES, [bool((f.maps == 1).all()) for f in found]


def truth(model, theta, near):
    """Periodic start (P, S), integral of the effect (P,) and largest states (P, S) by SciPy.

    Newton's method from states nearby (P, S), with differences for the Jacobian, until one interval
    leads back to its start to 1e-11.
    """
    rates, (patients, states) = rates_of(model), near.shape
    y = near.copy()
    step = 1e-6 * (1.0 + np.abs(y))
    moved = y[:, None, :] + step[:, None, :] * np.eye(states)
    people = np.repeat(theta, states, axis=0)
    ends, _, _ = interval(model, rates, people, moved.reshape(-1, states))
    here, integral, largest = interval(model, rates, theta, y)
    jacobian = (ends.reshape(patients, states, states) - here[:, None, :]) / step[:, :, None]
    system = np.eye(states) - jacobian.transpose(0, 2, 1)
    for _ in range(20):
        if (np.abs(here - y) <= 1e-11 * largest).all():
            return y, integral, largest
        y = y + np.linalg.solve(system, (here - y)[:, :, None])[:, :, 0]
        here, integral, largest = interval(model, rates, theta, y)
    raise RuntimeError(f"{model.name}: Newton's method does not settle")


def rates_of(model):
    """rates(names) -> rate of each state and the effect, from the checked text of the equations."""
    lines = [f"{a.name} = {a.expression}" for a in model.assignments]
    returned = ", ".join([*(s.rate for s in model.states), "effect"])
    code = compile("\n".join([*lines, f"found = [{returned}]"]), model.name, "exec")

    def rates(names):
        exec(code, FUNCTIONS, names)  # of a model that this program has drawn
        return names["found"]

    return rates


def interval(model, rates, theta, start):
    """State after one day of doses (N, S), integral of the effect (N,), largest states (N, S)."""
    inputs = dict(zip(model.input_names, theta.T, strict=True))
    y = np.vstack([start.T, np.zeros(len(theta))])
    largest, shape = np.abs(start), y.shape

    def slope(t, flat):
        now = flat.reshape(shape)
        names = inputs | dict(zip(model.state_names, now[:-1], strict=True)) | {"t": t}
        return np.ravel(np.broadcast_arrays(now[0], *rates(names))[1:])

    stops = [*(time for time, _, _ in DOSES[1:]), DAY]
    for (begin, amount, state), end in zip(DOSES, stops, strict=True):
        y[model.state_names.index(state)] += amount
        run = solve_ivp(slope, (begin, end), y.ravel(), method="DOP853", rtol=1e-12, atol=1e-14)
        courses = run.y.reshape(*shape, -1)
        largest = np.maximum(largest, np.abs(courses[:-1]).max(axis=2).T)
        y = courses[:, :, -1].copy()
    return y[:-1].T, y[-1], largest


def work(rounds, patients):
    """Solver -> tolerance -> (CPU us a patient and dose, largest error in the mean outcome)."""
    model = load("ldn/hormesis")
    people, benefit = cohort(model, patients, seed=7), benefit_of(model)
    grid = log_grid(benefit)

    def outcomes(solver, rtol):
        steady = Steady(model, people, benefit, rtol=rtol, solver=solver, threads=1)
        return dose_grid(steady, grid).outcome

    exact = outcomes("auto", 1e-10)
    found, runs = {}, {}
    for solver in ("auto", "vern7"):
        for rtol in TOLERANCES:
            name = f"{solver} {rtol:g}"
            runs[name] = partial(outcomes, solver, rtol)
            found[name] = float(np.abs(runs[name]() - exact).max())
    seconds = measure.rounds(runs, rounds, clock=time.thread_time)
    return {
        name: (1e6 * float(np.median(seconds[name])) / (patients * len(grid)), error)
        for name, error in found.items()
    }


def draw(found):
    """Error against work of both solvers."""
    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    for solver, label in (("auto", "collocation"), ("vern7", "steps and acceleration")):
        points = [found[f"{solver} {rtol:g}"] for rtol in TOLERANCES]
        axes.loglog(*zip(*points, strict=True), "o-", label=label)
        for k, (point, rtol) in enumerate(zip(points, TOLERANCES, strict=True)):
            side = (5, 5) if k % 2 else (-5, -11)
            axes.annotate(f"{rtol:.0e}", point, textcoords="offset points", xytext=side, size=7)
    axes.set_xlabel("CPU time a patient and dose, microseconds")
    axes.set_ylabel("largest error of the mean outcome, NRS")
    axes.set_title("Steady states of ldn/hormesis, by requested tolerance")
    axes.legend()
    figure.savefig(FIGURE, dpi=150)


def main():
    parser = records.options(__doc__, rounds=5)
    parser.add_argument("--models", type=int, default=200)
    options = parser.parse_args()
    number, patients = (2, 8) if options.quick else (options.models, 64)
    rounds = 1 if options.quick else options.rounds
    with ProcessPoolExecutor() as processes:  # one for each core: most of the time is compilation
        results = list(processes.map(drawn, range(number)))
    solved = [r for r in results if r is not None]
    errors = np.array([errors for errors, _ in solved])
    own = np.array([own for _, own in solved])
    found = work(rounds, patients)
    rows = []
    for k, tol in enumerate(TOLERANCES):
        (mine, error), (theirs, steps) = found[f"auto {tol:g}"], found[f"vern7 {tol:g}"]
        rows.append(
            (
                f"{tol:g}",
                f"{errors[:, k].max():.2g}",
                f"{np.median(errors[:, k]):.1g}",
                f"{own[:, k].sum()} of {len(own)}",
                f"{mine:.1f} at {error:.0e}",
                f"{theirs:.1f} at {steps:.0e}",
                times(theirs / mine),
            )
        )
    headers = (
        "tolerance",
        "largest error of drawn models / tolerance",
        "median",
        "models all by collocation",
        "ldn/hormesis, us a dose at error (NRS)",
        "by steps",
        "faster",
    )
    record = {
        "rounds": rounds,
        "models": number,
        "with_steady_state": len(solved),
        "errors_per_tolerance": errors.max(axis=0).tolist(),
        "by_collocation": own.sum(axis=0).tolist(),
        "work": found,
    }
    if not options.quick:
        draw(found)
    records.finish("collocation", record, [(headers, rows)], options.quick)


if __name__ == "__main__":
    main()
