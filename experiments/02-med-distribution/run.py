"""Experiment 02: the distribution of true MEDs, with parts of the mechanism off, by blockade.

python experiments/02-med-distribution/run.py [-n 10000]

Knows true MEDs of virtual patients; knows nothing of titration.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import pkpd
from pkpd.response.summary import summarise
from pkpd.result import write_figure, write_json

HERE = Path(__file__).parent
PUBLISHED = (0.1, 6.0)  # mg/day, range of 41 observed MEDs, Marcus 2024
SAMPLE = 41
HOURS = (2, 6, 12, 24, 41, 75)
VARIANTS = {
    "full model": {},
    "glia off": {"glia": 0.0},
    "rebound off": {"rebound": 0.0},
    "both off": {"glia": 0.0, "rebound": 0.0},
} | {f"toff {hours:g} h": {"toff": float(hours)} for hours in HOURS}
DEFINITIONS = {  # column of pkpd.med -> which dose it is
    "argmax": "largest benefit",
    "w90_low": "least dose with 90 % of it",
    "min_effective_dose": "least dose that helps by 10 %",
}
COLOURS = {"full model": "#0072B2", "glia off": "#D55E00", "rebound off": "#009E73"}


def extremes(doses, rng, samples=4000):
    """5, 50 and 95 % of the smallest and the largest of 41 MEDs drawn from those with one.

    Censored ones count at the bounds.
    """
    drawn = rng.choice(doses, (samples, SAMPLE))
    return {
        name: np.percentile(f(drawn, axis=1), (5, 50, 95), method="nearest").tolist()
        for name, f in (("minimum", np.min), ("maximum", np.max))
    }


def study(model, n, changes, rng):
    """MedTable and summary of one variant."""
    table = pkpd.med(model, pkpd.cohort(model, n, seed=7, set=changes))
    summary = summarise(table, PUBLISHED)
    status = table.columns["status"]
    doses = np.where(
        status == "below_range",
        table.benefit.lowest,
        np.where(status == "above_range", table.benefit.highest, table.columns["med"]),
    )
    doses = doses[~np.isnan(doses)]
    troughs = table.columns["trough_blockade"][status == "interior"]
    trough = np.median(troughs) if len(troughs) else None
    helped = table.columns["responder"]
    medians = {
        name: float(np.nanmedian(table.columns[name][helped])) if helped.any() else None
        for name in DEFINITIONS
    }
    return table, summary | {
        "changes": changes,
        "samples_of_41": extremes(doses, rng) if len(doses) else None,
        "median_trough_blockade": trough,
        "medians": medians,
        "share_with_med": len(doses) / n,
    }


def draw(tables, summaries):
    """Histograms with parts of the mechanism off; the middle of the MEDs by length of blockade."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    edges = np.geomspace(0.05, 50, 46)
    left.axvspan(
        *PUBLISHED, color="0.92", label="0.1-6 mg: range of 41 observed MEDs (Marcus 2024)"
    )
    for name, colour in COLOURS.items():
        meds = tables[name].columns["med"]
        share = summaries[name]["status"]["interior"] / summaries[name]["patients"]
        left.hist(
            meds,
            edges,
            weights=np.full(len(meds), 100 / len(meds)),
            histtype="step",
            lw=2,
            color=colour,
            label=f"{name}: {share:.0%} have a MED below 50 mg",
        )
    left.set(
        xscale="log",
        xlabel="maximally effective dose (mg/day)",
        ylabel="patients (% of all, per bin)",
    )
    left.set_xticks([0.1, 0.3, 1, 3, 10, 30], ["0.1", "0.3", "1", "3", "10", "30"])
    left.legend(frameon=False, fontsize=8, loc="upper left")
    left.set_ylim(0, left.get_ylim()[1] * 1.25)
    left.set_title("True MED: whole mechanism and parts of it", loc="left", fontsize=11)
    right.axhspan(*PUBLISHED, color="0.92")
    for hours in HOURS:
        level = {
            q["level"]: min(float(q["value"]), 50.0)
            for q in summaries[f"toff {hours} h"]["quantiles"]
        }
        right.plot(
            [hours] * 2,
            [level[0.25], level[0.75]],
            color=COLOURS["full model"],
            lw=6,
            alpha=0.35,
            solid_capstyle="butt",
        )
        right.plot(hours, level[0.5], "o", color=COLOURS["full model"])
    right.set(
        xscale="log",
        yscale="log",
        ylim=(0.05, 50),
        xlabel="typical half-life of blockade, toff (h): unknown in man",
        ylabel="MED (mg/day)",
    )
    right.set_xticks(HOURS, HOURS)
    right.set_yticks([0.1, 0.3, 1, 3, 10, 30], ["0.1", "0.3", "1", "3", "10", "30"])
    right.minorticks_off()
    right.set_title("Median and middle half of the MEDs", loc="left", fontsize=11)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=10_000)
    n = parser.parse_args().n
    model, rng = pkpd.load("ldn/hormesis"), np.random.default_rng(41)
    tables, summaries = {}, {}
    for name, changes in VARIANTS.items():
        tables[name], summaries[name] = study(model, n, changes, rng)
        s = summaries[name]
        median = next(q for q in s["quantiles"] if q["level"] == 0.5)["value"]
        inside = s["share_inside"]["share"][0]
        print(
            f"{name:12} with a MED {s['share_with_med']:6.1%}  median {median:6.2f} mg  "
            f"in 0.1-6 mg {inside:6.1%}",
            s["samples_of_41"],
            s["medians"],
            flush=True,
        )
    write_json(summaries, HERE / "summary.json")
    write_figure(draw(tables, summaries), HERE / "med-distribution.png")


if __name__ == "__main__":
    main()
