"""pkpd report and contrast: one page on whatever a folder holds, or on several side by side.

Knows the options; knows nothing of what a page says.
"""

from pathlib import Path
from typing import Annotated

import typer

from pkpd.cli import console, options
from pkpd.errors import PkpdError


def report(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="Folder that a command has filled, such as med, trial, sensitivity or compare.",
            show_default=False,
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Page to write, .html (default: report.html in the folder).",
            show_default=False,
        ),
    ] = None,
    quiet: options.Quiet = False,
):
    """Write one page on the results in a folder.

    Figures, tables, model card and provenance on a page that can be passed on and needs no network.
    It names what the folder does not hold, with the command that would make it.

    \b
    Examples:
      pkpd report med
      pkpd report med --out report.html
    """
    from pkpd.report.page.page import write_page

    if out is not None and Path(out).suffix not in (".html", ".htm"):
        raise PkpdError(f"--out '{out}': the page is written as .html.")
    console.finish([write_page(folder, out)], quiet=quiet)


def contrast(
    folders: Annotated[
        list[str],
        typer.Argument(
            metavar="FOLDER FOLDER...",
            help="Folders that the same command has filled: med, dose-response or trial.",
            show_default=False,
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Folder for the page, contrast.html, and its figure.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            metavar="TEXT",
            help="What to call a folder; once for each, in their order (default: its path).",
            show_default=False,
        ),
    ] = None,
    format: options.Format = "png",
    quiet: options.Quiet = False,
):
    """Set the results of several folders side by side.

    Shows their numbers, a figure, and what differs between the runs. For two folders of MEDs of the
    same patients it also says how far each patient's own MED moves.

    \b
    Examples:
      pkpd contrast med glia-off --out contrast
      pkpd contrast med glia-off --label "full model" --label "glia off" --out contrast
    """
    from pkpd.report.page.contrast import Contrast

    if len(folders) < 2:
        raise typer.BadParameter("give at least two folders")
    if label and len(label) != len(folders):
        raise typer.BadParameter(f"give --label {len(folders)} times, once for each folder")
    options.check_folder(out)
    found = Contrast(folders, label)
    files = [] if out is None else found.write(out, format)
    if not quiet:
        console.table(*found.numbers())
        moved = found.moved()
        console.lines(["", moved] if moved else [])
        differences = found.differences()
        if differences:
            console.lines([""])
            console.table(("what differs", *found.labels), differences)
    console.finish(files, quiet=quiet)
