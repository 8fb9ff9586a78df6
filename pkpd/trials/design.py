"""What a trial is: arms, phases, endpoints, as objects or from a TOML file checked by field.

Knows the fields of a trial and what they may hold; knows nothing of models or patients and runs
nothing.
"""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from pkpd import limits
from pkpd.dosing.regimen import DAY
from pkpd.dosing.rx import cycles, rx
from pkpd.errors import PkpdError, TrialError, quoted
from pkpd.files import read_toml
from pkpd.population.sampling import SAMPLINGS
from pkpd.titration.checks import days_in_all, number, one_of, share, text, whole_number
from pkpd.titration.library import rule as find_rule
from pkpd.titration.rule import Rule
from pkpd.titration.rules import Fixed
from pkpd.trials.adverse import AdverseEvent
from pkpd.trials.observation import EVENTS, REASONS
from pkpd.trials.physiology import NULLS
from pkpd.trials.rescue import Rescue

ALLOCATIONS = ("randomised", "shared")
# kinds of endpoints, and what each of them goes by
KINDS = {
    "change": {"window", "carried"},
    "percent": {"window", "carried"},
    "responders": {"window", "carried", "at_least"},
    "pgi": {"window", "carried"},
    "adverse": {"event"},
    "dose": set(),
    "rescue": {"window"},
    "settled": set(),
    "stayed": set(),
    "effect": {"window"},
}
SHARES = ("responders", "adverse", "stayed")  # kinds that are 0 or 1 of a patient
WEEK = 7
STOPPED = "stopped: "  # and the name of the adverse event that makes patients leave
# columns of the tables that no adverse event may have the name of
COLUMNS = (
    *("ID", "ARM", "DAY", "DIARY", "DOSE"),
    *("base", "baseline", "left", "left_because", "score", "taken", "rescue"),
)
# what may stand in the table of a phase
PHASE = ("name", "start", "days", "rule", "dose", "unit", "visits_every", "taken")


@dataclass(frozen=True)
class Phase:
    """So many days under one rule, after day `start` of treatment (0: from the first dose on).

    taken : how often or at which times of day, as in a regimen's text, such as "q6h" or "at 08:00,
        20:00", 00:00 being the beginning of a day of the diary; None: once in every interval of the
        benefit
    """

    name: str
    start: int
    days: int
    rule: Rule
    taken: str | None = None

    @property
    def description(self):
        """What the rule does, and for how long."""
        taken = f", taken {self.taken}" if self.taken else ""
        return f"{self.rule.description}{taken}; for {self.days} days"

    @property
    def cycle(self):
        """The first cycle of its doses, as a phase of a regimen that begins with it."""
        return None if self.taken is None else _cycle(self.taken)

    @property
    def end(self):
        """Last day."""
        return self.start + self.days


@dataclass(frozen=True)
class Arm:
    """Phases one after the other.

    weight : share of the patients relative to the other arms, in randomised trials
    repeat : how often the patients go through the phases that a design writes once
    beside : what is given beside the trial's own drug from day 1 on, the text of a regimen, or None
    background_until : last day on which the background is taken, None without an end
    """

    name: str
    phases: tuple
    weight: float = 1.0
    repeat: int = 1
    beside: str | None = None
    background_until: int | None = None

    @property
    def course(self):
        """What is given beside the trial's own drug, as a Regimen, or None."""
        return None if self.beside is None else rx(self.beside)

    @property
    def end(self):
        return self.phases[-1].end

    @property
    def first_visit(self):
        return self.phases[0].start + self.phases[0].rule.days


@dataclass(frozen=True)
class Endpoint:
    """A number for every patient.

    kind : "change" (points) or "percent" (of the baseline) of the mean entry, where lower is
        better; "responders" (fell by the share `at_least`); "pgi" (1 very much improved to 7 very
        much worse, from the percent change); "adverse" (any adverse event, or the one named
        `event`); "dose" (prescribed that day); "rescue" (rescue doses a day); "settled" (day since
        which the dose has not changed); "stayed" (whether the patient is still there); "effect"
        (fall by all that is taken, in points, without placebo response and noise: no trial can see
        it)
    day or phase : its last day, or the end of a phase, the mean over its repetitions; window :
        days of diary
    against : a phase whose end is subtracted
    carried : whether patients who have left count with the last days before leaving
    """

    name: str
    kind: str
    day: int | None = None
    phase: str | None = None
    against: str | None = None
    window: int = WEEK
    at_least: float = 0.30
    event: str | None = None
    carried: bool = False

    @property
    def is_share(self):
        """Whether a patient's value at one time is 0 or 1."""
        return self.kind in SHARES and self.against is None


