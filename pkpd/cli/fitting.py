"""pkpd fit: hormetic dose-response curves for a user's table.

Parses, calls and prints; knows no arithmetic.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pkpd.cli import console, options
from pkpd.cli.groups import Beside, Screen, grouped
from pkpd.errors import PkpdError

Option = typer.Option


@dataclass(frozen=True)
class Question:
    """Which curve is fitted to what, and how."""

    model: Annotated[
        str,
        Option(
            "--model",
            metavar="NAME",
            help="Curve (docs/hormesis-fits.md lists them), such as brain-cousens, crs-0.5 or "
            "hill-product; a name of R's drc, such as BC.4; or all, which compares them.",
        ),
    ] = "brain-cousens"
    c: Annotated[
        str | None,
        Option(
            "--c",
            metavar="C",
            help="The constant c: 0, or free to take any sign (default: 0 where c may be 0).",
            show_default=False,
        ),
    ] = None
    better: Annotated[
        str,
        Option(
            "--better", metavar="WAY", help="Direction of a hormetic response: higher or lower."
        ),
    ] = "higher"
    level: Annotated[
        float, Option("--level", metavar="P", help="Confidence level of the intervals.")
    ] = 0.95
    variance: Annotated[
        str,
        Option(
            "--variance",
            metavar="KIND",
            help="constant, poisson (counts) or proportional (to the square of the mean).",
        ),
    ] = "constant"
    dose_scale: Annotated[
        float,
        Option(
            "--dose-scale",
            metavar="S",
            help="Dose s of the crs models, whose form depends on the unit of dose.",
        ),
    ] = 1.0
    dose: Annotated[str, Option("--dose", metavar="COLUMN", help="Column of the doses.")] = "dose"
    response: Annotated[
        str, Option("--response", metavar="COLUMN", help="Column of the responses.")
    ] = "response"


@grouped
def fit(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Table (.csv or .parquet) with dose, response and perhaps weight, se or n.",
            show_default=False,
        ),
    ],
    question: Question,
    *,
    out: Annotated[
        str | None,
        Option("--out", "-o", metavar="FILE", help="Summary to write: .json.", show_default=False),
    ] = None,
    beside: Beside,
    screen: Screen,
):
    """Fit a hormetic dose-response curve.

    Gives the peak, the zero-equivalent dose and the stimulation with intervals, and a test of
    hormesis.

    \b
    Examples:
      pkpd fit lettuce.csv --model brain-cousens
      pkpd fit lettuce.csv --model all --out fit.json --figure
      pkpd fit lettuce.csv --model crs-0.5 --c free --json
    """
    from pkpd.fits.fit import fit as fit_table

    if out is not None and Path(out).suffix != ".json":
        raise PkpdError(f"--out '{out}': the summary of a fit is written as .json.")
    drawn = beside.drawn(out, "summary", "fit.json")
    fitted = fit_table(data, **vars(question))
    command = options.command_line()
    files = [] if out is None else fitted.write(out, figure=drawn, command=command)
    if screen.json:
        console.json(fitted.summary(command))
    elif not screen.quiet:
        _print(fitted)
    console.finish(files, quiet=screen.silent)


def _print(fitted):
    """Print a Fit or a Comparison in the words of pkpd.report.words.fits."""
    from pkpd.report.words import fits

    headers: tuple[str, ...]
    if hasattr(fitted, "curve"):
        sentences, notes = fits.fit_sentences(fitted), fits.warnings(fitted)
        headers, rows = fits.FIT_HEADERS, fits.quantities(fitted)
    else:
        sentences = fits.comparison_sentences(fitted)
        notes = [f"{name}: left out. {why}" for name, why in fitted.left_out.items()]
        headers, rows = fits.MODEL_HEADERS, fits.models(fitted)
    console.lines([*sentences, ""])
    console.table(headers, rows)
    console.lines(["", *notes] if notes else [])
