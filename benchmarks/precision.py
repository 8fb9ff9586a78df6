"""What does accuracy cost? Error against processor time a patient on LDN-12 (precision.png).

    python benchmarks/precision.py [--rounds 3] [--quick]

One thread; the tolerance of each solver runs over nine decades, in rounds of turns. The table reads
the lines at equal errors.
"""

import os
from functools import partial
from pathlib import Path

import numpy as np
import records
import rivals

from pkpd.bench import measure, solvers, workload
from pkpd.report.figures import style

ERRORS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
LOOKS = (
    (style.BLUE, "o"),
    (style.RED, "s"),
    (style.GREEN, "^"),
    (style.PURPLE, "D"),
    (style.ORANGE, "v"),
    (style.SKY, "P"),
    (style.GREY, "X"),
    (style.INK, "*"),
    (style.YELLOW, "h"),
)


def figure(lines, people, rounds):
    """The work-precision figure of measured lines."""
    drawing = style.figure(8.0, 5.2)
    axes = drawing.subplots()
    for line, (colour, marker) in zip(lines, LOOKS, strict=False):
        fine = np.isfinite(line.errors)
        cost = 1e3 * np.median(line.costs, axis=0)
        own = line.name.startswith("pkpd")
        axes.plot(
            line.errors[fine],
            cost[fine],
            color=colour,
            marker=marker,
            markersize=6 if own else 5,
            linewidth=2.4 if own else 1.2,
            label=line.name,
        )
    style.clean(axes, "largest relative error", "processor time per patient (ms)")
    costs = [1e3 * line.costs.min() for line in lines], [1e3 * line.costs.max() for line in lines]
    style.log_axis(axes.yaxis, min(costs[0]), max(costs[1]))
    errors = np.concatenate([line.errors[np.isfinite(line.errors)] for line in lines])
    style.log_axis(axes.xaxis, errors.min(), errors.max())
    axes.invert_xaxis()
    axes.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
    style.heading(drawing, "What accuracy costs: LDN-12, 84 daily doses, one thread")
    style.caption(
        drawing,
        [
            "Each marker is one tolerance; lower and further right is better. "
            f"{people} patients for the fast solvers, fewer for the slow ones; "
            f"median of {rounds} rounds "
            "of turns. Error: largest over times and states against SciPy's DOP853 at rtol 1e-12.",
        ],
    )
    return drawing


def main():
    options = records.options(__doc__, rounds=3).parse_args()
    people, known, rounds = (32, 2, 1) if options.quick else (256, 6, options.rounds)
    patients = workload.patients(people)
    truth = solvers.truth(patients[:known])
    lines = measure.lines(
        rivals.everyone(people, options.quick),
        patients,
        known,
        partial(workload.error, truth=truth),
        rounds,
    )
    rows = [
        (
            line.name,
            *(
                f"{1e6 * np.median(line.cost_at(e)):,.0f}"
                if np.isfinite(line.cost_at(e)).all()
                else "-"
                for e in ERRORS
            ),
        )
        for line in lines
    ]
    points = [
        {
            "solver": n.name,
            "rtol": n.tolerances,
            "error": n.errors,
            "s_per_patient": np.median(n.costs, axis=0),
        }
        for n in lines
    ]
    drawing = figure(lines, people, rounds)
    drawing.savefig(
        os.devnull if options.quick else Path(__file__).with_name("precision.png"),
        format="png",
        dpi=150,
    )
    table = ("microseconds a patient at error", *(f"{e:g}" for e in ERRORS)), rows
    records.finish("precision", {"rounds": rounds, "lines": points}, [table], options.quick)


if __name__ == "__main__":
    main()
