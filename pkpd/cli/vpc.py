"""pkpd vpc: observations set against data sets simulated from a model.

Parses, calls and prints; knows no statistics.
"""

from dataclasses import dataclass
from typing import Annotated

import typer

from pkpd import limits
from pkpd.cli import console, options
from pkpd.cli.groups import Numerics, Output, Screen, grouped
from pkpd.errors import PkpdError

Option = typer.Option


@dataclass(frozen=True)
class Looked:
    """What was observed, and how it is sorted."""

    output: Annotated[
        str | None,
        Option(
            "--output",
            metavar="NAME",
            help="Output that was observed (default: the first with residual error).",
            show_default=False,
        ),
    ] = None
    column: Annotated[
        str | None,
        Option(
            "--column",
            metavar="NAME",
            help="Column of observations (default: DV, or named like the output).",
            show_default=False,
        ),
    ] = None
    bins: Annotated[
        str | None,
        Option(
            "--bins",
            metavar="BINS",
            help="Number of bins, or their edges as 0,1,4,12 (default: each time where there are "
            "at most 15, else 10 bins).",
            show_default=False,
        ),
    ] = None
    by: Annotated[
        str | None,
        Option("--by", metavar="COLUMN", help="Column of strata.", show_default=False),
    ] = None
    after_dose: Annotated[
        bool, Option("--after-dose", help="Count time from a patient's last dose.")
    ] = False
    limit: Annotated[
        float | None,
        Option(
            "--limit",
            metavar="VALUE",
            help="Limit of quantification, in the output's unit.",
            show_default=False,
        ),
    ] = None
    corrected: Annotated[bool, Option("--corrected", help="Prediction-corrected (pcVPC).")] = False
    percentiles: Annotated[
        str, Option("--percentiles", metavar="LIST", help="Percentiles to compare.")
    ] = "5,50,95"
    level: Annotated[
        float, Option("--level", metavar="PERCENT", help="Level of the intervals.")
    ] = 95.0

    def columns(self):
        """Columns of the table that are read beside its records."""
        return [name for name in (self.column, self.by, self.output, "DV") if name]

    def given(self):
        """The arguments of pkpd.vpc. Raises PkpdError."""
        levels = _numbers("--percentiles", self.percentiles)
        return vars(self) | {"bins": _bins(self.bins), "percentiles": levels}


@dataclass(frozen=True)
class Simulated:
    """How data sets are simulated."""

    replicates: Annotated[
        int,
        Option(
            "--replicates",
            parser=options.whole(limits.FEWEST_DATA_SETS, limits.REPEATS),
            metavar="R",
            help="Number of simulated data sets.",
        ),
    ] = 500
    seed: options.Seed = 1
    residual: options.Residual = None
    changes: options.Set = None
    covariates: options.Covariates = None

    def given(self):
        """The arguments of pkpd.vpc. Raises PkpdError."""
        found = {name: value for name, value in vars(self).items() if name != "changes"}
        return found | {
            "residual": options.residuals(self.residual),
            "set": options.assignments(self.changes),
        }


@grouped
def vpc(
    model: options.Model,
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help="NONMEM event table with observations, .csv or .parquet.",
            show_default=False,
        ),
    ],
    looked: Looked,
    simulated: Simulated,
    numerics: Numerics,
    output: Output,
    screen: Screen,
):
    """Visual predictive check of a model against observations.

    The table's doses, times and covariates are simulated many times with new people; percentiles of
    the observations are set against those of the simulated data sets.

    \b
    Examples:
      pkpd vpc pk/one_compartment sampled.csv --residual "Cc: 20 %" --out check
      pkpd vpc pk/one_compartment sampled.csv --residual "Cc: 20 %" --corrected --bins 6
      pkpd vpc pk/one_compartment sampled.csv --residual "Cc: 20 %" --by ARM --limit 300 --json
    """
    from pkpd.dosing.records import account, events
    from pkpd.predictive.vpc import vpc as run
    from pkpd.report.words import vpc as words
    from pkpd.symbolic.load import load

    output.check()
    found = load(model)
    records = events(found, table)
    screen.note(account(found, records, looked.columns()))
    given = looked.given() | simulated.given() | numerics.given()
    with screen.progress(simulated.replicates, "data sets") as advance:
        check, stop = console.kept(lambda: run(found, records, progress=advance, **given))
    summary = check.summary(options.command_line())
    files = output.write(check, summary)
    if screen.json:
        console.json(summary)
    elif not screen.quiet:
        console.lines([*words.sentences(check), ""])
        console.table(words.HEADERS, words.rows(check))
    console.finish(files, None, stop, screen.silent)


def _bins(text):
    """Number of bins, edges, or None."""
    if text is None or "," in text:
        return None if text is None else _numbers("--bins", text)
    try:
        return int(text)
    except ValueError:
        raise PkpdError(f"--bins '{text}': write a number, or edges as 0,1,4,12.") from None


def _numbers(option, text):
    """Numbers of a list with commas."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise PkpdError(f"{option} '{text}': write numbers as 0,1,4,12.") from None
