"""The model card: equations, every number with its evidence and source, what must not be claimed.

Knows checked models; knows nothing of results.
"""

from pkpd.report.page import mathml
from pkpd.report.page.section import Section, table
from pkpd.report.words import models, structure


def model_card(model, changed=()):
    """The Section on a model. changed : names of typical values that the run has set"""
    grades = models.grades(model)
    total = len(model.inputs)
    return Section(
        "model",
        f"Model card: {model.name}",
        (
            *([" ".join(model.description.split())] if model.description else []),
            f"{models.share_assumed(model)}.",
        ),
        tuple(models.hypotheses(model, changed)),
        after=(
            claims(model),
            Section(
                "equations",
                "Equations",
                (
                    f"Time in {model.time}; outputs {', '.join(model.outputs)}. "
                    "Unit factors are written out.",
                ),
                tuple(models.doses(model)),
                equations=_equations(model),
            ),
            Section(
                "structure",
                "What drives what",
                (structure.sentence(model),),
                tables=(table("Blocks of states", structure.HEADERS, list(structure.rows(model))),),
            ),
            Section(
                "numbers",
                "Numbers and where they come from",
                points=tuple(models.priors(model)),
                tables=(
                    table(
                        "Grades of evidence",
                        ("evidence", "parameters", "share"),
                        [(g, n, f"{100 * n / max(total, 1):.0f} %") for g, n in grades.items()],
                    ),
                    table(
                        "Parameters and covariates",
                        models.PARAMETER_HEADERS,
                        models.parameters(model),
                        "Value: median or typical person. CV: coefficient of variation.",
                    ),
                    *_correlations(model),
                    *_residuals(model),
                ),
            ),
        ),
    )


def claims(model):
    """The Section on what must not be claimed."""
    nothing = "The model file names nothing. Virtual patients are not evidence."
    return Section("claims", "What must not be claimed", points=model.notes or (nothing,))


def _equations(model):
    """MathML of rates, assignments and start values."""
    parts = [
        (mathml.rate(s.name), f"d/dt({s.name})", s.rate, f"{s.unit}/{model.time}")
        for s in model.states
    ]
    parts += [(mathml.name(a.name), a.name, a.expression, a.unit) for a in model.assignments]
    parts += [
        (mathml.start(s.name), f"{s.name}(0)", s.initial, s.unit)
        for s in model.states
        if s.initial != "0"
    ]
    return tuple(
        mathml.equation(left, text, unit, f"{name} = {models.expression(text)}")
        for left, name, text, unit in parts
    )


def _correlations(model):
    rows = [(a, b, models.number(r)) for a, b, r in model.correlations]
    return (
        (
            table(
                "Correlations between patients, of the latent normals",
                ("of", "with", "correlation"),
                rows,
            ),
        )
        if rows
        else ()
    )


def _residuals(model):
    rows = [(r.name, _error(r, model), r.evidence, r.source) for r in model.residuals]
    return (
        (table("Residual error of outputs", ("output", "error", "evidence", "source"), rows),)
        if rows
        else ()
    )


def _error(residual, model):
    parts = [f"log {100 * residual.log:.3g} %"] if residual.log else []
    parts += [f"{100 * residual.proportional:.3g} %"] if residual.proportional else []
    parts += (
        [models.quantity(residual.additive, model.unit(residual.name))] if residual.additive else []
    )
    return " + ".join(parts)
