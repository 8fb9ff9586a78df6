"""Experiment 12: how much of an opioid's relief does naltrexone take, and does it come back?

python experiments/12-blocked-relief/run.py [-n 200]

Knows relief of a typical patient day by day, and MEDs over an opioid; advises nothing.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import pkpd
from pkpd.result import provenance, write_figure, write_json

HERE = Path(__file__).parent
BESIDE = "30 mg into morphine_tablet at 08:00, 20:00"  # 60 mg of morphine a day
DOSES = (1.0, 4.5, 50.0)  # mg of naltrexone, daily at 22:00
SHOWN = 4.5
DAYS = 28
HALF_TIMES = {2.0: "#56B4E9", 8.0: "#0072B2", 24.0: "#009E73", 75.0: "#D55E00"}  # toff, h
VARIED = {"tau_mu": (1.5, 15.0), "hill_mu": (2.4,), "kappa": (1.0, 8.0), "tadapt": (13.0, 52.0)}
HELD = (0.0, 0.04, 0.16, 0.64)  # 0.16 is about 60 mg of morphine a day by mouth
HOURS = 22 + np.arange(24 * DAYS + 1)  # from the first dose on
FIRST, LAST = 0, DAYS - 1
SAFE = ("cmax(cows) < 5",)


def daily(model, dose, **changes):
    """Mean of each day after a dose, name -> (DAYS,), of the typical patient."""
    typical = pkpd.cohort(model, typical=True, set=changes)
    text = f"{dose:g} mg into depot at 22:00 x {DAYS}"
    run = pkpd.simulate(model, text, typical, HOURS, background=BESIDE, occasion="none")
    means = run.values[0, :-1].reshape(DAYS, 24, -1).mean(axis=1)
    return dict(zip(run.names, means.T, strict=True))


def kept(model, dose, **changes):
    """Relief and signal of each day in per cent of those without naltrexone, and pain changed."""
    alone, both = daily(model, 0.0, **changes), daily(model, dose, **changes)
    shares = {name: 100 * both[name] / alone[name] for name in ("analgesia", "signal")}
    return shares | {"pain_now": both["pain_now"] - alone["pain_now"]}


def lost(course):
    """What of it is lost on the first and on the last day."""
    return {
        day: {
            "relief": 100 - course["analgesia"][k],
            "signal": 100 - course["signal"][k],
            "pain": course["pain_now"][k],
        }
        for day, k in (("first", FIRST), ("last", LAST))
    }


def alone(**changes):
    """Pain changed by naltrexone in a patient without an opioid, on the first and last day."""
    model = pkpd.load("ldn/opioid")
    typical = pkpd.cohort(model, typical=True, set=changes)
    runs = [
        pkpd.simulate(model, f"{d:g} mg into depot at 22:00 x {DAYS}", typical, HOURS)
        for d in (0.0, SHOWN)
    ]
    pain = [r.values[0, :-1, r.names.index("pain_now")].reshape(DAYS, 24).mean(1) for r in runs]
    return [float((pain[1] - pain[0])[day]) for day in (FIRST, LAST)]


def meds(n):
    """{held: shares of people (%) and median doses (mg), without and with the constraint}."""
    model, found = pkpd.load("ldn/with_opioid"), {}
    for held in HELD:
        people = pkpd.cohort(model, n, seed=7, set={"held": held})
        free = pkpd.med(model, people, subject_to="none").frame()
        kept_to = pkpd.med(model, people, subject_to=SAFE).frame()
        both = free["med"].notna() & kept_to["med_safe"].notna()
        found[held] = {
            "helped": float(100 * free["responder"].mean()),
            "unsafe": float(100 * (kept_to["status"] == "unsafe").mean()),
            "helped_safe": float(100 * kept_to["med_safe"].notna().mean()),
            "median": float(free["med"][both].median()),
            "median_safe": float(kept_to["med_safe"][both].median()),
        }
        print(held, found[held], flush=True)
    return found


def draw(courses):
    """Relief kept, day by day, with and without rebound, a line for each half-time."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, rebound in zip(axes, (1, 0), strict=True):
        for toff, colour in HALF_TIMES.items():
            relief = courses[toff, rebound]["analgesia"]
            ax.plot(np.arange(1, DAYS + 1), relief, color=colour, label=f"{toff:g} h")
        ax.axhline(100, color="0.5", lw=0.8, ls=":")
        ax.set(xlabel=f"day on {SHOWN:g} mg of naltrexone", xticks=[1, 7, 14, 21, 28])
        ax.spines[["top", "right"]].set_visible(False)
        title = "with rebound of receptors" if rebound else "without rebound"
        ax.set_title(title.capitalize(), loc="left", fontsize=11)
    axes[0].set_ylabel("opioid relief (% of that without naltrexone)")
    axes[0].set_ylim(0, 110)
    axes[1].text(DAYS, 101, "morphine alone", ha="right", va="bottom", fontsize=9, color="0.4")
    axes[0].legend(
        frameon=False, fontsize=9, title="half-time of dissociation", loc="lower center", ncols=4
    )
    return figure


def tables(summary):
    """Lines of Markdown for the page."""
    yield "| lost | relief, day 1 | day 28 | signal, day 1 | day 28 | pain, day 1 | day 28 |"
    yield "|---|---|---|---|---|---|---|"
    for name, row in summary["lost"].items():
        cells = [f"{row[day][what]:.0f} %" for what in ("relief", "signal") for day in row]
        cells += [f"{row[day]['pain']:+.2f}" for day in row]
        yield f"| {name} | " + " | ".join(cells) + " |"
    yield "\n| held | helped (%) | unsafe (%) | helped safely (%) | median MED | median safe |"
    yield "|---|---|---|---|---|---|"
    for held, row in summary["meds"].items():
        shares = [f"{row[name]:.0f}" for name in ("helped", "unsafe", "helped_safe")]
        medians = [f"{row[name]:.2g}" for name in ("median", "median_safe")]
        yield f"| {held:g} | " + " | ".join(shares + medians) + " |"
    yield f"without opioid: {summary['naltrexone_alone']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=200)
    n, model = parser.parse_args().n, pkpd.load("ldn/opioid")
    courses = {
        (toff, rebound): kept(model, SHOWN, toff=toff, rebound=rebound)
        for rebound in (1, 0)
        for toff in HALF_TIMES
    }
    rows = {f"{dose:g} mg": lost(kept(model, dose)) for dose in DOSES}
    for (toff, rebound), course in courses.items():
        end = "" if rebound else ", no rebound"
        rows[f"{SHOWN:g} mg, toff = {toff:g} h{end}"] = lost(course)
    for name, values in VARIED.items():
        for value in values:
            changed = kept(model, SHOWN, **{name: value})
            rows[f"{SHOWN:g} mg, {name} = {value:g}"] = lost(changed)
    beside = pkpd.cohort(pkpd.load("ldn/with_opioid"), n, seed=7)
    typical = pkpd.cohort(model, typical=True)
    summary = {
        "lost": rows,
        "naltrexone_alone": alone(),
        "meds": meds(n),
        "provenance": [provenance(x.model, x) for x in (typical, beside)],
    }
    write_json(summary, HERE / "summary.json")
    write_figure(draw(courses), HERE / "blocked-relief.png")
    print("\n".join(tables(summary)))


if __name__ == "__main__":
    main()
