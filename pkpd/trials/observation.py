"""What is seen of a patient: diary entries, adverse events, missed and late doses, leaving. Every draw has an address.

diary = score of the past 24 h - placebo response + AR(1) noise, rounded, clipped to 0-10; its numbers stand in diary.toml with
source and grade of evidence. Knows days and scores; knows no rules and no solver.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pkpd.errors import ModelError, TrialError, closest
from pkpd.population.noise import normals, uniforms
from pkpd.population.variability import around, classes

DIARY = Path(__file__).with_name("diary.toml")
LOWEST, HIGHEST = 0.0, 10.0  # of the numeric rating scale
EVENTS = ("insomnia", "dreams", "headache")
RISK_DAYS, BENEFIT_DAYS, WEEK = 84.0, 28.0, 7
STAYED, ADVERSE, NO_BENEFIT, OTHER, FAILED = range(5)
REASONS = ("", "adverse event", "lack of benefit", "other reasons", "not solved")
_SHARES = (
    "placebo_max",
    "noise_correlation",
    "missing",
    "missed",
    "late",
    "blockade_ref",
    "leave_adverse",
    "leave_random",
    "leave_no_benefit",
    "benefit_wanted",
    "improvement_wanted",
    "responds",
    *(f"{e}_{arm}" for e in EVENTS for arm in ("placebo", "drug")),
)
_AMOUNTS = ("baseline", "placebo_half", "noise_sd", "step", "late_most", "patience", "effect_size")


@dataclass(frozen=True)
class Diary:
    """The numbers behind an observation. inputs : name -> pkpd.symbolic.model.Input, with value, unit, source and evidence"""

    name: str
    digest: str
    inputs: dict

    def __getitem__(self, name):
        return self.inputs[name].value

    def traits(self, seed, ids, replicate=0):
        """name -> (P,) of what differs between patients; the others are numbers."""
        found = {}
        for name, item in self.inputs.items():
            if item.iiv is None:
                found[name] = item.value
            elif item.iiv.kind == "classes":
                found[name] = classes(
                    item.iiv, uniforms(seed, ids, f"trait {name}", 1, replicate)[:, 0]
                )
            else:
                found[name] = around(
                    item.iiv, item.value, normals(seed, ids, f"trait {name}", 1, replicate)[:, 0]
                )
        return found


def diary(path=None, changes=None):
    """Diary from a TOML file (default: the packaged one), read and checked as a model's parameters are.

    changes : {"missing": 0.0}: other typical values, variability kept. Raises TrialError, or ModelError with file and line.
    """
    from dataclasses import replace

    from pkpd.symbolic.checker import Builder
    from pkpd.symbolic.load import read

    file = read(Path(path or DIARY))
    builder = Builder([file], file.path.stem, "")
    found = {e[0]: builder.input(*e, covariate=False) for e in builder.entries("parameters")}
    for name in (*_SHARES, *_AMOUNTS):
        if name not in found:
            raise ModelError(
                f"{file.path}: parameter '{name}' is missing; copy its line from {DIARY}."
            )
    for name in found:
        if name not in (*_SHARES, *_AMOUNTS):
            raise ModelError(
                f"{found[name].place}: unknown parameter '{name}'.{closest(name, (*_SHARES, *_AMOUNTS))}"
            )
    for name, value in (changes or {}).items():
        if name not in found:
            raise TrialError(f"diary: unknown parameter '{name}'.{closest(name, found)}")
        number = (
            isinstance(value, (int, float)) and not isinstance(value, bool) and np.isfinite(value)
        )
        if not number:
            raise TrialError(f"diary: {name} must be a number, not {value!r}.")
        # a probability of 0 or 1 is one for everybody: its logit has no spread
        fixed, spread = name in _SHARES and value in (0, 1), found[name].iiv
        if spread is not None and spread.kind == "classes" and not fixed:
            raise TrialError(
                f"diary: {name} is 0 or 1 for everybody, or left as it is, but not {value:g}."
            )
        found[name] = replace(
            found[name], value=float(value), iiv=None if fixed or value == 0 else spread
        )
    for name, item in found.items():
        if name in _SHARES and not 0 <= item.value <= 1:
            raise TrialError(
                f"{item.place}: {name} is a probability or a share and must lie between 0 and 1, not at {item.value:g}."
            )
        if name in _AMOUNTS and item.value < 0:
            raise TrialError(f"{item.place}: {name} must not be negative, but is {item.value:g}.")
    return Diary(file.path.stem, _digest(found), found)


def _digest(inputs):
    import hashlib

    text = "\n".join(f"{i.name} {i.value!r} {i.unit} {i.iiv}" for i in inputs.values())
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class DayRecords:
    """What a leg of n patients over d days showed.

    entries : (n, d) diary, NaN where missing or after leaving; events : (n, d, E) onset of each of EVENTS
    left : (n,) day on which a patient left, 0 for those who stayed; reason : (n,) index into REASONS
    """

    entries: np.ndarray
    events: np.ndarray
    left: np.ndarray
    reason: np.ndarray


class Observer:
    """Sees P patients over a number of days; day 1 is the first day of treatment, earlier ones are the run-in.

    base : (P,) score of the untreated patient; replicate : number of the repetition of the noise; own_traits : whether placebo response,
    diary SD and adherence stay a patient's own in all repetitions
    """

    def __init__(self, diary, seed, ids, base, run_in, days, replicate=0, own_traits=False):
        self.diary, self.address, self.run_in = diary, (seed, ids, replicate), run_in
        self.traits = diary.traits(seed, ids, 0 if own_traits else replicate)
        self.base, self.days = base, run_in + days
        self.entries = np.full((len(ids), self.days), np.nan)

    def draw(self, purpose, count=None):
        seed, ids, replicate = self.address
        return uniforms(seed, ids, purpose, self.days if count is None else count, replicate)

    def trait(self, name, rows=slice(None)):
        """(n, 1) or a number."""
        value = self.traits[name]
        return value[rows][:, None] if isinstance(value, np.ndarray) else value

    @cached_property
    def noise(self):
        """(P, days) AR(1) with the patient's own SD."""
        from scipy.special import ndtri

        z, r = ndtri(self.draw("diary")), self.diary["noise_correlation"]
        for j in range(1, self.days):
            z[:, j] = r * z[:, j - 1] + np.sqrt(1.0 - r * r) * z[:, j]
        return z * self.trait("noise_sd")

    @cached_property
    def blank(self):
        return self.draw("missing") < self.trait("missing")

    @cached_property
    def onsets(self):
        """(P, days, E) exponential waiting times that a day's risk is measured against."""
        return -np.log1p(-np.stack([self.draw(event) for event in EVENTS], axis=2))

    @cached_property
    def leaving(self):
        """(P, days) draws: after an adverse event, for lack of benefit, for other reasons."""
        return tuple(self.draw(f"leave {why}") for why in ("adverse", "no benefit", "random"))

    def doses(self, count):
        """Whether each of `count` doses is taken, (P, count), and how late in hours, (P, count)."""
        taken = self.draw("missed", count) >= self.trait("missed")
        late = self.draw("late", count) < self.trait("late")
        return taken, np.where(late, self.draw("delay", count) * self.diary["late_most"], 0.0)

    def placebo(self, rows, day):
        """(n, d) fall of the score under placebo on some days (d,)."""
        share = 1.0 - np.exp(-np.log(2.0) / self.trait("placebo_half", rows) * np.maximum(day, 0))
        return self.base[rows][:, None] * self.trait("placebo_max", rows) * share

    def look(self, rows, first, score, blockade):
        """Look at days first, first + 1, ... of the patients `rows`.

        score, blockade : (n, d) mean of each day, the score as it would be without placebo response and noise
        """
        day = first + np.arange(score.shape[1])
        place = day + self.run_in - 1
        span = slice(place[0], place[-1] + 1)
        said, step = score - self.placebo(rows, day) + self.noise[rows, span], self.diary["step"]
        said = np.clip(np.rint(said / step) * step if step > 0 else said, LOWEST, HIGHEST)
        entries = np.where(self.blank[rows, span], np.nan, said)
        self.entries[rows, span] = entries
        events = self._events(rows, span, blockade) & (day > 0)[:, None]
        left, reason = self._leaving(rows, day, place, span, events)
        gone = (left > 0)[:, None] & (day > left[:, None])
        self.entries[rows, span] = np.where(gone, np.nan, entries)
        return DayRecords(self.entries[rows, span], events & ~gone[:, :, None], left, reason)

    def _events(self, rows, span, blockade):
        risk = np.empty((*blockade.shape, len(EVENTS)))
        for k, event in enumerate(EVENTS):
            low, high = (
                -np.log1p(-self.diary[f"{event}_{arm}"]) / RISK_DAYS for arm in ("placebo", "drug")
            )
            relative = (
                blockade / self.diary["blockade_ref"]
                if self.diary["blockade_ref"] > 0
                else np.zeros_like(blockade)
            )
            risk[:, :, k] = low + max(high - low, 0.0) * relative
        return self.onsets[rows, span] < risk

    def _leaving(self, rows, day, place, span, events):
        adverse, lack, other = (u[rows, span] for u in self.leaving)
        treated = (day > 0)[None, :]
        # one draw for all events of a day: the more there are, the likelier somebody leaves
        fled = adverse < 1.0 - (1.0 - self.diary["leave_adverse"]) ** events.sum(axis=2)
        wanted = (
            1.0 - self.diary["benefit_wanted"] * self.trait("improvement_wanted", rows)
        ) * self.baseline(rows)[:, None]
        bored = (day > self.diary["patience"])[None, :] & (self._weekly(rows, place) > wanted)
        bored &= lack < _daily(self.trait("leave_no_benefit", rows), BENEFIT_DAYS)
        went = treated & (other < _daily(self.diary["leave_random"], RISK_DAYS))
        gone = fled | bored | went
        first = np.argmax(gone, axis=1)
        at = np.arange(len(first)), first
        reason = np.select([fled[at], bored[at], went[at]], [ADVERSE, NO_BENEFIT, OTHER], STAYED)
        return np.where(gone.any(axis=1), day[first], 0), reason

    def _weekly(self, rows, place):
        """(n, d) mean of the entries of the seven days up to each day, NaN without one."""
        first = max(place[0] - WEEK + 1, 0)
        part = self.entries[rows, first : place[-1] + 1]
        known = ~np.isnan(part)
        total, count = (
            np.cumsum(np.pad(x, ((0, 0), (1, 0))), axis=1)
            for x in (np.where(known, part, 0.0), known.astype(float))
        )
        ends = place - first + 1
        begins = np.maximum(ends - WEEK, 0)
        return _ratio(total[:, ends] - total[:, begins], count[:, ends] - count[:, begins])

    def baseline(self, rows=slice(None)):
        """(n,) mean of the last seven days of the run-in; NaN where nothing was entered."""
        return mean(self.entries[rows, max(self.run_in - WEEK, 0) : self.run_in])[0]


def effect_of(traits, patients):
    """(P,) effect of the drug as a multiple of the typical one, where everybody's body is the typical one."""
    return np.broadcast_to(traits["effect_size"] * traits["responds"], patients)


def mean(entries):
    """Mean (n,) and number (n,) of the entries (n, d) that are there; NaN where none is. The sum runs in the order of the days."""
    known = ~np.isnan(entries)
    total, count = np.zeros(len(entries)), known.sum(axis=1)
    for day in np.where(known, entries, 0.0).T:
        total += day
    return _ratio(total, count), count


def _ratio(total, count):
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _daily(probability, days):
    """Risk of one day that adds up to a probability in so many days."""
    return 1.0 - (1.0 - probability) ** (1.0 / days)
