"""Endpoints as people write them: "cmax(Cc)", "mean(pain)", "time_above(Cc, 1 ng/mL)".

A text becomes what a kernel must watch, and what it saw becomes a number. Knows words, units and
the names of a model; knows nothing of doses or people.
"""

import re
from dataclasses import dataclass

import numpy as np

from pkpd import limits, units
from pkpd.dosing.moments import at
from pkpd.errors import PkpdError, closest, quoted
from pkpd.solvers.batch import compile
from pkpd.symbolic.quantities import quantity

KINDS = ("cmax", "tmax", "cmin", "tmin", "auc", "mean", "time_above", "time_below")
RECORD = {"cmax": 0, "tmax": 1, "cmin": 2, "tmin": 3}  # places in Solution.record
_CALL = re.compile(r"\s*(\w+)\s*\(\s*([^,()]*?)\s*(?:,\s*(.*?)\s*)?\)\s*\Z")
_WINDOW = re.compile(r"\s*day\s+([0-9]{1,5})\s*\Z")


@dataclass(frozen=True)
class Endpoint:
    """One number per patient.

    text : what its column is called
    level : number in the output's unit, or 0 where `other` names the level
    factor : what a number of `other` is multiplied by to be in the output's unit
    """

    text: str
    kind: str
    output: str
    unit: str
    level: float = 0.0
    other: str | None = None
    factor: float = 1.0

    @property
    def signal(self):
        return self.output, self.other, self.factor, self.level


def read(model, texts):
    """Endpoints of texts such as "cmax(Cc)", "mean(pain)" or "time_below(occupancy, ec50)".

    KINDS of any state or output. A level is a number, with or without a unit, or a parameter,
    covariate, state or output of the patient. "Below" is at the level or below it. Raises PkpdError
    for what cannot be read, an unknown name or a unit that does not fit.
    """
    texts = [texts] if isinstance(texts, str) else limits.texts(texts, "endpoints")
    if not texts:
        raise PkpdError("No endpoint is named; write for example 'cmax(Cc)'.")
    found: dict[str, Endpoint] = {}
    for text in texts:
        endpoint = _endpoint(model, text)
        if endpoint.text in found:
            raise PkpdError(f"Endpoint '{endpoint.text}' is named twice.")
        found[endpoint.text] = endpoint
    return tuple(found.values())


def _endpoint(model, text):
    match = _CALL.match(str(text))
    if match is None:
        raise PkpdError(
            f"Endpoint '{text}' cannot be read; "
            "write for example 'cmax(Cc)' or 'time_above(Cc, 1 ng/mL)'."
        )
    kind, output, level = match.groups()
    if kind not in KINDS:
        raise PkpdError(f"Endpoint '{text}': unknown quantity '{kind}'.{closest(kind, KINDS)}")
    known = model.computed_names
    if output not in known:
        raise PkpdError(
            f"Endpoint '{text}': {model.name} has no state or output '{output}'."
            f"{closest(output, known)}"
        )
    unit = model.unit(output)
    if kind.startswith("time_"):
        return _duration(model, text, kind, output, level)
    if level is not None:
        raise PkpdError(f"Endpoint '{text}': {kind} takes no level; write {kind}({output}).")
    area = model.time if unit == "1" else f"{unit}*{model.time}"
    other_units = {"tmax": model.time, "tmin": model.time, "auc": area}
    return Endpoint(f"{kind}({output})", kind, output, other_units.get(kind, unit))


def _duration(model, text, kind, output, level):
    """The time for which an output is above or below a level, as `text` asks for it."""
    unit = model.unit(output)
    if not level:
        example = "1" if unit == "1" else f"1 {unit}"
        raise PkpdError(f"Endpoint '{text}': say which level, such as {kind}({output}, {example}).")
    name = f"{kind}({output}, {' '.join(level.split())})"
    try:
        if re.match(r"[A-Za-z]\w*\Z", level):
            factor = _factor(model, level, unit)
            return Endpoint(name, kind, output, model.time, other=level, factor=factor)
        return Endpoint(name, kind, output, model.time, level=quantity(level, unit))
    except PkpdError as error:
        raise PkpdError(f"Endpoint '{text}': {error}") from error


