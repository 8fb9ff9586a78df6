"""Experiment 18, how far its weights hang on the priors: their spreads halved and doubled.

python experiments/18-which-explanation/priors.py [--draws 256] [--most 1024] [--people 32]

Knows the packaged comparison; weighs nothing itself.
"""

import argparse
from pathlib import Path

import pkpd
from pkpd.result import write_json

HERE = Path(__file__).parent
WIDTHS = {"halved": 0.5, "doubled": 2.0}  # factor on the spread of every prior


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=256, help="draws of each explanation")
    parser.add_argument("--most", type=int, default=1024, help="draws where too few count")
    parser.add_argument("--people", type=int, default=32, help="people under each draw")
    parser.add_argument("--kept", default="weighed", help="folders of finished predictions")
    options = parser.parse_args()
    size = {"draws": options.draws, "most": options.most, "people": options.people, "seed": 1}
    summary = {}
    for name, width in WIDTHS.items():
        found = pkpd.compare(width=width, folder=f"{options.kept}-{name}", **size)
        summary[name] = found.summary()
        for row in summary[name]["weights"]:
            print(f"{name} {row['explanation']:36} {row['weight']:.3f} +- {row['error']:.3f}")
    write_json(summary, HERE / "priors.json")


if __name__ == "__main__":
    main()
