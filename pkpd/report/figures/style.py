"""One look for every figure: colours safe for colour-blind readers, plain dose axes, a caption.

Colours: Okabe & Ito (2008). Uses matplotlib's objects and not pyplot, which costs start-up time and
keeps global state. Knows axes and texts; knows nothing of what is drawn.
"""

import re
import textwrap
import warnings
from io import BytesIO, StringIO

import matplotlib
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

BLUE, ORANGE, GREEN, RED, SKY, PURPLE, YELLOW = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#CC79A7",
    "#F0E442",
)
CYCLE = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY)
GREY, INK = "#8c8c8c", "#222222"
MOST_CURVES = 120  # single patients drawn
SCREEN_DPI = 90  # of a picture in a notebook
DENSE = 500  # points, beyond which a vector figure holds them as a picture


class Drawing(Figure):
    """A Figure whose texts stay as written: a $ in the title of a model begins no formula."""

    def draw(self, renderer):
        for text in self.findobj(Text):
            text.set_parse_math(False)
        super().draw(renderer)

    def _repr_png_(self):
        """The picture that a notebook shows."""
        return png(self)


def figure(width, height):
    """An empty figure, width and height in inches, laid out without overlaps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    drawing = Drawing(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(drawing)
    return drawing


def clean(axes, xlabel, ylabel, title=None):
    """Axes with labels, a left-aligned title, an open frame and a faint horizontal grid."""
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    if title:
        axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)


def log_axis(axis, lowest, highest):
    """A log axis with plain numbers: 0.1 1 10, and 0.2 0.5 between where the range is short."""
    axis.axes.set_xscale("log") if axis.axis_name == "x" else axis.axes.set_yscale("log")
    ticks = (1.0, 2.0, 5.0) if highest < 2000 * lowest else (1.0,)
    axis.set_major_locator(LogLocator(subs=ticks, numticks=30))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def label(name, unit):
    """Such as "pain (NRS)"; a unit of 1 is not printed."""
    return name.replace("_", " ") if unit == "1" else f"{name.replace('_', ' ')} ({unit})"


def clinician_time(times, unit):
    """(factor, unit): hours up to two days, days after that."""
    from pkpd import units

    span = (times[-1] - times[0]) * units.factor(unit, "h")
    shown = "h" if span <= 72 else "d"
    return units.factor(unit, shown), shown


def heading(drawing, text):
    """Title over the whole figure, wrapped to its width."""
    drawing.suptitle(_wrapped(drawing, text, 10.0), x=0.01, ha="left", fontsize=12)


def caption(drawing, lines):
    """Small print under the figure, wrapped to its width."""
    text = "\n".join(_wrapped(drawing, line, 17.0) for line in lines)
    drawing.supxlabel(text, x=0.01, ha="left", fontsize=7.5, color="#555555")


def png(drawing):
    """The figure as the bytes of a picture for a screen."""
    picture = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that the font lacks
        drawing.savefig(picture, format="png", dpi=SCREEN_DPI)
    return picture.getvalue()


def svg(drawing, name):
    """The figure as an SVG element for a page, as wide as the page allows.

    Its ids begin with `name`, so that none occurs twice on a page.
    """
    text = StringIO()
    with (
        matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # of letters that the font lacks
        drawing.savefig(
            text,
            format="svg",
            dpi=150,
            metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
        )
    markup = text.getvalue()
    markup = markup[markup.index("<svg") :]
    surplus = r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>"
    markup = re.sub(surplus, "", markup, flags=re.S)
    markup = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", markup)
    return re.sub(r' (?:width|height)="[\d.]+pt"', "", markup, count=2)


def _wrapped(drawing, text, letters):
    """Lines of `letters` letters per inch."""
    return textwrap.fill(text, int(drawing.get_figwidth() * letters))
