"""Prescription text <-> Regimen.

"1.5 mg q24h x 14 then 3 mg q24h x 14", "100 mg into central", "30 mg weekly x 4". Knows words and
hours; knows nothing of models.
"""

import re

from pkpd.dosing.regimen import MOST_DOSES, Phase, Regimen
from pkpd.errors import DoseError, quoted

HOURS = {"min": 1 / 60, "h": 1.0, "d": 24.0, "wk": 168.0, "w": 168.0}
WORDS = {
    "daily": 24.0,
    "qd": 24.0,
    "bid": 12.0,
    "tid": 8.0,
    "qid": 6.0,
    "weekly": 168.0,
    "hourly": 1.0,
}
LONGEST = 10_000

_PHASE = re.compile(
    r"(?P<amount>[-+]?(?:[0-9.][0-9.eE+-]*?|nan|inf))\s*(?P<unit>[A-Za-z%](?:[A-Za-z%/]|\*\*\d)*)"
    r"(?:\s+into\s+(?P<into>\w+))?"
    r"(?:\s+(?:q\s*(?P<every>[0-9.]+)\s*(?P<time>[a-z]*)"
    r"|(?P<word>daily|qd|bid|tid|qid|weekly|hourly)))?"
    r"(?:\s+at\s+(?P<hour>\d{1,2}):(?P<minute>\d{2}))?"
    r"(?:\s*x\s*(?P<count>[^\s]+))?\Z"
)
_WAIT = re.compile(r"wait\s+(?P<length>[0-9.]+)\s*(?P<time>[a-z]+)\Z")


def rx(text):
    """Read a regimen.

    Phases are joined by "then"; each starts one interval after the last dose of the one before. A
    phase is AMOUNT UNIT [into TARGET] [q<interval> | daily | bid | tid | qid | weekly] [at HH:MM]
    [x COUNT], or "wait 2wk". A unit may be per a covariate, as in "0.05 mg/kg". Time 0 is midnight
    for "at". Raises DoseError that quotes what was written.
    """
    if not isinstance(text, str):
        raise DoseError(f"A regimen is text such as '4.5 mg q24h x 28', not {quoted(text)}.")
    if not text.strip():
        raise DoseError("An empty regimen. Write for example '4.5 mg q24h x 28'.")
    if len(text) > LONGEST:
        raise DoseError(f"A regimen of {len(text)} characters is too long (at most {LONGEST}).")
    now, phases = 0.0, []
    for part in re.split(r"\s+then\s+", text.strip()):
        wait = _WAIT.match(part)
        if wait:
            now += _number(wait["length"], text) * _hours(wait["time"], part, text)
            continue
        phase = _phase(part, now, text)
        phases.append(phase)
        now = phase.start + phase.every * phase.count
    if not phases:
        raise DoseError(f"Regimen '{text}' holds no dose.")
    return Regimen(tuple(phases))


def _phase(part, now, text):
    match = _PHASE.match(part)
    if not match:
        raise DoseError(
            f"Regimen '{text}': cannot read '{part}'; write for example '4.5 mg q24h x 28'."
        )
    amount = _number(match["amount"], text)
    if amount < 0:
        raise DoseError(
            f"Regimen '{text}': a dose cannot be negative ({match['amount']} {match['unit']})."
        )
    every = WORDS.get(match["word"] or "", 24.0)
    if match["every"]:
        if not match["time"]:
            raise DoseError(
                f"Regimen '{text}': 'q{match['every']}' has no time unit; write q{match['every']}h."
            )
        every = _number(match["every"], text) * _hours(match["time"], part, text)
        if every <= 0:
            raise DoseError(f"Regimen '{text}': the interval in '{part}' must be above 0.")
    start = now
    if match["hour"]:
        clock = int(match["hour"]) + int(match["minute"]) / 60
        if clock >= 24 or int(match["minute"]) > 59:
            raise DoseError(
                f"Regimen '{text}': '{match['hour']}:{match['minute']}' is no time of day."
            )
        start = now + (clock - now) % 24.0
    return Phase(amount, match["unit"], every, _count(match["count"], text), start, match["into"])


def _count(text, whole):
    if text is None:
        return 1
    if not text.isdigit() or not 0 < int(text[:12]) <= MOST_DOSES:
        raise DoseError(
            f"Regimen '{whole}': 'x {text}' must be a whole number of doses from 1 to {MOST_DOSES}."
        )
    return int(text)


def _number(text, whole):
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e12:
        raise DoseError(f"Regimen '{whole}': '{text}' is not a number.")
    return value


def _hours(unit, part, whole):
    if unit not in HOURS:
        raise DoseError(
            f"Regimen '{whole}': '{unit}' in '{part}' is no time unit; use {', '.join(HOURS)}."
        )
    return HOURS[unit]
