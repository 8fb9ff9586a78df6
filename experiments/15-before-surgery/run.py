"""Experiment 15: after the last dose of low-dose naltrexone, when does an opioid work as usual?

python experiments/15-before-surgery/run.py [-n 200]

Knows the need for an opioid by hours since the last dose; names no interval for anybody.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import pkpd
from pkpd.result import provenance, write_figure, write_json

HERE = Path(__file__).parent
DOSES, SHOWN, DAYS = (1.0, 4.5, 50.0), 4.5, 28  # mg once a day
HALF_TIMES = (8.0, 24.0, 75.0)  # toff, h
SINCE = np.arange(0, 169, 2)  # h since the last dose
AT = (12, 24, 48, 72, 96, 168)
COLOURS = {1: "#0072B2", 0: "#D55E00"}  # with and without rebound
MORE, LESS = 1.25, 0.8  # times the usual need
TICKS = (0.5, LESS, 1, MORE, 2, 5, 10, 20)


def need(model, people, dose):
    """Opioid dose for the usual effect, in multiples of the usual one, (P, T) at SINCE."""
    text = f"{dose:g} mg into depot q24h x {DAYS} then wait 7d"
    hours = (DAYS - 1) * 24 + SINCE
    run = pkpd.simulate(model, text, people, hours, occasion="none")
    return run.values[:, :, run.names.index("need")]


def row(values):
    """{hours: shares (%) that need much more and much less, and the median}."""
    at = np.searchsorted(SINCE, AT)
    return {
        hour: {
            "more": float(100 * (x > MORE).mean()),
            "less": float(100 * (x < LESS).mean()),
            "median": float(np.median(x)),
        }
        for hour, x in zip(AT, values[:, at].T, strict=True)
    }


def until(outside):
    """The last of SINCE at which something still holds, "later" where it never ends."""
    if outside[-1]:
        return "later"
    return float(SINCE[outside].max()) if outside.any() else None


def draw(found):
    """Need against hours since the last dose, a panel for each half-time."""
    figure = Figure(figsize=(13.5, 4.2), layout="constrained")
    axes = figure.subplots(1, len(HALF_TIMES), sharey=True)
    for ax, toff in zip(axes, HALF_TIMES, strict=True):
        for rebound, colour in COLOURS.items():
            low, middle, high = np.percentile(found[toff, rebound], (5, 50, 95), axis=0)
            label = "with rebound" if rebound else "without rebound"
            ax.fill_between(SINCE, low, high, color=colour, alpha=0.2, lw=0)
            ax.plot(SINCE, middle, color=colour, label=label)
        ax.axhspan(LESS, MORE, color="0.93", zorder=0)
        ax.axhline(1, color="0.5", lw=0.8, ls=":")
        ax.set(yscale="log", xlabel=f"hours since the last {SHOWN:g} mg", ylim=(0.4, 30))
        ax.set_xticks([0, 24, 48, 72, 96, 168])
        ax.set_yticks(TICKS, [f"{x:g}" for x in TICKS])
        ax.minorticks_off()
        ax.set_title(f"Half-time of dissociation {toff:g} h", loc="left", fontsize=11)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("opioid needed / usual dose")
    axes[-1].legend(frameon=False, fontsize=9, title="median and 5-95 % of people")
    return figure


def tables(summary):
    """Lines of Markdown for the page."""
    yield "| need > 1.25 / < 0.8, % of people | " + " | ".join(f"{h} h" for h in AT) + " |"
    yield "|---" * (len(AT) + 1) + "|"
    for entry in summary["table"]:
        end = "" if entry["rebound"] else ", no rebound"
        cells = [f"{x['more']:.0f} / {x['less']:.0f}" for x in entry["need"].values()]
        yield f"| toff = {entry['toff']:g} h{end} | " + " | ".join(cells) + " |"
    yield "\n| typical patient | largest | 24 h | 72 h | least | > 1.25 until | < 0.8 until |"
    yield "|---|---|---|---|---|---|---|"
    for x in summary["typical"]:
        end = "" if x["rebound"] else ", no rebound"
        ends = [x["more_until"], x["less_until"]]
        ends = ["never" if e is None else "> 168 h" if e == "later" else f"{e:g} h" for e in ends]
        needs = [f"{x[name]:.2f}" for name in ("largest", "after_24", "after_72", "least")]
        name = f"{x['dose']:g} mg, toff = {x['toff']:g} h{end}"
        yield f"| {name} | " + " | ".join(needs + ends) + " |"


def typical_row(model, dose, toff, rebound):
    """Need of the typical patient after one daily dose, as numbers."""
    one = pkpd.cohort(model, typical=True, set={"toff": toff, "rebound": rebound})
    values = need(model, one, dose)
    after = dict(zip(SINCE, values[0], strict=True))
    return {
        "dose": dose,
        "toff": toff,
        "rebound": rebound,
        "largest": values.max(),
        "after_24": after[24],
        "after_72": after[72],
        "least": values.min(),
        "more_until": until(values[0] > MORE),
        "less_until": until(values[0] < LESS),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=200)
    n, model = parser.parse_args().n, pkpd.load("ldn/opioid")
    found = {}
    for rebound in COLOURS:
        for toff in HALF_TIMES:
            people = pkpd.cohort(model, n, seed=7, set={"toff": toff, "rebound": rebound})
            found[toff, rebound] = need(model, people, SHOWN)
    rows = [
        {"toff": toff, "rebound": rebound, "need": row(values)}
        for (toff, rebound), values in found.items()
    ]
    typical = [
        typical_row(model, dose, toff, rebound)
        for dose in DOSES
        for rebound in COLOURS
        for toff in HALF_TIMES
    ]
    summary = {
        "patients": n,
        "dose": SHOWN,
        "table": rows,
        "typical": typical,
        "provenance": provenance(model, pkpd.cohort(model, n, seed=7)),
    }
    write_json(summary, HERE / "summary.json")
    write_figure(draw(found), HERE / "before-surgery.png")
    print("\n".join(tables(summary)))


if __name__ == "__main__":
    main()
