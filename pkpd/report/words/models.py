"""Models in words: equations, parameters, evidence, what rests on assumption.

Knows checked models; knows nothing of screens or files.
"""

import ast
import math

from pkpd.report.words.references import unverified
from pkpd.symbolic.model import EVIDENCE

NO_ADVICE = "Virtual patients; hypotheses and their consequences, no clinical advice."


def grades(model):
    """{"measured": 5, ...}: number of parameters and covariates of each grade, zeros included."""
    given = [item.evidence for item in model.inputs]
    return {grade: given.count(grade) for grade in EVIDENCE}


def share_assumed(model, diary=None):
    """Part of a sentence: how many of the numbers behind a result nobody has measured.

    diary : what a summary says of the diary that patients kept, whose numbers then count too
    """
    counts, count, what = grades(model), len(model.inputs), "parameters"
    if diary is not None:
        count, what = count + diary["numbers"], "parameters of model and diary"
        counts = {grade: counts[grade] + diary[grade] for grade in ("assumed", "calibrated")}
    fitted = f", {counts['calibrated']} more are calibrated" if counts["calibrated"] else ""
    return f"{counts['assumed']} of {count} {what} are assumptions{fitted}"


def diary_of(summary):
    """What a summary says of the diary that patients kept; None where they kept none."""
    observed = summary.get("observed") or {}
    diary = summary.get("diary") or observed.get("diary")
    return diary if isinstance(diary, dict) else None


def hypotheses(model, changed=()):
    """Sentences on switches that turn a hypothesis on, unless the run has set them itself."""
    return [
        f"{i.name} = {i.value:g}: {i.hypothesis}. See the result without it: --set {i.name}=0"
        for i in model.switches
        if i.hypothesis and i.value != 0 and i.name not in changed
    ]


def and_set(changed, spreads=None):
    """What is set, {name: value}, to be added to a clause; "" where nothing is.

    changed : typical values; spreads : how far people differ
    """
    values = [f", {name} = {value:g}" for name, value in changed.items()]
    return "".join([*values, *(f", spread of {n} {v:g}" for n, v in (spreads or {}).items())])


def small_print(model, origin, finished):
    """Lines under a figure: who was computed, what is assumed.

    origin : provenance block; finished : number of patients that were solved
    """
    who = "typical patient"
    if not origin["typical"]:
        count = f"{finished} of {origin['n']} patients"
        who = f"{count}, seed {origin['seed']}, {origin['sampling']}"
    changed = and_set(origin["set"], origin.get("spread"))
    switches = [text.partition(". See")[0] for text in hypotheses(model, origin["set"])]
    switched = "".join(f" Hypothesis switched on: {text}." for text in switches)
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
    """How an input differs between people or occasions, "-" where it does not.

    Such as "CV 30 %", "logit SD 0.4", "SD 1.5, 4 to 10", "40 % no (0), 60 % yes (1)".
    """
    import math

    if spread is None:
        return "-"
    if spread.kind == "lognormal":
        return f"CV {100 * math.sqrt(math.expm1(spread.sd**2)):.3g} %"
    if spread.kind == "logitnormal":
        return f"logit SD {spread.sd:.3g}"
    if spread.kind == "classes":
        numbered = enumerate(spread.classes)
        return ", ".join(f"{100 * share:.3g} % {label} ({k})" for k, (label, share) in numbered)
    bounds = ["" if b is None else number(b) for b in (spread.lower, spread.upper)]
    return f"SD {number(spread.sd)}" + (f", {bounds[0]} to {bounds[1]}" if any(bounds) else "")


def expression(text):
    """A checked expression with no more brackets than it needs."""
    return ast.unparse(ast.parse(text, mode="eval"))


def equations(model):
    """Start values, assignments and rates in the notation of a model file, as lines of text.

    Unit factors are written out.
    """
    started = [s for s in model.states if s.initial != "0"]
    lines = [f"{s.name}(0) = {expression(s.initial)} : {s.unit}" for s in started]
    lines += [f"{a.name} = {expression(a.expression)} : {a.unit}" for a in model.assignments]
    lines += [f"d/dt({s.name}) = {expression(s.rate)} : {s.unit}" for s in model.states]
    return lines + [event(e) for e in model.events]


def event(item):
    """An event in words."""
    condition = ast.unparse(ast.parse(item.trigger, mode="eval").body.test)
    changes = ", ".join(f"{state} = {expression(text)}" for state, text in item.changes)
    return f"event {item.name}: when {condition}: {changes}"


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
    doubtful = unverified()
    return [
        (
            i.name,
            number(i.value),
            i.unit,
            variability(i.iiv),
            variability(i.iov),
            i.evidence,
            f"{i.role}: {i.label}" if i.role else i.label,
            sourced(i.source, doubtful),
        )
        for i in model.inputs
    ]


def sourced(source, doubtful):
    """A source, marked where the paper that it names has not been looked up.

    doubtful : keys of such papers
    """
    return f"{source} (unverified)" if any(key in source for key in doubtful) else source


def priors(model):
    """Sentences on what is held possible of typical values before any study."""
    return [f"{i.name}: {prior(i)}: {i.prior.reason}" for i in model.inputs if i.prior]


def prior(item):
    """The prior of an input as it is written."""
    given = item.prior
    if given.kind == "loguniform":
        return f"{number(given.low)} to {number(given.high)} {item.unit}, uniform on the log scale"
    if given.kind == "lognormal":
        cv = math.sqrt(math.expm1(given.spread**2))
        return f"around {number(item.value)} {item.unit}, CV {100 * cv:.0f} %"
    return f"around {number(item.value)}, logit SD {number(given.spread)}"


def doses(model):
    """Sentences on where a dose can go and what it is good for."""
    lines = []
    for dose in model.doses:
        named = (
            ("bioavailability", dose.f),
            ("lag", dose.lag),
            ("modelled rate", dose.rate),
            ("modelled duration", dose.duration),
            ("given with every dose into", dose.beside),
        )
        extra = "".join(f", {word} {name}" for word, name in named if name)
        lines.append(f"dose into {dose.state} in {dose.unit}{extra}")
    if model.benefit:
        b = model.benefit
        every = quantity(b.every, model.time)
        low, high = quantity(b.lowest, b.unit), quantity(b.highest, b.unit)
        doses = f"{low} to {high} every {every} into {b.into}{b.beside}"
        lines.append(f"benefit: {b.better} {b.outcome}, {doses}")
    if model.published:
        lines.append(f"published MEDs: {published_range(model.published)}")
    return lines


def published_range(published):
    """What clinics found, in words: the range, the number of patients, the paper."""
    ends = f"{published.lowest:g}-{published.highest:g} {published.unit}"
    paper = published.source.partition(",")[0]
    return f"{ends}: range of {published.patients} published MEDs ({paper})"
