"""pkpd import and export: models of other simulators.

Knows options and files; knows nothing of formats.
"""

from pathlib import Path
from typing import Annotated

import typer

from pkpd.cli import console, options

Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="FILE", help="File to write.", show_default=False),
]


def export(
    model: options.Model,
    to: Annotated[
        str,
        typer.Option("--to", metavar="FORMAT", help="Format to write: scipy."),
    ],
    out: Out = None,
):
    """Write a model for another simulator: its equations, typical values and doses.

    Without -o the text is printed. Variability, residual error and [benefit] are not carried over.

    \b
    Examples:
      pkpd export pk/naltrexone --to scipy -o naltrexone.py
    """
    from pkpd.exchange.export import export_model
    from pkpd.files import write_atomically
    from pkpd.symbolic.load import load

    text = export_model(load(model), to)
    if out is None:
        console.lines([text.rstrip("\n")])
        return
    write_atomically(out, lambda path: Path(path).write_text(text, encoding="utf-8"))
    console.finish([out])
