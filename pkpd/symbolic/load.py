"""Model files -> checked Model. Reads TOML, follows includes inside the library, points at file and line of every mistake.

A checked model is cached as JSON under a hash of its texts and of this package's source, so that a warm load needs
neither Pint nor SymPy. Nothing in a model file is executed.
"""

import hashlib
import json
import math
import os
import re
import tempfile
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pkpd import units
from pkpd.errors import ModelError, PkpdError, closest
from pkpd.symbolic import parse
from pkpd.symbolic.check import scaled
from pkpd.symbolic.model import Assignment, Benefit, DoseTarget, Input, Model, State, Variability

LARGEST_FILE = 1_000_000  # bytes
MOST_INCLUDES = 50
EVIDENCE = ("measured", "derived", "assumed", "calibrated")
TABLES = {
    "title", "time", "outputs", "include", "override", "dose", "benefit", "parameters", "covariates", "correlations",
    "equations", "description", "notes",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}\Z")
_LEFT = re.compile(r"\s*(?:d/dt\((?P<rate>\w+)\)|(?P<start>\w+)\(0\)|(?P<name>\w+))\s*=(?P<right>.*)\Z")
_PACKAGE = Path(__file__).resolve().parents[1]


def cache_folder():
    """Folder for generated code and checked models: $PKPD_CACHE, or pkpd in the user's cache folder."""
    chosen = os.environ.get("PKPD_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pkpd"


def library():
    """Folders searched for models: those in $PKPD_MODELS, then the packaged library."""
    own = [Path(p) for p in os.environ.get("PKPD_MODELS", "").split(os.pathsep) if p]
    packaged = [p for p in (_PACKAGE / "_models", _PACKAGE.parent / "models") if p.is_dir()]
    return own + packaged[:1]


def models():
    """Names of all models in the library, sorted."""
    return sorted({f.relative_to(folder).with_suffix("").as_posix() for folder in library() for f in folder.rglob("*.toml")})


def load(name):
    """Checked Model for a library name ("ldn/hormesis") or a path to a .toml file.

    Raises ModelError that names file, line, thing and remedy.
    """
    path = Path(name) if str(name).endswith(".toml") else _find(str(name), library())
    if path is None or not path.is_file():
        known = models()
        raise ModelError(f"No model '{name}' in the library.{closest(str(name), known)} A path must end in .toml.")
    title = str(name) if not str(name).endswith(".toml") else path.stem
    files = _gather(path)
    digest = hashlib.sha256("\0".join([_source_hash(), title, *(f.text for f in files)]).encode()).hexdigest()
    cached = cache_folder() / "models" / f"{digest[:32]}.json"
    try:
        return _from_json(json.loads(cached.read_text()), str(path), digest)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass  # absent or damaged: checked anew
    model = _Builder(files, title, digest).model()
    _remember(cached, model)
    return model


@dataclass
class _File:
    path: Path
    text: str
    data: dict
    lines: list = field(default_factory=list)

    def place(self, pattern, fallback=1):
        """file:line of the first line that matches."""
        found = next((i for i, line in enumerate(self.lines, 1) if re.search(pattern, line)), fallback)
        return f"{self.path}:{found}"


def _source_hash():
    digest = hashlib.sha256()
    for file in [*sorted(Path(__file__).parent.glob("*.py")), _PACKAGE / "units.py"]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _find(name, folders):
    if not re.fullmatch(r"[A-Za-z0-9_\-]+(/[A-Za-z0-9_\-]+)*", name):
        return None
    for folder in folders:
        path = folder / f"{name}.toml"
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            return path
    return None


def _read(path):
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ModelError(f"{path}: {path.stat().st_size} bytes is too large for a model file (at most {LARGEST_FILE}).")
        text = path.read_text(encoding="utf-8")
        return _File(path, text, tomllib.loads(text), text.splitlines())
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: not UTF-8 text.") from error
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = re.search(r"line (\d+)", str(error))
        raise ModelError(f"{path}:{line.group(1) if line else 1}: not valid TOML: {str(error) or 'nested too deeply'}.") from error


def _gather(path):
    """All files of a model, included ones first, each once."""
    folders, done, order = [path.parent, *library()], [], []

    def visit(current):
        if current.resolve() in done:
            return
        if len(done) > MOST_INCLUDES:
            raise ModelError(f"{path}: more than {MOST_INCLUDES} included files.")
        done.append(current.resolve())
        file = _read(current)
        included = file.data.get("include", [])
        if not isinstance(included, list) or not all(isinstance(i, str) for i in included):
            raise ModelError(f"{file.place('include')}: include is a list of model names.")
        for name in included:
            target = _find(name, folders)
            if target is None:
                raise ModelError(
                    f"{file.place('include')}: include '{name[:80]}' is not a model of the library.{closest(name[:80], models())} "
                    "Includes are names inside the library or the model's own folder."
                )
            visit(target)
        order.append(file)

    visit(path)
    return order


class _Builder:
    """Merges the files of one model and checks every name, number and unit."""

    def __init__(self, files, name, digest):
        self.files, self.main, self.name, self.digest = files, files[-1], name, digest
        self.overridden = set(self.main.data.get("override", {}).get("names", []))
        self.places = {}
        for file in files:
            unknown = sorted(set(file.data) - TABLES)
            if unknown:
                raise ModelError(f"{file.place(unknown[0])}: unknown entry '{unknown[0]}'.{closest(unknown[0], TABLES)}")

    def fail(self, place, message):
        raise ModelError(f"{place}: {message}")

    def model(self):
        self.time = self.main.data.get("time") or next((f.data["time"] for f in self.files if "time" in f.data), "h")
        self.unit(self.time, self.main.place(r"^time"), units.dimension("h")[0])
        parameters = tuple(self.input(*e, covariate=False) for e in self.entries("parameters"))
        covariates = tuple(self.input(*e, covariate=True) for e in self.entries("covariates"))
        inputs = {i.name: i for i in (*parameters, *covariates)}
        states, assignments = self.equations(inputs)
        known = {s.name for s in states} | {a.name for a in assignments}
        doses = tuple(self.dose(*e, inputs, {s.name: s for s in states}) for e in self.entries("dose"))
        unit_of = {i.name: i.unit for i in (*inputs.values(), *states, *assignments)}
        return Model(
            name=self.name, title=str(self.main.data.get("title", self.name)), path=str(self.main.path), digest=self.digest,
            time=self.time, parameters=parameters, covariates=covariates, correlations=self.correlations(inputs),
            states=states, assignments=assignments, outputs=self.outputs(known), doses=doses,
            benefit=self.benefit(doses, unit_of, known), description=str(self.main.data.get("description", "")),
            notes=tuple(str(n) for f in self.files for n in f.data.get("notes", [])),
        )  # fmt: skip

    def entries(self, table):
        """(name, value, place) of every entry of a table over all files; a second definition must be announced."""
        merged = {}
        for file in self.files:
            section = file.data.get(table, {})
            if not isinstance(section, dict):
                self.fail(file.place(table), f"[{table}] is a table.")
            for name, value in section.items():
                place = file.place(rf'^\s*"?{re.escape(name)}"?\s*=')
                if name in merged and name not in self.overridden:
                    self.fail(place, f"'{name}' is already defined at {merged[name][2]}; list it under [override] names to replace it.")
                merged[name] = (name, value, place)
        return list(merged.values())

    def named(self, name, place):
        if not _NAME.match(name):
            self.fail(place, f"'{name[:80]}' is not a name: letters, digits and _, at most 60, starting with a letter.")
        if name in parse.RESERVED or not name.isidentifier() or name in _KEYWORDS:
            self.fail(place, f"'{name}' is reserved; choose another name.")
        if name in self.places and self.places[name] != place:
            self.fail(place, f"'{name}' is already defined at {self.places[name]}.")
        self.places[name] = place

    def unit(self, text, place, wanted=None):
        try:
            dims, _ = units.dimension(text if isinstance(text, str) else repr(text))
        except PkpdError as error:
            self.fail(place, str(error))
        if wanted is not None and dims != wanted:
            self.fail(place, f"'{text}' has the wrong dimensions here.")
        return text

    def number(self, value, place, what):
        if not parse.number(value):
            self.fail(place, f"{what} must be a finite number, not {str(value)[:40]!r}.")
        return float(value)

    def input(self, name, entry, place, covariate):
        self.named(name, place)
        keys = {"value", "unit", "iiv", "iov", "label", "source", "evidence"} | ({"reference"} if covariate else set())
        if not isinstance(entry, dict):
            self.fail(place, f"'{name}' needs a table: {{ value, unit, label, source, evidence }}.")
        for key in entry:
            if key not in keys:
                self.fail(place, f"'{name}' has an unknown entry '{key}'.{closest(key, keys)}")
        for key in ("value", "unit", "label", "source", "evidence"):
            if key not in entry:
                self.fail(place, f"'{name}' has no {key}; every number needs value, unit, label, source and evidence.")
        if entry["evidence"] not in EVIDENCE:
            self.fail(place, f"'{name}': evidence '{entry['evidence']}' must be one of {', '.join(EVIDENCE)}.")
        if not str(entry["source"]).strip():
            self.fail(place, f"'{name}' has an empty source; say where the number comes from, or why it is assumed.")
        value = self.number(entry["value"], place, f"the value of '{name}'")
        reference = entry.get("reference")
        return Input(
            name=name, value=value, unit=self.unit(entry["unit"], place), label=str(entry["label"]), source=str(entry["source"]),
            evidence=entry["evidence"], place=place, iiv=self.variability(name, entry.get("iiv"), value, place),
            iov=self.occasion(name, entry, value, place),
            reference=None if reference is None else self.number(reference, place, f"the reference of '{name}'"),
        )  # fmt: skip

    def variability(self, name, iiv, value, place):
        if iiv is None:
            return None
        known = {"cv", "kind", "logit_sd", "sd", "lower", "upper"}
        if not isinstance(iiv, dict) or not set(iiv) <= known:
            self.fail(place, f"'{name}': iiv is {{ cv }}, {{ logit_sd }}, {{ cv, kind = \"logitnormal\" }} or {{ sd, lower, upper }}.")
        numbers = {k: self.number(v, place, f"iiv {k} of '{name}'") for k, v in iiv.items() if k != "kind"}
        if any(numbers.get(k, 1.0) < 0 for k in ("cv", "logit_sd", "sd")):
            self.fail(place, f"'{name}': iiv must not be negative.")
        kind = iiv.get("kind", "logitnormal" if "logit_sd" in iiv else "normal" if "sd" in iiv else "lognormal")
        if kind == "logitnormal":
            if not 0 < value < 1:
                self.fail(place, f"'{name}': a logit-normal median lies between 0 and 1, not at {value:g}.")
            # delta method: SD on the logit scale of a fraction with this CV
            return Variability(kind, numbers["logit_sd"] if "logit_sd" in numbers else numbers.get("cv", 0.0) / (1 - value))
        if kind == "normal" and "sd" in numbers:
            lower, upper = numbers.get("lower"), numbers.get("upper")
            if (lower is not None and lower >= value) or (upper is not None and upper <= value):
                self.fail(place, f"'{name}': its value must lie between lower and upper.")
            return Variability(kind, numbers["sd"], lower, upper)
        if kind == "lognormal" and "cv" in numbers:
            if value <= 0:
                self.fail(place, f"'{name}': a log-normal median is positive, not {value:g}.")
            return Variability(kind, math.sqrt(math.log1p(numbers["cv"] ** 2)))
        self.fail(place, f"'{name}': iiv kind '{kind}' lacks its spread (cv, logit_sd or sd).")

    def occasion(self, name, entry, value, place):
        spread = self.variability(name, entry.get("iov"), value, place)
        if spread is None:
            return None
        iiv = entry.get("iiv") or {}
        on_logit = "logit_sd" in iiv or iiv.get("kind") == "logitnormal"
        # occasions vary on the scale on which people differ
        return entry["iov"].get("cv", 0.0) / (1 - value) if on_logit and "cv" in entry["iov"] else spread.sd

    def correlations(self, inputs):
        pairs = []
        for key, value, place in self.entries("correlations"):
            names = [n.strip() for n in key.split(",")]
            for name in names:
                if name not in inputs:
                    self.fail(place, f"correlation of unknown '{name}'.{closest(name, inputs)}")
                if inputs[name].iiv is None:
                    self.fail(place, f"'{name}' has no variability to correlate.")
            if len(names) != 2 or names[0] == names[1] or not abs(self.number(value, place, f"correlation '{key}'")) < 1:
                self.fail(place, f"'{key}' must name two inputs and a value between -1 and 1.")
            pairs.append((names[0], names[1], float(value)))
        return tuple(pairs)

    def statements(self):
        """kind -> name -> (expression, unit, place) of every equation line."""
        found = {"rate": {}, "start": {}, "name": {}}
        for file in self.files:
            sections = file.data.get("equations", {})
            if not isinstance(sections, dict) or not all(isinstance(s, str) for s in sections.values()):
                self.fail(file.place("equations"), "[equations] holds named texts.")
            for text in sections.values():
                for line in text.splitlines():
                    content = line.split("#")[0].strip()
                    if content:
                        self.statement(content, file.place(re.escape(line.strip())), found)
        return found

    def statement(self, content, place, found):
        expression, colon, unit = content.rpartition(":")
        match = _LEFT.match(expression) if colon else None
        if not match:
            self.fail(place, f"'{parse.short(content)}' is not an equation; write 'd/dt(x) = ... : unit', 'x(0) = ... : unit' or 'y = ... : unit'.")
        kind = match.lastgroup if match.lastgroup != "right" else next(k for k in found if match.group(k))
        name, label = match.group(kind), content.split("=")[0].strip()
        if name in found[kind] and label not in self.overridden:
            self.fail(place, f"'{label}' is already defined at {found[kind][name][2]}; list it under [override] names to replace it.")
        found[kind][name] = (match.group("right").strip(), unit.strip(), place)

    def equations(self, inputs):
        found = self.statements()
        for kind in ("rate", "name"):
            for name, (_, unit, place) in found[kind].items():
                self.named(name, place)
                self.unit(unit, place)
        input_units = {i.name: i.unit for i in inputs.values()}
        known = input_units | {n: u for kind in ("rate", "name") for n, (_, u, _) in found[kind].items()} | {"t": self.time}
        for name, (_, _, place) in found["start"].items():
            if name not in found["rate"]:
                self.fail(place, f"start value of '{name}', which has no d/dt.{closest(name, found['rate'])}")
        states = []
        for name, (text, unit, place) in found["rate"].items():
            start, start_unit, start_place = found["start"].get(name, ("0", unit, place))
            rate = self.scaled(text, f"({unit})/({self.time})" if unit != "1" else f"1/{self.time}", known, place, f"d/dt({name})")
            self.scaled(start, start_unit, input_units, start_place, f"{name}(0)")
            states.append(State(name, unit, self.scaled(start, unit, input_units, start_place, f"{name}(0)"), rate, place))
        assigned = {n: (self.scaled(text, unit, known, place, n), unit, place) for n, (text, unit, place) in found["name"].items()}
        if not states:
            self.fail(self.main.place("equations"), "no equation 'd/dt(x) = ...' found.")
        return tuple(states), tuple(Assignment(n, assigned[n][1], assigned[n][0], assigned[n][2]) for n in self.sorted(assigned))

    def scaled(self, text, unit, known, place, name):
        try:
            return scaled(text, unit, known)
        except PkpdError as error:
            message = str(error)
            self.fail(place, f"in {name}, {message}" + ("" if message.endswith((".", "?")) else "."))

    def sorted(self, assigned):
        """Names in an order in which each uses only earlier ones."""
        uses = {n: parse.names(parse.tree(text)) & set(assigned) for n, (text, _, _) in assigned.items()}
        order = []
        while len(order) < len(uses):
            ready = [n for n in uses if n not in order and uses[n] <= set(order)]
            if not ready:
                stuck = [n for n in uses if n not in order]
                self.fail(assigned[stuck[0]][2], f"{', '.join(stuck)} depend on each other in a circle.")
            order += ready
        return order

    def outputs(self, known):
        names = [n for f in self.files for n in f.data.get("outputs", [])] if "outputs" not in self.main.data else self.main.data["outputs"]
        for name in names:
            if name not in known:
                self.fail(self.main.place(r"^outputs"), f"output '{name}' is not defined.{closest(str(name), known)}")
        if not names:
            self.fail(self.main.place(r"^outputs"), "no outputs; name at least one state or assignment.")
        return tuple(dict.fromkeys(names))

    def dose(self, name, entry, place, inputs, states):
        if name not in states:
            self.fail(place, f"dose into '{name}', which is no state.{closest(name, states)}")
        if not isinstance(entry, dict) or "unit" not in entry or not set(entry) <= {"unit", "f", "lag"}:
            self.fail(place, f"dose '{name}' needs a unit and may have f and lag.")
        for key in ("f", "lag"):
            if key in entry and entry[key] not in inputs:
                self.fail(place, f"{key} of dose '{name}': no parameter or covariate '{entry[key]}'.{closest(str(entry[key]), inputs)}")
        try:
            size = units.factor(entry["unit"], states[name].unit)
            if "lag" in entry and units.factor(inputs[entry["lag"]].unit, self.time) != 1.0:
                self.fail(place, f"lag '{entry['lag']}' must be in {self.time}.")
            if "f" in entry and units.factor(inputs[entry["f"]].unit, "1") != 1.0:
                self.fail(place, f"f '{entry['f']}' must have unit 1.")
        except PkpdError as error:
            self.fail(place, str(error).removeprefix(f"{place}: "))
        return DoseTarget(name, entry["unit"], size, entry.get("f"), entry.get("lag"), place)

    def benefit(self, doses, unit_of, known):
        data = self.main.data.get("benefit")
        place = self.main.place(r"^\[benefit\]")
        if data is None:
            return None
        keys = {"outcome", "better", "into", "every", "doses", "delta", "report", "exposure", "blockade"}
        for key in data:
            if key not in keys:
                self.fail(place, f"[benefit] has an unknown entry '{key}'.{closest(key, keys)}")
        for key in ("outcome", "better", "into", "every", "doses"):
            if key not in data:
                self.fail(place, f"[benefit] lacks '{key}'.")
        for key in ("outcome", "exposure", "blockade"):
            if key in data and data[key] not in known:
                self.fail(place, f"{key} '{data[key]}' is no state or output.{closest(str(data[key]), known)}")
        target = next((d for d in doses if d.state == data["into"]), None)
        if target is None:
            self.fail(place, f"benefit into '{data['into']}', which is not under [dose].{closest(str(data['into']), [d.state for d in doses])}")
        if data["better"] not in ("lower", "higher"):
            self.fail(place, "better is \"lower\" or \"higher\".")
        try:
            return read_benefit(data, target.unit, self.time, unit_of[data["outcome"]], place)
        except PkpdError as error:
            self.fail(place, str(error))


_KEYWORDS = {"and", "or", "not", "if", "else", "in", "is", "for", "while", "def", "class", "lambda", "import", "from", "as", "with",
             "return", "yield", "try", "except", "finally", "raise", "global", "nonlocal", "assert", "del", "pass", "break",
             "continue", "async", "await", "elif"}  # fmt: skip


def quantity(text, unit):
    """Number of `unit` in a text such as "1.5 mg" or "24 h". Raises PkpdError."""
    match = re.fullmatch(r"\s*([0-9.eE+\-]+)\s*([A-Za-z%/*0-9]*)\s*", str(text))
    try:
        number = float(match.group(1)) if match else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise PkpdError(f"'{text}' is not a number with a unit, such as '1.5 {unit}'.")
    return number * units.factor(match.group(2) or unit, unit)


def dose_range(text, unit):
    """(lowest, highest) of a text such as "0.05:50 mg", positive and increasing, in `unit`."""
    parts = str(text).split(":")
    if len(parts) != 2:
        raise PkpdError(f"doses '{text}' must be lowest:highest with a unit, such as '0.05:50 {unit}'.")
    tail = re.search(r"[A-Za-z/*]+\s*\Z", parts[1])
    low, high = quantity(parts[0] + (tail.group() if tail and not re.search(r"[A-Za-z]\s*\Z", parts[0]) else ""), unit), quantity(parts[1], unit)
    if not 0 < low < high:
        raise PkpdError(f"doses '{text}': the grid is logarithmic, so the lowest dose must be above 0 and below the highest, as in '0.05:50 {unit}'.")
    return low, high


def difference(text, unit):
    """(delta, relative) of "10 %" (of the untreated value) or of an absolute number with unit."""
    text = str(text).strip()
    relative = text.endswith("%")
    delta = quantity(text[:-1], "1") / 100 if relative else quantity(text, unit)
    if not delta >= 0:
        raise PkpdError(f"delta '{text}' must not be negative.")
    return delta, relative


def read_benefit(data, unit, time, outcome_unit, place):
    """Benefit from the entries of a [benefit] table; amounts in the dose's unit, times in model time."""
    low, high = dose_range(data["doses"], unit)
    delta, relative = difference(data.get("delta", "10 %"), outcome_unit)
    every = quantity(data["every"], time)
    if every <= 0:
        raise PkpdError(f"every '{data['every']}' must be positive.")
    report = str(data.get("report", "")).split(",") if data.get("report") else []
    tail = re.search(r"[A-Za-z]+\s*\Z", report[-1]) if report else None
    doses = tuple(quantity(r if re.search(r"[A-Za-z]\s*\Z", r) else f"{r} {tail.group() if tail else unit}", unit) for r in report)
    return Benefit(
        outcome=data["outcome"], better=data["better"], into=data["into"], every=every, lowest=low, highest=high, unit=unit,
        delta=delta, delta_relative=relative, report=doses, exposure=data.get("exposure"), blockade=data.get("blockade"), place=place,
    )  # fmt: skip


def _remember(path, model):
    """Write the JSON of a checked model whole or not at all; a cache that cannot be written is done without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "w") as file:
            json.dump(asdict(model), file)
        os.replace(temporary, path)
    except OSError:
        pass


def _from_json(data, path, digest):
    def inputs(items):
        return tuple(Input(**(i | {"iiv": Variability(**i["iiv"]) if i["iiv"] else None})) for i in items)

    if data["digest"] != digest:
        raise ValueError("another model")
    benefit = data["benefit"]
    return Model(**(data | {
        "path": path,
        "parameters": inputs(data["parameters"]),
        "covariates": inputs(data["covariates"]),
        "correlations": tuple((a, b, r) for a, b, r in data["correlations"]),
        "states": tuple(State(**s) for s in data["states"]),
        "assignments": tuple(Assignment(**a) for a in data["assignments"]),
        "outputs": tuple(data["outputs"]),
        "doses": tuple(DoseTarget(**d) for d in data["doses"]),
        "benefit": Benefit(**(benefit | {"report": tuple(benefit["report"])})) if benefit else None,
        "notes": tuple(data["notes"]),
    }))  # fmt: skip
