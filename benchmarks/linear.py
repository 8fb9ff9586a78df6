"""How much faster is a linear model solved exactly than in steps, and how exact is either?

    python benchmarks/linear.py [--rtol 1e-6] [--patients 1024] [--rounds 5] [--quick]

Two compartments, 84 daily oral doses with a lag of the patient's own, and the steady state of such
doses. Both solvers run the same doses in interleaved rounds on one thread; the ratio is the median
over rounds of CPU time. Truth: SciPy's matrix exponential from action to action.
"""

import statistics
import time

import numpy as np
import records
from scipy.linalg import expm

from pkpd.dosing.actions import actions, periodic_actions
from pkpd.dosing.rx import rx
from pkpd.population.cohort import cohort
from pkpd.solvers import batch
from pkpd.solvers.periodic import periodic
from pkpd.symbolic.load import load

MODEL = load("pk/two_compartment")
DAYS = 84
END = 24.0 * DAYS
GRIDS = {
    "once a day": 24.0 * np.arange(DAYS + 1),
    "every hour": np.arange(END + 1),
    "at 300 odd times": np.sort(np.random.default_rng(1).uniform(0.0, END, 300)),
}
SOLVERS = ("linear", "tsit5")


def patients(n):
    """Inputs (n, K) with lags around 15 minutes."""
    theta = cohort(MODEL, n, seed=1).theta
    theta[:, MODEL.input_names.index("tlag")] = 0.25 * np.exp(
        0.3 * np.random.default_rng(1).standard_normal(n)
    )
    return theta


def matrix(theta):
    """Rates of change (3, 3) of the amounts, and the amount that a dose of 1 mg adds (3,)."""
    ka, cl, vc, q, vp, fdepot, _ = theta
    return np.array([[-ka, 0, 0], [ka, -(cl + q) / vc, q / vp], [0, q / vc, -q / vp]]), np.array(
        [fdepot, 0, 0]
    )


def truth(theta, grid):
    """Concentrations (T,) of one patient at the output times."""
    rates, dose = matrix(theta)
    given = 24.0 * np.arange(DAYS) + theta[6]
    y, now, out = np.zeros(3), 0.0, []
    for stop in np.unique(np.concatenate([grid, given])):
        y, now = expm(rates * (stop - now)) @ y, stop
        if stop in given:
            y = y + 100.0 * dose
        if stop in grid:
            out.append(1000.0 * y[1] / theta[2])
    return np.array(out)


def settled(theta):
    """Amounts (3,) at the start of an interval in steady state."""
    rates, dose = matrix(theta)
    return np.linalg.solve(
        np.eye(3) - expm(24.0 * rates), expm(rates * (24.0 - theta[6])) @ dose * 100.0
    )


def error(found, reference):
    """Largest |y - ref|/(|ref| + 1e-3 max |ref|) of few patients, over the first axis but one."""
    reference = np.asarray(reference)
    return float(
        (
            np.abs(found - reference)
            / (np.abs(reference) + 1e-3 * np.abs(reference).max(axis=1, keepdims=True))
        ).max()
    )


def courses(grid, theta, rtol):
    """Solver name -> function of the number of patients that returns concentrations (n, T)."""
    doses = actions(MODEL, rx(f"100 mg q24h x {DAYS}"), theta)

    def run(kernel, n):
        rows = np.arange(n)
        return batch.solve(
            kernel, theta, rows, t1=END, actions=doses.take(rows), grid=grid, rtol=rtol, threads=1
        ).out[:, :, 0]

    kernels = {name: batch.compile(MODEL, solver=name) for name in SOLVERS}
    return {name: lambda n, kernel=kernel: run(kernel, n) for name, kernel in kernels.items()}


def steady_states(theta, rtol):
    """Solver -> function of the number of patients that returns amounts in steady state (n, S)."""

    def run(kernel, n):
        rows = np.arange(n)
        return periodic(
            kernel,
            theta,
            rows,
            periodic_actions(MODEL, "depot", np.full(n, 100.0), 24.0, theta, rows),
            24.0,
            rtol=rtol,
            tol=rtol,
            threads=1,
        ).y

    kernels = {name: batch.compile(MODEL, solver=name) for name in SOLVERS}
    return {name: lambda n, kernel=kernel: run(kernel, n) for name, kernel in kernels.items()}


def measure(runs, reference, n, rounds):
    """One row: patients a second and error of each solver, and how many times faster the exact one
    is."""
    errors = {name: error(run(len(reference)), reference) for name, run in runs.items()}
    speeds = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.process_time()
            run(n)
            speeds[name].append(n / (time.process_time() - began))
    ratio = statistics.median(a / b for a, b in zip(speeds["linear"], speeds["tsit5"], strict=True))
    return {
        name: {"patients_per_s": statistics.median(speeds[name]), "error": errors[name]}
        for name in runs
    } | {"ratio": ratio}


def main():
    parser = records.options(__doc__, rounds=5)
    parser.add_argument("--rtol", type=float, default=1e-6)
    parser.add_argument("--patients", type=int, default=1024)
    options = parser.parse_args()
    number, rounds = (64, 1) if options.quick else (options.patients, options.rounds)
    theta = patients(number)
    few = theta[:6]
    found = {
        f"{DAYS} doses, output {name}": measure(
            courses(grid, theta, options.rtol), [truth(t, grid) for t in few], number, rounds
        )
        for name, grid in GRIDS.items()
    }
    found["steady state"] = measure(
        steady_states(theta, options.rtol), [settled(t) for t in few], number, rounds
    )
    rows = []
    for name, row in found.items():
        cells = [f"{row[s]['patients_per_s']:,.0f} ({row[s]['error']:.0e})" for s in SOLVERS]
        rows.append((name, *cells, f"{row['ratio']:.1f}"))
    headers = (
        "patients a second (largest relative error)",
        "exact",
        f"Tsit5 at rtol {options.rtol:g}",
        "ratio",
    )
    record = {"rtol": options.rtol, "patients": number, "rounds": rounds, "rows": found}
    records.finish("linear", record, [(headers, rows)], options.quick)


if __name__ == "__main__":
    main()
