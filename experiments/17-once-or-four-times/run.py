"""Experiment 17: once or four times a day, does duration of blockade decide growth?

python experiments/17-once-or-four-times/run.py

Knows growth in a hypothesis from mice, at periodic steady state; knows no disease.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import pkpd
from pkpd.result import provenance, write_figure, write_json

HERE = Path(__file__).parent
# regimen -> latency of tumours in multiples of untreated mice (Zagon 1983, 1984), hours blocked
MICE = {
    "0.1 mg/kg q24h": ((1.90, 1.98), "4-6"),
    "0.4 mg/kg q24h": ((1.65, 1.65), "< 10"),
    "0.1 mg/kg q6h": ((1.0, 1.0), "24"),
    "10 mg/kg q24h": ((0.73, 0.73), "24"),
}
DAYS = 40
HALF_TIMES = {2.0: "#56B4E9", 8.0: "#0072B2", 24.0: "#009E73", 75.0: "#D55E00"}  # toff, h
INTAKES = {1: "-", 4: "--"}  # a day
DAILY = np.geomspace(0.01, 100, 81)  # mg a day
NOTED = (1.0, 4.5, 50.0)  # mg a day


def mice():
    """Growth in mice, mean of the last five days, by regimen."""
    model, found = pkpd.load("ldn/ogf_mouse"), {}
    one = pkpd.cohort(model, typical=True)
    window = (24 * (DAYS - 5), 24 * DAYS)
    for text, (latency, blocked) in MICE.items():
        count = 4 * DAYS if "q6h" in text else DAYS
        run = pkpd.simulate(
            model, f"{text} x {count}", one, endpoints=["mean(proliferation)"], window=window
        )
        found[text] = {
            "model": float(run.values[0, 0]),
            "tumours": [1 / x for x in latency],
            "hours_blocked": blocked,
        }
    return found


def growth(model, intakes, **changes):
    """Growth (D,) at DAILY mg a day in so many intakes; 1 is that without naltrexone."""
    one = pkpd.cohort(model, typical=True, set=changes)
    found = pkpd.dose_response(model, one, DAILY / intakes, every=f"{24 // intakes} h")
    return 1 - found.gain[0]


def turn(values):
    """Daily dose (mg) from which on growth is faster than without: 0 if always, None if never."""
    above = values > 1
    crossings = np.flatnonzero(above[1:] & ~above[:-1])
    if not len(crossings):
        return 0.0 if above[-1] else None
    ends = slice(crossings[-1], crossings[-1] + 2)
    return float(np.exp(np.interp(1, values[ends], np.log(DAILY[ends]))))


def man():
    """Growth by dose of the typical patient, (toff, rebound, intakes a day) -> (D,)."""
    model = pkpd.load("ldn/ogf")
    return {
        (toff, rebound, intakes): growth(model, intakes, toff=toff, rebound=rebound)
        for rebound in (1, 0)
        for toff in HALF_TIMES
        for intakes in INTAKES
    }


def row(key, values):
    """What the table says of a line."""
    least = values.argmin()
    at = {dose: float(np.interp(np.log(dose), np.log(DAILY), values)) for dose in NOTED}
    names = dict(zip(("toff", "rebound", "intakes"), key, strict=True))
    return names | {
        "turns_at": turn(values),
        "least": float(values[least]),
        "least_at": float(DAILY[least]),
        "at": at,
    }


def draw(animals, people):
    """Four regimens of mice beside their tumours, and growth against dose in man."""
    figure = Figure(figsize=(13, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(4, 5))
    for k, entry in enumerate(animals.values()):
        left.plot(entry["tumours"], [k, k], color="#D55E00", lw=3, alpha=0.4)
        seen = np.mean(entry["tumours"])
        left.plot(seen, k, "s", color="#D55E00", label=None if k else "tumours, 1 / latency")
        left.plot(entry["model"], k, "o", color="#0072B2", label=None if k else "model")
    names = [f"{text}\n{x['hours_blocked']} h blocked" for text, x in animals.items()]
    left.set_yticks(range(len(animals)), names, fontsize=9)
    left.set(xlabel="growth / that without naltrexone", xlim=(0.4, 1.5), ylim=(-0.5, 3.9))
    left.invert_yaxis()
    left.set_title("Mice", loc="left", fontsize=11)
    left.legend(frameon=False, fontsize=8, loc="lower left")
    for (toff, rebound, intakes), values in people.items():
        if rebound:
            label = f"{toff:g} h" if intakes == 1 else None
            right.plot(DAILY, values, INTAKES[intakes], color=HALF_TIMES[toff], label=label)
    right.plot([], [], "--", color="0.4", label="four times a day")
    right.set(xscale="log", xlabel="naltrexone (mg a day)", ylabel="cell division / usual")
    right.set_xticks([0.01, 0.1, 1, 4.5, 50], ["0.01", "0.1", "1", "4.5", "50"])
    right.minorticks_off()
    right.set_title("Typical patient, if man were as mice", loc="left", fontsize=11)
    right.legend(frameon=False, fontsize=8, title="half-time of dissociation")
    for ax, line in ((left, left.axvline), (right, right.axhline)):
        line(1, color="0.5", lw=0.8, ls=":")
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def tables(summary):
    """Lines of Markdown for the page."""
    yield "| mice | blocked (h/day) | tumours: 1 / latency | model |"
    yield "|---|---|---|---|"
    for text, x in summary["mice"].items():
        seen = " to ".join(dict.fromkeys(f"{v:.2f}" for v in x["tumours"]))
        yield f"| {text} | {x['hours_blocked']} | {seen} | {x['model']:.2f} |"
    head = " | ".join(f"at {dose:g} mg" for dose in NOTED)
    yield f"\n| toff | intakes a day | turns at (mg a day) | least, at | {head} |"
    yield "|---" * 7 + "|"
    for x in summary["man"]:
        end = "" if x["rebound"] else ", no rebound"
        turns = f"> {DAILY[-1]:g}" if x["turns_at"] is None else f"{x['turns_at']:.2g}"
        cells = " | ".join(f"{v:.2f}" for v in x["at"].values())
        yield (
            f"| {x['toff']:g} h{end} | {x['intakes']} | {turns} "
            f"| {x['least']:.2f}, {x['least_at']:.2g} mg | {cells} |"
        )


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    animals, people = mice(), man()
    models = [pkpd.load(name) for name in ("ldn/ogf", "ldn/ogf_mouse")]
    summary = {
        "mice": animals,
        "man": [row(key, values) for key, values in people.items()],
        "provenance": [provenance(m, pkpd.cohort(m, typical=True)) for m in models],
    }
    write_json(summary, HERE / "summary.json")
    write_figure(draw(animals, people), HERE / "once-or-four-times.png")
    print("\n".join(tables(summary)))


if __name__ == "__main__":
    main()
