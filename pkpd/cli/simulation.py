"""pkpd simulate: a cohort under one regimen, or the patients of an event table.

Knows options and files; knows nothing of how a time course is computed.
"""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pkpd.cli import console, options, repeat
from pkpd.errors import PkpdError

ENDPOINTS = (
    "In place of a time course, one number per patient: cmax, tmax, cmin, tmin, auc or mean of an "
    'output, such as cmax(Cc), or "time_above(Cc, 1 ng/mL)", time_below; may be repeated.'
)


def simulate(
    model: options.Model,
    rx: Annotated[
        str | None,
        typer.Option(
            "--rx",
            metavar="REGIMEN",
            help='Regimen, such as "4.5 mg q24h x 28".',
            show_default=False,
        ),
    ] = None,
    events: Annotated[
        str | None,
        typer.Option(
            "--events",
            metavar="TABLE",
            help="NONMEM event table, .csv or .parquet, in place of --rx; its IDs are the "
            "patients.",
            show_default=False,
        ),
    ] = None,
    carry: Annotated[
        str,
        typer.Option(
            "--carry",
            metavar="WAY",
            help="Covariates of an event table between records: backward (of the next record), "
            "forward (of the last) or linear.",
        ),
    ] = "backward",
    occasion: Annotated[
        str,
        typer.Option(
            "--occasion",
            metavar="WHAT",
            help="What begins an occasion, for variability between occasions: dose, a period such "
            'as "7 d", or none.',
        ),
    ] = "dose",
    residual: Annotated[
        list[str] | None,
        typer.Option(
            "--residual",
            metavar="OUTPUT:ERROR",
            show_default=False,
            help='Residual error, for a column OUTPUT_obs: "Cc: 15 % + 0.05 ng/mL", '
            '"Cc: log 15 %", or none (default: as the model says).',
        ),
    ] = None,
    n: options.Number = None,
    seed: options.Seed = 1,
    sampling: options.Sampling = "sobol",
    typical: options.Typical = False,
    changes: options.Set = None,
    ids: options.Ids = None,
    covariates: options.Covariates = None,
    by: options.By = None,
    uncertainty: options.Uncertainty = None,
    sets: options.Sets = None,
    replicates: options.Replicates = None,
    times: Annotated[
        str | None,
        typer.Option(
            "--times",
            metavar="START:STOP:STEP",
            help="Output times (default: hourly to the end; with --events: the records alone).",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="CSV",
            help="Observations to draw on the figure: TIME and DV, or columns named like outputs.",
            show_default=False,
        ),
    ] = None,
    endpoint: Annotated[
        list[str] | None,
        typer.Option("--endpoint", metavar="WHAT", help=ENDPOINTS, show_default=False),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help='Endpoints count from here on (model time, or "27 d").',
            show_default=False,
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="TIME",
            help="Endpoints count to here, just before a dose there.",
            show_default=False,
        ),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(
            "--window",
            metavar="WHEN",
            help='In place of --from and --to: "day 28" or "last interval".',
            show_default=False,
        ),
    ] = None,
    out: options.File = None,
    figure: Annotated[
        bool,
        typer.Option(
            "--figure/--no-figure", help="Draw a figure beside the table.", show_default=False
        ),
    ] = False,
    format: options.Format = "png",
    threads: options.Threads = None,
    rtol: options.Tolerance = 1e-6,
    solver: options.Solver = "auto",
    json: options.Json = False,
    quiet: options.Quiet = False,
):
    """Simulate a cohort under one regimen, or the patients of an event table.

    \b
    Examples:
      pkpd simulate pk/naltrexone --rx "2.4 mg" -n 200 --times 0:24:0.25 --out run.csv
      pkpd simulate ldn/hormesis --rx "1.5 mg q24h x 14 then 3 mg q24h x 14" \\
        --out run.parquet --figure
      pkpd simulate pk/two_compartment --rx "100 mg into central q12h x 6" --typical
      pkpd simulate pk/naltrexone --rx "0.05 mg/kg q24h x 7" --residual "Cc: 15 %" --by wt \\
        --out run.csv
      pkpd simulate pk/two_compartment --events doses.csv --times 0:48:0.5 --out run.csv --figure
      pkpd simulate pk/naltrexone --rx "50 mg q24h x 7" --endpoint "cmax(Cc)" \\
        --endpoint "time_above(Cc, 1 ng/mL)" --window "last interval"
      pkpd simulate ldn/hormesis --rx "4.5 mg q24h x 28" --endpoint "mean(pain)" \\
        --from "27 d" --to "28 d" --out day28.csv
    """
    from pkpd import simulation
    from pkpd.dosing.records import events as read_events
    from pkpd.report.figures.observations import observations
    from pkpd.symbolic.load import load

    if out is not None and Path(out).suffix not in (".csv", ".parquet"):
        raise PkpdError(f"--out '{out}': tables are written as .csv or .parquet.")
    if out is None and (figure or data):
        raise PkpdError(
            "A figure is drawn beside the table; say where with --out, such as --out run.parquet."
        )
    if (rx is None) == (events is None):
        raise typer.BadParameter("give the doses by one of --rx and --events")
    if (start or end) and window:
        raise typer.BadParameter("say when by --window or by --from and --to, not by both")
    options.check_typical(typical, ids, sampling)
    if endpoint and data:
        raise typer.BadParameter("--data goes on a figure of time courses; leave out --endpoint")
    found = load(model)
    errors = options.residuals(residual)
    observed = observations(data, found.outputs) if data else None
    table = None if events is None else read_events(found, events)
    if table is not None and not quiet:
        console.note(table.account)
    if table is not None and table.labels is not None and covariates:
        raise PkpdError(
            f"{events} calls patients by texts, which cannot be matched with {covariates}; "
            "give both tables the same numbers as IDs."
        )
    if table is not None and table.identified:
        table = table.of(ids) if ids else table
        ids = table.ids.tolist()
    people = options.cohort(found, n, seed, sampling, typical, changes, ids, covariates)
    subgroups = options.names(by, people)
    again = repeat.plan(
        found,
        people,
        seed,
        uncertainty,
        sets,
        replicates,
        lambda r: options.cohort(found, n, seed, sampling, typical, changes, ids, covariates, r),
    )
    if again is not None and table is not None:
        raise PkpdError("--uncertainty and --replicates repeat a regimen; give the doses by --rx.")
    if again is not None and endpoint:
        raise PkpdError("--uncertainty and --replicates repeat time courses; leave out --endpoint.")

    def work(part, report):
        what = {
            "endpoints": endpoint or None,
            "window": window or ((start, end) if start or end else None),
            "occasion": occasion,
            "residual": errors,
        }
        return simulation.simulate(
            found,
            rx if table is None else table,
            part,
            times,
            rtol=rtol,
            solver=solver,
            threads=threads,
            progress=report,
            carry=carry,
            **what,
        )

    with console.progress(len(people), quiet) as advance:
        result, stop = console.kept(lambda: work(people, advance))
    repeated = None
    if again is not None and stop is None:
        runs = partial(_again, again, result, work, quiet)
        repeated, stop = console.kept(runs, again.runs, "repeated runs")
    files = []
    if out is not None:
        drawn = (figure or bool(data)) and format
        files = _write(result, Path(out), observed, drawn, repeated)
    if json:
        _print_json(result, subgroups, repeated)
    else:
        _report(result, subgroups, repeated, quiet)
    console.finish(files, result.failure_sentence(), stop, quiet or json)


