"""pkpd nca: noncompartmental analysis of a table of concentrations.

Parses, calls and prints; knows no arithmetic.
"""

from dataclasses import dataclass
from typing import Annotated

import typer

from pkpd.cli import console, options
from pkpd.cli.groups import grouped
from pkpd.errors import PkpdError

Option = typer.Option


@dataclass(frozen=True)
class Samples:
    """What was sampled, and after which dose."""

    column: Annotated[
        str | None,
        Option(
            "--column",
            metavar="NAME",
            help="Column of concentrations (default: DV, or the only one).",
            show_default=False,
        ),
    ] = None
    dose: Annotated[
        str | None,
        Option(
            "--dose",
            metavar="AMOUNT",
            help='Dose given to everybody, such as "100 mg" (default: column AMT).',
            show_default=False,
        ),
    ] = None
    route: Annotated[str, Option("--route", metavar="WAY", help="oral, bolus or infusion.")] = (
        "oral"
    )
    duration: Annotated[
        float | None,
        Option(
            "--duration",
            metavar="TIME",
            min=0.0,
            help="Length of the infusion, in the table's unit of time (default: AMT/RATE).",
            show_default=False,
        ),
    ] = None
    every: Annotated[
        float | None,
        Option(
            "--every",
            metavar="TIME",
            help="Dosing interval, for a profile at steady state (default: II of a dose with SS).",
            show_default=False,
        ),
    ] = None
    start: Annotated[
        float | None,
        Option(
            "--start",
            metavar="TIME",
            help="Time of the dose (default: of the only AMT; 0 in a table without doses).",
            show_default=False,
        ),
    ] = None
    unit: Annotated[
        str | None,
        Option(
            "--unit",
            metavar="UNIT",
            help="Unit of the concentrations (default: what a Parquet file of pkpd says).",
            show_default=False,
        ),
    ] = None
    time_unit: Annotated[
        str,
        Option("--time-unit", metavar="UNIT", help="Unit of the times, where the file has none."),
    ] = "h"


@dataclass(frozen=True)
class Conventions:
    """How areas and what is below the limit are counted."""

    area: Annotated[
        str,
        Option(
            "--area",
            metavar="RULE",
            help="linear-up-log-down, linear, or linear-log (logarithmic after the maximum).",
        ),
    ] = "linear-up-log-down"
    extrapolate: Annotated[
        str,
        Option(
            "--extrapolate",
            metavar="FROM",
            help="Area after the last sample from its concentration as observed or predicted.",
        ),
    ] = "observed"
    blq: Annotated[
        str | None,
        Option(
            "--blq",
            metavar="RULE",
            help="What <0.05, BLQ or a number below the column LLOQ counts as: zero, missing, "
            "leading-zero (0 before the first sample above the limit, missing after it), half "
            "(of the limit).",
            show_default=False,
        ),
    ] = None
    partial: Annotated[
        list[str] | None,
        Option(
            "--partial",
            metavar="FROM:TO",
            help="A further area, times from the dose: 0:12; may be repeated.",
            show_default=False,
        ),
    ] = None

    def given(self):
        """The arguments of pkpd.noncompartmental. Raises PkpdError."""
        return {
            "rule": self.area,
            "extrapolation": self.extrapolate,
            "blq": self.blq,
            "partial": [_ends(text) for text in self.partial or ()],
        }


@grouped
def nca(
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help=".csv or .parquet with TIME, a column of concentrations and, if needed, "
            "ID AMT RATE II ADDL SS EVID MDV CMT.",
            show_default=False,
        ),
    ],
    samples: Samples,
    conventions: Conventions,
    out: options.File = None,
    json: options.Json = False,
):
    """Noncompartmental analysis of a table of concentrations.

    Gives exposure, terminal slope, clearance and volume of each ID, by the conventions of Phoenix
    WinNonlin, which are printed below the table.

    \b
    Examples:
      pkpd nca observed.csv --dose "320 mg" --unit mg/L
      pkpd nca run.parquet --column Cc --dose "50 mg" --out nca.csv
      pkpd nca observed.csv --dose "320 mg" --unit mg/L --route infusion --duration 0.5 --json
      pkpd nca observed.csv --dose "320 mg" --unit mg/L --every 24 --start 0
      pkpd nca observed.csv --dose "320 mg" --area linear --partial 0:12 --extrapolate predicted
    """
    from pkpd.nca import noncompartmental
    from pkpd.report.words.results import exposure

    found = noncompartmental(table, **vars(samples), **conventions.given())
    files = [] if out is None else found.write(out, command=options.command_line())
    if json:
        summary = found.summary()
        console.json({key: summary[key] for key in ("profiles", "units", "conventions")})
        return
    count = f"{len(found)} profile{'s' if len(found) > 1 else ''}"
    console.lines([f"{table}: {count}, {samples.route}", ""])
    console.table(*exposure(found.frame()))
    console.lines(["", *found.conventions])
    console.finish(files)


def _ends(text):
    """(from, to) of a partial area as written: "0:12"."""
    start, _, end = text.partition(":")
    try:
        return float(start), float(end)
    except ValueError:
        raise PkpdError(f"--partial '{text}': write FROM:TO, such as 0:12.") from None
