"""Prescription text <-> Regimen.

"1.5 mg q24h x 14 then 3 mg q24h x 14", "100 mg into central", "30 mg weekly x 4". Knows words and
hours; knows nothing of models.
"""

import re
from dataclasses import replace

from pkpd import limits, units
from pkpd.dosing.moments import laps
from pkpd.dosing.regimen import DAY, MOST_DOSES, Phase, Regimen
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
EXAMPLE = "write for example '4.5 mg q24h x 28'"

_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?"
_END = r"(?=\s|\Z)"
_DOSE = re.compile(
    rf"(?P<amount>{_NUMBER}|nan|inf)\s*(?P<unit>[a-z%](?:[a-z%/]|\*\*[0-9])*){_END}", re.I
)
_WAIT = re.compile(rf"wait\s+(?P<length>{_NUMBER})\s*(?P<time>[a-z]+)\Z", re.I)
# what may follow an amount and its unit, each once and in any order
_PARTS = {
    "into": re.compile(rf"into\s+(?P<into>\w+){_END}", re.I),
    "interval": re.compile(
        rf"(?:q\s*(?P<every>{_NUMBER})\s*(?P<time>(?!x)[a-z]*)|(?P<word>{'|'.join(WORDS)}))"
        r"(?=\s|\Z|x)",
        re.I,
    ),
    "at": re.compile(rf"at\s+(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{2}}){_END}", re.I),
    "count": re.compile(r"x\s*(?P<count>\S+)", re.I),
}


def rx(text: str) -> Regimen:
    """Read a regimen: doses and waits, joined by "then".

    A dose is AMOUNT UNIT [into TARGET] [q<interval> | daily | bid | tid | qid | weekly] [at HH:MM]
    [x COUNT]; a unit may be per a covariate, as in "0.05 mg/kg". What follows several doses begins
    one interval after the last of them. After a single dose without an interval the text must say
    when: by "wait 12h", or by a time of day. A wait at the end makes the regimen longer. Time 0 is
    midnight for "at". Raises DoseError that quotes the word that cannot be read.

    >>> pkpd.rx("4.5 mg q24h x 28").end  # hours
    672.0
    """
    if not isinstance(text, str):
        raise DoseError(f"A regimen is text such as '4.5 mg q24h x 28', not {quoted(text)}.")
    if not text.strip():
        raise DoseError("An empty regimen. Write for example '4.5 mg q24h x 28'.")
    if len(text) > LONGEST:
        raise DoseError(f"A regimen of {len(text)} characters is too long (at most {LONGEST}).")
    now, settled, until, phases = 0.0, True, None, []  # settled : whether it is known when `now` is
    for part in re.split(r"\s+then\s+", text.translate(units.MICRO).strip(), flags=re.I):
        wait = _WAIT.match(part)
        if wait:
            length = _number(wait["length"], text) * _hours(wait["time"], part, text)
            if length < 0:
                raise DoseError(f"Regimen '{text}': '{part}' cannot be negative.")
            now += length
            settled, until = True, now
            continue
        words = _words(part, text)
        phase = _phase(words, _start(words, now, settled, part, text), part, text)
        phases.append(phase)
        settled, until = "interval" in words or phase.count > 1, None
        now = phase.end if settled else phase.start
    if not phases:
        raise DoseError(f"Regimen '{text}' holds no dose.")
    if phases[-1].count > 1 and until == phases[-1].end:
        until = None
    return Regimen(tuple(_until_next(phases, until)), until)


