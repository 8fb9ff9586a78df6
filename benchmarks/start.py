"""How long until pkpd has started: `import pkpd`, and the help of the command line?

    python benchmarks/start.py [--rounds 15] [--quick]

Processor time of whole processes, which take turns; what an interpreter that does nothing takes is
subtracted. Files are warm: each process runs once before it counts.
"""

import resource
import subprocess
import sys

import numpy as np
import records

from pkpd.bench import measure

COMMAND = "from pkpd.cli import main; main({})"
# what is started: program, and the most seconds it should take
STARTED = {
    "`import pkpd`": ("import pkpd", 0.05),
    "`pkpd --help`": (COMMAND.format(["--help"]), 0.3),
    "`pkpd med --help`": (COMMAND.format(["med", "--help"]), None),
    "`pkpd models`": (COMMAND.format(["models"]), None),
}
NOTHING = "an empty program"


def process(program):
    """A function that runs a program in an interpreter of its own."""
    words = [sys.executable, "-c", program]
    return lambda: subprocess.run(words, stdout=subprocess.DEVNULL, check=True)


def spent():
    """Processor seconds of all processes that this one has started and seen end."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main():
    given = records.options(__doc__, rounds=15).parse_args()
    count = 2 if given.quick else given.rounds
    programs = {NOTHING: "pass"} | {name: program for name, (program, _) in STARTED.items()}
    runs = {name: process(program) for name, program in programs.items()}
    for run in runs.values():
        run()
    seconds = measure.rounds(runs, count, clock=spent)
    rows = []
    for name, (_, most) in STARTED.items():
        own = seconds[name] - seconds[NOTHING]
        goal = "-" if most is None else f"{most:g}"
        rows.append((name, f"{np.median(own):.3f}", f"{own.min():.3f}-{own.max():.3f}", goal))
    rows.append((NOTHING, f"{np.median(seconds[NOTHING]):.3f}", "", ""))
    record = {"rounds": count, "seconds": {n: np.median(s) for n, s in seconds.items()}}
    headers = ("started", "processor seconds beyond an empty program", "from-to", "at most")
    records.finish("start", record, [(headers, rows)], given.quick)


if __name__ == "__main__":
    main()
