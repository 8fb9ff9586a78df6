"""Text of rxode2 and nlmixr2 -> System.

The language: rxode2 user manual, "rxode2 syntax". Knows that language; knows no units.
"""

import re
from dataclasses import dataclass, field

from pkpd.errors import ModelError, PkpdError
from pkpd.exchange.readers import blocks, compartments, trees
from pkpd.exchange.readers.blocks import Condition, Simple
from pkpd.exchange.readers.expressions import FUNCTIONS, Functions, Grammar
from pkpd.exchange.readers.expressions import read as tree_of
from pkpd.exchange.readers.statements import Assign, If, Program
from pkpd.exchange.system import Parameter, System

CARRIED = (
    "d/dt(), start values x(0), f(), alag() or lag(), rate(), dur() of doses",
    "assignments by <-, = and ~, also several to one name; if, else if, else; ifelse()",
    "ini(): values, bounds, fix(), label(), etas with their covariances; additive, proportional "
    "and log-normal residual error",
)
REFUSED = (
    "linCmt(): write the differential equations out",
    "delays, loops, data functions such as lag1() and lead(), mtime(), string covariates",
    "etas on more than one level (| occ)",
)
_D = r"[A-Za-z][\w.]*"
_TARGET = re.compile(
    rf"(?:d\s*/\s*dt\s*\(\s*(?P<rate>{_D})\s*\)|(?P<word>f|F|alag|lag|rate|dur)\s*\(\s*(?P<into>{_D})"
    rf"\s*\)|(?P<start>{_D})\s*\(\s*0\s*\)|(?P<name>{_D}))\s*\Z"
)
_ASSIGNED = re.compile(r"(?P<left>[^<=~]*?)\s*(?:<-|=(?!=)|~)(?P<right>.*)\Z", re.DOTALL)
_ERROR = re.compile(r"\b(add|prop|lnorm)\s*\(")
_LABEL = re.compile(r"label\s*\(\s*(\"[^\"]*\"|'[^']*')\s*\)\Z")
_WORDS = {"f": "f", "F": "f", "alag": "lag", "lag": "lag", "rate": "rate", "dur": "duration"}


def _logistic(x):
    one = trees.number(1.0)
    return trees.divide(one, trees.add(one, trees.call("exp", trees.negative(x))))


_FUNCTIONS: Functions = {
    **FUNCTIONS,
    "ceiling": FUNCTIONS["ceil"],
    "fabs": FUNCTIONS["abs"],
    "ifelse": (3, trees.choice),
    "expit": (1, _logistic),
    "lgammafn": FUNCTIONS["lgamma"],
}
GRAMMAR = Grammar(
    called="rxode2",
    functions=_FUNCTIONS,
    constants={"M_PI": 3.141592653589793, "TRUE": 1.0, "FALSE": 0.0},
    fold=lambda name: "t" if name == "time" else name,
)


@dataclass
class _Reading:
    """What has been read so far."""

    system: System
    place: str
    order: list = field(default_factory=list)  # compartments
    errors: list = field(default_factory=list)  # (output, text, line)


def read(text: str, place: str, given: dict[str, float]) -> System:
    """The System of a function with ini() and model(), or of the text of a model alone.

    Raises ModelError with the line of what cannot be read.
    """
    text = blocks.without_comments(text, "#")
    reading = _Reading(System(title=_title(text, place), source=place), place)
    ini = _part(text, "ini", place)
    if ini is not None:
        _read_ini(reading, _statements(ini, place))
    program = Program(taken=frozenset(reading.system.parameters))
    program.run(_converted(reading, _statements(_model_part(text, place), place)))
    compartments.fill(reading.system, program, reading.order, given, place)
    _residual(reading)
    reading.system.outputs = _outputs(reading.system, program)
    return reading.system


def _model_part(text, place):
    """The equations: those in model(), or in rxode2(), or all."""
    for word in ("model", "rxode2", "RxODE"):
        part = _part(text, word, place)
        if part is not None:
            return part
    return text, 1


def _outputs(system, program):
    """What is defined and no rate uses, the states where nothing is."""
    used: set[str] = set()
    for state in system.states.values():
        used |= trees.names(state.rate)
    found = [name for name in program.current if " " not in name and name not in used]
    return found or list(system.states)


def _title(text, place):
    named = re.search(r"^\s*([A-Za-z][\w.]*)\s*(?:<-|=)\s*function\s*\(", text, re.MULTILINE)
    return f"{named[1] if named else 'Model'}, from {place}"


def _part(text, word, place):
    """(inside, number of its first line) of `word({ ... })`, or None."""
    found = re.search(rf"\b{word}\s*\(\s*\{{", text)
    if not found:
        return None
    begin = found.end() - 1
    return text[begin + 1 : blocks.inside(text, begin, place)], text.count("\n", 0, begin) + 1


def _statements(part, place):
    text, first = part
    return blocks.Reader(text, place, ends_at_lines=True, first=first).statements()


def _tree(text, where):
    try:
        return tree_of(text, GRAMMAR)
    except PkpdError as error:
        raise ModelError(f"{where}: {error}.") from error