def _again(again, result, work, quiet):
    """The quantiles of the course over the runs of the plan."""
    from pkpd.response import uncertainty as repeated_studies

    def statistics(people):
        return repeated_studies.course_statistics(work(people, None))[1]

    runs = again.run(statistics, result.cohort, quiet)
    names, original = repeated_studies.course_statistics(result)
    return again.joined(names, original, runs, [True] * len(original))


def _write(result, out, observed, figure, repeated):
    """Write the table, the quantiles of a repeated study and the figure; the files written."""
    files = [out]
    result.write(out)
    if repeated is not None:
        from pkpd.response import uncertainty as repeated_studies
        from pkpd.result import write_table

        files.append(out.with_name(f"{out.stem}-quantiles{out.suffix}"))
        columns = repeated_studies.course_columns(result, repeated)
        write_table(columns, files[-1], {"TIME": result.time_unit}, result.provenance())
    if figure:
        from pkpd.report.figures import plots

        files.append(out.with_suffix(f".{figure}"))
        besides = {"data": observed} if observed else {}
        besides |= {"repeated": repeated} if repeated is not None else {}
        plots.save(plots.plot(result, **besides), files[-1])
    return files


def _report(result, by, repeated, quiet):
    """Print the table of outputs."""
    if quiet or not (result.status == 0).any():
        return
    from pkpd.report.words import results

    patients = f"{len(result.status)} patients"
    console.lines([f"{result.model.name}: {patients}, {result.regimen}, {result.span}", ""])
    console.table(*results.courses(result, by))
    if repeated is not None:
        console.lines(["", f"With 95 % intervals over {len(repeated.runs)} {repeated.kind}", ""])
        console.table(*results.interval_rows(result, repeated))


def _print_json(result, by, repeated):
    """Print outputs, failures and provenance as JSON."""
    from pkpd.report.words import results

    headers, rows = results.courses(result, by) if (result.status == 0).any() else ((), ())
    outputs = [dict(zip(headers, row, strict=True)) for row in rows]
    failed = result.failed.to_dict("records")
    summary = {
        "patients": len(result.status),
        "outputs": outputs,
        "failed": failed,
        "provenance": result.provenance(),
    }
    if repeated is not None:
        headers, rows = results.interval_rows(result, repeated)
        intervals = [dict(zip(headers, row, strict=True)) for row in rows]
        summary[repeated.kind.replace(" ", "_")] = intervals
    console.json(summary)
