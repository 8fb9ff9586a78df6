"""How fast are stiff systems solved, at matched digits, against SciPy and numbalsoda?

    python benchmarks/stiff.py [--rounds 3] [--quick]

The classical problems (tests/golden/stiff) with every person's speed, or Robertson's rates, varied;
the error is the largest relative one of any state at the end, against SciPy's Radau at rtol 1e-11.
Every solver runs over a ladder of tolerances, each with a strict and a loose absolute tolerance,
and is charged for the cheapest way to the digits that pkpd reaches. One thread, processor time; few
people for the slow ones, reported per person. Rivals take Jacobians of their own, by differences.
"""

import tomllib
from functools import partial
from pathlib import Path

import numpy as np
import records

from pkpd.bench import measure
from pkpd.bench.scalar import scalar
from pkpd.population.cohort import cohort
from pkpd.report.words.speed import times
from pkpd.solvers import batch
from pkpd.symbolic.load import load

FOLDER = Path(__file__).parents[1] / "tests" / "golden" / "stiff"
PROBLEMS = tomllib.loads((FOLDER / "ends.toml").read_text())
ASKED = (1e-4, 1e-6, 1e-8)
LADDER = tuple(10.0**-k for k in range(2, 11))
# absolute tolerance as a share of rtol times the smallest end value; the strict one is `floor`
# times as large
LOOSE = 1e-3
KNOWN = 3


def own(model, end, strict):
    """make((rtol, floor)) -> run(theta) -> (P, S) end values, by pkpd on one thread."""
    kernel = batch.compile(model, observe=model.state_names, solver="rosenbrock")

    def make(tolerance):
        rtol, tight = tolerance
        floor = strict if tight else batch.PEAK_FLOOR
        return lambda theta: (
            batch.solve(kernel, theta, t1=end, rtol=rtol, floor=floor, threads=1).end
        )

    return make


def by_scipy(model, end, sizes, method):
    """The same by SciPy's solve_ivp with a compiled right-hand side; sizes (S,) are end values."""
    from numba import njit
    from scipy.integrate import solve_ivp

    code = scalar(model)
    rates, c, start = code.rates, np.empty(code.size), np.zeros(len(sizes))

    @njit
    def rhs(t, y, c):
        dy = np.empty_like(y)
        rates(t, y, c, dy)
        return dy

    def person(p, rtol, atol):
        code.constants(p, c)
        code.start(c, start)
        run = solve_ivp(rhs, (0.0, end), start, method=method, rtol=rtol, atol=atol, args=(c,))
        return run.y[:, -1] if run.success else np.full(len(sizes), np.nan)

    def make(tolerance):
        rtol, tight = tolerance
        return lambda theta: np.array(
            [person(p, rtol, rtol * sizes * (LOOSE if tight else 1.0)) for p in theta]
        )

    return make


def by_numbalsoda(model, end, sizes):
    """The same by numbalsoda's LSODA in a compiled loop over people; it takes one absolute
    tolerance for all states."""
    import numba
    import numbalsoda

    code = scalar(model)
    rates, constants, start, size, states = (
        code.rates,
        code.constants,
        code.start,
        code.size,
        len(sizes),
    )
    solve = numbalsoda.lsoda

    @numba.cfunc(numbalsoda.lsoda_sig)
    def rhs(t, y, dy, c):
        rates(t, numba.carray(y, (states,)), numba.carray(c, (size,)), numba.carray(dy, (states,)))

    address = rhs.address

    @numba.njit
    def people(theta, rtol, atol):
        out, span, c, y = (
            np.empty((len(theta), states)),
            np.array([0.0, end]),
            np.empty(size),
            np.zeros(states),
        )
        for i in range(len(theta)):
            constants(theta[i], c)
            start(c, y)
            found, fine = solve(address, y, span, c, rtol, atol, 1_000_000)
            out[i] = found[1] if fine else np.full(states, np.nan)
        return out

    def make(tolerance):
        rtol, tight = tolerance
        return lambda theta: people(theta, rtol, rtol * sizes.min() * (LOOSE if tight else 1.0))

    return make


