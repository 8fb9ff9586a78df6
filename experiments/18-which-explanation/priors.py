"""Experiment 18, how far its weights hang on the priors: their spreads halved and doubled.

python experiments/18-which-explanation/priors.py [--draws 256] [--most 1024] [--people 32]

Knows the packaged comparison; weighs nothing itself.
"""

from pathlib import Path

from run import arguments

import pkpd
from pkpd.result import write_json

HERE = Path(__file__).parent
WIDTHS = {"halved": 0.5, "doubled": 2.0}  # factor on the spread of every prior


def main():
    given, summary = arguments(__doc__, draws=256), {}
    for name, width in WIDTHS.items():
        kept = {"folder": f"{given['folder']}-{name}"}
        found = pkpd.compare(width=width, **given | kept)
        summary[name] = found.summary()
        for row in summary[name]["weights"]:
            print(f"{name} {row['explanation']:36} {row['weight']:.3f} +- {row['error']:.3f}")
    write_json(summary, HERE / "priors.json")


if __name__ == "__main__":
    main()