def _factor(model, name, unit):
    """What a number of `name` is multiplied by to be in `unit`."""
    known = (*model.input_names, *model.computed_names)
    if name not in known:
        raise PkpdError(
            f"{model.name} has no state, output, parameter or covariate '{name}'."
            f"{closest(name, known)}"
        )
    return units.factor(model.unit(name), unit)


@dataclass(frozen=True)
class Watch:
    """What a kernel watches for some endpoints: extremes and integrals of outputs, and levels."""

    endpoints: tuple[Endpoint, ...]

    @property
    def outputs(self):
        return tuple(dict.fromkeys(e.output for e in self.endpoints))

    @property
    def signals(self):
        return tuple(dict.fromkeys(e.signal for e in self.endpoints if e.kind.startswith("time_")))

    @property
    def level(self):
        """(C,) numbers of the levels, for pkpd.solvers.batch.solve."""
        return [s[3] for s in self.signals]

    def compile(self, model, solver):
        """One kernel for all endpoints of the same outputs: one more of them compiles nothing."""
        watched = {"extremes": self.outputs, "levels": [s[:3] for s in self.signals]}
        return compile(model, (), self.outputs, solver, **watched)

    def values(self, solution, since, until):
        """(P, E) endpoints of P rows watched from `since` to `until` (P,).

        Times of extremes count from `since`.
        """
        length = until - since
        return np.column_stack([self._value(e, solution, since, length) for e in self.endpoints])

    def _value(self, e, solution, since, length):
        place = self.outputs.index(e.output)
        if e.kind in RECORD:
            record = solution.record[:, place, RECORD[e.kind]]
            return record - since if e.kind.startswith("t") else record
        if e.kind.startswith("time_"):
            above = solution.above[:, self.signals.index(e.signal)]
            return above if e.kind == "time_above" else length - above
        return solution.integral[:, place] / (length if e.kind == "mean" else 1.0)


def _end(time, unit):
    """An end of a window as a number in model time, or None where the run begins or ends."""
    if time is None:
        return None
    number = quantity(time, unit) if isinstance(time, str) else time
    # where the run begins, a watch that opens a rounding later would see nothing
    return float(at(limits.number(number, "An end of the window"), [0.0]))


def interval(model, text, regimen=None):
    """(from, to) in model time, None where the run begins or ends, of what a window says.

    text : None, "day 28" (the 28th day from time 0), "last interval" (that of the last dose of a
        Regimen), or (from, to), numbers or texts such as "27 d". Raises PkpdError.
    """
    if text is None:
        return None, None
    if isinstance(text, str):
        return _named_window(model, text, regimen)
    if not isinstance(text, (list, tuple)) or len(text) != 2:
        raise PkpdError(f"A window is a text or a pair of times, not {quoted(text)}.")
    start, end = (_end(time, model.time) for time in text)
    if start is not None and end is not None and not start < end:
        raise PkpdError(f"The window from {start:g} to {end:g} {model.time} ends before it begins.")
    return start, end


def _named_window(model, text, regimen):
    """(from, to) in model time of a text, as `interval` takes it. Raises PkpdError."""
    hour = units.factor("h", model.time)
    day = _WINDOW.match(text)
    if day and int(day[1]) > 0:
        return (int(day[1]) - 1) * 24 * hour, int(day[1]) * 24 * hour
    if text.strip() == "last interval" and regimen is not None:
        last, end = max((p.last_interval for p in regimen.phases), key=lambda ends: ends[1])
        return last * hour, end * hour
    last = "" if regimen is None else "'last interval', "
    raise PkpdError(f"Window '{text}' cannot be read; write {last}'day 28' or give its ends.")
