"""What a user sees: tables, sentences and a progress bar.

Results go to stdout, everything else to stderr. Knows texts and terminals; knows nothing of what
they are about.
"""

import os
import sys
import warnings
from contextlib import contextmanager, suppress

from pkpd.errors import PkpdWarning, Stopped
from pkpd.progress import bar
from pkpd.report.words.harmless import harmless


def prepare():
    """Make stdout and stderr take whatever is printed.

    Letters that a terminal cannot show are escaped. A closed stdout is replaced by one that raises
    OSError when something is printed, so that no file gets its place and no result is lost
    unnoticed.
    """
    if sys.stdout is None:
        sys.stdout = open(os.devnull)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def abandon():
    """Print nothing more, not even what is still in a buffer: stdout takes it no longer."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(text):
    """Print a sentence that is no result, to stderr; one that nobody can read is dropped."""
    with suppress(OSError):
        print(harmless(text), file=sys.stderr)


@contextmanager
def warnings_as_notes():
    """Print each of this package's warnings once, as a sentence on stderr."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", PkpdWarning)
        show = warnings.showwarning

        def shown(message, category, *place, **more):
            if issubclass(category, PkpdWarning):
                note(f"Warning: {message}")
            else:
                show(message, category, *place, **more)

        warnings.showwarning = shown
        yield


def table(headers, rows):
    """Print an aligned table. A terminal wraps long cells; in a pipe each row is one line."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if sys.stdout.isatty():
        console = Console(highlight=False)
    else:
        console = Console(width=10_000, highlight=False, color_system=None)
    sheet = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for header in headers:
        sheet.add_column(Text(harmless(header)), overflow="fold")
    for row in rows:
        sheet.add_row(*(Text(harmless(cell)) for cell in row))
    console.print(sheet)


@contextmanager
def progress(total, quiet=False, of="patients"):
    """Yield what a function takes as `progress`: False where nobody wants or sees a bar.

    Else advance(done, total), which shows patients, or what `of` names, how many a second and the
    time left on stderr.
    """
    if quiet or not sys.stderr.isatty():
        yield False
        return
    with bar(total, of) as advance:
        yield advance


def kept(run, total=None, of=""):
    """(run(), None), or after Ctrl-C what it has finished, and the Stopped that says how much.

    total, of : what the run was to do, where it may be left out: (None, Stopped) if nothing of it
        is finished
    """
    try:
        return run(), None
    except Stopped as stop:
        return stop.partial, stop
    except KeyboardInterrupt:
        if total is None:
            raise
        return None, Stopped(None, 0, total, of)


def json(data):
    """Print plain data as JSON."""
    from pkpd.result import json_text

    print(json_text(data), end="")


def lines(texts):
    """Print lines of the result."""
    for text in texts:
        print(harmless(text))


def finish(files, failure=None, stop=None, quiet=False):
    """Say what failed and what was written.

    stop : Stopped of a run that Ctrl-C ended; the exit code is then 130
    """
    import typer

    if failure:
        note(failure)
    if files and not quiet:
        lines(["", "Wrote " + ", ".join(str(f) for f in files)])
    if stop is not None:
        note(
            f"Stopped by Ctrl-C: {stop.finished} of {stop.total} {stop.of} are finished and kept; "
            "the rest were not computed."
        )
        raise typer.Exit(130)
