"""How often does the 95 % profile interval of the peak hold the true peak?

    python benchmarks/interval_coverage.py [--data-sets 1000] [--quick] [--processes 2]

Data sets are drawn from Brain-Cousens curves (c = 0, control 1, peak at dose 1) with normal errors;
dose 0 and seven doses around the peak. Data set i of a design is the same in every run. Prints the
coverage with its own interval, open ends, and the time of a fit. A full run appends one line for
each design to results/interval_coverage.jsonl.
"""

import argparse
import json
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from pkpd.fits.data import assay
from pkpd.fits.least_squares import fit_one

DOSES = np.array([0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0])
# name: height of the peak over the control, b, standard deviation, responses a dose
DESIGNS = {"usual": (0.4, 2.0, 0.12, 6), "clear": (0.6, 2.0, 0.08, 4), "faint": (0.3, 1.5, 0.12, 4)}


def curve(height, b, doses):
    """Brain-Cousens curve with control 1 and peak 1 + height at dose 1, from the equations of its
    maximum."""
    q = height / (1.0 + height)
    power = q / (b - 1.0)  # (M/e)^b
    e = power ** (-1.0 / b)
    f = b * power / (1.0 - q)
    return (1.0 + f * doses) / (1.0 + (doses / e) ** b)


def draw(design, number):
    """Data set `number` of a design: doses and responses."""
    height, b, sd, replicates = DESIGNS[design]
    doses = np.repeat(DOSES, replicates)
    noise = np.random.Generator(np.random.Philox(key=[list(DESIGNS).index(design), number])).normal(
        0.0, sd, len(doses)
    )
    return doses, curve(height, b, doses) + noise


def one(design, number):
    """low, high, peak and CPU seconds of the fit to one data set; the interval is NaN without a
    peak."""
    table = assay(draw(design, number))
    began = time.process_time()
    found = fit_one(table, "brain-cousens", intervals=("peak",), look=False)
    spent = time.process_time() - began
    return *found.intervals.get("peak", (np.nan, np.nan)), found.peak, spent


def study(design, count, processes):
    """Coverage of one design as plain data. Data sets without a peak count as missed."""
    with ProcessPoolExecutor(processes) as pool:
        low, high, peak, spent = np.array(
            list(pool.map(partial(one, design), range(count), chunksize=25))
        ).T
    held = (low <= 1.0) & (high >= 1.0)
    share = held.mean()
    return {
        "design": design,
        "data_sets": count,
        "coverage": share,
        "standard_error": float(np.sqrt(share * (1.0 - share) / count)),
        "below": float((high < 1.0).mean()),
        "above": float((low > 1.0).mean()),
        "no_peak": float(np.isnan(peak).mean()),
        "open_below": float((low == 0.0).mean()),
        "open_above": float(np.isinf(high).mean()),
        "median_ratio_of_ends": float(np.nanmedian(high / np.where(low > 0.0, low, np.nan))),
        "median_cpu_ms": float(1e3 * np.median(spent)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-sets", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--quick", action="store_true", help="40 data sets of each design, nothing is written"
    )
    options = parser.parse_args()
    print(
        f"{'design':8} {'data sets':>9} {'coverage':>9} {'+-':>6} {'missed':>15} {'no peak':>8} "
        f"{'open ends':>15} {'high/low':>9} {'ms a fit':>9}"
    )
    for design in DESIGNS:
        r = study(design, 40 if options.quick else options.data_sets, options.processes)
        missed, ends = (
            f"{r['below']:.1%} / {r['above']:.1%}",
            f"{r['open_below']:.1%} / {r['open_above']:.1%}",
        )
        print(
            f"{r['design']:8} {r['data_sets']:9d} {r['coverage']:9.1%} "
            f"{1.96 * r['standard_error']:6.1%} {missed:>15} {r['no_peak']:8.1%} {ends:>15} "
            f"{r['median_ratio_of_ends']:9.2f} {r['median_cpu_ms']:9.1f}",
            flush=True,
        )
        if not options.quick:
            record = r | {
                "cpu": platform.processor(),
                "python": sys.version.split()[0],
                "numpy": np.__version__,
            }
            with (Path(__file__).parent / "results" / "interval_coverage.jsonl").open("a") as file:
                file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