@dataclass(frozen=True)
class Design:
    """A trial.

    allocation : "randomised" (each patient in one arm) or "shared" (the same patients, with the
        same noise, in every arm)
    sampling : of the cohort, "sobol" or "mc" (independent patients, for trials small enough to
        scatter)
    occasion : what begins an occasion of inputs that vary between occasions: "dose", a period such
        as "7 d", or "none"
    run_in : days of diary before the first dose; null : None, "no-effect" or "same-med"
    set : typical values of the model's parameters; benefit : entries in place of the model's
        [benefit]
    diary : path of a diary file or None; diary_set : typical values of its parameters
    adverse : adverse events that the model makes, besides those of the diary
    rescue : Rescue doses in all arms, or None
    """

    model: str
    arms: tuple
    endpoints: tuple
    title: str = "trial"
    patients: int = 1000
    seed: int = 1
    sampling: str = "sobol"
    run_in: int = 14
    allocation: str = "randomised"
    null: str | None = None
    occasion: str = "dose"
    set: dict = field(default_factory=dict)
    diary: str | None = None
    diary_set: dict = field(default_factory=dict)
    benefit: dict = field(default_factory=dict)
    adverse: tuple = ()
    rescue: Rescue | None = None

    @property
    def events(self):
        """(E,) names of all adverse events, in the order of a Course."""
        return *EVENTS, *_names(self.adverse)

    @property
    def reasons(self):
        """Why patients leave, in the order of a Course; the first one is that of who stays."""
        return *REASONS, *(f"{STOPPED}{name}" for name in _names(self.adverse))

    def __post_init__(self):
        whole_number(self.patients, "patients")
        whole_number(self.seed, "seed", 0)
        days_in_all(whole_number(self.run_in, "run_in"), "run_in")
        for name in ("title", "model", "occasion"):
            text(getattr(self, name), name)
        one_of(self.sampling, SAMPLINGS, "sampling")
        one_of(self.allocation, ALLOCATIONS, "allocation")
        if self.null is not None:
            one_of(self.null, NULLS, "null")
        if not self.arms:
            raise TrialError("arms: a trial needs at least one.")
        _distinct(_names(self.arms), "arms")
        _distinct(_names(self.endpoints), "endpoints")
        for arm in self.arms:
            _check_arm(arm)
        _check_adverse(self.adverse, _names(self.endpoints))
        for endpoint in self.endpoints:
            _check_endpoint(endpoint, self)

    def days(self, endpoint, arm, phase=None):
        """[(first, last)] day of an endpoint in an arm, or of the phase it is compared with.

        One for each repetition of the phase; from day 1 on where the endpoint names a day.
        """
        name = phase or endpoint.phase
        if name is None:
            return [(1, endpoint.day)]
        return [(p.start + 1, p.end) for p in arm.phases if p.name == name]


def _names(items):
    return [item.name for item in items]


def _distinct(names, what):
    for name in names:
        if names.count(name) > 1:
            raise TrialError(f"{what}: '{name}' appears twice; give each its own name.")


