"""Public functions say what they take and return: in types, docstrings and examples that run."""

import doctest
import inspect
import re
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

import pkpd

ROOT = Path(__file__).parents[1]
FUNCTIONS = {
    name: getattr(pkpd, name) for name in pkpd.__all__ if inspect.isfunction(getattr(pkpd, name))
}
NEED_NOTHING = {"models"}  # take nothing, so that nothing can be wrong
# an example would compile a model for a minute, or compute for minutes
WITHOUT_EXAMPLE = {
    "dose_response",
    "med",
    "dosing_interval",
    "stream",
    "open_results",
    "summarise",
    "titrate",
    "trial",
    "sensitivity_indices",
    "explain",
    "predict",
    "repeat",
    "plot",
    "figures",
    "write_page",
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_is_annotated(name):
    signature = inspect.signature(FUNCTIONS[name])
    bare = [p.name for p in signature.parameters.values() if p.annotation is p.empty]
    assert not bare and signature.return_annotation is not signature.empty


def test_the_package_tells_type_checkers_that_it_is_annotated():
    assert (files("pkpd") / "py.typed").is_file()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_docstring_names_each_argument_what_is_returned_and_what_is_raised(name):
    function = FUNCTIONS[name]
    text = inspect.getdoc(function)
    arguments = inspect.signature(function).parameters
    assert [a for a in arguments if not re.search(rf"\b{a}\b", text)] == []
    if name not in NEED_NOTHING:
        assert re.search(r"\bRaises\b", text)


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - WITHOUT_EXAMPLE))
def test_the_examples_of_a_docstring_run(name, tmp_path, monkeypatch):
    for table in (ROOT / "docs").glob("*.csv"):
        shutil.copy(table, tmp_path)
    monkeypatch.chdir(tmp_path)
    (found,) = doctest.DocTestFinder(recurse=False).find(
        FUNCTIONS[name], name, globs={"pkpd": pkpd}
    )
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(found)
    assert results.attempted and not results.failed
