"""How much smaller is the error of a Sobol' cohort than that of a Monte Carlo cohort of its size?

    python benchmarks/qmc.py [-n 1024] [--repeats 32]

The statistic is the median of log10 of the best dose. Its error is the root mean square over
independent scramblings (or seeds) around the median of a far larger Sobol' cohort; the ratio comes
with a bootstrap interval. Appends one line to results/qmc.jsonl.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

import pkpd
from pkpd.kernels.cache import fingerprint
from pkpd.response.summary import known_doses
from pkpd.solvers.batch import LANES, compile, solve

HERE = Path(__file__).parent
REFERENCE_SEED = 2026


def median(model, n, seed, sampling):
    """Median of log10 of the best dose of one cohort."""
    people = pkpd.cohort(model, n, seed, sampling=sampling)
    if model.benefit is not None:
        # MEDs below the range are -inf: the median first, then its logarithm
        return np.log10(np.median(known_doses(pkpd.med(model, people))))
    return np.median(np.log10(solve(compile(model), people.theta, grid=[0.0]).out[:, 0, 0]))


def measure(model, n, repeats, large):
    """RMSE of both samplings, their ratio and its 95 % bootstrap interval over repeats."""
    truth = median(model, large, REFERENCE_SEED, "sobol")
    errors = {
        kind: np.array([median(model, n, seed, kind) - truth for seed in range(1, repeats + 1)])
        for kind in ("sobol", "mc")
    }
    rmse = {kind: float(np.sqrt(np.mean(e**2))) for kind, e in errors.items()}
    rng = np.random.default_rng(1)
    again = {
        kind: np.sqrt(np.mean(rng.choice(e, (4000, repeats)) ** 2, axis=1))
        for kind, e in errors.items()
    }
    low, high = np.quantile(again["mc"] / again["sobol"], (0.025, 0.975))
    return {
        "truth": float(truth),
        "rmse": rmse,
        "ratio": rmse["mc"] / rmse["sobol"],
        "interval": [float(low), float(high)],
        "repeats": repeats,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=32)
    options = parser.parse_args()
    cases = {
        "eight smooth inputs": (
            pkpd.load(str(HERE / "eight_inputs.toml")),
            8 * options.repeats,
            2**18,
        ),
        "ldn/hormesis": (pkpd.load("ldn/hormesis"), 4 * options.repeats, 32 * options.n),
    }
    print(
        f"Median of log10 best dose, cohorts of {options.n}\n"
        f"{'case':20} {'RMSE Sobol':>11} {'RMSE MC':>9} {'ratio':>6}  95 % interval"
    )
    rows = {}
    for name, (model, repeats, large) in cases.items():
        row = rows[name] = measure(model, options.n, repeats, large)
        low, high = row["interval"]
        print(
            f"{name:20} {row['rmse']['sobol']:11.5f} {row['rmse']['mc']:9.5f} "
            f"{row['ratio']:6.2f}  {low:.2f}-{high:.2f}",
            flush=True,
        )
    record = {
        "n": options.n,
        "cases": rows,
        "build": fingerprint(LANES),
        "python": sys.version.split()[0],
        "numpy": np.__version__,
    }
    with (HERE / "results" / "qmc.jsonl").open("a") as file:
        file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
