"""Experiment 06: where does the blinded crossover of 2013 (n = 31) fall among replicas of it?

python experiments/06-fibromyalgia-2013/run.py [-n 1000]

Knows published numbers and a trial's design; fits nothing.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import pkpd
from pkpd.report.figures.replicas import replicas
from pkpd.result import provenance, write_figure, write_json
from pkpd.trials.design import read
from pkpd.trials.predictive_check import by_patient, means, placed

HERE, SIZE = Path(__file__).parent, 31
FALLS = {"4.5 mg": 28.8, "placebo": 18.0, "difference": 10.8}  # % fall of pain, Younger 2013
# %: an earlier abstract, >= 30 % less pain; the paper, its own definition
RESPONDERS = {"responders on 4.5 mg": (57.0, 32.0), "responders on placebo": (11.0,)}
WORLDS = {"drug": None, "no effect": "no-effect"}


def study(count, null):
    """Statistics (R,) of virtual replicas in %, and the trial they were cut from."""
    result = pkpd.trial(replace(read(HERE / "trial.toml"), null=null), n=SIZE * count)
    values = by_patient(result)
    falls = {name: -means(values[name], SIZE) for name in FALLS}
    return falls | {name: 100 * means(values[name], SIZE) for name in RESPONDERS}, result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=1000, help="replicas")
    count, summary, seen = parser.parse_args().n, {}, {}
    for name, null in WORLDS.items():
        seen[name], result = study(count, null)
        summary[name] = {key: placed(seen[name][key], value) for key, value in FALLS.items()}
        summary[name] |= {
            key: [placed(seen[name][key], value) for value in both]
            for key, both in RESPONDERS.items()
        }
        summary["provenance"] = summary.get("provenance") or provenance(
            result.model, result.cohort
        ) | {"diary": result.diary.digest[:16]}
        print(name, summary[name], flush=True)
    labels = {
        "4.5 mg": "fall of pain on 4.5 mg (%)",
        "placebo": "fall of pain on placebo (%)",
        "difference": "fall on 4.5 mg less\nthat on placebo (%)",
    }
    panels = [
        (label, {world: seen[world][key] for world in WORLDS}, {"published": FALLS[key]})
        for key, label in labels.items()
    ]
    for words, (key, both) in zip(
        (("abstract, pain alone", "paper"), ("paper",)), RESPONDERS.items(), strict=True
    ):
        panels.append(
            (
                f"{key},\n30 % less pain (%)",
                {world: seen[world][key] for world in WORLDS},
                dict(zip(words, both, strict=True)),
            )
        )
    caption = [f"{summary['provenance']['model']}: {count} replicas of {SIZE} patients."]
    write_json(summary, HERE / "summary.json")
    write_figure(
        replicas(panels, "The crossover of 2013 among virtual replicas of it", caption),
        HERE / "fibromyalgia-2013.png",
    )


if __name__ == "__main__":
    main()
