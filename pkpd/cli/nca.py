"""pkpd nca: noncompartmental analysis of a table. Parses, calls and prints."""

from typing import Annotated

import typer

from pkpd.cli import console, options

Option = typer.Option


def nca(
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help=".csv or .parquet with TIME, a column of concentrations and, if needed, "
            "ID AMT EVID MDV.",
            show_default=False,
        ),
    ],
    column: Annotated[
        str | None,
        Option(
            "--column",
            metavar="NAME",
            help="Column of concentrations (default: DV, or the only one).",
            show_default=False,
        ),
    ] = None,
    dose: Annotated[
        str | None,
        Option(
            "--dose",
            metavar="AMOUNT",
            help='Dose of everybody, such as "100 mg" (default: column AMT).',
            show_default=False,
        ),
    ] = None,
    route: Annotated[
        str, Option("--route", metavar="WAY", help="oral, bolus or infusion.")
    ] = "oral",
    duration: Annotated[
        float,
        Option(
            "--duration",
            metavar="TIME",
            min=0.0,
            help="Length of the infusion, in the table's unit of time.",
        ),
    ] = 0.0,
    every: Annotated[
        float | None,
        Option(
            "--every",
            metavar="TIME",
            help="Dosing interval, for one interval at steady state.",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        float | None,
        Option(
            "--start",
            metavar="TIME",
            help="Time of the dose (default: of the only AMT, else the first time).",
            show_default=False,
        ),
    ] = None,
    unit: Annotated[
        str | None,
        Option(
            "--unit",
            metavar="UNIT",
            help="Unit of the concentrations (default: what a Parquet file of pkpd says).",
            show_default=False,
        ),
    ] = None,
    time_unit: Annotated[
        str,
        Option(
            "--time-unit", metavar="UNIT", help="Unit of the times, where the file does not say."
        ),
    ] = "h",
    out: options.File = None,
    json: options.Json = False,
):
    """Exposure, terminal slope, clearance and volume of each ID, without a model.

    Area by linear-up/log-down trapezoids; the terminal slope is the log-linear fit to the last
    points that has the best adjusted R2.

    \b
    Examples:
      pkpd nca observed.csv --dose "320 mg" --unit mg/L
      pkpd nca run.parquet --column Cc --dose "50 mg" --out nca.csv
      pkpd nca observed.csv --dose "320 mg" --unit mg/L --route infusion --duration 0.5 --json
      pkpd nca observed.csv --dose "320 mg" --unit mg/L --every 24 --start 0
    """
    from pkpd.nca import noncompartmental
    from pkpd.report.words.results import exposure
    from pkpd.result import json_text, write_table

    found = noncompartmental(
        table,
        column,
        dose=dose,
        route=route,
        duration=duration,
        every=every,
        start=start,
        unit=unit,
        time_unit=time_unit,
    )
    units = found.attrs["units"]
    if out is not None:
        write_table(found, out, units, {"package": "pkpd", "command": options.command_line()})
    if json:
        print(json_text({"profiles": found.to_dict("records"), "units": units}), end="")
        return
    count = f"{len(found)} profile{'s' if len(found) > 1 else ''}"
    print(f"{table}: {count}, {route}\n")
    console.table(*exposure(found))
    console.finish([] if out is None else [out], None, None, len(found))
