"""Experiment 04: 4.5 mg for all, or titration: who is helped, when, at what price?

And do failures of 4.5 mg respond to titration? Intervals come from eight cohorts of scramblings
and noise of their own.

python experiments/04-fixed-or-titrated/run.py [-n 1250]

Knows trials, titrations and true MEDs; knows nothing of published results.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import pkpd
from pkpd.response.summary import best_dose_set
from pkpd.response.uncertainty import over_scramblings
from pkpd.result import provenance, write_figure, write_json
from pkpd.trials.design import from_data
from pkpd.trials.observation import diary

HERE = Path(__file__).parent
COHORTS, SEED = 8, 7  # their seeds follow each other
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


def interval(values):
    """Mean over cohorts and its 95 % interval, [value, low, high]."""
    found = over_scramblings([""], [values[0]], [[x] for x in values[1:]])
    return [float(x[0]) for x in (found.value, found.low, found.high)]


def compare(cohorts, arms, end, failures=False):
    """{arm: shares with 95 % intervals, ...}, the same patients in every arm.

    failures : only those who failed the first 84 days on 4.5 mg
    """
    ends = [{"name": name, "kind": kind, "day": end} for name, kind in KINDS.items()] + [
        {"name": "first", "kind": "responders", "day": FIRST}
    ]
    data = {"model": "ldn/hormesis", "allocation": "shared", "endpoints": ends}
    data["arms"] = [{"name": name, "phases": phases(parts)} for name, parts in arms.items()]
    trials, found = [pkpd.trial(from_data(data), people=people) for people in cohorts], {}
    for k, name in enumerate(arms):
        runs = [outcomes(trial, k, failures) for trial in trials]
        found[name] = {"patients": sum(len(run["effect"]) for run in runs)}
        found[name] |= {
            key: interval([run[key].mean() for run in runs])
            for key in ("response", "helped", "stayed", "adverse", "effect")
        }
        found[name] |= {
            f"median_{key}": float(np.nanmedian(np.concatenate([run[key] for run in runs])))
            for key in ("settled", "dose")
        }
        print(name, found[name], flush=True)
    return found


def outcomes(trial, k, failures):
    """What the patients of arm k came to, name -> (N,)."""
    course = trial.courses[k]
    value = {key: values[k] for key, values in trial.values.items()}
    of_patients = {
        "response": value["response"] > 0,
        "helped": value["effect"] >= 0.1 * course.base,
        "stayed": course.left == 0,
        "adverse": value["adverse"] > 0,
        "effect": np.nan_to_num(value["effect"]),
        "settled": value["settled"],
        "dose": value["dose"],
    }
    there = (course.left == 0) | (course.left > FIRST)
    who = there & (value["first"] == 0) if failures else np.ones(len(there), bool)
    return {key: x[who] for key, x in of_patients.items()}


def bias(model, cohorts, truths):
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
            ratios = []
            for people, truth in zip(cohorts, truths, strict=True):
                titrated = pkpd.titrate(model, people, rule, replicates=1, diary=notes, truth=truth)
                meds = truth.columns["med"]
                ratio = np.log(titrated.found[0] / meds)
                inside = np.isfinite(ratio) & (meds >= 0.1) & (meds <= 6)
                ratios.append(ratio[inside].mean())
            found[f"{what}, {days} days"] = np.exp(interval(ratios)).tolist()
            print(what, days, found[f"{what}, {days} days"], flush=True)
    return found


def menu(truths, k):
    """The k doses that are best to have, chosen on the first cohort and valued on all."""
    doses = best_dose_set(truths[0], k)["doses"]
    benefit, own = [], []
    for truth in truths:
        there = np.isin(truth.curves.doses, doses)
        benefit.append(np.nanmean(np.maximum(truth.curves.gain[:, there].max(axis=1), 0.0)))
        own.append(best_dose_set(truth, 1)["mean_of_own_best"])
    shares = np.array(benefit) / own
    return {"doses": doses} | {
        name: interval(values)
        for name, values in (
            ("mean_benefit", benefit),
            ("mean_of_own_best", own),
            ("share_of_own_best", shares),
        )
    }


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
            value, low, high = 100 * np.array([a[key] for a in table.values()]).T
            ax.barh(
                np.arange(len(table)) + 0.26 * (k - 1),
                value,
                0.24,
                xerr=[value - low, high - value],
                error_kw={"lw": 0.8},
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
    parser.add_argument("-n", type=int, default=1250, help="patients of a cohort")
    n, model = parser.parse_args().n, pkpd.load("ldn/hormesis")
    cohorts = [pkpd.cohort(model, n, seed=SEED + k) for k in range(COHORTS)]
    truths = [pkpd.med(model, people) for people in cohorts]
    arms = compare(cohorts, ARMS, END)
    again = compare(cohorts, AGAIN, FIRST + WASH + END, failures=True)
    biases = bias(model, cohorts, truths)
    summary = {
        "seeds": [people.seed for people in cohorts],
        "patients": COHORTS * n,
        "arms": arms,
        "failures_of_4.5_mg": again,
        "bias": biases,
        "menus": {k: menu(truths, k) for k in (1, 2, 3)},
        "provenance": provenance(model, cohorts[0]),
    }
    write_json(summary, HERE / "summary.json")
    write_figure(draw((arms, again), biases), HERE / "fixed-or-titrated.png")


if __name__ == "__main__":
    main()
