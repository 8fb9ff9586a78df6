"""What a published or planned study is: design, statistics, their sampling error and their source.

A study is a TOML file. Its design is a trial (docs/trials.md) or single doses with hours at which
an output is read; a statistic is a number of one arm, or of one arm against another. Knows fields
and what they may hold; knows no models and runs nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pkpd.errors import EvidenceError, PkpdError, closest, quoted
from pkpd.files import read_toml
from pkpd.limits import path as check_path
from pkpd.titration.checks import number, one_of, text, whole_number
from pkpd.trials.design import Design, from_data

ROLES = ("fit", "held out", "context", "planned")
GRADES = {
    "A": "read in the source",
    "B": "recalled, not looked up",
    "C": "assumed",
    "D": "arithmetic on what was read",
}
OF_STUDY = {"title", "source", "grade", "role", "statistics"}  # entries that every study has
KINDS = ("mean", "sd")
OF_TRIALS, OF_HOURS = {"endpoint"}, {"output", "at", "after"}
ANY = "model"  # a trial's model before it is put to one
EVERY = "every arm"  # the patients of all arms together, equally many in each
HALF = 1.959963984540054  # half of a 95 % interval over its standard error


@dataclass(frozen=True)
class Statistic:
    """A number that a study reports, or will report.

    kind : "mean" or "sd" over the patients of an arm, of an endpoint of the trial, or of an output
        `at` an hour, or averaged over [from, to] hours, less the value at hour `after`
    arm, against : the arm, or "every arm" of a crossover, and the arm that is subtracted, or ""
    value : published number, None where the study is planned
    se : its published standard error, or None: then that of n patients as the model has them
    allowance : SD of what differs between studies beyond chance, in the statistic's unit
    n : patients of the arm; n_against : of the arm that is subtracted
    """

    name: str
    n: int
    kind: str = "mean"
    arm: str = ""
    against: str = ""
    endpoint: str = ""
    output: str = ""
    at: tuple[float, ...] = ()
    after: float | None = None
    value: float | None = None
    se: float | None = None
    allowance: float = 0.0
    n_against: int = 0
    unit: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Dosing:
    """An arm of single doses and hours: its name and the regimen, "" for no drug."""

    name: str
    rx: str


@dataclass(frozen=True)
class Study:
    """A study.

    name : that of its file; source : key of the bibliography; grade : one of GRADES
    role : "fit" (informs the weights), "held out" or "context" (shown only), "planned"
    trial : Design, or None where `doses` are the arms
    """

    name: str
    title: str
    source: str
    grade: str
    role: str
    statistics: tuple[Statistic, ...]
    trial: Design | None = None
    doses: tuple[Dosing, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of its arms."""
        arms = self.trial.arms if self.trial is not None else self.doses
        return tuple(arm.name for arm in arms)

    @property
    def patients(self) -> int:
        """Patients that it takes, those of all arms."""
        count = dict.fromkeys((*self.arms, EVERY), 0)
        for s in self.statistics:
            for arm, n in ((s.arm, s.n), (s.against, s.n_against)):
                if arm:
                    count[arm] = max(count[arm], n)
        everybody = count.pop(EVERY)
        return max(everybody, sum(count.values()))


def study(path: str | Path) -> Study:
    """Read a study from a TOML file (docs/evidence.md).

    path : of the file. Raises EvidenceError that names file and field.
    """
    path = check_path(path, "study", EvidenceError)
    if path.suffix != ".toml":
        raise EvidenceError(f"'{path}': a study is a .toml file.")
    data = read_toml(path, EvidenceError)
    try:
        return _study(data, Path(path).stem, Path(path).parent)
    except PkpdError as error:
        raise EvidenceError(f"{path}: {error}") from error


def studies(folder: str | Path) -> tuple[Study, ...]:
    """The studies of all TOML files in a folder, by name. Raises EvidenceError."""
    folder = check_path(folder, "folder of studies", EvidenceError)
    files = sorted(Path(folder).glob("*.toml"))
    if not files:
        raise EvidenceError(f"'{folder}' holds no study; each is a .toml file.")
    return tuple(study(file) for file in files)


def listed_studies(given: Any, name: str) -> tuple[Study, ...]:
    """Studies of a list of Study objects and files. Raises EvidenceError that names the list."""
    if not isinstance(given, (list, tuple)):
        raise EvidenceError(f"{name} is a list of studies or their files, not {quoted(given)}.")
    return tuple(s if isinstance(s, Study) else study(s) for s in given)


def _study(data, name, folder):
    _check_entries(data, OF_STUDY | {"trial", "doses", "notes"}, OF_STUDY, "")
    if ("trial" in data) == ("doses" in data):
        raise EvidenceError("give either [trial] or [[doses]].")
    trial = None
    if "trial" in data:
        trial = from_data({"model": ANY, **_table(data["trial"], "trial")}, folder)
    found = Study(
        name=name,
        title=text(data["title"], "title"),
        source=text(data["source"], "source"),
        grade=one_of(data["grade"], GRADES, "grade"),
        role=one_of(data["role"], ROLES, "role"),
        statistics=tuple(
            _statistic(entry, k) for k, entry in enumerate(_tables(data, "statistics"))
        ),
        trial=trial,
        doses=tuple(_dosing(entry, k) for k, entry in enumerate(_tables(data, "doses"))),
        notes=tuple(text(note, "notes") for note in data.get("notes", ())),
    )
    for statistic in found.statistics:
        _check(found, statistic)
    return found


