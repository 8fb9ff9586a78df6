"""Experiment 16: do micrograms of naltrexone or naloxone spare an opioid?

python experiments/16-ultra-low-dose/run.py

Knows trials of naloxone beside morphine, competition, and a disputed hypothesis; fits nothing.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import pkpd
from pkpd.result import provenance, write_figure, write_json

HERE = Path(__file__).parent
# naloxone beside morphine after surgery -> morphine used with and without (mg)
TRIALS = {
    "Gan 1997, 0.25 ug/kg/h": (42, 59),
    "Gan 1997, 1 ug/kg/h": (65, 59),
    "Zhao 2005": (37, 44),
}
NO_RATIO = {  # what is known of the others
    "Cepeda 2002": "more used",
    "Cepeda 2004": "+0.07 mg (-1.1 to 1.3)",
    "Sartain 2003": "no difference",
    "Taiwan 2008": "no difference",
}
INFUSED = (0.25, 1.0)  # ug of naloxone per kg and hour
WEIGHT, HALF_LIFE = 70.0, 1.1  # kg, h: assumed
HALF_OCCUPANCY = (910.0, 175.0)  # ug of naloxone in the body; the ends of what was found
DAYS, MORPHINE = 28, "60 mg into morphine_tablet q12h"
ULTRA = (0.1, 1.0, 10.0, 100.0)  # ug of naltrexone every 12 hours
COURSE = np.arange(0, 24 * (DAYS + 6) + 1, 4)  # h, with six days after the last dose
LAST_DAY = (COURSE >= 24 * (DAYS - 1)) & (COURSE < 24 * DAYS)
AFTER = COURSE >= 24 * DAYS - 12


def competition():
    """Morphine needed beside an infusion of naloxone, for both ends of its half occupancy.

    The dose ratio is 1 plus the antagonist in multiples of its affinity (Schild); the amount in
    the body is the rate times half-life over log(2).
    """
    found = {}
    for rate in INFUSED:
        amount = rate * WEIGHT * HALF_LIFE / np.log(2)
        found[f"{rate:g} ug/kg/h"] = [float(1 + amount / half) for half in HALF_OCCUPANCY]
    return found


def course(model, dose, **changes):
    """Outputs (T,) by name at COURSE of the typical patient; dose in ug every 12 hours."""
    one = pkpd.cohort(model, typical=True, set=changes)
    text = f"{MORPHINE} x {2 * DAYS} and {dose:g} ug into depot q12h x {2 * DAYS} then wait 7d"
    run = pkpd.simulate(model, text, one, COURSE, occasion="none")
    return dict(zip(run.names, run.values[0].T, strict=True))


def row(found):
    """Last day of morphine, and the largest score after the last dose."""
    day = {name: float(found[name][LAST_DAY].mean()) for name in ("adaptation", "analgesia")}
    return day | {
        "blockade": float(found["blockade"][LAST_DAY].max()),
        "score_after": float(found["cows"][AFTER].max()),
    }


def draw(ratios, courses):
    """Trials beside what competition predicts, and adaptation with the hypothesis off and on."""
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(5, 4))
    names = [*TRIALS, *NO_RATIO, *(f"competition, {name}" for name in ratios)]
    for k, (with_it, without) in enumerate(TRIALS.values()):
        left.plot(with_it / without, k, "s", color="#D55E00")
    for k, what in enumerate(NO_RATIO.values(), len(TRIALS)):
        left.text(1.02, k, what, va="center", fontsize=8, color="0.35")
    for k, ends in enumerate(ratios.values(), len(TRIALS) + len(NO_RATIO)):
        left.plot(ends, [k, k], color="#0072B2", lw=4, alpha=0.6)
    left.axvline(1, color="0.5", lw=0.8, ls=":")
    left.set_yticks(range(len(names)), names, fontsize=9)
    left.invert_yaxis()
    left.set(xscale="log", xlim=(0.6, 1.8), xlabel="morphine used with naloxone / without")
    left.set_xticks([0.7, 1, 1.4], ["0.7", "1", "1.4"])
    left.set_title("Trials, and competition alone", loc="left", fontsize=11)
    for name, (found, style) in courses.items():
        right.plot(COURSE / 24, found["adaptation"], **style, label=name)
    right.axvline(DAYS, color="0.7", lw=0.8)
    right.text(DAYS - 0.5, 0.005, "morphine ends", ha="right", fontsize=8, color="0.4")
    right.set(xlabel="days", ylabel="adaptation to the opioid", ylim=(0, None))
    right.set_xticks([0, 7, 14, 21, 28, 34])
    right.set_title("1 ug of naltrexone every 12 hours", loc="left", fontsize=11)
    right.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0.1, 0.15))
    for ax in (left, right):
        ax.minorticks_off()
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def tables(summary):
    """Lines of Markdown for the page."""
    yield "| day 28 of 120 mg of morphine a day | adaptation | relief | blocked (%) | score after |"
    yield "|---|---|---|---|---|"
    for name, x in summary["table"].items():
        yield (
            f"| {name} | {x['adaptation']:.3f} | {x['analgesia']:.3f} "
            f"| {100 * x['blockade']:.2g} | {x['score_after']:.1f} |"
        )
    yield "\n| naloxone | morphine used, with / without |"
    yield "|---|---|"
    for name, ratio in summary["trials"].items():
        yield f"| {name} | {ratio:.2f} |"
    for name, (low, high) in summary["competition"].items():
        yield f"| competition alone, {name} | {low:.2f}-{high:.2f} |"


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    model = pkpd.load("ldn/ultra_low_dose")
    alone, off, on = course(model, 0), course(model, 1), course(model, 1, uld=1)
    rows = {"morphine alone": row(alone), "naltrexone 2 ug a day, competition alone": row(off)}
    for dose in ULTRA:
        name = f"naltrexone {2 * dose:g} ug a day, hypothesis on"
        rows[name] = row(course(model, dose, uld=1))
    rows["naltrexone 200 ug a day, competition alone"] = row(course(model, 100))
    summary = {
        "trials": {name: a / b for name, (a, b) in TRIALS.items()},
        "competition": competition(),
        "table": rows,
        "provenance": provenance(model, pkpd.cohort(model, typical=True)),
    }
    courses = {
        "morphine alone": (alone, {"color": "0.5", "lw": 3}),
        "competition alone (uld = 0)": (off, {"color": "#0072B2", "ls": "--"}),
        "hypothesis on (uld = 1)": (on, {"color": "#D55E00"}),
    }
    write_json(summary, HERE / "summary.json")
    write_figure(draw(summary["competition"], courses), HERE / "ultra-low-dose.png")
    print("\n".join(tables(summary)))


if __name__ == "__main__":
    main()
