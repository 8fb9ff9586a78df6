"""Experiment 14: a capsule of morphine with sequestered naltrexone, swallowed whole or crushed.

python experiments/14-crushed-capsule/run.py [-n 200]

Knows what reaches the receptor in a day after one capsule; shows no deterrence of anybody.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import pkpd
from pkpd.result import provenance, write_figure, write_json

HERE = Path(__file__).parent
CAPSULE = "100 mg into morphine_tablet"  # with 4 mg of naltrexone
HOURS = np.arange(0, 24.05, 0.1)
WAYS = {  # how the capsule is taken -> its settings, and colour and line
    "whole": ({}, ("#0072B2", "-")),
    "crushed": ({"crushed": 1}, ("#D55E00", "-")),
    "crushed, without naltrexone": ({"crushed": 1, "sequestered": 0}, ("0.4", "--")),
}
SHARES = (0.0, 0.01, 0.02, 0.04, 0.08, 0.16)  # naltrexone per morphine, crushed
LEAKS = (0.0, 0.01, 0.05)  # share of the naltrexone that a whole capsule releases
VARIED = {
    "as assumed": {},
    **{f"tau_high = {x:g}": {"tau_high": x} for x in (0.5, 4.0)},
    "hill_high = 1": {"hill_high": 1.0},
    **{f"toff = {x:g} h": {"toff": x} for x in (2.0, 75.0)},
    "no reserve for relief (tau_mu = 1)": {"tau_mu": 1.0},
}
PANELS = {  # output -> label and factor
    "Cmor": ("morphine in plasma (ng/mL)", 1),
    "blockade": ("receptors blocked (%)", 100),
    "high": ("subjective effect (% of the largest)", 100),
    "signal": ("signal of relief (% of the largest)", 100),
}


def course(model, people):
    """Outputs (P, T) by name over a day after one capsule."""
    run = pkpd.simulate(model, CAPSULE, people, HOURS, occasion="none")
    return dict(zip(run.names, np.moveaxis(run.values, 2, 0), strict=True))


def typical(model, **changes):
    return course(model, pkpd.cohort(model, typical=True, set=changes))


def largest(found):
    """Largest values of the day of one patient, in the units of PANELS."""
    return {name: float(factor * found[name][0].max()) for name, (_, factor) in PANELS.items()}


def kept(model, n, **changes):
    """Largest effects of a crushed capsule, % of those without naltrexone, people's quantiles.

    Crushed and without naltrexone are the same people.
    """
    peaks = []
    for share in (0.04, 0.0):
        settings = {"crushed": 1, "sequestered": share} | changes
        found = course(model, pkpd.cohort(model, n, seed=7, set=settings))
        peaks.append({name: found[name].max(axis=1) for name in ("high", "signal")})
    with_it, without = peaks
    return {
        name: np.percentile(100 * with_it[name] / without[name], (5, 50, 95)).tolist()
        for name in without
    }


def draw(courses):
    """Four outputs over a day, a line for each way to take the capsule."""
    figure = Figure(figsize=(14.5, 3.9), layout="constrained")
    for ax, (name, (label, factor)) in zip(figure.subplots(1, 4), PANELS.items(), strict=True):
        for way, found in courses.items():
            colour, line = WAYS[way][1]
            ax.plot(HOURS, factor * found[name][0], line, color=colour, label=way)
        ax.set(xlabel="hours", ylabel=label, xticks=[0, 6, 12, 18, 24], ylim=(0, None))
        ax.spines[["top", "right"]].set_visible(False)
        if name == "Cmor":
            ax.legend(frameon=False, fontsize=8)
    return figure


def tables(summary):
    """Lines of Markdown for the page."""
    yield "| capsule | morphine (ng/mL) | blocked (%) | subjective (%) | signal of relief (%) |"
    yield "|---|---|---|---|---|"
    for name, row in summary["largest"].items():
        yield f"| {name} | " + " | ".join(f"{row[x]:.3g}" for x in PANELS) + " |"
    yield "\n| assumption | subjective effect kept (%) | signal kept (%) |"
    yield "|---|---|---|"
    for name, row in summary["kept"].items():
        cells = [f"{x[1]:.0f} ({x[0]:.0f}-{x[2]:.0f})" for x in (row["high"], row["signal"])]
        yield f"| {name} | " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=200)
    n, model = parser.parse_args().n, pkpd.load("ldn/crushed_capsule")
    courses = {way: typical(model, **settings) for way, (settings, _) in WAYS.items()}
    rows = {
        f"crushed, {100 * share:g} % naltrexone": largest(
            typical(model, crushed=1, sequestered=share)
        )
        for share in SHARES
    }
    for leak in LEAKS:
        rows[f"whole, {100 * leak:g} % leaks"] = largest(typical(model, leak=leak))
    summary = {
        "patients": n,
        "largest": rows,
        "kept": {name: kept(model, n, **changes) for name, changes in VARIED.items()},
        "provenance": provenance(model, pkpd.cohort(model, n, seed=7)),
    }
    write_json(summary, HERE / "summary.json")
    write_figure(draw(courses), HERE / "crushed-capsule.png")
    print("\n".join(tables(summary)))


if __name__ == "__main__":
    main()
