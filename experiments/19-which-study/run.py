"""Experiment 19: which study would tell the explanations of low-dose naltrexone apart?

python experiments/19-which-study/run.py [--draws 1024] [--people 32] [--kept weighed]

Knows the packaged comparison and candidates; weighs nothing itself. Takes the predictions of
experiment 18 from its folder.
"""

import argparse
from pathlib import Path

import pkpd
from pkpd.result import write_figure, write_json

HERE = Path(__file__).parent
EQUAL = 100  # patients that every study is brought to for the ranking


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1024, help="draws of each explanation")
    parser.add_argument("--people", type=int, default=32, help="people under each draw")
    parser.add_argument("--kept", default="weighed", help="folder of finished predictions")
    options = parser.parse_args()
    found = pkpd.compare(draws=options.draws, people=options.people, seed=1, folder=options.kept)
    own = pkpd.design(found)
    equal = pkpd.design(found, patients=EQUAL)
    summary = own.summary() | {"equal": equal.summary()["studies"], "patients_equal": EQUAL}
    write_json(summary, HERE / "summary.json")
    write_figure(own.plot(), HERE / "which-study.png")
    for row in summary["studies"]:
        print(f"{row['study']:20} {row['patients']:4} {row['information']:.3f} {row['value']:.3f}")


if __name__ == "__main__":
    main()
