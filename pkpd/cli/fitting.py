"""pkpd fit: hormetic dose-response curves for a user's table."""

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
            help="brain-cousens, crs-1, crs-0.5, crs-0.25, hill-product, opposed-emax, log-gaussian, log-logistic; drc's BC.4 and the like; all compares.",
        ),
    ] = "brain-cousens",
    c: Annotated[
        str | None,
        Option(
            "--c",
            metavar="C",
            help="0 or free: the constant c (default: 0 where the equation allows it).",
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
    """Fit a hormetic dose-response curve: peak, zero-equivalent dose and stimulation with intervals, and a test of hormesis.

    \b
    Examples:
      pkpd fit lettuce.csv --model brain-cousens
      pkpd fit lettuce.csv --model all --out fit.json --figure
      pkpd fit lettuce.csv --model crs-0.5 --c free --json
    """
    from pkpd.fits import fit as room
    from pkpd.report.words import fits
    from pkpd.result import json_text

    if out is not None and Path(out).suffix != ".json":
        raise PkpdError(f"--out '{out}': the summary of a fit is written as .json.")
    if out is None and figure:
        raise PkpdError(
            "A figure is drawn beside the summary; say where with --out, such as --out fit.json."
        )
    found = room.fit(
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
    summary = found.summary(options.command_line())
    files = [] if out is None else _write(found, summary, Path(out), figure and format)
    if json:
        print(json_text(summary), end="")
    elif not quiet:
        _report(found, fits)
    console.finish(files, None, None, 0, quiet or json)


def _write(found, summary, out, figure):
    from pkpd.result import write_json

    write_json(summary, out)
    if not figure:
        return [out]
    from pkpd.report.figures import plots

    plots.save(plots.plot(found), out.with_suffix(f".{figure}"))
    return [out, out.with_suffix(f".{figure}")]


def _report(found, fits):
    single = hasattr(found, "curve")
    console.lines(
        [*(fits.fit_sentences(found) if single else fits.comparison_sentences(found)), ""]
    )
    console.table(
        *(
            (fits.FIT_HEADERS, fits.quantities(found))
            if single
            else (fits.MODEL_HEADERS, fits.models(found))
        )
    )
    notes = (
        fits.warnings(found)
        if single
        else [f"{name}: left out. {why}" for name, why in found.left_out.items()]
    )
    console.lines(["", *notes] if notes else [])
