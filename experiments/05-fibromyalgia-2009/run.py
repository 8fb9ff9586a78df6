"""Experiment 05: where does the single-blind trial of 2009 (n = 10) fall among replicas of it?

python experiments/05-fibromyalgia-2009/run.py [-n 1000]

Knows published numbers and a trial's design; fits nothing.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

import pkpd
from pkpd.report.figures.replicas import replicas
from pkpd.result import provenance, write_figure, write_json
from pkpd.trials.design import read
from pkpd.trials.predictive_check import by_patient, cut, means, placed

HERE, SIZE = Path(__file__).parent, 10
FALLS = {"4.5 mg": 32.5, "placebo": 2.3}  # % fall of symptoms, Younger 2009
EXPLAINED = 80.0  # % of the variance of the response that sedimentation explained, at least
WORLDS = {"drug": {}, "no effect": {"null": "no-effect"}, "glia off": {"set": {"glia": 0.0}}}


def explained(inflammation, response):
    """(R,) squared correlation of the inflammation index with the response, in %.

    Over the patients of each replica who stayed.
    """
    found = []
    for x, y in zip(cut(inflammation, SIZE), cut(response, SIZE), strict=True):
        known = np.isfinite(y)
        found.append(
            100 * np.corrcoef(x[known], y[known])[0, 1] ** 2 if known.sum() > 3 else np.nan
        )
    return np.array(found)


def study(count, changes):
    """Statistics (R,) of virtual replicas, and the trial they were cut from."""
    result = pkpd.trial(replace(read(HERE / "trial.toml"), **changes), n=SIZE * count)
    values = by_patient(result)
    falls = {name: -means(values[name], SIZE) for name in FALLS}
    whole = values["response"], result.cohort.column("infl")
    known = np.isfinite(whole[0])
    all_patients = 100 * np.corrcoef(whole[0][known], whole[1][known])[0, 1] ** 2
    return falls | {"explained": explained(whole[1], whole[0])}, float(all_patients), result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=1000, help="replicas")
    count, summary, seen = parser.parse_args().n, {}, {}
    for name, changes in WORLDS.items():
        seen[name], whole, result = study(count, changes)
        rows = {
            key: placed(seen[name][key], value)
            for key, value in (FALLS | {"explained": EXPLAINED}).items()
        }
        both = (seen[name]["4.5 mg"] >= FALLS["4.5 mg"]) & (
            seen[name]["placebo"] <= FALLS["placebo"]
        )
        summary[name] = rows | {"both_as_extreme": float(both.mean()), "explained_among_all": whole}
        summary["provenance"] = summary.get("provenance") or provenance(
            result.model, result.cohort
        ) | {"diary": result.diary.digest[:16]}
        print(name, summary[name], flush=True)
    labels = {
        f"fall of symptoms on {key} (%)": (key, {"published": value})
        for key, value in FALLS.items()
    }
    labels["variance of the response explained\nby inflammation (%)"] = (
        "explained",
        {"published: above": EXPLAINED},
    )
    panels = [
        (label, {world: seen[world][key] for world in ("drug", "no effect")}, value)
        for label, (key, value) in labels.items()
    ]
    caption = [
        f"{summary['provenance']['model']}: {count} replicas of {SIZE} patients. "
        "Shown, not fitted: single-blind, fixed order."
    ]
    write_json(summary, HERE / "summary.json")
    write_figure(
        replicas(panels, "The trial of 2009 among virtual replicas of it", caption),
        HERE / "fibromyalgia-2009.png",
    )


if __name__ == "__main__":
    main()
