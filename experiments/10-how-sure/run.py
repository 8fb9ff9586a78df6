"""Experiment 10: after calibration, how sure is the share of the spread that is real, and the MEDs?

python experiments/10-how-sure/run.py [-n 2500] [--populations 32]

Knows the posterior of experiment 09 and titrations; calibrates nothing.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import pkpd
from pkpd.result import provenance, write_figure, write_json
from pkpd.trials.observation import diary

HERE = Path(__file__).parent
# populations that agree with the published data
DRAWS = HERE.parent / "09-calibration/posterior.csv"
TYPICAL = ("toff", "b50", "s_opioid", "s_glia")
TRAITS = {"noise_sd": "noise_sd", "improvement_wanted": "wanted", "leave_no_benefit": "give_up"}
BLUE, HIGHEST = "#0072B2", 50  # HIGHEST : mg, the largest dose that is looked at
NUMBERS = {  # name -> (label, factor)
    "share_real": ("variance of log observed MED\nthat is the patients' own (%)", 100),
    "with_med": ("patients with a true MED (%)", 100),
    "median_med": ("median true MED (mg)", 1),
    "inside": ("true MEDs within 0.1-6 mg (%)", 100),
    "correlation": ("correlation of log true\nand log observed MED", 1),
}


def population(model, row, n):
    """Cohort and diary of one population."""
    share = row["no_response"]
    item = next(p for p in model.parameters if p.name == "responds")
    item = replace(item, iiv=replace(item.iiv, classes=(("no", share), ("yes", 1 - share))))
    model = replace(
        model, parameters=tuple(item if p.name == "responds" else p for p in model.parameters)
    )
    people = pkpd.cohort(model, n, seed=7).under({name: row[name] for name in TYPICAL})
    return people, diary(changes={name: row[h] for name, h in TRAITS.items()})


def numbers(cohort, notes):
    """NUMBERS of one population."""
    table = pkpd.titrate(cohort.model, cohort, "slow-ladder", replicates=8, diary=notes)
    status, med, seen = table.truth["status"], table.truth["med"], table.found[0]
    doses = np.where(status == "below_range", 0.0, np.where(status == "above_range", np.inf, med))
    both = np.isfinite(med) & np.isfinite(seen)
    doses = doses[~np.isnan(doses)]
    return {
        "share_real": table.share_real()["share"],
        "with_med": len(doses) / len(cohort),
        "median_med": float(np.quantile(doses, 0.5, method="nearest")),
        "inside": float(((doses >= 0.1) & (doses <= 6)).mean()),
        "correlation": float(np.corrcoef(np.log(med[both]), np.log(seen[both]))[0, 1]),
    }


def draw(rows):
    """Every number over the populations, against the typical half-life of blockade."""
    figure = Figure(figsize=(15, 3.6), layout="constrained")
    for axes, (name, (label, factor)) in zip(
        figure.subplots(1, len(NUMBERS)), NUMBERS.items(), strict=True
    ):
        values = factor * rows[name]
        axes.plot(rows["toff"], values.where(np.isfinite(values)), "o", color=BLUE, alpha=0.7)
        axes.set(
            xscale="log",
            xlabel="typical toff (h)",
            yscale="log" if name == "median_med" else "linear",
        )
        axes.set_xticks([1, 3, 10, 30], ["1", "3", "10", "30"])
        if name == "median_med":
            above = rows["toff"][np.isinf(values)]
            axes.plot(above, np.full(len(above), HIGHEST), "^", color=BLUE, alpha=0.7)
            ticks = [0.3, 1, 3, 10, 30]
            axes.set_yticks([*ticks, HIGHEST], [*map(str, ticks), f"> {HIGHEST}"])
        axes.minorticks_off()
        axes.set_title(label, loc="left", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=2500, help="patients of a population")
    parser.add_argument("--populations", type=int, default=32)
    options = parser.parse_args()
    model, draws = pkpd.load("ldn/hormesis"), pd.read_csv(DRAWS)
    # the table is in the order of the Sobol' points: equal steps through it are a fair sample
    draws = draws.iloc[np.linspace(0, len(draws) - 1, options.populations).round().astype(int)]
    rows = []
    for row in draws.to_dict("records"):
        rows.append(row | numbers(*population(model, row, options.n)))
        print({k: round(v, 3) for k, v in rows[-1].items()}, flush=True)
    rows = pd.DataFrame(rows)
    found = {}
    for name in NUMBERS:
        low, median, high = np.quantile(rows[name], (0.05, 0.5, 0.95)).tolist()
        found[name] = {"low": low, "median": median, "high": high}
    usual = pkpd.cohort(model, options.n, seed=7)
    summary = {
        "populations": options.populations,
        "patients": options.n,
        "numbers": found,
        "rows": rows.to_dict("records"),
    }
    write_json(summary | {"provenance": provenance(model, usual)}, HERE / "summary.json")
    write_figure(draw(rows), HERE / "how-sure.png")


if __name__ == "__main__":
    main()
