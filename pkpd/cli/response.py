"""pkpd dose-response, med and summarise: what each dose is worth, and which is best.

Knows options; knows nothing of how a benefit or a MED is computed.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer

from pkpd.cli import console, options
from pkpd.cli.groups import (
    Benefit,
    Drawn,
    Numerics,
    Outcome,
    Output,
    Patients,
    Repeats,
    Reported,
    Screen,
    Streaming,
    Titrated,
    grouped,
)

WORTH_SAYING = 1e9  # bytes of memory


@grouped
def dose_response(
    model: options.Model,
    people: Patients,
    asked: Outcome,
    output: Output,
    numerics: Numerics,
    screen: Screen,
):
    """Compute the benefit of a range of doses at steady state.

    The same patients receive every dose.

    \b
    Examples:
      pkpd dose-response ldn/hormesis --doses 0.05:50mg -n 1000 --out dr
      pkpd dose-response ldn/hormesis --every "12 h" --set glia=0 -n 200
      pkpd dose-response ldn/hormesis --spread "toff=40 %" -n 200
      pkpd dose-response pk/one_compartment --outcome Cc --better higher --into depot \\
        --every "24 h" --doses 1:100mg
    """
    from pkpd.report.words import results
    from pkpd.response import dose_response as room
    from pkpd.symbolic.load import load

    found = load(model)
    cohort = people.cohort(found, screen)
    output.check()
    given = asked.changes() | numerics.given()
    with screen.progress(len(cohort)) as advance:
        response, stop = console.kept(
            lambda: room.dose_response(found, cohort, progress=advance, **given)
        )
    summary = response.summary(options.command_line())
    files = output.write(response, summary)
    if screen.json:
        console.json(summary)
    elif not screen.quiet:
        console.lines(results.dose_response_sentences(found, summary))
        console.table(results.DOSE_HEADERS, results.dose_rows(summary))
    console.finish(files, results.failure(summary), stop, screen.silent)


@grouped
def med(
    model: options.Model,
    people: Patients,
    asked: Benefit,
    titrated: Titrated,
    repeats: Repeats,
    *,
    by: options.By = None,
    streaming: Streaming,
    output: Reported,
    numerics: Numerics,
    screen: Screen,
):
    """Find each patient's maximally effective dose (MED).

    With --titrate, also find the dose at which titration by a diary would settle.

    \b
    Examples:
      pkpd med ldn/hormesis -n 1000 --seed 7 --out med --report
      pkpd med ldn/hormesis --set glia=0 -n 1000 --seed 7 --out without-glia
      pkpd med ldn/hormesis --set "toff=24 h" --delta "5 %" --json
      pkpd med ldn/hormesis -n 1000000 --seed 7 --stream --out large
      pkpd med ldn/hormesis -n 1000000 --seed 7 --stream --out large --resume
      pkpd med ldn/hormesis -n 1000 --titrate slow-ladder --out observed
      pkpd med ldn/hormesis -n 1000 --titrate my-rule.toml --out observed
      pkpd med ldn/hormesis -n 1000 --titrate slow-ladder --null same-med
      pkpd med ldn/hormesis --doses "0.001:0.7 mg/kg" --by wt -n 500
    """
    from pkpd.symbolic.load import load

    found = load(model)
    output.check()
    titrated.check()
    streaming.check()
    given = numerics.given() | asked.changes()
    if streaming.stream:
        _check_streamed(people, titrated, repeats, output)
        subgroups = options.names(by, replace(people, n=1).cohort(found, screen))
        study = Study(_streamed(found, people, streaming, output, given, screen))
    else:
        cohort = people.cohort(found, screen)
        subgroups = options.names(by, cohort)
        again = repeats.runs(found, cohort, people.seed)
        plan = titrated.read(found, asked.changes()) if titrated.titrate else None
        study = _in_memory(found, cohort, given, screen)
        if plan and study.stop is None:
            study.titration, study.stop = titrated.run(study.table, plan, given, screen)
        if again and study.stop is None:
            study.repeated, study.stop = repeats.run(study.table, again, numerics, screen)
    tell(study, output, screen, subgroups)


@grouped
def covariates(
    model: options.Model,
    *,
    at: options.At = None,
    people: Drawn,
    asked: Benefit,
    repeats: Repeats,
    output: Reported,
    numerics: Numerics,
    screen: Screen,
):
    """Show how covariates move the MED of the same patients.

    Everybody first has all covariates at their reference, then one of them at another value. The
    figure is a forest plot.

    \b
    Examples:
      pkpd covariates ldn/hormesis --at wt=50,100 --at cirrhosis=1 -n 1000 --seed 7 --out forest
      pkpd covariates ldn/hormesis -n 256 --replicates 8
    """
    from pkpd.report.words import covariates as words
    from pkpd.response import covariate_effects as room
    from pkpd.symbolic.load import load

    found = load(model)
    output.check()
    cohort = people.cohort(found, screen)
    again = repeats.runs(found, cohort, people.seed)
    given = numerics.given() | asked.changes()
    values = options.values_at(at)
    with screen.progress(None) as advance:
        result = room.covariate_effects(found, cohort, values, progress=advance, **given)
    summary, repeated, stop = result.summary(options.command_line()), None, None
    if again:
        repeated, stop = repeats.run(result, again, numerics, screen)
        summary |= repeated.summary() if repeated else {}
    files = output.write(result, summary, repeated=repeated)
    if repeated and output.out:
        files.append(repeated.write(output.out, summary["provenance"]))
    files += output.page()
    if screen.json:
        console.json(summary)
    elif not screen.quiet:
        console.lines([*words.sentences(found, summary), ""])
        console.table(words.HEADERS, words.rows(found, summary))
    console.finish(files, stop=stop, quiet=screen.silent)


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
    """Summarise the MEDs of a streamed run.

    Quantiles, histogram and figure; the MEDs need not fit in memory. Every file is compared with
    its checksum first. An incomplete run is summarised as far as it went.

    \b
    Examples:
      pkpd summarise large
      pkpd summarise large --by wt
      pkpd summarise large --json --out elsewhere
    """
    from pkpd.response.streamed import open_results
    from pkpd.result import ResultFolder

    output = Reported(out or folder, figure, format)
    output.check()
    table = open_results(folder)
    left = table.folder.total - len(table)
    if left:
        console.note(f"{left} of {table.folder.total} patients are not computed yet.")
    with ResultFolder(folder).understood():
        tell(Study(table), output, Screen(json, quiet), options.names(by, table.people))


@dataclass
class Study:
    """What `pkpd med` has computed, as far as Ctrl-C let it.

    table : MedTable or MedDataset; titration : Titration, or None; repeated : RepeatedMeds, or None
    stop : Stopped of the run, or None
    """

    table: Any
    titration: Any = None
    repeated: Any = None
    stop: Any = None

    def summary(self, command, by):
        """Plain data for summary.json."""
        summary = (self.titration or self.table).summary(command, by)
        summary |= self.repeated.summary() if self.repeated else {}
        return summary | ({"stopped": self.stop.about()} if self.stop else {})

    def draw(self, output, summary, by):
        """Write the results and their figures; the files.

        The figure is that of a titration, else of intervals, else of subgroups; subgroups have a
        figure of their own where it is another's.
        """
        shown, apart = {"by": by} if by else {}, False
        if self.titration or self.repeated:
            shown, apart = {} if self.titration else {"repeated": self.repeated}, bool(by)
        files = output.write(self.titration or self.table, summary, **shown)
        return files + (output.draw(self.table, "-by", by=by) if apart else [])


def tell(study, output, screen, subgroups=()):
    """Print and write what a Study says. output : Reported"""
    from pkpd.report.words import results, trials

    summary = study.summary(options.command_line(), subgroups)
    files = study.draw(output, summary, subgroups)
    if study.repeated and output.out:
        files.append(study.repeated.write(output.out, summary["provenance"]))
    files += output.page()
    if screen.json:
        console.json(summary)
    elif not screen.quiet:
        console.lines(results.med_sentences(study.table.model, summary))
        if study.titration:
            console.lines(["", *trials.titration_sentences(summary["observed"], summary["unit"])])
        console.lines(results.repeated_sentences(summary))
        if subgroups:
            console.lines([""])
            console.table(*results.subgroup_rows(summary))
    console.finish(files, results.failure(summary), study.stop, screen.silent)


def _in_memory(model, cohort, given, screen):
    """The Study of a cohort, after Ctrl-C of the patients that are finished."""
    from pkpd.errors import in_bytes
    from pkpd.response import med as room

    need = room.memory(model, len(cohort))
    if need > WORTH_SAYING and not screen.quiet:
        console.note(
            f"About {in_bytes(need)} of memory; with --stream --out FOLDER it would not grow "
            "with -n."
        )
    with screen.progress(len(cohort)) as advance:
        table, stop = console.kept(lambda: room.med(model, cohort, progress=advance, **given))
    return Study(table, stop=stop)


def _check_streamed(people, titrated, repeats, output):
    """Refuse what a streamed run cannot do."""
    chosen = people.typical, people.ids, people.covariates
    if any((*chosen, titrated.titrate, repeats.uncertainty, repeats.replicates)):
        raise typer.BadParameter(
            "--stream computes the true MEDs of a cohort drawn from the model; leave out "
            "--typical, --id, --titrate, --covariates, --uncertainty, --replicates"
        )
    if output.out is None:
        raise typer.BadParameter("--stream writes to a folder; give it with --out")


def _streamed(model, people, streaming, output, given, screen):
    """The MedDataset; Ctrl-C ends the command with a sentence on how to resume it."""
    from pkpd.response import stream as room
    from pkpd.scale.schedulers import connect

    command = options.command_line().replace(" --resume", "")  # a resumed run is the same run
    n = options.PATIENTS if people.n is None else people.n
    with ExitStack() as stack:
        scheduler = streaming.scheduler
        client = stack.enter_context(connect(scheduler)) if scheduler else None
        advance = stack.enter_context(screen.progress(n))
        try:
            return room.stream(
                model,
                output.out,
                n,
                people.seed,
                sampling=people.sampling,
                **people.given(),
                size=streaming.chunk,
                resume=streaming.resume,
                client=client,
                progress=advance,
                say=None if screen.quiet else console.note,
                complain=console.note,
                command=command,
                **given,
            )
        except KeyboardInterrupt:
            console.note(
                f"Stopped by Ctrl-C. Finished chunks are kept in '{output.out}'; "
                f"continue with: {command} --resume"
            )
            raise typer.Exit(130) from None
