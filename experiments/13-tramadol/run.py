"""Experiment 13: does tramadol relieve more where naltrexone was taken some hours before?

python experiments/13-tramadol/run.py [-n 200]

Knows what two drugs do together and each alone, once a day for four weeks; advises nothing.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import pkpd
from pkpd.result import provenance, write_figure, write_json

HERE = Path(__file__).parent
NALTREXONE, TRAMADOL, DAYS = 4.5, 100.0, 28  # mg once a day
GAPS = np.arange(0, 23, 2)  # h from naltrexone to tramadol
CLAIMED = 12  # h, the gap that is said to help
SOON = 8  # h after tramadol that are looked at by themselves
HALF_TIMES = {2.0: "#56B4E9", 8.0: "#0072B2", 24.0: "#009E73", 75.0: "#D55E00"}  # toff, h
VARIED = {
    "as assumed": {},
    "no rebound": {"rebound": 0},
    "no rebound, toff = 75 h": {"rebound": 0, "toff": 75.0},
    **{f"toff = {toff:g} h": {"toff": toff} for toff in (2.0, 24.0, 75.0)},
    **{f"k_m1 = {k:g} nM": {"k_m1": k} for k in (1000.0, 4000.0)},
    "all poor metabolizers": {"cyp2d6": 0},
    "all ultrarapid metabolizers": {"cyp2d6": 3},
}
MUCH = 0.3  # points


def pain(model, people, gap, naltrexone, tramadol):
    """Mean pain of the last day (P, 2): from tramadol on, 24 h and the first SOON hours."""
    after = f"{gap}h after depot" if gap else ""
    text = (
        f"{naltrexone:g} mg into depot q24h x {DAYS} "
        f"and {tramadol:g} mg into tramadol_depot q24h {after} x {DAYS}"
    )
    hours = (DAYS - 2) * 24 + gap + np.arange(24)
    run = pkpd.simulate(model, text, people, hours, occasion="none")
    found = run.values[:, :, run.names.index("pain_now")]
    return np.stack([found.mean(axis=1), found[:, :SOON].mean(axis=1)], axis=1)


def relief(model, people, gap):
    """Fall of pain by each drug and by both, name -> (P, 2), and what both gain over the sum."""
    neither = pain(model, people, gap, 0, 0)
    found = {
        "naltrexone": neither - pain(model, people, gap, NALTREXONE, 0),
        "tramadol": neither - pain(model, people, gap, 0, TRAMADOL),
        "both": neither - pain(model, people, gap, NALTREXONE, TRAMADOL),
    }
    return found | {"gain": found["both"] - found["naltrexone"] - found["tramadol"]}


def in_people(model, n, changes):
    """Reliefs of the typical patient and gains of a cohort, CLAIMED hours apart, over 24 h."""
    typical = pkpd.cohort(model, typical=True, set=changes)
    row = {name: float(x[0, 0]) for name, x in relief(model, typical, CLAIMED).items()}
    gain = relief(model, pkpd.cohort(model, n, seed=7, set=changes), CLAIMED)["gain"][:, 0]
    row["gain_5_50_95"] = np.percentile(gain, (5, 50, 95)).tolist()
    row["gaining"] = float(100 * (gain >= MUCH).mean())
    row["losing"] = float(100 * (gain <= -MUCH).mean())
    return row


def draw(gains):
    """Gain over the sum against hours between, over the day and soon after tramadol."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    titles = ("Mean of 24 hours", f"Mean of {SOON} hours after tramadol")
    for k, (ax, title) in enumerate(zip(axes, titles, strict=True)):
        for (toff, rebound), values in gains.items():
            label = f"{toff:g} h" if rebound else None
            line = "-" if rebound else "--"
            ax.plot(GAPS, values[:, k], line, color=HALF_TIMES[toff], label=label)
        ax.axhline(0, color="0.5", lw=0.8, ls=":")
        ax.axvline(CLAIMED, color="0.9", lw=6, zorder=0)
        ax.set(xlabel="hours from naltrexone to tramadol", xticks=GAPS[::2])
        ax.set_title(title, loc="left", fontsize=11)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("relief by both over the sum (points)")
    axes[1].plot([], [], "--", color="0.4", label="no rebound")
    axes[1].legend(frameon=False, fontsize=8, title="half-time of dissociation", ncols=2)
    return figure


def tables(rows):
    """Lines of Markdown for the page."""
    yield "| | naltrexone | tramadol | both | over the sum | people, 5-95 % | gain | lose |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, row in rows.items():
        low, _, high = row["gain_5_50_95"]
        cells = [f"{row[x]:.2f}" for x in ("naltrexone", "tramadol", "both")]
        cells += [f"{row['gain']:+.2f}", f"{low:+.2f} to {high:+.2f}"]
        cells += [f"{row['gaining']:.0f} %", f"{row['losing']:.0f} %"]
        yield f"| {name} | " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=200)
    n, model = parser.parse_args().n, pkpd.load("ldn/tramadol")
    gains = {}
    for rebound in (1, 0):
        for toff in HALF_TIMES:
            one = pkpd.cohort(model, typical=True, set={"toff": toff, "rebound": rebound})
            found = [relief(model, one, int(gap))["gain"][0] for gap in GAPS]
            gains[toff, rebound] = np.array(found)
    rows = {name: in_people(model, n, changes) for name, changes in VARIED.items()}
    summary = {
        "patients": n,
        "table": rows,
        "gain_by_gap": [
            {"toff": toff, "rebound": rebound, "gap": GAPS, "day": x[:, 0], "soon": x[:, 1]}
            for (toff, rebound), x in gains.items()
        ],
        "provenance": provenance(model, pkpd.cohort(model, n, seed=7)),
    }
    write_json(summary, HERE / "summary.json")
    write_figure(draw(gains), HERE / "tramadol.png")
    print("\n".join(tables(rows)))
    for (toff, rebound), x in gains.items():
        print(toff, rebound, x.min(axis=0), x.max(axis=0))


if __name__ == "__main__":
    main()
