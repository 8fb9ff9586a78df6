"""pkpd sensitivity, explain and predict: why patients differ, and what measurements would tell.

Knows options and files; knows nothing of how shares of a variance are computed.
"""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pkpd import limits
from pkpd.cli import console, options
from pkpd.errors import PkpdError

PATIENTS = 2000  # of a prediction without -n
Methods = Annotated[
    str,
    typer.Option(
        "--methods",
        metavar="NAMES",
        help="Any of sobol, shapley, morris (screening) and local (elasticities of the typical "
        "patient).",
    ),
]
HalfWidth = Annotated[
    float,
    typer.Option(
        "--half-width",
        metavar="W",
        help="Of the 95 % intervals (Shapley effects, observed MEDs: 1.5 W): points are doubled "
        "until it is reached.",
    ),
]
Points = Annotated[
    int,
    typer.Option(
        "-n",
        "--points",
        parser=options.whole(2, limits.POINTS),
        metavar="N",
        help="Points of each scrambling to begin with; a power of two is best.",
    ),
]
Most = Annotated[
    int,
    typer.Option(
        "--most",
        parser=options.whole(2, limits.POINTS),
        metavar="N",
        help="Points of each scrambling at most, wide intervals or not.",
    ),
]
Titrate = Annotated[
    str | None,
    typer.Option(
        "--titrate",
        metavar="RULE",
        help="Also explain the MED observed by a rule, with the noise of titration as one more "
        "group: slow-ladder, ...",
        show_default=False,
    ),
]
Scramblings = Annotated[
    int,
    typer.Option(
        "--scramblings",
        parser=options.whole(2, limits.REPEATS),
        metavar="R",
        help="Independent repetitions, whose scatter gives the intervals.",
    ),
]


def sensitivity(
    model: options.Model,
    methods: Methods = "sobol,shapley",
    half_width: HalfWidth = 0.02,
    n: Points = 256,
    most: Most = 1024,
    scramblings: Scramblings = 16,
    titrate: Titrate = None,
    diary: options.Diary = None,
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
    format: options.Format = "png",
    threads: options.Threads = None,
    solver: options.Solver = "auto",
    json: options.Json = False,
    quiet: options.Quiet = False,
):
    """Which inputs make patients differ in their MED, in its benefit and in being helped at all.

    Sobol' indices of every input that varies and of each block of equations: alone (S1, closed) and
    with all their interactions (ST, total), on independent latent values.

    \b
    Examples:
      pkpd sensitivity ldn/hormesis --out why
      pkpd sensitivity ldn/hormesis --set glia=0 --methods sobol --half-width 0.05
      pkpd sensitivity ldn/hormesis --methods morris,local --out quick
      pkpd sensitivity ldn/hormesis --methods sobol --titrate slow-ladder
      pkpd sensitivity pk/two_compartment --outcome Cc --better higher --into depot \\
        --every "24 h" --doses 1:100mg --methods sobol
    """
    from pkpd.report.words import sensitivity as words
    from pkpd.sensitivity.sensitivity_indices import sensitivity_indices
    from pkpd.symbolic.load import load

    found = load(model)
    options.check_folder(out)
    if diary and not titrate:
        raise PkpdError("--diary is the diary of a titration; give --titrate as well.")
    chosen = tuple(name.strip() for name in methods.split(",") if name.strip())
    benefit = {
        "doses": doses,
        "delta": delta,
        "every": every,
        "outcome": outcome,
        "better": better,
        "into": into,
    }
    given = {
        "seed": seed,
        "set": options.assignments(changes),
        "solver": solver,
        "threads": threads,
    } | benefit
    with console.progress(None, quiet) as advance:
        run = partial(
            sensitivity_indices,
            found,
            chosen,
            half_width=half_width,
            points=n,
            most=max(n, most),
            scramblings=scramblings,
            titrate=titrate,
            diary=diary,
            progress=advance,
            **given,
        )
        result, stop = console.kept(run)
    summary = result.summary(options.command_line())
    files = []
    if out is not None:
        drawn = figure and format
        files = _write(Path(out), "sensitivity", result, summary, drawn, result.columns)
    if json:
        console.json(summary | {"indices": _rows(result.columns)})
    elif not quiet:
        console.lines(words.head(found, summary))
        for heading, (headers, rows) in words.tables_of(result.columns, summary):
            console.lines(["", heading])
            if rows:
                console.table(headers, rows)
    console.finish(files, stop=stop, quiet=quiet or json)


