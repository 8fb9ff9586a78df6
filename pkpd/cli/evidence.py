"""pkpd compare and design: explanations weighed by studies, and which study would tell more.

Knows options; knows nothing of weights or studies.
"""

from dataclasses import dataclass
from typing import Annotated

import typer

from pkpd import limits
from pkpd.cli import console, options
from pkpd.cli.groups import Reported, Screen, grouped

File = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE",
        help="Comparison, a .toml file (default: the explanations of low-dose naltrexone).",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Weighing:
    """How explanations are weighed."""

    study: Annotated[
        list[str] | None,
        typer.Option(
            "--study",
            metavar="FILE",
            help="A further study, a .toml file; may be repeated.",
            show_default=False,
        ),
    ] = None
    draws: Annotated[
        int,
        typer.Option(
            "--draws",
            parser=options.whole(2, limits.PATIENTS),
            metavar="K",
            help="Draws of typical values of each explanation.",
        ),
    ] = 1024
    people: Annotated[
        int,
        typer.Option(
            "--people",
            parser=options.whole(2, limits.PATIENTS),
            metavar="N",
            help="Simulated people under each draw.",
        ),
    ] = 64
    most: Annotated[
        int | None,
        typer.Option(
            "--most",
            parser=options.whole(2, limits.PATIENTS),
            metavar="K",
            help="Most draws of an explanation: draws are added while fewer than 100 count "
            "(default: four times --draws).",
            show_default=False,
        ),
    ] = None
    seed: options.Seed = 1
    width: Annotated[
        float,
        typer.Option(
            "--prior-width",
            metavar="F",
            help="Factor on the spread of every prior: 0.5 halves it, 2 doubles it.",
        ),
    ] = 1.0
    threads: options.Threads = None

    def run(self, file, folder, screen):
        """The WeighedExplanations; Ctrl-C leaves finished predictions in the folder."""
        from pkpd.evidence import compare

        with screen.progress(None, "draws") as advance:
            return compare.compare(
                file,
                add=self.study or (),
                draws=self.draws,
                people=self.people,
                most=self.most,
                seed=self.seed,
                width=self.width,
                folder=folder,
                threads=self.threads,
                progress=advance,
            )


@grouped
def compare(
    *,
    file: File = None,
    weighing: Weighing,
    output: Reported,
    screen: Screen,
):
    """Weigh explanations of a drug's effect by published studies.

    Each explanation is a model whose typical values have priors; the same draws of them are
    compared with all studies. With --out, finished predictions are kept: after Ctrl-C the same
    command resumes.

    \b
    Examples:
      pkpd compare --out weighed --report
      pkpd compare --draws 256 --people 32 --study my-study.toml --out weighed
      pkpd compare mine.toml --prior-width 2 --json
    """
    from pkpd.report.words import evidence as words

    output.check()
    result = weighing.run(file, output.out, screen)
    summary = result.summary(options.command_line())
    files = output.write(result, summary)
    files += output.page(result)
    if screen.json:
        console.json(summary)
    elif not screen.quiet:
        console.table(words.WEIGHT_HEADERS, words.weight_rows(summary))
        console.lines(words.weight_sentences(summary))
        console.lines(words.left_out_sentences(summary, result.left_out()))
    console.finish(files, None, None, screen.silent)


@dataclass(frozen=True)
class Planned:
    """Which studies are planned, and how large they are."""

    candidates: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDIES",
            help="Planned studies: a .toml file or a folder of them (default: those of low-dose "
            "naltrexone).",
            show_default=False,
        ),
    ] = None
    patients: Annotated[
        int | None,
        typer.Option(
            "-n",
            parser=options.whole(2, limits.PATIENTS),
            metavar="N",
            help="Number of patients that every study is scaled to (default: its own).",
            show_default=False,
        ),
    ] = None
    outcomes: Annotated[
        int,
        typer.Option(
            "--outcomes",
            parser=options.whole(2, limits.PATIENTS),
            metavar="S",
            help="Simulated outcomes of each study.",
        ),
    ] = 1000


