"""Prescription text <-> Regimen.

"1.5 mg q24h x 14 then 3 mg q24h x 14", "30 mg into tablet at 08:00, 20:00 x 56 and 4.5 mg into
depot q24h at 22:00 until 28 d". Knows words and hours; knows nothing of models.
"""

import re
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from pkpd import limits, units
from pkpd.dosing.moments import laps, window
from pkpd.dosing.regimen import DAY, MOST_DOSES, Phase, Regimen
from pkpd.errors import DoseError, quoted
from pkpd.reading import NUMBER

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
AFTER_A_DOSE = (
    "an amount and its unit are followed by into TARGET, over 2h, q24h or daily, at 22:00, "
    "12h after TARGET, and x 28 or until 28d"
)

_LENGTH = rf"(?P<length>{NUMBER})\s*(?P<time>[a-z]+)"
_END = r"(?=\s|\Z)"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}"
_DOSE = re.compile(
    rf"(?P<amount>{NUMBER}|nan|inf)\s*(?P<unit>[a-z%](?:[a-z%/]|\*\*[0-9])*){_END}", re.I
)
_WAIT = re.compile(rf"wait\s+{_LENGTH}\Z", re.I)
# what may follow an amount and its unit, each once and in any order
_PARTS = {
    "into": re.compile(rf"into\s+(?P<into>\w+){_END}", re.I),
    "over": re.compile(rf"over\s+{_LENGTH}{_END}", re.I),
    "interval": re.compile(
        rf"(?:q\s*(?P<length>{NUMBER})\s*(?P<time>(?!x)[a-z]*)|(?P<word>{'|'.join(WORDS)}))"
        r"(?=\s|\Z|x)",
        re.I,
    ),
    "at": re.compile(rf"at\s+(?P<times>{_CLOCK}(?:\s*,\s*{_CLOCK})*){_END}", re.I),
    "after": re.compile(rf"{_LENGTH}\s+after\s+(?P<target>\w+){_END}", re.I),
    "until": re.compile(rf"until\s+{_LENGTH}{_END}", re.I),
    "count": re.compile(r"x\s*(?P<count>\S+)", re.I),
}


@dataclass(frozen=True)
class _Dose:
    """What a dose of the text says: matches of its "dose" and of the _PARTS that are there."""

    written: str
    words: dict

    @property
    def into(self):
        return self.words["into"]["into"] if "into" in self.words else None

    @property
    def repeated(self):
        """Whether it says how the doses follow one another."""
        return "interval" in self.words or "until" in self.words or self.count > 1

    @property
    def count(self):
        return _count(self.words["count"]) if "count" in self.words else len(self.clock or (0,))

    @property
    def clock(self):
        """Times of day in hours, in the order of the text; None where it says none."""
        if "at" not in self.words:
            return None
        return tuple(_hour(time, self.words["at"]) for time in self.quoted_clock)

    @property
    def quoted_clock(self):
        return re.split(r"\s*,\s*", self.words["at"]["times"])

    def length(self, kind):
        """Hours that the part `kind` says."""
        return _length(self.words[kind], self.written)


def rx(text: str) -> Regimen:
    """Read a regimen: doses and waits that follow one another are joined by "then", drugs by "and".

    A dose is AMOUNT UNIT [into TARGET] [over LENGTH] [q<interval> | daily | bid | tid | qid |
    weekly] [at HH:MM, HH:MM] [LENGTH after TARGET] [x COUNT | until LENGTH]; a unit may be per a
    covariate, as in "0.05 mg/kg". `over` is an infusion; x counts doses, at several times of day
    too; `until 28 d` gives the doses that are due before 28 d from time 0. What follows several
    doses begins when one more would come. After a single dose without an interval the text must
    say when: by "wait 12h", or by a time of day. A wait at the end makes the regimen longer. Time 0
    is midnight for "at", and each drug begins there, or "12h after depot": so long after the first
    dose of the drug that goes into depot. Raises DoseError that quotes the word that cannot be
    read.

    >>> pkpd.rx("4.5 mg q24h x 28").end  # hours
    672.0
    >>> print(pkpd.rx("30 mg into tablet q12h x 2 and 4.5 mg into depot 6h after tablet"))
    30 mg into tablet q12h x 2 and wait 6h then 4.5 mg into depot
    """
    parts, ends = zip(*_understood(text, _placed), strict=True)
    phases, until = tuple(chain(*parts)), max(ends)
    return Regimen(phases, until if until > Regimen(phases).end else None)


