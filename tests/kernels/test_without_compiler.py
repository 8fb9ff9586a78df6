"""The generated source run by Python itself: the compiler changes rounding and nothing else."""

import json
import subprocess
import sys

import numpy as np
import pytest

PROGRAM = """
import json, sys
import numba
import numpy as np
from pkpd.kernels import vecmath

if numba.config.DISABLE_JIT:
    # the functions that are made of machine instructions, in Python
    vecmath.bits_of = lambda x: np.float64(x).view(np.int64)
    vecmath.double_of = lambda n: np.int64(n).view(np.float64)
    vecmath.stack_anchor = lambda: 0
    vecmath.fma = lambda a, b, c: a * b + c
    vecmath.select = lambda condition, yes, no: yes if condition else no
    np.seterr(all="ignore")
import pkpd

def run():
    for name, rx, solver in json.loads(sys.argv[1]):
        model = pkpd.load(name)
        people = pkpd.cohort(model, 3, seed=1)
        result = pkpd.simulate(model, rx, people, "0:30:7.5", threads=1, solver=solver)
        yield result.values.tolist()

print(json.dumps(list(run())))
"""

CASES = [
    ("pk/two_compartment", "100 mg q12h x 2", "tsit5"),
    ("pk/one_compartment", "50 mg", "rosenbrock"),
    ("ldn/hormesis", "4.5 mg", "tsit5"),
]


def values(monkeypatch, compiler):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "0" if compiler else "1")
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(CASES)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.slow
def test_results_without_the_compiler_differ_by_rounding_alone(monkeypatch):
    for compiled, plain in zip(values(monkeypatch, True), values(monkeypatch, False), strict=True):
        np.testing.assert_allclose(plain, compiled, rtol=1e-9, atol=1e-12)
