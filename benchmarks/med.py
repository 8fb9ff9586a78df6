"""How fast are the true MEDs of a cohort found, against simulating every dose until it settles?

    python benchmarks/med.py [--patients 10000] [--rounds 3] [--quick]

pkpd: `pkpd.med` of ldn/hormesis on all cores, dose grid, refinement, exposures and all; by steps:
the same with `solver="vern7"`, the default before steady states were found by collocation. Rival:
numbalsoda's LSODA with the same model's equations (compiled from the model's text, checked against
pkpd), the same dose grid, from the untreated state day by day until a day moves no state by more
than the same tolerance says of the error: |change| <= tol*(1 - contraction), with the contraction
seen in the last two days; one thread a core, with perfect scaling granted. Few patients for the
rival, reported per patient and dose.
"""

import os
import time

import numpy as np
import records

from pkpd.bench import measure
from pkpd.bench.scalar import scalar
from pkpd.population.cohort import cohort
from pkpd.report.words.speed import times
from pkpd.response.benefit import benefit_of
from pkpd.response.dose_response import dose_response
from pkpd.response.grid import log_grid
from pkpd.response.med import med
from pkpd.symbolic.load import load

RTOL, TOL = 1e-6, 1e-6
MOST_DAYS = 2000
SOLVERS = {"pkpd": "auto", "pkpd by steps": "vern7"}


def rival(model, benefit):
    """run(theta (P, K), amounts (P, D), lags (P,)) -> (mean outcome over a settled day, days
    simulated), both (P, D)."""
    import numba
    import numbalsoda

    code = scalar(model)
    rates, constants, start, size = code.rates, code.constants, code.start, code.size
    states, target, outcome, every = (
        len(model.states),
        model.state_names.index(benefit.into),
        model.state_names.index(benefit.outcome),
        benefit.every,
    )
    solve = numbalsoda.lsoda

    @numba.cfunc(numbalsoda.lsoda_sig)
    def rhs(t, y_, dy_, c_):
        y, dy = numba.carray(y_, (states + 1,)), numba.carray(dy_, (states + 1,))
        rates(t, y, numba.carray(c_, (size,)), dy)
        dy[states] = y[outcome]

    address = rhs.address

    @numba.njit
    def run(theta, amounts, lags):
        mean, days = np.empty(amounts.shape), np.zeros(amounts.shape, np.int64)
        c, y = np.empty(size), np.zeros(states + 1)
        for i in range(len(theta)):
            constants(theta[i], c)
            for j in range(amounts.shape[1]):
                y[:] = 0.0
                start(c, y)
                scale, before = np.abs(y[:states]), 1.0
                for day in range(MOST_DAYS):
                    y[states] = 0.0
                    began = y[:states].copy()
                    fine = True
                    if lags[i] > 0.0:
                        found, fine = solve(
                            address, y, np.array([0.0, lags[i]]), c, RTOL, RTOL * 1e-3, 100_000
                        )
                        y = found[1].copy()
                    y[target] += amounts[i, j]
                    scale = np.maximum(scale, np.abs(y[:states]))
                    found, well = solve(
                        address, y, np.array([lags[i], every]), c, RTOL, RTOL * 1e-3, 100_000
                    )
                    y, fine = found[1].copy(), fine and well
                    scale = np.maximum(scale, np.abs(y[:states]))
                    change = np.max(np.abs(y[:states] - began) / np.where(scale > 0.0, scale, 1.0))
                    left = max(1.0 - change / before, 1e-3) if before > 0.0 else 1.0
                    before = change
                    days[i, j] += 1
                    if not fine or (day > 0 and change <= TOL * left):
                        break
                mean[i, j] = y[states] / every if fine else np.nan
        return mean, days

    return run


def given(model, benefit, theta, doses):
    """(P, D) what reaches the dosed state, and (P,) how long after the start of the interval."""
    target = next(d for d in model.doses if d.state == benefit.into)
    lags = theta[:, model.input_names.index(target.lag)] if target.lag else np.zeros(len(theta))
    share = theta[:, model.input_names.index(target.f)] if target.f else np.ones(len(theta))
    return share[:, None] * target.factor * doses[None, :], lags % benefit.every


def grid_maps(model, people, solver):
    """Dosing intervals that pkpd computed a patient on the dose grid."""
    return float(dose_response(model, people, solver=solver).maps.sum(axis=1).mean())


def main():
    parser = records.options(__doc__, rounds=3)
    parser.add_argument("--patients", type=int, default=10_000)
    options = parser.parse_args()
    model = load("ldn/hormesis")
    benefit = benefit_of(model)
    some, rounds, known = (64, 1, 1) if options.quick else (4096, options.rounds, 4)
    people = cohort(model, some, seed=7)
    for solver in SOLVERS.values():
        med(model, people.subset(people.ids[:8]), solver=solver)  # compiled, or fetched
    doses = log_grid(benefit)
    few = people.theta[:known]
    amounts, lags = given(model, benefit, few, doses)
    runs = {
        name: (lambda solver=solver: med(model, people, solver=solver))
        for name, solver in SOLVERS.items()
    }
    try:
        slow = rival(model, benefit)
        mean, days = slow(few, amounts, lags)
        runs["numbalsoda LSODA"] = lambda: slow(few, amounts, lags)
    except ImportError:
        print("numbalsoda LSODA: left out, numbalsoda is not installed")
    seconds = measure.rounds(runs, rounds, clock=time.perf_counter)
    own = seconds["pkpd"] / some
    record = {"rounds": rounds, "patients": some, "us_per_patient": 1e6 * float(np.median(own))}
    rows = []
    for name, solver in SOLVERS.items():
        each, ratio = seconds[name] / some, measure.ratio(seconds[name] / some, own)
        maps = grid_maps(model, people.subset(people.ids[:64]), solver)
        record[name] = {"us": 1e6 * float(np.median(each)), "maps": maps, "ratio": ratio}
        rows.append(
            (
                f"{name}, all cores",
                some,
                f"{record[name]['us']:,.0f}",
                f"{maps:.0f} on the grid",
                times(ratio),
            )
        )
    if len(runs) > len(SOLVERS):
        response = dose_response(model, people.subset(people.ids[:known]))
        off = float(np.abs(response.outcome / mean - 1).max())
        # two threads or more: a rival that scales perfectly is granted
        theirs = seconds["numbalsoda LSODA"] / known / os.cpu_count()
        record |= {
            "rival_us_per_patient": 1e6 * float(np.median(theirs)),
            "rival_days_per_dose": float(days.mean()),
            "outcome_differs_by": off,
            "ratio": measure.ratio(theirs, own),
        }
        rows.append(
            (
                "numbalsoda LSODA, dose grid alone",
                known,
                f"{record['rival_us_per_patient']:,.0f}",
                f"{days.sum() / known:,.0f}",
                times(record["ratio"]),
            )
        )
        print(f"Mean outcome of the two differs by {off:.1e} at most.")
    number = some if options.quick else options.patients
    whole = cohort(model, number, seed=7)
    began = time.perf_counter()
    med(model, whole)
    record |= {"whole": number, "whole_s": time.perf_counter() - began}
    whole_table = (
        ("all of pkpd.med, patients", "cores", "seconds"),
        [(f"{number:,}", os.cpu_count(), f"{record['whole_s']:.1f}")],
    )
    headers = ("method", "patients", "wall us a patient", "days simulated a patient", "pkpd faster")
    records.finish("med", record, [(headers, rows), whole_table], options.quick)


if __name__ == "__main__":
    main()