def sizes_of(model, given, theta):
    """(S,) typical end values, at least `floor` of each state's peak."""
    kernel = batch.compile(model, solver="rosenbrock")
    run = batch.solve(kernel, theta, t1=given["end"], rtol=1e-8, floor=given["floor"])
    return np.nanmedian(np.maximum(np.abs(run.end), given["floor"] * run.largest), axis=0)


def error(out, truth, sizes):
    """Largest error at the end, relative to at least a thousandth of a typical end value."""
    return float((np.abs(out - truth) / np.maximum(np.abs(truth), 1e-3 * sizes)).max())


def problem(name, people, rounds, quick):
    """Rows of one problem: each rival's cost relative to pkpd's, at the digits pkpd reaches."""
    model, given = load(FOLDER / f"{name}.toml"), PROBLEMS[name]
    theta, end = cohort(model, people, seed=1).theta, given["end"]
    sizes = sizes_of(model, given, theta[:KNOWN])
    radau = by_scipy(model, end, sizes, "Radau")
    known = 1 if quick else KNOWN
    truth = radau((1e-11, True))(theta[:known])
    asked, ladder = ((1e-6,), (1e-4, 1e-6, 1e-8)) if quick else (ASKED, LADDER)
    slow = [(r, True) for r in ladder if 1e-9 <= r <= 1e-3][:: 1 if quick else 2]
    both = [(r, tight) for r in ladder for tight in (True, False)]
    solvers = {
        "pkpd": (own(model, end, given["floor"]), both, people),
        "SciPy Radau": (radau, slow, 1),
    }
    solvers["SciPy LSODA"] = by_scipy(model, end, sizes, "LSODA"), slow, 1
    try:
        solvers["numbalsoda LSODA"] = by_numbalsoda(model, end, sizes), both, 16
    except ImportError:
        print("numbalsoda LSODA: left out, numbalsoda is not installed")
    lines = measure.lines(solvers, theta, known, partial(error, truth=truth, sizes=sizes), rounds)
    digits = lines[0]
    for rtol in asked:
        reached = digits.errors[digits.tolerances.index((rtol, True))]
        cost = digits.cost_at(reached)
        for line in lines:
            yield {
                "problem": name,
                "people": people,
                "rtol": rtol,
                "solver": line.name,
                "error": float(reached),
                "us_per_person": 1e6 * float(np.median(line.cost_at(reached))),
                "ratio": measure.ratio(line.cost_at(reached), cost),
            }


def main():
    parser = records.options(__doc__, rounds=3)
    parser.add_argument("--problem", choices=PROBLEMS, help="only this one")
    options = parser.parse_args()
    names = [options.problem] if options.problem else ["robertson"] if options.quick else PROBLEMS
    rows = []
    for name in names:
        people = 32 if options.quick else 1000 if name == "robertson" else 128
        rows += problem(name, people, 1 if options.quick else options.rounds, options.quick)
    solvers = list(dict.fromkeys(r["solver"] for r in rows))
    cells = {(r["problem"], r["rtol"], r["solver"]): r for r in rows}
    table = (
        (
            "problem",
            "rtol",
            "error reached",
            "pkpd, us a person",
            *(f"pkpd faster than {s}" for s in solvers[1:]),
        ),
        [
            (
                n,
                f"{t:g}",
                f"{r['error']:.1e}",
                f"{r['us_per_person']:.0f}",
                *(times(cells[n, t, s]["ratio"]) for s in solvers[1:]),
            )
            for (n, t, who), r in cells.items()
            if who == "pkpd"
        ],
    )
    records.finish(
        "stiff",
        {"rounds": options.rounds, "rows": rows},
        [table],
        options.quick or options.problem is not None,
    )


if __name__ == "__main__":
    main()
