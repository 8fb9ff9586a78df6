"""Templates, styles and scripts of pages, and the one way to fill them: every text is escaped.

Knows files of this folder; knows nothing of what is written into them.
"""

from pathlib import Path

from pkpd.report.words.harmless import harmless

WEB = Path(__file__).parent


def text(name):
    """The text of a file of this folder."""
    return (WEB / name).read_text(encoding="utf-8")


def template(name):
    """A template of this folder, in which every text is escaped and harmless."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    rooms = Environment(
        loader=FileSystemLoader(WEB),
        autoescape=True,
        finalize=lambda shown: harmless(shown) if type(shown) is str else shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return rooms.get_template(name)
