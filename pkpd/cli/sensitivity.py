"""pkpd sensitivity: why patients differ."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pkpd.cli import options, screen

Methods = Annotated[str, typer.Option("--methods", metavar="NAMES", help="sobol, shapley, or both.")]
HalfWidth = Annotated[float, typer.Option("--half-width", metavar="W", help="Of the 95 % intervals: points are doubled where it is not reached (Shapley effects: 1.5 times it).")]
Points = Annotated[int, typer.Option("-n", "--points", min=2, metavar="N", help="Points of each scrambling to begin with; a power of two is best.")]
Most = Annotated[int, typer.Option("--most", min=2, metavar="N", help="Points of each scrambling at most.")]
Scramblings = Annotated[int, typer.Option("--scramblings", min=2, metavar="R", help="Independent repetitions, whose scatter gives the intervals.")]


def sensitivity(
    model: options.Model,
    methods: Methods = "sobol,shapley",
    half_width: HalfWidth = 0.02,
    n: Points = 256,
    most: Most = 4096,
    scramblings: Scramblings = 16,
    seed: options.Seed = 1,
    changes: options.Set = None,
    doses: options.Doses = None,
    delta: options.Delta = None,
    every: options.Every = None,
    outcome: options.Outcome = None,
    better: options.Better = None,
    into: options.Into = None,
    out: options.Folder = None,
    figure: options.Figure = True,
    threads: options.Threads = None,
    solver: options.Solver = "auto",
    json: options.Json = False,
    quiet: options.Quiet = False,
):
    """Which inputs make patients differ in their MED, in its benefit and in being helped at all.

    Sobol' indices of every input that varies and of each block of equations: alone (S1, closed) and with all that they act together with
    (ST, total), on independent latent values.

    \b
    Examples:
      pkpd sensitivity ldn/hormesis --out why
      pkpd sensitivity ldn/hormesis --set glia=0 --half-width 0.05
      pkpd sensitivity pk/one_compartment --outcome Cc --better higher --into depot --every "24 h" --doses 1:100mg
    """
    from pkpd.report import sensitivity as words
    from pkpd.sensitivity.influences import influences
    from pkpd.symbolic.load import load

    found = load(model)
    options.check_folder(out)
    chosen = tuple(name.strip() for name in methods.split(",") if name.strip())
    rule = {"doses": doses, "delta": delta, "every": every, "outcome": outcome, "better": better, "into": into}
    given = {"seed": seed, "set": options.assignments(changes), "solver": solver, "threads": threads} | rule
    with screen.progress(None, quiet) as advance:
        result = influences(found, chosen, half_width=half_width, points=n, most=max(n, most), scramblings=scramblings, progress=advance, **given)
    summary = result.summary(options.command_line())
    files = [] if out is None else _write(Path(out), result, summary, figure)
    if json:
        from pkpd.result import json_text

        print(json_text(summary | {"indices": _rows(result.columns)}), end="")
    elif not quiet:
        screen.lines(words.head(found, summary))
        for output in summary["outputs"]:
            print(f"\nShares of the variance of {words.LABELS[output]}")
            screen.table(*words.index_rows(result.columns, summary, output))
    screen.finish(files, None, None, 0, quiet or json)
    if summary["stopped"]:
        print(f"Stopped by Ctrl-C: what {summary['evaluations']} patients say is kept.", file=sys.stderr)
        raise typer.Exit(130)


def _rows(columns):
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _write(folder, result, summary, figure):
    from pkpd.result import write_json, write_table

    files = [folder / "sensitivity.parquet", folder / "sensitivity.json"]
    write_table(result.columns, files[0], {}, summary["provenance"])
    write_json(summary, files[1])
    if figure:
        from pkpd.report import plots

        files.append(folder / "sensitivity.png")
        plots.save(plots.plot(result), files[-1])
    return files
