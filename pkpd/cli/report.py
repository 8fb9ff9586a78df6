"""pkpd report: one page on whatever a folder holds.

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
            help="Folder that med, dose-response, trial or sensitivity has filled.",
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
    """Write one page on the results in a folder: figures, tables, model card, provenance.

    The page can be passed on and needs no network. It names what the folder does not hold, with the
    command that would make it.

    \b
    Examples:
      pkpd report med
      pkpd report med --out report.html
    """
    from pkpd.report.page.page import write_page

    if out is not None and Path(out).suffix not in (".html", ".htm"):
        raise PkpdError(f"--out '{out}': the page is written as .html.")
    console.finish([write_page(folder, out)], quiet=quiet)
