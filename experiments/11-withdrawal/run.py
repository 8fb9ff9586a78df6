"""Experiment 11: at which first dose of naltrexone beside morphine does withdrawal begin?

python experiments/11-withdrawal/run.py [-n 200]

Knows first doses into a steady state of morphine, and what people showed; advises nothing.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import pkpd
from pkpd.result import provenance, write_figure, write_json

HERE = Path(__file__).parent
DOSES = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.5, 10.0, 25.0, 50.0)  # mg of naltrexone, once at 22:00
DAILY = {30: "#56B4E9", 60: "#009E73", 120: "#0072B2", 240: "#D55E00"}  # mg morphine by mouth
USUAL = 120  # mg a day, where other numbers are varied
COMPARED = (1.0, 4.5, 50.0)  # mg of naltrexone, where other numbers are varied
LEVELS = {5: "mild", 13: "moderate", 25: "moderately severe"}  # from this score on
VARIED = {"toff": (2.0, 24.0, 75.0), "cows_max": (30.0, 70.0), "k_mor": (80.0, 320.0)}
HOURS = np.arange(22, 70.25, 0.5)  # from the dose on
HALF_OCCUPANCY = (0.91, 0.175)  # mg of naloxone; the ends of what was found
NALOXONE = 0.4  # mg, Tompkins 2009, beside 120 mg of morphine a day under the skin
STOPPED = "120 mg into morphine_tablet q12h x 28 then wait 7d"
LAST = 27 * 12  # h, the last of these doses


def scores(model, people, dose, daily):
    """Withdrawal score (P, T) at HOURS, from the only dose of naltrexone on."""
    beside = f"{daily / 2:g} mg into morphine_tablet at 08:00, 20:00" if daily else None
    text = f"{dose:g} mg into depot at 22:00 x 1"
    run = pkpd.simulate(model, text, people, HOURS, background=beside)
    return run.values[:, :, run.names.index("cows")]


def shares(cows):
    """Share of people (%) whose largest score reaches each of LEVELS."""
    largest = cows.max(axis=1)
    return {level: float(100 * (largest >= level).mean()) for level in LEVELS}


def by_dose(model, people):
    """{mg of morphine a day: {mg of naltrexone: shares}}."""
    return {
        daily: {dose: shares(scores(model, people, dose, daily)) for dose in DOSES}
        for daily in DAILY
    }


def by_assumption(model, n):
    """{"toff = 2": {mg of naltrexone: shares}} beside USUAL mg of morphine a day."""
    found = {}
    for name, values in VARIED.items():
        for value in values:
            people = pkpd.cohort(model, n, seed=7, set={name: value})
            found[f"{name} = {value:g}"] = {
                dose: shares(scores(model, people, dose, USUAL)) for dose in COMPARED
            }
            print(name, value, found[f"{name} = {value:g}"], flush=True)
    return found


def naloxone(model):
    """Largest scores by NALOXONE mg in balance, for both ends of its half occupancy."""
    at = {i.name: i.value for i in model.inputs}
    base = 120 * at["salt_mor"] / 24  # mg/h
    morphine = base / at["cl_mor"] / at["mw_mor"] * 1e6  # nM
    m6g = base * at["fm_m6g"] / at["cl_m6g"] / at["mw_mor"] * 1e6
    agonist = morphine / at["k_mor"] + m6g / at["k_m6g"]
    lost = [
        agonist / (1 + agonist) - agonist / (1 + agonist + NALOXONE / half)
        for half in HALF_OCCUPANCY
    ]
    return [at["cows_0"] + at["cows_max"] * share for share in lost]


def stopping(model, typical):
    """Hours after the last tablet to the peak and to the last score above 5."""
    hours = np.arange(LAST, LAST + 168.25, 0.5)
    run = pkpd.simulate(model, STOPPED, typical, hours, occasion="none")
    cows, since = run.values[0, :, run.names.index("cows")], hours - LAST
    return {"peak": float(since[cows.argmax()]), "above_5_until": float(since[cows > 5].max())}


def draw(found, courses):
    """Shares by first dose, and two days of the typical patient."""
    figure = Figure(figsize=(13.5, 4.2), layout="constrained")
    axes = figure.subplots(1, 3)
    for ax, level in zip(axes, (5, 13), strict=False):
        for daily, colour in DAILY.items():
            share = [found[daily][dose][level] for dose in DOSES]
            ax.plot(DOSES[1:], share[1:], "o-", ms=3, color=colour, label=f"{daily} mg a day")
            ax.axhline(share[0], color=colour, lw=0.8, ls=":")
        ax.set(xscale="log", ylim=(-2, 102), xlabel="first dose of naltrexone (mg)")
        ax.set_xticks([0.1, 0.5, 1, 4.5, 10, 50], ["0.1", "0.5", "1", "4.5", "10", "50"])
        ax.set(ylabel=f"people who reach a score of {level} (%)")
        ax.set_title(f"{LEVELS[level].capitalize()} withdrawal", loc="left", fontsize=11)
    axes[0].plot([], [], color="0.4", lw=0.8, ls=":", label="morphine alone")
    axes[0].legend(frameon=False, fontsize=8, title="morphine", loc="upper left")
    for (dose, cows), colour in zip(
        courses.items(), ("0.5", "#56B4E9", "#0072B2", "#D55E00"), strict=True
    ):
        label = f"{dose:g} mg" if dose else "morphine alone"
        axes[2].plot(HOURS - HOURS[0], cows, color=colour, label=label)
    axes[2].axhline(5, color="0.7", lw=0.8)
    axes[2].set(xlabel="hours after the dose", ylabel="withdrawal score (COWS)", ylim=(0, None))
    axes[2].set_xticks([0, 12, 24, 36, 48])
    axes[2].legend(frameon=False, fontsize=8, title="naltrexone")
    axes[2].set_title(f"Typical patient, {USUAL} mg a day", loc="left", fontsize=11)
    for ax in axes:
        ax.minorticks_off()
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def tables(summary):
    """Lines of Markdown for the page."""
    yield "| first dose (mg) | " + " | ".join(f"{d} mg a day" for d in DAILY) + " |"
    yield "|---" * (len(DAILY) + 1) + "|"
    for dose in DOSES:
        cells = [summary["shares"][daily][dose] for daily in DAILY]
        row = " | ".join(" / ".join(f"{cell[x]:.0f}" for x in LEVELS) for cell in cells)
        yield f"| {dose:g} | {row} |"
    yield "\n| assumption | " + " | ".join(f"{d:g} mg" for d in COMPARED) + " |"
    yield "|---" * (len(COMPARED) + 1) + "|"
    usual = {"as assumed": summary["shares"][USUAL]}
    for name, cells in (usual | summary["varied"]).items():
        row = " | ".join(" / ".join(f"{cells[d][x]:.0f}" for x in LEVELS) for d in COMPARED)
        yield f"| {name} | {row} |"
    yield "\n| typical patient | largest score | hours above 5 |"
    yield "|---|---|---|"
    for dose, x in summary["typical"].items():
        yield f"| {dose:g} mg | {x['largest']:.1f} | {x['hours_above_5']:g} |"
    low, high = summary["naloxone"]
    stop = summary["stopping"]
    yield f"\nnaloxone: {low:.1f}-{high:.1f}; no opioid: {summary['without_opioid']}"
    yield f"stopping: peak after {stop['peak']:g} h, above 5 until {stop['above_5_until']:g} h"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=200)
    n, model = parser.parse_args().n, pkpd.load("ldn/opioid")
    people, typical = pkpd.cohort(model, n, seed=7), pkpd.cohort(model, typical=True)
    courses = {dose: scores(model, typical, dose, USUAL)[0] for dose in (0.0, *COMPARED)}
    summary = {
        "patients": n,
        "shares": by_dose(model, people),
        "varied": by_assumption(model, n),
        "without_opioid": shares(scores(model, people, 50.0, 0)),
        "typical": {
            dose: {
                "largest": float(cows.max()),
                "hours_above_5": float(0.5 * (cows > 5).sum()),
            }
            for dose, cows in courses.items()
        },
        "naloxone": naloxone(model),
        "stopping": stopping(model, typical),
        "provenance": provenance(model, people),
    }
    write_json(summary, HERE / "summary.json")
    write_figure(draw(summary["shares"], courses), HERE / "withdrawal.png")
    print("\n".join(tables(summary)))


if __name__ == "__main__":
    main()
