"""pkpd dose-response, med and summarise: what each dose is worth, and which is best.

Knows options and files; knows nothing of how a benefit or a MED is computed.
"""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pkpd.cli import console, options, repeat
from pkpd.errors import PkpdError

WORTH_SAYING = 1e9  # bytes of memory


def dose_response(
    model: options.Model,
    n: options.Number = None,
    seed: options.Seed = 1,
    sampling: options.Sampling = "sobol",
    typical: options.Typical = False,
    changes: options.Set = None,
    ids: options.Ids = None,
    covariates: options.Covariates = None,
    doses: options.Doses = None,
    every: options.Every = None,
    outcome: options.Outcome = None,
    better: options.Better = None,
    into: options.Into = None,
    out: options.Folder = None,
    figure: options.Figure = True,
    format: options.Format = "png",
    threads: options.Threads = None,
    rtol: options.Tolerance = 1e-6,
    solver: options.Solver = "auto",
    json: options.Json = False,
    quiet: options.Quiet = False,
):
    """Benefit of a range of doses at steady state, the same patients at every dose.

    \b
    Examples:
      pkpd dose-response ldn/hormesis --doses 0.05:50mg -n 1000 --out dr
      pkpd dose-response ldn/hormesis --every "12 h" --set glia=0 -n 200
      pkpd dose-response pk/one_compartment --outcome Cc --better higher --into depot \\
        --every "24 h" --doses 1:100mg
    """
    from pkpd.report.words import results
    from pkpd.response import dose_response as sweep
    from pkpd.symbolic.load import load

    options.check_typical(typical, ids, sampling)
    found = load(model)
    people = options.cohort(found, n, seed, sampling, typical, changes, ids, covariates)
    benefit = {"every": every, "outcome": outcome, "better": better, "into": into}
    options.check_folder(out)

    given = {"rtol": rtol, "solver": solver, "threads": threads} | benefit
    with console.progress(len(people), quiet) as advance:
        run = partial(sweep.dose_response, found, people, doses, progress=advance, **given)
        response, stop = console.kept(run)
    summary = results.dose_response_summary(response, options.command_line())
    summary |= {"stopped": stop.about()} if stop else {}
    files = []
    if out is not None:
        drawn, tables = figure and format, {"curves": response}
        files = write(Path(out), "dose-response", response, tables, summary, drawn)
    if json:
        console.json(summary)
    elif not quiet:
        console.lines(results.dose_response_sentences(found, summary))
        console.table(results.DOSE_HEADERS, results.dose_rows(summary))
    console.finish(files, results.failure(summary), stop, quiet or json)


