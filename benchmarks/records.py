"""What every script shares: its options, a line of JSON a run in results/, tables in README.md."""

import argparse
import json
import re
from pathlib import Path

from pkpd.bench import measure
from pkpd.result import json_text

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).with_name("README.md")
RIVALS = ("heyoka", "numbalsoda")


def options(text, rounds):
    """Parser of a script with the given docstring."""
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument(
        "--rounds", type=int, default=rounds, help="rounds in which the solvers take turns"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few people and rounds, to see that everything runs; nothing is recorded",
    )
    return parser


def finish(script, record, tables, quick):
    """Print a run's tables; unless it was a quick one, record it and put the tables into README.md.

    tables : [(headers, rows)]
    """
    text = "\n\n".join(markdown(*table) for table in tables)
    print(text)
    if quick:
        return
    record = measure.stamp(RIVALS) | record
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"{script}.jsonl").open("a") as file:
        file.write(json.dumps(json.loads(json_text(record))) + "\n")
    packages = ", ".join(f"{name} {number}" for name, number in record["packages"].items())
    machine = f"{record['cpu']}, {record['cores']} cores, load {record['load']}"
    run = f"{record['date']}, {machine}, {record['rounds']} rounds"
    under = f"{run}; Python {record['python']}, {packages}."
    block = re.compile(f"(<!-- {script} -->\n).*?(<!-- end -->)", re.S)
    PAGE.write_text(
        block.sub(lambda found: f"{found[1]}{text}\n\n{under}\n{found[2]}", PAGE.read_text())
    )


def markdown(headers, rows):
    """A table as README.md holds it."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
