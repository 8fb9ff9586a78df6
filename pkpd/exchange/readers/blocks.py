"""The statements of R and C++ text: simple ones, and conditions with their branches.

Knows brackets, quotes, comments and lines; knows nothing of what a statement means.
"""

import re
from dataclasses import dataclass

from pkpd.errors import ModelError
from pkpd.symbolic.parse import short

DEEPEST = 20
_IF = re.compile(r"if\s*(?=\()")
_ELSE = re.compile(r"[\s;]*else\b\s*")
_GOES_ON = re.compile(r"(?:[-+*/^=,<>&|~]|<-)\s*\Z")
_CLOSING = {"(": ")", "{": "}", "[": "]"}


@dataclass(frozen=True)
class Simple:
    """One statement and its line."""

    text: str
    line: int


@dataclass(frozen=True)
class Condition:
    """[(text of the condition or None, statements)] of an if with its else, and its line."""

    branches: tuple[tuple[str | None, tuple["Simple | Condition", ...]], ...]
    line: int


def without_comments(text: str, comment: str) -> str:
    """The text with comments blanked, its lines kept. comment : "#" of R or "//" of C++"""
    pattern = r"\"[^\"\n]*\"|'[^'\n]*'|" + (r"#[^\n]*" if comment == "#" else r"//[^\n]*|/\*.*?\*/")

    def blank(match):
        found = match.group()
        return found if found[0] in "\"'" else re.sub(r"[^\n]", " ", found)

    return re.sub(pattern, blank, text, flags=re.DOTALL)


def inside(text: str, at: int, place: str) -> int:
    """Where the bracket that opens at `at` closes. Raises ModelError where it does not."""
    open_brackets, quote = [], ""
    for k in range(at, len(text)):
        sign = text[k]
        if quote:
            quote = "" if sign in (quote, "\n") else quote
        elif sign in "\"'":
            quote = sign
        elif sign in _CLOSING:
            open_brackets.append(_CLOSING[sign])
        elif sign in ")}]":
            if open_brackets.pop() != sign:
                break
            if not open_brackets:
                return k
    raise ModelError(f"{place}:{_line(text, at)}: the bracket '{text[at]}' is not closed.")


def _line(text, at):
    return text.count("\n", 0, at) + 1


class Reader:
    """Reads statements of a text.

    ends_at_lines : whether a line ends a statement, as in R, or a semicolon alone does
    first : number of the text's first line in its file
    """

    def __init__(self, text: str, place: str, *, ends_at_lines: bool, first: int = 1):
        self.text, self.place, self.first = text, place, first
        self.ends_at_lines = ends_at_lines

    def statements(self) -> tuple[Simple | Condition, ...]:
        """All statements. Raises ModelError with the line of one that is not whole."""
        return self._within(0, len(self.text), 0)

    def _within(self, at, end, depth):
        if depth > DEEPEST:
            raise ModelError(f"{self._at(at)}: brackets are nested deeper than {DEEPEST}.")
        found: list[Simple | Condition] = []
        while True:
            while at < end and self.text[at] in " \t\r\n;":
                at += 1
            if at >= end:
                return tuple(found)
            item, at = self._one(at, end, depth)
            found.append(item)

    def _at(self, at):
        return f"{self.place}:{self._number(at)}"

    def _number(self, at):
        return self.first + self.text.count("\n", 0, at)

    def _one(self, at, end, depth):
        """(statement, where the next begins)."""
        if _IF.match(self.text, at):
            return self._condition(at, end, depth)
        stop = self._end_of_simple(at, end)
        return Simple(" ".join(self.text[at:stop].split()), self._number(at)), stop + 1

    def _end_of_simple(self, at, end):
        k = at
        while k < end:
            sign = self.text[k]
            if sign in "\"'":
                k = self._after_quote(k, end)
                continue
            if sign in _CLOSING:
                k = inside(self.text[:end], k, self.place)
            elif sign == ";" or (sign == "\n" and self._line_ends(at, k)):
                return k
            k += 1
        return end

    def _after_quote(self, at, end):
        closing = self.text.find(self.text[at], at + 1, end)
        if closing < 0:
            raise ModelError(f"{self._at(at)}: the quote is not closed.")
        return closing + 1

    def _line_ends(self, begin, at):
        return self.ends_at_lines and not _GOES_ON.search(self.text[begin:at].rstrip())

    def _condition(self, at, end, depth):
        line = self._number(at)
        branches: list[tuple[str | None, tuple[Simple | Condition, ...]]] = []
        while True:
            opened = self.text.index("(", at)
            closed = inside(self.text[:end], opened, self.place)
            test = self.text[opened + 1 : closed]
            body, at = self._branch(closed + 1, end, depth)
            branches.append((test, body))
            other = _ELSE.match(self.text, at, end)
            if not other:
                return Condition(tuple(branches), line), at
            at = other.end()
            if _IF.match(self.text, at):
                continue
            body, at = self._branch(at, end, depth)
            branches.append((None, body))
            return Condition(tuple(branches), line), at

    def _branch(self, at, end, depth):
        while at < end and self.text[at] in " \t\r\n":
            at += 1
        if at >= end:
            raise ModelError(f"{self._at(at - 1)}: a condition without a statement.")
        if self.text[at] == "{":
            closed = inside(self.text[:end], at, self.place)
            return self._within(at + 1, closed, depth + 1), closed + 1
        item, at = self._one(at, end, depth + 1)
        return (item,), at


def quoted_line(text: str) -> str:
    """A statement as a message quotes it."""
    return f"'{short(text, 60)}'"
