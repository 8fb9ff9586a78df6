"""pkpd fit: hormetic dose-response curves for a user's table.

Parses, calls and prints; knows no arithmetic.
"""

from pathlib import Path
from typing import Annotated

import typer

from pkpd.cli import console, options
from pkpd.errors import PkpdError

Option = typer.Option


def fit(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Table (.csv or .parquet) with dose, response and perhaps weight, se or n.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str,
        Option(
            "--model",
            metavar="NAME",
            help="brain-cousens, crs-1, crs-0.5, crs-0.25, hill-product, opposed-emax, "
            "log-gaussian, log-logistic; names of R's drc such as BC.4; all compares them.",
        ),
    ] = "brain-cousens",
    c: Annotated[
        str | None,
        Option(
            "--c",
            metavar="C",
            help="The constant c: 0, or free to take any sign (default: 0 where c may be 0).",
            show_default=False,
        ),
    ] = None,
    better: Annotated[
        str,
        Option(
            "--better", metavar="WAY", help="Direction of a hormetic response: higher or lower."
        ),
    ] = "higher",
    level: Annotated[float, Option("--level", metavar="P", help="Level of the intervals.")] = 0.95,
    variance: Annotated[
        str,
        Option(
            "--variance",
            metavar="KIND",
            help="constant, poisson (counts) or proportional (to the square of the mean).",
        ),
    ] = "constant",
    dose_scale: Annotated[
        float,
        Option(
            "--dose-scale",
            metavar="S",
            help="Dose s of the crs models, whose form depends on the unit of dose.",
        ),
    ] = 1.0,
    dose: Annotated[str, Option("--dose", metavar="COLUMN", help="Column of the doses.")] = "dose",
    response: Annotated[
        str, Option("--response", metavar="COLUMN", help="Column of the responses.")
    ] = "response",
    out: Annotated[
        str | None,
        Option("--out", "-o", metavar="FILE", help="Summary to write: .json.", show_default=False),
    ] = None,
    figure: Annotated[
        bool,
        Option(
            "--figure/--no-figure", help="Draw a figure beside the summary.", show_default=False
        ),
    ] = False,
    format: options.Format = "png",
    json: options.Json = False,
    quiet: options.Quiet = False,
):
    """Fit a hormetic dose-response curve.

    Peak, zero-equivalent dose and stimulation with intervals, and a test of hormesis.

    \b
    Examples:
      pkpd fit lettuce.csv --model brain-cousens
      pkpd fit lettuce.csv --model all --out fit.json --figure
      pkpd fit lettuce.csv --model crs-0.5 --c free --json
    """
    from pkpd.fits.fit import fit as fit_table
    from pkpd.report.words import fits
    from pkpd.result import json_text

    if out is not None and Path(out).suffix != ".json":
        raise PkpdError(f"--out '{out}': the summary of a fit is written as .json.")
    if out is None and figure:
        raise PkpdError(
            "A figure is drawn beside the summary; say where with --out, such as --out fit.json."
        )
    fitted = fit_table(
        data,
        model,
        c=c,
        better=better,
        level=level,
        variance=variance,
        dose_scale=dose_scale,
        dose=dose,
        response=response,
    )
    summary = fitted.summary(options.command_line())
    files = [] if out is None else _write(fitted, summary, Path(out), figure and format)
    if json:
        print(json_text(summary), end="")
    elif not quiet:
        _report(fitted, fits)
    console.finish(files, quiet=quiet or json)


def _write(fitted, summary, out, figure):
    """Write the summary and, in the format `figure`, the figure beside it; their paths."""
    from pkpd.result import write_json

    write_json(summary, out)
    if not figure:
        return [out]
    from pkpd.report.figures import plots

    plots.save(plots.plot(fitted), out.with_suffix(f".{figure}"))
    return [out, out.with_suffix(f".{figure}")]


def _report(fitted, fits):
    """Print a Fit or a Comparison in the words of pkpd.report.words.fits."""
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
