"""Do a million MEDs fit in memory, and does the last patient cost what the first one did?

    python benchmarks/scale.py [--patients 100000 1000000] [--threads 2] [--chunk 4096]
        [--folder DIR] [--quick]

Streams ldn/hormesis with each number of patients in a process of its own, writes summary and
figure, and takes the wall time, the peak of memory (resident set) and the CPU time of every chunk.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from subprocess import PIPE

import records

import pkpd
from pkpd.response import stream


def timed(work, seconds):
    """The work, with the CPU seconds of its thread noted under the first row of each chunk."""

    def call(self, first, last):
        began = time.thread_time()
        table = work(self, first, last)
        if last - first > 1:  # not the look at one patient before the run
            seconds[first] = time.thread_time() - began
        return table

    return call


def one(patients, threads, chunk, folder):
    """Stream, summarise and draw; what it took, as plain data."""
    seconds = {}
    stream.Work.__call__ = timed(stream.Work.__call__, seconds)
    model = pkpd.load("ldn/hormesis")
    began = time.perf_counter()
    meds = pkpd.stream(model, folder, patients, seed=7, size=chunk, threads=threads)
    streamed, peak = time.perf_counter() - began, memory()
    began = time.perf_counter()
    summary = pkpd.summarise(meds)
    pkpd.plot(meds).savefig(Path(folder) / "med.png")
    whole = [seconds[first] for first in sorted(seconds) if first + chunk <= patients]
    tenth = max(1, len(whole) // 10)
    early, late = statistics.median(whole[:tenth]), statistics.median(whole[-tenth:])
    return {
        "patients": patients,
        "stream_s": streamed,
        "summary_s": time.perf_counter() - began,
        "stream_memory_mb": peak,
        "memory_mb": memory(),
        "cpu_s": time.process_time(),
        "first_tenth_cpu_s": early,
        "last_tenth_cpu_s": late,
        "last_over_first": late / early,
        "disk_mb": sum(f.stat().st_size for f in Path(folder).rglob("*")) / 1e6,
        "interior": summary["status"]["interior"],
        "failed": summary["status"]["failed"],
    }


def memory():
    """Peak of the resident set so far, MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def main():
    parser = records.options(__doc__, rounds=1)
    parser.add_argument("--patients", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--chunk", type=int, default=4096)
    parser.add_argument(
        "--folder",
        help="where data sets go until they are measured (default: the temporary folder)",
    )
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.patients[0], options.threads, options.chunk, options.folder)))
        return
    numbers = [10_000] if options.quick else options.patients
    found = [process(patients, options) for patients in numbers]
    rows = [
        (
            f"{row['patients']:,}",
            f"{row['stream_s']:,.0f}",
            f"{row['cpu_s']:,.0f}",
            f"{row['stream_memory_mb']:.0f}",
            f"{row['memory_mb']:.0f}",
            f"{row['disk_mb']:.0f}",
            f"{row['last_over_first']:.2f}",
        )
        for row in found
    ]
    headers = (
        "patients",
        "wall time (s)",
        "CPU time (s)",
        "peak memory, streaming (MB)",
        "with summary and figure (MB)",
        "disk (MB)",
        "CPU time of a chunk, last over first tenth",
    )
    record = {"rounds": 1, "threads": options.threads, "chunk": options.chunk, "rows": found}
    records.finish("scale", record, [(headers, rows)], options.quick)


def process(patients, options):
    """What `one` returns of so many patients, from a process of its own."""
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        words = {
            "--patients": patients,
            "--threads": options.threads,
            "--chunk": options.chunk,
            "--folder": f"{place}/meds",
        }
        given = [str(each) for pair in words.items() for each in pair]
        done = subprocess.run(
            [sys.executable, __file__, "--one", *given], check=True, stdout=PIPE, text=True
        )
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
