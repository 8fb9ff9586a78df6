"""Experiment 07: where does an observational cohort of 41 veterans fall among replicas of it?

python experiments/07-veterans-cohort/run.py [-n 1000]

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

HERE, SIZE = Path(__file__).parent, 41
PUBLISHED = {  # endpoint -> label, published number, its units in one of the endpoint's
    "pain": ("change of pain (points)", -0.83, 1),
    "adverse": ("any adverse event by day 123 (%)", 32.0, 100),
}
WORLDS = {"drug": None, "no effect": "no-effect"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=1000, help="replicas")
    count, summary, seen = parser.parse_args().n, {}, {}
    for name, null in WORLDS.items():
        result = pkpd.trial(replace(read(HERE / "trial.toml"), null=null), n=SIZE * count)
        values = by_patient(result)
        seen[name] = {
            key: factor * means(values[key], SIZE) for key, (_, _, factor) in PUBLISHED.items()
        }
        summary[name] = {
            key: placed(seen[name][key], value) for key, (_, value, _) in PUBLISHED.items()
        }
        summary["provenance"] = summary.get("provenance") or provenance(
            result.model, result.cohort
        ) | {"diary": result.diary.digest[:16]}
        print(name, summary[name], flush=True)
    panels = [
        (label, {world: seen[world][key] for world in WORLDS}, {"published": value})
        for key, (label, value, _) in PUBLISHED.items()
    ]
    caption = [f"{summary['provenance']['model']}: {count} replicas of {SIZE} patients."]
    write_json(summary, HERE / "summary.json")
    write_figure(
        replicas(panels, "A cohort of veterans among virtual replicas of it", caption),
        HERE / "veterans-cohort.png",
    )


if __name__ == "__main__":
    main()
