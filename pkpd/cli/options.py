"""Options that keep one name and one meaning in every command.

Knows options as text; knows nothing of what a command does with them.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from pkpd import limits
from pkpd.errors import PkpdError, closest

Option = typer.Option


def whole(least, most):
    """Parser of an option that is a whole number, which may be written as 1e6."""

    def parse(text):
        try:
            number = int(text)
        except ValueError:
            number = _float(text)
            if not number.is_integer():
                raise typer.BadParameter(f"'{str(text)[:40]}' is not a whole number.") from None
        if not least <= number <= most:
            short = f"{number:g}" if abs(number) >= 1e15 else f"{number:.0f}"
            raise typer.BadParameter(f"{short} is not from {least} to {most:,}.")
        return int(number)

    return parse


def _float(text):
    try:
        return float(text)
    except ValueError:
        return float("nan")


Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="Name in the library (pkpd models) or path to a .toml file.",
        show_default=False,
    ),
]
Number = Annotated[
    int | None,
    Option(
        "-n",
        parser=whole(1, limits.PATIENTS),
        metavar="N",
        help="Number of patients (default: 1000); a smaller cohort has the first patients of a "
        "larger one.",
        show_default=False,
    ),
]
PATIENTS = 1000  # without -n
TITRATIONS = 8  # without --titrations
Seed = Annotated[
    int,
    Option("--seed", parser=whole(0, limits.SEED), metavar="S", help="Seed of the cohort."),
]
Sampling = Annotated[
    str,
    Option(
        "--sampling",
        metavar="KIND",
        help="sobol (scrambled Sobol' points) or mc (plain Monte Carlo).",
    ),
]
Typical = Annotated[
    bool,
    Option("--typical", help="The typical patient: no variability, covariates at their reference."),
]
Set = Annotated[
    list[str] | None,
    Option(
        "--set",
        metavar="NAME=VALUE",
        help='Change a typical value and keep its variability: --set cl=120 or --set "cl=2 L/min".',
        show_default=False,
    ),
]
Spread = Annotated[
    list[str] | None,
    Option(
        "--spread",
        metavar="NAME=VALUE",
        help="Change how far people differ in an input: the CV of a log-normal one, such as "
        '--spread "cl=40 %", the SD of the logit of a logit-normal one, or the SD of a normal one.',
        show_default=False,
    ),
]
Ids = Annotated[
    list[str] | None,
    Option(
        "--id",
        metavar="ID",
        help="Only this patient of the cohort, by the ID in the tables; may be repeated.",
        show_default=False,
    ),
]
Covariates = Annotated[
    str | None,
    Option(
        "--covariates",
        metavar="TABLE",
        show_default=False,
        help="Table of people (.csv, .parquet) with columns named like covariates. "
        "Rows are drawn whole; with a column ID, each row belongs to that "
        "patient.",
    ),
]
By = Annotated[
    str | None,
    Option(
        "--by",
        metavar="NAMES",
        help="Also give results by subgroup, such as wt,sex: by class or value, or by tercile "
        "where there are many values.",
        show_default=False,
    ),
]
At = Annotated[
    list[str] | None,
    Option(
        "--at",
        metavar="NAME=VALUES",
        help="A covariate or other input and its values, such as wt=50,100; may be repeated "
        "(default: covariates in which these people differ, at their 5th and 95th percentiles).",
        show_default=False,
    ),
]
Uncertainty = Annotated[
    str | None,
    Option(
        "--uncertainty",
        metavar="FILE",
        show_default=False,
        help="Parameter sets, one per row (.csv, .parquet), or the covariance of estimates "
        "(.toml). The same patients are computed under every set, which gives each quantile its "
        "interval.",
    ),
]
Sets = Annotated[
    int | None,
    Option(
        "--sets",
        parser=whole(2, limits.REPEATS),
        metavar="N",
        help="Number of parameter sets (default: all rows; 100 from a covariance).",
        show_default=False,
    ),
]
Replicates = Annotated[
    int | None,
    Option(
        "--replicates",
        parser=whole(2, limits.REPEATS),
        metavar="R",
        help="Number of scramblings of the seed, this one included; they give each quantile its "
        "sampling error.",
        show_default=False,
    ),
]
Threads = Annotated[
    int | None,
    Option(
        "--threads",
        parser=whole(1, limits.REPEATS),
        metavar="N",
        help="Number of threads (default: all cores); results do not depend on it.",
        show_default=False,
    ),
]
Tolerance = Annotated[
    float, Option("--rtol", metavar="TOL", help="Relative tolerance of the solver.")
]
Residual = Annotated[
    list[str] | None,
    Option(
        "--residual",
        metavar="OUTPUT:ERROR",
        show_default=False,
        help='Residual error of an output: "Cc: 15 % + 0.05 ng/mL", "Cc: log 15 %", or none '
        "(default: as the model says). Simulations write it as a column OUTPUT_obs.",
    ),
]
Solver = Annotated[
    str,
    Option(
        "--solver",
        metavar="NAME",
        help="auto, or a solver by name, such as tsit5. auto takes linear for linear models, else "
        "vern7, and rosenbrock for patients whose equations are stiff; it finds the steady states "
        "behind MEDs by collocation.",
    ),
]
Quiet = Annotated[bool, Option("--quiet", help="Print errors only.")]
Json = Annotated[bool, Option("--json", help="Print the summary as JSON, for scripts.")]
Folder = Annotated[
    str | None,
    Option(
        "--out",
        "-o",
        metavar="FOLDER",
        help="Folder for tables, summary and figure.",
        show_default=False,
    ),
]
File = Annotated[
    str | None,
    Option(
        "--out",
        "-o",
        metavar="FILE",
        help="Table to write: .csv, .parquet, .xlsx, .html or .tex.",
        show_default=False,
    ),
]
Figure = Annotated[bool, Option("--figure/--no-figure", help="Draw a figure beside the tables.")]
Format = Annotated[
    Literal["png", "svg", "pdf"],
    Option("--format", help="Format of the figure; svg and pdf are vectors."),
]
Report = Annotated[
    bool,
    Option(
        "--report",
        help="Also write report.html to --out: the whole study on one page that needs no network.",
    ),
]
Outcome = Annotated[
    str | None,
    Option(
        "--outcome",
        metavar="NAME",
        help="State or output that the dose is meant to change.",
        show_default=False,
    ),
]
Better = Annotated[
    str | None,
    Option(
        "--better",
        metavar="WAY",
        help="Which outcome is better: lower or higher.",
        show_default=False,
    ),
]
Into = Annotated[
    str | None,
    Option("--into", metavar="TARGET", help="State that receives the dose.", show_default=False),
]
Every = Annotated[
    str | None,
    Option("--every", metavar="TIME", help='Dosing interval, such as "12 h".', show_default=False),
]
SubjectTo = Annotated[
    list[str] | None,
    Option(
        "--subject-to",
        metavar="CONSTRAINT",
        help='Constraint on a dose, from the first one on, such as "cmax(cows) < 5"; may be '
        "repeated.",
        show_default=False,
    ),
]
Background = Annotated[
    str | None,
    Option(
        "--background",
        metavar="REGIMEN",
        help='What everybody takes as well, indefinitely, such as "30 mg into tablet q12h" '
        "(docs/regimens.md).",
        show_default=False,
    ),
]
Doses = Annotated[
    str | None,
    Option(
        "--doses",
        metavar="LOW:HIGH",
        help='Range of doses, such as 0.05:50mg, or per unit of a covariate: "0.001:0.7 mg/kg".',
        show_default=False,
    ),
]
Delta = Annotated[
    str | None,
    Option(
        "--delta",
        metavar="SIZE",
        help='Least benefit that counts: "10 %" of the untreated value, or a number in its unit.',
        show_default=False,
    ),
]
Titrate = Annotated[
    str | None,
    Option(
        "--titrate",
        metavar="RULE",
        help="Also titrate every patient by a rule: slow-ladder, full-ladder, thompson, ..., or "
        "that of a .toml file (docs/trials.md).",
        show_default=False,
    ),
]
Diary = Annotated[
    str | None,
    Option(
        "--diary",
        metavar="FILE",
        help="Diary that titrated patients keep, in the outcome's unit, a .toml file "
        "(default: pain 0-10 NRS, low-dose naltrexone; docs/trials.md).",
        show_default=False,
    ),
]
Null = Annotated[
    str | None,
    Option(
        "--null",
        metavar="CONTROL",
        help="Null control of --titrate: same-med or no-effect.",
        show_default=False,
    ),
]
Titrations = Annotated[
    int | None,
    Option(
        "--titrations",
        parser=whole(1, limits.REPEATS),
        metavar="N",
        help="Number of titrations of each patient by --titrate (default: 8), which tell real "
        "differences from noise.",
        show_default=False,
    ),
]

Stream = Annotated[
    bool,
    Option(
        "--stream",
        help="Write patients chunk by chunk to --out: memory does not grow with -n, and a killed "
        "run can be resumed.",
    ),
]
Resume = Annotated[
    bool,
    Option(
        "--resume",
        help="Resume a streamed run: keep finished, undamaged chunks and compute the rest.",
    ),
]
Scheduler = Annotated[
    str | None,
    Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Compute the chunks of --stream on a Dask cluster, such as tcp://host:8786.",
        show_default=False,
    ),
]
Chunk = Annotated[
    int | None,
    Option(
        "--chunk",
        parser=whole(1, limits.PATIENTS),
        metavar="N",
        help="Patients per file of --stream (default: 4096): the most that a killed run loses "
        "per thread.",
        show_default=False,
    ),
]


def numbered(ids, *tables):
    """Numbers of the patients that --id names; texts are looked up in the first table with texts.

    ids : texts of the command line; tables : each People, Records or None

    Raises PkpdError for a text that the table has not.
    """
    table = next(filter(_has_texts, tables), None)
    if table is None:
        return list(map(whole(1, limits.PATIENTS), ids or ()))
    number = dict(zip(table.labels.tolist(), table.ids.tolist(), strict=True))
    for name in ids or ():
        if name not in number:
            raise PkpdError(f"--id {name}: {table.name} has no such ID.{closest(name, number)}")
    return [number[name] for name in ids or ()]


def _has_texts(table):
    """Whether a table, or None, calls its people by texts."""
    return table is not None and table.labels is not None and table.labels.dtype.kind != "i"


def names(by, people):
    """The names of --by, each of which groups the cohort. Raises PkpdError."""
    from pkpd.population.groups import groups

    chosen = listed(by)
    for name in chosen:
        groups(people, name)
    return chosen


def listed(text):
    """The names of a text such as "wt,sex", as a tuple."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def assignments(texts, option="--set"):
    """{"cl": "2 L/min"} from ["cl=2 L/min"]. Raises PkpdError where the = is missing."""
    values: dict[str, str] = {}
    for text in texts or ():
        name, _, value = map(str.strip, text.partition("="))
        if not (name and value):
            raise PkpdError(
                f"{option} '{text}': write NAME=VALUE, such as --set cl=120 or --spread cl=0.4."
            )
        if values.setdefault(name, value) != value:
            raise PkpdError(
                f"{option} {name} is both {values[name]} and {value}; give one of them: "
                "--set and --spread take each name once."
            )
    return values


