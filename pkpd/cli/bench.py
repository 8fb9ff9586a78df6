"""pkpd bench: how fast and how exact the installed solver is on this machine."""

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
    """Speed and error of the installed solver on this machine, beside SciPy's, at the same tolerance and at equal error.

    \b
    Examples:
      pkpd bench
      pkpd bench --quick --json
    """
    from pkpd.bench.against_scipy import against_scipy
    from pkpd.report.words import speed

    found = against_scipy(quick)
    if json:
        from pkpd.result import json_text

        print(json_text(found), end="")
        return
    console.lines(speed.sentences(found))
    console.table(speed.HEADERS, speed.rows(found["rows"]))
