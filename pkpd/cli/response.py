"""pkpd dose-response and pkpd med: what each dose is worth to each patient, and which is best."""

from pathlib import Path

from pkpd.cli import options, repeat, screen
from pkpd.errors import PkpdError

PATIENTS_AT_ONCE = 512  # what Ctrl-C can lose at most


def dose_response(
    model: options.Model,
    n: options.Number = 1000,
    seed: options.Seed = 1,
    sampling: options.Sampling = "sobol",
    typical: options.Typical = False,
    changes: options.Set = None,
    ids: options.Ids = None,
    covariates: options.Covariates = None,
    doses: options.Doses = None,
    every: options.Every = None,
    outcome: options.Outcome = None,
    better: options.Better = None,
    into: options.Into = None,
    out: options.Folder = None,
    figure: options.Figure = True,
    threads: options.Threads = None,
    rtol: options.Tolerance = 1e-6,
    solver: options.Solver = "auto",
    json: options.Json = False,
    quiet: options.Quiet = False,
):
    """Benefit of a range of doses at steady state, the same patients at every dose.

    \b
    Examples:
      pkpd dose-response ldn/hormesis --doses 0.05:50mg -n 1000 --out dr
      pkpd dose-response ldn/hormesis --every "12 h" --set glia=0 -n 200
      pkpd dose-response pk/one_compartment --outcome Cc --better higher --into depot --every "24 h" --doses 1:100mg
    """
    from pkpd.report import sentences
    from pkpd.response import sweep
    from pkpd.symbolic.load import load

    found = load(model)
    people = options.cohort(found, n, seed, sampling, typical, changes, ids, covariates)
    rule = {"every": every, "outcome": outcome, "better": better, "into": into}
    _check_folder(out)

    def work(part, report):
        return sweep.dose_response(found, part, doses, rtol=rtol, solver=solver, threads=threads, progress=report, **rule)

    with screen.progress(len(people), quiet) as advance:
        parts, stopped = screen.in_chunks(people, PATIENTS_AT_ONCE, work, advance)
    done = people.subset(people.ids[: sum(len(p.untreated) for p in parts)])
    response = sweep.joined(parts, done)
    summary = sentences.dose_response_summary(response, options.command_line())
    files = [] if out is None else _write(Path(out), "dose-response", response, {"curves": response}, summary, figure)
    if json:
        _print_json(summary)
    elif not quiet:
        screen.lines(sentences.dose_response_sentences(found, summary))
        screen.table(sentences.DOSE_HEADERS, sentences.dose_rows(summary))
    screen.finish(files, sentences.failure(summary), stopped, len(people), quiet or json)


def med(
    model: options.Model,
    n: options.Number = 1000,
    seed: options.Seed = 1,
    sampling: options.Sampling = "sobol",
    typical: options.Typical = False,
    changes: options.Set = None,
    ids: options.Ids = None,
    covariates: options.Covariates = None,
    doses: options.Doses = None,
    delta: options.Delta = None,
    every: options.Every = None,
    outcome: options.Outcome = None,
    better: options.Better = None,
    into: options.Into = None,
    by: options.By = None,
    uncertainty: options.Uncertainty = None,
    sets: options.Sets = None,
    replicates: options.Replicates = None,
    out: options.Folder = None,
    figure: options.Figure = True,
    threads: options.Threads = None,
    rtol: options.Tolerance = 1e-6,
    solver: options.Solver = "auto",
    json: options.Json = False,
    quiet: options.Quiet = False,
):
    """Each patient's maximally effective dose (MED): table, summary and figure.

    \b
    Examples:
      pkpd med ldn/hormesis -n 1000 --seed 7 --out med
      pkpd med ldn/hormesis --set glia=0 -n 1000 --seed 7 --out without-glia
      pkpd med ldn/hormesis --set "toff=24 h" --delta "5 %" --json
      pkpd med ldn/hormesis --doses "0.001:0.7 mg/kg" --by wt -n 500
    """
    from pkpd.report import sentences
    from pkpd.report.published import RANGES
    from pkpd.response import med as room
    from pkpd.response import nested
    from pkpd.response.summary import summarise
    from pkpd.result import write_table
    from pkpd.symbolic.load import load

    found = load(model)
    people = options.cohort(found, n, seed, sampling, typical, changes, ids, covariates)
    subgroups = options.names(by, people)
    again = repeat.plan(
        found, people, seed, uncertainty, sets, replicates, lambda r: options.cohort(found, n, seed, sampling, typical, changes, ids, covariates, r)
    )
    rule = {"doses": doses, "delta": delta, "every": every, "outcome": outcome, "better": better, "into": into}
    _check_folder(out)
    with screen.progress(len(people), quiet) as advance:
        table = room.med(found, people, rtol=rtol, solver=solver, threads=threads, progress=advance, **rule)
    done = len(table.columns["ID"])
    known = RANGES.get(found.name)
    inside = (known.lowest, known.highest) if known and known.unit == table.rule.unit else None
    summary = summarise(table, inside, options.command_line(), subgroups)
    if again is not None and done == len(people):
        names, own = nested.med_statistics(table)
        runs = again.run(
            lambda c: nested.med_statistics(room.med(found, c, rtol=rtol, solver=solver, threads=threads, **rule))[1], people, quiet
        )
        repeated = again.joined(names, own, runs, [name != "with_med" for name in names])
        summary[again.key] = nested.med_summary(repeated)
    files = [] if out is None else _write(Path(out), "med", table, {"patients": table, "curves": table.curves}, summary, figure)
    if again is not None and again.key in summary and out is not None:
        files.append(Path(out) / f"{again.key}.parquet")
        write_table(again.columns | dict(zip(names, repeated.runs.T, strict=True)), files[-1], sentences.run_units(table, names), summary["provenance"])
    if json:
        _print_json(summary)
    elif not quiet:
        screen.lines(sentences.med_sentences(found, summary, people.changed))
        screen.lines(sentences.repeated_sentences(summary))
        if subgroups:
            print()
            screen.table(*sentences.subgroup_rows(summary))
    screen.finish(files, sentences.failure(summary), done if done < len(people) else None, len(people), quiet or json)


def _check_folder(out):
    """Refuse a folder that cannot be written before hours are spent on filling it. Raises PkpdError."""
    import os

    if out is None:
        return
    path = Path(out).absolute()
    above = next((p for p in (path, *path.parents) if p.exists()), path)
    if not above.is_dir():
        raise PkpdError(f"--out '{out}': {above} is a file, not a folder; choose another one.")
    if not os.access(above, os.W_OK | os.X_OK):
        raise PkpdError(f"--out '{out}': no permission to write in {above}; choose another folder.")


def _write(folder, name, thing, parts, summary, figure):
    """Write the tables of `parts`, summary.json and the figure of `thing`; the files written."""
    from pkpd.report import sentences
    from pkpd.result import write_json, write_table

    files = []
    for part, table in parts.items():
        columns = table.columns if isinstance(table.columns, dict) else table.columns()
        files.append(folder / f"{part}.parquet")
        write_table(columns, files[-1], sentences.column_units(table, columns), summary["provenance"])
    files.append(folder / "summary.json")
    write_json(summary, files[-1])
    if figure:
        from pkpd.report import plots

        files.append(folder / f"{name}.png")
        plots.save(plots.plot(thing), files[-1])
    return files


def _print_json(summary):
    from pkpd.result import json_text

    print(json_text(summary), end="")
