"""How many LDN-12 patients a second does one thread solve, and how far from the truth?

    python benchmarks/throughput.py [--rounds 5] [--quick]

Every solver runs the same doses through its fastest interface, in rounds of turns. Two ratios are told, both medians over
rounds of processor time a patient: at the same relative tolerance, and at the error that pkpd achieves, for which the rival's
cost is read off its own work-precision line. A rival that is not installed is named and left out.
"""

from functools import partial

import numpy as np
import records
import rivals

from pkpd.bench import ladder, measure, workload

ASKED = (1e-4, 1e-6, 1e-9)


def table(lines):
    """Rows of the comparison: one a solver and asked tolerance."""
    own = lines[0]
    for rtol in ASKED:
        place = own.tolerances.index(rtol)
        error, cost = own.errors[place], own.costs[:, place]
        for line in lines:
            at = line.tolerances.index(rtol)
            equal = cost if line is own else line.cost_at(error)
            yield {
                "rtol": rtol, "solver": line.name, "patients_per_s": 1.0 / float(np.median(line.costs[:, at])), "error": float(line.errors[at]),
                "ratio_same_rtol": measure.ratio(line.costs[:, at], cost), "ratio_equal_error": measure.ratio(equal, cost), "at_error": float(error),
            }  # fmt: skip


def main():
    options = records.options(__doc__, rounds=5).parse_args()
    people, known, rounds = (32, 2, 1) if options.quick else (256, 12, options.rounds)
    patients = workload.patients(people)
    truth = ladder.truth(patients[:known])
    lines = measure.lines(rivals.everyone(people, options.quick), patients, known, partial(workload.error, truth=truth), rounds)
    rows = list(table(lines))
    print(f"LDN-12, one thread, processor time, {rounds} rounds; error over {known} patients")
    records.markdown(
        ("rtol", "solver", "patients/s", "largest relative error", "pkpd faster, same rtol", "pkpd faster, equal error"),
        [(f"{r['rtol']:g}", r["solver"], f"{r['patients_per_s']:,.0f}", f"{r['error']:.1e}", records.times(r["ratio_same_rtol"]),
          records.times(r["ratio_equal_error"])) for r in rows],
    )  # fmt: skip
    if not options.quick:
        records.append("throughput", {"rounds": rounds, "rows": rows})


if __name__ == "__main__":
    main()