def med(
    model: options.Model,
    n: options.Number = None,
    seed: options.Seed = 1,
    sampling: options.Sampling = "sobol",
    typical: options.Typical = False,
    changes: options.Set = None,
    ids: options.Ids = None,
    covariates: options.Covariates = None,
    doses: options.Doses = None,
    delta: options.Delta = None,
    every: options.Every = None,
    outcome: options.Outcome = None,
    better: options.Better = None,
    into: options.Into = None,
    titrate: options.Titrate = None,
    diary: options.Diary = None,
    null: options.Null = None,
    titrations: options.Titrations = None,
    by: options.By = None,
    uncertainty: options.Uncertainty = None,
    sets: options.Sets = None,
    replicates: options.Replicates = None,
    out: options.Folder = None,
    figure: options.Figure = True,
    format: options.Format = "png",
    threads: options.Threads = None,
    rtol: options.Tolerance = 1e-6,
    solver: options.Solver = "auto",
    report: options.Report = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    stream: options.Stream = False,
    resume: options.Resume = False,
    scheduler: options.Scheduler = None,
    chunk: options.Chunk = None,
):
    """Each patient's maximally effective dose (MED): table, summary and figure.

    With --titrate also the dose that titration by diary would find.

    \b
    Examples:
      pkpd med ldn/hormesis -n 1000 --seed 7 --out med --report
      pkpd med ldn/hormesis --set glia=0 -n 1000 --seed 7 --out without-glia
      pkpd med ldn/hormesis --set "toff=24 h" --delta "5 %" --json
      pkpd med ldn/hormesis -n 1000000 --seed 7 --stream --out large
      pkpd med ldn/hormesis -n 1000000 --seed 7 --stream --out large --resume
      pkpd med ldn/hormesis -n 1000 --titrate slow-ladder --out observed
      pkpd med ldn/hormesis -n 1000 --titrate slow-ladder --null same-med
      pkpd med ldn/hormesis --doses "0.001:0.7 mg/kg" --by wt -n 500
    """
    from pkpd.cli import trials
    from pkpd.symbolic.load import load

    found = load(model)
    benefit = {
        "doses": doses,
        "delta": delta,
        "every": every,
        "outcome": outcome,
        "better": better,
        "into": into,
    }
    numerics = {"rtol": rtol, "solver": solver, "threads": threads}
    options.check_folder(out)
    if report and out is None:
        raise typer.BadParameter("--report writes to a folder; give it with --out")
    for what, value in (
        ("--null is a control for", null),
        ("--diary is the diary of a", diary),
        ("--titrations is the number of times of", titrations),
    ):
        if value and not titrate:
            remedy = "give --titrate as well, such as --titrate slow-ladder"
            raise PkpdError(f"{what} titration; {remedy}.")
    if stream:
        if any((typical, ids, titrate, covariates, uncertainty, replicates)):
            raise typer.BadParameter(
                "--stream computes the true MEDs of a cohort drawn from the model; leave out "
                "--typical, --id, --titrate, --covariates, --uncertainty, --replicates"
            )
        if out is None:
            raise typer.BadParameter("--stream writes to a folder; give it with --out")
        given = {
            "seed": seed,
            "sampling": sampling,
            "set": options.assignments(changes),
            "size": chunk,
            "resume": resume,
        }
        subgroups = options.names(by, options.cohort(found, 1, seed, sampling, False, changes))
        size = options.PATIENTS if n is None else n
        table = _streamed(found, Path(out), size, scheduler, quiet, **given, **numerics, **benefit)
        drawn = figure and format
        report_med(table, Path(out), {}, drawn, json, quiet, subgroups, report=report)
        return
    if resume or scheduler or chunk:
        raise typer.BadParameter("--resume, --scheduler and --chunk go with --stream")
    options.check_typical(typical, ids, sampling)

    def draw(replicate=0):
        return options.cohort(
            found, n, seed, sampling, typical, changes, ids, covariates, replicate
        )

    given = numerics | benefit
    if titrate:
        given |= {"diary": trials.checked(found, titrate, diary, benefit)}
    people = draw()
    subgroups = options.names(by, people)
    again = repeat.plan(found, people, seed, uncertainty, sets, replicates, draw)
    table, stop = _in_memory(found, people, quiet, **numerics, **benefit)
    titration, repeated = None, None
    if titrate and stop is None:
        count = titrations or options.TITRATIONS
        titration, stop = trials.titrated(table, titrate, null, count, quiet, **given)
    if again and stop is None:
        runs = partial(again.med, table, quiet, **numerics, **benefit)
        repeated, stop = console.kept(runs, again.runs, "repeated runs")
    parts = {"patients": titration or table, "curves": table.curves}
    parts |= trials.parts(titration) if titration else {}
    report_med(
        table,
        out and Path(out),
        parts,
        figure and format,
        json,
        quiet,
        subgroups,
        titration,
        repeated,
        report,
        stop,
    )


def summarise(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Folder of a streamed run.", show_default=False)
    ],
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Folder for summary and figure (default: the same).",
            show_default=False,
        ),
    ] = None,
    by: options.By = None,
    figure: options.Figure = True,
    format: options.Format = "png",
    json: options.Json = False,
    quiet: options.Quiet = False,
):
    """Quantiles, histogram and figure of streamed MEDs, which need not fit in memory.

    Every file is compared with its checksum first. An incomplete run is summarised as far as it
    went.

    \b
    Examples:
      pkpd summarise large
      pkpd summarise large --by wt
      pkpd summarise large --json --out elsewhere
    """
    from pkpd.response import streamed
    from pkpd.response.folder import understood

    options.check_folder(out)
    table = streamed.open_results(folder)
    left = table.folder.total - len(table)
    if left:
        console.note(f"{left} of {table.folder.total} patients are not computed yet.")
    subgroups = options.names(by, table.people)
    drawn = figure and format
    with understood(folder):
        report_med(table, Path(out or folder), {}, drawn, json, quiet, subgroups)


