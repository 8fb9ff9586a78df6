"""Options that several commands share, in groups, each declared once with what it means.

A command takes a group as one parameter; `grouped` writes its fields out as options of that
command. Knows options and how they become arguments; computes nothing.
"""

import inspect
from contextlib import AbstractContextManager
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ClassVar, get_type_hints

import typer

from pkpd.cli import console, options
from pkpd.errors import PkpdError

Option = typer.Option


def grouped(command):
    """The command with each parameter that is a group of options written out as its fields."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    written: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        own = [parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)]
        written += _options(groups[name]) if name in groups else own

    @wraps(command)
    def run(**given):
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        return command(**given)

    run.__signature__ = inspect.Signature(written)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in written}
    return run


def _options(group):
    """The parameters of a command that a group stands for."""
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )


@dataclass(frozen=True)
class Drawn:
    """People drawn from the model."""

    DEFAULT: ClassVar[int] = options.PATIENTS  # without -n

    n: options.Number = None
    seed: options.Seed = 1
    sampling: options.Sampling = "sobol"
    changes: options.Set = None
    spread: options.Spread = None
    covariates: options.Covariates = None

    def given(self):
        """What is changed of the inputs, as arguments of pkpd.cohort. Raises PkpdError."""
        return {
            "set": options.assignments(self.changes),
            "spread": options.assignments(self.spread, "--spread"),
        }

    def table(self, model, screen):
        """The table of people, or None, with a note on what was read of it. Raises PkpdError."""
        from pkpd.population.covariates import people

        if self.covariates is None:
            return None
        table = people(model, self.covariates)
        screen.note(table.account)
        return table

    def cohort(self, model, screen, table=None, **chosen):
        """The Cohort asked for. Raises PkpdError.

        table : of people, if it has been read; chosen : further arguments of pkpd.cohort
        """
        from pkpd.population.cohort import cohort

        table = self.table(model, screen) if table is None else table
        drawn = cohort(
            model,
            n=self.DEFAULT if self.n is None else self.n,
            seed=self.seed,
            sampling=self.sampling,
            covariates=table,
            **self.given(),
            **chosen,
        )
        if self.n not in (None, len(drawn)):
            raise PkpdError(
                f"-n {self.n} asks for {self.n} patients, but other options choose {len(drawn)} of "
                "them; leave out -n."
            )
        return drawn


@dataclass(frozen=True)
class Patients(Drawn):
    """People drawn from the model, chosen among them, or the typical one."""

    typical: options.Typical = False
    ids: options.Ids = None

    def cohort(self, model, screen, table=None, *, ids=None, **chosen):
        """The Cohort asked for. Raises PkpdError.

        table : of people, if it has been read; ids : in place of --id
        chosen : further arguments of pkpd.cohort
        """
        if self.typical and (self.ids or self.sampling != "sobol"):
            other = "--id" if self.ids else f"--sampling {self.sampling}"
            raise typer.BadParameter(f"--typical is one patient without draws; leave out {other}")
        table = self.table(model, screen) if table is None else table
        ids = ids or options.numbered(self.ids, table) or None
        return super().cohort(model, screen, table, typical=self.typical, ids=ids, **chosen)


@dataclass(frozen=True)
class Outcome:
    """What a dose is good for, in place of what the model's [benefit] says."""

    doses: options.Doses = None
    every: options.Every = None
    outcome: options.Outcome = None
    better: options.Better = None
    into: options.Into = None
    background: options.Background = None

    def changes(self):
        """The entries, None where they are the model's."""
        return dict(vars(self))


@dataclass(frozen=True)
class Benefit(Outcome):
    """The same, with how much counts as help."""

    delta: options.Delta = None
    subject_to: options.SubjectTo = None

    def changes(self):
        return super().changes() | {"subject_to": self.subject_to or None}


@dataclass(frozen=True)
class Solving:
    """How it is solved."""

    threads: options.Threads = None
    solver: options.Solver = "auto"

    def given(self):
        """The arguments of a public function."""
        return dict(vars(self))


@dataclass(frozen=True)
class Numerics(Solving):
    """The same, with the tolerance."""

    rtol: options.Tolerance = 1e-6


@dataclass(frozen=True)
class Output:
    """The folder of the results."""

    out: options.Folder = None
    figure: options.Figure = True
    format: options.Format = "png"

    def check(self):
        """Refuse a folder that cannot be written before hours are spent on it."""
        options.check_folder(self.out)

    @property
    def drawn(self):
        """Format of the figures, or None for none of them."""
        return self.format if self.figure else None

    def write(self, result, summary, **shown):
        """Write a result and its summary to the folder, if there is one; the files written.

        shown : options of its figures
        """
        from pkpd.result import ResultFolder

        if self.out is None:
            return []
        return ResultFolder(self.out).write(result, summary, self.drawn, **shown)

    def draw(self, result, ending, **shown):
        """Draw one more figure of a result, if figures are wanted; the files written.

        ending : of its name; shown : options of the figure
        """
        from pkpd.result import write_figure

        if self.out is None or self.drawn is None:
            return []
        path = Path(self.out) / f"{result.NAME}{ending}.{self.drawn}"
        write_figure(result.plot(**shown), path)
        return [path]


