"""pkpd trial: what a clinic would see.

Knows options; knows nothing of diaries or rules.
"""

from dataclasses import dataclass
from typing import Annotated

import typer

from pkpd import limits
from pkpd.cli import console, options
from pkpd.cli.groups import Numerics, Output, Screen, grouped


@dataclass(frozen=True)
class Enrolled:
    """Who takes part, in place of whom the design names."""

    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            parser=options.whole(1, limits.PATIENTS),
            metavar="N",
            help="Number of patients (default: the design's).",
            show_default=False,
        ),
    ] = None
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            parser=options.whole(0, limits.SEED),
            metavar="S",
            help="Seed (default: the design's).",
            show_default=False,
        ),
    ] = None
    ids: options.Ids = None
    replicate: Annotated[
        int,
        typer.Option(
            "--replicate",
            parser=options.whole(0, limits.SEED),
            metavar="K",
            help="Number of the repetition: the same people with new noise and randomisation.",
        ),
    ] = 0


@grouped
def trial(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Design of the trial, a .toml file (docs/trials.md).",
            show_default=False,
        ),
    ],
    enrolled: Enrolled,
    output: Output,
    numerics: Numerics,
    screen: Screen,
):
    """Run a virtual trial.

    The design names arms, titration by a diary, adverse events, dropout and endpoints. It may have
    second drugs, rescue doses and cycles within a patient.

    \b
    Examples:
      pkpd trial trial.toml --out trial
      pkpd trial coming-off.toml --out coming-off
      pkpd trial trial.toml -n 200 --seed 3 --json
    """
    from pkpd.report.words import trials as words
    from pkpd.trials import design, run

    plan = design.read(file)
    output.check()
    given = vars(enrolled) | {"ids": options.numbered(enrolled.ids) or None} | numerics.given()
    total = len(enrolled.ids) if enrolled.ids else enrolled.n or plan.patients
    with screen.progress(total) as advance:
        result, stop = console.kept(lambda: run.trial(plan, progress=advance, **given))
    summary = result.summary(options.command_line())
    files = output.write(result, summary)
    if screen.json:
        console.json(summary)
    elif not screen.quiet:
        console.lines(words.trial_sentences(result.model, summary))
        console.table(words.ENDPOINT_HEADERS, words.endpoint_rows(summary))
    console.finish(files, words.failure(summary), stop, screen.silent)
