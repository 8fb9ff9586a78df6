"""pkpd models, check and show: what is in a model, or in a data set for it.

Knows checked models and data sets; knows nothing of simulations.
"""

from typing import Annotated

import typer

from pkpd.cli import console, options
from pkpd.cli.groups import Output, Screen, grouped

DATA = (".csv", ".parquet", ".tsv")  # endings of tables


def models(json: options.Json = False):
    """List the models: names, outputs, how much is assumed.

    A model whose file is wrong is listed with its mistake.

    \b
    Examples:
      pkpd models
      pkpd models --json
    """
    from pkpd.errors import PkpdError
    from pkpd.report.words import models as model_words
    from pkpd.result.tables import records
    from pkpd.symbolic import load

    rows = []
    for name in load.models():
        try:
            model = load.load(name)
            assumed = f"{model_words.grades(model)['assumed']} of {len(model.inputs)}"
            rows.append((name, model.title, " ".join(model.outputs), assumed))
        except PkpdError as error:
            rows.append((name, str(error), "", ""))
    if json:
        keys = ("name", "title", "outputs", "assumed")
        console.json(records(keys, rows))
    else:
        console.table(("model", "title", "outputs", "assumed"), rows)


@grouped
def check(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="Name of a model in the library or path to its .toml file; with --model a data "
            "set, .csv or .parquet.",
            show_default=False,
        ),
    ],
    *,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Check a data set for this model.",
            show_default=False,
        ),
    ] = None,
    draft: Annotated[
        bool,
        typer.Option(
            "--draft",
            help="For a model that is still being written: all mistakes at once; labels, sources "
            "and evidence may be missing.",
        ),
    ] = False,
    output: Output,
    screen: Screen,
):
    """Check a model, or a data set, before anything is computed.

    Of a model, names, units and sources are checked, and that its equations become code; a mistake
    is reported as file:line, with exit code 1. Of a data set you are told which columns are used
    and how, the doses and observations of each ID, and whatever is odd or refused, with its rows;
    the exit code is 1 if anything is refused. --out writes this to a folder, with a figure of the
    observations.

    \b
    Examples:
      pkpd check ldn/hormesis
      pkpd check my/model.toml --draft
      pkpd check docs/sampled.csv --model pk/one_compartment
      pkpd check docs/sampled.csv --model pk/one_compartment --out checked
    """
    if model is not None:
        if draft:
            raise typer.BadParameter("--draft is for models; leave out --draft or --model.")
        _check_data(what, model, output, screen)
        return
    if output.out or screen.json:
        raise typer.BadParameter("--out and --json are for data sets; give --model as well.")
    if what.endswith(DATA):
        raise typer.BadParameter(f"'{what}' is a data set; say for which model, with --model.")
    _check_model(what, draft, screen.quiet)


def _check_model(name, draft, quiet):
    from pkpd.kernels.lower import lower
    from pkpd.report.words import models as model_words
    from pkpd.response.benefit import benefit_of
    from pkpd.symbolic import load

    found, lacking = load.draft(name) if draft else (load.load(name), ())
    lower(found, found.computed_names[len(found.states) :], derivatives=True)
    if found.benefit:
        benefit_of(found)  # whether its background and constraints are those of this model
    if quiet:
        return
    _list(found)
    counts = model_words.grades(found)
    grades = ", ".join(f"{count} {grade}" for grade, count in counts.items() if count)
    size = f"{len(found.states)} states, {len(found.assignments)} equations"
    parameters = f"{len(found.inputs)} parameters ({grades})"
    console.lines(["", f"{found.name} is sound: {size}, {parameters}."])
    if lacking:
        console.lines(["", "Before it can be used:", *lacking])


def _check_data(data, model, output, screen):
    from pkpd.datasets.check import check_data
    from pkpd.report.words import datasets as words
    from pkpd.symbolic.load import load

    output.check()
    found = check_data(data, load(model))
    summary = found.summary(options.command_line())
    files = output.write(found, summary)
    if screen.json:
        console.json(summary)
    elif not screen.quiet:
        console.lines([words.size(found), ""])
        console.table(words.USES_HEADERS, found.uses)
        if found.records is not None:
            console.lines([""])
            console.table(words.PEOPLE_HEADERS, words.people(found))
            console.lines(words.more_people(found))
        console.lines([*words.findings(found), "", words.verdict(found)])
    console.finish(files, quiet=screen.silent)
    if found.refused:
        raise typer.Exit(1)


def _list(model):
    """Print a row for each name of a model: unit, kind, where it is defined and its source."""
    rows = [(s.name, s.unit, "state", _short(s.place)) for s in model.states]
    rows += [(a.name, a.unit, "equation", _short(a.place)) for a in model.assignments]
    rows += [(i.name, i.unit, i.evidence, f"{_short(i.place)}  {i.source}") for i in model.inputs]
    console.table(("name", "unit", "kind", "where, source"), rows)


def show(
    model: options.Model,
    source: Annotated[
        bool, typer.Option("--source", help="Print the generated kernel instead.")
    ] = False,
    structure: Annotated[
        bool, typer.Option("--structure", help="Print what drives what instead.")
    ] = False,
):
    """Show a model's equations, parameters, structure or code.

    \b
    Examples:
      pkpd show pk/naltrexone
      pkpd show ldn/hormesis --structure
      pkpd show ldn/hormesis --source
    """
    if source and structure:
        raise typer.BadParameter("Ask for --source or for --structure, not both.")
    from pkpd.symbolic.load import load

    found = load(model)
    if source:
        from pathlib import Path

        from pkpd.solvers.batch import compile

        console.lines([Path(compile(found).module.__file__).read_text().rstrip("\n")])
        return
    if structure:
        from pkpd.report.words import structure as words

        console.table(words.HEADERS, words.rows(found))
        console.lines(["", words.sentence(found)])
        return
    _show(found)


def cite(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL", help="Model whose sources to cite as well.", show_default=False
        ),
    ] = None,
):
    """Print what to cite, as BibTeX.

    That is this package and, with a model, the papers that its numbers come from.

    \b
    Examples:
      pkpd cite
      pkpd cite ldn/hormesis > references.bib
    """
    from pkpd.report.words.references import cite as entries
    from pkpd.symbolic.load import load

    console.lines([entries(None if model is None else load(model))])


def _show(model):
    from pkpd.report.words import models as model_words

    console.lines([f"{model.name}: {model.title}"])
    if model.description:
        console.lines(["", model.description])
    console.lines(["", f"Equations (time in {model.time}; outputs {', '.join(model.outputs)})"])
    lines = (*model_words.equations(model), *model_words.doses(model))
    console.lines([*(f"  {line}" for line in lines), ""])
    console.table(model_words.PARAMETER_HEADERS, model_words.parameters(model))
    priors = model_words.priors(model)
    if priors:
        console.lines(["", "Before any study (pkpd compare):", *(f"  {text}" for text in priors)])
    console.lines(["", f"{model_words.share_assumed(model)}."])
    console.lines(f"Note: {text}" for text in model.notes)


def _short(place):
    """file:line relative to the working folder where that is shorter."""
    import os

    relative = os.path.relpath(place)
    return min(relative, place, key=len)
