"""Experiment 18: which explanation of low-dose naltrexone do the published studies leave?

python experiments/18-which-explanation/run.py [--draws 1024] [--most 1024] [--people 32]

Knows the packaged comparison; weighs nothing itself.
"""

import argparse
from pathlib import Path

import numpy as np

import pkpd
from pkpd.report.figures import evidence
from pkpd.result import write_figure, write_json

HERE = Path(__file__).parent


def rows(columns, names):
    """A list of rows as plain data from columns of a table."""
    parts = zip(*(columns[name] for name in names), strict=True)
    return [
        {name: np.asarray(value).item() for name, value in zip(names, part, strict=True)}
        for part in parts
    ]


def arguments(text, draws):
    """Arguments of pkpd.compare, from the options of a script with this docstring.

    draws : without --draws
    """
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("--draws", type=int, default=draws, help="draws of each explanation")
    parser.add_argument("--most", type=int, default=1024, help="draws where too few count")
    parser.add_argument("--people", type=int, default=32, help="people under each draw")
    parser.add_argument(
        "--kept", dest="folder", default="weighed", help="folder of finished predictions"
    )
    return vars(parser.parse_args()) | {"seed": 1}


def main():
    found = pkpd.compare(**arguments(__doc__, draws=1024))
    left_out = found.left_out()
    summary = found.summary() | {
        "left_out": rows(left_out, tuple(left_out)),
        "benefit": rows(found.benefit_by_dose(), ("explanation", "DOSE", "mean", "low", "high")),
        "typical_values": rows(found.typical_values(), tuple(found.typical_values())),
        "meds": rows(found.med_quantiles(), tuple(found.med_quantiles())),
    }
    write_json(summary, HERE / "summary.json")
    write_figure(evidence.ledger(found), HERE / "which-explanation.png")
    write_figure(evidence.benefit(found), HERE / "benefit-by-dose.png")
    for row in summary["weights"]:
        print(f"{row['explanation']:36} {row['weight']:.3f} +- {row['error']:.3f}")


if __name__ == "__main__":
    main()
