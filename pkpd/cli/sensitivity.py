"""pkpd sensitivity, explain and predict: why patients differ, and what measurements would tell.

Knows options; knows nothing of how shares of a variance are computed.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import typer

from pkpd import limits
from pkpd.cli import console, options
from pkpd.cli.groups import Benefit, Drawn, Output, Screen, Solving, grouped
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
        help="Half-width of the 95 % intervals (1.5 W for Shapley effects and observed "
        "MEDs); points are doubled until it is reached.",
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
        help="Most points of each scrambling, even where intervals are still wider.",
    ),
]
Titrate = Annotated[
    str | None,
    typer.Option(
        "--titrate",
        metavar="RULE",
        help="Also explain the MED observed by a rule, with the noise of titration as one more "
        "group: a rule of the library, such as "
        "slow-ladder, or a .toml file.",
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


@dataclass(frozen=True)
class Effort:
    """How the answers are found, and how exact they are."""

    methods: Methods = "sobol,shapley"
    half_width: HalfWidth = 0.02
    n: Points = 256
    most: Most = 1024
    scramblings: Scramblings = 16
    titrate: Titrate = None
    diary: options.Diary = None

    def given(self):
        """The arguments of pkpd.sensitivity_indices. Raises PkpdError: no rule for a diary."""
        if self.diary and not self.titrate:
            raise PkpdError("--diary is the diary of a titration; give --titrate as well.")
        return {
            "methods": options.listed(self.methods),
            "half_width": self.half_width,
            "points": self.n,
            "most": max(self.n, self.most),
            "scramblings": self.scramblings,
            "titrate": self.titrate,
            "diary": self.diary,
        }


@grouped
def sensitivity(
    model: options.Model,
    effort: Effort,
    *,
    seed: options.Seed = 1,
    changes: options.Set = None,
    asked: Benefit,
    output: Output,
    solving: Solving,
    screen: Screen,
):
    """Find which inputs make patients differ in their MED.

    And in its benefit, and in being helped at all: Sobol' indices of every input that varies and of
    each block of equations, alone (S1, closed) and with all their interactions (ST, total), on
    independent latent values.

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
    output.check()
    given = effort.given() | asked.changes() | solving.given()
    given |= {"seed": seed, "set": options.assignments(changes)}
    with screen.progress(None) as advance:
        result, stop = console.kept(lambda: sensitivity_indices(found, progress=advance, **given))
    summary = result.summary(options.command_line())
    files = output.write(result, summary)
    if screen.json:
        console.json(summary | {"indices": _rows(result.columns)})
    elif not screen.quiet:
        console.lines(words.head(found, summary))
        for heading, (headers, rows) in words.tables_of(result.columns, summary):
            console.lines(["", heading])
            if rows:
                console.table(headers, rows)
    console.finish(files, stop=stop, quiet=screen.silent)


@grouped
def explain(
    model: options.Model,
    id: Annotated[
        int,
        typer.Option(
            "--id",
            parser=options.whole(1, limits.PATIENTS),
            metavar="ID",
            help="ID of the patient.",
            show_default=False,
        ),
    ],
    *,
    seed: options.Seed = 1,
    sampling: options.Sampling = "sobol",
    changes: options.Set = None,
    asked: Benefit,
    output: Output,
    solving: Solving,
    screen: Screen,
):
    """Explain why one patient's best dose is where it is.

    Shows the curve and its parts, a day at four doses, and what moves the best dose away from that
    of the typical patient.

    \b
    Examples:
      pkpd explain ldn/hormesis --id 17 --seed 7
      pkpd explain ldn/hormesis --id 17 --seed 7 --set glia=0 --out patient-17
    """
    from pkpd.report.words import explanation as words
    from pkpd.sensitivity import explanation as room
    from pkpd.symbolic.load import load

    output.check()
    given = asked.changes() | solving.given()
    given |= {"seed": seed, "sampling": sampling, "set": options.assignments(changes)}
    found, stop = console.kept(lambda: room.explain(load(model), id, **given))
    summary = found.summary(options.command_line())
    files = output.write(found, summary)
    if screen.json:
        console.json(summary)
    elif not screen.quiet:
        console.lines(words.sentences(found.model, summary))
        console.table(words.HEADERS, words.rows(summary))
        console.lines(["", words.small_print(summary)])
    console.finish(files, stop=stop, quiet=screen.silent)


@dataclass(frozen=True)
class Measured:
    """What is measured of the patients, and of whom."""

    measure: Annotated[
        str | None,
        typer.Option(
            "--measure",
            metavar="NAMES",
            help="Inputs that can be measured, such as wt,infl (default: covariates).",
            show_default=False,
        ),
    ] = None
    dose: Annotated[
        str | None,
        typer.Option(
            "--dose",
            metavar="DOSE",
            help='Dose after which exposure is measured, such as "4.5 mg".',
            show_default=False,
        ),
    ] = None
    at: Annotated[
        str,
        typer.Option(
            "--at",
            metavar="TIMES",
            help="Times after that dose at which a scan measures the blockade named in [benefit].",
        ),
    ] = "4 h"
    helped: Annotated[
        bool, typer.Option("--helped", help="Learn only from patients who are helped enough.")
    ] = False

    def given(self):
        """The arguments of pkpd.predict."""
        names = None if self.measure is None else options.listed(self.measure)
        return vars(self) | {"measure": names}


@dataclass(frozen=True)
class Learned(Drawn):
    """Whom the prediction learns from."""

    DEFAULT: ClassVar[int] = PATIENTS

    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            parser=options.whole(1, limits.PATIENTS),
            metavar="N",
            help=f"Number of patients (default: {PATIENTS}).",
            show_default=False,
        ),
    ] = None


@grouped
def predict(
    model: options.Model,
    learned: Learned,
    measured: Measured,
    output: Output,
    solving: Solving,
    screen: Screen,
):
    """Find how well measurements predict the best dose.

    And what each of them adds. Needs scikit-learn.

    \b
    Examples:
      pkpd predict ldn/hormesis --measure wt,infl --at "4 h, 24 h" -n 2000 --seed 7 --out predict
      pkpd predict ldn/hormesis --helped --dose "1.5 mg"
    """
    from pkpd.report.words import prediction as words
    from pkpd.sensitivity import prediction as room
    from pkpd.symbolic.load import load

    found = load(model)
    output.check()
    people = learned.cohort(found, screen)
    given = measured.given() | solving.given()
    with screen.progress(len(people)) as advance:
        result, stop = console.kept(lambda: room.predict(found, people, progress=advance, **given))
    summary = result.summary(options.command_line())
    files = output.write(result, summary)
    if screen.json:
        console.json(summary)
    elif not screen.quiet:
        console.lines(words.sentences(found, summary))
        console.table(words.HEADERS, words.rows(summary))
    console.finish(files, stop=stop, quiet=screen.silent)


def _rows(columns):
    """Columns by name as one dict per row."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
