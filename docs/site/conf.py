"""The documentation as a site: python -m sphinx -W -c docs/site . build/site

Pages lie where they lie in the repository, so that their links hold in both; the README is the
first. Knows files; knows nothing of what is in them.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

project = "pkpd"
root_doc = "README"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "benchmarks/README.md",
    "docs/*.md",
    "docs/*/*.md",
    "docs/notebooks/*.ipynb",
    "experiments/*/README.md",
    "models/*.md",
]
extensions = ["myst_nb", "sphinx.ext.autodoc"]
nb_execution_mode = "off"  # notebooks are shown as they were executed last
myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 3
suppress_warnings = ["misc.highlighting_failure"]  # of tables as csv, and of equations
autodoc_typehints = "none"
autodoc_preserve_defaults = True
html_theme = "furo"
html_title = "pkpd"
html_extra_path = ["root"]  # its index.html leads to the README
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_copyright = False
html_show_sphinx = False

GUIDE = (
    *("docs/regimens", "docs/cohorts", "models/README", "models/NAMES", "docs/bring-your-own"),
    *("docs/dictionary", "docs/trials", "docs/sensitivity", "docs/evidence", "docs/claims"),
    *("docs/vpc", "docs/nca", "docs/hormesis-fits", "docs/app", "docs/data-contracts"),
)
PROJECT = ("docs/architecture", "docs/kernels", "benchmarks/README", "CONTRIBUTING", "CHANGELOG")


def pages(pattern):
    """Names of the pages of a pattern."""
    return sorted(str(p.relative_to(ROOT).with_suffix("")) for p in ROOT.glob(pattern))


def contents(app, name, source):
    """Put the list of all pages behind the README."""
    if name != root_doc:
        return
    methods = ["docs/methods/README", *pages("docs/methods/*.md")]
    parts = {
        "Notebooks": pages("docs/notebooks/*.ipynb"),
        "Guide": GUIDE,
        "Experiments": pages("experiments/*/README.md"),
        "Methods": dict.fromkeys(methods),
        "Reference": ["docs/site/reference"],
        "Project": PROJECT,
    }
    for caption, names in parts.items():
        listed = "\n".join(names)
        source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n"


ENTRY = re.compile(r"(?P<names>\(?\w+(?:, \w+)*\)?) : (?P<text>.*)")  # cl, vc : what they are


def docstring(app, what, name, thing, options, lines):
    """Write a docstring's entries as a list, and its underlined heads as heads."""
    found, listed = [], False
    for line in lines:
        entry = ENTRY.match(line)
        if set(line) == {"-"} and len(line) > 2:
            found[-1:] = ["", f".. rubric:: {found[-1]}", ""]
        elif entry:
            found += [] if listed else [""]
            found.append(f"* ``{entry['names']}``: {entry['text']}")
        elif listed and line.startswith("    "):
            found.append(f"  {line.strip()}")
        else:
            found += ["", line] if listed else [line]
        listed = bool(entry) or (listed and line.startswith("    "))
    lines[:] = found


def setup(app):
    app.connect("source-read", contents)
    app.connect("autodoc-process-docstring", docstring)
