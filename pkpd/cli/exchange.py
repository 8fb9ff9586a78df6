"""pkpd import and export: models of other simulators.

Knows options and files; knows nothing of formats.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pkpd.cli import console, options
from pkpd.cli.groups import Patients, Screen, grouped
from pkpd.errors import PkpdError

MOST_PEOPLE = 20  # that are printed


@dataclass(frozen=True)
class Foreign:
    """A file, what it does not say of itself, and what of its run is taken."""

    source: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Model to import.", show_default=False),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="FILE", help="Model file to write (.toml).", show_default=False
        ),
    ] = None
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Format of the file, where its ending does not say it.",
            show_default=False,
        ),
    ] = None
    time: Annotated[
        str | None,
        typer.Option(
            "--time",
            metavar="UNIT",
            help="Unit that the file counts time in (default: h; what an SBML document says).",
            show_default=False,
        ),
    ] = None
    amount: Annotated[
        str | None,
        typer.Option(
            "--amount",
            metavar="UNIT",
            help="Unit that the file counts doses in (default: mg; in SBML 1, which is none).",
            show_default=False,
        ),
    ] = None
    units: Annotated[
        str | None,
        typer.Option(
            "--units",
            metavar="UNITS",
            help='Units of observations and data, such as "DV=ng/mL, AMT=mg, TIME=h"; those of all '
            "else are solved from the equations.",
            show_default=False,
        ),
    ] = None
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Value of a name that the file leaves open, such as a covariate.",
            show_default=False,
        ),
    ] = None
    estimates: Annotated[
        Path | None,
        typer.Option(
            "--estimates",
            metavar="EXT",
            help="The .ext file of a NONMEM run, whose final estimates are taken.",
            show_default=False,
        ),
    ] = None
    covariance: Annotated[
        Path | None,
        typer.Option(
            "--covariance",
            metavar="COV",
            help="The .cov file of a NONMEM run: the covariance of its THETAs is written beside "
            "the model file, for --uncertainty.",
            show_default=False,
        ),
    ] = None
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="CSV", help="Data of a NONMEM run.", show_default=False),
    ] = None
    table: Annotated[
        Path | None,
        typer.Option(
            "--table",
            metavar="TABLE",
            help="Table file of a NONMEM run: its PRED, and IPRED where it has the ETAs, are "
            "computed again from --data and compared.",
            show_default=False,
        ),
    ] = None

    def given(self):
        """The arguments of pkpd.import_model. Raises PkpdError."""
        found = {name: value for name, value in vars(self).items() if name != "changes"}
        return found | {"units": _units(self.units), "set": _numbers(self.changes)}


@grouped
def import_(
    foreign: Foreign,
    supported: Annotated[
        bool, typer.Option("--supported", help="Print what is carried over and what is refused.")
    ] = False,
):
    """Turn a model of another simulator into a model file.

    Nothing in the file is executed. What is not understood is refused, with its line.

    \b
    Examples:
      pkpd import --supported
      pkpd import theirs.R -o mine.toml
      pkpd import run001.ctl --estimates run001.ext --set WT=70 -o mine.toml
      pkpd import run001.ctl --set WT=70 --units "DV=mg/L, AMT=mg, TIME=h" -o mine.toml
      pkpd import run001.ctl --data data.csv --table sdtab001 -o mine.toml
      pkpd import run001.ctl --estimates run001.ext --covariance run001.cov -o mine.toml
    """
    if supported:
        _supported()
        return
    if foreign.source is None or foreign.out is None:
        raise typer.BadParameter("Name the file to import, and by -o the model file to write.")
    from pkpd.exchange.importing import import_model, uncertainty_file

    model = import_model(**foreign.given())
    size = f"{len(model.states)} states, {len(model.assignments)} equations"
    console.lines([f"{model.name}: {size}, {len(model.inputs)} parameters."])
    console.lines(f"Note: {text}" for text in model.notes)
    out = foreign.out
    console.finish([out] if foreign.covariance is None else [out, uncertainty_file(out)])


def _units(text):
    """{"DV": "ng/mL"} from "DV=ng/mL", or None. Raises PkpdError."""
    if text is None:
        return None
    found = {}
    for part in text.split(","):
        name, _, unit = map(str.strip, part.partition("="))
        if not unit or name in found:
            raise PkpdError(f"--units '{text}': write \"DV=ng/mL, AMT=mg, TIME=h\".")
        found[name] = unit
    return found


def _numbers(texts):
    """{"WT": 70.0} from ["WT=70"]. Raises PkpdError for what is no number."""
    values = {}
    for name, text in options.assignments(texts).items():
        try:
            values[name] = float(text)
        except ValueError as error:
            raise PkpdError(f"--set {name}={text}: write a number, in the file's units.") from error
    return values


def _supported():
    from pkpd.exchange import formats

    for name, found in formats.supported().items():
        console.lines([f"{name}: {formats.FORMATS[name].title}", "  carried over:"])
        console.lines(f"    {text}" for text in found["carried"])
        console.lines(["  refused, or left out with a note:"])
        console.lines(f"    {text}" for text in found["refused"])
        console.lines([""])


Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="FILE", help="File to write.", show_default=False),
]


def export(
    model: options.Model,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="FORMAT", help="scipy, rxode2, mrgsolve, nonmem, latex or sbml."
        ),
    ],
    out: Out = None,
):
    """Write a model for another simulator.

    Equations, doses and whatever else the format can hold. Without -o the text is printed. Its head
    says what is not carried over.

    \b
    Examples:
      pkpd export pk/naltrexone --to scipy -o naltrexone.py
      pkpd export pk/two_compartment --to mrgsolve
    """
    from pkpd.exchange.export import export_model
    from pkpd.files import write_atomically
    from pkpd.symbolic.load import load

    text = export_model(load(model), to)
    if out is None:
        console.lines([text.rstrip("\n")])
        return
    write_atomically(out, lambda path: Path(path).write_text(text, encoding="utf-8"))
    console.finish([out])


Doses = Annotated[
    Path | None,
    typer.Option(
        "--doses",
        metavar="FILE",
        help="Event table of --rx to write, with the doses of each patient.",
        show_default=False,
    ),
]


@grouped
def cohort(
    model: options.Model,
    people: Patients,
    *,
    out: options.File = None,
    rx: Annotated[
        str | None,
        typer.Option("--rx", metavar="REGIMEN", help="Doses for --doses.", show_default=False),
    ] = None,
    doses: Doses = None,
    screen: Screen,
):
    """Draw virtual patients and write them as a table.

    Each row holds the ID, parameters and covariates of one patient.

    With --rx and --doses its doses too, as an event table for other simulators. Tables are .csv,
    .parquet or .xlsx; without --out the first patients are printed.

    \b
    Examples:
      pkpd cohort pk/naltrexone -n 100 --seed 7 --out people.csv
      pkpd cohort pk/naltrexone -n 100 --rx "0.05 mg/kg q24h x 7" --out people.csv \\
        --doses doses.csv
    """
    from pkpd.result import provenance, write_table
    from pkpd.symbolic.load import load

    if (rx is None) != (doses is None):
        raise typer.BadParameter("--doses FILE is the event table of --rx; give both or neither.")
    found = load(model)
    drawn = people.cohort(found, screen)
    frame = drawn.frame()
    frame.attrs["units"] = {item.name: item.unit for item in found.inputs}
    tables = {} if out is None else {out: frame}
    if rx is not None:
        from pkpd.exchange.event_table import event_table

        tables[str(doses)] = event_table(found, rx, drawn)
    origin = provenance(found, drawn, options.command_line())
    for path, table in tables.items():
        write_table(table, path, table.attrs["units"], origin)
    if screen.json:
        console.json(frame.to_dict("records"))
    elif out is None and not screen.quiet:
        _print_people(frame)
    console.finish(list(tables), quiet=screen.silent)


def _print_people(frame):
    """Print the first of many people."""
    console.table(list(frame), [map(_cell, row) for row in frame.head(MOST_PEOPLE).to_numpy()])
    more = len(frame) - MOST_PEOPLE
    if more > 0:
        console.lines([f"... and {more} more; --out FILE writes all of them."])


def _cell(value):
    return f"{value:.5g}" if isinstance(value, float) else str(value)
