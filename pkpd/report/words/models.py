"""Models in words: equations, parameters, evidence, what rests on assumption. Text only; knows no screen and no file."""

import ast

EVIDENCE = ("measured", "derived", "assumed", "calibrated")
NO_ADVICE = "Virtual patients; hypotheses and their consequences, no clinical advice."


def evidence(model):
    """{"measured": 5, ...}: number of parameters and covariates of each grade, zeros included."""
    return {grade: sum(i.evidence == grade for i in model.inputs) for grade in EVIDENCE}


def share_assumed(model):
    """Sentence part: how many of the numbers in the model nobody has measured."""
    grades = evidence(model)
    fitted = f", {grades['calibrated']} more are calibrated" if grades["calibrated"] else ""
    return f"{grades['assumed']} of {len(model.inputs)} parameters are assumptions{fitted}"


def hypotheses(model, changed=()):
    """Sentences on switches that turn a hypothesis on, unless the run has set them itself."""
    return [
        f"{i.name} = {i.value:g}: {i.source.partition(';')[2].strip() or i.source}. See the result without it: --set {i.name}=0"
        for i in model.inputs
        if i.label.startswith("switch")
        and "hypothesis" in i.source
        and i.value != 0
        and i.name not in changed
    ]


def small_print(model, origin, finished):
    """Lines under a figure: who was computed, what is assumed. origin : provenance block; finished : patients that were solved"""
    who = (
        "typical patient"
        if origin["typical"]
        else f"{finished} of {origin['n']} patients, seed {origin['seed']}, {origin['sampling']}"
    )
    changed = "".join(f", {name} = {value:g}" for name, value in origin["set"].items())
    switched = "".join(
        f" Hypothesis switched on: {text.partition('. See')[0]}."
        for text in hypotheses(model, origin["set"])
    )
    return [f"{model.name}: {who}{changed}. {share_assumed(model)}.{switched}", NO_ADVICE]


def number(value):
    """Short text of a number: up to six digits."""
    return f"{value:.6g}"


def quantity(value, unit):
    """Number with its unit; a unit of 1 is not printed."""
    return number(value) if unit == "1" else f"{number(value)} {unit}"


def label(name):
    """A name in words."""
    return name.replace("_", " ")


def variability(spread):
    """How an input differs between people or occasions: "CV 30 %", "logit SD 0.4", "SD 1.5, 4 to 10", "40 % no (0), 60 % yes (1)" or "-"."""
    import math

    if spread is None:
        return "-"
    if spread.kind == "lognormal":
        return f"CV {100 * math.sqrt(math.expm1(spread.sd**2)):.3g} %"
    if spread.kind == "logitnormal":
        return f"logit SD {spread.sd:.3g}"
    if spread.kind == "classes":
        return ", ".join(
            f"{100 * share:.3g} % {label} ({k})" for k, (label, share) in enumerate(spread.classes)
        )
    bounds = ["" if b is None else number(b) for b in (spread.lower, spread.upper)]
    return f"SD {number(spread.sd)}" + (f", {bounds[0]} to {bounds[1]}" if any(bounds) else "")


def expression(text):
    """A checked expression with no more brackets than it needs."""
    return ast.unparse(ast.parse(text, mode="eval"))


def equations(model):
    """Lines of text: start values, rates and assignments in the notation of a model file. Unit factors are written out."""
    lines = [
        f"{s.name}(0) = {expression(s.initial)} : {s.unit}"
        for s in model.states
        if s.initial != "0"
    ]
    lines += [f"{a.name} = {expression(a.expression)} : {a.unit}" for a in model.assignments]
    return lines + [f"d/dt({s.name}) = {expression(s.rate)} : {s.unit}" for s in model.states]


PARAMETER_HEADERS = (
    "name",
    "value",
    "unit",
    "between patients",
    "between occasions",
    "evidence",
    "label",
    "source",
)


def parameters(model):
    """Rows of PARAMETER_HEADERS, parameters then covariates."""
    return [
        (
            i.name,
            number(i.value),
            i.unit,
            variability(i.iiv),
            variability(i.iov),
            i.evidence,
            i.label,
            i.source,
        )
        for i in model.inputs
    ]


def doses(model):
    """Sentences on where a dose can go and what is good for."""
    lines = []
    for dose in model.doses:
        named = (
            ("bioavailability", dose.f),
            ("lag", dose.lag),
            ("modelled rate", dose.rate),
            ("modelled duration", dose.duration),
        )
        extra = "".join(f", {word} {name}" for word, name in named if name)
        lines.append(f"dose into {dose.state} in {dose.unit}{extra}")
    if model.benefit:
        b = model.benefit
        every = quantity(b.every, model.time)
        lines.append(
            f"benefit: {b.better} {b.outcome}, {quantity(b.lowest, b.unit)} to {quantity(b.highest, b.unit)} every {every} into {b.into}"
        )
    return lines