def _check_entries(data, known, needed, where):
    """Raise EvidenceError for an entry that is not known, or one that is missing."""
    for key in data:
        if key not in known:
            raise EvidenceError(f"{where}unknown entry '{key}'.{closest(key, known)}")
    for key in needed:
        if key not in data:
            raise EvidenceError(f"{where}{key} is missing.")


def _table(value, where):
    if not isinstance(value, dict):
        raise EvidenceError(f"{where} is a table.")
    return value


def _tables(data, name):
    tables = data.get(name, [])
    if not isinstance(tables, list):
        raise EvidenceError(f"{name} is a list of tables; write [[{name}]].")
    return [_table(entry, f"{name}[{k}]") for k, entry in enumerate(tables)]


def _dosing(entry, k):
    if set(entry) != {"name", "rx"}:
        raise EvidenceError(f'doses[{k}] has name and rx, such as rx = "50 mg".')
    name = text(entry["name"], f"doses[{k}]: name")
    if not isinstance(entry["rx"], str):
        raise EvidenceError(f'doses: {name}: rx is a regimen such as "50 mg", or "" for no drug.')
    return Dosing(name, entry["rx"])


def _statistic(entry, k):
    """Statistic of a table. Raises EvidenceError."""
    known = {f.name for f in fields(Statistic)} | {"interval", "level", "p"}
    _check_entries(entry, known, ("name", "n", "arm", "reason"), f"statistics[{k}]: ")
    where = f"statistics: '{text(entry['name'], f'statistics[{k}]: name')}'"
    values: dict[str, Any] = {}
    for keys, check in FIELDS:
        values |= {key: check(entry[key], f"{where}: {key}") for key in keys if key in entry}
    at = entry.get("at", [])
    hours = at if isinstance(at, list) else [at]
    return Statistic(
        name=entry["name"],
        kind=one_of(entry.get("kind", "mean"), KINDS, f"{where}: kind"),
        at=tuple(number(hour, f"{where}: at") for hour in hours),
        se=_standard_error(entry, where),
        **values,
    )


FIELDS: tuple[tuple[tuple[str, ...], Callable], ...] = (
    (("arm", "against", "endpoint", "output", "unit", "reason"), text),
    (("value", "allowance", "after"), number),
    (("n", "n_against"), whole_number),
)


def _standard_error(entry, where):
    """Standard error from se, from an interval of 95 %, or from the two-sided p of a difference."""
    given = [key for key in SPREADS if key in entry]
    if len(given) > 1:
        raise EvidenceError(f"{where}: give one of {', '.join(given)}.")
    if not given:
        return None
    if "value" not in entry:
        raise EvidenceError(f"{where}: {given[0]} belongs to a value, which is missing.")
    se = SPREADS[given[0]](entry, where)
    if not se > 0:
        raise EvidenceError(f"{where}: its standard error must be above 0.")
    return se


def _given(entry, where):
    return number(entry["se"], f"{where}: se")


def _of_interval(entry, where):
    ends = entry["interval"]
    if not isinstance(ends, list) or len(ends) != 2:
        raise EvidenceError(f"{where}: interval is [low, high] at 95 %.")
    low, high = (number(end, f"{where}: interval") for end in ends)
    if not low <= entry["value"] <= high:
        raise EvidenceError(f"{where}: its value lies outside its interval.")
    return (high - low) / (2 * HALF)


def _of_p(entry, where):
    from scipy.stats import norm

    p = number(entry["p"], f"{where}: p")
    if not 0 < p < 1:
        raise EvidenceError(f"{where}: p lies between 0 and 1.")
    return abs(float(entry["value"])) / float(norm.isf(p / 2))


SPREADS = {"se": _given, "interval": _of_interval, "p": _of_p}


def _check(study, statistic):
    """Raise EvidenceError where a statistic is not one of its study."""
    where = f"statistics: '{statistic.name}'"
    one_of(statistic.arm, (*study.arms, EVERY), f"{where}: arm")
    if statistic.against:
        one_of(statistic.against, study.arms, f"{where}: against")
    if bool(statistic.against) != bool(statistic.n_against):
        raise EvidenceError(f"{where}: against and n_against go together.")
    if statistic.against == statistic.arm:
        raise EvidenceError(f"{where}: against is its own arm.")
    if min(statistic.allowance, *statistic.at, statistic.after or 0.0) < 0:
        raise EvidenceError(f"{where}: allowance and hours are not negative.")
    _check_reading(study, statistic, where)
    if study.role == "planned" and statistic.value is not None:
        raise EvidenceError(f"{where}: a planned study has no value yet.")
    if study.role in ("fit", "held out") and statistic.value is None:
        raise EvidenceError(f"{where}: value is missing; or the study's role is planned.")


def _check_reading(study, statistic, where):
    """Raise EvidenceError where a statistic reads what its study does not have."""
    if study.trial is not None:
        one_of(statistic.endpoint, [e.name for e in study.trial.endpoints], f"{where}: endpoint")
        if statistic.output or statistic.at or statistic.after is not None:
            raise EvidenceError(f"{where}: output, at and after are of a study of single doses.")
    elif statistic.endpoint or not statistic.output or len(statistic.at) not in (1, 2):
        raise EvidenceError(
            f"{where}: in a study of single doses it has an output, and at = an hour or [from, to]."
        )
    elif statistic.at[0] > statistic.at[-1]:
        raise EvidenceError(f"{where}: at = [from, to] ends before it begins.")
