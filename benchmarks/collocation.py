"""How exact are steady states by collocation, and for how much work, on models drawn at random?

    python benchmarks/collocation.py [--models 200] [--rounds 5] [--quick]

Chains, feedback loops, Hill terms, saturable elimination, two doses a day into two states
(tests/drawn_models.py), eight patients each. Truth: steps at 1e-11, settled to 1e-10. The error is
the largest of any state, as a share of its largest value in the interval, and of the mean outcome;
CPU time is that of ldn/hormesis at 33 doses, both solvers in interleaved rounds on one thread.
"""

import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
import records

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
    given = Actions(
        2 * np.arange(PATIENTS + 1),
        np.tile([0.0, 9.5], PATIENTS),
        np.full(2 * PATIENTS, ADD, np.int8),
        np.tile([model.state_names.index(s) for s in ("depot", "central")], PATIENTS).astype(
            np.int32
        ),
        np.tile([4.0, 2.5], PATIENTS),
    )
    steps = batch.compile(model, integrals=("effect",), solver="vern7")
    exact = periodic(steps, people.theta, each, given, DAY, rtol=1e-11, tol=1e-10)
    if (exact.status != status.OK).any():
        return None
    run = batch.solve(steps, people.theta, None, exact.y, 0.0, DAY, given, rtol=1e-9)
    kernel = batch.compile(model, integrals=("effect",), collocates=True)
    errors, own = [], []
    for tol in TOLERANCES:
        found = periodic(kernel, people.theta, each, given, DAY, rtol=tol)
        state = np.abs(found.y - exact.y) / run.largest
        mean = np.abs(found.integral / exact.integral - 1)
        errors.append(max(state.max(), mean.max()) / tol)
        own.append(bool((found.maps == 1).all()))
    return errors, own


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
    results = [drawn(seed) for seed in range(number)]
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
