"""The benchmark scripts still run, and the rivals solve the same problem."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pkpd.bench import solvers, workload

FOLDER = Path(__file__).parents[1] / "benchmarks"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="benchmarks are not part of the source distribution"
)


@pytest.fixture
def rivals(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import rivals

    return rivals


@pytest.mark.slow
@pytest.mark.parametrize(
    "script", sorted(p.stem for p in FOLDER.glob("*.py") if "records.options(" in p.read_text())
)
def test_a_quick_run_prints_a_table_and_records_nothing(script):
    before = {p: p.stat().st_mtime for p in FOLDER.rglob("*") if "__pycache__" not in p.parts}
    run = subprocess.run(
        [sys.executable, FOLDER / f"{script}.py", "--quick"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    table = [line for line in run.stdout.splitlines() if line.startswith("|")]
    assert len(table) >= 3 and len({line.count("|") for line in table[:3]}) == 1
    assert before == {
        p: p.stat().st_mtime for p in FOLDER.rglob("*") if "__pycache__" not in p.parts
    }


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_the_program_by_hand_takes_the_same_steps_as_the_generated_kernel(rivals):
    patients = workload.patients(11)
    # the gut apart, which is saved before a dose by one and after it by the other
    by_hand, generated = (
        make(1e-6)(patients)[:, :, 1:] for make in (rivals.cpp(), solvers.own("tsit5"))
    )
    np.testing.assert_allclose(by_hand, generated, rtol=1e-9, atol=1e-9)
