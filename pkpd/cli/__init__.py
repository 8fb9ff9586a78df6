"""The command line: `pkpd COMMAND`, one function of this package for each command.

Reads options, calls the public functions, prints sentences and writes files; computes nothing.
Knows terminals and options; knows nothing of solvers or statistics.
"""

import sys

import typer

from pkpd.cli import (
    bench,
    console,
    evidence,
    exchange,
    fitting,
    library,
    nca,
    report,
    response,
    sensitivity,
    simulation,
    trials,
    vpc,
    workbench,
)
from pkpd.errors import PkpdError
from pkpd.version import release

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Dose response and maximally effective doses of virtual patients, computed from "
    "mechanism.\n\nStart with: pkpd med ldn/hormesis -n 1000 --seed 7 --out med --report\n\n"
    "pkpd COMMAND --help has examples and options.",
)
app.command("models")(library.models)
app.command("check")(library.check)
app.command("show")(library.show)
app.command("cite")(library.cite)
app.command("import")(exchange.import_)
app.command("export")(exchange.export)
app.command("cohort")(exchange.cohort)
app.command("simulate")(simulation.simulate)
app.command("dose-response")(response.dose_response)
app.command("med")(response.med)
app.command("covariates")(response.covariates)
app.command("trial")(trials.trial)
app.command("sensitivity")(sensitivity.sensitivity)
app.command("explain")(sensitivity.explain)
app.command("predict")(sensitivity.predict)
app.command("compare")(evidence.compare)
app.command("design")(evidence.design)
app.command("identify")(evidence.identify)
app.command("summarise")(response.summarise)
app.command("report")(report.report)
app.command("contrast")(report.contrast)
app.command("fit")(fitting.fit)
app.command("nca")(nca.nca)
app.command("vpc")(vpc.vpc)
app.command("app")(workbench.app)
app.command("bench")(bench.bench)


@app.callback(invoke_without_command=True)
def top(version: bool = typer.Option(False, "--version", help="Print the version and stop.")):
    if version:
        console.lines([release()])
        raise typer.Exit


def main(arguments=None):
    """Run the command line. Exit code 1 and one sentence for wrong input, 2 for wrong usage."""
    console.prepare()
    try:
        try:
            with console.warnings_as_notes():
                app(arguments, prog_name="pkpd")
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # the reader of our output went away, as `pkpd models | head -1` does
        console.abandon()
        sys.exit(1)
    except (PkpdError, OSError, MemoryError) as error:
        console.note(_sentence(error))
        console.abandon()
        sys.exit(1)


def _sentence(error):
    """What went wrong, as one sentence."""
    if isinstance(error, PkpdError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The memory of this machine is not enough; ask for fewer patients, times or runs."
    if error.filename is None:
        return f"The results cannot be printed: {error.strerror or 'stdout is closed'}."
    return f"'{error.filename}': {error.strerror}."
