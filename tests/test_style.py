"""No function is longer than a screen, but the few loops that are listed here."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pkpd"
LONGEST = 60  # lines of code in a body, without docstrings, comments and blank lines
LOOPS = {  # one pass over many lanes or rows, which parts would only hide
    "solvers/batch.py": {"solve"},
    "solvers/lanes/loop.py": {"act", "solve"},
}


def code_lines(function, text):
    """How many lines of a function's body hold code."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    if not body:
        return 0
    lines = text.splitlines()[body[0].lineno - 1 : body[-1].end_lineno]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines)


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.stem)
def test_no_function_is_longer_than_sixty_lines_of_code(file):
    text = file.read_text()
    listed = LOOPS.get(file.relative_to(PACKAGE).as_posix(), set())
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
    long = {f.name for f in functions if code_lines(f, text) > LONGEST}
    assert long <= listed
