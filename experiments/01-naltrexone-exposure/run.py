"""Experiment 01: are measured exposure to naltrexone, receptor occupancy and its duration met?

python experiments/01-naltrexone-exposure/run.py [-n 4096]

Knows published means and the library's kinetics; knows nothing of pain or benefit.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.integrate import trapezoid

import pkpd
from pkpd.result import write_figure, write_json

HERE = Path(__file__).parent
# (quantity, unit) -> observed mean; Johnson 2010 gave 2.4 mg to 23 fasted people, the label
# describes 50 mg tablets
JOHNSON = {("Cmax", "ng/mL"): 0.584, ("AUC", "ng h/mL"): 1.954, ("Tmax", "h"): 1.0}
LABEL = {
    ("Cmax", "ng/mL"): 13.3,
    ("Cmax of 6beta-naltrexol", "ng/mL"): 108.0,
    ("half-life", "h"): 4.0,
    ("half-life of 6beta-naltrexol", "h"): 13.0,
    ("AUC of 6beta-naltrexol to parent", "1"): 12.0,
    ("AUC, CV", "%"): 48.0,
    ("AUC of 6beta-naltrexol, CV", "%"): 33.5,
}
# 100 mg in people with a healthy liver, Bertolotti 1997
BERTOLOTTI = {("AUC", "ng h/mL"): 200.0, ("AUC of 6beta-naltrexol", "ng h/mL"): 2467.0}
# dose -> % occupied within 8 h of one dose, person by person (Rabiner 2011)
PET = {2.0: (27,), 5.0: (43, 46, 58), 15.0: (61,), 50.0: (92, 98)}
SEEN = 3.5  # h after the dose at which the model is compared with the scans
# h after 50 mg -> % still blocked in five people, recalled from a figure (Lee 1988)
OFFSET = {48.0: 91, 72.0: 80, 120.0: 46, 168.0: 30}
HALF_TIMES = {8.0: "#0072B2", 24.0: "#009E73", 75.0: "#E69F00"}  # toff in h -> colour
DEEP = "explanations/slow_redistribution"
HOURS = np.linspace(1, 192, 192)


def course(model, dose, n, times):
    """Result for the typical patient and for the cohort, doses as labelled."""
    return [
        pkpd.simulate(model, f"{dose:g} mg", people, times)
        for people in (pkpd.cohort(model, typical=True), pkpd.cohort(model, n, seed=7))
    ]


def exposure(result, name, window):
    """Cmax, Tmax, half-life and AUC to infinity of an output, each (P,).

    The half-life is that of a regression over a window of hours.
    """
    t, c = result.times, result.values[:, :, result.names.index(name)]
    late = (t >= window[0]) & (t <= window[1])
    decay = -np.polyfit(t[late], np.log(c[:, late]).T, 1)[0]
    return {
        "Cmax": c.max(axis=1),
        "Tmax": t[c.argmax(axis=1)],
        "half-life": np.log(2) / decay,
        "AUC": trapezoid(c, t, axis=1) + c[:, -1] / decay,
    }


def predicted(result):
    """Everything that JOHNSON and LABEL name, each (P,)."""
    parent, metabolite = exposure(result, "Cc", (8, 24)), exposure(result, "Ccm", (24, 72))
    own = {f"{k} of 6beta-naltrexol": metabolite[k] for k in ("Cmax", "half-life", "AUC")}
    spread = {
        k: 100 * np.std(v["AUC"], keepdims=True) / v["AUC"].mean()
        for k, v in (("AUC, CV", parent), ("AUC of 6beta-naltrexol, CV", metabolite))
    }
    return (
        parent
        | own
        | spread
        | {"AUC of 6beta-naltrexol to parent": metabolite["AUC"] / parent["AUC"]}
    )


def compared(dose, observed, typical, cohort):
    """Yield rows of the table: observed, predicted, ratio, 5-95 % of the cohort.

    Predicted is for the typical patient; spreads are those of the cohort.
    """
    for (quantity, unit), seen in observed.items():
        value = float(cohort[quantity][0] if quantity.endswith("CV") else typical[quantity][0])
        spread = (
            np.percentile(cohort[quantity], (5, 95)).tolist() if cohort[quantity].size > 1 else None
        )
        yield {
            "dose_mg": dose,
            "quantity": quantity,
            "unit": unit,
            "observed": seen,
            "predicted": value,
            "ratio": value / seen,
            "cohort_5_95": spread,
        }


def offset():
    """Blockade (%) of typical patients at HOURS after 50 mg, by what makes it last."""
    found = {}
    for hours in HALF_TIMES:
        model = pkpd.load("pd/receptor_binding")
        one = pkpd.cohort(model, typical=True, set={"toff": hours})
        found[f"half-time of dissociation {hours:g} h"] = blocked(model, one, HOURS)
    model = pkpd.load(DEEP)
    one = pkpd.cohort(model, typical=True)
    found["6 h, and a deep compartment (half-life 96 h)"] = blocked(model, one, HOURS)
    return found


def blocked(model, people, hours):
    """Blockade (%) of the first of these people so many hours after 50 mg."""
    run = pkpd.simulate(model, "50 mg", people, hours)
    return 100 * run.values[0, :, run.names.index("blockade")]


def draw(rows, seen, courses):
    """Ratio of predicted to observed, occupancy against dose, and how long it lasts."""
    figure = Figure(figsize=(15, 4.2), layout="constrained")
    left, right, last = figure.subplots(1, 3)
    for (label, values), colour in zip(
        courses.items(), (*HALF_TIMES.values(), "#CC79A7"), strict=True
    ):
        last.plot(HOURS, values, color=colour, label=label)
    last.plot(list(OFFSET), list(OFFSET.values()), "o", color="#D55E00", label="PET (Lee 1988)")
    last.plot([48, 48], [70, 80], color="0.4", lw=4, alpha=0.6, label="label, 48 h")
    last.set(xlabel="hours after 50 mg", ylabel="mu-receptors blocked (%)", ylim=(0, 165))
    last.set_xticks([0, 48, 72, 120, 168])
    last.set_yticks(range(0, 101, 20))
    last.legend(frameon=False, fontsize=8)
    last.set_title("How long blockade lasts", loc="left", fontsize=11)
    left.axvspan(0.8, 1.25, color="0.92", label="within 20 %")
    left.plot([r["ratio"] for r in rows], range(len(rows)), "o", color="#0072B2")
    left.set_yticks(
        range(len(rows)), [f"{r['quantity']}, {r['dose_mg']:g} mg" for r in rows], fontsize=9
    )
    left.invert_yaxis()
    left.set(xscale="log", xlabel="predicted / observed", xlim=(0.15, 2.0))
    left.set_xticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
    left.legend(frameon=False, fontsize=8, loc="lower left")
    left.set_title("Exposure", loc="left", fontsize=11)
    low, high = np.percentile([cohort for _, cohort in seen.values()], (5, 95), axis=1)
    right.fill_between(
        list(seen), low, high, color="#0072B2", alpha=0.2, lw=0, label="5-95 % of patients"
    )
    right.plot(
        list(seen),
        [one[0] for one, _ in seen.values()],
        color="#0072B2",
        label=f"typical patient after {SEEN:g} h",
    )
    for k, (dose, people) in enumerate(PET.items()):
        right.plot(
            [dose] * len(people),
            people,
            "o",
            color="#D55E00",
            label=None if k else "PET, one person each (Rabiner 2011)",
        )
    right.set(
        xscale="log",
        xlabel="dose (mg of hydrochloride)",
        ylabel="mu-receptors blocked (%)",
        ylim=(0, 100),
    )
    right.set_xticks([0.1, 0.5, 2, 5, 15, 50], ["0.1", "0.5", "2", "5", "15", "50"])
    right.legend(frameon=False, fontsize=8)
    right.set_title("Receptor occupancy after one dose", loc="left", fontsize=11)
    for axes in (left, right, last):
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=4096)
    n = parser.parse_args().n
    kinetics, binding, rows = pkpd.load("pk/naltrexone"), pkpd.load("pd/receptor_binding"), []
    for dose, observed in ((2.4, JOHNSON), (50.0, LABEL), (100.0, BERTOLOTTI)):
        rows += compared(dose, observed, *map(predicted, course(kinetics, dose, n, "0:96:0.05")))
    doses = sorted({*np.geomspace(0.1, 50, 25).tolist(), *PET})
    seen = {
        dose: [
            100 * r.values[:, 0, r.names.index("blockade")]
            for r in course(binding, dose, n, [SEEN])
        ]
        for dose in doses
    }
    for dose, people in PET.items():
        rows += compared(
            dose,
            {("occupancy", "%"): float(np.mean(people))},
            *({"occupancy": s} for s in seen[dose]),
        )
    courses = offset()
    for r in rows:
        print(
            f"{r['dose_mg']:4g} mg {r['quantity']:32} {r['unit']:8} observed {r['observed']:.4g} "
            f"predicted {r['predicted']:.4g} ratio {r['ratio']:.2f}"
        )
    after = {
        label: {f"{hour:g}": float(np.interp(hour, HOURS, values)) for hour in OFFSET}
        for label, values in courses.items()
    }
    summary = {"patients": n, "table": rows, "blockade_after_50_mg": after}
    write_json(summary, HERE / "summary.json")
    write_figure(draw(rows[: -len(PET)], seen, courses), HERE / "exposure.png")


if __name__ == "__main__":
    main()
