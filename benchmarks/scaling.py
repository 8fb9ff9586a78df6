"""How does pkpd scale over threads and lanes, and what do start and compilation cost?

    python benchmarks/scaling.py [--rounds 5] [--quick]

Threads: wall time of the same patients on one and on all threads. Lanes: kernels of 4, 8 and 16
lanes compiled anew, processor time. Limit: arithmetic counted in the generated step, times the
steps tried, over the time taken, against the fastest multiply-adds that a loop over lanes reaches
on one core. Start: whole processes with an empty cache, with a filled one, and the imports alone.
"""

import ast
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import records
from numba import njit

from pkpd.bench import measure, solvers, workload
from pkpd.kernels import vecmath
from pkpd.solvers import batch

WIDTHS = (4, 8, 16)
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult)
IMPORTS = ("numpy", "numba", "pkpd", "pkpd.response.med", "pkpd.cli")


def threads(patients, rounds, rtol=1e-6):
    """How many times faster all threads are than one, per round of wall time."""
    runs = {n: partial(solvers.own(threads=n)(rtol), patients) for n in (1, os.cpu_count())}
    for run in runs.values():
        run()
    seconds = measure.rounds(runs, rounds, clock=time.perf_counter)
    return {
        "threads": os.cpu_count(),
        "speedup": measure.ratio(seconds[1], seconds[os.cpu_count()]),
    }


def lanes(patients, rounds, rtol=1e-6):
    """[{lanes, patients_per_s, ratio}] on one thread, against the package's own width."""
    runs, own = {}, batch.LANES
    try:
        for width in WIDTHS:
            batch.LANES = width  # a constant of the build: the kernel made now keeps it
            kernel = batch.compile(workload.model())
            _ = kernel.module
            runs[width] = partial(solved, kernel, patients, rtol)
            runs[width]()
    finally:
        batch.LANES = own
    seconds = measure.rounds(runs, rounds)
    return [
        {
            "lanes": w,
            "patients_per_s": len(patients) / float(np.median(s)),
            "ratio": measure.ratio(seconds[own], s),
        }
        for w, s in seconds.items()
    ]


def solved(kernel, patients, rtol):
    grid, actions = workload.grid(), workload.actions(len(patients))
    return batch.solve(
        kernel, patients, t1=grid[-1], actions=actions, grid=grid, rtol=rtol, threads=1
    )


# multiply-adds that each wait for the one before; many lanes keep the units busy all the same
CHAIN = 32
LENGTH = 256


@njit(error_model="numpy", fastmath={"contract"})
def polynomial(w, turns):
    """CHAIN multiply-adds in each of LENGTH lanes, `turns` times."""
    for _ in range(turns):
        for k in range(LENGTH):
            x = w[k]
            p = (
                ((((((x * x + x) * x + 0.5) * x + 0.5) * x + 0.5) * x + 0.5) * x + 0.5) * x + 0.5
            ) * x + 0.5
            p = (
                ((((((p * x + x) * x + 0.5) * x + 0.5) * x + 0.5) * x + 0.5) * x + 0.5) * x + 0.5
            ) * x + 0.5
            p = (
                ((((((p * x + x) * x + 0.5) * x + 0.5) * x + 0.5) * x + 0.5) * x + 0.5) * x + 0.5
            ) * x + 0.5
            p = (
                ((((((p * x + x) * x + 0.5) * x + 0.5) * x + 0.5) * x + 0.5) * x + 0.5) * x + 0.5
            ) * x + 0.5
            w[k] = 0.1 * p


def peak(turns=100_000):
    """Largest number of float64 operations a second that a loop over lanes reaches on one core."""
    w = np.full(LENGTH, 0.25)
    polynomial(w, 1)
    seconds = measure.rounds({"peak": partial(polynomial, w, turns)}, 5)["peak"]
    return turns * LENGTH * CHAIN * 2 / float(seconds.min())


def operations(function, known):
    """(additions and multiplications, divisions) of one lane in one call of a generated function.

    known : {name: tree} of the functions it may call. Both branches of a selection are computed,
        and count.
    """
    return _count(known[function].body, known)


