"""What every script shares: its options, and one line of JSON a run in results/."""

import argparse
import json
from pathlib import Path

from pkpd.bench import measure

RESULTS = Path(__file__).parent / "results"
RIVALS = ("heyoka", "numbalsoda")


def options(text, rounds):
    """Parser of a script with the given docstring."""
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=rounds, help="rounds in which the solvers take turns")
    parser.add_argument("--quick", action="store_true", help="few people and rounds, to see that everything runs; nothing is recorded")
    return parser


def append(script, record):
    """Add a run to results/<script>.jsonl, with machine and versions."""
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"{script}.jsonl").open("a") as file:
        file.write(json.dumps({**measure.stamp(RIVALS), **record}) + "\n")


def markdown(headers, rows):
    """Print a table as README.md holds it."""
    print("| " + " | ".join(headers) + " |\n|" + "---|" * len(headers))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()