def cycles(text: str) -> tuple[Phase, ...]:
    """One cycle of each drug of a regimen without end, such as "30 mg into tablet q12h".

    Raises DoseError, where a drug has an end, too.
    """
    return _understood(text, lambda drugs: tuple(map(_endless, drugs)))


def _endless(drug):
    """One cycle of a drug that is taken again and again."""
    parts = _read(drug)
    if len(parts) > 1:
        raise DoseError(f"'{drug}' is taken without end; leave out 'then' and 'wait'.")
    dose = parts[0]
    for kind in ("count", "until", "after"):
        if kind in dose.words:
            written = dose.words[kind].group().strip()
            raise DoseError(f"'{drug}' is taken without end; leave out '{written}'.")
    if "interval" not in dose.words and "at" not in dose.words:
        raise DoseError(f"'{drug}' does not say how often; write for example '{drug} q12h'.")
    cycle = _cycle(dose, 0.0, settled=True)
    return replace(cycle, count=len(cycle.pattern))


def _understood(text, read):
    """What `read` makes of the drugs of a text. Raises DoseError that quotes the text."""
    if not isinstance(text, str):
        raise DoseError(f"A regimen is text such as '4.5 mg q24h x 28', not {quoted(text)}.")
    if not text.strip():
        raise DoseError("An empty regimen. Write for example '4.5 mg q24h x 28'.")
    if len(text) > LONGEST:
        raise DoseError(f"A regimen of {len(text)} characters is too long (at most {LONGEST}).")
    try:
        return read(re.split(r"\s+and\s+", text.translate(units.MICRO).strip(), flags=re.I))
    except DoseError as error:
        raise DoseError(f"Regimen '{text}': {error}") from error


def _read(drug):
    """The doses (_Dose) and waits (hours) of one drug."""
    parts: list = []
    for part in re.split(r"\s+then\s+", drug, flags=re.I):
        wait = _WAIT.match(part)
        parts.append(_length(wait, part) if wait else _Dose(part, _words(part)))
        if not wait and "after" in parts[-1].words and len(parts) > 1:
            raise DoseError(
                f"'{parts[-1].words['after'].group()}' in '{part}' says when a drug begins; "
                "here something comes before it."
            )
    if not _doses_among(parts):
        raise DoseError(f"'{drug}' holds no dose.")
    return parts


def _doses_among(parts):
    """The parts of a drug that are no waits."""
    return [part for part in parts if isinstance(part, _Dose)]


def _words(part):
    """Matches of the "dose" and of the _PARTS of one dose."""
    dose = _DOSE.match(part)
    if not dose:
        raise DoseError(f"cannot read '{part}'; {_remedy(part)}.")
    words, rest = {"dose": dose}, part[dose.end() :].lstrip()
    while rest:
        kind, match = _next_part(rest)
        if match is None:
            raise DoseError(f"cannot read '{rest.split()[0]}' in '{part}'; {AFTER_A_DOSE}.")
        for other in _NOT_BESIDE.get(kind, (kind,)):
            if other in words:
                raise DoseError(
                    f"'{words[other].group().strip()}' and '{match.group().strip()}' in '{part}' "
                    "contradict or repeat each other; leave out one."
                )
        words[kind] = match
        rest = rest[match.end() :].lstrip()
    return words


def _next_part(rest):
    """Kind and match of the one of the _PARTS that a text begins with; "" and None without one."""
    for kind, pattern in _PARTS.items():
        match = pattern.match(rest)
        if match:
            return kind, match
    return "", None


