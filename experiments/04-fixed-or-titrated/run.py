"""Experiment 04: 4.5 mg for all, or titration: who is helped, when, at what price?

And do failures of 4.5 mg respond to titration?

python experiments/04-fixed-or-titrated/run.py [-n 10000]

Knows trials, titrations and true MEDs; knows nothing of published results.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import pkpd
from pkpd.response.quantiles import share
from pkpd.response.summary import best_dose_set
from pkpd.result import provenance, write_figure, write_json
from pkpd.trials.design import from_data
from pkpd.trials.observation import diary

HERE = Path(__file__).parent
SILENT = {
    "noise_sd": 0,
    "placebo_max": 0,
    "missing": 0,
    "missed": 0,
    "late": 0,
    "leave_adverse": 0,
    "leave_random": 0,
    "leave_no_benefit": 0,
    "step": 0,
}
KEEP = {"kind": "keep"}
FIRST = 84  # days of the fixed dose before titration
WASH = 14  # days of washout
END = 238  # days of a titration with four weeks on its dose
ARMS = {"4.5 mg": [(END, 4.5)], "step up to 4.5 mg": [(42, "step-up-2-weeks"), (196, KEEP)]} | {
    name: [(210, rule), (28, KEEP)]
    for name, rule in (
        ("slow ladder", "slow-ladder"),
        ("full ladder", "full-ladder"),
        ("Thompson", "thompson"),
    )
}
AGAIN = {
    name: [(FIRST, 4.5), (WASH, 0), *ARMS.get(name, [(END, 0)])]
    for name in ("4.5 mg", "slow ladder", "full ladder", "placebo")
}
KINDS = {
    "response": "responders",
    "effect": "effect",
    "adverse": "adverse",
    "settled": "settled",
    "dose": "dose",
}


def phases(parts):
    return [
        {"name": str(k), "days": days}
        | {"dose" if isinstance(what, (int, float)) else "rule": what}
        for k, (days, what) in enumerate(parts)
    ]


def compare(n, arms, end, failures=False):
    """{arm: shares with 95 % intervals, ...}, the same patients in every arm.

    failures : only those who failed the first 84 days on 4.5 mg
    """
    ends = [{"name": name, "kind": kind, "day": end} for name, kind in KINDS.items()] + [
        {"name": "first", "kind": "responders", "day": FIRST}
    ]
    data = {
        "model": "ldn/hormesis",
        "patients": n,
        "seed": 7,
        "allocation": "shared",
        "endpoints": ends,
    }
    data["arms"] = [{"name": name, "phases": phases(parts)} for name, parts in arms.items()]
    result, found = pkpd.trial(from_data(data)), {}
    for k, (name, course) in enumerate(zip(result.names, result.courses, strict=True)):
        value = {key: values[k] for key, values in result.values.items()}
        who = (
            ((course.left == 0) | (course.left > FIRST)) & (value["first"] == 0)
            if failures
            else np.ones(n, bool)
        )
        hits = {
            "response": value["response"] > 0,
            "helped": value["effect"] >= 0.1 * course.base,
            "stayed": course.left == 0,
            "adverse": value["adverse"] > 0,
        }
        shares = {key: share(int(hit[who].sum()), int(who.sum())) for key, hit in hits.items()}
        middle = {
            f"median_{key}": float(np.nanmedian(value[key][who])) for key in ("settled", "dose")
        }
        mean_effect = float(np.nan_to_num(value["effect"])[who].mean())
        found[name] = {"patients": int(who.sum())} | shares | middle | {"mean_effect": mean_effect}
        print(name, found[name], flush=True)
    return found


def bias(model, cohort, truth):
    """Observed over true MED (geometric mean, 95 % interval) of rising ladders.

    What memory of earlier steps alone does, and the slow ladder as it is.
    """
    found = {}
    for days, name in ((7, "slow-ladder-7-days"), (14, "slow-ladder"), (28, "slow-ladder-28-days")):
        pure = {"like": "full-ladder", "days": days, "helped": 0.0}
        for what, rule, notes in (
            ("full ladder, no noise", pure, diary(changes=SILENT)),
            ("slow ladder", name, None),
        ):
            titrated = pkpd.titrate(model, cohort, rule, replicates=1, diary=notes, truth=truth)
            meds = truth.columns["med"]
            ratio = np.log(titrated.found[0] / meds)
            ratio = ratio[np.isfinite(ratio) & (meds >= 0.1) & (meds <= 6)]
            error = ratio.std() / np.sqrt(len(ratio))
            interval = np.exp(ratio.mean() + error * np.array([0, -1.96, 1.96]))
            found[f"{what}, {days} days"] = interval.tolist()
    return found


def draw(tables, biases):
    """Who is helped, what failures of 4.5 mg gain from titration, bias of rising ladders."""
    figure = Figure(figsize=(13.5, 4.4), layout="constrained")
    bars = {
        "response": "diary 30 % down",
        "helped": "drug alone: 10 % down",
        "adverse": "any adverse event",
    }
    axes = figure.subplots(1, 3, width_ratios=(4, 4, 3))
    for ax, table in zip(axes[:2], tables, strict=True):
        for k, (key, label) in enumerate(list(bars.items())[: 3 if ax is axes[0] else 2]):
            ax.barh(
                np.arange(len(table)) + 0.26 * (k - 1),
                [100 * a[key][0] for a in table.values()],
                0.24,
                color=("#0072B2", "#009E73", "#D55E00")[k],
                label=label,
            )
        ax.set(xlabel="patients (%)", yticks=range(len(table)), yticklabels=list(table))
    axes[0].legend(
        frameon=False,
        fontsize=8,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.2),
        ncols=3,
        columnspacing=1,
    )
    axes[0].set_title(f"All patients, day {END}", loc="left", fontsize=10)
    axes[1].set_title(f"Failures of 4.5 mg, {END} days later", loc="left", fontsize=10)
    for k, (mid, low, high) in enumerate(biases.values()):
        axes[2].plot([low, high], [k, k], color="#0072B2", lw=4, alpha=0.4)
        axes[2].plot(mid, k, "o", color="#0072B2")
    axes[2].set_yticks(range(len(biases)), list(biases))
    axes[2].axvline(1, color="0.5", lw=0.8)
    axes[2].set(
        xlabel="ratio", xscale="log", xticks=[0.2, 0.5, 1.0], xticklabels=["0.2", "0.5", "1"]
    )
    axes[2].minorticks_off()
    axes[2].set_title("Observed / true MED", loc="left", fontsize=10)
    for ax in axes:
        ax.invert_yaxis()
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=10_000)
    n, model = parser.parse_args().n, pkpd.load("ldn/hormesis")
    cohort = pkpd.cohort(model, n, seed=7)
    truth = pkpd.med(model, cohort)
    arms = compare(n, ARMS, END)
    again = compare(n, AGAIN, FIRST + WASH + END, failures=True)
    biases = bias(model, cohort, truth)
    summary = {
        "arms": arms,
        "failures_of_4.5_mg": again,
        "bias": biases,
        "menus": {k: best_dose_set(truth, k) for k in (1, 2, 3)},
        "provenance": provenance(model, cohort),
    }
    write_json(summary, HERE / "summary.json")
    write_figure(draw((arms, again), biases), HERE / "fixed-or-titrated.png")


if __name__ == "__main__":
    main()
