"""Odd but real surroundings: closed and full outputs, odd letters, hostile titles."""

import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pkpd
from pkpd.report.words.harmless import harmless

PROGRAM = "import sys; from pkpd.cli import main; main(sys.argv[1:])"
ESCAPES = "\x1b[31m red \x1b[2J \x07 \u202e turned"


def shell(line, **options):
    """Exit code, stdout and stderr of `$PKPD ...` in a shell."""
    command = f"PKPD() {{ '{sys.executable}' -c '{PROGRAM}' \"$@\"; }}\n{line}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, **options)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "line, code, message",
    [
        ("PKPD --version > /dev/full", 1, "cannot be printed: No space left on device.\n"),
        ("PKPD check pk/one_compartment > /dev/full", 1, "No space left on device.\n"),
        ("PKPD --version >&-", 1, "cannot be printed: stdout is closed.\n"),
        ("PKPD check pk/one_compartment --quiet >&-", 0, ""),
        ("PKPD check nonsense 2> /dev/full", 1, ""),
        ("PKPD check nonsense 2>&-", 1, ""),
        ("PKPD check pk/one_compartment | head -c 1 > /dev/null", 0, ""),
    ],
)
def test_a_closed_or_full_output_is_one_sentence(line, code, message):
    found, out, err = shell(line)
    assert (found, out) == (code, "") and err.endswith(message) and err.count("\n") <= 1
    assert bool(err) == bool(message)


def own_model(folder, title, name="own.toml"):
    """A library model with another title, in a file of one's own."""
    lines = Path(pkpd.load("pk/one_compartment").path).read_text().splitlines()
    lines = [line for line in lines if not line.startswith("title")]
    path = folder / name
    path.write_text("\n".join([f"title = {toml(title)}", *lines]))
    return path


def toml(text):
    return '"' + "".join(f"\\U{ord(c):08x}" for c in text) + '"'


def test_titles_reach_a_terminal_without_their_controls(run, tmp_path):
    own_model(tmp_path, ESCAPES)
    code, out, err = run("show", "own.toml")
    assert (code, err) == (0, "") and harmless(ESCAPES) in out
    assert not set("\x1b\x07\u202e") & set(out)
    code, out, err = run("check", "own.toml\x1b[31m")
    assert code == 1 and "\x1b" not in err and r"\x1b[31m" in err


def test_letters_that_the_output_cannot_show_are_escaped(tmp_path):
    own_model(tmp_path, "Größe")
    for variables in ("PYTHONIOENCODING=ascii", "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0"):
        code, out, err = shell(f"export {variables}; PKPD show own.toml", cwd=tmp_path)
        assert (code, err) == (0, "") and out.startswith(r"own: Gr\xf6\xdfe")


@given(st.text(st.characters(exclude_categories=())))
def test_harmless_text_holds_no_control_and_keeps_all_else(text):
    shown = harmless(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cs", "Zl", "Zp"}
    assert {c for c in shown if unicodedata.category(c) == "Cc"} <= {"\n", "\t"}
    assert harmless(shown) == shown and shown.encode().decode() == shown
    if text.isprintable():
        assert shown == text
