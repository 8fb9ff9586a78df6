"""pkpd trial, and the titration that pkpd med --titrate adds: what a clinic would see.

Knows options and files; knows nothing of diaries or rules.
"""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pkpd import limits
from pkpd.cli import console, options


def trial(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Design of the trial, a .toml file (docs/trials.md).",
            show_default=False,
        ),
    ],
    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            parser=options.whole(1, limits.PATIENTS),
            metavar="N",
            help="Number of patients (default: the design's).",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            parser=options.whole(0, limits.SEED),
            metavar="S",
            help="Seed (default: the design's).",
            show_default=False,
        ),
    ] = None,
    ids: options.Ids = None,
    replicate: Annotated[
        int,
        typer.Option(
            "--replicate",
            parser=options.whole(0, limits.SEED),
            metavar="K",
            help="Repetition: the same people, new noise and randomisation.",
        ),
    ] = 0,
    out: options.Folder = None,
    figure: options.Figure = True,
    format: options.Format = "png",
    threads: options.Threads = None,
    rtol: options.Tolerance = 1e-6,
    solver: options.Solver = "auto",
    json: options.Json = False,
    quiet: options.Quiet = False,
):
    """Run a virtual trial: arms, titration by diary, adverse events, dropout, endpoints.

    \b
    Examples:
      pkpd trial trial.toml --out trial
      pkpd trial trial.toml -n 200 --seed 3 --json
    """
    from pkpd.report.words import trials as words
    from pkpd.trials import design, run

    plan = design.read(file)
    options.check_folder(out)
    people = {"n": n, "seed": seed, "ids": ids, "replicate": replicate}
    given = people | {"rtol": rtol, "solver": solver, "threads": threads}
    with console.progress(len(ids) if ids else n or plan.patients, quiet) as advance:
        result, stop = console.kept(lambda: run.trial(plan, progress=advance, **given))
    summary = result.summary(options.command_line())
    summary |= {"stopped": stop.about()} if stop else {}
    files = [] if out is None else _write(Path(out), result, summary, figure and format)
    if json:
        console.json(summary)
    elif not quiet:
        console.lines(words.trial_sentences(result.model, summary))
        console.table(words.ENDPOINT_HEADERS, words.endpoint_rows(summary))
    failed = sum(arm["left_because"]["not solved"] for arm in summary["arms"])
    failure = f"{failed} patients could not be solved; they count as having left."
    console.finish(files, failure if failed else None, stop, quiet or json)


def _write(folder, result, summary, figure):
    """Write the tables, summary.json, the figure and the model; the files written."""
    from pkpd.result import write_json, write_table

    files = []
    units = dict.fromkeys(("DOSE", "NEXT", "taken"), result.unit)
    tables = {"patients": result.patients(), "diary": result.diaries(), "audit": result.audit()}
    for name, columns in tables.items():
        files.append(folder / f"{name}.parquet")
        its_units = {n: u for n, u in units.items() if n in columns}
        write_table(columns, files[-1], its_units, summary["provenance"])
    files.append(folder / "summary.json")
    write_json(summary, files[-1])
    if figure:
        from pkpd.report.figures import plots

        files.append(folder / f"trial.{figure}")
        plots.save(plots.plot(result), files[-1])
    return files + console.keep_model(result.model, folder)


def checked(model, rule, diary, benefit):
    """The Diary of a titration, before anything is computed. Raises PkpdError where it cannot be.

    diary : path or None; benefit : changes of the model's [benefit]
    """
    from pkpd.response.benefit import benefit_of
    from pkpd.titration.library import rule as find_rule
    from pkpd.trials.observation import diary_of
    from pkpd.trials.physiology import check_outcome

    find_rule(rule)
    book = diary_of(diary)
    check_outcome(model, benefit_of(model, **benefit), book)
    return book


def titrated(table, rule, null, replicates, quiet, **given):
    """Titration of the patients of a MedTable and None, or after Ctrl-C what is finished of it.

    given : numerics, diary and changes of the benefit. The second is Stopped after Ctrl-C; the
    first is then the Titration of fewer repetitions, or None.
    """
    from pkpd.trials.titrate import REPETITIONS, titrate

    with console.progress(replicates * len(table.cohort), quiet) as advance:
        given |= {"null": null, "replicates": replicates, "truth": table, "progress": advance}
        run = partial(titrate, table.model, table.cohort, rule, **given)
        return console.kept(run, replicates, REPETITIONS)


def parts(titration):
    """Name of file -> tidy table of what a titration adds to the MEDs."""
    return {
        "audit": _Columns(titration, titration.course.audit()),
        "titrations": _Columns(titration, titration.replicates()),
    }


class _Columns:
    """A tidy table beside the model and rule that give its units."""

    def __init__(self, titration, columns):
        self.model, self.benefit, self.columns = titration.model, titration.benefit, columns


def summarised(titration):
    """Plain data of a titration for summary.json."""
    from pkpd.trials.titrate import summarise_observed

    return summarise_observed(titration)


def sentences(summary):
    """Lines on the observed MEDs of a summary."""
    from pkpd.report.words.trials import titration_sentences

    return ["", *titration_sentences(summary["observed"], summary["unit"])]
