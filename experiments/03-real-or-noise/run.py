"""Experiment 03: which titration rule and which diary would find a patient's own dose?

python experiments/03-real-or-noise/run.py [-n 10000]

Knows titrations and their null controls; knows nothing of trials with arms.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import pkpd
from pkpd.result import provenance, write_figure, write_json
from pkpd.titration.library import rule
from pkpd.trials.observation import diary
from pkpd.trials.titrate import summarise_observed

HERE = Path(__file__).parent
PUBLISHED = (0.1, 6.0)  # mg/day, range of 41 observed MEDs, Marcus 2024
SAMPLE, SAMPLES = 41, 4000
REPETITIONS = 4
WORLDS = {"drug": None, "same MED for all": "same-med", "no effect": "no-effect"}
COLOURS = {"drug": "#0072B2", "same MED for all": "#E69F00", "no effect": "#8c8c8c"}
RULES = {
    "stops at the first step that is no better": "slow-ladder",
    "sees the whole ladder, then the best": "full-ladder",
}
DAYS = {7: "#56B4E9", 14: "#0072B2", 28: "#1b2a49"}  # days a step -> colour
NOISE = (0.0, 0.6, 1.2, 1.61)  # points, typical SD of a day's entry
OF_GRID = 10  # times fewer patients in each cell of rules, steps and diaries


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
    reached = (low <= PUBLISHED[0]) & (high >= PUBLISHED[1])
    return found | {"share_from_0.1_to_6": float(reached.mean())}


def worlds(model, people, truth, rng):
    """Summaries of what the slow ladder finds with the drug and under both null controls."""
    summaries = {}
    for name, null in WORLDS.items():
        table = pkpd.titrate(
            model, people, "slow-ladder", null=null, replicates=REPETITIONS, truth=truth
        )
        found = table.found[np.isfinite(table.found)]
        shares = {f"{dose:g}": float((found == dose).mean()) for dose in table.rule.ladder}
        summaries[name] = summarise_observed(table) | {
            "samples_of_41": extremes(found, rng),
            "with_observed_med": len(found) / table.found.size,
            "at_dose": shares,
        }
        print(name, table.share_real(), summaries[name]["samples_of_41"], flush=True)
    return summaries


def told(table):
    """Squared correlation of log observed with log true MED, over those with both."""
    true = np.broadcast_to(np.log(table.truth["med"]), table.found.shape)
    both = np.isfinite(true) & np.isfinite(table.found)
    r = np.corrcoef(true[both], np.log(table.found[both]))[0, 1]
    return float(max(r, 0.0) ** 2)


def cell(model, people, truth, name, days, noise):
    """What one rule with one step length and one diary tells of a patient's dose."""
    how, book = rule({"like": name, "days": days}), diary(changes={"noise_sd": noise})
    drug, none = (
        pkpd.titrate(model, people, how, null=null, diary=book, replicates=REPETITIONS, truth=truth)
        for null in (None, "no-effect")
    )
    with_drug, without = drug.share_real(), none.share_real()
    apart = np.hypot(*((s["high"] - s["low"]) / 2 for s in (with_drug, without)))
    return {
        "squared_correlation": told(drug),
        "share": with_drug["share"],
        "share_without_effect": without["share"],
        "added_by_drug": with_drug["share"] - without["share"],
        "half_width": float(apart),
        "with_observed_med": float(np.isfinite(drug.found).mean()),
    }


def grid(model, people, truth):
    """A row for every rule, step length and diary."""
    rows = []
    for name in RULES.values():
        for days in DAYS:
            for noise in NOISE:
                found = cell(model, people, truth, name, days, noise)
                rows.append({"rule": name, "days": days, "noise_sd": noise} | found)
                print(rows[-1], flush=True)
    return rows


def draw(summaries, rows):
    """What titration finds, and how much of it is the patient's own dose, by rule and diary."""
    figure = Figure(figsize=(13.5, 4.4), layout="constrained")
    left, *others = figure.subplots(1, 3, width_ratios=(5, 4, 4))
    for k, (name, colour) in enumerate(COLOURS.items()):
        share = summaries[name]["at_dose"]
        heights = [100 * x for x in share.values()]
        left.bar(np.arange(len(share)) + 0.28 * (k - 1), heights, 0.28, color=colour, label=name)
    left.set_xticks(range(len(share)), share, fontsize=7)
    left.set(xlabel="observed MED (mg/day)", ylabel="patients with an observed MED (%)")
    left.legend(frameon=False, fontsize=9)
    left.set_title("What the slow ladder finds", loc="left", fontsize=11)
    labels = {
        "squared_correlation": "Squared correlation of observed\nwith true log MED",
        "added_by_drug": "Share of the variance of log\nobserved MED that the drug adds",
    }
    for axes, (key, label) in zip(others, labels.items(), strict=True):
        _lines(axes, rows, key)
        axes.set_title(label, loc="left", fontsize=11)
    others[0].legend(frameon=False, fontsize=8)
    for axes in (left, *others):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _lines(axes, rows, key):
    """A line for every rule and step length over the noise of the diary."""
    for (words, name), style in zip(RULES.items(), ("--", "-"), strict=True):
        for days, colour in DAYS.items():
            mine = [r for r in rows if (r["rule"], r["days"]) == (name, days)]
            x, y = [r["noise_sd"] for r in mine], [100 * r[key] for r in mine]
            label = f"{words}, {days} days a step"
            axes.plot(x, y, style, marker="o", ms=4, color=colour, label=label)
    axes.axhline(0, color="0.7", lw=0.8)
    axes.set(xlabel="SD of a day's entry (points)", ylabel="%")
    axes.set_ylim(top=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=10_000)
    n = parser.parse_args().n
    model, rng = pkpd.load("ldn/hormesis"), np.random.default_rng(41)
    people, some = (pkpd.cohort(model, size, seed=7) for size in (n, n // OF_GRID))
    summaries = worlds(model, people, pkpd.med(model, people), rng)
    rows = grid(model, some, pkpd.med(model, some))
    origin = provenance(model, people)
    write_json({"worlds": summaries, "grid": rows, "provenance": origin}, HERE / "summary.json")
    write_figure(draw(summaries, rows), HERE / "real-or-noise.png")


if __name__ == "__main__":
    main()
