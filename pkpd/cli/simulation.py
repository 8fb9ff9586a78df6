"""pkpd simulate: a cohort under one regimen."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pkpd.cli import options, screen
from pkpd.errors import PkpdError

PATIENTS_AT_ONCE = 2048  # what Ctrl-C can lose at most


def simulate(
    model: options.Model,
    rx: Annotated[str, typer.Option("--rx", metavar="REGIMEN", help='Regimen, such as "4.5 mg q24h x 28".', show_default=False)],
    n: options.Number = 1000,
    seed: options.Seed = 1,
    sampling: options.Sampling = "sobol",
    typical: options.Typical = False,
    changes: options.Set = None,
    ids: options.Ids = None,
    times: Annotated[
        str | None,
        typer.Option("--times", metavar="START:STOP:STEP", help="Output times (default: hourly to one interval after the last dose).", show_default=False),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="CSV", help="Observations to draw on the figure: TIME and DV, or columns named like outputs.", show_default=False),
    ] = None,
    out: options.File = None,
    figure: Annotated[bool, typer.Option("--figure/--no-figure", help="Draw a figure beside the table.", show_default=False)] = False,
    threads: options.Threads = None,
    rtol: options.Tolerance = 1e-6,
    solver: options.Solver = "auto",
    json: options.Json = False,
    quiet: options.Quiet = False,
):
    """Simulate a cohort under one regimen.

    \b
    Examples:
      pkpd simulate pk/naltrexone --rx "2.4 mg" -n 200 --times 0:24:0.25 --out run.csv
      pkpd simulate ldn/hormesis --rx "1.5 mg q24h x 14 then 3 mg q24h x 14" --out run.parquet --figure
      pkpd simulate pk/two_compartment --rx "100 mg into central q12h x 6" --typical
    """
    from pkpd import simulation
    from pkpd.report.observed import observations
    from pkpd.symbolic.load import load

    if out is not None and Path(out).suffix not in (".csv", ".parquet"):
        raise PkpdError(f"--out '{out}': tables are written as .csv or .parquet.")
    if out is None and (figure or data):
        raise PkpdError("A figure is drawn beside the table; say where with --out, such as --out run.parquet.")
    found = load(model)
    seen = observations(data, found.outputs) if data else None
    people = options.cohort(found, n, seed, sampling, typical, changes, ids)

    def work(part, report):
        return simulation.simulate(found, rx, part, times=times, rtol=rtol, solver=solver, threads=threads, progress=report)

    with screen.progress(len(people), quiet) as advance:
        parts, stopped = screen.in_chunks(people, PATIENTS_AT_ONCE, work, advance)
    result = _joined(parts, people)
    files = [] if out is None else _write(result, Path(out), seen, figure or bool(data))
    if json:
        _print_json(result)
    else:
        _report(result, quiet)
    screen.finish(files, result.failure_sentence(), stopped, len(people), quiet or json)


def _joined(parts, people):
    """One Result from those of consecutive parts of the cohort."""
    import numpy as np

    if len(parts) == 1 and len(parts[0].values) == len(people):
        return parts[0]
    stack = {name: np.concatenate([getattr(p, name) for p in parts]) for name in ("values", "status", "fail_time")}
    return replace(parts[0], cohort=people.subset(people.ids[: len(stack["status"])]), **stack)


def _write(result, out, seen, figure):
    files = [out]
    result.write(out)
    if figure:
        from pkpd.report import plots

        files.append(out.with_suffix(".png"))
        plots.save(plots.time_course(result, data=seen), files[-1])
    return files


def _report(result, quiet):
    """Peak and last value of every output over the cohort."""
    if quiet or not (result.status == 0).any():
        return
    from pkpd.report import sentences

    print(f"{result.model.name}: {len(result.status)} patients, {result.regimen}, {len(result.times)} times\n")
    screen.table(sentences.COURSE_HEADERS, sentences.course(result))


def _print_json(result):
    from pkpd.report import sentences
    from pkpd.result import json_text

    outputs = [dict(zip(sentences.COURSE_HEADERS, row, strict=True)) for row in sentences.course(result)] if (result.status == 0).any() else []
    failed = result.failed.to_dict("records")
    print(json_text({"patients": len(result.status), "outputs": outputs, "failed": failed, "provenance": result.provenance()}), end="")
