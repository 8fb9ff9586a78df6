"""A small study for the tests of pkpd.scale, and a process that works on it until it is killed.

python study.py FOLDER [--die MOMENT PLACE] [--full ROWS] [--tell] [--wait] [--resume]
"""

import argparse
import os
import resource
import signal
import sys

import numpy as np
import pyarrow as pa

from pkpd import files
from pkpd.errors import PkpdError
from pkpd.scale.chunks import compute

STUDY, ABOUT = {"seed": 7, "build": "this one"}, {"by": "the tests"}
TOTAL, SIZE = 95, 10


def work(first, last):
    """A number for every row that depends on the row alone."""
    rows = np.arange(first, last)
    return pa.table(
        {"row": rows, "value": np.random.Philox(key=7).random_raw(4 * TOTAL)[4 * rows] * 2.0**-64}
    )


def run(folder, **options):
    """The study's Folder, in chunks of SIZE unless told otherwise."""
    return compute(
        options.pop("work", work),
        TOTAL,
        folder,
        options.pop("study", STUDY),
        ABOUT,
        **({"size": SIZE, "threads": 2, "complain": str} | options),
    )


def die_at(moment, place):
    """Kill this process at the `moment`-th rename of a file, just before or just after it."""
    replace, count = os.replace, iter(range(1, 1000))

    def deadly(source, target):
        now = next(count) == moment
        if now and place == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)
        if now:
            os.kill(os.getpid(), signal.SIGKILL)

    files.os.replace = deadly


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--die", nargs=2, metavar=("MOMENT", "PLACE"))
    parser.add_argument(
        "--full", type=int, help="no file can grow any more once so many rows are finished"
    )
    parser.add_argument(
        "--tell", action="store_true", help="print the finished rows after every chunk"
    )
    parser.add_argument("--wait", action="store_true", help="then wait for a line before going on")
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    if options.die:
        die_at(int(options.die[0]), options.die[1])

    def progress(rows):
        if options.full is not None and rows >= options.full:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        if options.tell:
            print(rows, flush=True)
        if options.wait:
            sys.stdin.readline()

    try:
        run(options.folder, resume=options.resume, threads=1, progress=progress)
    except PkpdError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
