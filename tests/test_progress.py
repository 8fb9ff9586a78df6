"""A bar where somebody looks, after a second of work; nothing anywhere else."""

import os
import pty
import subprocess
import sys

import nbclient
import nbformat
import pytest

import pkpd
from pkpd.errors import PkpdError
from pkpd.progress import watched

# counts to 5, a step every half second; the inner work has no bar of its own
PROGRAM = """
import time
from pkpd.progress import watched

@watched(lambda given: 4)
def inner(progress=None):
    assert progress is None
    return 1

@watched(lambda given: given["n"], of="steps")
def work(n, *, progress=None):
    inner()
    for done in range(1, n + 1):
        time.sleep(0.5)
        if progress:
            progress(done)
    return n

assert work(5, progress={progress}) == 5
"""


def in_a_terminal(program):
    """(exit code, what is printed) of a program whose stderr is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", program], stderr=theirs)
    os.close(theirs)
    printed = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        printed += piece
    os.close(ours)
    return process.wait(), printed.decode()


def test_a_terminal_shows_a_bar_once_work_takes_a_second():
    code, printed = in_a_terminal(PROGRAM.format(progress=None))
    assert code == 0 and "steps/s" in printed and "5/5" in printed
    assert "1/5" not in printed


def test_false_shows_none():
    assert in_a_terminal(PROGRAM.format(progress=False)) == (0, "")


def test_a_pipe_shows_none():
    program = [sys.executable, "-c", PROGRAM.format(progress=None)]
    found = subprocess.run(program, capture_output=True, text=True)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_a_notebook_shows_a_bar_below_the_cell_and_takes_it_away():
    book = nbformat.v4.new_notebook()
    text = PROGRAM.format(progress=None)
    spy = "import IPython.display as shown\nkept = []\nupdate = shown.DisplayHandle.update\n"
    spy += "shown.DisplayHandle.update = lambda h, o: (kept.append(o.data), update(h, o))\n"
    cells = [spy, text, "print(*kept, sep='\\n')"]
    book.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbclient.NotebookClient(book, timeout=120).execute()
    (output,) = book.cells[1].outputs
    assert output["data"]["text/html"] == ""
    assert (
        '<progress max="5" value="5"></progress> 5 of 5 steps' in book.cells[2].outputs[0]["text"]
    )


def test_a_function_that_is_watched_keeps_its_signature_and_its_errors():
    @watched(lambda given: len(given["cohort"]))
    def work(cohort, progress=None):
        return progress

    seen = []
    assert work([1], progress=seen.append) == seen.append
    assert work(None) is None and work([1], progress=False) is None
    with pytest.raises(TypeError, match="missing 1 required"):
        work()
    model = pkpd.load("pk/one_compartment")
    with pytest.raises(PkpdError, match="progress is a function"):
        pkpd.simulate(model, "100 mg", pkpd.cohort(model, 2), progress="yes")