def _words(part, text):
    """What a dose says: matches of its "dose" and of the _PARTS that are there."""
    dose = _DOSE.match(part)
    if not dose:
        remedy = EXAMPLE
        if part.lower().startswith("wait"):
            remedy = "write for example 'wait 12h'"
        elif re.match(r"[0-9]+,[0-9]", part):
            remedy = f"write {part.split()[0].replace(',', '.')} with a decimal point"
        raise DoseError(f"Regimen '{text}': cannot read '{part}'; {remedy}.")
    words, rest = {"dose": dose}, part[dose.end() :].lstrip()
    while rest:
        matches = {kind: pattern.match(rest) for kind, pattern in _PARTS.items()}
        kind, match = next(((k, m) for k, m in matches.items() if m), ("", None))
        if match is None:
            raise DoseError(
                f"Regimen '{text}': cannot read '{rest.split()[0]}' in '{part}'; an amount and its "
                "unit are followed by into TARGET, q24h or daily, at 22:00, and x 28."
            )
        if kind in words:
            again, before = (m.group().strip() for m in (match, words[kind]))
            raise DoseError(
                f"Regimen '{text}': '{before}' and '{again}' in '{part}' contradict or repeat each "
                "other; leave out one."
            )
        words[kind] = match
        rest = rest[match.end() :].lstrip()
    return words


def _start(words, now, settled, part, text):
    """Hours from time 0 to the first dose of a phase that begins at `now` or later."""
    if "at" not in words:
        if not settled:
            raise DoseError(
                f"Regimen '{text}': '{part}' does not say how long after the dose before it "
                f"begins; write for example 'then wait 12h then {part}'."
            )
        return now
    hour, minute = int(words["at"]["hour"]), int(words["at"]["minute"])
    if hour >= 24 or minute > 59:
        raise DoseError(f"Regimen '{text}': '{words['at'].group()}' is no time of day.")
    ahead = float(laps((hour + minute / 60 - now) % DAY, DAY)[1])
    return now + (ahead if ahead or settled else DAY)


def _phase(words, start, part, text):
    dose, interval, count = words["dose"], words.get("interval"), words.get("count")
    amount = _number(dose["amount"], text)
    if amount < 0:
        raise DoseError(f"Regimen '{text}': a dose cannot be negative ({dose.group()}).")
    if interval and not count:
        raise DoseError(
            f"Regimen '{text}': '{interval.group()}' in '{part}' does not say how many doses; "
            f"write '{part} x 28', or 'x 1' for a single one."
        )
    every, number = _every(interval, part, text), _count(count, text)
    if number > 1 and not interval and "at" not in words:
        raise DoseError(
            f"Regimen '{text}': '{count.group()}' in '{part}' needs an interval; "
            f"write for example '{dose.group()} q24h {count.group()}'."
        )
    into = words["into"]["into"] if "into" in words else None
    return Phase(amount, dose["unit"], every, number, start, into)


def _until_next(phases, until):
    """The phases; the interval of a single dose is the time to what follows it."""
    following = [p.start for p in phases[1:]] + [until]
    for phase, start in zip(phases, following, strict=True):
        single = phase.count == 1 and start is not None
        yield replace(phase, every=start - phase.start) if single else phase


def _every(interval, part, text):
    """Hours between doses, a day where nothing is written."""
    if interval is None:
        return DAY
    if interval["word"]:
        return WORDS[interval["word"].lower()]
    if not interval["time"]:
        written = interval.group().strip()
        raise DoseError(f"Regimen '{text}': '{written}' has no time unit; write {written}h.")
    every = _number(interval["every"], text) * _hours(interval["time"], part, text)
    if every <= 0:
        raise DoseError(f"Regimen '{text}': the interval in '{part}' must be above 0.")
    return every


def _count(count, text):
    if count is None:
        return 1
    exact = re.fullmatch(_NUMBER, count["count"], re.I)
    number = float(count["count"]) if exact else 0.5
    if not (number.is_integer() and 0 < number <= MOST_DOSES):
        raise DoseError(
            f"Regimen '{text}': '{count.group()}' must be a whole number of doses "
            f"from 1 to {MOST_DOSES}."
        )
    return int(number)


def _number(number, text):
    value = float(number)
    if not abs(value) <= limits.DOSE:
        raise DoseError(f"Regimen '{text}': '{number}' is not a number up to {limits.DOSE:g}.")
    return value


def _hours(unit, part, text):
    if unit.lower() not in HOURS:
        raise DoseError(
            f"Regimen '{text}': '{unit}' in '{part}' is no time unit; use {', '.join(HOURS)}."
        )
    return HOURS[unit.lower()]
