"""How often does each printed 95 % interval hold the truth?

    python benchmarks/coverage.py [--studies 1000] [--quick] [share_of_spread ...]

Every interval that pkpd prints, on studies whose truth is known in closed form; study i of a kind
is the same in every run. (Profile intervals of fitted peaks: interval_coverage.py.) A full run
appends one line for each interval to results/coverage.jsonl. Knows intervals and toys; solves no
model.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from scipy.special import ndtri

from pkpd.population import sobol
from pkpd.response.quantiles import quantile, share
from pkpd.response.uncertainty import over_scramblings, under_sets
from pkpd.sensitivity import prediction
from pkpd.sensitivity.attribution import attribute
from pkpd.sensitivity.shapley import Walks
from pkpd.sensitivity.sobol import PickFreeze, refine
from pkpd.sensitivity.study import table
from pkpd.trials.run import compared, described
from pkpd.trials.titrate import share_of_patients

ROOT = Path(__file__).parent
SCRAMBLINGS = 8
WEIGHTS = np.array([3.0, 2.0, 1.0])  # of a linear function of independent normals
SHARES = WEIGHTS**2 / (WEIGHTS**2).sum()


def points(study, r, n, dimensions):
    """(n, dimensions) points of scrambling r of a study, as cohorts draw them."""
    return sobol.points(0, n, dimensions, [10_000 + study, r])


def quantile_of_draws(study, level=0.5):
    """Order statistics of independent draws: median of 150 lognormal doses."""
    rng = np.random.default_rng([1, study])
    found = quantile(rng.lognormal(size=150), level)
    return found.low <= np.exp(ndtri(level)) <= found.high


def tail_of_draws(study):
    """Order statistics of independent draws: 5 % quantile of 150 lognormal doses."""
    return quantile_of_draws(study, 0.05)


def share_of_draws(study):
    """Wilson: 30 % of 120 independent draws."""
    rng = np.random.default_rng([2, study])
    _, low, high = share(int((rng.uniform(size=120) < 0.3).sum()), 120)
    return low <= 0.3 <= high


def _scramblings(study, statistic, truth):
    runs = [statistic(points(study, r, 128, 3)) for r in range(SCRAMBLINGS)]
    found = over_scramblings("a", [runs[0]], [[x] for x in runs[1:]], [truth > 0.5])
    return found.low[0] <= truth <= found.high[0]


def _dose(u):
    return np.exp(ndtri(u) @ (WEIGHTS / np.sqrt((WEIGHTS**2).sum())))


def median_over_scramblings(study):
    """Student's t over 8 scramblings: median of 128 doses."""
    return _scramblings(study, lambda u: quantile(_dose(u), 0.5).value, 1.0)


def tail_over_scramblings(study):
    """Student's t over 8 scramblings: 95 % quantile of 128 doses."""
    return _scramblings(study, lambda u: quantile(_dose(u), 0.95).value, np.exp(ndtri(0.95)))


def share_over_scramblings(study):
    """Student's t over 8 scramblings: share of 128 patients above a dose."""
    return _scramblings(study, lambda u: (_dose(u) > np.exp(ndtri(0.6))).mean(), 0.4)


def further_parameter_set(study, count=39):
    """Quantiles over 39 parameter sets: a further set."""
    *runs, further = np.random.default_rng([3, study]).lognormal(size=(count + 1, 1))
    found = under_sets("a", [1.0], runs)
    return found.low[0] <= further[0] <= found.high[0]


def further_of_many_sets(study):
    """Quantiles over 200 parameter sets: a further set."""
    return further_parameter_set(study, 200)


def _linear(u):
    return (ndtri(u) @ WEIGHTS)[:, None]


def _draw(study):
    def draw(first, last, r):
        drawn = sobol.points(first, last, 6, [20_000 + study, r])
        return np.stack([drawn[:, :3], drawn[:, 3:]])

    return draw


def first_order_index(study):
    """Student's t over 16 scramblings: Sobol' index S1."""
    samples = PickFreeze(_linear, _draw(study), list(np.eye(3, dtype=bool)), [])
    refine(samples, 16, 64, 64, 1.0)
    runs = samples.estimates()[:, 0]
    found = table(("y",), [("sobol_first", k) for k in range(3)], runs)
    return (found["low"][1] <= SHARES[1]) & (SHARES[1] <= found["high"][1])


