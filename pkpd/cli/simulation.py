"""pkpd simulate: a cohort under one regimen, or the patients of an event table.

Knows options; knows nothing of how a time course is computed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pkpd.cli import console, options
from pkpd.cli.groups import Beside, Numerics, Patients, Repeats, Screen, grouped
from pkpd.errors import PkpdError

ENDPOINTS = (
    "In place of a time course, one number per patient: cmax, tmax, cmin, tmin, auc or mean of an "
    'output, such as cmax(Cc), or "time_above(Cc, 1 ng/mL)", time_below; may be repeated.'
)


@dataclass(frozen=True)
class Doses:
    """What is given when."""

    rx: Annotated[
        str | None,
        typer.Option(
            "--rx",
            metavar="REGIMEN",
            help='Regimen, such as "4.5 mg q24h x 28" (docs/regimens.md); "and" joins drugs.',
            show_default=False,
        ),
    ] = None
    events: Annotated[
        str | None,
        typer.Option(
            "--events",
            metavar="TABLE",
            help="NONMEM event table, .csv or .parquet, in place of --rx; its IDs are the "
            "patients.",
            show_default=False,
        ),
    ] = None
    background: options.Background = None
    carry: Annotated[
        str,
        typer.Option(
            "--carry",
            metavar="WAY",
            help="Covariates between the records of an event table: those of the next "
            "record (backward), of the last one (forward), or interpolated (linear).",
        ),
    ] = "backward"
    occasion: Annotated[
        str,
        typer.Option(
            "--occasion",
            metavar="WHAT",
            help="What begins an occasion, for between-occasion variability: dose, a period such "
            'as "7 d", or none.',
        ),
    ] = "dose"

    def check(self):
        """Refuse doses from two places, or from none, and what a regimen has no use for."""
        if (self.rx is None) == (self.events is None):
            raise typer.BadParameter("give the doses by one of --rx and --events")
        if self.events is None and self.carry != "backward":
            raise typer.BadParameter("--carry is about the records of --events; leave it out")

    def read(self, model, people, table, screen):
        """(regimen as text or Records, IDs of the patients or None). Raises PkpdError.

        people : Patients of the command line; table : of people, or None
        """
        from pkpd.dosing.records import events

        if self.events is None:
            return self.rx, None
        records = events(model, self.events)
        screen.note(records.account)
        if not records.identified:
            return records, None
        records = records if table is None else records.matched(table)
        ids = options.numbered(people.ids, records, table)
        records = records.of(ids) if ids else records
        return records, records.ids.tolist()


@dataclass(frozen=True)
class Observed:
    """What is seen of the patients."""

    residual: options.Residual = None
    times: Annotated[
        str | None,
        typer.Option(
            "--times",
            metavar="START:STOP:STEP",
            help="Output times (default: hourly to the end; with --events: the records alone).",
            show_default=False,
        ),
    ] = None
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="CSV",
            help="Observations to draw on the figure: TIME and DV, or columns named like outputs.",
            show_default=False,
        ),
    ] = None
    endpoint: Annotated[
        list[str] | None,
        typer.Option("--endpoint", metavar="WHAT", help=ENDPOINTS, show_default=False),
    ] = None
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help='Start of the window of endpoints: model time, or "27 d".',
            show_default=False,
        ),
    ] = None
    end: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="TIME",
            help="End of that window, just before a dose given then.",
            show_default=False,
        ),
    ] = None
    window: Annotated[
        str | None,
        typer.Option(
            "--window",
            metavar="WHEN",
            help='In place of --from and --to: "day 28" or "last interval".',
            show_default=False,
        ),
    ] = None

    def check(self, typical):
        """Refuse options that contradict another. typical : whether the typical patient is seen"""
        if self.residual and "none" not in self.residual and (typical or self.endpoint):
            what = "the typical patient has" if typical else "endpoints have"
            raise typer.BadParameter(f"{what} no residual error; leave out --residual")
        if (self.start or self.end) and self.window:
            raise typer.BadParameter("say when by --window or by --from and --to, not by both")
        if self.endpoint and self.data:
            raise typer.BadParameter("--data is drawn on time courses; leave out --endpoint")

    def given(self):
        """The arguments of pkpd.simulate. Raises PkpdError."""
        ends = (self.start, self.end) if self.start or self.end else None
        return {
            "times": self.times,
            "residual": options.residuals(self.residual),
            "endpoints": self.endpoint or None,
            "window": self.window or ends,
        }


@grouped
def simulate(
    model: options.Model,
    doses: Doses,
    people: Patients,
    repeats: Repeats,
    observed: Observed,
    *,
    by: options.By = None,
    out: options.File = None,
    beside: Beside,
    numerics: Numerics,
    screen: Screen,
):
    """Simulate a cohort under a regimen or an event table.

    \b
    Examples:
      pkpd simulate pk/naltrexone --rx "2.4 mg" -n 200 --times 0:24:0.25 --out run.csv
      pkpd simulate ldn/hormesis --rx "1.5 mg q24h x 14 then 3 mg q24h x 14" \\
        --out run.parquet --figure
      pkpd simulate pk/two_compartment --typical \\
        --rx "100 mg into central over 2h q12h x 6 and 50 mg into depot at 08:00, 20:00 x 6"
      pkpd simulate pk/naltrexone --rx "0.05 mg/kg q24h x 7" --residual "Cc: 15 %" --by wt \\
        --out run.csv
      pkpd simulate pk/two_compartment --events doses.csv --times 0:48:0.5 --out run.csv --figure
      pkpd simulate pk/naltrexone --rx "50 mg q24h x 7" --endpoint "cmax(Cc)" \\
        --endpoint "time_above(Cc, 1 ng/mL)" --window "last interval"
      pkpd simulate ldn/hormesis --rx "4.5 mg q24h x 28" --endpoint "mean(pain)" \\
        --from "27 d" --to "28 d" --out day28.csv
    """
    from pkpd.simulation import simulate as run
    from pkpd.symbolic.load import load

    drawn = _checked(doses, observed, people.typical, beside, out)
    found = load(model)
    given = observed.given() | numerics.given()
    given |= {"carry": doses.carry, "occasion": doses.occasion}
    given["background"] = doses.background
    shown = _observations(observed, found)
    table = people.table(found, screen)
    regimen, ids = doses.read(found, people, table, screen)
    cohort = people.cohort(found, screen, table, ids=ids)
    subgroups = options.names(by, cohort)
    again = repeats.runs(found, cohort, people.seed)
    if again is not None:
        _check_repeatable(doses, observed)
    with screen.progress(len(cohort)) as advance:
        result, stop = console.kept(lambda: run(found, regimen, cohort, progress=advance, **given))
    repeated = None
    if again is not None and stop is None:
        repeated, stop = repeats.run(result, again, numerics, screen)
    files = [] if out is None else _write(result, Path(out), drawn, shown, repeated, subgroups)
    if screen.json:
        _print_json(result, subgroups, repeated)
    elif not screen.quiet:
        _print(result, subgroups, repeated)
    console.finish(files, result.failure_sentence(), stop, screen.silent)


def _checked(doses, observed, typical, beside, out):
    """Format of the figure, or None. Refuses options that contradict another."""
    from pkpd.result.tables import check_ending

    if out is not None:
        check_ending(out)
    drawn = beside.drawn(out, "table", "run.parquet", wanted=bool(observed.data))
    doses.check()
    observed.check(typical)
    return drawn


def _observations(observed, model):
    """Observations to draw on the figure, by the option `data` of its plot."""
    from pkpd.report.figures.observations import observations

    return {"data": observations(observed.data, model.outputs)} if observed.data else {}


def _check_repeatable(doses, observed):
    """Refuse to repeat what has no quantiles over time. Raises PkpdError."""
    if doses.events is not None:
        raise PkpdError("--uncertainty and --replicates repeat a regimen; give the doses by --rx.")
    if observed.endpoint:
        raise PkpdError("--uncertainty and --replicates repeat time courses; leave out --endpoint.")


def _write(result, out, drawn, shown, repeated, by):
    """Write the table, the quantiles of a repeated study and the figure; the files written.

    shown : options of the figure; by : subgroups, in a figure of their own where the first shows
        observations or intervals
    """
    from pkpd.result import write_figure, write_table

    files = result.write(out)
    if repeated is not None:
        files.append(out.with_name(f"{out.stem}-quantiles{out.suffix}"))
        write_table(repeated.columns(), files[-1], repeated.units(), result.provenance())
        shown = shown | {"repeated": repeated.found}
    figures = {"": shown or ({"by": by} if by else {})}
    if by and shown:
        figures["-by"] = {"by": by}
    for ending, given in figures.items() if drawn else ():
        files.append(out.with_name(f"{out.stem}{ending}.{drawn}"))
        write_figure(result.plot(**given), files[-1])
    return files


def _print(result, by, repeated):
    """Print the table of outputs."""
    if not (result.status == 0).any():
        return
    from pkpd.report.words import results

    patients = f"{len(result.status)} patients"
    console.lines([f"{result.model.name}: {patients}, {result.prescribed}, {result.span}", ""])
    console.table(*results.courses(result, by))
    if repeated is not None:
        found = repeated.found
        console.lines(["", f"With 95 % intervals over {len(found.runs)} {found.kind}", ""])
        console.table(*results.interval_rows(result, found))


def _print_json(result, by, repeated):
    """Print outputs, failures and provenance as JSON."""
    from pkpd.report.words import results

    summary = {
        "patients": len(result.status),
        "outputs": _rows(*results.courses(result, by)) if (result.status == 0).any() else [],
        "failed": result.failed.to_dict("records"),
        "provenance": result.provenance(),
    }
    if repeated is not None:
        key = repeated.found.kind.replace(" ", "_")
        summary[key] = _rows(*results.interval_rows(result, repeated.found))
    console.json(summary)


def _rows(headers, rows):
    """Rows of a table as dicts."""
    return [dict(zip(headers, row, strict=True)) for row in rows]
