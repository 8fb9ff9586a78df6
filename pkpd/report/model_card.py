"""The model card: equations, every number with its evidence and source, what rests on assumption, what must not be claimed."""

from pkpd.report import tables, typeset
from pkpd.report.section import Section, table


def model_card(model, changed=()):
    """The Section on a model. changed : names of typical values that the run has set"""
    grades = tables.evidence(model)
    total = len(model.inputs)
    return Section(
        "model", f"Model card: {model.name}", (*([" ".join(model.description.split())] if model.description else []), f"{tables.share_assumed(model)}."),
        tuple(tables.hypotheses(model, changed)),
        after=(
            Section("claims", "What must not be claimed", points=model.notes or ("The model file names nothing. Virtual patients are no evidence.",)),
            Section(
                "equations", "Equations",
                (f"Time in {model.time}; outputs {', '.join(model.outputs)}. Unit factors are written out.",), tuple(tables.doses(model)), equations=_equations(model),
            ),
            Section("numbers", "Numbers and where they come from", tables=(
                table("Grades of evidence", ("evidence", "parameters", "share"), [(g, n, f"{100 * n / max(total, 1):.0f} %") for g, n in grades.items()]),
                table("Parameters and covariates", tables.PARAMETER_HEADERS, tables.parameters(model), "Value: median or typical person. CV: coefficient of variation."),
                *_correlations(model), *_residuals(model),
            )),
        ),
    )  # fmt: skip


def _equations(model):
    """MathML of rates, assignments and start values."""
    parts = [(typeset.rate(s.name), f"d/dt({s.name})", s.rate, f"{s.unit}/{model.time}") for s in model.states]
    parts += [(typeset.name(a.name), a.name, a.expression, a.unit) for a in model.assignments]
    parts += [(typeset.start(s.name), f"{s.name}(0)", s.initial, s.unit) for s in model.states if s.initial != "0"]
    return tuple(typeset.equation(left, text, unit, f"{name} = {tables.expression(text)}") for left, name, text, unit in parts)


def _correlations(model):
    rows = [(a, b, tables.number(r)) for a, b, r in model.correlations]
    return (table("Correlations between patients, of the latent normals", ("of", "with", "correlation"), rows),) if rows else ()


def _residuals(model):
    rows = [(r.name, _error(r, model), r.evidence, r.source) for r in model.residuals]
    return (table("Residual error of outputs", ("output", "error", "evidence", "source"), rows),) if rows else ()


def _error(residual, model):
    parts = [f"log {100 * residual.log:.3g} %"] if residual.log else []
    parts += [f"{100 * residual.proportional:.3g} %"] if residual.proportional else []
    parts += [tables.quantity(residual.additive, model.unit(residual.name))] if residual.additive else []
    return " + ".join(parts)
