"""Model files -> checked Model: reads TOML, follows includes, names file and line of each mistake.

A checked model is cached as JSON under a hash of its texts and of this package's source, so that a
warm load needs no Pint. Nothing in a model file is
executed. Knows files and caches; knows nothing of what equations mean.
"""

import hashlib
import json
import os
import re
import tomllib
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from pkpd import caching
from pkpd.errors import ModelError, closest, quoted
from pkpd.symbolic import plausibility
from pkpd.symbolic.model import (
    Assignment,
    Benefit,
    DoseTarget,
    Event,
    Input,
    Model,
    Prior,
    Published,
    Residual,
    State,
    Variability,
)

LARGEST_FILE = 1_000_000  # bytes
MOST_INCLUDES = 50
_PACKAGE = Path(__file__).resolve().parents[1]
_HEADING = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?\Z")
_ENTRY = re.compile(r"""\s*(?:"([^"]*)"|'?([\w-]+)'?)\s*[=.]""")


def library():
    """Folders searched for models: those in $PKPD_MODELS, then the packaged library."""
    own = [Path(p) for p in os.environ.get("PKPD_MODELS", "").split(os.pathsep) if p]
    packaged = [p for p in (_PACKAGE / "_models", _PACKAGE.parent / "models") if p.is_dir()]
    return own + packaged[:1]


def models() -> list[str]:
    """Names of all models in the library, sorted.

    >>> "ldn/hormesis" in pkpd.models()
    True
    """
    return sorted(
        {
            f.relative_to(folder).with_suffix("").as_posix()
            for folder in library()
            for f in folder.rglob("*.toml")
        }
    )


def load(name: str | Path) -> Model:
    """Checked Model for a library name ("ldn/hormesis") or a path to a .toml file.

    Warns of what is unlikely. Raises ModelError that names file, line, thing and remedy.

    >>> pkpd.load("pk/one_compartment").state_names
    ('depot', 'central')
    """
    path, title = _path_and_title(name)
    model = _checked(_gather(path), title, path)
    plausibility.warn(model.doubts)
    return model


def draft(name: str | Path) -> tuple[Model, tuple[str, ...]]:
    """The Model of a file that is still being written, and sentences on what its numbers lack.

    Labels, sources and evidence may be missing. Raises ModelError with all mistakes at once.
    """
    from pkpd.symbolic.draft import Draft

    path, title = _path_and_title(name)
    files = _gather(path)
    found = Draft(files, title, _digest(title, files))
    return found.model(), tuple(found.lacking)


def _path_and_title(name):
    """Path of a model's file, and what the model is called."""
    if not isinstance(name, (str, Path)):
        raise ModelError(f"name is that of a model or the path of its file, not {quoted(name)}.")
    path = Path(name) if str(name).endswith(".toml") else _find(str(name), library())
    if path is None or not path.is_file():
        known = models()
        raise ModelError(
            f"No model '{name}' in the library.{closest(str(name), known)} "
            "A path must end in .toml."
        )
    title = str(name)
    if title.endswith(".toml"):
        # a name that is not UTF-8 would be refused by every file that keeps it
        title = os.fsencode(path.stem).decode("utf-8", "replace")
    return path, title


def address(model):
    """What a command line calls a model: its name in the library, or else the path of its file."""
    found = _find(model.name, library())
    path = Path(model.path)
    if found is not None and (not path.is_file() or path.samefile(found)):
        return model.name
    return model.path


def sources(model):
    """The texts of a model as (place, text), included ones first, to build it again elsewhere.

    Raises ModelError where a file has changed since the model was loaded.
    """
    files = _gather(Path(model.path))
    if _digest(model.name, files) != model.digest:
        raise ModelError(f"{model.path} has changed since it was loaded; load it again.")
    return tuple((_place(f.path), f.text) for f in files)


def from_sources(name, texts, digest):
    """The checked Model of texts that `sources` gave. Raises ModelError where `digest` is not
    theirs."""
    files = [_file(Path(place), text) for place, text in texts]
    if not files or _digest(name, files) != digest:
        raise ModelError(
            f"The stored texts of {name} are not those of the model with digest {digest[:12]}: "
            "something has changed them."
        )
    return _checked(files, name, files[-1].path)


def _digest(title, files):
    return hashlib.sha256("\0".join([title, *(f.text for f in files)]).encode()).hexdigest()


def _checked(files, title, path):
    """Checked Model of the files, from the cache when it holds one."""
    digest = _digest(title, files)
    # what the package makes of a file may change with the package, and its messages name the path
    key = hashlib.sha256(b"\0".join([digest.encode(), _source_hash().encode(), os.fsencode(path)]))
    kept = caching.folder() / "models" / f"{key.hexdigest()[:32]}.json"
    text = caching.read(kept)
    if text is not None:
        return _from_json(json.loads(text), str(path))
    from pkpd.symbolic.checker import Builder

    model = Builder(files, title, digest).model()
    caching.write(kept, json.dumps(asdict(model)).encode())
    return model