def explain(
    model: options.Model,
    id: Annotated[
        int,
        typer.Option(
            "--id",
            parser=options.whole(1, limits.PATIENTS),
            metavar="ID",
            help="The patient of the cohort.",
            show_default=False,
        ),
    ],
    seed: options.Seed = 1,
    sampling: options.Sampling = "sobol",
    changes: options.Set = None,
    doses: options.Doses = None,
    delta: options.Delta = None,
    every: options.Every = None,
    outcome: options.Outcome = None,
    better: options.Better = None,
    into: options.Into = None,
    out: options.Folder = None,
    figure: options.Figure = True,
    format: options.Format = "png",
    threads: options.Threads = None,
    solver: options.Solver = "auto",
    json: options.Json = False,
    quiet: options.Quiet = False,
):
    """Why one virtual patient's best dose is where it is.

    The curve and its parts, a day at four doses, and what moves the best dose away from the typical
    patient's.

    \b
    Examples:
      pkpd explain ldn/hormesis --id 17 --seed 7
      pkpd explain ldn/hormesis --id 17 --seed 7 --set glia=0 --out patient-17
    """
    from pkpd.report.words import explanation as words
    from pkpd.sensitivity import explanation as room
    from pkpd.symbolic.load import load

    options.check_folder(out)
    benefit = {
        "doses": doses,
        "delta": delta,
        "every": every,
        "outcome": outcome,
        "better": better,
        "into": into,
    }
    given = {
        "seed": seed,
        "sampling": sampling,
        "set": options.assignments(changes),
        "solver": solver,
        "threads": threads,
    }
    run = partial(room.explain, load(model), id, **given, **benefit)
    found, stop = console.kept(run)
    summary = found.summary(options.command_line())
    files = [] if out is None else _write(Path(out), "explain", found, summary, figure and format)
    if json:
        console.json(summary)
    elif not quiet:
        console.lines(words.sentences(found.model, summary))
        console.table(words.HEADERS, words.rows(summary))
        console.lines(["", words.small_print(summary)])
    console.finish(files, stop=stop, quiet=quiet or json)


def predict(
    model: options.Model,
    measure: Annotated[
        str | None,
        typer.Option(
            "--measure",
            metavar="NAMES",
            help="Inputs that can be measured, such as wt,infl (default: covariates).",
            show_default=False,
        ),
    ] = None,
    dose: Annotated[
        str | None,
        typer.Option(
            "--dose",
            metavar="DOSE",
            help='Dose after which exposure is measured, such as "4.5 mg".',
            show_default=False,
        ),
    ] = None,
    at: Annotated[
        str,
        typer.Option(
            "--at",
            metavar="TIMES",
            help="When after that dose a scan measures the blockade named in [benefit].",
        ),
    ] = "4 h",
    helped: Annotated[
        bool, typer.Option("--helped", help="Only patients who are helped enough.")
    ] = False,
    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            parser=options.whole(1, limits.PATIENTS),
            metavar="N",
            help=f"Number of patients (default: {PATIENTS}).",
            show_default=False,
        ),
    ] = None,
    seed: options.Seed = 1,
    sampling: options.Sampling = "sobol",
    changes: options.Set = None,
    covariates: options.Covariates = None,
    out: options.Folder = None,
    figure: options.Figure = True,
    format: options.Format = "png",
    threads: options.Threads = None,
    solver: options.Solver = "auto",
    json: options.Json = False,
    quiet: options.Quiet = False,
):
    """How well measurements predict the best dose, and what each is worth. Needs scikit-learn.

    \b
    Examples:
      pkpd predict ldn/hormesis --measure wt,infl --at "4 h, 24 h" -n 2000 --seed 7 --out predict
      pkpd predict ldn/hormesis --helped --dose "1.5 mg"
    """
    from pkpd.report.words import prediction as words
    from pkpd.sensitivity import prediction as room
    from pkpd.symbolic.load import load

    found = load(model)
    options.check_folder(out)
    people = options.cohort(
        found, n, seed, sampling, False, changes, None, covariates, default=PATIENTS
    )
    names = None
    if measure is not None:
        names = [name.strip() for name in measure.split(",") if name.strip()]
    with console.progress(len(people), quiet) as advance:
        run = partial(
            room.predict,
            found,
            people,
            names,
            dose=dose,
            at=at,
            helped=helped,
            solver=solver,
            threads=threads,
            progress=advance,
        )
        result, stop = console.kept(run)
    summary = result.summary(options.command_line())
    files = [] if out is None else _write(Path(out), "predict", result, summary, figure and format)
    if json:
        console.json(summary)
    elif not quiet:
        console.lines(words.sentences(found, summary))
        console.table(words.HEADERS, words.rows(summary))
    console.finish(files, stop=stop, quiet=quiet or json)


def _rows(columns):
    """Columns by name as one dict per row."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _write(folder, name, thing, summary, figure, columns=None):
    """Write <name>.json, columns as <name>.parquet, figures as <name><ending>, and the model.

    figure : its format, or False. Returns the files written.
    """
    from pkpd.result import write_figure, write_json, write_table

    files = []
    if columns is not None:
        files.append(folder / f"{name}.parquet")
        write_table(columns, files[-1], {}, summary["provenance"])
    files.append(folder / f"{name}.json")
    write_json(summary, files[-1])
    for ending, drawing in _drawings(thing).items() if figure else ():
        files.append(folder / f"{name}{ending}.{figure}")
        write_figure(drawing, files[-1])
    return files + console.keep_model(thing.model, folder)


def _drawings(thing):
    """The figures of a result, ending of the name -> figure."""
    from pkpd.report.figures import plots
    from pkpd.report.figures import sensitivity as sensitivity_figures

    if hasattr(thing, "columns"):
        return sensitivity_figures.figures(thing)
    return {"": plots.plot(thing)}