@dataclass(frozen=True)
class Reported(Output):
    """The folder of the results, and the page on it."""

    report: options.Report = False

    def check(self):
        super().check()
        if self.report and self.out is None:
            raise typer.BadParameter("--report writes to a folder; give it with --out")

    def page(self, result=None, name=None):
        """Write the page on what the folder holds, or on this result, if wanted; the files written.

        name : of the file (default: report.html)
        """
        if self.out is None or not self.report:
            return []
        from pkpd.report.page.page import write_page

        path = name and Path(self.out) / name
        return [write_page(self.out, path, result, options.command_line())]


@dataclass(frozen=True)
class Beside:
    """A file for the result, and a figure beside it."""

    figure: Annotated[
        bool,
        Option("--figure/--no-figure", help="Draw a figure beside the file.", show_default=False),
    ] = False
    format: options.Format = "png"

    def drawn(self, out, what, example, wanted=False):
        """Format of the figure, or None. Raises PkpdError where no file says where to put it.

        what, example : of the file beside it; wanted : whether there is a figure without --figure
        """
        if not (self.figure or wanted):
            return None
        if out is None:
            where = f"say where with --out, such as --out {example}"
            raise PkpdError(f"A figure is drawn beside the {what}; {where}.")
        return self.format


@dataclass(frozen=True)
class Screen:
    """What is printed."""

    json: options.Json = False
    quiet: options.Quiet = False

    @property
    def silent(self):
        """Whether files are not listed."""
        return self.json or self.quiet

    def note(self, text):
        """Print a sentence that is no result, unless errors alone are wanted."""
        if not self.quiet:
            console.note(text)

    def progress(self, total, of="patients") -> AbstractContextManager:
        """A progress bar over so many patients, or what `of` names."""
        return console.progress(total, self.quiet, of)


@dataclass(frozen=True)
class Repeats:
    """The study again, for intervals of its quantiles."""

    uncertainty: options.Uncertainty = None
    sets: options.Sets = None
    replicates: options.Replicates = None

    def runs(self, model, people, seed):
        """What pkpd.repeat takes for a cohort: ParameterSets, a number of scramblings, or None.

        Raises PkpdError where the options contradict another.
        """
        if self.uncertainty is None and self.sets is not None:
            raise PkpdError("--sets is the number of sets of --uncertainty FILE; give the file.")
        if self.uncertainty is not None and self.replicates is not None:
            raise PkpdError(
                "--uncertainty and --replicates answer two questions, how uncertain and how exact; "
                "ask one at a time."
            )
        if people.typical and self.replicates is not None:
            raise PkpdError(
                "The typical patient has no sampling error; leave out --typical or --replicates."
            )
        if self.uncertainty is None:
            return self.replicates
        from pkpd.population.uncertainty import parameter_sets
        from pkpd.response.uncertainty import check_sets

        drawn = parameter_sets(model, self.uncertainty, self.sets, seed)
        check_sets(len(drawn))
        return drawn

    @staticmethod
    def run(result, again, numerics, screen):
        """The RepeatedStudy and None, or after Ctrl-C None and Stopped."""
        from pkpd.response.repeat import repeat

        count = again - 1 if isinstance(again, int) else len(again)
        with screen.progress(count * len(result.cohort)) as advance:
            return console.kept(
                lambda: repeat(result, again, progress=advance, **numerics.given()),
                count,
                "repeated runs",
            )


@dataclass(frozen=True)
class Titrated:
    """Titration of every patient beside the true MEDs."""

    titrate: options.Titrate = None
    diary: options.Diary = None
    null: options.Null = None
    titrations: options.Titrations = None

    def check(self):
        """Refuse options of a titration without its rule. Raises PkpdError."""
        for what, value in (
            ("--null is a control for", self.null),
            ("--diary is the diary of a", self.diary),
            ("--titrations is the number of times of", self.titrations),
        ):
            if value and not self.titrate:
                remedy = "give --titrate as well, such as --titrate slow-ladder"
                raise PkpdError(f"{what} titration; {remedy}.")

    def read(self, model, benefit):
        """(Rule, Diary), before anything is computed. benefit : changes of the model's [benefit]

        Raises PkpdError where a titration of the model's patients is not possible.
        """
        from pkpd.response.benefit import benefit_of
        from pkpd.titration.library import rule
        from pkpd.trials.observation import diary_of
        from pkpd.trials.physiology import check_outcome

        found, book = rule(self.titrate), diary_of(self.diary)
        check_outcome(model, benefit_of(model, **benefit), book)
        return found, book

    def run(self, table, plan, given, screen):
        """The Titration of the patients of a MedTable and None; after Ctrl-C with Stopped.

        plan : what `read` returned. The Titration is then that of fewer repetitions, or None.
        """
        from pkpd.trials.titrate import REPETITIONS, titrate

        rule, diary = plan
        count = self.titrations or options.TITRATIONS
        with screen.progress(count * len(table.cohort)) as advance:
            own = {"diary": diary, "null": self.null, "replicates": count, "truth": table}
            return console.kept(
                lambda: titrate(table.model, table.cohort, rule, progress=advance, **own, **given),
                count,
                REPETITIONS,
            )


@dataclass(frozen=True)
class Streaming:
    """MEDs chunk by chunk."""

    stream: options.Stream = False
    resume: options.Resume = False
    scheduler: options.Scheduler = None
    chunk: options.Chunk = None

    def check(self):
        """Refuse options of a streamed run without --stream."""
        if not self.stream and (self.resume or self.scheduler or self.chunk):
            raise typer.BadParameter("--resume, --scheduler and --chunk go with --stream")
