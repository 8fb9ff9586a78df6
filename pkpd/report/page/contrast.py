"""The page and figure that set the results of several folders side by side.

Knows what folders hold and how results of one kind are drawn together; says what differs between
the runs, and for the same patients by how much each one's MED moves.
"""

from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from pkpd.errors import ResultError
from pkpd.files import write_atomically
from pkpd.report.figures import comparison, style
from pkpd.report.page.contents import contents
from pkpd.report.page.model_card import claims
from pkpd.report.page.page import origin_rows, rendered
from pkpd.report.page.section import Figure, Section, table
from pkpd.report.words import models, results
from pkpd.result import write_figure

KINDS = {
    "med": "maximally effective doses",
    "dose-response": "dose responses",
    "trial": "virtual trials",
}
NAME = "contrast"
SAME = 1.1  # ratio of two MEDs up to which a patient's has hardly moved
OF_THE_RUN = ("command", "version", "package")  # of a provenance; they decide no number


class Contrast:
    """Results of one kind in several folders, side by side.

    Raises ResultError where they are of several kinds, or of one that has no figure.
    """

    def __init__(self, folders, labels=None):
        self.found = [contents(folder) for folder in folders]
        kinds = {found.kind for found in self.found}
        if len(kinds) > 1 or not kinds <= KINDS.keys():
            named = ", ".join(f"'{f.path}' holds {KINDS.get(f.kind, 'none')}" for f in self.found)
            raise ResultError(f"Only results of one kind are set side by side: {named}.")
        (self.kind,) = kinds
        self.labels = labels or [str(found.path) for found in self.found]

    def layers(self):
        """What the figure draws: one line for each folder, or for each arm of its trial."""
        pairs = list(zip(self.labels, self.found, strict=True))
        if self.kind == "trial":
            arms = []
            for label, found in pairs:
                arms += [_diary(label, found.model, arm) for arm in found.arms]
            return arms
        if self.kind == "dose-response":
            return [comparison.Curves(a, f.model, f.benefit, f.curves) for a, f in pairs]
        return [
            comparison.meds(a, f.model, f.benefit, f.people("status"), f.people("med"), f.curves)
            for a, f in pairs
        ]

    def figure(self):
        """The figure of all of them."""
        return comparison.draw(self.layers())

    def numbers(self):
        """Headers and rows: the results of each folder in a few numbers."""
        rows = []
        for label, found in zip(self.labels, self.found, strict=True):
            summary = found.summary
            if self.kind == "med":
                rows.append((label, *results.med_row(summary)))
            elif self.kind == "dose-response":
                rows.append((label, summary["patients"], *results.best_of_medians(summary)))
            else:
                rows += [(label, *arm) for arm in _arms(found)]
        return HEADERS[self.kind], rows

    def differences(self):
        """Rows: what decides the numbers and differs between the runs, and its value in each."""
        runs = [dict(origin_rows(found.origin)) for found in self.found]
        rows = []
        for key in dict.fromkeys(chain.from_iterable(runs)):
            values = [str(run.get(key, "-")) for run in runs]
            if key not in OF_THE_RUN and len(set(values)) > 1:
                rows.append((key, *values))
        return rows

    def moved(self):
        """A sentence on how each patient's MED moves, or None where these are not the same people.

        For two folders of MEDs whose patients have the same IDs, seed and sampling.
        """
        if self.kind != "med" or len(self.found) != 2 or not _same_people(*self.found):
            return None
        first, second = (found.people("med") for found in self.found)
        both = np.isfinite(first) & np.isfinite(second)
        if not both.any():
            return "No patient has a MED inside the range in both."
        ratio = second[both] / first[both]
        still = np.mean((ratio <= SAME) & (ratio >= 1 / SAME))
        low, middle, high = np.percentile(ratio, (5, 50, 95), method="hazen")
        return (
            f"The same patients: of the {both.sum()} whose MED lies inside the range in both, the "
            f"second is {middle:.3g} times the first (median; 90 % between {low:.3g} and "
            f"{high:.3g}), and for {100 * still:.0f} % it moves by less than a tenth."
        )

    def page(self):
        """The page as text."""
        headers, rows = self.numbers()
        moved = self.moved()
        drawn = Figure(style.svg(self.figure(), NAME), f"{KINDS[self.kind]} side by side", "")
        side = Section(
            "side",
            "Side by side",
            (moved,) if moved else (),
            figures=(drawn,),
            tables=(table("In numbers", headers, rows),),
        )
        named = {found.model.name: found.model for found in self.found}
        cards = [claims(model) for model in named.values()]
        assumed = "; ".join(f"{n}: {models.share_assumed(m)}" for n, m in named.items())
        sections = [side, self._differ(), *cards]
        return rendered(" / ".join(self.labels), "", KINDS[self.kind], assumed, sections)

    def _differ(self):
        """The Section on what differs between the runs."""
        rows = self.differences()
        text = "All that decides the numbers is the same." if not rows else ""
        shown = (table("What differs", ("what", *self.labels), rows),) if rows else ()
        return Section(
            "differ", "What differs between the runs", (text,) if text else (), tables=shown
        )

    def write(self, folder, form="png"):
        """Write page and figure to a folder, each whole or not at all; the files."""
        folder, text = Path(folder), self.page()
        page, drawing = folder / f"{NAME}.html", folder / f"{NAME}.{form}"
        write_atomically(page, lambda temporary: Path(temporary).write_text(text, encoding="utf-8"))
        write_figure(self.figure(), drawing)
        return [page, drawing]


HEADERS = {
    "med": ("folder", *results.MED_HEADERS),
    "dose-response": ("folder", "patients", "best dose of the median", "its benefit"),
    "trial": ("folder", "arm", "patients", "stayed"),
}


def _arms(found):
    for arm in found.arms:
        yield arm.name, len(arm.diary), f"{100 * np.mean(arm.stayed):.0f} %"


def _diary(label, model, arm):
    """The layer of an arm of a trial."""
    name = f"{label}, {arm.name}"
    return comparison.Diary(name, model, model.benefit, replace(arm, name=name))


def _same_people(first, second):
    """Whether two runs have the same patients, in the same order."""
    for key in ("seed", "sampling", "n", "typical", "covariates"):
        if first.origin.get(key) != second.origin.get(key):
            return False
    return np.array_equal(first.people("ID"), second.people("ID"))
