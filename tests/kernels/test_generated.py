"""Generated modules: their real files, names, legend, and the page that shows one."""

import ast
import importlib
import re
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from pkpd.kernels import build
from pkpd.kernels.legend import legend
from pkpd.kernels.lower import lower
from pkpd.kernels.paste import joined
from pkpd.solvers import explicit, registry, rosenbrock_unrolled
from pkpd.solvers.batch import LANES, aligned
from pkpd.solvers.lanes import frame
from pkpd.symbolic.linearity import first_nonlinear
from pkpd.symbolic.load import load

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "pkpd/solvers/lanes").glob("*.py"))
PASTED = [f.stem for f in FILES if f.stem not in ("__init__", "frame")]


# what the loop names under a flag that may be False; then it is not compiled
LEFT_OUT = {
    "PREPARES": {"prepare"},
    "SWITCHES": {"settle"},
    "COMPARES": {"switch", "LOOKS"},
    "WATCHES": {"blank", "track", "track_end", "SAMPLES"},
    "EVENTS": {"fire"},
}


def generated(model, solver, **watched):
    """Text of the module that a solver gets for a model; nothing is compiled."""
    found = registry.SOLVERS[solver]
    program = lower(model, model.outputs, derivatives=found.derivatives, **watched)
    names = {"observe": model.outputs, "integrals": (), "extremes": (), "levels": ()} | watched
    method = found.method(model, (), program, LANES)
    return build.source(model, program, method, **names)


def defined(tree):
    functions = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    targets = [t for n in tree.body if isinstance(n, ast.Assign) for t in n.targets]
    imports = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    names = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    return functions | names | {(a.asname or a.name) for n in imports for a in n.names}


SWITCHING = """
title = "switching"
outputs = ["a"]
[dose]
a = { unit = "mg" }
[parameters]
k = { value = 0.1, unit = "1/h", label = "loss", source = "test", evidence = "assumed" }
c = { value = 1.0, unit = "mg", label = "level", source = "test", evidence = "assumed" }
[equations]
e = "d/dt(a) = -k*a if a > c else -k*c/2 : mg"
"""


@pytest.fixture(params=["library", "switching", "watching", "happening"])
def case(request, tmp_path):
    """(model, what is watched)"""
    if request.param == "library":
        return load("pk/two_compartment"), {}
    if request.param == "watching":
        return load("pk/two_compartment"), {"extremes": ("Cc",), "levels": (("Cc", None, 1.0),)}
    path = tmp_path / "switching.toml"
    event = '[events]\nhalve = { when = "a > 9*c", set = { a = "a/2" } }\n'
    path.write_text(SWITCHING + (event if request.param == "happening" else ""))
    return load(str(path)), {}


@pytest.mark.parametrize("most", [8, 1])
@pytest.mark.parametrize("solver", registry.SOLVERS)
def test_every_name_that_a_pasted_file_asks_for_is_in_the_module(case, solver, most, monkeypatch):
    monkeypatch.setattr(explicit, "MOST", most)
    monkeypatch.setattr(rosenbrock_unrolled, "MOST", most)
    model, watched = case
    found = registry.SOLVERS[solver]
    if (found.linear and first_nonlinear(model, ()) is not None) or (watched and not found.watches):
        pytest.skip("the solver refuses the model")
    text = generated(model, solver, **watched)
    names = defined(ast.parse(text))
    files = re.findall(r"^# pkpd\.solvers\.lanes\.(\w+): ", text, re.M)
    assert files[-1] == "loop"
    left_out = set().union(*(LEFT_OUT[flag] for flag in LEFT_OUT if f"\n{flag} = False\n" in text))
    for name in files:
        assert asked_for(name) - left_out <= names


def asked_for(name):
    """What a file imports from the header, or from the other files."""
    tree = ast.parse((ROOT / f"pkpd/solvers/lanes/{name}.py").read_text())
    imports = [n for n in tree.body if isinstance(n, ast.ImportFrom)]
    imports = [n for n in imports if n.module.startswith("pkpd.solvers.lanes")]
    return {a.name for n in imports for a in n.names}


def test_files_can_be_imported_by_themselves_and_need_all_that_their_frame_describes():
    wanted = set()
    for name in PASTED:
        importlib.import_module(f"pkpd.solvers.lanes.{name}")
        wanted |= asked_for(name)
    described = {n for n in vars(frame) if not n.startswith("_") and n != "np"}
    assert described <= wanted


def test_two_parts_of_a_module_cannot_define_the_same_name():
    with pytest.raises(ValueError, match="NODES, dip twice"):
        joined(["NODES = 5\ndef dip():\n    return 1", "NODES = 7\ndef dip():\n    return 2"])