@grouped
def design(
    planned: Planned,
    *,
    file: Annotated[
        str | None,
        typer.Option(
            "--comparison",
            metavar="FILE",
            help="Comparison to begin with, as for pkpd compare.",
            show_default=False,
        ),
    ] = None,
    weighing: Weighing,
    output: Reported,
    screen: Screen,
):
    """Rank planned studies by what they would tell.

    What each would tell about the explanations, and what that is worth to a choice of dose. It
    begins with the comparison that `pkpd compare` makes with the same options, and reuses the
    predictions that are in the folder.

    \b
    Examples:
      pkpd design --out weighed
      pkpd design -n 100 --out weighed
      pkpd design my-plan.toml --json
    """
    from pkpd.evidence import design as designs
    from pkpd.report.words import evidence as words

    output.check()
    weighed = weighing.run(file, output.out, screen)
    with screen.progress(None, "draws") as advance:
        given = {"folder": output.out, "threads": weighing.threads, "progress": advance}
        result = designs.design(weighed, **vars(planned), **given)
    summary = result.summary(options.command_line())
    files = output.write(result, summary)
    files += output.page(result, "design.html")
    if screen.json:
        console.json(summary)
    elif not screen.quiet:
        console.table(words.STUDY_HEADERS, words.study_rows(summary))
        console.lines(words.study_sentences(summary))
    console.finish(files, None, None, screen.silent)


@dataclass(frozen=True)
class Observations:
    """What is observed of how many patients, and what it is asked about."""

    rx: Annotated[
        str,
        typer.Option("--rx", metavar="REGIMEN", help="Doses, as for pkpd simulate."),
    ]
    times: Annotated[
        str,
        typer.Option("--times", metavar="START:STOP:STEP", help="When outputs are observed."),
    ]
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            metavar="NAME",
            help="What is observed (default: outputs with an error); may be repeated.",
            show_default=False,
        ),
    ] = None
    residual: options.Residual = None
    parameters: Annotated[
        str | None,
        typer.Option(
            "--parameters",
            metavar="NAMES",
            help="Parameters to determine, separated by commas (default: all).",
            show_default=False,
        ),
    ] = None
    subjects: Annotated[
        int,
        typer.Option(
            "-n",
            parser=options.whole(1, limits.PATIENTS),
            metavar="N",
            help="Number of patients, each like the typical one.",
        ),
    ] = 1
    changes: options.Set = None

    def given(self):
        """The arguments of pkpd.identify, but model and threads. Raises PkpdError."""
        errors = options.residuals(self.residual)
        if errors == "none":
            raise typer.BadParameter(
                "observations without any error tell everything; give an error"
            )
        asked = self.parameters
        return {
            "regimen": self.rx,
            "times": self.times,
            "outputs": self.outputs,
            "parameters": None if asked is None else list(map(str.strip, asked.split(","))),
            "residual": errors,
            "subjects": self.subjects,
            "set": options.assignments(self.changes),
        }


@grouped
def identify(
    model: options.Model,
    observations: Observations,
    *,
    threads: options.Threads = None,
    output: Reported,
    screen: Screen,
):
    """Find which parameters observations would determine.

    Or which combinations of them, and which not at all. Local: at the typical values, for small
    errors.

    \b
    Examples:
      pkpd identify pk/one_compartment --rx "100 mg" --times 1:24:1 --residual "Cc: 15 %"
      pkpd identify explanations/fast_offset --rx "4.5 mg q24h x 28" --times 0:672:24 \\
        --residual "pain: 0.5 NRS" --parameters s_opioid,emax,rmax,b50,tmem,tend,trec,tpain -n 50
    """
    from pkpd.evidence import identify as identifiability
    from pkpd.report.words import evidence as words
    from pkpd.symbolic.load import load

    output.check()
    given = observations.given()
    result = identifiability.identify(load(model), **given, threads=threads)
    summary = result.summary(options.command_line())
    files = output.write(result, summary)
    files += output.page(result)
    if screen.json:
        console.json(summary)
    elif not screen.quiet:
        console.table(words.PARAMETER_HEADERS, words.parameter_rows(summary))
        console.lines(words.combination_sentences(summary))
    console.finish(files, None, None, screen.silent)
