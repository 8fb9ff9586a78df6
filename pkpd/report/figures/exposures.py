"""Figure of a noncompartmental analysis: its main quantities, profile by profile.

Knows a table of quantities and their units; computes nothing.
"""

import numpy as np

from pkpd.report.figures import style

SHOWN = ("cmax", "auc_inf", "auc_tau", "half_life")  # of these, what the analysis has
MOST_NAMED = 30  # profiles whose IDs stand at the axis


def exposures(found):
    """A panel for each main quantity of a Noncompartmental, profiles in the order of the table."""
    frame = found.frame()
    names = [name for name in SHOWN if name in frame]
    drawing = style.figure(3.9 * len(names) + 0.6, 3.6)
    place, ids = np.arange(len(frame)), [str(name) for name in frame["ID"]]
    for k, name in enumerate(names):
        axes = drawing.add_subplot(1, len(names), k + 1)
        axes.plot(place, frame[name].astype(float), "o", ms=4, color=style.BLUE)
        axes.set_ylim(bottom=0)
        axes.set_xticks(place if len(ids) <= MOST_NAMED else [])
        if len(ids) <= MOST_NAMED:
            axes.set_xticklabels(ids, rotation=90 if len(ids) > 8 else 0)
        style.clean(axes, "ID", style.label(name, found.units.get(name, "1")))
    style.heading(drawing, f"{found.data}: {len(frame)} profiles, {found.route}")
    style.caption(drawing, list(found.conventions[:2]))
    return drawing
