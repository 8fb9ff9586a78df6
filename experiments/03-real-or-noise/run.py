"""Experiment 03: how much of the spread of observed MEDs is real, and how much is titration noise?

python experiments/03-real-or-noise/run.py [-n 10000]

Knows titrations and their null controls; knows nothing of trials with arms.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import pkpd
from pkpd.result import provenance, write_figure, write_json
from pkpd.trials.observation import diary
from pkpd.trials.titrate import summarise_observed

HERE = Path(__file__).parent
PUBLISHED = (0.1, 6.0)  # mg/day, range of 41 observed MEDs, Marcus 2024
SAMPLE, SAMPLES = 41, 4000
NULLS = {"drug": None, "same MED for all": "same-med", "no effect": "no-effect"}
COLOURS = {"drug": "#0072B2", "same MED for all": "#E69F00", "no effect": "#8c8c8c"}
# probability of leaving within 84 days for reasons of no interest here
DROPOUT = {"usual dropout": 0.08, "heavy dropout": 0.80}
# placebo response, diary SD, adherence
TRAITS = {"drawn anew: noise": False, "kept: the patient's own": True}
USUAL, NOISE = "usual dropout", "drawn anew: noise"


def extremes(doses, rng):
    """5, 50 and 95 % of the smallest and the largest of 41 observed MEDs.

    And how often they reach the published ones.
    """
    drawn = rng.choice(doses, (SAMPLES, SAMPLE))
    low, high = drawn.min(axis=1), drawn.max(axis=1)
    found = {
        name: np.percentile(x, (5, 50, 95), method="nearest").tolist()
        for name, x in (("minimum", low), ("maximum", high))
    }
    return found | {
        "share_from_0.1_to_6": float(((low <= PUBLISHED[0]) & (high >= PUBLISHED[1])).mean())
    }


def study(model, cohort, truth, rng):
    """Summaries by control, dropout and kind of traits."""
    summaries = {}
    for name, dropout, kind in (
        (n, d, k) for n in NULLS for d in DROPOUT for k in TRAITS if d == USUAL or k == NOISE
    ):
        table = pkpd.titrate(
            model,
            cohort,
            "slow-ladder",
            null=NULLS[name],
            own_traits=TRAITS[kind],
            replicates=8 if dropout == USUAL else 2,
            diary=diary(changes={"leave_random": DROPOUT[dropout]}),
            truth=truth,
        )
        found, key = table.found[np.isfinite(table.found)], f"{name}, {dropout}, {kind}"
        shares = {f"{dose:g}": float((found == dose).mean()) for dose in table.rule.ladder}
        summaries[key] = summarise_observed(table) | {
            "samples_of_41": extremes(found, rng),
            "with_observed_med": len(found) / table.found.size,
            "at_dose": shares,
        }
        print(
            key,
            {k: round(float(v), 3) for k, v in table.share_real().items()},
            summaries[key]["samples_of_41"],
            flush=True,
        )
    return summaries


def draw(summaries):
    """Observed MEDs, share that is real, smallest and largest of 41."""
    figure = Figure(figsize=(13.5, 4.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(5, 4, 4))
    for k, (name, colour) in enumerate(COLOURS.items()):
        share = summaries[f"{name}, {USUAL}, {NOISE}"]["at_dose"]
        left.bar(
            np.arange(len(share)) + 0.28 * (k - 1),
            [100 * x for x in share.values()],
            0.28,
            color=colour,
            label=name,
        )
        for j, kind in enumerate(TRAITS):
            real = summaries[f"{name}, {USUAL}, {kind}"]["share_real"]
            middle.plot(
                [100 * real["low"], 100 * real["high"]],
                [k + 0.2 * j] * 2,
                color=colour,
                lw=3,
                alpha=1 - 0.5 * j,
            )
            middle.plot(
                100 * real["share"],
                k + 0.2 * j,
                "os"[j],
                color=colour,
                ms=6,
                mfc="white" if j else colour,
                label=None if k else kind,
            )
        for j, dropout in enumerate(DROPOUT):
            extreme = summaries[f"{name}, {dropout}, {NOISE}"]["samples_of_41"]
            for mark, (low, mid, high) in (("v", extreme["minimum"]), ("^", extreme["maximum"])):
                right.plot([low, high], [k + 0.25 * j] * 2, color=colour, lw=3, alpha=1 - 0.5 * j)
                right.plot(
                    mid, k + 0.25 * j, mark, color=colour, ms=7, mfc="white" if j else colour
                )
    left.set_xticks(range(len(share)), share, fontsize=7)
    left.set(
        xlabel="observed MED (mg/day, steps of the ladder)",
        ylabel="patients with an observed MED (%)",
    )
    left.legend(frameon=False, fontsize=9)
    left.set_title("What the titration finds", loc="left", fontsize=11)
    middle.set(xlabel="share of the variance of log observed MED (%)", ylim=(3.1, -0.6))
    middle.axvline(0, color="0.7", lw=0.8)
    middle.legend(
        frameon=False,
        fontsize=8,
        loc="lower right",
        title="placebo response, diary SD, adherence",
        title_fontsize=8,
    )
    middle.set_title("What of it is the patients' own", loc="left", fontsize=11)
    right.axvspan(*PUBLISHED, color="0.92", zorder=0)
    right.set(
        xscale="log", xlabel="mg/day\n(grey: published; open: heavy dropout)", ylim=(2.6, -0.6)
    )
    right.set_xticks([0.1, 0.3, 1, 3, 6], ["0.1", "0.3", "1", "3", "6"])
    right.minorticks_off()
    right.set_title("Smallest and largest of 41 (5-50-95 %)", loc="left", fontsize=11)
    for axes in (left, middle, right):
        if axes is not left:
            axes.set_yticks(range(len(NULLS)), list(NULLS))
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=10_000)
    n = parser.parse_args().n
    model, rng = pkpd.load("ldn/hormesis"), np.random.default_rng(41)
    cohort = pkpd.cohort(model, n, seed=7)
    summaries = study(model, cohort, pkpd.med(model, cohort), rng)
    write_json(
        {"variants": summaries, "provenance": provenance(model, cohort)}, HERE / "summary.json"
    )
    write_figure(draw(summaries), HERE / "real-or-noise.png")


if __name__ == "__main__":
    main()
