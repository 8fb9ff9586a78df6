"""Experiment 19: which study would tell most of which explanation of low-dose naltrexone holds?

python experiments/19-which-study/run.py [--draws 1024] [--most 4096] [--people 32] [-n 100]

Knows the packaged comparison and the planned studies; weighs nothing itself.
"""

import argparse
from pathlib import Path

import pkpd
from pkpd.result import write_figure, write_json

HERE = Path(__file__).parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1024, help="draws of each explanation")
    parser.add_argument("--most", type=int, default=4096, help="draws where too few count")
    parser.add_argument("--people", type=int, default=32, help="people under each draw")
    parser.add_argument("--kept", default="weighed", help="folder of finished predictions")
    parser.add_argument("-n", type=int, default=100, help="patients of each study")
    options = parser.parse_args()
    size = {"draws": options.draws, "most": options.most, "people": options.people, "seed": 1}
    weighed = pkpd.compare(folder=options.kept, **size)
    planned = pkpd.design(weighed, folder=options.kept)
    equal = pkpd.design(weighed, patients=options.n, folder=options.kept)
    summary = {"as_planned": planned.summary(), "equal_size": equal.summary()}
    write_json(summary, HERE / "summary.json")
    write_figure(pkpd.plot(planned), HERE / "which-study.png")
    for name, part in summary.items():
        print(name)
        for row in part["studies"]:
            print(
                f"  {row['study']:20} {row['patients']:4} "
                f"{row['information']:.3f} +- {row['information_error']:.3f} bits  "
                f"{row['value']:.4f} +- {row['value_error']:.4f}"
            )


if __name__ == "__main__":
    main()
