"""pkpd bench: how fast and how exact the installed solver is on this machine.

Knows the options; knows nothing of how time and error are measured.
"""

from typing import Annotated

import typer

from pkpd.cli import console, options


def bench(
    json: options.Json = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Two weeks of doses and one round: a first impression in seconds."
        ),
    ] = False,
):
    """Time the solver on this machine, beside SciPy's.

    Speed and error are compared at the same tolerance, and speed at equal error.

    \b
    Examples:
      pkpd bench
      pkpd bench --quick --json
    """
    from pkpd.bench.against_scipy import against_scipy
    from pkpd.report.words import speed

    measured = against_scipy(quick)
    if json:
        console.json(measured)
        return
    console.lines(speed.sentences(measured))
    console.table(speed.HEADERS, speed.rows(measured["rows"]))
