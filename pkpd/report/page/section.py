"""What a page is made of: sections with text, tables, figures and equations.

Plain data; the template escapes every text in it. Knows nothing of results or HTML.
"""

import re
from dataclasses import dataclass

from pkpd.report.figures import style

_NUMBER = re.compile(r"[<>~x−-]?\s*[\d.]")
MOST_ROWS = 5000


@dataclass(frozen=True)
class Table:
    """headers, rows : texts; note : shown below; fold : whether the table is closed at first"""

    caption: str
    headers: tuple
    rows: tuple
    note: str = ""
    fold: bool = False

    @property
    def looks(self):
        """How each column is set: "n" numbers, "c" commands, "l" long texts, "" others."""
        looks = [_look(column) for column in zip(*self.rows, strict=True)] or [""] * len(
            self.headers
        )
        return ["" if looks[0] == "n" else looks[0], *looks[1:]]

    @property
    def narrow(self):
        """Whether it can stand beside a figure."""
        return not self.fold and len(self.headers) <= 4 and not {"c", "l"} & set(self.looks[1:])


@dataclass(frozen=True)
class Figure:
    """svg : markup that this package has drawn; alt : what it shows, for who cannot see it

    wide : whether it takes the whole width of the page
    """

    svg: str
    alt: str
    caption: str
    wide: bool = False


@dataclass(frozen=True)
class Section:
    """text : paragraphs; points : items of a list; equations : MathML"""

    id: str
    title: str
    text: tuple = ()
    points: tuple = ()
    figures: tuple = ()
    tables: tuple = ()
    equations: tuple = ()
    after: tuple = ()  # sections below this one


def _look(cells):
    """How a column of these cells is set."""
    texts = [c for c in cells if c not in ("", "-")]
    if texts and all(_NUMBER.match(c) and len(c) < 32 for c in texts):
        return "n"
    if any(c.startswith("pkpd ") for c in texts):
        return "c"
    return "l" if max(map(len, texts), default=0) > 24 else ""


def table(caption, headers, rows, note="", fold=False):
    """A Table of whatever can be written as text. Raises ValueError for more rows than a page."""
    rows = list(rows)
    if len(rows) > MOST_ROWS:
        raise ValueError(f"{len(rows)} rows for the table '{caption}', too many for a page")
    written = []
    for row in rows:
        written.append(tuple("" if cell is None else str(cell) for cell in row))
    return Table(caption, tuple(headers), tuple(written), note, fold)


def figure(name, draw, alt, caption, size=(4.5, 3.6)):
    """The Figure that draw(axes) fills, in vectors."""
    drawing = style.figure(*size)
    draw(drawing.add_subplot())
    return Figure(style.svg(drawing, name), alt, caption)


def sentence(line):
    """A line of the first screen as a sentence."""
    text = line.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
