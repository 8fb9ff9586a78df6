"""The plan of the package holds: imports point downward, names are unique, loading is lazy."""

import inspect
import pkgutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import pkpd

ROOT = Path(__file__).parent.parent
ROOMS = {m.name for m in pkgutil.iter_modules(pkpd.__path__)}


def test_imports_point_downward_only():
    importlinter = pytest.importorskip("importlinter.cli")
    assert (
        importlinter.lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0
    )


def test_no_public_function_shares_the_name_of_a_top_level_module():
    modules = [
        m.name
        for m in pkgutil.walk_packages(pkpd.__path__, "pkpd.")
        if not m.name.startswith("pkpd.cli")
    ]
    for name in modules:
        functions = inspect.getmembers(import_module(name), inspect.isfunction)
        shared = {f for f, _ in functions if not f.startswith("_")} & ROOMS
        assert not shared, f"{name}: {shared}"


def test_the_package_loads_nothing_until_a_name_is_used():
    program = (
        "import sys, pkpd; print([m for m in sys.modules if m.startswith('pkpd.') or m == 'numpy'])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "[]"


def test_the_help_of_the_command_line_loads_nothing_heavy():
    heavy = ["numpy", "numba", "scipy", "pandas", "pint", "matplotlib", "pyarrow", "sklearn"]
    program = (
        "import sys; from pkpd.cli import main\n"
        "try: main(['--help'])\n"
        f"except SystemExit: print([m for m in {heavy} if m in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert printed.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", pkpd.__all__)
def test_every_public_name_exists_and_is_documented(name):
    assert getattr(pkpd, name).__doc__


def test_the_version_is_the_one_of_the_project_and_loads_nothing_heavy():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    program = "import sys, pkpd; print(pkpd.__version__, 'numpy' in sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert printed.split() == [project["version"], "False"]


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        pkpd.nothing  # noqa: B018


@pytest.mark.parametrize("former", pkpd._FORMER)
def test_a_former_name_leads_to_the_new_one_with_a_warning(former):
    with pytest.warns(DeprecationWarning, match=f"pkpd.{former} is now pkpd."):
        found = getattr(pkpd, former)
    assert found is getattr(pkpd, pkpd._FORMER[former])
