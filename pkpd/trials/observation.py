"""What is observed of a patient: diary entries, adverse events, missed and late doses, leaving.

entry = score of the past 24 h - placebo response + AR(1) noise, rounded, cut to the ends of the
scale; its numbers stand in diary.toml with source and grade of evidence. Every draw has an address.
Knows days, scores and blockade; knows nothing of rules, doses in force or solvers.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from warnings import warn

import numpy as np

from pkpd import limits
from pkpd.errors import ModelError, TrialError, closest
from pkpd.population.noise import normals, uniforms
from pkpd.population.variability import around, classes

DIARY = Path(__file__).with_name("diary.toml")
EVENTS = ("insomnia", "dreams", "headache")
RISK_DAYS, BENEFIT_DAYS, WEEK = 84.0, 28.0, 7
STAYED, ADVERSE, NO_BENEFIT, OTHER, FAILED = range(5)
REASONS = ("", "adverse event", "lack of benefit", "other reasons", "not solved")
STOPPED = len(REASONS)  # and on: by the adverse events of a trial
NOBODY = np.iinfo(np.int64).max
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
_SCORES = ("noise_sd", "step")  # in the unit of the scale, as are its ends
_ENDS = ("lowest", "highest")
_TIMES = {"placebo_half": "d", "patience": "d", "late_most": "h"}
_AMOUNTS = (*_SCORES, *_TIMES, "effect_size")
_TRAITS = (  # may differ between patients; everything else is one number for all
    "placebo_max",
    "placebo_half",
    "noise_sd",
    "missing",
    "missed",
    "late",
    "leave_no_benefit",
    "improvement_wanted",
    "effect_size",
    "responds",
)
_OBSOLETE = "baseline"  # entries begin at the outcome's own untreated value


@dataclass(frozen=True)
class Scale:
    """What entries are measured on. unit : of the entries; lowest, highest : its ends"""

    unit: str
    lowest: float
    highest: float

    def outside(self, scores):
        """How many of scores (P,) lie beyond an end."""
        return int(((scores < self.lowest) | (scores > self.highest)).sum())


NRS = Scale("NRS", 0.0, 10.0)  # the numeric rating scale of pain


@dataclass(frozen=True)
class Diary:
    """The numbers behind an observation.

    title : whose diary it is; scale : of the entries
    inputs : name -> pkpd.symbolic.model.Input, with value, unit, source and evidence
    changed : typical values in place of the file's
    """

    name: str
    title: str
    digest: str
    scale: Scale
    inputs: dict
    changed: dict = field(default_factory=dict)

    def about(self, blockade):
        """What a result says of the diary, as plain data: its scale, and what its numbers rest on.

        blockade : name of the output that the drug's adverse events grow with, or None
        """
        grades = [item.evidence for item in self.inputs.values()]
        return {
            "name": self.name,
            "title": self.title,
            **vars(self.scale),
            "set": self.changed,
            "events": list(EVENTS),
            "blockade": blockade,
            "numbers": len(grades),
            "assumed": grades.count("assumed"),
            "calibrated": grades.count("calibrated"),
            "digest": self.digest[:16],
        }

    def __getitem__(self, name):
        return self.inputs[name].value

    def traits(self, seed, ids, replicate=0):
        """name -> (P,) values of what differs between patients; a number for the others."""
        traits = {}
        for name, item in self.inputs.items():
            address = (seed, ids, f"trait {name}", 1, replicate)
            if item.iiv is None:
                traits[name] = item.value
            elif item.iiv.kind == "classes":
                traits[name] = classes(item.iiv, uniforms(*address)[:, 0])
            else:
                traits[name] = around(item.iiv, item.value, normals(*address)[:, 0])
        return traits


def diary(path=None, changes=None):
    """Diary from a TOML file (default: the packaged one), checked as a model's parameters are.

    changes : other typical values, such as {"missing": 0.0}; the variability between patients stays

    Raises TrialError, or ModelError with file and line.
    """
    from pkpd.symbolic.inputs import Inputs
    from pkpd.symbolic.load import read

    file = read(DIARY if path is None else limits.path(path, "diary", TrialError))
    for key in file.data:
        if key not in ("title", "parameters"):
            raise ModelError(f"{file.path}: a diary has no '{key}'; it has title and [parameters].")
    inputs = {item.name: item for item in Inputs([file]).inputs("parameters")}
    if inputs.pop(_OBSOLETE, None) is not None:
        text = f"{file.path}: {_OBSOLETE} is not used any more; entries begin at the outcome's own"
        warn(f"{text} untreated value. Leave the line out.", DeprecationWarning, stacklevel=2)
    _check_parameters(file.path, inputs)
    for name, value in (changes or {}).items():
        inputs[name] = _changed(inputs, name, value)
    _check_values(inputs)
    title = str(file.data.get("title", file.path.stem))
    scale = _scale(file.path, inputs)
    return Diary(file.path.stem, title, _digest(inputs), scale, inputs, dict(changes or {}))


def _check_parameters(path, inputs):
    """Raises ModelError where a diary does not have its parameters, or one varies that must not."""
    names = (*_SHARES, *_AMOUNTS, *_ENDS)
    for name in (*_SHARES, *_AMOUNTS):
        if name not in inputs:
            raise ModelError(f"{path}: parameter '{name}' is missing; copy its line from {DIARY}.")
    for name, item in inputs.items():
        if name not in names:
            raise ModelError(f"{item.place}: unknown parameter '{name}'.{closest(name, names)}")
        if item.iov is not None or (item.iiv is not None and name not in _TRAITS):
            raise ModelError(
                f"{item.place}: {name} is one number, the same for everybody at all times; "
                "leave out its iiv and iov."
            )


def _check_values(inputs):
    """Raises TrialError where a share is none, or an amount is negative."""
    for name, item in inputs.items():
        if name in _SHARES and not 0 <= item.value <= 1:
            raise TrialError(
                f"{item.place}: {name} is a probability or a share and must lie between 0 and 1, "
                f"not at {item.value:g}."
            )
        if name in _AMOUNTS and item.value < 0:
            raise TrialError(f"{item.place}: {name} must not be negative, but is {item.value:g}.")


def diary_of(what=None):
    """The Diary, or that of a path; by default the packaged one. Raises as `diary` does."""
    return what if isinstance(what, Diary) else diary(what)


def _scale(path, inputs):
    """The Scale of the entries. Raises ModelError where units of the diary do not go together."""
    unit = inputs["noise_sd"].unit
    wanted = dict.fromkeys((*_SHARES, "effect_size"), "1") | _TIMES
    wanted |= dict.fromkeys((*_SCORES, *_ENDS), unit)
    for name, item in inputs.items():
        if item.unit != wanted[name]:
            raise ModelError(
                f"{item.place}: {name} is in '{item.unit}'; write it in {wanted[name]}."
            )
    if unit == NRS.unit and not {*_ENDS} & {*inputs}:
        return NRS
    for name in _ENDS:
        if name not in inputs:
            raise ModelError(
                f"{path}: a diary in {unit} needs the ends of its scale, and '{name}' is missing; "
                f"write it as the one in {DIARY}."
            )
    lowest, highest = (inputs[name].value for name in _ENDS)
    if not lowest < highest:
        place = inputs["highest"].place
        raise ModelError(f"{place}: highest is {highest:g}, not above lowest, {lowest:g}.")
    return Scale(unit, lowest, highest)


def _changed(inputs, name, value):
    """The Input of that name with another typical value. Raises TrialError."""
    if name not in inputs:
        raise TrialError(f"diary: unknown parameter '{name}'.{closest(name, inputs)}")
    if type(value) not in (int, float) or not abs(value) < 1e300:
        raise TrialError(f"diary: {name} must be a number, not {value!r}.")
    # a probability of 0 or 1 is the same for everybody: its logit has no spread
    fixed, iiv = name in _SHARES and value in (0, 1), inputs[name].iiv
    if iiv is not None and iiv.kind == "classes" and not fixed:
        raise TrialError(
            f"diary: {name} is 0 or 1 for everybody, or left as it is, but not {value:g}."
        )
    return replace(inputs[name], value=float(value), iiv=None if fixed or value == 0 else iiv)


def _digest(inputs):
    import hashlib

    text = "\n".join(f"{i.name} {i.value!r} {i.unit} {i.iiv}" for i in inputs.values())
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class DayRecords:
    """What n patients show over d days.

    entries : (n, d) diary, NaN where missing or after leaving
    events : (n, d, E + W) onset of each of EVENTS, and of the trial's own adverse events
    left : (n,) day on which a patient left, 0 for those who stayed; reason : (n,) index into
        REASONS, or STOPPED + the number of the trial's event
    """

    entries: np.ndarray
    events: np.ndarray
    left: np.ndarray
    reason: np.ndarray


class Observer:
    """Observes P patients over a run-in and days of treatment, of which day 1 is the first.

    base : (P,) score of the untreated patient; replicate : number of the repetition of the noise
    own_traits : whether placebo response, diary SD and adherence stay a patient's own in all
        repetitions
    stops : (W,) whether patients leave because of each of the trial's own adverse events
    rated : (P, days) what patients would enter, also where the entry is missing
    """

    def __init__(
        self, diary, seed, ids, base, run_in, days, replicate=0, own_traits=False, stops=()
    ):
        self.diary, self.address, self.run_in = diary, (seed, ids, replicate), run_in
        self.traits = diary.traits(seed, ids, 0 if own_traits else replicate)
        self.base, self.days = base, run_in + days
        self.entries = np.full((len(ids), self.days), np.nan)
        self.rated = np.full((len(ids), self.days), np.nan)
        self.stops = np.asarray(stops, bool)
        self.met = np.zeros((len(ids), len(self.stops)), bool)  # on the last day so far

    def draw(self, purpose, count=None):
        """(P, count) uniforms of a purpose; by default one per day."""
        seed, ids, replicate = self.address
        return uniforms(seed, ids, purpose, self.days if count is None else count, replicate)

    def trait(self, name, rows=slice(None)):
        """(n, 1) values of a trait of the patients `rows`, or one number for all of them."""
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
        """(P, days) whether a day's entry is missing."""
        return self.draw("missing") < self.trait("missing")

    @cached_property
    def onsets(self):
        """(P, days, E) exponential waiting times that a day's risk is measured against."""
        return -np.log1p(-np.stack([self.draw(event) for event in EVENTS], axis=2))

    @cached_property
    def leaving(self):
        """(P, days) uniforms: leaving after an adverse event, without benefit, otherwise."""
        return tuple(self.draw(f"leave {why}") for why in ("adverse", "no benefit", "random"))

    def doses(self, count):
        """(P, count) whether each of `count` doses is taken, and (P, count) how late in hours."""
        taken = self.draw("missed", count) >= self.trait("missed")
        late = self.draw("late", count) < self.trait("late")
        return taken, np.where(late, self.draw("delay", count) * self.diary["late_most"], 0.0)

    def placebo(self, rows, day):
        """(n, d) fall of the score under placebo on the days `day` (d,)."""
        share = 1.0 - np.exp(-np.log(2.0) / self.trait("placebo_half", rows) * np.maximum(day, 0))
        return self.base[rows][:, None] * self.trait("placebo_max", rows) * share

    def record(self, rows, first, score, blockade, met=None):
        """DayRecords of days first, first + 1, ... of the patients `rows`.

        score, blockade : (n, d) mean of each day; the score is without placebo response and noise
        met : (n, d, W) whether the trial's own adverse events are there (default: none is)
        """
        if met is None:
            met = np.zeros((*score.shape, len(self.stops)), bool)
        day = first + np.arange(score.shape[1])
        place = day + self.run_in - 1
        span = slice(place[0], place[-1] + 1)
        pain, step = score - self.placebo(rows, day) + self.noise[rows, span], self.diary["step"]
        rated = np.rint(pain / step) * step if step > 0 else pain
        rated = np.clip(rated, self.diary.scale.lowest, self.diary.scale.highest)
        entries = np.where(self.blank[rows, span], np.nan, rated)
        self.entries[rows, span], self.rated[rows, span] = entries, rated
        onsets = self._events(rows, span, blockade), self._begun(rows, met)
        events = np.concatenate(onsets, axis=2) & (day > 0)[:, None]
        left, reason = self._leaving(rows, day, place, span, events)
        gone = (left > 0)[:, None] & (day > left[:, None])
        self.entries[rows, span] = np.where(gone, np.nan, entries)
        return DayRecords(self.entries[rows, span], events & ~gone[:, :, None], left, reason)

    def _events(self, rows, span, blockade):
        """(n, d, E) onsets of adverse events: a day's hazard grows with its blockade (n, d)."""
        reference = self.diary["blockade_ref"]
        relative = blockade / reference if reference > 0 else np.zeros_like(blockade)
        hazard = np.empty((*blockade.shape, len(EVENTS)))
        for k, event in enumerate(EVENTS):
            low, high = (
                -np.log1p(-self.diary[f"{event}_{arm}"]) / RISK_DAYS for arm in ("placebo", "drug")
            )
            hazard[:, :, k] = low + max(high - low, 0.0) * relative
        return self.onsets[rows, span] < hazard

    def _begun(self, rows, met):
        """(n, d, W) days on which the trial's own adverse events begin, from those (n, d, W) with
        them."""
        before = np.concatenate([self.met[rows][:, None], met[:, :-1]], axis=1)
        self.met[rows] = met[:, -1]
        return met & ~before

    def _leaving(self, rows, day, place, span, events):
        """Day of leaving (n,), 0 for those who stay, and reason (n,)."""
        adverse, lack, other = (u[rows, span] for u in self.leaving)
        treated = (day > 0)[None, :]
        # one draw for all events of a day: the more there are, the likelier a patient leaves
        harmed = adverse < 1.0 - (1.0 - self.diary["leave_adverse"]) ** events.sum(axis=2)
        share_wanted = self.diary["benefit_wanted"] * self.trait("improvement_wanted", rows)
        wanted = (1.0 - share_wanted) * self.baseline(rows)[:, None]
        unhelped = (day > self.diary["patience"])[None, :] & (self._weekly(rows, place) > wanted)
        unhelped &= lack < _daily(self.trait("leave_no_benefit", rows), BENEFIT_DAYS)
        else_ = treated & (other < _daily(self.diary["leave_random"], RISK_DAYS))
        stopped = events[:, :, len(EVENTS) :] & self.stops
        gone = stopped.any(axis=2) | harmed | unhelped | else_
        first = np.argmax(gone, axis=1)
        at = np.arange(len(first)), first
        codes = np.where(stopped[at], STOPPED + np.arange(len(self.stops)), NOBODY)
        why = [stopped[at].any(axis=1), harmed[at], unhelped[at], else_[at]]
        reasons = [codes.min(axis=1, initial=NOBODY), ADVERSE, NO_BENEFIT, OTHER]
        reason = np.select(why, reasons, STAYED)
        return np.where(gone.any(axis=1), day[first], 0), reason

    def _weekly(self, rows, place):
        """(n, d) mean of the entries of the seven days up to each day, NaN without one."""
        first = max(place[0] - WEEK + 1, 0)
        part = self.entries[rows, first : place[-1] + 1]
        present = ~np.isnan(part)
        total, count = _sums(np.where(present, part, 0.0)), _sums(present.astype(float))
        ends = place - first + 1
        begins = np.maximum(ends - WEEK, 0)
        return _ratio(total[:, ends] - total[:, begins], count[:, ends] - count[:, begins])

    def baseline(self, rows=slice(None)):
        """(n,) mean entry of the last seven days of the run-in, NaN without an entry."""
        return mean(self.entries[rows, max(self.run_in - WEEK, 0) : self.run_in])[0]


def _sums(x):
    """(n, d + 1) sums of the first 0, 1, ..., d columns."""
    return np.cumsum(np.pad(x, ((0, 0), (1, 0))), axis=1)


def effect_of(traits, patients):
    """(P,) effect as a multiple of the typical one, where everybody's body is the typical one."""
    return np.broadcast_to(traits["effect_size"] * traits["responds"], patients)


def mean(entries):
    """Mean (n,) and number (n,) of the entries (n, d) that are not NaN; NaN without one.

    The sum runs in the order of the days.
    """
    present = ~np.isnan(entries)
    total, count = np.zeros(len(entries)), present.sum(axis=1)
    for day in np.where(present, entries, 0.0).T:
        total += day
    return _ratio(total, count), count


def _ratio(total, count):
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _daily(probability, days):
    """Daily probability that makes up a probability within so many days."""
    return 1.0 - (1.0 - probability) ** (1.0 / days)
