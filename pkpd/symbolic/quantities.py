"""Numbers with units as people write them: "24 h", "0.05:50 mg", "10 %".

Knows texts and units; knows no files and no models' equations.
"""

import math
import re

from pkpd import limits, units
from pkpd.errors import PkpdError, quoted
from pkpd.reading import NUMBER
from pkpd.symbolic.model import Benefit

UNIT = re.compile(
    r"[A-Za-z%](?:[A-Za-z%/]|\*\*\d|\*)*\s*\Z"
)  # at the end of a text such as "0.05:50mg"
_QUANTITY = re.compile(rf"\s*({NUMBER})\s*([A-Za-z%]\S*|1/\S+)?\s*")


def unit_at_end(text):
    """The unit that a text ends with, or None."""
    # a unit is short, and the search takes the square of the length
    found = UNIT.search(str(text)[-60:].translate(units.MICRO))
    return found and found.group().strip()


def quantity(text, unit):
    """Number of `unit` in a text such as "1.5 mg" or "24 h". Raises PkpdError."""
    match = _QUANTITY.fullmatch(str(text).translate(units.MICRO))
    value = float(match[1]) if match else math.nan
    if match is None or not math.isfinite(value):
        raise PkpdError(
            f"'{text}' cannot be read; write a number, with or without a unit, "
            f"such as '1.5{'' if unit == '1' else f' {unit}'}'."
        )
    return value * units.factor(match[2] or unit, unit)


def dose_range(text, unit):
    """(lowest, highest) of a text such as "0.05:50 mg", positive and increasing, in `unit`."""
    parts = str(text).split(":")
    if len(parts) != 2:
        raise PkpdError(
            f"doses '{text}' must be lowest:highest with a unit, such as '0.05:50 {unit}'."
        )
    tail = "" if unit_at_end(parts[0]) else unit_at_end(parts[1]) or ""
    for part in (parts[0] + tail, parts[1]):
        if unit_at_end(part) not in (None, unit):
            units.check_dose(unit_at_end(part))
    low, high = quantity(parts[0] + tail, unit), quantity(parts[1], unit)
    if high > limits.DOSE:
        raise PkpdError(f"doses '{text}': a dose is at most {limits.DOSE:g} {unit}.")
    if not 0 < low < high:
        raise PkpdError(
            f"doses '{text}': the grid is logarithmic, so the lowest dose must be above 0 and "
            f"below the highest, as in '0.05:50 {unit}'."
        )
    return low, high


def dose_list(doses, unit, name="doses"):
    """Doses (D,) in `unit` from "1.5, 3 mg" or a sequence of numbers or texts, in the order given.

    Raises PkpdError, which calls the doses by `name`.
    """
    if isinstance(doses, str):
        doses = _doses_in(doses, unit)
    elif not isinstance(doses, (list, tuple)) and getattr(doses, "ndim", 0) != 1:
        raise PkpdError(f"{name} is a text or a list of doses, not {quoted(doses)}.")
    numbers = tuple(
        quantity(d, unit) if isinstance(d, str) else limits.number(d, f"A dose of {name}")
        for d in doses
    )
    if not numbers or not all(0 <= number <= limits.DOSE for number in numbers):
        raise PkpdError(
            f"{name} {', '.join(map(str, doses)) or 'is empty and'} must be numbers from 0 to "
            f"{limits.DOSE:g}, such as '0.5, 1.5, 4.5 {unit}'."
        )
    return numbers


def _doses_in(text, unit):
    """The doses of a text such as "1.5, 3 mg", each with a unit: its own, the last one's or
    `unit`."""
    parts = list(map(str.strip, text.split(",")))
    last = _behind_number(parts[-1]) or unit
    return [part if _behind_number(part) else f"{part} {last}" for part in parts]


def _behind_number(text):
    return text.lstrip("0123456789.eE+- ")


def interval_length(every, time):
    """Time between two doses in model time, from a text such as "24 h" or a number.

    Raises PkpdError.
    """
    length = quantity(every, time) if isinstance(every, str) else limits.number(every, "every")
    if not 0 < length * units.factor(time, "h") <= limits.INTERVAL:
        raise PkpdError(
            f"every '{every}' must be a positive length of time, such as '24 h', "
            f"and at most {limits.INTERVAL:,.0f} h."
        )
    return length


def difference(text, unit):
    """(delta, relative) of "10 %" (of the untreated value) or of an absolute number with unit."""
    text = str(text).strip()
    relative = text.endswith("%")
    delta = quantity(text[:-1], "1") / 100 if relative else quantity(text, unit)
    if not delta >= 0:
        raise PkpdError(f"delta '{text}' must not be negative.")
    return delta, relative


def read_benefit(data, unit, time, outcome_unit, place):
    """Benefit of the entries of a [benefit] table; amounts in the dose's unit, times in model
    time."""
    low, high = dose_range(data["doses"], unit)
    delta, relative = difference(data.get("delta", "10 %"), outcome_unit)
    report = data.get("report") or ()
    if report:
        report = dose_list(report if isinstance(report, list) else str(report), unit, "report")
    return Benefit(
        outcome=data["outcome"],
        better=data["better"],
        into=data["into"],
        every=interval_length(data["every"], time),
        lowest=low,
        highest=high,
        unit=unit,
        delta=delta,
        delta_relative=relative,
        report=report,
        exposure=data.get("exposure"),
        blockade=data.get("blockade"),
        place=place,
        background=data.get("background", ""),
        subject_to=tuple(data.get("subject_to", ())),
    )
