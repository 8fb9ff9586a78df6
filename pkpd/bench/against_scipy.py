"""The installed solver against SciPy on this machine: speed and achieved error, side by side.

Knows what is measured; knows nothing of how it is shown.
"""

import os
import time
from functools import partial

import numpy as np

from pkpd.bench import measure, workload
from pkpd.bench import solvers as bench_solvers

ASKED = (1e-4, 1e-6, 1e-9)
TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-9, 1e-11)
METHODS = ("DOP853", "LSODA")


def against_scipy(quick=False):
    """Measurements as plain data: {"machine", "workload", "rounds", "rows", "threads"}.

    quick : two weeks and one round instead of twelve weeks and three
    rows : one a solver and tolerance: patients_per_s (one thread), error, and how many times longer
        than pkpd it takes at pkpd's error
    threads : patients a second of wall time on all cores
    """
    days, people, known, rounds = (14, 64, 2, 1) if quick else (workload.DAYS, 256, 3, 3)
    patients = workload.patients(people)
    solvers = {"pkpd": (bench_solvers.own(days=days), TOLERANCES, people)}
    solvers |= {
        f"SciPy {method}": (bench_solvers.by_scipy(method, days), TOLERANCES, 2)
        for method in METHODS
    }
    truth = bench_solvers.truth(patients[:known], days)
    lines = measure.lines(solvers, patients, known, partial(workload.error, truth=truth), rounds)
    return {
        "machine": measure.stamp(),
        "workload": f"LDN-12, {days} daily doses",
        "rounds": rounds,
        "rows": [row for rtol in ASKED for row in compared(lines, rtol)],
        "threads": _threads(patients, days, rounds),
    }


def compared(lines, rtol):
    """One row per line, against the first line at the same tolerance and at its error."""
    own = lines[0]
    place = own.tolerances.index(rtol)
    error, cost = own.errors[place], own.costs[:, place]
    for line in lines:
        at = line.tolerances.index(rtol)
        equal = cost if line is own else line.cost_at(error)
        yield {
            "rtol": rtol,
            "solver": line.name,
            "patients_per_s": 1.0 / float(np.median(line.costs[:, at])),
            "error": float(line.errors[at]),
            "ratio_same_rtol": measure.ratio(line.costs[:, at], cost),
            "ratio_equal_error": measure.ratio(equal, cost),
        }


def _threads(patients, days, rounds):
    run = bench_solvers.own(threads=os.cpu_count(), days=days)(1e-6)
    seconds = measure.rounds({"all": partial(run, patients)}, rounds, clock=time.perf_counter)[
        "all"
    ]
    return {
        "rtol": 1e-6,
        "threads": os.cpu_count(),
        "patients_per_s": len(patients) / float(np.median(seconds)),
    }
