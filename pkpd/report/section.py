"""What a page is made of: sections with text, tables, figures and equations. Plain data; every text in it is escaped by the template."""

import re
from dataclasses import dataclass

from pkpd.report import style

_NUMBER = re.compile(r"[<>~−-]?\s*[\d.]")


@dataclass(frozen=True)
class Table:
    """headers, rows : texts; note : what a reader needs to know besides the caption"""

    caption: str
    headers: tuple
    rows: tuple
    note: str = ""

    @property
    def numeric(self):
        """Whether the cells of a column are numbers."""
        columns = list(zip(*self.rows, strict=True)) or [()] * len(self.headers)
        return [any(cells) and all(_NUMBER.match(str(c)) for c in cells if c not in ("", "-")) for cells in columns]


@dataclass(frozen=True)
class Figure:
    """svg : markup that this package has drawn; alt : what it shows, for who cannot see it; wide : takes the whole width"""

    svg: str
    alt: str
    caption: str
    wide: bool = False


@dataclass(frozen=True)
class Section:
    """text : paragraphs; points : items of a list; equations : markup of MathML"""

    id: str
    title: str
    text: tuple = ()
    points: tuple = ()
    figures: tuple = ()
    tables: tuple = ()
    equations: tuple = ()
    after: tuple = ()  # sections below this one


def table(caption, headers, rows, note=""):
    """A Table of whatever can be written as text."""
    return Table(caption, tuple(headers), tuple(tuple("" if c is None else str(c) for c in row) for row in rows), note)


def figure(name, draw, alt, caption, size=(5.0, 3.9), wide=False):
    """The Figure that draw(axes) fills, in vectors."""
    drawing = style.figure(*size)
    draw(drawing.add_subplot())
    return Figure(style.svg(drawing, name), alt, caption, wide)