def _remedy(part):
    """What to write in place of a part that begins with no amount."""
    if part.lower().startswith("wait"):
        return "write for example 'wait 12h'"
    if re.match(r"[0-9]+,[0-9]", part):
        return f"write {part.split()[0].replace(',', '.')} with a decimal point"
    return EXAMPLE


_NOT_BESIDE = {
    "count": ("count", "until"),
    "until": ("until", "count"),
    "at": ("at", "after"),
    "after": ("after", "at"),
}


def _placed(drugs):
    """(phases, end) of each drug, those that begin after another one placed after it."""
    waiting = dict(enumerate(map(_read, drugs)))
    placed: dict[int, tuple] = {}
    while waiting:
        doses = chain.from_iterable(map(_doses_among, waiting.values()))
        later = {dose.into for dose in doses}
        ready = [k for k, parts in waiting.items() if _after(parts) not in later]
        if not ready:
            first = next(iter(waiting.values()))
            raise DoseError(
                f"'{first[0].words['after'].group()}' waits for a drug that itself "
                "waits for it, or for itself; say when one of them begins."
            )
        for k in ready:
            parts = waiting.pop(k)
            placed[k] = _course(parts, _begin(parts, placed.values()))
    return [placed[k] for k in sorted(placed)]


def _after(parts):
    """The target after whose first dose a drug begins; "" where it begins by itself."""
    first = parts[0]
    named = isinstance(first, _Dose) and "after" in first.words
    return first.words["after"]["target"] if named else ""


def _begin(parts, placed):
    """Hours from time 0 from which on a drug is given."""
    target = _after(parts)
    if not target:
        return 0.0
    begun = chain.from_iterable(phases for phases, _ in placed)
    starts = [p.start for p in begun if p.into == target]
    if not starts:
        raise DoseError(
            f"'{parts[0].words['after'].group()}': no dose goes into '{target}'; "
            f"name the other drug's target by 'into {target}'."
        )
    return min(starts) + parts[0].length("after")


def _course(parts, now):
    """Phases of one drug from `now` on, and hours from time 0 to their end or that of a wait."""
    phases: list[Phase] = []
    settled = True  # whether it is known when `now` is
    single = None  # place of a dose without interval, which lasts until what follows
    for part in parts:
        if isinstance(part, float):
            now, settled = now + part, True
            continue
        phase = _phase(part, now, settled)
        if single is not None:
            phases[single] = replace(phases[single], every=phase.start - phases[single].start)
        phases.append(phase)
        single = None if part.repeated else len(phases) - 1
        settled = part.repeated
        now = phase.end if settled else phase.start
    if single is not None and settled:
        phases[single] = replace(phases[single], every=now - phases[single].start)
    return phases, now


def _phase(dose, now, settled):
    """The phase of a dose that begins at `now` or later."""
    cycle = _cycle(dose, now, settled)
    return replace(cycle, count=_doses(dose, cycle))


def _cycle(dose, now, settled):
    """Its phase with a single dose."""
    given = dose.words["dose"]
    amount = _number(given["amount"])
    if amount < 0:
        raise DoseError(f"a dose cannot be negative ({given.group()}).")
    over = dose.length("over") if "over" in dose.words else 0.0
    if "over" in dose.words and over <= 0:
        raise DoseError(f"the infusion in '{dose.written}' must take longer than 0.")
    every, (start, pattern) = _every(dose), _start(dose, now, settled)
    if len(pattern) > 1 and every % DAY:
        raise DoseError(
            f"'{dose.words['interval'].group()}' and several times of day in '{dose.written}' "
            "contradict each other; leave out one."
        )
    return Phase(amount, given["unit"], every, 1, start, dose.into, over, pattern)