def _count(nodes, known):
    counts = np.zeros(2)
    for node in nodes:
        if isinstance(node, ast.Subscript):
            continue  # arithmetic that only finds a place
        if isinstance(node, (ast.BinOp, ast.AugAssign)):
            counts += (isinstance(node.op, ARITHMETIC), isinstance(node.op, ast.Div))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "fma":
            counts += (2, 0)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            counts += (
                operations(node.func.id, known)
                if node.func.id in known
                else (0, node.func.id == "sqrt")
            )
        turns = 1
        if isinstance(node, ast.For) and node.target.id != "l":
            turns = len(range(*(ast.literal_eval(a) for a in node.iter.args)))
        counts += turns * _count(ast.iter_child_nodes(node), known)
    return counts


def limit(patients, rounds, rtol=1e-6):
    """Arithmetic of the steps tried, over the time taken, as a share of the peak of one core."""
    kernel = batch.compile(workload.model())
    texts = (Path(file).read_text() for file in (kernel.module.__file__, vecmath.__file__))
    known = {
        f.name: f
        for text in texts
        for f in ast.walk(ast.parse(text))
        if isinstance(f, ast.FunctionDef)
    }
    plain, divisions = operations("step", known)
    run = partial(solved, kernel, patients, rtol)
    solution = run()
    tried = float((solution.steps + solution.rejected).mean())
    cost = float(np.median(measure.rounds({"run": run}, rounds)["run"])) / len(patients)
    most = peak()
    return {
        "peak_gflops": most / 1e9,
        "flop_a_step": plain,
        "divisions_a_step": divisions,
        "steps_a_patient": tried,
        "gflops": (plain + divisions) * tried / cost / 1e9,
        "share_of_peak": (plain + divisions) * tried / cost / most,
    }


def start(rounds):
    """[(what, seconds)] of whole processes: with an empty cache, with a filled one, and imports."""
    program = [
        sys.executable,
        "-c",
        "from pkpd.cli import main; main()",
        "med",
        "ldn/hormesis",
        "-n",
        "100",
    ]
    rows = [
        (f"import {name}", fastest([sys.executable, "-c", f"import {name}"], os.environ, rounds))
        for name in ("sys", *IMPORTS)
    ]
    with tempfile.TemporaryDirectory() as folder:
        # numba's own cache of the package's functions is emptied as well
        env = os.environ | {"PKPD_CACHE": folder, "NUMBA_CACHE_DIR": folder}
        silent = [*program, "--quiet", "--no-figure"]
        rows.append(("pkpd med -n 100 --no-figure, empty cache", fastest(silent, env, 1)))
        rows.append(("pkpd med -n 100 --no-figure, filled cache", fastest(silent, env, rounds)))
        drawing = [*program, "--quiet", "--out", str(folder) + "/med"]
        rows.append(
            ("pkpd med -n 100 --out, with figure, filled cache", fastest(drawing, env, rounds))
        )
    return rows


def fastest(words, env, rounds):
    """Median wall time of a process over rounds."""
    return float(
        np.median(
            measure.rounds(
                {"run": partial(subprocess.run, words, env=env, check=True)},
                rounds,
                time.perf_counter,
            )["run"]
        )
    )


def tables(found):
    """[(headers, rows)] of a run."""
    threads, most = found["threads"], found["limit"]
    limit_row = (
        f"{most['peak_gflops']:.1f}",
        f"{most['flop_a_step']:.0f}",
        f"{most['divisions_a_step']:.0f}",
        f"{most['steps_a_patient']:.0f}",
        f"{most['gflops']:.1f}",
        f"{100 * most['share_of_peak']:.0f} %",
    )
    return [
        (("threads", "times as fast as one"), [(threads["threads"], f"{threads['speedup']:.2f}")]),
        (
            ("lanes", "patients/s", "against the build's own"),
            [
                (r["lanes"], f"{r['patients_per_s']:,.0f}", f"{r['ratio']:.2f}")
                for r in found["lanes"]
            ],
        ),
        (
            (
                "peak of one core, GFLOP/s",
                "operations a step",
                "divisions a step",
                "steps a patient",
                "reached, GFLOP/s",
                "share of peak",
            ),
            [limit_row],
        ),
        (("process", "seconds"), [(what, f"{seconds:.2f}") for what, seconds in found["start"]]),
    ]


def main():
    options = records.options(__doc__, rounds=5).parse_args()
    people, rounds = (64, 1) if options.quick else (1024, options.rounds)
    patients = workload.patients(people)
    found = {
        "rounds": rounds,
        "threads": threads(patients, rounds),
        "lanes": lanes(patients, rounds),
        "limit": limit(patients, rounds),
    }
    found["start"] = start(1 if options.quick else rounds)
    records.finish("scaling", found, tables(found), options.quick)


if __name__ == "__main__":
    main()
