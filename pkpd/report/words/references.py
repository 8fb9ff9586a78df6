"""What to cite for a result: this package, and the papers that a model's numbers come from.

Knows BibTeX files beside models; looks nothing up.
"""

import re
from collections.abc import Iterator

from pkpd.symbolic.load import library
from pkpd.symbolic.model import Model, check_model
from pkpd.version import release

BIBLIOGRAPHY = "references.bib"
_ENTRY = re.compile(r"^@\w+\{(\w+),.*?(?=^@|\Z)", re.M | re.S)
_KEY = re.compile(r"([^\W\d_]+)(\d{4}\w?)\Z")


def cite(model: Model | None = None) -> str:
    """BibTeX of this package and, of a model, of the papers that its numbers and notes name.

    model : what pkpd.load returns, or None for the package alone. Above each paper stands what it
    is named for. Sources that name no paper of the library are no part of it. Raises ModelError.

    >>> print(pkpd.cite().splitlines()[0])
    @software{pkpd,
    """
    if model is None:
        return _package()
    check_model(model)
    entries = _entries()
    found = [_package()]
    for key, names in _named(model, entries).items():
        found.append(f"% {', '.join(names)}\n{entries[key]}")
    return "\n\n".join(found)


def _package() -> str:
    """The entry of this package in the version that is installed."""
    lines = (
        "@software{pkpd,",
        "  author = {{The pkpd authors}},",
        "  title = {pkpd: dose response and maximally effective doses of virtual patients, "
        "computed from mechanism},",
        f"  version = {{{release()}}},",
        "}",
    )
    return "\n".join(lines)


def _entries() -> dict[str, str]:
    """Key -> text of every entry of the bibliographies beside the models; a user's own first."""
    found: dict[str, str] = {}
    for folder in library():
        path = folder / BIBLIOGRAPHY
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            for entry in _ENTRY.finditer(text):
                found.setdefault(entry[1], entry[0].strip())
    return found


def unverified() -> list[str]:
    """Keys of papers of which nobody has looked up title, numbers or both."""
    return [key for key, text in _entries().items() if "unverified" in text]


def _named(model: Model, entries: dict[str, str]) -> dict[str, list[str]]:
    """Key of a paper -> what in the model names it, in the order of the model."""
    found: dict[str, list[str]] = {}
    for what, text in _texts(model):
        for key in entries:
            names = found.get(key, [])
            if _pattern(key).search(text) and what not in names:
                found[key] = [*names, what]
    return found


def _pattern(key: str) -> re.Pattern[str]:
    """A key as it stands, or as author and year: Marcus2024, Marcus 2024."""
    parts = _KEY.match(key)
    text = re.escape(key) if parts is None else rf"{re.escape(parts[1])}\s?{parts[2]}"
    return re.compile(rf"\b{text}\b")


def _texts(model: Model) -> Iterator[tuple[str, str]]:
    """(what it is, text) of everything in a model that may name a paper."""
    for item in model.inputs:
        yield item.name, item.source
    for residual in model.residuals:
        yield f"residual error of {residual.name}", residual.source
    if model.published:
        yield "published MEDs", model.published.source
    yield "description", model.description
    for note in model.notes:
        yield "notes", note