def report_med(
    table,
    out,
    parts,
    figure,
    json,
    quiet,
    subgroups=(),
    titration=None,
    repeated=None,
    report=False,
    stop=None,
):
    """Print and write what a table of MEDs says.

    figure : its format, or False; report : whether to write the page; stop : Stopped of the run
    titration : of the same patients, or None; repeated : pkpd.cli.repeat.Runs of the study, or None
    """
    from pkpd.cli import trials
    from pkpd.report.words import results
    from pkpd.response.summary import summarise

    summary = summarise(table, command=options.command_line(), by=subgroups)
    summary |= {"observed": trials.summarised(titration)} if titration else {}
    summary |= repeated.summary() if repeated else {}
    summary |= {"stopped": stop.about()} if stop else {}
    files = []
    if out is not None:
        files = write(out, "med", titration or table, parts, summary, figure)
        files += [repeated.write(out, table, summary["provenance"])] if repeated else []
    if report:
        from pkpd.report.page.page import write_page

        files.append(write_page(out))
    if json:
        console.json(summary)
    elif not quiet:
        console.lines(results.med_sentences(table.model, summary))
        console.lines(trials.sentences(summary) if titration else ())
        console.lines(results.repeated_sentences(summary))
        if subgroups:
            console.lines([""])
            console.table(*results.subgroup_rows(summary))
    console.finish(files, results.failure(summary), stop, quiet or json)


def _in_memory(model, people, quiet, **options):
    """The MedTable and None, or after Ctrl-C that of the finished patients and the Stopped."""
    from pkpd.errors import in_bytes
    from pkpd.response import med as room

    need = room.memory(model, len(people))
    if need > WORTH_SAYING and not quiet:
        console.note(
            f"About {in_bytes(need)} of memory; with --stream --out FOLDER it would not grow "
            "with -n."
        )
    with console.progress(len(people), quiet) as advance:
        run = partial(room.med, model, people, progress=advance, **options)
        return console.kept(run)


def _streamed(model, out, n, scheduler, quiet, **given):
    """The MedDataset; Ctrl-C ends the command with a sentence on how to resume it."""
    from pkpd.response import stream as room
    from pkpd.scale.schedulers import connect

    command = options.command_line().replace(" --resume", "")  # a resumed run is the same run
    with ExitStack() as stack:
        client = stack.enter_context(connect(scheduler)) if scheduler else None
        advance = stack.enter_context(console.progress(n, quiet))
        try:
            return room.stream(
                model,
                out,
                n,
                client=client,
                progress=advance,
                say=None if quiet else console.note,
                complain=console.note,
                command=command,
                **given,
            )
        except KeyboardInterrupt:
            console.note(
                f"Stopped by Ctrl-C. Finished chunks are kept in '{out}'; "
                f"continue with: {command} --resume"
            )
            raise typer.Exit(130) from None


def write(folder, name, thing, parts, summary, figure):
    """Write the tables of `parts`, summary.json, a figure and, of a run in memory, the model.

    thing : what the figure shows; figure : its format, or False. Returns the files written.
    """
    from pkpd.response.dose_response import column_units
    from pkpd.result import write_json, write_table

    files = []
    for part, table in parts.items():
        columns = table.columns if isinstance(table.columns, dict) else table.columns()
        files.append(folder / f"{part}.parquet")
        units = column_units(table.model, table.benefit, columns)
        write_table(columns, files[-1], units, summary["provenance"])
    files.append(folder / "summary.json")
    write_json(summary, files[-1])
    if figure:
        from pkpd.report.figures import plots

        files.append(folder / f"{name}.{figure}")
        plots.save(plots.plot(thing), files[-1])
    return files + console.keep_model(thing.model, folder) if parts else files
