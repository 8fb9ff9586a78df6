"""How many LDN-12 patients a second does one thread solve, and how far from the truth?

    python benchmarks/throughput.py [--rtol 1e-6] [--patients 512] [--rounds 5]

Every solver runs the same doses at the same relative tolerance through its fastest interface, in interleaved rounds; the
ratio is the median over rounds. A rival that is not installed is named and left out. Appends one line to results/throughput.jsonl.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import problems

from pkpd.kernels.cache import fingerprint
from pkpd.solvers import batch


def pkpd_solver(rtol):
    kernel = batch.compile(problems.MODEL)

    def run(theta):
        n = len(theta)
        return batch.solve(kernel, theta, t1=24.0 * problems.DAYS, actions=problems.actions(n), grid=problems.GRID, rtol=rtol, threads=1).out

    return run


def scipy_solver(rtol):
    from scipy.integrate import solve_ivp

    def day(y, p):
        return solve_ivp(problems.rhs, (0.0, 24.0), y, method="LSODA", rtol=rtol, atol=rtol * 1e-3, args=(p,)).y[:, -1]

    return lambda theta: problems.by_days(day, theta)


def numbalsoda_solver(rtol):
    import numba
    from numbalsoda import lsoda, lsoda_sig

    @numba.cfunc(lsoda_sig)
    def rhs(t, y_, dy, p_):
        problems.rates(numba.carray(y_, (12,)), numba.carray(p_, (37,)), dy)

    address = rhs.address

    @numba.njit
    def people(theta, start, amounts, out):
        span = np.array([0.0, 24.0])
        for i in range(theta.shape[0]):
            y = start.copy()
            out[i, 0] = y
            for day in range(out.shape[1] - 1):
                y[0] += amounts[i]
                usol, _ = lsoda(address, y, span, data=theta[i], rtol=rtol, atol=rtol * 1e-3)
                y = usol[1].copy()
                out[i, day + 1] = y
        return out

    def run(theta):
        n = len(theta)
        return people(theta, problems.START, problems.amounts(n), np.empty((n, problems.DAYS + 1, 12)))

    return run


SOLVERS = {"pkpd": (pkpd_solver, 1.0), "numbalsoda LSODA": (numbalsoda_solver, 0.125), "SciPy LSODA": (scipy_solver, 0.01)}


def measure(rtol, patients, rounds):
    """Patients per second of each solver by round, and its error: {name: ([rates], error)}."""
    theta = problems.patients(patients)
    few = theta[:6]
    truth = problems.reference(few)
    ready, found = {}, {}
    for name, (make, share) in SOLVERS.items():
        try:
            run = make(rtol)
        except ImportError as missing:
            print(f"{name}: left out, {missing.name} is not installed")
            continue
        ready[name] = run, theta[: max(2, int(patients * share))]
        found[name] = [], problems.error(run(few), truth)
    for _ in range(rounds):
        for name, (run, people) in ready.items():
            began = time.perf_counter()
            run(people)
            found[name][0].append(len(people) / (time.perf_counter() - began))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rtol", type=float, default=1e-6)
    parser.add_argument("--patients", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    found = measure(options.rtol, options.patients, options.rounds)
    own = found["pkpd"][0]
    print(f"LDN-12, one thread, rtol {options.rtol:g}, {options.rounds} rounds\n{'solver':18} {'patients/s':>10} {'error':>9} {'pkpd is faster by':>18}")
    rows = []
    for name, (speeds, error) in found.items():
        ratio = statistics.median(a / b for a, b in zip(own, speeds, strict=True))
        rows.append({"solver": name, "patients_per_s": statistics.median(speeds), "error": error, "pkpd_ratio": ratio})
        print(f"{name:18} {rows[-1]['patients_per_s']:10.1f} {error:9.1e} {ratio:17.1f}x")
    record = {"rtol": options.rtol, "rounds": options.rounds, "rows": rows, "build": fingerprint(batch.LANES), "cpu": platform.processor(),
              "python": sys.version.split()[0], "numpy": np.__version__}  # fmt: skip
    with (Path(__file__).parent / "results" / "throughput.jsonl").open("a") as file:
        file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