def shapley_effect(study):
    """Student's t over 16 scramblings: Shapley effect."""
    players = list(np.eye(3, dtype=bool))
    walks = Walks(_linear, _draw(study), players, None, study, [])
    refine(walks, 16, 64, 64, 1.0)
    runs = walks.estimates()[:, :, 0]
    found = table(("y",), [("shapley", k) for k in range(3)], runs)
    return (found["low"][1] <= SHARES[1]) & (SHARES[1] <= found["high"][1])


def part_of_a_difference(study):
    """Student's t over 32 pairs of orders: an input's part in a patient's shift."""
    rng = np.random.default_rng([4, study])
    w, triples = rng.normal(size=12), rng.normal(size=(12, 12, 12))
    distinct = np.zeros_like(triples, dtype=bool)
    i, j, k = np.indices(triples.shape)
    distinct[(i < j) & (j < k)] = True
    triples = np.where(distinct, triples, 0.0)

    def value(inside):
        x = inside.astype(float)
        return x @ w + np.einsum("ni,nj,nk,ijk->n", x, x, x, triples, optimize=True)

    found = attribute(value, 12, seed=study)
    exact = w[0] + triples[0].sum() / 3  # a term of three goes to each by a third
    return abs(found.part[0] - exact) <= found.half[0]


def explained_variance(study):
    """Influence of 300 patients: R2 of a cross-validated prediction."""
    x, y = _measured(study)
    spread = prediction.squared_deviations(y)
    value, half = prediction.share(spread - prediction.squared_errors(x, y), spread)
    return abs(value - 1.25 / 2.25) <= half


def lost_variance(study):
    """Influence of 300 patients: R2 lost without one of two measurements."""
    x, y = _measured(study)
    spread = prediction.squared_deviations(y)
    errors = [prediction.squared_errors(given, y) for given in (x, x[:, :1])]
    value, half = prediction.share(errors[1] - errors[0], spread)
    return abs(value - 0.25 / 2.25) <= half


def _measured(study):
    """Two measurements (300, 2), and what they tell five ninths of (300,)."""
    rng = np.random.default_rng([5, study])
    x = rng.normal(size=(300, 2))
    return x, x @ [1.0, 0.5] + rng.normal(size=300)


def share_of_spread(study):
    """Student's t over 8 parts: share of the spread of observed MEDs that is the patients' own."""
    own = ndtri(points(study, 0, 512, 1)[:, 0])
    noise = np.random.default_rng([6, study]).normal(scale=3.0, size=(8, 512))
    found = share_of_patients(own + noise)
    return found["low"] <= 0.1 <= found["high"]


def mean_of_an_arm(study):
    """Mean over 40 patients of a trial's arm."""
    found = described(np.random.default_rng([7, study]).normal(2.0, 1.0, 40))
    return found["low"] <= 2.0 <= found["high"]


def difference_of_arms(study):
    """Difference of two arms of 40 patients."""
    rng = np.random.default_rng([8, study])
    found = compared(rng.normal(2.5, 1.0, 40), rng.normal(2.0, 1.5, 40), False)
    return found["low"] <= 0.5 <= found["high"]


INTERVALS = (
    quantile_of_draws,
    tail_of_draws,
    share_of_draws,
    median_over_scramblings,
    tail_over_scramblings,
    share_over_scramblings,
    further_parameter_set,
    further_of_many_sets,
    first_order_index,
    shapley_effect,
    part_of_a_difference,
    explained_variance,
    lost_variance,
    share_of_spread,
    mean_of_an_arm,
    difference_of_arms,
)


def coverage(interval, studies):
    """Share of studies whose interval holds the truth, and its standard error."""
    hits = np.array([interval(study) for study in range(studies)])
    held = float(hits.mean())
    return held, float(np.sqrt(held * (1 - held) / studies))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [interval.__name__ for interval in INTERVALS]
    parser.add_argument("only", nargs="*", metavar="INTERVAL", help=f"of {', '.join(names)}")
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="40 studies, nothing is written")
    options = parser.parse_args()
    studies = 40 if options.quick else options.studies
    unknown = set(options.only) - set(names)
    if unknown:
        parser.error(f"no interval is called {', '.join(sorted(unknown))}")
    for interval in INTERVALS:
        if options.only and interval.__name__ not in options.only:
            continue
        held, error = coverage(interval, studies)
        what = interval.__doc__.rstrip(".")
        print(f"{held:6.1%} +- {1.96 * error:4.1%}  {what}", flush=True)
        if not options.quick:
            record = {"interval": interval.__name__, "what": what, "studies": studies}
            record |= {"coverage": held, "standard_error": error}
            record |= {"python": sys.version.split()[0], "numpy": np.__version__}
            with (ROOT / "results" / "coverage.jsonl").open("a") as file:
                file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
