"""Do a million MEDs fit in memory, and does the last patient cost what the first one did?

    python benchmarks/scale.py [--patients 100000 1000000] [--threads 2] [--chunk 4096]
        [--folder DIR]

Streams ldn/hormesis with each number of patients in a process of its own, writes summary and
figure, and takes the wall time, the peak of memory (resident set) and the CPU time of every chunk.
Appends one line to results/scale.jsonl.
"""

import argparse
import json
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
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
    rows = []
    print(
        f"{'patients':>9} {'wall s':>8} {'summary s':>9} {'patients/s':>10} {'peak MB':>8} "
        f"{'disk MB':>8} {'CPU of a chunk, last/first tenth':>33}"
    )
    for patients in options.patients:
        place = tempfile.mkdtemp(dir=options.folder)
        words = [
            "--one",
            "--patients",
            patients,
            "--threads",
            options.threads,
            "--chunk",
            options.chunk,
            "--folder",
            f"{place}/meds",
        ]
        try:
            row = json.loads(
                subprocess.run(
                    [sys.executable, __file__, *map(str, words)],
                    check=True,
                    stdout=subprocess.PIPE,
                    text=True,
                ).stdout
            )
        finally:
            shutil.rmtree(place)
        rows.append(row)
        print(
            f"{patients:9d} {row['stream_s']:8.0f} {row['summary_s']:9.1f} "
            f"{patients / row['stream_s']:10.0f} {row['memory_mb']:8.0f} "
            f"{row['disk_mb']:8.0f} {row['last_over_first']:33.2f}",
            flush=True,
        )
    record = {
        "threads": options.threads,
        "chunk": options.chunk,
        "rows": rows,
        "build": stream.build(),
        "cpu": platform.processor(),
        "python": sys.version.split()[0],
        "numpy": np.__version__,
    }
    with (Path(__file__).parent / "results" / "scale.jsonl").open("a") as file:
        file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