def _place(path):
    """A file's name inside its library, or its bare name: what may be shown to others."""
    inside = next((f for f in library() if path.resolve().is_relative_to(f.resolve())), None)
    return path.resolve().relative_to(inside.resolve()).as_posix() if inside else path.name


@dataclass
class File:
    """One model file: its text, its TOML data and its lines."""

    path: Path
    text: str
    data: dict
    lines: list = field(default_factory=list)

    @cached_property
    def _entries(self):
        """(table, name) -> number of the first line that begins with `name =` below [table]."""
        numbers: dict[tuple[str | None, str], int] = {}
        table = None
        for number, line in enumerate(self.lines, 1):
            heading = _HEADING.match(line)
            table = heading.group(1).strip() if heading else table
            name = _ENTRY.match(line)
            if name:
                numbers.setdefault((table, name.group(1) or name.group(2)), number)
        return numbers

    @cached_property
    def _texts(self):
        """Line without the blanks around it -> its first number."""
        numbers: dict[str, int] = {}
        for number, line in enumerate(self.lines, 1):
            numbers.setdefault(line.strip(), number)
        return numbers

    def entry(self, table, name):
        """file:line of an entry of a table."""
        return f"{self.path}:{self._entries.get((table, name), 1)}"

    def line(self, text):
        """file:line of a line of an equation."""
        number = self._texts.get(text.strip())
        return f"{self.path}:{number}" if number else self.place(re.escape(text.strip()))

    def place(self, pattern, fallback=1, table=None):
        """file:line of the first line that matches, below the heading of `table` if the file has
        it."""
        heading = 0
        for number, line in enumerate(self.lines):
            if line.strip().startswith(f"[{table}]"):
                heading = number
                break
        for number, line in enumerate(self.lines[heading:], heading + 1):
            if re.search(pattern, line):
                return f"{self.path}:{number}"
        return f"{self.path}:{fallback}"


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


def read(path):
    """File of a path, its TOML parsed. Raises ModelError that names file and line."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ModelError(
                f"{path}: {path.stat().st_size} bytes is too large for a model file "
                f"(at most {LARGEST_FILE})."
            )
        return _file(path, path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: not UTF-8 text.") from error
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}).") from error


def _file(path, text):
    try:
        return File(path, text, tomllib.loads(text), text.splitlines())
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = re.search(r"line (\d+)", str(error))
        raise ModelError(
            f"{path}:{line.group(1) if line else 1}: not valid TOML: "
            f"{str(error) or 'nested too deeply'}."
        ) from error


def _gather(path):
    """All files of a model, included ones first, each once."""
    folders = [path.parent, *library()]
    done: list[Path] = []
    order: list[File] = []

    def visit(current):
        if current.resolve() in done:
            return
        if len(done) > MOST_INCLUDES:
            raise ModelError(f"{path}: more than {MOST_INCLUDES} included files.")
        done.append(current.resolve())
        file = read(current)
        included = file.data.get("include", [])
        if not isinstance(included, list) or not all(isinstance(i, str) for i in included):
            raise ModelError(f"{file.place('include')}: include is a list of model names.")
        for name in included:
            target = _find(name, folders)
            if target is None:
                raise ModelError(
                    f"{file.place('include')}: include '{name[:80]}' is not a model of the library."
                    f"{closest(name[:80], models())} "
                    "Includes are names inside the library or the model's own folder."
                )
            visit(target)
        order.append(file)

    visit(path)
    return order


def _from_json(data, path):
    """The Model of the plain data that the cache holds."""
    benefit, published = data["benefit"], data["published"]
    revived = {
        "path": path,
        "parameters": tuple(map(_input, data["parameters"])),
        "covariates": tuple(map(_input, data["covariates"])),
        "correlations": tuple(map(tuple, data["correlations"])),
        "states": _each(State, data["states"]),
        "assignments": _each(Assignment, data["assignments"]),
        "outputs": tuple(data["outputs"]),
        "doses": _each(DoseTarget, data["doses"]),
        "benefit": Benefit.of(benefit) if benefit else None,
        "residuals": _each(Residual, data["residuals"]),
        "notes": tuple(data["notes"]),
        "doubts": tuple(data["doubts"]),
        "published": Published(**published) if published else None,
        "events": tuple(map(_event, data["events"])),
    }
    return Model(**(data | revived))


def _each(kind, items):
    """An object of a kind for each dict of its fields."""
    return tuple(kind(**item) for item in items)


def _input(item):
    """The Input of its plain data."""
    prior = Prior(**item["prior"]) if item["prior"] else None
    revived = {"iiv": _spread(item["iiv"]), "iov": _spread(item["iov"]), "prior": prior}
    return Input(**(item | revived))


def _spread(item):
    """The Variability of its plain data, or None."""
    return item and Variability(**(item | {"classes": tuple(map(tuple, item["classes"]))}))


def _event(item):
    """The Event of its plain data."""
    return Event(**(item | {"changes": tuple(map(tuple, item["changes"]))}))