def _doses(dose, phase):
    """How many doses there are."""
    if "until" in dose.words:
        return _due(dose, phase)
    interval, count = dose.words.get("interval"), dose.words.get("count")
    if interval and not count:
        raise DoseError(
            f"'{interval.group()}' in '{dose.written}' does not say how many doses; "
            f"write '{dose.written} x 28', or 'x 1' for a single one."
        )
    if dose.count > 1 and not interval and "at" not in dose.words:
        raise DoseError(
            f"'{count.group()}' in '{dose.written}' needs an interval; "
            f"write for example '{dose.words['dose'].group()} q24h {count.group()}'."
        )
    times = len(phase.pattern)
    if dose.count % times:
        raise DoseError(
            f"'{count.group()}' in '{dose.written}' counts doses, and {dose.count} doses at "
            f"{times} times of day are not a whole number of days; write for example "
            f"'x {28 * times}', or 'until 28d'."
        )
    return dose.count


def _due(dose, phase):
    """How many doses are due before the time that `until` says."""
    if "interval" not in dose.words and "at" not in dose.words:
        raise DoseError(
            f"'{dose.words['until'].group()}' in '{dose.written}' needs an interval, such as q24h."
        )
    until = dose.length("until")
    if until - phase.start <= window(until):
        raise DoseError(
            f"'{dose.words['until'].group()}' in '{dose.written}' is not after its first dose, "
            f"{phase.start:g} h after time 0."
        )
    cycles, left = laps(until - phase.start, phase.every)
    in_the_last = np.count_nonzero(left - np.array(phase.pattern) > window(until))
    count = float(cycles) * len(phase.pattern) + in_the_last
    if count > MOST_DOSES:
        raise DoseError(f"'{dose.written}' is more than {MOST_DOSES} doses.")
    return int(count)


def _start(dose, now, settled):
    """Hours from time 0 to the first dose of one that begins at `now` or later, and its pattern."""
    if dose.clock is None:
        if not settled:
            raise DoseError(
                f"'{dose.written}' does not say how long after the dose before it begins; "
                f"write for example 'then wait 12h then {dose.written}'."
            )
        return now, (0.0,)
    if len(set(dose.clock)) < len(dose.clock):
        raise DoseError(f"'{dose.words['at'].group()}' names a time of day twice.")
    starts = sorted(_next(hour, now, settled) for hour in dose.clock)
    return starts[0], tuple(start - starts[0] for start in starts)


def _next(hour, now, settled):
    """Hours from time 0 to the next time of day `hour`; `now` itself is one if it is settled."""
    day = float(laps(now, DAY)[0])
    ahead = day * DAY + hour - now
    passed = ahead < -window(now) if settled else ahead <= window(now)
    return (day + bool(passed)) * DAY + hour


def _hour(time, written):
    """Hours from midnight of a time of day."""
    hour, minute = map(int, time.split(":"))
    if hour >= 24 or minute > 59:
        raise DoseError(f"'{written.group()}' is not a time of day.")
    return hour + minute / 60


def _every(dose):
    """Hours between doses, a day where nothing is written."""
    interval = dose.words.get("interval")
    if interval is None:
        return DAY
    if interval["word"]:
        return WORDS[interval["word"].lower()]
    if not interval["time"]:
        written = interval.group().strip()
        raise DoseError(f"'{written}' has no time unit; write {written}h.")
    every = _length(interval, dose.written)
    if every <= 0:
        raise DoseError(f"the interval in '{dose.written}' must be above 0.")
    return every


def _count(count):
    exact = re.fullmatch(NUMBER, count["count"], re.I)
    number = float(count["count"]) if exact else 0.5
    if not (number.is_integer() and 0 < number <= MOST_DOSES):
        raise DoseError(
            f"'{count.group()}' must be a whole number of doses from 1 to {MOST_DOSES}."
        )
    return int(number)


def _number(number):
    value = float(number)
    if not abs(value) <= limits.DOSE:
        raise DoseError(f"'{number}' is not a number up to {limits.DOSE:g}.")
    return value


def _length(match, part):
    """Hours that a match of _LENGTH says."""
    unit = match["time"]
    if unit.lower() not in HOURS:
        raise DoseError(f"'{unit}' in '{part}' is not a time unit; use {', '.join(HOURS)}.")
    length = _number(match["length"])
    if length < 0:
        raise DoseError(f"'{match.group().strip()}' cannot be negative.")
    return length * HOURS[unit.lower()]
