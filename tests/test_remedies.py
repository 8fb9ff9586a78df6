"""What messages tell the user to do can be done: options and commands exist, extras install."""

import ast
import re
import shlex
import tomllib
from pathlib import Path

import typer

from pkpd.cli import app
from pkpd.report.words.trials import observed_sentences

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COMMANDS = {
    name: {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
    for name, command in typer.main.get_command(app).commands.items()
}
OPTIONS = set().union(*COMMANDS.values()) | {"--help", "--version"}


def texts():
    """(file, text) of every string in the package, the parts of f-strings joined by a blank."""
    for path in sorted((ROOT / "pkpd").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [v.value if isinstance(v, ast.Constant) else "X" for v in node.values]
                yield path.name, "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path.name, node.value


def test_every_option_that_a_message_names_is_one():
    named = {
        (name, option)
        for name, text in texts()
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)
    }
    assert len(named) > 50
    assert not {(name, option) for name, option in named if option not in OPTIONS}


def test_every_command_that_a_message_names_has_the_options_named_with_it():
    found = 0
    for name, text in texts():
        text = re.sub(r"\\\n\s*", "", text)
        for command, rest in re.findall(r"pkpd ([a-z-]+)((?: [^\n`;]*)?)", text):
            options = re.findall(r"(?<!\S)--[a-z][a-z-]*", rest)
            if options:
                assert command in COMMANDS, (name, text)
                assert set(options) <= COMMANDS[command], (name, text)
                found += 1
    assert found > 20


def test_every_extra_that_is_named_exists():
    pages = [*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *(ROOT / "pkpd").rglob("*.py")]
    named = {
        extra
        for page in pages
        for extra in re.findall(r"pip install [^\n`]*?\[(\w+)\]", page.read_text())
    }
    assert {"bench", "cluster", "predict", "test"} <= named <= set(PROJECT["optional-dependencies"])


def test_no_extra_needs_a_compiler():
    # of these no wheels exist for the Python versions that the package asks for
    without_wheels = {"numbalsoda"}
    for extra, requirements in PROJECT["optional-dependencies"].items():
        names = {re.match(r"[\w-]+", r).group() for r in requirements}
        assert not names & without_wheels, extra


def test_too_few_titrations_are_cured_by_more_titrations():
    nothing = {"share": float("nan"), "low": float("nan"), "high": float("nan")}
    summary = {"outcome": {"found": 0}, "observed_to_true": None, "correlation": None}
    summary |= {"share_real": nothing, "own_traits": False}
    (line,) = observed_sentences(summary, "mg")
    words = shlex.split(re.search(r"\((-n .*)\)", line).group(1))
    assert {w for w in words if w.startswith("-")} == {"-n", "--titrations"} <= COMMANDS["med"]
