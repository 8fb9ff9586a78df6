"""How many LDN-12 patients a second does one thread solve, and how far from the truth?

    python benchmarks/throughput.py [--rounds 5] [--quick]

Every solver runs the same doses through its fastest interface, in rounds of turns. Two ratios are
reported, both medians over rounds of processor time a patient: at the same relative tolerance, and
at the error that pkpd achieves, for which the rival's cost is read off its own work-precision line.
A rival that is not installed is named and left out.
"""

from functools import partial

import records
import rivals

from pkpd.bench import measure, solvers, workload
from pkpd.bench.against_scipy import ASKED, compared
from pkpd.report.words import speed


def main():
    options = records.options(__doc__, rounds=5).parse_args()
    people, known, rounds = (32, 2, 1) if options.quick else (256, 12, options.rounds)
    patients = workload.patients(people)
    truth = solvers.truth(patients[:known])
    lines = measure.lines(
        rivals.everyone(people, options.quick),
        patients,
        known,
        partial(workload.error, truth=truth),
        rounds,
    )
    rows = [row for rtol in ASKED for row in compared(lines, rtol)]
    print(f"LDN-12, one thread, processor time, {rounds} rounds; error over {known} patients")
    records.finish(
        "throughput",
        {"rounds": rounds, "rows": rows},
        [(speed.HEADERS, speed.rows(rows))],
        options.quick,
    )


if __name__ == "__main__":
    main()
