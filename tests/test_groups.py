"""Groups of options: written out as options of a command, and handed to it as one object."""

import inspect
from dataclasses import dataclass, is_dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from pkpd.cli import app
from pkpd.cli.groups import grouped


@dataclass(frozen=True)
class Size:
    width: Annotated[int, typer.Option("--width", help="How wide.")] = 2
    height: Annotated[int, typer.Option("--height", help="How high.")] = 3

    @property
    def area(self):
        return self.width * self.height


@grouped
def measure(
    name: Annotated[str, typer.Argument()],
    *,
    loud: Annotated[bool, typer.Option("--loud")] = False,
    size: Size,
    times: Annotated[int, typer.Option("--times")],
):
    """Measure a thing."""
    print(name, size.area, times, loud)


@pytest.fixture
def measured():
    one = typer.Typer()
    one.command()(measure)

    def run(*words):
        found = CliRunner().invoke(one, list(words))
        return found.exit_code, found.output

    return run


def test_a_group_is_one_object_of_the_options_that_it_declares(measured):
    assert measured("a", "--times", "1") == (0, "a 6 1 False\n")
    given = ("b", "--width", "5", "--times", "2", "--height", "4", "--loud")
    assert measured(*given) == (0, "b 20 2 True\n")
    assert measured("a")[0] == 2


def test_the_help_shows_the_options_of_a_group_with_their_defaults(measured):
    text = measured("--help")[1]
    assert "Measure a thing." in text and "How wide." in text and "[default: 3]" in text
    order = [text.index(f"--{name}") for name in ("loud", "width", "height", "times")]
    assert order == sorted(order)


def test_the_help_shows_whole_what_each_command_does():
    text = CliRunner().invoke(app, ["--help"], terminal_width=80).output
    lines = text.partition("Commands:\n")[2].splitlines()
    assert len(lines) == len(app.registered_commands)
    assert all(line.endswith(".") and not line.endswith("...") for line in lines)


def test_no_command_shows_a_group_itself():
    for command in app.registered_commands:
        parameters = inspect.signature(command.callback).parameters.values()
        shown = [p.name for p in parameters if is_dataclass(p.annotation)]
        assert not shown, command.name