@pytest.mark.parametrize("path", sorted((ROOT / "pkpd").rglob("*.py")), ids=lambda p: p.stem)
def test_no_text_of_code_is_longer_than_30_lines(path):
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    documented = [n for n in ast.walk(tree) if isinstance(n, documented) and n.body]
    docstrings = {getattr(n.body[0], "value", None) for n in documented}
    texts = [n for n in ast.walk(tree) if isinstance(n, ast.JoinedStr | ast.Constant)]
    texts = [n for n in texts if n not in docstrings and isinstance(getattr(n, "value", ""), str)]
    code = [n for n in texts if re.search(r"^ *(def|for|return|if) ", ast.unparse(n), re.M)]
    assert max((n.end_lineno - n.lineno for n in code), default=0) <= 30


def test_the_legend_names_every_input_state_constant_and_output():
    model = load("pk/one_compartment")
    program = lower(model, ("Cc",), integrals=("Cc",), extremes=("Cc",))
    text = legend(model, program, ("Cc",), ("Cc",), ("Cc",), ())
    for line in (
        "t : time [h]",
        "p[1] : cl [L/h]",
        "y1 : central [mg]",
        "y2 : integral of Cc [ng/mL*h]",
        "out[0] : Cc [ng/mL]",
        "signal 0 : Cc",
    ):
        assert f"\n{line}\n" in text
    assert re.search(r"\nc\d+ : -cl/vc\n", text)
    described = set(re.findall(r"^c(\d+) :", text, re.M))
    assert described == {str(i) for i in range(program.constants)}


def test_the_page_shows_what_is_generated_for_its_model():
    page = (ROOT / "docs/kernels.md").read_text()
    text = generated(load("pk/one_compartment"), "tsit5")
    made = {ast.unparse(node) for node in ast.parse(text).body}
    shown = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(shown) >= 3
    for block in shown:
        assert {ast.unparse(node) for node in ast.parse(block).body} <= made
    equations = re.search(r"```toml\n(.*?)```", page, re.S).group(1)
    assert equations.strip() in (ROOT / "models/pk/one_compartment.toml").read_text()


# The files of pkpd.solvers.lanes, run by Python itself


def test_elimination_with_pivots_solves_every_lanes_system(monkeypatch):
    from pkpd.solvers.lanes import rosenbrock

    n, lanes = 5, 8
    rows = {"STATES": n, "MATRIX": 0, "PIVOT": n * n * lanes}
    for name, value in rows.items():
        monkeypatch.setattr(rosenbrock, name, value)
    monkeypatch.setattr(rosenbrock, "cell", njit(rosenbrock.cell.py_func))
    right, count = (n * n + n) * lanes, (n * n + 2 * n) * lanes
    w = aligned(np.empty(count + 8))
    w[:] = np.random.default_rng(1).normal(size=count)
    matrices = w[: n * n * lanes].reshape(n, n, lanes).copy()
    vectors = w[right:].reshape(n, lanes).copy()
    matrices[0, 0] = w[:lanes] = 0.0
    njit(rosenbrock.factor.py_func)(w)
    njit(rosenbrock.divide.py_func)(w, right)
    for lane in range(lanes):
        exact = np.linalg.solve(matrices[:, :, lane], vectors[:, lane])
        np.testing.assert_allclose(w[right:].reshape(n, lanes)[:, lane], exact, rtol=1e-9)


def test_a_curve_through_five_values_peaks_inside_or_outside_them():
    from pkpd.solvers.lanes import signals

    x = np.linspace(0.0, 1.0, 5)
    for top, outside in ((0.5, False), (0.1, False), (0.9, False), (-0.4, True), (1.4, True)):
        assert signals.peaks_outside.py_func(-((x - top) ** 2)) == outside
    # second differences bound how far a parabola rises between even values
    for top in (0.4, 0.6):
        values = -((x - top) ** 2)
        assert -1e-12 <= -values.max() <= signals.bent.py_func(values)


def test_a_crossing_is_found_from_both_sides(monkeypatch):
    from pkpd.solvers.lanes import signals

    def sample(w, lane, time, z, g):
        g[0] = np.cos(time)

    monkeypatch.setattr(signals, "sample", sample)
    w = np.zeros(signals.T_OLD + 8)
    w[signals.T] = 3.0
    for a, b in ((1.0, 2.5), (2.5, 1.0)):
        fa, fb = np.cos(a), np.cos(b)
        time = signals.parting.py_func(w, 0, 0, 0.0, a, fa, b, fb, np.zeros(1), np.zeros(1))
        assert time == pytest.approx(np.pi / 2, abs=1e-10)
