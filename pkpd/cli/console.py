"""What a user sees: tables, sentences and a progress bar. Results go to stdout, everything else to stderr."""

import sys
from contextlib import contextmanager


def table(headers, rows):
    """Print an aligned table; on a terminal long cells are wrapped, in a pipe each row stays one line."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = (
        Console(highlight=False)
        if sys.stdout.isatty()
        else Console(width=10_000, highlight=False, color_system=None)
    )
    sheet = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for header in headers:
        sheet.add_column(header, overflow="fold")
    for row in rows:
        sheet.add_row(*(Text(str(cell)) for cell in row))
    console.print(sheet)


@contextmanager
def progress(total, quiet=False):
    """Yield advance(done, total of now), or None where nobody watches. Shows patients, patients per second and time left on stderr."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    rate = TextColumn("{task.fields[rate]}")
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("patients"),
        rate,
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("", total=total, rate="")

        def advance(done, total=None):
            speed = bars.tasks[0].speed
            bars.update(
                bar, completed=done, total=total, rate=f"{speed:,.0f} patients/s" if speed else ""
            )

        yield advance


def in_chunks(cohort, size, work, advance):
    """[work(part, done)] over parts of the cohort and the number of patients finished when Ctrl-C stopped it, or None.

    work(part, report) computes `size` patients and calls report(done) as they finish, or not at all. Ctrl-C before the
    first part is finished raises KeyboardInterrupt.
    """
    parts, done = [], 0
    try:
        while done < len(cohort):
            part = cohort.subset(cohort.ids[done : done + size])
            before = done
            parts.append(
                work(
                    part, None if advance is None else lambda n, before=before: advance(before + n)
                )
            )
            done += len(part)
            if advance is not None:
                advance(done)
    except KeyboardInterrupt:
        if not parts:
            raise
        return parts, done
    return parts, None


def lines(texts):
    """Print lines of the result."""
    for text in texts:
        print(text)


def keep_model(model, folder):
    """Write the model beside its results; [the file], or [] and a sentence where its file has changed since the run began."""
    from pkpd.errors import ModelError
    from pkpd.response.folder import MODEL, write_model

    try:
        return [write_model(model, folder)]
    except ModelError as error:
        (folder / MODEL).unlink(missing_ok=True)  # of an earlier run
        print(
            f"{error} The results are those of the model as it was; its text is not kept beside them.",
            file=sys.stderr,
        )
        return []


def finish(files, failure, finished, total, quiet=False):
    """Say what failed and what was written. After Ctrl-C (`finished` patients of `total`) the exit code is 130."""
    import typer

    if failure:
        print(failure, file=sys.stderr)
    if files and not quiet:
        print("\nWrote " + ", ".join(str(f) for f in files))
    if finished is not None:
        print(
            f"Stopped by Ctrl-C: {finished} of {total} patients are finished and kept; the rest were not computed.",
            file=sys.stderr,
        )
        raise typer.Exit(130)
