"""How an object shows itself: `repr` as one short line a field, and a screen in a notebook.

Knows fields and their sizes; knows nothing of what they mean. The screen is made by a room above
this one, which is why it is asked for by its public name.
"""

from dataclasses import fields
from itertools import starmap
from typing import Any

WIDEST = 72  # letters of a field


class Displayed:
    """A dataclass with many numbers in it, whose `repr` is for people to read."""

    def __repr__(self) -> str:
        shown = [f for f in fields(self) if f.repr]  # type: ignore[arg-type]
        width = max((len(f.name) for f in shown), default=0)
        lines = [f"  {f.name:{width}}  {brief(getattr(self, f.name))}" for f in shown]
        return "\n".join([type(self).__name__, *lines])

    def _repr_html_(self) -> str:
        """What a notebook shows: pkpd.html of the object."""
        import pkpd

        return pkpd.html(self)

    def brief(self) -> str:
        """The object in a few words, where it is a field of another."""
        return type(self).__name__


def brief(value: Any) -> str:
    """A value in a few words: numbers and texts as they are, what holds many by its size."""
    if hasattr(value, "brief"):
        return value.brief()
    if isinstance(getattr(value, "name", None), str):
        return _short(f"{type(value).__name__} {value.name}")
    if getattr(value, "shape", None):
        return f"{tuple(value.shape)} {getattr(value, 'dtype', 'table')}"
    if isinstance(value, dict):
        return _listed(list(starmap(_entry, value.items())))
    if isinstance(value, (tuple, list)):
        return _listed(list(map(_item, value)))
    return _plain(value)


def _plain(value: Any) -> str:
    """A value that holds no others, in a few words."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (str, int, type(None))):
        return _short(str(value))
    text = str(value)
    return type(value).__name__ if len(text) > WIDEST or "\n" in text else text


def _item(value: Any) -> str:
    """An item of a list: its name where it has one."""
    return getattr(value, "name", None) or brief(value)


def _entry(key: object, value: Any) -> str:
    """An entry of a dict: its key alone where it holds many numbers."""
    return str(key) if getattr(value, "shape", None) else f"{key}={brief(value)}"


def _listed(items: list[str]) -> str:
    """Items in one line, the first of them and how many there are where they are too many."""
    text = ", ".join(items)
    if len(text) <= WIDEST and "\n" not in text:
        return text or "none"
    return f"{len(items)}: {_short(text)}"


def _short(text: str) -> str:
    """A text on one line that is not too long."""
    words = " ".join(text.split())
    return words if len(words) <= WIDEST else f"{words[: WIDEST - 4]} ..."