def _check_arm(arm):
    where = f"arms: '{arm.name}'"
    if not arm.phases:
        raise TrialError(f"{where}: phases: at least one is needed.")
    if not number(arm.weight, f"{where}: weight") > 0:
        raise TrialError(f"{where}: weight must be above 0, not {arm.weight:g}.")
    whole_number(arm.repeat, f"{where}: repeat")
    _distinct(_names(arm.phases)[: len(arm.phases) // arm.repeat], f"{where}: phases")
    arm.phases[0].rule.check_first()
    day, before = 0, None
    for phase in arm.phases:
        place = f"{where}: phases: '{phase.name}'"
        if phase.start < day:
            raise TrialError(
                f"{place}: start: day {phase.start} lies inside '{before}', "
                f"which lasts to day {day}; phases must not overlap."
            )
        if phase.start > day:
            raise TrialError(
                f"{place}: start: no phase covers days {day} to {phase.start}; "
                "add a phase with dose = 0 for a washout."
            )
        if phase.days % phase.rule.days:
            raise TrialError(
                f"{place}: days: {phase.days} days are not a whole number of the rule's "
                f"{phase.rule.days}-day steps."
            )
        day, before = days_in_all(phase.end, place), phase.name
        _check_taken(phase, place)
    _check_beside(arm, where)


def _check_taken(phase, place):
    """Raise TrialError where doses cannot be taken as a phase says."""
    if phase.taken is None:
        return
    try:
        cycle = _cycle(text(phase.taken, "taken"))
    except PkpdError as error:
        raise TrialError(f"{place}: taken: {error}") from error
    if cycle.into or cycle.over:
        raise TrialError(
            f"{place}: taken: '{phase.taken}' says more than when; write for example 'q12h' or "
            "'at 08:00, 20:00'. An infusion, or a dose into another target, belongs into beside."
        )
    if phase.rule.kind == "bayes":
        raise TrialError(
            f"{place}: taken: the rule foresees doses once in every interval of the benefit; "
            "leave out taken, or take another rule."
        )


def _cycle(taken):
    """The first cycle of doses that are taken so, as a phase of a regimen."""
    return cycles(f"1 mg {taken}")[0]


def _check_beside(arm, where):
    """Raise TrialError where what is given beside the trial's own drug is wrongly written."""
    if arm.background_until is not None:
        last = whole_number(arm.background_until, f"{where}: background_until", 0)
        if last >= arm.end:
            raise TrialError(
                f"{where}: background_until: the arm ends on day {arm.end}; leave it out where "
                "the background goes on to the end."
            )
    if arm.beside is None:
        return
    try:
        given = arm.course
    except PkpdError as error:
        raise TrialError(f"{where}: beside: {error}") from error
    last = max(phase.last_interval[0] for phase in given.phases)
    if last >= DAY * arm.end:
        raise TrialError(
            f"{where}: beside: its last dose would be due on day {int(last // DAY) + 1}, after the "
            f"end of the arm on day {arm.end}; write 'until {arm.end} d' or fewer doses."
        )


def _check_adverse(adverse, endpoints):
    """Raise TrialError for adverse events that are wrongly named, or whose fields do not fit."""
    _distinct(_names(adverse), "adverse")
    for event in adverse:
        where = f"adverse: '{event.name}'"
        if event.name in (*EVENTS, *COLUMNS, *endpoints):
            raise TrialError(f"{where}: something else is called so; give it another name.")
        text(event.when, f"{where}: when")
        if not isinstance(event.stop, bool):
            raise TrialError(f"{where}: stop is true or false, not {quoted(event.stop)}.")


def _check_endpoint(endpoint, design):
    where = f"endpoints: '{endpoint.name}'"
    _check_words(endpoint, design, where)
    if (endpoint.day is None) == (endpoint.phase is None):
        raise TrialError(f"{where}: give either day or phase.")
    if endpoint.against is not None and endpoint.against == endpoint.phase:
        raise TrialError(f"{where}: against is its own phase; name another one.")
    for arm in design.arms:
        names = _names(arm.phases)
        for name, value in (("phase", endpoint.phase), ("against", endpoint.against)):
            if value is not None:
                one_of(value, names, f"{where}: {name} of arm '{arm.name}'")
        if endpoint.day is not None:
            _check_day(endpoint.day, arm, where)
        if "window" in KINDS[endpoint.kind]:
            _check_window(endpoint, arm, where)


def _check_words(endpoint, design, where):
    """Raise TrialError for a kind that is none, and for entries that it does not go by."""
    one_of(endpoint.kind, KINDS, f"{where}: kind")
    whole_number(endpoint.window, f"{where}: window")
    share(endpoint.at_least, f"{where}: at_least")
    if endpoint.event is not None:
        one_of(endpoint.event, design.events, f"{where}: event")
    if endpoint.kind == "rescue" and design.rescue is None:
        raise TrialError(f"{where}: this trial has no rescue doses to count; write rescue.")
    if not isinstance(endpoint.carried, bool):
        raise TrialError(f"{where}: carried is true or false, not {endpoint.carried!r}.")
    usual = Endpoint("", endpoint.kind)
    for name in sorted(set().union(*KINDS.values()) - KINDS[endpoint.kind]):
        if getattr(endpoint, name) != getattr(usual, name):
            raise TrialError(f"{where}: {endpoint.kind} has no {name}; leave it out.")


def _check_day(day, arm, where):
    """Raise TrialError for a day that is none of those between an arm's first visit and its end."""
    whole_number(day, f"{where}: day")
    if day < arm.first_visit:
        raise TrialError(
            f"{where}: day {day} lies before the first visit of arm '{arm.name}' on day "
            f"{arm.first_visit}."
        )
    if day > arm.end:
        raise TrialError(
            f"{where}: day {day} lies after the end of arm '{arm.name}' on day {arm.end}."
        )


def _check_window(endpoint, arm, where):
    """Raise TrialError where the window of an endpoint reaches before its phase, or day 1."""
    phases = {phase.name: phase.days for phase in arm.phases}
    room = {f"day {endpoint.day}": endpoint.day} if endpoint.day is not None else {}
    for name in (endpoint.phase, endpoint.against):
        if name is not None:
            room[f"the {phases[name]} days of phase '{name}'"] = phases[name]
    for what, days in room.items():
        if endpoint.window > days:
            raise TrialError(
                f"{where}: the mean over window = {endpoint.window} days reaches before {what} of "
                f"arm '{arm.name}'; write window = {days} or less."
            )


def read(path):
    """Design from a TOML file. Raises TrialError that names file and field."""
    path = limits.path(path, "design", TrialError)
    data = read_toml(path, TrialError)
    try:
        return from_data(data, Path(path).parent)
    except PkpdError as error:
        raise TrialError(f"{path}: {error}") from error


def from_data(data, folder=Path()):
    """Design from plain data, as in a TOML file; paths in it are relative to `folder`.

    Raises TrialError that names the field.
    """
    entries = _entries(data, Design, "trial", {"arms", "endpoints", "adverse", "rescue"})
    for name in ("set", "diary_set", "benefit"):
        _check_values(entries.get(name, {}), name)
    if "model" not in entries:
        raise TrialError("model is missing; write for example model = 'ldn/hormesis'.")
    for name in ("model", "diary"):
        if text(entries.get(name, ""), name).endswith(".toml"):
            entries[name] = str(folder / entries[name])
    entries["arms"] = tuple(_arm(k, a, folder) for k, a in enumerate(_list(data, "arms")))
    for name, kind, needed in (("endpoints", Endpoint, "kind"), ("adverse", AdverseEvent, "when")):
        tables = enumerate(_list(data, name))
        entries[name] = tuple(kind(**_named(t, kind, f"{name}[{k}]", {needed})) for k, t in tables)
    if "rescue" in data:
        entries["rescue"] = _rescue(data["rescue"])
    return Design(**entries)


def _check_values(table, name):
    """Raises TrialError where a table has values that are neither numbers nor texts."""
    if not isinstance(table, dict):
        raise TrialError(f"{name} is a table.")
    for key, value in table.items():
        check = number if isinstance(value, (int, float)) else text
        check(value, f"{name}: {key}")


def _rescue(table):
    """Rescue of a table. Raises TrialError."""
    entries = _entries(table, Rescue, "rescue")
    for name in ("take", "at_least"):
        if name not in entries:
            raise TrialError(f"rescue: {name} is missing.")
    levels = entries["at_least"]
    return Rescue(entries["take"], tuple(levels) if isinstance(levels, list) else levels)


def _list(data, name):
    tables = data.get(name, [])
    if not isinstance(tables, list):
        raise TrialError(f"{name} is a list of tables; write [[{name}]].")
    return tables


def _entries(table, kind, where, later=()):
    """Entries of a table, all of them fields of `kind`, without those of `later`."""
    if not isinstance(table, dict):
        raise TrialError(f"{where} is a table.")
    names = [f.name for f in fields(kind)]
    for name in table:
        one_of(name, names, where)
    return {name: value for name, value in table.items() if name not in later}


def _named(table, kind, where, needed):
    entries = _entries(table, kind, where)
    for name in ({"name"} | needed) - set(entries):
        raise TrialError(f"{where}: {name} is missing.")
    text(entries["name"], f"{where}: name")
    return entries


def _arm(k, table, folder):
    entries = _named(table, Arm, f"arms[{k}]", {"phases"})
    repeat = whole_number(entries.get("repeat", 1), f"arms: '{entries['name']}': repeat")
    once, day = [], 0
    for j, table in enumerate(_list(entries, "phases")):
        where = f"arms: '{entries['name']}': phases[{j}]"
        once.append(_phase(table, day, where, folder))
        day = once[-1].end
    days_in_all(day * repeat, f"arms: '{entries['name']}'")
    again = [replace(phase, start=phase.start + k * day) for k in range(repeat) for phase in once]
    return Arm(**entries | {"phases": tuple(again)})


def _rule(what, folder):
    """Rule of a phase: a name, a table, or a file beside the design."""
    in_file = isinstance(what, str) and what.endswith(".toml")
    return find_rule(folder / what if in_file else what)


def _phase(table, day, where, folder):
    if not isinstance(table, dict):
        raise TrialError(f"{where} is a table.")
    for name in table:
        one_of(name, PHASE, where)
    if ("rule" in table) == ("dose" in table):
        raise TrialError(f"{where}: give either rule or dose.")
    try:
        given = "days" in table or "dose" in table
        days = whole_number(table.get("days", 0), "days") if given else None
        rule = _rule(table["rule"], folder) if "rule" in table else _fixed(table, days)
        start = whole_number(table.get("start", day), "start", 0)
        name = str(table.get("name", f"phase from day {start}"))
        days = rule.longest if days is None else days
        return Phase(name, start, days, rule, table.get("taken"))
    except PkpdError as error:
        raise TrialError(f"{where}: {error}") from error


def _fixed(table, days):
    every = table.get("visits_every", next(step for step in (14, 7, days) if days % step == 0))
    whole_number(every, "visits_every")
    dose = number(table["dose"], "dose")
    return Fixed(
        ladder=(dose,),
        unit=table.get("unit", "mg"),
        days=every,
        window=min(WEEK, every),
        visits=max(days // every, 1),
    )
