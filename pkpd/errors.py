"""The one family of errors that users meet. Each message names place, thing, reason and remedy.

Knows how to word a message; knows nothing of what went wrong.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any


class PkpdError(Exception):
    """A mistake in the input, or a run that cannot continue, in one sentence."""


class PkpdWarning(UserWarning):
    """An input that is used as it stands but is likely a mistake, or part of what was asked for."""


class ModelError(PkpdError):
    """A model file is wrong. The message starts with file:line."""


class DoseError(PkpdError):
    """A regimen, dose or dosing table cannot be read or does not fit the model."""


class CohortError(PkpdError):
    """A cohort cannot be drawn as asked."""


class TrialError(PkpdError):
    """A trial, a titration rule or the description of a diary is wrong.

    The message names the field.
    """


class EvidenceError(PkpdError):
    """A study, a prior or a comparison of explanations is wrong. The message names the field."""


class ResultError(PkpdError):
    """A table or folder cannot be written or read."""


class Stopped(KeyboardInterrupt):
    """Ctrl-C has ended a run of which something is finished.

    partial : what the run would have returned, of what is finished
    finished, total : number of patients, or of what `of` names
    """

    def __init__(self, partial: Any, finished: int, total: int, of: str = "patients") -> None:
        super().__init__(
            f"Stopped by Ctrl-C: {finished} of {total} {of} are finished; .partial holds them."
        )
        self.partial, self.finished, self.total, self.of = partial, finished, total, of

    def about(self) -> dict[str, Any]:
        """What a summary says of it, as plain data."""
        return {"by": "Ctrl-C", "finished": self.finished, "of": self.total, "what": self.of}


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """For a step of which an unfinished part is of no use: Stopped is a KeyboardInterrupt again."""
    try:
        yield
    except Stopped as stop:
        raise KeyboardInterrupt from stop


def closest(name: object, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest of `known`, or the full list if none is near."""
    name, known = str(name), sorted(known)
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    near += [k for k in known if k.lower() == name.lower()]
    if near:
        return f" Did you mean '{near[0]}'?"
    return f" Known: {', '.join(known)}." if known else ""


def quoted(value: object) -> str:
    """A value that cannot be used, short enough for a sentence."""
    text = repr(value)
    return text if len(text) <= 40 and "\n" not in text else f"a {type(value).__name__}"


def listed(names: Iterable[object], most: int = 10) -> str:
    """Names in a sentence: "a, b, c", the first `most` of them and how many more there are."""
    texts = [str(name) for name in names]
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def first_lines(lines: list[str], most: int = 10) -> list[str]:
    """The first `most` of many lines on mistakes, and how many more there are."""
    more = [f"  and {len(lines) - most} more."] if len(lines) > most else []
    return [*lines[:most], *more]


def either(names: Iterable[object]) -> str:
    """Names to choose from in a sentence: "a", "a or b", "a, b or c"."""
    *others, last = map(str, names)
    return f"{', '.join(others)} or {last}" if others else last


def in_bytes(count: float) -> str:
    """A number of bytes for people: "0.78 GB", "1.65 MB"."""
    return f"{count / 1e9:.2f} GB" if count >= 1e8 else f"{count / 1e6:.2f} MB"