def _number(text, where):
    """The value of an expression of numbers."""
    from pkpd.symbolic.parse import value

    try:
        return float(value(_tree(text, where), {}))
    except (KeyError, ValueError, ArithmeticError) as error:
        raise ModelError(f"{where}: '{text}' is not a number.") from error


def _read_ini(reading, statements):
    last = None
    for item in statements:
        where = f"{reading.place}:{item.line}"
        label = _LABEL.match(item.text) if isinstance(item, Simple) else None
        if label:
            if last:
                reading.system.parameters[last].label = label[1][1:-1]
            continue
        if not isinstance(item, Simple):
            raise ModelError(f"{where}: a condition in ini().")
        left, sign, right = _sides(item.text, where)
        if sign == "~":
            last = None
            _etas(reading, left, right, where)
        else:
            last = left
            reading.system.parameters[left] = Parameter(_initial(right, where), left)


def _sides(text, where):
    found = re.match(r"([^<=~]*?)\s*(<-|=|~)(.*)\Z", text, re.DOTALL)
    if not found:
        raise ModelError(f"{where}: {blocks.quoted_line(text)} cannot be read.")
    return found[1].strip(), found[2], found[3].strip()


def _initial(text, where):
    """The value of 0.5, c(0, 0.5, 1), fix(0.5) or fixed(c(0, 0.5))."""
    fixed = re.fullmatch(r"(?:fix|fixed)\s*\((.*)\)", text, re.DOTALL)
    text = fixed[1].strip() if fixed else text
    bounds = re.fullmatch(r"c\s*\((.*)\)", text, re.DOTALL)
    if not bounds:
        return _number(text, where)
    parts = [p for p in bounds[1].split(",") if p.strip() not in ("fix", "fixed")]
    return _number(parts[0] if len(parts) == 1 else parts[1], where)


def _etas(reading, left, right, where):
    if "|" in right or "|" in left:
        raise ModelError(f"{where}: etas on a level of their own (|) are not carried over.")
    names = [n.strip() for n in left.split("+")]
    listed = re.fullmatch(r"(?:fix|fixed)?\s*(?:c\s*)?\((.*)\)", right, re.DOTALL)
    numbers = [_number(t, where) for t in (listed[1] if listed else right).split(",")]
    if len(numbers) != len(names) * (len(names) + 1) // 2:
        raise ModelError(f"{where}: {len(names)} etas need the lower triangle of their covariance.")
    for name in names:
        reading.system.parameters[name] = Parameter(0.0, f"{name}, between people", sd=0.0)
    rows, at = [], 0
    for length in range(1, len(names) + 1):
        rows.append(numbers[at : at + length])
        at += length
    reading.system.omega.append((names, rows))


def _converted(reading, statements):
    """Statements of the model as those of a Program."""
    for item in statements:
        where = f"{reading.place}:{item.line}"
        if isinstance(item, Condition):
            branches = tuple(
                (None if test is None else _tree(test, where), tuple(_converted(reading, inside)))
                for test, inside in item.branches
            )
            yield If(branches, where)
        else:
            yield from _assigned(reading, item.text, where)


def _assigned(reading, text, where):
    if re.fullmatch(r"(?:param|cmt)\s*\(.*\)|[A-Za-z][\w.]*", text):
        return  # declares an order, or prints a value
    left, sign, right = _sides(text, where)
    if sign == "~" and _ERROR.search(right):
        reading.errors.append((left, right, where))
        return
    target = _TARGET.match(left)
    if not target:
        raise ModelError(f"{where}: {blocks.quoted_line(text)} assigns to nothing that is known.")
    if target["rate"] and target["rate"] not in reading.order:
        reading.order.append(target["rate"])
    yield Assign(_key(target), _tree(right, where), where)


def _key(target):
    """The name of what an assignment is about, from a match of _TARGET."""
    if target["rate"]:
        return compartments.key("d/dt", target["rate"])
    if target["start"]:
        return compartments.key("start", target["start"])
    if target["into"]:
        return compartments.key(_WORDS[target["word"]], target["into"])
    return target["name"]


def _residual(reading):
    """The residual errors that the language of model files has; a note on any other."""
    system = reading.system
    for output, text, where in reading.errors:
        parts = re.findall(r"\b(add|prop|lnorm)\s*\(\s*([\w.]+)\s*\)", text)
        rest = re.sub(r"\b(add|prop|lnorm)\s*\(\s*[\w.]+\s*\)|[+\s]", "", text)
        values = {kind: system.parameters[n].value for kind, n in parts if n in system.parameters}
        if rest or len(values) != len(parts) or output not in system.equations:
            line = blocks.quoted_line(f"{output} ~ {text}")
            system.notes.append(f"Residual error {line} ({where}) is not carried over.")
            continue
        words = {"prop": "{!r} %", "add": "{!r}", "lnorm": "log {!r} %"}
        scale = {"prop": 100.0, "add": 1.0, "lnorm": 100.0}
        said = [words[k].format(abs(v) * scale[k]) for k, v in sorted(values.items(), reverse=True)]
        system.residual[output] = " + ".join(said)
        for _, name in parts:
            system.parameters.pop(name, None)