def values_at(texts):
    """{"wt": ["50", "100 kg"]} from ["wt=50, 100 kg"], or None. Raises PkpdError."""
    values: dict[str, list[str]] = {}
    for text in texts or ():
        name, _, given = map(str.strip, text.partition("="))
        if not (name and listed(given)):
            raise PkpdError(f"--at '{text}': write NAME=VALUES, such as --at wt=50,100.")
        values[name] = [*values.get(name, ()), *map(_number_or_text, listed(given))]
    return values or None


def _number_or_text(text):
    """A number, or the text of one with a unit."""
    number = _float(text)
    return text if number != number else number


def residuals(texts):
    """{"Cc": "15 %"} from ["Cc: 15 %"], "none" or None. Raises PkpdError where the : is missing."""
    if not texts or "none" in texts:
        return "none" if texts else None
    pairs = [text.partition(":") for text in texts]
    for text, (name, colon, error) in zip(texts, pairs, strict=True):
        if not (name.strip() and colon and error.strip()):
            raise PkpdError(
                f"--residual '{text}': write OUTPUT: ERROR, such as "
                '--residual "Cc: 15 % + 0.05 ng/mL", or none.'
            )
    return {name.strip(): error.strip() for name, _, error in pairs}


def command_line():
    """The command as it was typed, for the provenance of what it writes."""
    import shlex
    import sys

    return shlex.join(["pkpd", *sys.argv[1:]])


def check_folder(out):
    """Refuse a folder that cannot be written before hours are spent on it. Raises PkpdError."""
    import os

    if out is None:
        return
    path = Path(out).absolute()
    above = next((p for p in (path, *path.parents) if p.exists()), path)
    if not above.is_dir():
        raise PkpdError(f"--out '{out}': {above} is a file, not a folder; choose another one.")
    if not os.access(above, os.W_OK | os.X_OK):
        raise PkpdError(f"--out '{out}': no permission to write in {above}; choose another folder.")
