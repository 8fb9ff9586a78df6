"""Real Python files as parts of a generated module.

A file that is pasted imports by name what the header of the module, or another pasted file, holds;
those imports are left out, and its docstring becomes a comment. So the file can be read, linted
and imported by itself, and the compiler sees one module with plain constants. Knows Python files;
knows nothing of what they do.
"""

import ast
from collections import Counter
from importlib import util
from pathlib import Path
from typing import Any


def pasted(name):
    """Text of a module of pkpd without its docstring and its imports from its own folder.

    name : "package.module"
    """
    spec: Any = util.find_spec(name)
    lines = Path(spec.origin).read_text().splitlines()
    tree = ast.parse("\n".join(lines))
    title = str(ast.get_docstring(tree)).splitlines()[0]
    folder = name.rpartition(".")[0]
    left_out: list[Any] = [tree.body[0], *(n for n in tree.body if _from(n, folder))]
    for node in reversed(left_out):
        del lines[node.lineno - 1 : node.end_lineno]
    text = "\n".join(lines).strip()
    return f"# {name}: {title}\n\n{text}"


def _from(node, folder):
    return isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{folder}.")


def indented(lines):
    """The lines as the body of a function or loop."""
    return [f"    {line}" for line in lines]


def joined(parts):
    """One module of parts of source. Raises ValueError where two of them define the same name."""
    text = "\n\n\n".join(parts) + "\n"
    names = Counter(name for node in ast.parse(text).body for name in _defined(node))
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise ValueError(f"A generated module would define {', '.join(twice)} twice.")
    return text


def _defined(node):
    if isinstance(node, ast.FunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))
